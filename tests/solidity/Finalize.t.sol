// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Entry, Reveal} from "../../contracts/interfaces/IRoundLedger.sol";
import {ITaskMarketEvents} from "../../contracts/interfaces/ITaskMarket.sol";
import {Base} from "./Base.sol";

/// @dev Three submissions of 1000 units (10 tokens each at 0.01), three seats of 1 token each, attesting pays 0.1.
contract FinalizeTest is Base, ITaskMarketEvents {
    address[] internal none;

    function setUp() public override {
        super.setUp();
        start();
        for (uint256 i; i < 3; ++i) {
            submit(trainers[i], 1, 1000);
        }
    }

    function seatsVoted(uint32 round, address validator) internal view returns (uint256 n) {
        for (uint256 i; i < entries[round].length; ++i) {
            for (uint256 mask = seatsOf(round, validator, i); mask != 0; mask &= mask - 1) {
                ++n;
            }
        }
    }

    function outcomes(bytes memory expected, uint256 fromEscrow, uint256 fromBonds, uint256 burned) internal {
        vm.expectEmit(address(ledger));
        emit RoundFinal(task, 1, expected, fromEscrow, fromBonds, burned);
    }

    /// @dev Vault and escrow add up to everything that was put in.
    function assertSound() internal view {
        assertEq(token.balanceOf(address(vault)), vault.owed(), "vault's balance is what it owes");
        assertEq(token.balanceOf(address(market)), market.escrowOf(task), "market's balance is the escrow");
    }

    // --- outcomes

    function test_finalize__all_valid__pays_trainers_seats_and_attesters() public {
        sealRound(1);
        judge(1, all(3, VALID));
        attestAll(1); // two of three are enough
        uint256 escrow = market.escrowOf(task);
        vm.expectEmit(address(ledger));
        emit Paid(task, trainers[0], 1, TRAINER, 1, 1, 10 ether);
        outcomes(hex"010101", 39.2 ether, 0, 0);
        vm.expectEmit(address(market));
        emit RoundPaid(task, 39.2 ether);
        finalize(1);

        uint256 all_;
        for (uint256 i; i < 3; ++i) {
            assertEq(claimable(trainers[i]), 10 ether, "trainer");
            assertEq(exposed(trainers[i]), 0, "freed");
            assertEq(locked(trainers[i]), 200 ether, "still enlisted");
            uint256 seats = seatsVoted(1, validators[i]);
            assertEq(claimable(validators[i]), seats * 1 ether + (i < 2 ? 0.1 ether : 0), "validator");
            all_ += seats;
        }
        assertEq(all_, 9, "nine seats");
        assertEq(market.escrowOf(task), escrow - 39.2 ether, "escrow");
        (,,, uint16 pending) = ledger.stateOf(task);
        assertEq(pending, 0, "pending");
        assertSound();
    }

    function test_finalize__one_invalid__burns_its_bond_and_pays_its_seats() public {
        sealRound(1);
        uint256[] memory verdicts = all(3, VALID);
        verdicts[1] = INVALID;
        judge(1, verdicts);
        vm.warp(challengeEnd(1));
        vm.expectEmit(address(ledger));
        emit Slashed(task, trainers[1], 1, 1, 20 ether, 3 ether);
        outcomes(hex"010301", 26 ether, 3 ether, 20 ether);
        finalize(1);

        assertEq(claimable(trainers[1]), 0, "unpaid");
        assertEq(staked(trainers[1]), 177 ether, "stake");
        assertEq(locked(trainers[1]), 177 ether, "locked");
        (, uint256 enlisted, uint256 open) = ledger.trainerOf(task, trainers[1]);
        assertEq(enlisted, 177 ether, "enlisted");
        assertEq(open, 0, "exposed");
        assertEq(token.balanceOf(GRAVE), 20 ether, "burned");
        for (uint256 i; i < 3; ++i) {
            assertEq(claimable(validators[i]), seatsVoted(1, validators[i]) * 1 ether, "same fee for every verdict");
        }
        assertSound();
    }

    function test_finalize__unavailable_and_malformed__cost_the_seat_fees_only() public {
        sealRound(1);
        uint256[] memory verdicts = all(3, VALID);
        (verdicts[0], verdicts[2]) = (UNAVAILABLE, MALFORMED);
        judge(1, verdicts);
        vm.warp(challengeEnd(1));
        outcomes(hex"040105", 13 ether, 6 ether, 0);
        finalize(1);
        assertEq(staked(trainers[0]), 197 ether, "fees");
        assertEq(staked(trainers[2]), 197 ether, "fees");
        assertEq(token.balanceOf(GRAVE), 0, "nothing burned");
        assertSound();
    }

    function test_finalize__silence__pays_nobody() public {
        sealRound(1);
        vm.warp(challengeEnd(1));
        outcomes(hex"060606", 0, 0, 0);
        finalize(1);
        assertEq(claimable(trainers[0]), 0, "unpaid");
        assertEq(exposed(trainers[0]), 0, "freed");
        assertEq(staked(trainers[0]), 200 ether, "not slashed");
    }

    function test_finalize__never_sealed__is_void_and_frees_everything() public {
        vm.warp(commitEnd(1));
        (bytes memory header, bytes memory parent) = headerAt(sealAt(1), "mix");
        vm.expectRevert(outside(sealAt(1), commitEnd(1)));
        ledger.seal(task, 1, header, parent);
        vm.warp(challengeEnd(1));
        outcomes(hex"070707", 0, 0, 0);
        finalize(1);
        for (uint256 i; i < 3; ++i) {
            assertEq(exposed(trainers[i]), 0, "freed");
            assertEq(staked(trainers[i]), 200 ether, "stake");
        }
    }

    function test_finalize__two_thirds_of_the_stake_do_not_hold__accepted_but_unpaid() public {
        sealRound(1);
        vm.warp(sealAt(1) + 2);
        Reveal[] memory rs = new Reveal[](3);
        for (uint256 i; i < 3; ++i) {
            // submission 0 is held by two of three, submission 1 by one, submission 2 by all
            rs[i] = commit(1, validators[i], all(3, VALID), i == 0 ? 7 : i == 1 ? 5 : 4);
        }
        vm.warp(commitEnd(1));
        for (uint256 i; i < 3; ++i) {
            reveal(1, rs[i]);
        }
        vm.warp(challengeEnd(1));
        outcomes(hex"010201", 29 ether, 0, 0); // the seats that looked are paid nevertheless
        finalize(1);
        assertEq(claimable(trainers[1]), 0, "not held");
        assertEq(staked(trainers[1]), 200 ether, "not slashed");
    }

    /// @dev One validator with all the seats isn't two voters.
    function test_finalize__a_single_voter__no_quorum() public {
        sealRound(1);
        vm.warp(sealAt(1) + 2);
        Reveal memory r = commit(1, validators[0], all(3, VALID), 7);
        vm.warp(commitEnd(1));
        reveal(1, r);
        vm.warp(challengeEnd(1));
        outcomes(hex"060606", 0, 0, 0);
        finalize(1);
        assertEq(claimable(validators[0]), 0, "no seat agreed with an outcome");
    }

    /// @dev A quorum of 2 of 3 seats, against one that says otherwise.
    function test_finalize__two_seats_against_one__the_two_are_paid() public {
        sealRound(1);
        uint256[] memory lie = all(3, INVALID);
        vm.warp(sealAt(1) + 2);
        Reveal[] memory rs = new Reveal[](3);
        for (uint256 i; i < 3; ++i) {
            rs[i] = commit(1, validators[i], i == 2 ? lie : all(3, VALID), 7);
        }
        vm.warp(commitEnd(1));
        for (uint256 i; i < 3; ++i) {
            reveal(1, rs[i]);
        }
        finalize(1);
        uint256 due;
        for (uint256 i; i < 3; ++i) {
            (uint256 a, uint256 b) = (count(seatsOf(1, validators[0], i)), count(seatsOf(1, validators[1], i)));
            bool wins = a + b >= 2 && a != 0 && b != 0;
            assertEq(claimable(trainers[i]), wins ? 10 ether : 0, "outcome");
            if (wins) due += a + b;
        }
        assertEq(claimable(validators[0]) + claimable(validators[1]), due * 1 ether, "agreeing seats");
        assertEq(claimable(validators[2]), 0, "who was alone");
        assertSound();
    }

    function count(uint256 mask) internal pure returns (uint256 n) {
        for (; mask != 0; mask &= mask - 1) {
            ++n;
        }
    }

    function test_finalize__attester_without_reveal__is_paid() public {
        sealRound(1);
        vm.warp(sealAt(1) + 2);
        Reveal memory r = commit(1, validators[0], all(3, VALID), 7);
        Reveal memory s = commit(1, validators[1], all(3, VALID), 7);
        vm.warp(commitEnd(1));
        reveal(1, r);
        reveal(1, s);
        vm.warp(revealEnd(1));
        vm.prank(validators[2]);
        ledger.attest(task, 1, "root");
        vm.prank(validators[0]);
        ledger.attest(task, 1, "root");
        vm.warp(challengeEnd(1));

        address[] memory attesters = new address[](1);
        vm.expectRevert(WrongAttesters.selector);
        ledger.finalize(task, 1, entries[1], reveals[1], none);
        attesters[0] = validators[1];
        vm.expectRevert(WrongAttesters.selector);
        ledger.finalize(task, 1, entries[1], reveals[1], attesters);
        attesters[0] = validators[0]; // revealed: is counted already
        vm.expectRevert(WrongAttesters.selector);
        ledger.finalize(task, 1, entries[1], reveals[1], attesters);
        address[] memory twice = new address[](2);
        (twice[0], twice[1]) = (validators[2], validators[2]);
        vm.expectRevert(WrongAttesters.selector);
        ledger.finalize(task, 1, entries[1], reveals[1], twice);

        attesters[0] = validators[2];
        vm.expectEmit(address(ledger));
        emit Paid(task, validators[2], 1, VALIDATOR, 0, 0, 0.1 ether);
        ledger.finalize(task, 1, entries[1], reveals[1], attesters);
        assertEq(claimable(validators[2]), 0.1 ether, "attester");
        assertSound();
    }

    function test_finalize__wrong_candidate_first__its_attester_is_unpaid() public {
        sealRound(1);
        judge(1, all(3, VALID));
        vm.warp(revealEnd(1));
        bytes32[3] memory roots = [bytes32("wrong"), "right", "right"];
        for (uint256 i; i < 3; ++i) {
            vm.prank(validators[i]);
            ledger.attest(task, 1, roots[i]);
        }
        finalize(1);
        for (uint256 i; i < 3; ++i) {
            assertEq(claimable(validators[i]), seatsVoted(1, validators[i]) * 1 ether, "seats only");
        }
    }

    // --- the pot

    function testFuzz_finalize__pot_smaller_than_due__shares_are_scaled(uint256 pot) public {
        terms.pot = bound(pot, 13 ether, 39.2 ether - 1);
        delete entries[1];
        start();
        for (uint256 i; i < 3; ++i) {
            submit(trainers[i], 1, 1000);
        }
        uint256 before = claimable(trainers[0]);
        sealRound(1);
        judge(1, all(3, VALID));
        attestAll(1);
        uint256 escrow = market.escrowOf(task);
        finalize(1);
        uint256 paid = escrow - market.escrowOf(task);
        assertEq(claimable(trainers[0]) - before, 10 ether * terms.pot / 39.2 ether, "share");
        assertLe(paid, terms.pot, "ceiling");
        assertLe(terms.pot - paid, 5, "dust: less than a wei for each of six accounts");
        assertEq(token.balanceOf(address(vault)), vault.owed(), "vault");
    }

    // --- what is shown must be complete

    function shown() internal {
        sealRound(1);
        judge(1, all(3, VALID));
        vm.warp(challengeEnd(1));
    }

    function test_finalize__window_edge() public {
        shown();
        vm.warp(challengeEnd(1) - 1);
        vm.expectRevert(outside(challengeEnd(1), type(uint256).max));
        ledger.finalize(task, 1, entries[1], reveals[1], none);
        vm.warp(challengeEnd(1));
        ledger.finalize(task, 1, entries[1], reveals[1], none);
    }

    function test_finalize__twice__reverts() public {
        shown();
        ledger.finalize(task, 1, entries[1], reveals[1], none);
        vm.expectRevert(AlreadyFinal.selector);
        ledger.finalize(task, 1, entries[1], reveals[1], none);
        uint256 pay = claimable(trainers[0]);
        vault.claim(trainers[0]);
        assertEq(token.balanceOf(trainers[0]), pay, "once");
    }

    function test_finalize__round_without_submissions__reverts() public {
        vm.warp(challengeEnd(2));
        vm.expectRevert(abi.encodeWithSelector(UnknownRound.selector, task, 2));
        ledger.finalize(task, 2, entries[2], reveals[2], none);
    }

    function test_finalize__entries_omitted_swapped_changed__revert() public {
        shown();
        Entry[] memory es = entries[1];
        Entry[] memory two = new Entry[](2);
        (two[0], two[1]) = (es[0], es[1]);
        vm.expectRevert(WrongEntries.selector);
        ledger.finalize(task, 1, two, reveals[1], none);
        (es[0], es[1]) = (es[1], es[0]);
        vm.expectRevert(WrongEntries.selector);
        ledger.finalize(task, 1, es, reveals[1], none);
        (es[0], es[1]) = (es[1], es[0]);
        es[0].who += 1 << 64; // one unit more
        vm.expectRevert(WrongEntries.selector);
        ledger.finalize(task, 1, es, reveals[1], none);
        es[0].who -= 1 << 64;
        es[0].mark = "";
        vm.expectRevert(WrongEntries.selector);
        ledger.finalize(task, 1, es, reveals[1], none);
    }

    function test_finalize__reveals_omitted_repeated_changed__revert() public {
        shown();
        Reveal[] memory rs = reveals[1];
        Reveal[] memory two = new Reveal[](2);
        (two[0], two[1]) = (rs[0], rs[1]);
        vm.expectRevert(abi.encodeWithSelector(WrongReveals.selector, 2, 3));
        ledger.finalize(task, 1, entries[1], two, none);
        Reveal memory third = rs[2];
        rs[2] = rs[1];
        vm.expectRevert(abi.encodeWithSelector(WrongReveals.selector, 3, 2));
        ledger.finalize(task, 1, entries[1], rs, none);
        rs[2] = third;
        rs[2].votes[4] = bytes1(uint8(INVALID));
        vm.expectRevert(abi.encodeWithSelector(WrongOpening.selector, validators[2]));
        ledger.finalize(task, 1, entries[1], rs, none);
        rs[2].votes[4] = bytes1(uint8(VALID));
        rs[2].held = 0;
        vm.expectRevert(abi.encodeWithSelector(WrongOpening.selector, validators[2]));
        ledger.finalize(task, 1, entries[1], rs, none);
    }

    /// @dev Committed and not revealed: showing it in finalize doesn't make it a vote.
    function test_finalize__unrevealed_commitment_shown__reverts() public {
        sealRound(1);
        vm.warp(sealAt(1) + 2);
        Reveal memory r = commit(1, validators[0], all(3, VALID), 7);
        Reveal memory s = commit(1, validators[1], all(3, VALID), 7);
        vm.warp(commitEnd(1));
        reveal(1, r);
        vm.warp(challengeEnd(1));
        Reveal[] memory one = new Reveal[](1);
        one[0] = s;
        vm.expectRevert(abi.encodeWithSelector(WrongOpening.selector, validators[1]));
        ledger.finalize(task, 1, entries[1], one, none);
    }

    function test_finalize__attesters_where_nothing_won__reverts() public {
        shown();
        address[] memory attesters = new address[](1);
        attesters[0] = validators[0];
        vm.expectRevert(WrongAttesters.selector);
        ledger.finalize(task, 1, entries[1], reveals[1], attesters);
    }

    // --- accounts that appear more than once

    function test_finalize__one_account_in_every_role__is_settled_once() public {
        address a = validators[0];
        enlistTrainer(a, 100 ether);
        vm.warp(opens(2));
        submit(a, 2, 500);
        submit(a, 2, 1000);
        submit(trainers[0], 2, 1000);
        sealRound(2);
        uint256[] memory verdicts = all(3, VALID);
        verdicts[0] = INVALID;
        judge(2, verdicts);
        attestAll(2);
        uint256 seats = seatsVoted(2, a);
        vm.warp(challengeEnd(2));
        vm.expectEmit(address(ledger));
        emit Paid(task, a, 2, TRAINER, 2, 1, 10 ether);
        vm.expectEmit(address(ledger));
        emit Paid(task, a, 2, VALIDATOR, uint16(seats), uint16(seats), seats * 1 ether + 0.1 ether);
        finalize(2);
        assertEq(claimable(a), 10.1 ether + seats * 1 ether, "both roles");
        assertEq(staked(a), 100 ether + LOT - 23 ether, "slashed once");
        assertEq(exposed(a), 0, "freed");
        assertSound();
    }

    function test_finalize__slashed_until_the_bond_is_gone__can_submit_no_more() public {
        address cheat = makeAddr("cheat");
        enlistTrainer(cheat, 46 ether);
        for (uint32 round = 2; round < 10; round += 4) {
            vm.warp(opens(round));
            submit(cheat, round, 1000);
            sealRound(round);
            judge(round, all(1, INVALID));
            attestAll(round);
            finalize(round);
        }
        (, uint256 enlisted,) = ledger.trainerOf(task, cheat);
        assertEq(enlisted, 0, "gone");
        vm.warp(opens(10));
        (,, uint16 head,) = ledger.stateOf(task);
        vm.prank(cheat);
        vm.expectRevert(abi.encodeWithSelector(ExposureTooLarge.selector, 0, 23 ether));
        ledger.submit(task, 10, head, 1, "", "", "");
    }

    // --- pipelining and size

    function test_finalize__fifty_rounds_of_the_ring__nothing_leaks() public {
        terms.rounds = 50;
        delete entries[1];
        start();
        uint256 escrow = market.escrowOf(task);
        for (uint32 round = 1; round <= 49; round += 4) {
            play(round, VALID);
        }
        assertEq(market.escrowOf(task), escrow - 13 * 39.2 ether, "thirteen rounds paid");
        vm.warp(workEnd(50));
        market.refund(task);
        assertEq(token.balanceOf(address(vault)), vault.owed(), "vault");
    }

    /// @dev The largest call: 256 submissions.
    function test_finalize__256_submissions__fits_in_five_million_gas() public {
        terms.pot = 4000 ether;
        delete entries[1];
        for (uint256 i = 3; i < 128; ++i) {
            trainers.push(makeAddr(string.concat("trainer", vm.toString(i))));
        }
        start();
        for (uint256 i; i < 256; ++i) {
            submit(trainers[i % 128], 1, 1000);
        }
        vm.warp(sealAt(1) + 1);
        (bytes memory header, bytes memory parent) = headerAt(sealAt(1), "mix");
        ledger.seal(task, 1, header, parent);
        judge(1, all(256, VALID));
        attestAll(1);
        vm.warp(challengeEnd(1));
        (Entry[] memory es, Reveal[] memory rs) = (entries[1], reveals[1]);
        uint256 before = gasleft();
        ledger.finalize(task, 1, es, rs, none);
        assertLt(before - gasleft(), 5_000_000, "gas");
        assertGt(claimable(trainers[0]), 0, "paid");
    }
}
