// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Actors} from "./Actors.sol";
import {Test} from "forge-std/Test.sol";

/// @dev Sums that hold after every call of any sequence. That nobody loses by another's call is checked inside `Actors`, per call.
contract InvariantsTest is Test {
    Actors internal actors;

    function setUp() public {
        actors = new Actors();
        targetContract(address(actors));
        bytes4[] memory moves = new bytes4[](12);
        moves[0] = Actors.stake.selector;
        moves[1] = Actors.unbond.selector;
        moves[2] = Actors.withdraw.selector;
        moves[3] = Actors.claim.selector;
        moves[4] = Actors.fund.selector;
        moves[5] = Actors.donate.selector;
        moves[6] = Actors.refund.selector;
        moves[7] = Actors.cancel.selector;
        moves[8] = Actors.topUp.selector;
        moves[9] = Actors.comeAndGo.selector;
        moves[10] = Actors.playRound.selector;
        moves[11] = Actors.finish.selector;
        targetSelector(FuzzSelector({addr: address(actors), selectors: moves}));
    }

    function invariant_sums() public view {
        vaultHoldsWhatItOwes();
        accountsAddUpToOwed();
        escrowPaidRefundedAddUpToFunded();
        lockedIsEnlistedAndWithinTheStake();
    }

    /// @dev The moves are worth something only if they reach every outcome, pots that are too small, and burns.
    function test_actors__two_hundred_rounds__reach_every_outcome() public {
        for (uint256 i; i < 200; ++i) {
            actors.topUp(i, 100);
            actors.playRound(uint256(keccak256(abi.encode(i))));
            if (i % 3 == 0) actors.finish(i);
        }
        for (uint8 outcome = 1; outcome <= 7; ++outcome) {
            assertGt(actors.ended(outcome), 0, vm.toString(outcome));
        }
        assertGt(actors.burned(), 0, "burned");
        this.invariant_sums();
    }

    function vaultHoldsWhatItOwes() internal view {
        (,, uint256 has, uint256 owes) = actors.balances();
        assertEq(has, owes + actors.donated(), "balance = owed + donations");
    }

    function accountsAddUpToOwed() internal view {
        address[] memory people = actors.people();
        uint256 total;
        for (uint256 i; i < people.length; ++i) {
            total += actors.inVault(people[i]);
        }
        (,,, uint256 owes) = actors.balances();
        assertEq(total, owes, "sum of accounts");
    }

    function escrowPaidRefundedAddUpToFunded() internal view {
        (uint256 inMarket, uint256 escrow,,) = actors.balances();
        assertEq(escrow + actors.paid() + actors.refunded(), actors.funded(), "per task");
        assertEq(inMarket, escrow, "market's balance");
    }

    function lockedIsEnlistedAndWithinTheStake() internal view {
        address[] memory people = actors.people();
        for (uint256 i; i < people.length; ++i) {
            (uint256 staked, uint256 locked,) = actors.accountOf(people[i]);
            (uint256 asTrainer, uint256 asValidator, uint256 atRisk) = actors.enlistedBy(people[i]);
            assertLe(locked, staked, "locked <= stake");
            assertEq(locked, asTrainer + asValidator, "locked = enlisted");
            assertLe(atRisk, asTrainer, "exposed <= enlisted");
        }
    }
}
