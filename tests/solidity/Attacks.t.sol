// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputeCourt} from "../../contracts/interfaces/IDisputeCourt.sol";
import {GatewayCall} from "../../contracts/interfaces/IGateway.sol";
import {IInvitesErrors} from "../../contracts/interfaces/IInvites.sol";
import {IStakeVaultErrors, Taking} from "../../contracts/interfaces/IStakeVault.sol";
import {ITaskMarketErrors, Terms} from "../../contracts/interfaces/ITaskMarket.sol";
import {Entry, Reveal} from "../../contracts/interfaces/RoundLedgerTypes.sol";
import {CourtScene} from "./CourtScene.sol";

/// @dev Attacks on the whole system that no other file shows. Where the others are: README.md.
contract AttacksTest is CourtScene {
    // --- money

    /// @dev checklist 6: nothing is held in shares: who comes first and gives tokens away takes nothing from who comes second.
    function testFuzz_firstDepositor__donates__second_has_all_of_its_stake(uint256 first, uint256 gift, uint256 second) public {
        (first, gift, second) = (bound(first, 1, 1e24), bound(gift, 0, 1e24), bound(second, 1, 1e24));
        stakeFor(stranger, first);
        token.transfer(address(vault), gift);
        stakeFor(trainers[0], second);
        assertEq(staked(trainers[0]), second, "to the wei");
        assertEq(staked(stranger), first, "and nothing won");
        vm.startPrank(trainers[0]);
        vault.unbond(second);
        vm.warp(block.timestamp + UNBONDING);
        assertEq(vault.withdraw(trainers[0]), second, "all of it leaves");
    }

    /// @dev checklist 16: pay that nobody earned goes back, whatever became of the rounds. When all have left, the contracts are empty.
    function test_end__everybody_leaves__no_token_is_stuck() public {
        terms.rounds = 2;
        start();
        works(trainers[0], 1, 1000);
        works(trainers[1], 1, 1000);
        makesCanary(trainers[2], 1);
        sealAs(1, "012 012 012");
        say(1, "VIV VIV VIV"); // one paid, one slashed, a canary that all pass
        opensCanary(1, 2);
        finish(1);
        vm.warp(challengeEnd(2));
        assertTrue(ledger.isOver(task), "round 2 had no work and no recipient");
        market.refund(task);
        assertEq(token.balanceOf(address(market)), 0, "market");
        for (uint256 i; i < 3; ++i) {
            ledger.release(task, trainers[i], TRAINER);
            ledger.release(task, validators[i], VALIDATOR);
            leaves(trainers[i]);
            leaves(validators[i]);
        }
        vm.warp(block.timestamp + UNBONDING);
        for (uint256 i; i < 3; ++i) {
            vault.withdraw(trainers[i]);
            vault.withdraw(validators[i]);
        }
        assertEq(token.balanceOf(address(vault)), 0, "vault");
        assertEq(token.balanceOf(address(ledger)) + token.balanceOf(address(court)), 0, "the others never hold any");
    }

    function leaves(address account) internal {
        if (claimable(account) != 0) vault.claim(account);
        uint256 all_ = staked(account);
        vm.prank(account);
        vault.unbond(all_);
    }

    /// @dev checklist 29: a task's terms are all in its publication. Whatever is sent around it, they stay; a copy is another task, of who
    /// published it and paid for it.
    function test_publish__sandwiched__terms_and_escrow_are_the_callers() public {
        Terms memory wanted = terms;
        uint256 budget = terms.rounds * terms.pot;
        give(initiator, budget);
        give(stranger, budget);
        terms.price = 1;
        vm.prank(stranger);
        uint256 front = market.publish(terms, budget, "first");
        vm.prank(initiator);
        uint256 mine = market.publish(wanted, budget, "wanted");
        vm.startPrank(stranger);
        vm.expectRevert(abi.encodeWithSelector(ITaskMarketErrors.OnlyInitiator.selector, stranger));
        market.cancel(mine);
        market.cancel(front);
        vm.stopPrank();
        assertEq(keccak256(abi.encode(ledger.termsOf(mine))), keccak256(abi.encode(wanted)), "as they were signed");
        assertEq(market.escrowOf(mine), budget, "its own");
        assertEq(market.initiatorOf(mine), initiator, "its own");
        assertEq(market.refund(front), budget, "what the other paid is the other's");
        assertEq(token.balanceOf(stranger), budget, "back");
    }

    /// @dev attack M4: stake backs one thing at a time.
    function test_attack_m4__same_stake_enlisted_twice__reverts() public {
        publish();
        enlistValidator(stranger, LOT);
        vm.startPrank(stranger);
        bytes memory err = abi.encodeWithSelector(IStakeVaultErrors.InsufficientFreeStake.selector, 0, LOT);
        vm.expectRevert(err);
        ledger.enlistTrainer(task, LOT, "");
        vm.expectRevert(err);
        vault.unbond(LOT);
    }

    /// @dev attack M5: what is unbonding enlists nothing and backs nothing.
    function test_attack_m5__unbonding_stake__has_no_weight() public {
        publish();
        stakeFor(stranger, LOT);
        vm.startPrank(stranger);
        vault.unbond(1 gwei);
        vm.expectRevert(abi.encodeWithSelector(IStakeVaultErrors.InsufficientFreeStake.selector, LOT - 1 gwei, LOT));
        ledger.enlistValidator(task, LOT, "");
        vault.rebond(1 gwei);
        ledger.enlistValidator(task, LOT, "");
    }

    /// @dev attack M10: the key that runs a node can't turn its pay elsewhere once there is a payout address.
    function test_attack_m10__operators_key__cannot_move_the_payout() public {
        address cold = makeAddr("cold");
        start();
        vm.prank(trainers[0]);
        vault.setPayout(trainers[0], cold);
        works(trainers[0], 1, 1000);
        sealAs(1, "012");
        say(1, "V V V");
        finish(1);
        vm.startPrank(trainers[0]);
        vm.expectRevert(abi.encodeWithSelector(IStakeVaultErrors.OnlyPayout.selector, cold));
        vault.setPayout(trainers[0], stranger);
        ledger.submitAndClaim(task, 3, 0, 1, "root", "mark", "");
        assertEq(token.balanceOf(cold), 10 ether, "to the payout address");
    }

    // --- order and identity

    /// @dev checklist 22: reveals open when commitments have closed, and what one opened is useless to another.
    function test_reveal__copied__is_refused_and_too_late_to_commit_to() public {
        start();
        works(trainers[0], 1, 1000);
        sealAs(1, "012");
        vm.warp(sealAt(1) + 2);
        Reveal memory r = opening(1, validators[0], ballot(0, 1, "V"));
        commits(1, r);
        vm.warp(commitEnd(1));
        reveal(1, r);
        vm.startPrank(validators[1]);
        vm.expectRevert(abi.encodeWithSelector(NotCommitted.selector, validators[1]));
        ledger.reveal(task, 1, r.votes, r.held, r.evidence, r.salt);
        bytes32 digest = ledger.attestationDigest(task, 1, validators[1], r.votes, r.held, r.evidence, r.salt);
        vm.expectRevert(outside(sealAt(1), commitEnd(1)));
        ledger.commit(task, 1, digest);
    }

    /// @dev Weak spot P8 (work keys that the first writer takes): a root that somebody else put in first blocks nobody, and is judged as
    /// the copier's own: its manifest names another trainer.
    function test_attack_copied_root__sent_first__owner_is_paid_and_copier_loses_its_bond() public {
        start();
        bytes32 root = rootOf(digestOf(trainers[0], 1, 1));
        Entry memory mine = entryOf(trainers[0], 0, 1000, root);
        Entry memory copy = entryOf(trainers[1], 0, 1000, root);
        submit(1, copy);
        submit(1, mine);
        salts[1] = [saltOf(root), saltOf(root)];
        sealAs(1, "012 012");
        say(1, "MV MV MV");
        mark();
        finish(1);
        assertEq(gained(trainers[0]), 10 ether, "owner");
        assertEq(lost(trainers[1]), 23 ether, "copier");
    }

    /// @dev Weak spot P6 (sets whose order changes when something is removed): what is paid doesn't depend on who reveals first, nor on
    /// whose submission failed.
    function test_attack_order_of_reveals__changes_no_payment() public {
        start();
        works(trainers[0], 1, 1000);
        works(trainers[1], 1, 1000);
        works(trainers[2], 1, 1000);
        sealAs(1, "012 012 012");
        vm.warp(sealAt(1) + 2);
        Reveal[] memory rs = new Reveal[](3);
        for (uint256 v; v < 3; ++v) {
            rs[v] = opening(1, validators[v], ballots(1, validators[v], "IVV", 0, 3, 0));
            commits(1, rs[v]);
        }
        vm.warp(commitEnd(1));
        uint256 before = vm.snapshotState();
        bytes32 paid;
        for (uint256 first; first < 3; ++first) {
            for (uint256 k; k < 3; ++k) {
                reveal(1, rs[(first + k) % 3]);
            }
            finish(1);
            bytes32 now_ = keccak256(abi.encode(claimable(trainers[1]), claimable(trainers[2]), staked(trainers[0])));
            for (uint256 v; v < 3; ++v) {
                now_ = keccak256(abi.encode(now_, claimable(validators[v])));
            }
            if (first == 0) paid = now_;
            assertEq(now_, paid, "same");
            vm.revertToState(before);
        }
    }

    // --- who may

    /// @dev checklist 35, attack M3: every function that isn't everybody's, called by every role, and by everybody through the gateway.
    function test_access__functions_of_one_caller__refused_to_every_other() public {
        start();
        vm.warp(votesEnd(1));
        address[6] memory roles = [stranger, initiator, trainers[0], validators[0], address(gateway), address(tally)];
        for (uint256 i; i < roles.length; ++i) {
            address who = roles[i];
            bytes memory onlyMarket = abi.encodeWithSelector(OnlyMarket.selector, who);
            bytes memory onlyCourt = abi.encodeWithSelector(OnlyCourt.selector, who);
            bytes memory onlySlasher = abi.encodeWithSelector(IStakeVaultErrors.OnlySlasher.selector, who);
            shut(who, address(ledger), abi.encodeCall(ledger.register, (task + 1, terms)), onlyMarket);
            shut(who, address(ledger), abi.encodeCall(ledger.stop, (task)), onlyMarket);
            shut(who, address(ledger), abi.encodeCall(ledger.dispute, (task, 1, entries[1], 0)), onlyCourt);
            shut(who, address(ledger), abi.encodeCall(ledger.disputeRoot, (task, 1, "root")), onlyCourt);
            shut(who, address(ledger), abi.encodeCall(ledger.rule, (task, 1, 0, 1, 1, 1, 1, who)), onlyCourt);
            shut(who, address(ledger), abi.encodeCall(ledger.ruleRoot, (task, 1, 1, who, nobody)), onlyCourt);
            shut(who, address(vault), abi.encodeCall(vault.lock, (trainers[1], 1)), onlySlasher);
            shut(who, address(vault), abi.encodeCall(vault.unlock, (trainers[1], 1)), onlySlasher);
            shut(who, address(vault), abi.encodeCall(vault.settle, (new uint256[](0), new Taking[](0), 0)), onlySlasher);
            shut(
                who,
                address(market),
                abi.encodeCall(market.pay, (task, 1)),
                abi.encodeWithSelector(ITaskMarketErrors.OnlyLedger.selector, who)
            );
            if (who == initiator) continue;
            bytes memory err = abi.encodeWithSelector(IInvitesErrors.OnlyInitiator.selector, who);
            shut(who, address(invites), abi.encodeCall(invites.revoke, (task, 1)), err);
            if (who == address(gateway)) continue; // speaks for whoever it names
            err = abi.encodeWithSelector(ITaskMarketErrors.OnlyInitiator.selector, who);
            shut(who, address(market), abi.encodeCall(market.cancel, (task)), err);
        }
    }

    function shut(address who, address target, bytes memory data, bytes memory err) internal {
        vm.prank(who);
        vm.expectRevert(err);
        (bool done,) = target.call(data);
        done;
        if (who == address(gateway) || !gateway.isTarget(target) || bytes4(data) == market.cancel.selector) return;
        GatewayCall[] memory calls = new GatewayCall[](1);
        calls[0] = GatewayCall(target, data);
        vm.prank(who);
        vm.expectRevert(); // refused in the gateway's own name
        gateway.batch(calls);
    }

    // --- what nobody can hurry or hold up

    /// @dev Weak spots P4 and P7 (accepted by default; paid before it can be invalidated): nothing can be claimed while it can still be
    /// disputed, and the last second of disputes is before the first of pay. checklist 27.
    function testFuzz_time__dispute_or_final__never_both(uint256 at) public {
        start();
        works(trainers[0], 1, 1000);
        sealAs(1, "012");
        say(1, "V V V");
        at = bound(at, votesEnd(1), challengeEnd(1) + 20);
        stakeFor(stranger, terms.bond);
        vm.warp(at);
        bool disputable = at < challengeEnd(1);
        if (disputable) {
            vm.expectRevert(outside(challengeEnd(1), type(uint256).max));
            settle(1, nobody);
            assertEq(claimable(trainers[0]), 0, "not yet");
            challengeAs(stranger, 0, BAD_LEAF, CHECK, LEAF);
        } else {
            settle(1, nobody);
            assertEq(claimable(trainers[0]), 10 ether, "paid");
            vm.expectRevert(outside(votesEnd(1), challengeEnd(1)));
            vm.prank(address(court));
            ledger.dispute(task, 1, entries[1], 0);
        }
    }

    /// @dev attack H7, where it ends: a checkpoint that is attested in the last second of the round can't be challenged any more. Who could
    /// do it holds two thirds of the stake, and with it the court's last word (SECURITY.md); honest nodes attest before attestEnd.
    function test_attack_h7__attested_in_the_last_second__needs_two_thirds() public {
        start();
        vm.warp(challengeEnd(1) - 1);
        vm.prank(validators[0]);
        ledger.attest(task, 1, "wrong");
        assertEq(headNow(), 0, "one third isn't enough");
        vm.prank(validators[1]);
        ledger.attest(task, 1, "wrong");
        assertEq(headNow(), 1, "two thirds are");
        vm.warp(challengeEnd(1));
        vm.expectRevert(outside(votesEnd(1), challengeEnd(1)));
        vm.prank(address(court));
        ledger.disputeRoot(task, 1, "wrong");
    }
}
