// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Relayed} from "./Relayed.sol";
import {Case, IDisputeCourt, Stage} from "./interfaces/IDisputeCourt.sol";
import {IRoundLedger} from "./interfaces/IRoundLedger.sol";
import {IStakeVault} from "./interfaces/IStakeVault.sol";
import {Jury} from "./libraries/Jury.sol";
import {Record} from "./libraries/Record.sol";
import {Voice} from "./libraries/Voice.sol";

/// @title The half of the court that is looked at: the cases, where they stand and who may speak. @dev See IDisputeCourt.
abstract contract Docket is IDisputeCourt, Relayed {
    /// @inheritdoc IDisputeCourt
    address public immutable vault;
    /// @inheritdoc IDisputeCourt
    address public immutable ledger;
    /// @inheritdoc IDisputeCourt
    address public immutable beacon;

    /// @inheritdoc IDisputeCourt
    uint256 public cases;

    /// @dev Cases count from 1: 0 is none.
    mapping(uint256 id => Record) internal _records;
    /// @dev What was challenged before, and in which case.
    mapping(bytes32 key => uint256 id) internal _challenges;
    mapping(uint256 id => mapping(address account => Voice)) internal _voices;

    constructor(address vault_, address ledger_, address beacon_, address gateway_) Relayed(gateway_) {
        require(vault_ != address(0) && ledger_ != address(0) && beacon_ != address(0), ZeroAddress());
        IStakeVault v = IStakeVault(vault_);
        IRoundLedger l = IRoundLedger(ledger_);
        require(v.court() == address(this) && v.ledger() == ledger_ && v.gateway() == gateway_, WrongWiring());
        require(l.court() == address(this) && l.vault() == vault_ && l.beacon() == beacon_ && l.gateway() == gateway_, WrongWiring());
        vault = vault_;
        ledger = ledger_;
        beacon = beacon_;
    }

    // --- views

    /// @inheritdoc IDisputeCourt
    function caseOf(uint256 id) external view returns (Case memory) {
        Record memory c = _record(id);
        return Case({
            task: c.task,
            round: c.round,
            index: c.index,
            claim: c.claim,
            check: c.check,
            leaf: c.leaf,
            openedAt: c.openedAt,
            line: c.line,
            challenger: c.challenger,
            defender: c.defender,
            appellant: c.appellant,
            digest: c.digest,
            seed: c.seed,
            bond: c.bond,
            juryFee: c.juryFee,
            isClosed: c.isClosed
        });
    }

    /// @inheritdoc IDisputeCourt
    function stageOf(uint256 id) external view returns (Stage) {
        return _records[id].stage();
    }

    /// @inheritdoc IDisputeCourt
    function votesOf(uint256 id) external view returns (uint256 juryFor, uint256 juryAgainst, uint256 stakeFor, uint256 stakeAgainst) {
        Record storage c = _record(id);
        return (c.juryFor, c.juryAgainst, c.stakeFor, c.stakeAgainst);
    }

    /// @inheritdoc IDisputeCourt
    function seatsOf(uint256 id, address account) external view returns (uint16 mask) {
        (mask,) = _seats(_record(id), account);
    }

    /// @inheritdoc IDisputeCourt
    function rulingOf(uint256 id) external view returns (uint8) {
        return _record(id).ruling();
    }

    /// @inheritdoc IDisputeCourt
    function timesOf(uint256 id)
        external
        view
        returns (uint256 drawAt, uint256 juryEnd, uint256 ruledAt, uint256 appealEnd, uint256 voteEnd)
    {
        Record storage c = _record(id);
        return (c.drawAt(), c.juryEnd(), c.ruledAt(), c.appealEnd(), c.voteEnd());
    }

    /// @inheritdoc IDisputeCourt
    function ballotDigest(uint256 id, address juror, uint8 vote, bytes32 evidence, bytes32 salt) external view returns (bytes32) {
        return Jury.ballot(id, juror, vote, evidence, salt);
    }

    // --- internal

    function _record(uint256 id) internal view returns (Record storage c) {
        c = _records[id];
        require(c.claim != 0, UnknownCase(id));
    }

    function _at(uint256 id, Stage needed) internal view returns (Record storage c) {
        c = _record(id);
        Stage stage = c.stage();
        require(stage == needed, WrongStage(stage, needed));
    }

    /// @dev The seats of the jury that fall to the account, none before the jury is drawn.
    function _seats(Record storage c, address account) internal view returns (uint16 mask, uint256 count) {
        bytes16 seed = c.seed;
        if (seed == 0) return (0, 0);
        (uint256 lo, uint256 hi) = _lot(c, account);
        return Jury.seatsIn(seed, c.line, lo, hi);
    }

    /// @dev The account's lot if it counts in the disputed round, else an empty one. The ledger keeps these lots while the dispute lasts.
    function _lot(Record storage c, address account) internal view returns (uint256, uint256) {
        // slither-disable-next-line unused-return the backing isn't needed
        (uint32 from, uint32 until, uint256 lo, uint256 hi,) = IRoundLedger(ledger).lotOf(c.task, account);
        return from <= c.round && c.round < until ? (lo, hi) : (uint256(0), uint256(0));
    }
}
