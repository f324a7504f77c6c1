// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

/// @dev Links and deploys contracts whose artifacts have open places for libraries.
abstract contract Linked is Test {
    string private constant ARTIFACTS = "build/forge/out/";

    /// @return code creation code of contracts/`name`.sol with its libraries of contracts/logic deployed
    function linked(string memory name, string[4] memory libraries) internal returns (bytes memory code) {
        string memory json = vm.readFile(string.concat(ARTIFACTS, name, ".sol/", name, ".json"));
        string memory text = vm.parseJsonString(json, ".bytecode.object");
        for (uint256 i; i < libraries.length; ++i) {
            string memory path = string.concat(libraries[i], ".sol:", libraries[i]);
            address at = vm.deployCode(path);
            text = vm.replace(text, placeholder(string.concat("contracts/logic/", path)), hexOf(at));
        }
        return vm.parseBytes(text);
    }

    /// @dev What the compiler writes where a library's address belongs: `__$`, the first 34 hex digits of its name's hash, `$__`.
    function placeholder(string memory name) internal pure returns (string memory) {
        bytes memory digits = bytes(vm.toString(keccak256(bytes(name))));
        bytes memory text = new bytes(40);
        (text[0], text[1], text[2]) = ("_", "_", "$");
        for (uint256 i; i < 34; ++i) {
            text[3 + i] = digits[2 + i];
        }
        (text[37], text[38], text[39]) = ("$", "_", "_");
        return string(text);
    }

    function create(bytes memory code, bytes memory arguments) internal returns (address at) {
        bytes memory all = bytes.concat(code, arguments);
        assembly ("memory-safe") {
            at := create(0, add(all, 0x20), mload(all))
        }
        if (at == address(0)) {
            assembly ("memory-safe") {
                returndatacopy(mload(0x40), 0, returndatasize())
                revert(mload(0x40), returndatasize())
            }
        }
    }

    /// @dev Forty hex digits.
    function hexOf(address at) private pure returns (string memory) {
        bytes memory text = bytes(vm.toString(abi.encodePacked(at)));
        bytes memory digits = new bytes(40);
        for (uint256 i; i < 40; ++i) {
            digits[i] = text[2 + i];
        }
        return string(digits);
    }
}
