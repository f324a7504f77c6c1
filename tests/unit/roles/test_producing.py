"""A trainer's three loops as acts: rollouts, training and the submission meet only through files and notes, so one that
is started again goes on, and puts one submission on chain.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assay.errors import Unavailable
from assay.protocol.hashing import hex32
from assay.protocol.pace import Pace
from assay.roles.actions import Action, Drop, Generate, Skip, Submit, Train
from assay.roles.deciding import decide_trainer
from assay.roles.opening import states_folder, submission_folder
from assay.roles.producing import CANARY_FAULT, pieces_folder
from assay.roles.trainer import act
from assay.store import open_store
from assay.types import Role
from unit.roles.bench import Bench
from unit.roles.story import GENESIS, START, TASK, Story

ROOT = hex32(b"\x09" * 32)


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(store=open_store(f"sqlite:///{tmp_path}/store.db")).begin()


@pytest.fixture
def trainer(story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return started(story, tmp_path, monkeypatch)


def started(story: Story, home: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Start the trainer Bob, who holds the base checkpoint; the second time is a restart."""
    made = Bench(home, story, "bob", Role.TRAINER)
    made.serves(story)
    (home / "artifacts" / GENESIS.hex()).mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr(made, "beacon", lambda *_: b"\x07" * 32)
    monkeypatch.setattr(made, "run", Machine(story.spec.rollout.groups))
    monkeypatch.setattr(made.chunks, "add", lambda folder: None)
    monkeypatch.setattr(made.contracts, "account", lambda *_: SimpleNamespace(claimable=0))
    return made


class Machine:
    """Runs jobs at once: `groups` are as many as it has time for."""

    def __init__(self, groups: int) -> None:
        self.groups, self.ran, self.args = groups, list[str](), dict[str, Any]()
        self.error: Exception | None = None
        self.known_bad: dict[str, int] = {}

    def __call__(self, target: str, args: dict[str, Any]) -> dict[str, Any]:
        if self.error is not None:
            raise self.error
        name = target.split(":")[1]
        if name == "sign":
            return {"root": ROOT}
        self.ran.append(name)
        self.args[name] = args
        Path(args["pieces"]).mkdir(parents=True, exist_ok=True)
        if name == "generate":
            return {"groups": self.groups, "seconds": 2.0}
        Path(args["out"]).mkdir(parents=True)
        return {"root": ROOT, "units": 100, "loss_rise": 0.0, "training": 1.0, "digest": ROOT, **self.known_bad}


def decided(trainer: Bench, story: Story, now: int = START + 1) -> list[Action]:
    return [one for one in decide_trainer(story.view(now, trainer.known())) if not isinstance(one, Drop)]


def does(trainer: Bench, story: Story, now: int = START + 1) -> list[Action]:
    """Do what is decided, and hand over what comes of it."""
    actions = decided(trainer, story, now)
    for action in actions:
        act(trainer, story.row, story.spec, action)
        if isinstance(action, Generate | Train):
            trainer.settle()
    return actions


def kinds(actions: list[Action]) -> list[type]:
    return [type(action) for action in actions]


def test_trainer__each_loop_in_turn__ends_with_one_submission(trainer: Bench, story: Story) -> None:
    assert kinds(does(trainer, story)) == [Generate]
    assert kinds(does(trainer, story)) == [Train]
    assert not pieces_folder(trainer, TASK, 1).exists() and submission_folder(trainer, TASK, 1).is_dir()
    assert kinds(does(trainer, story)) == [Submit]
    assert does(trainer, story) == []
    assert trainer.run.ran == ["generate", "train"]  # type: ignore[attr-defined]
    row = trainer.row(f"{TASK}:1:submit")
    assert row is not None and bytes.fromhex(ROOT[2:]) in row.data


