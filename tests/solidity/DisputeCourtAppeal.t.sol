// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Stage} from "../../contracts/interfaces/IDisputeCourt.sol";
import {IStakeVaultErrors} from "../../contracts/interfaces/IStakeVault.sol";
import {CourtKit} from "./CourtKit.sol";

contract DisputeCourtAppealTest is CourtKit {
    uint256 internal id;

    function setUp() public override {
        super.setUp();
        id = challenge(BAD_LEAF);
    }

    // --- appeal

    function test_appeal__risks_twice_the_bond() public {
        judge(id, UPHELD, REJECTED, REJECTED);
        vm.expectEmit(address(court));
        emit Appealed(id, appellant, 2 * BOND);
        vm.prank(appellant);
        court.appeal(id);
        assertEq(court.caseOf(id).appellant, appellant, "appellant");
        assertEq(locked(appellant), 2 * BOND, "locked");
        assertEq(court.rulingOf(id), UPHELD, "the jury's ruling stands until a majority turns it");
    }

    function test_appeal__window_edges() public {
        judge(id, UPHELD, REJECTED, REJECTED);
        vm.warp(ruledAt(id) - 1);
        vm.prank(appellant);
        vm.expectRevert(wrongStage(Stage.Revealing, Stage.Appealing));
        court.appeal(id);
        vm.warp(appealEnd(id));
        vm.prank(appellant);
        vm.expectRevert(wrongStage(Stage.Ready, Stage.Appealing));
        court.appeal(id);
        vm.warp(appealEnd(id) - 1);
        vm.prank(appellant);
        court.appeal(id);
    }

    function test_appeal__at_the_first_second__passes() public {
        vm.warp(ruledAt(id));
        vm.prank(appellant);
        court.appeal(id); // also where no jury was drawn: there is no ruling to lose
    }

    function test_appeal__twice__reverts() public {
        vm.warp(ruledAt(id));
        vm.prank(appellant);
        court.appeal(id);
        vm.prank(challenger);
        vm.expectRevert(AlreadyAppealed.selector);
        court.appeal(id);
    }

    function test_appeal__bond_not_free__reverts() public {
        vm.warp(ruledAt(id));
        vault.give(stranger, 2 * BOND - 1);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IStakeVaultErrors.InsufficientFreeStake.selector, 2 * BOND - 1, 2 * BOND));
        court.appeal(id);
        assertEq(court.caseOf(id).appellant, address(0), "nobody");
    }

    // --- votes

    function test_voteAppeal__counts_the_whole_lot() public {
        appeal(id);
        vm.expectEmit(address(court));
        emit AppealVoted(id, jurors[0], UPHELD, LINE / 2);
        voteAppeal(id, jurors[0], UPHELD);
        voteAppeal(id, jurors[1], REJECTED);
        (uint256 a, uint256 b, uint256 yes, uint256 no) = court.votesOf(id);
        assertEq(a + b, 0, "jury");
        assertEq(yes, LINE / 2, "for");
        assertEq(no, LINE / 3, "against");
    }

    function test_voteAppeal__window_edges() public {
        vm.warp(ruledAt(id));
        vm.prank(appellant);
        court.appeal(id);
        vm.warp(appealEnd(id) - 1);
        vm.prank(jurors[0]);
        vm.expectRevert(wrongStage(Stage.Appealing, Stage.Voting));
        court.voteAppeal(id, UPHELD);
        vm.warp(appealEnd(id));
        voteAppeal(id, jurors[0], UPHELD);
        vm.warp(voteEnd(id));
        vm.prank(jurors[1]);
        vm.expectRevert(wrongStage(Stage.Ready, Stage.Voting));
        court.voteAppeal(id, UPHELD);
        vm.warp(voteEnd(id) - 1);
        voteAppeal(id, jurors[1], UPHELD);
    }

    function test_voteAppeal__without_an_appeal__reverts() public {
        vm.warp(appealEnd(id));
        vm.prank(jurors[0]);
        vm.expectRevert(wrongStage(Stage.Ready, Stage.Voting));
        court.voteAppeal(id, UPHELD);
    }

    function test_voteAppeal__twice_or_the_other_way__reverts() public {
        appeal(id);
        for (uint8 first = 1; first <= 2; ++first) {
            voteAppeal(id, jurors[first], first);
            for (uint8 vote = 1; vote <= 2; ++vote) {
                vm.prank(jurors[first]);
                vm.expectRevert(abi.encodeWithSelector(AlreadyVoted.selector, jurors[first]));
                court.voteAppeal(id, vote);
            }
        }
    }

    function test_voteAppeal__unknown_vote__reverts() public {
        appeal(id);
        uint8[3] memory votes = [0, 3, 4];
        for (uint256 k; k < 3; ++k) {
            vm.prank(jurors[0]);
            vm.expectRevert(abi.encodeWithSelector(UnknownVote.selector, votes[k]));
            court.voteAppeal(id, votes[k]);
        }
    }

    /// @dev attack H6: whoever buys stake during the dispute has no vote; only lots of the disputed round count.
    function test_voteAppeal__stake_of_another_round__reverts() public {
        appeal(id);
        ledger.lay(stranger, ROUND + 1, type(uint32).max, 0, LINE);
        ledger.lay(jurors[0], 1, ROUND, 0, LINE / 2);
        address[3] memory refused = [stranger, jurors[0], makeAddr("without a lot")];
        for (uint256 k; k < 3; ++k) {
            vm.prank(refused[k]);
            vm.expectRevert(abi.encodeWithSelector(NotEnlisted.selector, refused[k]));
            court.voteAppeal(id, UPHELD);
        }
        ledger.lay(jurors[1], ROUND, ROUND + 1, LINE / 2, 5 * LINE / 6);
        voteAppeal(id, jurors[1], UPHELD);
    }

    /// @dev Jurors vote in the appeal too, and their first vote doesn't bind the second.
    function test_voteAppeal__a_juror__votes_anew() public {
        judge(id, UPHELD, REJECTED, REJECTED);
        appeal(id);
        voteAppeal(id, jurors[0], REJECTED);
        (uint256 juryFor,,, uint256 no) = court.votesOf(id);
        assertEq(juryFor, 6, "jury");
        assertEq(no, LINE / 2, "against");
    }

    // --- more than half of all

    /// @dev checklist 20, attack H6: turnout decides nothing. Half of all the stake, unopposed, changes no ruling, nor finds one where the
    /// jury had none; one gwei more does.
    function test_ruling__half_of_all__changes_nothing_and_one_gwei_more__rules() public {
        for (uint8 first; first <= 2; ++first) {
            for (uint8 vote = 1; vote <= 2; ++vote) {
                uint256 snapshot = vm.snapshotState();
                judge(id, first, 0, 0);
                appeal(id);
                voteAppeal(id, jurors[0], vote);
                assertEq(court.rulingOf(id), first, "exactly half, all of the turnout");
                ledger.lay(stranger, 1, type(uint32).max, LINE / 2, LINE / 2 + 1);
                voteAppeal(id, stranger, vote);
                assertEq(court.rulingOf(id), vote, "one gwei more");
                vm.revertToState(snapshot);
            }
        }
    }

    function test_ruling__all_voted_half_to_half__the_jurys_stands() public {
        for (uint8 first; first <= 2; ++first) {
            uint256 snapshot = vm.snapshotState();
            judge(id, first, 0, 0);
            appeal(id);
            voteAppeal(id, jurors[0], UPHELD);
            voteAppeal(id, jurors[1], REJECTED);
            voteAppeal(id, jurors[2], REJECTED);
            assertEq(court.rulingOf(id), first);
            vm.revertToState(snapshot);
        }
    }

    /// @dev checklist 25: a coalition of two thirds of the jury's seats is reversed in time by the stake that it doesn't hold.
    function test_ruling__captured_jury__reversed_by_more_than_half_of_the_stake() public {
        judge(id, UPHELD, 0, 0);
        assertEq(court.rulingOf(id), UPHELD, "the jury's");
        appeal(id);
        ledger.lay(jurors[0], 1, type(uint32).max, 0, LINE / 2 - 1); // six seats of nine by luck, less than half of the stake
        ledger.lay(stranger, 1, type(uint32).max, LINE / 2 - 1, LINE / 2);
        voteAppeal(id, jurors[0], UPHELD);
        voteAppeal(id, jurors[1], REJECTED);
        voteAppeal(id, jurors[2], REJECTED);
        assertEq(court.rulingOf(id), UPHELD, "below");
        voteAppeal(id, stranger, REJECTED);
        assertEq(court.rulingOf(id), REJECTED, "the stake's");
    }

    /// @dev checklist 10: a line as long as lines can be.
    function test_ruling__longest_line() public {
        ledger.set(terms(), type(uint64).max, root(DIGEST));
        uint256 other = challenge(BAD_LEAF, 1, CHECK, LEAF);
        assertEq(court.caseOf(other).line, type(uint64).max, "line");
        ledger.lay(jurors[0], 1, type(uint32).max, 0, type(uint64).max);
        appeal(other);
        voteAppeal(other, jurors[0], REJECTED);
        assertEq(court.rulingOf(other), REJECTED);
    }
}
