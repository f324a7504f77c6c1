// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRelayed} from "./IRelayed.sol";
import {Entry} from "./RoundLedgerTypes.sol";

/// @notice A leaf and its proof in a Merkle tree of the artifact format: leaf keccak(0x00 ‖ digest), node keccak(0x01 ‖ left ‖ right), a node
/// without a sibling moves up, root keccak(0x02 ‖ uint64 count ‖ top).
/// @param index of the leaf, @param count of leaves, @param digest what the leaf says, @param siblings from the bottom up
struct LeafProof {
    uint64 index;
    uint64 count;
    bytes32 digest;
    bytes32[] siblings;
}

/// @notice One dispute.
/// @param claim 1: a leaf is bad, whatever the committee said; 2: a leaf that was refused is good; 3: a chunk of the checkpoint is wrong
/// @param index of the submission; 65535 for a root
/// @param check what fails or holds, as a vote's reason; 0 for a root
/// @param leaf as in a vote; of a root: the chunk
/// @param openedAt unix second; all windows count from it
/// @param line gwei of the round's stake line
/// @param bond wei that the challenger risks
/// @param juryFee wei a seat
struct Case {
    uint256 task;
    uint32 round;
    uint16 index;
    uint8 claim;
    uint8 check;
    uint32 leaf;
    uint64 openedAt;
    uint64 line;
    address challenger;
    address defender;
    address appellant;
    bytes32 digest;
    bytes16 seed;
    uint96 bond;
    uint96 juryFee;
    bool isClosed;
}

/// @notice Where a case stands; a function of time and of what was done.
enum Stage {
    None,
    Drawing, // waiting for the beacon's word; from openedAt + sealDelay jurors may be summoned and commit
    Committing,
    Revealing,
    Appealing, // the jury's ruling, or its lack of one, is known; anyone may appeal
    Voting, // an appeal is open: all enlisted stake votes, and the jury's ruling stands until a majority turns it
    Ready, // can be closed
    Closed
}

/// @title Errors of the dispute court.
interface IDisputeCourtErrors {
    error ZeroAddress();
    error WrongWiring();
    error UnknownCase(uint256 id);
    error UnknownClaim(uint8 claim);
    /// @dev Thrown when the leaf was challenged before by the same claim and for the same check: once ever.
    error AlreadyChallenged(uint256 id);
    error WrongProof();
    error WrongStage(Stage stage, Stage needed);
    error AlreadySummoned();
    error NotSummoned();
    error NotAJuror(address account);
    error AlreadyCommitted(address juror);
    error NotCommitted(address juror);
    error WrongOpening(address juror);
    /// @dev Thrown when a vote is neither 1 (the claim holds) nor 2 (it doesn't).
    error UnknownVote(uint8 vote);
    error AlreadyAppealed();
    error AlreadyVoted(address account);
    /// @dev Thrown when the account's lot doesn't count in the disputed round.
    error NotEnlisted(address account);
    /// @dev Thrown when jurors are named who didn't reveal, not all, or not ascending.
    error WrongJurors();
}

/// @title Events of the dispute court.
interface IDisputeCourtEvents {
    event Challenged(
        uint256 indexed id,
        uint256 indexed task,
        uint32 indexed round,
        uint16 index,
        uint8 claim,
        uint8 check,
        uint32 leaf,
        address challenger,
        bytes32 digest,
        uint256 bond,
        string uri
    );
    event JurySummoned(uint256 indexed id, bytes16 seed, uint256 line, uint256 source);
    event JurorCommitted(uint256 indexed id, address indexed juror);
    event JurorRevealed(uint256 indexed id, address indexed juror, uint16 seats, uint8 vote, bytes32 evidence);
    event Appealed(uint256 indexed id, address indexed appellant, uint256 bond);
    /// @param weight gwei
    event AppealVoted(uint256 indexed id, address indexed account, uint8 vote, uint256 weight);
    /// @param ruling 0 none, 1 upheld, 2 rejected
    event CaseClosed(uint256 indexed id, uint8 ruling, uint256 burned);
}

