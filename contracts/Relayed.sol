// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGatewayErrors} from "./interfaces/IGateway.sol";
import {IRelayed} from "./interfaces/IRelayed.sol";

/// @title Who calls: the sender, or the account that the gateway names in the last 20 bytes of the calldata (ERC-2771).
/// @dev A contract that inherits this must never call itself with a stranger's bytes (no multicall): those could name any account.
/// Functions that other contracts call for themselves go on asking for `msg.sender`.
abstract contract Relayed is IRelayed {
    /// @inheritdoc IRelayed
    address public immutable gateway;

    constructor(address gateway_) {
        require(gateway_ != address(0), IGatewayErrors.ZeroAddress());
        gateway = gateway_;
    }

    function _sender() internal view returns (address account) {
        account = msg.sender;
        if (account != gateway) return account;
        // no length to check: the gateway refuses calls without a selector and always appends an account
        assembly ("memory-safe") {
            account := shr(96, calldataload(sub(calldatasize(), 20)))
        }
    }
}
