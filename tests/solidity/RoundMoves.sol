// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Aside, Entry, Extra, Reveal} from "../../contracts/interfaces/RoundLedgerTypes.sol";
import {CourtMoves} from "./CourtMoves.sol";

/// @dev A round in the random world: work and canaries, votes of both draws, silence and loose tongues, checkpoints, disputes, the end.
abstract contract RoundMoves is CourtMoves {
    // --- work

    function _nextRound() internal view returns (uint32) {
        return uint32((block.timestamp - opens(1)) / terms.period) + 2;
    }

    function _canOpen(uint32 round) internal view returns (bool) {
        (, uint16 lastRound, uint16 head,) = ledger.stateOf(task);
        for (uint256 i; i < _unfinished.length; ++i) {
            if (_unfinished[i] + 16 <= round) return false;
        }
        return round <= lastRound && round - head <= terms.staleness && _live() >= terms.minStake;
    }

    /// @dev Up to six submissions, one in four a canary.
    function _work(uint32 round, uint256 seed) internal returns (bool any) {
        if (!_canOpen(round)) return false;
        for (uint256 i; i < 6; ++i) {
            address a = trainers[i % 3];
            (uint32 from, uint256 enlisted, uint256 open) = ledger.trainerOf(task, a);
            if ((seed >> i) & 1 == 0 || from == 0 || from > round || _hasLeft[a] || open + EXPOSURE > enlisted) continue;
            _submit(a, round, seed, i);
            any = true;
        }
        if (any) _unfinished.push(round);
    }

    function _submit(address a, uint32 round, uint256 seed, uint256 i) internal {
        uint256 index = entries[round].length;
        (,, uint16 head,) = ledger.stateOf(task);
        Entry memory e = entryOf(a, head, uint32(1 + (seed >> (8 + i)) % 1000), rootOf(digestOf(round, index)));
        bool isCanary = dice(seed, 10, i) % 4 == 0;
        if (isCanary) e.mark = keccak256(abi.encode(uint8(2), saltOf(e.root), uint32(LEAF), CHECK));
        submit(round, e);
        salts[round].push(isCanary ? bytes32(0) : saltOf(e.root));
        _isCanary[round][index] = isCanary;
    }

    // --- votes

    /// @dev Mostly alike; one validator in nine has its own mind. Canaries are refused by most.
    function _verdict(uint32 round, uint256 seed, uint256 k, uint256 i) internal view returns (uint256) {
        uint256 d = dice(seed, 20, k);
        if (dice(seed, 21 + i, k) % 9 == 0) d = dice(seed, 30, i);
        if (_isCanary[round][k]) return d % 8 < 2 ? VALID : d % 8 < 7 ? INVALID : UNAVAILABLE;
        return d % 8 < 4 ? VALID : d % 8 < 6 ? INVALID : d % 8 == 6 ? UNAVAILABLE : MALFORMED;
    }

    /// @dev Reason and leaf of the i-th voter's refusals: mostly those that cases are about; on one submission in three most name a reason of
    /// statistical class.
    function _fault(uint256 seed, uint256 i, uint256 k) internal pure returns (bytes memory) {
        uint8 reason = dice(seed, 41, k) % 3 == 0 && dice(seed, 42, i) % 4 != 0 ? SAMPLING : CHECK;
        return abi.encodePacked(reason, dice(seed, 40, i) % 4 == 0 ? uint16(1) : LEAF);
    }

    /// @dev The votes of the i-th voter with its seats from `first` on; a refusal names the leaf that cases are about, or another.
    function _votes(uint32 round, address v, uint256 seed, uint256 i, uint256 first) internal view returns (bytes memory votes) {
        (bytes16 drawn, uint256 line,,,) = ledger.roundOf(task, round);
        (,, uint256 lo, uint256 hi,) = ledger.lotOf(task, v);
        for (uint256 k; k < entries[round].length; ++k) {
            uint256 mask;
            for (uint256 j; j < terms.seats; ++j) {
                uint256 p = point(drawn, k, first + j, line);
                if (p >= lo && p < hi) mask |= 1 << j;
            }
            if (mask == 0) continue;
            uint256 verdict = _verdict(round, seed, k, i);
            votes = bytes.concat(votes, abi.encodePacked(uint16(k), uint16(mask), uint8(verdict)), _fault(seed, i, k));
        }
    }

    /// @dev Commit, reveal, vote again; some don't come, some don't open, some let their salt out. Others work on the next round meanwhile.
    function _judge(uint32 round, uint256 seed) internal {
        vm.warp(sealAt(round) + 1);
        (bytes memory header, bytes memory parent) = headerAt(sealAt(round), keccak256(abi.encode(seed)));
        ledger.seal(task, round, abi.encode(header, parent));

        address[] memory voters = _voters(round);
        Reveal[] memory rs = new Reveal[](voters.length);
        for (uint256 i; i < voters.length; ++i) {
            if (dice(seed, 50, i) % 10 == 0) continue;
            rs[i] = _commit(round, voters[i], seed, i);
            if (dice(seed, 51, i) % 20 == 0) _expose(round, rs[i]);
        }
        vm.warp(commitEnd(round));
        for (uint256 i; i < voters.length; ++i) {
            if (rs[i].validator != address(0) && dice(seed, 52, i) % 8 != 0) reveal(round, rs[i]);
        }
        if (seed % 4 == 0) _work(round + 1, dice(seed, 53, 0));
        vm.warp(revealEnd(round));
        for (uint256 i; i < voters.length; ++i) {
            if (dice(seed, 54, i) % 3 != 0) _cutSilent(round, voters[i]);
            if (dice(seed, 55, i) % 4 != 0) _voteExtra(round, voters[i], seed, i);
        }
        vm.warp(votesEnd(round));
    }

    function _commit(uint32 round, address v, uint256 seed, uint256 i) internal returns (Reveal memory r) {
        uint256 held = (seed >> 40) % 3 == 0 ? seed >> (8 * i) : type(uint256).max;
        r = Reveal(v, keccak256(abi.encode("salt", v, round)), "evidence", held, _votes(round, v, seed, i, 0));
        bytes32 digest = ledger.attestationDigest(task, round, v, r.votes, r.held, r.evidence, r.salt);
        vm.prank(v);
        ledger.commit(task, round, digest);
    }

    /// @dev Hawk has seen the salt; the commitment is void.
    function _expose(uint32 round, Reveal memory r) internal {
        vm.prank(hawk);
        ledger.expose(task, round, r.validator, r.votes, r.held, r.evidence, r.salt);
        r.validator = address(0);
    }

    function _cutSilent(uint32 round, address v) internal {
        (bool committed, bool revealed,,, bool cut) = ledger.voterOf(task, round, v);
        if (revealed || cut) return;
        (uint256 index, uint256 mask) = (0, 1);
        if (!committed) {
            for (; index < entries[round].length; ++index) {
                mask = seatsOf(round, v, index);
                if (mask != 0) break;
            }
            if (mask == 0) return;
        }
        vm.prank(hawk);
        ledger.cutSilent(task, round, v, uint16(index), uint8(mask & 1 != 0 ? 0 : mask & 2 != 0 ? 1 : 2));
    }

    function _voteExtra(uint32 round, address v, uint256 seed, uint256 i) internal {
        bytes memory votes = _votes(round, v, seed, i, terms.seats);
        if (votes.length == 0) return;
        vm.prank(v);
        ledger.voteExtra(task, round, votes, "evidence");
        extras[round].push(Extra(v, votes));
    }

    // --- after the votes

    function _openCanaries(uint32 round, uint256 seed) internal {
        for (uint16 i; i < entries[round].length; ++i) {
            if (!_isCanary[round][i] || dice(seed, 60, i) % 4 == 0) continue;
            ledger.openCanary(task, round, entries[round], i, saltOf(entries[round][i].root), LEAF, CHECK);
        }
    }

    /// @dev One of two roots each, mostly the same one; afterwards it is known who attested the one that won, if any did.
    function _attest(uint32 round, uint256 seed) internal {
        if (block.timestamp < votesEnd(round)) vm.warp(votesEnd(round));
        address[] memory voters = _voters(round);
        for (uint256 i; i < voters.length; ++i) {
            (,, uint16 head,) = ledger.stateOf(task);
            if (head >= round) return;
            if ((seed >> (36 + i)) % 8 == 1) continue;
            bytes32 digest = checkpointOf(round, (seed >> (44 + i)) % 8 == 1);
            vm.prank(voters[i]);
            ledger.attest(task, round, rootOf(digest));
            _lastAttested[round % 16] = round;
            _behind[digest].push(voters[i]);
            (,, head,) = ledger.stateOf(task);
            if (head >= round) (_checkpoint[round], _attesters[round]) = (digest, _behind[digest]);
        }
    }

    // --- the end

    function _finish(uint256 which) internal {
        uint32 round = _unfinished[which];
        _unfinished[which] = _unfinished[_unfinished.length - 1];
        _unfinished.pop();
        if (block.timestamp < challengeEnd(round)) vm.warp(challengeEnd(round));
        uint256 escrow = market.escrowOf(task);
        bytes32[] memory known = salts[round];
        for (uint256 k; k < known.length; ++k) {
            if (dice(which, round, k) % 6 == 0) known[k] = 0;
        }
        ledger.finalize(task, round, entries[round], ascending(reveals[round]), extras[round], _silentAttesters(round), known);
        _take(round, escrow);
    }

    function _finishRound(uint32 round) internal {
        for (uint256 i; i < _unfinished.length; ++i) {
            if (_unfinished[i] == round) return _finish(i);
        }
    }

    function _silentAttesters(uint32 round) internal view returns (address[] memory silent) {
        (bytes16 seed,,,,) = ledger.roundOf(task, round);
        if (seed == 0) return new address[](0);
        uint256 n;
        silent = _sorted(_attesters[round]);
        for (uint256 i; i < silent.length; ++i) {
            (, bool revealed,,,) = ledger.voterOf(task, round, silent[i]);
            if (!revealed) silent[n++] = silent[i];
        }
        assembly ("memory-safe") {
            mstore(silent, n)
        }
    }

    function _resolve(uint256 which, bool withSalt) internal {
        Shelved memory s = _shelf[which];
        if (_openCases[s.round][s.index] != 0) return;
        _shelf[which] = _shelf[_shelf.length - 1];
        _shelf.pop();
        bytes32 salt = withSalt && !_isCanary[s.round][s.index] ? saltOf(entries[s.round][s.index].root) : bytes32(0);
        if (salt == 0) vm.warp(block.timestamp + terms.challengeWindow);
        uint256 escrow = market.escrowOf(task);
        ledger.resolve(task, s.round, abi.decode(s.aside, (Aside)), salt);
        _take(s.round, escrow);
    }
}
