// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    Case,
    IDisputeCourt,
    IDisputeCourtErrors,
    IDisputeCourtEvents,
    LeafProof,
    Stage
} from "../../contracts/interfaces/IDisputeCourt.sol";
import {Entry, IRoundLedgerErrors} from "../../contracts/interfaces/IRoundLedger.sol";
import {IStakeVaultErrors} from "../../contracts/interfaces/IStakeVault.sol";
import {Terms} from "../../contracts/interfaces/ITaskMarket.sol";
import {BeaconDouble, LedgerDouble, VaultDouble} from "./CourtDoubles.sol";
import {Test} from "forge-std/Test.sol";

/// @dev A court among doubles. Three validators hold 3/6, 2/6 and 1/6 of the line: the first holds exactly half of the stake, and so do
/// the others together. Windows of a case, from its opening: delay 2, commit 10, reveal 8, appeal 20, vote 10.
abstract contract CourtKit is Test, IDisputeCourtErrors, IDisputeCourtEvents {
    uint8 internal constant BAD_LEAF = 1;
    uint8 internal constant GOOD_LEAF = 2;
    uint8 internal constant UPHELD = 1;
    uint8 internal constant REJECTED = 2;
    uint256 internal constant TASK = 7;
    uint32 internal constant ROUND = 5;
    uint8 internal constant CHECK = 4;
    uint16 internal constant LEAF = 33;
    uint256 internal constant LINE = 600e9; // gwei: 600 tokens
    uint256 internal constant BOND = 20 ether;
    uint256 internal constant FEE = 1 ether;
    uint256 internal constant FEES = 9 * FEE;
    bytes32 internal constant DIGEST = keccak256("what the leaf says");

    VaultDouble internal vault;
    LedgerDouble internal ledger;
    BeaconDouble internal beacon;
    IDisputeCourt internal court;

    address internal gateway = makeAddr("gateway");
    address internal challenger = makeAddr("challenger");
    address internal appellant = makeAddr("appellant");
    address internal trainer = makeAddr("trainer");
    address internal stranger = makeAddr("stranger");
    /// @dev Ascending, as close wants them.
    address[] internal jurors;
    address[] internal nobody;

    function setUp() public virtual {
        vm.warp(1_700_000_000);
        beacon = new BeaconDouble();
        vault = new VaultDouble(gateway);
        ledger = new LedgerDouble(address(vault), address(beacon), gateway);
        address courtAt = vm.computeCreateAddress(address(this), vm.getNonce(address(this)));
        vault.wire(address(ledger), courtAt);
        ledger.wire(courtAt);
        bytes memory arguments = abi.encode(address(vault), address(ledger), address(beacon), gateway);
        court = IDisputeCourt(vm.deployCode("DisputeCourt.sol:DisputeCourt", arguments));
        assertEq(address(court), courtAt, "court address");

        ledger.set(terms(), LINE, root(DIGEST));
        ledger.put(0, root(DIGEST), trainer);
        ledger.put(1, root(DIGEST), trainer);
        jurors = [address(0x1001), address(0x1002), address(0x1003)];
        ledger.lay(jurors[0], 1, type(uint32).max, 0, LINE / 2);
        ledger.lay(jurors[1], 1, type(uint32).max, LINE / 2, 5 * LINE / 6);
        ledger.lay(jurors[2], 1, type(uint32).max, 5 * LINE / 6, LINE);
        vault.give(challenger, 10 * BOND);
        vault.give(appellant, 10 * BOND);
    }

    function terms() internal pure returns (Terms memory t) {
        (t.sealDelay, t.commitWindow, t.revealWindow, t.challengeWindow) = (2, 10, 8, 20);
        (t.bond, t.seatFee) = (BOND, FEE);
    }

    // --- leaves

    /// @dev The root of a tree of two leaves, of which the second says `digest`.
    function root(bytes32 digest) internal pure returns (bytes32) {
        bytes32 leaf = keccak256(abi.encodePacked(hex"00", digest));
        return keccak256(abi.encodePacked(hex"02", uint64(2), keccak256(abi.encodePacked(hex"01", sibling(), leaf))));
    }

    function sibling() internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"00", keccak256("manifest")));
    }

    function proof() internal pure returns (LeafProof memory p) {
        (p.index, p.count, p.digest, p.siblings) = (1, 2, DIGEST, new bytes32[](1));
        p.siblings[0] = sibling();
    }

    // --- moves

    function challenge(uint8 claim) internal returns (uint256) {
        return challenge(claim, 0, CHECK, LEAF);
    }

    function challenge(uint8 claim, uint16 index, uint8 check, uint16 leaf) internal returns (uint256) {
        vm.prank(challenger);
        return court.challenge(TASK, ROUND, new Entry[](0), index, claim, check, leaf, proof(), "");
    }

    function challengeRoot() internal returns (uint256) {
        vm.prank(challenger);
        return court.challengeRoot(TASK, ROUND, root(DIGEST), proof(), "");
    }

    /// @dev Any case: 1 and 2 of a submission, 3 of a root.
    function openCase(uint8 claim) internal returns (uint256) {
        return claim == 3 ? challengeRoot() : challenge(claim);
    }

    /// @dev Summons a jury in which the three validators have so many seats. The word is searched for, as no attacker can.
    function summon(uint256 id, uint256 a, uint256 b, uint256 c) internal {
        bytes32 word;
        for (uint256 nonce;; ++nonce) {
            word = keccak256(abi.encode("word", nonce));
            uint256[3] memory n = seatsUnder(id, word);
            if (n[0] == a && n[1] == b && n[2] == c) break;
        }
        vm.warp(drawAt(id));
        beacon.set(drawAt(id), word);
        court.summon(id, "proof");
    }

    /// @dev Written from the brief, not from the contract.
    function seatsUnder(uint256 id, bytes32 word) internal view returns (uint256[3] memory n) {
        bytes16 seed = jurySeed(id, word);
        for (uint8 seat; seat < 9; ++seat) {
            uint256 point = uint256(keccak256(abi.encodePacked(seed, uint16(0), seat))) % LINE;
            ++n[point < LINE / 2 ? 0 : point < 5 * LINE / 6 ? 1 : 2];
        }
    }

    function jurySeed(uint256 id, bytes32 word) internal view returns (bytes16) {
        return bytes16(keccak256(abi.encode(keccak256("assay.jury"), block.chainid, address(court), id, word)));
    }

    function commit(uint256 id, address juror, uint8 vote) internal {
        bytes32 digest = court.ballotDigest(id, juror, vote, evidence(juror), salt(juror));
        vm.prank(juror);
        court.commit(id, digest);
    }

    function reveal(uint256 id, address juror, uint8 vote) internal {
        vm.prank(juror);
        court.reveal(id, vote, evidence(juror), salt(juror));
    }

    function evidence(address juror) internal pure returns (bytes32) {
        return keccak256(abi.encode("evidence", juror));
    }

    function salt(address juror) internal pure returns (bytes32) {
        return keccak256(abi.encode("salt", juror));
    }

    /// @dev A jury of 6, 2 and 1 seats votes; 0 stays silent.
    function judge(uint256 id, uint8 a, uint8 b, uint8 c) internal {
        summon(id, 6, 2, 1);
        uint8[3] memory votes = [a, b, c];
        for (uint256 k; k < 3; ++k) {
            if (votes[k] != 0) commit(id, jurors[k], votes[k]);
        }
        vm.warp(juryEnd(id));
        for (uint256 k; k < 3; ++k) {
            if (votes[k] != 0) reveal(id, jurors[k], votes[k]);
        }
        vm.warp(ruledAt(id));
    }

    function appeal(uint256 id) internal {
        vm.warp(ruledAt(id));
        vm.prank(appellant);
        court.appeal(id);
        vm.warp(appealEnd(id));
    }

    function voteAppeal(uint256 id, address account, uint8 vote) internal {
        vm.prank(account);
        court.voteAppeal(id, vote);
    }

    /// @dev Closes with the jurors who revealed: all of the kit's, or none.
    function close(uint256 id, address[] memory who) internal {
        (,,, uint256 due, uint256 late) = court.timesOf(id);
        vm.warp(court.caseOf(id).appellant == address(0) ? due : late);
        vm.prank(stranger);
        court.close(id, who, nobody);
    }

    // --- reading

    function drawAt(uint256 id) internal view returns (uint256 t) {
        (t,,,,) = court.timesOf(id);
    }

    function juryEnd(uint256 id) internal view returns (uint256 t) {
        (, t,,,) = court.timesOf(id);
    }

    function ruledAt(uint256 id) internal view returns (uint256 t) {
        (,, t,,) = court.timesOf(id);
    }

    function appealEnd(uint256 id) internal view returns (uint256 t) {
        (,,, t,) = court.timesOf(id);
    }

    function voteEnd(uint256 id) internal view returns (uint256 t) {
        (,,,, t) = court.timesOf(id);
    }

    function staked(address account) internal view returns (uint256 amount) {
        (amount,,) = vault.accountOf(account);
    }

    function locked(address account) internal view returns (uint256 amount) {
        (, amount,) = vault.accountOf(account);
    }

    function claimable(address account) internal view returns (uint256 amount) {
        (,, amount) = vault.accountOf(account);
    }

    function wrongStage(Stage stage, Stage needed) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(WrongStage.selector, stage, needed);
    }
}
