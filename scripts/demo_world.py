"""What the demo starts and stops: Anvil, contracts, accounts, the task, and one process per role."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import IO

from assay.chain import keys, localnet
from assay.chain.contracts import Contracts
from assay.chain.deploy import deploy
from assay.chain.events import Follower
from assay.chain.outbox import Outbox
from assay.errors import Broken, Refused, Unavailable
from assay.protocol.spec import TaskSpec, parse_toml, to_toml
from assay.store.engine import Store, open_store
from demo_plot import CANARY_MAKER, CHEAT, INITIATOR, LAZY, LAZY_STAKE, TOKEN, TRAINERS, VALIDATORS, Plot

PASSWORD = "local demo keys, no value"  # noqa: S105 - nothing of value is behind it
SCRYPT_N = 1 << 10  # seven keys in no time; `assay account new` uses the full cost
SUPPLY = 1_000_000 * TOKEN
UNBONDING_SECONDS = 600
FUNDS = 1_000 * TOKEN
TASK = 1
STOP_SECONDS = 20.0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _alone(path: Path) -> IO[str]:
    """Hold a lock until the process ends, so that two demos never share a folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise Refused(f"another demo runs in {path.parent.parent}: wait for it, or use another checkout") from None
    return lock


def _fault(name: str, since: int) -> tuple[str, ...]:
    return ("--fault", name, "--fault-from", str(since))


