"""What keeps validators and trainers honest, in processes: fresh seats, canaries, juries, salts that come late."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from assay.cli.main import app
from assay.errors import Refused
from assay.protocol.hashing import hex32
from assay.protocol.votes import unpack
from assay.roles import evidence
from assay.store.rows import CutRow
from assay.types import STATISTICAL, ClaimKind, CutReason, Outcome, Reason, Role, Ruling, Verdict
from integration.roles.stage import FIRST, INITIATOR, SEATS, SECOND, TOKEN, Stage, Task

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
TRAINER, LAZY, LAZIER, REFUSING, REFUSING_TOO = 11, 12, 13, 14, 15
TRAINER_STAKE, LARGE = 30 * TOKEN, 1000 * TOKEN


def published(stage: Stage, rounds: int = 1, extra: int = 0) -> Task:
    spec = stage.spec(rounds)
    return stage.publish(replace(spec, rounds=replace(spec.rounds, extra=extra)))


def outcome(task: Task, round_: int = 1) -> Outcome | None:
    (row,) = task.stage.store.submissions(task.number, round_)
    return None if row.outcome is None else Outcome(row.outcome)


def cuts(task: Task, account: int) -> list[CutRow]:
    return task.stage.store.cuts(task.stage.address(account), task.number)


def paid(task: Task, account: int, role: Role = Role.TRAINER) -> int:
    rows = task.stage.store.payments(task.stage.address(account), task.number)
    return sum(row.amount for row in rows if row.role == role)


def full_pay(task: Task) -> int:
    (row,) = task.stage.store.submissions(task.number, 1)
    return row.units * task.spec.money.price


def judged_by(task: Task, round_: int, *liars: int) -> int:
    """Draw a round's seats so that the liars have a quorum and others a voice. Return how many voters there are."""
    stage, drawn = task.stage, dict[str, int]()

    def suits(seats: dict[str, int]) -> bool:
        drawn.clear()
        drawn.update({who: count for who, count in seats.items() if count})
        lies = [seats[stage.address(account)] for account in liars]
        return all(lies) and 11 <= sum(lies) < 16

    task.sealed_so_that(round_, suits)
    return len(drawn)


def asked(task: Task, home: Path, *line: str) -> Any:
    """Ask the command line, as somebody who has no key, and return its JSON."""
    where = ["--home", str(home), "--rpc", task.stage.net.url, "--json", "--quiet"]
    result = CliRunner().invoke(app, [*where, *line], env={"ASSAY_DEPLOYMENTS": str(task.stage.folder / "deployments")})
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def looked(task: Task, home: Path) -> dict[str, dict[str, Any]]:
    """Say of whom it is shown that they looked at the one submission of round 1, by address."""
    found = asked(task, home, "evidence", str(task.number), "1", "--out", str(home / "exhibits"))["found"]
    assert [one["index"] for one in found] == [0] * len(found)
    return {one["validator"]: one for one in found}


def begun(task: Task, **trainer: object) -> None:
    """Start the trainer, and let it submit in round 1."""
    task.stage.start("trainer", TRAINER, task=task.number, stake=TRAINER_STAKE, **trainer)
    task.started()
    task.opened(1)
    task.submitted(1, 1)


