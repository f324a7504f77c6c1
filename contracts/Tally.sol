// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Facts, ITally, PayTerms, Ruling, Settlement} from "./interfaces/ITally.sol";
import {Aside, Ballot, Entry, Extra, Reveal} from "./interfaces/RoundLedgerTypes.sol";
import {Ballots} from "./libraries/Ballots.sol";
import {Marks} from "./libraries/Marks.sol";
import {Share} from "./libraries/Share.sol";
import {Sheet, Sheets} from "./libraries/Sheet.sol";
import {Votes} from "./libraries/Votes.sol";

/// @title The tally: a round's outcomes, pay and slashes. See ITally.
/// @dev `settle` goes over the submissions twice: outcomes and what the pot is asked for; then each share, when it is known how far the pot
/// reaches. Then it goes over the validators.
contract Tally is ITally {
    /// @dev What one call works on. `tally` holds votes as in `Votes`, and after `_judge` agreeing seats from bit 8 on | winning verdict 8,
    /// or for a share that is settled apart all that spoke from bit 8 on.
    /// @param stake gwei of the revealing validators
    /// @param short bit i: the extra votes on submission i count
    /// @param due wei asked of the pot
    /// @param refused, @param asides how many submissions end so
    struct Work {
        uint256[] tally;
        bytes outcomes;
        uint256 stake;
        uint256 quorum;
        uint256 short;
        uint256 held;
        uint256 due;
        uint256 refused;
        uint256 asides;
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
        // slither-disable-next-line uninitialized-local filled below
        Work memory w;
        w.tally = new uint256[](entries.length);
        w.outcomes = new bytes(entries.length);
        if (!facts.isSealed) return _void(w.outcomes);
        w.quorum = Votes.quorumOf(facts.terms.seats);
        _count(w, facts, reveals);
        if (extras.length != 0) _countExtras(w, reveals, extras);
        _judge(w, facts, entries, salts);

        Sheet memory s = _sheet(w, facts, reveals, extras, attesters);
        _share(w, s, facts, entries, reveals, extras);
        _payValidators(w, s, facts, reveals, extras, attesters);
        s.out.attestPay = s.shareOf(facts.terms.attestFee);
        return s.close();
    }

    /// @inheritdoc ITally
    function resolve(PayTerms calldata terms, Aside calldata aside, uint256[] calldata backings, Ruling calldata ruling, bool isOpened)
        external
        pure
        returns (Settlement memory)
    {
        uint256 n = aside.ballots.length;
        Sheet memory s = Sheets.open(2 * n + 2, 1, n, 0);
        (s.due, s.pot) = (aside.due, terms.pot);
        s.out.outcomes = abi.encodePacked(Share.settle(s, terms, aside, backings, ruling, isOpened));
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
                uint256 vote = Votes.word(votes, pos);
                uint256 index = vote >> 48;
                if ((w.short >> index) & 1 == 0) continue;
                uint256 earlier = place < reveals.length ? Votes.said(Ballots.find(reveals[place].votes, index)) : 0;
                w.tally[index] += Votes.one(Votes.bits((vote >> 32) & 0xffff), Votes.said(vote), earlier);
            }
        }
    }

    // --- outcomes

    /// @dev Fixes each outcome and adds what it asks of the pot: of a share that waits, its full claim.
    /// Unchecked: units · price ≤ pot < 2^87, and a round has at most 256 submissions of at most 32 seats.
    function _judge(Work memory w, Facts calldata facts, Entry[] calldata entries, bytes32[] calldata salts) internal pure {
        uint256 special = facts.disputed | facts.canaries;
        (uint256 price, uint256 fee) = (facts.terms.price, facts.terms.seatFee);
        uint256 due = facts.attesters * facts.terms.attestFee;
        uint256 n = entries.length;
        (uint256[] memory tallies, uint256 quorum, uint256 stake) = (w.tally, w.quorum, w.stake);
        unchecked {
            for (uint256 i; i < n; ++i) {
                uint256 tally = tallies[i];
                (uint256 verdict, uint256 seats) = Votes.winner(tally, quorum);
                bool held = Votes.isHeld(tally, stake);
                uint8 outcome = Votes.outcome(tally, quorum, verdict, held);
                uint256 pay = uint256(uint32(entries[i].who >> 64)) * price;
                bool isSpecial = (special >> i) & 1 != 0 && _isSpecial(facts, i, verdict);
                if (isSpecial || (outcome == Votes.PAID && !_isWork(entries[i].mark, salts, i))) {
                    (verdict, seats) = (0, Votes.spoken(tally));
                    outcome = _apart(w, facts, i, held);
                    if (outcome == Votes.ASIDE) due += pay + seats * fee;
                } else if (outcome == Votes.PAID) {
                    due += pay + seats * fee;
                } else if (outcome == Votes.NOT_HELD) {
                    due += seats * fee;
                } else if (outcome != Votes.NO_QUORUM) {
                    ++w.refused;
                }
                tallies[i] = seats << 8 | verdict;
                w.outcomes[i] = bytes1(outcome);
            }
        }
        w.due = due + _refunds(facts, n) * facts.terms.canaryFee;
    }

    /// @dev Disputed, or a canary that wasn't withheld.
    function _isSpecial(Facts calldata facts, uint256 i, uint256 verdict) internal pure returns (bool) {
        return (facts.disputed >> i) & 1 != 0 || !Share.isWithheld(verdict);
    }

    /// @dev A submission that is settled apart from the others: it waits, or it is a canary that nobody disputed.
    function _apart(Work memory w, Facts calldata facts, uint256 i, bool held) internal pure returns (uint8) {
        if (held) w.held |= 1 << i;
        if ((facts.disputed >> i) & 1 == 0 && (facts.canaries >> i) & 1 != 0) return Votes.CANARY;
        ++w.asides;
        return Votes.ASIDE;
    }

    function _isWork(bytes32 mark, bytes32[] calldata salts, uint256 i) internal pure returns (bool) {
        return i < salts.length && Marks.work(salts[i]) == mark;
    }

    /// @dev How many canaries the fee is paid for: ⌈rate · submissions⌉, if there are as many.
    function _refunds(Facts calldata facts, uint256 submissions) internal pure returns (uint256 most) {
        most = (facts.terms.canaryRate * submissions + 9_999) / 10_000;
        if (most > facts.opened.length) most = facts.opened.length;
    }

    // --- shares

    /// @dev Pays trainers and takes from them; settles canaries; builds the shares that wait.
    function _share(
        Work memory w,
        Sheet memory s,
        Facts calldata facts,
        Entry[] calldata entries,
        Reveal[] calldata reveals,
        Extra[] calldata extras
    ) internal pure {
        uint256 n = entries.length;
        (bytes memory outcomes, uint256 price) = (w.outcomes, facts.terms.price);
        // slither-disable-next-line uninitialized-local counts from zero
        uint256 canary;
        for (uint256 i; i < n; ++i) {
            uint8 outcome = uint8(outcomes[i]);
            if (outcome == Votes.PAID) {
                uint256 who = entries[i].who;
                uint256 pay = s.fromEscrow(uint256(uint32(who >> 64)) * price);
                if (pay != 0) s.pay(address(uint160(who >> 96)), Sheets.TRAINER, 1, 1, pay);
            } else if (outcome == Votes.CANARY || outcome == Votes.ASIDE) {
                Aside memory aside = _aside(w, s, entries[i], i);
                aside.ballots = Ballots.ofSubmission(reveals, extras, i, (w.short >> i) & 1 != 0);
                if ((facts.canaries >> i) & 1 != 0) (aside.canary, aside.isRefunded) = _canary(facts, n, canary);
                if (outcome == Votes.ASIDE) s.out.asides[s.asides++] = aside;
                else _settleCanary(s, facts, aside);
            } else if (outcome != Votes.NOT_HELD && outcome != Votes.NO_QUORUM) {
                uint256 fees = (w.tally[i] >> 8) * facts.terms.seatFee;
                s.slash(address(uint160(entries[i].who >> 96)), i, outcome == Votes.DOUBTED ? 0 : facts.terms.bond, fees);
            }
            if ((facts.canaries >> i) & 1 != 0) ++canary;
        }
    }

    function _aside(Work memory w, Sheet memory s, Entry calldata entry, uint256 i) internal pure returns (Aside memory aside) {
        (aside.index, aside.who, aside.mark) = (uint16(i), entry.who, entry.mark);
        (aside.isHeld, aside.due) = ((w.held >> i) & 1 != 0, s.due);
    }

    /// @dev How the k-th canary was opened, and whether the fee is paid for it: for the lowest ranks.
    function _canary(Facts calldata facts, uint256 submissions, uint256 k) internal pure returns (uint256 opened, bool isRefunded) {
        opened = facts.opened[k];
        // slither-disable-next-line uninitialized-local counts from zero
        uint256 lower;
        for (uint256 i; i < facts.opened.length; ++i) {
            if (facts.opened[i] < opened || (facts.opened[i] == opened && i < k)) ++lower;
        }
        isRefunded = lower < _refunds(facts, submissions);
    }

    /// @dev A canary that nobody disputed is settled at once. What its passers can lose falls over the round's canaries.
    function _settleCanary(Sheet memory s, Facts calldata facts, Aside memory aside) internal pure {
        uint256 n = aside.ballots.length;
        uint256[] memory backings = new uint256[](n);
        for (uint256 k; k < n; ++k) {
            backings[k] = _backing(s, facts, aside.ballots[k]);
        }
        // slither-disable-next-line uninitialized-local no ruling: empty on purpose
        Ruling memory none;
        // slither-disable-next-line unused-return a canary's outcome is known: it is one
        Share.settle(s, facts.terms, aside, backings, none, false);
    }

    /// @dev What a ballot's validator can still lose: what its lot backs, less what this round's earlier canaries cost it.
    function _backing(Sheet memory s, Facts calldata facts, Ballot memory ballot) internal pure returns (uint256 backing) {
        // slither-disable-next-line uninitialized-local counts from zero
        uint256 at;
        while (facts.voters[at].account != ballot.validator) ++at; // ballots are of voters
        backing = facts.voters[at].backing;
        for (uint256 k; k < s.cuts; ++k) {
            if (s.out.cuts[k].account == ballot.validator) backing -= uint256(s.out.cuts[k].burned) + s.out.cuts[k].paid;
        }
    }

    // --- validators

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
            s.pay(attesters[i], Sheets.VALIDATOR, 0, 0, s.fromEscrow(facts.terms.attestFee));
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
        uint256 pay = s.fromEscrow(valid * fee + attestFee);
        s.pay(validator, Sheets.VALIDATOR, all, valid + refused, pay + refused * fee);
    }

    // --- sheets

    /// @dev Room for all that a judged round comes to.
    function _sheet(Work memory w, Facts calldata facts, Reveal[] calldata reveals, Extra[] calldata extras, address[] calldata attesters)
        internal
        pure
        returns (Sheet memory s)
    {
        uint256 voters = reveals.length + extras.length;
        uint256 canaries = facts.opened.length;
        uint256 lines = w.outcomes.length + voters + attesters.length + canaries * (voters + 1);
        s = Sheets.open(lines, w.refused + canaries, canaries * voters, w.asides);
        (s.out.outcomes, s.due, s.pot) = (w.outcomes, w.due, facts.terms.pot);
    }

    function _void(bytes memory outcomes) internal pure returns (Settlement memory out) {
        out.outcomes = outcomes;
        for (uint256 i; i < outcomes.length; ++i) {
            outcomes[i] = bytes1(Votes.VOID);
        }
    }
}
