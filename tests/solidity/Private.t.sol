// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IInvitesErrors} from "../../contracts/interfaces/IInvites.sol";
import {Scene} from "./Scene.sol";
import {SignerKit} from "./SignerKit.sol";

/// @dev Tasks to which only invited accounts have access, with the real invites and the real ledger.
contract PrivateTest is Scene, SignerKit {
    bytes32 internal constant INVITE = keccak256("Invite(uint256 task,address account,uint256 nonce,uint256 expiry)");
    uint256 internal constant EXPIRY = 1_800_000_000;

    function setUp() public override {
        super.setUp();
        terms.isPrivate = true;
    }

    function invite(address account, uint256 nonce) internal returns (bytes memory) {
        (, uint256 key) = makeAddrAndKey("initiator");
        return signed(key, typed("Assay Invites", address(invites), keccak256(abi.encode(INVITE, task, account, nonce, EXPIRY))));
    }

    function admit(address account, uint256 nonce) internal {
        bytes memory signature = invite(account, nonce);
        vm.prank(stranger); // anyone may send it
        invites.redeem(task, account, nonce, EXPIRY, signature);
    }

    function refused(address account) internal {
        vm.prank(account);
        vm.expectRevert(abi.encodeWithSelector(NotInvited.selector, account));
        ledger.enlistValidator(task, LOT, "");
        vm.prank(account);
        vm.expectRevert(abi.encodeWithSelector(NotInvited.selector, account));
        ledger.enlistTrainer(task, LOT, "");
    }

    function test_private__not_invited__enlists_as_nothing() public {
        publish();
        stakeFor(trainers[0], 3 * LOT);
        refused(trainers[0]);
        refused(initiator); // not even the initiator, without its own word
        admit(trainers[0], 1);
        vm.startPrank(trainers[0]);
        ledger.enlistTrainer(task, LOT, "");
        ledger.enlistTrainer(task, LOT, ""); // and adds to it
        ledger.enlistValidator(task, LOT, "");
    }

    /// @dev An invite is for one account and one task.
    function test_private__anothers_invite_or_of_another_task__does_not_help() public {
        publish();
        bytes memory signature = invite(trainers[0], 1);
        vm.expectRevert(abi.encodeWithSelector(IInvitesErrors.WrongSignature.selector, initiator));
        invites.redeem(task, trainers[1], 1, EXPIRY, signature);
        publish(); // another task of the same initiator
        vm.expectRevert(abi.encodeWithSelector(IInvitesErrors.WrongSignature.selector, initiator));
        invites.redeem(task, trainers[0], 1, EXPIRY, signature);
        invites.redeem(task - 1, trainers[0], 1, EXPIRY, signature);
        stakeFor(trainers[0], LOT);
        refused(trainers[0]);
    }

    /// @dev attack "replayable invites": once used it is useless; and who was admitted may leave and come back without another one.
    function test_private__invite_used_twice__reverts_and_admission_stays() public {
        publish();
        admit(validators[0], 9);
        bytes memory signature = invite(validators[0], 9);
        vm.expectRevert(abi.encodeWithSelector(IInvitesErrors.InviteUsed.selector, task, 9));
        invites.redeem(task, validators[0], 9, EXPIRY, signature);
        enlistValidator(validators[0], LOT);
        vm.startPrank(validators[0]);
        ledger.leave(task, VALIDATOR);
        ledger.release(task, validators[0], VALIDATOR);
        ledger.enlistValidator(task, LOT, "");
        vm.stopPrank();
        vm.prank(initiator);
        vm.expectRevert(abi.encodeWithSelector(IInvitesErrors.InviteUsed.selector, task, 9));
        invites.revoke(task, 9); // too late
    }

    function test_private__revoked_before_use__admits_nobody() public {
        publish();
        vm.prank(initiator);
        invites.revoke(task, 4);
        bytes memory signature = invite(trainers[0], 4);
        vm.expectRevert(abi.encodeWithSelector(IInvitesErrors.InviteUsed.selector, task, 4));
        invites.redeem(task, trainers[0], 4, EXPIRY, signature);
        refused(trainers[0]);
    }

    function test_private__open_task__asks_for_none() public {
        terms.isPrivate = false;
        publish();
        enlistTrainer(trainers[0], LOT);
        enlistValidator(validators[0], LOT);
    }

    /// @dev Rounds of a private task are as any other's.
    function test_private__whole_round__paid_as_any() public {
        task = market.tasks() + 1; // the one that `start` publishes
        publish();
        for (uint256 i; i < 3; ++i) {
            admit(trainers[i], 2 * i);
            admit(validators[i], 2 * i + 1);
            enlistTrainer(trainers[i], 200 ether);
            enlistValidator(validators[i], LOT);
        }
        for (uint256 i; i < 2; ++i) {
            vm.prank(validators[i]);
            ledger.attest(task, 0, GENESIS);
        }
        vm.warp(opens(1));
        works(trainers[0], 1, 1000);
        sealAs(1, "012");
        say(1, "V V V");
        mark();
        finish(1);
        assertEq(gained(trainers[0]), 10 ether, "trainer");
        assertEq(gained(validators[0]), 1 ether, "seat");
        assertSound();
    }
}
