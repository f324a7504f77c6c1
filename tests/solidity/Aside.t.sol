// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITaskMarketErrors} from "../../contracts/interfaces/ITaskMarket.sol";
import {Aside, Ballot} from "../../contracts/interfaces/RoundLedgerTypes.sol";
import {Scene} from "./Scene.sol";

/// @dev Two submissions; whoever makes the round final leaves the salt of the first one out.
contract AsideTest is Scene {
    function begin() internal {
        start();
        works(trainers[0], 1, 1000);
        works(trainers[1], 1, 500);
        sealAs(1, "012 012");
        say(1, "VV VV VV");
    }

    function saltOfWork() internal view returns (bytes32) {
        return saltOf(entries[1][0].root);
    }

    /// @dev Finalizes without the first salt.
    function hostile() internal returns (Aside memory) {
        salts[1][0] = 0;
        Aside[] memory list = finish(1);
        assertEq(list.length, 1, "one share");
        return list[0];
    }

    // --- set aside

    function test_aside__salt_left_out__waits_at_its_full_claim() public {
        begin();
        mark();
        vm.warp(challengeEnd(1));
        salts[1][0] = 0;
        Aside memory expected;
        (expected.who, expected.mark) = (entries[1][0].who, entries[1][0].mark);
        (expected.isHeld, expected.due, expected.ballots) = (true, 21 ether, new Ballot[](3));
        for (uint256 v; v < 3; ++v) {
            expected.ballots[v] = Ballot(validators[v], 1, 1, 0, 0);
        }
        vm.expectEmit(address(ledger));
        emit SetAside(task, 1, 0, expected);
        expectFinal(1, hex"0a01", 8 ether, 0, 0);
        settle(1, nobody);
        assertEq(ledger.asideHash(task, 1, 0), keccak256(abi.encode(expected)), "hash");
        assertEq(ledger.asidesOf(task), 1, "one waits");
        assertEq(gained(trainers[1]), 5 ether, "the other is paid");
        assertEq(enlistedBy(trainers[0]), 177 ether, "what it risks lies apart");
        assertEq(locked(trainers[0]), 200 ether, "and stays locked");
        assertEq(exposed(trainers[0]), 0, "it isn't open any more");
    }

    /// @dev checklist 15: the trainer shows its salt, and everyone has what an honest settlement would have given, to the wei.
    function test_aside__trainer_shows_its_salt__all_as_if_nothing_had_been() public {
        terms.pot = 16 ether; // less than is asked for: the scale must be the same
        begin();
        mark();
        uint256 before = vm.snapshotState();
        finish(1);
        uint256[6] memory honest = purse();
        vm.revertToState(before);

        Aside memory aside = hostile();
        vm.expectEmit(address(ledger));
        emit Resolved(task, 1, 0, 1, uint256(10 ether) * 16 / 21 + 3 * (uint256(1 ether) * 16 / 21), 0, 0);
        vm.prank(trainers[0]);
        ledger.resolve(task, 1, aside, saltOfWork());
        uint256[6] memory got = purse();
        for (uint256 i; i < 2; ++i) {
            assertEq(got[i], honest[i], "trainers");
        }
        for (uint256 i = 2; i < 5; ++i) {
            assertApproxEqAbs(got[i], honest[i], 1, "validators: two shares are rounded down apart");
            assertLe(got[i], honest[i], "never more");
        }
        assertApproxEqAbs(got[5], honest[5], 3, "escrow");
        assertEq(enlistedBy(trainers[0]), 200 ether, "given back");
        assertEq(ledger.asidesOf(task), 0, "nothing waits");
        assertSound();
    }

    function purse() internal view returns (uint256[6] memory) {
        (address a, address b, address c) = (validators[0], validators[1], validators[2]);
        return [gained(trainers[0]), gained(trainers[1]), gained(a), gained(b), gained(c), spent()];
    }

    /// @dev A list that is too short leaves the last ones out.
    function test_aside__short_list_of_salts__sets_the_rest_aside() public {
        begin();
        vm.warp(challengeEnd(1));
        bytes32[] memory none = new bytes32[](0);
        expectFinal(1, hex"0a0a", 0, 0, 0);
        ledger.finalize(task, 1, entries[1], ascending(reveals[1]), extras[1], nobody, none);
        assertEq(ledger.asidesOf(task), 2, "both wait");
    }

    /// @dev Only what would be paid needs a salt.
    function test_aside__not_paid_anyway__needs_no_salt() public {
        start();
        works(trainers[0], 1, 1000);
        works(trainers[1], 1, 1000);
        sealAs(1, "012 012");
        say(1, "IV II IV"); // refused; no quorum of two thirds is missing: 2 of 3 say VALID
        (salts[1][0], salts[1][1]) = (0, 0);
        vm.warp(challengeEnd(1));
        expectFinal(1, hex"030a", 0, 3 ether, 20 ether);
        finish(1);
    }

    // --- nobody shows it

    /// @dev attack C2, checklist 37: what never shows that it is work ends unpaid, one challenge window later. Its seats are paid.
    function test_aside__nobody_shows_the_salt__unpaid_in_the_end() public {
        begin();
        Aside memory aside = hostile();
        mark();
        vm.warp(challengeEnd(1) + terms.challengeWindow - 1);
        vm.expectRevert(StillWaiting.selector);
        ledger.resolve(task, 1, aside, "guess");
        vm.warp(challengeEnd(1) + terms.challengeWindow);
        uint256 before = vm.snapshotState();
        vm.expectEmit(address(ledger));
        emit Resolved(task, 1, 0, 11, 3 ether, 0, 0);
        ledger.resolve(task, 1, aside, "guess");
        assertEq(gained(trainers[0]), 0, "unpaid");
        assertEq(enlistedBy(trainers[0]), 200 ether, "not slashed");
        assertEq(gained(validators[0]), 1 ether, "its seats looked");
        assertSound();

        vm.revertToState(before); // as long as nobody ended it, the salt still works
        ledger.resolve(task, 1, aside, saltOfWork());
        assertEq(gained(trainers[0]), 10 ether, "paid");
    }

    /// @dev Whoever finalizes late can't end the share in the same breath: the trainer always has one challenge window.
    function test_aside__finalized_late__trainer_still_has_its_window() public {
        begin();
        vm.warp(challengeEnd(1) + 5 * terms.challengeWindow);
        Aside memory aside = hostile();
        uint256 since = block.timestamp;
        vm.expectRevert(StillWaiting.selector);
        ledger.resolve(task, 1, aside, 0);
        vm.warp(since + terms.challengeWindow - 1);
        vm.expectRevert(StillWaiting.selector);
        ledger.resolve(task, 1, aside, 0);
        mark();
        ledger.resolve(task, 1, aside, saltOfWork());
        assertEq(gained(trainers[0]), 10 ether, "paid");
    }

    // --- only what was set aside

    /// @dev checklist 15: every field is bound, and a share is settled once.
    function testFuzz_resolve__any_field_changed__reverts(uint256 field, uint256 by) public {
        begin();
        Aside memory aside = hostile();
        uint256 which = field % 14;
        by = bound(by, 1, type(uint8).max - 1);
        Ballot memory b = aside.ballots[by % 3];
        if (which == 0) aside.index += uint16(by);
        if (which == 1) aside.who ^= 1 << by;
        if (which == 2) aside.mark = bytes32(uint256(aside.mark) ^ (1 << by));
        if (which == 3) aside.canary += by;
        if (which == 4) aside.isRefunded = !aside.isRefunded;
        if (which == 5) aside.isHeld = !aside.isHeld;
        if (which == 6) aside.due += by;
        if (which == 7) b.validator = stranger;
        if (which == 8) b.seats += uint8(by);
        if (which == 9) b.verdict = 2;
        if (which == 10) b.reason += uint8(by);
        if (which == 11) b.leaf += uint16(by);
        if (which == 12) aside.ballots = new Ballot[](2);
        uint32 round = which == 13 ? 2 : 1;
        vm.expectRevert(WrongAside.selector);
        ledger.resolve(task, round, aside, saltOfWork());
    }

    function test_resolve__twice__reverts() public {
        begin();
        Aside memory aside = hostile();
        ledger.resolve(task, 1, aside, saltOfWork());
        vm.expectRevert(WrongAside.selector);
        ledger.resolve(task, 1, aside, saltOfWork());
        Aside memory empty;
        vm.expectRevert(WrongAside.selector);
        ledger.resolve(task, 1, empty, 0);
        vm.expectRevert(abi.encodeWithSelector(UnknownTask.selector, task + 1));
        ledger.resolve(task + 1, 1, aside, saltOfWork());
    }

    // --- who has gone

    function test_resolve__trainer_has_left__gets_its_pay_and_its_stake() public {
        begin();
        Aside memory aside = hostile();
        vm.prank(trainers[0]);
        ledger.leave(task, TRAINER);
        mark();
        ledger.resolve(task, 1, aside, saltOfWork());
        assertEq(gained(trainers[0]), 10 ether, "pay");
        assertEq(enlistedBy(trainers[0]), 200 ether, "back to what it enlisted");
        ledger.release(task, trainers[0], TRAINER);
        assertEq(locked(trainers[0]), 0, "free");
    }

    /// @dev attack M4: released in the meantime, all but the share's risk was free; the rest comes free with it.
    function test_resolve__trainer_was_released__risk_stays_locked_until_then() public {
        begin();
        Aside memory aside = hostile();
        vm.startPrank(trainers[0]);
        ledger.leave(task, TRAINER);
        vm.expectEmit(address(ledger));
        emit Released(task, trainers[0], TRAINER, 177 ether);
        ledger.release(task, trainers[0], TRAINER);
        vm.stopPrank();
        assertEq(locked(trainers[0]), 23 ether, "bond and fees");
        ledger.resolve(task, 1, aside, saltOfWork());
        assertEq(locked(trainers[0]), 0, "all free");
        assertEq(staked(trainers[0]), 200 ether, "all there");
    }

    /// @dev A trainer that keeps a share waiting in every round holds the lots of those rounds, and no others: whoever left before the oldest
    /// one that still waits can take its stake.
    function test_resolve__later_rounds_wait__holds_no_lot_that_left_before() public {
        (terms.staleness, terms.minStake) = (10, 2 * LOT);
        begin();
        Aside memory first = hostile();
        vm.prank(validators[0]);
        ledger.leave(task, VALIDATOR);
        (, uint32 until,,,) = ledger.lotOf(task, validators[0]);
        uint32 later = until + 1;
        vm.warp(opens(later));
        works(trainers[0], later, 1000);
        sealAs(later, "12");
        say(later, "- V V");
        salts[later][0] = 0;
        finish(later);
        vm.expectRevert(StillDisputed.selector);
        ledger.release(task, validators[0], VALIDATOR);

        ledger.resolve(task, 1, first, saltOfWork());
        assertEq(ledger.asidesOf(task), 1, "the later one waits still");
        ledger.release(task, validators[0], VALIDATOR);
        assertEq(locked(validators[0]), 0, "free");
        vm.prank(validators[1]);
        ledger.leave(task, VALIDATOR);
        vm.warp(challengeEnd(later + 5));
        vm.expectRevert(StillDisputed.selector);
        ledger.release(task, validators[1], VALIDATOR);
    }

    /// @dev checklist 38: refund and lots wait for the share, and for time alone.
    function test_resolve__refund_and_lots__wait_for_it() public {
        terms.rounds = 1;
        begin();
        Aside memory aside = hostile();
        vm.expectRevert(abi.encodeWithSelector(ITaskMarketErrors.TaskStillOpen.selector, task));
        market.refund(task);
        assertFalse(ledger.isOver(task), "still may pay");
        vm.prank(validators[0]);
        ledger.leave(task, VALIDATOR);
        vm.expectRevert(StillDisputed.selector);
        ledger.release(task, validators[0], VALIDATOR);
        vm.expectRevert(abi.encodeWithSelector(StillEnlisted.selector, trainers[0]));
        ledger.release(task, trainers[0], TRAINER);

        vm.warp(challengeEnd(1) + terms.challengeWindow);
        ledger.resolve(task, 1, aside, 0);
        for (uint256 i; i < 3; ++i) {
            ledger.release(task, validators[i], VALIDATOR);
            ledger.release(task, trainers[i], TRAINER);
            assertEq(locked(validators[i]) + locked(trainers[i]), 0, "free");
        }
        uint256 left = market.escrowOf(task);
        assertEq(left, terms.pot - 5 ether - 6 ether, "all but one pay and six seats");
        assertEq(market.refund(task), left, "refund");
    }

    /// @dev A lot that came after the share's round doesn't wait for it.
    function test_resolve__later_lots__do_not_wait() public {
        begin();
        hostile();
        enlistValidator(stranger, LOT);
        vm.prank(stranger);
        ledger.leave(task, VALIDATOR);
        ledger.release(task, stranger, VALIDATOR);
        assertEq(locked(stranger), 0, "free");
    }
}
