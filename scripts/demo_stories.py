"""Two stories of the demo, each claim read from the chain: a lazy validator that a canary catches, and good work that
is refused, challenged and paid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from assay.protocol.votes import unpack
from assay.store.rows import CaseRow, CutRow, SubmissionRow
from assay.store.settled import accepted, tally_of
from assay.types import ClaimKind, CutReason, Outcome, Role, Ruling, Verdict
from demo_plot import CANARY_MAKER, CHEAT, LAZY, VALIDATORS
from demo_world import TASK, World

LIES = frozenset({CutReason.CANARY, CutReason.OVERRULED})
JURY_SEATS = 9
Change = tuple[list[int], list[int]]


@dataclass
class Figures:
    """What the two stories came to. Amounts in wei."""

    canaries: int = 0
    seats_passed: int = 0
    lazy_cut: int = 0
    bonus: int = 0
    challenges_won: int = 0
    challenged: str = ""
    paid: int = 0
    refusers_cut: int = 0
    reward: int = 0
    jury_fees: int = 0


class Stories:
    """Checks both stories. `claim` takes whether something holds, and a sentence for when it doesn't."""

    def __init__(self, world: World, claim: Callable[[bool, str], None]) -> None:
        self._world, self._store, self._claim = world, world.store, claim
        self._money = world.spec.money
        self._figures = Figures()

    def check(self) -> Figures:
        """Check every claim and return the figures."""
        plot = self._world.plot
        if plot.is_plain:
            return self._figures
        for number in plot.canaries:
            self._canary(number)
        self._claim(self._figures.seats_passed > 0, f"{LAZY} had no seat on a canary, so none caught it")
        self._refusal(plot.refused_round)
        self._nobody_else()
        return self._figures

    # --- a lazy validator and canaries

    def _canary(self, number: int) -> None:
        rows = self._store.submissions_of(self._world.addresses[CANARY_MAKER], TASK)
        row = next((row for row in rows if row.round == number), None)
        if row is None or row.outcome != Outcome.CANARY:
            found = "nothing" if row is None else Outcome(row.outcome).name if row.outcome else "no outcome"
            self._claim(False, f"round {number}: {CANARY_MAKER}'s canary came to {found}")
            return
        self._figures.canaries += 1
        passed, refused = seats_of(self._world, row, Verdict.VALID), seats_of(self._world, row, Verdict.INVALID)
        self._claim(set(passed) <= {LAZY}, f"round {number}: {', '.join(passed)} passed the canary")
        self._cut_for(row, passed, CutReason.CANARY)
        self._figures.seats_passed += sum(passed.values())
        self._rewarded(row, refused)
        self._taken_back(row)

    def _rewarded(self, row: SubmissionRow, refused: dict[str, int]) -> None:
        """Of what a cut doesn't burn, three quarters go to the seats that refused it, beside their fees; its maker gets
        the rest and the canary fee, and nothing for work.
        """
        cuts = cuts_of(self._world, row)
        pool, all_seats = sum(cut.paid for cut in cuts), sum(refused.values())
        given = 0
        for name, seats in refused.items():
            bonus = pool * 3 // 4 * seats // all_seats
            given += bonus
            due = seats * self._money.seat_fee + bonus
            found = self._paid(row.round, name, Role.VALIDATOR)
            self._claim(
                (0, seats, due) in found,
                f"round {row.round}: {name} refused the canary and didn't get {due} wei for it",
            )
        due, found = self._money.canary_fee + pool - given, self._paid(row.round, CANARY_MAKER, Role.TRAINER)
        self._claim(found == [(1, 0, due)], f"round {row.round}: the canary's maker got {found} and {due} wei were due")
        self._figures.lazy_cut += sum(cut.burned + cut.paid for cut in cuts)
        self._figures.bonus += given

    def _taken_back(self, row: SubmissionRow) -> None:
        """What the votes let in, the next checkpoint takes back; what they didn't is in none."""
        task = self._store.task(TASK)
        is_in = task is not None and row.index in accepted(self._store, task, row.round)
        for before, after in self._changes(row.round):
            is_in = row.index in after if row.index in (*before, *after) else is_in
        self._claim(not is_in, f"round {row.round}: the canary is in a checkpoint and wasn't taken back")

    # --- a wrong refusal

    def _refusal(self, number: int) -> None:
        row, task = self._store.submission(TASK, number, 0), self._store.task(TASK)
        cases = [case for case in self._store.cases(TASK) if case.claim == ClaimKind.GOOD_LEAF]
        self._claim(len(cases) == 1, f"{len(cases)} refusals were challenged, not one")
        if row is None or task is None or not cases:
            self._claim(row is not None, f"round {number} has no submissions")
            return
        case = cases[0]
        by_votes = tally_of(self._store, task, number, votes_only=True).outcomes[0]
        self._claim(by_votes is Outcome.INVALID, f"round {number}: the votes came to {by_votes.name}, not to a refusal")
        about, wanted = (case.round, case.index, case.claim), (number, 0, ClaimKind.GOOD_LEAF)
        is_own = about == wanted and case.challenger == row.trainer
        self._claim(is_own, f"the challenge isn't its trainer's of submission 0 of round {number}")
        self._claim(case.ruling == Ruling.UPHELD, f"the challenge was ruled on with {case.ruling}")
        share = [(1, 1, share_of(self._world, row))]
        found = self._paid(number, self._world.names[row.trainer], Role.TRAINER)
        is_paid = row.outcome == Outcome.PAID and found == share
        self._claim(is_paid, f"round {number}: the challenged work got {found}, {share} was due")
        lost = [one for one in self._store.slashes(row.trainer, TASK) if one.round == number]
        self._claim(not lost, f"round {number}: the trainer that was right lost its bond")
        refused = seats_of(self._world, row, Verdict.INVALID)
        self._claim(set(refused) <= set(VALIDATORS), f"round {number}: {', '.join(refused)} refused it")
        self._cut_for(row, refused, CutReason.OVERRULED)
        is_in = any(0 in after and 0 not in before for before, after in self._changes(number))
        self._claim(is_in, f"no checkpoint took in submission 0 of round {number} after it was paid")
        self._figures.challenged = self._world.names[row.trainer]
        self._figures.paid = share[0][2]
        self._figures.challenges_won += int(case.ruling == Ruling.UPHELD and is_paid)
        self._figures.refusers_cut += sum(cut.burned + cut.paid for cut in cuts_of(self._world, row))
        self._figures.reward += reward(self._world, case)
        self._figures.jury_fees += sum(jury_fees(self._world, case).values())

    # --- cuts

    def _nobody_else(self) -> None:
        """Nobody is cut for a lie but those two stories' liars, and who passed the cheat's work. Silence isn't one."""
        plot = self._world.plot
        for cut in self._store.cuts(task=TASK):
            name = self._world.names[cut.validator]
            if name == LAZY and cut.reason == CutReason.OVERRULED and self._passed_a_cheat(cut):
                continue
            is_lazy = cut.reason == CutReason.CANARY and name == LAZY and cut.round in plot.canaries
            is_refuser = cut.reason == CutReason.OVERRULED and name in VALIDATORS and cut.round == plot.refused_round
            is_right = is_lazy or is_refuser or cut.reason not in LIES
            self._claim(is_right, f"round {cut.round}: {name} was cut for {CutReason(cut.reason).name}")

    def _passed_a_cheat(self, cut: CutRow) -> bool:
        row = self._store.submission(TASK, cut.round, cut.index)
        if row is None or row.trainer != self._world.addresses[CHEAT] or row.round < self._world.plot.fault_from:
            return False
        return LAZY in seats_of(self._world, row, Verdict.VALID)

    def _cut_for(self, row: SubmissionRow, seats: dict[str, int], reason: CutReason) -> None:
        cuts = cuts_of(self._world, row)
        found = {self._world.names[cut.validator]: (cut.reason, cut.burned + cut.paid) for cut in cuts}
        due = {name: (reason, count * self._money.cut) for name, count in seats.items()}
        self._claim(found == due, f"round {row.round}, submission {row.index}: cut were {found}, due was {due}")

    # --- reading

    def _paid(self, number: int, name: str, role: Role) -> list[tuple[int, int, int]]:
        """Return an account's payments of a round, as (seats, agreed, wei)."""
        rows = self._store.payments(self._world.addresses[name], TASK)
        return [(row.seats, row.agreed, row.amount) for row in rows if (row.round, row.role) == (number, role)]

    def _changes(self, number: int) -> list[Change]:
        """Return what later checkpoints changed of a round: its submissions before and after, by a node's records."""
        records = self._world.nodes.store(VALIDATORS[0])
        notes = records.notes(TASK, "checkpoint") if records else []
        changes = [change for note in sorted(notes, key=lambda one: one.round) for change in note.json["corrections"]]
        return [(before, after) for round_, before, after in changes if round_ == number]


