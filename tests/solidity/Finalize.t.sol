// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITaskMarketEvents} from "../../contracts/interfaces/ITaskMarket.sol";
import {Aside, Entry, Extra, Reveal} from "../../contracts/interfaces/RoundLedgerTypes.sol";
import {Base} from "./Base.sol";
import {Vm} from "forge-std/Vm.sol";

/// @dev Three submissions of 1000 units (10 tokens each at 0.01), three seats of 1 token each, attesting pays 0.1.
contract FinalizeTest is Base, ITaskMarketEvents {
    function setUp() public override {
        super.setUp();
        start();
        for (uint256 i; i < 3; ++i) {
            submit(trainers[i], 1, 1000);
        }
    }

    /// @dev Round 1 of another task begins.
    function forget() internal {
        delete entries[1];
        delete salts[1];
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

    /// @dev As the event packs it: account 20 | role 1 | seats 2 | agreed 2 | wei 11.
    function payment(address account, uint8 role, uint256 seats, uint256 agreed, uint256 amount) internal pure returns (bytes memory) {
        return abi.encodePacked(account, role, uint16(seats), uint16(agreed), uint88(amount));
    }

    /// @dev Vault and escrow add up to everything that was put in.
    function assertSound() internal view {
        assertEq(token.balanceOf(address(vault)), owed(), "vault's balance is what it owes");
        assertEq(token.balanceOf(address(market)), market.escrowOf(task), "market's balance is the escrow");
    }

    // --- outcomes

    function test_finalize__all_valid__pays_trainers_seats_and_attesters() public {
        sealRound(1);
        judge(1, all(3, VALID));
        attestAll(1); // two of three are enough
        uint256 escrow = market.escrowOf(task);
        bytes memory payments;
        for (uint256 i; i < 3; ++i) {
            payments = bytes.concat(payments, payment(trainers[i], TRAINER, 1, 1, 10 ether));
        }
        Reveal[] memory rs = ascending(reveals[1]);
        for (uint256 i; i < 3; ++i) {
            uint256 n = seatsVoted(1, rs[i].validator);
            uint256 fee = rs[i].validator == validators[2] ? 0 : 0.1 ether;
            payments = bytes.concat(payments, payment(rs[i].validator, VALIDATOR, n, n, n * 1 ether + fee));
        }
        vm.expectEmit(address(ledger));
        emit Payments(task, 1, payments);
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

    /// @dev One penalty for every refusal: who can't show its work must not be better off than who lied.
    function test_finalize__unavailable_and_malformed__cost_the_bond_too() public {
        sealRound(1);
        uint256[] memory verdicts = all(3, VALID);
        (verdicts[0], verdicts[2]) = (UNAVAILABLE, MALFORMED);
        judge(1, verdicts);
        vm.warp(challengeEnd(1));
        outcomes(hex"040105", 13 ether, 6 ether, 40 ether);
        finalize(1);
        assertEq(staked(trainers[0]), 177 ether, "bond and fees");
        assertEq(staked(trainers[2]), 177 ether, "bond and fees");
        assertEq(token.balanceOf(GRAVE), 40 ether, "two bonds burned");
        assertSound();
    }

    /// @dev checklist 16
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
        ledger.seal(task, 1, abi.encode(header, parent));
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
        vm.warp(votesEnd(1));
        vm.prank(validators[2]);
        ledger.attest(task, 1, "root");
        vm.prank(validators[0]);
        ledger.attest(task, 1, "root");
        vm.warp(challengeEnd(1));

        address[] memory attesters = new address[](1);
        vm.expectRevert(WrongAttesters.selector);
        settle(1, nobody);
        attesters[0] = validators[1];
        vm.expectRevert(WrongAttesters.selector);
        settle(1, attesters);
        attesters[0] = validators[0]; // revealed: is counted already
        vm.expectRevert(WrongAttesters.selector);
        settle(1, attesters);
        address[] memory twice = new address[](2);
        (twice[0], twice[1]) = (validators[2], validators[2]);
        vm.expectRevert(WrongAttesters.selector);
        settle(1, twice);

        attesters[0] = validators[2];
        settle(1, attesters);
        assertEq(claimable(validators[2]), 0.1 ether, "attester");
        assertSound();
    }

    function test_finalize__another_root_first__who_attested_the_one_that_won_is_paid() public {
        sealRound(1);
        judge(1, all(3, VALID));
        vm.warp(votesEnd(1));
        bytes32[3] memory roots = [bytes32("wrong"), "right", "right"];
        for (uint256 i; i < 3; ++i) {
            vm.prank(validators[i]);
            ledger.attest(task, 1, roots[i]);
        }
        finalize(1);
        for (uint256 i; i < 3; ++i) {
            assertEq(claimable(validators[i]), seatsVoted(1, validators[i]) * 1 ether + (i == 0 ? 0 : 0.1 ether), "seats and fee");
        }
    }

    // --- the pot

    /// @dev checklist 5
    function testFuzz_finalize__pot_smaller_than_due__shares_are_scaled(uint256 pot) public {
        terms.pot = bound(pot, 16 ether, 39.2 ether - 1);
        forget();
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
        assertEq(token.balanceOf(address(vault)), owed(), "vault");
    }

    // --- what is shown must be complete

    function show(Entry[] memory es, Reveal[] memory rs) internal {
        ledger.finalize(task, 1, es, rs, extras[1], nobody, salts[1]);
    }

    function shown() internal {
        sealRound(1);
        judge(1, all(3, VALID));
        vm.warp(challengeEnd(1));
    }

    function test_finalize__window_edge() public {
        shown();
        vm.warp(challengeEnd(1) - 1);
        vm.expectRevert(outside(challengeEnd(1), type(uint256).max));
        settle(1, nobody);
        vm.warp(challengeEnd(1));
        settle(1, nobody);
    }

    function test_finalize__twice__reverts() public {
        shown();
        settle(1, nobody);
        vm.expectRevert(AlreadyFinal.selector);
        settle(1, nobody);
        uint256 pay = claimable(trainers[0]);
        vault.claim(trainers[0]);
        assertEq(token.balanceOf(trainers[0]), pay, "once");
    }

    function test_finalize__round_without_submissions__reverts() public {
        vm.warp(challengeEnd(2));
        vm.expectRevert(abi.encodeWithSelector(UnknownRound.selector, task, 2));
        settle(2, nobody);
    }

    function test_finalize__entries_omitted_swapped_changed__revert() public {
        shown();
        Entry[] memory es = entries[1];
        Entry[] memory two = new Entry[](2);
        (two[0], two[1]) = (es[0], es[1]);
        vm.expectRevert(WrongEntries.selector);
        show(two, ascending(reveals[1]));
        (es[0], es[1]) = (es[1], es[0]);
        vm.expectRevert(WrongEntries.selector);
        show(es, ascending(reveals[1]));
        (es[0], es[1]) = (es[1], es[0]);
        es[0].who += 1 << 64; // one unit more
        vm.expectRevert(WrongEntries.selector);
        show(es, ascending(reveals[1]));
        es[0].who -= 1 << 64;
        es[0].mark = "";
        vm.expectRevert(WrongEntries.selector);
        show(es, ascending(reveals[1]));
    }

    function test_finalize__reveals_omitted_repeated_changed__revert() public {
        shown();
        Reveal[] memory rs = ascending(reveals[1]);
        Reveal[] memory two = new Reveal[](2);
        (two[0], two[1]) = (rs[0], rs[1]);
        vm.expectRevert(abi.encodeWithSelector(WrongReveals.selector, 2, 3));
        show(entries[1], two);
        Reveal memory third = rs[2];
        rs[2] = rs[1];
        vm.expectRevert(abi.encodeWithSelector(WrongReveals.selector, 3, 2));
        show(entries[1], rs);
        rs[2] = third;
        rs[2].votes[4] = bytes1(uint8(INVALID));
        vm.expectRevert(abi.encodeWithSelector(WrongOpening.selector, rs[2].validator));
        show(entries[1], rs);
        rs[2].votes[4] = bytes1(uint8(VALID));
        rs[2].held = 0;
        vm.expectRevert(abi.encodeWithSelector(WrongOpening.selector, rs[2].validator));
        show(entries[1], rs);
    }

    /// @dev In one order only: nobody chooses among settlements by choosing an order.
    function test_finalize__reveals_not_ascending__reverts() public {
        shown();
        Reveal[] memory rs = ascending(reveals[1]);
        (rs[0], rs[1]) = (rs[1], rs[0]);
        vm.expectRevert(abi.encodeWithSelector(WrongReveals.selector, 3, 1));
        show(entries[1], rs);
    }

    function test_finalize__extra_votes_that_nobody_cast__revert() public {
        shown();
        extras[1].push(Extra(validators[0], vote(0, 1, INVALID)));
        vm.expectRevert(WrongExtras.selector);
        settle(1, nobody);
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
        show(entries[1], one);
    }

    function test_finalize__attesters_where_nothing_won__reverts() public {
        shown();
        address[] memory attesters = new address[](1);
        attesters[0] = validators[0];
        vm.expectRevert(WrongAttesters.selector);
        settle(1, attesters);
    }

    // --- salts

    /// @dev The share of submission `index` as the ledger set it aside in the call whose logs were recorded.
    function asideOf(uint16 index) internal returns (Aside memory) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i; i < logs.length; ++i) {
            bool isIt = logs[i].topics[0] == SetAside.selector && uint256(logs[i].topics[3]) == index;
            if (isIt) return abi.decode(logs[i].data, (Aside));
        }
        revert("not set aside");
    }

    /// @dev Round 1 ends with submission 0 accepted but not shown to be work. @return aside its share
    function withoutSalt(uint256 time) internal returns (Aside memory aside) {
        shown();
        salts[1][0] = "unknown";
        vm.warp(time);
        vm.recordLogs();
        outcomes(hex"0a0101", 26 ether, 0, 0);
        settle(1, nobody);
        aside = asideOf(0);
        assertEq(ledger.asidesOf(task), 1, "waits");
        assertEq(ledger.asideHash(task, 1, 0), keccak256(abi.encode(aside)), "hash");
    }

    function test_finalize__salt_left_out__the_share_waits_and_is_paid_with_it() public {
        Aside memory aside = withoutSalt(challengeEnd(1));
        (, uint256 enlisted, uint256 open) = ledger.trainerOf(task, trainers[0]);
        assertEq(enlisted, 177 ether, "what the share risks is apart");
        assertEq(open, 0, "not exposed any more");
        assertEq(locked(trainers[0]), 200 ether, "and locked still");
        assertEq(claimable(trainers[0]), 0, "unpaid");

        vm.expectEmit(address(ledger));
        emit Resolved(task, 1, 0, 1, 13 ether, 0, 0);
        vm.prank(stranger);
        ledger.resolve(task, 1, aside, saltOf(entries[1][0].root));
        assertEq(claimable(trainers[0]), 10 ether, "trainer");
        for (uint256 i; i < 3; ++i) {
            assertEq(claimable(validators[i]), seatsVoted(1, validators[i]) * 1 ether, "all of its seats");
        }
        (, enlisted,) = ledger.trainerOf(task, trainers[0]);
        assertEq(enlisted, 200 ether, "given back");
        assertEq(ledger.asidesOf(task), 0, "nothing waits");
        assertSound();
        vm.expectRevert(WrongAside.selector);
        ledger.resolve(task, 1, aside, saltOf(entries[1][0].root));
    }

    function test_resolve__another_share_or_a_changed_one__reverts() public {
        Aside memory aside = withoutSalt(challengeEnd(1));
        aside.index = 1;
        vm.expectRevert(WrongAside.selector);
        ledger.resolve(task, 1, aside, "");
        aside.index = 0;
        aside.ballots[0].seats += 1;
        vm.expectRevert(WrongAside.selector);
        ledger.resolve(task, 1, aside, "");
        aside.ballots[0].seats -= 1;
        vm.expectRevert(WrongAside.selector);
        ledger.resolve(task, 2, aside, "");
    }

    function test_resolve__no_salt__ends_unpaid_after_one_challenge_window() public {
        Aside memory aside = withoutSalt(challengeEnd(1));
        vm.warp(challengeEnd(1) + terms.challengeWindow - 1);
        vm.expectRevert(StillWaiting.selector);
        ledger.resolve(task, 1, aside, "");
        vm.warp(challengeEnd(1) + terms.challengeWindow);
        vm.expectEmit(address(ledger));
        emit Resolved(task, 1, 0, 11, 3 ether, 0, 0);
        ledger.resolve(task, 1, aside, "");
        assertEq(claimable(trainers[0]), 0, "unpaid");
        assertEq(staked(trainers[0]), 200 ether, "not slashed");
        (, uint256 enlisted,) = ledger.trainerOf(task, trainers[0]);
        assertEq(enlisted, 200 ether, "given back");
        assertSound();
    }

    /// @dev Attack: end a round that nobody ended in time, without its salts, and resolve at once. The window counts from the end.
    function test_resolve__round_ended_late_without_salts__trainer_still_has_a_window() public {
        uint256 late = challengeEnd(1) + 10 * terms.challengeWindow;
        Aside memory aside = withoutSalt(late);
        vm.expectRevert(StillWaiting.selector);
        ledger.resolve(task, 1, aside, "");
        vm.warp(late + terms.challengeWindow - 1);
        ledger.resolve(task, 1, aside, saltOf(entries[1][0].root));
        assertEq(claimable(trainers[0]), 10 ether, "paid");
    }

    /// @dev Gone and released, what its share risked comes back to free stake.
    function test_resolve__trainer_was_released_meanwhile__its_stake_is_freed() public {
        Aside memory aside = withoutSalt(challengeEnd(1));
        vm.prank(trainers[0]);
        ledger.leave(task, TRAINER);
        ledger.release(task, trainers[0], TRAINER);
        assertEq(locked(trainers[0]), 23 ether, "the share's part stays");
        ledger.resolve(task, 1, aside, saltOf(entries[1][0].root));
        assertEq(locked(trainers[0]), 0, "free");
        assertEq(claimable(trainers[0]), 10 ether, "paid");
    }

    /// @dev Stake that voted on a share stays until the share is settled.
    function test_release__validator_of_a_round_with_a_share_set_aside__reverts() public {
        Aside memory aside = withoutSalt(challengeEnd(1));
        vm.prank(validators[0]);
        ledger.leave(task, VALIDATOR);
        vm.warp(challengeEnd(4));
        vm.expectRevert(StillDisputed.selector);
        ledger.release(task, validators[0], VALIDATOR);
        ledger.resolve(task, 1, aside, "");
        ledger.release(task, validators[0], VALIDATOR);
    }

    // --- a root in dispute

    /// @dev Round 1 with validators 0 and 1 revealing, 2 and 0 attesting a root that is then disputed.
    function disputedRoot() internal returns (address[] memory silent) {
        sealRound(1);
        vm.warp(sealAt(1) + 2);
        Reveal memory r = commit(1, validators[0], all(3, VALID), 7);
        Reveal memory s = commit(1, validators[1], all(3, VALID), 7);
        vm.warp(commitEnd(1));
        reveal(1, r);
        reveal(1, s);
        vm.warp(votesEnd(1));
        vm.prank(validators[2]);
        ledger.attest(task, 1, "root");
        vm.prank(validators[0]);
        ledger.attest(task, 1, "root");
        vm.prank(address(court));
        ledger.disputeRoot(task, 1, "root");
        silent = new address[](1);
        silent[0] = validators[2];
        vm.warp(challengeEnd(1));
        settle(1, silent);
    }

    function bothAttesters() internal view returns (address[] memory who) {
        who = new address[](2);
        bool ordered = validators[0] < validators[2];
        (who[0], who[1]) = ordered ? (validators[0], validators[2]) : (validators[2], validators[0]);
    }

    /// @dev An attester that revealed nothing is withheld its pay like one that did.
    function test_finalize__root_in_dispute__no_attester_is_paid_before_the_ruling() public {
        disputedRoot();
        assertEq(claimable(validators[2]), 0, "silent attester");
        uint256 seats = claimable(validators[0]);
        assertEq(seats % 1 ether, 0, "seats only");
        vm.prank(address(court));
        ledger.ruleRoot(task, 1, 2, stranger, bothAttesters());
        assertEq(claimable(validators[2]), 0.1 ether, "paid once");
        assertEq(claimable(validators[0]), seats + 0.1 ether, "paid once");
        assertSound();
    }

    function test_finalize__root_found_wrong__its_attesters_lose_all_and_were_not_paid() public {
        disputedRoot();
        vm.prank(address(court));
        ledger.ruleRoot(task, 1, 1, stranger, bothAttesters());
        assertEq(claimable(validators[2]), 0, "not paid");
        assertEq(staked(validators[2]), 0, "lot");
        assertEq(claimable(stranger), LOT, "half of two lots");
        assertSound();
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
        forget();
        start();
        uint256 escrow = market.escrowOf(task);
        for (uint32 round = 1; round <= 49; round += 4) {
            play(round, VALID);
        }
        assertEq(market.escrowOf(task), escrow - 13 * 39.2 ether, "thirteen rounds paid");
        vm.warp(challengeEnd(50));
        market.refund(task);
        assertEq(token.balanceOf(address(vault)), owed(), "vault");
    }

    /// @dev checklist 31: the largest call: 256 submissions.
    function test_finalize__256_submissions__fits_in_five_million_gas() public {
        terms.pot = 4000 ether;
        forget();
        for (uint256 i = 3; i < 128; ++i) {
            trainers.push(makeAddr(string.concat("trainer", vm.toString(i))));
        }
        start();
        for (uint256 i; i < 256; ++i) {
            submit(trainers[i % 128], 1, 1000);
        }
        vm.warp(sealAt(1) + 1);
        (bytes memory header, bytes memory parent) = headerAt(sealAt(1), "mix");
        ledger.seal(task, 1, abi.encode(header, parent));
        judge(1, all(256, VALID));
        attestAll(1);
        vm.warp(challengeEnd(1));
        (Entry[] memory es, Reveal[] memory rs, bytes32[] memory ss) = (entries[1], ascending(reveals[1]), salts[1]);
        uint256 before = gasleft();
        ledger.finalize(task, 1, es, rs, extras[1], nobody, ss);
        assertLt(before - gasleft(), 5_000_000, "gas");
        assertGt(claimable(trainers[0]), 0, "paid");
    }
}
