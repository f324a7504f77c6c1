// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Aside, Entry} from "../../contracts/interfaces/RoundLedgerTypes.sol";
import {Scene} from "./Scene.sol";

/// @dev Submission 0 is a canary of trainer 0, submission 1 is trainer 1's work. A passed canary costs 2 tokens a seat.
contract CanaryTest is Scene {
    function begin() internal {
        start();
        makesCanary(trainers[0], 1);
        works(trainers[1], 1, 1000);
    }

    function open(bytes32 salt, uint32 leaf, uint8 check) internal {
        ledger.openCanary(task, 1, entries[1], 0, salt, leaf, check);
    }

    function saltOfCanary() internal view returns (bytes32) {
        return saltOf(entries[1][0].root);
    }

    // --- what passing one costs

    /// @dev Nobody refused it: three quarters of the half that isn't burned have no taker, and burn too.
    function test_canary__all_pass__cut_and_burned_but_the_makers_quarter() public {
        begin();
        sealAs(1, "012 012");
        say(1, "VV VV VV");
        opensCanary(1, 0);
        mark();
        vm.warp(challengeEnd(1));
        expectCut(1, 0, 0, PASSED_CANARY, 1.25 ether, 0.75 ether);
        expectCut(1, 1, 0, PASSED_CANARY, 2 ether, 0);
        expectCut(1, 2, 0, PASSED_CANARY, 2 ether, 0);
        expectFinal(1, hex"0801", 16 ether, 0.75 ether, 5.25 ether);
        finish(1);
        for (uint256 v; v < 3; ++v) {
            assertEq(lost(validators[v]), 2 ether, "cut");
            assertEq(gained(validators[v]), 1 ether, "for the work's seat");
            assertEq(cutOf(validators[v]), 2e9, "of the lot");
            assertEq(locked(validators[v]), 98 ether, "what still backs it");
        }
        assertEq(gained(trainers[0]), 3.75 ether, "canary fee, and a quarter of the paid half");
        assertEq(lost(trainers[0]), 0, "maker");
        assertEq(destroyed(), 5.25 ether, "burned");
        assertEq(spent(), 16 ether, "escrow");
        assertSound();
    }

    /// @dev One passed it, two refused: they share three quarters of the half, a seat a share, and their fees come from the maker.
    function test_canary__one_passes__refusers_share_its_cut() public {
        begin();
        sealAs(1, "012 012");
        say(1, "VV IV IV");
        opensCanary(1, 0);
        mark();
        vm.warp(challengeEnd(1));
        vm.expectEmit(address(ledger));
        emit Slashed(task, trainers[0], 1, 0, 0, 2 ether);
        expectCut(1, 0, 0, PASSED_CANARY, 1 ether, 1 ether);
        bytes memory ofCanary = bytes.concat(
            payment(validators[0], VALIDATOR, 0, 0, 0),
            payment(validators[1], VALIDATOR, 0, 1, 1.375 ether),
            payment(validators[2], VALIDATOR, 0, 1, 1.375 ether),
            payment(trainers[0], TRAINER, 1, 0, 3.25 ether)
        );
        bytes memory ofWork = payment(trainers[1], TRAINER, 1, 1, 10 ether);
        for (uint256 v; v < 3; ++v) {
            ofWork = bytes.concat(ofWork, payment(validators[v], VALIDATOR, 2, 1, 1 ether));
        }
        expectPayments(1, bytes.concat(ofCanary, ofWork));
        expectFinal(1, hex"0801", 16 ether, 3 ether, 1 ether);
        finish(1);
        assertEq(gained(validators[1]), 2.375 ether, "two fees and the bonus");
        assertEq(lost(trainers[0]), 2 ether, "fees of two seats");
        assertEq(enlistedBy(trainers[0]), 198 ether, "enlisted");
        assertSound();
    }

    /// @dev The bonus goes by seats, and what division leaves is the maker's.
    function test_canary__bonus_by_seats__rest_to_the_maker() public {
        terms.cut = 2 ether + 1 gwei;
        begin();
        sealAs(1, "011 012");
        say(1, "VV IV .V");
        opensCanary(1, 0);
        mark();
        finish(1);
        uint256 paid = (2 ether + 1 gwei) / 2;
        uint256 bonus = paid * 3 / 4;
        assertEq(gained(validators[1]), 1 ether + 2 ether + bonus, "work, two seats, all of the bonus");
        assertEq(gained(trainers[0]), 3 ether + paid - bonus, "maker");
        assertEq(destroyed(), 2 ether + 1 gwei - paid, "burned half, rounded up");
        assertSound();
    }

    /// @dev attack H8: garbage, or nothing at all, isn't free under a canary's mark, and earns no fee: it costs what withholding costs.
    function test_attack_h8__canary_withheld_or_garbage__loses_its_bond() public {
        begin();
        makesCanary(trainers[2], 1);
        sealAs(1, "012 012 01*");
        say(1, "UVM UVM VVI");
        opensCanary(1, 0);
        opensCanary(1, 2);
        mark();
        vm.warp(challengeEnd(1));
        vm.expectEmit(address(ledger));
        emit Slashed(task, trainers[0], 1, 0, 20 ether, 2 ether);
        finish(1);
        assertEq(lost(trainers[0]), 22 ether, "bond and the fees of those who couldn't see it");
        assertEq(gained(trainers[0]), 0, "no canary fee");
        assertGe(lost(trainers[2]), 22 ether, "garbage as well");
        assertEq(gained(trainers[2]), 0, "no canary fee");
        assertEq(lost(validators[2]), 0, "nobody is cut for what most couldn't see");
        assertSound();
    }

    /// @dev Whoever couldn't see the artifact is neither cut nor paid.
    function test_canary__unavailable__neither_cut_nor_paid() public {
        begin();
        sealAs(1, "012 012");
        say(1, "UV IV MV");
        opensCanary(1, 0);
        mark();
        finish(1);
        assertEq(gained(validators[0]), 1 ether, "the work's fee only");
        assertEq(gained(validators[1]), 2 ether, "refused it");
        assertEq(gained(validators[2]), 1 ether, "the work's fee only");
        assertEq(destroyed(), 0, "no cut");
        assertEq(lost(trainers[0]), 1 ether, "one fee");
    }

    // --- marks bind at submission

    /// @dev attack C2: a cheat sealed as a canary isn't paid when it gets through, whoever shows which salt.
    function test_attack_c2__canary_that_passed_and_is_kept_closed__is_never_paid() public {
        begin();
        sealAs(1, "012 012");
        say(1, "VV VV VV");
        bytes32 salt = saltOfCanary();
        salts[1][0] = salt; // it opens the mark as a canary's, not as work's
        mark();
        vm.warp(challengeEnd(1));
        expectFinal(1, hex"0a01", 13 ether, 0, 0);
        Aside memory aside = finish(1)[0];
        vm.expectRevert(StillWaiting.selector);
        ledger.resolve(task, 1, aside, salt);
        vm.warp(block.timestamp + terms.challengeWindow);
        vm.expectEmit(address(ledger));
        emit Resolved(task, 1, 0, 11, 3 ether, 0, 0);
        ledger.resolve(task, 1, aside, salt);
        assertEq(gained(trainers[0]), 0, "maker");
        assertEq(lost(trainers[0]), 0, "not slashed");
        assertEq(gained(validators[0]), 2 ether, "its seats are paid");
        assertSound();
    }

    /// @dev attack C2: refused and kept closed, it is slashed as work is.
    function test_attack_c2__canary_that_was_refused_and_is_kept_closed__loses_its_bond() public {
        begin();
        sealAs(1, "012 012");
        say(1, "IV IV IV");
        mark();
        vm.warp(challengeEnd(1));
        vm.expectEmit(address(ledger));
        emit Slashed(task, trainers[0], 1, 0, 20 ether, 3 ether);
        expectFinal(1, hex"0301", 13 ether, 3 ether, 20 ether);
        finish(1);
        assertEq(lost(trainers[0]), 23 ether, "bond and fees");
        assertSound();
    }

    /// @dev attack C2: work that was refused can't become a canary, and a canary's own mark opens to what it names only.
    function test_attack_c2__work_opened_as_a_canary__reverts() public {
        begin();
        sealAs(1, "012 012");
        say(1, "II II II");
        vm.warp(votesEnd(1));
        bytes32 salt = saltOf(entries[1][1].root);
        vm.expectRevert(abi.encodeWithSelector(WrongMark.selector, 1));
        ledger.openCanary(task, 1, entries[1], 1, salt, LEAF, CHECK);
        vm.expectRevert(abi.encodeWithSelector(WrongMark.selector, 1));
        ledger.openCanary(task, 1, entries[1], 1, salt, 0, 0);
    }

    /// @dev attack M8, checklist 15: the mark binds kind, salt, leaf and check.
    function test_openCanary__anything_changed__reverts() public {
        begin();
        sealAs(1, "012 012");
        vm.warp(votesEnd(1));
        bytes32 salt = saltOfCanary();
        bytes memory wrong = abi.encodeWithSelector(WrongMark.selector, 0);
        vm.expectRevert(wrong);
        open(bytes32(uint256(salt) ^ 1), LEAF, CHECK);
        vm.expectRevert(wrong);
        open(salt, LEAF + 1, CHECK);
        vm.expectRevert(wrong);
        open(salt, LEAF, CHECK + 1);
        vm.expectRevert(WrongEntries.selector);
        ledger.openCanary(task, 1, entries[1], 2, salt, LEAF, CHECK);
        Entry[] memory less = new Entry[](1);
        less[0] = entries[1][0];
        vm.expectRevert(WrongEntries.selector);
        ledger.openCanary(task, 1, less, 0, salt, LEAF, CHECK);

        vm.expectEmit(address(ledger));
        emit CanaryOpened(task, 1, 0, salt, LEAF, CHECK);
        vm.prank(stranger); // whoever knows the salt
        open(salt, LEAF, CHECK);
        vm.expectRevert(abi.encodeWithSelector(AlreadyOpened.selector, 0));
        open(salt, LEAF, CHECK);
    }

    /// @dev checklist 37
    function test_openCanary__window_edges() public {
        begin();
        sealAs(1, "*** ***");
        bytes32 salt = saltOfCanary();
        vm.warp(votesEnd(1) - 1);
        vm.expectRevert(outside(votesEnd(1), attestEnd(1)));
        open(salt, LEAF, CHECK);
        vm.warp(attestEnd(1));
        vm.expectRevert(outside(votesEnd(1), attestEnd(1)));
        open(salt, LEAF, CHECK);
        uint256 before = vm.snapshotState();
        vm.warp(votesEnd(1));
        open(salt, LEAF, CHECK);
        vm.revertToState(before);
        vm.warp(attestEnd(1) - 1);
        open(salt, LEAF, CHECK);
    }

    function test_openCanary__unsealed__reverts() public {
        begin();
        bytes32 salt = saltOfCanary();
        vm.warp(votesEnd(1));
        vm.expectRevert(NotSealed.selector);
        open(salt, LEAF, CHECK);
    }

    // --- the canary fee

    /// @dev Five of a hundred canaries, rounded up, get it: here the one of three with the lowest keccak(seed, salt).
    function test_canaryFee__lowest_rank_only() public {
        begin();
        makesCanary(trainers[1], 1);
        makesCanary(trainers[2], 1);
        sealAs(1, "*** 012 *** ***");
        say(1, ".V.. .V.. .V..");
        opensCanary(1, 3); // the order of opening is nothing
        opensCanary(1, 0);
        opensCanary(1, 2);
        (bytes16 seed,,,,) = ledger.roundOf(task, 1);
        uint256 lowest = type(uint256).max;
        address luckiest;
        for (uint256 i; i < 4; ++i) {
            if (i == 1) continue;
            uint256 rank = uint256(keccak256(abi.encode(seed, saltOf(entries[1][i].root)))) >> 128;
            if (rank < lowest) (lowest, luckiest) = (rank, address(uint160(entries[1][i].who >> 96)));
        }
        mark();
        finish(1);
        for (uint256 i; i < 3; ++i) {
            uint256 fee = trainers[i] == luckiest ? 3 ether : 0;
            assertEq(gained(trainers[i]), fee + (i == 1 ? 10 ether : 0), "fee for the lowest, and the work's pay");
        }
        assertSound();
    }

    function test_canaryFee__full_rate__for_all() public {
        terms.canaryRate = 10_000;
        begin();
        makesCanary(trainers[2], 1);
        sealAs(1, "012 012 012");
        say(1, "IVI IVI IVI");
        opensCanary(1, 0);
        opensCanary(1, 2);
        mark();
        vm.warp(challengeEnd(1));
        expectFinal(1, hex"080108", 19 ether, 6 ether, 0);
        finish(1);
        assertEq(gained(trainers[0]), 3 ether, "first");
        assertEq(gained(trainers[2]), 3 ether, "second");
    }

    /// @dev checklist 5: beyond the pot the fee shrinks with everything else, rounded down.
    function test_canaryFee__beyond_the_pot__scaled() public {
        terms.pot = 16 ether;
        begin();
        works(trainers[2], 1, 1000);
        sealAs(1, "012 012 012");
        say(1, "IVV IVV IVV");
        opensCanary(1, 0);
        mark();
        finish(1);
        uint256 due = 3 ether + 2 * 13 ether;
        assertEq(gained(trainers[0]), uint256(3 ether) * 16 / 29, "canary fee");
        assertEq(gained(trainers[1]), uint256(10 ether) * 16 / 29, "work");
        assertEq(gained(validators[0]), 1 ether + uint256(2 ether) * 16 ether / due, "its refusal whole, its passes scaled");
        assertLe(spent(), 16 ether, "pot");
        assertGe(spent() + 6, 16 ether, "but for the rounding of six shares");
        assertSound();
    }

    // --- farming

    /// @dev attack H4: a maker whose own validators refuse its canary. No passer, no bonus: the escrow pays the fixed fee and nothing else,
    /// and the fees of the seats are the maker's own money.
    function test_attack_h4__own_validators_refuse__nothing_but_the_fixed_fee() public {
        begin();
        sealAs(1, "000 012");
        say(1, "IV .V .V");
        opensCanary(1, 0);
        mark();
        finish(1);
        assertEq(gained(validators[0]) - 1 ether, 3 ether, "fees of three seats, out of the maker's stake");
        assertEq(gained(trainers[0]), 3 ether, "the fixed fee");
        assertEq(lost(trainers[0]), 3 ether, "the seats' fees");
        assertEq(spent(), 13 ether + terms.canaryFee, "the work, and one fixed fee");
    }

    /// @dev attack H4: a maker whose own validators pass its canary, to draw on the cut, loses by it.
    function test_attack_h4__own_validators_pass__more_is_lost_than_won() public {
        begin();
        sealAs(1, "001 012");
        say(1, "VV IV .V");
        opensCanary(1, 0);
        mark();
        finish(1);
        uint256 won = gained(trainers[0]) - terms.canaryFee + gained(validators[0]) - 1 ether + gained(validators[1]) - 2 ether;
        uint256 given = lost(trainers[0]) - 1 ether + lost(validators[0]);
        assertEq(given, 4 ether, "cut of two seats");
        assertEq(won, 2 ether, "half of it, even with all seats their own");
    }

    // --- what a lot can lose

    /// @dev checklist 13: cuts end at the lot, whatever it passed. 16 lots of the least size, 21 canaries, all passed, 33 a seat.
    function test_canary__cuts_beyond_the_lot__end_at_it() public {
        (terms.minStake, terms.cut, terms.pot) = (16 * LOT, 33 ether, 1000 ether);
        for (uint256 i = 3; i < 16; ++i) {
            validators.push(makeAddr(string.concat("validator", vm.toString(i))));
        }
        sortValidators();
        start();
        for (uint256 i; i < 21; ++i) {
            makesCanary(trainers[i % 3], 1);
        }
        vm.warp(sealAt(1) + 1);
        (bytes memory header, bytes memory parent) = headerAt(sealAt(1), "any");
        ledger.seal(task, 1, abi.encode(header, parent));
        judge(1, all(21, VALID));
        for (uint16 i; i < 21; ++i) {
            opensCanary(1, i);
        }
        mark();
        finish(1);
        uint256 bounded;
        for (uint256 v; v < 16; ++v) {
            uint256 due = seatsHeld(validators[v], 21) * 33 ether;
            assertEq(lost(validators[v]), due < LOT ? due : LOT, "what it passed, or all of its lot");
            assertEq(locked(validators[v]), LOT - lost(validators[v]), "locked");
            if (due > LOT) ++bounded;
        }
        assertGt(bounded, 3, "some passed more than they had");
        assertSound();
    }

    function seatsHeld(address validator, uint256 submissions) internal view returns (uint256 n) {
        for (uint256 i; i < submissions; ++i) {
            for (uint256 mask = seatsOf(1, validator, i); mask != 0; mask &= mask - 1) {
                ++n;
            }
        }
    }

    /// @dev A sixteenth of the lot, and the lot stays; one seat more, and it is off the line: rounds need other stake.
    function test_canary__more_than_a_sixteenth_cut__lot_leaves_the_line() public {
        terms.cut = 6.25 ether;
        begin();
        sealAs(1, "001 012");
        say(1, "VV VV .V");
        opensCanary(1, 0);
        vm.warp(challengeEnd(1));
        uint32 now_ = uint32((block.timestamp - opens(1)) / terms.period + 1);
        vm.expectEmit(address(ledger));
        emit Left(task, validators[0], VALIDATOR, now_ + 1);
        finish(1);
        (, uint32 until0,,, uint256 cut0) = ledger.lotOf(task, validators[0]);
        (, uint32 until1,,, uint256 cut1) = ledger.lotOf(task, validators[1]);
        assertEq(until0, now_ + 1, "v0 left");
        assertEq(cut0, 12.5e9, "two seats");
        assertEq(until1, type(uint32).max, "v1 stays");
        assertEq(cut1, 6.25e9, "exactly a sixteenth");

        vm.warp(opens(now_ + 1));
        Entry memory e = entryOf(trainers[1], 0, 1, "root");
        vm.prank(trainers[1]);
        vm.expectRevert(abi.encodeWithSelector(StakeTooLow.selector, 200e9, 300e9));
        ledger.submit(task, now_ + 1, 0, 1, e.root, e.mark, "");

        vm.warp(challengeEnd(now_));
        vm.expectEmit(address(ledger));
        emit Released(task, validators[0], VALIDATOR, 87.5 ether);
        ledger.release(task, validators[0], VALIDATOR);
        assertEq(locked(validators[0]), 0, "what is left is free");
        assertEq(staked(validators[0]), 87.5 ether, "all but the cut");
    }
}
