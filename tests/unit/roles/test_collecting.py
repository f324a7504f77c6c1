"""What a labelling task came to: the answer that most paid labels prefer, item by item."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assay.errors import Refused
from assay.model.env import preferences
from assay.protocol.spec import spec_hash, to_json
from assay.roles.collecting import collect
from assay.swarm.documents import DocumentStore
from assay.types import Outcome
from unit.verify.test_labels import Labelling, other, submitted


class Records:
    """The two tables that are asked, as a node's records would answer: the rest of a chain isn't needed here."""

    def __init__(self, roots: list[bytes], outcome: Outcome = Outcome.PAID) -> None:
        self._rows = [SimpleNamespace(root=root, uri="", outcome=outcome) for root in roots]

    def enlistments(self, _task: int) -> list[Any]:
        return []

    def submissions(self, _task: int) -> list[Any]:
        return self._rows


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Labelling:
    return Labelling(tmp_path_factory.mktemp("collecting"))


def home_of(world: Labelling, room: Path, labels: list[dict[str, str]]) -> tuple[Path, Any, list[bytes]]:
    """Return a home that holds the task's spec, environment and submissions; the task's row; the roots."""
    home, roots = room / "home", list[bytes]()
    for number, said in enumerate(labels):
        made = submitted(world, room / str(number), said)
        assert made.root is not None
        roots.append(made.root)
        shutil.copytree(room / str(number) / "submission", home / "nodes" / "x" / "artifacts" / made.root.hex())
    shutil.copytree(world.near / world.environment.hex(), home / "bases" / world.environment.hex())
    DocumentStore(home / "nodes" / "x" / "specs").put(to_json(world.task()))
    return home, SimpleNamespace(id=1, uri="", spec_hash=spec_hash(world.task())), roots


def test_collect__two_of_three_agree__their_answer_is_chosen(world: Labelling, tmp_path: Path) -> None:
    right = world.labels
    third = other(right, 3)
    home, task, roots = home_of(world, tmp_path, [right, other(right, 1), third])
    told = collect(Records(roots), task, tmp_path / "out", home, True, lambda *_: None)  # type: ignore[arg-type]
    lines = [json.loads(line) for line in (tmp_path / "out" / "items.jsonl").read_text().splitlines()]
    assert told["submissions"] == 3 and told["items"] == len(lines) > 4
    pairs = {pair.question: pair for pair in preferences.read_pairs(world.near / world.environment.hex())}
    for line in lines:  # the first two never agree, so the third decides
        pair = pairs[line["question"]]
        assert line["chosen"] == (pair.a if third[pair.key] == "a" else pair.b)
        assert line["labels"]["for"] * 3 == line["labels"]["of"] * 2


def test_collect__nothing_paid_or_another_kind__refused(world: Labelling, tmp_path: Path) -> None:
    home, task, roots = home_of(world, tmp_path, [world.labels])
    with pytest.raises(Refused, match="no labels of task 1 are paid"):
        collect(Records(roots, Outcome.INVALID), task, tmp_path / "out", home, True, lambda *_: None)  # type: ignore[arg-type]
    other_task = world.spec("sft")
    DocumentStore(home / "nodes" / "x" / "specs").put(to_json(other_task))
    row: Any = SimpleNamespace(id=1, uri="", spec_hash=spec_hash(other_task))
    with pytest.raises(Refused, match="is of kind sft"):
        collect(Records(roots), row, tmp_path / "out", home, True, lambda *_: None)  # type: ignore[arg-type]
