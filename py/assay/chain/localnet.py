"""A local chain: one Anvil process, started and stopped.

For development, the demo and tests: its keys are public, its money worthless.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from eth_account import Account

from assay.chain.client import Client
from assay.chain.keys import LocalSigner
from assay.errors import Refused, Unavailable

ANVIL = Path(__file__).resolve().parents[3] / "node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
STATES = 128  # blocks whose state is kept, in memory: enough for any reorganisation that is tried
MNEMONIC = "test test test test test test test test test test test junk"
CHAIN_ID = 31337
HARDFORK = "prague"
START_SECONDS = 20.0
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class LocalnetOptions:
    """How Anvil runs. block_seconds 0 mines each transaction at once; None mines only when told to.

    `more` is passed on as it is.
    """

    port: int = 0
    chain_id: int = CHAIN_ID
    accounts: int = 20
    block_seconds: float | None = 1
    gas_limit: int = 60_000_000
    hardfork: str = HARDFORK
    log: Path | None = None
    state: Path | None = None
    more: tuple[str, ...] = ()


class Localnet:
    """A running Anvil."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, port: int) -> None:
        self._process = process
        self.url = url
        self.port = port

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def client(self, **options: Any) -> Client:
        return Client(self.url, **options)

    def stop(self) -> None:
        """End Anvil and wait for it. Stopping twice does nothing."""
        if self.alive:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()

    def __enter__(self) -> Localnet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start(options: LocalnetOptions | None = None, die_with_parent: bool = True, detached: bool = False) -> Localnet:
    """Start Anvil and wait until it answers; port 0 takes a free one.

    With `die_with_parent` the kernel ends Anvil when the thread that started it is gone, however that ended. With
    `detached` it outlives this process instead, in a session of its own.

    Raises:
        Refused: Anvil isn't installed, or the port is taken.
        Unavailable: it ended or doesn't answer.
    """
    chosen = options or LocalnetOptions()
    if not ANVIL.is_file():
        raise Refused(f"Anvil isn't installed ({ANVIL} is missing): run scripts/setup first.")
    port = chosen.port or free_port()
    if not _is_free(port):
        raise Refused(f"Port {port} is taken: stop what uses it, or choose another port.")
    log = open(chosen.log, "ab") if chosen.log else None  # noqa: SIM115, PTH123 - the child keeps it
    try:
        process = subprocess.Popen(
            _command(chosen, port),
            stdin=subprocess.DEVNULL,
            stdout=log or subprocess.DEVNULL,
            stderr=log or subprocess.DEVNULL,
            start_new_session=detached,
            preexec_fn=None if detached or not die_with_parent else mortal(os.getpid()),  # noqa: PLW1509
        )
    finally:
        if log:
            log.close()
    net = Localnet(process, f"http://127.0.0.1:{port}", port)
    try:
        _await(net, chosen)
    except BaseException:
        net.stop()
        raise
    return net


def signer(index: int) -> LocalSigner:
    """Return the key of Anvil's account `index`. Everyone has it."""
    return LocalSigner(key(index))


def key(index: int) -> bytes:
    """Return the 32 bytes of the key of Anvil's account `index`."""
    Account.enable_unaudited_hdwallet_features()
    return bytes(Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}").key)


def _command(options: LocalnetOptions, port: int) -> list[str]:
    command = [str(ANVIL), "--host", "127.0.0.1", "--port", str(port), "--chain-id", str(options.chain_id)]
    command += ["--hardfork", options.hardfork, "--accounts", str(options.accounts), "--mnemonic", MNEMONIC]
    command += ["--balance", "1000000", "--gas-limit", str(options.gas_limit), "--quiet"]
    # else Anvil writes every older state to ~/.foundry and leaves it there when it is killed: gigabytes a day
    command += ["--prune-history", str(STATES)]
    if options.block_seconds is None:
        command.append("--no-mining")
    elif options.block_seconds:
        # a transaction that comes while a block is made waits for the next one, as on a real chain
        command += ["--block-time", f"{options.block_seconds:g}"]
    if options.state is not None:
        command += ["--state", str(options.state)]
    return [*command, *options.more]


def mortal(parent: int) -> Callable[[], None]:
    """Return what a child runs before its program, so that the kernel ends it when its parent is gone."""

    def before_exec() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return before_exec


def _await(net: Localnet, options: LocalnetOptions) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if not net.alive:
            hint = f": see {options.log}" if options.log else ""
            raise Unavailable(f"Anvil ended at once{hint}.")
        try:
            Client(net.url, options.chain_id, timeout=2, retries=0)
        except Unavailable:
            time.sleep(0.05)
        else:
            return
    raise Unavailable(f"Anvil doesn't answer on port {net.port} after {START_SECONDS:g} s.")


def free_port() -> int:
    """Return a free port below those that the kernel gives to whoever asks for any: nobody else takes it meanwhile."""
    while True:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", 12_000 + secrets.randbelow(20_000)))
            return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
