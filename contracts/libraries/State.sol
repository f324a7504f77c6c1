// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clock} from "./Clock.sol";
import {Trainer} from "./Trainer.sol";
import {Waiting} from "./Waiting.sol";
import {Candidate, Line, Lot, Money, Opening, Round, Stakes} from "./Words.sol";

/// @dev Rounds live in rings of 16, keyed by round mod 16; a round's tag tells its words from older ones. Publication holds a round's
/// span to 8 periods, and the span of its disputes to 15, so that a slot is free again before it is needed.
uint256 constant RING = 16;

/// @dev What the ledger stores for a task.
/// @param accs running hash over submissions 224 | tag 16 | count 16
/// @param extras the same over the votes of the extra draw
/// @param others gwei behind roots that weren't attested first, by keccak(round, root)
/// @param otherRoots which of them a validator attested in a round
/// @param marks what a validator did in a round, see `Mark`
/// @param holes stretches of the line that nobody holds any more
/// @param waits what the task waits for beyond its rounds
/// @param disputed, @param canaries per round, a bit per submission
/// @param opened how a canary was opened: rank 128 | leaf 32 | check 8, above bit 1, which is set
/// @param disputes of submissions, by round and index; they stay
/// @param goodBy who had a leaf found good, by check 8 | leaf 16
/// @param waiting hash of a share that was set aside
/// @param rootPay what an attester of a disputed root is due, plus one; 0 without a dispute
struct Task {
    Clock clock;
    Money money;
    Stakes stakes;
    Opening opening;
    Line line;
    bytes32 specHash;
    bytes32 genesis;
    mapping(uint256 slot => uint256) accs;
    mapping(uint256 slot => uint256) extras;
    mapping(uint256 slot => Round) rounds;
    mapping(uint256 slot => Candidate) candidates;
    mapping(bytes32 key => uint256) others;
    mapping(uint256 round => mapping(address account => bytes32)) otherRoots;
    mapping(address account => Lot) lots;
    mapping(address account => Trainer) trainers;
    mapping(address account => mapping(uint256 slot => uint256)) marks;
    Hole[] holes;
    Waiting waits;
    mapping(uint256 round => uint256) disputed;
    mapping(uint256 round => uint256) canaries;
    mapping(uint256 round => mapping(uint256 index => uint256)) opened;
    mapping(uint256 round => mapping(uint256 index => Dispute)) disputes;
    mapping(uint256 round => mapping(uint256 index => mapping(uint256 leaf => address))) goodBy;
    mapping(uint256 round => mapping(uint256 index => bytes32)) waiting;
    mapping(uint256 round => uint256) rootPay;
}

/// @dev In gwei.
struct Hole {
    uint64 lo;
    uint64 hi;
}

/// @dev What the court has said of a submission so far. Two words.
/// @param open cases that aren't ruled on, @param since unix second of the newest ruling, or of the round's end if that came later: from then
/// on there is time to show a salt; the rest as in `Ruling`
struct Dispute {
    uint16 open;
    uint40 since;
    bool isBad;
    address badBy;
}
