"""Evidence sorted without a model, and exhibits of what isn't a validator's own: made, verified, and tampered with."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.artifact.evidence import Entry, Evidence
from assay.errors import Refused, Unavailable
from assay.protocol import toploc
from assay.protocol.evidence import NONE, Place, round_root, submission_root
from assay.protocol.profile import shipped, to_json
from assay.protocol.votes import Vote, pack
from assay.roles import claims, exhibit
from assay.roles.claims import COPIED, EMPTY, MADE_UP, SHOWN, WITHHELD, Claim, Found
from assay.store.rows import CaseRow, JurorRow
from assay.types import ClaimKind, Reason, Verdict
from unit.roles.bench import ADDRESS, CHAIN_ID
from unit.roles.story import BOB, CAROL, DAVE, MALLORY, TASK, Story

RULES = shipped()["tiny-float32"]
SIZE = toploc.proof_bytes(RULES.top_k)
STATES = np.random.default_rng(3).normal(size=(2, 4, 64)).astype(np.float32)
BITS = STATES.view(np.uint32)
REAL = tuple(proof for one in BITS for proof in toploc.build(one, 4, RULES.top_k))
FALSE = tuple(proof for one in BITS[:, ::-1] * np.uint32(3) for proof in toploc.build(one, 4, RULES.top_k))


@pytest.fixture
def story() -> Story:
    told = Story().begin()
    for index, who in enumerate((BOB, MALLORY)):
        told.submit(1, who, index)
    told.seal(1)
    return told


def place(story: Story, who: str, index: int = 0) -> Place:
    row = story.store.submission(TASK, 1, index)
    assert row is not None
    return Place(CHAIN_ID, ADDRESS, TASK, 1, row.root, who)


def reveal(story: Story, who: str, entries: list[Entry], verdict: Verdict = Verdict.VALID, why: int = 0) -> None:
    """Put a reveal on chain whose evidence is of these entries."""
    votes = pack([Vote(one.index, story.seats(who, one.index), verdict, why) for one in entries])
    root = round_root([(one.index, one.root) for one in entries])
    opened = {"salt": "0x" + "00" * 32, "evidence": "0x" + root.hex(), "held": 0, "votes": "0x" + votes.hex()}
    story("Revealed", round=1, validator=who, **opened)


def entry(story: Story, who: str, index: int, fingerprints: tuple[bytes, ...], under: str | None = None) -> Entry:
    at = place(story, under or who, index)
    return Entry(index, at.submission, submission_root(at, fingerprints), fingerprints)


def serving(who: str, entries: list[Entry]) -> Evidence:
    return Evidence(CHAIN_ID, ADDRESS, TASK, 1, who.lower(), SIZE, tuple(entries))


def sorted_(story: Story, served: dict[str, list[Entry]]) -> dict[tuple[str, int], Found]:
    """Return what each claim's submissions are; `served` says what each validator serves."""
    every = claims.claims_of(story.store, TASK, 1)
    for one in every:
        if one.validator in served:
            one.served = serving(one.validator, served[one.validator])
    return {
        (one.validator, said.index): claims.sort(
            place(story, one.validator, said.index), one, said, [other for other in every if other is not one]
        )
        for one in every
        for said in one.said
    }


def test_sort__own_leaves_and_nothing_to_show__shown_and_none(story: Story) -> None:
    mine = [entry(story, CAROL, 0, REAL), entry(story, CAROL, 1, ())]
    reveal(story, CAROL, mine, Verdict.INVALID, Reason.SAMPLING)
    found = sorted_(story, {CAROL: mine})
    assert found[CAROL, 0].outcome == SHOWN
    assert found[CAROL, 1].outcome == MADE_UP  # sampling is found by a prefill
    reveal(story, DAVE, [entry(story, DAVE, 0, ())], Verdict.INVALID, Reason.REWARD)
    assert sorted_(story, {CAROL: mine})[DAVE, 0].outcome == EMPTY


def test_sort__zeros_for_a_pass__made_up_although_nothing_is_served(story: Story) -> None:
    reveal(story, CAROL, [entry(story, CAROL, 0, ()), entry(story, CAROL, 1, ())])
    assert {one.outcome for one in sorted_(story, {}).values()} == {MADE_UP}


