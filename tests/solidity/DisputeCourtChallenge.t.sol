// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Case, LeafProof, Stage} from "../../contracts/interfaces/IDisputeCourt.sol";
import {IGatewayErrors} from "../../contracts/interfaces/IGateway.sol";
import {Entry, IRoundLedgerErrors} from "../../contracts/interfaces/IRoundLedger.sol";
import {IStakeVaultErrors} from "../../contracts/interfaces/IStakeVault.sol";
import {VaultDouble} from "./CourtDoubles.sol";
import {CourtKit} from "./CourtKit.sol";

contract DisputeCourtChallengeTest is CourtKit {
    function test_challenge__bad_leaf__opens_a_case_against_the_trainer() public {
        vm.expectEmit(address(court));
        emit Challenged(1, TASK, ROUND, 0, BAD_LEAF, CHECK, LEAF, challenger, DIGEST, BOND, "");
        uint256 id = challenge(BAD_LEAF);

        Case memory c = court.caseOf(id);
        assertEq(court.cases(), 1, "cases");
        assertEq(c.task, TASK, "task");
        assertEq(c.round, ROUND, "round");
        assertEq(c.index, 0, "index");
        assertEq(c.claim, BAD_LEAF, "claim");
        assertEq(c.check, CHECK, "check");
        assertEq(c.leaf, LEAF, "leaf");
        assertEq(c.openedAt, block.timestamp, "opened at");
        assertEq(c.line, LINE, "line");
        assertEq(c.challenger, challenger, "challenger");
        assertEq(c.defender, trainer, "defender");
        assertEq(c.appellant, address(0), "appellant");
        assertEq(c.digest, DIGEST, "digest");
        assertEq(c.seed, bytes16(0), "seed");
        assertEq(c.bond, BOND, "bond");
        assertEq(c.juryFee, FEE, "fee");
        assertFalse(c.isClosed, "open");
        assertEq(locked(challenger), BOND, "bond locked");
        assertEq(ledger.waiting(), 1, "the ledger waits");
    }

    function test_challenge__good_leaf__has_no_defender() public {
        uint256 id = challenge(GOOD_LEAF);
        assertEq(court.caseOf(id).defender, address(0), "defender");
        assertEq(court.caseOf(id).claim, GOOD_LEAF, "claim");
    }

    function test_challengeRoot__opens_a_case_at_a_chunk() public {
        vm.expectEmit(address(court));
        emit Challenged(1, TASK, ROUND, type(uint16).max, 3, 0, 1, challenger, DIGEST, BOND, "");
        uint256 id = challengeRoot();
        Case memory c = court.caseOf(id);
        assertEq(c.claim, 3, "claim");
        assertEq(c.index, type(uint16).max, "index");
        assertEq(c.leaf, 1, "chunk");
        assertEq(c.defender, address(0), "defender");
        assertEq(locked(challenger), BOND, "bond locked");
        assertEq(ledger.waiting(), 1, "the ledger waits");
    }

    function test_challenge__times_are_the_tasks() public {
        uint256 id = challenge(BAD_LEAF);
        (uint256 a, uint256 b, uint256 c, uint256 d, uint256 e) = court.timesOf(id);
        assertEq(a, block.timestamp + 2, "drawAt");
        assertEq(b, a + 10, "juryEnd");
        assertEq(c, b + 8, "ruledAt");
        assertEq(d, c + 20, "appealEnd");
        assertEq(e, d + 10, "voteEnd");
    }

    function test_challenge__unknown_claim__reverts() public {
        for (uint256 claim; claim < 256; claim = claim == 0 ? 3 : claim + 84) {
            vm.expectRevert(abi.encodeWithSelector(UnknownClaim.selector, claim));
            challenge(uint8(claim));
        }
    }

    function test_challenge__leaf_not_under_the_root__reverts_and_leaves_nothing() public {
        ledger.put(0, keccak256("another root"), trainer);
        vm.expectRevert(WrongProof.selector);
        challenge(BAD_LEAF);
        assertEq(ledger.waiting(), 0, "nothing waits");
        assertEq(locked(challenger), 0, "no bond");
        assertEq(court.cases(), 0, "no case");
        ledger.put(0, root(DIGEST), trainer);
        challenge(BAD_LEAF); // and the leaf isn't used up
    }

    function test_challenge__what_the_ledger_refuses__reverts() public {
        vm.expectRevert(IRoundLedgerErrors.WrongEntries.selector);
        challenge(BAD_LEAF, 9, CHECK, LEAF);
    }

    function test_challengeRoot__wrong_proof_or_chunk__reverts() public {
        ledger.set(terms(), LINE, keccak256("another root"));
        vm.prank(challenger);
        vm.expectRevert(WrongProof.selector);
        court.challengeRoot(TASK, ROUND, keccak256("another root"), proof(), "");
        vm.prank(challenger);
        vm.expectRevert(abi.encodeWithSelector(IRoundLedgerErrors.WrongRoot.selector, root(DIGEST)));
        court.challengeRoot(TASK, ROUND, root(DIGEST), proof(), "");
    }

    /// @dev checklist 10: a chunk beyond what a case can name. The last leaf of 2^k + 1 has one sibling, at the top.
    function test_challengeRoot__chunk_beyond_32_bits__reverts() public {
        (LeafProof memory p, bytes32 large) = lastOf(1 << 32);
        ledger.set(terms(), LINE, large);
        vm.prank(challenger);
        vm.expectRevert(WrongProof.selector);
        court.challengeRoot(TASK, ROUND, large, p, "");
        (p, large) = lastOf(1 << 31);
        ledger.set(terms(), LINE, large);
        vm.prank(challenger);
        uint256 id = court.challengeRoot(TASK, ROUND, large, p, "");
        assertEq(court.caseOf(id).leaf, 1 << 31, "chunk");
    }

    function lastOf(uint64 index) internal pure returns (LeafProof memory p, bytes32 large) {
        p = proof();
        (p.index, p.count) = (index, index + 1);
        bytes32 top = keccak256(abi.encodePacked(hex"01", sibling(), keccak256(abi.encodePacked(hex"00", DIGEST))));
        large = keccak256(abi.encodePacked(hex"02", p.count, top));
    }

    function test_challengeRoot__twice__reverts() public {
        challengeRoot();
        vm.prank(challenger);
        vm.expectRevert(IRoundLedgerErrors.AlreadyDisputed.selector);
        court.challengeRoot(TASK, ROUND, root(DIGEST), proof(), "");
    }

    /// @dev The bond must lie free: stake that answers for something else can't answer for a challenge.
    function test_challenge__bond_not_free__reverts() public {
        vault.leave(challenger);
        vault.give(challenger, BOND - 1);
        vm.expectRevert(abi.encodeWithSelector(IStakeVaultErrors.InsufficientFreeStake.selector, BOND - 1, BOND));
        challenge(BAD_LEAF);
        vault.give(challenger, 1);
        challenge(BAD_LEAF);
        vm.expectRevert(abi.encodeWithSelector(IStakeVaultErrors.InsufficientFreeStake.selector, 0, BOND));
        challenge(BAD_LEAF, 1, CHECK, LEAF);
    }

    /// @dev attack H6: a new bond doesn't buy another draw of the jury. A passed leaf once for one check, ever.
    function test_challenge__same_leaf_and_check_again__reverts_for_ever() public {
        uint256 id = challenge(BAD_LEAF);
        again(id, BAD_LEAF, 0, CHECK, LEAF);
        judge(id, REJECTED, REJECTED, REJECTED);
        close(id, jurors);
        again(id, BAD_LEAF, 0, CHECK, LEAF);
        vault.give(stranger, BOND);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(AlreadyChallenged.selector, id));
        court.challenge(TASK, ROUND, new Entry[](0), 0, BAD_LEAF, CHECK, LEAF, proof(), "");
    }

    function test_challenge__numbers_of_claim_and_check_exchanged__is_another_challenge() public {
        uint256 id = challenge(BAD_LEAF, 0, GOOD_LEAF, LEAF);
        assertEq(challenge(GOOD_LEAF, 0, BAD_LEAF, LEAF), id + 1, "a case of its own");
    }

    /// @dev attack H6: nor does it at a refused leaf, whoever pays it.
    function test_challenge__same_refused_leaf_again__reverts_for_ever() public {
        uint256 id = challenge(GOOD_LEAF);
        again(id, GOOD_LEAF, 0, CHECK, LEAF);
        judge(id, REJECTED, REJECTED, REJECTED);
        close(id, jurors);
        again(id, GOOD_LEAF, 0, CHECK, LEAF);
    }

    /// @dev attack H6: nobody uses up the challenge of a refusal at a leaf that nobody named, for a check that nobody named, by the
    /// opposite claim, or at another submission.
    function test_challenge__refusal_challenged_beside_the_point__leaves_the_named_leaf_open() public {
        challenge(GOOD_LEAF, 0, CHECK, LEAF + 1);
        challenge(GOOD_LEAF, 0, CHECK + 1, LEAF);
        challenge(BAD_LEAF, 0, CHECK, LEAF);
        challenge(GOOD_LEAF, 1, CHECK, LEAF);
        uint256 id = challenge(GOOD_LEAF, 0, CHECK, LEAF);
        assertEq(id, 5, "a case of its own");
        again(id, GOOD_LEAF, 0, CHECK, LEAF);
    }

    function test_challenge__other_leaves_checks_and_claims__are_other_cases() public {
        assertEq(challenge(BAD_LEAF, 0, CHECK, LEAF), 1);
        assertEq(challenge(BAD_LEAF, 0, CHECK, LEAF + 1), 2, "another leaf");
        assertEq(challenge(BAD_LEAF, 0, CHECK + 1, LEAF), 3, "another check");
        assertEq(challenge(BAD_LEAF, 1, CHECK, LEAF), 4, "another submission");
        assertEq(challenge(GOOD_LEAF, 0, CHECK, LEAF), 5, "another claim");
        vm.prank(challenger);
        assertEq(court.challenge(TASK, ROUND + 1, new Entry[](0), 0, BAD_LEAF, CHECK, LEAF, proof(), ""), 6, "another round");
        vm.prank(challenger);
        assertEq(court.challenge(TASK + 1, ROUND, new Entry[](0), 0, BAD_LEAF, CHECK, LEAF, proof(), ""), 7, "another task");
        assertEq(locked(challenger), 7 * BOND, "a bond each");
    }

    function again(uint256 id, uint8 claim, uint16 index, uint8 check, uint16 leaf) internal {
        vm.expectRevert(abi.encodeWithSelector(AlreadyChallenged.selector, id));
        challenge(claim, index, check, leaf);
    }

    // --- who calls

    /// @dev checklist 35: the gateway speaks for the account that it appends; nobody else can.
    function test_challenge__through_the_gateway__is_the_accounts() public {
        bytes memory call = abi.encodeCall(court.challenge, (TASK, ROUND, new Entry[](0), 0, BAD_LEAF, CHECK, LEAF, proof(), ""));
        vm.prank(stranger);
        (bool done,) = address(court).call(bytes.concat(call, bytes20(challenger)));
        assertFalse(done, "a stranger has no stake");
        vm.prank(gateway);
        (done,) = address(court).call(bytes.concat(call, bytes20(challenger)));
        assertTrue(done, "gateway");
        assertEq(court.caseOf(1).challenger, challenger, "challenger");
    }

    // --- unknown cases

    function test_unknown_case__every_function_says_so() public {
        bytes[11] memory calls = [
            abi.encodeCall(court.summon, (1, "")),
            abi.encodeCall(court.commit, (1, 0)),
            abi.encodeCall(court.reveal, (1, 1, 0, 0)),
            abi.encodeCall(court.appeal, (1)),
            abi.encodeCall(court.voteAppeal, (1, 1)),
            abi.encodeCall(court.close, (1, nobody, nobody)),
            abi.encodeCall(court.caseOf, (1)),
            abi.encodeCall(court.votesOf, (1)),
            abi.encodeCall(court.seatsOf, (1, stranger)),
            abi.encodeCall(court.rulingOf, (1)),
            abi.encodeCall(court.timesOf, (1))
        ];
        for (uint256 k; k < calls.length; ++k) {
            (bool done, bytes memory answer) = address(court).call(calls[k]);
            assertFalse(done, vm.toString(k));
            assertEq(answer, abi.encodeWithSelector(UnknownCase.selector, 1), vm.toString(k));
        }
        assertEq(uint8(court.stageOf(1)), uint8(Stage.None), "no stage");
    }

    // --- construction

    function test_constructor__zero_address__reverts() public {
        address[4] memory wired = [address(vault), address(ledger), address(beacon), gateway];
        for (uint256 k; k < 4; ++k) {
            address[4] memory a = wired;
            a[k] = address(0);
            vm.expectRevert(ZeroAddress.selector);
            this.create(a);
        }
        assertEq(ZeroAddress.selector, IGatewayErrors.ZeroAddress.selector, "one name");
    }

    /// @dev checklist 36: every wire that could be another's is looked at.
    function test_constructor__others_contracts__reverts() public {
        address[4] memory wired = [address(vault), address(ledger), address(beacon), gateway];
        vm.expectRevert(WrongWiring.selector); // vault and ledger name another court
        this.create(wired);

        address next = vm.computeCreateAddress(address(this), vm.getNonce(address(this)));
        vault.wire(address(ledger), next);
        vm.expectRevert(WrongWiring.selector); // only the vault names this one
        this.create(wired);
        ledger.wire(next);
        bytes4[4] memory wires = [bytes4(keccak256("ledger()")), bytes4(keccak256("gateway()")), bytes4(keccak256("vault()")), 0];
        wires[3] = bytes4(keccak256("beacon()"));
        for (uint256 k; k < 6; ++k) {
            address target = k < 2 ? address(vault) : address(ledger);
            bytes4 wire = k < 2 ? wires[k] : k == 4 ? wires[1] : k == 5 ? bytes4(keccak256("court()")) : wires[k];
            vm.mockCall(target, abi.encodePacked(wire), abi.encode(stranger));
            vm.expectRevert(WrongWiring.selector);
            this.create(wired);
            vm.clearMockedCalls();
        }
        this.create(wired); // control
    }

    function create(address[4] calldata a) external {
        bytes memory code = abi.encodePacked(vm.getCode("DisputeCourt.sol:DisputeCourt"), abi.encode(a[0], a[1], a[2], a[3]));
        assembly ("memory-safe") {
            if iszero(create(0, add(code, 32), mload(code))) {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
        }
    }
}
