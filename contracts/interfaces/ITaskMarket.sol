// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRelayed} from "./IRelayed.sol";

/// @notice What an initiator freezes at publication. Times in seconds, money in wei of the token.
/// @param specHash keccak of the task spec's canonical JSON
/// @param genesis root of checkpoint 0, the base model
/// @param rounds number of rounds, counted from 1
/// @param period seconds between the openings of two rounds
/// @param work seconds from a round's opening in which submissions are taken (≤ period)
/// @param sealDelay seconds from the end of work to the scheduled seal
/// @param commitWindow seconds in which commitments are taken, from the scheduled seal
/// @param revealWindow seconds in which reveals are taken, after the commitments
/// @param attestTime seconds after the reveals by which validators are expected to have attested the checkpoint (≤ challengeWindow)
/// @param challengeWindow seconds after the reveals in which checkpoints are attested and outcomes can be challenged
/// @param lead seconds from the moment a task may start to the opening of round 1
/// @param seats seats drawn per submission (1 to 16); the quorum is ⌈2·seats/3⌉
/// @param staleness largest difference between a round and its submissions' base checkpoint (≥ 1)
/// @param minTrainers enlisted trainers without which the task doesn't start
/// @param minStake validators' enlisted stake without which the task doesn't start (a multiple of 1 gwei)
/// @param bond stake that a submission risks (a multiple of 1 gwei)
/// @param price pay per unit
/// @param seatFee pay per seat that agreed with the outcome
/// @param attestFee pay per round to each validator who attested the checkpoint that won
/// @param maxUnits largest claim of one submission
/// @param pot ceiling of what the escrow pays for one round
/// @param extraWindow seconds after the reveals in which fresh seats vote where too few spoke; 0: no extra draw
/// @param isPrivate only accounts that redeemed an invite may enlist
/// @param cut stake that a validator loses per seat for passing a canary or for a verdict that the court overrules (a multiple of 1 gwei)
/// @param canaryFee pay to the maker of a canary, for at most ⌈canaryRate · submissions⌉ of them a round
/// @param canaryRate canaries per 10,000 submissions that are paid for
/// @param power chance, per 10,000, that an honest committee finds a fault in wholly faked work: audit rate × power of the checks
struct Terms {
    bytes32 specHash;
    bytes32 genesis;
    uint16 rounds;
    uint16 period;
    uint16 work;
    uint8 sealDelay;
    uint16 commitWindow;
    uint16 revealWindow;
    uint16 attestTime;
    uint24 challengeWindow;
    uint16 lead;
    uint8 seats;
    uint8 staleness;
    uint8 minTrainers;
    uint256 minStake;
    uint256 bond;
    uint256 price;
    uint256 seatFee;
    uint256 attestFee;
    uint32 maxUnits;
    uint256 pot;
    uint16 extraWindow;
    bool isPrivate;
    uint256 cut;
    uint256 canaryFee;
    uint16 canaryRate;
    uint16 power;
}

/// @title Errors of the task market.
interface ITaskMarketErrors {
    error UnknownTask(uint256 task);
    error OnlyInitiator(address caller);
    error OnlyLedger(address caller);
    error ZeroAmount();
    /// @dev Thrown when a constructor is given no address.
    error ZeroAddress();
    /// @dev Thrown when an escrow doesn't fit 96 bits.
    error AmountTooLarge();
    /// @dev Thrown when the budget doesn't cover every round's pot.
    error BudgetTooSmall(uint256 budget, uint256 needed);
    /// @dev Thrown when a refund is asked for while a round may still pay.
    error TaskStillOpen(uint256 task);
    error NothingToRefund(uint256 task);
    /// @dev Thrown when a payment exceeds the task's escrow.
    error EscrowTooSmall(uint256 escrow, uint256 wanted);
    error WrongTransfer(uint256 expected, uint256 received);

    // --- terms that are refused at publication

