// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStakeVault, Taking} from "../interfaces/IStakeVault.sol";
import {Facts, Good, ITally, Penalty, Ruling, Settlement, Voter} from "../interfaces/ITally.sol";
import {ITaskMarket} from "../interfaces/ITaskMarket.sol";
import {Aside, Entry, Extra, IRoundLedgerErrors, IRoundLedgerEvents, Reveal} from "../interfaces/RoundLedgerTypes.sol";
import {Clock, Clocks} from "../libraries/Clock.sol";
import {Mark} from "../libraries/Mark.sol";
import {Marks} from "../libraries/Marks.sol";
import {Running} from "../libraries/Running.sol";
import {Dispute, RING, Task} from "../libraries/State.sol";
import {TaskTerms} from "../libraries/TaskTerms.sol";
import {Tasks} from "../libraries/Tasks.sol";
import {Trainer} from "../libraries/Trainer.sol";
import {TypedData} from "../libraries/TypedData.sol";
import {Votes} from "../libraries/Votes.sol";
import {Candidate, Lot, Round} from "../libraries/Words.sol";
import {Disputing} from "./Disputing.sol";

/// @title The ledger's logic that ends a round: what it tells the tally, and what the tally's settlement changes.
/// @dev Linked into the round ledger and run in its storage. Docs are in IRoundLedger.
library Settling {
    using Tasks for Task;

    /// @dev The contracts that a settlement speaks with.
    struct Peers {
        address tally;
        address market;
        address vault;
    }

    function finalize(
        Task storage t,
        uint256 task,
        uint32 round,
        Entry[] calldata entries,
        Reveal[] calldata reveals,
        Extra[] calldata extras,
        address[] calldata attesters,
        bytes32[] calldata salts,
        Peers calldata peers
    ) external {
        Clock c = t.inRound(task, round);
        Clocks.within(c.challengeEnd(round), type(uint256).max);
        uint256 slot = round % RING;
        Round r = t.begun(task, round);
        require(!r.isFinal(), IRoundLedgerErrors.AlreadyFinal());
        require(Running.isOf(t.accs[slot], round, entries), IRoundLedgerErrors.WrongEntries());
        require(Running.isOf(t.extras[slot], round, extras), IRoundLedgerErrors.WrongExtras());
        require(reveals.length == r.reveals(), IRoundLedgerErrors.WrongReveals(reveals.length, r.reveals()));
        t.rounds[slot] = r.finalized();
        t.clock = c.finalized(slot);

        Facts memory facts = _facts(t, c, task, round, r, reveals, extras, attesters);
        _special(t, round, r, facts);
        // attesters of a root in dispute are paid by its ruling
        address[] calldata paid = t.rootPay[round] == 0 ? attesters : attesters[:0];
        Settlement memory out = ITally(peers.tally).settle(facts, entries, reveals, extras, paid, salts);
        if (t.rootPay[round] != 0) t.rootPay[round] = 1 + out.attestPay;
        for (uint256 i; i < out.asides.length; ++i) {
            _setAside(t, c, task, round, out.asides[i]);
        }
        _slashTrainers(t, c, out);
        uint256 burned = _apply(t, task, round, out);
        emit IRoundLedgerEvents.RoundFinal(task, round, out.outcomes, out.fromEscrow, _paidOf(out), burned);
        _settle(task, out, peers);
    }

    function resolve(Task storage t, uint256 task, uint32 round, Aside calldata aside, bytes32 salt, Peers calldata peers) external {
        Clock c = t.known(task);
        require(t.waiting[round][aside.index] == keccak256(abi.encode(aside)), IRoundLedgerErrors.WrongAside());
        Dispute memory d = t.disputes[round][aside.index];
        require(d.open == 0, IRoundLedgerErrors.StillWaiting());
        bool opened = Marks.work(salt) == aside.mark;

        Ruling memory ruling = Ruling(d.isBad, d.badBy, _goods(t, round, aside));
        Settlement memory out = ITally(peers.tally).resolve(TaskTerms.pay(t, c), aside, _backings(t, aside), ruling, opened);
        uint8 outcome = uint8(out.outcomes[0]);
        bool isLate = block.timestamp >= uint256(d.since) + c.challengeWindow();
        require(outcome != Votes.UNOPENED || isLate, IRoundLedgerErrors.StillWaiting());

        delete t.waiting[round][aside.index];
        t.waits.remove(round);
        uint256 burned = _apply(t, task, round, out);
        emit IRoundLedgerEvents.Resolved(task, round, aside.index, outcome, out.fromEscrow, _paidOf(out), burned);
        _settle(task, out, peers);
        _giveBack(t, c, aside, out, peers.vault);
    }

    // --- what the tally is told

    /// @dev Checks reveals and attesters against the marks, and gathers what the tally needs to know of their validators.
    function _facts(
        Task storage t,
        Clock c,
        uint256 task,
        uint32 round,
        Round r,
        Reveal[] calldata reveals,
        Extra[] calldata extras,
        address[] calldata attesters
    ) private view returns (Facts memory facts) {
        facts.isSealed = r.seed() != 0;
        facts.terms = TaskTerms.pay(t, c);
        facts.voters = new Voter[](reveals.length + extras.length);
        Candidate candidate = t.candidates[round % RING];
        bool hasWon = facts.isSealed && candidate.tag() == round && candidate.won();
        uint256 won = hasWon ? candidate.weight() : 0;
        bool isDisputed = t.rootPay[round] != 0;
        // slither-disable-next-line uninitialized-local sums from zero
        uint256 weight;
        bytes32 domain = TypedData.domain();
        // slither-disable-next-line uninitialized-local zero is below every account
        address last;
        for (uint256 i; i < reveals.length; ++i) {
            Reveal calldata v = reveals[i];
            uint256 mark = t.markOf(round, v.validator);
            bytes32 digest = TypedData.attestation(domain, task, round, v.validator, v.votes, v.held, v.evidence, v.salt);
            require(mark & Mark.REVEALED != 0 && Mark.opensTo(mark, digest), IRoundLedgerErrors.WrongOpening(v.validator));
            require(v.validator > last, IRoundLedgerErrors.WrongReveals(reveals.length, i));
            last = v.validator;

            Lot lot = t.lots[v.validator];
            bool attests = won != 0 && t.hasAttested(round, v.validator, mark, candidate);
            if (attests) {
                weight += lot.size();
                ++facts.attesters;
            }
            facts.voters[i] = Voter(v.validator, lot.size(), lot.backing() * 1 gwei, attests && !isDisputed);
        }
        for (uint256 i; i < extras.length; ++i) {
            address validator = extras[i].validator;
            facts.voters[reveals.length + i] = Voter(validator, 0, t.lots[validator].backing() * 1 gwei, false);
        }
        weight += Disputing.attestersWeight(t, round, attesters, Mark.REVEALED);
        facts.attesters += attesters.length;
        require(weight == won, IRoundLedgerErrors.WrongAttesters());
    }

    /// @dev What else is known of the round: disputes and canaries.
    function _special(Task storage t, uint32 round, Round r, Facts memory facts) private view {
        if (r.isDisputed()) facts.disputed = t.disputed[round];
        if (!r.hasCanaries()) return;
        facts.canaries = t.canaries[round];
        // slither-disable-next-line uninitialized-local counts from zero
        uint256 n;
        for (uint256 bits = facts.canaries; bits != 0; bits &= bits - 1) {
            ++n;
        }
        facts.opened = new uint256[](n);
        n = 0;
        for (uint256 i; i < 256; ++i) {
            if ((facts.canaries >> i) & 1 != 0) facts.opened[n++] = t.opened[round][i];
        }
    }

    /// @dev Of the leaves that were found good, those that a refusal or the canary's mark named: others matter to nobody, however many they are.
    function _goods(Task storage t, uint32 round, Aside calldata aside) private view returns (Good[] memory goods) {
        uint256 n = aside.ballots.length;
        goods = new Good[](n + 1);
        uint256 found;
        for (uint256 i; i <= n; ++i) {
            uint8 check = i < n ? aside.ballots[i].reason : uint8(aside.canary >> 1);
            uint16 leaf = i < n ? aside.ballots[i].leaf : uint16(aside.canary >> 9);
            address by = t.goodBy[round][aside.index][Tasks.leafKey(check, leaf)];
            if (by != address(0)) goods[found++] = Good(check, leaf, by);
        }
        assembly ("memory-safe") {
            mstore(goods, found)
        }
    }

    function _backings(Task storage t, Aside calldata aside) private view returns (uint256[] memory backings) {
        backings = new uint256[](aside.ballots.length);
        for (uint256 i; i < backings.length; ++i) {
            backings[i] = t.lots[aside.ballots[i].validator].backing() * 1 gwei;
        }
    }

    // --- what a settlement changes

    /// @dev Tells of slashes and cuts, and takes cuts from their lots. @return burned wei of both
    function _apply(Task storage t, uint256 task, uint32 round, Settlement memory out) private returns (uint256 burned) {
        for (uint256 i; i < out.slashes.length; ++i) {
            Penalty memory p = out.slashes[i];
            burned += p.burned;
            emit IRoundLedgerEvents.Slashed(task, p.account, round, p.index, p.burned, p.paid);
        }
        for (uint256 i; i < out.cuts.length; ++i) {
            Penalty memory p = out.cuts[i];
            burned += p.burned;
            t.cutLot(task, t.clock, p.account, uint256(p.burned) + p.paid);
            emit IRoundLedgerEvents.Cut(task, p.account, round, p.index, p.reason, p.burned, p.paid);
        }
        if (out.payments.length != 0) emit IRoundLedgerEvents.Payments(task, round, out.payments);
    }

    /// @dev Takes a round's slashes from what its trainers enlisted.
    function _slashTrainers(Task storage t, Clock c, Settlement memory out) private {
        if (out.slashes.length == 0) return;
        uint256 exposure = TaskTerms.exposure(t, c);
        for (uint256 i; i < out.slashes.length; ++i) {
            Penalty memory p = out.slashes[i];
            Trainer w = t.trainers[p.account];
            t.trainers[p.account] = w.withEnlisted(w.enlisted() - p.burned - p.paid, exposure);
        }
    }

    /// @dev Sets a share aside: its hash, and apart from the trainer's other stake what it risks.
    function _setAside(Task storage t, Clock c, uint256 task, uint32 round, Aside memory aside) private {
        t.waiting[round][aside.index] = keccak256(abi.encode(aside));
        t.disputes[round][aside.index].since = uint40(block.timestamp);
        t.waits.add(round);
        uint256 exposure = TaskTerms.exposure(t, c);
        address trainer = address(uint160(aside.who >> 96));
        Trainer w = t.trainers[trainer];
        t.trainers[trainer] = w.withEnlisted(w.enlisted() - exposure, exposure);
        emit IRoundLedgerEvents.SetAside(task, round, aside.index, aside);
    }

    /// @dev Gives back what a share risked and didn't lose: to the enlistment, or to a trainer that was released.
    function _giveBack(Task storage t, Clock c, Aside calldata aside, Settlement memory out, address vault) private {
        uint256 exposure = TaskTerms.exposure(t, c);
        uint256 back = exposure;
        if (out.slashes.length != 0) back -= uint256(out.slashes[0].burned) + out.slashes[0].paid;
        address trainer = address(uint160(aside.who >> 96));
        Trainer w = t.trainers[trainer];
        if (w.from() != 0) t.trainers[trainer] = w.withEnlisted(w.enlisted() + back, exposure);
        else if (back != 0) IStakeVault(vault).unlock(trainer, back);
    }

    /// @dev Moves a settlement's money.
    function _settle(uint256 task, Settlement memory out, Peers calldata peers) private {
        uint256 n = out.slashes.length;
        Taking[] memory takings = new Taking[](n + out.cuts.length);
        for (uint256 i; i < takings.length; ++i) {
            Penalty memory p = i < n ? out.slashes[i] : out.cuts[i - n];
            takings[i] = Taking(p.account, p.burned, p.paid);
        }
        if (out.fromEscrow != 0) ITaskMarket(peers.market).pay(task, out.fromEscrow);
        if (out.credits.length + takings.length != 0) IStakeVault(peers.vault).settle(out.credits, takings, out.fromEscrow);
    }

    /// @return paid wei of stakes that went to others
    function _paidOf(Settlement memory out) private pure returns (uint256 paid) {
        for (uint256 i; i < out.slashes.length; ++i) {
            paid += out.slashes[i].paid;
        }
        for (uint256 i; i < out.cuts.length; ++i) {
            paid += out.cuts[i].paid;
        }
    }
}
