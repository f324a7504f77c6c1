// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGatewayErrors} from "../../contracts/interfaces/IGateway.sol";
import {Aside, Reveal} from "../../contracts/interfaces/RoundLedgerTypes.sol";
import {Base} from "./Base.sol";
import {Vm} from "forge-std/Vm.sol";

/// @dev What the bytecode can and can't do: no proxy, no self-destruction, nothing beyond the size limit, no wiring that can be wrong.
contract CodeTest is Base {
    uint256 internal constant DELEGATECALL = 0xf4;
    string[4] internal LIBRARIES = ["Enlisting", "Discipline", "Disputing", "Settling"];

    function deployed() internal view returns (address[] memory list) {
        list = new address[](9);
        (list[0], list[1], list[2], list[3]) = (address(token), address(vault), address(market), beacon);
        (list[4], list[5], list[6]) = (tally, address(invites), address(gateway));
        (list[7], list[8]) = (address(court), address(ledger));
    }

    /// @dev Where the compiler left places for the libraries' addresses in the ledger's bytecode, in ascending order.
    function references() internal view returns (uint256[] memory at) {
        string memory json = vm.readFile("build/forge/out/RoundLedger.sol/RoundLedger.json");
        at = new uint256[](64);
        uint256 n;
        for (uint256 k; k < LIBRARIES.length; ++k) {
            string memory name = LIBRARIES[k];
            string memory list = string.concat('.deployedBytecode.linkReferences["contracts/logic/', name, '.sol"].', name);
            for (uint256 i; vm.keyExistsJson(json, string.concat(list, "[", vm.toString(i), "]")); ++i) {
                uint256 place = vm.parseJsonUint(json, string.concat(list, "[", vm.toString(i), "].start"));
                uint256 j = n++;
                for (; j > 0 && at[j - 1] > place; --j) {
                    at[j] = at[j - 1];
                }
                at[j] = place;
            }
        }
        assembly ("memory-safe") {
            mstore(at, n)
        }
    }

    /// @dev What the ledger's bytecode pushes at one of those places.
    function linkedAt(uint256 place) internal view returns (address a) {
        bytes memory code = address(ledger).code;
        assertEq(uint8(code[place - 1]), 0x73, "PUSH20");
        assembly ("memory-safe") {
            a := shr(96, mload(add(add(code, 0x20), place)))
        }
    }

    function libraries() internal view returns (address[] memory list) {
        uint256[] memory at = references();
        list = new address[](at.length);
        uint256 n;
        for (uint256 k; k < at.length; ++k) {
            address a = linkedAt(at[k]);
            bool isNew = true;
            for (uint256 i; i < n; ++i) {
                isNew = isNew && list[i] != a;
            }
            if (isNew) list[n++] = a;
        }
        assembly ("memory-safe") {
            mstore(list, n)
        }
    }

    /// @dev Opcodes only: what is pushed, and the metadata at the end, is skipped.
    function count(bytes memory code, uint256 wanted) internal pure returns (uint256 n) {
        uint256 end = code.length - 2 - (uint256(uint8(code[code.length - 2])) << 8 | uint8(code[code.length - 1]));
        for (uint256 i; i < end; ++i) {
            uint8 op = uint8(code[i]);
            if (op == wanted) ++n;
            if (op >= 0x60 && op <= 0x7f) i += op - 0x5f;
        }
    }

    /// @dev checklist 36: nothing can destroy itself, and only the ledger runs foreign code in its storage.
    function test_code__no_callcode_no_selfdestruct__and_delegatecall_in_the_ledger_alone() public view {
        address[] memory all_ = deployed();
        for (uint256 k; k < all_.length; ++k) {
            bytes memory code = all_[k].code;
            assertEq(count(code, 0xf2) + count(code, 0xff), 0, vm.toString(k));
            if (all_[k] != address(ledger)) assertEq(count(code, DELEGATECALL), 0, vm.toString(k));
        }
        address[] memory linked_ = libraries();
        for (uint256 k; k < linked_.length; ++k) {
            bytes memory code = linked_[k].code;
            assertEq(count(code, 0xf2) + count(code, 0xff) + count(code, DELEGATECALL), 0, "a library");
        }
    }

    /// @dev checklist 36: before each DELEGATECALL, and after the one before it, the address of one of the four libraries is pushed; nothing
    /// else is left to be delegated to. Two calls may share one DELEGATECALL, so that there may be more addresses.
    function test_code__delegatecalls_of_the_ledger__go_to_linked_libraries() public view {
        assertEq(libraries().length, 4, "libraries");
        uint256[] memory places = references();
        bytes memory code = address(ledger).code;
        uint256 end = code.length - 2 - (uint256(uint8(code[code.length - 2])) << 8 | uint8(code[code.length - 1]));
        uint256 next;
        for (uint256 i; i < end; ++i) {
            uint8 op = uint8(code[i]);
            if (op == DELEGATECALL) {
                uint256 before = next;
                while (next < places.length && places[next] < i) ++next;
                assertGt(next, before, vm.toString(i));
            }
            if (op >= 0x60 && op <= 0x7f) i += op - 0x5f;
        }
        assertEq(next, places.length, "all of them");
    }

    function test_code__within_the_size_limit() public view {
        address[] memory all_ = deployed();
        for (uint256 k; k < all_.length; ++k) {
            assertLe(all_[k].code.length, 24_576, vm.toString(k));
        }
        address[] memory linked_ = libraries();
        for (uint256 k; k < linked_.length; ++k) {
            assertLe(linked_[k].code.length, 24_576, "a library");
        }
    }

    // --- wiring

    function wired() internal view returns (address[7] memory) {
        return [address(vault), address(market), beacon, tally, address(court), address(invites), address(gateway)];
    }

    function test_constructor__ledger_zero_address__reverts() public {
        bytes memory code = linked("RoundLedger", LIBRARIES);
        for (uint256 k; k < 7; ++k) {
            address[7] memory given = wired();
            given[k] = address(0);
            vm.expectRevert(k == 6 ? IGatewayErrors.ZeroAddress.selector : ZeroAddress.selector);
            this.make(code, abi.encode(given));
        }
    }

    /// @dev Everything names another ledger than the one that is being made.
    function test_constructor__ledger_wired_to_others__reverts() public {
        bytes memory code = linked("RoundLedger", LIBRARIES);
        vm.expectRevert(WrongWiring.selector);
        this.make(code, abi.encode(wired()));
    }

    /// @dev At the address that its peers name, so that only the one stranger among them is wrong.
    function test_constructor__ledger_with_one_stranger_among_its_peers__reverts() public {
        bytes memory code = linked("RoundLedger", LIBRARIES);
        address at = vm.computeCreateAddress(address(this), vm.getNonce(address(this)));
        vm.mockCall(address(vault), abi.encodeCall(vault.ledger, ()), abi.encode(at));
        vm.mockCall(address(market), abi.encodeCall(market.ledger, ()), abi.encode(at));
        bytes[5] memory lies = [
            abi.encodeCall(vault.court, ()),
            abi.encodeCall(vault.gateway, ()),
            abi.encodeCall(vault.token, ()),
            abi.encodeCall(market.vault, ()),
            abi.encodeCall(market.gateway, ())
        ];
        for (uint256 k; k < 5; ++k) {
            uint256 snapshot = vm.snapshotState();
            vm.mockCall(k < 3 ? address(vault) : address(market), lies[k], abi.encode(stranger));
            vm.expectRevert(WrongWiring.selector);
            this.make(code, abi.encode(wired()));
            vm.revertToState(snapshot);
            vm.clearMockedCalls();
            vm.mockCall(address(vault), abi.encodeCall(vault.ledger, ()), abi.encode(at));
            vm.mockCall(address(market), abi.encodeCall(market.ledger, ()), abi.encode(at));
        }
        vm.mockCall(address(market), abi.encodeCall(market.ledger, ()), abi.encode(stranger));
        vm.expectRevert(WrongWiring.selector);
        this.make(code, abi.encode(wired()));
        vm.mockCall(address(market), abi.encodeCall(market.ledger, ()), abi.encode(at));
        vm.mockCall(address(invites), abi.encodeCall(invites.market, ()), abi.encode(stranger));
        vm.expectRevert(WrongWiring.selector);
        this.make(code, abi.encode(wired()));
        vm.clearMockedCalls();
        vm.mockCall(address(vault), abi.encodeCall(vault.ledger, ()), abi.encode(at));
        vm.mockCall(address(market), abi.encodeCall(market.ledger, ()), abi.encode(at));
        this.make(code, abi.encode(wired())); // control: nothing else is wrong
    }

    function test_constructor__market_zero_address__reverts() public {
        bytes memory code = vm.getCode("TaskMarket.sol:TaskMarket");
        for (uint256 k; k < 4; ++k) {
            address[4] memory given = [address(token), address(vault), address(ledger), address(gateway)];
            given[k] = address(0);
            vm.expectRevert(ZeroAddress.selector);
            this.make(code, abi.encode(given));
        }
    }

    /// @dev Creates a contract; what its constructor reverts with comes through.
    function make(bytes memory code, bytes memory arguments) external {
        create(code, arguments);
    }

    // --- liveness

    /// @dev checklist 38: from every phase in which everyone may vanish, strangers and time end the task and free all money.
    function testFuzz_abandoned__in_any_phase__time_alone_ends_it(uint8 phase) public {
        start();
        for (uint256 i; i < 3; ++i) {
            submit(trainers[i], 1, 1000);
        }
        phase = uint8(bound(phase, 0, 5));
        if (phase > 0) sealRound(1);
        if (phase > 1) commit(1, validators[0], all(3, VALID), 7);
        if (phase == 3 || phase == 4) judgeBy(validators[1]);
        if (phase == 5) judgeBy(validators[1], validators[2]);
        if (phase > 3) attestAll(1);
        vm.warp(challengeEnd(terms.rounds));
        vm.startPrank(stranger);
        address[] memory silent = new address[](phase > 3 ? 1 : 0);
        if (phase > 3) silent[0] = validators[0];
        delete salts[1]; // and nobody knows what was work
        vm.recordLogs();
        settle(1, silent);
        resolveAll();
        market.refund(task);
        for (uint256 i; i < 3; ++i) {
            ledger.release(task, trainers[i], TRAINER);
            ledger.release(task, validators[i], VALIDATOR);
            assertEq(locked(trainers[i]) + locked(validators[i]), 0, "locked");
        }
        assertEq(token.balanceOf(address(market)), 0, "market");
        assertEq(token.balanceOf(address(vault)), owed(), "vault");
    }

    /// @dev Settles what was set aside without any salt, a challenge window later.
    function resolveAll() internal {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.warp(block.timestamp + terms.challengeWindow);
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].topics[0] == SetAside.selector) ledger.resolve(task, 1, abi.decode(logs[i].data, (Aside)), "");
        }
    }

    function judgeBy(address validator) internal {
        vm.warp(sealAt(1) + 3);
        Reveal memory r = commit(1, validator, all(3, VALID), 7);
        vm.warp(commitEnd(1));
        reveal(1, r);
    }

    function judgeBy(address one, address other) internal {
        vm.warp(sealAt(1) + 3);
        Reveal memory r = commit(1, one, all(3, VALID), 7);
        Reveal memory s = commit(1, other, all(3, VALID), 7);
        vm.warp(commitEnd(1));
        reveal(1, r);
        reveal(1, s);
    }
}
