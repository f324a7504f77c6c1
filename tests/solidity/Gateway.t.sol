// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Relayed} from "../../contracts/Relayed.sol";
import {GatewayCall, IGateway, IGatewayErrors, IGatewayEvents} from "../../contracts/interfaces/IGateway.sol";
import {SignerKit, Wallet} from "./SignerKit.sol";

/// @dev A target: notes who calls and with what, fails as it is told.
contract Target is Relayed {
    address public caller;
    bytes public data;
    uint256 public sum;

    constructor(address gateway_) Relayed(gateway_) {}

    function add(uint256 amount) external {
        caller = _sender();
        sum += amount;
    }

    function nothing() external {}

    function fail(bytes calldata with) external pure {
        bytes memory answer = with;
        assembly {
            revert(add(answer, 32), mload(answer))
        }
    }

    function flood(uint256 size) external pure {
        assembly {
            revert(0, size)
        }
    }

    function spin() external view {
        while (gasleft() > 0) {}
    }

    /// @dev A token's hook in the middle of a call that goes to the gateway again.
    function again(IGateway gateway_, GatewayCall[] calldata calls) external {
        gateway_.batch(calls);
    }

    fallback() external {
        (caller, data) = (_sender(), msg.data);
    }
}

contract GatewayTest is SignerKit, IGatewayErrors, IGatewayEvents {
    IGateway internal gateway;
    Target[4] internal targets;
    Target internal target;
    address internal alice;
    uint256 internal aliceKey;
    address internal relayer = makeAddr("relayer");
    uint256 internal deadline;

    function setUp() public {
        vm.warp(1_700_000_000);
        deadline = block.timestamp + 60;
        (alice, aliceKey) = makeAddrAndKey("alice");
        address at = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 4);
        for (uint256 i; i < 4; ++i) {
            targets[i] = new Target(at);
        }
        gateway = deploy();
        assertEq(address(gateway), at, "gateway's address");
        target = targets[0];
    }

    function deploy() internal returns (IGateway) {
        return IGateway(vm.deployCode("Gateway.sol:Gateway", abi.encode(targets[0], targets[1], targets[2], targets[3])));
    }

    // --- making requests

    function adding(uint256 amount) internal view returns (GatewayCall[] memory) {
        return one(address(target), abi.encodeCall(target.add, (amount)));
    }

    function one(address to, bytes memory data) internal pure returns (GatewayCall[] memory calls) {
        calls = new GatewayCall[](1);
        calls[0] = GatewayCall(to, data);
    }

    function two(GatewayCall[] memory a, GatewayCall[] memory b) internal pure returns (GatewayCall[] memory calls) {
        calls = new GatewayCall[](2);
        (calls[0], calls[1]) = (a[0], b[0]);
    }

    function digest(address account, uint256 nonce, uint256 until, GatewayCall[] memory calls) internal view returns (bytes32) {
        bytes memory hashes;
        for (uint256 i; i < calls.length; ++i) {
            bytes32 callType = keccak256("Call(address target,bytes data)");
            hashes = bytes.concat(hashes, keccak256(abi.encode(callType, calls[i].target, keccak256(calls[i].data))));
        }
        bytes32 requestType =
            keccak256("Request(address account,uint256 nonce,uint256 deadline,Call[] calls)Call(address target,bytes data)");
        bytes32 body = keccak256(abi.encode(requestType, account, nonce, until, keccak256(hashes)));
        return typed("Assay Gateway", address(gateway), body);
    }

    function sign(uint256 nonce, GatewayCall[] memory calls) internal view returns (bytes memory) {
        return signed(aliceKey, digest(alice, nonce, deadline, calls));
    }

    /// @dev The relayer sends what alice signed.
    function relay(uint256 nonce, GatewayCall[] memory calls, bytes memory signature) internal {
        vm.prank(relayer);
        gateway.relay(alice, nonce, deadline, calls, signature);
    }

    function refuses(uint256 nonce, GatewayCall[] memory calls, bytes memory signature) internal {
        vm.expectRevert(abi.encodeWithSelector(WrongSignature.selector, alice));
        relay(nonce, calls, signature);
    }

    // --- construction

    /// @dev checklist 36
    function test_constructor__zero_address__reverts() public {
        for (uint256 k; k < 4; ++k) {
            address[4] memory given = [address(1), address(2), address(3), address(4)];
            given[k] = address(0);
            bytes memory code = abi.encodePacked(vm.getCode("Gateway.sol:Gateway"), abi.encode(given));
            vm.expectRevert(ZeroAddress.selector);
            this.create(code);
        }
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

    function test_isTarget__the_four_and_no_other() public view {
        for (uint256 i; i < 4; ++i) {
            assertTrue(gateway.isTarget(address(targets[i])), vm.toString(i));
        }
        assertFalse(gateway.isTarget(address(gateway)), "itself");
        assertFalse(gateway.isTarget(address(0)), "nobody");
    }

    // --- batch

    function test_batch__two_calls__in_order_for_the_caller() public {
        vm.prank(alice);
        gateway.batch(two(adding(5), one(address(targets[3]), abi.encodeCall(target.add, (7)))));
        assertEq(target.caller(), alice, "who");
        assertEq(target.sum(), 5, "the first");
        assertEq(targets[3].caller(), alice, "who");
        assertEq(targets[3].sum(), 7, "the second");
    }

    /// @dev attack: an account named in one's own data. The gateway appends the caller after it.
    function test_batch__caller_names_another_in_the_data__is_still_itself() public {
        vm.prank(relayer);
        gateway.batch(one(address(target), bytes.concat(abi.encodeCall(target.add, (5)), bytes20(alice))));
        assertEq(target.caller(), relayer, "who");
    }

    function test_batch__not_a_target__reverts() public {
        address[3] memory others = [address(gateway), address(this), address(0)];
        for (uint256 i; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(UnknownTarget.selector, others[i]));
            gateway.batch(one(others[i], abi.encodeCall(target.add, (5))));
        }
    }

    function test_batch__no_selector__reverts() public {
        for (uint256 n; n < 4; ++n) {
            vm.expectRevert(NoSelector.selector);
            gateway.batch(one(address(target), new bytes(n)));
        }
    }

    function test_batch__second_fails__first_is_undone() public {
        vm.expectRevert(bytes("no"));
        gateway.batch(two(adding(5), one(address(target), abi.encodeCall(target.fail, ("no")))));
        assertEq(target.sum(), 0, "undone");
    }

    function test_batch__with_money__reverts() public {
        vm.deal(alice, 1);
        vm.prank(alice);
        (bool ok,) = address(gateway).call{value: 1}(abi.encodeCall(gateway.batch, (adding(5))));
        assertFalse(ok, "takes no ether");
    }

    /// @dev What a target gets is the data and 20 bytes, whatever the data.
    function testFuzz_batch__any_data__arrives_whole(bytes calldata rest, address account) public {
        bytes memory data = bytes.concat(hex"fbfbfbfb", rest); // a selector that the target doesn't know
        vm.prank(account);
        gateway.batch(one(address(target), data));
        assertEq(target.data(), bytes.concat(data, bytes20(account)), "data");
        assertEq(target.caller(), account, "who");
    }

    /// @dev A call from inside a call speaks for whoever makes it.
    function test_batch__from_inside_a_call__is_the_target() public {
        vm.prank(alice);
        gateway.batch(
            one(address(target), abi.encodeCall(target.again, (gateway, one(address(targets[1]), abi.encodeCall(target.add, (5))))))
        );
        assertEq(targets[1].caller(), address(target), "who");
    }

    // --- errors come through

    function testFuzz_batch__target_reverts__its_error_comes_through(bytes calldata error) public {
        vm.assume(error.length <= 1024);
        (bool ok, bytes memory answer) =
            address(gateway).call(abi.encodeCall(gateway.batch, (one(address(target), abi.encodeCall(target.fail, (error))))));
        assertFalse(ok, "reverts");
        assertEq(answer, error, "error");
    }

    /// @dev checklist 33: no return bomb.
    function test_batch__flood_of_revert_data__is_cut() public {
        uint256[2] memory sizes = [uint256(1025), 100_000];
        for (uint256 i; i < 2; ++i) {
            bytes memory data = abi.encodeCall(gateway.batch, (one(address(target), abi.encodeCall(target.flood, (sizes[i])))));
            (bool ok, bytes memory answer) = address(gateway).call(data);
            assertFalse(ok, "reverts");
            assertEq(answer.length, 1024, "bounded");
        }
    }

    /// @dev checklist 33: too little gas for the inner call undoes the whole, so that nobody can burn another's nonce.
    function testFuzz_relay__too_little_gas__leaves_the_nonce(uint256 gas_) public {
        GatewayCall[] memory calls = two(adding(5), one(address(target), abi.encodeCall(target.nothing, ())));
        bytes memory signature = sign(1, calls);
        bytes memory data = abi.encodeCall(gateway.relay, (alice, 1, deadline, calls, signature));
        (bool ok,) = address(gateway).call{gas: bound(gas_, 1000, 150_000)}(data);
        assertEq(gateway.isUsed(alice, 1), ok, "used if done");
        assertEq(target.sum(), ok ? 5 : 0, "done if used");
    }

    function test_relay__inner_call_runs_out_of_gas__leaves_the_nonce() public {
        GatewayCall[] memory calls = one(address(target), abi.encodeCall(target.spin, ()));
        bytes memory signature = sign(1, calls);
        vm.prank(relayer);
        (bool ok,) = address(gateway).call{gas: 1_000_000}(abi.encodeCall(gateway.relay, (alice, 1, deadline, calls, signature)));
        assertFalse(ok, "reverts");
        assertFalse(gateway.isUsed(alice, 1), "unused");
    }

    // --- relay

    function test_relay__signed__acts_for_the_signer() public {
        GatewayCall[] memory calls = adding(5);
        bytes memory signature = sign(300, calls);
        vm.expectEmit(address(gateway));
        emit Relayed(alice, 300, relayer);
        relay(300, calls, signature);
        assertEq(target.caller(), alice, "who");
        assertEq(target.sum(), 5, "what");
        assertTrue(gateway.isUsed(alice, 300), "used");
        assertEq(gateway.requestDigest(alice, 300, deadline, calls), digest(alice, 300, deadline, calls), "digest");
    }

    /// @dev checklist 28: twice.
    function test_relay__twice__reverts() public {
        GatewayCall[] memory calls = adding(5);
        bytes memory signature = sign(1, calls);
        relay(1, calls, signature);
        vm.expectRevert(abi.encodeWithSelector(NonceUsed.selector, alice, 1));
        relay(1, calls, signature);
        assertEq(target.sum(), 5, "once");
    }

    /// @dev checklist 28: the last second, and the one after it.
    function test_relay__expired__reverts() public {
        GatewayCall[] memory calls = adding(5);
        bytes memory signature = sign(1, calls);
        vm.warp(deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(RequestExpired.selector, deadline, deadline + 1));
        relay(1, calls, signature);
        vm.warp(deadline);
        relay(1, calls, signature);
    }

    /// @dev checklist 28: another chain. And what is signed for that chain is valid there.
    function test_relay__other_chain__reverts() public {
        GatewayCall[] memory calls = adding(5);
        bytes memory signature = sign(1, calls);
        vm.chainId(block.chainid + 1);
        refuses(1, calls, signature);
        relay(1, calls, sign(1, calls));
        assertEq(target.sum(), 5, "signed for this chain");
    }

    /// @dev checklist 28: another contract.
    function test_relay__other_gateway__reverts() public {
        GatewayCall[] memory calls = adding(5);
        bytes memory signature = sign(1, calls);
        gateway = deploy();
        refuses(1, calls, signature);
    }

    /// @dev checklist 28: another nonce, deadline, account, call, target, order, more or fewer calls.
    function test_relay__anything_changed__reverts() public {
        GatewayCall[] memory calls = two(adding(5), adding(6));
        bytes memory signature = sign(1, calls);
        refuses(2, calls, signature);
        refuses(1, two(adding(5), adding(7)), signature);
        refuses(1, two(adding(6), adding(5)), signature);
        refuses(1, adding(5), signature);
        refuses(1, new GatewayCall[](0), signature);
        calls[0].target = address(targets[1]);
        refuses(1, calls, signature);
        calls[0].target = address(target);
        deadline += 1;
        refuses(1, calls, signature);
        deadline -= 1;
        vm.expectRevert(abi.encodeWithSelector(WrongSignature.selector, relayer));
        gateway.relay(relayer, 1, deadline, calls, signature);
        relay(1, calls, signature);
        assertEq(target.sum(), 11, "unchanged it works");
    }

    /// @dev checklist 28: malleable s, wrong lengths, nothing.
    function test_relay__other_forms_of_the_signature__revert() public {
        GatewayCall[] memory calls = adding(5);
        bytes memory signature = sign(1, calls);
        refuses(1, calls, malleated(signature));
        refuses(1, calls, bytes.concat(signature, hex"00"));
        refuses(1, calls, "");
        refuses(1, calls, new bytes(65));
        relay(1, calls, signature);
    }

    /// @dev checklist 28: what ecrecover answers for garbage is nobody's signature.
    function test_relay__for_nobody__reverts() public {
        vm.expectRevert(ZeroAddress.selector);
        gateway.relay(address(0), 1, deadline, adding(5), new bytes(65));
    }

    function test_relay__not_a_target__reverts_and_leaves_the_nonce() public {
        GatewayCall[] memory calls = two(adding(5), one(address(this), abi.encodeCall(target.add, (5))));
        bytes memory signature = sign(1, calls);
        vm.expectRevert(abi.encodeWithSelector(UnknownTarget.selector, address(this)));
        relay(1, calls, signature);
        assertFalse(gateway.isUsed(alice, 1), "unused");
    }

    function test_relay__contract_that_signs__acts_for_it() public {
        Wallet wallet = new Wallet(alice);
        GatewayCall[] memory calls = adding(5);
        bytes memory signature = signed(aliceKey, digest(address(wallet), 1, deadline, calls));
        gateway.relay(address(wallet), 1, deadline, calls, signature);
        assertEq(target.caller(), address(wallet), "who");

        signature = signed(aliceKey, digest(address(wallet), 2, deadline, calls));
        wallet.shut();
        vm.expectRevert(abi.encodeWithSelector(WrongSignature.selector, address(wallet)));
        gateway.relay(address(wallet), 2, deadline, calls, signature);
        // what the owner signed for itself isn't the wallet's
        vm.expectRevert(abi.encodeWithSelector(WrongSignature.selector, address(wallet)));
        gateway.relay(address(wallet), 3, deadline, calls, sign(3, calls));
    }

    function test_relay__contract_that_knows_no_signatures__reverts() public {
        GatewayCall[] memory calls = adding(5);
        bytes memory signature = signed(aliceKey, digest(address(this), 1, deadline, calls));
        vm.expectRevert(abi.encodeWithSelector(WrongSignature.selector, address(this)));
        gateway.relay(address(this), 1, deadline, calls, signature);
    }

    // --- nonces

    function test_cancel__then_relay__reverts() public {
        GatewayCall[] memory calls = adding(5);
        bytes memory signature = sign(7, calls);
        vm.expectEmit(address(gateway));
        emit NonceCancelled(alice, 7);
        vm.prank(alice);
        gateway.cancel(7);
        vm.expectRevert(abi.encodeWithSelector(NonceUsed.selector, alice, 7));
        relay(7, calls, signature);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(NonceUsed.selector, alice, 7));
        gateway.cancel(7);
    }

    function test_cancel__by_a_stranger__touches_only_its_own() public {
        vm.prank(relayer);
        gateway.cancel(7);
        assertFalse(gateway.isUsed(alice, 7), "alice's");
        assertTrue(gateway.isUsed(relayer, 7), "its own");
    }

    /// @dev Unordered: no nonce waits for another, and none uses up another.
    function testFuzz_nonces__are_independent(uint256 a, uint256 b) public {
        vm.assume(a != b);
        GatewayCall[] memory calls = adding(1);
        (bytes memory first, bytes memory second) = (sign(a, calls), sign(b, calls));
        relay(a, calls, first);
        assertFalse(gateway.isUsed(alice, b), "the other");
        relay(b, calls, second);
        assertEq(target.sum(), 2, "both");
    }

    /// @dev checklist 28: nonces that lie in one word of storage, used in any order, stay used.
    function test_nonces__of_one_word__stay_used() public {
        GatewayCall[] memory calls = adding(1);
        uint256[3] memory order = [uint256(7), 255, 0];
        for (uint256 i; i < 3; ++i) {
            relay(order[i], calls, sign(order[i], calls));
        }
        for (uint256 i; i < 3; ++i) {
            bytes memory signature = sign(order[i], calls);
            vm.expectRevert(abi.encodeWithSelector(NonceUsed.selector, alice, order[i]));
            relay(order[i], calls, signature);
        }
        assertEq(target.sum(), 3, "each once");
    }

    // --- gas

    /// @dev What a call through the gateway costs more than the call itself, in a batch of calls with 200 bytes each.
    function test_batch__gas_of_a_call() public {
        bytes memory data = bytes.concat(abi.encodeCall(target.nothing, ()), new bytes(200));
        GatewayCall[] memory calls = new GatewayCall[](9);
        for (uint256 i; i < 9; ++i) {
            calls[i] = GatewayCall(address(target), data);
        }
        gateway.batch(calls);
        uint256 nine = vm.lastCallGas().gasTotalUsed;
        gateway.batch(one(address(target), data));
        uint256 first = vm.lastCallGas().gasTotalUsed;
        target.nothing();
        uint256 itself = vm.lastCallGas().gasTotalUsed;
        emit log_named_uint("a call more", (nine - first) / 8 - itself);
        emit log_named_uint("the first", first - itself);
        assertLe((nine - first) / 8 - itself, 4000, "a call");
    }
}
