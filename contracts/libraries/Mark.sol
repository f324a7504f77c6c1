// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RING} from "./State.sol";

/// @dev What one validator did in one round, in one word: hash 236 | tag 15 | cut | extra | other | attested | revealed. The tag is
/// round / 16 + 1: with the slot, round mod 16, it names the round, and an empty word names none.
library Mark {
    uint256 internal constant REVEALED = 1;
    /// @dev Attested the candidate.
    uint256 internal constant ATTESTED = 2;
    /// @dev Attested another root than the candidate.
    uint256 internal constant OTHER = 4;
    /// @dev Voted in the extra draw.
    uint256 internal constant EXTRA = 8;
    /// @dev Was cut for its silence, or for letting its salt out.
    uint256 internal constant CUT = 16;
    uint256 private constant TAG_SHIFT = 5;
    uint256 private constant HASH_SHIFT = 20;

    /// @dev An empty mark of `round`.
    function fresh(uint256 round) internal pure returns (uint256) {
        return (round / RING + 1) << TAG_SHIFT;
    }

    /// @dev The mark of `round` in a slot's word: the word itself, or an empty mark when the word is another round's.
    function inRound(uint256 word, uint256 round) internal pure returns (uint256) {
        uint256 tag = fresh(round);
        return word & (0x7fff << TAG_SHIFT) == tag ? word : tag;
    }

    /// @dev The mark with a commitment, of which the top 236 bits are kept.
    function commit(uint256 mark, bytes32 commitment) internal pure returns (uint256) {
        return mark | (uint256(commitment) >> HASH_SHIFT << HASH_SHIFT);
    }

    function isCommitted(uint256 mark) internal pure returns (bool) {
        return mark >> HASH_SHIFT != 0;
    }

    function opensTo(uint256 mark, bytes32 digest) internal pure returns (bool) {
        return mark >> HASH_SHIFT == uint256(digest) >> HASH_SHIFT;
    }
}
