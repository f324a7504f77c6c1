// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Facts, ITally, PayTerms, Ruling, Settlement, Voter} from "./interfaces/ITally.sol";
import {Aside, Ballot, Entry, Extra, Reveal} from "./interfaces/RoundLedgerTypes.sol";
import {Ballots} from "./libraries/Ballots.sol";
import {Share} from "./libraries/Share.sol";
import {Sheet, Sheets} from "./libraries/Sheet.sol";
import {Votes} from "./libraries/Votes.sol";

/// @title The tally: a round's outcomes, pay and slashes. See ITally.
/// @dev `settle` goes over the submissions three times: outcomes and what the pot is asked for; then each share, when it is known how far the
/// pot reaches; then the validators.
contract Tally is ITally {
    uint8 internal constant WORK = 1;

    /// @dev What one call works on. `tally` holds votes as in `Votes`, and after `_judge` agreeing seats from bit 8 on | winning verdict 8.
    /// @param stake gwei of the revealing validators
    /// @param short bit i: the extra votes on submission i count
    /// @param canaries those that are settled at once, each in the order in which it was opened
    struct Work {
        uint256[] tally;
        uint256 stake;
        uint256 quorum;
        uint256 short;
        Aside[] canaries;
    }

    /// @inheritdoc ITally
    function settle(
        Facts calldata facts,
        Entry[] calldata entries,
        Reveal[] calldata reveals,
        Extra[] calldata extras,
        address[] calldata attesters,
        bytes32[] calldata salts
    ) external pure returns (Settlement memory) {
        uint256 n = entries.length;
        if (!facts.isSealed) return _void(n);
        Work memory w;
        w.tally = new uint256[](n);
        w.quorum = Votes.quorumOf(facts.terms.seats);
        w.canaries = new Aside[](facts.opened.length);
        _count(w, facts, reveals);
        if (extras.length != 0) _countExtras(w, reveals, extras);

        Sheet memory s = _sheet(facts, entries, reveals, extras, attesters);
        _judge(w, s, facts, entries, reveals, extras, salts);
        _payTrainers(w, s, facts, entries);
        _payValidators(w, s, facts, reveals, extras, attesters);
        s.out.attestPay = s.due <= facts.terms.pot ? facts.terms.attestFee : facts.terms.attestFee * facts.terms.pot / s.due;
        return s.close();
    }

    /// @inheritdoc ITally
    function resolve(PayTerms calldata terms, Aside calldata aside, uint256[] calldata backings, Ruling calldata ruling, bool isOpened)
        external
        pure
        returns (Settlement memory)
    {
        uint256 n = aside.ballots.length;
        Sheet memory s = Sheets.open(n + 2, 1, n, 0);
        uint8 outcome = Share.settle(s, terms, aside, backings, ruling, isOpened);
        s.out.outcomes = abi.encodePacked(outcome);
        return s.close();
    }

    // --- votes

    function _count(Work memory w, Facts calldata facts, Reveal[] calldata reveals) internal pure {
        for (uint256 i; i < reveals.length; ++i) {
            uint256 stake = facts.voters[i].stake;
            w.stake += stake;
            Votes.count(w.tally, reveals[i].votes);
            Votes.miss(w.tally, reveals[i].held, stake);
        }
    }

    /// @dev Adds the votes of the extra draw to the submissions that were short of voices. Who voted the same in both draws is one voter.
    function _countExtras(Work memory w, Reveal[] calldata reveals, Extra[] calldata extras) internal pure {
        uint256 n = w.tally.length;
        for (uint256 i; i < n; ++i) {
            if (Votes.isShort(w.tally[i], w.quorum)) w.short |= 1 << i;
        }
        for (uint256 i; i < extras.length; ++i) {
            bytes calldata votes = extras[i].votes;
            uint256 place = Ballots.placeOf(reveals, extras[i].validator);
            for (uint256 pos; pos < votes.length; pos += Votes.SIZE) {
                (uint256 index, uint256 mask, uint256 verdict) = Votes.read(votes, pos);
                if ((w.short >> index) & 1 == 0) continue;
                uint256 voters = 1;
                if (place < reveals.length && (Ballots.find(reveals[place].votes, index) >> 24) & 0xff == verdict) voters = 0;
                w.tally[index] += Votes.one(Votes.bits(mask), voters, verdict);
            }
        }
    }

    // --- outcomes

    /// @dev Fixes each outcome and adds what it asks of the pot; builds the shares that wait, and the canaries.
    function _judge(
        Work memory w,
        Sheet memory s,
        Facts calldata facts,
        Entry[] calldata entries,
        Reveal[] calldata reveals,
        Extra[] calldata extras,
        bytes32[] calldata salts
    ) internal pure {
        uint256 special = facts.disputed | facts.canaries;
        uint256 fee = facts.terms.seatFee;
        s.due = facts.attesters * facts.terms.attestFee;
        uint256 canary;
        for (uint256 i; i < entries.length; ++i) {
            uint256 tally = w.tally[i];
            (uint256 verdict, uint256 seats) = Votes.winner(tally, w.quorum);
            bool held = Votes.isHeld(tally, w.stake);
            uint8 outcome = Votes.outcome(verdict, held);
            uint256 pay = uint256(uint32(entries[i].who >> 64)) * facts.terms.price;
            if ((special >> i) & 1 != 0 || (outcome == Votes.PAID && !_isWork(entries[i].mark, salts, i))) {
                Aside memory aside = _aside(entries[i], i, held);
                aside.ballots = Ballots.ofSubmission(reveals, extras, i, (w.short >> i) & 1 != 0);
                if ((facts.canaries >> i) & 1 != 0) (aside.canary, aside.isRefunded) = _canary(facts, entries.length, canary++);
                if ((facts.disputed >> i) & 1 != 0 || aside.canary == 0) {
                    s.out.asides[s.asides++] = aside;
                    outcome = Votes.ASIDE;
                    s.due += pay + Votes.spoken(tally) * fee + (aside.isRefunded ? facts.terms.canaryFee : 0);
                } else {
                    w.canaries[canary - 1] = aside;
                    outcome = Votes.CANARY;
                    s.due += aside.isRefunded ? facts.terms.canaryFee : 0;
                }
                verdict = 0;
            } else if (outcome <= Votes.NOT_HELD) {
                s.due += (outcome == Votes.PAID ? pay : 0) + seats * fee;
            }
            w.tally[i] = seats << 8 | verdict;
            s.out.outcomes[i] = bytes1(outcome);
        }
    }

    function _isWork(bytes32 mark, bytes32[] calldata salts, uint256 i) internal pure returns (bool) {
        return i < salts.length && keccak256(abi.encode(WORK, salts[i], uint32(0), uint8(0))) == mark;
    }

    function _aside(Entry calldata entry, uint256 i, bool held) internal pure returns (Aside memory aside) {
        (aside.index, aside.who, aside.mark, aside.isHeld) = (uint16(i), entry.who, entry.mark, held);
    }

    /// @dev How the k-th canary was opened, and whether the fee is paid for it: the ⌈rate · submissions⌉ lowest ranks.
    function _canary(Facts calldata facts, uint256 submissions, uint256 k) internal pure returns (uint256 opened, bool isRefunded) {
        opened = facts.opened[k];
        uint256 most = (facts.terms.canaryRate * submissions + 9_999) / 10_000;
        uint256 lower;
        for (uint256 i; i < facts.opened.length; ++i) {
            if (facts.opened[i] < opened || (facts.opened[i] == opened && i < k)) ++lower;
        }
        isRefunded = lower < most;
    }

    // --- pay

    function _payTrainers(Work memory w, Sheet memory s, Facts calldata facts, Entry[] calldata entries) internal pure {
        uint256 canary;
        for (uint256 i; i < entries.length; ++i) {
            uint8 outcome = uint8(s.out.outcomes[i]);
            if (outcome == Votes.PAID) {
                uint256 who = entries[i].who;
                uint256 pay = s.fromEscrow(uint256(uint32(who >> 64)) * facts.terms.price, s.due, facts.terms.pot);
                if (pay != 0) s.pay(address(uint160(who >> 96)), Sheets.TRAINER, 1, 1, pay);
            } else if (outcome == Votes.CANARY) {
                while (w.canaries[canary].who == 0) ++canary;
                _payCanary(s, facts, w.canaries[canary++]);
            } else if (outcome >= Votes.INVALID && outcome < Votes.NO_QUORUM) {
                uint256 fees = (w.tally[i] >> 8) * facts.terms.seatFee;
                s.slash(address(uint160(entries[i].who >> 96)), i, facts.terms.bond, fees);
            }
        }
        for (uint256 k; k < s.asides; ++k) {
            s.out.asides[k].due = s.due;
        }
    }

    /// @dev A canary that nobody challenged is settled at once. What its passers can lose falls over the round's canaries.
    function _payCanary(Sheet memory s, Facts calldata facts, Aside memory aside) internal pure {
        aside.due = s.due;
        uint256 n = aside.ballots.length;
        uint256[] memory backings = new uint256[](n);
        for (uint256 k; k < n; ++k) {
            backings[k] = _backing(s, facts, aside.ballots[k]);
        }
        Ruling memory none;
        Share.settle(s, facts.terms, aside, backings, none, false);
    }

    /// @dev What a ballot's validator can still lose: what its lot backs, less what this round's earlier canaries cost it.
    function _backing(Sheet memory s, Facts calldata facts, Ballot memory ballot) internal pure returns (uint256 backing) {
        for (uint256 k; k < facts.voters.length; ++k) {
            Voter calldata v = facts.voters[k];
            if (v.account == ballot.validator) {
                backing = v.backing;
                break;
            }
        }
        for (uint256 k; k < s.cuts; ++k) {
            if (s.out.cuts[k].account == ballot.validator) backing -= uint256(s.out.cuts[k].burned) + s.out.cuts[k].paid;
        }
    }

    /// @dev Pays seats that agreed with the outcome, and attesters of the checkpoint that won.
    function _payValidators(
        Work memory w,
        Sheet memory s,
        Facts calldata facts,
        Reveal[] calldata reveals,
        Extra[] calldata extras,
        address[] calldata attesters
    ) internal pure {
        for (uint256 i; i < reveals.length; ++i) {
            uint256 attestFee = facts.voters[i].attests ? facts.terms.attestFee : 0;
            _payVotes(w, s, facts, reveals[i].validator, reveals[i].votes, type(uint256).max, attestFee);
        }
        for (uint256 i; i < extras.length; ++i) {
            _payVotes(w, s, facts, extras[i].validator, extras[i].votes, w.short, 0);
        }
        for (uint256 i; i < attesters.length; ++i) {
            uint256 pay = s.fromEscrow(facts.terms.attestFee, s.due, facts.terms.pot);
            s.pay(attesters[i], Sheets.VALIDATOR, 0, 0, pay);
        }
    }

    function _payVotes(
        Work memory w,
        Sheet memory s,
        Facts calldata facts,
        address validator,
        bytes calldata votes,
        uint256 counted,
        uint256 attestFee
    ) internal pure {
        (uint256 all, uint256 valid, uint256 refused) = Votes.agreeing(w.tally, votes, counted);
        uint256 fee = facts.terms.seatFee;
        uint256 pay = s.fromEscrow(valid * fee + attestFee, s.due, facts.terms.pot);
        s.pay(validator, Sheets.VALIDATOR, all, valid + refused, pay + refused * fee);
    }

    // --- sheets

    /// @dev Room for all that a round may come to.
    function _sheet(
        Facts calldata facts,
        Entry[] calldata entries,
        Reveal[] calldata reveals,
        Extra[] calldata extras,
        address[] calldata attesters
    ) internal pure returns (Sheet memory s) {
        uint256 voters = reveals.length + extras.length;
        uint256 canaries = facts.opened.length;
        s = Sheets.open(
            entries.length + voters + attesters.length + canaries * (voters + 2), entries.length, canaries * voters, entries.length
        );
        s.out.outcomes = new bytes(entries.length);
    }

    function _void(uint256 n) internal pure returns (Settlement memory out) {
        out.outcomes = new bytes(n);
        for (uint256 i; i < n; ++i) {
            out.outcomes[i] = bytes1(Votes.VOID);
        }
    }
}
