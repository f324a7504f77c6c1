// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RoundMoves} from "./RoundMoves.sol";

/// @dev The moves that the invariants' runs are made of. Each bounds its inputs so that it doesn't revert.
contract Actors is RoundMoves {
    constructor() {
        setUp();
        (terms.rounds, terms.extraWindow, terms.canaryRate) = (60_000, 10, 2000);
        terms.pot = 35 ether; // less than what a full round asks for
        publish();
        funded = market.escrowOf(task);
        for (uint256 i; i < 3; ++i) {
            enlistTrainer(trainers[i], 200 ether);
            enlistValidator(validators[i], BIG_LOT);
            _people.push(trainers[i]);
            _people.push(validators[i]);
        }
        for (uint256 i; i < 2; ++i) {
            vm.prank(validators[i]);
            ledger.attest(task, 0, GENESIS);
        }
        _people.push(stranger);
        _people.push(initiator);
        _people.push(hawk);
        _people.push(rook);
        vm.warp(opens(1));
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

    function rebond(uint256 who, uint256 amount) external nobodyElseLoses(person(who)) {
        address a = person(who);
        if (unbonding(a) == 0) return;
        amount = bound(amount, 1, unbonding(a));
        vm.prank(a);
        vault.rebond(amount);
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
        if (chance % 32 != 0) return;
        vm.prank(initiator);
        market.cancel(task);
    }

    // --- enlisting

    function topUp(uint256 who, uint256 amount) external nobodyElseLoses(address(this)) {
        address a = trainers[who % 3];
        if (!_hasLeft[a]) enlistTrainer(a, bound(amount, 1, 500) * 1 ether);
    }

    /// @dev A trainer leaves, or one that has left is released.
    function trainerGoes(uint256 who) external nobodyElseLoses(trainers[who % 3]) {
        address a = trainers[who % 3];
        (uint32 from,, uint256 open) = ledger.trainerOf(task, a);
        if (from == 0 || open != 0 && _hasLeft[a]) return;
        if (_hasLeft[a]) {
            ledger.release(task, a, TRAINER);
        } else if (who % 2 == 0) {
            vm.prank(a);
            ledger.leave(task, TRAINER);
        }
        _hasLeft[a] = !_hasLeft[a] && who % 2 == 0;
    }

    /// @dev A validator, or the stranger who comes and goes, enlists, leaves or is released. Most leave because cuts made them.
    function validatorMoves(uint256 who, uint256 amount) external nobodyElseLoses(address(this)) {
        address a = who % 4 < 3 ? validators[who % 4] : stranger;
        (uint32 from, uint32 until,,,) = ledger.lotOf(task, a);
        if (from == 0) {
            enlistValidator(a, who % 4 < 3 ? BIG_LOT : bound(amount, 20, 500) * 1 ether);
        } else if (until != FOREVER) {
            if (_unfinished.length != 0 || ledger.asidesOf(task) != 0) return;
            if (block.timestamp < challengeEnd(until - 1)) vm.warp(challengeEnd(until - 1));
            ledger.release(task, a, VALIDATOR);
        } else if (who % 4 == 3 || amount % 4 == 0) {
            vm.prank(a);
            ledger.leave(task, VALIDATOR);
        }
    }

    // --- rounds

    /// @dev Plays the next round that hasn't opened: `seed` decides who does what; sometimes it is left for `finish`.
    function playRound(uint256 seed) external nobodyElseLoses(address(this)) {
        while (_unfinished.length != 0 && seed % 3 == 0) {
            _finish(0);
        }
        uint32 round = _nextRound();
        (, uint16 lastRound,,) = ledger.stateOf(task);
        if (round > lastRound) return;
        vm.warp(opens(round));
        if (!_work(round, seed)) {
            if (!_isOccupied(round)) {
                _attest(round, 1); // nobody works, the head catches up
                _dispute(round, seed);
            }
            return;
        }
        if (seed % 11 == 0) {
            _attest(round, seed); // nobody sealed it
        } else {
            _judge(round, seed);
            _openCanaries(round, seed);
            _attest(round, seed);
            _dispute(round, seed);
        }
        if (seed % 5 != 0) _finishRound(round);
    }

    /// @dev Silence is shown long after: in any round that the ring still knows.
    function cutLate(uint256 ago) external nobodyElseLoses(address(this)) {
        uint32 now_ = _nextRound() - 1;
        uint32 round = uint32(1 + bound(ago, 0, 15));
        if (now_ < round) return;
        round = now_ + 1 - round;
        (bytes16 seed,,,,) = ledger.roundOf(task, round);
        if (seed == 0 || block.timestamp < revealEnd(round) || block.timestamp >= opens(round + 16)) return;
        address[] memory voters = _voters(round);
        for (uint256 i; i < voters.length; ++i) {
            _cutSilent(round, voters[i]);
        }
    }

    function finish(uint256 which) external nobodyElseLoses(address(this)) {
        if (_unfinished.length != 0) _finish(which % _unfinished.length);
    }

    function closeCase(uint256 which) external nobodyElseLoses(address(this)) {
        if (_cases.length == 0) return;
        which %= _cases.length;
        _finishRound(_cases[which].round);
        _close(which);
    }

    function resolve(uint256 which, bool withSalt) external nobodyElseLoses(address(this)) {
        if (_shelf.length != 0) _resolve(which % _shelf.length, withSalt);
    }

    // --- the end

    /// @dev Everyone goes home: rounds, cases and shares end, money is claimed. Only stake and donations are left.
    function endAll() external {
        vm.prank(initiator);
        market.cancel(task);
        while (_unfinished.length != 0) {
            this.finish(0);
        }
        while (_cases.length != 0) {
            this.closeCase(0);
        }
        while (_shelf.length != 0) {
            this.resolve(_shelf.length, true);
        }
        (, uint16 lastRound,,) = ledger.stateOf(task);
        if (lastRound != 0 && block.timestamp < challengeEnd(lastRound)) vm.warp(challengeEnd(lastRound));
        this.refund();
        for (uint256 i; i < _people.length; ++i) {
            _goHome(_people[i]);
        }
    }

    function _goHome(address a) internal {
        (uint32 from,,) = ledger.trainerOf(task, a);
        if (from != 0) ledger.release(task, a, TRAINER);
        (from,,,,) = ledger.lotOf(task, a);
        if (from != 0) ledger.release(task, a, VALIDATOR);
        if (claimable(a) != 0) vault.claim(a);
    }
}
