"""Nodes are killed (SIGKILL) at points of a round and started again with the same home: the round ends as without it.

Each test plays the next round of one task: the trainer is paid, both validators commit once, reveal and attest alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from assay.store.rows import SubmissionRow
from assay.types import Outcome
from integration.roles.stage import FIRST, SEATS, SECOND, TOKEN, Stage, Task

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
TRAINER = 12
ROUNDS = 5


@dataclass
class Course:
    """The task and the round that is next."""

    stage: Stage
    task: Task
    round: int = 0

    def begin(self) -> int:
        """Open the next round's work window."""
        self.round += 1
        self.task.opened(self.round)
        return self.round

    def submission(self) -> SubmissionRow:
        self.task.submitted(self.round, 1)
        (row,) = self.stage.store.submissions(self.task.number, self.round)
        return row

    def fetched(self, account: int, root: bytes) -> None:
        self.stage.until(f"the artifact at {account}", lambda: self.stage.holds(account, root))

    def check(self) -> None:
        """Compare what the round came to with a round in which nobody was killed."""
        stage, number, money = self.stage, self.task.number, self.task.spec.money
        (row,) = stage.store.submissions(number, self.round)
        assert row.outcome == Outcome.PAID
        both = {stage.address(FIRST), stage.address(SECOND)}
        for kept in (stage.store.commits, stage.store.votes, stage.store.attests):
            assert sorted(one.validator for one in kept(number, self.round)) == sorted(both)
        (root,) = {one.root for one in stage.store.attests(number, self.round)}
        checkpoint = stage.store.checkpoint(number, self.round)
        assert checkpoint is not None
        assert (checkpoint.root, checkpoint.final) == (root, True)
        final = stage.store.round(number, self.round)
        assert final is not None
        fees = SEATS * money.seat_fee + 2 * money.attest_fee
        assert (final.from_escrow, final.burned) == (row.units * money.price + fees, 0)
        for account, whats in ((FIRST, ("commit", "reveal", "attest")), (TRAINER, ("submit",))):
            for what in whats:
                sent = stage.records(account).outbox_row(stage.address(account), f"{number}:{self.round}:{what}")
                assert sent is not None, what
                assert (sent.state, sent.error) == ("done", None), what


@pytest.fixture(scope="module")
def started(stage: Stage) -> Course:
    task = stage.publish(stage.spec(rounds=ROUNDS))
    stage.start("trainer", TRAINER, task=task.number, stake=100 * TOKEN)
    task.started()
    return Course(stage, task)


@pytest.fixture
def course(started: Course) -> Iterator[Course]:
    yield started
    for account in (FIRST, SECOND, TRAINER):  # whatever failed, the next round has its nodes
        started.stage.resume(account)


def test_validator__killed_after_the_fetch_and_between_commit_and_reveal__reveals(course: Course) -> None:
    stage, task, number = course.stage, course.task, course.begin()
    row = course.submission()
    course.fetched(FIRST, row.root)
    stage.restart(FIRST)
    task.sealed(number)
    task.committed(number)
    stage.restart(FIRST)
    task.revealed(number)
    task.attested(number)
    task.settled(number)
    course.check()


def test_trainer_and_validator__killed_after_training_and_in_a_check__submit_and_judge_once(course: Course) -> None:
    stage, task, number = course.stage, course.task, course.begin()
    before = set((stage.home(TRAINER) / "artifacts").glob("?" * 64))
    stage.until("an artifact", lambda: set((stage.home(TRAINER) / "artifacts").glob("?" * 64)) - before)
    stage.restart(TRAINER)
    row = course.submission()
    course.fetched(FIRST, row.root)
    stage.pause(FIRST)
    task.sealed(number)
    stage.resume(FIRST)
    stage.until("its look at the seal", lambda: stage.records(FIRST).seal(task.number, number))
    stage.restart(FIRST)
    task.finished(number)
    course.check()
    assert len(stage.store.submissions(task.number, number)) == 1


def test_trainer__killed_before_anyone_fetched__serves_at_the_same_place_again(course: Course) -> None:
    stage, task, number = course.stage, course.task, course.begin()
    stage.pause(FIRST, SECOND)
    row = course.submission()
    stage.kill(TRAINER)
    stage.resume(FIRST, SECOND)
    stage.until("a failed fetch", lambda: f"{task.number}:{number}:fetch:0" in stage.said(FIRST))
    assert not stage.holds(FIRST, row.root)
    stage.restart(TRAINER)
    course.fetched(FIRST, row.root)
    course.fetched(SECOND, row.root)
    task.sealed(number)
    task.committed(number)
    task.revealed(number)
    stage.restart(FIRST)
    task.attested(number)
    task.settled(number)
    course.check()


def test_trainer__killed_while_its_submission_waits_to_be_mined__submits_once(course: Course) -> None:
    stage, task = course.stage, course.task
    number, key = course.round + 1, f"{task.number}:{course.round + 1}:submit"

    def sent() -> str | None:
        found = stage.records(TRAINER).outbox_row(stage.address(TRAINER), key)
        return found.hash.hex() if found is not None and found.hash is not None else None

    stage.client.rpc("evm_setAutomine", False)
    try:
        course.begin()
        stage.until("the sent submission", sent, ticks=False)
        before = sent()
        stage.kill(TRAINER)
        stage.client.rpc("anvil_dropAllTransactions")
    finally:
        stage.client.rpc("evm_setAutomine", True)
    stage.restart(TRAINER)
    row = course.submission()
    course.fetched(FIRST, row.root)
    task.sealed(number)
    task.finished(number)
    course.check()
    after = stage.records(TRAINER).outbox_row(stage.address(TRAINER), key)
    assert after is not None and after.hashes == [before]
    assert len(stage.store.submissions(task.number, number)) == 1


def test_validator__killed_while_its_commitment_waits_to_be_mined__commits_once(course: Course) -> None:
    stage, task, number = course.stage, course.task, course.begin()
    row = course.submission()
    course.fetched(FIRST, row.root)
    stage.pause(FIRST)
    task.sealed(number)
    task.stage.until("the other one's commitment", lambda: stage.store.commits(task.number, number))
    stage.client.rpc("evm_setAutomine", False)
    try:
        stage.resume(FIRST)
        key = f"{task.number}:{number}:commit"

        def sent() -> str | None:
            found = stage.records(FIRST).outbox_row(stage.address(FIRST), key)
            return found.hash.hex() if found is not None and found.hash is not None else None

        stage.until("the sent commitment", sent, ticks=False)
        before = sent()
        stage.kill(FIRST)
        stage.client.rpc("anvil_dropAllTransactions")
    finally:
        stage.client.rpc("evm_setAutomine", True)
    stage.restart(FIRST)
    task.finished(number)
    course.check()
    after = stage.records(FIRST).outbox_row(stage.address(FIRST), key)
    assert after is not None
    assert after.hashes == [before]
