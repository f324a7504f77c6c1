"""The cycle: trouble with one task or act holds up no other, and nobody leaves who still owes something."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from assay.errors import Refused, Unavailable
from assay.protocol.hashing import hex32
from assay.roles import acting
from assay.roles.acting import look_and_act
from assay.roles.actions import Action, Attest, Commit, Finalize, Reveal
from assay.roles.deciding import TaskView
from assay.roles.jobs import Jobs
from assay.store import open_store
from assay.store.rows import TaskRow
from assay.swarm.documents import DocumentStore
from unit.roles.bench import Bench
from unit.roles.story import GENESIS, START, TASK, Story

OTHER = TASK + 1


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(store=open_store(f"sqlite:///{tmp_path}/store.db")).begin()  # jobs read it in their own threads


def other(story: Story, bench: Bench, **rounds: int) -> Story:
    """Publish a second task in the same records."""
    told = Story(OTHER, story.store, **rounds).publish()
    bench.serves(told)
    return told


class Acts:
    """Decides and does one thing per look; `trouble` is raised for the first of its actions."""

    def __init__(self, trouble: Exception | None = None) -> None:
        self.trouble = trouble
        self.done: list[tuple[int, Action]] = []

    def decide(self, view: TaskView) -> list[Action]:
        return [Finalize(1), Attest(1, GENESIS)]

    def act(self, node: object, task: TaskRow, spec: object, action: Action) -> None:
        if self.trouble is not None and isinstance(action, Finalize):
            raise self.trouble
        self.done.append((task.id, action))


def test_look__nothing_new__does_nothing_until_there_is_a_block(bench: Bench) -> None:
    acts = Acts()
    assert [view.now for view in look_and_act(bench, acts.decide, acts.act) or []] == [1_000]
    assert look_and_act(bench, acts.decide, acts.act) is None
    bench.chain.block(1_005)
    assert [view.now for view in look_and_act(bench, acts.decide, acts.act) or []] == [1_005]
    assert len(acts.done) == 4


def test_look__job_handed_over_without_a_block__acts_at_once(bench: Bench) -> None:
    acts = Acts()
    look_and_act(bench, acts.decide, acts.act)
    bench.jobs.start("a", lambda: 1, lambda _: None)
    for _ in range(500):
        if look_and_act(bench, acts.decide, acts.act) is not None:
            return
        threading.Event().wait(0.01)
    pytest.fail("the finished job was not handed over")


@pytest.mark.parametrize("trouble", [Refused("it says no"), Unavailable("it is away")])
def test_look__one_act_fails__others_are_done_and_it_is_said_once(bench: Bench, trouble: Exception) -> None:
    acts = Acts(trouble)
    for _ in range(3):
        look_and_act(bench, acts.decide, acts.act)
        bench.chain.block()
    assert acts.done == 3 * [(TASK, Attest(1, GENESIS))]
    assert bench.said == [f"task {TASK}: Finalize {type(trouble).__name__.lower()}: {trouble}"]
    assert bench.pulse.snapshot()["action_errors_total"] == 3


def test_look__trouble_that_ended_and_came_back__is_said_again(bench: Bench) -> None:
    acts, trouble = Acts(), Refused("it says no")
    for acts.trouble in (trouble, None, trouble):
        look_and_act(bench, acts.decide, acts.act)
        bench.chain.block()
    assert len(bench.said) == 2


def test_look__a_defect__is_raised(bench: Bench) -> None:
    acts = Acts(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        look_and_act(bench, acts.decide, acts.act)


@pytest.mark.parametrize("field", ["bond", "commitWindow", "pot", "genesis", "rounds", "maxUnits"])
def test_look__terms_on_chain_differ_from_the_spec__that_task_alone_is_not_served(
    story: Story, bench: Bench, field: str
) -> None:
    other(story, bench, count=5)
    onchain = bench.contracts.told[TASK]
    onchain[field] = bytes(32) if isinstance(onchain[field], bytes) else onchain[field] + 1
    acts = Acts()
    for _ in range(2):
        assert len(look_and_act(bench, acts.decide, acts.act) or []) == 1
        bench.chain.block()
    assert {task for task, _ in acts.done} == {OTHER}
    (said,) = bench.said
    assert f"task {TASK}: {field} is" in said


def test_look__document_is_no_spec__that_task_alone_is_not_served(story: Story, bench: Bench) -> None:
    told = Story(OTHER, story.store)
    name = bench.documents.put(b'{"name":"not a task"}')
    plain = {"rounds": 1, "genesis": hex32(GENESIS)}
    told("TaskPublished", initiator=bench.account, specHash=hex32(name), terms=plain, budget=1, uri="u")
    acts = Acts()
    look_and_act(bench, acts.decide, acts.act)
    assert {task for task, _ in acts.done} == {TASK}
    assert len(bench.said) == 1
    assert bench.said[0].startswith(f"task {OTHER}: spec refused")


def test_look__spec_nobody_serves__waits_and_serves_the_others(story: Story, bench: Bench, tmp_path: Path) -> None:
    bench.documents = DocumentStore(tmp_path / "empty")
    acts = Acts()
    assert look_and_act(bench, acts.decide, acts.act) == []
    assert bench.jobs.names() == {f"{TASK}:0:spec"}


def run(bench: Bench, acts: object, stop: threading.Event, finished: object) -> threading.Thread:
    arguments = (bench, acts.decide, acts.act, stop, finished)  # type: ignore[attr-defined]
    thread = threading.Thread(target=acting.run_role, args=arguments, daemon=True)
    thread.start()
    return thread


def test_run__chain_is_away__who_was_asked_to_leave_still_leaves(bench: Bench) -> None:
    bench.chain.away = True
    asked, stop = threading.Event(), threading.Event()
    thread = run(bench, Acts(), stop, lambda views: asked.is_set())
    threading.Event().wait(0.1)
    assert thread.is_alive()
    asked.set()
    thread.join(10)
    assert not thread.is_alive()
    assert bench.said == ["unavailable: the chain is away"]


class Owing:
    """Commits at the first look, and reveals once it has committed."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    def decide(self, view: TaskView) -> list[Action]:
        done = view.rounds[0].done if view.rounds else frozenset()
        return [] if "reveal" in done else [Reveal(1)] if "commit" in done else [Commit(1)]

    def act(self, node: object, task: TaskRow, spec: object, action: Action) -> None:
        what = "commit" if isinstance(action, Commit) else "reveal"
        self.bench.outbox.put(f"{task.id}:1:{what}", self.bench.contracts.commit(task.id, 1, bytes(32)))
        self.bench.chain.block()


