// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Entry, Extra} from "../interfaces/RoundLedgerTypes.sol";

/// @dev Running hashes: one word binds all submissions of a round, or all its extra votes, in their order. hash 224 | tag 16 | count 16; the
/// tag is the round. The next hash is the top 224 bits of keccak(hash, what is added).
library Running {
    /// @dev The word if it is of `round`, or an empty one of `round`.
    function inRound(uint256 word, uint256 round) internal pure returns (uint256) {
        return uint16(word >> 16) == round ? word : round << 16;
    }

    function count(uint256 word) internal pure returns (uint16) {
        return uint16(word);
    }

    function hash(uint256 word) internal pure returns (uint256) {
        return word >> 32;
    }

    function plusEntry(uint256 word, uint256 who, bytes32 root, bytes32 mark) internal pure returns (uint256) {
        return _next(hash(word), who, root, mark) << 32 | uint32(word + 1);
    }

    function plusExtra(uint256 word, address validator, bytes calldata votes) internal pure returns (uint256) {
        return _next(hash(word), uint160(validator), keccak256(votes), 0) << 32 | uint32(word + 1);
    }

    /// @dev Whether these are all submissions of the round, in their order.
    function isOf(uint256 word, uint256 round, Entry[] calldata entries) internal pure returns (bool) {
        if (inRound(word, round) != word || entries.length != count(word)) return false;
        uint256 acc;
        assembly ("memory-safe") {
            let free := mload(0x40)
            let end := add(entries.offset, mul(entries.length, 0x60))
            for { let entry := entries.offset } lt(entry, end) { entry := add(entry, 0x60) } {
                mstore(free, acc)
                calldatacopy(add(free, 0x20), entry, 0x60)
                acc := shr(32, keccak256(free, 0x80))
            }
        }
        return acc == hash(word);
    }

    /// @dev Whether these are all extra votes of the round, in their order.
    function isOf(uint256 word, uint256 round, Extra[] calldata extras) internal pure returns (bool) {
        uint256 acc = round << 16;
        for (uint256 i; i < extras.length; ++i) {
            acc = plusExtra(acc, extras[i].validator, extras[i].votes);
        }
        return acc == inRound(word, round);
    }

    function _next(uint256 acc, uint256 who, bytes32 root, bytes32 mark) private pure returns (uint256 next) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, acc)
            mstore(add(free, 0x20), who)
            mstore(add(free, 0x40), root)
            mstore(add(free, 0x60), mark)
            next := shr(32, keccak256(free, 0x80))
        }
    }
}
