// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Entry, IRoundLedgerErrors, IRoundLedgerEvents, Reveal} from "../interfaces/IRoundLedger.sol";
import {Book, Books, Pay} from "./Book.sol";
import {Clock} from "./Clock.sol";
import {Mark} from "./Mark.sol";
import {Task} from "./State.sol";
import {TaskTerms} from "./TaskTerms.sol";
import {TypedData} from "./TypedData.sol";
import {Votes} from "./Votes.sol";
import {Candidate, Money, Trainer} from "./Words.sol";

/// @dev Turns a round's submissions and reveals into outcomes, pay and slashes. The steps run in this order:
/// `open` (what was revealed and attested), `judge` (outcomes), `payTrainers`, `payValidators`.
library Settling {
    using Books for Book;

    uint8 internal constant TRAINER = 1;
    uint8 internal constant VALIDATOR = 2;

    /// @param tally per submission: first as in `Votes`, after `judge` agreeing seats from bit 8 on | winning verdict 8
    /// @param stake gwei of the revealing validators
    /// @param attested per reveal: whether its validator attested the checkpoint that won
    /// @param attesters how many are paid for the checkpoint
    /// @param due wei asked of the pot
    /// @param fromEscrow wei paid by the escrow, @param fromBonds by trainers to seats that refused, @param burned wei destroyed
    struct Sheet {
        uint256 task;
        uint32 round;
        Clock clock;
        Money money;
        uint256 attestFee;
        Book book;
        uint256[] tally;
        uint256 stake;
        bool[] attested;
        uint256 attesters;
        uint256 due;
        uint256 fromEscrow;
        uint256 fromBonds;
        uint256 burned;
    }

    /// @dev The running hash over the entries: the next is the top 224 bits of keccak(previous, entry).
    function chain(uint256 acc, uint256 who, bytes32 root, bytes32 mark) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(acc, who, root, mark))) >> 32;
    }

    function chain(Entry[] calldata entries) internal pure returns (uint256 acc) {
        for (uint256 i; i < entries.length; ++i) {
            Entry calldata e = entries[i];
            acc = chain(acc, e.who, e.root, e.mark);
        }
    }

    /// @dev Checks reveals and attesters against the marks, and counts them.
    /// @param weight gwei that attested the checkpoint that won, 0 when none did
    function open(Task storage t, Sheet memory s, uint256 slot, uint256 weight, Reveal[] calldata reveals, address[] calldata attesters)
        internal
    {
        bytes32 domain = TypedData.domain();
        uint256 attesting;
        s.attested = new bool[](reveals.length);
        for (uint256 i; i < reveals.length; ++i) {
            Reveal calldata r = reveals[i];
            uint256 mark = t.marks[r.validator][slot];
            bytes32 digest = TypedData.attestation(domain, s.task, s.round, r.validator, r.votes, r.held, r.evidence, r.salt);
            require(
                Mark.inRound(mark, s.round) == mark && mark & Mark.REVEALED != 0 && Mark.opensTo(mark, digest),
                IRoundLedgerErrors.WrongOpening(r.validator)
            );
            require(s.book.first(r.validator), IRoundLedgerErrors.WrongReveals(reveals.length, i));

            uint256 stake = t.lots[r.validator].size();
            s.stake += stake;
            Votes.count(s.tally, r.votes);
            Votes.hold(s.tally, r.held, stake);
            if (weight != 0 && mark & Mark.ATTESTED != 0) {
                attesting += stake;
                s.attested[i] = true;
                ++s.attesters;
            }
        }
        for (uint256 i; i < attesters.length; ++i) {
            uint256 mark = t.marks[attesters[i]][slot];
            require(
                Mark.inRound(mark, s.round) == mark && mark & (Mark.ATTESTED | Mark.REVEALED) == Mark.ATTESTED
                    && s.book.first(attesters[i]),
                IRoundLedgerErrors.WrongAttesters()
            );
            attesting += t.lots[attesters[i]].size();
            ++s.attesters;
        }
        require(attesting == weight, IRoundLedgerErrors.WrongAttesters());
        s.due = s.attesters * s.attestFee;
    }

    /// @dev Fixes the outcome of each submission, what its trainer is due, and slashes.
    function judge(Sheet memory s, Entry[] calldata entries) internal returns (bytes memory outcomes) {
        outcomes = new bytes(entries.length);
        uint256 quorum = (2 * uint256(s.clock.seats()) + 2) / 3;
        for (uint256 i; i < entries.length; ++i) {
            uint256 who = entries[i].who;
            (uint256 verdict, uint256 seats, uint8 outcome) = Votes.outcome(s.tally[i], quorum, s.stake);
            s.tally[i] = seats << 8 | verdict;
            outcomes[i] = bytes1(outcome);

            uint256 k = s.book.find(address(uint160(who >> 96)));
            s.book.counts[k] += 1 << 16;
            if (outcome == Votes.PAID) {
                uint256 pay = uint256(uint32(who >> 64)) * s.money.price();
                s.book.lines[k].credit += uint96(pay);
                s.book.counts[k] += 1;
                s.due += pay;
            }
            if (verdict == Votes.VALID) s.due += seats * s.money.seatFee();
            if (verdict > Votes.VALID) _slash(s, k, i, outcome, seats);
        }
    }

    /// @dev A void round: nothing is paid, nobody is slashed.
    function void(Sheet memory s, Entry[] calldata entries) internal returns (bytes memory outcomes) {
        outcomes = new bytes(entries.length);
        for (uint256 i; i < entries.length; ++i) {
            outcomes[i] = bytes1(Votes.VOID);
            s.book.counts[s.book.find(address(uint160(entries[i].who >> 96)))] += 1 << 16;
        }
    }

    /// @dev Frees what the round's submissions risked, takes what was slashed, and scales pay to the pot. Only trainers are in the book yet.
    function payTrainers(Task storage t, Sheet memory s) internal {
        uint256 exposure = TaskTerms.exposure(s.clock, s.money);
        uint256 n = s.book.size;
        for (uint256 k; k < n; ++k) {
            address account = s.book.lines[k].account;
            uint256 submitted = s.book.counts[k] >> 16;
            uint256 taken = uint256(s.book.lines[k].burned) + s.book.lines[k].fees;

            Trainer w = t.trainers[account].minusOpen(submitted);
            t.trainers[account] = taken == 0 ? w : w.withEnlisted(w.enlisted() - taken, exposure);

            uint256 pay = Pay.share(s.book.lines[k].credit, s.due, s.money.pot());
            if (pay == 0) continue;
            s.book.lines[k].credit = uint96(pay);
            s.fromEscrow += pay;
            emit IRoundLedgerEvents.Paid(s.task, account, s.round, TRAINER, uint16(submitted), uint16(s.book.counts[k]), pay);
        }
    }

    /// @dev Pays seats that agreed with the outcome, and attesters of the checkpoint that won.
    function payValidators(Sheet memory s, Reveal[] calldata reveals, address[] calldata attesters) internal {
        for (uint256 i; i < reveals.length; ++i) {
            _payReveal(s, reveals[i], s.attested[i] ? s.attestFee : 0);
        }
        for (uint256 i; i < attesters.length; ++i) {
            _payValidator(s, attesters[i], 0, 0, s.attestFee, 0);
        }
    }

    /// @return gwei that attested the checkpoint of the round, when the candidate won
    function winner(Candidate c, uint256 round) internal pure returns (uint256) {
        return c.tag() == round && c.won() ? c.weight() : 0;
    }

    function _payReveal(Sheet memory s, Reveal calldata r, uint256 attestFee) private {
        (uint256 all, uint256 valid, uint256 refused) = Votes.agreeing(s.tally, r.votes);
        uint256 fee = s.money.seatFee();
        _payValidator(s, r.validator, all, valid + refused, valid * fee + attestFee, refused * fee);
    }

    function _payValidator(Sheet memory s, address account, uint256 seats, uint256 agreed, uint256 due, uint256 fees) private {
        uint256 pay = Pay.share(due, s.due, s.money.pot());
        s.fromEscrow += pay;
        uint256 k = s.book.find(account);
        s.book.lines[k].credit += uint96(pay + fees);
        emit IRoundLedgerEvents.Paid(s.task, account, s.round, VALIDATOR, uint16(seats), uint16(agreed), pay + fees);
    }

    /// @dev A refused submission pays the seats that refused it; a lie burns the bond as well.
    function _slash(Sheet memory s, uint256 k, uint256 index, uint8 outcome, uint256 seats) private {
        uint256 fees = seats * s.money.seatFee();
        uint256 burned = outcome == Votes.INVALID ? s.clock.bond() : 0;
        s.book.lines[k].fees += uint96(fees);
        s.book.lines[k].burned += uint96(burned);
        s.fromBonds += fees;
        s.burned += burned;
        emit IRoundLedgerEvents.Slashed(s.task, s.book.lines[k].account, s.round, uint16(index), burned, fees);
    }
}