def test_sort__not_served__withheld(story: Story) -> None:
    mine = [entry(story, CAROL, 0, REAL)]
    reveal(story, CAROL, mine)
    assert sorted_(story, {})[CAROL, 0].outcome == WITHHELD
    assert sorted_(story, {CAROL: [replace(mine[0], fingerprints=())]})[CAROL, 0].outcome == WITHHELD
    assert sorted_(story, {CAROL: [replace(mine[0], fingerprints=FALSE)]})[CAROL, 0].outcome == WITHHELD


@pytest.mark.parametrize("serves", [True, False])
def test_sort__the_very_evidence_of_another__copied_whether_it_is_served_or_not(story: Story, serves: bool) -> None:
    mine = [entry(story, DAVE, 0, REAL)]
    reveal(story, DAVE, mine)
    reveal(story, CAROL, mine)
    found = sorted_(story, {DAVE: mine, **({CAROL: mine} if serves else {})})
    assert (found[DAVE, 0].outcome, found[CAROL, 0].outcome, found[CAROL, 0].of) == (SHOWN, COPIED, DAVE)


@pytest.mark.parametrize("serves", [True, False])
def test_sort__one_submission_of_another__copied_and_the_rest_shown(story: Story, serves: bool) -> None:
    theirs = [entry(story, DAVE, 0, REAL), entry(story, DAVE, 1, REAL)]
    mine = [entry(story, CAROL, 0, REAL), theirs[1] if serves else replace(theirs[1], fingerprints=())]
    reveal(story, DAVE, theirs)
    reveal(story, CAROL, mine)
    found = sorted_(story, {DAVE: theirs, CAROL: mine})
    assert (found[CAROL, 0].outcome, found[CAROL, 1].outcome, found[CAROL, 1].of) == (SHOWN, COPIED, DAVE)


def test_sort__same_states_on_equal_hardware__both_shown(story: Story) -> None:
    served = {who: [entry(story, who, 0, REAL)] for who in (CAROL, DAVE)}
    for who, entries in served.items():
        reveal(story, who, entries)
    assert {one.outcome for one in sorted_(story, served).values()} == {SHOWN}


def test_claims__ballot__is_about_one_submission_and_its_own_root(story: Story) -> None:
    mine = entry(story, CAROL, 0, REAL)
    with story.store.batch() as batch:
        claim = (int(ClaimKind.GOOD_LEAF), int(Reason.SAMPLING))
        batch.put(CaseRow(4, TASK, 1, 0, *claim, 3, BOB, bytes(32), 1, "", 1_000, 5))
        batch.put(JurorRow(4, CAROL, TASK, 6, 3, 1, mine.root))
        batch.put(JurorRow(4, DAVE, TASK, 6, 3, 1, NONE))
        batch.put(JurorRow(4, MALLORY, TASK, 6, 3, 2, NONE))
    found = sorted_(story, {CAROL: [mine]})
    assert [found[who, 0].outcome for who in (CAROL, DAVE, MALLORY)] == [SHOWN, MADE_UP, EMPTY]
    assert found[CAROL, 0].claim.by == "case 4"


# --- exhibits


def compared(tmp_path: Path, leaf: int = 1, due: int = 2) -> dict[str, Any]:
    states = tmp_path / "own.bin"
    BITS[leaf].tofile(states)
    return {"shape": [4, 64], "due": due, "states": str(states), "leaf": leaf}


TOLD = {"layer": 0, "profile": to_json(RULES).decode()}


ANY = "the exhibit|chain|leaf"


def made_up(story: Story, tmp_path: Path, fingerprints: tuple[bytes, ...] = FALSE) -> Path:
    """Write an exhibit as it is written of evidence that is beyond the limits."""
    mine = [entry(story, CAROL, 0, fingerprints), entry(story, CAROL, 1, REAL)]
    reveal(story, CAROL, mine)
    found = sorted_(story, {CAROL: mine})[CAROL, 0]
    found.outcome, found.leaf, found.lines = MADE_UP, 1, [("mean mantissa distance", 64.0, 0.1)]
    exhibit.write(tmp_path / "x", place(story, CAROL), found, TOLD, compared(tmp_path))
    return tmp_path / "x"


