// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Docket} from "./Docket.sol";
import {IBeacon} from "./interfaces/IBeacon.sol";
import {IDisputeCourt, LeafProof, Stage} from "./interfaces/IDisputeCourt.sol";
import {IRoundLedger} from "./interfaces/IRoundLedger.sol";
import {IStakeVault, Taking} from "./interfaces/IStakeVault.sol";
import {Terms} from "./interfaces/ITaskMarket.sol";
import {Entry} from "./interfaces/RoundLedgerTypes.sol";
import {Jury} from "./libraries/Jury.sol";
import {MerkleLeaf} from "./libraries/MerkleLeaf.sol";
import {REJECTED, Record, UPHELD} from "./libraries/Record.sol";
import {Voice} from "./libraries/Voice.sol";

/// @title The dispute court: challenges of outcomes and of checkpoint roots, at one leaf, and one appeal. @dev See IDisputeCourt.
contract DisputeCourt is Docket {
    uint8 internal constant BAD_LEAF = 1;
    uint8 internal constant GOOD_LEAF = 2;
    uint8 internal constant WRONG_ROOT = 3;
    /// @dev The index of a case that is about no single submission.
    uint16 internal constant NO_INDEX = type(uint16).max;

    constructor(address vault_, address ledger_, address beacon_, address gateway_) Docket(vault_, ledger_, beacon_, gateway_) {}

    // --- challenges

    /// @inheritdoc IDisputeCourt
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
    ) external returns (uint256 id) {
        require(claim == BAD_LEAF || claim == GOOD_LEAF, UnknownClaim(claim));
        bytes32 key = _key(task, round, index, claim, check, leaf);
        require(_challenges[key] == 0, AlreadyChallenged(_challenges[key]));
        // the ledger knows the round's window and its submissions; it refuses what isn't there
        (bytes32 root, address trainer, uint256 line) = IRoundLedger(ledger).dispute(task, round, entries, index);
        require(MerkleLeaf.isUnder(proof, root), WrongProof());

        // slither-disable-next-line uninitialized-local filled below
        Record memory c;
        (c.index, c.claim, c.check, c.leaf, c.digest) = (index, claim, check, leaf, proof.digest);
        if (claim == BAD_LEAF) c.defender = trainer;
        id = _file(c, task, round, line, uri);
        // slither-disable-next-line reentrancy-no-eth the ledger is the system's own and calls nobody in dispute()
        _challenges[key] = id;
        IStakeVault(vault).lock(c.challenger, c.bond);
    }

    /// @inheritdoc IDisputeCourt
    function challengeRoot(uint256 task, uint32 round, bytes32 root, LeafProof calldata proof, string calldata uri)
        external
        returns (uint256 id)
    {
        uint256 line = IRoundLedger(ledger).disputeRoot(task, round, root); // once per round
        require(proof.index <= type(uint32).max && MerkleLeaf.isUnder(proof, root), WrongProof());

        // slither-disable-next-line uninitialized-local filled below
        Record memory c;
        (c.index, c.claim, c.leaf, c.digest) = (NO_INDEX, WRONG_ROOT, uint32(proof.index), proof.digest);
        id = _file(c, task, round, line, uri);
        IStakeVault(vault).lock(c.challenger, c.bond);
    }

    // --- jury

    /// @inheritdoc IDisputeCourt
    function summon(uint256 id, bytes calldata proof) external {
        Record storage c = _at(id, Stage.Committing);
        require(c.seed == 0, AlreadySummoned());
        (bytes32 word, uint256 source) = IBeacon(beacon).wordAt(c.drawAt(), proof);

        bytes16 seed = Jury.seed(id, word);
        c.seed = seed;
        emit JurySummoned(id, seed, c.line, source);
    }

    /// @inheritdoc IDisputeCourt
    function commit(uint256 id, bytes32 commitment) external {
        Record storage c = _at(id, Stage.Committing);
        require(c.seed != 0, NotSummoned());
        address juror = _sender();
        (, uint256 seats) = _seats(c, juror);
        require(seats != 0, NotAJuror(juror));
        Voice v = _voices[id][juror];
        require(v.seats() == 0, AlreadyCommitted(juror));

        _voices[id][juror] = v.withCommitment(commitment, seats);
        emit JurorCommitted(id, juror);
    }

    /// @inheritdoc IDisputeCourt
    function reveal(uint256 id, uint8 vote, bytes32 evidence, bytes32 salt) external {
        Record storage c = _at(id, Stage.Revealing);
        require(vote == UPHELD || vote == REJECTED, UnknownVote(vote));
        address juror = _sender();
        Voice v = _voices[id][juror];
        uint256 seats = v.seats();
        require(seats != 0 && v.vote() == 0, NotCommitted(juror));
        require(v.opensTo(Jury.ballot(id, juror, vote, evidence, salt)), WrongOpening(juror));

        _voices[id][juror] = v.withVote(vote);
        if (vote == UPHELD) c.juryFor += uint8(seats);
        else c.juryAgainst += uint8(seats);
        emit JurorRevealed(id, juror, uint16(seats), vote, evidence);
    }

    // --- appeal

    /// @inheritdoc IDisputeCourt
    function appeal(uint256 id) external {
        Record storage c = _at(id, Stage.Appealing);
        require(c.appellant == address(0), AlreadyAppealed());
        address appellant = _sender();
        uint256 bond = 2 * uint256(c.bond);

        c.appellant = appellant;
        emit Appealed(id, appellant, bond);
        IStakeVault(vault).lock(appellant, bond);
    }

    /// @inheritdoc IDisputeCourt
    function voteAppeal(uint256 id, uint8 vote) external {
        Record storage c = _at(id, Stage.Voting);
        require(vote == UPHELD || vote == REJECTED, UnknownVote(vote));
        address account = _sender();
        (uint256 lo, uint256 hi) = _lot(c, account);
        require(lo != hi, NotEnlisted(account));
        Voice v = _voices[id][account];
        require(!v.hasAppealVote(), AlreadyVoted(account));

        _voices[id][account] = v.withAppealVote(vote);
        if (vote == UPHELD) c.stakeFor += uint128(hi - lo);
        else c.stakeAgainst += uint128(hi - lo);
        emit AppealVoted(id, account, vote, hi - lo);
    }

    // --- the end

    /// @inheritdoc IDisputeCourt
    function close(uint256 id, address[] calldata jurors, address[] calldata attesters) external {
        Record storage c = _at(id, Stage.Ready);
        uint8 ruling = c.ruling();
        (uint256[] memory credits, Taking memory challenger) = _chargeChallenger(id, c, ruling, jurors);
        Taking memory appellant = _chargeAppellant(c);

        c.isClosed = true;
        emit CaseClosed(id, ruling, uint256(challenger.burned) + appellant.burned);
        if (c.claim == WRONG_ROOT) IRoundLedger(ledger).ruleRoot(c.task, c.round, ruling, c.challenger, attesters);
        else IRoundLedger(ledger).rule(c.task, c.round, c.index, c.claim, c.check, uint16(c.leaf), ruling, c.challenger);
        _settle(credits, challenger, c.bond, appellant, 2 * uint256(c.bond));
    }

    // --- internal

    /// @dev What can be challenged only once, so that no new bond buys another draw of the jury: a leaf for one check. Either claim has its
    /// own, and so has every leaf: nobody uses up another's challenge by one that is beside the point.
    function _key(uint256 task, uint32 round, uint16 index, uint8 claim, uint8 check, uint16 leaf) internal pure returns (bytes32) {
        return keccak256(abi.encode(task, round, index, claim, check, leaf));
    }

    /// @dev Stores a case of the caller's. Nothing here can overflow: the ledger has refused tasks that aren't there, a line is 64 bits of
    /// gwei, and the market's terms hold bond and fee to 96 bits.
    function _file(Record memory c, uint256 task, uint32 round, uint256 line, string calldata uri) internal returns (uint256 id) {
        Terms memory t = IRoundLedger(ledger).termsOf(task);
        (c.task, c.round, c.line, c.openedAt) = (uint64(task), round, uint64(line), uint64(block.timestamp));
        (c.challenger, c.bond, c.juryFee) = (_sender(), uint96(t.bond), uint96(t.seatFee));
        (c.sealDelay, c.commitWindow, c.revealWindow, c.challengeWindow) = (t.sealDelay, t.commitWindow, t.revealWindow, t.challengeWindow);

        id = ++cases;
        _records[id] = c;
        emit Challenged(id, task, round, c.index, c.claim, c.check, c.leaf, c.challenger, c.digest, c.bond, uri);
    }

    /// @dev The jury's fees, whatever the ruling, and half of the bond for a false claim. A fee is the same for either vote and comes from
    /// the challenger, never out of what a liar loses: nobody gains by judging one way. The terms hold 9 fees to half of a bond.
    function _chargeChallenger(uint256 id, Record storage c, uint8 ruling, address[] calldata jurors)
        internal
        view
        returns (uint256[] memory credits, Taking memory taking)
    {
        credits = new uint256[](jurors.length + 1); // more than the jury's seats can't pass: each juror has revealed one of 9 at least
        uint256 fee = c.juryFee;
        (uint256 n, uint256 paid) = _payJury(id, c, ruling, jurors, fee, credits);
        uint256 burned = Jury.SEATS * fee - paid;
        if (ruling == REJECTED) {
            uint256 rest = c.bond / 2;
            burned += c.bond - rest;
            rest -= Jury.SEATS * fee;
            address defender = c.defender;
            if (defender == address(0)) {
                burned += rest;
            } else if (rest != 0) {
                paid += rest;
                credits[n++] = _credit(defender, rest);
            }
        }
        assembly ("memory-safe") {
            mstore(credits, n)
        }
        taking = Taking({account: c.challenger, burned: uint96(burned), paid: uint96(paid)});
    }

    /// @dev Writes the credits of the jurors whose vote is the ruling. `jurors` must be all who revealed: their seats make up the tally.
    function _payJury(uint256 id, Record storage c, uint8 ruling, address[] calldata jurors, uint256 fee, uint256[] memory credits)
        internal
        view
        returns (uint256 n, uint256 paid)
    {
        // slither-disable-next-line uninitialized-local counts from zero
        uint256 revealed;
        // slither-disable-next-line uninitialized-local zero is below every account
        address last;
        for (uint256 k; k < jurors.length; ++k) {
            address juror = jurors[k];
            Voice v = _voices[id][juror];
            require(juror > last && v.vote() != 0, WrongJurors());
            last = juror;
            revealed += v.seats();
            if (v.vote() != ruling || fee == 0) continue;
            paid += v.seats() * fee;
            credits[n++] = _credit(juror, v.seats() * fee);
        }
        require(revealed == uint256(c.juryFor) + c.juryAgainst, WrongJurors());
    }

    /// @dev Half of it when no majority was found, all when one confirmed the jury's ruling, nothing when the ruling turned. The appeal's
    /// bond is twice the case's.
    function _chargeAppellant(Record storage c) internal view returns (Taking memory taking) {
        taking.account = c.appellant;
        if (taking.account == address(0)) return taking;
        uint8 ruling = c.appealRuling();
        if (ruling == 0) taking.burned = c.bond;
        else if (ruling == c.juryRuling()) taking.burned = 2 * c.bond;
    }

    /// @dev Takes what is lost and frees the rest. Bonds were locked here, and the vault's slashers take no more than they have locked
    /// themselves: what else the accounts did with their stake can't keep a case open.
    function _settle(uint256[] memory credits, Taking memory challenger, uint256 bond, Taking memory appellant, uint256 appealBond)
        internal
    {
        bool isAppealed = appellant.account != address(0);
        Taking[] memory takings = new Taking[](isAppealed ? 2 : 1);
        takings[0] = challenger;
        if (isAppealed) takings[1] = appellant;
        IStakeVault(vault).settle(credits, takings, 0);
        _unlock(challenger, bond);
        if (isAppealed) _unlock(appellant, appealBond);
    }

    function _unlock(Taking memory taking, uint256 bond) internal {
        uint256 rest = bond - taking.burned - taking.paid;
        if (rest != 0) IStakeVault(vault).unlock(taking.account, rest);
    }

    function _credit(address account, uint256 amount) internal pure returns (uint256) {
        return uint256(uint160(account)) << 96 | amount;
    }
}
