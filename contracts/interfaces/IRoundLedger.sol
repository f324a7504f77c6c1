// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRelayed} from "./IRelayed.sol";
import {Terms} from "./ITaskMarket.sol";
import {Aside, Entry, Extra, IRoundLedgerErrors, IRoundLedgerEvents, Reveal} from "./RoundLedgerTypes.sol";

/// @title The round ledger: submit, seal, commit, reveal, attest, finalize.
/// @dev *Time.* Round r (from 1) opens at start + (r − 1)·period. Half-open windows, one after another; then the round can be made final by
/// anyone. A round that nobody sealed before its commit window closed is void.
///
///     |-- work --|-delay-|-- commit --|-- reveal --|- extra -|------ challenge ------| final
///     open    workEnd  sealAt     commitEnd    revealEnd  votesEnd   attestEnd    challengeEnd
///
/// In the challenge window the checkpoint is attested, canaries are opened (until attestEnd) and outcomes and roots are challenged.
/// Rounds overlap: r + 1 is worked on while r is checked. A round without submissions needs no one; its checkpoint can be attested, so that
/// the head moves and work can go on.
///
/// *Outcomes.* A verdict needs ⌈2·seats/3⌉ seats, two different voters, and two thirds of the seats that were revealed. Where fewer seats
/// spoke, or only one voter, as many fresh seats vote in the extra window. Accepted work is paid when two thirds of the revealing stake hold
/// its artifact and its mark is shown to be that of work.
///
///     verdict       trainer                               seats that agree
///     valid, held   units·price from escrow               seatFee each from escrow
///     valid         nothing                               seatFee each from escrow
///     invalid (exact), unavailable, malformed
///                   loses the bond (burned) and the fees  seatFee each from the trainer
///     invalid, else loses the fees                        seatFee each from the trainer
///     none, void    nothing                               nothing
///
/// *Classes.* An INVALID vote is statistical when its reason is ACTIVATION 7, SAMPLING 8 or GRADIENT 14, whose checks have a tolerance; else it is
/// exact. A refusal slashes where the INVALID votes of exact class alone are a quorum, two voters and two thirds of the revealed seats.
/// Otherwise the work is doubted: refused, the bond free, until a second committee, the court's jury, upholds a challenge of a bad leaf.
///
/// What the escrow owes beyond the round's pot is scaled down, each account's share rounded down.
///
/// *Canaries.* A submission whose mark names it as known-bad, with leaf and check, before anyone judged. Its maker opens it after the votes;
/// it is never paid as work. Seats that passed it are cut, half burned; the seats that refused it get three quarters of the other half and
/// its maker the rest. Its seats' fees come from its maker, who gets `canaryFee` back for the lowest keccak(seed, salt) of a round. One that a quorum
/// finds unavailable or malformed is no canary: it loses the bond.
///
/// *Set aside.* A share that is challenged, or accepted but not yet shown to be work, waits at its full claim; the rest of the round is paid.
/// `resolve` settles it when the court has ruled, or the trainer has shown the salt. An upheld challenge corrects votes, not outcomes: a bad
/// leaf turns the seats that passed it to invalid; a good one turns the seats that named it to valid. Seats so overruled on a fault are
/// cut, half burned, half to the challenger; half of the trainer's bond goes to whoever shows a bad leaf, also of work that was refused.
/// A case that ends without a ruling changes nothing.
///
/// *Silence.* A drawn validator that didn't commit loses a seat fee, once a round; a commitment that isn't revealed, or whose salt was let out
/// before, costs a quarter of `cut`. Whoever shows it gets half, the rest is burned. A lot of which more than a sixteenth was cut
/// leaves the line: the weight of a lot never exceeds its stake by more.
///
/// *Accounting.* Stake enlisted for a task is locked in the vault. A trainer's open submissions risk bond + seats·seatFee each (twice the
/// seats where there is an extra draw), never more together than it enlisted. Seats are drawn on the task's stake line, where each
/// validator's enlisted stake lies as a lot [lo, hi) in gwei.
/// *Storage.* No word per submission and none per vote: a running hash per round, a commitment word per validator, rings of 16 rounds.
/// *Roles.* None. The market registers tasks, the court rules on disputes; everything else is open to whoever has the stake.
/// *Warnings.* Seeds are as good as the beacon (see IBeacon): a proposer may withhold its block. Seats of validators who left are silent.
/// `attestFee` is paid per validator, so it favours small lots; minStake / 16 bounds them.
interface IRoundLedger is IRelayed, IRoundLedgerErrors, IRoundLedgerEvents {
    // --- called by the market
    function register(uint256 task, Terms calldata terms) external;
    function stop(uint256 task) external returns (uint16 lastRound);
    /// @notice True when no round of the task can pay any more.
    function isOver(uint256 task) external view returns (bool);

