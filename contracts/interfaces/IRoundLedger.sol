// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Terms} from "./ITaskMarket.sol";

/// @notice One submission as the round's running hash binds it.
/// @param who trainer 160 bits | units 32 | base 16 | zero 48, from the top
/// @param root Merkle root of the artifact
/// @param mark hash that binds work or canary
struct Entry {
    uint256 who;
    bytes32 root;
    bytes32 mark;
}

/// @notice One validator's opened verdicts of a round.
/// @param votes 8 bytes a vote, strictly ascending by index: index 16 | seats 16 (bit j = seat j) | verdict 8 | reason 8 | leaf 16
/// @param held bit i is set when the validator holds the artifact of submission i
/// @param evidence root of the validator's own fingerprints
struct Reveal {
    address validator;
    bytes32 salt;
    bytes32 evidence;
    uint256 held;
    bytes votes;
}

/// @title Errors of the round ledger.
interface IRoundLedgerErrors {
    error OnlyMarket(address caller);
    error UnknownTask(uint256 task);
    error UnknownRound(uint256 task, uint32 round);
    /// @dev Thrown at publication; `what` names the field.
    error BadTerms(string what);
    /// @dev Thrown when an action comes outside its window [from, until).
    error OutsideWindow(uint256 from, uint256 until, uint256 now_);
    error NotStarted(uint256 task);
    error NotEnlisted(address account);
    error AlreadyEnlisted(address account);
    /// @dev Thrown when the account's open submissions would risk more than it enlisted.
    error ExposureTooLarge(uint256 enlisted, uint256 wanted);
    error BaseTooOld(uint16 base, uint32 round, uint8 staleness);
    error BaseUnknown(uint16 base, uint16 head);
    error UnitsOutOfRange(uint32 units, uint32 maxUnits);
    error RoundFull();
    error RoundOccupied(uint32 other);
    error AlreadySealed();
    error NotSealed();
    /// @dev Thrown when the header isn't the first at or after the scheduled time, or isn't of this chain.
    error WrongHeader(string what);
    error AlreadyCommitted(address validator);
    error NotCommitted(address validator);
    error WrongOpening(address validator);
    error SeatNotDrawn(uint16 index, uint8 seat);
    error MalformedVotes();
    error AlreadyAttested(address validator);
    error StaleCheckpoint(uint32 round, uint16 head);
    error WrongGenesis(bytes32 root, bytes32 expected);
    error WrongEntries();
    error WrongReveals(uint256 shown, uint256 counted);
    error WrongAttesters();
    error AlreadyFinal();
    error StillExposed();
    error StillNeeded(uint256 until);
    error AmountNotInGwei(uint256 amount);
    /// @dev Thrown when a role is neither 1 (trainer) nor 2 (validator).
    error UnknownRole(uint8 role);
    /// @dev Thrown when an account is released that has not left, in a task that isn't over.
    error StillEnlisted(address account);
    /// @dev Thrown when a lot is released whose round is over but not final yet.
    error NotFinal(uint32 round);
    /// @dev Thrown when a validator enlists less than a sixteenth of the task's minimum stake: it bounds the number of lots.
    error LotTooSmall(uint256 amount, uint256 least);
    /// @dev Thrown when a task's stake line would pass 2^64 gwei.
    error LineFull();
    error ZeroAddress();
    /// @dev Thrown when vault and market weren't built for this ledger and one token.
    error WrongWiring();
    error ZeroAmount();
}

