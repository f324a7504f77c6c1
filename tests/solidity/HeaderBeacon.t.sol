// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IBeacon} from "../../contracts/interfaces/IBeacon.sol";
import {Headers} from "./Headers.sol";
import {Test} from "forge-std/Test.sol";

/// @dev checklist 30, attack C5: the word of a time is fixed by the time alone; nobody who calls has a choice.
contract HeaderBeaconTest is Test {
    address internal constant HISTORY = 0x0000F90827F1C53a10cb7A02335B175320002935;
    bytes32 internal constant MIX = keccak256("mix");
    bytes32 internal constant BEFORE = keccak256("the parent's mix");
    uint256 internal constant TIME = 1_700_000_000;

    IBeacon internal beacon;

    function setUp() public {
        vm.roll(1000);
        vm.warp(TIME + 3);
        beacon = IBeacon(vm.deployCode("HeaderBeacon.sol:HeaderBeacon"));
    }

    /// @dev Block 1000 at `time`, its parent a second earlier; the chain knows block 1000.
    function proofAt(uint256 time, bytes32 mix) internal returns (bytes memory) {
        (bytes memory header, bytes memory parent) = headersAt(time, mix);
        return abi.encode(header, parent);
    }

    function headersAt(uint256 time, bytes32 mix) internal returns (bytes memory header, bytes memory parent) {
        parent = Headers.encode(keccak256("grandparent"), 999, time - 1, BEFORE);
        header = Headers.encode(keccak256(parent), 1000, time, mix);
        vm.roll(1001);
        vm.setBlockhash(1000, keccak256(header));
    }

    function refuses(bytes memory proof, string memory what) internal {
        vm.expectRevert(abi.encodeWithSelector(IBeacon.WrongProof.selector, what));
        beacon.wordAt(TIME, proof);
    }

    function test_wordAt__first_block_at_the_time__is_its_word() public {
        bytes memory proof = proofAt(TIME, MIX);
        (bytes32 word, uint256 source) = beacon.wordAt(TIME, proof);
        assertEq(word, MIX, "word");
        assertEq(source, 1000, "block");
    }

    function test_wordAt__first_block_after_the_time__is_its_word() public {
        bytes memory parent = Headers.encode("x", 999, TIME - 1, BEFORE);
        bytes memory header = Headers.encode(keccak256(parent), 1000, TIME + 11, MIX); // slots without a block
        vm.roll(1001);
        vm.setBlockhash(1000, keccak256(header));
        (bytes32 word,) = beacon.wordAt(TIME, abi.encode(header, parent));
        assertEq(word, MIX, "word");
    }

    function test_wordAt__a_later_block__reverts() public {
        refuses(proofAt(TIME + 1, MIX), "time"); // its parent is already at the time
    }

    function test_wordAt__an_earlier_block__reverts() public {
        refuses(proofAt(TIME - 1, MIX), "time");
    }

    function test_wordAt__another_parent__reverts() public {
        (bytes memory header,) = headersAt(TIME, MIX);
        refuses(abi.encode(header, Headers.encode("x", 999, TIME - 1, BEFORE)), "parent");
    }

    /// @dev The chain knows the header that is shown, so the hash is right: its form alone is wrong.
    function test_wordAt__known_header_of_another_form__reverts() public {
        uint8[7] memory prefixes = [3, 36, 69, 90, 123, 156, 189];
        for (uint256 k; k < 7; ++k) {
            refusesForm(prefixes[k], 0x01); // no string of that length begins there
        }
        refusesForm(450, 0x00); // the block's number begins with a zero
        refusesForm(465, 0xc0); // the extra data is a list
        refusesForm(465, 0xb8); // the extra data hides what follows
    }

    function test_wordAt__known_header_that_ends_before_its_word__reverts() public {
        (bytes memory header, bytes memory parent) = headersAt(TIME, MIX);
        bytes memory body = new bytes(469 - 3); // up to the extra data
        for (uint256 i; i < body.length; ++i) {
            body[i] = header[i + 3];
        }
        header = Headers.list(body);
        vm.setBlockhash(1000, keccak256(header));
        refuses(abi.encode(header, parent), "rlp");
    }

    function refusesForm(uint256 at, bytes1 value) internal {
        (bytes memory header, bytes memory parent) = headersAt(TIME, MIX);
        header[at] = value;
        vm.setBlockhash(1000, keccak256(header));
        refuses(abi.encode(header, parent), "rlp");
    }

    function test_wordAt__header_of_another_chain__reverts() public {
        bytes memory proof = proofAt(TIME, MIX);
        vm.setBlockhash(1000, keccak256("another"));
        refuses(proof, "hash");
    }

    function test_wordAt__a_future_block__reverts() public {
        bytes memory parent = Headers.encode("x", 1000, TIME - 1, BEFORE);
        refuses(abi.encode(Headers.encode(keccak256(parent), 1001, TIME, MIX), parent), "hash");
    }

    function test_wordAt__no_prevrandao__reverts() public {
        refuses(proofAt(TIME, 0), "prevrandao");
    }

    function test_wordAt__the_parents_prevrandao__reverts() public {
        refuses(proofAt(TIME, BEFORE), "prevrandao");
    }

    function test_wordAt__older_than_256_blocks__history_contract_answers() public {
        (bytes memory header, bytes memory parent) = headersAt(TIME, MIX);
        vm.roll(1000 + 257);
        refuses(abi.encode(header, parent), "hash");
        vm.etch(HISTORY, hex"5f35545f5260205ff3"); // returns the word of storage that the call names: what EIP-2935 says it serves
        vm.store(HISTORY, bytes32(uint256(1000)), keccak256(header));
        (bytes32 word,) = beacon.wordAt(TIME, abi.encode(header, parent));
        assertEq(word, MIX, "word");
    }

    function test_wordAt__any_byte_of_the_header_changed__reverts() public {
        (bytes memory header, bytes memory parent) = headersAt(TIME, MIX);
        for (uint256 i; i < header.length; i += 7) {
            bytes memory bad = abi.encodePacked(header);
            bad[i] ^= 0x01;
            vm.expectPartialRevert(IBeacon.WrongProof.selector);
            beacon.wordAt(TIME, abi.encode(bad, parent));
        }
    }

    function test_wordAt__not_two_strings__reverts() public {
        bytes memory proof = proofAt(TIME, MIX);
        refuses("", "encoding");
        refuses(new bytes(63), "encoding");
        refuses(abi.encode(proof.length - 31, 64, 0), "encoding"); // the first starts past the end
        refuses(abi.encode(type(uint256).max, 64, 0), "encoding");
        refuses(abi.encode(64, type(uint256).max, 0), "encoding");
        refuses(abi.encode(64, 64, 1), "encoding"); // longer than what is there
        refuses(abi.encode(64, 64, type(uint256).max), "encoding");
        refuses(abi.encode(64, 64, 0), "rlp");
    }

    function testFuzz_wordAt__garbage__only_ever_wrong_proof(bytes memory garbage, uint16 cut, uint256 place, uint8 bits) public {
        bytes memory proof = proofAt(TIME, MIX);
        vm.expectPartialRevert(IBeacon.WrongProof.selector);
        beacon.wordAt(TIME, garbage);

        uint256 n = proof.length;
        uint256 shorter = bound(cut, 0, n - 33); // past the padding
        assembly ("memory-safe") {
            mstore(proof, shorter)
        }
        vm.expectPartialRevert(IBeacon.WrongProof.selector);
        beacon.wordAt(TIME, proof);
        assembly ("memory-safe") {
            mstore(proof, n)
        }

        place = bound(place, 0, 95); // both offsets and the first length
        proof[place] ^= bytes1(uint8(bound(bits, 1, 255)));
        vm.expectPartialRevert(IBeacon.WrongProof.selector);
        beacon.wordAt(TIME, proof);
    }

    function test_live__constant_prevrandao__is_false() public {
        uint64[4] memory constants = [0, 1, 2500, type(uint64).max];
        for (uint256 i; i < constants.length; ++i) {
            vm.prevrandao(uint256(constants[i]));
            assertFalse(beacon.live(), vm.toString(constants[i]));
        }
        vm.prevrandao(MIX);
        assertTrue(beacon.live(), "a word");
    }

    /// @dev What a seal pays the beacon beyond its own work.
    function test_wordAt__gas() public {
        bytes memory proof = proofAt(TIME, MIX);
        uint256 before = gasleft();
        beacon.wordAt(TIME, proof);
        uint256 used = before - gasleft();
        emit log_named_uint("wordAt", used);
        assertLt(used, 30_000, "gas");
    }
}
