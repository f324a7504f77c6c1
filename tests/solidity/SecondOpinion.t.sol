// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Facts, ITally, PayTerms, Settlement, Voter} from "../../contracts/interfaces/ITally.sol";
import {Aside, Entry, Extra, Reveal} from "../../contracts/interfaces/RoundLedgerTypes.sol";
import {CourtScene} from "./CourtScene.sol";
import {Rules} from "./Rules.sol";

/// @dev Classes of a refusal. Only a quorum of exact votes slashes by itself; what a check with a tolerance found needs a jury. A submission's
/// bond is 20, a case's too, a seat's fee 1, a seat's cut 2.
contract SecondOpinionTest is CourtScene {
    function begin(string memory votes) internal {
        beginAs("012 012", votes);
    }

    function beginAs(string memory seats, string memory votes) internal {
        start();
        works(trainers[0], 1, 1000);
        works(trainers[1], 1, 1000);
        sealAs(1, seats);
        say(1, votes);
    }

    /// @dev The round ends with submission 0 doubted: `fees` seats are paid by its trainer, and that is all it loses.
    function endsDoubted(uint256 fees) internal {
        mark();
        vm.warp(challengeEnd(1));
        vm.expectEmit(address(ledger));
        emit Slashed(task, trainers[0], 1, 0, 0, fees * 1 ether);
        expectFinal(1, hex"0c01", 13 ether, fees * 1 ether, 0);
        assertEq(finish(1).length, 0, "nothing waits");
        assertEq(lost(trainers[0]), fees * 1 ether, "the fees only");
        assertEq(gained(trainers[0]), 0, "unpaid");
        assertEq(enlistedBy(trainers[0]), (200 - fees) * 1 ether, "the bond is free");
        (,, uint256 open) = ledger.trainerOf(task, trainers[0]);
        assertEq(open, 0, "nothing at risk");
        assertEq(destroyed(), 0, "nothing burned");
        assertSound();
    }

    // --- at the end of a round

    function test_class__all_statistical__refused_and_not_slashed() public {
        begin("SV SV SV");
        endsDoubted(3);
        for (uint256 v; v < 3; ++v) {
            assertEq(gained(validators[v]), 2 ether, "the same fee for either verdict");
        }
    }

    function test_class__exact_votes_below_the_quorum__refused_and_not_slashed() public {
        begin("SV IV SV");
        endsDoubted(3);
    }

    /// @dev Two exact votes are a quorum; the third, of the other class, agreed and is paid as they are.
    function test_class__quorum_of_exact_votes__slashes() public {
        begin("IV SV IV");
        mark();
        vm.warp(challengeEnd(1));
        vm.expectEmit(address(ledger));
        emit Slashed(task, trainers[0], 1, 0, 20 ether, 3 ether);
        expectFinal(1, hex"0301", 13 ether, 3 ether, 20 ether);
        finish(1);
        assertEq(gained(validators[1]), 2 ether, "agreed");
        assertEq(destroyed(), 20 ether, "burned");
        assertSound();
    }

    /// @dev Whoever holds a quorum of seats is one voter: its word and another's doubt don't make a slash.
    function test_class__one_voters_exact_seats__refused_and_not_slashed() public {
        beginAs("001 012", "IV SV .V");
        endsDoubted(3);
    }

    function test_class__each_reason__is_what_the_design_says() public {
        start();
        works(trainers[0], 1, 1000);
        for (uint256 reason; reason < 256; ++reason) {
            Reveal[] memory rs = new Reveal[](3);
            for (uint256 j; j < 3; ++j) {
                rs[j].votes = abi.encodePacked(uint16(0), uint16(1 << j), uint8(2), uint8(reason), LEAF);
            }
            bool isStatistical = reason == 7 || reason == 8 || reason == 14;
            assertEq(outcomeOf(3, rs, new Extra[](0)), isStatistical ? DOUBTED : REFUSED, vm.toString(reason));
        }
    }

    // --- attacks

    /// @dev Machines that err say so by a check with a tolerance: a minority of them turns nothing, and a majority can't slash either.
    function test_attack_wrong_hardware__minority__work_is_paid() public {
        begin("SV VV VV");
        mark();
        vm.warp(challengeEnd(1));
        expectFinal(1, hex"0101", 25 ether, 0, 0);
        finish(1);
        assertEq(lost(trainers[0]), 0, "not slashed");
    }

    /// @dev checklist 25: of honest work w seats on wrong hardware say what they saw, a coalition with c says that it saw something exact. The
    /// trainer is slashed only if the coalition's seats alone are a quorum: nobody's doubt helps it.
    function test_attack_coalition__beside_wrong_hardware__slashes_by_its_own_quorum_only() public {
        start();
        works(trainers[0], 1, 1000);
        for (uint256 seats = 3; seats <= 7; seats += 2) {
            uint256 quorum = (2 * seats + 2) / 3;
            for (uint256 c; c <= seats; ++c) {
                for (uint256 w; w + c <= seats; ++w) {
                    Reveal[] memory rs = new Reveal[](seats);
                    for (uint256 j; j < seats; ++j) {
                        rs[j].votes = ballot(0, 1 << j, j < c ? bytes1("I") : j < c + w ? bytes1("S") : bytes1("V"));
                    }
                    assertEq(outcomeOf(seats, rs, new Extra[](0)) == REFUSED, c >= quorum, "by its own quorum only");
                }
            }
        }
    }

    /// @dev A third of the stake, all of it against one trainer: one seat of three, and two honest machines that are wrong.
    function test_attack_third_of_the_stake__beside_wrong_hardware__takes_no_bond() public {
        begin("IV SV SV");
        endsDoubted(3);
    }

    /// @dev A canary that was refused and is kept closed is doubted like work: whoever saw the fault takes it to a jury.
    function test_attack_c2__canary_kept_closed__is_doubted_until_a_jury_saw_it() public {
        start();
        makesCanary(trainers[0], 1);
        sealAs(1, "012");
        say(1, "S S S");
        Aside memory aside = contest(0, BAD_LEAF, SAMPLING, LEAF, UPHELD);
        mark();
        expectResolved(0, REFUSED, 0, 13 ether, 10 ether);
        ledger.resolve(task, 1, aside, 0);
        assertEq(lost(trainers[0]), 23 ether, "bond and fees");
        assertSound();
    }

    function test_class__opened_canary__is_one_by_votes_of_either_class() public {
        start();
        uint16 index = makesCanary(trainers[0], 1);
        sealAs(1, "012");
        say(1, "S I V");
        opensCanary(1, index);
        mark();
        vm.warp(challengeEnd(1));
        expectFinal(1, hex"08", 3 ether, 3 ether, 1 ether);
        finish(1);
        assertEq(lost(validators[2]), 2 ether, "passed it");
        assertEq(lost(trainers[0]), 2 ether, "two seats' fees");
        assertSound();
    }

    // --- the jury

    /// @dev The second committee agrees: slashed as a bad leaf is, half of it for whoever asked; those who judged first earn their fee and no more.
    function test_doubt__bad_leaf_upheld__slashed_and_the_challenger_rewarded() public {
        begin("SV SV SV");
        Aside memory aside = contest(0, BAD_LEAF, SAMPLING, LEAF, UPHELD);
        mark();
        vm.expectEmit(address(ledger));
        emit Slashed(task, trainers[0], 1, 0, 10 ether, 13 ether);
        expectResolved(0, REFUSED, 0, 13 ether, 10 ether);
        resolve(aside);
        assertEq(lost(trainers[0]), 23 ether, "bond and fees");
        assertEq(gained(stranger), 10 ether, "half of the bond");
        for (uint256 v; v < 3; ++v) {
            assertEq(gained(validators[v]), 1 ether, "fee");
        }
        assertEq(destroyed(), 10 ether, "the other half");
        assertSound();
    }

    /// @dev A seat that passed what a jury finds bad is cut, as it is for work that a quorum passed.
    function test_doubt__bad_leaf_upheld__who_passed_it_is_cut() public {
        begin("SV SV VV");
        Aside memory aside = contest(0, BAD_LEAF, SAMPLING, LEAF, UPHELD);
        mark();
        expectCut(1, 2, 0, OVERRULED, 1 ether, 1 ether);
        expectResolved(0, REFUSED, 0, 13 ether, 11 ether);
        resolve(aside);
        assertEq(gained(stranger), 11 ether, "half of bond and cut");
        assertSound();
    }

    /// @dev The jury doesn't see it: doubted, as the votes had it, and the challenger's bond pays the trainer.
    function test_doubt__bad_leaf_rejected__stays_doubted() public {
        begin("SV SV SV");
        Aside memory aside = contest(0, BAD_LEAF, SAMPLING, LEAF, REJECTED);
        assertEq(claimable(trainers[0]), 1 ether, "half of the challenger's bond, less the jury");
        staysDoubted(aside);
    }

    function test_doubt__no_ruling__stays_doubted() public {
        begin("SV SV SV");
        Aside memory aside = contest(0, BAD_LEAF, SAMPLING, LEAF, NONE);
        assertEq(claimable(trainers[0]), 0, "the jury's fees are burned, the rest is the challenger's");
        staysDoubted(aside);
    }

    function staysDoubted(Aside memory aside) internal {
        mark();
        vm.expectEmit(address(ledger));
        emit Slashed(task, trainers[0], 1, 0, 0, 3 ether);
        expectResolved(0, DOUBTED, 0, 3 ether, 0);
        resolve(aside);
        assertEq(lost(trainers[0]), 3 ether, "the fees only");
        assertEq(enlistedBy(trainers[0]), 197 ether, "the bond is free");
        assertEq(gained(stranger), 0, "no reward");
        assertEq(gained(validators[0]), 1 ether, "fee");
        assertSound();
    }

    // --- the other claim beside it

    function both(uint8 bad, uint8 good) internal returns (Aside memory aside) {
        begin("SV SV SV");
        stakeFor(initiator, terms.bond);
        uint256 one = challenge(0, BAD_LEAF, SAMPLING, LEAF);
        uint256 two = challengeAs(initiator, 0, GOOD_LEAF, SAMPLING, LEAF);
        juries(one, bad, two, good);
        aside = finish(1)[0];
        close(one);
        close(two);
        mark();
    }

    /// @dev Two cases in the same windows. The stranger's and the initiator's juries have the same validators.
    function juries(uint256 one, uint8 bad, uint256 two, uint8 good) internal {
        (uint256 start_,,,,) = court.timesOf(one);
        summon(one);
        summon(two);
        assertEq(block.timestamp, start_, "in the same second");
        (, uint256 juryEnd,,,) = court.timesOf(one);
        for (uint256 v; v < validators.length; ++v) {
            commitsTo(one, v, bad);
            commitsTo(two, v, good);
        }
        vm.warp(juryEnd);
        for (uint256 v; v < validators.length; ++v) {
            if (court.seatsOf(one, validators[v]) != 0) reveals_(one, v, bad);
            if (court.seatsOf(two, validators[v]) != 0) reveals_(two, v, good);
        }
    }

    function commitsTo(uint256 id, uint256 v, uint8 ballot_) internal {
        if (court.seatsOf(id, validators[v]) == 0) return;
        bytes32 digest = court.ballotDigest(id, validators[v], ballot_, "evidence", "salt");
        vm.prank(validators[v]);
        court.commit(id, digest);
    }

    function reveals_(uint256 id, uint256 v, uint8 ballot_) internal {
        vm.prank(validators[v]);
        court.reveal(id, ballot_, "evidence", "salt");
    }

    /// @dev Found bad beside found good: two committees against one.
    function test_doubt__bad_and_good_upheld__slashed() public {
        Aside memory aside = both(UPHELD, UPHELD);
        expectResolved(0, REFUSED, 0, 13 ether, 10 ether);
        resolve(aside);
        assertEq(gained(stranger), 10 ether, "showed a bad leaf");
        assertEq(gained(initiator), 0, "nobody is cut for a refusal that was right");
        assertEq(lost(validators[0]), 0, "not cut");
        assertSound();
    }

    function test_doubt__bad_upheld_and_good_rejected__slashed() public {
        Aside memory aside = both(UPHELD, REJECTED);
        expectResolved(0, REFUSED, 0, 13 ether, 10 ether);
        resolve(aside);
        assertEq(gained(stranger), 10 ether, "challenger");
        assertSound();
    }

    function test_doubt__bad_rejected_and_good_upheld__paid() public {
        Aside memory aside = both(REJECTED, UPHELD);
        expectResolved(0, PAID, 10 ether, 3 ether, 3 ether);
        resolve(aside);
        assertEq(gained(trainers[0]), 10 ether, "paid");
        assertEq(gained(initiator), 3 ether, "half of the cuts");
        assertEq(gained(stranger), 0, "was wrong");
        assertSound();
    }

    function test_doubt__both_rejected__stays_doubted() public {
        staysDoubted(both(REJECTED, REJECTED));
    }

    /// @dev An exact vote turns to a valid one; what is left of the refusal is no quorum of exact votes any more.
    function test_class__exact_vote_overruled__rest_is_doubted() public {
        begin("IV JV SV");
        Aside memory aside = contest(0, GOOD_LEAF, CHECK, LEAF, UPHELD);
        mark();
        expectCut(1, 0, 0, OVERRULED, 1 ether, 1 ether);
        expectResolved(0, DOUBTED, 0, 3 ether, 1 ether);
        resolve(aside);
        assertEq(lost(trainers[0]), 2 ether, "two seats' fees");
        assertEq(gained(stranger), 1 ether, "half of the cut");
        assertSound();
    }

    function test_class__exact_quorum_disputed_in_vain__slashed_whole() public {
        begin("IV IV SV");
        Aside memory aside = contest(0, GOOD_LEAF, SAMPLING, LEAF, REJECTED);
        mark();
        expectResolved(0, REFUSED, 0, 3 ether, 20 ether);
        resolve(aside);
        assertEq(lost(trainers[0]), 23 ether, "bond and fees");
        assertSound();
    }

    // --- a challenger who judged first

    /// @dev Its seat's fee is paid once, with the share; a reward is paid once, to whoever's case was ruled on first.
    function test_attack_challenger_who_judged_first__paid_once() public {
        begin("SV SV SV");
        stakeFor(validators[0], terms.bond);
        stakeFor(validators[1], terms.bond);
        uint256 one = challengeAs(validators[0], 0, BAD_LEAF, SAMPLING, LEAF);
        uint256 two = challengeAs(validators[1], 0, BAD_LEAF, SAMPLING, LEAF + 1);
        juries(one, UPHELD, two, UPHELD);
        mark();
        Aside memory aside = finish(1)[0];
        for (uint256 v; v < 3; ++v) {
            assertEq(gained(validators[v]), 1 ether, "for submission 1 only: the other waits");
        }
        close(one);
        close(two);
        mark();
        expectResolved(0, REFUSED, 0, 13 ether, 10 ether);
        resolve(aside);
        assertEq(gained(validators[0]), 11 ether, "its seat, and the reward");
        assertEq(gained(validators[1]), 1 ether, "its seat");
        assertEq(gained(validators[2]), 1 ether, "its seat");
        assertEq(lost(trainers[0]), 23 ether, "slashed once");
        vm.expectRevert(WrongAside.selector);
        resolve(aside);
        assertSound();
    }

    /// @dev Whoever refuses honest work to be paid for the slash needs a jury too. Without it, it pays the trainer.
    function test_attack_refusers_challenge_honest_work__their_bond_pays_it() public {
        begin("SV SV VV");
        stakeFor(validators[0], terms.bond);
        mark();
        uint256 id = challengeAs(validators[0], 0, BAD_LEAF, SAMPLING, LEAF);
        jury(id, REJECTED);
        Aside memory aside = finish(1)[0];
        close(id);
        expectResolved(0, DOUBTED, 0, 2 ether, 0);
        resolve(aside);
        assertEq(lost(validators[0]), 20 ether, "the bond of a false claim");
        assertLe(gained(validators[0]), 2 ether + 9 ether, "its seats and the jury's fees, which it paid");
        assertSound();
    }

    // --- against a plain count

    function test_bits__every_mask__as_counted_one_by_one() public {
        assertEq(new Rules().wrongBits(), 1 << 16, "the first that is wrong");
    }

    /// @dev 16 seats in each of two draws at most.
    function testFuzz_spoken__any_tally__sum_of_its_seats(uint8[4] memory seats, uint8[4] memory voters, uint256 above) public {
        for (uint256 k; k < 4; ++k) {
            seats[k] %= 33;
        }
        uint256 sum_ = uint256(seats[0]) + seats[1] + seats[2] + seats[3];
        assertEq(new Rules().spoken(seats, voters, above), sum_, "seats");
    }

    /// @dev Any votes of both draws: who wins, and whether it slashes, as counted seat by seat and voter by voter.
    function testFuzz_class__any_votes__as_counted_one_by_one(uint256 dice) public {
        start();
        works(trainers[0], 1, 1000);
        uint256 seats = 2 + dice % 6;
        (Reveal[] memory rs, uint8[] memory first) = anyVotes(seats, dice, 0);
        (Reveal[] memory more, uint8[] memory second) = anyVotes(seats, dice, 1);
        Extra[] memory xs = new Extra[](more.length);
        for (uint256 i; i < xs.length; ++i) {
            xs[i] = Extra(more[i].validator, more[i].votes);
        }
        assertEq(outcomeOf(seats, rs, xs), counted(seats, first, second), "as counted");
    }

    /// @dev Four voters, each with one seat or none of a draw, or with two. @return said by voter: seats 4 | 0 none, 1 valid, 2 exact, 3 statistical
    function anyVotes(uint256 seats, uint256 dice, uint256 draw) internal pure returns (Reveal[] memory rs, uint8[] memory said) {
        rs = new Reveal[](4);
        said = new uint8[](4);
        (uint256 n, uint256 from) = (0, 0);
        for (uint256 v; v < 4; ++v) {
            uint256 d = uint256(keccak256(abi.encode(dice, draw, v)));
            uint256 width = d % 4;
            if (from + width > seats) width = seats - from;
            if (width == 0) continue;
            uint256 word = (d >> 8) % 8;
            word = word == 0 ? 1 : word < 5 ? 2 : 3;
            rs[n].validator = address(uint160(v + 1));
            rs[n++].votes = ballot(0, ((1 << width) - 1) << from, word == 1 ? bytes1("V") : word == 2 ? bytes1("I") : bytes1("S"));
            said[v] = uint8(width << 4 | word);
            from += width;
        }
        assembly ("memory-safe") {
            mstore(rs, n)
        }
    }

    function counted(uint256 seats, uint8[] memory first, uint8[] memory second) internal pure returns (uint8) {
        uint256 quorum = (2 * seats + 2) / 3;
        (uint256 spoke, uint256 voters) = sum(first, second, false, 1, 3);
        bool short = spoke < quorum || voters < 2;
        (uint256 revealed,) = sum(first, second, short, 1, 3);
        if (wins(first, second, short, 1, 1, quorum, revealed)) return PAID;
        if (!wins(first, second, short, 2, 3, quorum, revealed)) return NO_QUORUM;
        return wins(first, second, short, 2, 2, quorum, revealed) ? REFUSED : DOUBTED;
    }

    function wins(uint8[] memory a, uint8[] memory b, bool short, uint256 from, uint256 to, uint256 quorum, uint256 revealed)
        internal
        pure
        returns (bool)
    {
        (uint256 n, uint256 voters) = sum(a, b, short, from, to);
        return n >= quorum && voters >= 2 && 3 * n >= 2 * revealed;
    }

    /// @return n seats that said a word of [from, to], @return voters who did
    function sum(uint8[] memory a, uint8[] memory b, bool short, uint256 from, uint256 to)
        internal
        pure
        returns (uint256 n, uint256 voters)
    {
        for (uint256 v; v < 4; ++v) {
            (uint256 one, uint256 two) = (a[v] & 15, short ? b[v] & 15 : 0);
            bool inOne = one >= from && one <= to;
            bool inTwo = two >= from && two <= to;
            if (inOne) n += a[v] >> 4;
            if (inTwo) n += b[v] >> 4;
            if (inOne || inTwo) ++voters;
        }
    }

    /// @dev What the tally says of submission 0, voted on by accounts of one stake each.
    function outcomeOf(uint256 seats, Reveal[] memory rs, Extra[] memory xs) internal view returns (uint8) {
        Facts memory facts;
        facts.isSealed = true;
        facts.terms = PayTerms(seats, 1, 1, 0, 1e18, 1e18, 0, 0, 0);
        facts.voters = new Voter[](rs.length + xs.length);
        for (uint256 j; j < rs.length; ++j) {
            if (rs[j].validator == address(0)) rs[j].validator = address(uint160(j + 1));
            (rs[j].held, facts.voters[j].stake) = (HELD, 1);
        }
        Entry[] memory one = new Entry[](1);
        one[0] = entries[1][0];
        Settlement memory out = ITally(tally).settle(facts, one, rs, xs, nobody, salts[1]);
        uint8 outcome = uint8(out.outcomes[0]);
        bool burns = out.slashes.length == 1 && out.slashes[0].burned == 1e18;
        assertEq(burns, outcome == REFUSED, "the bond burns only then");
        return outcome;
    }
}