/// @title Events of the round ledger.
interface IRoundLedgerEvents {
    /// @param role 1 trainer, 2 validator
    /// @param fromRound first round in which the enlistment counts
    event Enlisted(uint256 indexed task, address indexed account, uint8 role, uint256 amount, uint32 fromRound, string uri);
    /// @param untilRound first round in which the enlistment doesn't count any more
    event Left(uint256 indexed task, address indexed account, uint8 role, uint32 untilRound);
    event Released(uint256 indexed task, address indexed account, uint8 role, uint256 amount);
    event TaskStarted(uint256 indexed task, uint32 start);
    event TaskStopped(uint256 indexed task, uint16 lastRound);
    event Submitted(
        uint256 indexed task,
        uint32 indexed round,
        address indexed trainer,
        uint16 index,
        uint32 units,
        uint16 base,
        bytes32 root,
        bytes32 mark,
        string uri
    );
    /// @param seed draws the seats and the leaves
    /// @param line length in gwei of the stake line that the seats fall on
    /// @param blockNumber of the header that was shown
    event RoundSealed(uint256 indexed task, uint32 indexed round, bytes16 seed, uint256 line, uint256 blockNumber);
    event Committed(uint256 indexed task, uint32 indexed round, address indexed validator);
    event Revealed(
        uint256 indexed task, uint32 indexed round, address indexed validator, bytes32 salt, bytes32 evidence, uint256 held, bytes votes
    );
    event CheckpointAttested(uint256 indexed task, uint32 indexed round, address indexed validator, bytes32 root);
    event CheckpointFinal(uint256 indexed task, uint32 indexed round, bytes32 root);
    /// @param outcomes one byte per submission: 1 paid, 2 accepted but not held, 3 invalid, 4 unavailable, 5 malformed, 6 no quorum, 7 void
    event RoundFinal(uint256 indexed task, uint32 indexed round, bytes outcomes, uint256 fromEscrow, uint256 fromBonds, uint256 burned);
    /// @param role 1 trainer, 2 validator
    /// @param seats of a validator: seats it voted; of a trainer: its submissions
    /// @param agreed of a validator: seats that agreed with the outcome; of a trainer: submissions that are paid
    /// @param amount wei, by now claimable in the vault; of a trainer never 0
    event Paid(
        uint256 indexed task, address indexed account, uint32 indexed round, uint8 role, uint16 seats, uint16 agreed, uint256 amount
    );
    /// @param burned wei of the bond that were destroyed
    /// @param fees wei that went to the seats which refused the submission
    event Slashed(uint256 indexed task, address indexed account, uint32 indexed round, uint16 index, uint256 burned, uint256 fees);
}

/// @title The round ledger: submit, seal, commit, reveal, attest, finalize.
/// @dev *Time.* Round r (from 1) opens at start + (r − 1)·period. Half-open windows, one after another: work, seal delay, commit, reveal,
/// challenge; then the round can be made final by anyone. A round that nobody sealed before its commit window closed is void.
///
///     |-- work --|-delay-|-- commit --|-- reveal --|---- challenge (checkpoint attested) ----| final
///     open    workEnd  sealAt     commitEnd    revealEnd                               challengeEnd
///
/// Rounds overlap: r + 1 is worked on while r is checked. A round without submissions needs no one; its checkpoint can be attested, so that
/// the head moves and work can go on.
///
/// *What isn't here yet, and where it belongs.* Challenges open between revealEnd and challengeEnd, change an outcome between `judge` and
/// `payTrainers` of the settlement, and set a disputed share aside. Canaries are opened in the same window against the `mark`, which the
/// round's running hash binds from the first day; finalize will ask for the salt that proves work. The extra draw is one more commit and
/// reveal before the challenge window, for submissions on which fewer than a quorum of seats spoke; until it is there they end as no quorum.
///
/// *Outcomes.* A verdict needs ⌈2·seats/3⌉ seats, two different voters, and two thirds of the seats that were revealed; with one seat, or
/// one validator, nothing is ever accepted. Accepted work is paid when two thirds of the revealing stake hold its artifact.
///
///     verdict       trainer                               seats that agree
///     valid, held   units·price from escrow               seatFee each from escrow
///     valid         nothing                               seatFee each from escrow
///     invalid       loses the bond (burned) and the fees  seatFee each from the trainer
///     unavailable,  loses the fees                        seatFee each from the trainer
///     malformed
///     none, void    nothing                               nothing
///
/// What the escrow owes beyond the round's pot is scaled down, each account's share rounded down.
///
/// *Accounting.* Stake enlisted for a task is locked in the vault. A trainer's open submissions risk bond + seats·seatFee each, never more
/// together than it enlisted. Seats are drawn on the task's stake line, where each validator's enlisted stake lies as a lot [lo, hi) in gwei.
/// *Storage.* No word per submission and none per vote: a running hash per round, a commitment word per validator, rings of 16 rounds.
/// *Roles.* None. The market registers tasks; everything else is open to whoever has the stake.
/// *Warnings.* The seal's randomness is prevrandao: a proposer may withhold its block, and a chain whose prevrandao is constant must not be
/// used. Seats of validators who left are silent. `attestFee` is paid per validator, so it favours small lots; minStake / 16 bounds them.
interface IRoundLedger is IRoundLedgerErrors, IRoundLedgerEvents {
    // --- called by the market
    function register(uint256 task, Terms calldata terms) external;
    function stop(uint256 task) external returns (uint16 lastRound);
    /// @notice True when no round of the task can pay any more.
    function isOver(uint256 task) external view returns (bool);