    /// @dev Thrown when a field is out of its range; `what` names it.
    error BadTerms(string what);
    /// @dev Thrown when a round's checkpoint couldn't be ready before the work that builds on it: work to attest ≤ staleness × period.
    error WindowsTooLong(uint256 ready, uint256 allowed);
    /// @dev Thrown when a round could still be open when its words are needed for another one.
    error SpanTooLong(uint256 span, uint256 allowed);
    /// @dev Thrown when challenges have less time than twice what attesting takes: canaries are opened in the first half.
    error ChallengeTooShort(uint256 challengeWindow, uint256 needed);
    /// @dev Thrown when stake could leave before everything that it answers for is over.
    error UnbondingTooShort(uint256 unbonding, uint256 needed);
    /// @dev Thrown when cheating could pay, q · bond / 2 < (1 − q) · largest pay, or when the bond can't pay a jury twice.
    error BondTooSmall(uint256 bond, uint256 needed);
    /// @dev Thrown when not even the largest bond makes cheating a loss: power × (1 − chance that a third of the stake fills a quorum) is too
    /// small.
    error PowerTooSmall(uint256 power, uint256 needed);
    /// @dev Thrown when one full submission, all seats that may judge it and one canary can't be paid.
    error PotTooSmall(uint256 pot, uint256 needed);
    /// @dev Thrown when the smallest lot doesn't cover a seat's cut on every seat of a submission.
    error CutTooLarge(uint256 cut, uint256 allowed);
    /// @dev Thrown when canaries are asked for and passing one costs nothing.
    error CutTooSmall(uint256 cut, uint256 needed);
    /// @dev Thrown when a canary's fee is more than its seats' fees: whoever refuses its own canary would be paid for it by the task.
    error CanaryFeeTooLarge(uint256 canaryFee, uint256 allowed);
    /// @dev Thrown when two different voters can't make a quorum.
    error SeatsTooFew(uint256 seats, uint256 needed);
    /// @dev Thrown on a chain without a live beacon.
    error NoBeacon();
}

/// @title Events of the task market.
interface ITaskMarketEvents {
    event TaskPublished(uint256 indexed task, address indexed initiator, bytes32 specHash, Terms terms, uint256 budget, string uri);
    event TaskFunded(uint256 indexed task, address indexed from, uint256 amount);
    event TaskCancelled(uint256 indexed task, uint16 lastRound);
    event TaskRefunded(uint256 indexed task, address indexed initiator, uint256 amount);
    event RoundPaid(uint256 indexed task, uint256 amount);
}

/// @title The task market: tasks and their escrow. It knows no work.
/// @dev *Accounting.* One escrow per task; it falls only by `pay` (to the vault, called by the ledger) and `refund` (to the initiator).
/// *Economics.* With R_max = price · maxUnits, P the chance that a third of the stake fills a quorum (twice, where there is an extra draw), and
/// q = power · (1 − P): q · bond / 2 ≥ (1 − q) · R_max. Half the bond is what is burned even if a cheater's accomplice challenges first.
/// *Liveness.* A refund needs only time and the ledger's word that no round can pay any more.
interface ITaskMarket is IRelayed, ITaskMarketErrors, ITaskMarketEvents {
    /// @notice Publishes a task and moves its budget into escrow. Terms under which cheating can pay, or that don't fit together, are refused.
    function publish(Terms calldata terms, uint256 budget, string calldata uri) external returns (uint256 task);

    /// @notice Adds to a task's escrow.
    function fund(uint256 task, uint256 amount) external;

    /// @notice Ends the task before the first round that hasn't opened.
    function cancel(uint256 task) external;

    /// @notice Sends what is left in escrow to the initiator once no round can pay any more. Anyone may call it.
    function refund(uint256 task) external returns (uint256 amount);

    /// @notice Sends `amount` of a task's escrow to the vault. Only the ledger.
    function pay(uint256 task, uint256 amount) external;

    function escrowOf(uint256 task) external view returns (uint256);
    function initiatorOf(uint256 task) external view returns (address);
    function tasks() external view returns (uint256 count);
    function token() external view returns (address);
    function vault() external view returns (address);
    function ledger() external view returns (address);
}
