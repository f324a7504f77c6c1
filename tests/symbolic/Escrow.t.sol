// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AssayToken} from "../../contracts/AssayToken.sol";
import {TaskMarket} from "../../contracts/TaskMarket.sol";
import {Terms} from "../../contracts/interfaces/ITaskMarket.sol";
import {Test} from "forge-std/Test.sol";

/// @dev The escrow of one task next to another's, for all amounts. This contract plays the ledger and both initiators.
contract EscrowChecks is Test {
    uint256 internal constant SUPPLY = type(uint128).max;
    address internal constant VAULT = address(0x7a017);

    AssayToken internal token;
    TaskMarket internal market;
    bool internal over;

    function setUp() public {
        token = new AssayToken(SUPPLY);
        market = new TaskMarket(address(token), VAULT, address(this));
        token.approve(address(market), SUPPLY);
    }

    // --- what the market asks of the ledger

    function register(uint256, Terms calldata) external {}

    function isOver(uint256) external view returns (bool) {
        return over;
    }

    /// @dev Whatever is asked for, a task pays out no more than it was funded with, and what it doesn't pay is still there.
    function check_escrow__fund_pay_pay_refund__never_pays_more_than_funded(
        uint88 budget,
        uint88 other,
        uint88 more,
        uint96 first,
        uint96 second,
        bool ends
    ) external {
        uint256 task = publish(budget);
        publish(other);
        try market.fund(task, more) {} catch {}
        uint256 funded = uint256(budget) + more;
        uint256 before = token.balanceOf(address(this));
        try market.pay(task, first) {} catch {}
        try market.pay(task, second) {} catch {}
        over = ends;
        try market.refund(task) {
            assert(ends);
        } catch {}

        uint256 out = token.balanceOf(VAULT) + token.balanceOf(address(this)) - before;
        assert(out <= funded);
        assert(out + market.escrowOf(task) == funded);
        assert(token.balanceOf(address(market)) == market.escrowOf(task) + other);
    }

    function check_pay__anyone_but_the_ledger__is_refused(address caller, uint88 budget, uint96 amount) external {
        vm.assume(caller != address(this));
        uint256 task = publish(budget);
        vm.prank(caller);
        try market.pay(task, amount) {
            assert(false);
        } catch {}
        assert(market.escrowOf(task) == budget);
    }

    function publish(uint256 budget) internal returns (uint256) {
        Terms memory terms; // no round has a pot: any budget is enough
        return market.publish(terms, budget, "");
    }
}
