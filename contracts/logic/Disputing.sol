// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStakeVault, Taking} from "../interfaces/IStakeVault.sol";
import {ITaskMarket} from "../interfaces/ITaskMarket.sol";
import {Entry, IRoundLedgerErrors, IRoundLedgerEvents} from "../interfaces/RoundLedgerTypes.sol";
import {Clock, Clocks} from "../libraries/Clock.sol";
import {Mark} from "../libraries/Mark.sol";
import {StakeLine} from "../libraries/StakeLine.sol";
import {Dispute, RING, Task} from "../libraries/State.sol";
import {Tasks} from "../libraries/Tasks.sol";
import {Candidate, Round} from "../libraries/Words.sol";

/// @title The ledger's logic that the court moves: what is disputed, and what was ruled.
/// @dev Linked into the round ledger and run in its storage. Docs are in IRoundLedger.
library Disputing {
    using StakeLine for Task;
    using Tasks for Task;

    uint8 internal constant WRONG_ROOT = 6;
    uint8 internal constant BAD_LEAF = 1;
    uint8 internal constant UPHELD = 1;

    function dispute(Task storage t, uint256 task, uint32 round, Entry[] calldata entries, uint16 index)
        external
        returns (bytes32 root, address trainer, uint256 line)
    {
        Clock c = t.inRound(task, round);
        Clocks.within(c.votesEnd(round), c.challengeEnd(round));
        Round r = t.drawn(task, round);
        Entry calldata entry = t.entryOf(round, entries, index);

        t.rounds[round % RING] = r.withDispute();
        t.disputed[round] |= 1 << index;
        ++t.disputes[round][index].open;
        emit IRoundLedgerEvents.Disputed(task, round, index);
        return (entry.root, address(uint160(entry.who >> 96)), r.line());
    }

    function disputeRoot(Task storage t, uint256 task, uint32 round, bytes32 root) external returns (uint256 line) {
        Clock c = t.inRound(task, round);
        Clocks.within(c.votesEnd(round), c.challengeEnd(round));
        Candidate candidate = t.candidates[round % RING];
        require(candidate.tag() == round && candidate.won() && candidate.isFor(root), IRoundLedgerErrors.WrongRoot(root));
        require(t.rootPay[round] == 0, IRoundLedgerErrors.AlreadyDisputed());

        t.rootPay[round] = 1;
        t.waits.add(round);
        emit IRoundLedgerEvents.RootDisputed(task, round, root);
        return t.lineIn(round);
    }

    function rule(
        Task storage t,
        uint256 task,
        uint32 round,
        uint16 index,
        uint8 claim,
        uint8 check,
        uint16 leaf,
        uint8 ruling,
        address challenger
    ) external {
        Dispute storage d = t.disputes[round][index];
        --d.open;
        d.since = uint40(block.timestamp);
        if (ruling == UPHELD && claim == BAD_LEAF) {
            if (!d.isBad) d.badBy = challenger;
            d.isBad = true;
        } else if (ruling == UPHELD) {
            t.goodBy[round][index][Tasks.leafKey(check, leaf)] = challenger;
        }
        emit IRoundLedgerEvents.Ruled(task, round, index, claim, check, leaf, ruling);
    }

    function ruleRoot(
        Task storage t,
        uint256 task,
        uint32 round,
        uint8 ruling,
        address challenger,
        address[] calldata attesters,
        address vault,
        address market
    ) external {
        Round r = t.rounds[round % RING];
        require(r.tag() != round || r.isFinal(), IRoundLedgerErrors.NotFinal(round));
        Candidate candidate = t.candidates[round % RING];
        Clock c = t.clock;
        // once round + 16 may be worked on, the ring forgets who attested
        bool isKept = candidate.tag() == round && (c.current() < round + RING || c.lastRound() < round + RING);
        uint256 weight = isKept ? attestersWeight(t, round, attesters, 0) : 0;
        require(weight == (isKept ? candidate.weight() : attesters.length), IRoundLedgerErrors.WrongAttesters());

        uint256 pay = t.rootPay[round] - 1;
        t.rootPay[round] = 1;
        t.waits.remove(round);
        emit IRoundLedgerEvents.RootRuled(task, round, ruling);
        if (ruling == UPHELD) _cutAttesters(t, task, round, challenger, attesters, vault);
        else if (pay != 0 && attesters.length != 0) _payAttesters(task, pay, attesters, vault, market);
    }

    /// @dev The weight of validators who attested the root that won, strictly ascending, none with one of the `without` marks.
    function attestersWeight(Task storage t, uint32 round, address[] calldata attesters, uint256 without)
        internal
        view
        returns (uint256 weight)
    {
        // slither-disable-next-line uninitialized-local zero is below every account
        address last;
        for (uint256 i; i < attesters.length; ++i) {
            uint256 mark = t.markOf(round, attesters[i]);
            bool attested = t.hasAttested(round, attesters[i], mark, t.candidates[round % RING]);
            require(attested && mark & without == 0 && attesters[i] > last, IRoundLedgerErrors.WrongAttesters());
            last = attesters[i];
            weight += t.lots[attesters[i]].size();
        }
    }

    /// @dev Attesters of a root that was found wrong lose their lots: half is burned, half is the challenger's.
    function _cutAttesters(Task storage t, uint256 task, uint32 round, address challenger, address[] calldata attesters, address vault)
        private
    {
        Taking[] memory takings = new Taking[](attesters.length);
        // slither-disable-next-line uninitialized-local sums from zero
        uint256 reward;
        for (uint256 i; i < attesters.length; ++i) {
            uint256 amount = t.lots[attesters[i]].backing() * 1 gwei;
            uint256 paid = amount / 2;
            reward += paid;
            takings[i] = Taking(attesters[i], uint96(amount - paid), uint96(paid));
            t.cutLot(task, t.clock, attesters[i], amount);
            emit IRoundLedgerEvents.Cut(task, attesters[i], round, Tasks.NO_INDEX, WRONG_ROOT, amount - paid, paid);
        }
        uint256[] memory credits = new uint256[](1);
        credits[0] = Tasks.credit(challenger, reward);
        IStakeVault(vault).settle(credits, takings, 0);
    }

    /// @dev Pays attesters what was withheld while their root was in dispute.
    function _payAttesters(uint256 task, uint256 pay, address[] calldata attesters, address vault, address market) private {
        uint256[] memory credits = new uint256[](attesters.length);
        for (uint256 i; i < attesters.length; ++i) {
            credits[i] = Tasks.credit(attesters[i], pay);
        }
        ITaskMarket(market).pay(task, pay * attesters.length);
        IStakeVault(vault).settle(credits, new Taking[](0), pay * attesters.length);
    }
}
