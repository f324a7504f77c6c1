// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev The seal and the seats that it draws.
library Draw {
    /// @dev keccak256("assay.audit")
    bytes32 internal constant AUDIT_DOMAIN = keccak256("assay.audit");

    /// @return seed the first 16 bytes of a hash that binds chain, contract, task, round and the beacon's word
    function auditSeed(uint256 task, uint32 round, bytes32 word) internal view returns (bytes16 seed) {
        return bytes16(keccak256(abi.encode(AUDIT_DOMAIN, block.chainid, address(this), task, round, word)));
    }

    /// @return point in [0, line) that seat `seat` of submission `index` falls on: keccak(seed 16 bytes, index 2, seat 1) mod line
    function seatPoint(bytes16 seed, uint256 index, uint256 seat, uint256 line) internal pure returns (uint256 point) {
        assembly ("memory-safe") {
            mstore(0, or(seed, or(shl(112, index), shl(104, seat))))
            point := mod(keccak256(0, 19), line)
        }
    }
}