/// @dev Three seats and three fresh ones. A voter of both draws is one voter of what it said in both, for either class.
contract SecondOpinionExtraTest is CourtScene {
    function setUp() public override {
        super.setUp();
        terms.extraWindow = 10;
        start();
        works(trainers[0], 1, 1000);
    }

    /// @dev Ends the round twice over: by the votes at once, and by the ballots that a share keeps, after a case that changes nothing.
    function endsAs(uint8 outcome) internal {
        uint256 snapshot = vm.snapshotState();
        vm.warp(challengeEnd(1));
        vm.expectEmit(true, true, true, false, address(ledger));
        emit RoundFinal(task, 1, "", 0, 0, 0);
        mark();
        finish(1);
        assertEq(lost(trainers[0]) >= 20 ether, outcome == REFUSED, "bond");
        vm.revertToState(snapshot);
        Aside memory aside = contest(0, BAD_LEAF, SAMPLING, LEAF, REJECTED);
        mark();
        resolve(aside);
        assertEq(lost(trainers[0]) >= 20 ether, outcome == REFUSED, "bond, by its ballots");
        assertSound();
    }

    /// @dev One voter's exact votes in both draws, four seats of five, and another's doubt.
    function test_extra__exact_in_both_draws__one_voter() public {
        sealAs(1, "001001");
        say(1, "I - -");
        sayExtra(1, "I S -");
        endsAs(DOUBTED);
    }

    /// @dev First a doubt, then an exact fault: with another's exact votes two voters, and three seats of four.
    function test_extra__doubt_first_then_exact__a_voter_of_both() public {
        sealAs(1, "012011");
        say(1, "S - -");
        sayExtra(1, "I I -");
        endsAs(REFUSED);
    }

    /// @dev The other way round: exact in the first draw, a doubt in the second.
    function test_extra__exact_first_then_doubt__a_voter_of_both() public {
        sealAs(1, "001011");
        say(1, "I - -");
        sayExtra(1, "S I -");
        endsAs(REFUSED);
    }

    /// @dev Two voters and three seats of six are exact: less than two thirds of what was said.
    function test_extra__exact_below_two_thirds__doubted() public {
        sealAs(1, "000011");
        say(1, "S - -");
        sayExtra(1, "I I -");
        endsAs(DOUBTED);
    }
}
