// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev The ledger's packed words, one type each; the trainer's is in Trainer.sol. Fields are listed from the lowest bit. Stake on the line is in gwei (64 bits), money
/// in wei. Nothing here checks that a value fits: the callers' bounds are named where they aren't obvious.

uint32 constant NEVER = type(uint32).max;

/// @dev price 64 | maxUnits 32 | seatFee 72 | pot 88
type Money is uint256;

/// @dev bond 64 | cut 64, both in gwei | canaryFee 72 in wei | canaryRate 16 | power 16
type Stakes is uint256;

/// @dev attestFee 72 | minStake 64 | lead 16 | minTrainers 8 | attestTime 16 | rounds 16 | genesis stake attested 64
type Opening is uint256;

/// @dev The stake line: length 64 | previous 64 | live 64 | changedAt 32 | trainers 32. `length` holds from round `changedAt` on,
/// `previous` before it; `live` is the stake that hasn't left.
type Line is uint256;

/// @dev A validator's stretch [lo, hi) of the line in the rounds [from, until): from 32 | until 32 | lo 64 | hi 63 | attested genesis 1 |
/// cut 64. `cut` is the part of its stake that it has lost; the stretch stays as long as it was.
type Lot is uint256;

/// @dev A round with submissions: tag 16 | submissions 16 | reveals 16 | final 1 | disputed 1 | canaried 1, and from bit 64 on: line 64 |
/// seed 128. The tag is the round's number; `submissions` is set by the seal; the two flags tell whether there is more to read.
type Round is uint256;

/// @dev The first root attested for a round's checkpoint, or the one that won: tag 16 | weight 64 | won 1 | other 1, and from bit 96 on:
/// root 160. `other` tells that a root won which wasn't attested first.
type Candidate is uint256;

using Monies for Money global;
using Openings for Opening global;
using Lines for Line global;
using Lots for Lot global;
using Rounds for Round global;
using Candidates for Candidate global;
using StakesWord for Stakes global;

library Monies {
    function price(Money m) internal pure returns (uint256) {
        return uint64(Money.unwrap(m));
    }

    function maxUnits(Money m) internal pure returns (uint256) {
        return uint32(Money.unwrap(m) >> 64);
    }

    function seatFee(Money m) internal pure returns (uint256) {
        return uint72(Money.unwrap(m) >> 96);
    }

    function pot(Money m) internal pure returns (uint256) {
        return Money.unwrap(m) >> 168;
    }
}

library StakesWord {
    /// @return wei
    function bond(Stakes k) internal pure returns (uint256) {
        return uint256(uint64(Stakes.unwrap(k))) * 1 gwei;
    }

    /// @return wei
    function cut(Stakes k) internal pure returns (uint256) {
        return uint256(uint64(Stakes.unwrap(k) >> 64)) * 1 gwei;
    }

    function canaryFee(Stakes k) internal pure returns (uint256) {
        return uint72(Stakes.unwrap(k) >> 128);
    }

    function canaryRate(Stakes k) internal pure returns (uint256) {
        return uint16(Stakes.unwrap(k) >> 200);
    }

    function power(Stakes k) internal pure returns (uint256) {
        return uint16(Stakes.unwrap(k) >> 216);
    }
}

library Openings {
    function attestFee(Opening o) internal pure returns (uint256) {
        return uint72(Opening.unwrap(o));
    }

    function minStake(Opening o) internal pure returns (uint256) {
        return uint64(Opening.unwrap(o) >> 72);
    }

    function lead(Opening o) internal pure returns (uint16) {
        return uint16(Opening.unwrap(o) >> 136);
    }

    function minTrainers(Opening o) internal pure returns (uint8) {
        return uint8(Opening.unwrap(o) >> 152);
    }

    function attestTime(Opening o) internal pure returns (uint16) {
        return uint16(Opening.unwrap(o) >> 160);
    }

    function rounds(Opening o) internal pure returns (uint16) {
        return uint16(Opening.unwrap(o) >> 176);
    }

    function genesis(Opening o) internal pure returns (uint256) {
        return Opening.unwrap(o) >> 192;
    }

    function plusGenesis(Opening o, uint256 size) internal pure returns (Opening) {
        return Opening.wrap(Opening.unwrap(o) + (size << 192));
    }

    function minusGenesis(Opening o, uint256 size) internal pure returns (Opening) {
        return Opening.wrap(Opening.unwrap(o) - (size << 192));
    }
}

