// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev What the ledger stores, word by word. Amounts named `gwei…` or typed uint64 are in gwei, the others in wei.
/// Rings hold 16 rounds, keyed by round mod 16; a round's `tag` is its number, so that words of older rounds don't count.

uint256 constant RING = 16;
uint32 constant NEVER = type(uint32).max;

/// @dev The one word that most calls read. Windows in seconds, see `Windows`.
struct Clock {
    uint16 head;
    uint16 pending;
    uint16 lastRound;
    uint32 start;
    uint16 period;
    uint16 work;
    uint8 sealDelay;
    uint16 commitWindow;
    uint16 revealWindow;
    uint24 challengeWindow;
    uint8 seats;
    uint8 staleness;
    uint64 bond;
}

/// @dev Read at the end of a round.
struct Money {
    uint88 pot;
    uint64 price;
    uint72 seatFee;
    uint32 maxUnits;
}

/// @dev What decides the start, and the genesis stake counted so far.
struct Opening {
    uint72 attestFee;
    uint64 minStake;
    uint16 lead;
    uint8 minTrainers;
    uint16 attestTime;
    uint16 rounds;
    uint64 genesisWeight;
}

/// @dev The stake line. `length` holds from round `changedAt` on, `previous` before it; `live` is the stake that hasn't left.
struct Line {
    uint64 length;
    uint64 previous;
    uint32 changedAt;
    uint64 live;
    uint16 trainers;
}

/// @dev A validator's stretch [lo, hi) of the line, in the rounds [from, until).
struct Lot {
    uint32 from;
    uint32 until;
    uint64 lo;
    uint64 hi;
    bool genesis;
}

/// @dev A stretch of the line that nobody holds any more.
struct Hole {
    uint64 lo;
    uint64 hi;
}

/// @dev `open` submissions are not final; `capacity` is how many the enlisted stake can back. `maxUnits` is copied from the terms.
struct Trainer {
    uint32 from;
    uint96 enlisted;
    uint16 open;
    uint16 capacity;
    uint32 maxUnits;
    bool left;
}

/// @dev A round with at least one submission. `submissions` is set by the seal.
struct Round {
    bytes16 seed;
    uint64 line;
    uint16 tag;
    uint16 submissions;
    uint16 reveals;
    bool isFinal;
}

/// @dev The first root attested for a round's checkpoint.
struct Candidate {
    bytes20 root;
    uint16 tag;
    uint64 weight;
    bool won;
}

/// @param accs running hash 224 | tag 16 | count 16
/// @param marks what a validator did in a round, see `Mark`
/// @param others stake behind roots that weren't attested first, by keccak(round, root)
struct Task {
    Clock clock;
    Money money;
    Opening opening;
    Line line;
    bytes32 specHash;
    bytes32 genesis;
    mapping(uint256 slot => uint256) accs;
    mapping(uint256 slot => Round) rounds;
    mapping(uint256 slot => Candidate) candidates;
    mapping(bytes32 key => uint256) others;
    mapping(address account => Lot) lots;
    mapping(address account => Trainer) trainers;
    mapping(address account => mapping(uint256 slot => uint256)) marks;
    Hole[] holes;
}
