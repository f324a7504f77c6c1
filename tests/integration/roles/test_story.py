"""From publish to payout in processes: honest work paid to the wei, silence and garbage refused, nothing crashes."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

import httpx
import pytest

from assay.chain import localnet
from assay.errors import Refused
from assay.protocol.hashing import hex32
from assay.protocol.spec import spec_hash, terms, to_json
from assay.protocol.votes import unpack
from assay.roles import explain, trainer, validator
from assay.store.rows import PaymentRow, SubmissionRow
from assay.swarm.documents import DocumentStore
from assay.types import Outcome, Reason, Role, Verdict
from integration.roles.forging import KINDS, spoilt
from integration.roles.stage import ACCOUNTS, FIRST, INITIATOR, SEATS, SECOND, TOKEN, VALIDATOR_STAKE, Stage, Task

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
HONEST, SILENT, COPIER = 4, 5, 6
STRANGERS = dict(zip(KINDS, (7, 8, 9, 10), strict=True))
TRAINER_STAKE = 20 * TOKEN


@dataclass(frozen=True)
class Told:
    """What the first round of the story came to; `index` by account, `poisoned` tasks that nobody can serve."""

    stage: Stage
    task: Task
    index: dict[int, int]
    poisoned: tuple[int, ...]

    def row(self, account: int) -> SubmissionRow:
        row = self.stage.store.submission(self.task.number, 1, self.index[account])
        assert row is not None
        return row

    def outcome(self, account: int) -> Outcome:
        return Outcome(self.row(account).outcome)

    def said(self, account: int) -> set[tuple[Verdict, Reason]]:
        votes = [vote for row in self.stage.store.votes(self.task.number, 1) for vote in unpack(row.votes)]
        return {(vote.verdict, Reason(vote.reason)) for vote in votes if vote.index == self.index[account]}

    def paid(self, account: int) -> list[PaymentRow]:
        return self.stage.store.payments(self.stage.address(account), self.task.number)


def poison(stage: Stage) -> tuple[int, ...]:
    """Publish a task whose terms aren't those of its spec, one whose document is no spec, and one that nobody has."""
    shelf, c = DocumentStore(stage.host_home / "specs"), stage.contracts
    spec = stage.spec(rounds=1)
    shelf.put(to_json(spec))
    junk = shelf.put(b'{"kind":"grpo"}')
    raised = {**terms(spec), "price": spec.money.price - 1}
    first = c.tasks() + 1
    stage.send(INITIATOR, "poison:approve", c.approve(stage.deployment.market, 3 * spec.money.budget))
    for n, wrong in enumerate(({}, {"specHash": junk}, {"specHash": bytes(31) + b"\x01"})):
        stage.send(INITIATOR, f"poison:{n}", c.publish({**raised, **wrong}, spec.money.budget, stage.host.url))
    assert spec_hash(spec) == raised["specHash"]
    return first, first + 1, first + 2


@pytest.fixture(scope="module")
def told(stage: Stage) -> Told:
    poisoned = poison(stage)
    task = stage.publish(stage.spec(rounds=1, trainers=7))
    stage.start("initiator", INITIATOR, task=task.number)
    stage.start("trainer", HONEST, task=task.number, stake=TRAINER_STAKE)
    stage.start("trainer", SILENT, task=task.number, stake=TRAINER_STAKE, fault="silent")
    c = stage.contracts
    for account in (COPIER, *STRANGERS.values()):
        stage.send(account, "approve", c.approve(stage.deployment.vault, TRAINER_STAKE))
        stage.send(account, "stake", c.stake(stage.address(account), TRAINER_STAKE))
        stage.send(account, "enlist", c.enlist_trainer(task.number, TRAINER_STAKE, stage.host.url))
    task.started()
    task.opened(1)
    task.submitted(1, 2)
    (honest,) = [row for row in stage.store.submissions(task.number, 1) if row.trainer == stage.address(HONEST)]
    made = {account: spoilt(stage, task, account, kind) for kind, account in STRANGERS.items()}
    made[COPIER] = honest.root, honest.units
    for account, (root, units) in made.items():
        stage.send(account, "submit", c.submit(task.number, 1, 0, units, root, bytes(32), stage.host.url))
    task.submitted(1, 7)
    task.sealed(1)
    available = [row for row in stage.store.submissions(task.number, 1) if row.trainer != stage.address(SILENT)]
    for account in (FIRST, SECOND):
        records = stage.records(account)
        stage.until("findings", lambda found=records: len(found.findings(task.number, 1)) == len(available))
    task.committed_late(1)
    task.revealed(1)
    task.attested(1)
    task.settled(1)
    stage.until("the refund", lambda: task.row.state == "refunded")
    index = {
        n: row.index
        for n in range(12)
        for row in stage.store.submissions(task.number, 1)
        if row.trainer == stage.address(n)
    }
    return Told(stage, task, index, poisoned)