def test_exhibit__made_up__holds_against_the_chain_and_its_values_are_measured_again(
    story: Story, tmp_path: Path
) -> None:
    shown = exhibit.verify(made_up(story, tmp_path), story.store, CHAIN_ID, ADDRESS)
    assert "fingerprint 1 of 2 opens under the address" in shown["shows"][1]
    assert shown["shows"][2].startswith("made up, if states.bin is of the model: mean mantissa distance 64, allowed")


def test_exhibit__honest_fingerprints_called_made_up__refused(story: Story, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="near each other"):
        exhibit.verify(made_up(story, tmp_path, REAL), story.store, CHAIN_ID, ADDRESS)


def test_exhibit__copied_by_one_who_serves_nothing__holds(story: Story, tmp_path: Path) -> None:
    theirs = [entry(story, DAVE, 0, REAL), entry(story, DAVE, 1, REAL)]
    reveal(story, DAVE, theirs)
    reveal(story, CAROL, theirs)
    found = sorted_(story, {DAVE: theirs})[CAROL, 1]
    exhibit.write(tmp_path / "x", place(story, CAROL, 1), found, {}, None)
    shown = exhibit.verify(tmp_path / "x", story.store, CHAIN_ID, ADDRESS)
    assert shown["shows"][-1] == "copied: it is another validator's"


def test_exhibit__zeros_for_a_pass__hold_without_a_leaf(story: Story, tmp_path: Path) -> None:
    reveal(story, CAROL, [entry(story, CAROL, 0, ()), entry(story, CAROL, 1, ())])
    found = sorted_(story, {})[CAROL, 1]
    exhibit.write(tmp_path / "x", place(story, CAROL, 1), found, {}, None)
    assert "made up" in exhibit.verify(tmp_path / "x", story.store, CHAIN_ID, ADDRESS)["shows"][-1]


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("validator", DAVE.lower(), "no such evidence"), ("evidence", "0x" + "07" * 32, "other evidence"),
        ("says", "INVALID (reward)", "another vote"), ("index", 1, "no such submission"), ("index", 9, "no such"),
        ("root", "0x" + "07" * 32, "doesn't stand"), ("of", DAVE.lower(), "doesn't open"),
        ("chain_id", 5, "on chain 5"),
        ("outcome", "copied", "own address"), ("outcome", "shown", "shows nothing"),
        ("outcome", ["shown"], "shows nothing"), ("shape", [3, 64], "have the shape"),
        ("shape", None, "no states"), ("profile", "{}", "profile"), ("entry", None, "doesn't stand"),
        ("leaf", 3, "isn't"),
        ("leaf", {"number": 0}, ANY), ("by", "extra", "no such evidence"), ("task", "x", ANY), ("of", None, ANY),
        ("entry", {"position": [], "count": 2, "proof": []}, ANY), ("of", 5, ANY), ("index", "0", ANY),
        ("index", 1 << 70, ANY),
    ],
)  # fmt: skip
def test_exhibit__tampered__refused(story: Story, tmp_path: Path, field: str, value: Any, why: str) -> None:
    folder = made_up(story, tmp_path)
    changed = {**json.loads((folder / exhibit.NAME).read_text()), field: value}
    (folder / exhibit.NAME).write_text(json.dumps(changed))
    with pytest.raises(Refused, match=why):
        exhibit.verify(folder, story.store, CHAIN_ID, ADDRESS)


def test_exhibit__none_there__unavailable(story: Story, tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        exhibit.verify(tmp_path, story.store, CHAIN_ID, ADDRESS)


def test_gives__other_submissions_than_voted_on__no(story: Story) -> None:
    mine = [entry(story, CAROL, 0, REAL)]
    reveal(story, CAROL, mine)
    (claim,) = claims.claims_of(story.store, TASK, 1)
    assert claim.gives([(0, mine[0].root)])
    assert not claim.gives([(0, mine[0].root), (1, NONE)])
    assert not Claim(CAROL, "reveal", NONE, ()).gives([(0, NONE)])
