// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRoundLedgerErrors} from "../interfaces/RoundLedgerTypes.sol";
import {Draw} from "./Draw.sol";
import {Lot, Round} from "./Words.sol";

/// @dev Packed votes and their tally.
///
/// A vote is 8 bytes: index 16 | seats 16 (bit j = seat j of its draw) | verdict 8 | reason 8 | leaf 16.
/// A tally is one word per submission: for verdict v (1 to 4) its seats at bit 16(v − 1) and its voters 8 bits above; from bit 64 on, 64 bits, the
/// stake, in gwei, of the revealing validators that don't hold the artifact: most hold everything, and then there is nothing to add; from bit 128
/// on seats and voters of the INVALID votes that are of exact class.
///
/// The class of an INVALID vote follows from its reason. Statistical are those whose check has a tolerance, which another machine may miss:
/// ACTIVATION 7, SAMPLING 8, GRADIENT 14. Every other is exact.
library Votes {
    uint256 internal constant VALID = 1;
    uint256 internal constant UNAVAILABLE = 3;
    uint256 private constant FAULTY = 2;
    uint256 private constant VERDICTS = 4;
    uint256 private constant STATISTICAL = 1 << 7 | 1 << 8 | 1 << 14;
    uint256 private constant HELD_SHIFT = 64;
    uint256 private constant EXACT_SHIFT = 128;
    uint256 private constant COPIES = 0x0001000100010001000100010001000100010001000100010001000100010001;
    uint256 private constant EACH_17TH = 0x8000400020001000080004000200010000800040002000100008000400020001;
    uint256 internal constant SIZE = 8;

    uint8 internal constant PAID = 1;
    uint8 internal constant NOT_HELD = 2;
    uint8 internal constant INVALID = 3;
    uint8 internal constant NO_QUORUM = 6;
    uint8 internal constant VOID = 7;
    uint8 internal constant CANARY = 8;
    uint8 internal constant FALSE_CANARY = 9;
    uint8 internal constant ASIDE = 10;
    uint8 internal constant UNOPENED = 11;
    uint8 internal constant DOUBTED = 12;

    /// @dev Refuses votes that aren't well-formed or claim a seat that wasn't drawn.
    /// @param first number of the seat that bit 0 stands for
    function check(bytes calldata votes, Round r, uint256 seats, uint256 first, Lot lot) internal pure {
        require(votes.length % SIZE == 0, IRoundLedgerErrors.MalformedVotes());
        // slither-disable-next-line uninitialized-local the first index may be zero
        uint256 least;
        for (uint256 pos; pos < votes.length; pos += SIZE) {
            (uint256 index, uint256 mask, uint256 verdict) = read(votes, pos);
            require(
                index >= least && index < r.submissions() && mask != 0 && mask >> seats == 0 && verdict != 0 && verdict <= VERDICTS,
                IRoundLedgerErrors.MalformedVotes()
            );
            least = index + 1;
            for (uint256 j = first; mask != 0; (++j, mask >>= 1)) {
                if (mask & 1 == 0) continue;
                require(lot.holds(Draw.seatPoint(r.seed(), index, j, r.line())), IRoundLedgerErrors.SeatNotDrawn(uint16(index), uint8(j)));
            }
        }
    }

    /// @dev Adds checked votes to the tally: as `one` for each, which is written out because most of a settlement's gas is spent here.
    /// Unchecked: a submission has at most 16 seats a draw.
    function count(uint256[] memory tally, bytes calldata votes) internal pure {
        unchecked {
            for (uint256 pos; pos < votes.length; pos += SIZE) {
                uint256 vote = word(votes, pos);
                uint256 verdict = (vote >> 24) & 0xff;
                uint256 lane = 1 << 8 | bits((vote >> 32) & 0xffff);
                uint256 votes_ = lane << (16 * (verdict - 1));
                if (verdict == FAULTY && _isExact(said(vote))) votes_ |= lane << EXACT_SHIFT;
                assembly ("memory-safe") {
                    // in bounds: `check` compared the index with the number of submissions
                    let at := add(tally, shl(5, add(shr(48, vote), 1)))
                    mstore(at, add(mload(at), votes_))
                }
            }
        }
    }

    /// @dev What one validator's vote adds to a tally. Who says the same in both draws is one voter of it.
    /// @param said_ as of `said`, @param earlier what the same validator said in the other draw, or 0
    function one(uint256 seats, uint256 said_, uint256 earlier) internal pure returns (uint256 added) {
        unchecked {
            uint256 verdict = said_ >> 8;
            added = (verdict == earlier >> 8 ? seats : 1 << 8 | seats) << (16 * (verdict - 1));
            if (_isExact(said_)) added |= (_isExact(earlier) ? seats : 1 << 8 | seats) << EXACT_SHIFT;
        }
    }

    /// @return verdict 8 | reason 8 of a vote
    function said(uint256 vote) internal pure returns (uint256) {
        return (vote >> 16) & 0xffff;
    }

    /// @dev Adds `stake` to every submission that isn't in the bitmap `held`. Unchecked: all lots together fit the line, 64 bits.
    function miss(uint256[] memory tally, uint256 held, uint256 stake) internal pure {
        unchecked {
            uint256 n = tally.length;
            uint256 missing = n == 0 ? 0 : ~held & (type(uint256).max >> (256 - n));
            for (uint256 i; missing != 0; (++i, missing >>= 1)) {
                if (missing & 1 != 0) tally[i] += stake << HELD_SHIFT;
            }
        }
    }

    /// @dev Whether so few spoke in the first draw that fresh seats may vote: less than a quorum of seats, or one voter alone.
    function isShort(uint256 tally, uint256 quorum) internal pure returns (bool) {
        unchecked {
            uint256 voters = ((tally >> 8) & 0xff) + ((tally >> 24) & 0xff) + ((tally >> 40) & 0xff) + ((tally >> 56) & 0xff);
            return spoken(tally) < quorum || voters < 2;
        }
    }

    /// @return seats that were revealed, whatever they said: the product's fourth lane is the sum of all four, below 2^8
    function spoken(uint256 tally) internal pure returns (uint256 seats) {
        unchecked {
            return ((tally & 0x00ff00ff00ff00ff) * 0x0001000100010001 >> 48) & 0xff;
        }
    }

    /// @return verdict the one with a quorum of seats, two voters and two thirds of the revealed seats; 0 if there is none
    /// @return seats that agreed with it
    function winner(uint256 tally, uint256 quorum) internal pure returns (uint256 verdict, uint256 seats) {
        unchecked {
            uint256 revealed = spoken(tally);
            for (verdict = 1; verdict <= VERDICTS; ++verdict) {
                uint256 lane = (tally >> (16 * (verdict - 1))) & 0xffff;
                if (_wins(lane, quorum, revealed)) return (verdict, lane & 0xff);
            }
        }
        return (0, 0);
    }

    /// @dev Whether two thirds of the revealing stake hold the artifact.
    function isHeld(uint256 tally, uint256 stake) internal pure returns (bool) {
        unchecked {
            return 3 * uint256(uint64(tally >> HELD_SHIFT)) <= stake;
        }
    }

    /// @param verdict the tally's winner
    /// @return outcome of it, before anyone asks whether it is work. INVALID only where the votes of exact class win alone: else a few validators
    /// whose machines err, or say so, would turn a doubt into a slash.
    function outcome(uint256 tally, uint256 quorum, uint256 verdict, bool held) internal pure returns (uint8) {
        if (verdict == VALID) return held ? PAID : NOT_HELD;
        if (verdict == 0) return NO_QUORUM;
        if (verdict == FAULTY && !_wins((tally >> EXACT_SHIFT) & 0xffff, quorum, spoken(tally))) return DOUBTED;
        return uint8(verdict + 1);
    }

    function quorumOf(uint256 seats) internal pure returns (uint256) {
        unchecked {
            return (2 * seats + 2) / 3;
        }
    }

    /// @dev Seats that agree with `winners[index]` (verdict in the low byte), apart by where their fee comes from.
    /// @return all seats voted, @return valid those that agreed on VALID, @return refused those that agreed on another verdict
    function agreeing(uint256[] memory winners, bytes calldata votes, uint256 counted)
        internal
        pure
        returns (uint256 all, uint256 valid, uint256 refused)
    {
        unchecked {
            for (uint256 pos; pos < votes.length; pos += SIZE) {
                (uint256 index, uint256 mask, uint256 verdict) = read(votes, pos);
                if ((counted >> index) & 1 == 0) continue;
                uint256 n = bits(mask);
                all += n;
                uint256 winning;
                assembly ("memory-safe") {
                    winning := byte(31, mload(add(winners, shl(5, add(index, 1))))) // in bounds, as in `count`
                }
                if (verdict != winning) continue;
                if (verdict == VALID) valid += n;
                else refused += n;
            }
        }
    }

    /// @dev The vote that starts at byte `pos`.
    function read(bytes calldata votes, uint256 pos) internal pure returns (uint256 index, uint256 mask, uint256 verdict) {
        uint256 vote = word(votes, pos);
        return (vote >> 48, (vote >> 32) & 0xffff, (vote >> 24) & 0xff);
    }

    /// @dev The 64 bits of the vote that starts at byte `pos`.
    function word(bytes calldata votes, uint256 pos) internal pure returns (uint256 vote) {
        assembly ("memory-safe") {
            vote := shr(192, calldataload(add(votes.offset, pos)))
        }
    }

    /// @dev Number of set bits among 16: of 16 copies side by side one bit each is kept, the k-th of the k-th, at 17·k. Their sum is what is left
    /// of division by 2^17 − 1, by which every 2^(17·k) leaves 1.
    function bits(uint256 mask) internal pure returns (uint256) {
        unchecked {
            return (mask * COPIES & EACH_17TH) % 0x1ffff;
        }
    }

    /// @dev Whether seats and voters of a tally's lane are a quorum of seats, two voters and two thirds of the revealed seats.
    function _wins(uint256 lane, uint256 quorum, uint256 revealed) private pure returns (bool) {
        unchecked {
            uint256 seats = lane & 0xff;
            return seats >= quorum && lane >> 8 >= 2 && 3 * seats >= 2 * revealed;
        }
    }

    /// @dev Whether an INVALID vote of exact class was said.
    function _isExact(uint256 said_) private pure returns (bool) {
        return said_ >> 8 == FAULTY && (STATISTICAL >> (said_ & 0xff)) & 1 == 0;
    }
}
