// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev What a submission's mark binds before anyone judged: keccak(abi.encode(uint8 kind, bytes32 salt, uint32 leaf, uint8 check)).
library Marks {
    uint256 private constant WORK = 1;
    uint256 private constant CANARY = 2;

    function work(bytes32 salt) internal pure returns (bytes32) {
        return _mark(WORK, salt, 0, 0);
    }

    function canary(bytes32 salt, uint32 leaf, uint8 check) internal pure returns (bytes32) {
        return _mark(CANARY, salt, leaf, check);
    }

    function _mark(uint256 kind, bytes32 salt, uint256 leaf, uint256 check) private pure returns (bytes32 mark) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, kind)
            mstore(add(free, 0x20), salt)
            mstore(add(free, 0x40), leaf)
            mstore(add(free, 0x60), check)
            mark := keccak256(free, 0x80)
        }
    }
}