    // --- called by the court

    /// @notice Sets a submission's share aside until the court has ruled. In the challenge window.
    /// @return root of its artifact, @return trainer who submitted it, @return line gwei that the round's seats fell on
    function dispute(uint256 task, uint32 round, Entry[] calldata entries, uint16 index)
        external
        returns (bytes32 root, address trainer, uint256 line);
    /// @notice Withholds the attesters' pay of a final checkpoint until the court has ruled. In the challenge window, once per round.
    function disputeRoot(uint256 task, uint32 round, bytes32 root) external returns (uint256 line);
    /// @notice Ends one dispute of a submission.
    /// @param claim 1: the leaf is bad, 2: the leaf is good
    /// @param ruling 0 none, 1 upheld, 2 rejected
    function rule(uint256 task, uint32 round, uint16 index, uint8 claim, uint8 check, uint16 leaf, uint8 ruling, address challenger)
        external;
    /// @notice Ends the dispute of a root: upheld, its attesters lose their lots (half burned, half to the challenger); else they are paid.
    /// The round must be final.
    /// @param attesters all of them, ascending
    function ruleRoot(uint256 task, uint32 round, uint8 ruling, address challenger, address[] calldata attesters) external;

    // --- enlisting. The stake must lie free in the vault; it counts from the next round that opens.

    /// @notice Lays the caller's lot on the task's stake line. Whoever wants another size leaves first.
    function enlistValidator(uint256 task, uint256 amount, string calldata uri) external;
    /// @notice Enlists stake that the caller's submissions may risk; again: adds to it.
    function enlistTrainer(uint256 task, uint256 amount, string calldata uri) external;
    /// @notice Ends an enlistment: a trainer's at once, a validator's with the current round, for which it still answers.
    function leave(uint256 task, uint8 role) external;
    /// @notice Unlocks what is left of what `account` enlisted once no round needs it any more.
    function release(uint256 task, address account, uint8 role) external;

    // --- a round

