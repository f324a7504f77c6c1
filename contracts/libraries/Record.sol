// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Stage} from "../interfaces/IDisputeCourt.sol";
import {Jury} from "./Jury.sol";

uint8 constant UPHELD = 1;
uint8 constant REJECTED = 2;

/// @dev A case as it is stored: a word a paragraph. The windows are the task's, copied when the case is filed, so that no later stage needs
/// the ledger to know the time. Appellant and stake are written by an appeal only.
struct Record {
    uint64 task;
    uint32 round;
    uint16 index;
    uint8 claim;
    uint8 check;
    uint32 leaf;
    uint64 openedAt;
    uint8 juryFor;
    uint8 juryAgainst;
    bool isClosed;

    address challenger;
    uint96 bond;

    address defender;
    uint96 juryFee;

    bytes32 digest;

    bytes16 seed;
    uint64 line;
    uint8 sealDelay;
    uint16 commitWindow;
    uint16 revealWindow;
    uint24 challengeWindow;

    address appellant;

    uint128 stakeFor;
    uint128 stakeAgainst;
}

using Records for Record global;

/// @dev Where a case stands. Windows are half-open: no second belongs to two stages.
library Records {
    function drawAt(Record storage c) internal view returns (uint256) {
        return uint256(c.openedAt) + c.sealDelay;
    }

    function juryEnd(Record storage c) internal view returns (uint256) {
        return drawAt(c) + c.commitWindow;
    }

    function ruledAt(Record storage c) internal view returns (uint256) {
        return juryEnd(c) + c.revealWindow;
    }

    function appealEnd(Record storage c) internal view returns (uint256) {
        return ruledAt(c) + c.challengeWindow;
    }

    function voteEnd(Record storage c) internal view returns (uint256) {
        return appealEnd(c) + c.commitWindow;
    }

    function stage(Record storage c) internal view returns (Stage) {
        if (c.claim == 0) return Stage.None;
        if (c.isClosed) return Stage.Closed;
        if (block.timestamp < drawAt(c)) return Stage.Drawing;
        if (block.timestamp < juryEnd(c)) return Stage.Committing;
        if (block.timestamp < ruledAt(c)) return Stage.Revealing;
        if (block.timestamp < appealEnd(c)) return Stage.Appealing;
        if (c.appellant != address(0) && block.timestamp < voteEnd(c)) return Stage.Voting;
        return Stage.Ready;
    }

    /// @dev 0 where neither side has the seats.
    function juryRuling(Record storage c) internal view returns (uint8) {
        if (c.juryFor >= Jury.QUORUM) return UPHELD;
        return c.juryAgainst >= Jury.QUORUM ? REJECTED : 0;
    }

    /// @dev 0 where neither side has more than half of the whole line, present or not.
    function appealRuling(Record storage c) internal view returns (uint8) {
        if (2 * uint256(c.stakeFor) > c.line) return UPHELD;
        return 2 * uint256(c.stakeAgainst) > c.line ? REJECTED : 0;
    }

    /// @dev The jury's, unless a majority of the stake spoke in an appeal. An appeal alone changes nothing: a bond must not buy silence.
    function ruling(Record storage c) internal view returns (uint8) {
        uint8 appealed = appealRuling(c);
        return appealed == 0 ? juryRuling(c) : appealed;
    }
}
