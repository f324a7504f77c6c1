"""What a validator does about the opening of a drawn submission: get it, remember that it got none, and say so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay.errors import Refused, Unavailable
from assay.protocol.hashing import hex32
from assay.protocol.windows import Phase
from assay.roles import checking, opening
from assay.roles.actions import FetchOpening
from assay.roles.drawing import seats_of
from assay.roles.opening import withheld
from assay.roles.validator import act
from assay.roles.voting import votes_of
from assay.store import open_store
from assay.types import Reason, Verdict
from unit.roles.bench import Bench
from unit.roles.story import BOB, START, TASK, Story, known

ROOTS = [hex32(b"\x01" * 32), hex32(b"\x02" * 32)]
VALID = {"verdict": int(Verdict.VALID), "reason": 0, "leaf": None, "seconds": 0.1}


@pytest.fixture
def story(tmp_path: Path) -> Story:
    told = Story(store=open_store(f"sqlite:///{tmp_path}/store.db")).begin()
    told.submit(1, BOB, 0)
    told.seal(1)
    return told


@pytest.fixture
def drawn(bench: Bench, story: Story, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A validator that holds the submission, and whose look at it finds nothing wrong."""
    row = story.store.submission(TASK, 1, 0)
    assert row is not None
    (bench.config.home / "artifacts" / row.root.hex()).mkdir()
    monkeypatch.setattr(bench, "beacon", lambda *_: bytes(32))
    monkeypatch.setattr(bench, "run", lambda target, args: {"finding": VALID, "roots": ROOTS})
    monkeypatch.setattr(checking, "check_args", lambda *_: {})
    monkeypatch.setattr(opening, "PATIENCE_SECONDS", 0.0)
    return bench


def asks(bench: Bench, story: Story) -> None:
    act(bench, story.row, story.spec, FetchOpening(1, 0))
    bench.settle()


def says(bench: Bench, story: Story) -> list[tuple[Verdict, int]]:
    seats = seats_of(bench.store, bench.known(), story.row, story.spec, 1)
    return [(vote.verdict, vote.reason) for vote in votes_of(bench, story.row, 1, seats)[0]]


def opened(bench: Bench, story: Story) -> frozenset[int]:
    (seen,) = story.view(START + 13, known(bench.account)).rounds
    assert seen.phase is Phase.COMMIT
    return seen.opened


def test_opening__served__is_remembered_and_nothing_is_voted_yet(drawn, story, monkeypatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(drawn, "fetch", lambda task, root, uri, limit: asked.append(hex32(root)))
    asks(drawn, story)
    assert asked == ROOTS and opened(drawn, story) == {0} and says(drawn, story) == []


def test_opening__not_served__is_voted_missing_until_it_is(drawn, story, monkeypatch) -> None:
    """Attack C1: whoever sees which step was drawn would rather not open it."""
    drawn.fetch_error = Unavailable("404")
    asks(drawn, story)
    row = story.store.submission(TASK, 1, 0)
    assert withheld(drawn, row) == tuple(ROOTS) and opened(drawn, story) == frozenset()
    assert says(drawn, story) == [(Verdict.UNAVAILABLE, Reason.MISSING)]
    assert sum("isn't opened" in word for word in drawn.said) == 1
    monkeypatch.setattr(drawn, "fetch", lambda *_: None)
    monkeypatch.setattr(drawn, "run", lambda *_: pytest.fail("it was looked through before"))
    asks(drawn, story)
    assert withheld(drawn, row) == () and opened(drawn, story) == {0} and says(drawn, story) == []


def test_opening__every_source_lies__is_not_opened(drawn, story) -> None:
    drawn.fetch_error = Refused("all lied", Reason.SCHEMA)
    asks(drawn, story)
    assert says(drawn, story) == [(Verdict.UNAVAILABLE, Reason.MISSING)]


def test_opening__larger_than_allowed__is_left_to_the_check(drawn, story) -> None:
    drawn.fetch_error = Refused("too large", Reason.SIZE)
    asks(drawn, story)
    assert opened(drawn, story) == {0}


def test_opening__not_served_and_wrong_without_it__is_refused_for_what_it_is(drawn, story, monkeypatch) -> None:
    finding: dict[str, Any] = {
        **VALID, "verdict": int(Verdict.INVALID), "reason": int(Reason.REWARD), "leaf": 3, "evidence": hex32(bytes(32)),
    }  # fmt: skip
    monkeypatch.setattr(drawn, "run", lambda target, args: {"finding": finding, "roots": ROOTS})
    drawn.fetch_error = Unavailable("404")
    asks(drawn, story)
    assert says(drawn, story) == [(Verdict.INVALID, Reason.REWARD)]
