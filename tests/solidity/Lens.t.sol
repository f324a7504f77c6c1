// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Case, IDisputeCourt, Stage} from "../../contracts/interfaces/IDisputeCourt.sol";
import {IInvites} from "../../contracts/interfaces/IInvites.sol";
import {AccountView, ILens, RoundView, TaskView} from "../../contracts/interfaces/ILens.sol";
import {IRoundLedger, IRoundLedgerErrors} from "../../contracts/interfaces/IRoundLedger.sol";
import {IStakeVault} from "../../contracts/interfaces/IStakeVault.sol";
import {ITaskMarket, Terms} from "../../contracts/interfaces/ITaskMarket.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Test} from "forge-std/Test.sol";

/// @dev The lens in front of contracts of which each getter answers with a number of its own: a field that took another one's shows.
contract LensTest is Test {
    uint256 internal constant TASK = 3;
    uint32 internal constant ROUND = 5;
    uint256 internal constant START = 1_700_000_000;

    ILens internal lens;
    address internal ledger = makeAddr("ledger");
    address internal court = makeAddr("court");
    address internal market = makeAddr("market");
    address internal vault = makeAddr("vault");
    address internal invites = makeAddr("invites");
    address internal token = makeAddr("token");
    address internal alice = makeAddr("alice");
    Terms internal terms;

    function setUp() public {
        vm.warp(START);
        vm.mockCall(court, abi.encodeCall(IDisputeCourt.ledger, ()), abi.encode(ledger));
        vm.mockCall(ledger, abi.encodeCall(IRoundLedger.court, ()), abi.encode(court));
        vm.mockCall(ledger, abi.encodeCall(IRoundLedger.market, ()), abi.encode(market));
        vm.mockCall(ledger, abi.encodeCall(IRoundLedger.vault, ()), abi.encode(vault));
        vm.mockCall(ledger, abi.encodeCall(IRoundLedger.invites, ()), abi.encode(invites));
        vm.mockCall(vault, abi.encodeCall(IStakeVault.token, ()), abi.encode(token));
        lens = ILens(vm.deployCode("Lens.sol:Lens", abi.encode(ledger, court)));

        (terms.specHash, terms.genesis, terms.rounds, terms.period) = ("spec", "genesis", 20, 100);
        (terms.work, terms.sealDelay, terms.commitWindow, terms.revealWindow) = (90, 2, 30, 400);
        (terms.extraWindow, terms.attestTime, terms.challengeWindow) = (5000, 60_000, 7_000_000);
        vm.mockCall(ledger, abi.encodeCall(IRoundLedger.termsOf, (TASK)), abi.encode(terms));
        state(START, 20);
    }

    function state(uint256 start, uint256 lastRound) internal {
        vm.mockCall(ledger, abi.encodeCall(IRoundLedger.stateOf, (TASK)), abi.encode(start, lastRound, 4, 48));
    }

    // --- construction

    function test_constructor__zero_or_strange_wiring__reverts() public {
        bytes memory code = vm.getCode("Lens.sol:Lens");
        vm.expectRevert(ILens.ZeroAddress.selector);
        this.create(abi.encodePacked(code, abi.encode(address(0), court)));
        vm.expectRevert(ILens.ZeroAddress.selector);
        this.create(abi.encodePacked(code, abi.encode(ledger, address(0))));
        vm.mockCall(ledger, abi.encodeCall(IRoundLedger.court, ()), abi.encode(alice));
        vm.expectRevert(ILens.WrongWiring.selector);
        this.create(abi.encodePacked(code, abi.encode(ledger, court)));
        vm.mockCall(ledger, abi.encodeCall(IRoundLedger.court, ()), abi.encode(court));
        vm.mockCall(court, abi.encodeCall(IDisputeCourt.ledger, ()), abi.encode(alice));
        vm.expectRevert(ILens.WrongWiring.selector);
        this.create(abi.encodePacked(code, abi.encode(ledger, court)));
        assertEq(lens.ledger(), ledger, "ledger");
        assertEq(lens.court(), court, "court");
    }

    function create(bytes memory code) external {
        assembly ("memory-safe") {
            if iszero(create(0, add(code, 32), mload(code))) {
                let free := mload(0x40)
                returndatacopy(free, 0, returndatasize())
                revert(free, returndatasize())
            }
        }
    }

    // --- a task

    function mockTask() internal {
        vm.mockCall(market, abi.encodeCall(ITaskMarket.initiatorOf, (TASK)), abi.encode(alice));
        vm.mockCall(market, abi.encodeCall(ITaskMarket.escrowOf, (TASK)), abi.encode(101));
        vm.mockCall(ledger, abi.encodeCall(IRoundLedger.lineOf, (TASK)), abi.encode(102));
        vm.mockCall(ledger, abi.encodeCall(IRoundLedger.asidesOf, (TASK)), abi.encode(103));
        vm.mockCall(ledger, abi.encodeCall(IRoundLedger.isOver, (TASK)), abi.encode(true));
    }

    function test_taskOf__every_field() public {
        mockTask();
        vm.warp(START + 250);
        TaskView memory v = lens.taskOf(TASK);
        assertEq(v.initiator, alice, "initiator");
        assertEq(keccak256(abi.encode(v.terms)), keccak256(abi.encode(terms)), "terms");
        assertEq(v.escrow, 101, "escrow");
        assertEq(v.start, START, "start");
        assertEq(v.lastRound, 20, "last round");
        assertEq(v.head, 4, "head");
        assertEq(v.pending, 48, "pending");
        assertEq(v.line, 102, "line");
        assertEq(v.asides, 103, "asides");
        assertEq(v.currentRound, 3, "current round");
        assertTrue(v.isOver, "over");
    }

    function test_taskOf__current_round__edges() public {
        mockTask();
        assertEq(lens.taskOf(TASK).currentRound, 1, "its first second");
        vm.warp(START + 99);
        assertEq(lens.taskOf(TASK).currentRound, 1, "its last");
        vm.warp(START + 100);
        assertEq(lens.taskOf(TASK).currentRound, 2, "the next one's first");
        vm.warp(START + 1999);
        assertEq(lens.taskOf(TASK).currentRound, 20, "the last one's last");
        vm.warp(START + 2000);
        assertEq(lens.taskOf(TASK).currentRound, 20, "where another would open");
        vm.warp(START + 1e6);
        assertEq(lens.taskOf(TASK).currentRound, 20, "never past the last");
        state(START, 0); // cancelled before the first
        assertEq(lens.taskOf(TASK).currentRound, 0, "none");
        state(START, 20);
        vm.warp(START - 1);
        assertEq(lens.taskOf(TASK).currentRound, 0, "before the first");
        state(0, 20);
        vm.warp(START);
        assertEq(lens.taskOf(TASK).currentRound, 0, "not started");
    }

    // --- a round

    function mockRound(uint32 round) internal {
        bytes memory answer = abi.encode(bytes16("seed"), 201, 202, 203, true);
        vm.mockCall(ledger, abi.encodeCall(IRoundLedger.roundOf, (TASK, round)), answer);
    }

    /// @dev The windows as the brief of issue 3 has them, one after another.
    function test_roundOf__every_field() public {
        mockRound(ROUND);
        RoundView memory v = lens.roundOf(TASK, ROUND);
        assertEq(v.seed, bytes16("seed"), "seed");
        assertEq(v.line, 201, "line");
        assertEq(v.submissions, 202, "submissions");
        assertEq(v.reveals, 203, "reveals");
        assertTrue(v.isFinal, "final");
        assertEq(v.opens, START + 400, "opens");
        assertEq(v.workEnd, START + 490, "work");
        assertEq(v.sealAt, START + 492, "seal");
        assertEq(v.commitEnd, START + 522, "commit");
        assertEq(v.revealEnd, START + 922, "reveal");
        assertEq(v.votesEnd, START + 5922, "votes");
        assertEq(v.attestEnd, START + 65_922, "attest");
        assertEq(v.challengeEnd, START + 7_005_922, "challenge");
    }

    function test_roundOf__no_such_time__is_zero() public {
        mockRound(0);
        assertEq(lens.roundOf(TASK, 0).opens, 0, "no round 0");
        mockRound(ROUND);
        state(0, 20);
        RoundView memory v = lens.roundOf(TASK, ROUND);
        assertEq(v.opens, 0, "not started");
        assertEq(v.challengeEnd, 0, "not started");
    }

    function test_unknown_task__reverts_with_the_ledgers_error() public {
        bytes memory err = abi.encodeWithSelector(IRoundLedgerErrors.UnknownTask.selector, 9);
        vm.mockCallRevert(ledger, abi.encodeCall(IRoundLedger.termsOf, (9)), err);
        vm.expectRevert(err);
        lens.taskOf(9);
    }

    // --- an account

    function test_accountOf__every_field() public {
        (uint256[] memory amounts, uint64[] memory readyAt) = (new uint256[](1), new uint64[](1));
        (amounts[0], readyAt[0]) = (305, 306);
        vm.mockCall(token, abi.encodeCall(IERC20.balanceOf, (alice)), abi.encode(301));
        vm.mockCall(vault, abi.encodeCall(IStakeVault.accountOf, (alice)), abi.encode(302, 303, 304));
        vm.mockCall(vault, abi.encodeCall(IStakeVault.unbondingOf, (alice)), abi.encode(amounts, readyAt));
        vm.mockCall(vault, abi.encodeCall(IStakeVault.payoutOf, (alice)), abi.encode(address(307)));
        vm.mockCall(ledger, abi.encodeCall(IRoundLedger.trainerOf, (TASK, alice)), abi.encode(308, 309, 310));
        vm.mockCall(ledger, abi.encodeCall(IRoundLedger.lotOf, (TASK, alice)), abi.encode(311, 312, 313, 314, 315));
        AccountView memory v = lens.accountOf(TASK, alice);
        assertEq(v.balance, 301, "balance");
        assertEq(v.staked, 302, "staked");
        assertEq(v.locked, 303, "locked");
        assertEq(v.claimable, 304, "claimable");
        assertEq(v.unbonding, amounts, "unbonding");
        assertEq(v.readyAt[0], 306, "ready");
        assertEq(v.payout, address(307), "payout");
        assertEq(v.trainerFrom, 308, "trainer from");
        assertEq(v.trainerEnlisted, 309, "enlisted");
        assertEq(v.trainerExposed, 310, "exposed");
        assertEq(v.lotFrom, 311, "lot from");
        assertEq(v.lotUntil, 312, "lot until");
        assertEq(v.lotLo, 313, "lo");
        assertEq(v.lotHi, 314, "hi");
        assertEq(v.lotCut, 315, "cut");
        assertTrue(v.isAdmitted, "open to all");

        terms.isPrivate = true;
        vm.mockCall(ledger, abi.encodeCall(IRoundLedger.termsOf, (TASK)), abi.encode(terms));
        vm.mockCall(invites, abi.encodeCall(IInvites.admits, (TASK, alice)), abi.encode(false));
        assertFalse(lens.accountOf(TASK, alice).isAdmitted, "not invited");
        vm.mockCall(invites, abi.encodeCall(IInvites.admits, (TASK, alice)), abi.encode(true));
        assertTrue(lens.accountOf(TASK, alice).isAdmitted, "invited");
    }

    // --- a case

    function test_caseOf__every_part() public {
        Case memory c;
        (c.task, c.digest, c.isClosed) = (TASK, "digest", true);
        vm.mockCall(court, abi.encodeCall(IDisputeCourt.caseOf, (7)), abi.encode(c));
        vm.mockCall(court, abi.encodeCall(IDisputeCourt.stageOf, (7)), abi.encode(Stage.Voting));
        vm.mockCall(court, abi.encodeCall(IDisputeCourt.rulingOf, (7)), abi.encode(2));
        (Case memory got, Stage stage, uint8 ruling) = lens.caseOf(7);
        assertEq(keccak256(abi.encode(got)), keccak256(abi.encode(c)), "case");
        assertEq(uint8(stage), uint8(Stage.Voting), "stage");
        assertEq(ruling, 2, "ruling");
    }
}
