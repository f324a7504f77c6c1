// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Entry, Reveal} from "../../contracts/interfaces/IRoundLedger.sol";
import {BlockHeader} from "../../contracts/libraries/BlockHeader.sol";
import {Books} from "../../contracts/libraries/Book.sol";
import {Clock, Clocks} from "../../contracts/libraries/Clock.sol";
import {Draw} from "../../contracts/libraries/Draw.sol";
import {Mark} from "../../contracts/libraries/Mark.sol";
import {Settling} from "../../contracts/libraries/Settling.sol";
import {Task} from "../../contracts/libraries/State.sol";
import {TypedData} from "../../contracts/libraries/TypedData.sol";
import {Lots, Money, Trainer, Trainers} from "../../contracts/libraries/Words.sol";

/// @dev The ledger's libraries, reachable from a test.
contract Rules {
    uint32 internal constant ROUND = 1;
    uint256 internal constant TASK = 1;

    Task internal _task;

    function auditSeed(uint256 task, uint32 round, bytes32 prevRandao) external view returns (bytes16) {
        return Draw.auditSeed(task, round, prevRandao);
    }

    function seatPoint(bytes16 seed, uint256 index, uint256 seat, uint256 line) external pure returns (uint256) {
        return Draw.seatPoint(seed, index, seat, line);
    }

    function domain() external view returns (bytes32) {
        return TypedData.domain();
    }

    function parse(bytes calldata header) external pure returns (BlockHeader.Fields memory) {
        return BlockHeader.parse(header);
    }

    function windows(Clock c, uint256 round) external pure returns (uint256[6] memory) {
        return [c.opens(round), c.workEnd(round), c.sealAt(round), c.commitEnd(round), c.revealEnd(round), c.challengeEnd(round)];
    }

    function current(Clock c) external view returns (uint32) {
        return c.current();
    }

    // --- pay

    /// @dev Terms of the round that `settle` plays.
    struct Given {
        uint256 price;
        uint256 seatFee;
        uint256 attestFee;
        uint256 pot;
        uint256 seats;
        uint256 bond;
        bool isSealed;
    }

    /// @dev Gives an account the trainer's word that finalize would find: `open` submissions and stake for all of them.
    function enlist(address trainer, uint256 open) external {
        _task.trainers[trainer] = Trainer.wrap(Trainer.unwrap(Trainers.make(1, 1).withEnlisted(1e27, 1e18)) | open << 192);
    }

    /// @dev Gives a validator the lot and the mark that finalize would find.
    function mark(Reveal calldata r, uint256 stake, bool revealed, bool attested) external {
        _task.lots[r.validator] = Lots.make(1, 0, stake);
        bytes32 digest = TypedData.attestation(TypedData.domain(), TASK, ROUND, r.validator, r.votes, r.held, r.evidence, r.salt);
        uint256 word = revealed ? Mark.commit(Mark.fresh(ROUND), digest) | Mark.REVEALED : Mark.fresh(ROUND);
        _task.marks[r.validator][ROUND] = attested ? word | Mark.ATTESTED : word;
    }

    struct Got {
        bytes outcomes;
        uint256 fromEscrow;
        uint256 fromBonds;
        uint256 burned;
        uint256 credits;
    }

    function settle(Given calldata g, Entry[] calldata entries, Reveal[] calldata reveals, address[] calldata attesters, uint256 weight)
        external
        returns (Got memory got)
    {
        Settling.Sheet memory s = _sheet(g, entries.length, reveals.length + attesters.length);
        Settling.open(_task, s, ROUND, weight, reveals, attesters);
        got.outcomes = g.isSealed ? Settling.judge(s, entries) : Settling.void(s, entries);
        Settling.payTrainers(_task, s);
        Settling.payValidators(s, reveals, attesters);
        for (uint256 i; i < s.book.size; ++i) {
            got.credits += s.book.lines[i].credit;
        }
        (got.fromEscrow, got.fromBonds, got.burned) = (s.fromEscrow, s.fromBonds, s.burned);
    }

    function _sheet(Given calldata g, uint256 submissions, uint256 validators) internal pure returns (Settling.Sheet memory s) {
        (s.task, s.round, s.attestFee) = (TASK, ROUND, g.attestFee);
        s.clock = Clock.wrap(g.seats << Clocks.SEATS | (g.bond / 1 gwei) << Clocks.BOND);
        s.money = Money.wrap(g.price | g.seatFee << 96 | g.pot << 168);
        s.book = Books.open(TASK, ROUND, submissions + validators);
        s.tally = new uint256[](submissions);
    }
}