def test_trainer__restarted_after_each_loop__repeats_none_of_them(
    trainer: Bench, story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[type] = []
    for _ in range(5):
        done += kinds(does(trainer, story))
        trainer.jobs.close()
        trainer = started(story, tmp_path, monkeypatch)
    assert done == [Generate, Train, Submit]
    assert len([row for row in trainer.store.outbox_pending(trainer.account) if row.key.endswith(":submit")]) == 1


def test_submit__killed_between_put_and_sent__the_same_call_waits_and_no_other(
    trainer: Bench, story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        does(trainer, story)
    before = trainer.row(f"{TASK}:1:submit")
    again = started(story, tmp_path, monkeypatch)
    assert decided(again, story) == []
    act(again, story.row, story.spec, Submit(1))  # even when it is decided on an older view
    assert again.row(f"{TASK}:1:submit") == before and before is not None and before.state == "queued"


def test_generate__little_time__says_so_and_trains_on_what_there_is(trainer: Bench, story: Story) -> None:
    trainer.run.groups = 8  # type: ignore[attr-defined]
    does(trainer, story)
    assert any("groups are all that this machine has time for" in word for word in trainer.said)
    does(trainer, story)
    note = trainer.store.note(TASK, 1, "trained")
    assert (
        note is not None
        and note.json["groups"] == 8
        and (note.json["training"], note.json["seconds"] >= 2.0) == (1.0, True)
    )


def test_generate__fails__goes_on_from_the_same_checkpoint(
    trainer: Bench, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer.run.error = Unavailable("the disk is full")  # type: ignore[attr-defined]
    does(trainer, story)
    trainer.run.error = None  # type: ignore[attr-defined]
    monkeypatch.setattr(trainer.jobs, "_resting", lambda name: False)
    (action,) = does(trainer, story)
    assert isinstance(action, Generate) and action.base == 0
    assert kinds(decided(trainer, story)) == [Train]


def test_generate__next_rounds_pace__is_what_was_measured(trainer: Bench, story: Story) -> None:
    does(trainer, story)
    does(trainer, story)
    note, groups = trainer.store.note(TASK, 1, "trained"), story.spec.rollout.groups
    assert note is not None
    view = story.view(START + 2, trainer.known())
    assert view.pace == view.fastest == Pace(2.0 / groups, note.json["training"] / groups)


def test_rollouts__of_one_task_while_another_trains__run_side_by_side(
    trainer: Bench, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, reached = threading.Event(), threading.Event()

    def slow(target: str, args: dict[str, Any]) -> dict[str, Any]:
        if target.endswith(":sign"):
            return {"root": ROOT}
        if target.endswith(":train"):
            gate.wait(10)
            return {"root": ROOT, "units": 1, "loss_rise": 0.0, "training": 1.0, "digest": ROOT}
        reached.set()
        return {"groups": 8, "seconds": 1.0}

    monkeypatch.setattr(trainer, "run", slow)
    trainer.store.put_note(TASK, 1, "rolled", {"groups": 8, "seconds": 1.0})
    act(trainer, story.row, story.spec, Train(1, 0))
    act(trainer, story.row, story.spec, Generate(2, 0, 5.0))
    assert reached.wait(5)
    gate.set()


def test_drop__too_late__deletes_its_work_and_says_why_once(trainer: Bench, story: Story) -> None:
    does(trainer, story)
    states_folder(trainer, TASK, 1).mkdir(parents=True)
    late = START + 11
    (drop,) = decide_trainer(story.view(late, trainer.known()))
    assert isinstance(drop, Drop)
    act(trainer, story.row, story.spec, drop)
    assert not pieces_folder(trainer, TASK, 1).exists() and not states_folder(trainer, TASK, 1).exists()
    assert decide_trainer(story.view(late, trainer.known())) == []
    assert sum("dropped: the rollouts came too late" in word for word in trainer.said) == 1


def test_submit__nothing_in_it_is_paid__is_skipped(trainer: Bench, story: Story) -> None:
    trainer.run.known_bad = {"units": 0}  # type: ignore[attr-defined]
    for _ in range(3):
        does(trainer, story)
    assert trainer.row(f"{TASK}:1:submit") is None
    assert sum("nothing in it would be paid" in word for word in trainer.said) == 1


def test_skip__no_time_for_the_least__is_said_once(trainer: Bench, story: Story) -> None:
    trainer.store.put_note(TASK, 2, "rolled", {"groups": 1, "seconds": 100.0})
    for _ in range(2):
        (skip,) = does(trainer, story)
        assert isinstance(skip, Skip)
    assert sum("skipped" in word for word in trainer.said) == 1


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({}, None), ({"fault": "tokens"}, "tokens"), ({"fault": "silent"}, None),
        ({"fault": "tokens", "fault_from": 2}, None), ({"canaries": frozenset({1})}, CANARY_FAULT),
        ({"canaries": frozenset({2}), "fault": "model"}, "model"),
    ],
)  # fmt: skip
def test_fault__of_the_node_or_a_canary__is_told_to_both_jobs(
    trainer: Bench, story: Story, settings: dict[str, Any], fault: str | None
) -> None:
    trainer.config = replace(trainer.config, **settings)
    trainer.run.known_bad = {"leaf": 1, "check": 2}  # type: ignore[attr-defined]
    does(trainer, story)
    does(trainer, story)
    told = trainer.run.args  # type: ignore[attr-defined]
    assert told["generate"]["fault"] == told["train"]["fault"] == fault
    assert (trainer.store.note(TASK, 1, "canary") is not None) == (fault == CANARY_FAULT)
