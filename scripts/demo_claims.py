"""What the demo claims, and how each claim is read from the chain: rewards, outcomes, pay, and a ledger that adds up
to the wei.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field

from assay.protocol.pay import exposure
from assay.protocol.shares import REFUSED
from assay.protocol.votes import unpack
from assay.store.rows import CaseRow, SubmissionRow
from assay.store.settled import tally_of
from assay.types import STATISTICAL, ClaimKind, CutReason, Outcome, Reason, Ruling, Verdict
from demo_plot import CANARY_MAKER, CHEAT, INITIATOR, TRAINERS
from demo_stories import Figures, Stories, court_income, reward, seats_of, share_of
from demo_view import Payout, Row, tokens
from demo_world import TASK, World

REFUND_SECONDS = 10.0
COURT_WINDOWS = 2  # a case, filed at the end of a challenge window, and time to settle what it held up
BASE_BETWEEN = (0.6, 0.8)
# What is cut when it is shown or ruled; every other cut is in the figures of its round or share.
ALONE = frozenset({CutReason.SILENT, CutReason.ABSENT, CutReason.EXPOSED, CutReason.ROOT})
DEAD = "0x000000000000000000000000000000000000dEaD"

# What must become of each fault: docs/protocol.md, "What becomes of each kind of cheating". On a check with a tolerance
# the votes refuse only, and a jury's ruling slashes.
EXPECTED: dict[str, tuple[Outcome, frozenset[Reason]]] = {
    "model": (Outcome.INVALID, frozenset({Reason.ACTIVATION, Reason.SAMPLING})),
    "tokens": (Outcome.INVALID, frozenset({Reason.ACTIVATION, Reason.SAMPLING, Reason.TERMINATION})),
    "reward": (Outcome.INVALID, frozenset({Reason.REWARD})),
    "prompts": (Outcome.INVALID, frozenset({Reason.ASSIGNMENT})),
    "update": (Outcome.INVALID, frozenset({Reason.UPDATE})),
    "silent": (Outcome.UNAVAILABLE, frozenset({Reason.MISSING})),
}


@dataclass
class Result:
    """The demo's end: every claim that failed, as a sentence, and the figures."""

    ok: bool
    failures: list[str]
    seconds: float
    fault: str
    base_reward: float
    rewards: list[float]
    cheats: int
    cheats_met: int
    cheats_before_a_jury: int
    barred_rounds: list[int]
    honest_refused: int
    ledger: dict[str, int] = field(default_factory=dict)
    stories: Figures = field(default_factory=Figures)

    def to_json(self) -> dict[str, object]:
        """Return the result as JSON; wei as strings."""
        amounts = {name: str(amount) for name, amount in self.ledger.items()}
        return {**asdict(self), "ledger": amounts, "stories": {k: str(v) for k, v in asdict(self.stories).items()}}


