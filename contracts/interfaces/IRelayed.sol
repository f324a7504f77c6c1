// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What a contract that believes the gateway shows of it.
interface IRelayed {
    /// @notice The one contract that may name another account as the caller (see IGateway).
    function gateway() external view returns (address);
}
