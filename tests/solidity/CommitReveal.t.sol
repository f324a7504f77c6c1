// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Reveal} from "../../contracts/interfaces/IRoundLedger.sol";
import {Base} from "./Base.sol";

contract CommitRevealTest is Base {
    function setUp() public override {
        super.setUp();
        start();
        for (uint256 i; i < 3; ++i) {
            submit(trainers[i], 1, 1000);
        }
        sealRound(1);
    }

    function opening(address validator, bytes memory votes) internal pure returns (Reveal memory) {
        return Reveal({validator: validator, salt: keccak256("salt"), evidence: keccak256("evidence"), held: 7, votes: votes});
    }

    /// @dev Commits to any bytes; the reveal window is open afterwards.
    function commitTo(Reveal memory r) internal {
        bytes32 digest = ledger.attestationDigest(task, 1, r.validator, r.votes, r.held, r.evidence, r.salt);
        vm.warp(sealAt(1) + 2);
        vm.prank(r.validator);
        ledger.commit(task, 1, digest);
        vm.warp(commitEnd(1));
    }

    function send(Reveal memory r) internal {
        vm.prank(r.validator);
        ledger.reveal(task, 1, r.votes, r.held, r.evidence, r.salt);
    }

    function malformed(bytes memory votes) internal {
        uint256 snapshot = vm.snapshotState();
        Reveal memory r = opening(validators[0], votes);
        commitTo(r);
        vm.expectRevert(MalformedVotes.selector);
        send(r);
        vm.revertToState(snapshot);
    }

    /// @dev A submission and a seat of it that fell to `validator`.
    function aSeat(address validator) internal view returns (uint256 index, uint256 mask) {
        for (;; ++index) {
            mask = seatsOf(1, validator, index);
            if (mask != 0) return (index, mask & (~mask + 1));
        }
    }

    // --- commit

    function test_commit__window_edges() public {
        vm.startPrank(validators[0]);
        vm.warp(sealAt(1) - 1);
        vm.expectRevert(outside(sealAt(1), commitEnd(1)));
        ledger.commit(task, 1, "x");
        vm.warp(commitEnd(1));
        vm.expectRevert(outside(sealAt(1), commitEnd(1)));
        ledger.commit(task, 1, "x");
        vm.warp(sealAt(1));
        ledger.commit(task, 1, "x");
        vm.stopPrank();
        vm.warp(commitEnd(1) - 1);
        vm.expectEmit(address(ledger));
        emit Committed(task, 1, validators[1]);
        vm.prank(validators[1]);
        ledger.commit(task, 1, "x");
    }

    function test_commit__twice__reverts() public {
        vm.startPrank(validators[0]);
        ledger.commit(task, 1, "x");
        vm.expectRevert(abi.encodeWithSelector(AlreadyCommitted.selector, validators[0]));
        ledger.commit(task, 1, "y");
        vm.stopPrank();
    }

    /// @dev checklist 17, 19: a commitment without a lot, or with one of the next round, can't be revealed and counts for nothing.
    function test_commit__without_a_lot_in_the_round__cannot_be_revealed() public {
        address late = makeAddr("late");
        vm.warp(opens(2) - 1);
        enlistValidator(late, LOT);
        vm.warp(sealAt(1));
        Reveal memory none = commit(1, stranger, all(0, VALID), 0);
        Reveal memory next = commit(1, late, all(0, VALID), 0);
        vm.warp(commitEnd(1));
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(NotEnlisted.selector, stranger));
        ledger.reveal(task, 1, none.votes, none.held, none.evidence, none.salt);
        vm.prank(late);
        vm.expectRevert(abi.encodeWithSelector(NotEnlisted.selector, late));
        ledger.reveal(task, 1, next.votes, next.held, next.evidence, next.salt);
        (,,, uint16 reveals_,) = ledger.roundOf(task, 1);
        assertEq(reveals_, 0, "nothing counted");
    }

    // --- reveal

    function test_reveal__what_was_committed__is_counted() public {
        uint256[] memory verdicts = all(3, VALID);
        Reveal memory r = commit(1, validators[0], verdicts, 7);
        vm.warp(commitEnd(1));
        vm.expectEmit(address(ledger));
        emit Revealed(task, 1, validators[0], r.salt, r.evidence, 7, r.votes);
        send(r);
        (,,, uint16 opened,) = ledger.roundOf(task, 1);
        assertEq(opened, 1, "reveals");
        vm.prank(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(NotCommitted.selector, validators[0]));
        ledger.reveal(task, 1, r.votes, r.held, r.evidence, r.salt);
    }

    /// @dev checklist 37
    function test_reveal__window_edges() public {
        Reveal memory r = commit(1, validators[0], all(3, VALID), 7);
        Reveal memory s = commit(1, validators[1], all(3, VALID), 7);
        vm.warp(commitEnd(1) - 1);
        vm.expectRevert(outside(commitEnd(1), revealEnd(1)));
        send(r);
        vm.warp(commitEnd(1));
        send(r);
        vm.warp(revealEnd(1));
        vm.expectRevert(outside(commitEnd(1), revealEnd(1)));
        send(s);
        vm.warp(revealEnd(1) - 1);
        send(s);
    }

    function test_reveal__nothing_drawn_but_holding__is_allowed() public {
        Reveal memory r = opening(validators[0], "");
        commitTo(r);
        send(r);
    }

    function test_reveal__never_committed__reverts() public {
        vm.warp(commitEnd(1));
        vm.expectRevert(abi.encodeWithSelector(NotCommitted.selector, validators[0]));
        send(opening(validators[0], ""));
    }

    function test_reveal__unsealed_round__reverts() public {
        vm.warp(opens(2));
        submit(trainers[0], 2, 1000);
        vm.warp(sealAt(2));
        vm.prank(validators[0]);
        ledger.commit(task, 2, "x");
        vm.warp(commitEnd(2));
        vm.prank(validators[0]);
        vm.expectRevert(NotSealed.selector);
        ledger.reveal(task, 2, "", 0, "", "");
    }

    function test_reveal__any_part_changed__reverts() public {
        (uint256 index, uint256 mask) = aSeat(validators[0]);
        Reveal memory good = opening(validators[0], vote(index, mask, VALID));
        commitTo(good);
        bytes memory err = abi.encodeWithSelector(WrongOpening.selector, validators[0]);
        vm.startPrank(validators[0]);
        vm.expectRevert(err);
        ledger.reveal(task, 1, vote(index, mask, INVALID), good.held, good.evidence, good.salt);
        vm.expectRevert(err);
        ledger.reveal(task, 1, good.votes, good.held + 1, good.evidence, good.salt);
        vm.expectRevert(err);
        ledger.reveal(task, 1, good.votes, good.held, "", good.salt);
        vm.expectRevert(err);
        ledger.reveal(task, 1, good.votes, good.held, good.evidence, "");
        ledger.reveal(task, 1, good.votes, good.held, good.evidence, good.salt);
    }

    /// @dev checklist 21: a commitment names its signer: who copies one can't open it.
    function test_reveal__copied_commitment__reverts() public {
        Reveal memory r = opening(validators[0], "");
        bytes32 digest = ledger.attestationDigest(task, 1, validators[0], r.votes, r.held, r.evidence, r.salt);
        vm.prank(validators[1]);
        ledger.commit(task, 1, digest); // even first
        commitTo(r);
        send(r);
        r.validator = validators[1];
        vm.expectRevert(abi.encodeWithSelector(WrongOpening.selector, validators[1]));
        send(r);
    }

    /// @dev A commitment names its round and its task: an opened one can't be used again.
    function test_reveal__replayed_in_the_next_round__reverts() public {
        Reveal memory r = opening(validators[0], "");
        bytes32 digest = ledger.attestationDigest(task, 1, validators[0], r.votes, r.held, r.evidence, r.salt);
        commitTo(r);
        send(r);
        vm.warp(opens(3));
        submit(trainers[0], 3, 1000);
        sealRound(3);
        vm.prank(validators[0]);
        ledger.commit(task, 3, digest);
        vm.warp(commitEnd(3));
        vm.prank(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(WrongOpening.selector, validators[0]));
        ledger.reveal(task, 3, r.votes, r.held, r.evidence, r.salt);
    }

    function test_attestationDigest__every_field__is_bound() public {
        bytes32 digest = ledger.attestationDigest(1, 1, validators[0], "", 0, "", "");
        assertNotEq(digest, ledger.attestationDigest(2, 1, validators[0], "", 0, "", ""), "task");
        assertNotEq(digest, ledger.attestationDigest(1, 2, validators[0], "", 0, "", ""), "round");
        assertNotEq(digest, ledger.attestationDigest(1, 1, validators[1], "", 0, "", ""), "validator");
        assertNotEq(digest, ledger.attestationDigest(1, 1, validators[0], "x", 0, "", ""), "votes");
        assertNotEq(digest, ledger.attestationDigest(1, 1, validators[0], "", 1, "", ""), "held");
        assertNotEq(digest, ledger.attestationDigest(1, 1, validators[0], "", 0, "x", ""), "evidence");
        assertNotEq(digest, ledger.attestationDigest(1, 1, validators[0], "", 0, "", "x"), "salt");
        vm.chainId(5);
        assertNotEq(digest, ledger.attestationDigest(1, 1, validators[0], "", 0, "", ""), "chain");
    }

    function test_reveal__malformed_votes__revert() public {
        (uint256 index, uint256 mask) = aSeat(validators[0]);
        bytes memory good = vote(index, mask, VALID);
        malformed(bytes.concat(good, hex"00"));
        malformed(hex"00000001010000");
        malformed(vote(index, 0, VALID));
        malformed(vote(index, mask | 8, VALID)); // seat 3 of 3
        malformed(vote(index, mask, 0));
        malformed(vote(index, mask, 5));
        malformed(vote(3, 1, VALID));
        malformed(bytes.concat(good, good));
    }

    function test_reveal__descending_votes__reverts() public {
        bytes memory backwards;
        for (uint256 i; i < 3; ++i) {
            uint256 mask = seatsOf(1, validators[0], i);
            if (mask != 0) backwards = bytes.concat(vote(i, mask, VALID), backwards);
        }
        assertGt(backwards.length, 8, "has two votes");
        malformed(backwards);
    }

    function test_reveal__foreign_seat__reverts() public {
        (uint256 index, uint256 mask) = aSeat(validators[1]);
        uint256 seat = mask == 1 ? 0 : mask == 2 ? 1 : 2;
        Reveal memory r = opening(validators[0], vote(index, mask, VALID));
        commitTo(r);
        vm.expectRevert(abi.encodeWithSelector(SeatNotDrawn.selector, index, seat));
        send(r);
    }

    /// @dev checklist 18: every seat of every submission belongs to exactly one validator.
    function testFuzz_draw__seats_partition(bytes32 mix) public {
        vm.assume(mix != 0 && mix != PREVRANDAO); // the parent's: a chain that repeats it is refused
        vm.warp(opens(2));
        for (uint256 i; i < 3; ++i) {
            submit(trainers[i], 2, 1);
        }
        vm.warp(sealAt(2));
        (bytes memory header, bytes memory parent) = headerAt(sealAt(2), mix);
        ledger.seal(task, 2, abi.encode(header, parent));
        for (uint256 i; i < 3; ++i) {
            uint256 a = seatsOf(2, validators[0], i);
            uint256 b = seatsOf(2, validators[1], i);
            uint256 c = seatsOf(2, validators[2], i);
            assertEq(a | b | c, 7, "all");
            assertEq(a + b + c, 7, "once");
        }
        uint256[] memory verdicts = all(3, VALID);
        for (uint256 i; i < 3; ++i) {
            commit(2, validators[i], verdicts, 0); // and the ledger agrees
        }
        vm.warp(commitEnd(2));
        for (uint256 i; i < 3; ++i) {
            bytes memory votes = votesOf(2, validators[i], verdicts);
            vm.prank(validators[i]);
            ledger.reveal(
                task, 2, votes, 0, keccak256(abi.encode("evidence", validators[i], 2)), keccak256(abi.encode("salt", validators[i], 2))
            );
        }
    }
}
