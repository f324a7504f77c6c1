// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title The token of local chains: a fixed supply, minted to the deployer, with permit.
/// @dev Nothing in Assay depends on it: the contracts work with any plain ERC-20.
contract AssayToken is ERC20, ERC20Permit {
    /// @param supply wei minted to the deployer; there is no other way to mint
    constructor(uint256 supply) ERC20("Assay", "ASSAY") ERC20Permit("Assay") {
        _mint(msg.sender, supply);
    }
}
