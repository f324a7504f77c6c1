// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LeafProof} from "../../contracts/interfaces/IDisputeCourt.sol";
import {MerkleLeaf} from "../../contracts/libraries/MerkleLeaf.sol";
import {Test} from "forge-std/Test.sol";

/// @dev The library, reachable from a test.
contract Trees {
    function isUnder(LeafProof calldata p, bytes32 root) external pure returns (bool) {
        return MerkleLeaf.isUnder(p, root);
    }

    function isUnder(bytes32 node, uint64 index, uint64 count, bytes32[] calldata siblings, bytes32 root) external pure returns (bool) {
        return MerkleLeaf.isUnder(node, index, count, siblings, root);
    }
}

contract MerkleLeafTest is Test {
    Trees internal trees = new Trees();

    struct Vector {
        bytes32 root;
        bytes32 node;
        uint64 index;
        uint64 count;
        bytes32[] siblings;
    }

    function vectors() internal view returns (Vector[] memory all) {
        string memory json = vm.readFile("tests/vectors/merkle.json");
        uint256 n;
        while (vm.keyExistsJson(json, at(n))) ++n;
        all = new Vector[](n);
        for (uint256 i; i < n; ++i) {
            all[i].root = vm.parseJsonBytes32(json, string.concat(at(i), ".root"));
            all[i].node = keccak256(bytes.concat(hex"00", vm.parseJsonBytes(json, string.concat(at(i), ".leaf"))));
            all[i].index = uint64(vm.parseJsonUint(json, string.concat(at(i), ".index")));
            all[i].count = uint64(vm.parseJsonUint(json, string.concat(at(i), ".count")));
            all[i].siblings = vm.parseJsonBytes32Array(json, string.concat(at(i), ".proof"));
        }
    }

    function at(uint256 i) internal pure returns (string memory) {
        return string.concat(".proofs[", vm.toString(i), "]");
    }

    function holds(Vector memory v) internal view returns (bool) {
        return trees.isUnder(v.node, v.index, v.count, v.siblings, v.root);
    }

    function test_vectors__every_proof_of_python__verifies() public view {
        Vector[] memory all = vectors();
        assertEq(all.length, 15, "all of them");
        for (uint256 i; i < all.length; ++i) {
            assertTrue(holds(all[i]), at(i));
        }
    }

    /// @dev checklist 15: no proof holds for another place, another length, another leaf, or with a node more or less.
    function test_vectors__anything_changed__fails() public view {
        Vector[] memory all = vectors();
        for (uint256 i; i < all.length; ++i) {
            Vector memory v = all[i];
            for (uint64 index; index < v.count + 2; ++index) {
                if (index == v.index) continue;
                assertFalse(trees.isUnder(v.node, index, v.count, v.siblings, v.root), "another place");
            }
            for (uint64 count; count < v.count + 4; ++count) {
                if (count == v.count) continue;
                assertFalse(trees.isUnder(v.node, v.index, count, v.siblings, v.root), "another length");
            }
            assertFalse(trees.isUnder(~v.node, v.index, v.count, v.siblings, v.root), "another leaf");
            assertFalse(trees.isUnder(v.node, v.index, v.count, v.siblings, ~v.root), "another root");
            assertFalse(trees.isUnder(v.node, v.index, v.count, longer(v.siblings), v.root), "a node too many");
            for (uint256 k; k < v.siblings.length; ++k) {
                bytes32 good = v.siblings[k];
                v.siblings[k] ^= bytes32(uint256(1));
                assertFalse(holds(v), "another sibling");
                v.siblings[k] = good;
            }
            if (v.siblings.length == 0) continue;
            v.siblings = shorter(v.siblings);
            assertFalse(holds(v), "a node too few");
        }
    }

    /// @dev checklist 15: an inner node passed off as what a leaf says. Its prefix differs.
    function test_isUnder__inner_node_as_leaf__fails() public view {
        bytes32 a = keccak256(abi.encodePacked(hex"00", bytes32("a")));
        bytes32 b = keccak256(abi.encodePacked(hex"00", bytes32("b")));
        bytes32 top = keccak256(abi.encodePacked(hex"01", a, b));
        bytes32 root = keccak256(abi.encodePacked(hex"02", uint64(2), top));
        LeafProof memory p;
        (p.count, p.digest, p.siblings) = (2, "a", new bytes32[](1));
        p.siblings[0] = b;
        assertTrue(trees.isUnder(p, root), "control");
        (p.count, p.digest, p.siblings) = (1, top, new bytes32[](0));
        assertFalse(trees.isUnder(p, root), "node as digest");
        assertFalse(trees.isUnder(top, 0, 1, p.siblings, root), "node as leaf of a shorter list");
    }

    function testFuzz_isUnder__garbage__never_holds_and_never_reverts(LeafProof calldata p, bytes32 root) public view {
        assertFalse(trees.isUnder(p, root));
    }

    /// @dev The largest tree: 64 levels and no more.
    function test_isUnder__largest_count__ends() public view {
        bytes32[] memory siblings = new bytes32[](64);
        assertFalse(trees.isUnder("x", type(uint64).max - 1, type(uint64).max, siblings, "root"));
    }

    function longer(bytes32[] memory list) internal pure returns (bytes32[] memory more) {
        more = new bytes32[](list.length + 1);
        for (uint256 k; k < list.length; ++k) {
            more[k] = list[k];
        }
    }

    function shorter(bytes32[] memory list) internal pure returns (bytes32[] memory less) {
        less = new bytes32[](list.length - 1);
        for (uint256 k; k < less.length; ++k) {
            less[k] = list[k];
        }
    }
}