def test_story__honest_trainer__paid_its_units_and_nothing_else(told: Told) -> None:
    assert told.outcome(HONEST) is Outcome.PAID
    assert told.said(HONEST) == {(Verdict.VALID, Reason.NONE)}
    (paid,) = told.paid(HONEST)
    assert (paid.role, paid.amount) == (Role.TRAINER, told.row(HONEST).units * told.task.spec.money.price)
    assert told.stage.contracts.account(told.stage.address(HONEST)).claimable == paid.amount


def test_story__silent_trainer__unavailable_costs_the_bond_too(told: Told) -> None:
    assert told.outcome(SILENT) is Outcome.UNAVAILABLE
    assert told.said(SILENT) == {(Verdict.UNAVAILABLE, Reason.MISSING)}
    (lost,) = told.stage.store.slashes(told.stage.address(SILENT), told.task.number)
    money = told.task.spec.money
    assert (lost.burned, lost.paid) == (money.bond, SEATS * money.seat_fee)
    assert told.paid(SILENT) == []


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("pickle", Reason.SCHEMA), ("truncated", Reason.SIZE), ("nan", Reason.UPDATE), ("oversized", Reason.SIZE)],
)
def test_story__garbage__malformed_for_everyone(told: Told, kind: str, reason: Reason) -> None:
    account = STRANGERS[kind]
    assert told.said(account) == {(Verdict.MALFORMED, reason)}
    assert told.outcome(account) is Outcome.MALFORMED
    assert told.paid(account) == []


def test_story__copied_work__is_bound_to_another_and_costs_the_bond(told: Told) -> None:
    assert told.said(COPIER) == {(Verdict.INVALID, Reason.BINDING)}
    (lost,) = told.stage.store.slashes(told.stage.address(COPIER), told.task.number)
    money = told.task.spec.money
    assert (lost.burned, lost.paid) == (money.bond, SEATS * money.seat_fee)


def test_story__validators__paid_for_every_seat_and_attestation(told: Told) -> None:
    money = told.task.spec.money
    for account in (FIRST, SECOND):
        (paid,) = told.paid(account)
        assert paid.seats == paid.agreed
        assert paid.amount == paid.agreed * money.seat_fee + money.attest_fee
    assert sum(told.paid(account)[0].seats for account in (FIRST, SECOND)) == 7 * SEATS


def test_story__the_ledger__adds_up_to_the_wei(told: Told) -> None:
    stage, money, row = told.stage, told.task.spec.money, told.task.row
    final = stage.store.round(told.task.number, 1)
    assert final is not None
    units = told.row(HONEST).units
    assert final.from_escrow == units * money.price + SEATS * money.seat_fee + 2 * money.attest_fee
    assert final.from_stakes == 6 * SEATS * money.seat_fee
    assert final.burned == 6 * money.bond
    assert (
        sum(paid.amount for paid in stage.store.payments(task=told.task.number))
        == final.from_escrow + final.from_stakes
    )
    assert (row.paid, row.refunded, row.escrow) == (final.from_escrow, money.budget - final.from_escrow, 0)
    assert all(stage.contracts.escrow(number) == money.budget for number in told.poisoned)
    everything = sum(stage.contracts.escrow(number) for number in range(1, stage.contracts.tasks() + 1))
    assert stage.contracts.balance(stage.deployment.market) == everything
    stakes = [stage.contracts.account(stage.address(account)) for account in range(1, ACCOUNTS)]
    assert stage.contracts.balance(stage.deployment.vault) == sum(one.staked + one.claimable for one in stakes)


def test_story__checkpoint__is_new_held_by_both_and_measured(told: Told) -> None:
    stage, number = told.stage, told.task.number
    checkpoint = stage.store.checkpoint(number, 1)
    assert checkpoint is not None
    assert checkpoint.final
    assert checkpoint.root != stage.base_root
    assert {row.root for row in stage.store.attests(number, 1)} == {checkpoint.root}
    assert stage.holds(FIRST, checkpoint.root)
    assert stage.holds(SECOND, checkpoint.root)
    measured = {note.round: note.json for note in stage.records(INITIATOR).notes(number, "evaluation")}
    assert 0 in measured
    assert all(0 <= json["reward"] <= 1 for json in measured.values())


