"""Wakes those who wait for news on an event loop, from any thread. Knows nothing of what the news is."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress


class Bell:
    """Safe to ring from any thread; waited for on event loops."""

    def __init__(self) -> None:
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._guard = threading.Lock()

    def ring(self) -> None:
        """Wake all who wait."""
        with self._guard:
            waiting = list(self._waiting)
        for loop, event in waiting:
            with suppress(RuntimeError):  # its loop has ended
                loop.call_soon_threadsafe(event.set)

    async def wait(self, ready: Callable[[], bool], seconds: float) -> bool:
        """Wait until it rings and `ready()` is true; False when the time is over first."""
        pair = (asyncio.get_running_loop(), asyncio.Event())
        with self._guard:
            self._waiting.add(pair)
        try:
            async with asyncio.timeout(seconds):
                while not ready():
                    await pair[1].wait()
                    pair[1].clear()
                return True
        except TimeoutError:
            return ready()
        finally:
            with self._guard:
                self._waiting.discard(pair)
