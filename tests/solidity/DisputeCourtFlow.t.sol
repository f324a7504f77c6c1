// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputeCourtErrors, LeafProof, Stage} from "../../contracts/interfaces/IDisputeCourt.sol";
import {GatewayCall} from "../../contracts/interfaces/IGateway.sol";
import {IStakeVaultErrors} from "../../contracts/interfaces/IStakeVault.sol";
import {Aside, Entry, Reveal} from "../../contracts/interfaces/RoundLedgerTypes.sol";
import {Base} from "./Base.sol";
import {Vm} from "forge-std/Vm.sol";

/// @dev Disputes in the deployed system. Three validators with a third of the stake each, three seats, quorum two; a bond of 20, a seat's
/// fee of 1 and a seat's cut of 2 tokens. Trainer 0's work is disputed: 1,000 units at 0.01. Trainer 1's, of the same round, isn't.
abstract contract CourtFlow is Base {
    uint8 internal constant BAD_LEAF = 1;
    uint8 internal constant GOOD_LEAF = 2;
    uint8 internal constant UPHELD = 1;
    uint8 internal constant REJECTED = 2;
    uint8 internal constant CHECK = 4;
    uint8 internal constant MISSING = 12;
    uint16 internal constant LEAF = 33;
    bytes32 internal constant DIGEST = keccak256("what the leaf says");
    bytes32 internal constant SET_ASIDE = keccak256(
        "SetAside(uint256,uint32,uint16,(uint16,uint256,bytes32,uint256,bool,bool,uint256,(address,uint8,uint8,uint8,uint16)[]))"
    );
    uint256 internal constant FEES = 9 ether;
    uint256 internal constant BOND = 20 ether;
    uint256 internal constant PAY = 10 ether;

    address internal challenger = makeAddr("challenger");
    address internal appellant = makeAddr("appellant");
    address internal trainer;
    /// @dev The validators in ascending order.
    address[] internal sorted;

    function setUp() public virtual override {
        super.setUp();
        trainer = trainers[0];
        sorted = validators;
        for (uint256 i = 1; i < 3; ++i) {
            for (uint256 k = i; k > 0 && sorted[k] < sorted[k - 1]; --k) {
                (sorted[k], sorted[k - 1]) = (sorted[k - 1], sorted[k]);
            }
        }
        start();
        others = [challenger, appellant];
        stakeFor(challenger, 2 * BOND);
        stakeFor(appellant, 2 * BOND);
        stakeFor(trainer, 2 * BOND);
    }

    // --- the round

    /// @dev Round 1 up to its votes: on submission 0 `verdict` with its reason and leaf, on submission 1 valid.
    function playVotes(uint256 verdict, uint8 reason, uint16 leaf) internal {
        submit(1, entryOf(trainer, 0, 1000, root(DIGEST)));
        salts[1].push(saltOf(root(DIGEST)));
        submit(trainers[1], 1, 1000);
        sealRound(1);
        vm.warp(sealAt(1) + 2);
        Reveal[] memory rs = new Reveal[](3);
        for (uint256 i; i < 3; ++i) {
            rs[i] = commitBytes(validators[i], ballots(validators[i], verdict, reason, leaf));
        }
        vm.warp(commitEnd(1));
        for (uint256 i; i < 3; ++i) {
            reveal(1, rs[i]);
        }
        vm.warp(votesEnd(1));
    }

    function ballots(address v, uint256 verdict, uint8 reason, uint16 leaf) internal view returns (bytes memory votes) {
        uint256 mask = seatsOf(1, v, 0);
        if (mask != 0) votes = abi.encodePacked(uint16(0), uint16(mask), uint8(verdict), reason, leaf);
        mask = seatsOf(1, v, 1);
        if (mask != 0) votes = bytes.concat(votes, vote(1, mask, VALID));
    }

    function commitBytes(address v, bytes memory votes) internal returns (Reveal memory r) {
        r = Reveal(v, keccak256(abi.encode("salt", v)), keccak256(abi.encode("evidence", v)), type(uint256).max, votes);
        bytes32 digest = ledger.attestationDigest(task, 1, v, r.votes, r.held, r.evidence, r.salt);
        vm.prank(v);
        ledger.commit(task, 1, digest);
    }

    /// @dev Two thirds attest a checkpoint whose second chunk says DIGEST.
    function attestTree() internal {
        for (uint256 i; i < 2; ++i) {
            vm.prank(sorted[i]);
            ledger.attest(task, 1, root(DIGEST));
        }
    }

    /// @dev Finalizes round 1; returns the share that was set aside.
    function finalizeAside() internal returns (Aside memory aside) {
        if (block.timestamp < challengeEnd(1)) vm.warp(challengeEnd(1));
        vm.recordLogs();
        settle(1, nobody);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].topics[0] == SET_ASIDE) return abi.decode(logs[i].data, (Aside));
        }
        fail();
    }

    function resolve(Aside memory aside) internal {
        ledger.resolve(task, 1, aside, saltOf(root(DIGEST)));
    }

    // --- leaves

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

    // --- the court

    function challenge(address who, uint8 claim, uint8 check, uint16 leaf) internal returns (uint256) {
        vm.prank(who);
        return court.challenge(task, 1, entries[1], 0, claim, check, leaf, proof(), "http://challenger");
    }

    function challengeRoot(address who) internal returns (uint256) {
        vm.prank(who);
        return court.challengeRoot(task, 1, root(DIGEST), proof(), "http://challenger");
    }

    function times(uint256 id) internal view returns (uint256[5] memory t) {
        (t[0], t[1], t[2], t[3], t[4]) = court.timesOf(id);
    }

    /// @dev The jury of all validators votes as one.
    function jury(uint256 id, uint8 vote_) internal {
        uint256[5] memory t = times(id);
        vm.warp(t[0] + 1);
        (bytes memory header, bytes memory parent) = headerAt(t[0], keccak256("jury"));
        court.summon(id, abi.encode(header, parent));
        for (uint256 i; i < 3; ++i) {
            if (court.seatsOf(id, sorted[i]) == 0) continue;
            bytes32 digest = court.ballotDigest(id, sorted[i], vote_, "evidence", "salt");
            vm.prank(sorted[i]);
            court.commit(id, digest);
        }
        vm.warp(t[1]);
        for (uint256 i; i < 3; ++i) {
            if (court.seatsOf(id, sorted[i]) == 0) continue;
            vm.prank(sorted[i]);
            court.reveal(id, vote_, "evidence", "salt");
        }
        vm.warp(t[2]);
    }

    function jurorsOf(uint256 id) internal view returns (address[] memory list) {
        list = new address[](3);
        uint256 n;
        for (uint256 i; i < 3; ++i) {
            if (court.seatsOf(id, sorted[i]) != 0) list[n++] = sorted[i];
        }
        assembly ("memory-safe") {
            mstore(list, n)
        }
    }

    function appeal(uint256 id, address who) internal {
        vm.prank(who);
        court.appeal(id);
        vm.warp(times(id)[3]);
    }

    /// @dev So many of the three validators vote, each with a third of the stake.
    function voteAppeal(uint256 id, uint256 n, uint8 vote_) internal {
        for (uint256 i; i < n; ++i) {
            vm.prank(validators[i]);
            court.voteAppeal(id, vote_);
        }
    }

    function close(uint256 id, address[] memory jurors, address[] memory attesters) internal {
        uint256[5] memory t = times(id);
        vm.warp(court.caseOf(id).appellant == address(0) ? t[3] : t[4]);
        vm.prank(stranger);
        court.close(id, jurors, attesters);
    }

    /// @dev The jury votes, then the round is made final.
    function ruleAndFinalize(uint256 id, uint8 vote_) internal returns (Aside memory) {
        jury(id, vote_);
        return finalizeAside();
    }

    /// @dev Two juries of cases that were opened in the same second uphold.
    function juriesUphold(uint256 a, uint256 b) internal {
        uint256[] memory ids = new uint256[](2);
        (ids[0], ids[1]) = (a, b);
        juriesUphold(ids);
    }

    /// @dev All juries of cases that were opened in one second uphold.
    function juriesUphold(uint256[] memory ids) internal {
        uint256[5] memory t = times(ids[0]);
        vm.warp(t[0] + 1);
        (bytes memory header, bytes memory parent) = headerAt(t[0], keccak256("jury"));
        for (uint256 k; k < ids.length; ++k) {
            court.summon(ids[k], abi.encode(header, parent));
            for (uint256 i; i < 3; ++i) {
                if (court.seatsOf(ids[k], sorted[i]) == 0) continue;
                bytes32 digest = court.ballotDigest(ids[k], sorted[i], UPHELD, "evidence", "salt");
                vm.prank(sorted[i]);
                court.commit(ids[k], digest);
            }
        }
        vm.warp(t[1]);
        for (uint256 k; k < ids.length; ++k) {
            for (uint256 i; i < 3; ++i) {
                if (court.seatsOf(ids[k], sorted[i]) == 0) continue;
                vm.prank(sorted[i]);
                court.reveal(ids[k], UPHELD, "evidence", "salt");
            }
        }
        vm.warp(t[2]);
    }

    // --- reading

    function seatFees() internal view returns (uint256 sum) {
        for (uint256 i; i < 3; ++i) {
            sum += claimable(validators[i]);
        }
    }

    function wealth(address account) internal view returns (uint256) {
        return staked(account) + claimable(account);
    }

    function two(address a, address b) internal pure returns (address[] memory list) {
        list = new address[](2);
        (list[0], list[1]) = (a, b);
    }

    /// @dev The vault holds exactly what it owes, and nothing waits for a ruling any more.
    function assertSettled() internal view {
        assertEq(token.balanceOf(address(vault)), owed(), "vault");
        assertEq(ledger.asidesOf(task), 0, "nothing waits");
    }
}

