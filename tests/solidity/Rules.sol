// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BlockHeader} from "../../contracts/libraries/BlockHeader.sol";
import {Clock} from "../../contracts/libraries/Clock.sol";
import {Draw} from "../../contracts/libraries/Draw.sol";
import {Jury} from "../../contracts/libraries/Jury.sol";
import {TypedData} from "../../contracts/libraries/TypedData.sol";
import {Votes} from "../../contracts/libraries/Votes.sol";

/// @dev The ledger's libraries, reachable from a test.
contract Rules {
    function auditSeed(uint256 task, uint32 round, bytes32 word) external view returns (bytes16) {
        return Draw.auditSeed(task, round, word);
    }

    function jurySeed(uint256 id, bytes32 word) external view returns (bytes16) {
        return Jury.seed(id, word);
    }

    function ballot(uint256 id, address juror, uint8 word, bytes32 evidence, bytes32 salt) external view returns (bytes32) {
        return Jury.ballot(id, juror, word, evidence, salt);
    }

    function seatPoint(bytes16 seed, uint256 index, uint256 seat, uint256 line) external pure returns (uint256) {
        return Draw.seatPoint(seed, index, seat, line);
    }

    function quorumOf(uint256 seats) external pure returns (uint256) {
        return Votes.quorumOf(seats);
    }

    function domain() external view returns (bytes32) {
        return TypedData.domain();
    }

    function attestation(uint256 task, uint32 round, address validator, bytes calldata votes, uint256 held, bytes32 evidence, bytes32 salt)
        external
        view
        returns (bytes32)
    {
        return TypedData.attestation(TypedData.domain(), task, round, validator, votes, held, evidence, salt);
    }

    function parse(bytes calldata header) external pure returns (BlockHeader.Fields memory) {
        return BlockHeader.parse(header);
    }

    /// @return index, mask and verdict of the k-th of packed votes
    function vote(bytes calldata votes, uint256 k) external pure returns (uint256, uint256, uint256) {
        return Votes.read(votes, k * Votes.SIZE);
    }

    /// @dev Tells the first mask of 16 bits of which `bits` is another number than that of its set bits, or 2^16.
    function wrongBits() external pure returns (uint256 mask) {
        for (; mask < 1 << 16; ++mask) {
            uint256 count;
            for (uint256 rest = mask; rest != 0; rest &= rest - 1) {
                ++count;
            }
            if (Votes.bits(mask) != count) return mask;
        }
    }

    /// @dev The seats of four lanes, and what else is in the word: `spoken` sees the seats only.
    function spoken(uint8[4] calldata seats, uint8[4] calldata voters, uint256 above) external pure returns (uint256) {
        uint256 tally = above << 64;
        for (uint256 k; k < 4; ++k) {
            tally |= (uint256(voters[k]) << 8 | seats[k]) << (16 * k);
        }
        return Votes.spoken(tally);
    }

    function windows(Clock c, uint256 round) external pure returns (uint256[7] memory) {
        return [
            c.opens(round),
            c.workEnd(round),
            c.sealAt(round),
            c.commitEnd(round),
            c.revealEnd(round),
            c.votesEnd(round),
            c.challengeEnd(round)
        ];
    }

    function current(Clock c) external view returns (uint32) {
        return c.current();
    }
}
