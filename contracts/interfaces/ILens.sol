// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Case, Stage} from "./IDisputeCourt.sol";
import {Terms} from "./ITaskMarket.sol";

struct TaskView {
    address initiator;
    Terms terms;
    uint256 escrow;
    uint32 start;
    uint16 lastRound;
    uint16 head;
    uint16 pending;
    uint256 line;
    uint256 asides;
    uint32 currentRound;
    bool isOver;
}

struct RoundView {
    bytes16 seed;
    uint256 line;
    uint16 submissions;
    uint16 reveals;
    bool isFinal;
    uint256 opens;
    uint256 workEnd;
    uint256 sealAt;
    uint256 commitEnd;
    uint256 revealEnd;
    uint256 votesEnd;
    uint256 attestEnd;
    uint256 challengeEnd;
}

struct AccountView {
    uint256 balance;
    uint256 staked;
    uint256 locked;
    uint256 claimable;
    uint256[] unbonding;
    uint64[] readyAt;
    address payout;
    uint32 trainerFrom;
    uint256 trainerEnlisted;
    uint256 trainerExposed;
    uint32 lotFrom;
    uint32 lotUntil;
    uint256 lotLo;
    uint256 lotHi;
    uint256 lotCut;
    bool isAdmitted;
}

/// @title The lens: what a screen needs of a task, a round, an account or a case, in one call and of one block.
interface ILens {
    function taskOf(uint256 task) external view returns (TaskView memory);
    function roundOf(uint256 task, uint32 round) external view returns (RoundView memory);
    function accountOf(uint256 task, address account) external view returns (AccountView memory);
    function caseOf(uint256 id) external view returns (Case memory, Stage, uint8 ruling);
    function ledger() external view returns (address);
    function court() external view returns (address);
}