contract DisputeCourtFlowTest is CourtFlow {
    // --- outcomes turned

    function test_flow__passed_leaf_is_bad__trainer_slashed_passers_cut_challenger_rewarded() public {
        playVotes(VALID, 0, 0);
        attestTree();
        uint256 id = challenge(challenger, BAD_LEAF, CHECK, LEAF);
        Aside memory aside = ruleAndFinalize(id, UPHELD);
        uint256 before = staked(trainer);
        uint256 stakes = staked(validators[0]) + staked(validators[1]) + staked(validators[2]);
        close(id, jurorsOf(id), nobody);
        resolve(aside);

        assertEq(before - staked(trainer), BOND, "the trainer's bond");
        assertEq(claimable(trainer), 0, "no pay");
        assertEq(stakes - staked(validators[0]) - staked(validators[1]) - staked(validators[2]), 6 ether, "three seats cut");
        assertEq(claimable(challenger), BOND / 2 + 3 ether, "half of what the liars lose");
        assertEq(staked(challenger), 2 * BOND - FEES, "the jury's fees");
        assertEq(locked(challenger), 0, "the bond is free");
        assertSettled();
    }

    function test_flow__refused_leaf_is_good__trainer_paid_refusers_cut() public {
        playVotes(INVALID, CHECK, LEAF);
        attestTree();
        uint256 id = challenge(trainer, GOOD_LEAF, CHECK, LEAF);
        Aside memory aside = ruleAndFinalize(id, UPHELD);
        uint256 before = staked(trainer);
        uint256 stakes = staked(validators[0]) + staked(validators[1]) + staked(validators[2]);
        close(id, jurorsOf(id), nobody);
        resolve(aside);

        assertEq(before - staked(trainer), FEES, "only the jury's fees");
        assertEq(claimable(trainer), PAY + 3 ether, "its pay and half of the cuts");
        assertEq(stakes - staked(validators[0]) - staked(validators[1]) - staked(validators[2]), 6 ether, "three seats cut");
        assertSettled();
    }

    function test_flow__withheld_leaf_is_opened_to_the_jury__paid_and_nobody_cut() public {
        playVotes(UNAVAILABLE, MISSING, LEAF);
        attestTree();
        uint256 id = challenge(trainer, GOOD_LEAF, MISSING, LEAF);
        Aside memory aside = ruleAndFinalize(id, UPHELD);
        uint256 stakes = staked(validators[0]) + staked(validators[1]) + staked(validators[2]);
        close(id, jurorsOf(id), nobody);
        resolve(aside);

        assertEq(claimable(trainer), PAY, "its pay");
        assertEq(staked(validators[0]) + staked(validators[1]) + staked(validators[2]), stakes, "a cure cuts nobody");
        assertSettled();
    }

    function test_flow__false_challenge__trainer_paid_for_work_and_wait() public {
        playVotes(VALID, 0, 0);
        attestTree();
        uint256 id = challenge(challenger, BAD_LEAF, CHECK, LEAF);
        Aside memory aside = ruleAndFinalize(id, REJECTED);
        close(id, jurorsOf(id), nobody);
        resolve(aside);

        assertEq(claimable(trainer), PAY + BOND / 2 - FEES, "pay and compensation");
        assertEq(wealth(challenger), BOND, "the bond is lost");
        assertSettled();
    }

    /// @dev checklist 38: nobody summons, nobody votes: time alone ends it, and the votes stand.
    function test_flow__no_ruling__what_was_passed_is_paid() public {
        playVotes(VALID, 0, 0);
        attestTree();
        uint256 id = challenge(challenger, BAD_LEAF, CHECK, LEAF);
        Aside memory aside = finalizeAside();
        uint256 before = staked(trainer);
        close(id, nobody, nobody);
        resolve(aside);

        assertEq(staked(trainer), before, "not slashed");
        assertEq(claimable(trainer), 10 ether, "paid");
        assertEq(wealth(challenger), 2 * BOND - FEES, "a jury's fees");
        assertSettled();
    }

    // --- appeals

    /// @dev checklist 25: all nine jurors are bought; two thirds of the stake aren't.
    function test_flow__appeal_turns_a_captured_jury() public {
        playVotes(VALID, 0, 0);
        attestTree();
        uint256 id = challenge(challenger, BAD_LEAF, CHECK, LEAF);
        Aside memory aside = ruleAndFinalize(id, UPHELD);
        appeal(id, trainer);
        voteAppeal(id, 2, REJECTED);
        uint256 fees = seatFees();
        close(id, jurorsOf(id), nobody);
        resolve(aside);

        assertEq(claimable(trainer), PAY + BOND / 2 - FEES, "paid, and compensated");
        assertEq(locked(trainer), 200 ether, "the appeal's bond is free, the enlistment stays");
        assertEq(wealth(challenger), BOND, "the false challenger loses its bond");
        assertEq(seatFees() - fees, 3 ether, "jurors of the lost ruling get the round's seat fees only");
        assertSettled();
    }

    function test_flow__appeal_fails__appellant_loses_twice_the_bond() public {
        playVotes(VALID, 0, 0);
        attestTree();
        uint256 id = challenge(challenger, BAD_LEAF, CHECK, LEAF);
        Aside memory aside = ruleAndFinalize(id, UPHELD);
        appeal(id, appellant);
        voteAppeal(id, 2, UPHELD);
        uint256 grave = token.balanceOf(GRAVE);
        close(id, jurorsOf(id), nobody);
        assertEq(token.balanceOf(GRAVE) - grave, 2 * BOND, "burned");
        resolve(aside);

        assertEq(wealth(appellant), 0, "appellant");
        assertEq(claimable(challenger), BOND / 2 + 3 ether, "challenger");
        assertSettled();
    }

    /// @dev attack H6: a third of the stake is all of the turnout and decides nothing: the jury's ruling stands.
    function test_flow__appeal_without_a_majority__the_jurys_ruling_stands() public {
        playVotes(VALID, 0, 0);
        attestTree();
        uint256 id = challenge(challenger, BAD_LEAF, CHECK, LEAF);
        Aside memory aside = ruleAndFinalize(id, UPHELD);
        appeal(id, appellant);
        voteAppeal(id, 1, REJECTED);
        uint256 before = staked(trainer);
        uint256 grave = token.balanceOf(GRAVE);
        close(id, jurorsOf(id), nobody);
        assertEq(token.balanceOf(GRAVE) - grave, BOND, "half of the appeal's bond");
        resolve(aside);

        assertEq(before - staked(trainer), BOND, "slashed");
        assertEq(claimable(trainer), 0, "not paid");
        assertEq(wealth(challenger), 2 * BOND - FEES + BOND / 2 + 3 ether, "challenger: rewarded, less the fees");
        assertEq(wealth(appellant), BOND, "appellant: the other half is free");
        assertEq(locked(appellant), 0, "free");
        assertSettled();
    }

    /// @dev Whoever left after the round still answers and still votes: its lot waits for the dispute.
    function test_flow__validators_left__vote_in_the_appeal_and_wait_for_it() public {
        playVotes(VALID, 0, 0);
        attestTree();
        for (uint256 i; i < 3; ++i) {
            vm.prank(validators[i]);
            ledger.leave(task, VALIDATOR);
        }
        uint256 id = challenge(challenger, BAD_LEAF, CHECK, LEAF);
        Aside memory aside = ruleAndFinalize(id, UPHELD);
        appeal(id, appellant);
        voteAppeal(id, 3, REJECTED);
        vm.warp(times(id)[4]);
        vm.expectRevert(StillDisputed.selector);
        ledger.release(task, validators[0], VALIDATOR);
        close(id, jurorsOf(id), nobody);
        assertEq(court.rulingOf(id), REJECTED, "ruled");
        resolve(aside);
        ledger.release(task, validators[0], VALIDATOR); // and then nothing holds it
        assertEq(locked(validators[0]), 0, "free");
    }

    // --- roots

    function test_flow__wrong_root__attesters_lose_their_lots() public {
        playVotes(VALID, 0, 0);
        attestTree();
        uint256 id = challengeRoot(challenger);
        jury(id, UPHELD);
        vm.warp(challengeEnd(1));
        settle(1, nobody);
        assertEq(claimable(sorted[0]) + claimable(sorted[1]) + claimable(sorted[2]), 6 ether, "seat fees only: attesters wait");
        (address[] memory attesters, uint256 grave) = (two(sorted[0], sorted[1]), token.balanceOf(GRAVE));
        close(id, jurorsOf(id), attesters);

        assertEq(staked(sorted[0]) + staked(sorted[1]), 0, "both lots");
        assertEq(staked(sorted[2]), LOT, "who didn't attest it keeps its lot");
        assertEq(claimable(challenger), LOT, "half of two lots");
        assertEq(token.balanceOf(GRAVE) - grave, LOT, "the other half");
        assertEq(wealth(challenger), 2 * BOND - FEES + LOT, "less the jury's fees");
        assertSettled();
    }

    /// @dev attack H7: a decoy that is attested first doesn't shield the root that wins from behind, nor those who attested it.
    function test_flow__decoy_attested_first_and_wrong_root_wins__its_attesters_lose_their_lots() public {
        playVotes(VALID, 0, 0);
        vm.prank(sorted[2]);
        ledger.attest(task, 1, keccak256("decoy"));
        attestTree();
        (,, uint16 head,) = ledger.stateOf(task);
        assertEq(head, 1, "the wrong root is final");
        uint256 id = challengeRoot(challenger);
        jury(id, UPHELD);
        vm.warp(challengeEnd(1));
        settle(1, nobody);
        vm.warp(times(id)[3]);
        address[] memory jurors = jurorsOf(id);
        vm.expectRevert(WrongAttesters.selector);
        court.close(id, jurors, sorted); // who attested the decoy isn't one of them
        vm.expectRevert(WrongAttesters.selector);
        court.close(id, jurors, two(sorted[0], sorted[2]));
        uint256 grave = token.balanceOf(GRAVE);
        close(id, jurors, two(sorted[0], sorted[1]));

        assertEq(staked(sorted[0]) + staked(sorted[1]), 0, "both lots");
        assertEq(staked(sorted[2]), LOT, "the decoy's keeps its lot");
        assertEq(claimable(challenger), LOT, "half of two lots");
        assertEq(token.balanceOf(GRAVE) - grave, LOT, "the other half");
        assertSettled();
    }

    function test_flow__right_root__attesters_are_paid_after_the_ruling() public {
        playVotes(VALID, 0, 0);
        attestTree();
        uint256 id = challengeRoot(challenger);
        jury(id, REJECTED);
        vm.warp(challengeEnd(1));
        settle(1, nobody);
        uint256 before = claimable(sorted[0]) + claimable(sorted[1]) + claimable(sorted[2]);
        close(id, jurorsOf(id), two(sorted[0], sorted[1]));
        uint256 got = claimable(sorted[0]) + claimable(sorted[1]) + claimable(sorted[2]) - before;
        assertEq(got, FEES + 2 * terms.attestFee, "the jury's fees and the attesters' pay");
        assertEq(wealth(challenger), BOND, "challenger");
        assertSettled();
    }

    function test_flow__root_not_final_yet_or_attester_left_out__close_reverts() public {
        playVotes(VALID, 0, 0);
        attestTree();
        uint256 id = challengeRoot(challenger);
        vm.warp(times(id)[3]);
        vm.expectRevert(abi.encodeWithSelector(NotFinal.selector, 1));
        court.close(id, nobody, nobody);
        settle(1, nobody);
        vm.expectRevert(WrongAttesters.selector);
        court.close(id, nobody, nobody);
        court.close(id, nobody, two(sorted[0], sorted[1]));
        assertSettled();
    }

    // --- attacks

    /// @dev attack C8: one bond stops nobody else. The checkpoint, the next round's work and the other trainer's pay go on.
    function test_attack__disputes__stop_neither_checkpoint_nor_others_pay() public {
        playVotes(VALID, 0, 0);
        uint256 id = challenge(challenger, BAD_LEAF, CHECK, LEAF);
        attestTree();
        (,, uint16 head,) = ledger.stateOf(task);
        assertEq(head, 1, "the checkpoint is final with the dispute open");
        challengeRoot(appellant);
        vm.warp(opens(3));
        submit(trainers[2], 3, 1000);
        assertEq(uint16(entries[3][0].who >> 48), 1, "work builds on it");
        finalizeAside();
        assertEq(claimable(trainers[1]), PAY, "the other trainer is paid");
        assertLt(uint8(court.stageOf(id)), uint8(Stage.Ready), "and the case goes on");
    }

    /// @dev attack C7: a liar that lets an accomplice challenge it keeps half of its bond at most, less a jury.
    function test_attack__liar_challenged_by_its_accomplice__loses_half_the_bond() public {
        playVotes(VALID, 0, 0);
        attestTree();
        uint256 before = wealth(trainer) + wealth(challenger);
        uint256 id = challenge(challenger, BAD_LEAF, CHECK, LEAF);
        Aside memory aside = ruleAndFinalize(id, UPHELD);
        close(id, jurorsOf(id), nobody);
        resolve(aside);
        uint256 cuts = 3 ether; // half of what the passers lose: it comes from the seats, not from the liar
        assertEq(before + cuts - wealth(trainer) - wealth(challenger), BOND / 2 + FEES, "half of the bond, and the jury");
        assertSettled();
    }

    /// @dev checklist 11: a bond can't leave, nor what it is worth be lent to another claim.
    function test_attack__challengers_stake__stays() public {
        playVotes(VALID, 0, 0);
        challenge(challenger, BAD_LEAF, CHECK, LEAF);
        vm.startPrank(challenger);
        vm.expectRevert(abi.encodeWithSelector(IStakeVaultErrors.InsufficientFreeStake.selector, BOND, BOND + 1));
        vault.unbond(BOND + 1);
        vault.unbond(BOND); // the rest is free, and doesn't help the bond away
        vm.stopPrank();
        assertEq(locked(challenger), BOND, "locked");
        vm.expectRevert(abi.encodeWithSelector(IStakeVaultErrors.InsufficientFreeStake.selector, 0, BOND));
        challenge(challenger, BAD_LEAF, CHECK, LEAF + 1);
    }

    /// @dev checklist 38: an appellant whose lot is cut away meanwhile, and whose free stake has left, keeps no case open.
    function test_attack__appellant_slashed_elsewhere__case_closes() public {
        address v = sorted[0];
        stakeFor(v, 2 * BOND);
        playVotes(VALID, 0, 0);
        attestTree();
        uint256 id = challenge(challenger, BAD_LEAF, CHECK, LEAF);
        uint256 other = challengeRoot(appellant);
        juriesUphold(id, other);
        vm.prank(v);
        court.appeal(id);
        vm.warp(challengeEnd(1));
        Aside memory aside = finalizeAside();
        close(other, jurorsOf(other), two(sorted[0], sorted[1])); // upheld: its whole lot is lost
        assertEq(staked(v), 2 * BOND, "only the appeal's bond is left");
        close(id, jurorsOf(id), nobody); // no majority: half of it
        assertEq(staked(v), BOND, "half is burned");
        assertEq(locked(v), 0, "free");
        resolve(aside);
        assertSettled();
    }

    // --- windows

    /// @dev checklist 27, 37: challenges are open from the votes' end up to the challenge's end; there the round can be made final, and at
    /// no second both.
    function test_windows__challenge_edges() public {
        playVotes(VALID, 0, 0);
        uint256[4] memory at = [votesEnd(1) - 1, votesEnd(1), challengeEnd(1) - 1, challengeEnd(1)];
        for (uint256 k; k < 4; ++k) {
            vm.warp(at[k]);
            bool open = k == 1 || k == 2;
            uint256 snapshot = vm.snapshotState();
            bytes memory err = outside(votesEnd(1), challengeEnd(1));
            if (!open) vm.expectRevert(err);
            challenge(challenger, BAD_LEAF, CHECK, LEAF);
            vm.revertToState(snapshot);
            if (k < 3) vm.expectRevert(outside(challengeEnd(1), type(uint256).max));
            settle(1, nobody);
            vm.revertToState(snapshot);
        }
    }

    function test_challenge__entries_left_out__reverts() public {
        playVotes(VALID, 0, 0);
        Entry[] memory few = new Entry[](1);
        few[0] = entries[1][0];
        vm.startPrank(challenger);
        vm.expectRevert(WrongEntries.selector);
        court.challenge(task, 1, few, 0, BAD_LEAF, CHECK, LEAF, proof(), "");
        vm.expectRevert(WrongEntries.selector);
        court.challenge(task, 1, entries[1], 2, BAD_LEAF, CHECK, LEAF, proof(), "");
        vm.expectRevert(IDisputeCourtErrors.WrongProof.selector); // another submission's root
        court.challenge(task, 1, entries[1], 1, BAD_LEAF, CHECK, LEAF, proof(), "");
    }

    /// @dev checklist 31: the longest round there can be. Measured with --isolate, as whole transactions: a challenge that shows 2 entries
    /// takes 291,000 gas, one that shows 256 takes 808,000: of the 516,000 more, 359,000 are for its 25 kB of calldata.
    function test_gas__challenge_in_a_round_of_256_submissions() public {
        for (uint256 i; i < 16; ++i) {
            enlistTrainer(makeAddr(vm.toString(i)), 20 * BOND);
        }
        vm.warp(opens(2));
        submit(2, entryOf(trainer, 0, 1000, root(DIGEST)));
        submit(trainers[1], 2, 1000);
        uint256 snapshot = vm.snapshotState();
        uint256 few = challengeGas();
        vm.revertToState(snapshot);
        for (uint256 i; entries[2].length < 256; ++i) {
            submit(makeAddr(vm.toString(i % 16)), 2, 1000);
        }
        assertLt(challengeGas() - few, 600_000, "254 entries more");
    }

    /// @dev What a challenge in round 2 takes.
    function challengeGas() internal returns (uint256 gas) {
        vm.warp(sealAt(2) + 1);
        (bytes memory header, bytes memory parent) = headerAt(sealAt(2), keccak256("word"));
        ledger.seal(task, 2, abi.encode(header, parent));
        vm.warp(votesEnd(2));
        bytes memory call = abi.encodeCall(court.challenge, (task, 2, entries[2], 0, BAD_LEAF, CHECK, LEAF, proof(), "http://challenger"));
        vm.prank(challenger);
        gas = gasleft();
        (bool done,) = address(court).call(call);
        gas -= gasleft();
        assertTrue(done, "challenged");
    }

    // --- relayed

    function test_gateway__challenge_appeal_and_vote__are_the_accounts() public {
        playVotes(VALID, 0, 0);
        GatewayCall[] memory calls = new GatewayCall[](1);
        calls[0].target = address(court);
        calls[0].data = abi.encodeCall(court.challenge, (task, 1, entries[1], 0, BAD_LEAF, CHECK, LEAF, proof(), "http://challenger"));
        vm.prank(challenger);
        gateway.batch(calls);
        assertEq(court.caseOf(1).challenger, challenger, "challenger");
        vm.warp(times(1)[2]);
        calls[0].data = abi.encodeCall(court.appeal, (1));
        vm.prank(appellant);
        gateway.batch(calls);
        vm.warp(times(1)[3]);
        calls[0].data = abi.encodeCall(court.voteAppeal, (1, UPHELD));
        vm.prank(validators[0]);
        gateway.batch(calls);
        (,, uint256 yes,) = court.votesOf(1);
        assertEq(yes, LOT / 1 gwei, "its lot");
    }
}