library Lines {
    function length(Line l) internal pure returns (uint256) {
        return uint64(Line.unwrap(l));
    }

    function live(Line l) internal pure returns (uint256) {
        return uint64(Line.unwrap(l) >> 128);
    }

    function trainers(Line l) internal pure returns (uint256) {
        return Line.unwrap(l) >> 224;
    }

    /// @dev The length that counts in a round that is open now.
    function inRound(Line l, uint256 round) internal pure returns (uint256) {
        return round >= uint32(Line.unwrap(l) >> 192) ? uint64(Line.unwrap(l)) : uint64(Line.unwrap(l) >> 64);
    }

    /// @dev Another length for rounds from `from` on.
    function resized(Line l, uint256 to, uint256 from) internal pure returns (Line) {
        uint256 w = Line.unwrap(l);
        if (uint32(w >> 192) != from) {
            uint256 previous = uint64(w);
            w = w & ~(uint256(type(uint32).max) << 192 | uint256(type(uint64).max) << 64) | from << 192 | previous << 64;
        }
        return Line.wrap(w & ~uint256(type(uint64).max) | to);
    }

    function plusLive(Line l, uint256 size) internal pure returns (Line) {
        return Line.wrap(Line.unwrap(l) + (size << 128));
    }

    function minusLive(Line l, uint256 size) internal pure returns (Line) {
        return Line.wrap(Line.unwrap(l) - (size << 128));
    }

    function plusTrainer(Line l) internal pure returns (Line) {
        return Line.wrap(Line.unwrap(l) + (1 << 224));
    }

    function minusTrainer(Line l) internal pure returns (Line) {
        return Line.wrap(Line.unwrap(l) - (1 << 224));
    }
}

library Lots {
    uint256 private constant HI = (1 << 63) - 1;

    function make(uint256 from_, uint256 lo_, uint256 hi_) internal pure returns (Lot) {
        return Lot.wrap(from_ | uint256(NEVER) << 32 | lo_ << 64 | hi_ << 128);
    }

    function from(Lot l) internal pure returns (uint32) {
        return uint32(Lot.unwrap(l));
    }

    /// @dev Zero where there is no lot.
    function until(Lot l) internal pure returns (uint32) {
        return uint32(Lot.unwrap(l) >> 32);
    }

    function lo(Lot l) internal pure returns (uint256) {
        return uint64(Lot.unwrap(l) >> 64);
    }

    function hi(Lot l) internal pure returns (uint256) {
        return (Lot.unwrap(l) >> 128) & HI;
    }

    function size(Lot l) internal pure returns (uint256) {
        unchecked {
            return hi(l) - lo(l);
        }
    }

    function isNone(Lot l) internal pure returns (bool) {
        return Lot.unwrap(l) == 0;
    }

    function hasGenesis(Lot l) internal pure returns (bool) {
        return (Lot.unwrap(l) >> 191) & 1 != 0;
    }

    function withGenesis(Lot l) internal pure returns (Lot) {
        return Lot.wrap(Lot.unwrap(l) | 1 << 191);
    }

    /// @dev Gwei of its stake that the lot has lost.
    function cut(Lot l) internal pure returns (uint256) {
        return Lot.unwrap(l) >> 192;
    }

    /// @dev Gwei of its stake that are left.
    function backing(Lot l) internal pure returns (uint256) {
        return size(l) - cut(l);
    }

    function plusCut(Lot l, uint256 amount) internal pure returns (Lot) {
        return Lot.wrap(Lot.unwrap(l) + (amount << 192));
    }

    function countsIn(Lot l, uint256 round) internal pure returns (bool) {
        return from(l) <= round && round < until(l);
    }

    function holds(Lot l, uint256 point) internal pure returns (bool) {
        return point >= lo(l) && point < hi(l);
    }

    function withUntil(Lot l, uint256 round) internal pure returns (Lot) {
        return Lot.wrap(Lot.unwrap(l) & ~(uint256(NEVER) << 32) | round << 32);
    }
}

