// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Actors} from "./Actors.sol";
import {Test} from "forge-std/Test.sol";

/// @dev Sums that hold after every call of any sequence. What holds of a single call is checked inside it (see World): nobody loses by another's
/// call, outcomes and rounds don't change once they are final, no round takes more than its pot.
contract InvariantsTest is Test {
    Actors internal actors;

    function setUp() public {
        actors = new Actors();
        targetContract(address(actors));
        bytes4[] memory moves = new bytes4[](21);
        (moves[0], moves[1], moves[2]) = (Actors.stake.selector, Actors.unbond.selector, Actors.rebond.selector);
        (moves[3], moves[4], moves[5]) = (Actors.withdraw.selector, Actors.claim.selector, Actors.fund.selector);
        (moves[6], moves[7], moves[8]) = (Actors.donate.selector, Actors.refund.selector, Actors.cancel.selector);
        (moves[9], moves[10], moves[11]) = (Actors.topUp.selector, Actors.trainerGoes.selector, Actors.validatorMoves.selector);
        (moves[12], moves[13], moves[14]) = (Actors.playRound.selector, Actors.finish.selector, Actors.closeCase.selector);
        (moves[15], moves[16], moves[17]) = (Actors.resolve.selector, Actors.playRound.selector, Actors.validatorMoves.selector);
        (moves[18], moves[19], moves[20]) = (Actors.resolve.selector, Actors.closeCase.selector, Actors.cutLate.selector);
        targetSelector(FuzzSelector({addr: address(actors), selectors: moves}));
    }

    /// @dev checklist 3
    function invariant_sums() public view {
        vaultHoldsWhatItOwes();
        escrowPaidRefundedAddUpToFunded();
        lockedIsWhatAnswersForSomething();
    }

    /// @dev Whatever has happened, time and strangers end it, and every token is somebody's.
    function afterInvariant() public {
        actors.endAll();
        everythingIsOver();
    }

    /// @dev The moves are worth something only if they reach every outcome, every cut, extra votes, rulings and burns.
    function test_actors__three_hundred_rounds__reach_every_outcome() public {
        for (uint256 i; i < 300; ++i) {
            uint256 dice = uint256(keccak256(abi.encode(i)));
            actors.topUp(i, 100);
            for (uint256 k; k < 3; ++k) {
                actors.validatorMoves(k, 1);
            }
            actors.playRound(dice);
            if (i % 2 == 0) actors.finish(i);
            if (i % 3 == 0) continue;
            actors.closeCase(i);
            actors.resolve(i, i % 4 != 0);
            actors.resolve(i, true);
        }
        for (uint8 outcome = 1; outcome <= 12; ++outcome) {
            assertGt(actors.ended(outcome), 0, string.concat("outcome ", vm.toString(outcome)));
        }
        for (uint8 reason = 1; reason <= 6; ++reason) {
            assertGt(actors.cuts(reason), 0, string.concat("cut ", vm.toString(reason)));
        }
        assertGt(actors.extraVotes(), 0, "extra votes");
        assertGt(actors.rulings(), 0, "rulings");
        this.invariant_sums();
        this.afterInvariant();
    }

    function vaultHoldsWhatItOwes() internal view {
        address[] memory people = actors.people();
        uint256 stakes;
        uint256 claims;
        for (uint256 i; i < people.length; ++i) {
            (uint256 staked,, uint256 claimable) = actors.accountOf(people[i]);
            stakes += staked + actors.unbonding(people[i]);
            claims += claimable;
        }
        (,, uint256 has, uint256 totalStaked) = actors.balances();
        assertEq(stakes, totalStaked, "stakes and unbonding amounts");
        assertEq(has, stakes + claims + actors.donated(), "balance = owed + donations");
    }

    function escrowPaidRefundedAddUpToFunded() internal view {
        (uint256 inMarket, uint256 escrow,,) = actors.balances();
        assertEq(escrow + actors.paid() + actors.refunded(), actors.funded(), "per task");
        assertEq(inMarket, escrow, "market's balance");
    }

    /// @dev No stake leaves early: what answers for an open submission, a lot, a share set aside or a case is locked, all of it and nothing else.
    function lockedIsWhatAnswersForSomething() internal view {
        address[] memory people = actors.people();
        for (uint256 i; i < people.length; ++i) {
            (uint256 staked, uint256 locked,) = actors.accountOf(people[i]);
            (uint256 asTrainer, uint256 asValidator, uint256 aside, uint256 inCourt, uint256 atRisk) = actors.boundOf(people[i]);
            assertLe(locked, staked, "locked <= stake");
            assertEq(locked, asTrainer + asValidator + aside + inCourt, "locked");
            assertLe(atRisk, asTrainer, "exposed <= enlisted");
        }
    }

    function everythingIsOver() internal view {
        (uint256 inMarket,, uint256 has,) = actors.balances();
        assertEq(inMarket, 0, "market");
        address[] memory people = actors.people();
        uint256 stakes;
        for (uint256 i; i < people.length; ++i) {
            (uint256 staked, uint256 locked, uint256 claimable) = actors.accountOf(people[i]);
            assertEq(locked, 0, "locked");
            assertEq(claimable, 0, "claimable");
            stakes += staked + actors.unbonding(people[i]);
        }
        assertEq(has, stakes + actors.donated(), "only stake is left");
    }
}
