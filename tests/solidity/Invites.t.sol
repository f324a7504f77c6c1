// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IInvites, IInvitesErrors, IInvitesEvents} from "../../contracts/interfaces/IInvites.sol";
import {ITaskMarket} from "../../contracts/interfaces/ITaskMarket.sol";
import {SignerKit, Wallet} from "./SignerKit.sol";

contract InvitesTest is SignerKit, IInvitesErrors, IInvitesEvents {
    uint256 internal constant TASK = 3;

    IInvites internal invites;
    address internal market = makeAddr("market");
    address internal initiator;
    uint256 internal initiatorKey;
    address internal alice = makeAddr("alice");
    address internal stranger = makeAddr("stranger");
    uint256 internal expiry;

    function setUp() public {
        vm.warp(1_700_000_000);
        expiry = block.timestamp + 60;
        (initiator, initiatorKey) = makeAddrAndKey("initiator");
        initiates(initiator, TASK);
        initiates(initiator, TASK + 1);
        initiates(stranger, TASK + 2);
        initiates(address(0), 99);
        invites = deploy();
    }

    function deploy() internal returns (IInvites) {
        return IInvites(vm.deployCode("Invites.sol:Invites", abi.encode(market)));
    }

    function initiates(address account, uint256 task) internal {
        vm.mockCall(market, abi.encodeCall(ITaskMarket.initiatorOf, (task)), abi.encode(account));
    }

    function digest(uint256 task, address account, uint256 nonce) internal view returns (bytes32) {
        bytes32 inviteType = keccak256("Invite(uint256 task,address account,uint256 nonce,uint256 expiry)");
        return typed("Assay Invites", address(invites), keccak256(abi.encode(inviteType, task, account, nonce, expiry)));
    }

    function invite(address account, uint256 nonce) internal view returns (bytes memory) {
        return signed(initiatorKey, digest(TASK, account, nonce));
    }

    function refuses(uint256 task, address account, uint256 nonce, bytes memory signature, address signer) internal {
        vm.expectRevert(abi.encodeWithSelector(WrongSignature.selector, signer));
        invites.redeem(task, account, nonce, expiry, signature);
    }

    function test_constructor__zero_address__reverts() public {
        bytes memory code = abi.encodePacked(vm.getCode("Invites.sol:Invites"), abi.encode(address(0)));
        vm.expectRevert(ZeroAddress.selector);
        this.create(code);
        assertEq(invites.market(), market, "market");
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

    // --- redeem

    function test_redeem__sent_by_anyone__admits_the_named_account() public {
        bytes memory signature = invite(alice, 300);
        assertEq(invites.inviteDigest(TASK, alice, 300, expiry), digest(TASK, alice, 300), "digest");
        assertFalse(invites.admits(TASK, alice), "not yet");
        vm.expectEmit(address(invites));
        emit Admitted(TASK, alice, 300);
        vm.prank(stranger);
        invites.redeem(TASK, alice, 300, expiry, signature);
        assertTrue(invites.admits(TASK, alice), "alice");
        assertTrue(invites.isUsed(TASK, 300), "used");
        assertFalse(invites.admits(TASK, stranger), "the sender");
        assertFalse(invites.admits(TASK + 1, alice), "another task");
    }

    /// @dev checklist 28: twice. An account can be invited again with another nonce; that changes nothing.
    function test_redeem__twice__reverts() public {
        invites.redeem(TASK, alice, 1, expiry, invite(alice, 1));
        bytes memory signature = invite(alice, 1);
        vm.expectRevert(abi.encodeWithSelector(InviteUsed.selector, TASK, 1));
        invites.redeem(TASK, alice, 1, expiry, signature);
        signature = invite(stranger, 1); // one nonce, one account
        vm.expectRevert(abi.encodeWithSelector(InviteUsed.selector, TASK, 1));
        invites.redeem(TASK, stranger, 1, expiry, signature);
        invites.redeem(TASK, alice, 2, expiry, invite(alice, 2));
        assertTrue(invites.admits(TASK, alice), "still admitted");
    }

    /// @dev checklist 28: the last second, and the one after it.
    function test_redeem__expired__reverts() public {
        bytes memory signature = invite(alice, 1);
        vm.warp(expiry + 1);
        vm.expectRevert(abi.encodeWithSelector(InviteExpired.selector, expiry, expiry + 1));
        invites.redeem(TASK, alice, 1, expiry, signature);
        vm.warp(expiry);
        invites.redeem(TASK, alice, 1, expiry, signature);
    }

    /// @dev checklist 28: another task (of the same initiator, too), account, nonce, expiry.
    function test_redeem__anything_changed__reverts() public {
        bytes memory signature = invite(alice, 1);
        refuses(TASK + 1, alice, 1, signature, initiator);
        refuses(TASK, stranger, 1, signature, initiator);
        refuses(TASK, alice, 2, signature, initiator);
        expiry += 1;
        refuses(TASK, alice, 1, signature, initiator);
    }

    /// @dev checklist 28: another chain, another contract. And what is signed for that chain is valid there.
    function test_redeem__other_chain_or_contract__reverts() public {
        bytes memory signature = invite(alice, 1);
        vm.chainId(block.chainid + 1);
        refuses(TASK, alice, 1, signature, initiator);
        invites.redeem(TASK, alice, 1, expiry, invite(alice, 1));
        vm.chainId(block.chainid - 1);
        signature = invite(alice, 2);
        invites = deploy();
        refuses(TASK, alice, 2, signature, initiator);
    }

    /// @dev checklist 28: malleable s, wrong lengths, nothing.
    function test_redeem__other_forms_of_the_signature__revert() public {
        bytes memory signature = invite(alice, 1);
        refuses(TASK, alice, 1, malleated(signature), initiator);
        refuses(TASK, alice, 1, bytes.concat(signature, hex"00"), initiator);
        refuses(TASK, alice, 1, "", initiator);
        refuses(TASK, alice, 1, new bytes(65), initiator);
    }

    /// @dev Nobody initiated an unknown task: garbage that ecrecover answers with zero isn't nobody's signature.
    function test_redeem__unknown_task__reverts() public {
        refuses(99, alice, 1, new bytes(65), address(0));
        refuses(99, alice, 1, signed(initiatorKey, digest(99, alice, 1)), address(0));
    }

    function test_redeem__for_nobody__reverts() public {
        vm.expectRevert(ZeroAddress.selector);
        invites.redeem(TASK, address(0), 1, expiry, new bytes(65));
    }

    function test_redeem__signed_by_the_invited__reverts() public {
        (address mallory, uint256 key) = makeAddrAndKey("mallory");
        refuses(TASK, mallory, 1, signed(key, digest(TASK, mallory, 1)), initiator);
        refuses(TASK + 2, alice, 1, signed(initiatorKey, digest(TASK + 2, alice, 1)), stranger); // another's task
    }

    function test_redeem__initiator_is_a_contract__its_word_counts() public {
        Wallet wallet = new Wallet(initiator);
        initiates(address(wallet), TASK);
        invites.redeem(TASK, alice, 1, expiry, invite(alice, 1));
        assertTrue(invites.admits(TASK, alice), "admitted");
        wallet.shut();
        refuses(TASK, stranger, 2, invite(stranger, 2), address(wallet));
        assertTrue(invites.admits(TASK, alice), "what is open stays open");
    }

    // --- revoke

    function test_revoke__then_redeem__reverts() public {
        bytes memory signature = invite(alice, 1);
        vm.expectEmit(address(invites));
        emit InviteRevoked(TASK, 1);
        vm.startPrank(initiator);
        invites.revoke(TASK, 1);
        vm.expectRevert(abi.encodeWithSelector(InviteUsed.selector, TASK, 1));
        invites.redeem(TASK, alice, 1, expiry, signature);
        vm.expectRevert(abi.encodeWithSelector(InviteUsed.selector, TASK, 1));
        invites.revoke(TASK, 1);
    }

    function test_revoke__after_it_was_used__reverts_and_takes_nothing_back() public {
        invites.redeem(TASK, alice, 1, expiry, invite(alice, 1));
        vm.prank(initiator);
        vm.expectRevert(abi.encodeWithSelector(InviteUsed.selector, TASK, 1));
        invites.revoke(TASK, 1);
        assertTrue(invites.admits(TASK, alice), "admitted");
    }

    /// @dev checklist 35
    function test_revoke__not_the_initiator__reverts() public {
        vm.startPrank(stranger);
        uint256[2] memory tasks = [TASK, 99];
        for (uint256 i; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(OnlyInitiator.selector, stranger));
            invites.revoke(tasks[i], 1);
        }
        invites.revoke(TASK + 2, 1); // its own task: the nonces of others are others
        assertFalse(invites.isUsed(TASK, 1), "untouched");
    }

    function testFuzz_nonces__are_independent(uint256 a, uint256 b) public {
        vm.assume(a != b);
        invites.redeem(TASK, alice, a, expiry, invite(alice, a));
        assertFalse(invites.isUsed(TASK, b), "the other");
        assertFalse(invites.isUsed(TASK + 1, a), "another task's");
        invites.redeem(TASK, stranger, b, expiry, invite(stranger, b));
        assertTrue(invites.admits(TASK, stranger), "both");
    }

    /// @dev checklist 28: nonces that lie in one word of storage, used in any order, stay used.
    function test_nonces__of_one_word__stay_used() public {
        uint256[3] memory order = [uint256(7), 255, 0];
        for (uint256 i; i < 3; ++i) {
            invites.redeem(TASK, alice, order[i], expiry, invite(alice, order[i]));
        }
        for (uint256 i; i < 3; ++i) {
            bytes memory signature = invite(stranger, order[i]);
            vm.expectRevert(abi.encodeWithSelector(InviteUsed.selector, TASK, order[i]));
            invites.redeem(TASK, stranger, order[i], expiry, signature);
        }
        assertFalse(invites.admits(TASK, stranger), "nobody else came in");
    }
}
