// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ballot, Extra, Reveal} from "../interfaces/RoundLedgerTypes.sol";
import {Votes} from "./Votes.sol";

/// @dev The votes on a single submission, taken out of a round's reveals and extra votes: what a share that is set aside keeps.
library Ballots {
    /// @param short whether the submission's extra votes count
    function ofSubmission(Reveal[] calldata reveals, Extra[] calldata extras, uint256 index, bool short)
        internal
        pure
        returns (Ballot[] memory ballots)
    {
        ballots = new Ballot[](reveals.length + (short ? extras.length : 0));
        uint256 n;
        for (uint256 i; i < reveals.length; ++i) {
            n = _add(ballots, n, reveals[i].validator, find(reveals[i].votes, index));
        }
        for (uint256 i; short && i < extras.length; ++i) {
            n = _add(ballots, n, extras[i].validator, find(extras[i].votes, index));
        }
        assembly ("memory-safe") {
            mstore(ballots, n)
        }
    }

    /// @dev The vote on `index`, 0 if there is none. A vote is never 0: it has a verdict.
    function find(bytes calldata votes, uint256 index) internal pure returns (uint256 vote) {
        for (uint256 pos; pos < votes.length; pos += Votes.SIZE) {
            vote = Votes.word(votes, pos);
            if (vote >> 48 >= index) return vote >> 48 == index ? vote : 0;
        }
        return 0;
    }

    /// @dev Place of a validator among reveals in ascending order, or their number.
    function placeOf(Reveal[] calldata reveals, address validator) internal pure returns (uint256) {
        // slither-disable-next-line uninitialized-local the search begins at zero
        uint256 lo;
        uint256 hi = reveals.length;
        while (lo < hi) {
            uint256 mid = (lo + hi) / 2;
            if (reveals[mid].validator < validator) lo = mid + 1;
            else hi = mid;
        }
        return lo < reveals.length && reveals[lo].validator == validator ? lo : reveals.length;
    }

    /// @dev The tally of ballots: of a validator there are two at most, one a draw.
    function tallyOf(Ballot[] memory ballots) internal pure returns (uint256 tally) {
        for (uint256 i; i < ballots.length; ++i) {
            uint256 first = firstOf(ballots, i);
            tally += Votes.one(ballots[i].seats, _said(ballots[i]), first < i ? _said(ballots[first]) : 0);
        }
    }

    /// @dev The first ballot of the same validator: under it, what a validator can still lose is kept.
    function firstOf(Ballot[] memory ballots, uint256 i) internal pure returns (uint256 k) {
        while (ballots[k].validator != ballots[i].validator) ++k;
    }

    function _said(Ballot memory b) private pure returns (uint256) {
        return uint256(b.verdict) << 8 | b.reason;
    }

    function _add(Ballot[] memory ballots, uint256 n, address validator, uint256 vote) private pure returns (uint256) {
        if (vote == 0) return n;
        uint8 seats = uint8(Votes.bits((vote >> 32) & 0xffff));
        ballots[n] = Ballot(validator, seats, uint8(vote >> 24), uint8(vote >> 16), uint16(vote));
        return n + 1;
    }
}
