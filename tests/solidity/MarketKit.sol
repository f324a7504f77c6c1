// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITaskMarket, ITaskMarketErrors, ITaskMarketEvents, Terms} from "../../contracts/interfaces/ITaskMarket.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Test} from "forge-std/Test.sol";

/// @dev A vault that only says how long unbonding takes.
contract StubVault {
    uint64 public unbondingPeriod;

    constructor(uint64 period) {
        unbondingPeriod = period;
    }
}

contract StubBeacon {
    bool public live = true;

    function die() external {
        live = false;
    }
}

/// @dev A ledger that notes what the market tells it and answers as it is told to. It knows no round.
contract StubLedger {
    address public beacon;
    bool public isDone;
    uint16 public last;
    mapping(uint256 task => bytes) internal _terms;

    constructor(address beacon_) {
        beacon = beacon_;
    }

    function register(uint256 task, Terms calldata terms) external {
        _terms[task] = abi.encode(terms);
    }

    function stop(uint256) external view returns (uint16) {
        return last;
    }

    function isOver(uint256) external view returns (bool) {
        return isDone;
    }

    function registered(uint256 task) external view returns (bytes memory) {
        return _terms[task];
    }

    function end() external {
        isDone = true;
    }

    function stopAt(uint16 round) external {
        last = round;
    }
}

/// @dev A market with the real token, and stubs for what it asks: its refusals need no round.
abstract contract MarketKit is Test, ITaskMarketErrors, ITaskMarketEvents {
    uint64 internal constant UNBONDING = 134; // what the kit's terms need, to the second

    IERC20 internal token;
    StubVault internal vault;
    StubBeacon internal beacon;
    StubLedger internal ledger;
    ITaskMarket internal market;
    address internal gateway = makeAddr("gateway");
    address internal initiator = makeAddr("initiator");
    address internal stranger = makeAddr("stranger");
    Terms internal terms;

    function setUp() public virtual {
        token = IERC20(vm.deployCode("AssayToken.sol:AssayToken", abi.encode(uint256(1e30))));
        vault = new StubVault(UNBONDING);
        beacon = new StubBeacon();
        ledger = new StubLedger(address(beacon));
        market = deployMarket(token);
        terms = goodTerms();
        give(initiator, 1e28);
    }

    function deployMarket(IERC20 token_) internal returns (ITaskMarket) {
        bytes memory args = abi.encode(token_, address(vault), address(ledger), gateway);
        return ITaskMarket(vm.deployCode("TaskMarket.sol:TaskMarket", args));
    }

    /// @dev Another market, whose vault takes `unbonding` seconds.
    function redeploy(uint64 unbonding) internal {
        vault = new StubVault(unbonding);
        market = deployMarket(token);
        give(initiator, 1e28);
    }

    /// @dev Work to attest takes 52 of 60 seconds; a round 62, the court 52 more. The largest claim is 10 tokens; power 0.9 and 3 seats give
    /// q = 2/3, so that a bond of 10 deters; juries need 9.
    function goodTerms() internal pure returns (Terms memory t) {
        (t.specHash, t.genesis) = (keccak256("spec"), keccak256("base model"));
        (t.rounds, t.period, t.work, t.sealDelay) = (20, 60, 20, 2);
        (t.commitWindow, t.revealWindow, t.attestTime, t.challengeWindow, t.lead) = (10, 10, 10, 20, 5);
        (t.seats, t.staleness, t.minTrainers, t.maxUnits) = (3, 1, 1, 1000);
        (t.minStake, t.bond, t.price, t.seatFee, t.attestFee) = (480 ether, 20 ether, 0.01 ether, 0.5 ether, 0.1 ether);
        (t.pot, t.cut, t.canaryFee, t.canaryRate, t.power) = (50 ether, 5 ether, 1.5 ether, 1000, 9000);
    }

    function give(address account, uint256 amount) internal {
        token.transfer(account, amount);
        vm.prank(account);
        token.approve(address(market), type(uint256).max);
    }

    function budget() internal view returns (uint256) {
        return terms.rounds * terms.pot;
    }

    function publish() internal returns (uint256) {
        vm.prank(initiator);
        return market.publish(terms, budget(), "http://initiator");
    }

    /// @dev Publishing the terms as they stand reverts with `error`.
    function refuses(bytes memory error) internal {
        vm.prank(initiator);
        vm.expectRevert(error);
        market.publish(terms, 1e28, "");
    }

    function bad(string memory what) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(BadTerms.selector, what);
    }

    function error2(bytes4 selector, uint256 have, uint256 needed) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(selector, have, needed);
    }
}
