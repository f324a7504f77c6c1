// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clock} from "./Clock.sol";
import {Candidate, Line, Lot, Money, Opening, Round, Trainer} from "./Words.sol";

/// @dev Rounds live in rings of 16, keyed by round mod 16; a round's tag tells its words from older ones. Publication holds a round's
/// span to 8 periods, so that a slot is free again long before it is needed.
uint256 constant RING = 16;

/// @dev What the ledger stores for a task.
/// @param accs running hash 224 | tag 16 | count 16
/// @param others gwei behind roots that weren't attested first, by keccak(round, root)
/// @param marks what a validator did in a round, see `Mark`
/// @param holes stretches of the line that nobody holds any more
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

/// @dev In gwei.
struct Hole {
    uint64 lo;
    uint64 hi;
}
