// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Good, PayTerms, Ruling} from "../interfaces/ITally.sol";
import {Aside, Ballot} from "../interfaces/RoundLedgerTypes.sol";
import {Ballots} from "./Ballots.sol";
import {Sheet, Sheets} from "./Sheet.sol";
import {Votes} from "./Votes.sol";

/// @dev Settles one submission's share by its ballots: canaries, and what was set aside. The court corrects votes, not outcomes.
/// `backings` are kept under a validator's first ballot.
library Share {
    uint8 internal constant PASSED_CANARY = 1;
    uint8 internal constant OVERRULED = 2;
    /// @dev Of what passing a canary costs beyond the burn, the seats that refused it get this many quarters.
    uint256 private constant REFUSERS_QUARTERS = 3;

    /// @return outcome as in the event RoundFinal
    function settle(
        Sheet memory s,
        PayTerms calldata terms,
        Aside memory aside,
        uint256[] memory backings,
        Ruling memory ruling,
        bool isOpened
    ) internal pure returns (uint8 outcome) {
        if (aside.canary != 0 && !isWithheld(_verdictOf(terms, aside))) {
            (bool isFalse, address by) = _foundGood(ruling, uint8(aside.canary >> 1), uint16(aside.canary >> 9));
            if (isFalse) return _falseCanary(s, terms, aside, by);
            return _canary(s, terms, aside, backings);
        }
        if (ruling.isBad) return _bad(s, terms, aside, backings, ruling.badBy);
        return _votes(s, terms, aside, backings, ruling, isOpened);
    }

    /// @dev Whether a quorum found the artifact unavailable or malformed. Nobody could see the fault that a canary's mark names: it is none, and
    /// costs what withholding costs. Else garbage would be free under a canary's mark.
    function isWithheld(uint256 verdict) internal pure returns (bool) {
        return verdict >= Votes.UNAVAILABLE;
    }

    function _verdictOf(PayTerms calldata terms, Aside memory aside) private pure returns (uint256 verdict) {
        // slither-disable-next-line unused-return the seats of the verdict aren't needed
        (verdict,) = Votes.winner(Ballots.tallyOf(aside.ballots), Votes.quorumOf(terms.seats));
    }

    /// @dev Who passed it is cut. Fees of those who refused it come from its maker, who may get the canary fee.
    function _canary(Sheet memory s, PayTerms calldata terms, Aside memory aside, uint256[] memory backings) private pure returns (uint8) {
        (uint256 pool, uint256 refusing) = (0, 0);
        for (uint256 i; i < aside.ballots.length; ++i) {
            Ballot memory b = aside.ballots[i];
            if (b.verdict == Votes.VALID) pool += _cut(s, terms, aside, backings, i, PASSED_CANARY);
            else if (b.verdict == Votes.VALID + 1) refusing += b.seats;
        }
        uint256 shared = pool * REFUSERS_QUARTERS / 4;
        if (refusing == 0) s.burn(shared);
        // slither-disable-next-line uninitialized-local sums from zero
        uint256 given;
        for (uint256 i; i < aside.ballots.length; ++i) {
            Ballot memory b = aside.ballots[i];
            bool refused = b.verdict == Votes.VALID + 1;
            // slither-disable-next-line divide-before-multiply whole wei are shared; what rounding leaves goes to the maker
            uint256 bonus = refused ? shared * b.seats / refusing : 0;
            given += bonus;
            s.pay(b.validator, Sheets.VALIDATOR, 0, refused ? b.seats : 0, refused ? b.seats * terms.seatFee + bonus : 0);
        }
        address maker = address(uint160(aside.who >> 96));
        uint256 refund = aside.isRefunded ? s.fromEscrow(terms.canaryFee) : 0;
        s.pay(maker, Sheets.TRAINER, 1, 0, refund + pool - (refusing == 0 ? shared : given));
        if (refusing != 0) s.slash(maker, aside.index, 0, refusing * terms.seatFee);
        return Votes.CANARY;
    }

    /// @dev A canary that its leaf doesn't bear out costs its maker what a lie costs; who passed it was right.
    function _falseCanary(Sheet memory s, PayTerms calldata terms, Aside memory aside, address challenger) private pure returns (uint8) {
        uint256 fees = _feesOf(s, terms, aside, true);
        s.credit(challenger, terms.bond / 2);
        s.slash(address(uint160(aside.who >> 96)), aside.index, terms.bond - terms.bond / 2, terms.bond / 2 + fees);
        return Votes.FALSE_CANARY;
    }

    /// @dev A leaf was shown to be bad: half of the bond is burned, half goes to whoever showed it, with half of the passers' cuts.
    function _bad(Sheet memory s, PayTerms calldata terms, Aside memory aside, uint256[] memory backings, address challenger)
        private
        pure
        returns (uint8)
    {
        uint256 fees = _feesOf(s, terms, aside, false);
        uint256 reward = terms.bond / 2;
        s.slash(address(uint160(aside.who >> 96)), aside.index, terms.bond - reward, reward + fees);
        for (uint256 i; i < aside.ballots.length; ++i) {
            if (aside.ballots[i].verdict == Votes.VALID) reward += _cut(s, terms, aside, backings, i, OVERRULED);
        }
        s.credit(challenger, reward);
        return Votes.INVALID;
    }

    /// @dev The votes decide, those that a ruling overruled as valid ones.
    function _votes(
        Sheet memory s,
        PayTerms calldata terms,
        Aside memory aside,
        uint256[] memory backings,
        Ruling memory ruling,
        bool isOpened
    ) private pure returns (uint8 outcome) {
        Ballot[] memory ballots = aside.ballots;
        bool[] memory overruled = new bool[](ballots.length);
        for (uint256 i; i < ballots.length; ++i) {
            Ballot memory b = ballots[i];
            if (b.verdict == Votes.VALID) continue;
            address by;
            (overruled[i], by) = _foundGood(ruling, b.reason, b.leaf);
            if (!overruled[i]) continue;
            if (b.verdict != Votes.UNAVAILABLE) s.credit(by, _cut(s, terms, aside, backings, i, OVERRULED));
            b.verdict = uint8(Votes.VALID);
        }

        (uint256 tally, uint256 quorum) = (Ballots.tallyOf(ballots), Votes.quorumOf(terms.seats));
        // slither-disable-next-line unused-return the seats of the verdict aren't needed
        (uint256 verdict,) = Votes.winner(tally, quorum);
        outcome = Votes.outcome(tally, quorum, verdict, aside.isHeld);
        address trainer = address(uint160(aside.who >> 96));
        // slither-disable-next-line uninitialized-local sums from zero
        uint256 fees;
        for (uint256 i; i < ballots.length; ++i) {
            Ballot memory b = ballots[i];
            bool agreed = b.verdict == verdict && !overruled[i];
            uint256 fee = agreed ? b.seats * terms.seatFee : 0;
            if (verdict == Votes.VALID) fee = s.fromEscrow(fee);
            else fees += fee;
            s.pay(b.validator, Sheets.VALIDATOR, 0, agreed ? b.seats : 0, fee);
        }
        if (outcome == Votes.PAID) {
            if (!isOpened) return Votes.UNOPENED;
            uint256 pay = s.fromEscrow(uint256(uint32(aside.who >> 64)) * terms.price);
            if (pay != 0) s.pay(trainer, Sheets.TRAINER, 1, 1, pay);
        } else if (outcome != Votes.NOT_HELD && outcome != Votes.NO_QUORUM) {
            s.slash(trainer, aside.index, outcome == Votes.DOUBTED ? 0 : terms.bond, fees);
        }
    }

    /// @dev Whether a leaf was found good by that check, and who challenged it.
    function _foundGood(Ruling memory ruling, uint8 check, uint16 leaf) private pure returns (bool, address) {
        for (uint256 i; i < ruling.goods.length; ++i) {
            Good memory g = ruling.goods[i];
            if (g.check == check && g.leaf == leaf) return (true, g.by);
        }
        return (false, address(0));
    }

    /// @dev Pays the seats that were right out of the trainer's stake: those that passed, or those that refused.
    function _feesOf(Sheet memory s, PayTerms calldata terms, Aside memory aside, bool passing) private pure returns (uint256 fees) {
        for (uint256 i; i < aside.ballots.length; ++i) {
            Ballot memory b = aside.ballots[i];
            bool right = (b.verdict == Votes.VALID) == passing;
            uint256 fee = right ? b.seats * terms.seatFee : 0;
            fees += fee;
            s.pay(b.validator, Sheets.VALIDATOR, 0, right ? b.seats : 0, fee);
        }
    }

    /// @dev Cuts the validator of a ballot, as far as its stake reaches. @return the half that isn't burned
    function _cut(Sheet memory s, PayTerms calldata terms, Aside memory aside, uint256[] memory backings, uint256 i, uint8 reason)
        private
        pure
        returns (uint256)
    {
        uint256 at = Ballots.firstOf(aside.ballots, i);
        uint256 amount = aside.ballots[i].seats * terms.cut;
        if (amount > backings[at]) amount = backings[at];
        backings[at] -= amount;
        return s.cut(aside.ballots[i].validator, aside.index, reason, amount);
    }
}
