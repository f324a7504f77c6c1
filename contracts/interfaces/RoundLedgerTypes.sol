// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice One submission as the round's running hash binds it.
/// @param who trainer 160 bits | units 32 | base 16 | zero 48, from the top
/// @param root Merkle root of the artifact
/// @param mark hash that binds work or canary: keccak(abi.encode(uint8 kind, bytes32 salt, uint32 leaf, uint8 check)), kind 1 work, 2 canary
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

/// @notice One validator's votes of the extra draw: as in a reveal, but bit j is seat `seats` + j.
struct Extra {
    address validator;
    bytes votes;
}

/// @notice One validator's verdict on one submission, as a share that is set aside keeps it.
struct Ballot {
    address validator;
    uint8 seats;
    uint8 verdict;
    uint8 reason;
    uint16 leaf;
}

/// @notice A submission whose settlement waits: for a ruling, or for the salt that proves it is work.
/// @param who as in its entry, @param mark as in its entry
/// @param canary 0, or what it was opened as: rank 128 | leaf 32 | check 8, above bit 1, which is set
/// @param isRefunded of a canary: whether the canary fee is paid for it
/// @param isHeld whether two thirds of the revealing stake hold the artifact
/// @param due wei that the whole round asked of its pot, with this submission at its full claim
struct Aside {
    uint16 index;
    uint256 who;
    bytes32 mark;
    uint256 canary;
    bool isRefunded;
    bool isHeld;
    uint256 due;
    Ballot[] ballots;
}

/// @title Errors of the round ledger.
interface IRoundLedgerErrors {
    error OnlyMarket(address caller);
    error OnlyCourt(address caller);
    error UnknownTask(uint256 task);
    error UnknownRound(uint256 task, uint32 round);
    /// @dev Thrown by the constructor when the contracts don't name one another.
    error WrongWiring();
    error ZeroAddress();
    error ZeroAmount();
    /// @dev Thrown when an action comes outside its window [from, until).
    error OutsideWindow(uint256 from, uint256 until, uint256 now_);
    error NotStarted(uint256 task);
    error NotEnlisted(address account);
    error AlreadyEnlisted(address account);
    /// @dev Thrown when an account enlists for a private task without having redeemed an invite.
    error NotInvited(address account);
    /// @dev Thrown when the account's open submissions would risk more than it enlisted.
    error ExposureTooLarge(uint256 enlisted, uint256 wanted);
    /// @dev Thrown when a round would open with less enlisted stake than the task's minimum.
    error StakeTooLow(uint256 enlisted, uint256 minStake);
    error BaseTooOld(uint16 base, uint32 round, uint8 staleness);
    error BaseUnknown(uint16 base, uint16 head);
    error UnitsOutOfRange(uint32 units, uint32 maxUnits);
    error RoundFull();
    error RoundOccupied(uint32 other);
    error AlreadySealed();
    error NotSealed();
    error AlreadyCommitted(address validator);
    error NotCommitted(address validator);
    error WrongOpening(address validator);
    error SeatNotDrawn(uint16 index, uint8 seat);
    error MalformedVotes();
    /// @dev Thrown when a validator votes twice in a round's extra draw.
    error AlreadyVoted(address validator);
    error AlreadyAttested(address validator);
    error StaleCheckpoint(uint32 round, uint16 head);
    error WrongGenesis(bytes32 root, bytes32 expected);
    error WrongEntries();
    error WrongReveals(uint256 shown, uint256 counted);
    error WrongExtras();
    error WrongAttesters();
    error AlreadyFinal();
    error StillExposed();
    error StillNeeded(uint256 until);
    error AmountNotInGwei(uint256 amount);
    /// @dev Thrown when a role is neither 1 (trainer) nor 2 (validator).
    error UnknownRole(uint8 role);
    /// @dev Thrown when an account is released that has not left, in a task that isn't over.
    error StillEnlisted(address account);
    /// @dev Thrown when a lot is released, or a root ruled on, whose round isn't final yet.
    error NotFinal(uint32 round);
    /// @dev Thrown when a lot is released while a share of one of its rounds is set aside.
    error StillDisputed();
    /// @dev Thrown when a validator enlists less than a sixteenth of the task's minimum stake: it bounds the number of lots.
    error LotTooSmall(uint256 amount, uint256 least);
    /// @dev Thrown when a task's stake line would pass 2^63 gwei.
    error LineFull();
    /// @dev Thrown when a mark doesn't open to what is shown.
    error WrongMark(uint16 index);
    error AlreadyOpened(uint16 index);
    /// @dev Thrown when someone is shown silent who spoke, whose silence was shown before, or whose commitment was exposed.
    error NotSilent(address validator);
    /// @dev Thrown when a share isn't the one that was set aside.
    error WrongAside();
    /// @dev Thrown while a ruling, or the time to show a salt, is still to come.
    error StillWaiting();
    /// @dev Thrown when a root is challenged or ruled on that isn't the round's final checkpoint.
    error WrongRoot(bytes32 root);
    error AlreadyDisputed();
}