    // --- enlisting. The stake must lie free in the vault; it counts from the next round that opens.

    /// @notice Lays the caller's lot on the task's stake line. Whoever wants another size leaves first.
    function enlistValidator(uint256 task, uint256 amount, string calldata uri) external;
    /// @notice Enlists stake that the caller's submissions may risk; again: adds to it.
    function enlistTrainer(uint256 task, uint256 amount, string calldata uri) external;
    /// @notice Ends an enlistment: a trainer's at once, a validator's with the current round, for which it still answers.
    function leave(uint256 task, uint8 role) external;
    /// @notice Unlocks what `account` enlisted once no round needs it any more.
    function release(uint256 task, address account, uint8 role) external;

    // --- a round

    /// @notice Binds an artifact into the round, in its work window. Bond and seat fees are at risk from now on until the round is final.
    /// @param base round of the checkpoint that the work started from: final, and at most `staleness` rounds old
    /// @param units claimed, 1 to maxUnits
    /// @param root Merkle root of the artifact
    /// @param mark hash that binds work or canary
    /// @param uri where the artifact is served first
    function submit(uint256 task, uint32 round, uint16 base, uint32 units, bytes32 root, bytes32 mark, string calldata uri) external;
    /// @notice Draws the round's seats, in its commit window, from a block that the schedule fixed: whoever calls has no choice.
    /// @param header RLP of the first block header at or after the scheduled time
    /// @param parent RLP of its parent's header
    function seal(uint256 task, uint32 round, bytes calldata header, bytes calldata parent) external;
    /// @notice Commits to verdicts. The caller's lot must count in the round; that the round is sealed is left to the reveal.
    /// @param commitment `attestationDigest` of what will be revealed; its top 238 bits are kept
    function commit(uint256 task, uint32 round, bytes32 commitment) external;
    /// @notice Opens the caller's commitment. Each seat that `votes` claim must have been drawn into the caller's lot; votes may be empty.
    function reveal(uint256 task, uint32 round, bytes calldata votes, uint256 held, bytes32 evidence, bytes32 salt) external;
    /// @notice Attests the root of checkpoint `round`; round 0 attests genesis. The caller's lot must count in that round.
    /// @dev With two thirds of the round's line the checkpoint is final and later attestations are refused. The root attested first is the
    /// candidate; if another one wins, no attester is paid.
    function attest(uint256 task, uint32 round, bytes32 root) external;
    /// @notice Settles a round from its submissions and reveals, which must be complete and in the order of their events.
    /// @param attesters validators who attested the candidate, if it won, and revealed nothing; empty for a void round
    function finalize(uint256 task, uint32 round, Entry[] calldata entries, Reveal[] calldata reveals, address[] calldata attesters)
        external;

    // --- views
    function termsOf(uint256 task) external view returns (Terms memory);
    /// @return start unix second at which round 1 opens, 0 before the task has started
    /// @return lastRound number of the last round (falls by cancelling)
    /// @return head round of the newest final checkpoint
    /// @return pending rounds with submissions that aren't final
    function stateOf(uint256 task) external view returns (uint32 start, uint16 lastRound, uint16 head, uint16 pending);
    function lineOf(uint256 task) external view returns (uint256 gweiLine);
    function lotOf(uint256 task, address account) external view returns (uint32 fromRound, uint32 untilRound, uint256 lo, uint256 hi);
    function trainerOf(uint256 task, address account) external view returns (uint32 fromRound, uint256 enlisted, uint256 exposed);
    function roundOf(uint256 task, uint32 round)
        external
        view
        returns (bytes16 seed, uint256 line, uint16 submissions, uint16 reveals, bool isFinal);
    /// @notice The digest a validator commits to (EIP-712 `Attestation`).
    function attestationDigest(
        uint256 task,
        uint32 round,
        address validator,
        bytes calldata votes,
        uint256 held,
        bytes32 evidence,
        bytes32 salt
    ) external view returns (bytes32);
    function vault() external view returns (address);
    function market() external view returns (address);
}