def test_story__its_end__trainers_and_initiator_leave_by_themselves_and_validators_serve_on(told: Told) -> None:
    for account in (HONEST, SILENT, INITIATOR):
        told.stage.until("the end", lambda gone=account: told.stage.ended(gone) is not None)
        assert told.stage.ended(account) == 0, told.stage.said(account)
    assert [told.stage.ended(account) for account in (FIRST, SECOND)] == [None, None]


def test_story__validator__answers_that_it_is_well_and_what_it_counted(told: Told) -> None:
    (url,) = {
        row.uri for row in told.stage.store.enlistments(told.task.number) if row.account == told.stage.address(FIRST)
    }
    assert httpx.get(f"{url}/health").json()["role"] == "validator"
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    counted = {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}
    assert counted['assay_checks_total{role="validator"}'] >= 1
    assert counted['assay_seconds_since_cycle{role="validator"}'] < 30


@pytest.mark.parametrize("which", [0, 1, 2])
def test_poisoned__no_task_to_trust__nobody_enlists_and_others_are_served(told: Told, which: int) -> None:
    number = told.poisoned[which]
    assert told.stage.store.enlistments(number) == []
    assert f"task {number}" in told.stage.said(FIRST) or f"{number}:0:spec" in told.stage.said(FIRST)


def test_poisoned__other_terms_for_a_spec_that_is_served_already__nobody_enlists(told: Told) -> None:
    stage, c, money = told.stage, told.stage.contracts, told.task.spec.money
    number, cheaper = c.tasks() + 1, {**terms(told.task.spec), "price": money.price - 1}
    stage.send(INITIATOR, "reuse:approve", c.approve(stage.deployment.market, money.budget))
    stage.send(INITIATOR, "reuse", c.publish(cheaper, money.budget, stage.host.url))
    for account in (FIRST, SECOND):
        stage.until("its refusal", lambda who=account: f"task {number}: price is" in stage.said(who))
    assert stage.store.enlistments(number) == []


def test_poisoned__trainer_asked_to_serve_it__stakes_nothing(told: Told) -> None:
    stage, before = told.stage, told.stage.contracts.account(told.stage.address(COPIER))
    stage.start("trainer", COPIER, task=told.poisoned[0], stake=TRAINER_STAKE)
    stage.until("its refusal", lambda: "price is" in stage.said(COPIER))
    stage.kill(COPIER)
    assert stage.contracts.account(stage.address(COPIER)) == before


@pytest.mark.parametrize("run", [trainer.run, validator.run])
def test_node__wrong_chain__refuses_to_start(stage: Stage, run: object) -> None:
    config = replace(stage.config("lost", HONEST), chain_id=localnet.CHAIN_ID + 1)
    with pytest.raises(Refused, match=f"serves chain {localnet.CHAIN_ID}, and chain {localnet.CHAIN_ID + 1} is wanted"):
        run(config, threading.Event(), lambda _: None)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("account", "verdict", "reason"),
    [
        (STRANGERS["pickle"], Verdict.MALFORMED, Reason.SCHEMA),
        (STRANGERS["oversized"], Verdict.MALFORMED, Reason.SIZE),
        (SILENT, Verdict.UNAVAILABLE, Reason.MISSING),
    ],
)
def test_explain__a_refusal__is_replayed_with_its_reason(
    told: Told, account: int, verdict: Verdict, reason: Reason
) -> None:
    stage, row = told.stage, told.row(account)
    found = explain.replay(stage.config("reader", 0), hex32(row.root)[:14], lambda _: None)
    assert (found["verdict"], found["reason"], found["index"]) == (verdict, reason, row.index)
    assert (found["outcome"], found["trainer"]) == (row.outcome, stage.address(account))
    assert verdict.name in found["text"]


def test_explain__no_such_root__refused(told: Told) -> None:
    with pytest.raises(Refused, match="no submission's root begins with 0xffffffff"):
        explain.replay(told.stage.config("reader", 0), "0xffffffff", lambda _: None)


def test_stake__of_the_validators__is_what_they_were_told(told: Told) -> None:
    lots = told.stage.store.enlistments(told.task.number, Role.VALIDATOR)
    assert [row.amount for row in lots] == [VALIDATOR_STAKE, VALIDATOR_STAKE]
