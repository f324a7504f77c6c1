"""Tells a running node's owner what each round came to: drawn or not, promised, paid, or the reason for nothing.

Reads the node's own records beside it and never writes. "Not drawn" is said as soon as the seal decides it, with the
time of the next seal, so that a quiet round doesn't look like a hang.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from assay.api.amounts import formatted
from assay.api.clock import newest_block
from assay.api.earnings import Line, State, lines
from assay.api.terms import rounds_open, schedule_of
from assay.errors import AssayError
from assay.types import Role

if TYPE_CHECKING:
    from assay.roles.config import NodeConfig
    from assay.store import Store

POLL_SECONDS = 1.0


class Narrator:
    """A thread that reads the node's records once a second and says what is new."""

    def __init__(self, config: NodeConfig, say: Callable[[str], None]) -> None:
        self._config = config
        self._say = say
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="narrator", daemon=True)
        self._said: dict[tuple[int, int, Role], str] = {}
        self._fresh = True

    def start(self) -> None:
        """Start to read and tell."""
        self._thread.start()

    def stop(self) -> None:
        """Stop and wait for the thread; what is new by then is still said."""
        self._stop.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        from assay.store import open_store

        store = None
        while True:
            last = self._stop.wait(POLL_SECONDS)
            try:
                store = store or open_store(self._config.store_url)
                self.look(store)
            except AssayError:  # the role meets the same trouble and says so; narration starts again with the next look
                store = None
            if last:
                return

    def look(self, store: Store) -> None:
        """Say what has changed since the last look; what was old when the node started is passed over."""
        _, now = newest_block(store)  # the records are complete up to there, and to no later second
        for line in lines(store, now, self._config.signer.address, self._config.task):
            key = (line.task, line.round, line.role)
            word = _stage(line)
            if word and self._said.get(key) != word:
                self._said[key] = word
                if not (self._fresh and line.state in {State.CLAIMABLE, State.CLAIMED}):
                    self._say(f"task {line.task} round {line.round} {_sentence(store, line, word, now)}")
        self._fresh = False


def _stage(line: Line) -> str:
    """Return what stage of its round a line is in; empty while there is nothing to tell."""
    if line.state is State.PENDING:
        if line.earned is not None:
            return "promised"
        return "drawn" if line.role is Role.VALIDATOR else ""
    return "" if line.state is State.OPEN else line.state.value


def _sentence(store: Store, line: Line, word: str, now: int) -> str:
    if word == "drawn":
        return f"sealed · drawn for {line.seats} {'seat' if line.seats == 1 else 'seats'}"
    if word == "promised":
        when = time.strftime("%H:%M:%S", time.localtime(line.final_at or now))
        if line.role is Role.TRAINER:
            did = "accepted"
        else:
            did = f"revealed · {line.agreed} of {line.seats} seats agree" if line.seats else "checkpoint attested"
        return f"{did} · +{formatted(line.earned or 0)} when final at {when}"
    if word == State.NOT_DRAWN:
        return f"sealed · not drawn{_next_seal(store, line, now)}"
    if word == State.UNPAID:
        return line.shown(now)
    return f"final · +{formatted(line.earned or 0)} {line.state.value}"


def _next_seal(store: Store, line: Line, now: int) -> str:
    task = store.task(line.task)
    schedule = schedule_of(task) if task else None
    if task is None or schedule is None:
        return ""
    following = max(line.round + 1, rounds_open(task, now))
    if following > task.last_round:
        return " · it was the last round"
    return f" · next seal in {max(0, schedule.seal_at(following) - now)} s"
