"""Work that takes long, beside the cycle: downloads in a few threads, heavy and untrusted work in the sandbox's
processes, one at a time in each lane.

Knows nothing of what the work is. A job has a name and runs once at a time; its result or error is handed over in the
cycle's thread. Nothing is remembered over a restart: a result that matters is recorded by whoever takes it, and a
lost job is decided anew.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from assay.errors import AssayError

DOWNLOADS = 4
# A job that failed is tried again only after a pause, which doubles up to a limit.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 20.0


@dataclass(slots=True)
class _Failure:
    pause: float
    until: float


class Jobs:
    """Named jobs in flight. `now` is a monotonic clock in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._light = ThreadPoolExecutor(DOWNLOADS, thread_name_prefix="download")
        self._heavy: dict[str, ThreadPoolExecutor] = {}
        self._running: dict[str, tuple[Future[Any], Callable[[Any], None]]] = {}
        self._failed: dict[str, _Failure] = {}

    def start(
        self,
        name: str,
        work: Callable[[], Any],
        done: Callable[[Any], None],
        heavy: bool = False,
        lane: str = "heavy",
    ) -> bool:
        """Start `work` under `name` unless it runs already or rests after a failure; `done(result)` is called by
        `drain`. Heavy jobs of one lane run one after another, those of different lanes side by side.
        """
        if name in self._running or self._resting(name):
            return False
        self._running[name] = ((self._lane(lane) if heavy else self._light).submit(work), done)
        return True

    def names(self) -> frozenset[str]:
        """Names of the jobs in flight and of those that rest after a failure."""
        return frozenset(self._running) | frozenset(name for name in self._failed if self._resting(name))

    def drain(self, failed: Callable[[str, AssayError], None]) -> int:
        """Hand over what is done, and return how many that were.

        Refused and Unavailable go to `failed`; anything else is raised.
        """
        handed = 0
        for name, (future, done) in list(self._running.items()):
            if not future.done():
                continue
            del self._running[name]
            handed += 1
            try:
                result = future.result()
            except AssayError as error:
                pause = min(self._failed[name].pause * 2 if name in self._failed else FIRST_PAUSE, LONGEST_PAUSE)
                self._failed[name] = _Failure(pause, self._now() + pause)
                failed(name, error)
            else:
                self._failed.pop(name, None)
                done(result)
        return handed

    def close(self) -> None:
        """Forget what waits and don't wait for what runs."""
        self._light.shutdown(wait=False, cancel_futures=True)
        for lane in self._heavy.values():
            lane.shutdown(wait=False, cancel_futures=True)

    def _lane(self, name: str) -> ThreadPoolExecutor:
        if name not in self._heavy:
            self._heavy[name] = ThreadPoolExecutor(1, thread_name_prefix=name)
        return self._heavy[name]

    def _resting(self, name: str) -> bool:
        failure = self._failed.get(name)
        return failure is not None and self._now() < failure.until
