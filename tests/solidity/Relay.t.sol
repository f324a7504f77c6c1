// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {GatewayCall, IGateway, IGatewayErrors} from "../../contracts/interfaces/IGateway.sol";
import {IStakeVaultErrors} from "../../contracts/interfaces/IStakeVault.sol";
import {Entry, Reveal} from "../../contracts/interfaces/RoundLedgerTypes.sol";
import {Scene} from "./Scene.sol";
import {SignerKit} from "./SignerKit.sol";
import {Vm} from "forge-std/Vm.sol";

/// @dev Several steps in one transaction have the effects of the same steps apart, event by event; and a signed step is for one chain, one
/// gateway, one account, one call, once. A whole round by signatures only is in GatewaySystem.t.sol.
contract RelayTest is Scene, SignerKit {
    bytes32 internal constant REQUEST =
        keccak256("Request(address account,uint256 nonce,uint256 deadline,Call[] calls)Call(address target,bytes data)");

    /// @dev Round 1 is judged; its checkpoint is open, and so are the commitments of round 2.
    function begin() internal {
        terms.challengeWindow = 40;
        start();
        works(trainers[0], 1, 1000);
        vm.warp(opens(2));
        works(trainers[1], 2, 1000);
        vm.warp(sealAt(1) + 1);
        sealAs(1, "012");
        say(1, "V V V");
        vm.warp(sealAt(2) + 1); // before round 1's challenges end
        assertTrue(block.timestamp >= votesEnd(1) && block.timestamp < challengeEnd(1), "both windows are open");
    }

    /// @dev All events since the last call, as one hash.
    function heard() internal returns (bytes32 hash) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i; i < logs.length; ++i) {
            hash = keccak256(abi.encode(hash, logs[i].emitter, logs[i].topics, logs[i].data));
        }
    }

    function call(address target, bytes memory data) internal pure returns (GatewayCall memory) {
        return GatewayCall(target, data);
    }

    // --- commit and attest

    /// @dev What a validator changed, and what was told of it.
    function voice(bytes32 events) internal view returns (bytes32) {
        (bool committed,,,,) = ledger.voterOf(task, 2, validators[0]);
        (,, bool attested,,) = ledger.voterOf(task, 1, validators[0]);
        (uint32 begun, uint16 last, uint16 head, uint16 pending) = ledger.stateOf(task);
        require(committed && attested && head == 1, "both");
        return keccak256(abi.encode(events, begun, last, head, pending));
    }

    function test_commit_and_attest__in_one_transaction__as_in_two() public {
        begin();
        vm.prank(validators[1]);
        ledger.attest(task, 1, "root");
        vm.startPrank(validators[0]);
        uint256 before = vm.snapshotState();
        vm.recordLogs();
        ledger.commit(task, 2, "commitment");
        ledger.attest(task, 1, "root");
        bytes32 apart = voice(heard());

        vm.revertToState(before);
        ledger.commitAndAttest(task, 2, "commitment", 1, "root");
        assertEq(voice(heard()), apart, "the ledger's own");

        vm.revertToState(before);
        GatewayCall[] memory calls = new GatewayCall[](2);
        calls[0] = call(address(ledger), abi.encodeCall(ledger.commit, (task, 2, "commitment")));
        calls[1] = call(address(ledger), abi.encodeCall(ledger.attest, (task, 1, "root")));
        gateway.batch(calls);
        assertEq(voice(heard()), apart, "the gateway's batch");
    }

    function test_commit_and_attest__one_fails__neither_happens() public {
        begin();
        vm.startPrank(validators[0]);
        ledger.attest(task, 1, "root");
        vm.expectRevert(abi.encodeWithSelector(AlreadyAttested.selector, validators[0]));
        ledger.commitAndAttest(task, 2, "commitment", 1, "root");
        (bool committed,,,,) = ledger.voterOf(task, 2, validators[0]);
        assertFalse(committed, "undone");
        ledger.commit(task, 2, "commitment");
        vm.stopPrank();
        vm.startPrank(validators[1]);
        ledger.commit(task, 2, "commitment");
        vm.expectRevert(abi.encodeWithSelector(AlreadyCommitted.selector, validators[1]));
        ledger.commitAndAttest(task, 2, "commitment", 1, "root");
        (,, bool attested,,) = ledger.voterOf(task, 1, validators[1]);
        assertFalse(attested, "undone");
    }

    /// @dev A quorum that others completed a moment before must not cost the commitment: an absent validator is cut.
    function test_commit_and_attest__checkpoint_final_already__commits() public {
        begin();
        for (uint256 i; i < 2; ++i) {
            vm.prank(validators[i]);
            ledger.attest(task, 1, "root");
        }
        vm.prank(validators[2]);
        ledger.commitAndAttest(task, 2, "commitment", 1, "root");
        (bool committed,,,,) = ledger.voterOf(task, 2, validators[2]);
        (,, bool attested,,) = ledger.voterOf(task, 1, validators[2]);
        assertTrue(committed && !attested, "only the commitment");
    }

    // --- submit and claim

    function earn() internal {
        begin();
        finish(1);
        assertEq(claimable(trainers[0]), 10 ether, "earned");
        vm.warp(opens(4));
    }

    function wallet(bytes32 events) internal view returns (bytes32) {
        (uint256 acc, uint16 count) = ledger.entriesHash(task, 4);
        require(claimable(trainers[0]) == 0 && token.balanceOf(trainers[0]) == 10 ether && count == 1, "both");
        return keccak256(abi.encode(events, acc, exposed(trainers[0]), vault.totalStaked()));
    }

    function submission() internal view returns (bytes memory) {
        Entry memory e = entryOf(trainers[0], headNow(), 7, "artifact");
        return abi.encodeCall(ledger.submit, (task, 4, headNow(), 7, e.root, e.mark, "uri"));
    }

    function test_submit_and_claim__in_one_transaction__as_in_two() public {
        earn();
        vm.startPrank(trainers[0]);
        uint256 before = vm.snapshotState();
        vm.recordLogs();
        (bool done,) = address(ledger).call(submission());
        vault.claim(trainers[0]);
        bytes32 apart = wallet(heard());

        vm.revertToState(before);
        bytes memory data = submission();
        bytes4 selector = ledger.submitAndClaim.selector;
        assembly ("memory-safe") {
            mstore(add(data, 0x20), or(selector, shr(32, shl(32, mload(add(data, 0x20))))))
        }
        (done,) = address(ledger).call(data);
        assertEq(wallet(heard()), apart, "the ledger's own");

        vm.revertToState(before);
        GatewayCall[] memory calls = new GatewayCall[](2);
        calls[0] = call(address(ledger), submission());
        calls[1] = call(address(vault), abi.encodeCall(vault.claim, (trainers[0])));
        gateway.batch(calls);
        assertEq(wallet(heard()), apart, "the gateway's batch");
    }

    /// @dev Somebody else claimed for it in the block before: the ledger's call still submits, a batch is all or none.
    function test_submit_and_claim__claimed_before__submission_stands() public {
        earn();
        vault.claim(trainers[0]);
        GatewayCall[] memory calls = new GatewayCall[](2);
        calls[0] = call(address(ledger), submission());
        calls[1] = call(address(vault), abi.encodeCall(vault.claim, (trainers[0])));
        vm.startPrank(trainers[0]);
        vm.expectRevert(IStakeVaultErrors.NothingToPay.selector);
        gateway.batch(calls);
        (, uint16 count) = ledger.entriesHash(task, 4);
        assertEq(count, 0, "undone");
        ledger.submitAndClaim(task, 4, 0, 7, "artifact", "mark", "uri");
        (, count) = ledger.entriesHash(task, 4);
        assertEq(count, 1, "submitted");
        assertEq(token.balanceOf(trainers[0]), 10 ether, "paid once");
    }

    // --- signed for one thing, once

    /// @dev checklist 28 on the whole system: a validator's signed commitment, by a relayer, in every way but the one it was signed for.
    function test_relay__signed_commitment__for_nothing_else() public {
        begin();
        (address account, uint256 key) = keyed();
        GatewayCall[] memory calls = new GatewayCall[](1);
        calls[0] = call(address(ledger), abi.encodeCall(ledger.commit, (task, 2, "commitment")));
        uint256 deadline = block.timestamp + 5;
        bytes memory signature = sign(key, account, 3, deadline, calls);
        bytes memory wrong = abi.encodeWithSelector(IGatewayErrors.WrongSignature.selector, account);
        vm.startPrank(stranger);

        vm.chainId(5);
        refuse(gateway, account, 3, deadline, calls, signature, wrong);
        vm.chainId(31337);
        IGateway other =
            IGateway(vm.deployCode("Gateway.sol:Gateway", abi.encode(address(vault), address(market), address(ledger), address(court))));
        refuse(other, account, 3, deadline, calls, signature, wrong);
        refuse(gateway, account, 4, deadline, calls, signature, wrong);
        refuse(gateway, account, 3, deadline + 1, calls, signature, wrong);
        refuse(gateway, account, 3, deadline, calls, malleated(signature), wrong);
        bytes memory data = calls[0].data;
        calls[0].data = abi.encodeCall(ledger.commit, (task + 1, 2, "commitment")); // another task
        refuse(gateway, account, 3, deadline, calls, signature, wrong);
        calls[0].data = abi.encodeCall(ledger.commit, (task, 3, "commitment")); // another round
        refuse(gateway, account, 3, deadline, calls, signature, wrong);
        calls[0].data = data;
        bytes memory nobodys = abi.encodeWithSelector(IGatewayErrors.ZeroAddress.selector);
        refuse(gateway, address(0), 3, deadline, calls, signature, nobodys); // what ecrecover answers for garbage
        vm.warp(deadline + 1);
        bytes memory late = abi.encodeWithSelector(IGatewayErrors.RequestExpired.selector, deadline, deadline + 1);
        refuse(gateway, account, 3, deadline, calls, signature, late);
        vm.warp(deadline);

        vm.expectEmit(address(ledger));
        emit Committed(task, 2, account);
        gateway.relay(account, 3, deadline, calls, signature);
        bytes memory used = abi.encodeWithSelector(IGatewayErrors.NonceUsed.selector, account, 3);
        refuse(gateway, account, 3, deadline, calls, signature, used);
        assertEq(account.balance, 0, "without gas of its own");
    }

    function refuse(
        IGateway at,
        address account,
        uint256 nonce,
        uint256 deadline,
        GatewayCall[] memory calls,
        bytes memory signature,
        bytes memory err
    ) internal {
        vm.expectRevert(err);
        at.relay(account, nonce, deadline, calls, signature);
    }

    /// @dev Validator 0 and its key.
    function keyed() internal returns (address account, uint256 key) {
        for (uint256 i; account != validators[0]; ++i) {
            (account, key) = makeAddrAndKey(string.concat("validator", vm.toString(i)));
        }
    }

    /// @dev The digest is written from the standard, not taken from the contract.
    function sign(uint256 key, address account, uint256 nonce, uint256 deadline, GatewayCall[] memory calls)
        internal
        view
        returns (bytes memory)
    {
        bytes32 callType = keccak256("Call(address target,bytes data)");
        bytes32 only = keccak256(abi.encode(callType, calls[0].target, keccak256(calls[0].data)));
        bytes32 body = keccak256(abi.encode(REQUEST, account, nonce, deadline, keccak256(abi.encodePacked(only))));
        return signed(key, typed("Assay Gateway", address(gateway), body));
    }
}