/// @title Events of the round ledger.
interface IRoundLedgerEvents {
    event Enlisted(uint256 indexed task, address indexed account, uint8 role, uint256 amount, uint32 fromRound, string uri);
    /// @dev Also when a cut ends a lot.
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
    /// @param source block number, or the beacon's slot, that the seed comes from
    event RoundSealed(uint256 indexed task, uint32 indexed round, bytes16 seed, uint256 line, uint256 source);
    event Committed(uint256 indexed task, uint32 indexed round, address indexed validator);
    event Revealed(
        uint256 indexed task, uint32 indexed round, address indexed validator, bytes32 salt, bytes32 evidence, uint256 held, bytes votes
    );
    /// @dev A vote of the extra draw. Whether the submission was short of voices is judged at the end.
    event ExtraVoted(uint256 indexed task, uint32 indexed round, address indexed validator, bytes32 evidence, bytes votes);
    event CheckpointAttested(uint256 indexed task, uint32 indexed round, address indexed validator, bytes32 root);
    event CheckpointFinal(uint256 indexed task, uint32 indexed round, bytes32 root);
    event CanaryOpened(uint256 indexed task, uint32 indexed round, uint16 index, bytes32 salt, uint32 leaf, uint8 check);
    /// @param outcomes one byte per submission: 1 paid, 2 accepted but not held, 3 invalid, 4 unavailable, 5 malformed, 6 no quorum, 7 void,
    /// 8 canary, 9 false canary, 10 set aside, 11 accepted but never shown to be work, 12 doubted: invalid, and not by a quorum of exact votes
    event RoundFinal(uint256 indexed task, uint32 indexed round, bytes outcomes, uint256 fromEscrow, uint256 fromStakes, uint256 burned);
    /// @param payments 36 bytes each: account 20 | role 1 (1 trainer, 2 validator) | seats 2 | agreed 2 | wei 11. An account may have several;
    /// they add up. Of a validator: seats it voted and those that agreed with the outcome, 0 wei included; of a trainer: 1 and 1 for each
    /// submission that is paid, 1 and 0 for a canary. Claimable in the vault by now.
    event Payments(uint256 indexed task, uint32 indexed round, bytes payments);
    /// @param burned wei of the trainer's stake that were destroyed: none where it loses fees only
    /// @param paid wei of it that went to seats, or to whoever challenged
    event Slashed(uint256 indexed task, address indexed account, uint32 indexed round, uint16 index, uint256 burned, uint256 paid);
    /// @param index submission, or 65535 when no single one is meant
    /// @param reason 1 passed a canary, 2 overruled by the court, 3 committed and stayed silent, 4 drawn and absent, 5 let its salt out,
    /// 6 attested a wrong root
    event Cut(
        uint256 indexed task, address indexed validator, uint32 indexed round, uint16 index, uint8 reason, uint256 burned, uint256 paid
    );
    event SetAside(uint256 indexed task, uint32 indexed round, uint16 indexed index, Aside aside);
    /// @param outcome as in RoundFinal
    event Resolved(
        uint256 indexed task,
        uint32 indexed round,
        uint16 indexed index,
        uint8 outcome,
        uint256 fromEscrow,
        uint256 fromStakes,
        uint256 burned
    );
    event Disputed(uint256 indexed task, uint32 indexed round, uint16 index);
    event RootDisputed(uint256 indexed task, uint32 indexed round, bytes32 root);
    /// @param ruling 0 none, 1 upheld, 2 rejected
    event Ruled(uint256 indexed task, uint32 indexed round, uint16 index, uint8 claim, uint8 check, uint16 leaf, uint8 ruling);
    event RootRuled(uint256 indexed task, uint32 indexed round, uint8 ruling);
}
