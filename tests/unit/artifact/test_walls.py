"""Walls: a job that looks for keys, files, the network or other processes finds none."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.artifact import walls
from assay.artifact.sandbox import Sandbox
from assay.artifact.walls import Walls, usable
from assay.errors import Refused, Unavailable

MEMORY = 128 << 20
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("node")
    for folder in ("artifacts", "work", "keys"):
        (made / folder).mkdir()
    (made / "artifacts" / "a").write_text("public")
    (made / "keys" / "alice.json").write_text("secret")
    return made


@pytest.fixture(scope="module")
def inside(room: Path) -> Iterator[Sandbox]:
    if not usable():
        pytest.skip("bubblewrap isn't usable here")
    around = Walls(read=(room / "artifacts", HERE), write=(room / "work",))
    sys.path.append(str(HERE))
    with Sandbox(("jobs",), walls=around) as opened:
        yield opened
    sys.path.remove(str(HERE))


def test_walls__a_thief_inside__finds_what_it_was_given_only(inside: Sandbox, room: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        found = inside.run(
            "jobs:look",
            {
                "port": port,
                "read": [str(room / "artifacts" / "a"), str(room / "keys" / "alice.json"), "/etc/passwd"],
                "write": [str(room / "work" / "b"), str(room / "artifacts" / "a"), str(room / "c")],
            },
            MEMORY,
            20,
        )

    assert found["read"] == [True, False, False]
    assert found["write"][:2] == [True, False]
    assert (room / "work" / "b").read_text() == "x"
    assert not (room / "c").exists()  # what is written outside of them is gone with the job's own file system
    assert not found["reach"] and not found["user"] and found["processes"] <= 4


def test_walls__limits_of_jobs__hold_inside_too(inside: Sandbox) -> None:
    with pytest.raises(Refused, match="more memory"):
        inside.run("jobs:hog", {}, MEMORY, 20)
    with pytest.raises(Unavailable, match="more than"):
        inside.run("jobs:spin", {}, MEMORY, 0.5)


def test_walls__closed__nothing_of_it_is_left(room: Path) -> None:
    if not usable():
        pytest.skip("bubblewrap isn't usable here")
    with Sandbox((), walls=Walls()) as opened:
        opened.warm()
        server = opened._server
        assert server is not None
    assert server.poll() is not None


def test_usable__no_bubblewrap_or_no_namespaces__is_false_not_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usable.cache_clear()
    monkeypatch.setattr(walls.shutil, "which", lambda _: None)
    assert not usable()
    usable.cache_clear()
    refusing = tmp_path / "bwrap"
    refusing.write_text("#!/bin/sh\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setattr(walls.shutil, "which", lambda _: str(refusing))
    assert not usable()
    usable.cache_clear()


def test_command__runs_the_interpreter_of_this_process() -> None:
    if not usable():
        pytest.skip("bubblewrap isn't usable here")
    told = subprocess.run(
        [*Walls().command(), sys.executable, "-c", "import numpy, assay; print('ok')"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.stdout == "ok\n"
