// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Case, IDisputeCourt, Stage} from "./interfaces/IDisputeCourt.sol";
import {IInvites} from "./interfaces/IInvites.sol";
import {AccountView, ILens, RoundView, TaskView} from "./interfaces/ILens.sol";
import {IRoundLedger} from "./interfaces/IRoundLedger.sol";
import {IStakeVault} from "./interfaces/IStakeVault.sol";
import {ITaskMarket, Terms} from "./interfaces/ITaskMarket.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title The lens. @dev See ILens. It holds nothing, and no contract asks it: it reads what the others show.
contract Lens is ILens {
    /// @inheritdoc ILens
    address public immutable ledger;
    /// @inheritdoc ILens
    address public immutable court;
    ITaskMarket internal immutable _market;
    IStakeVault internal immutable _vault;
    IInvites internal immutable _invites;
    IERC20 internal immutable _token;

    constructor(address ledger_, address court_) {
        require(ledger_ != address(0) && court_ != address(0), ZeroAddress());
        require(IDisputeCourt(court_).ledger() == ledger_ && IRoundLedger(ledger_).court() == court_, WrongWiring());
        (ledger, court) = (ledger_, court_);
        _market = ITaskMarket(IRoundLedger(ledger_).market());
        _vault = IStakeVault(IRoundLedger(ledger_).vault());
        _invites = IInvites(IRoundLedger(ledger_).invites());
        _token = IERC20(_vault.token());
    }

    /// @inheritdoc ILens
    function taskOf(uint256 task) external view returns (TaskView memory v) {
        v.terms = IRoundLedger(ledger).termsOf(task);
        (v.start, v.lastRound, v.head, v.pending) = IRoundLedger(ledger).stateOf(task);
        v.initiator = _market.initiatorOf(task);
        v.escrow = _market.escrowOf(task);
        v.line = IRoundLedger(ledger).lineOf(task);
        v.asides = IRoundLedger(ledger).asidesOf(task);
        v.isOver = IRoundLedger(ledger).isOver(task);
        if (v.start == 0 || block.timestamp < v.start) return v;
        uint256 round = (block.timestamp - v.start) / v.terms.period + 1;
        v.currentRound = uint32(round < v.lastRound ? round : v.lastRound);
    }

    /// @inheritdoc ILens
    function roundOf(uint256 task, uint32 round) external view returns (RoundView memory v) {
        (v.seed, v.line, v.submissions, v.reveals, v.isFinal) = IRoundLedger(ledger).roundOf(task, round);
        // slither-disable-next-line unused-return only the start is needed
        (uint256 start,,,) = IRoundLedger(ledger).stateOf(task);
        if (start == 0 || round == 0) return v;
        Terms memory t = IRoundLedger(ledger).termsOf(task);
        v.opens = start + (uint256(round) - 1) * t.period;
        v.workEnd = v.opens + t.work;
        v.sealAt = v.workEnd + t.sealDelay;
        v.commitEnd = v.sealAt + t.commitWindow;
        v.revealEnd = v.commitEnd + t.revealWindow;
        v.votesEnd = v.revealEnd + t.extraWindow;
        v.attestEnd = v.votesEnd + t.attestTime;
        v.challengeEnd = v.votesEnd + t.challengeWindow;
    }

    /// @inheritdoc ILens
    function accountOf(uint256 task, address account) external view returns (AccountView memory v) {
        v.balance = _token.balanceOf(account);
        (v.staked, v.locked, v.claimable) = _vault.accountOf(account);
        (v.unbonding, v.readyAt) = _vault.unbondingOf(account);
        v.payout = _vault.payoutOf(account);
        (v.trainerFrom, v.trainerEnlisted, v.trainerExposed) = IRoundLedger(ledger).trainerOf(task, account);
        (v.lotFrom, v.lotUntil, v.lotLo, v.lotHi, v.lotCut) = IRoundLedger(ledger).lotOf(task, account);
        v.isAdmitted = !IRoundLedger(ledger).termsOf(task).isPrivate || _invites.admits(task, account);
    }

    /// @inheritdoc ILens
    function caseOf(uint256 id) external view returns (Case memory, Stage, uint8 ruling) {
        IDisputeCourt c = IDisputeCourt(court);
        return (c.caseOf(id), c.stageOf(id), c.rulingOf(id));
    }
}
