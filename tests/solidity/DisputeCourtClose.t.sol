// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Stage} from "../../contracts/interfaces/IDisputeCourt.sol";
import {Entry, IRoundLedgerErrors} from "../../contracts/interfaces/IRoundLedger.sol";
import {Terms} from "../../contracts/interfaces/ITaskMarket.sol";
import {LedgerDouble} from "./CourtDoubles.sol";
import {CourtKit} from "./CourtKit.sol";

contract DisputeCourtCloseTest is CourtKit {
    function total() internal view returns (uint256 sum) {
        sum = vault.burned() + claimable(trainer);
        sum += staked(challenger) + claimable(challenger) + staked(appellant) + claimable(appellant);
        for (uint256 k; k < 3; ++k) {
            sum += claimable(jurors[k]);
        }
    }

    function assertFree() internal view {
        assertEq(locked(challenger), 0, "challenger's bond is free or gone");
        assertEq(locked(appellant), 0, "appellant's bond is free or gone");
        assertEq(total(), 20 * BOND, "nothing appeared, nothing vanished");
        assertEq(ledger.waiting(), 0, "the ledger doesn't wait any more");
        assertLe(vault.settlements(), 1, "one settlement");
    }

    // --- what the ledger is told

    function test_close__tells_the_ledger() public {
        for (uint8 claim = 1; claim <= 3; ++claim) {
            uint256 id = openCase(claim);
            judge(id, UPHELD, REJECTED, UPHELD);
            close(id, jurors);
            LedgerDouble.Told memory t = ledger.told();
            assertEq(t.claim, claim, "claim");
            assertEq(t.ruling, UPHELD, "ruling");
            assertEq(t.challenger, challenger, "challenger");
            if (claim == 3) continue;
            assertEq(t.index, 0, "index");
            assertEq(t.check, CHECK, "check");
            assertEq(t.leaf, LEAF, "leaf");
        }
    }

    function test_close__of_a_root__hands_the_attesters_on() public {
        uint256 id = challengeRoot();
        judge(id, UPHELD, UPHELD, UPHELD);
        vm.warp(appealEnd(id));
        court.close(id, jurors, jurors);
        assertEq(ledger.told().attesters, jurors, "attesters");
    }

    /// @dev A root waits for its round; the round needs only time and anyone's call.
    function test_close__of_a_root_whose_round_is_open__waits() public {
        uint256 id = challengeRoot();
        ledger.setFinal(false);
        vm.warp(appealEnd(id));
        vm.expectRevert(abi.encodeWithSelector(IRoundLedgerErrors.NotFinal.selector, ROUND));
        court.close(id, nobody, nobody);
        ledger.setFinal(true);
        court.close(id, nobody, nobody);
    }

    function test_close__emits_ruling_and_what_burned() public {
        uint256 id = challenge(BAD_LEAF);
        judge(id, REJECTED, UPHELD, UPHELD);
        vm.warp(appealEnd(id));
        vm.expectEmit(address(court));
        emit CaseClosed(id, REJECTED, BOND / 2 + 3 * FEE);
        court.close(id, jurors, nobody);
        assertTrue(court.caseOf(id).isClosed, "closed");
        assertEq(uint8(court.stageOf(id)), uint8(Stage.Closed), "stage");
    }

    // --- money, without an appeal

    function test_money__upheld__challenger_pays_the_jury_and_nothing_else() public {
        uint256 id = challenge(BAD_LEAF);
        judge(id, UPHELD, REJECTED, UPHELD);
        close(id, jurors);
        assertEq(staked(challenger), 10 * BOND - FEES, "challenger");
        assertEq(claimable(jurors[0]), 6 * FEE, "six seats");
        assertEq(claimable(jurors[1]), 0, "voted against the ruling");
        assertEq(claimable(jurors[2]), FEE, "one seat");
        assertEq(vault.burned(), 2 * FEE, "what nobody earned is burned");
        assertEq(claimable(trainer), 0, "trainer");
        assertFree();
    }

    function test_money__bad_leaf_rejected__half_burned_and_the_rest_to_the_trainer() public {
        uint256 id = challenge(BAD_LEAF);
        judge(id, REJECTED, 0, REJECTED);
        address[] memory two = new address[](2);
        (two[0], two[1]) = (jurors[0], jurors[2]);
        close(id, two);
        assertEq(staked(challenger), 9 * BOND, "the bond is gone");
        assertEq(claimable(jurors[0]), 6 * FEE, "six seats");
        assertEq(claimable(jurors[2]), FEE, "one seat");
        assertEq(claimable(trainer), BOND / 2 - FEES, "trainer");
        assertEq(vault.burned(), BOND / 2 + 2 * FEE, "burned");
        assertFree();
    }

    function test_money__good_leaf_or_root_rejected__the_rest_is_burned() public {
        for (uint8 claim = 2; claim <= 3; ++claim) {
            uint256 snapshot = vm.snapshotState();
            uint256 id = openCase(claim);
            judge(id, REJECTED, REJECTED, REJECTED);
            close(id, jurors);
            assertEq(staked(challenger), 9 * BOND, "the bond is gone");
            assertEq(vault.burned(), BOND - FEES, "burned");
            assertEq(claimable(trainer), 0, "trainer");
            assertFree();
            vm.revertToState(snapshot);
        }
    }

    function test_money__no_ruling__only_the_jurys_fees_burn() public {
        for (uint8 claim = 1; claim <= 3; ++claim) {
            uint256 snapshot = vm.snapshotState();
            uint256 id = openCase(claim);
            summon(id, 5, 4, 0);
            commit(id, jurors[0], UPHELD);
            commit(id, jurors[1], REJECTED);
            vm.warp(juryEnd(id));
            reveal(id, jurors[0], UPHELD);
            reveal(id, jurors[1], REJECTED);
            address[] memory two = new address[](2);
            (two[0], two[1]) = (jurors[0], jurors[1]);
            close(id, two);
            assertEq(ledger.told().ruling, 0, "none");
            assertEq(staked(challenger), 10 * BOND - FEES, "challenger");
            assertEq(vault.burned(), FEES, "nobody judged with a ruling");
            assertFree();
            vm.revertToState(snapshot);
        }
    }

    /// @dev The largest fee that terms allow: nothing is left for the defender, and nothing reverts. And no fee at all.
    function test_money__fees_of_half_the_bond_or_none__close() public {
        uint256[2] memory fees = [BOND / 18, 0];
        for (uint256 k; k < 2; ++k) {
            for (uint8 vote = 1; vote <= 2; ++vote) {
                uint256 snapshot = vm.snapshotState();
                Terms memory t = terms();
                (t.bond, t.seatFee) = (18 * (BOND / 18), fees[k]);
                ledger.set(t, LINE, root(DIGEST));
                uint256 id = challenge(BAD_LEAF);
                judge(id, vote, vote, vote);
                close(id, jurors);
                assertEq(claimable(jurors[0]), 6 * fees[k], "juror");
                assertEq(claimable(trainer), vote == UPHELD ? 0 : t.bond / 2 - 9 * fees[k], "trainer");
                assertFree();
                vm.revertToState(snapshot);
            }
        }
    }

    // --- money, with an appeal

    function test_money__appeal_turns_upheld_to_rejected__jurors_of_the_minority_are_paid() public {
        uint256 id = challenge(BAD_LEAF);
        judge(id, UPHELD, REJECTED, REJECTED);
        appeal(id);
        voteAppeal(id, jurors[0], REJECTED);
        voteAppeal(id, jurors[1], REJECTED);
        close(id, jurors);
        assertEq(ledger.told().ruling, REJECTED, "turned");
        assertEq(staked(appellant), 10 * BOND, "appellant: all of it is free");
        assertEq(staked(challenger), 9 * BOND, "challenger");
        assertEq(claimable(jurors[0]), 0, "its jury vote wasn't the final ruling");
        assertEq(claimable(jurors[1]), 2 * FEE, "two seats");
        assertEq(claimable(jurors[2]), FEE, "one seat");
        assertEq(claimable(trainer), BOND / 2 - FEES, "trainer");
        assertFree();
    }

    function test_money__appeal_turns_rejected_to_upheld() public {
        uint256 id = challenge(GOOD_LEAF);
        judge(id, REJECTED, UPHELD, UPHELD);
        appeal(id);
        voteAppeal(id, jurors[0], UPHELD);
        voteAppeal(id, jurors[2], UPHELD);
        close(id, jurors);
        assertEq(ledger.told().ruling, UPHELD, "turned");
        assertEq(staked(appellant), 10 * BOND, "appellant");
        assertEq(staked(challenger), 10 * BOND - FEES, "challenger");
        assertFree();
    }

    function test_money__appeal_fails__its_bond_is_burned() public {
        for (uint8 vote = 1; vote <= 2; ++vote) {
            uint256 snapshot = vm.snapshotState();
            uint256 id = challenge(BAD_LEAF);
            judge(id, vote, 0, 0);
            appeal(id);
            voteAppeal(id, jurors[0], vote);
            voteAppeal(id, jurors[1], vote);
            uint256 before = staked(challenger);
            address[] memory one = new address[](1);
            one[0] = jurors[0];
            close(id, one);
            assertEq(ledger.told().ruling, vote, "stood");
            assertEq(staked(appellant), 8 * BOND, "appellant: gone");
            assertEq(before - staked(challenger), vote == UPHELD ? FEES : BOND, "challenger");
            assertEq(vault.burned(), 2 * BOND + 3 * FEE + (vote == UPHELD ? 0 : BOND / 2), "burned");
            assertFree();
            vm.revertToState(snapshot);
        }
    }

    /// @dev attack H6: without more than half of all an appeal changes nothing but its appellant's bond, of which half is burned.
    function test_money__appeal_without_a_majority__ruling_stands_and_half_its_bond_is_burned() public {
        for (uint8 vote; vote <= 2; ++vote) {
            uint256 snapshot = vm.snapshotState();
            uint256 id = challenge(BAD_LEAF);
            judge(id, vote, 0, 0);
            appeal(id);
            voteAppeal(id, jurors[0], UPHELD);
            voteAppeal(id, jurors[1], REJECTED);
            close(id, vote == 0 ? nobody : first());
            assertEq(ledger.told().ruling, vote, "the jury's, or none");
            assertEq(10 * BOND - staked(challenger), vote == REJECTED ? BOND : FEES, "challenger");
            assertEq(claimable(jurors[0]), vote == 0 ? 0 : 6 * FEE, "juror");
            assertEq(claimable(trainer), vote == REJECTED ? BOND / 2 - FEES : 0, "trainer");
            assertEq(staked(appellant), 9 * BOND, "appellant: half of it");
            assertEq(vault.burned() - BOND, vote == 0 ? FEES : vote == UPHELD ? 3 * FEE : BOND / 2 + 3 * FEE, "burned besides");
            assertFree();
            vm.revertToState(snapshot);
        }
    }

    function test_money__appeal_finds_a_ruling_where_the_jury_had_none() public {
        uint256 id = challenge(BAD_LEAF);
        appeal(id); // nobody was summoned
        voteAppeal(id, jurors[0], UPHELD);
        voteAppeal(id, jurors[2], UPHELD);
        close(id, nobody);
        assertEq(ledger.told().ruling, UPHELD, "ruling");
        assertEq(staked(appellant), 10 * BOND, "appellant");
        assertEq(staked(challenger), 10 * BOND - FEES, "challenger");
        assertEq(vault.burned(), FEES, "no juror, no fee");
        assertFree();
    }

    function test_money__challenger_appeals_and_sits_on_the_jury__each_part_counts() public {
        ledger.lay(challenger, 1, type(uint32).max, LINE / 2, 5 * LINE / 6);
        uint256 id = challenge(BAD_LEAF);
        summon(id, 6, 2, 1);
        commit(id, jurors[0], REJECTED);
        commit(id, challenger, UPHELD);
        vm.warp(juryEnd(id));
        reveal(id, jurors[0], REJECTED);
        reveal(id, challenger, UPHELD);
        vm.warp(ruledAt(id));
        vm.prank(challenger);
        court.appeal(id);
        vm.warp(appealEnd(id));
        voteAppeal(id, jurors[0], UPHELD);
        voteAppeal(id, challenger, UPHELD);
        address[] memory two = new address[](2);
        (two[0], two[1]) = (jurors[0], challenger);
        close(id, two);
        assertEq(staked(challenger), 10 * BOND - FEES, "fees");
        assertEq(claimable(challenger), 2 * FEE, "its seats were right");
        assertEq(locked(challenger), 0, "both bonds are free");
    }

    /// @dev Every ruling against a model written from the interface's text.
    function testFuzz_money__any_votes__as_the_interface_says(uint256 seed) public {
        uint8 claim = uint8(seed % 3 + 1);
        uint8[3] memory votes = [uint8((seed >> 8) % 3), uint8((seed >> 16) % 3), uint8((seed >> 24) % 3)];
        uint8[3] memory stakes = [uint8((seed >> 32) % 3), uint8((seed >> 40) % 3), uint8((seed >> 48) % 3)];
        bool appealed = (seed >> 56) % 2 == 1;
        uint256 id = openCase(claim);
        judge(id, votes[0], votes[1], votes[2]);
        uint256 first_ = votes[0]; // six of nine are the first juror's
        uint256 last = first_;
        bool majority;
        if (appealed) {
            appeal(id);
            for (uint256 k; k < 3; ++k) {
                if (stakes[k] != 0) voteAppeal(id, jurors[k], stakes[k]);
            }
            if (stakes[0] != 0 && (stakes[1] == stakes[0] || stakes[2] == stakes[0])) (last, majority) = (stakes[0], true);
        }
        uint256 n = (votes[0] != 0 ? 1 : 0) + (votes[1] != 0 ? 1 : 0) + (votes[2] != 0 ? 1 : 0);
        address[] memory who = new address[](n);
        for (uint256 k = 3; k > 0; --k) {
            if (votes[k - 1] != 0) who[--n] = jurors[k - 1];
        }
        close(id, who);

        assertEq(ledger.told().ruling, last, "ruling");
        uint8[3] memory seats = [6, 2, 1];
        uint256 earned;
        for (uint256 k; k < 3; ++k) {
            uint256 fee = last != 0 && votes[k] == last ? seats[k] * FEE : 0;
            assertEq(claimable(jurors[k]), fee, "juror");
            earned += fee;
        }
        assertEq(staked(challenger), 10 * BOND - (last == 2 ? BOND : FEES), "challenger");
        uint256 toTrainer = last == 2 && claim == 1 ? BOND / 2 - FEES : 0;
        assertEq(claimable(trainer), toTrainer, "trainer");
        uint256 lost = !appealed || last != first_ ? 0 : majority ? 2 * BOND : BOND;
        assertEq(staked(appellant), 10 * BOND - lost, "appellant");
        assertEq(vault.burned(), (last == 2 ? BOND : FEES) - earned - toTrainer + lost, "burned");
        assertFree();
    }

    // --- attacks

    /// @dev attack C7, checklist 26: whoever challenges itself falsely, to use up a leaf, loses at least half of the bond.
    function test_attack__self_challenge__costs_at_least_half_the_bond() public {
        ledger.put(0, root(DIGEST), challenger);
        uint256 id = challenge(BAD_LEAF);
        judge(id, REJECTED, REJECTED, REJECTED);
        close(id, jurors);
        uint256 left = staked(challenger) + claimable(challenger);
        assertGe(10 * BOND - left, BOND / 2, "lost for good");
        assertEq(10 * BOND - left, BOND / 2 + FEES, "half of it, and the jury");
    }

    /// @dev attack C7: also when the whole jury is its own.
    function test_attack__self_challenge_with_an_own_jury__costs_at_least_half_the_bond() public {
        ledger.put(0, root(DIGEST), challenger);
        uint256 id = challenge(BAD_LEAF);
        judge(id, REJECTED, REJECTED, REJECTED);
        close(id, jurors);
        uint256 left = staked(challenger) + claimable(challenger);
        for (uint256 k; k < 3; ++k) {
            left += claimable(jurors[k]);
        }
        assertEq(10 * BOND - left, BOND / 2, "half is burned, whoever is who");
    }

    /// @dev checklist 26: a frivolous challenge costs its maker the bond and its victim nothing; the victim is paid for the wait.
    function test_attack__griefing__pays_its_victim() public {
        uint256 id = challenge(BAD_LEAF);
        judge(id, REJECTED, REJECTED, REJECTED);
        close(id, jurors);
        assertEq(10 * BOND - staked(challenger), BOND, "cost");
        assertGt(claimable(trainer), 0, "paid");
    }

    /// @dev attack "judge paid from the slash": a juror's pay is the same for either ruling, comes from the challenger's bond only, and
    /// doesn't grow with what a liar loses.
    function test_attack__judge_paid_from_the_slash__same_fee_either_way() public {
        uint256[2] memory pay;
        for (uint8 vote = 1; vote <= 2; ++vote) {
            uint256 snapshot = vm.snapshotState();
            uint256 id = challenge(BAD_LEAF);
            judge(id, vote, vote, vote);
            close(id, jurors);
            pay[vote - 1] = claimable(jurors[0]) + claimable(jurors[1]) + claimable(jurors[2]);
            assertGe(10 * BOND - staked(challenger), pay[vote - 1], "out of the challenger's");
            vm.revertToState(snapshot);
        }
        assertEq(pay[0], FEES, "nine fees");
        assertEq(pay[1], FEES, "nine fees");
    }

    // --- the list of jurors

    function test_close__wrong_jurors__reverts() public {
        uint256 id = challenge(BAD_LEAF);
        summon(id, 6, 2, 1);
        for (uint256 k; k < 3; ++k) {
            commit(id, jurors[k], UPHELD);
        }
        vm.warp(juryEnd(id));
        reveal(id, jurors[0], UPHELD);
        reveal(id, jurors[1], UPHELD);
        vm.warp(appealEnd(id));
        refuses(id, list(jurors[0], address(0), address(0), 1)); // one is missing
        refuses(id, nobody);
        refuses(id, list(jurors[1], jurors[0], address(0), 2)); // not ascending
        refuses(id, list(jurors[0], jurors[0], jurors[1], 3)); // twice
        refuses(id, list(jurors[0], jurors[1], jurors[2], 3)); // committed, but never revealed
        refuses(id, list(stranger, address(0), address(0), 1));
        refuses(id, list(address(0), jurors[0], jurors[1], 3));
        court.close(id, list(jurors[0], jurors[1], address(0), 2), nobody);
    }

    /// @dev A juror named twice in place of another one: the seats add up, the list doesn't ascend.
    function test_close__juror_twice_in_anothers_place__reverts() public {
        uint256 id = challenge(BAD_LEAF);
        summon(id, 4, 4, 1);
        commit(id, jurors[0], UPHELD);
        commit(id, jurors[1], UPHELD);
        vm.warp(juryEnd(id));
        reveal(id, jurors[0], UPHELD);
        reveal(id, jurors[1], UPHELD);
        vm.warp(appealEnd(id));
        refuses(id, list(jurors[0], jurors[0], address(0), 2));
        refuses(id, list(jurors[1], jurors[1], address(0), 2));
        court.close(id, list(jurors[0], jurors[1], address(0), 2), nobody);
        assertEq(claimable(jurors[0]), 4 * FEE, "paid once");
        assertEq(claimable(jurors[1]), 4 * FEE, "paid");
    }

    /// @dev A list as long as the caller likes is refused at its first stranger.
    function test_close__long_list__reverts_early() public {
        uint256 id = challenge(BAD_LEAF);
        vm.warp(appealEnd(id));
        address[] memory many = new address[](1000);
        for (uint160 k; k < 1000; ++k) {
            many[k] = address(k + 1);
        }
        refuses(id, many);
    }

    function refuses(uint256 id, address[] memory who) internal {
        vm.expectRevert(WrongJurors.selector);
        court.close(id, who, nobody);
    }

    function list(address a, address b, address c, uint256 n) internal pure returns (address[] memory l) {
        l = new address[](n);
        address[3] memory all = [a, b, c];
        for (uint256 k; k < n; ++k) {
            l[k] = all[k];
        }
    }

    function first() internal view returns (address[] memory) {
        return list(jurors[0], address(0), address(0), 1);
    }

    // --- time

    function test_close__window_edges() public {
        uint256 id = challenge(BAD_LEAF);
        vm.warp(appealEnd(id) - 1);
        vm.expectRevert(wrongStage(Stage.Appealing, Stage.Ready));
        court.close(id, nobody, nobody);
        uint256 snapshot = vm.snapshotState();
        vm.warp(appealEnd(id));
        court.close(id, nobody, nobody);
        vm.expectRevert(wrongStage(Stage.Closed, Stage.Ready));
        court.close(id, nobody, nobody);
        vm.revertToState(snapshot);
        vm.prank(appellant);
        court.appeal(id);
        vm.warp(voteEnd(id) - 1);
        vm.expectRevert(wrongStage(Stage.Voting, Stage.Ready));
        court.close(id, nobody, nobody);
        vm.warp(voteEnd(id));
        court.close(id, nobody, nobody);
    }

    /// @dev checklist 27, 37: at each second exactly one stage, and a move passes in its own stage only.
    function testFuzz_time__each_move_in_its_own_window(uint256 after_, bool appealed) public {
        uint256 id = challenge(BAD_LEAF);
        uint256 opened = block.timestamp;
        beacon.set(drawAt(id), keccak256("word"));
        if (appealed) {
            vm.warp(ruledAt(id));
            vm.prank(appellant);
            court.appeal(id);
        }
        uint256 t = bound(after_, 0, 70);
        vm.warp(opened + t);

        Stage due = t < 2
            ? Stage.Drawing
            : t < 12
                ? Stage.Committing
                : t < 20 ? Stage.Revealing : t < 40 ? Stage.Appealing : appealed && t < 50 ? Stage.Voting : Stage.Ready;
        assertEq(uint8(court.stageOf(id)), uint8(due), "stage");
        passesIn(due, Stage.Committing, abi.encodeCall(court.summon, (id, "proof")));
        passesIn(due, Stage.Committing, abi.encodeCall(court.commit, (id, "x")));
        passesIn(due, Stage.Revealing, abi.encodeCall(court.reveal, (id, UPHELD, "", "")));
        passesIn(due, Stage.Appealing, abi.encodeCall(court.appeal, (id)));
        passesIn(due, Stage.Voting, abi.encodeCall(court.voteAppeal, (id, UPHELD)));
        passesIn(due, Stage.Ready, abi.encodeCall(court.close, (id, nobody, nobody)));
    }

    /// @dev In its stage a call may fail for another reason, but not for the time.
    function passesIn(Stage now_, Stage needed, bytes memory call) internal {
        uint256 snapshot = vm.snapshotState();
        vm.prank(jurors[0]);
        (bool done, bytes memory answer) = address(court).call(call);
        if (now_ == needed) {
            assertTrue(done || bytes4(answer) != WrongStage.selector, "in its window");
        } else {
            assertFalse(done, "outside");
            assertEq(answer, wrongStage(now_, needed), "by name");
        }
        vm.revertToState(snapshot);
    }

    /// @dev checklist 27: at the last second of the appeal exactly one of appeal and close passes.
    function testFuzz_time__appeal_or_close__never_both(uint256 after_) public {
        uint256 id = challenge(BAD_LEAF);
        vm.warp(bound(after_, ruledAt(id), ruledAt(id) + 60));
        uint256 snapshot = vm.snapshotState();
        vm.prank(appellant);
        (bool appealed,) = address(court).call(abi.encodeCall(court.appeal, (id)));
        vm.revertToState(snapshot);
        (bool closed,) = address(court).call(abi.encodeCall(court.close, (id, nobody, nobody)));
        assertTrue(appealed != closed, "exactly one");
        assertEq(closed, block.timestamp >= appealEnd(id), "half-open");
    }

    // --- liveness

    /// @dev checklist 38: wherever everybody stops, time and a stranger's call end the case and free what is left.
    function test_liveness__from_every_state__time_alone_closes() public {
        for (uint8 claim = 1; claim <= 3; ++claim) {
            for (uint256 state; state < 9; ++state) {
                uint256 snapshot = vm.snapshotState();
                uint256 id = openCase(claim);
                address[] memory who = stopAt(id, state);
                // nothing that the others do with their stake or lots can keep it open
                vault.leave(challenger);
                vault.leave(appellant);
                for (uint256 k; k < 3; ++k) {
                    ledger.lay(jurors[k], 0, 0, 0, 0);
                }
                vm.warp(voteEnd(id));
                assertEq(uint8(court.stageOf(id)), uint8(Stage.Ready), "ready");
                vm.prank(stranger);
                court.close(id, who, nobody);
                assertEq(locked(challenger) + locked(appellant), 0, "free");
                assertEq(ledger.waiting(), 0, "told");
                vm.revertToState(snapshot);
            }
        }
    }

    /// @dev The states of a case in which everybody may vanish. Returns who revealed.
    function stopAt(uint256 id, uint256 state) internal returns (address[] memory) {
        if (state == 0) return nobody; // opened
        summon(id, 6, 2, 1);
        if (state == 1) return nobody; // drawn
        commit(id, jurors[0], REJECTED);
        commit(id, jurors[1], UPHELD);
        if (state == 2) return nobody; // committed
        vm.warp(juryEnd(id));
        reveal(id, jurors[1], UPHELD);
        if (state == 3) return list(jurors[1], address(0), address(0), 1); // short of a ruling
        reveal(id, jurors[0], REJECTED);
        if (state == 4) return list(jurors[0], jurors[1], address(0), 2); // ruled
        appeal(id);
        if (state == 5) return list(jurors[0], jurors[1], address(0), 2); // appealed
        voteAppeal(id, jurors[0], state == 6 ? UPHELD : REJECTED);
        if (state <= 7) return list(jurors[0], jurors[1], address(0), 2); // half has voted
        voteAppeal(id, jurors[2], REJECTED); // decided
        return list(jurors[0], jurors[1], address(0), 2);
    }

    /// @dev attack C8: cases are independent; as many as bonds pay for run side by side.
    function test_liveness__cases_side_by_side__each_ends_alone() public {
        uint256 a = challenge(BAD_LEAF);
        uint256 b = challenge(BAD_LEAF, 1, CHECK, LEAF);
        uint256 c = challengeRoot();
        judge(a, REJECTED, REJECTED, REJECTED);
        close(a, jurors);
        assertEq(ledger.waiting(), 2, "two more");
        close(c, nobody);
        close(b, nobody);
        assertEq(locked(challenger), 0, "free");
        assertEq(ledger.waiting(), 0, "none");
    }

    /// @dev checklist 31: nine jurors are the most there can be.
    function test_gas__close_with_nine_jurors_and_an_appeal() public {
        address[] memory nine = new address[](9);
        for (uint256 k; k < 9; ++k) {
            nine[k] = address(uint160(0x2001 + k));
            ledger.lay(nine[k], 1, type(uint32).max, k * LINE / 9, (k + 1) * LINE / 9);
        }
        uint256 id = challenge(BAD_LEAF);
        vm.warp(drawAt(id));
        beacon.set(drawAt(id), oneEach(id));
        court.summon(id, "proof");
        for (uint256 k; k < 9; ++k) {
            commit(id, nine[k], REJECTED);
        }
        vm.warp(juryEnd(id));
        for (uint256 k; k < 9; ++k) {
            reveal(id, nine[k], REJECTED);
        }
        appeal(id);
        for (uint256 k; k < 9; ++k) {
            voteAppeal(id, nine[k], REJECTED);
        }
        vm.warp(voteEnd(id));
        uint256 gas = gasleft();
        court.close(id, nine, nobody);
        assertLt(gas - gasleft(), 500_000, "gas");
        for (uint256 k; k < 9; ++k) {
            assertEq(claimable(nine[k]), FEE, "one seat each");
        }
    }

    function oneEach(uint256 id) internal view returns (bytes32 word) {
        for (uint256 nonce;; ++nonce) {
            word = keccak256(abi.encode("one each", nonce));
            bytes16 seed = jurySeed(id, word);
            uint256 hit;
            for (uint8 seat; seat < 9; ++seat) {
                hit |= 1 << (uint256(keccak256(abi.encodePacked(seed, uint16(0), seat))) % LINE * 9 / LINE);
            }
            if (hit == 0x1ff) return word;
        }
    }
}
