// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev What one account said in one case, in one word. From the lowest bit: vote 2 | vote in the appeal 2 | seats 4 | commitment 248.
/// The seats are those of the commitment: a lot that goes afterwards takes no vote with it.
type Voice is uint256;

using Voices for Voice global;

library Voices {
    /// @dev The jury's vote, 0 before the reveal.
    function vote(Voice v) internal pure returns (uint256) {
        return Voice.unwrap(v) & 3;
    }

    function hasAppealVote(Voice v) internal pure returns (bool) {
        return Voice.unwrap(v) & 12 != 0;
    }

    /// @dev Not 0 from the commitment on.
    function seats(Voice v) internal pure returns (uint256) {
        return (Voice.unwrap(v) >> 4) & 15;
    }

    function opensTo(Voice v, bytes32 digest) internal pure returns (bool) {
        return Voice.unwrap(v) >> 8 == uint256(digest) >> 8;
    }

    /// @dev With a commitment, of which the top 248 bits are kept.
    function withCommitment(Voice v, bytes32 commitment, uint256 seats_) internal pure returns (Voice) {
        return Voice.wrap(Voice.unwrap(v) | uint256(commitment) >> 8 << 8 | seats_ << 4);
    }

    function withVote(Voice v, uint256 vote_) internal pure returns (Voice) {
        return Voice.wrap(Voice.unwrap(v) | vote_);
    }

    function withAppealVote(Voice v, uint256 vote_) internal pure returns (Voice) {
        return Voice.wrap(Voice.unwrap(v) | vote_ << 2);
    }
}
