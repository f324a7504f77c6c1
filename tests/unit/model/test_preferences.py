from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assay.cli.main import app
from assay.errors import Refused, Unavailable
from assay.model.env import preferences
from assay.model.env.pairs import Pair, pair_of
from assay.protocol import agreement


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "pairs"
    place.mkdir()
    rows = [{"question": f"How far is {n}?", "answers": [f"{n} miles", f"{n} very long miles"]} for n in range(20)]
    (place / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return place


def shortest(pair: Pair) -> str:
    return "a" if len(pair.a) < len(pair.b) else "b"


def test_pair_of__answers_swapped__same_pair_and_order_tells_nothing(folder: Path) -> None:
    one = pair_of({"question": "q", "answers": ["x", "y"]})
    assert one == pair_of({"question": "q", "answers": ["y", "x"]})
    first = [shortest(pair) for pair in preferences.read_pairs(folder)]
    assert 5 <= first.count("a") <= 15  # the shorter one comes first in the file, always


def test_labelled__honest_and_lazy_trainers__agreement_tells_them_apart(folder: Path) -> None:
    pairs = preferences.read_pairs(folder)
    own = {number: shortest(pair) for number, pair in enumerate(pairs)}
    honest = "".join(shortest(pair) for pair in pairs)
    assert agreement.judged(honest, own, range(20), 8000).passes is True
    assert agreement.judged("a" * 20, own, range(20), 8000).passes is False


def test_by_command__says_a_letter_or_fails__label_or_none(folder: Path) -> None:
    (pair, *_) = preferences.read_pairs(folder)
    code = "import json,sys; d=json.load(sys.stdin); print('1' if len(d['a'])<len(d['b']) else 'B')"
    assert preferences.by_command([sys.executable, "-c", code])(pair) == shortest(pair)
    assert preferences.by_command([sys.executable, "-c", "print('neither')"])(pair) is None
    assert preferences.by_command([sys.executable, "-c", "raise SystemExit(1)"])(pair) is None
    assert preferences.by_command([sys.executable, "-c", "import time; time.sleep(9)"], 0.2)(pair) is None
    with pytest.raises(Unavailable, match="can't be started"):
        preferences.by_command(["/nowhere/judge"])(pair)


@pytest.mark.parametrize(
    "line", ["[]", '{"question": "q", "answers": ["x"]}', '{"question": "q", "answers": ["x", "x"]}']
)
def test_read_pairs__not_a_pair__refused_with_its_line(folder: Path, line: str) -> None:
    (folder / "items.jsonl").write_text('{"question": "q", "answers": ["x", "y"]}\n' + line)
    with pytest.raises(Refused, match=r"line 2 of items\.jsonl"):
        preferences.read_pairs(folder)


def test_label__a_person_in_two_sittings__each_item_is_asked_once(folder: Path, tmp_path: Path) -> None:
    line = ["label", str(folder), "--out", str(tmp_path / "mine.jsonl")]
    first = CliRunner().invoke(app, line, input="1\nwhat\n2\ns\nq\n")
    assert (first.exit_code, "2 labels more" in first.stdout) == (0, True)
    CliRunner().invoke(app, [*line, "--command", f'{sys.executable} -c "print(1)"', "--most", "5"])
    labels = preferences.read_labels(tmp_path / "mine.jsonl")
    assert len(labels) == 7
    first, second = preferences.read_pairs(folder)[:2]
    assert (labels[first.key], labels[second.key]) == ("a", "b")
