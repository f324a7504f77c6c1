// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITaskMarketErrors, Terms} from "../interfaces/ITaskMarket.sol";
import {Economics} from "./Economics.sol";

/// @dev Which terms are refused at publication. Ranges are those of the ledger's words; each other rule has its own error, which names
/// the number that would do.
library TermsCheck {
    uint256 internal constant MAX_SEATS = 16;
    /// @dev The ledger's rings hold 16 rounds: a round is over, and what the court may still decide of it too, before its words are reused.
    uint256 internal constant SPAN_PERIODS = 8;
    uint256 internal constant COURT_PERIODS = 15;
    /// @dev A challenger's bond pays 9 jurors twice over.
    uint256 internal constant JURY_FEES = 18;
    /// @dev A lot is at least a sixteenth of the minimum stake.
    uint256 internal constant LOTS = 16;

    /// @param unbonding seconds that unbonding takes
    function check(Terms calldata t, uint256 unbonding) internal pure {
        _counts(t);
        _amounts(t);
        _windows(t, unbonding);
        _economics(t);
        _canaries(t);
        _pot(t);
    }

    function _counts(Terms calldata t) private pure {
        require(t.rounds != 0 && t.rounds != type(uint16).max, ITaskMarketErrors.BadTerms("rounds"));
        require(t.period != 0, ITaskMarketErrors.BadTerms("period"));
        require(t.work != 0 && t.work <= t.period, ITaskMarketErrors.BadTerms("work"));
        require(t.commitWindow != 0, ITaskMarketErrors.BadTerms("commitWindow"));
        require(t.revealWindow != 0, ITaskMarketErrors.BadTerms("revealWindow"));
        require(t.attestTime != 0, ITaskMarketErrors.BadTerms("attestTime"));
        require(t.staleness != 0, ITaskMarketErrors.BadTerms("staleness"));
        require(t.seats >= 2, ITaskMarketErrors.SeatsTooFew(t.seats, 2));
        require(t.seats <= MAX_SEATS, ITaskMarketErrors.BadTerms("seats"));
        require(t.maxUnits != 0, ITaskMarketErrors.BadTerms("maxUnits"));
        require(t.canaryRate <= Economics.PARTS, ITaskMarketErrors.BadTerms("canaryRate"));
        require(t.power <= Economics.PARTS, ITaskMarketErrors.BadTerms("power"));
    }

    function _amounts(Terms calldata t) private pure {
        require(t.minStake != 0 && _isGwei(t.minStake), ITaskMarketErrors.BadTerms("minStake"));
        require(t.bond != 0 && _isGwei(t.bond), ITaskMarketErrors.BadTerms("bond"));
        require(_isGwei(t.cut), ITaskMarketErrors.BadTerms("cut"));
        require(t.price <= type(uint64).max, ITaskMarketErrors.BadTerms("price"));
        require(t.seatFee <= type(uint72).max, ITaskMarketErrors.BadTerms("seatFee"));
        require(t.attestFee <= type(uint72).max, ITaskMarketErrors.BadTerms("attestFee"));
        require(t.canaryFee <= type(uint72).max, ITaskMarketErrors.BadTerms("canaryFee"));
        require(t.pot <= type(uint88).max / 2, ITaskMarketErrors.BadTerms("pot")); // one round's claims fit the vault's word
    }

    function _windows(Terms calldata t, uint256 unbonding) private pure {
        uint256 period = t.period;
        uint256 toVotes = uint256(t.work) + t.sealDelay + t.commitWindow + t.revealWindow + t.extraWindow;
        uint256 ready = toVotes + t.attestTime;
        uint256 allowed = t.staleness * period;
        require(ready <= allowed, ITaskMarketErrors.WindowsTooLong(ready, allowed));

        uint256 needed = 2 * uint256(t.attestTime);
        require(t.challengeWindow >= needed, ITaskMarketErrors.ChallengeTooShort(t.challengeWindow, needed));

        uint256 span = toVotes + t.challengeWindow;
        require(span <= SPAN_PERIODS * period, ITaskMarketErrors.SpanTooLong(span, SPAN_PERIODS * period));
        span += uint256(t.sealDelay) + 2 * uint256(t.commitWindow) + t.revealWindow + t.challengeWindow; // the court, appeal included
        require(span <= COURT_PERIODS * period, ITaskMarketErrors.SpanTooLong(span, COURT_PERIODS * period));

        needed = span + t.challengeWindow; // a share that was set aside may wait one more for its salt
        require(unbonding >= needed, ITaskMarketErrors.UnbondingTooShort(unbonding, needed));
    }

    function _economics(Terms calldata t) private pure {
        (bool hasExtraDraw, uint256 pay) = (t.extraWindow != 0, t.price * t.maxUnits);
        uint256 power = Economics.leastPower(t.seats, hasExtraDraw, pay);
        require(t.power >= power, ITaskMarketErrors.PowerTooSmall(t.power, power));

        uint256 deterring = Economics.leastBond(t.seats, hasExtraDraw, t.power, pay);
        uint256 forJuries = Economics.inGwei(JURY_FEES * t.seatFee);
        uint256 bond = deterring > forJuries ? deterring : forJuries;
        require(t.bond >= bond, ITaskMarketErrors.BondTooSmall(t.bond, bond));
    }

    function _canaries(Terms calldata t) private pure {
        // slither-disable-next-line divide-before-multiply cuts are whole gwei: rounded down on purpose
        uint256 allowed = t.minStake / LOTS / t.seats / 1 gwei * 1 gwei;
        require(t.cut <= allowed, ITaskMarketErrors.CutTooLarge(t.cut, allowed));
        require(t.canaryRate == 0 || t.cut != 0, ITaskMarketErrors.CutTooSmall(t.cut, 1 gwei));
        uint256 fees = t.seats * t.seatFee;
        require(t.canaryRate == 0 || t.canaryFee <= fees, ITaskMarketErrors.CanaryFeeTooLarge(t.canaryFee, fees));
    }

    function _pot(Terms calldata t) private pure {
        uint256 draws = t.extraWindow == 0 ? 1 : 2;
        uint256 needed = t.price * t.maxUnits + draws * t.seats * t.seatFee;
        if (t.canaryRate != 0) needed += t.canaryFee;
        require(t.pot >= needed, ITaskMarketErrors.PotTooSmall(t.pot, needed));
    }

    function _isGwei(uint256 amount) private pure returns (bool) {
        return amount % 1 gwei == 0 && amount / 1 gwei <= type(uint64).max;
    }
}
