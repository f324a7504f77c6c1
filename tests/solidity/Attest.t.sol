// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "./Base.sol";

contract AttestTest is Base {
    bytes32 internal constant ROOT = keccak256("checkpoint 1");

    function setUp() public override {
        super.setUp();
        start();
        submit(trainers[0], 1, 1000);
        sealRound(1);
        judge(1, all(1, VALID));
        vm.warp(votesEnd(1));
    }

    function attest(address account, uint32 round, bytes32 root) internal {
        vm.prank(account);
        ledger.attest(task, round, root);
    }

    function head() internal view returns (uint16 h) {
        (,, h,) = ledger.stateOf(task);
    }

    /// @dev checklist 20
    function test_attest__two_thirds__moves_the_head() public {
        vm.expectEmit(address(ledger));
        emit CheckpointAttested(task, 1, validators[0], ROOT);
        attest(validators[0], 1, ROOT);
        assertEq(head(), 0, "one third");
        vm.expectEmit(address(ledger));
        emit CheckpointFinal(task, 1, ROOT);
        attest(validators[1], 1, ROOT);
        assertEq(head(), 1, "two thirds");
        vm.prank(validators[2]);
        vm.expectRevert(abi.encodeWithSelector(StaleCheckpoint.selector, 1, 1));
        ledger.attest(task, 1, ROOT);
    }

    function test_attest__window_edges() public {
        vm.warp(votesEnd(1) - 1);
        vm.expectRevert(outside(votesEnd(1), challengeEnd(1)));
        attest(validators[0], 1, ROOT);
        vm.warp(votesEnd(1));
        attest(validators[0], 1, ROOT);
        vm.warp(challengeEnd(1));
        vm.expectRevert(outside(votesEnd(1), challengeEnd(1)));
        attest(validators[1], 1, ROOT);
        vm.warp(challengeEnd(1) - 1);
        attest(validators[1], 1, ROOT);
    }

    function test_attest__refusals() public {
        vm.expectRevert(abi.encodeWithSelector(NotEnlisted.selector, stranger));
        attest(stranger, 1, ROOT);
        attest(validators[0], 1, ROOT);
        vm.expectRevert(abi.encodeWithSelector(AlreadyAttested.selector, validators[0]));
        attest(validators[0], 1, ROOT);
        attest(validators[1], 1, "other");
        vm.expectRevert(abi.encodeWithSelector(AlreadyAttested.selector, validators[1]));
        attest(validators[1], 1, ROOT);
        vm.expectRevert(abi.encodeWithSelector(UnknownRound.selector, task, 21));
        attest(validators[0], 21, ROOT);
    }

    function test_attest__first_root_is_wrong__the_others_still_win() public {
        attest(validators[0], 1, "wrong");
        attest(validators[1], 1, ROOT);
        assertEq(head(), 0, "split");
        vm.expectEmit(address(ledger));
        emit CheckpointFinal(task, 1, ROOT);
        attest(validators[2], 1, ROOT);
        assertEq(head(), 1, "head");
    }

    function test_attest__three_roots__none_wins() public {
        attest(validators[0], 1, "a");
        attest(validators[1], 1, "b");
        attest(validators[2], 1, "c");
        assertEq(head(), 0, "head");
    }

    /// @dev Stake that enlists after a round opened has no say in its checkpoint.
    function test_attest__stake_of_a_later_round__reverts() public {
        enlistValidator(stranger, 100 * LOT);
        vm.expectRevert(abi.encodeWithSelector(NotEnlisted.selector, stranger));
        attest(stranger, 1, ROOT);
    }

    /// @dev Rounds 1 and 17 share a slot of the ring. Were marks of round 1 written over, it could never be made final, and no stake and no
    /// escrow would ever be free again.
    function test_attest__round_16_before_not_final__waits_for_it() public {
        vm.warp(votesEnd(17));
        vm.expectRevert(abi.encodeWithSelector(RoundOccupied.selector, 1));
        attest(validators[0], 17, ROOT);
        settle(1, nobody);
        attest(validators[0], 17, ROOT);
    }

    function test_commit__round_16_before_not_final__waits_for_it() public {
        vm.warp(sealAt(17));
        vm.startPrank(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(RoundOccupied.selector, 1));
        ledger.commit(task, 17, "x");
        settle(1, nobody);
        ledger.commit(task, 17, "x");
    }

    /// @dev Attack: attest an empty round, have one's silence shown in the round of 16 before, whose mark that wrote over; the cut writes over
    /// the attestation, and the same stake attests once more. An honest validator would be cut for a round in which it spoke.
    function test_cutSilent__round_whose_marks_may_be_written_over__reverts() public {
        finalize(1);
        (address v, uint8 seat) = aSeat();
        vm.warp(opens(17) - 1);
        vm.expectRevert(abi.encodeWithSelector(NotSilent.selector, v));
        ledger.cutSilent(task, 1, v, 0, seat);
        vm.warp(votesEnd(17));
        attest(v, 17, "evil");
        vm.expectRevert(outside(revealEnd(1), opens(17)));
        ledger.cutSilent(task, 1, v, 0, seat);
        vm.expectRevert(abi.encodeWithSelector(AlreadyAttested.selector, v));
        attest(v, 17, "evil");
        assertEq(head(), 0, "one third stays one third");
    }

    /// @dev A validator with a seat of round 1's submission.
    function aSeat() internal view returns (address v, uint8 seat) {
        for (uint256 i; i < 3; ++i) {
            uint256 mask = seatsOf(1, validators[i], 0);
            if (mask != 0) return (validators[i], mask & 1 != 0 ? 0 : mask & 2 != 0 ? 1 : 2);
        }
    }

    /// @dev A lot that a cut has ended answers for the rounds that are in flight, and for no later one.
    function test_ruleRoot__upheld__ended_lots_still_answer_for_rounds_in_flight() public {
        attest(validators[0], 1, ROOT);
        attest(validators[1], 1, ROOT);
        vm.prank(address(court));
        ledger.disputeRoot(task, 1, ROOT);
        finalize(1);
        vm.warp(opens(4));
        submit(trainers[0], 4, 1000);
        vm.startPrank(address(court));
        ledger.ruleRoot(task, 1, 1, stranger, pair(validators[0], validators[1]));
        vm.stopPrank();

        (, uint32 until, uint256 lo, uint256 hi, uint256 cut) = ledger.lotOf(task, validators[0]);
        assertEq(until, 5, "counts in round 4");
        assertEq(cut, hi - lo, "all of it");
        sealRound(4);
        judge(4, all(1, VALID));
        vm.warp(opens(5));
        vm.expectRevert(abi.encodeWithSelector(StakeTooLow.selector, LOT / 1 gwei, 3 * LOT / 1 gwei));
        vm.prank(trainers[0]);
        ledger.submit(task, 5, 1, 1, "", "", "");
        vm.expectRevert(abi.encodeWithSelector(StillNeeded.selector, challengeEnd(4)));
        ledger.release(task, validators[0], VALIDATOR);
        finalize(4);
        ledger.release(task, validators[0], VALIDATOR);
        assertEq(staked(validators[0]), 0, "nothing is left");
        assertEq(locked(validators[0]), 0, "nor locked");
        vm.prank(validators[1]);
        vm.expectRevert(abi.encodeWithSelector(NotEnlisted.selector, validators[1]));
        ledger.leave(task, VALIDATOR);
    }

    function pair(address a, address b) internal pure returns (address[] memory both) {
        both = new address[](2);
        (both[0], both[1]) = a < b ? (a, b) : (b, a);
    }

    /// @dev A case of a root that nobody closed for 16 rounds can be closed, though nobody knows its attesters any more.
    function test_ruleRoot__the_ring_has_forgotten_the_attesters__ends_without_them() public {
        address[] memory both = pair(validators[0], validators[1]);
        attest(validators[0], 1, ROOT);
        attest(validators[1], 1, ROOT);
        vm.prank(address(court));
        ledger.disputeRoot(task, 1, ROOT);
        finalize(1);
        vm.warp(opens(17) - 1);
        uint256 snapshot = vm.snapshotState();
        vm.prank(address(court));
        ledger.ruleRoot(task, 1, 1, stranger, both);
        assertEq(claimable(stranger), LOT, "half of both lots");
        vm.revertToState(snapshot);

        vm.warp(sealAt(17));
        vm.prank(validators[0]);
        ledger.commit(task, 17, "x"); // writes over its mark
        vm.startPrank(address(court));
        vm.expectRevert(WrongAttesters.selector);
        ledger.ruleRoot(task, 1, 1, stranger, both);
        ledger.ruleRoot(task, 1, 1, stranger, nobody);
        assertEq(ledger.asidesOf(task), 0, "nothing waits");
    }

    function test_disputeRoot__nobody_attested_in_the_round__reverts() public {
        vm.prank(address(court));
        vm.expectRevert(abi.encodeWithSelector(WrongRoot.selector, ROOT));
        ledger.disputeRoot(task, 1, ROOT);
    }

    /// @dev The court ends each case once; the ledger pays its attesters once even if it didn't.
    function test_ruleRoot__told_twice__attesters_are_paid_once() public {
        address[] memory both = pair(validators[0], validators[1]);
        attest(validators[0], 1, ROOT);
        attest(validators[1], 1, ROOT);
        vm.prank(address(court));
        ledger.disputeRoot(task, 1, ROOT);
        finalize(1);
        uint256 before = claimable(validators[0]);
        vm.startPrank(address(court));
        ledger.ruleRoot(task, 1, 2, stranger, both);
        assertEq(claimable(validators[0]), before + terms.attestFee, "once");
        try ledger.ruleRoot(task, 1, 2, stranger, both) {} catch {}
        assertEq(claimable(validators[0]), before + terms.attestFee, "not again");
    }

    function test_roundOf__a_round_without_submissions__is_all_zero() public view {
        (bytes16 seed, uint256 line, uint16 submissions, uint16 reveals, bool isFinal) = ledger.roundOf(task, 9);
        assertTrue(seed == 0 && line == 0 && submissions == 0 && reveals == 0 && !isFinal);
    }

    function test_ruleRoot__round_16_later_was_attested__ends_without_attesters() public {
        address[] memory both = pair(validators[0], validators[1]);
        attest(validators[0], 1, ROOT);
        attest(validators[1], 1, ROOT);
        vm.prank(address(court));
        ledger.disputeRoot(task, 1, ROOT);
        finalize(1);
        vm.warp(votesEnd(17));
        attest(validators[2], 17, "another root"); // its candidate stands where round 1's stood
        vm.startPrank(address(court));
        vm.expectRevert(WrongAttesters.selector);
        ledger.ruleRoot(task, 1, 1, stranger, both);
        ledger.ruleRoot(task, 1, 1, stranger, nobody);
        assertEq(claimable(stranger), 0, "nobody is known to have attested");
    }

    function test_attest__an_older_round_than_the_head__reverts() public {
        vm.warp(votesEnd(2));
        attest(validators[0], 2, ROOT);
        attest(validators[1], 2, ROOT);
        assertEq(head(), 2, "a round without submissions");
        vm.warp(challengeEnd(1) - 1);
        vm.expectRevert(abi.encodeWithSelector(StaleCheckpoint.selector, 1, 2));
        attest(validators[0], 1, ROOT);
    }
}
