from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from assay.protocol import templates
from assay.roles import curves
from assay.roles.card import card, origin
from assay.types import Outcome
from unit.api.records import filled

LORA = {"kind": "lora", "rank": 16, "alpha": 32, "targets": ["q_proj", "v_proj"]}
MADE = {"architecture": "llama", "model": "0x" + "ab" * 32, "adapter": LORA, "trained": 9, "merged": True}
MEASURED = {0: {"reward": 0.17, "items": 192},
            1: {"reward": 0.5625, "items": 192, "reward_low": 0.49, "reward_high": 0.63}}  # fmt: skip
SPEC = templates.fill("digits", b"\x01" * 32, b"\x02" * 32)


def test_card__task_known__names_task_rounds_contributors_roots_and_reward() -> None:
    store = filled()
    task = store.task(1)
    assert task is not None
    text = card("out", MADE, b"\x03" * 32, origin(store, task, SPEC, 1, 31337, MEASURED))
    paid = [row for row in store.submissions(1, 1) if row.outcome == Outcome.PAID]
    assert paid and all(f"| `{row.trainer}` | {row.units:,} |" in text for row in paid)
    for part in ("task: 1 on chain 31337", "rounds: 1 of 6", "0x" + "01" * 32, "0x" + "03" * 32, "0x" + "ab" * 32,
                 "`digits` (digits=6)", "0.170 before, 0.562 on 192 items", "rank 16, alpha 32, on q_proj, v_proj",
                 "## Licence"):  # fmt: skip
        assert part in text, part


def test_card__folder_of_unknown_task__says_so() -> None:
    text = card("my-model", {**MADE, "adapter": None, "model": None}, b"\x03" * 32, None)
    assert "# my-model" in text and "task: not known" in text and "all weights trained" in text


def test_card__name_with_markup__stays_a_name() -> None:
    store = filled()
    task = store.task(1)
    assert task is not None
    known = origin(store, task, replace(SPEC, name="# [x](http://evil)"), 1, 1, {})
    text = card("out", MADE, b"\x03" * 32, known)
    assert "\\[x\\](http://evil)" in text and "held-out reward: not measured" in text


def test_curves__records__tensorboard_shows_reward_and_staleness(tmp_path: Path) -> None:
    store = filled()
    for number, measured in MEASURED.items():
        store.put_note(1, number, "evaluation", measured)
    curves.write(store, 1, tmp_path / "task-1")
    read = EventAccumulator(str(tmp_path / "task-1"), size_guidance={"histograms": 0})
    read.Reload()
    assert [round(one.value, 4) for one in read.Scalars("held_out/reward")] == [0.17, 0.5625]
    assert [one.step for one in read.Scalars("rounds/units")] == sorted(store.staleness(1))
    assert [one.step for one in read.Histograms("rounds/staleness")] == sorted(store.staleness(1))


def test_sentence__measured_by_older_software__says_what_there_is() -> None:
    assert curves.sentence({"reward": 0.5, "items": 512}) == "reward 0.500 on 512 held-out items"