class World:
    """A local chain with a published task and running nodes, for the length of a `with` block."""

    def __init__(self, root: Path, plot: Plot, patience: int) -> None:
        self.root = root
        self.folder = root / "build" / "demo"
        self.home = self.folder / "home"
        self.plot, self._patience = plot, patience
        self._nodes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> World:
        self._lock = _alone(self.folder.with_suffix(".lock"))
        shutil.rmtree(self.folder, ignore_errors=True)
        self.home.mkdir(parents=True)
        (self.home / "password").write_text(PASSWORD)
        (self.home / "password").chmod(0o600)
        self._anvil = localnet.start(localnet.LocalnetOptions(block_seconds=1, log=self.folder / "anvil.log"))
        try:
            self._begin()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_nodes()
        self._anvil.stop()

    def _begin(self) -> None:
        template = self._assay(INITIATOR, "task", "init", "digits", output=self.folder / "digits.toml")
        self.client = self._anvil.client()
        for name in self.plot.names:
            keys.create(self.home / "keys", name, PASSWORD, SCRYPT_N)
        self.addresses = {entry.name: entry.address for entry in keys.listing(self.home / "keys")}
        self.names = {address: name for name, address in self.addresses.items()}
        deployer = localnet.signer(0)
        self.deployment = deploy(self.client, deployer, UNBONDING_SECONDS, SUPPLY, self.folder / "deployments")
        self.contracts = Contracts(self.client, self.deployment)
        self.store: Store = open_store("sqlite://")
        self.outbox = Outbox(self.client, self.store, deployer)
        self.follower = Follower(self.client, self.contracts, self.store)
        for name, address in self.addresses.items():
            self.client.rpc("anvil_setBalance", address, hex(100 * TOKEN))
            self.outbox.put(f"fund:{name}", self.contracts.transfer(address, FUNDS))
        for name in VALIDATORS:
            refusing = _fault("refuse", self.plot.refused_round) if self.plot.refused_round else ()
            self._start(name, "validator", "run", "--stake", str(self.plot.validator_stake), *refusing)
        for name in self.addresses:
            self.outbox.wait(f"fund:{name}", 30)
        self._finish(template, "task init digits", 120)
        self.spec = self._task()
        port = _free_port()
        uri = f"http://127.0.0.1:{port}"
        publish = self._assay(INITIATOR, "--yes", "task", "publish", str(self.folder / "task.toml"), "--uri", uri)
        self._finish(publish, "task publish", 60)
        self._start(INITIATOR, "initiator", "run", "--task", "1", "--port", str(port))
        for name in TRAINERS:
            self._start(name, "trainer", "run", "--task", "1", *self._role_of(name))

    def _role_of(self, name: str) -> tuple[str, ...]:
        """Return a trainer's options: its stake, and what it does beside training."""
        money, plot = self.spec.money, self.plot
        wei = plot.trainer_stake(name, money.bond, money.seats * money.seat_fee)
        stake = ("--stake", f"{wei // TOKEN}.{wei % TOKEN:018d}")
        if name == CHEAT:
            return (*stake, *_fault(plot.fault, plot.fault_from))
        canaries = plot.canaries if name == CANARY_MAKER else ()
        return (*stake, *(("--canaries", ",".join(map(str, canaries))) if canaries else ()))

    def go_on(self) -> None:
        """Raise Broken when a node has ended with an error; let validator-4 enlist when its time has come."""
        self.check_alive()
        if LAZY in self.plot.names and LAZY not in self._nodes and self._opened(self.plot.refused_round + 1):
            lazy = _fault("lazy", self.plot.canaries[0])
            self._start(LAZY, "validator", "run", "--task", "1", "--stake", str(LAZY_STAKE), *lazy)

    def _opened(self, number: int) -> bool:
        task = self.store.task(TASK)
        if task is None or not task.start:
            return False
        return self.client.head().time >= task.start + (number - 1) * self.spec.rounds.period

    def _task(self) -> TaskSpec:
        """Write the built-in task so that it waits for all trainers and the first three validators."""
        template = parse_toml((self.folder / "digits.toml").read_text())
        everyone = {"min_stake": len(VALIDATORS) * self.plot.validator_stake * TOKEN, "min_trainers": len(TRAINERS)}
        windows = replace(
            template.rounds,
            count=self.plot.rounds,
            work=template.rounds.work + self._patience // 3,
            commit=template.rounds.commit + self._patience - self._patience // 3,
            period=template.rounds.period + self._patience,
        )
        spec = replace(template, rounds=windows, money=replace(template.money, **everyone))
        (self.folder / "task.toml").write_text(to_toml(spec))
        return spec

    # --- processes

    def _command(self, name: str, *words: str) -> list[str]:
        options = ("--home", str(self.home), "--rpc", self._anvil.url, "--as", name)
        return [sys.executable, "-m", "assay.cli.main", *options, *words]

    def _environment(self) -> dict[str, str]:
        own = {
            "ASSAY_PASSWORD_FILE": str(self.home / "password"),
            "ASSAY_DEPLOYMENTS": str(self.folder / "deployments"),
            "OMP_NUM_THREADS": "1",
            "PYTHONUNBUFFERED": "1",
        }
        return {**{key: value for key, value in os.environ.items() if not key.startswith("ASSAY_")}, **own}

    def _assay(self, name: str, *words: str, output: Path | None = None) -> subprocess.Popen[bytes]:
        log = (self.folder / "commands.log").open("ab")
        out = output.open("wb") if output else log
        return subprocess.Popen(
            self._command(name, *words), stdout=out, stderr=log, env=self._environment(), cwd=self.root
        )

    def _finish(self, process: subprocess.Popen[bytes], what: str, seconds: float) -> None:
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            raise Unavailable(f"`assay {what}` took more than {seconds:.0f} s") from None
        if code:
            raise Broken(f"`assay {what}` failed with exit code {code}:\n{self._tail(self.folder / 'commands.log')}")

    def _start(self, name: str, *words: str) -> None:
        log = (self.folder / f"{name}.log").open("wb")
        self._nodes[name] = subprocess.Popen(
            self._command(name, *words), stdout=log, stderr=log, env=self._environment(), cwd=self.root
        )

    def check_alive(self) -> None:
        """Raise Broken when a node has ended with an error, with the end of its log."""
        for name, process in self._nodes.items():
            if process.poll() not in {None, 0, -signal.SIGTERM}:
                raise Broken(
                    f"{name} ended with exit code {process.returncode}:\n{self._tail(self.folder / f'{name}.log')}"
                )

    def stuck(self, number: int) -> Unavailable:
        """Return the error for a round that doesn't come to its end, with what the nodes said last."""
        said = "\n".join(f"{name}: {self._tail(self.folder / f'{name}.log', 3)}" for name in self._nodes)
        return Unavailable(f"round {number} doesn't end; the last lines of the nodes:\n{said}")

    def progress(self) -> str:
        """Return what a waiting person wants to know."""
        task = self.store.task(1)
        if task is None or not task.start:
            return "starting: nodes enlist and attest the base model"
        now = self.client.head().time
        r = max(0, (now - task.start) // self.spec.rounds.period + 1)
        return (
            f"round {min(r, task.last_round)} of {task.last_round}" if r else f"round 1 opens in {task.start - now} s"
        )

    def stop_nodes(self) -> list[str]:
        """Stop all nodes; return the names of those that didn't end by themselves in time."""
        for process in self._nodes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        until, killed = time.monotonic() + STOP_SECONDS, []
        for name, process in self._nodes.items():
            try:
                process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                killed.append(name)
        return killed

    @staticmethod
    def _tail(path: Path, lines: int = 12) -> str:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])

    def node_store(self, name: str) -> Store | None:
        """Open the records of a node; None before it has any."""
        path = self.home / "nodes" / name / "store.db"
        return open_store(f"sqlite:///{path}") if path.exists() else None