library Rounds {
    function make(uint256 round, uint256 line_) internal pure returns (Round) {
        return Round.wrap(round | line_ << 64);
    }

    function tag(Round r) internal pure returns (uint16) {
        return uint16(Round.unwrap(r));
    }

    function submissions(Round r) internal pure returns (uint256) {
        return uint16(Round.unwrap(r) >> 16);
    }

    function reveals(Round r) internal pure returns (uint16) {
        return uint16(Round.unwrap(r) >> 32);
    }

    function isFinal(Round r) internal pure returns (bool) {
        return (Round.unwrap(r) >> 48) & 1 != 0;
    }

    function isDisputed(Round r) internal pure returns (bool) {
        return (Round.unwrap(r) >> 49) & 1 != 0;
    }

    function hasCanaries(Round r) internal pure returns (bool) {
        return (Round.unwrap(r) >> 50) & 1 != 0;
    }

    function line(Round r) internal pure returns (uint256) {
        return uint64(Round.unwrap(r) >> 64);
    }

    /// @dev Zero before the seal.
    function seed(Round r) internal pure returns (bytes16) {
        return bytes16(bytes32(Round.unwrap(r)));
    }

    function withSeal(Round r, bytes16 seed_, uint256 submissions_) internal pure returns (Round) {
        return Round.wrap(Round.unwrap(r) | uint256(bytes32(seed_)) | submissions_ << 16);
    }

    /// @dev At most as many as there are lots, which are bounded by minStake.
    function plusReveal(Round r) internal pure returns (Round) {
        return Round.wrap(Round.unwrap(r) + (1 << 32));
    }

    function finalized(Round r) internal pure returns (Round) {
        return Round.wrap(Round.unwrap(r) | 1 << 48);
    }

    function withDispute(Round r) internal pure returns (Round) {
        return Round.wrap(Round.unwrap(r) | 1 << 49);
    }

    function withCanary(Round r) internal pure returns (Round) {
        return Round.wrap(Round.unwrap(r) | 1 << 50);
    }
}

library Candidates {
    function make(uint256 round, bytes32 root) internal pure returns (Candidate) {
        return Candidate.wrap(uint256(root) >> 96 << 96 | round);
    }

    function tag(Candidate c) internal pure returns (uint16) {
        return uint16(Candidate.unwrap(c));
    }

    function weight(Candidate c) internal pure returns (uint256) {
        return uint64(Candidate.unwrap(c) >> 16);
    }

    function won(Candidate c) internal pure returns (bool) {
        return (Candidate.unwrap(c) >> 80) & 1 != 0;
    }

    function isOther(Candidate c) internal pure returns (bool) {
        return (Candidate.unwrap(c) >> 81) & 1 != 0;
    }

    /// @dev A root that wins without having been attested first.
    function makeOther(uint256 round, bytes32 root, uint256 weight_) internal pure returns (Candidate) {
        return Candidate.wrap(Candidate.unwrap(make(round, root)) | weight_ << 16 | 1 << 81);
    }

    function isFor(Candidate c, bytes32 root) internal pure returns (bool) {
        return Candidate.unwrap(c) >> 96 == uint256(root) >> 96;
    }

    function plusWeight(Candidate c, uint256 size) internal pure returns (Candidate) {
        return Candidate.wrap(Candidate.unwrap(c) + (size << 16));
    }

    function withWon(Candidate c) internal pure returns (Candidate) {
        return Candidate.wrap(Candidate.unwrap(c) | 1 << 80);
    }
}
