// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AssayToken} from "../../contracts/AssayToken.sol";
import {TaskMarket} from "../../contracts/TaskMarket.sol";
import {Test} from "forge-std/Test.sol";

/// @dev Opens a task without terms: the checks are about the escrow, not about what may be published.
contract OpenMarket is TaskMarket {
    constructor(address token_, address vault_, address ledger_, address gateway_) TaskMarket(token_, vault_, ledger_, gateway_) {}

    function open(uint96 budget) external returns (uint256 task) {
        task = ++tasks;
        _tasks[task] = Task(msg.sender, budget);
        _pull(msg.sender, budget);
    }
}

/// @dev The escrow of one task next to another's, for all amounts. This contract plays the ledger and both initiators.
contract EscrowChecks is Test {
    uint256 internal constant SUPPLY = type(uint128).max;
    uint96 internal constant OTHER = 5 ether;
    address internal constant GATEWAY = address(0x6a7e);
    address internal constant VAULT = address(0x7a017);

    AssayToken internal token;
    OpenMarket internal market;
    bool internal over;

    function setUp() public {
        token = new AssayToken(SUPPLY);
        market = new OpenMarket(address(token), VAULT, address(this), GATEWAY);
        token.approve(address(market), SUPPLY);
    }

    // --- what the market asks of the ledger

    function isOver(uint256) external view returns (bool) {
        return over;
    }

    /// @dev Whatever is asked for, a task pays out no more than it was funded with, and what it doesn't pay is still there.
    function check_escrow__two_pays__never_more_than_funded(uint88 budget, uint96 first, uint96 second) external {
        uint256 task = openTwo(budget);
        try market.pay(task, first) {} catch {}
        try market.pay(task, second) {} catch {}
        assertKept(task, budget, token.balanceOf(VAULT));
    }

    function check_escrow__pay_and_refund__never_more_than_funded(uint88 budget, uint96 amount, bool ends) external {
        uint256 task = openTwo(budget);
        uint256 before = token.balanceOf(address(this));
        try market.pay(task, amount) {} catch {}
        over = ends;
        try market.refund(task) {
            assert(ends && market.escrowOf(task) == 0);
        } catch {}
        assertKept(task, budget, token.balanceOf(VAULT) + token.balanceOf(address(this)) - before);
    }

    function check_fund__any_amount__is_the_tasks(uint88 budget, uint88 more) external {
        uint256 task = openTwo(budget);
        vm.assume(more != 0);
        market.fund(task, more);
        assertKept(task, uint256(budget) + more, 0);
    }

    function check_pay__anyone_but_the_ledger__is_refused(address caller, uint88 budget, uint96 amount) external {
        vm.assume(caller != address(this));
        uint256 task = market.open(budget);
        vm.prank(caller);
        try market.pay(task, amount) {
            assert(false);
        } catch {}
        assert(market.escrowOf(task) == budget);
    }

    /// @dev Opens the task and, before it, one of `OTHER`, which nothing may touch.
    function openTwo(uint88 budget) internal returns (uint256 task) {
        vm.assume(budget != 0);
        market.open(OTHER);
        return market.open(budget);
    }

    function assertKept(uint256 task, uint256 funded, uint256 out) internal view {
        assert(out <= funded);
        assert(out + market.escrowOf(task) == funded);
        assert(token.balanceOf(address(market)) == market.escrowOf(task) + OTHER);
    }
}
