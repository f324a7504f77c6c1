// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LeafProof} from "../../contracts/interfaces/IDisputeCourt.sol";
import {Aside, Entry} from "../../contracts/interfaces/RoundLedgerTypes.sol";
import {Scene} from "./Scene.sol";

/// @dev A scene with cases before the real court. From its opening: drawn after 2 seconds, ballots until 12, ruled at 22, closed at 42.
abstract contract CourtScene is Scene {
    uint8 internal constant BAD_LEAF = 1;
    uint8 internal constant GOOD_LEAF = 2;
    uint8 internal constant WRONG_ROOT_CLAIM = 3;
    uint8 internal constant NONE = 0;
    uint8 internal constant UPHELD = 1;
    uint8 internal constant REJECTED = 2;

    /// @dev Outcomes, as in RoundFinal.
    uint8 internal constant PAID = 1;
    uint8 internal constant REFUSED = 3;
    uint8 internal constant WITHHELD = 4;
    uint8 internal constant NO_QUORUM = 6;
    uint8 internal constant CANARY = 8;
    uint8 internal constant FALSE_CANARY = 9;
    uint8 internal constant DOUBTED = 12;

    function entriesOf(uint32 round) internal view returns (Entry[] memory) {
        return entries[round];
    }

    function proofOf(uint32 round, uint16 index) internal view returns (LeafProof memory proof) {
        address trainer = address(uint160(entries[round][index].who >> 96));
        (proof.count, proof.digest) = (1, digestOf(trainer, round, index));
    }

    /// @dev The stranger challenges, with stake for it.
    function challenge(uint16 index, uint8 claim, uint8 check, uint16 leaf) internal returns (uint256) {
        stakeFor(stranger, terms.bond);
        return challengeAs(stranger, index, claim, check, leaf);
    }

    function challengeAs(address who, uint16 index, uint8 claim, uint8 check, uint16 leaf) internal returns (uint256) {
        if (block.timestamp < votesEnd(1)) vm.warp(votesEnd(1));
        (Entry[] memory list, LeafProof memory proof) = (entriesOf(1), proofOf(1, index));
        vm.expectEmit(address(ledger));
        emit Disputed(task, 1, index);
        vm.prank(who);
        return court.challenge(task, 1, list, index, claim, check, leaf, proof, "");
    }

    /// @dev All drawn jurors give one ballot; none gives any when it is 0.
    function jury(uint256 id, uint8 ballot_) internal {
        summon(id);
        (, uint256 juryEnd,,,) = court.timesOf(id);
        for (uint256 v; v < validators.length; ++v) {
            if (ballot_ == NONE || court.seatsOf(id, validators[v]) == 0) continue;
            bytes32 digest = court.ballotDigest(id, validators[v], ballot_, "evidence", "salt");
            vm.prank(validators[v]);
            court.commit(id, digest);
        }
        vm.warp(juryEnd);
        for (uint256 v; v < validators.length; ++v) {
            if (ballot_ == NONE || court.seatsOf(id, validators[v]) == 0) continue;
            vm.prank(validators[v]);
            court.reveal(id, ballot_, "evidence", "salt");
        }
    }

    function summon(uint256 id) internal {
        (uint256 drawAt,,,,) = court.timesOf(id);
        vm.warp(drawAt);
        (bytes memory header, bytes memory parent) = headerAt(drawAt, keccak256(abi.encode("jury", id)));
        court.summon(id, abi.encode(header, parent));
    }

    /// @dev The seats that a validator has on the jury.
    function jurySeats(uint256 id, address validator) internal view returns (uint256 n) {
        for (uint256 mask = court.seatsOf(id, validator); mask != 0; mask &= mask - 1) {
            ++n;
        }
    }

    function close(uint256 id) internal {
        close(id, nobody);
    }

    function close(uint256 id, address[] memory attesters) internal {
        (,,, uint256 appealEnd,) = court.timesOf(id);
        if (block.timestamp < appealEnd) vm.warp(appealEnd);
        address[] memory jurors = jurorsOf(id);
        court.close(id, jurors, attesters);
    }

    /// @dev Those who revealed, ascending as validators are: none, or all with seats.
    function jurorsOf(uint256 id) internal view returns (address[] memory jurors) {
        (uint256 for_, uint256 against,,) = court.votesOf(id);
        jurors = new address[](for_ + against == 0 ? 0 : validators.length);
        uint256 n;
        for (uint256 v; v < jurors.length; ++v) {
            if (court.seatsOf(id, validators[v]) != 0) jurors[n++] = validators[v];
        }
        assembly ("memory-safe") {
            mstore(jurors, n)
        }
    }

    /// @dev Challenge, ballots, the round's end, the ruling: what is left is to resolve the share.
    function contest(uint16 index, uint8 claim, uint8 check, uint16 leaf, uint8 ruling) internal returns (Aside memory) {
        uint256 id = challenge(index, claim, check, leaf);
        jury(id, ruling);
        Aside[] memory list = finish(1);
        close(id);
        for (uint256 i; i < list.length; ++i) {
            if (list[i].index == index) return list[i];
        }
        revert("not set aside");
    }

    function expectResolved(uint16 index, uint8 outcome, uint256 fromEscrow, uint256 fromStakes, uint256 burned) internal {
        vm.expectEmit(address(ledger));
        emit Resolved(task, 1, index, outcome, fromEscrow, fromStakes, burned);
    }

    function resolve(Aside memory aside) internal {
        ledger.resolve(task, 1, aside, saltOf(entries[1][aside.index].root));
    }
}
