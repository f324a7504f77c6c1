// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Entry, IRoundLedgerErrors, IRoundLedgerEvents, Reveal} from "../interfaces/IRoundLedger.sol";
import {IStakeVault} from "../interfaces/IStakeVault.sol";
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

    /// @dev The running hash over the entries: the next is the top 224 bits of keccak(previous, who, root, mark).
    function chain(uint256 acc, uint256 who, bytes32 root, bytes32 mark) internal pure returns (uint256 next) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, acc)
            mstore(add(free, 0x20), who)
            mstore(add(free, 0x40), root)
            mstore(add(free, 0x60), mark)
            next := shr(32, keccak256(free, 0x80))
        }
    }

    function chain(Entry[] calldata entries) internal pure returns (uint256 acc) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            let end := add(entries.offset, mul(entries.length, 0x60))
            for { let entry := entries.offset } lt(entry, end) { entry := add(entry, 0x60) } {
                mstore(free, acc)
                calldatacopy(add(free, 0x20), entry, 0x60)
                acc := shr(32, keccak256(free, 0x80))
            }
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
            Votes.miss(s.tally, r.held, stake);
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
            (uint256 verdict, uint256 seats, uint8 outcome) = Votes.outcome(s.tally[i], quorum, s.stake);
            s.tally[i] = seats << 8 | verdict;
            outcomes[i] = bytes1(outcome);
            _judge(s, entries[i].who, i, outcome, seats);
        }
    }

    /// @dev A void round: nothing is paid, nobody is slashed.
    function void(Sheet memory s, Entry[] calldata entries) internal returns (bytes memory outcomes) {
        outcomes = new bytes(entries.length);
        for (uint256 i; i < entries.length; ++i) {
            outcomes[i] = bytes1(Votes.VOID);
            s.book.submitted(address(uint160(entries[i].who >> 96)), false);
        }
    }

    /// @dev Frees what the round's submissions risked, takes what was slashed, and scales pay to the pot. Only trainers are in the book yet.
    function payTrainers(Task storage t, Sheet memory s) internal {
        uint256 exposure = TaskTerms.exposure(s.clock, s.money);
        uint256 pot = s.money.pot();
        uint256 fromEscrow;
        uint256 n = s.book.size;
        for (uint256 k; k < n; ++k) {
            IStakeVault.Settlement memory line = s.book.lines[k];
            (uint256 submitted, uint256 paid) = s.book.counted(k);
            uint256 taken = uint256(line.burned) + line.fees;
            Trainer w = t.trainers[line.account].minusOpen(submitted);
            t.trainers[line.account] = taken == 0 ? w : w.withEnlisted(w.enlisted() - taken, exposure);

            uint256 pay = Pay.share(line.credit, s.due, pot);
            if (pay == 0) continue;
            line.credit = uint96(pay);
            fromEscrow += pay;
            emit IRoundLedgerEvents.Paid(s.task, line.account, s.round, TRAINER, uint16(submitted), uint16(paid), pay);
        }
        s.fromEscrow = fromEscrow;
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

    /// @dev Unchecked: units · price ≤ pot < 2^87, and a round has at most 256 submissions of at most 16 seats.
    function _judge(Sheet memory s, uint256 who, uint256 index, uint8 outcome, uint256 seats) private {
        IStakeVault.Settlement memory line = s.book.submitted(address(uint160(who >> 96)), outcome == Votes.PAID);
        unchecked {
            uint256 fees = seats * s.money.seatFee();
            if (outcome == Votes.PAID) {
                uint256 pay = uint256(uint32(who >> 64)) * s.money.price();
                line.credit += uint96(pay);
                s.due += pay + fees;
            } else if (outcome == Votes.NOT_HELD) {
                s.due += fees;
            } else if (outcome != Votes.NO_QUORUM) {
                _slash(s, line, index, outcome, fees);
            }
        }
    }

    function _payReveal(Sheet memory s, Reveal calldata r, uint256 attestFee) private {
        (uint256 all, uint256 valid, uint256 refused) = Votes.agreeing(s.tally, r.votes);
        uint256 fee = s.money.seatFee();
        _payValidator(s, r.validator, all, valid + refused, valid * fee + attestFee, refused * fee);
    }

    function _payValidator(Sheet memory s, address account, uint256 seats, uint256 agreed, uint256 due, uint256 fees) private {
        uint256 pay = Pay.share(due, s.due, s.money.pot());
        s.fromEscrow += pay;
        IStakeVault.Settlement memory line = s.book.lines[s.book.find(account)];
        line.credit += uint96(pay + fees);
        emit IRoundLedgerEvents.Paid(s.task, account, s.round, VALIDATOR, uint16(seats), uint16(agreed), pay + fees);
    }

    /// @dev A refused submission pays the seats that refused it; a lie burns the bond as well.
    function _slash(Sheet memory s, IStakeVault.Settlement memory line, uint256 index, uint8 outcome, uint256 fees) private {
        uint256 burned = outcome == Votes.INVALID ? s.clock.bond() : 0;
        line.fees += uint96(fees);
        line.burned += uint96(burned);
        s.fromBonds += fees;
        s.burned += burned;
        emit IRoundLedgerEvents.Slashed(s.task, line.account, s.round, uint16(index), burned, fees);
    }
}