def seats_of(world: World, row: SubmissionRow, verdict: Verdict) -> dict[str, int]:
    """Return how many seats each validator gave a submission this verdict with."""
    seats: dict[str, int] = {}
    for reveal in world.store.votes(TASK, row.round):
        for vote in unpack(reveal.votes):
            if vote.index == row.index and vote.verdict is verdict:
                seats[world.names[reveal.validator]] = vote.seats.bit_count()
    return seats


def cuts_of(world: World, row: SubmissionRow) -> list[CutRow]:
    """Return the cuts for lies about a submission."""
    cuts = world.store.cuts(task=TASK)
    return [cut for cut in cuts if (cut.round, cut.index) == (row.round, row.index) and cut.reason in LIES]


def jury_fees(world: World, case: CaseRow) -> dict[str, int]:
    """Return what the jurors of a closed case got, by account. The challenger paid it."""
    agreed = [row for row in world.store.jurors(case.id) if case.ruling and row.vote == case.ruling]
    return {row.juror: (row.seats or 0) * world.spec.money.seat_fee for row in agreed}


def share_of(world: World, row: SubmissionRow) -> int:
    """Return what a share that was set aside comes to when it is paid: its full claim while the round's pot is enough
    for all that the round may owe, else its part of the pot.
    """
    due = next(int(aside.json["due"]) for aside in world.store.asides(TASK, row.round) if aside.index == row.index)
    full, pot = row.units * world.spec.money.price, world.spec.money.pot
    return full if due <= pot else full * pot // due


def court_income(world: World, address: str) -> int:
    """Return what an account got from the task's cases: a juror's fees, a challenger's part of cuts."""
    cases = world.store.cases(TASK)
    fees = sum(jury_fees(world, case).get(address, 0) for case in cases)
    return fees + sum(reward(world, case) for case in cases if case.challenger == address)


def reward(world: World, case: CaseRow) -> int:
    """Return what a challenger got: half of the bond of work that it showed to be bad, and its part of the cuts of
    those whom the ruling proved wrong.
    """
    row = world.store.submission(TASK, case.round, case.index)
    if row is None or case.ruling != Ruling.UPHELD:
        return 0
    half = world.spec.money.bond // 2 if case.claim == ClaimKind.BAD_LEAF else 0
    return half + sum(cut.paid for cut in cuts_of(world, row) if cut.reason == CutReason.OVERRULED)
