// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IInvites} from "./interfaces/IInvites.sol";
import {ITaskMarket} from "./interfaces/ITaskMarket.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// @title Invites to private tasks. @dev See IInvites.
contract Invites is IInvites, EIP712 {
    bytes32 internal constant INVITE_TYPE = keccak256("Invite(uint256 task,address account,uint256 nonce,uint256 expiry)");

    /// @inheritdoc IInvites
    address public immutable market;

    /// @inheritdoc IInvites
    mapping(uint256 task => mapping(address account => bool)) public admits;
    mapping(uint256 task => mapping(uint256 word => uint256 bits)) internal _used;

    constructor(address market_) EIP712("Assay Invites", "1") {
        require(market_ != address(0), ZeroAddress());
        market = market_;
    }

    /// @inheritdoc IInvites
    function redeem(uint256 task, address account, uint256 nonce, uint256 expiry, bytes calldata signature) external {
        require(account != address(0), ZeroAddress());
        require(block.timestamp <= expiry, InviteExpired(expiry, block.timestamp));
        address initiator = ITaskMarket(market).initiatorOf(task); // of an unknown task: reverts, or nobody, who can't sign
        _use(task, nonce);
        bytes32 digest = inviteDigest(task, account, nonce, expiry);
        require(SignatureChecker.isValidSignatureNowCalldata(initiator, digest, signature), WrongSignature(initiator));

        admits[task][account] = true;
        emit Admitted(task, account, nonce);
    }

    /// @inheritdoc IInvites
    function revoke(uint256 task, uint256 nonce) external {
        require(msg.sender == ITaskMarket(market).initiatorOf(task), OnlyInitiator(msg.sender));
        _use(task, nonce);
        emit InviteRevoked(task, nonce);
    }

    // --- views

    /// @inheritdoc IInvites
    function isUsed(uint256 task, uint256 nonce) external view returns (bool) {
        return _used[task][nonce >> 8] & 1 << (nonce & 0xff) != 0;
    }

    /// @inheritdoc IInvites
    function inviteDigest(uint256 task, address account, uint256 nonce, uint256 expiry) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(INVITE_TYPE, task, account, nonce, expiry)));
    }

    // --- inside

    function _use(uint256 task, uint256 nonce) internal {
        uint256 bit = 1 << (nonce & 0xff);
        uint256 bits = _used[task][nonce >> 8];
        require(bits & bit == 0, InviteUsed(task, nonce));
        _used[task][nonce >> 8] = bits | bit;
    }
}