    /// @notice Binds an artifact into the round, in its work window. Bond and seat fees are at risk from now on until the round is final.
    /// @param base round of the checkpoint that the work started from: final, and at most `staleness` rounds old
    /// @param units claimed, 1 to maxUnits
    /// @param root Merkle root of the artifact
    /// @param mark hash that binds work or canary
    /// @param uri where the artifact is served first
    function submit(uint256 task, uint32 round, uint16 base, uint32 units, bytes32 root, bytes32 mark, string calldata uri) external;
    /// @notice `submit`, and a claim of what the caller has earned; a claim that fails is left for another time.
    function submitAndClaim(uint256 task, uint32 round, uint16 base, uint32 units, bytes32 root, bytes32 mark, string calldata uri) external;
    /// @notice Draws the round's seats, in its commit window, from the beacon's word of `sealAt`: whoever calls has no choice.
    /// @param proof as the beacon wants it: abi.encode(header, parent) where it reads block headers
    function seal(uint256 task, uint32 round, bytes calldata proof) external;
    /// @notice Commits to verdicts. That the round is sealed and the caller's lot counts in it is left to the reveal.
    /// @param commitment `attestationDigest` of what will be revealed; its top 236 bits are kept
    function commit(uint256 task, uint32 round, bytes32 commitment) external;
    /// @notice Opens the caller's commitment. Each seat that `votes` claim must have been drawn into the caller's lot; votes may be empty.
    function reveal(uint256 task, uint32 round, bytes calldata votes, uint256 held, bytes32 evidence, bytes32 salt) external;
    /// @notice Votes with the caller's seats of the extra draw, once. Votes on submissions that weren't short of voices count for nothing.
    function voteExtra(uint256 task, uint32 round, bytes calldata votes, bytes32 evidence) external;
    /// @notice Attests the root of checkpoint `round`; round 0 attests genesis. The caller's lot must count in that round.
    /// @dev With two thirds of the round's line the checkpoint is final and later attestations are refused. Who attested the root that won
    /// is paid for it.
    function attest(uint256 task, uint32 round, bytes32 root) external;
    /// @notice `commit` in a round and `attest` the checkpoint of an earlier one (not genesis), unless that is final already:
    /// both or neither.
    function commitAndAttest(uint256 task, uint32 round, bytes32 commitment, uint32 earlier, bytes32 root) external;
    /// @notice Shows that a submission is a canary, between votesEnd and attestEnd. Anyone who knows the salt may.
    function openCanary(uint256 task, uint32 round, Entry[] calldata entries, uint16 index, bytes32 salt, uint32 leaf, uint8 check) external;
    /// @notice Shows that a drawn seat's validator committed to nothing, or didn't reveal what it committed to; from revealEnd until
    /// round + 16 opens, as long as its lot is there.
    function cutSilent(uint256 task, uint32 round, address validator, uint16 index, uint8 seat) external;
    /// @notice Shows another's commitment before reveals begin: it is void, and its validator is cut.
    function expose(uint256 task, uint32 round, address validator, bytes calldata votes, uint256 held, bytes32 evidence, bytes32 salt)
        external;
    /// @notice Settles a round from its submissions and votes, which must be complete.
    /// @param entries in the order of their events
    /// @param reveals strictly ascending by validator
    /// @param extras in the order of their events
    /// @param attesters validators who attested the root that won and revealed nothing, strictly ascending; empty for a void round
    /// @param salts per submission, the salt that shows it is work; 0 where it isn't known: that share is set aside if it would be paid
    function finalize(
        uint256 task,
        uint32 round,
        Entry[] calldata entries,
        Reveal[] calldata reveals,
        Extra[] calldata extras,
        address[] calldata attesters,
        bytes32[] calldata salts
    ) external;
    /// @notice Settles a share that was set aside: once its disputes are ruled on and, if it would be paid, its salt is shown. Without the
    /// salt it ends unpaid one challenge window after the round was made final, or after its last ruling.
    function resolve(uint256 task, uint32 round, Aside calldata aside, bytes32 salt) external;

    // --- views
    function termsOf(uint256 task) external view returns (Terms memory);
    /// @return start unix second at which round 1 opens, 0 before the task has started
    /// @return lastRound number of the last round (falls by cancelling)
    /// @return head round of the newest final checkpoint
    /// @return pending bit r mod 16 is set while round r has submissions and isn't final
    function stateOf(uint256 task) external view returns (uint32 start, uint16 lastRound, uint16 head, uint16 pending);
    function lineOf(uint256 task) external view returns (uint256 gweiLine);
    /// @dev `cut` are the gwei of the lot that were lost.
    function lotOf(uint256 task, address account)
        external
        view
        returns (uint32 fromRound, uint32 untilRound, uint256 lo, uint256 hi, uint256 cut);
    function trainerOf(uint256 task, address account) external view returns (uint32 fromRound, uint256 enlisted, uint256 exposed);
    function roundOf(uint256 task, uint32 round)
        external
        view
        returns (bytes16 seed, uint256 line, uint16 submissions, uint16 reveals, bool isFinal);
    /// @notice What a validator did in a round, while the ring still has it.
    function voterOf(uint256 task, uint32 round, address validator)
        external
        view
        returns (bool committed, bool revealed, bool attested, bool votedExtra, bool cut);
    /// @notice Submissions with open disputes or waiting for a salt, and roots in dispute: stake and escrow wait for them.
    function asidesOf(uint256 task) external view returns (uint256 count);
    /// @notice The hash of a share that was set aside and waits, 0 if there is none.
    function asideHash(uint256 task, uint32 round, uint16 index) external view returns (bytes32);
    /// @notice keccak over the submissions so far (224 bits) and their number, as `finalize` checks it.
    function entriesHash(uint256 task, uint32 round) external view returns (uint256 acc, uint16 count);
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
    function beacon() external view returns (address);
    function tally() external view returns (address);
    function court() external view returns (address);
    function invites() external view returns (address);
}
