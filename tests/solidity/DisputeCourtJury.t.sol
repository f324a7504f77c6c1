// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IBeacon} from "../../contracts/interfaces/IBeacon.sol";
import {Stage} from "../../contracts/interfaces/IDisputeCourt.sol";
import {Jury} from "../../contracts/libraries/Jury.sol";
import {CourtKit} from "./CourtKit.sol";

contract DisputeCourtJuryTest is CourtKit {
    uint256 internal id;

    function setUp() public override {
        super.setUp();
        id = challenge(BAD_LEAF);
    }

    // --- summon

    /// @dev attack M7: the jury comes from the word of the scheduled second, whoever calls and whenever.
    function test_summon__word_of_the_scheduled_second__draws() public {
        bytes32 word = keccak256("word");
        beacon.set(drawAt(id), word);
        vm.warp(drawAt(id) + 7);
        vm.expectEmit(address(court));
        emit JurySummoned(id, jurySeed(id, word), LINE, drawAt(id) / 12);
        vm.prank(stranger);
        court.summon(id, "proof");
        assertEq(court.caseOf(id).seed, jurySeed(id, word), "seed");
        uint256[3] memory n = seatsUnder(id, word);
        uint256 all;
        for (uint256 k; k < 3; ++k) {
            assertEq(count(court.seatsOf(id, jurors[k])), n[k], "seats");
            assertEq(all & court.seatsOf(id, jurors[k]), 0, "a seat has one juror");
            all |= court.seatsOf(id, jurors[k]);
        }
        assertEq(all, 0x1ff, "nine seats");
        assertEq(court.seatsOf(id, stranger), 0, "no lot, no seat");
    }

    /// @dev attack M7: a word of another second is refused, also the next one; nobody can wait for a better jury.
    function test_summon__word_of_another_second__reverts() public {
        beacon.set(drawAt(id) + 1, keccak256("a better word"));
        beacon.set(drawAt(id) - 1, keccak256("an earlier word"));
        vm.warp(drawAt(id) + 1);
        vm.expectRevert(abi.encodeWithSelector(IBeacon.WrongProof.selector, "time"));
        court.summon(id, "proof");
        beacon.set(drawAt(id), keccak256("word"));
        vm.expectRevert(abi.encodeWithSelector(IBeacon.WrongProof.selector, "proof"));
        court.summon(id, "another proof");
        court.summon(id, "proof");
    }

    /// @dev attack M7: once drawn, a jury stays.
    function test_summon__twice__reverts() public {
        summon(id, 6, 2, 1);
        beacon.set(drawAt(id), keccak256("another word"));
        vm.expectRevert(AlreadySummoned.selector);
        court.summon(id, "proof");
    }

    /// @dev attack M7: two cases of one second have different juries.
    function test_summon__two_cases_of_one_second__two_seeds() public {
        uint256 other = challenge(BAD_LEAF, 1, CHECK, LEAF);
        summon(id, 6, 2, 1);
        court.summon(other, "proof");
        assertNotEq(court.caseOf(id).seed, court.caseOf(other).seed);
    }

    function test_summon__window_edges() public {
        beacon.set(drawAt(id), keccak256("word"));
        vm.warp(drawAt(id) - 1);
        vm.expectRevert(wrongStage(Stage.Drawing, Stage.Committing));
        court.summon(id, "proof");
        vm.warp(juryEnd(id));
        vm.expectRevert(wrongStage(Stage.Revealing, Stage.Committing));
        court.summon(id, "proof");
        vm.warp(juryEnd(id) - 1);
        court.summon(id, "proof");
    }

    /// @dev A jury that nobody could summon is never drawn later.
    function test_summon__after_the_commitments__no_jury_ever() public {
        beacon.set(drawAt(id), keccak256("word"));
        for (uint256 t = juryEnd(id); t < voteEnd(id); t += 5) {
            vm.warp(t);
            vm.expectPartialRevert(WrongStage.selector);
            court.summon(id, "proof");
        }
        assertEq(court.rulingOf(id), 0, "no ruling");
    }

    // --- seats

    /// @dev checklist 18: a lot that is split has as many seats as one piece; each seat has one place.
    function testFuzz_seats__any_cut_of_the_line__nine_in_all(bytes16 seed, uint64 line, uint64 cut) public pure {
        line = uint64(bound(line, 1, type(uint64).max));
        cut = uint64(bound(cut, 0, line));
        (uint16 left, uint256 n) = Jury.seatsIn(seed, line, 0, cut);
        (uint16 right, uint256 m) = Jury.seatsIn(seed, line, cut, line);
        assertEq(left | right, 0x1ff, "all");
        assertEq(left & right, 0, "no seat twice");
        assertEq(n + m, 9, "nine");
        (uint16 none, uint256 zero) = Jury.seatsIn(seed, line, cut, cut);
        assertEq(none + zero, 0, "an empty stretch");
    }

    /// @dev checklist 19: a lot counts in [from, until). Stake that came after the round opened has no seat.
    function test_seats__lot_of_other_rounds__none() public {
        summon(id, 6, 2, 1);
        uint32[2][4] memory spans = [[ROUND + 1, type(uint32).max], [uint32(1), ROUND], [uint32(0), uint32(0)], [ROUND + 3, ROUND + 2]];
        for (uint256 k; k < 4; ++k) {
            ledger.lay(jurors[0], spans[k][0], spans[k][1], 0, LINE / 2);
            assertEq(court.seatsOf(id, jurors[0]), 0, "mask");
            vm.prank(jurors[0]);
            vm.expectRevert(abi.encodeWithSelector(NotAJuror.selector, jurors[0]));
            court.commit(id, "x");
        }
        ledger.lay(jurors[0], ROUND, ROUND + 1, 0, LINE / 2);
        assertEq(count(court.seatsOf(id, jurors[0])), 6, "counts in the round");
        commit(id, jurors[0], UPHELD);
    }

    function test_seats__before_the_draw__none() public view {
        assertEq(court.seatsOf(id, jurors[0]), 0);
    }

    // --- commit

    function test_commit__not_summoned__reverts() public {
        vm.warp(drawAt(id));
        vm.prank(jurors[0]);
        vm.expectRevert(NotSummoned.selector);
        court.commit(id, "x");
    }

    function test_commit__window_edges() public {
        vm.warp(drawAt(id) - 1);
        vm.prank(jurors[0]);
        vm.expectRevert(wrongStage(Stage.Drawing, Stage.Committing));
        court.commit(id, "x");
        summon(id, 6, 2, 1); // at drawAt
        commit(id, jurors[1], UPHELD);
        vm.warp(juryEnd(id));
        vm.prank(jurors[0]);
        vm.expectRevert(wrongStage(Stage.Revealing, Stage.Committing));
        court.commit(id, "x");
        vm.warp(juryEnd(id) - 1);
        commit(id, jurors[0], UPHELD);
    }

    function test_commit__drawn_for_no_seat__reverts() public {
        summon(id, 5, 4, 0);
        vm.prank(jurors[2]);
        vm.expectRevert(abi.encodeWithSelector(NotAJuror.selector, jurors[2]));
        court.commit(id, "x");
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(NotAJuror.selector, stranger));
        court.commit(id, "x");
    }

    /// @dev A juror can't keep two commitments and reveal the better one, not even behind an empty one.
    function test_commit__twice__reverts() public {
        summon(id, 6, 2, 1);
        vm.startPrank(jurors[0]);
        court.commit(id, 0);
        vm.expectRevert(abi.encodeWithSelector(AlreadyCommitted.selector, jurors[0]));
        court.commit(id, "x");
    }

    function test_commit__event() public {
        summon(id, 6, 2, 1);
        vm.expectEmit(address(court));
        emit JurorCommitted(id, jurors[0]);
        vm.prank(jurors[0]);
        court.commit(id, "x");
    }

    // --- reveal

    function test_reveal__opens_the_commitment__counts_its_seats() public {
        summon(id, 6, 2, 1);
        commit(id, jurors[0], UPHELD);
        commit(id, jurors[1], REJECTED);
        vm.warp(juryEnd(id));
        vm.expectEmit(address(court));
        emit JurorRevealed(id, jurors[0], 6, UPHELD, evidence(jurors[0]));
        reveal(id, jurors[0], UPHELD);
        reveal(id, jurors[1], REJECTED);
        (uint256 yes, uint256 no, uint256 a, uint256 b) = court.votesOf(id);
        assertEq(yes, 6, "for");
        assertEq(no, 2, "against");
        assertEq(a + b, 0, "no appeal");
        assertEq(court.rulingOf(id), UPHELD, "six rule");
    }

    function test_reveal__window_edges() public {
        summon(id, 6, 2, 1);
        commit(id, jurors[0], UPHELD);
        commit(id, jurors[1], UPHELD);
        vm.warp(juryEnd(id) - 1);
        vm.prank(jurors[0]);
        vm.expectRevert(wrongStage(Stage.Committing, Stage.Revealing));
        court.reveal(id, UPHELD, evidence(jurors[0]), salt(jurors[0]));
        vm.warp(juryEnd(id));
        reveal(id, jurors[0], UPHELD);
        vm.warp(ruledAt(id));
        vm.prank(jurors[1]);
        vm.expectRevert(wrongStage(Stage.Appealing, Stage.Revealing));
        court.reveal(id, UPHELD, evidence(jurors[1]), salt(jurors[1]));
        vm.warp(ruledAt(id) - 1);
        reveal(id, jurors[1], UPHELD);
    }

    function test_reveal__anything_changed__reverts() public {
        summon(id, 6, 2, 1);
        commit(id, jurors[0], UPHELD);
        vm.warp(juryEnd(id));
        bytes32 e = evidence(jurors[0]);
        bytes32 s = salt(jurors[0]);
        bytes memory err = abi.encodeWithSelector(WrongOpening.selector, jurors[0]);
        vm.startPrank(jurors[0]);
        vm.expectRevert(err);
        court.reveal(id, REJECTED, e, s);
        vm.expectRevert(err);
        court.reveal(id, UPHELD, ~e, s);
        vm.expectRevert(err);
        court.reveal(id, UPHELD, e, ~s);
        court.reveal(id, UPHELD, e, s);
    }

    function test_reveal__unknown_vote__reverts() public {
        summon(id, 6, 2, 1);
        bytes32 digest = court.ballotDigest(id, jurors[0], 3, "", "");
        vm.prank(jurors[0]);
        court.commit(id, digest);
        vm.warp(juryEnd(id));
        uint8[3] memory votes = [0, 3, 255];
        for (uint256 k; k < 3; ++k) {
            vm.prank(jurors[0]);
            vm.expectRevert(abi.encodeWithSelector(UnknownVote.selector, votes[k]));
            court.reveal(id, votes[k], "", "");
        }
    }

    /// @dev checklist 21: a copied commitment opens for its author only.
    function test_reveal__copied_commitment__reverts() public {
        summon(id, 6, 2, 1);
        bytes32 digest = court.ballotDigest(id, jurors[0], UPHELD, evidence(jurors[0]), salt(jurors[0]));
        vm.prank(jurors[0]);
        court.commit(id, digest);
        vm.prank(jurors[1]);
        court.commit(id, digest);
        vm.warp(juryEnd(id));
        reveal(id, jurors[0], UPHELD);
        vm.prank(jurors[1]);
        vm.expectRevert(abi.encodeWithSelector(WrongOpening.selector, jurors[1]));
        court.reveal(id, UPHELD, evidence(jurors[0]), salt(jurors[0]));
    }

    /// @dev checklist 28: a ballot is for one chain, one contract and one case.
    function test_ballotDigest__binds_chain_contract_and_case() public {
        bytes32 digest = court.ballotDigest(1, jurors[0], UPHELD, "e", "s");
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Assay"),
                keccak256("1"),
                block.chainid,
                address(court)
            )
        );
        bytes32 ballot = keccak256(
            abi.encode(
                keccak256("Ballot(uint256 id,address juror,uint8 vote,bytes32 evidence,bytes32 salt)"),
                1,
                jurors[0],
                UPHELD,
                bytes32("e"),
                bytes32("s")
            )
        );
        assertEq(digest, keccak256(abi.encodePacked(hex"1901", domain, ballot)), "EIP-712");
        assertNotEq(digest, court.ballotDigest(2, jurors[0], UPHELD, "e", "s"), "case");
        vm.chainId(block.chainid + 1);
        assertNotEq(digest, court.ballotDigest(1, jurors[0], UPHELD, "e", "s"), "chain");
    }

    function test_reveal__without_a_commitment_or_twice__reverts() public {
        summon(id, 6, 2, 1);
        commit(id, jurors[0], UPHELD);
        vm.warp(juryEnd(id));
        vm.prank(jurors[1]);
        vm.expectRevert(abi.encodeWithSelector(NotCommitted.selector, jurors[1]));
        court.reveal(id, UPHELD, evidence(jurors[1]), salt(jurors[1]));
        reveal(id, jurors[0], UPHELD);
        vm.prank(jurors[0]);
        vm.expectRevert(abi.encodeWithSelector(NotCommitted.selector, jurors[0]));
        court.reveal(id, UPHELD, evidence(jurors[0]), salt(jurors[0]));
        (uint256 yes,,,) = court.votesOf(id);
        assertEq(yes, 6, "counted once");
    }

    /// @dev checklist 38: a lot that goes after the commitment takes no vote with it.
    function test_reveal__lot_gone_since__still_counts() public {
        summon(id, 6, 2, 1);
        commit(id, jurors[0], UPHELD);
        ledger.lay(jurors[0], 0, 0, 0, 0);
        vm.warp(juryEnd(id));
        reveal(id, jurors[0], UPHELD);
        assertEq(court.rulingOf(id), UPHELD);
    }

    // --- the rule of six

    /// @dev checklist 20: five seats are no ruling, six are, whoever else spoke.
    function test_ruling__five_seats_of_nine__none() public {
        summon(id, 5, 4, 0);
        commit(id, jurors[0], UPHELD);
        commit(id, jurors[1], REJECTED);
        vm.warp(juryEnd(id));
        reveal(id, jurors[0], UPHELD);
        assertEq(court.rulingOf(id), 0, "five");
        reveal(id, jurors[1], REJECTED);
        assertEq(court.rulingOf(id), 0, "five to four");
    }

    function test_ruling__six_seats_either_way() public {
        uint256 snapshot = vm.snapshotState();
        judge(id, UPHELD, REJECTED, REJECTED);
        assertEq(court.rulingOf(id), UPHELD, "six for");
        vm.revertToState(snapshot);
        judge(id, REJECTED, UPHELD, UPHELD);
        assertEq(court.rulingOf(id), REJECTED, "six against");
        vm.revertToState(snapshot);
        judge(id, 0, UPHELD, UPHELD);
        assertEq(court.rulingOf(id), 0, "three of those who spoke");
    }

    function count(uint16 mask) internal pure returns (uint256 n) {
        for (; mask != 0; mask &= mask - 1) {
            ++n;
        }
    }
}
