// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputeCourtErrors, LeafProof} from "../../contracts/interfaces/IDisputeCourt.sol";
import {ITaskMarketErrors} from "../../contracts/interfaces/ITaskMarket.sol";
import {Aside, Reveal} from "../../contracts/interfaces/RoundLedgerTypes.sol";
import {CourtScene} from "./CourtScene.sol";

/// @dev Submission 0 is in dispute before the real court; submission 1 isn't. A submission's bond is 20, a case's too.
contract DisputeTest is CourtScene {
    function begin(string memory votes) internal {
        start();
        works(trainers[0], 1, 1000);
        works(trainers[1], 1, 1000);
        sealAs(1, "012 012");
        say(1, votes);
    }

    // --- passed, and bad

    /// @dev checklist 25: a committee of liars is overruled: all three lose by it, and half the bond pays whoever showed it.
    function test_dispute__passed_and_bad__trainer_and_passers_pay_the_challenger() public {
        begin("VV VV VV");
        Aside memory aside = contest(0, BAD_LEAF, CHECK, LEAF, UPHELD);
        mark();
        vm.expectEmit(address(ledger));
        emit Slashed(task, trainers[0], 1, 0, 10 ether, 10 ether);
        for (uint256 v; v < 3; ++v) {
            expectCut(1, v, 0, OVERRULED, 1 ether, 1 ether);
        }
        expectResolved(0, REFUSED, 0, 13 ether, 13 ether);
        resolve(aside);
        assertEq(gained(stranger), 13 ether, "half of the bond and of the cuts");
        assertEq(lost(trainers[0]), 20 ether, "bond");
        assertEq(gained(trainers[0]), 0, "unpaid");
        assertEq(enlistedBy(trainers[0]), 180 ether, "the fees come back");
        for (uint256 v; v < 3; ++v) {
            assertEq(lost(validators[v]), 2 ether, "cut");
            assertEq(gained(validators[v]), 0, "unpaid");
        }
        assertEq(destroyed(), 13 ether, "at least half burns");
        assertEq(spent(), 0, "escrow");
        assertSound();
    }

    /// @dev The seat that refused it was right: it has its fee, from the trainer.
    function test_dispute__passed_and_bad__who_refused_is_paid() public {
        begin("VV VV IV");
        Aside memory aside = contest(0, BAD_LEAF, CHECK, LEAF, UPHELD);
        mark();
        expectResolved(0, REFUSED, 0, 13 ether, 12 ether);
        resolve(aside);
        assertEq(gained(validators[2]), 1 ether, "fee");
        assertEq(lost(validators[2]), 0, "not cut");
        assertEq(gained(stranger), 12 ether, "challenger");
        assertEq(lost(trainers[0]), 21 ether, "bond and one fee");
        assertSound();
    }

    /// @dev A false claim changes nothing of the outcome, and its bond pays the trainer: checklist 26.
    function test_dispute__passed_and_good__as_if_nothing_had_been() public {
        begin("VV VV VV");
        Aside memory aside = contest(0, BAD_LEAF, CHECK, LEAF, REJECTED);
        assertEq(claimable(trainers[0]), 1 ether, "half of the challenger's bond, less the jury");
        mark();
        expectResolved(0, PAID, 13 ether, 0, 0);
        resolve(aside);
        assertEq(gained(trainers[0]), 10 ether, "paid");
        assertEq(gained(validators[1]), 1 ether, "its seats too");
        assertEq(enlistedBy(trainers[0]), 200 ether, "free again");
        assertSound();
    }

    // --- refused, and good

    /// @dev Only votes that named the leaf are overruled: here one of two, and that is enough.
    function test_dispute__refused_and_good__votes_at_the_named_leaf_turn() public {
        begin("IV JV VV");
        Aside memory aside = contest(0, GOOD_LEAF, CHECK, LEAF, UPHELD);
        mark();
        expectCut(1, 0, 0, OVERRULED, 1 ether, 1 ether);
        expectPayments(
            1,
            bytes.concat(
                payment(validators[0], VALIDATOR, 0, 0, 0),
                payment(validators[1], VALIDATOR, 0, 0, 0),
                payment(validators[2], VALIDATOR, 0, 1, 1 ether),
                payment(trainers[0], TRAINER, 1, 1, 10 ether)
            )
        );
        expectResolved(0, PAID, 11 ether, 1 ether, 1 ether);
        resolve(aside);
        assertEq(gained(trainers[0]), 10 ether, "paid in full");
        assertEq(lost(trainers[0]), 0, "not slashed");
        assertEq(lost(validators[0]), 2 ether, "overruled");
        assertEq(lost(validators[1]), 0, "named another leaf");
        assertEq(gained(stranger), 1 ether, "half of the cut");
        assertSound();
    }

    /// @dev Another leaf than the one they named: nothing turns.
    function test_dispute__refused_and_another_leaf_good__stays_refused() public {
        begin("IV IV IV");
        Aside memory aside = contest(0, GOOD_LEAF, CHECK, LEAF + 1, UPHELD);
        mark();
        expectResolved(0, REFUSED, 0, 3 ether, 20 ether);
        resolve(aside);
        assertEq(lost(trainers[0]), 23 ether, "bond and fees");
        assertEq(gained(validators[0]), 1 ether, "fee");
        assertEq(gained(stranger), 0, "challenger");
        assertSound();
    }

    /// @dev attack H1: refusers who name a different leaf each are overruled leaf by leaf, and whoever showed a leaf has its voters' cuts.
    function test_attack_h1__a_different_leaf_each__overruled_one_by_one() public {
        begin("IV JV IV");
        stakeFor(initiator, terms.bond);
        uint256 one = challenge(0, GOOD_LEAF, CHECK, LEAF);
        uint256 two = challengeAs(initiator, 0, GOOD_LEAF, CHECK, LEAF + 1);
        juries(one, two, UPHELD);
        Aside memory aside = finish(1)[0];
        close(one);
        close(two);
        mark();
        expectResolved(0, PAID, 10 ether, 3 ether, 3 ether);
        resolve(aside);
        assertEq(gained(trainers[0]), 10 ether, "paid");
        assertEq(gained(stranger), 2 ether, "two voters at its leaf");
        assertEq(gained(initiator), 1 ether, "one at the other");
        assertSound();
    }

    /// @dev attack H1: those who refused challenge their own refusal first, at a leaf that nobody named. It helps them nothing.
    function test_attack_h1__refusers_challenge_another_leaf_first__in_vain() public {
        begin("IV IV IV");
        stakeFor(initiator, terms.bond);
        uint256 decoy = challengeAs(initiator, 0, GOOD_LEAF, 1, 0);
        uint256 id = challenge(0, GOOD_LEAF, CHECK, LEAF);
        juries(id, decoy, UPHELD);
        Aside memory aside = finish(1)[0];
        close(id);
        close(decoy); // the last to be ruled on
        mark();
        expectResolved(0, PAID, 10 ether, 3 ether, 3 ether);
        resolve(aside);
        assertEq(gained(trainers[0]), 10 ether, "paid");
        assertSound();
    }

    /// @dev attack H4: the maker of a false canary does the same, as fruitlessly.
    function test_attack_h4__maker_challenges_another_leaf_first__in_vain() public {
        beginCanary("VV VV IV");
        stakeFor(initiator, terms.bond);
        uint256 decoy = challengeAs(initiator, 0, GOOD_LEAF, 1, 0);
        uint256 id = challenge(0, GOOD_LEAF, CHECK, LEAF);
        juries(id, decoy, UPHELD);
        Aside memory aside = finish(1)[0];
        close(id);
        close(decoy);
        expectResolved(0, FALSE_CANARY, 0, 12 ether, 10 ether);
        resolve(aside);
    }

    /// @dev Two cases of one second, with the same ballots.
    function juries(uint256 one, uint256 two, uint8 ballot_) internal {
        uint256 opened = block.timestamp;
        jury(one, ballot_);
        vm.warp(opened);
        jury(two, ballot_);
    }

    function test_dispute__refused_and_another_check_good__stays_refused() public {
        begin("IV IV IV");
        Aside memory aside = contest(0, GOOD_LEAF, CHECK + 1, LEAF, UPHELD);
        expectResolved(0, REFUSED, 0, 3 ether, 20 ether);
        resolve(aside);
    }

    /// @dev All were wrong: the trainer is paid, no seat is.
    function test_dispute__refused_by_all_and_good__paid_by_nobodys_vote() public {
        begin("IV IV IV");
        Aside memory aside = contest(0, GOOD_LEAF, CHECK, LEAF, UPHELD);
        mark();
        expectResolved(0, PAID, 10 ether, 3 ether, 3 ether);
        resolve(aside);
        assertEq(gained(trainers[0]), 10 ether, "paid");
        assertEq(gained(stranger), 3 ether, "half of three cuts");
        for (uint256 v; v < 3; ++v) {
            assertEq(gained(validators[v]), 0, "overruled seats aren't paid");
        }
        assertSound();
    }

    /// @dev attack C2: a ruling makes it valid, not work: without the salt it still ends unpaid.
    function test_dispute__refused_and_good__still_needs_its_salt() public {
        begin("IV IV IV");
        Aside memory aside = contest(0, GOOD_LEAF, CHECK, LEAF, UPHELD);
        uint256 ruled = block.timestamp;
        vm.warp(ruled + terms.challengeWindow - 1);
        vm.expectRevert(StillWaiting.selector);
        ledger.resolve(task, 1, aside, 0);
        vm.warp(ruled + terms.challengeWindow);
        expectResolved(0, 11, 0, 3 ether, 3 ether);
        ledger.resolve(task, 1, aside, 0);
    }

    // --- attack C1: withholding

    /// @dev attack C1: what is withheld costs what a lie costs: one penalty.
    function test_attack_c1__withheld__costs_the_whole_bond() public {
        begin("UV UV UV");
        mark();
        vm.warp(challengeEnd(1));
        expectFinal(1, hex"0401", 13 ether, 3 ether, 20 ether);
        finish(1);
        assertEq(lost(trainers[0]), 23 ether, "bond and fees");
        assertEq(destroyed(), 20 ether, "the bond, whole");
    }

    /// @dev attack C1, H1: a leaf that is shown to the jury cures it: the trainer is paid, and voters who couldn't know aren't cut.
    function test_attack_c1__cured_before_the_jury__paid_and_voters_not_cut() public {
        begin("UV UV UV");
        Aside memory aside = contest(0, GOOD_LEAF, MISSING, LEAF, UPHELD);
        mark();
        expectResolved(0, PAID, 10 ether, 0, 0);
        resolve(aside);
        assertEq(gained(trainers[0]), 10 ether, "paid");
        for (uint256 v; v < 3; ++v) {
            assertEq(lost(validators[v]), 0, "not cut");
        }
        assertEq(gained(stranger), 0, "nothing to share");
        assertSound();
    }

    function test_attack_c1__not_cured__costs_the_whole_bond_as_well() public {
        begin("UV UV UV");
        Aside memory aside = contest(0, GOOD_LEAF, MISSING, LEAF, REJECTED);
        mark();
        expectResolved(0, WITHHELD, 0, 3 ether, 20 ether);
        resolve(aside);
        assertEq(lost(trainers[0]), 23 ether, "bond and fees");
        assertSound();
    }

    // --- no ruling

    /// @dev attack H6: who holds up a jury gets nothing for it: what was passed is paid, as if nobody had challenged it.
    function test_dispute__passed_and_no_ruling__is_paid() public {
        begin("VV VV VV");
        Aside memory aside = contest(0, BAD_LEAF, CHECK, LEAF, NONE);
        mark();
        expectResolved(0, PAID, 13 ether, 0, 0);
        resolve(aside);
        assertEq(gained(trainers[0]), 10 ether, "trainer");
        assertEq(enlistedBy(trainers[0]), 200 ether, "free again");
        assertSound();
    }

    /// @dev attack C7, H6: nor does a liar save its bond: what was refused stays refused, by whichever claim a friend called the jury.
    function test_dispute__refused_and_no_ruling__is_slashed() public {
        for (uint8 claim = BAD_LEAF; claim <= GOOD_LEAF; ++claim) {
            uint256 before = vm.snapshotState();
            begin("IV IV IV");
            Aside memory aside = contest(0, claim, CHECK, LEAF, NONE);
            mark();
            expectResolved(0, REFUSED, 0, 3 ether, 20 ether);
            resolve(aside);
            assertEq(lost(trainers[0]), 23 ether, "bond and fees");
            assertEq(gained(validators[0]), 1 ether, "its seat");
            assertSound();
            vm.revertToState(before);
        }
    }

    /// @dev It left and was released in the meantime: what stayed locked for the share is exactly what it loses.
    function test_dispute__refused_and_trainer_released__loses_all_that_was_kept_for_it() public {
        begin("IV IV IV");
        Aside memory aside = contest(0, BAD_LEAF, CHECK, LEAF, NONE);
        vm.startPrank(trainers[0]);
        ledger.leave(task, TRAINER);
        ledger.release(task, trainers[0], TRAINER);
        vm.stopPrank();
        assertEq(locked(trainers[0]), 23 ether, "bond and fees");
        resolve(aside);
        assertEq(locked(trainers[0]), 0, "nothing is left to give back");
        assertEq(staked(trainers[0]), 177 ether, "the rest is there");
        assertSound();
    }

    // --- several

    /// @dev Two leaves of one submission: it waits for both, and one upheld claim is enough.
    function test_dispute__two_leaves__waits_for_both() public {
        begin("VV VV VV");
        uint256 one = challenge(0, BAD_LEAF, CHECK, LEAF);
        uint256 two = challenge(0, BAD_LEAF, CHECK, LEAF + 1);
        summon(one);
        jury(two, UPHELD);
        Aside memory aside = finish(1)[0];
        close(one); // its jury was drawn and said nothing
        vm.expectRevert(StillWaiting.selector);
        resolve(aside);
        vm.expectEmit(address(ledger));
        emit Ruled(task, 1, 0, BAD_LEAF, CHECK, LEAF + 1, UPHELD);
        close(two);
        mark();
        expectResolved(0, REFUSED, 0, 13 ether, 13 ether);
        resolve(aside);
        assertEq(gained(stranger), 13 ether, "one reward");
    }

    /// @dev checklist 13: both upheld: slashed once, and the first to be ruled on has the reward.
    function test_dispute__two_bad_leaves__slashed_once() public {
        begin("VV VV VV");
        stakeFor(initiator, terms.bond);
        uint256 one = challengeAs(initiator, 0, BAD_LEAF, CHECK, LEAF);
        uint256 two = challenge(0, BAD_LEAF, CHECK, LEAF + 1);
        juries(one, two, UPHELD);
        Aside memory aside = finish(1)[0];
        close(two);
        close(one);
        mark();
        resolve(aside);
        assertEq(gained(stranger), 13 ether, "whose case was closed first");
        assertEq(gained(initiator), 0, "the other has its bond back");
        assertEq(lost(trainers[0]), 20 ether, "one bond");
        assertEq(lost(validators[0]), 2 ether, "one cut");
        vm.expectRevert(WrongAside.selector);
        resolve(aside);
        assertSound();
    }

    /// @dev Once per leaf and check, for ever.
    function test_dispute__same_leaf_again__reverts() public {
        begin("VV VV VV");
        uint256 id = challenge(0, BAD_LEAF, CHECK, LEAF);
        stakeFor(stranger, terms.bond);
        LeafProof memory proof = proofOf(1, 0);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IDisputeCourtErrors.AlreadyChallenged.selector, id));
        court.challenge(task, 1, entries[1], 0, BAD_LEAF, CHECK, LEAF, proof, "");
    }

    // --- canaries

    function beginCanary(string memory votes) internal {
        start();
        makesCanary(trainers[0], 1);
        works(trainers[1], 1, 1000);
        sealAs(1, "012 012");
        say(1, votes);
        opensCanary(1, 0);
    }

    /// @dev attack H4: a canary whose leaf is good costs its maker what a lie costs; who passed it was right and is paid by its maker.
    function test_attack_h4__false_canary__its_maker_pays() public {
        beginCanary("VV VV IV");
        Aside memory aside = contest(0, GOOD_LEAF, CHECK, LEAF, UPHELD);
        mark();
        vm.expectEmit(address(ledger));
        emit Slashed(task, trainers[0], 1, 0, 10 ether, 12 ether);
        expectResolved(0, FALSE_CANARY, 0, 12 ether, 10 ether);
        resolve(aside);
        assertEq(lost(trainers[0]), 22 ether, "bond and two fees");
        assertEq(gained(trainers[0]), 0, "no canary fee");
        assertEq(gained(stranger), 10 ether, "half of the bond");
        assertEq(gained(validators[0]) + gained(validators[1]), 2 ether, "passers");
        assertEq(lost(validators[0]) + lost(validators[2]), 0, "nobody is cut");
        assertSound();
    }

    function test_dispute__true_canary__settled_as_one() public {
        beginCanary("VV VV IV");
        Aside memory aside = contest(0, GOOD_LEAF, CHECK, LEAF, REJECTED);
        mark();
        expectCut(1, 0, 0, PASSED_CANARY, 1 ether, 1 ether);
        expectResolved(0, CANARY, 3 ether, 3 ether, 2 ether);
        resolve(aside);
        assertEq(gained(trainers[0]), 3.5 ether, "canary fee and a quarter");
        assertEq(gained(validators[2]), 2.5 ether, "fee and bonus");
        assertEq(lost(trainers[0]), 1 ether, "one fee");
        assertSound();
    }

    /// @dev That another leaf is good is no excuse.
    function test_dispute__canary_and_another_leaf_good__settled_as_one() public {
        beginCanary("VV VV IV");
        Aside memory aside = contest(0, GOOD_LEAF, CHECK, LEAF + 1, UPHELD);
        expectResolved(0, CANARY, 3 ether, 3 ether, 2 ether);
        resolve(aside);
    }

    /// @dev attack C1: a canary that was withheld, and shown to the jury: it is no lie then, and no canary that was looked at either.
    function test_attack_c1__withheld_canary_cured__neither_slashed_nor_paid() public {
        beginCanary("UV UV UV");
        Aside memory aside = contest(0, GOOD_LEAF, MISSING, LEAF, UPHELD);
        vm.warp(block.timestamp + terms.challengeWindow);
        mark();
        expectResolved(0, 11, 0, 0, 0);
        resolve(aside);
        assertEq(gained(trainers[0]) + lost(trainers[0]), 0, "maker");
    }

    function test_dispute__withheld_canary__not_cured__loses_its_bond() public {
        beginCanary("UV UV UV");
        Aside memory aside = contest(0, GOOD_LEAF, MISSING, LEAF, REJECTED);
        expectResolved(0, WITHHELD, 0, 3 ether, 20 ether);
        resolve(aside);
    }

    /// @dev attack H4, H6: a canary that a jury can't agree on is what its mark says.
    function test_dispute__canary_without_a_ruling__stays_a_canary() public {
        beginCanary("VV VV IV");
        Aside memory aside = contest(0, GOOD_LEAF, CHECK, LEAF, NONE);
        mark();
        vm.recordLogs();
        resolve(aside);
        assertGt(lost(validators[0]), 0, "who passed it is cut");
        assertEq(gained(validators[2]), 1 ether + 2 * 2 ether / 2 * 3 / 4, "fee and bonus of who refused it");
    }

    // --- attack C8: a round isn't held up

    /// @dev attack C8: while one submission is before the court, its round is attested, made final and paid, and the next one too. The
    /// disputed share is counted at its full claim: what the others get doesn't depend on the ruling.
    function test_attack_c8__dispute__holds_up_neither_round_nor_checkpoint_nor_pay() public {
        terms.pot = 16 ether; // 26 are asked for
        begin("VV VV VV");
        uint256 id = challenge(0, BAD_LEAF, CHECK, LEAF);
        attestAll(1);
        assertEq(headNow(), 1, "checkpoint");
        mark();
        Aside memory aside = finish(1)[0];
        uint256 due = 26 ether + 0.2 ether;
        assertEq(aside.due, due, "at its full claim");
        assertEq(gained(trainers[1]), uint256(10 ether) * 16 ether / due, "the other is paid now");
        (,,, bool voted,) = ledger.voterOf(task, 1, validators[0]);
        assertFalse(voted, "no extra draw");

        vm.warp(opens(4));
        works(trainers[0], 4, 1000);
        (,,, uint16 pending) = ledger.stateOf(task);
        assertEq(pending, 1 << 4, "work goes on");

        (,,, uint256 appealEnd,) = court.timesOf(id);
        vm.warp(appealEnd);
        court.close(id, nobody, nobody); // nobody came: no ruling
        resolve(aside);
        assertLe(spent(), 16 ether, "pot");
        assertSound();
    }

    /// @dev attack C8: what an upheld refusal pays later comes out of the pot of its round, at the same scale.
    function test_attack_c8__paid_later__at_the_scale_of_its_round() public {
        terms.pot = 16 ether;
        begin("IV JV VV");
        mark();
        Aside memory aside = contest(0, GOOD_LEAF, CHECK, LEAF, UPHELD);
        uint256 scaled = uint256(10 ether) * 16 / 26;
        assertEq(gained(trainers[1]), scaled, "the other");
        resolve(aside);
        assertEq(gained(trainers[0]), scaled, "the same pay for the same work");
        assertLe(spent(), 16 ether, "pot");
        assertSound();
    }

    /// @dev Stake and escrow wait for the ruling, and no longer.
    function test_dispute__lots_refund_and_bond__wait_for_the_ruling() public {
        terms.rounds = 1;
        begin("VV VV VV");
        uint256 id = challenge(0, BAD_LEAF, CHECK, LEAF);
        jury(id, UPHELD);
        Aside memory aside = finish(1)[0];
        vm.prank(validators[0]);
        ledger.leave(task, VALIDATOR);
        vm.expectRevert(StillDisputed.selector);
        ledger.release(task, validators[0], VALIDATOR);
        vm.expectRevert(abi.encodeWithSelector(ITaskMarketErrors.TaskStillOpen.selector, task));
        market.refund(task);
        vm.expectRevert(StillWaiting.selector);
        resolve(aside);
        close(id);
        vm.expectRevert(StillDisputed.selector);
        ledger.release(task, validators[0], VALIDATOR); // ruled on, but not yet cut
        resolve(aside);
        vm.expectEmit(address(ledger));
        emit Released(task, validators[0], VALIDATOR, 98 ether);
        ledger.release(task, validators[0], VALIDATOR);
        market.refund(task);
    }

    /// @dev checklist 37
    function test_dispute__window_edges() public {
        begin("VV VV VV");
        stakeFor(stranger, 2 * terms.bond);
        bytes memory closed;
        vm.warp(votesEnd(1) - 1);
        closed = outside(votesEnd(1), challengeEnd(1));
        refuse(closed, LEAF);
        vm.warp(challengeEnd(1));
        closed = outside(votesEnd(1), challengeEnd(1));
        refuse(closed, LEAF);
        vm.warp(votesEnd(1));
        challengeAs(stranger, 0, BAD_LEAF, CHECK, LEAF);
        vm.warp(challengeEnd(1) - 1);
        challengeAs(stranger, 0, BAD_LEAF, CHECK, LEAF + 1);
    }

    function refuse(bytes memory err, uint16 leaf) internal {
        LeafProof memory proof = proofOf(1, 0);
        vm.prank(stranger);
        vm.expectRevert(err);
        court.challenge(task, 1, entries[1], 0, BAD_LEAF, CHECK, leaf, proof, "");
    }
}

