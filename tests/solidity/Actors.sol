// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Reveal} from "../../contracts/interfaces/IRoundLedger.sol";
import {Base} from "./Base.sol";
import {Vm} from "forge-std/Vm.sol";

/// @dev Moves of a random world for the invariants: none of them may revert. Keeps what the ledger's sums are compared with, and checks
/// after each move that nobody lost anything by another's call, other than by a slash.
contract Actors is Base {
    bytes32 internal constant ROUND_FINAL = keccak256("RoundFinal(uint256,uint32,bytes,uint256,uint256,uint256)");
    bytes32 internal constant SLASHED = keccak256("Slashed(uint256,address,uint32,uint16,uint256,uint256)");

    uint256 public funded;
    uint256 public paid;
    uint256 public refunded;
    uint256 public donated;
    uint256 public burned;
    /// @dev Rounds by how they ended, to show that these moves reach them all: outcome → submissions.
    mapping(uint8 outcome => uint256) public ended;

    address[] internal _people;
    uint32 internal _last;
    uint32[] internal _unfinished;
    mapping(uint32 round => address[]) internal _attesters;

    constructor() {
        setUp();
        terms.rounds = 2000;
        terms.pot = 35 ether; // less than what a full round asks for
        start();
        funded = market.escrowOf(task);
        for (uint256 i; i < 3; ++i) {
            _people.push(trainers[i]);
            _people.push(validators[i]);
        }
        _people.push(stranger);
        _people.push(initiator);
    }

    /// @dev Nobody but `self` may end with less, other than by what was slashed.
    modifier nobodyElseLoses(address self) {
        uint256[] memory before = new uint256[](_people.length);
        for (uint256 i; i < _people.length; ++i) {
            before[i] = wealth(_people[i]);
        }
        vm.recordLogs();
        _;
        Vm.Log[] memory logs = vm.getRecordedLogs();
        _count(logs);
        for (uint256 i; i < _people.length; ++i) {
            uint256 slashed = _slashed(logs, _people[i]);
            if (_people[i] != self) require(wealth(_people[i]) + slashed >= before[i], "someone lost by another's call");
        }
    }

    // --- vault and market

    function stake(uint256 who, uint256 amount) external nobodyElseLoses(address(this)) {
        stakeFor(person(who), bound(amount, 1, 1000 ether));
    }

    function unbond(uint256 who, uint256 amount) external nobodyElseLoses(person(who)) {
        address a = person(who);
        uint256 free = staked(a) - locked(a);
        (uint256[] memory waiting,) = vault.unbondingOf(a);
        if (free == 0 || waiting.length == 16) return;
        vm.prank(a);
        vault.unbond(bound(amount, 1, free));
    }

    function withdraw(uint256 who) external nobodyElseLoses(address(this)) {
        address a = person(who);
        (uint256[] memory waiting, uint64[] memory readyAt) = vault.unbondingOf(a);
        if (waiting.length == 0) return;
        if (block.timestamp < readyAt[0]) vm.warp(readyAt[0]);
        vault.withdraw(a);
    }

    function claim(uint256 who) external nobodyElseLoses(address(this)) {
        if (claimable(person(who)) != 0) vault.claim(person(who));
    }

    function fund(uint256 amount) external nobodyElseLoses(address(this)) {
        amount = bound(amount, 1, 100 ether);
        token.approve(address(market), amount);
        market.fund(task, amount);
        funded += amount;
    }

    function donate(uint256 amount) external nobodyElseLoses(address(this)) {
        amount = bound(amount, 1, 1 ether);
        token.transfer(address(vault), amount);
        donated += amount;
    }

    function refund() external nobodyElseLoses(address(this)) {
        if (ledger.isOver(task) && market.escrowOf(task) != 0) refunded += market.refund(task);
    }

    /// @dev Rarely, or nothing else would happen afterwards.
    function cancel(uint256 chance) external nobodyElseLoses(initiator) {
        if (chance % 16 != 0) return;
        vm.prank(initiator);
        market.cancel(task);
    }

    // --- enlisting

    function topUp(uint256 who, uint256 amount) external nobodyElseLoses(address(this)) {
        enlistTrainer(trainers[who % 3], bound(amount, 1, 500) * 1 ether);
    }

    function comeAndGo(uint256 amount) external nobodyElseLoses(stranger) {
        (uint32 from, uint32 until,,) = ledger.lotOf(task, stranger);
        if (from == 0) return enlistValidator(stranger, bound(amount, 20, 500) * 1 ether);
        if (until == type(uint32).max) {
            vm.prank(stranger);
            ledger.leave(task, VALIDATOR);
            return;
        }
        if (_unfinished.length != 0) return;
        uint32 last = until - 1;
        if (block.timestamp < challengeEnd(last)) vm.warp(challengeEnd(last));
        ledger.release(task, stranger, VALIDATOR);
    }

    // --- rounds

    /// @dev Plays the next round that hasn't opened: `seed` decides who does what; sometimes it is left for `finish`.
    function playRound(uint256 seed) external nobodyElseLoses(address(this)) {
        uint32 round = _nextRound();
        (, uint16 lastRound,,) = ledger.stateOf(task);
        if (round > lastRound) return;
        _last = round;
        vm.warp(opens(round));
        if (!_work(round, seed)) return;
        _unfinished.push(round);
        if (seed % 11 != 0) {
            vm.warp(sealAt(round) + 1);
            (bytes memory header, bytes memory parent) = headerAt(sealAt(round), keccak256(abi.encode(seed)));
            ledger.seal(task, round, header, parent);
            _vote(round, seed);
        }
        _attest(round, seed);
        if (seed % 5 != 0) _finish(_unfinished.length - 1);
    }

    function finish(uint256 which) external nobodyElseLoses(address(this)) {
        if (_unfinished.length != 0) _finish(which % _unfinished.length);
    }

    function _nextRound() internal view returns (uint32 round) {
        (uint32 begun,,,) = ledger.stateOf(task);
        round = uint32((block.timestamp - begun) / terms.period) + 2;
    }

    function _work(uint32 round, uint256 seed) internal returns (bool any) {
        (,, uint16 head,) = ledger.stateOf(task);
        if (round - head > terms.staleness) {
            _attest(round, 1); // nobody works, the head catches up
            return false;
        }
        for (uint256 i; i < 6; ++i) {
            address a = trainers[i % 3];
            (, uint256 enlisted, uint256 open) = ledger.trainerOf(task, a);
            if ((seed >> i) & 1 == 0 || open + 23 ether > enlisted) continue;
            if (_occupied(round)) return false;
            submit(a, round, uint32(1 + (seed >> (8 + i)) % 1000));
            any = true;
        }
    }

    /// @dev An unfinished round sits in the slot.
    function _occupied(uint32 round) internal view returns (bool) {
        for (uint256 i; i < _unfinished.length; ++i) {
            if (_unfinished[i] != round && _unfinished[i] % 16 == round % 16) return true;
        }
        return false;
    }

    function _vote(uint32 round, uint256 seed) internal {
        uint256 n = entries[round].length;
        Reveal[] memory rs = new Reveal[](3);
        for (uint256 i; i < 3; ++i) {
            uint256[] memory verdicts = new uint256[](n);
            for (uint256 k; k < n; ++k) {
                uint256 dice = uint256(keccak256(abi.encode(seed, k)));
                // mostly alike; one validator in nine has its own mind
                if (uint256(keccak256(abi.encode(seed, k, i))) % 9 == 0) dice = uint256(keccak256(abi.encode(seed, i)));
                verdicts[k] = dice % 8 < 4 ? VALID : dice % 8 < 6 ? INVALID : dice % 8 == 6 ? UNAVAILABLE : MALFORMED;
            }
            rs[i] = commit(round, validators[i], verdicts, (seed >> 40) % 3 == 0 ? seed >> (8 * i) : type(uint256).max);
        }
        vm.warp(commitEnd(round));
        for (uint256 i; i < 3; ++i) {
            if ((seed >> (32 + i)) % 8 != 0) reveal(round, rs[i]);
        }
    }

    function _attest(uint32 round, uint256 seed) internal {
        vm.warp(revealEnd(round));
        bytes32 first;
        for (uint256 i; i < 3; ++i) {
            (,, uint16 head,) = ledger.stateOf(task);
            if (head >= round) return;
            if ((seed >> (36 + i)) % 8 == 1) continue;
            bytes32 root = keccak256(abi.encode(round, (seed >> (44 + i)) % 8 == 1));
            vm.prank(validators[i]);
            ledger.attest(task, round, root);
            if (first == 0) first = root;
            if (root == first) _attesters[round].push(validators[i]);
            (,, head,) = ledger.stateOf(task);
            if (head >= round && root != first) delete _attesters[round]; // another than the candidate won
        }
        (,, uint16 after_,) = ledger.stateOf(task);
        if (after_ < round) delete _attesters[round];
    }

    function _finish(uint256 which) internal {
        uint32 round = _unfinished[which];
        _unfinished[which] = _unfinished[_unfinished.length - 1];
        _unfinished.pop();
        if (block.timestamp < challengeEnd(round)) vm.warp(challengeEnd(round));
        uint256 escrow = market.escrowOf(task);
        uint256 grave = token.balanceOf(GRAVE);
        ledger.finalize(task, round, entries[round], reveals[round], _silentAttesters(round));
        paid += escrow - market.escrowOf(task);
        burned += token.balanceOf(GRAVE) - grave;
        require(escrow - market.escrowOf(task) <= terms.pot, "more than the pot");
    }

    function _silentAttesters(uint32 round) internal view returns (address[] memory silent) {
        (bytes16 seed,,,,) = ledger.roundOf(task, round);
        if (seed == 0) return new address[](0);
        uint256 n;
        silent = new address[](_attesters[round].length);
        for (uint256 i; i < _attesters[round].length; ++i) {
            bool revealed;
            for (uint256 k; k < reveals[round].length; ++k) {
                revealed = revealed || reveals[round][k].validator == _attesters[round][i];
            }
            if (!revealed) silent[n++] = _attesters[round][i];
        }
        assembly ("memory-safe") {
            mstore(silent, n)
        }
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
        return token.balanceOf(a) + staked(a) + claimable(a) + unbonding(a);
    }

    function unbonding(address a) public view returns (uint256 total) {
        (uint256[] memory waiting,) = vault.unbondingOf(a);
        for (uint256 i; i < waiting.length; ++i) {
            total += waiting[i];
        }
    }

    function inVault(address a) external view returns (uint256) {
        return staked(a) + claimable(a) + unbonding(a);
    }

    /// @dev Enlisted for the task in both roles, and what of it is at risk.
    function enlistedBy(address a) external view returns (uint256 asTrainer, uint256 asValidator, uint256 atRisk) {
        (, asTrainer, atRisk) = ledger.trainerOf(task, a);
        (,, uint256 lo, uint256 hi) = ledger.lotOf(task, a);
        asValidator = (hi - lo) * 1 gwei;
    }

    function balances() external view returns (uint256 inMarket, uint256 escrow, uint256 vaultHas, uint256 vaultOwes) {
        return (token.balanceOf(address(market)), market.escrowOf(task), token.balanceOf(address(vault)), vault.owed());
    }

    function accountOf(address a) external view returns (uint256, uint256, uint256) {
        return vault.accountOf(a);
    }

    function _count(Vm.Log[] memory logs) internal {
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].topics[0] != ROUND_FINAL) continue;
            (bytes memory outcomes,,,) = abi.decode(logs[i].data, (bytes, uint256, uint256, uint256));
            for (uint256 k; k < outcomes.length; ++k) {
                ++ended[uint8(outcomes[k])];
            }
        }
    }

    function _slashed(Vm.Log[] memory logs, address a) internal view returns (uint256 total) {
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].emitter != address(ledger) || logs[i].topics[0] != SLASHED) continue;
            if (logs[i].topics[2] != bytes32(uint256(uint160(a)))) continue;
            (, uint256 b, uint256 f) = abi.decode(logs[i].data, (uint16, uint256, uint256));
            total += b + f;
        }
    }
}