class Claims:
    """Reads the chain through the demo's own follower; rewards come from the initiator's records."""

    def __init__(self, world: World, min_gain: float) -> None:
        self._min_gain = min_gain
        self._world = world
        self._rewards: dict[int, float] = {}
        self._failures: list[str] = []
        self._killed: list[str] = []
        self._told: set[tuple[int, bool]] = set()

    def row(self, number: int) -> Row | None:
        """Return a round's row, or None while it isn't final or its checkpoint isn't measured. Row 0 is the base
        model.
        """
        self._world.follower.poll()
        reward = self._reward(number)
        if reward is None:
            return None
        if number == 0:
            return Row("base", reward)
        store = self._world.store
        final, checkpoint = store.round(TASK, number), store.checkpoint(TASK, number)
        if final is None or checkpoint is None or not checkpoint.final:
            return None
        submissions = store.submissions(TASK, number)
        refused = [self._why(row) for row in submissions if row.outcome != Outcome.PAID]
        cheated = any(row.trainer == self._world.addresses[CHEAT] for row in submissions)
        if number >= self._world.plot.fault_from and not cheated:
            refused.append(f"{CHEAT}: barred, its stake is gone")
        accepted = sum(row.outcome == Outcome.PAID for row in submissions)
        return Row(str(number), reward, accepted, tuple(refused), final.from_escrow)

    def news(self) -> list[str]:
        """Return what became of challenges since the last call, in words; each thing once."""
        store, lines = self._world.store, []
        for case in store.cases(TASK):
            row = store.submission(TASK, case.round, case.index)
            if row is None:
                continue
            turned = Outcome.PAID if case.claim == ClaimKind.GOOD_LEAF else Outcome.INVALID
            is_over = row.outcome == turned
            if (case.id, is_over) in self._told or (case.ruling is not None and not is_over):
                continue
            self._told.add((case.id, is_over))
            lines.append(f"round {case.round}: {self._told_of(case, row, is_over)}")
        return lines

    def _told_of(self, case: CaseRow, row: SubmissionRow, is_over: bool) -> str:
        who, whose = self._world.names[case.challenger], self._world.names[row.trainer]
        if case.claim == ClaimKind.GOOD_LEAF:
            if is_over:
                paid = tokens(share_of(self._world, row))
                return f"the jury finds {who}'s work good: paid {paid}, its refusers are cut"
            return f"{who} challenges the refusal of its work before a jury"
        if is_over:
            return f"the jury finds {whose}'s work bad too: slashed, {who} gets {tokens(reward(self._world, case))}"
        return f"{who} takes {whose}'s work, refused on a check with a tolerance, to a jury"

    def settle(self) -> None:
        """Let the nodes end, claim for everyone (anyone may; it pays the payout address), and read the last events."""
        world = self._world
        self._await_court()
        for address in self._earners():
            world.outbox.put(f"claim:{address}", world.contracts.claim(address))
            world.outbox.wait(f"claim:{address}", 30)
        self._await_refund()
        self._killed = world.nodes.stop()
        world.nodes.check_alive()
        world.follower.poll()

    def _await_court(self) -> None:
        """Wait for the last cases and for the shares that they hold up; the nodes end them."""
        rounds, store = self._world.spec.rounds, self._world.store
        case = rounds.seal_delay + rounds.commit + rounds.reveal + rounds.challenge
        until = time.monotonic() + COURT_WINDOWS * case
        while time.monotonic() < until:
            self._world.follower.poll()
            shares = [row for number in range(1, rounds.count + 1) for row in store.asides(TASK, number)]
            if all(row.outcome is not None for row in shares) and all(c.ruling is not None for c in store.cases(TASK)):
                return
            time.sleep(0.5)

    def _await_refund(self) -> None:
        """The initiator asks for it by itself; anyone else may, and does when that takes too long."""
        until = time.monotonic() + REFUND_SECONDS
        while self._world.contracts.escrow(TASK) and time.monotonic() < until:
            time.sleep(0.5)
        if self._world.contracts.escrow(TASK):
            self._world.outbox.put("refund", self._world.contracts.refund(TASK))
            self._world.outbox.wait("refund", 30)

    def payouts(self) -> list[Payout]:
        """Return what each account earned, claimed and lost, read from the chain."""
        store = self._world.store
        table = []
        for name, address in self._world.addresses.items():
            if name == INITIATOR:
                continue
            paid = store.payments(address, TASK)
            slashes, cuts = store.slashes(address, TASK), store.cuts(address, TASK)
            lost = sum(row.burned + row.paid for row in (*slashes, *cuts))
            claimed = sum(row.amount for row in store.claims(address))
            role = "trainer" if name in TRAINERS else "validator"
            table.append(
                Payout(
                    name,
                    role,
                    len({row.round for row in paid if row.amount}),
                    sum(row.amount for row in paid),
                    claimed,
                    lost,
                    court_income(self._world, address),
                )
            )
        return table

    def result(self, seconds: float) -> Result:
        """Check every claim."""
        rewards = [self._rewards[number] for number in sorted(self._rewards)]
        base, last = rewards[0], rewards[-1]
        low, high = BASE_BETWEEN
        self._claim(low <= base <= high, f"the base model's reward is {base:.3f}, not within {low} and {high}")
        self._claim(last - base >= self._min_gain, f"the reward rose by {last - base:+.3f}, less than {self._min_gain}")
        honest_refused = self._honest()
        cheats, met, tried, barred = self._cheats()
        ledger = self._ledger()
        stories = Stories(self._world, self._claim).check()
        self._claim(not self._killed, f"{', '.join(self._killed)} didn't stop when asked")
        return Result(
            not self._failures,
            self._failures,
            seconds,
            self._world.plot.fault,
            base,
            rewards,
            cheats,
            met,
            tried,
            barred,
            honest_refused,
            ledger,
            stories,
        )

    # --- single claims

    def _honest(self) -> int:
        refused = 0
        for row in self._world.store.submissions(TASK):
            if self._cheating(row) or self._is_canary(row) or row.outcome == Outcome.PAID:
                continue
            refused += 1
            self._claim(False, f"honest work wasn't paid: round {row.round}, {self._why(row)}")
        return refused

    def _cheats(self) -> tuple[int, int, int, list[int]]:
        world = self._world
        fault, since = world.plot.fault, world.plot.fault_from
        outcome, reasons = EXPECTED[fault]
        rows = [row for row in world.store.submissions(TASK) if self._cheating(row)]
        met = tried = burned = 0
        for row in rows:
            reason = self._majority(row)
            needs_a_jury = reason in STATISTICAL
            if row.outcome == outcome and reason in reasons:
                met += 1
                tried += needs_a_jury
                bond = world.spec.money.bond
                burned += bond - bond // 2 if needs_a_jury else bond
                if needs_a_jury:
                    self._second_opinion(row)
            else:
                found = f"{Outcome(row.outcome).name} ({reason.name})" if row.outcome else "nothing"
                self._claim(False, f"round {row.round}: {fault} met {found}, {outcome.name} was expected")
        state = world.contracts.trainer(TASK, world.addresses[CHEAT])
        needed = exposure(world.contracts.terms(TASK))
        missing = sorted(set(range(since, world.spec.rounds.count + 1)) - {row.round for row in rows})
        self._claim(bool(rows), "the cheater never submitted")
        self._claim(
            not missing or state.enlisted < needed,
            f"the cheater skipped rounds {missing} although its stake covers a bond",
        )
        found = sum(row.burned for row in world.store.slashes(world.addresses[CHEAT], TASK))
        self._claim(found == burned, f"{found} wei were burned for {len(rows)} cheats, {burned} were due")
        return len(rows), met, tried, missing

    def _second_opinion(self, row: SubmissionRow) -> None:
        """The votes alone didn't slash it: a validator challenged, a jury agreed, half of the bond is the reward."""
        store, place = self._world.store, f"round {row.round}"
        task, cases = store.task(TASK), self._trials(row)
        by_votes = None if task is None else tally_of(store, task, row.round, votes_only=True).outcomes[row.index]
        self._claim(by_votes is Outcome.DOUBTED, f"{place}: the votes came to {by_votes}, not to a refusal in doubt")
        self._claim(len(cases) == 1, f"{place}: the cheat was challenged {len(cases)} times, not once")
        for case in cases:
            name = self._world.names.get(case.challenger, case.challenger)
            passed, refused = (seats_of(self._world, row, said) for said in (Verdict.VALID, Verdict.INVALID))
            self._claim(name in refused, f"{place}: {name} challenged the cheat, not a validator that refused it")
            self._claim(case.ruling == Ruling.UPHELD, f"{place}: the jury ruled on the cheat with {case.ruling}")
            half = sum(count * self._world.spec.money.cut // 2 for count in passed.values())
            due, found = self._world.spec.money.bond // 2 + half, reward(self._world, case)
            self._claim(found == due, f"{place}: {name} won {found} wei, {due} were due")

    def _trials(self, row: SubmissionRow) -> list[CaseRow]:
        cases = self._world.store.cases(TASK, row.round)
        return [case for case in cases if case.index == row.index and case.claim == ClaimKind.BAD_LEAF]

    def _ledger(self) -> dict[str, int]:
        world, store = self._world, self._world.store
        task = store.task(TASK)
        if task is None:
            self._claim(False, "the task isn't on chain")
            return {}
        payments, rounds = store.payments(task=TASK), store.rounds(TASK)
        paid = sum(row.amount for row in payments) + sum(reward(world, case) for case in store.cases(TASK))
        late = [row for number in range(1, world.spec.rounds.count + 1) for row in store.asides(TASK, number)]
        from_escrow = sum(row.from_escrow or 0 for row in (*rounds, *late))
        from_stakes = sum(row.from_stakes or 0 for row in (*rounds, *late))
        burned = sum(row.burned or 0 for row in (*rounds, *late, *store.cases(TASK)))
        burned += sum(row.burned for row in store.cuts(task=TASK) if row.reason in ALONE)
        contracts, deployment = world.contracts, world.deployment
        stakes = sum(contracts.account(address).staked for address in world.addresses.values())
        claimable = sum(contracts.account(address).claimable for address in world.addresses.values())
        holders = (*world.addresses.values(), deployment.vault, deployment.market, DEAD, deployment.deployer)
        total = sum(contracts.balance(holder) for holder in holders)
        difference = task.budget - from_escrow - task.refunded
        self._claim(difference == 0, f"funded − paid − refunded is {difference} wei, not 0")
        self._claim(
            paid == from_escrow + from_stakes,
            f"the payments sum up to {paid} wei, the rounds to {from_escrow + from_stakes}",
        )
        self._claim(contracts.balance(deployment.market) == 0, "the market still holds tokens after the refund")
        self._claim(claimable == 0, f"{claimable} wei are still claimable after all claims")
        self._claim(contracts.balance(deployment.vault) == stakes, "the vault holds something else than the stakes")
        self._claim(contracts.balance(DEAD) == burned, "what was burned isn't what the rounds say")
        self._claim(total == contracts.supply(), "tokens appeared or vanished")
        return {
            "funded": task.budget, "paid_from_escrow": from_escrow, "refunded": task.refunded, "difference": difference,
            "paid_from_stakes": from_stakes, "burned": burned,
        }  # fmt: skip

    def _claim(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self._failures.append(otherwise)

    # --- reading

    def _reward(self, number: int) -> float | None:
        if number not in self._rewards and (store := self._world.nodes.store(INITIATOR)) is not None:
            self._rewards |= {note.round: float(note.json["reward"]) for note in store.notes(TASK, "evaluation")}
        return self._rewards.get(number)

    def _earners(self) -> list[str]:
        accounts = self._world.addresses.values()
        return [address for address in accounts if self._world.contracts.account(address).claimable]

    def _cheating(self, row: SubmissionRow) -> bool:
        return row.trainer == self._world.addresses[CHEAT] and row.round >= self._world.plot.fault_from

    def _is_canary(self, row: SubmissionRow) -> bool:
        return row.trainer == self._world.addresses[CANARY_MAKER] and row.round in self._world.plot.canaries

    def _majority(self, row: SubmissionRow) -> Reason:
        """Return the reason that most seats of the winning verdict gave."""
        seats: dict[int, int] = {}
        for reveal in self._world.store.votes(TASK, row.round):
            for vote in unpack(reveal.votes):
                if vote.index == row.index and vote.verdict is not Verdict.VALID:
                    seats[vote.reason] = seats.get(vote.reason, 0) + vote.seats.bit_count()
        return Reason(max(seats, key=lambda reason: seats[reason])) if seats else Reason.NONE

    def _why(self, row: SubmissionRow) -> str:
        name = self._world.names[row.trainer]
        outcome = Outcome(row.outcome) if row.outcome else Outcome.NO_QUORUM
        if outcome not in REFUSED | {Outcome.CANARY, Outcome.ASIDE}:
            return f"{name}: {outcome.name.lower().replace('_', ' ')}"
        leaf = self._leaf(row)
        if outcome is Outcome.CANARY:
            return f"{name}: canary" + "".join(f", {text}" for text in self._caught(row))
        ends = "before a jury" if outcome is Outcome.ASIDE else "refused" if outcome is Outcome.DOUBTED else "slashed"
        return f"{name}: {self._majority(row).name.lower()}{leaf} ({ends})"

    def _caught(self, row: SubmissionRow) -> list[str]:
        """Return who was cut for passing a canary, in words."""
        cuts = [cut for cut in self._world.store.cuts(task=TASK) if (cut.round, cut.index) == (row.round, row.index)]
        lies = [cut for cut in cuts if cut.reason == CutReason.CANARY]
        return [f"cost {self._world.names[cut.validator]} {tokens(cut.burned + cut.paid)}" for cut in lies]

    def _leaf(self, row: SubmissionRow) -> str:
        reason = self._majority(row)
        for reveal in self._world.store.votes(TASK, row.round):
            for vote in unpack(reveal.votes):
                if vote.index == row.index and vote.reason == reason and reason is not Reason.MISSING:
                    return f", leaf {vote.leaf}"
        return ""
