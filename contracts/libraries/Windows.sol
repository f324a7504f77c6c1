// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRoundLedgerErrors} from "../interfaces/IRoundLedger.sol";
import {Clock} from "./State.sol";

/// @dev The windows of a round, from its number alone. Half-open: no second belongs to two of them.
library Windows {
    /// @dev Number of the round whose work is open or was last; 0 before the first opens. May exceed the last round.
    function current(
        Clock memory c
    ) internal view returns (uint32) {
        if (c.start == 0 || block.timestamp < c.start) return 0;
        return uint32((block.timestamp - c.start) / c.period + 1);
    }

    function opens(
        Clock memory c,
        uint256 round
    ) internal pure returns (uint256) {
        return c.start + (round - 1) * c.period;
    }

    function workEnd(
        Clock memory c,
        uint256 round
    ) internal pure returns (uint256) {
        return opens(c, round) + c.work;
    }

    function sealAt(
        Clock memory c,
        uint256 round
    ) internal pure returns (uint256) {
        return workEnd(c, round) + c.sealDelay;
    }

    function commitEnd(
        Clock memory c,
        uint256 round
    ) internal pure returns (uint256) {
        return sealAt(c, round) + c.commitWindow;
    }

    function revealEnd(
        Clock memory c,
        uint256 round
    ) internal pure returns (uint256) {
        return commitEnd(c, round) + c.revealWindow;
    }

    function challengeEnd(
        Clock memory c,
        uint256 round
    ) internal pure returns (uint256) {
        return revealEnd(c, round) + c.challengeWindow;
    }

    /// @dev Reverts unless the block's time lies in [from, until).
    function within(
        uint256 from,
        uint256 until
    ) internal view {
        require(block.timestamp >= from && block.timestamp < until, IRoundLedgerErrors.OutsideWindow(from, until, block.timestamp));
    }
}