/// @title The dispute court: challenges of outcomes and of checkpoint roots, at one leaf, and one appeal.
/// @dev *A case.* Whoever risks a bond as large as a submission's may claim that a leaf is bad (1), that a refused leaf is good (2), or that a
/// chunk of a final checkpoint is wrong (3), naming the leaf with its Merkle proof. Each leaf can be challenged once ever for each check, as bad and
/// as good apart; a root once per round.
///
///     |-sealDelay-|-- commit --|-- reveal --|--- challenge window: appeal ---|-- commit window: all vote --| close
///     openedAt    drawAt    juryEnd      ruledAt                         appealEnd                     voteEnd
///
///     ruledAt: upheld, rejected or none ──no appeal──────────────────────────────────> stands
///                                       ──appeal── more than half, the same way ─────> stands
///                                                  more than half, another way ──────> turns
///                                                  no side has more than half ───────> stands
///
/// The windows' lengths are the task's own. Without an appeal the case can be closed from appealEnd on.
/// *Jury.* 9 seats drawn from the beacon's word of drawAt on the round's stake line; a ruling needs 6. Jurors repeat the check at that leaf only
/// and commit before they reveal. A leaf that isn't opened to them is bad.
/// *Second opinion.* A refusal on a check with a tolerance takes no bond (see IRoundLedger, classes): claim 1, upheld, takes it, and rewards the
/// challenger as it does for work that was passed. Whoever judged first may challenge; its seats earn the same fee either way.
/// *Appeal.* To all stake enlisted in the round: only more than half of all of it decides, either way. Otherwise the appeal changes nothing: the
/// jury's ruling stands, or its lack of one.
/// *Money.* juryFee (the task's seatFee) for each of 9 seats, from the challenger's bond: to the seats that ruled with the final ruling,
/// the rest of it burned. Upheld: the rest of the bond is free again, and the ledger rewards the challenger out of what the liar loses. Rejected: half of the
/// bond is burned and the rest goes to the defender (for claim 1 the trainer; else it is burned as well). No ruling: the rest is free again. An appellant
/// risks twice the bond: free again when the ruling turned, which includes a ruling where the jury had none; half of it burned when no side had
/// more than half; all of it burned when more than half confirmed the ruling.
/// *Roles.* None. *Liveness.* From every stage time alone lets anyone close the case.
/// *Warning.* The jury sees the same evidence as the committee; whoever holds two thirds of the enlisted stake for a day owns both. p + ε bribes
/// aren't prevented (see SECURITY.md). *Turnout.* Votes in an appeal aren't paid, and needn't be: where few vote nothing changes, so an honest jury
/// needs no turnout to be confirmed. A captured one is turned only if more than half of the enlisted stake takes the trouble.
interface IDisputeCourt is IRelayed, IDisputeCourtErrors, IDisputeCourtEvents {
    /// @notice Challenges an outcome; the caller's stake must lie free in the vault.
    /// @param entries all submissions of the round, in the order of their events
    /// @param proof of a leaf of the submission's artifact
    /// @param uri where the challenger's evidence is served; may be empty
    function challenge(
        uint256 task,
        uint32 round,
        Entry[] calldata entries,
        uint16 index,
        uint8 claim,
        uint8 check,
        uint16 leaf,
        LeafProof calldata proof,
        string calldata uri
    ) external returns (uint256 id);

    /// @notice Challenges the round's final checkpoint at one chunk.
    function challengeRoot(uint256 task, uint32 round, bytes32 root, LeafProof calldata proof, string calldata uri)
        external
        returns (uint256 id);

    /// @notice Draws the jury from the beacon's word of the scheduled second.
    function summon(uint256 id, bytes calldata proof) external;

    /// @notice Commits to `ballotDigest`; only a juror of the drawn seats.
    function commit(uint256 id, bytes32 commitment) external;

    /// @param vote 1: the claim holds, 2: it doesn't
    function reveal(uint256 id, uint8 vote, bytes32 evidence, bytes32 salt) external;

    /// @notice Appeals against the jury's ruling, or its lack of one.
    function appeal(uint256 id) external;

    /// @notice Votes with the caller's whole lot in the disputed round.
    function voteAppeal(uint256 id, uint8 vote) external;

    /// @notice Ends the case: tells the ledger, pays the jury, frees or takes the bonds.
    /// @param jurors all who revealed, ascending
    /// @param attesters of a root: all who attested it, ascending; else empty
    function close(uint256 id, address[] calldata jurors, address[] calldata attesters) external;

    function cases() external view returns (uint256 count);
    function caseOf(uint256 id) external view returns (Case memory);
    function stageOf(uint256 id) external view returns (Stage);
    /// @notice Seats and stake so far: of the jury in seats, of the appeal in gwei.
    function votesOf(uint256 id) external view returns (uint256 juryFor, uint256 juryAgainst, uint256 stakeFor, uint256 stakeAgainst);
    /// @notice The mask of the 9 seats that fall to `account`.
    function seatsOf(uint256 id, address account) external view returns (uint16);
    /// @notice The ruling as it stands: 0 none, 1 upheld, 2 rejected.
    function rulingOf(uint256 id) external view returns (uint8);
    /// @notice Unix seconds at which the case's windows end.
    function timesOf(uint256 id)
        external
        view
        returns (uint256 drawAt, uint256 juryEnd, uint256 ruledAt, uint256 appealEnd, uint256 voteEnd);
    /// @notice The digest a juror commits to (EIP-712 `Ballot(uint256 id,address juror,uint8 vote,bytes32 evidence,bytes32 salt)`).
    function ballotDigest(uint256 id, address juror, uint8 vote, bytes32 evidence, bytes32 salt) external view returns (bytes32);
    function vault() external view returns (address);
    function ledger() external view returns (address);
    function beacon() external view returns (address);
}
