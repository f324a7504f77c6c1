// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title A beacon: one random word for each second of the schedule, the same for whoever asks.
/// @dev The ledger and the court ask it for their seeds. Which word belongs to a time must be fixed by the time alone: whoever calls has no
/// choice, and a word that can't be shown any more is never replaced by another one.
interface IBeacon {
    /// @dev Thrown when the proof doesn't show the word of that time; `what` names the part that is wrong.
    error WrongProof(string what);

    /// @notice The word of `time`. Reverts while it isn't known, or when `proof` doesn't show it.
    /// @param proof as the beacon's kind wants it
    /// @return word never 0
    /// @return source where it came from: a block number, or a slot
    function wordAt(uint256 time, bytes calldata proof) external view returns (bytes32 word, uint256 source);

    /// @notice False on a chain on which this beacon's words would be known in advance; tasks aren't published there.
    function live() external view returns (bool);
}
