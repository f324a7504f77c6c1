"""`assay up` and what follows: a real Anvil, the API, peers, all as a person starts and stops them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.chain import localnet

pytestmark = pytest.mark.integration


class Person:
    """Someone with a working folder and a shell."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = ("--port", str(localnet.free_port()), "--api-port", str(localnet.free_port()))

    def types(self, *line: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
        done = subprocess.run(
            [sys.executable, "-m", "assay.cli.main", *line],
            cwd=self.folder,
            env={**environment, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    def asks(self, *line: str) -> Any:
        return json.loads(self.types(*line, "--json").stdout)

    def pids(self) -> dict[str, int]:
        found: dict[str, int] = self.asks("status")["processes"]
        return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def read(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own API
        return json.load(answer)


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """A person whose chain is up with one peer; whatever a test leaves is stopped at the end."""
    someone = Person(tmp_path_factory.mktemp("work"))
    try:
        someone.types("up", "--peers", "1", *someone.ports)
        yield someone
    finally:
        someone.types("down")


def test_up__first_time__chain_api_accounts_and_peer(person: Person) -> None:
    status = person.asks("status")
    assert set(status["processes"]) == {"anvil", "api", "peer-1"}
    money = {row["name"]: int(row["tokens"]) for row in status["accounts"]}
    assert {name: money[name] for name in ("alice", "bob", "carol")} == dict.fromkeys(("alice", "bob", "carol"), 10**21)
    health = read(status["api"] + "/health")
    assert health["ok"] is True
    assert (person.folder / ".assay" / "password").stat().st_mode & 0o077 == 0
    assert read(status["api"] + "/tasks")["items"] == []
    assert "/tasks/{task}" in read(status["api"] + "/openapi.json")["paths"]


def test_up__again__says_so_and_changes_nothing(person: Person) -> None:
    before = person.pids()
    shown = person.types("up", "--peers", "1").stdout
    assert shown.startswith("already up: nothing was started\n")
    assert person.pids() == before


def test_up__again_on_other_ports__refused(person: Person) -> None:
    refused = person.types("up", "--port", str(localnet.free_port()), code=2)
    assert "already runs on port" in refused.stderr


def test_up__busy_port__refused_with_the_option_to_use(person: Person, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        busy = str(other.getsockname()[1])
        someone = Person(tmp_path)
        assert "--port" in someone.types("up", "--port", busy, code=2).stderr
        line = ("up", "--port", str(localnet.free_port()), "--api-port", busy)
        assert "--api-port" in someone.types(*line, code=2).stderr
        assert someone.types("down").stdout == "nothing was running\n"


def test_doctor__all_is_well__every_line_ok(person: Person) -> None:
    assert {one["ok"] for one in person.asks("doctor")} == {True}


def test_doctor__nothing_up__code_3_and_what_to_do(person: Person, tmp_path: Path) -> None:
    # Another home, which a typing error in --rpc sends to a port without a chain.
    done = Person(tmp_path).types("doctor", "--rpc", "http://127.0.0.1:9", code=3)
    assert "doesn't answer" in done.stdout


def test_account__new_and_funded__can_stake(person: Person) -> None:
    person.types("account", "new", "dave")
    assert person.asks("account", "fund", "dave", "--amount", "50")["tokens"] == str(50 * 10**18)
    assert person.asks("stake", "add", "20", "--as", "dave", "--yes")["staked"] == str(20 * 10**18)
    assert "exit takes 10:00" in person.types("stake", "add", "20", "--as", "dave", "--dry-run").stdout


def test_validator__started_stopped_in_the_background__logs_and_status(person: Person) -> None:
    started = person.asks("validator", "run", "--as", "carol", "--stake", "100", "--detach")
    assert alive(started["pid"])
    twice = person.types("validator", "run", "--as", "carol", "--stake", "100", code=2)
    assert f"runs already (pid {started['pid']})" in twice.stderr
    deadline = time.monotonic() + 60
    while not (lines := person.asks("logs", "carol", "-n", "50")["carol"]) or "serves http" not in "".join(lines):
        assert time.monotonic() < deadline, lines
        time.sleep(1)
    assert person.types("validator", "stop", "--as", "carol").stdout == "stopped carol\n"
    assert not alive(started["pid"])
    assert "has no node running" in person.types("validator", "stop", "--as", "carol").stdout


def test_task_publish__nobody_has_the_base__refused_before_money_moves(person: Person) -> None:
    (person.folder / "task.toml").write_text("name = 'x'\n")
    assert "is missing" in person.types("task", "publish", "task.toml", "--as", "alice", code=2).stderr
    assert person.asks("task", "list") == []


def test_down_and_up__fresh_anvil_under_an_old_deployment__redeployed(person: Person) -> None:
    pids = person.pids()
    assert (person.folder / "deployments" / "31337" / "addresses.json").is_file()
    stopped = person.types("down").stdout
    assert all(name in stopped for name in pids)
    assert not any(alive(pid) for pid in pids.values())
    assert person.types("down").stdout == "nothing was running\n"
    assert person.types("status").stdout.startswith("not up")
    person.types("up", *person.ports)
    money = {row["name"]: int(row["tokens"]) for row in person.asks("status")["accounts"]}
    assert money["alice"] == money["carol"] == 10**21
    assert "no task has been published here" in person.types("payouts").stdout
