from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.errors import Refused, Unavailable
from assay.model.env import folder
from assay.model.env import host as hosting
from assay.model.env.host import Host, Limits

SCORER = """
import os, socket, subprocess, sys, threading, time

def score(item, completion):
    if completion == "hang":
        time.sleep(100)
    if completion == "spin":
        while True: pass
    if completion == "raise":
        raise ValueError("not that way")
    if completion == "exit":
        sys.exit(3)
    if completion == "die":
        os._exit(3)
    if completion == "print":
        for _ in range(200): print("x" * 100_000); os.write(2, b"y" * 100_000)
    if completion == "fork":
        os.fork()
    if completion == "run":
        subprocess.run(["/bin/true"])
    if completion == "connect":
        socket.socket()
    if completion == "write":
        with open(item["place"], "w") as sink: sink.write("x")
    if completion == "eat":
        bytearray(1 << 33)
    if completion == "kill":
        os.kill(os.getppid(), 9)
    if completion == "thread":
        thread = threading.Thread(target=print); thread.start(); thread.join()
    if completion == "spoil":
        item["answer"] = "other"
    if completion == "text":
        return "1"
    if completion == "nan":
        return float("nan")
    return float(completion == item["answer"])

def answer(item):
    return "z" * (1 << 21) if item["answer"] == "long" else item["answer"]
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    source.mkdir()
    lines = [f'{{"question": "q{number}", "answer": "{number}", "place": "{tmp_path}/out"}}' for number in range(20)]
    (source / "items.jsonl").write_text("\n".join([*lines, '{"answer": "long"}']) + "\n")
    (source / "scorer.py").write_text(SCORER)
    return source


@pytest.fixture
def made(place: Path) -> Iterator[Callable[..., tuple[Host, list[str]]]]:
    hosts: list[Host] = []

    def make(**limits: Any) -> tuple[Host, list[str]]:
        lines: list[str] = []
        hosts.append(Host(folder.TARGET, {folder.PLACE: str(place)}, Limits(**limits), lines.append))
        return hosts[-1], lines

    yield make
    for host in hosts:
        host.close()


@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        ("raise", "ValueError: not that way"),
        ("exit", "SystemExit: 3"),
        ("die", "left with exit code 3"),
        ("fork", "PermissionError"),
        ("run", "PermissionError"),
        ("connect", "PermissionError"),
        ("kill", "PermissionError"),
        ("write", "OSError"),
        ("eat", "needs more memory than it may have"),
        ("text", "TypeError: a score is a number, not str"),
        ("nan", "isn't JSON"),
    ],
)
def test_ask__bad_call__reason_and_the_next_goes_on(made: Any, completion: str, reason: str) -> None:
    host, lines = made()
    first, bad, after = host.ask("score", [[1, "1"], [2, completion], [3, "3"]])
    assert first.value == 1.0 and after.value == 1.0
    assert bad.value is None and reason in bad.reason
    assert len(lines) == 1 and lines[0].startswith("score of item 2: ") and reason in lines[0]


@pytest.mark.parametrize("completion", ["print", "thread", "spoil"])
def test_ask__harmless_noise__no_reason(made: Any, completion: str) -> None:
    host, lines = made()
    assert [one.value for one in host.ask("score", [[1, completion], [1, "1"]])] == [0.0, 1.0] and not lines


def test_ask__call_that_hangs__is_ended_after_its_seconds(made: Any) -> None:
    host, _ = made(wall=2.0)
    hung, after = host.ask("score", [[1, "hang"], [1, "1"]])
    assert hung.reason == "took more than 2 s" and after.value == 1.0


def test_ask__call_that_spins__is_ended_by_its_cpu_time(made: Any) -> None:
    host, _ = made(cpu=0.1)
    spun, after = host.ask("score", [[1, "spin"], [1, "1"]])
    assert spun.reason == "took more CPU time than it may" and after.value == 1.0


def test_ask__every_call_dies__the_rest_isnt_tried(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosting, "MAX_DEATHS", 2)
    host, _ = made()
    found = host.ask("score", [[1, "die"]] * 4)
    assert [one.reason.split(":")[0] for one in found[-3:]] == ["left with exit code 3", "not tried", "not tried"]
    assert host.ask("score", [[1, "1"]])[0].value == 1.0


def test_ask__megabytes_or_a_broken_item__reason(made: Any) -> None:
    host, _ = made()
    assert "more than 1048576" in host.ask("answer", [[20]])[0].reason
    assert "no messages, prompt or question" in host.ask("render", [[20]])[0].reason
    assert "IndexError" in host.ask("render", [[21]])[0].reason


def test_close__process__is_gone(made: Any) -> None:
    host, _ = made()
    assert host.about() == {"seeds": 21, "can": ["answer", "pair"], "whole": False}
    number = host._child._process.pid
    host.close()
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


@pytest.mark.parametrize(
    ("scorer", "kind", "says"),
    [
        ("raise ValueError('no')", Refused, "can't be made: ValueError: no"),
        ("import time; time.sleep(60)", Unavailable, "took more than 0.5 s"),
        ("import os; os._exit(1)", Unavailable, "left with exit code 1"),
        ("import nosuchmodule", Refused, "No module named 'nosuchmodule'"),
    ],
)
def test_about__scorer_that_cant_start__one_sentence(
    place: Path, made: Any, scorer: str, kind: type[Exception], says: str
) -> None:
    (place / "scorer.py").write_text(scorer)
    host, _ = made(start=0.5 if "sleep" in scorer else 60.0)
    with pytest.raises(kind, match=says):
        host.about()
