// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Errors of the invites.
interface IInvitesErrors {
    error ZeroAddress();
    error InviteExpired(uint256 expiry, uint256 now_);
    error InviteUsed(uint256 task, uint256 nonce);
    error WrongSignature(address initiator);
    error OnlyInitiator(address caller);
}

/// @title Events of the invites.
interface IInvitesEvents {
    event Admitted(uint256 indexed task, address indexed account, uint256 indexed nonce);
    event InviteRevoked(uint256 indexed task, uint256 indexed nonce);
}

/// @title Invites to private tasks: who may enlist where the initiator chose so.
/// @dev An invite is the initiator's EIP-712 signature over chain, this contract, task, account, nonce and expiry: it can't be used by
/// another account, on another task, or twice. Admission can't be taken back: what is open stays open.
interface IInvites is IInvitesErrors, IInvitesEvents {
    /// @notice Admits `account` to `task`. Anyone may send the invite; `expiry` is the last second. Nonces count per task.
    function redeem(uint256 task, address account, uint256 nonce, uint256 expiry, bytes calldata signature) external;

    /// @notice Makes an unused invite useless. Only the task's initiator.
    function revoke(uint256 task, uint256 nonce) external;

    function admits(uint256 task, address account) external view returns (bool);
    function isUsed(uint256 task, uint256 nonce) external view returns (bool);
    function inviteDigest(uint256 task, address account, uint256 nonce, uint256 expiry) external view returns (bytes32);
    function market() external view returns (address);
}
