// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev What a task waits for beyond its rounds: shares set aside and roots in dispute, counted in all and by round, with a bit for each round
/// that waits, so that a lot waits for its own rounds only.
struct Waiting {
    uint256 count;
    mapping(uint256 round => uint256) inRound;
    mapping(uint256 word => uint256) rounds;
}

using Waits for Waiting global;

library Waits {
    function add(Waiting storage w, uint256 round) internal {
        ++w.count;
        if (w.inRound[round]++ == 0) w.rounds[round >> 8] |= 1 << (round & 255);
    }

    function remove(Waiting storage w, uint256 round) internal {
        --w.count;
        if (--w.inRound[round] == 0) w.rounds[round >> 8] &= ~(uint256(1) << (round & 255));
    }

    /// @dev Whether one of the rounds [from, until) waits. Rounds are below 2^16: at most 256 words.
    function concerns(Waiting storage w, uint256 from, uint256 until) internal view returns (bool) {
        if (w.count == 0 || from >= until) return false;
        uint256 last = until - 1 < type(uint16).max ? until - 1 : type(uint16).max;
        for (uint256 word = from >> 8; word <= last >> 8; ++word) {
            uint256 bits = w.rounds[word];
            if (word == from >> 8) bits = bits >> (from & 255) << (from & 255);
            if (word == last >> 8) bits = bits << (255 - (last & 255));
            if (bits != 0) return true;
        }
        return false;
    }
}
