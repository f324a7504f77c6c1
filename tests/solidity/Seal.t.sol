// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IBeacon} from "../../contracts/interfaces/IBeacon.sol";
import {Base} from "./Base.sol";

contract SealTest is Base {
    bytes32 internal constant MIX = keccak256("mix");

    function setUp() public override {
        super.setUp();
        start();
        submit(trainers[0], 1, 1000);
        vm.warp(sealAt(1) + 3);
    }

    function seal(bytes memory header, bytes memory parent) internal {
        ledger.seal(task, 1, abi.encode(header, parent));
    }

    function test_seal__first_header_after_the_time__draws() public {
        (bytes memory header, bytes memory parent) = headerAt(sealAt(1), MIX);
        vm.expectEmit(address(ledger));
        emit RoundSealed(task, 1, auditSeed(1, MIX), 3 * LOT / 1 gwei, vm.getBlockNumber() - 1);
        vm.prank(stranger);
        seal(header, parent);
        (bytes16 seed,,,,) = ledger.roundOf(task, 1);
        assertEq(seed, auditSeed(1, MIX), "seed");
        vm.expectRevert(AlreadySealed.selector);
        seal(header, parent);
    }

    function test_seal__window_edges() public {
        (bytes memory header, bytes memory parent) = headerAt(sealAt(1), MIX);
        bytes memory err;
        vm.warp(sealAt(1) - 1);
        err = outside(sealAt(1), commitEnd(1));
        vm.expectRevert(err);
        seal(header, parent);
        vm.warp(commitEnd(1));
        err = outside(sealAt(1), commitEnd(1));
        vm.expectRevert(err);
        seal(header, parent);
        vm.warp(commitEnd(1) - 1);
        seal(header, parent);
    }

    function test_seal__round_without_submissions__reverts() public {
        vm.warp(sealAt(2));
        vm.expectRevert(abi.encodeWithSelector(UnknownRound.selector, task, 2));
        ledger.seal(task, 2, "");
    }

    /// @dev What the beacon refuses, the ledger refuses. The ways a header can be wrong are in HeaderBeacon.t.sol.
    function test_seal__proof_of_another_time__reverts() public {
        (bytes memory header, bytes memory parent) = headerAt(sealAt(1) + 1, MIX);
        vm.expectRevert(abi.encodeWithSelector(IBeacon.WrongProof.selector, "time"));
        seal(header, parent);
        vm.expectRevert(abi.encodeWithSelector(IBeacon.WrongProof.selector, "encoding"));
        ledger.seal(task, 1, "");
    }

    function test_seal__nobody_in_time__void_whatever_is_shown_later() public {
        (bytes memory header, bytes memory parent) = headerAt(sealAt(1), MIX);
        vm.warp(commitEnd(1));
        vm.expectRevert(outside(sealAt(1), commitEnd(1)));
        seal(header, parent);
        vm.warp(challengeEnd(1));
        vm.expectEmit(address(ledger));
        emit RoundFinal(task, 1, hex"07", 0, 0, 0);
        settle(1, nobody);
        assertEq(exposed(trainers[0]), 0, "freed");
        assertEq(staked(trainers[0]), 200 ether, "stake");
    }

    /// @dev Seats fall on the line as it was when the round opened: who enlists after that has none.
    function test_seal__line_grew_since_the_round_opened__old_line_is_drawn_on() public {
        enlistValidator(stranger, 100 * LOT);
        (bytes memory header, bytes memory parent) = headerAt(sealAt(1), MIX);
        vm.expectEmit(address(ledger));
        emit RoundSealed(task, 1, auditSeed(1, MIX), 3 * LOT / 1 gwei, vm.getBlockNumber() - 1);
        seal(header, parent);
    }
}
