// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {GatewayCall, IGateway} from "./interfaces/IGateway.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// @title The gateway. @dev See IGateway.
contract Gateway is IGateway, EIP712 {
    bytes32 internal constant REQUEST_TYPE =
        keccak256("Request(address account,uint256 nonce,uint256 deadline,Call[] calls)Call(address target,bytes data)");
    bytes32 internal constant CALL_TYPE = keccak256("Call(address target,bytes data)");
    /// @dev Of a target's revert data, so that nobody can make a relayer pay for a flood of it.
    uint256 internal constant MAX_ERROR = 1024;

    address internal immutable _vault;
    address internal immutable _market;
    address internal immutable _ledger;
    address internal immutable _court;

    mapping(address account => mapping(uint256 word => uint256 bits)) internal _used;

    /// @dev Ledger and court needn't be there yet.
    constructor(address vault, address market, address ledger, address court) EIP712("Assay Gateway", "1") {
        require(vault != address(0) && market != address(0) && ledger != address(0) && court != address(0), ZeroAddress());
        (_vault, _market, _ledger, _court) = (vault, market, ledger, court);
    }

    /// @inheritdoc IGateway
    function batch(GatewayCall[] calldata calls) external {
        _make(msg.sender, calls);
    }

    /// @inheritdoc IGateway
    function relay(address account, uint256 nonce, uint256 deadline, GatewayCall[] calldata calls, bytes calldata signature) external {
        require(account != address(0), ZeroAddress());
        require(block.timestamp <= deadline, RequestExpired(deadline, block.timestamp));
        _use(account, nonce);
        bytes32 digest = requestDigest(account, nonce, deadline, calls);
        require(SignatureChecker.isValidSignatureNowCalldata(account, digest, signature), WrongSignature(account));

        emit Relayed(account, nonce, msg.sender);
        _make(account, calls);
    }

    /// @inheritdoc IGateway
    function cancel(uint256 nonce) external {
        _use(msg.sender, nonce);
        emit NonceCancelled(msg.sender, nonce);
    }

    // --- views

    /// @inheritdoc IGateway
    function isUsed(address account, uint256 nonce) external view returns (bool) {
        return _used[account][nonce >> 8] & 1 << (nonce & 0xff) != 0;
    }

    /// @inheritdoc IGateway
    function requestDigest(address account, uint256 nonce, uint256 deadline, GatewayCall[] calldata calls) public view returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](calls.length);
        for (uint256 i; i < calls.length; ++i) {
            hashes[i] = keccak256(abi.encode(CALL_TYPE, calls[i].target, keccak256(calls[i].data)));
        }
        bytes32 all = keccak256(abi.encodePacked(hashes));
        return _hashTypedDataV4(keccak256(abi.encode(REQUEST_TYPE, account, nonce, deadline, all)));
    }

    /// @inheritdoc IGateway
    function isTarget(address target) public view returns (bool) {
        return target == _ledger || target == _vault || target == _court || target == _market;
    }

    // --- inside

    function _use(address account, uint256 nonce) internal {
        uint256 bit = 1 << (nonce & 0xff);
        uint256 bits = _used[account][nonce >> 8];
        require(bits & bit == 0, NonceUsed(account, nonce));
        _used[account][nonce >> 8] = bits | bit;
    }

    /// @dev All or none: a call that fails, for whatever reason, undoes the others and leaves the nonce unused.
    function _make(address account, GatewayCall[] calldata calls) internal {
        for (uint256 i; i < calls.length; ++i) {
            (address target, bytes calldata data) = (calls[i].target, calls[i].data);
            require(isTarget(target), UnknownTarget(target));
            require(data.length >= 4, NoSelector());
            assembly ("memory-safe") {
                // beyond the free pointer and not kept: each call uses the same memory
                let free := mload(0x40)
                calldatacopy(free, data.offset, data.length)
                mstore(add(free, data.length), shl(96, account))
                if iszero(call(gas(), target, 0, free, add(data.length, 20), 0, 0)) {
                    let size := returndatasize()
                    if gt(size, MAX_ERROR) { size := MAX_ERROR }
                    returndatacopy(free, 0, size)
                    revert(free, size)
                }
            }
        }
    }
}
