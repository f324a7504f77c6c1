from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

from assay.cli.processes import Detached, stop_all

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
]


def detached(folder: Path, name: str = "node") -> Detached:
    return Detached(name, folder / name / "pid", folder / name / "log")


def started(folder: Path, argv: list[str], name: str = "node") -> Detached:
    process = detached(folder, name)
    process.start(argv, dict(os.environ))
    deadline = time.monotonic() + 10
    while "up" not in process.tail(1) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert process.tail(1) == ["up"]
    return process


def test_detached__started_and_stopped__pid_file_comes_and_goes(tmp_path: Path) -> None:
    process = started(tmp_path, SLEEP)
    assert process.pid() is not None
    assert stop_all([process], signal.SIGTERM, 5) == ["node"]
    assert process.pid() is None
    assert not process.pid_file.exists()


def test_detached__started_twice__the_first_is_kept(tmp_path: Path) -> None:
    process = started(tmp_path, SLEEP)
    first = process.pid()
    assert process.start(SLEEP, dict(os.environ)) == first
    stop_all([process], signal.SIGTERM, 5)


def test_stop_all__process_that_ignores_the_signal__killed_in_time(tmp_path: Path) -> None:
    process = started(tmp_path, STUBBORN)
    begin = time.monotonic()
    assert stop_all([process], signal.SIGTERM, 0.3) == ["node"]
    assert process.pid() is None
    assert time.monotonic() - begin < 10


def test_stop_all__pid_given_to_another_process_meanwhile__never_touched(tmp_path: Path) -> None:
    other = started(tmp_path, SLEEP, "other")
    stale = detached(tmp_path, "stale")
    stale.pid_file.parent.mkdir()
    stale.pid_file.write_text(json.dumps({"pid": other.pid(), "started": "1"}))
    assert stale.pid() is None
    assert stop_all([stale], signal.SIGKILL, 1) == []
    assert other.pid() is not None
    stop_all([other], signal.SIGTERM, 5)


def test_stop_all__nothing_there__nothing_stopped(tmp_path: Path) -> None:
    assert stop_all([detached(tmp_path)], signal.SIGTERM, 1) == []


def test_pid__garbage_in_the_file__not_running(tmp_path: Path) -> None:
    process = detached(tmp_path)
    process.pid_file.parent.mkdir()
    for text in ("", "x", "[]", '{"pid": "a"}', "999999999"):
        process.pid_file.write_text(text)
        assert process.pid() is None
