// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

/// @dev checklist 36, 34: no proxy, no self-destruction, and nothing that sounds like a pause, an owner or an upgrade.
contract PeripheryCodeTest is Test {
    string[7] internal contracts = ["StakeVault", "HeaderBeacon", "CommitRevealBeacon", "Gateway", "Invites", "Lens", "AssayToken"];

    function test_code__no_delegatecall_callcode_selfdestruct() public view {
        for (uint256 k; k < contracts.length; ++k) {
            bytes memory code = deployed(contracts[k]);
            uint256 end = code.length - 2 - (uint256(uint8(code[code.length - 2])) << 8 | uint8(code[code.length - 1])); // metadata
            for (uint256 i; i < end; ++i) {
                uint8 op = uint8(code[i]);
                assertTrue(op != 0xf4 && op != 0xf2 && op != 0xff, contracts[k]);
                if (op >= 0x60 && op <= 0x7f) i += op - 0x5f; // push data
            }
        }
    }

    function test_code__within_the_size_limit() public view {
        for (uint256 k; k < contracts.length; ++k) {
            assertLe(deployed(contracts[k]).length, 24_576, contracts[k]);
        }
    }

    /// @dev A selector that a contract knows stands in its code; none of these does.
    function test_code__no_key_to_stop_or_change_it() public view {
        string[8] memory signatures = [
            "pause()",
            "unpause()",
            "owner()",
            "transferOwnership(address)",
            "upgradeTo(address)",
            "upgradeToAndCall(address,bytes)",
            "initialize()",
            "grantRole(bytes32,address)"
        ];
        for (uint256 k; k < contracts.length; ++k) {
            bytes memory code = deployed(contracts[k]);
            if (k == 0) assertTrue(has(code, bytes4(keccak256("claim(address)"))), "those that are there are found");
            for (uint256 s; s < signatures.length; ++s) {
                bytes4 selector = bytes4(keccak256(bytes(signatures[s])));
                assertFalse(has(code, selector), string.concat(contracts[k], " ", signatures[s]));
            }
        }
    }

    function deployed(string memory name) internal view returns (bytes memory) {
        return vm.getDeployedCode(string.concat(name, ".sol:", name));
    }

    function has(bytes memory code, bytes4 selector) internal pure returns (bool) {
        for (uint256 i; i + 4 < code.length; ++i) {
            if (code[i] == 0x63 && code[i + 1] == selector[0] && code[i + 2] == selector[1]) {
                // PUSH4
                if (code[i + 3] == selector[2] && code[i + 4] == selector[3]) return true;
            }
        }
        return false;
    }
}
