// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Aside, Entry, Extra, Reveal} from "../../contracts/interfaces/RoundLedgerTypes.sol";
import {Base} from "./Base.sol";
import {Vm} from "forge-std/Vm.sol";

/// @dev A round as a test wants it. Who holds which seat and who says what are written as words of one letter each:
/// seats "012 1*2" are those of submissions 0 and 1, each the number of the validator that it falls to ('*': any; the seats of the extra
/// draw follow the first ones); votes "VI V." are those of validators 0 and 1 on submissions 0 and 1: V valid, I invalid at (CHECK, LEAF),
/// J invalid at the leaf after, S and T the same of statistical class, by SAMPLING, U unavailable, M malformed, '.' none. A validator's word "-" commits to nothing; a '!' at its end commits
/// and stays silent.
abstract contract Scene is Base {
    uint8 internal constant CHECK = 5;
    uint8 internal constant SAMPLING = 8;
    uint16 internal constant LEAF = 7;
    uint8 internal constant MISSING = 12;
    uint8 internal constant PASSED_CANARY = 1;
    uint8 internal constant OVERRULED = 2;
    uint8 internal constant STAYED_SILENT = 3;
    uint8 internal constant ABSENT = 4;
    uint8 internal constant EXPOSED = 5;
    uint8 internal constant WRONG_ROOT = 6;
    uint16 internal constant NO_INDEX = type(uint16).max;
    uint256 internal constant HELD = type(uint256).max;

    /// @dev What `mark` saw of an account, and of the money that is nobody's.
    struct Purse {
        uint256 claimable;
        uint256 staked;
        uint256 locked;
    }

    mapping(address account => Purse) internal purses;
    uint256 internal escrowBefore;
    uint256 internal graveBefore;

    /// @dev Validators ascend, so that their numbers are the order in which a settlement goes over them.
    function setUp() public virtual override {
        super.setUp();
        sortValidators();
    }

    function sortValidators() internal {
        for (uint256 i = 1; i < validators.length; ++i) {
            for (uint256 k = i; k > 0 && validators[k] < validators[k - 1]; --k) {
                (validators[k], validators[k - 1]) = (validators[k - 1], validators[k]);
            }
        }
    }

    // --- submissions

    /// @dev The digest of the only leaf of a submission's artifact.
    function digestOf(address trainer, uint32 round, uint256 index) internal pure returns (bytes32) {
        return keccak256(abi.encode("leaf", trainer, round, index));
    }

    /// @dev The root of a tree with one leaf.
    function rootOf(bytes32 digest) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"02", uint64(1), keccak256(abi.encodePacked(hex"00", digest))));
    }

    function works(address trainer, uint32 round, uint32 units) internal returns (uint16 index) {
        index = uint16(entries[round].length);
        Entry memory e = entryOf(trainer, headNow(), units, rootOf(digestOf(trainer, round, index)));
        submit(round, e);
        salts[round].push(saltOf(e.root));
    }

    function makesCanary(address maker, uint32 round) internal returns (uint16 index) {
        index = uint16(entries[round].length);
        Entry memory e = entryOf(maker, headNow(), 1000, rootOf(digestOf(maker, round, index)));
        e.mark = keccak256(abi.encode(uint8(2), saltOf(e.root), uint32(LEAF), CHECK));
        submit(round, e);
        salts[round].push(0);
    }

    function opensCanary(uint32 round, uint16 index) internal {
        if (block.timestamp < votesEnd(round)) vm.warp(votesEnd(round));
        ledger.openCanary(task, round, entries[round], index, saltOf(entries[round][index].root), LEAF, CHECK);
    }

    function headNow() internal view returns (uint16 head) {
        (,, head,) = ledger.stateOf(task);
    }

    // --- votes

    /// @dev Seals with a word that draws the seats so.
    function sealAs(uint32 round, string memory seats) internal {
        vm.warp(sealAt(round) + 1);
        (bytes memory header, bytes memory parent) = headerAt(sealAt(round), randaoFor(round, seats));
        ledger.seal(task, round, abi.encode(header, parent));
    }

    function randaoFor(uint32 round, string memory seats) internal view returns (bytes32 prevRandao) {
        (, uint256 line,,,) = ledger.roundOf(task, round);
        for (uint256 nonce = 1;; ++nonce) {
            prevRandao = keccak256(abi.encode(PREVRANDAO, nonce));
            if (_drawn(auditSeed(round, prevRandao), line, bytes(seats))) return prevRandao;
        }
    }

    function _drawn(bytes16 seed, uint256 line, bytes memory seats) private pure returns (bool) {
        uint256 index;
        uint256 seat;
        for (uint256 i; i < seats.length; ++i) {
            if (seats[i] == " ") {
                ++index;
                seat = 0;
                continue;
            }
            if (seats[i] != "*" && point(seed, index, seat, line) / (LOT / 1 gwei) != uint8(seats[i]) - 48) return false;
            ++seat;
        }
        return true;
    }

    /// @dev All commit, hold everything and reveal, as they are told.
    function say(uint32 round, string memory words) internal {
        bytes memory text = bytes(words);
        vm.warp(sealAt(round) + 2);
        Reveal[] memory rs = new Reveal[](validators.length);
        uint256 from;
        for (uint256 v; v < validators.length && from < text.length; ++v) {
            uint256 to = _end(text, from);
            if (text[from] != "-") {
                bool silent = text[to - 1] == "!";
                Reveal memory r = opening(round, validators[v], ballots(round, validators[v], text, from, silent ? to - 1 : to, 0));
                commits(round, r);
                if (!silent) rs[v] = r;
            }
            from = to + 1;
        }
        vm.warp(commitEnd(round));
        for (uint256 v; v < validators.length; ++v) {
            if (rs[v].validator != address(0)) reveal(round, rs[v]);
        }
    }

    /// @dev The same in the extra draw; whoever has no seat there, or "-", says nothing.
    function sayExtra(uint32 round, string memory words) internal {
        bytes memory text = bytes(words);
        vm.warp(revealEnd(round));
        uint256 from;
        for (uint256 v; v < validators.length && from < text.length; ++v) {
            uint256 to = _end(text, from);
            bytes memory votes;
            if (text[from] != "-") votes = ballots(round, validators[v], text, from, to, terms.seats);
            if (votes.length != 0) {
                vm.prank(validators[v]);
                ledger.voteExtra(task, round, votes, keccak256("evidence"));
                extras[round].push(Extra(validators[v], votes));
            }
            from = to + 1;
        }
    }

    function ballots(uint32 round, address validator, bytes memory text, uint256 from, uint256 to, uint256 first)
        internal
        view
        returns (bytes memory votes)
    {
        for (uint256 i; from + i < to; ++i) {
            uint256 mask = seatsFrom(round, validator, i, first);
            if (mask != 0 && text[from + i] != ".") votes = bytes.concat(votes, ballot(i, mask, text[from + i]));
        }
    }

    function ballot(uint256 index, uint256 mask, bytes1 letter) internal pure returns (bytes memory) {
        if (letter == "V") return abi.encodePacked(uint16(index), uint16(mask), uint8(1), uint8(0), uint16(0));
        if (letter == "I") return abi.encodePacked(uint16(index), uint16(mask), uint8(2), CHECK, LEAF);
        if (letter == "J") return abi.encodePacked(uint16(index), uint16(mask), uint8(2), CHECK, LEAF + 1);
        if (letter == "S") return abi.encodePacked(uint16(index), uint16(mask), uint8(2), SAMPLING, LEAF);
        if (letter == "T") return abi.encodePacked(uint16(index), uint16(mask), uint8(2), SAMPLING, LEAF + 1);
        if (letter == "U") return abi.encodePacked(uint16(index), uint16(mask), uint8(3), MISSING, LEAF);
        require(letter == "M", "no such vote");
        return abi.encodePacked(uint16(index), uint16(mask), uint8(4), uint8(1), uint16(0));
    }

    function opening(uint32 round, address validator, bytes memory votes) internal pure returns (Reveal memory) {
        bytes32 salt = keccak256(abi.encode("salt", validator, round));
        return Reveal({validator: validator, salt: salt, evidence: keccak256("evidence"), held: HELD, votes: votes});
    }

    function commits(uint32 round, Reveal memory r) internal {
        bytes32 digest = ledger.attestationDigest(task, round, r.validator, r.votes, r.held, r.evidence, r.salt);
        vm.prank(r.validator);
        ledger.commit(task, round, digest);
    }

    function _end(bytes memory text, uint256 from) private pure returns (uint256 to) {
        to = from;
        while (to < text.length && text[to] != " ") ++to;
    }

    // --- the end of a round

    /// @dev Makes the round final and tells which shares it set aside.
    function finish(uint32 round) internal returns (Aside[] memory) {
        return finish(round, nobody);
    }

    function finish(uint32 round, address[] memory attesters) internal returns (Aside[] memory list) {
        if (block.timestamp < challengeEnd(round)) vm.warp(challengeEnd(round));
        vm.recordLogs();
        settle(round, attesters);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        list = new Aside[](logs.length);
        uint256 n;
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].topics[0] == SetAside.selector) list[n++] = abi.decode(logs[i].data, (Aside));
        }
        assembly ("memory-safe") {
            mstore(list, n)
        }
    }

    function expectFinal(uint32 round, bytes memory outcomes, uint256 fromEscrow, uint256 fromStakes, uint256 burned) internal {
        vm.expectEmit(address(ledger));
        emit RoundFinal(task, round, outcomes, fromEscrow, fromStakes, burned);
    }

    /// @dev One payment as the event has it.
    function payment(address account, uint8 role, uint16 seats, uint16 agreed, uint256 amount) internal pure returns (bytes memory) {
        return abi.encodePacked(account, role, seats, agreed, uint88(amount));
    }

    function expectPayments(uint32 round, bytes memory payments) internal {
        vm.expectEmit(address(ledger));
        emit Payments(task, round, payments);
    }

    function expectCut(uint32 round, uint256 v, uint16 index, uint8 reason, uint256 burned, uint256 paid) internal {
        vm.expectEmit(address(ledger));
        emit Cut(task, validators[v], round, index, reason, burned, paid);
    }

    // --- money

    /// @dev Remembers where the money is; `gained`, `lost` and the rest count from here.
    function mark() internal {
        for (uint256 i; i < trainers.length; ++i) {
            _mark(trainers[i]);
        }
        for (uint256 i; i < validators.length; ++i) {
            _mark(validators[i]);
        }
        _mark(stranger);
        _mark(initiator);
        escrowBefore = market.escrowOf(task);
        graveBefore = token.balanceOf(GRAVE);
    }

    function _mark(address account) private {
        Purse storage p = purses[account];
        (p.staked, p.locked, p.claimable) = vault.accountOf(account);
    }

    function gained(address account) internal view returns (uint256) {
        return claimable(account) - purses[account].claimable;
    }

    function lost(address account) internal view returns (uint256) {
        return purses[account].staked - staked(account);
    }

    function spent() internal view returns (uint256) {
        return escrowBefore - market.escrowOf(task);
    }

    function destroyed() internal view returns (uint256) {
        return token.balanceOf(GRAVE) - graveBefore;
    }

    /// @dev Vault and escrow hold what they owe, to the wei.
    function assertSound() internal view {
        assertEq(token.balanceOf(address(vault)), owed(), "vault's balance is what it owes");
        assertEq(token.balanceOf(address(market)), market.escrowOf(task), "market's balance is the escrow");
    }

    function enlistedBy(address trainer) internal view returns (uint256 enlisted) {
        (, enlisted,) = ledger.trainerOf(task, trainer);
    }

    function cutOf(address validator) internal view returns (uint256 gweiCut) {
        (,,,, gweiCut) = ledger.lotOf(task, validator);
    }

    function sorted(address a, address b) internal pure returns (address[] memory list) {
        list = new address[](2);
        (list[0], list[1]) = a < b ? (a, b) : (b, a);
    }
}
