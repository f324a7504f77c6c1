// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev RLP of execution block headers, with the fields that the ledger doesn't read filled in.
library Headers {
    function encode(bytes32 parentHash, uint256 number, uint256 time, bytes32 prevRandao) internal pure returns (bytes memory) {
        bytes memory first = bytes.concat(
            word(parentHash),
            word(keccak256("ommers")),
            hex"94",
            bytes20(address(0xBEEF)),
            word(keccak256("state")),
            word(keccak256("transactions")),
            word(keccak256("receipts")),
            hex"b90100",
            new bytes(256)
        );
        bytes memory second = bytes.concat(integer(0), integer(number), integer(30_000_000), integer(21_000), integer(time), hex"83616263");
        bytes memory third = bytes.concat(word(prevRandao), hex"880000000000000000", integer(7), word(keccak256("withdrawals")));
        return list(bytes.concat(first, second, third));
    }

    function list(bytes memory body) internal pure returns (bytes memory) {
        return bytes.concat(hex"f9", bytes2(uint16(body.length)), body);
    }

    function word(bytes32 value) internal pure returns (bytes memory) {
        return bytes.concat(hex"a0", value);
    }

    function integer(uint256 value) internal pure returns (bytes memory out) {
        if (value == 0) return hex"80";
        if (value < 0x80) return abi.encodePacked(uint8(value));
        for (; value != 0; value >>= 8) {
            out = bytes.concat(bytes1(uint8(value)), out);
        }
        return bytes.concat(bytes1(uint8(0x80 + out.length)), out);
    }
}
