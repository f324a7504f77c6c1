// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Case, Stage} from "./IDisputeCourt.sol";
import {Terms} from "./ITaskMarket.sol";

/// @notice A task. `line` in gwei.
/// @param currentRound the round that opened last; 0 before the first opens
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

/// @notice A round and the ends of its windows in unix seconds; 0 before the task has started. What the ledger's ring has forgotten is 0.
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

/// @notice An account: its money in wei, its enlistments in one task (the lot in gwei).
/// @param isAdmitted whether it may enlist: the task is open to all, or it redeemed an invite
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
    error ZeroAddress();
    /// @dev Thrown by the constructor when ledger and court don't name each other.
    error WrongWiring();

    function taskOf(uint256 task) external view returns (TaskView memory);
    function roundOf(uint256 task, uint32 round) external view returns (RoundView memory);
    function accountOf(uint256 task, address account) external view returns (AccountView memory);
    function caseOf(uint256 id) external view returns (Case memory, Stage, uint8 ruling);
    function ledger() external view returns (address);
    function court() external view returns (address);
}
