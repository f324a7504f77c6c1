// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev from 16 | newest 16 | enlisted 88 | maxUnits 32 | capacity 9 | left 1, and from bit 176 on 16 counts of 5 bits. Count r mod 16 is the
/// number of submissions in round r, for the 16 rounds up to `newest`; those of rounds that are pending are open. `capacity` is how many
/// open ones the enlisted stake can back; `maxUnits` is copied from the terms.
type Trainer is uint256;

using Trainers for Trainer global;

library Trainers {
    uint256 internal constant MOST_IN_ROUND = 31;
    uint256 private constant ENLISTED = uint256(type(uint88).max) << 32;
    uint256 private constant CAPACITY = uint256(511) << 152;
    uint256 private constant LEFT = 1 << 161;
    uint256 private constant COUNTS = 176;
    uint256 private constant COUNT = 31;

    /// @dev A `from_` beyond all rounds counts in none.
    function make(uint256 from_, uint256 maxUnits_) internal pure returns (Trainer) {
        return Trainer.wrap((from_ > type(uint16).max ? type(uint16).max : from_) | maxUnits_ << 120);
    }

    /// @dev Zero where there is no trainer.
    function from(Trainer w) internal pure returns (uint16) {
        return uint16(Trainer.unwrap(w));
    }

    function newest(Trainer w) internal pure returns (uint256) {
        return uint16(Trainer.unwrap(w) >> 16);
    }

    function enlisted(Trainer w) internal pure returns (uint256) {
        return uint88(Trainer.unwrap(w) >> 32);
    }

    function maxUnits(Trainer w) internal pure returns (uint32) {
        return uint32(Trainer.unwrap(w) >> 120);
    }

    function capacity(Trainer w) internal pure returns (uint256) {
        return (Trainer.unwrap(w) & CAPACITY) >> 152;
    }

    function left(Trainer w) internal pure returns (bool) {
        return Trainer.unwrap(w) & LEFT != 0;
    }

    /// @dev Submissions in the round of a slot.
    function count(Trainer w, uint256 slot) internal pure returns (uint256) {
        return (Trainer.unwrap(w) >> (COUNTS + 5 * slot)) & COUNT;
    }

    /// @dev Submissions in the rounds of the slots in a mask.
    function counted(Trainer w, uint256 slots) internal pure returns (uint256 n) {
        unchecked {
            for (uint256 counts = Trainer.unwrap(w) >> COUNTS; slots != 0; (slots >>= 1, counts >>= 5)) {
                if (slots & 1 != 0) n += counts & COUNT;
            }
        }
    }

    /// @dev The capacity follows the stake, `exposure` wei for each submission; who has left has none.
    function withEnlisted(Trainer w, uint256 amount, uint256 exposure) internal pure returns (Trainer) {
        uint256 n = left(w) ? 0 : amount / exposure;
        if (n > 511) n = 511;
        return Trainer.wrap(Trainer.unwrap(w) & ~(ENLISTED | CAPACITY) | amount << 32 | n << 152);
    }

    function withLeft(Trainer w) internal pure returns (Trainer) {
        return Trainer.wrap(Trainer.unwrap(w) & ~CAPACITY | LEFT);
    }

    /// @dev Ready to count submissions of `round`, which isn't older than the newest: forgets those of 16 rounds ago and more.
    function inRound(Trainer w, uint256 round) internal pure returns (Trainer) {
        uint256 word = Trainer.unwrap(w);
        uint256 r = newest(w);
        if (r == round) return w;
        unchecked {
            if (r + 16 <= round) word &= (1 << COUNTS) - 1;
            else while (r++ < round) word &= ~(COUNT << (COUNTS + 5 * (r & 15)));
        }
        return Trainer.wrap(word & ~(uint256(type(uint16).max) << 16) | round << 16);
    }

    function plusOne(Trainer w, uint256 slot) internal pure returns (Trainer) {
        return Trainer.wrap(Trainer.unwrap(w) + (1 << (COUNTS + 5 * slot)));
    }
}
