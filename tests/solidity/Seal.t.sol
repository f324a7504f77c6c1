// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "./Base.sol";
import {Headers} from "./Headers.sol";

contract SealTest is Base {
    address internal constant HISTORY = 0x0000F90827F1C53a10cb7A02335B175320002935;
    bytes32 internal constant MIX = keccak256("mix");

    function setUp() public override {
        super.setUp();
        start();
        submit(trainers[0], 1, 1000);
        vm.warp(sealAt(1) + 3);
    }

    function seal(bytes memory header, bytes memory parent) internal {
        ledger.seal(task, 1, header, parent);
    }

    function refuses(bytes memory header, bytes memory parent, string memory what) internal {
        vm.expectRevert(abi.encodeWithSelector(WrongHeader.selector, what));
        seal(header, parent);
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
        ledger.seal(task, 2, "", "");
    }

    function test_seal__a_later_block__reverts() public {
        (bytes memory header, bytes memory parent) = headerAt(sealAt(1) + 1, MIX); // its parent is already at the time
        refuses(header, parent, "time");
    }

    function test_seal__an_earlier_block__reverts() public {
        (bytes memory header, bytes memory parent) = headerAt(sealAt(1) - 1, MIX);
        refuses(header, parent, "time");
    }

    function test_seal__another_parent__reverts() public {
        (bytes memory header,) = headerAt(sealAt(1), MIX);
        bytes memory other = Headers.encode("x", vm.getBlockNumber() - 2, sealAt(1) - 1, PREVRANDAO);
        refuses(header, other, "parent");
    }

    function test_seal__header_of_another_chain__reverts() public {
        (bytes memory header, bytes memory parent) = headerAt(sealAt(1), MIX);
        vm.setBlockhash(vm.getBlockNumber() - 1, keccak256("another"));
        refuses(header, parent, "hash");
    }

    function test_seal__no_prevrandao__reverts() public {
        (bytes memory header, bytes memory parent) = headerAt(sealAt(1), 0);
        refuses(header, parent, "prevrandao");
    }

    function test_seal__a_future_block_number__reverts() public {
        uint256 number = vm.getBlockNumber() + 1;
        bytes memory parent = Headers.encode("x", number - 1, sealAt(1) - 1, PREVRANDAO);
        refuses(Headers.encode(keccak256(parent), number, sealAt(1), MIX), parent, "hash");
    }

    function test_seal__older_than_256_blocks__history_contract_answers() public {
        (bytes memory header, bytes memory parent) = headerAt(sealAt(1), MIX);
        uint256 number = vm.getBlockNumber() - 1;
        vm.roll(number + 257);
        refuses(header, parent, "hash");
        // returns the word of storage that the block number names: what EIP-2935 says it serves
        vm.etch(HISTORY, hex"5f355f545f5260205ff3");
        vm.store(HISTORY, bytes32(0), keccak256(header));
        seal(header, parent);
    }

    function test_seal__any_byte_changed__reverts() public {
        (bytes memory header, bytes memory parent) = headerAt(sealAt(1), MIX);
        for (uint256 i; i < header.length; i += 7) {
            bytes memory bad = abi.encodePacked(header);
            bad[i] ^= 0x01;
            vm.expectPartialRevert(WrongHeader.selector);
            seal(bad, parent);
        }
    }

    function testFuzz_seal__garbage__only_ever_wrong_header(bytes memory garbage, uint16 cut) public {
        (bytes memory header, bytes memory parent) = headerAt(sealAt(1), MIX);
        vm.expectPartialRevert(WrongHeader.selector);
        seal(garbage, parent);
        vm.expectPartialRevert(WrongHeader.selector);
        seal(bytes.concat(header, garbage, hex"00"), parent);
        uint256 n = bound(cut, 0, header.length - 1);
        assembly ("memory-safe") {
            mstore(header, n)
        }
        vm.expectPartialRevert(WrongHeader.selector);
        seal(header, parent);
    }
}
