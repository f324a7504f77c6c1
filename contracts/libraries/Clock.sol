// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRoundLedgerErrors} from "../interfaces/RoundLedgerTypes.sol";

/// @dev The one word of a task that every call reads, and the windows that follow from it. From the lowest bit:
/// head 16 | pending 16 | lastRound 16 | start 32 | period 16 | work 16 | sealDelay 8 | commitWindow 16 | revealWindow 16 |
/// challengeWindow 24 | seats 8 | staleness 8 | extraWindow 16 | private 1.
/// Bit r mod 16 of `pending` is set while round r has submissions and isn't final. Windows are half-open: no second belongs to two of them.
type Clock is uint256;

using Clocks for Clock global;

library Clocks {
    uint256 internal constant PERIOD = 80;
    uint256 internal constant WORK = 96;
    uint256 internal constant SEAL_DELAY = 112;
    uint256 internal constant COMMIT = 120;
    uint256 internal constant REVEAL = 136;
    uint256 internal constant CHALLENGE = 152;
    uint256 internal constant SEATS = 176;
    uint256 internal constant STALENESS = 184;
    uint256 internal constant EXTRA = 192;
    uint256 internal constant PRIVATE = 208;

    // --- fields

    function head(Clock c) internal pure returns (uint16) {
        return uint16(Clock.unwrap(c));
    }

    function pending(Clock c) internal pure returns (uint16) {
        return uint16(Clock.unwrap(c) >> 16);
    }

    function lastRound(Clock c) internal pure returns (uint16) {
        return uint16(Clock.unwrap(c) >> 32);
    }

    function start(Clock c) internal pure returns (uint32) {
        return uint32(Clock.unwrap(c) >> 48);
    }

    function period(Clock c) internal pure returns (uint16) {
        return uint16(Clock.unwrap(c) >> PERIOD);
    }

    function work(Clock c) internal pure returns (uint16) {
        return uint16(Clock.unwrap(c) >> WORK);
    }

    function sealDelay(Clock c) internal pure returns (uint8) {
        return uint8(Clock.unwrap(c) >> SEAL_DELAY);
    }

    function commitWindow(Clock c) internal pure returns (uint16) {
        return uint16(Clock.unwrap(c) >> COMMIT);
    }

    function revealWindow(Clock c) internal pure returns (uint16) {
        return uint16(Clock.unwrap(c) >> REVEAL);
    }

    function challengeWindow(Clock c) internal pure returns (uint24) {
        return uint24(Clock.unwrap(c) >> CHALLENGE);
    }

    function seats(Clock c) internal pure returns (uint8) {
        return uint8(Clock.unwrap(c) >> SEATS);
    }

    function staleness(Clock c) internal pure returns (uint8) {
        return uint8(Clock.unwrap(c) >> STALENESS);
    }

    function extraWindow(Clock c) internal pure returns (uint16) {
        return uint16(Clock.unwrap(c) >> EXTRA);
    }

    function isPrivate(Clock c) internal pure returns (bool) {
        return Clock.unwrap(c) >> PRIVATE != 0;
    }

    // --- changes

    function withHead(Clock c, uint16 value) internal pure returns (Clock) {
        return Clock.wrap(Clock.unwrap(c) >> 16 << 16 | value);
    }

    function withLastRound(Clock c, uint16 value) internal pure returns (Clock) {
        return Clock.wrap(Clock.unwrap(c) & ~(uint256(type(uint16).max) << 32) | uint256(value) << 32);
    }

    /// @dev Only for a task that hasn't started.
    function withStart(Clock c, uint32 value) internal pure returns (Clock) {
        return Clock.wrap(Clock.unwrap(c) | uint256(value) << 48);
    }

    function opened(Clock c, uint256 slot) internal pure returns (Clock) {
        return Clock.wrap(Clock.unwrap(c) | 1 << (16 + slot));
    }

    function finalized(Clock c, uint256 slot) internal pure returns (Clock) {
        return Clock.wrap(Clock.unwrap(c) & ~(uint256(1) << (16 + slot)));
    }

    function isPending(Clock c, uint256 slot) internal pure returns (bool) {
        return (Clock.unwrap(c) >> (16 + slot)) & 1 != 0;
    }

    // --- windows. Unchecked: all fields are small, and rounds count from 1.

    /// @dev Number of the round whose work is open or was last; 0 before the first opens. May exceed the last round.
    function current(Clock c) internal view returns (uint32) {
        uint256 first = start(c);
        if (first == 0 || block.timestamp < first) return 0;
        unchecked {
            return uint32((block.timestamp - first) / period(c) + 1);
        }
    }

    function opens(Clock c, uint256 round) internal pure returns (uint256) {
        unchecked {
            return start(c) + (round - 1) * period(c);
        }
    }

    function workEnd(Clock c, uint256 round) internal pure returns (uint256) {
        unchecked {
            return opens(c, round) + work(c);
        }
    }

    function sealAt(Clock c, uint256 round) internal pure returns (uint256) {
        unchecked {
            return workEnd(c, round) + sealDelay(c);
        }
    }

    function commitEnd(Clock c, uint256 round) internal pure returns (uint256) {
        unchecked {
            return sealAt(c, round) + commitWindow(c);
        }
    }

    function revealEnd(Clock c, uint256 round) internal pure returns (uint256) {
        unchecked {
            return commitEnd(c, round) + revealWindow(c);
        }
    }

    function votesEnd(Clock c, uint256 round) internal pure returns (uint256) {
        unchecked {
            return revealEnd(c, round) + extraWindow(c);
        }
    }

    function challengeEnd(Clock c, uint256 round) internal pure returns (uint256) {
        unchecked {
            return votesEnd(c, round) + challengeWindow(c);
        }
    }

    /// @dev Reverts unless the block's time lies in [from, until).
    function within(uint256 from, uint256 until) internal view {
        require(block.timestamp >= from && block.timestamp < until, IRoundLedgerErrors.OutsideWindow(from, until, block.timestamp));
    }
}
