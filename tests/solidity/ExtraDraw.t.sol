// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Facts, ITally, PayTerms, Voter} from "../../contracts/interfaces/ITally.sol";
import {Entry, Extra, Reveal} from "../../contracts/interfaces/RoundLedgerTypes.sol";
import {Scene} from "./Scene.sol";

/// @dev Three seats, of which two make a quorum; three fresh ones vote where fewer than two spoke, or one voter alone. Ten seconds.
contract ExtraDrawTest is Scene {
    function setUp() public override {
        super.setUp();
        terms.extraWindow = 10;
        start();
        works(trainers[0], 1, 1000);
    }

    function extraVotes(uint256 v, bytes1 letter) internal view returns (bytes memory) {
        return ballot(0, seatsFrom(1, validators[v], 0, 3), letter);
    }

    function sendExtra(uint256 v, bytes memory votes) internal {
        vm.prank(validators[v]);
        ledger.voteExtra(task, 1, votes, "");
    }

    // --- when it counts

    /// @dev One of three seats spoke. The fresh seats decide with it; whoever agrees is paid for both draws.
    function test_extra__too_few_seats_spoke__fresh_seats_decide() public {
        sealAs(1, "012012");
        say(1, "V - -");
        sayExtra(1, "V V I");
        mark();
        vm.warp(challengeEnd(1));
        (address a, address b, address c) = (validators[0], validators[1], validators[2]);
        expectPayments(
            1,
            bytes.concat(
                payment(trainers[0], TRAINER, 1, 1, 10 ether),
                payment(a, VALIDATOR, 1, 1, 1 ether),
                payment(a, VALIDATOR, 1, 1, 1 ether),
                payment(b, VALIDATOR, 1, 1, 1 ether),
                payment(c, VALIDATOR, 1, 0, 0)
            )
        );
        expectFinal(1, hex"01", 13 ether, 0, 0);
        finish(1);
        assertEq(gained(trainers[0]), 10 ether, "trainer");
        assertEq(gained(a), 2 ether, "both draws");
        assertEq(gained(b), 1 ether, "fresh seat");
        assertEq(gained(c), 0, "disagreed");
        assertEq(spent(), 13 ether, "escrow");
        assertSound();
    }

    /// @dev Three seats spoke, but all were one validator's.
    function test_extra__one_voter_alone__fresh_seats_decide() public {
        sealAs(1, "000012");
        say(1, "V - -");
        sayExtra(1, "V V -");
        mark();
        vm.warp(challengeEnd(1));
        expectFinal(1, hex"01", 15 ether, 0, 0);
        finish(1);
        assertEq(gained(validators[0]), 4 ether, "four seats");
        assertEq(gained(validators[1]), 1 ether, "one seat");
    }

    /// @dev Two seats of two voters spoke: later votes count for nothing, for the outcome and for pay.
    function test_extra__enough_spoke__later_votes_count_for_nothing() public {
        sealAs(1, "012012");
        say(1, "V V -");
        sayExtra(1, "I I I");
        mark();
        vm.warp(challengeEnd(1));
        expectPayments(
            1,
            bytes.concat(
                payment(trainers[0], TRAINER, 1, 1, 10 ether),
                payment(validators[0], VALIDATOR, 1, 1, 1 ether),
                payment(validators[1], VALIDATOR, 1, 1, 1 ether),
                payment(validators[0], VALIDATOR, 0, 0, 0),
                payment(validators[1], VALIDATOR, 0, 0, 0),
                payment(validators[2], VALIDATOR, 0, 0, 0)
            )
        );
        expectFinal(1, hex"01", 12 ether, 0, 0);
        finish(1);
        assertEq(gained(validators[2]), 0, "only voted late");
    }

    /// @dev Two who contradict one another are no quorum, and no shortage either.
    function test_extra__two_spoke_and_disagree__no_quorum_and_no_second_draw() public {
        sealAs(1, "012012");
        say(1, "V I -");
        sayExtra(1, "V V V");
        mark();
        vm.warp(challengeEnd(1));
        expectFinal(1, hex"06", 0, 0, 0);
        finish(1);
        assertEq(enlistedBy(trainers[0]), 200 ether, "not slashed");
    }

    /// @dev A submission that was short beside one that wasn't: a vote counts where it is needed only.
    function test_extra__short_beside_not_short__counts_for_the_short_one() public {
        works(trainers[1], 1, 1000);
        sealAs(1, "01001* *12***");
        say(1, "V. .V .V"); // submission 0: v0 alone; submission 1: v1 and v2
        sayExtra(1, "VI VI VI");
        mark();
        finish(1);
        assertEq(gained(trainers[0]), 10 ether, "decided by both draws");
        assertEq(gained(trainers[1]), 10 ether, "decided by the first");
        assertEq(lost(trainers[1]), 0, "later INVALID votes count for nothing");
    }

    // --- two voters

    /// @dev checklist 18: whoever holds all six seats is still one voter.
    function test_extra__one_voter_in_both_draws__no_quorum() public {
        sealAs(1, "000000");
        say(1, "V - -");
        sayExtra(1, "V - -");
        vm.warp(challengeEnd(1));
        expectFinal(1, hex"06", 0, 0, 0);
        finish(1);
    }

    /// @dev Who contradicts itself is one voter of each verdict, and two of none.
    function test_extra__one_voter_says_both__no_quorum() public {
        sealAs(1, "001001");
        say(1, "V - -");
        sayExtra(1, "I - -");
        vm.warp(challengeEnd(1));
        expectFinal(1, hex"06", 0, 0, 0);
        finish(1);
    }

    function test_extra__second_voter_only_in_the_extra_draw__makes_two() public {
        sealAs(1, "00*1**");
        say(1, "V - -");
        sayExtra(1, "- V -");
        vm.warp(challengeEnd(1));
        mark();
        finish(1);
        assertEq(gained(trainers[0]), 10 ether, "two voters");
    }

    // --- refused by both draws

    /// @dev The largest loss: the bond, and the fees of all six seats. It is what a submission risks, to the wei.
    function test_extra__six_seats_refuse__costs_all_that_is_at_risk() public {
        assertEq(exposed(trainers[0]), 26 ether, "bond and six seats");
        sealAs(1, "000012");
        say(1, "I - -");
        sayExtra(1, "I I I");
        mark();
        vm.warp(challengeEnd(1));
        vm.expectEmit(address(ledger));
        emit Slashed(task, trainers[0], 1, 0, 20 ether, 6 ether);
        expectFinal(1, hex"03", 0, 6 ether, 20 ether);
        finish(1);
        assertEq(lost(trainers[0]), 26 ether, "stake");
        assertEq(enlistedBy(trainers[0]), 174 ether, "enlisted");
        assertEq(gained(validators[0]), 4 ether, "both draws");
        assertEq(gained(validators[1]) + gained(validators[2]), 2 ether, "fresh seats");
        assertEq(destroyed(), 20 ether, "burned");
        assertSound();
    }

    // --- when it may be said

    /// @dev checklist 37
    function test_voteExtra__window_edges() public {
        sealAs(1, "***012");
        vm.warp(revealEnd(1) - 1);
        bytes memory votes = extraVotes(0, "V");
        vm.expectRevert(outside(revealEnd(1), votesEnd(1)));
        sendExtra(0, votes);
        vm.warp(revealEnd(1));
        vm.expectEmit(address(ledger));
        emit ExtraVoted(task, 1, validators[0], "", votes);
        sendExtra(0, votes);
        vm.warp(votesEnd(1));
        votes = extraVotes(1, "V");
        vm.expectRevert(outside(revealEnd(1), votesEnd(1)));
        sendExtra(1, votes);
        vm.warp(votesEnd(1) - 1);
        sendExtra(1, votes);
        (,,, bool voted,) = ledger.voterOf(task, 1, validators[1]);
        assertTrue(voted, "voted");
    }

    function test_voteExtra__twice__reverts() public {
        sealAs(1, "***00*");
        vm.warp(revealEnd(1));
        bytes memory votes = extraVotes(0, "V");
        sendExtra(0, votes);
        vm.expectRevert(abi.encodeWithSelector(AlreadyVoted.selector, validators[0]));
        sendExtra(0, votes);
    }

    function test_voteExtra__seats_of_the_first_draw_and_strangers__refused() public {
        sealAs(1, "000111");
        vm.warp(revealEnd(1));
        bytes memory votes = ballot(0, 1, "V"); // seat 0 was v0's in the first draw; seat 3 isn't
        vm.expectRevert(abi.encodeWithSelector(SeatNotDrawn.selector, 0, 3));
        sendExtra(0, votes);
        vm.expectRevert(MalformedVotes.selector);
        sendExtra(1, ballot(0, 8, "V")); // there is no seat 6
        vm.expectRevert(MalformedVotes.selector);
        sendExtra(1, "");
        vm.expectRevert(MalformedVotes.selector);
        sendExtra(1, bytes.concat(ballot(0, 1, "V"), ballot(0, 2, "V")));
        vm.expectRevert(abi.encodeWithSelector(NotEnlisted.selector, stranger));
        vm.prank(stranger);
        ledger.voteExtra(task, 1, votes, "");
        sendExtra(1, ballot(0, 7, "V"));
    }

    function test_voteExtra__unsealed_or_empty_round__reverts() public {
        vm.warp(revealEnd(1));
        vm.expectRevert(NotSealed.selector);
        sendExtra(0, ballot(0, 1, "V"));
        vm.warp(revealEnd(2));
        vm.prank(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(UnknownRound.selector, task, 2));
        ledger.voteExtra(task, 2, ballot(0, 1, "V"), "");
    }

    /// @dev A task without the extra draw has no second in which it could be used.
    function test_voteExtra__task_without_one__has_no_window() public {
        terms.extraWindow = 0;
        delete entries[1];
        publish();
        for (uint256 i; i < 3; ++i) {
            enlistTrainer(trainers[i], 200 ether);
            enlistValidator(validators[i], LOT);
        }
        for (uint256 i; i < 2; ++i) {
            vm.prank(validators[i]);
            ledger.attest(task, 0, GENESIS);
        }
        vm.warp(opens(1));
        works(trainers[0], 1, 1000);
        sealAs(1, "012");
        vm.warp(revealEnd(1));
        vm.expectRevert(outside(revealEnd(1), revealEnd(1)));
        sendExtra(0, ballot(0, 1, "V"));
    }

    // --- settled with

    function test_finalize__extras_left_out_repeated_or_swapped__reverts() public {
        sealAs(1, "***012");
        say(1, "- - -");
        sayExtra(1, "V V V");
        vm.warp(challengeEnd(1));
        Extra[] memory list = extras[1];
        Extra[] memory other = new Extra[](2);
        (other[0], other[1]) = (list[0], list[1]);
        wrongExtras(other);
        other = new Extra[](4);
        (other[0], other[1], other[2], other[3]) = (list[0], list[1], list[2], list[2]);
        wrongExtras(other);
        other = extras[1];
        (other[0], other[1]) = (list[1], list[0]);
        wrongExtras(other);
        other = extras[1];
        other[2].votes = ballot(0, seatsFrom(1, validators[2], 0, 3), "I");
        wrongExtras(other);
        mark();
        finish(1);
        assertEq(gained(trainers[0]), 10 ether, "with the three as they were said");
    }

    function wrongExtras(Extra[] memory list) internal {
        vm.expectRevert(WrongExtras.selector);
        ledger.finalize(task, 1, entries[1], reveals[1], list, nobody, salts[1]);
    }

    // --- a coalition that stalls

    /// @dev attack C6. With three seats, each another account's: whenever silence in the first draw lets the coalition refuse honest work in
    /// the second, its votes in the first would have refused it already. checklist 25.
    function test_attack_c6__stalling_with_three_seats__gains_nothing() public view {
        for (uint256 c1; c1 <= 3; ++c1) {
            for (uint256 c2; c2 <= 3; ++c2) {
                if (refuses(3, c1, c2, true)) assertTrue(refuses(3, c1, c2, false), "had it before");
            }
        }
    }

    /// @dev attack C6. With more seats a coalition of a third that knows both draws and does the better wins less often than in two
    /// independent tries, which is what the market's rule for the bond counts with.
    function test_attack_c6__stalling_with_more_seats__stays_below_two_tries() public view {
        for (uint256 seats = 3; seats <= 7; seats += 2) {
            uint256 all_ = 3 ** seats;
            uint256 quorum = (2 * seats + 2) / 3;
            (uint256 wins, uint256 one) = (0, 0);
            for (uint256 c1; c1 <= seats; ++c1) {
                if (c1 >= quorum) one += ways(seats, c1);
                for (uint256 c2; c2 <= seats; ++c2) {
                    bool any = refuses(seats, c1, c2, false) || refuses(seats, c1, c2, true);
                    if (any) wins += ways(seats, c1) * ways(seats, c2);
                }
            }
            assertGe(wins, one * all_, "at least one try");
            assertLe(wins, all_ * all_ - (all_ - one) * (all_ - one), "at most two tries");
        }
    }

    /// @dev Ways in which `c` of `seats` seats fall to a third of the stake, of 3^seats.
    function ways(uint256 seats, uint256 c) internal pure returns (uint256 n) {
        n = 2 ** (seats - c);
        for (uint256 i; i < c; ++i) {
            n = n * (seats - i);
        }
        for (uint256 i = 2; i <= c; ++i) {
            n = n / i;
        }
    }

    /// @dev Whether honest work is refused when the coalition holds c1 seats of the first draw and c2 of the second. Honest seats speak.
    function refuses(uint256 seats, uint256 c1, uint256 c2, bool stalls) internal view returns (bool) {
        Facts memory facts;
        facts.isSealed = true;
        facts.terms = PayTerms(seats, 1, 1, 0, 1e18, 1e18, 0, 0, 0);
        uint256 skipped = stalls ? c1 : 0;
        Reveal[] memory rs = new Reveal[](seats - skipped);
        Extra[] memory xs = new Extra[](seats);
        facts.voters = new Voter[](rs.length + seats);
        for (uint256 j; j < rs.length; ++j) {
            bool honest = j + skipped >= c1;
            (rs[j].validator, rs[j].held) = (address(uint160(j + 1)), HELD);
            rs[j].votes = ballot(0, 1 << j, honest ? bytes1("V") : bytes1("I"));
            facts.voters[j].stake = 1;
        }
        for (uint256 j; j < seats; ++j) {
            xs[j] = Extra(address(uint160(100 + j)), ballot(0, 1 << j, j >= c2 ? bytes1("V") : bytes1("I")));
        }
        Entry[] memory one = new Entry[](1);
        one[0] = entries[1][0];
        return ITally(tally).settle(facts, one, rs, xs, nobody, salts[1]).outcomes[0] == 0x03;
    }
}
