// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputeCourtErrors} from "../../contracts/interfaces/IDisputeCourt.sol";
import {Aside, Entry} from "../../contracts/interfaces/RoundLedgerTypes.sol";
import {CourtFlow} from "./DisputeCourtFlow.t.sol";

/// @dev Attacks on the court in the deployed system that once paid (docs/decisions/012). All of the attackers' accounts count together.
contract DisputeCourtAttacksTest is CourtFlow {
    /// @dev attack C7: a liar that was refused has a friend challenge the refusal, falsely, and another one appeal, and nobody votes. That
    /// used to leave the case without a ruling, so that two juries' fees bought back the bond.
    function test_attack__liar_appeals_into_silence__loses_its_bond_and_more() public {
        playVotes(INVALID, CHECK, LEAF);
        attestTree();
        uint256 snapshot = vm.snapshotState();
        uint256 before = wealth(trainer);
        vm.warp(challengeEnd(1));
        settle(1, nobody);
        uint256 without = before - wealth(trainer);
        assertEq(without, BOND + 3 ether, "without the attack: the bond and three seats' fees");
        vm.revertToState(snapshot);

        before = wealth(trainer) + wealth(challenger) + wealth(appellant);
        uint256 id = challenge(challenger, GOOD_LEAF, CHECK, LEAF);
        Aside memory aside = ruleAndFinalize(id, REJECTED);
        appeal(id, appellant);
        close(id, jurorsOf(id), nobody);
        assertEq(court.rulingOf(id), REJECTED, "the jury's");
        resolve(aside);
        uint256 lost = before - wealth(trainer) - wealth(challenger) - wealth(appellant);
        assertEq(lost, without + 2 * BOND, "the friend's bond and half of the appeal's on top");
        assertSettled();
    }

    /// @dev attack C7: nor does it help to appeal where the lie was passed and is then found out.
    function test_attack__liar_found_out_appeals_into_silence__is_slashed() public {
        playVotes(VALID, 0, 0);
        attestTree();
        uint256 before = wealth(trainer) + wealth(appellant);
        uint256 id = challenge(challenger, BAD_LEAF, CHECK, LEAF);
        Aside memory aside = ruleAndFinalize(id, UPHELD);
        appeal(id, appellant);
        close(id, jurorsOf(id), nobody);
        resolve(aside);
        assertEq(before - wealth(trainer) - wealth(appellant), 2 * BOND, "its bond, and half of the appeal's");
        assertEq(claimable(challenger), BOND / 2 + 3 ether, "and the challenger has its reward");
        assertSettled();
    }

    /// @dev attack H6: whoever refused good work wrongly challenges the refusal at a leaf that no seat named. That used to use up the
    /// refusal's only challenge, so that the trainer lost its bond.
    function test_attack__refusal_challenged_at_an_unnamed_leaf__trainer_still_wins() public {
        playVotes(INVALID, CHECK, LEAF);
        attestTree();
        uint256 foe = challenge(challenger, GOOD_LEAF, CHECK, LEAF + 1);
        uint256 id = challenge(trainer, GOOD_LEAF, CHECK, LEAF);
        juriesUphold(foe, id);
        Aside memory aside = finalizeAside();
        uint256 before = wealth(trainer);
        close(id, jurorsOf(id), nobody);
        close(foe, jurorsOf(foe), nobody); // the last word is the foe's, and both count
        resolve(aside);

        assertEq(wealth(trainer) + FEES - before, PAY + 3 ether, "its pay and half of the cuts, less the jury's fees");
        assertEq(wealth(challenger), 2 * BOND - FEES, "the foe paid a jury for nothing");
        assertSettled();
    }

    /// @dev attack H6: nor do many unnamed leaves, upheld and closed before the trainer's own claim: only leaves that somebody named are read,
    /// so neither the trainer's remedy nor what settling costs depends on how many others there are.
    function test_attack__many_unnamed_leaves_upheld_first__trainer_still_wins() public {
        playVotes(INVALID, CHECK, LEAF);
        attestTree();
        stakeFor(challenger, 100 * BOND);
        uint256[] memory ids = new uint256[](70);
        for (uint16 i; i + 1 < ids.length; ++i) {
            ids[i] = challenge(challenger, GOOD_LEAF, CHECK, LEAF + 1 + i);
        }
        ids[ids.length - 1] = challenge(trainer, GOOD_LEAF, CHECK, LEAF);
        juriesUphold(ids);
        Aside memory aside = finalizeAside();
        uint256 before = wealth(trainer);
        for (uint256 k; k < ids.length; ++k) {
            close(ids[k], jurorsOf(ids[k]), nobody);
        }
        uint256 gas = gasleft();
        resolve(aside);
        assertLt(gas - gasleft(), 500_000, "costs no more than one");
        assertEq(wealth(trainer) + FEES - before, PAY + 3 ether, "its pay and half of the cuts, less the jury's fees");
        assertSettled();
    }

    /// @dev attack H6: nor does it help to challenge the named leaf before the trainer does: the jury judges the leaf, whoever asks.
    function test_attack__named_leaf_challenged_first_by_a_foe__is_judged_all_the_same() public {
        playVotes(INVALID, CHECK, LEAF);
        attestTree();
        uint256 id = challenge(challenger, GOOD_LEAF, CHECK, LEAF);
        vm.expectRevert(abi.encodeWithSelector(IDisputeCourtErrors.AlreadyChallenged.selector, id));
        challenge(trainer, GOOD_LEAF, CHECK, LEAF);
        Aside memory aside = ruleAndFinalize(id, UPHELD);
        close(id, jurorsOf(id), nobody);
        resolve(aside);
        assertEq(claimable(trainer), PAY, "paid, whoever challenged");
        assertSettled();
    }

    /// @dev attack H6: a false challenge with an appeal into silence used to leave honest work unpaid for two juries' fees. Now its trainer
    /// has the pay and a share of the challenger's bond.
    function test_attack__honest_work_challenged_and_appealed__is_paid_and_compensated() public {
        playVotes(VALID, 0, 0);
        attestTree();
        (uint256 honest, uint256 foes) = (wealth(trainer), wealth(challenger) + wealth(appellant));
        uint256 id = challenge(challenger, BAD_LEAF, CHECK, LEAF);
        Aside memory aside = ruleAndFinalize(id, REJECTED);
        appeal(id, appellant);
        close(id, jurorsOf(id), nobody);
        resolve(aside);
        assertEq(wealth(trainer) - honest, PAY + BOND / 2 - FEES, "pay and compensation");
        assertEq(foes - wealth(challenger) - wealth(appellant), 2 * BOND, "the bond, and half of the appeal's");
        assertSettled();
    }
}
