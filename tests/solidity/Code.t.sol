// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "./Base.sol";

/// @dev What the bytecode can and can't do: no proxy, no self-destruction, nothing beyond the size limit, no wiring that can be wrong.
contract CodeTest is Base {
    function test_code__no_delegatecall_callcode_selfdestruct() public view {
        address[3] memory deployed = [address(vault), address(market), address(ledger)];
        for (uint256 k; k < deployed.length; ++k) {
            bytes memory code = deployed[k].code;
            uint256 end = code.length - 2 - (uint256(uint8(code[code.length - 2])) << 8 | uint8(code[code.length - 1])); // metadata
            for (uint256 i; i < end; ++i) {
                uint8 op = uint8(code[i]);
                assertTrue(op != 0xf4 && op != 0xf2 && op != 0xff, vm.toString(i));
                if (op >= 0x60 && op <= 0x7f) i += op - 0x5f; // push data
            }
        }
    }

    function test_code__within_the_size_limit() public view {
        assertLe(address(ledger).code.length, 24_576, "ledger");
        assertLe(address(market).code.length, 24_576, "market");
        assertLe(address(vault).code.length, 24_576, "vault");
    }

    function test_constructor__ledger_wired_to_others__reverts() public {
        bytes memory code = vm.getCode("RoundLedger.sol:RoundLedger");
        vm.expectRevert(ZeroAddress.selector);
        this.create(abi.encodePacked(code, abi.encode(address(0), address(market))));
        vm.expectRevert(ZeroAddress.selector);
        this.create(abi.encodePacked(code, abi.encode(address(vault), address(0))));
        vm.expectRevert(WrongWiring.selector); // vault and market are another ledger's
        this.create(abi.encodePacked(code, abi.encode(address(vault), address(market))));
    }

    function test_constructor__market_zero_address__reverts() public {
        bytes memory code = vm.getCode("TaskMarket.sol:TaskMarket");
        address[3] memory given = [address(token), address(vault), address(ledger)];
        for (uint256 k; k < 3; ++k) {
            address kept = given[k];
            given[k] = address(0);
            vm.expectRevert(ZeroAddress.selector);
            this.create(abi.encodePacked(code, abi.encode(given)));
            given[k] = kept;
        }
    }

    /// @dev Creates a contract; what its constructor reverts with comes through.
    function create(bytes memory code) external {
        assembly ("memory-safe") {
            if iszero(create(0, add(code, 32), mload(code))) {
                let free := mload(0x40)
                returndatacopy(free, 0, returndatasize())
                revert(free, returndatasize())
            }
        }
    }

    /// @dev Liveness: from every phase in which everyone may vanish, strangers and time end the task and free all money.
    function testFuzz_abandoned__in_any_phase__time_alone_ends_it(uint8 phase) public {
        start();
        for (uint256 i; i < 3; ++i) {
            submit(trainers[i], 1, 1000);
        }
        phase = uint8(bound(phase, 0, 4));
        if (phase > 0) sealRound(1);
        if (phase > 1) commit(1, validators[0], all(3, VALID), 7);
        if (phase == 3) judgeBy(validators[1]);
        if (phase == 4) {
            judgeBy(validators[1]);
            attestAll(1);
        }
        vm.warp(workEnd(terms.rounds));
        vm.startPrank(stranger);
        address[] memory silent = new address[](phase == 4 ? 1 : 0);
        if (phase == 4) silent[0] = validators[0];
        ledger.finalize(task, 1, entries[1], reveals[1], silent);
        market.refund(task);
        for (uint256 i; i < 3; ++i) {
            ledger.release(task, trainers[i], TRAINER);
            ledger.release(task, validators[i], VALIDATOR);
            assertEq(locked(trainers[i]) + locked(validators[i]), 0, "locked");
        }
        assertEq(token.balanceOf(address(market)), 0, "market");
        assertEq(token.balanceOf(address(vault)), vault.owed(), "vault");
    }

    function judgeBy(address validator) internal {
        vm.warp(sealAt(1) + 3);
        uint256[] memory verdicts = all(3, VALID);
        reveals[1].push(commit(1, validator, verdicts, 7));
        vm.warp(commitEnd(1));
        vm.prank(validator);
        ledger.reveal(task, 1, reveals[1][0].votes, reveals[1][0].held, reveals[1][0].evidence, reveals[1][0].salt);
    }
}
