from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assay.errors import Refused, Unavailable
from assay.model.env import folder, registry, sources, verifiers_tasks
from assay.model.env.base import Paired
from assay.model.env.text import PARSERS
from assay.protocol import templates
from assay.protocol.spec import TaskSpec
from unit.model import small, standin


def author(place: Path, count: int = 200, scorer: str = "") -> Path:
    place.mkdir()
    lines = [
        {"question": f"Which number follows {n}?", "answer": str(n + 1), "chosen": str(n + 1), "rejected": "0"}
        for n in range(count)
    ]
    (place / "items.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    if scorer:
        (place / "scorer.py").write_text(scorer)
    (place / "notes.txt").write_text("left out")
    return place


def sealed(near: Path, source: Path) -> bytes:
    root = folder.write(near / ".new", source).root()
    (near / ".new").rename(near / root.hex())
    return root


def spec_of(model: bytes, options: dict[str, Any], seeds: int = 200) -> TaskSpec:
    blank = templates.blank("digits")
    digest = registry.environment_hash("folder", options)
    return replace(
        blank,
        environment=replace(blank.environment, name="folder", options=options, hash=digest, seed_count=seeds),
        model=replace(blank.model, architecture="transformers", tokenizer="0x" + model.hex()),
        rollout=replace(blank.rollout, max_prompt_tokens=200, max_new_tokens=8),
    )


def test_bound__folder_without_scorer__asks_and_scores_by_default(tmp_path: Path) -> None:
    near, model = small.model_folder(tmp_path / "near", weights=False)
    root = sealed(near, author(tmp_path / "mine"))
    assert sorted(path.name for path in (near / root.hex()).iterdir()) == ["items.jsonl", "manifest.json"]
    env = registry.bound(spec_of(model, {"root": "0x" + root.hex()}), near)
    seeds = [*range(0, 200, 20), *env.held_out(5)]
    assert all("Which number follows" in env.describe(env.prompt(seed)) for seed in seeds)
    assert [env.score(seed, env.warm_up_target(seed)) for seed in seeds] == [1.0] * 15
    assert env.score(0, env.warm_up_target(1)) == 0.0
    assert isinstance(env, Paired)
    chosen, rejected = env.pair(7)
    assert chosen == env.warm_up_target(7) and env.describe(rejected).startswith("0")


def test_bound__scorer_and_options__hash_follows_both(tmp_path: Path) -> None:
    near, model = small.model_folder(tmp_path / "near", weights=False)
    plain = sealed(near, author(tmp_path / "plain"))
    scorer = (
        "SEEDS = 1000\ndef item(seed): return {'n': seed}\ndef render(item): return OPTIONS['word'] + str(item['n'])\n"
    )
    root = sealed(near, author(tmp_path / "mine", scorer=scorer))
    options = {"root": "0x" + root.hex(), "word": "Count"}
    env = registry.bound(spec_of(model, options, 1000), near)
    assert "Count" in env.describe(env.prompt(0)) and env.training_seeds == 1000
    others = [{**options, "word": "Add"}, {**options, "prefix": "So"}, {**options, "root": "0x" + plain.hex()}]
    assert len({env.hash, *(registry.environment_hash("folder", other) for other in others)}) == 4
    with pytest.raises(Refused, match="at most 1000"):
        registry.bound(spec_of(model, options, 1001), near)


def test_bound__folder_missing_changed_or_of_another_kind__refused(tmp_path: Path) -> None:
    near, model = small.model_folder(tmp_path / "near", weights=False)
    with pytest.raises(Unavailable, match="isn't here"):
        registry.bound(spec_of(model, {"root": "0x" + "11" * 32}), near)
    with pytest.raises(Refused, match="not of kind environment"):
        registry.bound(spec_of(model, {"root": "0x" + model.hex()}), near)
    with pytest.raises(Refused, match="needs the option root"):
        registry.environment_hash("folder", {})
    root = sealed(near, author(tmp_path / "mine"))
    with (near / root.hex() / "items.jsonl").open("r+b") as lines:
        lines.write(b"X")
    with pytest.raises(Refused, match="doesn't match the manifest"):
        registry.bound(spec_of(model, {"root": "0x" + root.hex()}), near)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("items.jsonl", '{"question": 1}\n[2]\n', "line 2 of items.jsonl isn't a JSON object"),
        ("items.jsonl", "{}\n{", "line 2 of items.jsonl isn't valid JSON"),
        ("scorer.py", "def score(:", "scorer.py isn't Python"),
        ("other.txt", "", "has neither items.jsonl nor scorer.py"),
    ],
)
def test_write__bad_folder__refused(tmp_path: Path, name: str, content: str, says: str) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / name).write_text(content)
    with pytest.raises(Refused, match=says):
        folder.write(tmp_path / "out", tmp_path / "mine")


def test_held_out__too_few_items__refused(tmp_path: Path) -> None:
    near, model = small.model_folder(tmp_path / "near", weights=False)
    root = sealed(near, author(tmp_path / "mine", 10))
    with pytest.raises(Refused, match=r"only \d different held-out items in 10"):
        registry.bound(spec_of(model, {"root": "0x" + root.hex()}, 10), near).held_out(8)


def test_tasks__stand_in_for_verifiers__prompt_answer_and_weighted_rewards() -> None:
    tasks = verifiers_tasks.Tasks({"taskset": standin.__name__, "count": 5})
    assert tasks.seeds == 5
    item = tasks.item(3)
    assert tasks.render(item) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Say 3."},
    ]
    assert tasks.answer(item) == "3"
    assert [tasks.score(item, said) for said in ("3", "4", "a long reply")] == [1.0, 0.25, 0.0]


def test_tasks__bad_taskset__refused() -> None:
    with pytest.raises(Refused, match="needs the option taskset"):
        verifiers_tasks.Tasks({})
    with pytest.raises(Refused, match="no tasks"):
        verifiers_tasks.Tasks({"taskset": f"{standin.__name__}:Taskset", "count": 0})
    with pytest.raises(Refused, match="ran needs a runtime"):
        verifiers_tasks.Tasks({"taskset": f"{standin.__name__}:NeedsRuntime"})
    with pytest.raises(Refused, match="nosuch isn't installed"):
        verifiers_tasks.described({"taskset": "nosuch.tasks"})


def test_contents__installed_package__version_and_hash() -> None:
    version, digest = sources.contents("numpy")
    assert version[0].isdigit() and len(digest) == 64


@pytest.mark.parametrize(
    ("parser", "text", "answer"),
    [
        ("whole", "  7 \n", "7"),
        ("last_integer", "12 - 5 is 7.", "7"),
        ("last_integer", "12-5", "5"),
        ("last_integer", "it is -1,234", "-1234"),
        ("last_integer", "I don't know", None),
        ("answer_tag", "<answer>3</answer> no, <answer> 4 </answer>", "4"),
        ("answer_tag", "<answer>4", None),
        ("after_answer", "So the answer is 42.\nBye", "42"),
        ("after_answer", "Answer: yes", "yes"),
        ("after_answer", " 42.\nmore", "42"),
        ("after_answer", "", None),
    ],
)
def test_parser__completions__the_answer_in_them(parser: str, text: str, answer: str | None) -> None:
    assert PARSERS[parser](text) == answer
