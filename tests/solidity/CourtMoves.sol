// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {World} from "./World.sol";

/// @dev Disputes in the random world, in the court that is deployed: filed in the challenge window, judged and appealed as the dice fall,
/// closed in a later move.
abstract contract CourtMoves is World {
    uint8 internal constant ROOT_CLAIM = 3;

    /// @dev At votesEnd: some submissions, sometimes the checkpoint.
    function _dispute(uint32 round, uint256 seed) internal {
        uint256 first = _cases.length;
        for (uint16 i; i < entries[round].length && _cases.length < first + 2; ++i) {
            uint256 d = dice(seed, 1, i);
            if (d % 6 == 0) _challenge(round, i, uint8(1 + (d / 6) % 2));
        }
        if (_attesters[round].length != 0 && dice(seed, 2, 0) % 9 == 0) _challengeRoot(round);
        if (_cases.length != first) _judgeCases(round, first, seed);
    }

    function _challenge(uint32 round, uint16 index, uint8 claim) internal {
        stakeFor(hawk, terms.bond);
        vm.prank(hawk);
        uint256 id = court.challenge(task, round, entries[round], index, claim, CHECK, LEAF, proofOf(digestOf(round, index)), "");
        ++_openCases[round][index];
        _file(id, round, index, claim);
    }

    function _challengeRoot(uint32 round) internal {
        stakeFor(hawk, terms.bond);
        bytes32 digest = _checkpoint[round];
        vm.prank(hawk);
        uint256 id = court.challengeRoot(task, round, rootOf(digest), proofOf(digest), "");
        ++_rootsOpen;
        _file(id, round, type(uint16).max, ROOT_CLAIM);
    }

    function _file(uint256 id, uint32 round, uint16 index, uint8 claim) internal {
        _inCourt[hawk] += terms.bond;
        _cases.push(Filed(id, round, index, claim, false, new address[](0)));
    }

    /// @dev All of them were filed in the same second.
    function _judgeCases(uint32 round, uint256 first, uint256 seed) internal {
        (uint256 drawAt, uint256 juryEnd, uint256 ruledAt, uint256 appealEnd,) = court.timesOf(_cases[first].id);
        address[] memory jurors = _sorted(_voters(round));
        vm.warp(drawAt);
        (bytes memory header, bytes memory parent) = headerAt(drawAt, keccak256(abi.encode("jury", seed)));
        for (uint256 k = first; k < _cases.length; ++k) {
            court.summon(_cases[k].id, abi.encode(header, parent));
            for (uint256 i; i < jurors.length; ++i) {
                _commitBallot(_cases[k].id, jurors[i], seed, i);
            }
        }
        vm.warp(juryEnd);
        for (uint256 k = first; k < _cases.length; ++k) {
            for (uint256 i; i < jurors.length; ++i) {
                if (_revealBallot(_cases[k].id, jurors[i], seed, i)) _cases[k].jurors.push(jurors[i]);
            }
        }
        vm.warp(ruledAt);
        bool anyone;
        for (uint256 k = first; k < _cases.length; ++k) {
            anyone = _appeal(k, seed) || anyone;
        }
        if (!anyone) return;
        vm.warp(appealEnd);
        for (uint256 k = first; k < _cases.length; ++k) {
            if (_cases[k].isAppealed) _voteAppeals(_cases[k].id, jurors, seed);
        }
    }

    /// @dev 1 or 2: one answer for the case, and now and then someone else's.
    function _ballot(uint256 id, uint256 seed, uint256 i) internal pure returns (uint8) {
        uint256 d = dice(seed, id, 99);
        if (dice(seed, id, i) % 7 == 0) ++d;
        return uint8(1 + d % 2);
    }

    function _commitBallot(uint256 id, address juror, uint256 seed, uint256 i) internal {
        if (court.seatsOf(id, juror) == 0 || dice(seed, id, 100 + i) % 8 == 0) return;
        bytes32 digest = court.ballotDigest(id, juror, _ballot(id, seed, i), "", bytes32(seed));
        vm.prank(juror);
        court.commit(id, digest);
    }

    function _revealBallot(uint256 id, address juror, uint256 seed, uint256 i) internal returns (bool) {
        if (court.seatsOf(id, juror) == 0 || dice(seed, id, 100 + i) % 8 < 2) return false;
        vm.prank(juror);
        court.reveal(id, _ballot(id, seed, i), "", bytes32(seed));
        return true;
    }

    function _appeal(uint256 k, uint256 seed) internal returns (bool) {
        if (dice(seed, 3, k) % 3 != 0) return false;
        stakeFor(rook, 2 * terms.bond);
        vm.prank(rook);
        court.appeal(_cases[k].id);
        _inCourt[rook] += 2 * terms.bond;
        _cases[k].isAppealed = true;
        return true;
    }

    function _voteAppeals(uint256 id, address[] memory voters, uint256 seed) internal {
        for (uint256 i; i < voters.length; ++i) {
            if (dice(seed, id, 200 + i) % 5 == 0) continue;
            vm.prank(voters[i]);
            court.voteAppeal(id, _ballot(id, seed, 50 + i));
        }
    }

    /// @dev Hawk may lose its bond, rook twice as much.
    function _close(uint256 which) internal {
        Filed memory c = _cases[which];
        _cases[which] = _cases[_cases.length - 1];
        _cases.pop();
        (,,, uint256 appealEnd, uint256 voteEnd) = court.timesOf(c.id);
        uint256 due = c.isAppealed ? voteEnd : appealEnd;
        if (block.timestamp < due) vm.warp(due);

        address[] memory attesters;
        if (c.claim == ROOT_CLAIM) {
            --_rootsOpen;
            if (_isKept(c.round)) attesters = _sorted(_attesters[c.round]);
        } else {
            --_openCases[c.round][c.index];
        }
        _mayLose[hawk] = terms.bond;
        _inCourt[hawk] -= terms.bond;
        if (c.isAppealed) {
            _mayLose[rook] = 2 * terms.bond;
            _inCourt[rook] -= 2 * terms.bond;
        }
        uint256 escrow = market.escrowOf(task);
        court.close(c.id, c.jurors, attesters);
        _take(c.round, escrow);
    }

    /// @dev Whether the ring still knows who attested the round's root.
    function _isKept(uint32 round) internal view returns (bool) {
        (, uint16 lastRound,,) = ledger.stateOf(task);
        bool mayBeReused = block.timestamp >= opens(round + 16) && lastRound >= round + 16;
        return _lastAttested[round % 16] == round && !mayBeReused;
    }

    function _sorted(address[] memory list) internal pure returns (address[] memory) {
        for (uint256 i = 1; i < list.length; ++i) {
            for (uint256 k = i; k > 0 && list[k] < list[k - 1]; --k) {
                (list[k], list[k - 1]) = (list[k - 1], list[k]);
            }
        }
        return list;
    }
}