/// @dev Disputes of a checkpoint's root. Validators 0 and 1 attest it; validator 1 revealed nothing.
contract RootDisputeTest is CourtScene {
    bytes32 internal constant CHUNK = keccak256("a chunk");

    function begin() internal {
        start();
        works(trainers[0], 1, 1000);
        sealAs(1, "022");
        say(1, "V - V");
        vm.warp(votesEnd(1));
        attest(0, 1, rootOf(CHUNK));
        attest(1, 1, rootOf(CHUNK));
        assertEq(headNow(), 1, "final");
    }

    function attest(uint256 v, uint32 round, bytes32 root) internal {
        vm.prank(validators[v]);
        ledger.attest(task, round, root);
    }

    function challengeRoot(uint32 round) internal returns (uint256 id) {
        stakeFor(stranger, terms.bond);
        LeafProof memory proof = LeafProof(0, 1, CHUNK, new bytes32[](0));
        vm.expectEmit(address(ledger));
        emit RootDisputed(task, round, rootOf(CHUNK));
        vm.prank(stranger);
        id = court.challengeRoot(task, round, rootOf(CHUNK), proof, "");
    }

    function both() internal view returns (address[] memory) {
        return sorted(validators[0], validators[1]);
    }

    function silent() internal view returns (address[] memory list) {
        list = new address[](1);
        list[0] = validators[1];
    }

    /// @dev attack H7: paid when the root stood, and not before: whoever revealed and whoever only attested, once.
    function test_root__rejected__attesters_are_paid_late_and_once() public {
        begin();
        uint256 id = challengeRoot(1);
        jury(id, REJECTED);
        mark();
        vm.warp(challengeEnd(1));
        expectFinal(1, hex"01", 13 ether, 0, 0);
        finish(1, silent());
        assertEq(gained(validators[0]), 1 ether, "seat, no attestation");
        assertEq(gained(validators[1]), 0, "no attestation");
        (,,, uint256 appealEnd,) = court.timesOf(id);
        vm.warp(appealEnd);
        mark();
        address[] memory list = both();
        vm.expectEmit(address(ledger));
        emit RootRuled(task, 1, REJECTED);
        close(id, list);
        assertEq(gained(validators[0]), 0.1 ether + jurySeats(id, validators[0]) * 1 ether, "attestation, and the jury's fee");
        assertEq(gained(validators[1]), 0.1 ether + jurySeats(id, validators[1]) * 1 ether, "attestation, and the jury's fee");
        assertEq(gained(validators[2]), jurySeats(id, validators[2]) * 1 ether, "the jury's fee");
        assertEq(spent(), 0.2 ether, "escrow");
        assertEq(ledger.asidesOf(task), 0, "nothing waits");
        assertSound();
    }

    /// @dev attack H7: a wrong root costs all its attesters' lots, half burned, half to the challenger.
    function test_root__upheld__attesters_lose_their_lots() public {
        begin();
        uint256 id = challengeRoot(1);
        jury(id, UPHELD);
        finish(1, silent());
        (,,, uint256 appealEnd,) = court.timesOf(id);
        vm.warp(appealEnd);
        mark();
        address[] memory list = both();
        for (uint256 v; v < 2; ++v) {
            expectCut(1, v, NO_INDEX, WRONG_ROOT, 50 ether, 50 ether);
        }
        close(id, list);
        for (uint256 v; v < 2; ++v) {
            assertEq(lost(validators[v]), LOT, "the lot");
            assertEq(locked(validators[v]), 0, "nothing left to lock");
            (, uint32 until,,,) = ledger.lotOf(task, validators[v]);
            assertLt(until, type(uint32).max, "off the line");
        }
        assertEq(gained(stranger), 100 ether, "challenger");
        assertEq(destroyed(), 100 ether, "burned; the jury was paid in full");
        assertEq(spent(), 0, "attesters aren't paid");
        assertSound();
        vm.warp(block.timestamp + 300);
        ledger.release(task, validators[0], VALIDATOR); // an empty lot goes as any other
    }

    function test_root__no_ruling__attesters_are_paid() public {
        begin();
        uint256 id = challengeRoot(1);
        finish(1, silent());
        mark();
        close(id, both());
        assertEq(gained(validators[0]), 0.1 ether, "attester");
        assertEq(lost(validators[0]), 0, "not cut");
        assertEq(spent(), 0.2 ether, "escrow");
        assertEq(destroyed(), 9 ether, "the jury's fees");
    }

    /// @dev checklist 15: all attesters, ascending, and only they.
    function test_root__attesters_left_out_or_repeated__reverts() public {
        begin();
        uint256 id = challengeRoot(1);
        jury(id, UPHELD);
        finish(1, silent());
        (,,, uint256 appealEnd,) = court.timesOf(id);
        vm.warp(appealEnd);
        address[] memory list = both();
        wrong(id, nobody);
        wrong(id, silent());
        (list[0], list[1]) = (list[1], list[0]);
        wrong(id, list);
        list[0] = list[1];
        wrong(id, list);
        list = new address[](3);
        (list[0], list[1], list[2]) = (validators[0], validators[1], validators[2]);
        wrong(id, list);
        close(id, both());
    }

    function wrong(uint256 id, address[] memory list) internal {
        address[] memory jurors = jurorsOf(id);
        vm.expectRevert(WrongAttesters.selector);
        court.close(id, jurors, list);
    }

    function test_root__wrong_one_twice_or_round_open__reverts() public {
        begin();
        LeafProof memory proof = LeafProof(0, 1, CHUNK, new bytes32[](0));
        stakeFor(stranger, terms.bond);
        bytes32 other = rootOf("another");
        vm.expectRevert(abi.encodeWithSelector(WrongRoot.selector, other));
        court.challengeRoot(task, 1, other, proof, "");
        uint256 id = challengeRoot(1);
        bytes32 root = rootOf(CHUNK);
        vm.expectRevert(AlreadyDisputed.selector);
        court.challengeRoot(task, 1, root, proof, "");
        jury(id, REJECTED);
        (,,, uint256 appealEnd,) = court.timesOf(id);
        vm.warp(appealEnd);
        address[] memory jurors = jurorsOf(id);
        address[] memory list = both();
        vm.expectRevert(abi.encodeWithSelector(NotFinal.selector, 1));
        court.close(id, jurors, list);
        finish(1, silent());
        close(id, list);
    }

    /// @dev A checkpoint over a quiet round has attesters who aren't paid; it can be disputed all the same.
    function test_root__of_a_round_without_submissions__lots_answer_too() public {
        start();
        vm.warp(votesEnd(1));
        attest(0, 1, rootOf(CHUNK));
        attest(1, 1, rootOf(CHUNK));
        uint256 id = challengeRoot(1);
        jury(id, UPHELD);
        vm.prank(validators[0]);
        ledger.leave(task, VALIDATOR);
        vm.warp(challengeEnd(3));
        vm.expectRevert(StillDisputed.selector);
        ledger.release(task, validators[0], VALIDATOR);
        mark();
        close(id, both());
        assertEq(lost(validators[0]), LOT, "its lot");
    }

    /// @dev checklist 38: sixteen rounds later the words of who attested are another round's; the case ends then with nobody named, even
    /// where commitments have taken the place of attestations and no new root has.
    function test_root__ruled_after_the_ring_forgot__ends_without_attesters() public {
        begin();
        uint256 id = challengeRoot(1);
        jury(id, UPHELD);
        finish(1, silent());
        vm.warp(sealAt(17));
        vm.prank(validators[0]);
        ledger.commit(task, 17, "commitment");
        wrong(id, both());
        mark();
        close(id, nobody);
        assertEq(lost(validators[0]), 0, "too late");
        assertEq(ledger.asidesOf(task), 0, "nothing waits any more");
    }
}
