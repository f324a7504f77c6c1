// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Reveal} from "../../contracts/interfaces/RoundLedgerTypes.sol";
import {Scene} from "./Scene.sol";

/// @dev One submission, a seat for each validator. Silence after a commitment costs a quarter of `cut` (0.5), absence a seat fee (1).
contract SilenceTest is Scene {
    function setUp() public override {
        super.setUp();
        start();
        works(trainers[0], 1, 1000);
    }

    function cutSilent(uint256 v, uint16 index, uint8 seat) internal {
        vm.prank(stranger);
        ledger.cutSilent(task, 1, validators[v], index, seat);
    }

    function expose(Reveal memory r) internal {
        vm.prank(stranger);
        ledger.expose(task, 1, r.validator, r.votes, r.held, r.evidence, r.salt);
    }

    // --- silence

    /// @dev checklist 23
    function test_cutSilent__committed_and_silent__quarter_of_a_cut() public {
        sealAs(1, "012");
        say(1, "V! V V");
        vm.warp(revealEnd(1));
        mark();
        expectCut(1, 0, NO_INDEX, STAYED_SILENT, 0.25 ether, 0.25 ether);
        cutSilent(0, 9, 9); // no seat needs to be named
        assertEq(lost(validators[0]), 0.5 ether, "validator");
        assertEq(locked(validators[0]), 99.5 ether, "locked");
        assertEq(cutOf(validators[0]), 0.5e9, "lot");
        assertEq(gained(stranger), 0.25 ether, "who showed it");
        assertEq(destroyed(), 0.25 ether, "burned");
        assertSound();
    }

    /// @dev checklist 23
    function test_cutSilent__drawn_and_absent__a_seat_fee() public {
        sealAs(1, "012");
        say(1, "- V V");
        vm.warp(revealEnd(1));
        mark();
        expectCut(1, 0, NO_INDEX, ABSENT, 0.5 ether, 0.5 ether);
        cutSilent(0, 0, 0);
        assertEq(lost(validators[0]), 1 ether, "validator");
        assertEq(gained(stranger), 0.5 ether, "who showed it");
        assertEq(destroyed(), 0.5 ether, "burned");
        (bool committed, bool revealed,,, bool isCut) = ledger.voterOf(task, 1, validators[0]);
        assertFalse(committed || revealed, "spoke");
        assertTrue(isCut, "cut");
        assertSound();
    }

    function test_cutSilent__once_and_only_the_silent() public {
        sealAs(1, "012");
        say(1, "V! V -");
        vm.warp(revealEnd(1));
        cutSilent(0, 0, 0);
        cutSilent(2, 0, 2);
        for (uint256 v; v < 3; ++v) {
            vm.expectRevert(abi.encodeWithSelector(NotSilent.selector, validators[v])); // 1 revealed
            cutSilent(v, 0, uint8(v));
        }
    }

    function test_cutSilent__seats_that_are_not_its_own__reverts() public {
        sealAs(1, "012");
        say(1, "- - -");
        vm.warp(revealEnd(1));
        vm.expectRevert(abi.encodeWithSelector(SeatNotDrawn.selector, 0, 1));
        cutSilent(0, 0, 1);
        vm.expectRevert(MalformedVotes.selector);
        cutSilent(0, 1, 0); // no such submission
        vm.expectRevert(MalformedVotes.selector);
        cutSilent(0, 0, 3); // seats of the extra draw are nobody's duty
        vm.expectRevert(abi.encodeWithSelector(NotEnlisted.selector, stranger));
        ledger.cutSilent(task, 1, stranger, 0, 0);
    }

    /// @dev checklist 37
    function test_cutSilent__before_reveals_end__reverts() public {
        sealAs(1, "012");
        say(1, "- - -");
        vm.warp(revealEnd(1) - 1);
        vm.expectRevert(outside(revealEnd(1), lastShown()));
        cutSilent(0, 0, 0);
        vm.warp(revealEnd(1));
        cutSilent(0, 0, 0);
    }

    /// @dev When sixteen rounds later may take the words.
    function lastShown() internal view returns (uint256) {
        return opens(17);
    }

    function test_cutSilent__unsealed_or_empty_round__reverts() public {
        vm.warp(revealEnd(1));
        vm.expectRevert(NotSealed.selector);
        cutSilent(0, 0, 0);
        vm.warp(revealEnd(2));
        vm.expectRevert(abi.encodeWithSelector(UnknownRound.selector, task, 2));
        ledger.cutSilent(task, 2, validators[0], 0, 0);
    }

    /// @dev Shown by itself: still half is burned, and nobody else can show it.
    function test_cutSilent__shown_by_itself__half_is_burned() public {
        sealAs(1, "012");
        say(1, "V! V V");
        vm.warp(revealEnd(1));
        mark();
        vm.prank(validators[0]);
        ledger.cutSilent(task, 1, validators[0], 0, 0);
        assertEq(lost(validators[0]) - gained(validators[0]), 0.25 ether, "half");
    }

    /// @dev A validator that left answers for the round it left in, and isn't needed in the next.
    function test_cutSilent__left__only_for_its_last_round() public {
        sealAs(1, "012");
        vm.prank(validators[0]);
        ledger.leave(task, VALIDATOR);
        vm.warp(opens(2));
        vm.prank(trainers[0]);
        vm.expectRevert(abi.encodeWithSelector(StakeTooLow.selector, 200e9, 300e9));
        ledger.submit(task, 2, 0, 1, "root", "mark", "");
        vm.warp(revealEnd(1));
        cutSilent(0, 0, 0);
        (, uint32 until,,,) = ledger.lotOf(task, validators[0]);
        assertEq(until, 2, "counts in round 1 only");
    }

    /// @dev Shown before the release, the lot gives back less; released first, nothing is left to show.
    function test_cutSilent__race_with_the_release__no_stake_in_between() public {
        sealAs(1, "012");
        say(1, "V! - V");
        vm.startPrank(validators[0]);
        ledger.leave(task, VALIDATOR);
        vm.stopPrank();
        vm.prank(validators[1]);
        ledger.leave(task, VALIDATOR);
        vm.warp(challengeEnd(1) + 60);
        vm.expectRevert(abi.encodeWithSelector(NotFinal.selector, 1));
        ledger.release(task, validators[0], VALIDATOR); // not before the round is final
        finish(1);

        cutSilent(0, 0, 0);
        vm.expectEmit(address(ledger));
        emit Released(task, validators[0], VALIDATOR, 99.5 ether);
        ledger.release(task, validators[0], VALIDATOR);
        ledger.release(task, validators[1], VALIDATOR);
        vm.expectRevert(abi.encodeWithSelector(NotEnlisted.selector, validators[1]));
        cutSilent(1, 0, 1);
        assertEq(locked(validators[0]) + locked(validators[1]), 0, "nothing stays locked");
        assertEq(staked(validators[0]), 99.5 ether, "cut");
        assertEq(staked(validators[1]), LOT, "too late");
    }

    // --- the ring

    /// @dev Sixteen rounds later the same words are another round's. An honest validator that spoke isn't shown silent by then, and its
    /// attestation isn't forgotten: it would count twice.
    function test_cutSilent__sixteen_rounds_later__spoken_stays_spoken() public {
        sealAs(1, "012");
        say(1, "V V V");
        finish(1);
        vm.warp(votesEnd(17)); // nobody submitted in round 17; its checkpoint is attested
        vm.prank(validators[0]);
        ledger.attest(task, 17, "root");
        mark();
        vm.expectRevert(outside(revealEnd(1), lastShown()));
        cutSilent(0, 0, 0);
        assertEq(lost(validators[0]), 0, "not cut");
        vm.prank(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(AlreadyAttested.selector, validators[0]));
        ledger.attest(task, 17, "root");
    }

    /// @dev checklist 38: a round that nobody finished for sixteen rounds keeps its votes: commitments and attestations of the round that
    /// would take their words are refused, and it can be finished as on the first day.
    function test_ring__abandoned_round__can_still_be_finished() public {
        sealAs(1, "012");
        say(1, "V V V");
        vm.warp(sealAt(17));
        vm.prank(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(RoundOccupied.selector, 1));
        ledger.commit(task, 17, "commitment");
        vm.warp(votesEnd(17));
        vm.prank(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(RoundOccupied.selector, 1));
        ledger.attest(task, 17, "root");
        mark();
        expectFinal(1, hex"01", 13 ether, 0, 0);
        finish(1);
        assertEq(gained(trainers[0]), 10 ether, "paid");
        vm.prank(validators[0]);
        ledger.attest(task, 17, "root");
    }

    // --- a loose tongue

    /// @dev attack H2: who lets its salt out before reveals begin loses its vote and a quarter of a cut to whoever shows it.
    function test_expose__salt_let_out__void_and_cut() public {
        sealAs(1, "012");
        vm.warp(sealAt(1) + 2);
        Reveal memory r = opening(1, validators[0], ballot(0, 1, "V"));
        commits(1, r);
        mark();
        expectCut(1, 0, NO_INDEX, EXPOSED, 0.25 ether, 0.25 ether);
        expose(r);
        assertEq(gained(stranger), 0.25 ether, "snitch");
        assertEq(lost(validators[0]), 0.5 ether, "validator");
        assertSound();

        vm.expectRevert(abi.encodeWithSelector(NotCommitted.selector, validators[0]));
        expose(r); // once
        vm.warp(commitEnd(1));
        vm.prank(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(NotCommitted.selector, validators[0]));
        ledger.reveal(task, 1, r.votes, r.held, r.evidence, r.salt); // void
        vm.warp(revealEnd(1));
        vm.expectRevert(abi.encodeWithSelector(NotSilent.selector, validators[0]));
        cutSilent(0, 0, 0); // and not cut again for the silence
        vm.warp(sealAt(1) + 3);
        vm.prank(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(AlreadyCommitted.selector, validators[0]));
        ledger.commit(task, 1, "another");
    }

    function test_expose__anything_changed_or_nothing_committed__reverts() public {
        sealAs(1, "012");
        vm.warp(sealAt(1) + 2);
        Reveal memory r = opening(1, validators[0], ballot(0, 1, "V"));
        commits(1, r);
        bytes memory wrong = abi.encodeWithSelector(WrongOpening.selector, validators[0]);
        r.salt = "guess";
        vm.expectRevert(wrong);
        expose(r);
        r = opening(1, validators[0], ballot(0, 1, "I"));
        vm.expectRevert(wrong);
        expose(r);
        r = opening(1, validators[1], ballot(0, 1, "V"));
        vm.expectRevert(abi.encodeWithSelector(NotCommitted.selector, validators[1]));
        expose(r);
    }

    /// @dev checklist 37: reveals themselves can't be used: from their first second on nothing can be exposed.
    function test_expose__window_edges() public {
        sealAs(1, "012");
        vm.warp(sealAt(1));
        Reveal memory r = opening(1, validators[0], ballot(0, 1, "V"));
        commits(1, r);
        vm.warp(sealAt(1) - 1);
        vm.expectRevert(outside(sealAt(1), commitEnd(1)));
        expose(r);
        vm.warp(commitEnd(1));
        vm.expectRevert(outside(sealAt(1), commitEnd(1)));
        expose(r);
        vm.warp(commitEnd(1) - 1);
        expose(r);
    }

    // --- what silence is worth

    /// @dev attack H2: to see the others' reveals and stay silent in the minority costs more than to have voted: nothing is free about the
    /// option. And silence, which may be another's doing (M2), costs less than passing a canary.
    function test_attack_h2__silence_in_the_minority__costs_more_than_speaking() public {
        sealAs(1, "012");
        uint256 before = vm.snapshotState();
        say(1, "I V V");
        mark();
        finish(1);
        uint256 spoke = lost(validators[0]);
        assertEq(gained(validators[0]), 0, "minority isn't paid");
        vm.revertToState(before);
        say(1, "I! V V");
        mark();
        finish(1);
        cutSilent(0, 0, 0);
        assertEq(spoke, 0, "an honest mistake is free");
        assertEq(lost(validators[0]), 0.5 ether, "silence isn't");
        assertLt(lost(validators[0]), terms.cut, "and costs less than a canary");
    }
}

/// @dev The smallest lot there may be, in a task whose seat fee is as large.
contract SmallLotTest is Scene {
    function test_cutSilent__fee_of_a_seat_is_all_that_backs_the_lot__lot_is_gone_and_no_more() public {
        (terms.cut, terms.canaryRate, terms.canaryFee, terms.minStake) = (0, 0, 0, 16 ether);
        start();
        address small = makeAddr("small");
        enlistValidator(small, 1 ether);
        others.push(small);
        vm.warp(opens(2));
        works(trainers[0], 2, 1000);
        sealAs(2, "3**"); // the fourth lot begins where the third ends
        vm.warp(revealEnd(2));
        vm.prank(stranger);
        ledger.cutSilent(task, 2, small, 0, 0);
        assertEq(staked(small), 0, "all of it");
        assertEq(claimable(stranger), 0.5 ether, "half to who showed it");
        assertEq(token.balanceOf(GRAVE), 0.5 ether, "half burned");
    }
}