@pytest.mark.slow
def test_extra_draw__a_validator_misses_the_vote__work_is_paid_and_silence_costs(stage: Stage) -> None:
    task = published(stage, extra=200)
    begun(task)
    stage.pause(FIRST)
    task.sealed(1)
    task.committed(1, 1)
    task.revealed(1, 1)
    stage.resume(FIRST)
    stage.go(task.schedule.reveal_end(1))
    stage.until("votes of the extra draw", lambda: len(stage.store.extras(task.number, 1)) == 2)
    task.attested(1)
    stage.until("what silence costs", lambda: cuts(task, FIRST))
    task.settled(1)
    assert outcome(task) is Outcome.PAID
    assert paid(task, TRAINER) == full_pay(task)
    (cut,) = cuts(task, FIRST)
    assert (cut.reason, cut.burned + cut.paid) == (CutReason.ABSENT, task.spec.money.seat_fee // 10**9 * 10**9)
    assert cuts(task, SECOND) == []


@pytest.mark.slow
def test_salts__trainer_away_when_the_round_is_settled__shows_its_salt_itself(stage: Stage, tmp_path: Path) -> None:
    task = published(stage)
    begun(task)
    task.sealed(1)
    task.committed(1)
    task.revealed(1)
    names = {row.validator: hex32(row.evidence) for row in stage.store.votes(task.number, 1)}
    places = [stage.home(account) / "names" / names[stage.address(account)] for account in (FIRST, SECOND)]
    assert not any(place.exists() for place in places)  # nobody may copy it yet
    with pytest.raises(Refused, match="only then is evidence served"):
        evidence.look(stage.config("reader", 0), task.number, 1, lambda _: None)
    task.attested(1)
    stage.until("evidence", lambda: all(place.exists() for place in places))
    shown = looked(task, tmp_path)
    assert {one["outcome"] for one in shown.values()} == {"shown"} and len(shown) == 2
    assert {one["value"] for one in shown.values()} == {0}
    stage.pause(TRAINER)
    task.settled(1)
    stage.until("no evidence", lambda: not any(place.exists() for place in places))
    assert outcome(task) is Outcome.ASIDE
    stage.resume(TRAINER)
    stage.until("the share", lambda: outcome(task) is not Outcome.ASIDE)
    assert outcome(task) is Outcome.PAID
    assert paid(task, TRAINER) == full_pay(task)
    stage.until("its end", lambda: stage.ended(TRAINER) == 0)


@pytest.mark.slow
def test_lazy__most_pass_a_canary_unseen__cut_and_the_canary_is_taken_back(stage: Stage) -> None:
    task = published(stage, rounds=2)
    for account in (LAZY, LAZIER):
        stage.start("validator", account, task=task.number, stake=LARGE, fault="lazy")
    stage.until("all stake", lambda: len(stage.store.enlistments(task.number, Role.VALIDATOR)) == 4)
    begun(task, canaries=[1])
    voters = judged_by(task, 1, LAZY, LAZIER)
    task.committed(1, voters)
    task.revealed(1, voters)
    stage.go(task.schedule.votes_end(1))
    stage.until("the canary", lambda: stage.store.canaries(task.number, 1))
    stage.until("checkpoint 1", lambda: task.row.head == 1)
    task.settled(1)
    assert outcome(task) is Outcome.CANARY
    seats = {
        row.validator: sum(vote.seats.bit_count() for vote in unpack(row.votes))
        for row in stage.store.votes(task.number, 1)
    }
    for account in (LAZY, LAZIER):
        (cut,) = cuts(task, account)
        assert (cut.reason, cut.burned + cut.paid) == (
            CutReason.CANARY,
            seats[stage.address(account)] * task.spec.money.cut,
        )
    assert cuts(task, FIRST) == cuts(task, SECOND) == []

    task.opened(2)
    stage.until("work of round 2", lambda: stage.store.submissions(task.number, 2))
    voters = judged_by(task, 2, LAZY, LAZIER)
    task.committed(2, voters)
    task.revealed(2, voters)
    stage.go(task.schedule.votes_end(2))
    stage.until("checkpoint 2", lambda: task.row.head == 2)
    task.settled(2)
    assert outcome(task, 2) is Outcome.PAID
    assert len({row.root for row in stage.store.attests(task.number, 2)}) == 1
    note = stage.records(FIRST).note(task.number, 2, "checkpoint")
    assert note is not None
    assert note.json["corrections"] == [[1, [0], []]]


@pytest.mark.slow
def test_refusal__good_work_is_refused__its_trainer_wins_before_a_jury_and_is_paid(
    stage: Stage, tmp_path: Path
) -> None:
    task = published(stage)
    for account in (REFUSING, REFUSING_TOO):
        stage.start("validator", account, task=task.number, stake=LARGE, fault="refuse")
    stage.until("all stake", lambda: len(stage.store.enlistments(task.number, Role.VALIDATOR)) == 4)
    stage.start("initiator", INITIATOR, task=task.number)
    begun(task)
    voters = judged_by(task, 1, REFUSING, REFUSING_TOO)
    task.committed(1, voters)
    task.revealed(1, voters)
    stage.go(task.schedule.votes_end(1))
    stage.until("its challenge", lambda: stage.store.cases(task.number))
    (case,) = stage.store.cases(task.number)
    assert (case.check, case.leaf, case.challenger) == (Reason.REWARD, 0, stage.address(TRAINER))
    seen = list[dict[str, Any]]()
    task.judged(case.id, lambda: seen.extend(asked(task, tmp_path, "evidence", str(task.number), "1")["found"]))
    ballots = [one for one in seen if one["by"] == f"case {case.id}"]
    assert len(ballots) == len(stage.store.jurors(case.id)) and {one["outcome"] for one in ballots} == {"shown"}
    liars = {stage.address(account) for account in (REFUSING, REFUSING_TOO)}
    said = {one["outcome"] for one in seen if one["by"] == "reveal" and one["validator"] not in liars}
    assert said == {"shown"}
    assert stage.store.asides(task.number, 1)
    ruled = stage.store.case(case.id)
    assert ruled is not None
    assert ruled.ruling == Ruling.UPHELD
    stage.until("the share", lambda: outcome(task) is not Outcome.ASIDE)
    assert outcome(task) is Outcome.PAID
    assert paid(task, TRAINER) == full_pay(task)
    assert stage.store.slashes(stage.address(TRAINER), task.number) == []
    for account in (REFUSING, REFUSING_TOO):
        (cut,) = cuts(task, account)
        assert cut.reason == CutReason.OVERRULED
    stage.until("the refund", lambda: task.row.state == "refunded")


def test_doubt__bad_work_fails_a_tolerance__one_who_refused_it_wins_before_a_jury_and_it_is_slashed(
    stage: Stage,
) -> None:
    task = published(stage)
    begun(task, fault="model")
    task.sealed(1)
    task.committed(1)
    task.revealed(1)
    stage.go(task.schedule.attest_end(1))
    stage.until("a challenge", lambda: stage.store.cases(task.number))
    (case,) = stage.store.cases(task.number)
    said = [vote for row in stage.store.votes(task.number, 1) for vote in unpack(row.votes)]
    assert {(vote.verdict, vote.reason) for vote in said} == {(Verdict.INVALID, case.check)}
    assert case.check in STATISTICAL
    assert case.claim == ClaimKind.BAD_LEAF
    assert case.challenger in {stage.address(FIRST), stage.address(SECOND)}
    task.judged(case.id)
    stage.until("the share", lambda: outcome(task) is not Outcome.ASIDE)
    assert outcome(task) is Outcome.INVALID
    assert stage.store.cases(task.number)[1:] == []
    (slash,) = stage.store.slashes(stage.address(TRAINER), task.number)
    bond, fees = task.spec.money.bond, SEATS * task.spec.money.seat_fee
    assert (slash.burned, slash.paid) == (bond - bond // 2, bond // 2 + fees)
    assert cuts(task, FIRST) == cuts(task, SECOND) == []


@pytest.mark.slow
def test_lazy__bad_work_is_passed__a_validator_that_looked_wins_before_a_jury(stage: Stage, tmp_path: Path) -> None:
    task = published(stage)
    for account in (LAZY, LAZIER):
        stage.start("validator", account, task=task.number, stake=LARGE, fault="lazy")
    stage.until("all stake", lambda: len(stage.store.enlistments(task.number, Role.VALIDATOR)) == 4)
    begun(task, fault="reward")
    voters = judged_by(task, 1, LAZY, LAZIER)
    task.committed(1, voters)
    task.revealed(1, voters)
    stage.go(task.schedule.attest_end(1))
    stage.until("a challenge", lambda: stage.store.cases(task.number))
    (case,) = stage.store.cases(task.number)
    seen = looked(task, tmp_path)
    for account in (LAZY, LAZIER):
        one = seen.pop(stage.address(account))
        assert (one["says"], one["outcome"]) == ("VALID", "made-up")
        assert "made up" in asked(task, tmp_path, "evidence", "verify", one["exhibit"])["shows"][-1]
    assert {one["outcome"] for one in seen.values()} == {"none"}  # a wrong reward is seen without a prefill
    assert case.challenger in {stage.address(FIRST), stage.address(SECOND)}
    assert case.check == Reason.REWARD
    task.judged(case.id)
    stage.until("the share", lambda: outcome(task) is not Outcome.ASIDE)
    assert outcome(task) is Outcome.INVALID
    assert paid(task, TRAINER) == 0
    for account in (LAZY, LAZIER):
        (cut,) = cuts(task, account)
        assert cut.reason == CutReason.OVERRULED
    said = [vote for row in stage.store.votes(task.number, 1) for vote in unpack(row.votes)]
    assert {vote.verdict for vote in said} == {Verdict.VALID, Verdict.INVALID}
