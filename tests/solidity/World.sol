// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LeafProof} from "../../contracts/interfaces/IDisputeCourt.sol";
import {ITaskMarketEvents} from "../../contracts/interfaces/ITaskMarket.sol";
import {Aside} from "../../contracts/interfaces/RoundLedgerTypes.sol";
import {Base} from "./Base.sol";
import {Vm} from "forge-std/Vm.sol";

/// @dev A random world for the invariants: one task, its people, and what the ledger's sums and states are compared with. After each move
/// it checks that nobody lost anything by another's call, other than by a slash, a cut or a dispute of its own, and that what is final
/// stays so.
abstract contract World is Base {
    uint32 internal constant FOREVER = type(uint32).max;
    uint8 internal constant CHECK = 3;
    uint8 internal constant SAMPLING = 8;
    uint16 internal constant LEAF = 7;
    uint8 internal constant ASIDE = 10;
    uint8 internal constant REVEALED_ONCE = 1;
    uint8 internal constant ATTESTED_ONCE = 2;
    /// @dev Bond and the fees of six seats.
    uint256 internal constant EXPOSURE = 26 ether;
    uint256 internal constant BIG_LOT = 160 ether;

    /// @dev A case that isn't closed. `jurors` are those who revealed, ascending.
    struct Filed {
        uint256 id;
        uint32 round;
        uint16 index;
        uint8 claim;
        bool isAppealed;
        address[] jurors;
    }

    /// @dev A share that waits: as in the event.
    struct Shelved {
        uint32 round;
        uint16 index;
        bytes aside;
    }

    uint256 public funded;
    uint256 public paid;
    uint256 public refunded;
    uint256 public donated;
    uint256 public extraVotes;
    uint256 public rulings;
    /// @dev To show that the moves reach them all: submissions by outcome, cuts by reason.
    mapping(uint8 outcome => uint256) public ended;
    mapping(uint8 reason => uint256) public cuts;

    address internal hawk = makeAddr("hawk"); // challenges
    address internal rook = makeAddr("rook"); // appeals
    address[] internal _people;
    uint32[] internal _unfinished;
    Filed[] internal _cases;
    Shelved[] internal _shelf;
    uint256 internal _rootsOpen;
    uint16 internal _head;
    mapping(address account => uint256) internal _inCourt;
    mapping(address account => uint256) internal _mayLose;
    mapping(address trainer => bool) internal _hasLeft;
    /// @dev Who attested the root that won, if one did.
    mapping(uint32 round => address[]) internal _attesters;
    mapping(bytes32 digest => address[]) internal _behind;
    mapping(uint32 round => bytes32 digest) internal _checkpoint;
    mapping(uint256 slot => uint32 round) internal _lastAttested;
    mapping(uint32 round => mapping(uint256 index => bool)) internal _isCanary;
    mapping(uint32 round => mapping(uint256 index => uint256)) internal _openCases;
    mapping(uint32 round => mapping(uint8 what => mapping(address account => bool))) internal _has;
    mapping(uint32 round => bytes) internal _outcomes;
    mapping(uint32 round => uint256) internal _paidOf;

    /// @dev Nobody but `self` may end with less, other than by what the events name.
    modifier nobodyElseLoses(address self) {
        uint256[] memory before = new uint256[](_people.length);
        for (uint256 i; i < before.length; ++i) {
            before[i] = wealth(_people[i]);
        }
        vm.recordLogs();
        _;
        Vm.Log[] memory logs = vm.getRecordedLogs();
        _note(logs);
        for (uint256 i; i < before.length; ++i) {
            address a = _people[i];
            if (a != self) require(wealth(a) + _lost(logs, a) + _mayLose[a] >= before[i], "someone lost by another's call");
        }
        (_mayLose[hawk], _mayLose[rook]) = (0, 0);
        _checkStates();
    }

    // --- what happened

    /// @dev One-way states: a round ends once, its outcomes don't change but for those set aside, which change once.
    function _note(Vm.Log[] memory logs) internal {
        for (uint256 i; i < logs.length; ++i) {
            bytes32 topic = logs[i].topics[0];
            if (logs[i].topics.length < 2) continue;
            (uint32 round, address who) = _named(logs[i]);
            if (topic == RoundFinal.selector) _noteFinal(logs[i]);
            else if (topic == Resolved.selector) _noteResolved(logs[i]);
            else if (topic == SetAside.selector) _noteAside(logs[i]);
            else if (topic == ITaskMarketEvents.RoundPaid.selector) paid += abi.decode(logs[i].data, (uint256));
            else if (topic == ExtraVoted.selector) ++extraVotes;
            else if (topic == Ruled.selector || topic == RootRuled.selector) ++rulings;
            else if (topic == Revealed.selector) _has[round][REVEALED_ONCE][who] = true;
            else if (topic == CheckpointAttested.selector) _noteAttested(round, who);
            else if (topic == Cut.selector) _noteCut(logs[i]);
        }
    }

    function _noteFinal(Vm.Log memory log) internal {
        uint32 round = uint32(uint256(log.topics[2]));
        (bytes memory outcomes,,,) = abi.decode(log.data, (bytes, uint256, uint256, uint256));
        require(_outcomes[round].length == 0, "final twice");
        require(outcomes.length == entries[round].length, "an outcome for each");
        _outcomes[round] = outcomes;
        for (uint256 k; k < outcomes.length; ++k) {
            ++ended[uint8(outcomes[k])];
        }
    }

    function _noteResolved(Vm.Log memory log) internal {
        (uint32 round, uint256 index) = (uint32(uint256(log.topics[2])), uint256(log.topics[3]));
        (uint8 outcome,,,) = abi.decode(log.data, (uint8, uint256, uint256, uint256));
        require(uint8(_outcomes[round][index]) == ASIDE && outcome != ASIDE, "an outcome changed");
        _outcomes[round][index] = bytes1(outcome);
        ++ended[outcome];
    }

    /// @dev Round and account of a vote's event.
    function _named(Vm.Log memory log) internal pure returns (uint32, address) {
        if (log.topics.length < 4) return (0, address(0));
        return (uint32(uint256(log.topics[2])), address(uint160(uint256(log.topics[3]))));
    }

    function _noteAttested(uint32 round, address who) internal {
        require(!_has[round][ATTESTED_ONCE][who], "attested twice");
        _has[round][ATTESTED_ONCE][who] = true;
    }

    /// @dev Nobody who spoke is cut for silence. A cut names the account first, then the round.
    function _noteCut(Vm.Log memory log) internal {
        (address who, uint32 round) = (address(uint160(uint256(log.topics[2]))), uint32(uint256(log.topics[3])));
        (, uint8 reason,,) = abi.decode(log.data, (uint16, uint8, uint256, uint256));
        ++cuts[reason];
        require((reason != 3 && reason != 4) || !_has[round][REVEALED_ONCE][who], "cut for silence in a round in which it spoke");
    }

    function _noteAside(Vm.Log memory log) internal {
        _shelf.push(Shelved(uint32(uint256(log.topics[2])), uint16(uint256(log.topics[3])), log.data));
    }

    /// @dev What an account lost by slashes and cuts.
    function _lost(Vm.Log[] memory logs, address a) internal view returns (uint256 total) {
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].emitter != address(ledger) || logs[i].topics.length < 3) continue;
            if (logs[i].topics[2] != bytes32(uint256(uint160(a)))) continue;
            (uint256 burned_, uint256 paid_) = (0, 0);
            if (logs[i].topics[0] == Slashed.selector) (, burned_, paid_) = abi.decode(logs[i].data, (uint16, uint256, uint256));
            if (logs[i].topics[0] == Cut.selector) (,, burned_, paid_) = abi.decode(logs[i].data, (uint16, uint8, uint256, uint256));
            total += burned_ + paid_;
        }
    }

    /// @dev The head never falls; a round that has ended is never open again.
    function _checkStates() internal {
        (,, uint16 head, uint16 pending) = ledger.stateOf(task);
        require(head >= _head, "the head fell");
        _head = head;
        uint256 bits;
        for (uint256 i; i < _unfinished.length; ++i) {
            bits |= 1 << (_unfinished[i] % 16);
        }
        require(pending == bits, "pending are those that haven't ended");
        require(ledger.asidesOf(task) == _shelf.length + _rootsOpen, "what waits");
    }

    /// @dev A payment of the escrow for one round, which never takes more than its pot, whatever is settled later.
    function _take(uint32 round, uint256 escrowBefore) internal {
        _paidOf[round] += escrowBefore - market.escrowOf(task);
        require(_paidOf[round] <= terms.pot, "more than the pot");
    }

    // --- who is there

    /// @dev Accounts with a lot that counts in the round.
    function _voters(uint32 round) internal view returns (address[] memory list) {
        list = new address[](4);
        uint256 n;
        for (uint256 i; i < 4; ++i) {
            address a = i < 3 ? validators[i] : stranger;
            (uint32 from, uint32 until,,,) = ledger.lotOf(task, a);
            if (from <= round && round < until) list[n++] = a;
        }
        assembly ("memory-safe") {
            mstore(list, n)
        }
    }

    /// @dev Stake on the line that hasn't left.
    function _live() internal view returns (uint256 total) {
        for (uint256 i; i < 4; ++i) {
            (, uint32 until, uint256 lo, uint256 hi,) = ledger.lotOf(task, i < 3 ? validators[i] : stranger);
            if (until == FOREVER) total += (hi - lo) * 1 gwei;
        }
    }

    /// @dev An older round sits in the slot and isn't final.
    function _isOccupied(uint32 round) internal view returns (bool) {
        for (uint256 i; i < _unfinished.length; ++i) {
            if (_unfinished[i] != round && _unfinished[i] % 16 == round % 16) return true;
        }
        return false;
    }

    // --- trees of one leaf

    function rootOf(bytes32 digest) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"02", uint64(1), keccak256(abi.encodePacked(hex"00", digest))));
    }

    function proofOf(bytes32 digest) internal pure returns (LeafProof memory p) {
        (p.count, p.digest) = (1, digest);
    }

    function digestOf(uint32 round, uint256 index) internal pure returns (bytes32) {
        return keccak256(abi.encode("work", round, index));
    }

    function checkpointOf(uint32 round, bool wrong) internal pure returns (bytes32) {
        return keccak256(abi.encode("checkpoint", round, wrong));
    }

    // --- sums

    function person(uint256 who) public view returns (address) {
        return _people[who % _people.length];
    }

    function people() external view returns (address[] memory) {
        return _people;
    }

    /// @dev In wallet and vault.
    function wealth(address a) public view returns (uint256) {
        return token.balanceOf(a) + inVault(a);
    }

    function unbonding(address a) public view returns (uint256 total) {
        (uint256[] memory waiting,) = vault.unbondingOf(a);
        for (uint256 i; i < waiting.length; ++i) {
            total += waiting[i];
        }
    }

    function inVault(address a) public view returns (uint256) {
        return staked(a) + claimable(a) + unbonding(a);
    }

    function accountOf(address a) external view returns (uint256, uint256, uint256) {
        return vault.accountOf(a);
    }

    /// @dev What must be locked: enlisted in both roles, shares set aside, bonds in court; and what open submissions risk of it.
    function boundOf(address a)
        external
        view
        returns (uint256 asTrainer, uint256 asValidator, uint256 aside, uint256 inCourt, uint256 atRisk)
    {
        (, asTrainer, atRisk) = ledger.trainerOf(task, a);
        (,, uint256 lo, uint256 hi, uint256 cut) = ledger.lotOf(task, a);
        asValidator = (hi - lo - cut) * 1 gwei;
        inCourt = _inCourt[a];
        for (uint256 i; i < _shelf.length; ++i) {
            Aside memory s = abi.decode(_shelf[i].aside, (Aside));
            if (address(uint160(s.who >> 96)) == a) aside += EXPOSURE;
        }
    }

    function balances() external view returns (uint256 inMarket, uint256 escrow, uint256 inVault_, uint256 totalStaked) {
        return (token.balanceOf(address(market)), market.escrowOf(task), token.balanceOf(address(vault)), vault.totalStaked());
    }

    function dice(uint256 seed, uint256 what, uint256 who) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, what, who)));
    }
}
