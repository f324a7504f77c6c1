// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IBeacon} from "./interfaces/IBeacon.sol";
import {BlockHeader} from "./libraries/BlockHeader.sol";

/// @title The beacon of chains with a live `prevrandao`: the word of a time is the `prevrandao` of the first block at or after it.
/// @dev *Proof.* abi.encode(bytes header, bytes parent): the RLP headers of that block and of its parent. The header's hash is checked by
/// BLOCKHASH, or by EIP-2935's contract for the last 8191 blocks; after that the word can't be shown any more and the round is void.
/// *Bias.* The proposer of that block knows its word beforehand and may withhold the block, which costs it the block's reward: who has the
/// last t slots before the time chooses among 2^t words.
/// *Orbit, OP and other chains* whose sequencer sets a constant, or their own word: `live` refuses the constants, but nothing here can show
/// that a single sequencer doesn't choose. Those chains need the commit-reveal beacon.
contract HeaderBeacon is IBeacon {
    /// @inheritdoc IBeacon
    function wordAt(uint256 time, bytes calldata proof) external view returns (bytes32 word, uint256 source) {
        BlockHeader.Fields memory f = BlockHeader.firstAt(_part(proof, 0), _part(proof, 1), time);
        return (f.prevRandao, f.number);
    }

    /// @inheritdoc IBeacon
    /// @dev A chain without a beacon answers with a small number: 0 where the field was never filled, 1 on Arbitrum.
    function live() external view returns (bool) {
        return block.prevrandao > type(uint64).max;
    }

    /// @dev The k-th of the two strings in the proof: what abi.decode would give, without a copy and with an error by name.
    function _part(bytes calldata proof, uint256 k) private pure returns (bytes calldata) {
        require(proof.length >= 64, WrongProof("encoding"));
        uint256 at = uint256(bytes32(proof[32 * k:]));
        require(at <= proof.length - 32, WrongProof("encoding"));
        uint256 size = uint256(bytes32(proof[at:]));
        require(size <= proof.length - 32 - at, WrongProof("encoding"));
        return proof[at + 32:at + 32 + size];
    }
}
