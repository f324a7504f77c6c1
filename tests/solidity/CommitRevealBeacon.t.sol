// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    ICommitRevealBeacon,
    ICommitRevealBeaconErrors,
    ICommitRevealBeaconEvents
} from "../../contracts/interfaces/ICommitRevealBeacon.sol";
import {FalseToken, FeeToken, HookToken} from "./BadTokens.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Test} from "forge-std/Test.sol";

contract CommitRevealBeaconTest is Test, ICommitRevealBeaconErrors, ICommitRevealBeaconEvents {
    uint64 internal constant SLOT_SECONDS = 60;
    uint64 internal constant REVEAL_SECONDS = 30;
    uint256 internal constant DEPOSIT = 10 ether;
    uint64 internal constant SLOT = 28_333_334;
    uint256 internal constant BEGINS = uint256(SLOT) * SLOT_SECONDS;
    address internal constant GRAVE = 0x000000000000000000000000000000000000dEaD;

    IERC20 internal token;
    ICommitRevealBeacon internal beacon;
    address internal alice = makeAddr("alice");
    address internal bob = makeAddr("bob");
    address internal carol = makeAddr("carol");

    function setUp() public {
        vm.warp(BEGINS - 100);
        deploy(IERC20(vm.deployCode("AssayToken.sol:AssayToken", abi.encode(uint256(1e27)))));
    }

    function deploy(IERC20 token_) internal {
        token = token_;
        bytes memory arguments = abi.encode(token_, SLOT_SECONDS, REVEAL_SECONDS, DEPOSIT);
        beacon = ICommitRevealBeacon(vm.deployCode("CommitRevealBeacon.sol:CommitRevealBeacon", arguments));
        give(alice);
        give(bob);
        give(carol);
    }

    function give(address account) internal {
        token.transfer(account, 10 * DEPOSIT);
        vm.prank(account);
        token.approve(address(beacon), type(uint256).max);
    }

    /// @dev Written from the interface, not from the contract.
    function commitment(uint64 slot, address account, bytes32 secret) internal view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(beacon), slot, secret, account));
    }

    function commit(address account, bytes32 secret) internal {
        bytes32 c = commitment(SLOT, account, secret);
        vm.prank(account);
        beacon.commit(SLOT, c);
    }

    function reveal(address account, bytes32 secret) internal {
        vm.prank(account);
        beacon.reveal(SLOT, secret);
    }

    function word() internal view returns (bytes32 w) {
        (w,) = beacon.wordAt(BEGINS, "");
    }

    // --- construction

    /// @dev checklist 36, 8
    function test_constructor__nothing_may_be_zero() public {
        bytes memory code = vm.getCode("CommitRevealBeacon.sol:CommitRevealBeacon");
        vm.expectRevert(ZeroAddress.selector);
        this.create(abi.encodePacked(code, abi.encode(address(0), 60, 30, 1)));
        vm.expectRevert(abi.encodeWithSelector(Address.AddressEmptyCode.selector, alice));
        this.create(abi.encodePacked(code, abi.encode(alice, 60, 30, 1)));
        uint256[3] memory given = [uint256(60), 30, 1];
        for (uint256 k; k < 3; ++k) {
            uint256 kept = given[k];
            given[k] = 0;
            vm.expectRevert(ZeroAmount.selector);
            this.create(abi.encodePacked(code, abi.encode(token, given)));
            given[k] = kept;
        }
        assertEq(beacon.token(), address(token), "token");
        assertEq(beacon.slotSeconds(), SLOT_SECONDS, "slot");
        assertEq(beacon.revealSeconds(), REVEAL_SECONDS, "reveals");
        assertEq(beacon.deposit(), DEPOSIT, "deposit");
        assertTrue(beacon.live(), "on any chain");
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

    // --- which slot

    /// @dev attack: a word that is known before the time that asks for it. No slot begins before its time.
    function testFuzz_slotOf__begins_at_or_after_the_time(uint256 time) public view {
        time = bound(time, 0, uint256(type(uint64).max) * SLOT_SECONDS);
        uint256 begins = uint256(beacon.slotOf(time)) * SLOT_SECONDS;
        assertGe(begins, time, "not before");
        assertLt(begins, time + SLOT_SECONDS, "the first");
    }

    function test_slotOf__edges() public view {
        assertEq(beacon.slotOf(BEGINS - 1), SLOT, "before it");
        assertEq(beacon.slotOf(BEGINS), SLOT, "its first second");
        assertEq(beacon.slotOf(BEGINS + 1), SLOT + 1, "after it");
    }

    // --- commit

    function test_commit__takes_the_deposit() public {
        bytes32 c = commitment(SLOT, alice, "a");
        assertEq(beacon.commitmentOf(SLOT, "a", alice), c, "commitment");
        vm.expectEmit(address(beacon));
        emit Committed(SLOT, alice, c);
        commit(alice, "a");
        assertEq(beacon.waiting(SLOT, alice), c, "waits");
        assertEq(token.balanceOf(alice), 9 * DEPOSIT, "alice's tokens");
        assertEq(token.balanceOf(address(beacon)), DEPOSIT, "the beacon's");
        (uint256 committed, uint256 revealed) = beacon.countsOf(SLOT);
        assertEq(committed, 1, "committed");
        assertEq(revealed, 0, "revealed");
    }

    /// @dev checklist 37: the last second before the slot, and its first.
    function test_commit__slot_begun__reverts() public {
        vm.warp(BEGINS);
        bytes32 c = commitment(SLOT, alice, "a");
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(SlotBegun.selector, BEGINS, BEGINS));
        beacon.commit(SLOT, c);
        vm.warp(BEGINS - 1);
        commit(alice, "a");
    }

    function test_commit__nothing__reverts() public {
        vm.expectRevert(ZeroCommitment.selector);
        beacon.commit(SLOT, 0);
    }

    function test_commit__twice__reverts() public {
        commit(alice, "a");
        bytes32 c = commitment(SLOT, alice, "b");
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(AlreadyCommitted.selector, alice));
        beacon.commit(SLOT, c);
        beacon.commit(SLOT + 1, c); // another slot is another commitment
    }

    /// @dev checklist 10: the largest slot is far, not past the end of numbers.
    function test_commit__largest_slot__works() public {
        vm.prank(alice);
        beacon.commit(type(uint64).max, "c");
        vm.expectRevert();
        beacon.slotOf(type(uint256).max);
    }

    /// @dev checklist 7, 8
    function test_commit__token_that_is_not_plain__reverts() public {
        deploy(new FeeToken());
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(WrongTransfer.selector, DEPOSIT, DEPOSIT * 99 / 100));
        beacon.commit(SLOT, "c");
        deploy(new FalseToken());
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(token)));
        beacon.commit(SLOT, "c");
    }

    // --- reveal

    function test_reveal__returns_the_deposit() public {
        commit(alice, "a");
        vm.warp(BEGINS);
        vm.expectEmit(address(beacon));
        emit Revealed(SLOT, alice, "a");
        reveal(alice, "a");
        assertEq(token.balanceOf(alice), 10 * DEPOSIT, "all of it");
        assertEq(token.balanceOf(address(beacon)), 0, "nothing left");
        vm.expectRevert(abi.encodeWithSelector(NotCommitted.selector, alice)); // twice
        reveal(alice, "a");
    }

    /// @dev checklist 37
    function test_reveal__window_edges() public {
        commit(alice, "a");
        commit(bob, "b");
        for (uint256 k; k < 2; ++k) {
            vm.warp(k == 0 ? BEGINS - 1 : BEGINS + REVEAL_SECONDS);
            vm.expectRevert(abi.encodeWithSelector(OutsideWindow.selector, BEGINS, BEGINS + REVEAL_SECONDS, block.timestamp));
            reveal(alice, "a");
        }
        vm.warp(BEGINS);
        reveal(alice, "a");
        vm.warp(BEGINS + REVEAL_SECONDS - 1);
        reveal(bob, "b");
    }

    /// @dev checklist 21, 28: another secret, another's commitment copied, another slot's, another chain's.
    function test_reveal__not_what_was_committed__reverts() public {
        commit(alice, "a");
        bytes32 copied = commitment(SLOT, alice, "a");
        vm.prank(bob);
        beacon.commit(SLOT, copied);
        bytes32 other = commitment(SLOT + 1, carol, "c");
        vm.prank(carol);
        beacon.commit(SLOT, other);
        vm.warp(BEGINS);
        vm.expectRevert(abi.encodeWithSelector(WrongOpening.selector, alice));
        reveal(alice, "b");
        vm.expectRevert(abi.encodeWithSelector(WrongOpening.selector, bob));
        reveal(bob, "a");
        vm.expectRevert(abi.encodeWithSelector(WrongOpening.selector, carol));
        reveal(carol, "c");
        vm.chainId(block.chainid + 1);
        vm.expectRevert(abi.encodeWithSelector(WrongOpening.selector, alice));
        reveal(alice, "a");
        vm.expectRevert(abi.encodeWithSelector(NotCommitted.selector, address(this)));
        beacon.reveal(SLOT, "a");
    }

    // --- the word

    function test_wordAt__while_reveals_may_come__reverts() public {
        commit(alice, "a");
        vm.warp(BEGINS);
        reveal(alice, "a");
        uint256 knownAt = BEGINS + REVEAL_SECONDS;
        vm.warp(knownAt - 1);
        vm.expectRevert(abi.encodeWithSelector(NotKnownYet.selector, knownAt, knownAt - 1));
        beacon.wordAt(BEGINS, "");
        vm.warp(knownAt);
        (bytes32 w, uint256 source) = beacon.wordAt(BEGINS - SLOT_SECONDS + 1, "whatever");
        assertEq(source, SLOT, "slot");
        assertNotEq(w, 0, "a word");
        assertEq(w, word(), "the same for every time of the slot");
    }

    /// @dev No reveal, no word: now and for ever.
    function test_wordAt__nobody_revealed__reverts() public {
        commit(alice, "a");
        vm.warp(BEGINS + REVEAL_SECONDS);
        vm.expectRevert(abi.encodeWithSelector(NoWord.selector, SLOT));
        beacon.wordAt(BEGINS, "");
        beacon.burn(SLOT);
        vm.expectRevert(abi.encodeWithSelector(NoWord.selector, SLOT));
        beacon.wordAt(BEGINS, "");
    }

    /// @dev attack: late revealers choose among orders. The order changes nothing.
    function test_wordAt__any_order_of_reveals__one_word() public {
        commit(alice, "a");
        commit(bob, "b");
        commit(carol, "c");
        vm.warp(BEGINS);
        uint256 before = vm.snapshotState();
        reveal(alice, "a");
        reveal(bob, "b");
        reveal(carol, "c");
        vm.warp(BEGINS + REVEAL_SECONDS);
        bytes32 first = word();
        vm.revertToState(before);
        reveal(carol, "c");
        reveal(alice, "a");
        reveal(bob, "b");
        vm.warp(BEGINS + REVEAL_SECONDS);
        assertEq(word(), first, "word");
    }

    /// @dev Two accounts with one secret don't cancel each other; two slots with the same secrets have two words.
    function test_wordAt__equal_secrets__another_word() public {
        commit(alice, "a");
        vm.warp(BEGINS);
        uint256 before = vm.snapshotState();
        reveal(alice, "a");
        vm.warp(BEGINS + REVEAL_SECONDS);
        bytes32 alone = word();
        vm.revertToState(before);

        vm.warp(BEGINS - 1);
        commit(bob, "s");
        commit(carol, "s");
        vm.warp(BEGINS);
        reveal(alice, "a");
        reveal(bob, "s");
        reveal(carol, "s");
        vm.warp(BEGINS + REVEAL_SECONDS);
        assertNotEq(word(), alone, "both count");
    }

    /// @dev attack: the last one to reveal withholds. It gets another word, for one deposit; the bias that the interface names.
    function test_wordAt__last_revealer_withholds__costs_a_deposit_per_bit() public {
        commit(alice, "a");
        commit(bob, "b");
        vm.warp(BEGINS);
        reveal(alice, "a");
        uint256 before = vm.snapshotState();
        reveal(bob, "b");
        vm.warp(BEGINS + REVEAL_SECONDS);
        bytes32 with = word();
        vm.revertToState(before);
        vm.warp(BEGINS + REVEAL_SECONDS);
        assertNotEq(word(), with, "two words to choose from");
        vm.expectEmit(address(beacon));
        emit Burned(SLOT, DEPOSIT);
        vm.prank(carol);
        beacon.burn(SLOT);
        assertEq(token.balanceOf(bob), 9 * DEPOSIT, "bob paid for it");
        assertEq(token.balanceOf(GRAVE), DEPOSIT, "burned");
    }

    // --- burn

    function test_burn__too_early_or_nothing__reverts() public {
        commit(alice, "a");
        uint256 knownAt = BEGINS + REVEAL_SECONDS;
        vm.warp(knownAt - 1);
        vm.expectRevert(abi.encodeWithSelector(NotKnownYet.selector, knownAt, knownAt - 1));
        beacon.burn(SLOT);
        reveal(alice, "a");
        vm.warp(knownAt);
        vm.expectRevert(abi.encodeWithSelector(NothingToBurn.selector, SLOT));
        beacon.burn(SLOT);
    }

    /// @dev Money: every deposit is returned or burned, once, whoever reveals.
    function testFuzz_deposits__returned_or_burned_and_nothing_left(uint8 who, bool other) public {
        address[3] memory all = [alice, bob, carol];
        for (uint256 i; i < 3; ++i) {
            commit(all[i], bytes32(i));
        }
        bytes32 c = keccak256("another slot's");
        if (other) {
            vm.prank(alice);
            beacon.commit(SLOT + 1, c);
        }
        vm.warp(BEGINS);
        uint256 silent;
        for (uint256 i; i < 3; ++i) {
            if ((who >> i) & 1 == 0) ++silent;
            else reveal(all[i], bytes32(i));
        }
        vm.warp(BEGINS + REVEAL_SECONDS);
        if (silent != 0) beacon.burn(SLOT);
        vm.expectRevert(abi.encodeWithSelector(NothingToBurn.selector, SLOT));
        beacon.burn(SLOT);
        assertEq(token.balanceOf(GRAVE), silent * DEPOSIT, "burned");
        assertEq(token.balanceOf(address(beacon)), other ? DEPOSIT : 0, "the other slot's");
    }

    /// @dev checklist 1: re-entry while a deposit comes or goes.
    function test_reentrancy__every_way_back_in_is_shut() public {
        HookToken hooked = new HookToken();
        deploy(hooked);
        bytes[3] memory ways = [
            abi.encodeCall(beacon.commit, (SLOT + 1, "c")),
            abi.encodeCall(beacon.reveal, (SLOT, "a")),
            abi.encodeCall(beacon.burn, (SLOT - 2))
        ];
        bytes memory refused = abi.encodePacked(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        uint256 before = vm.snapshotState();
        for (uint256 i; i < 3; ++i) {
            vm.revertToState(before);
            hooked.arm(address(beacon), ways[i]);
            commit(alice, "a");
            assertEq(hooked.answer(), refused, "while it comes");
            vm.warp(BEGINS);
            hooked.arm(address(beacon), ways[i]);
            reveal(alice, "a");
            assertEq(hooked.answer(), refused, "while it goes");
            assertEq(token.balanceOf(address(beacon)), 0, "balance");
        }
    }
}
