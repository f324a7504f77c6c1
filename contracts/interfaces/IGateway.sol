// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice One call for an account: `target` is one of the system's contracts, `data` its calldata.
struct GatewayCall {
    address target;
    bytes data;
}

/// @title Errors of the gateway.
interface IGatewayErrors {
    error ZeroAddress();
    /// @dev Thrown when a target isn't one of the contracts fixed at construction.
    error UnknownTarget(address target);
    /// @dev Thrown when a call has no selector.
    error NoSelector();
    error RequestExpired(uint256 deadline, uint256 now_);
    error NonceUsed(address account, uint256 nonce);
    error WrongSignature(address account);
}

/// @title Events of the gateway.
interface IGatewayEvents {
    event Relayed(address indexed account, uint256 indexed nonce, address indexed relayer);
    event NonceCancelled(address indexed account, uint256 indexed nonce);
}

/// @title The gateway: several calls in one transaction, and calls that their account only signed.
/// @dev Appends the account's address to each call's data, as ERC-2771 does; the targets, fixed at construction, believe it from this
/// contract only. No delegatecall: each target runs in its own storage. Calls are made in order, and all of them or none.
/// Nonces are bits, not a counter: signed requests don't wait for one another, and each works once.
interface IGateway is IGatewayErrors, IGatewayEvents {
    /// @notice Makes the caller's calls.
    function batch(GatewayCall[] calldata calls) external;

    /// @notice Makes calls that `account` signed (EIP-712 `Request`, EOA or ERC-1271). Anyone may send it; `deadline` is the last second.
    /// @dev An account with code signs by ERC-1271 only, also where the code is delegated to (EIP-7702).
    function relay(address account, uint256 nonce, uint256 deadline, GatewayCall[] calldata calls, bytes calldata signature) external;

    /// @notice Makes a nonce of the caller's useless.
    function cancel(uint256 nonce) external;

    function isUsed(address account, uint256 nonce) external view returns (bool);
    /// @notice The digest that `account` signs.
    function requestDigest(address account, uint256 nonce, uint256 deadline, GatewayCall[] calldata calls) external view returns (bytes32);
    function isTarget(address target) external view returns (bool);
}
