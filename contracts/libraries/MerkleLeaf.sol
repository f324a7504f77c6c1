// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LeafProof} from "../interfaces/IDisputeCourt.sol";

/// @dev The artifact format's Merkle tree, as py/assay/protocol/merkle.py verifies it. The prefixes keep a leaf from being read as a
/// node, and the count in the root keeps a node that moved up from being read as a shorter list.
///
///     leaf   keccak(0x00 ‖ leaf)
///     inner  keccak(0x01 ‖ left ‖ right); a node without a sibling moves up unchanged
///     root   keccak(0x02 ‖ uint64 count ‖ top)
library MerkleLeaf {
    function isUnder(LeafProof calldata p, bytes32 root) internal pure returns (bool) {
        return isUnder(keccak256(abi.encodePacked(hex"00", p.digest)), p.index, p.count, p.siblings, root);
    }

    /// @dev Whether `node`, a leaf's hash, is the index-th of `count` under `root`. Never reverts.
    function isUnder(bytes32 node, uint64 index, uint64 count, bytes32[] calldata siblings, bytes32 root) internal pure returns (bool) {
        if (index >= count) return false;
        uint256 i = index;
        // slither-disable-next-line uninitialized-local counts from zero
        uint256 used;
        for (uint256 width = count; width > 1; width = (width + 1) >> 1) {
            // slither-disable-next-line incorrect-exp the sibling's place, not a power: ^ binds tighter than <
            if (i ^ 1 < width) {
                if (used == siblings.length) return false;
                bytes32 sibling = siblings[used++];
                node =
                    i & 1 == 0 ? keccak256(abi.encodePacked(hex"01", node, sibling)) : keccak256(abi.encodePacked(hex"01", sibling, node));
            }
            i >>= 1;
        }
        return used == siblings.length && keccak256(abi.encodePacked(hex"02", count, node)) == root;
    }
}