def test_run__asked_to_leave_in_the_cycle_that_commits__stays_for_the_reveal(bench: Bench) -> None:
    def finished(views: list[TaskView]) -> bool:
        done = [seen.done for view in views for seen in view.rounds]
        return not any("commit" in one and "reveal" not in one for one in done)

    bench.chain.now = START + 13
    thread = run(bench, Owing(bench), threading.Event(), finished)
    thread.join(20)
    assert not thread.is_alive()
    assert bench.row(f"{TASK}:1:reveal") is not None


def test_sources__more_enlisted_than_a_fetch_asks__each_is_asked_sooner_or_later(story: Story, bench: Bench) -> None:
    first = [bench.sources(TASK, "http://trainer")[:3] for _ in range(200)]
    assert {uris[0] for uris in first} == {"http://trainer"}
    assert {uri for uris in first for uri in uris} == {*bench.sources(TASK), "http://trainer"}
    assert "http://alice" in bench.sources(TASK)


@pytest.mark.parametrize("given", [None, TASK])
def test_tasks__refunded__seen_to_its_end_by_who_was_given_it(story: Story, bench: Bench, given: int | None) -> None:
    bench.config = replace(bench.config, task=given)
    assert [row.id for row in bench.tasks()] == [TASK]
    story("TaskRefunded", initiator=bench.account, amount=1)
    views = look_and_act(bench, lambda view: [], Acts().act)
    assert [view.over for view in views or []] == ([] if given is None else [True])


def test_job__fails_for_the_same_reasons_in_another_order__is_said_once(bench: Bench) -> None:
    hours = iter(range(0, 10**9, 3600))
    bench.jobs = Jobs(lambda: next(hours))
    for count, reasons in enumerate(("a is away; b lied", "b lied; a is away", "b lied; c is away"), 1):
        bench.fetch_error = Unavailable(reasons)
        bench.jobs.start("7:1:fetch:0", lambda: bench.fetch(TASK, GENESIS, "", 1), lambda _: None)
        for _ in range(500):
            look_and_act(bench, lambda view: [], Acts().act)
            if bench.pulse.snapshot().get("job_failures_total") == count:
                break
            threading.Event().wait(0.01)
    assert bench.said == ["7:1:fetch:0: a is away; b lied", "7:1:fetch:0: b lied; c is away"]
