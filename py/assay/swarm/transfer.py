"""Who fetches which chunk: the shared state of one download from several sources at once.

Knows nothing of connections. A source that lied gets no further chunk; a chunk that a slow source sits on is given to
another one as well.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from assay.artifact.manifest import Chunk
from assay.protocol.hashing import sha256

PATIENT_SECONDS = 2.0
"""How long a source may sit on a chunk while another one has nothing left to do."""
Progress = Callable[[int, int], None]
"""Called with the bytes that are here and those of the whole artifact."""


class Transfer:
    """The chunks of one artifact on their way into one folder. Threads share it."""

    def __init__(self, folder: Path, chunks: Sequence[Chunk], missing: Sequence[int]) -> None:
        self._folder, self._chunks = folder, chunks
        self._files: dict[str, int] = {}
        self._queue = deque(missing)
        self._left = set(missing)
        self._holders: dict[int, dict[str, float]] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._barred: set[str] = set()
        self.failure: OSError | None = None

    @property
    def missing_bytes(self) -> int:
        """Bytes of the chunks that aren't here yet."""
        with self._changed:
            return sum(self._chunks[i].size for i in self._left)

    @property
    def complete(self) -> bool:
        """Whether every chunk is here and was checked."""
        with self._changed:
            return not self._left

    def take(self, uri: str) -> int | None:
        """The next chunk for this source to fetch, waiting for one if need be; None when it is no longer needed."""
        with self._changed:
            while self._left and not self._closed and uri not in self._barred:
                i = self._next(uri)
                if i is not None:
                    self._holders.setdefault(i, {})[uri] = time.monotonic()
                    return i
                self._changed.wait(PATIENT_SECONDS / 4)
            return None

    def put(self, i: int, uri: str, data: bytes) -> bool:
        """Write chunk i when `data` is what its digest names; False when it isn't: the source lied."""
        chunk = self._chunks[i]
        if len(data) != chunk.size or sha256(data) != chunk.digest:
            return False
        try:
            self._write(chunk, data)
        except OSError as error:
            with self._changed:
                self.failure = error
                self._closed = True
                self._changed.notify_all()
            return True
        with self._changed:
            self._left.discard(i)
            self._holders.pop(i, None)
            self._changed.notify_all()
        return True

    def give_back(self, i: int, uri: str) -> None:
        """This source doesn't bring chunk i."""
        with self._changed:
            holders = self._holders.get(i, {})
            holders.pop(uri, None)
            if i in self._left and not holders and i not in self._queue:
                self._queue.appendleft(i)
            self._changed.notify_all()

    def bar(self, uri: str) -> bool:
        """Give this source no more chunks; False when it was barred before."""
        with self._changed:
            first = uri not in self._barred
            self._barred.add(uri)
            self._changed.notify_all()
            return first

    def wait(self, threads: Sequence[threading.Thread], deadline: float, progress: Progress | None, total: int) -> None:
        """Report progress until all is here, nobody works on it any more, or the monotonic deadline is over."""
        reported = -1
        while True:
            here = total - self.missing_bytes
            if progress is not None and here != reported:
                progress(here, total)
                reported = here
            with self._changed:
                if not self._left or self._closed or not any(thread.is_alive() for thread in threads):
                    return
                left = deadline - time.monotonic()
                if left <= 0:
                    return
                self._changed.wait(min(left, 0.1))

    def pause(self, seconds: float) -> None:
        """Wait before the same source is tried again, unless the transfer ends."""
        until = time.monotonic() + seconds
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not self._left, max(0.0, until - time.monotonic()))

    def stop(self) -> None:
        """Give out no more chunks."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def close(self) -> None:
        """Close the files; call it when no thread uses the transfer any more."""
        with self._changed:
            for handle in self._files.values():
                os.close(handle)
            self._files.clear()

    def _next(self, uri: str) -> int | None:
        if self._queue:
            return self._queue.popleft()
        now = time.monotonic()
        for i, holders in self._holders.items():
            if i in self._left and uri not in holders and all(now - t > PATIENT_SECONDS for t in holders.values()):
                return i
        return None

    def _write(self, chunk: Chunk, data: bytes) -> None:
        with self._changed:
            handle = self._files.get(chunk.name)
            if handle is None:
                flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
                handle = os.open(self._folder / chunk.name, flags, 0o644)
                self._files[chunk.name] = handle
        written = 0
        while written < len(data):
            written += os.pwrite(handle, memoryview(data)[written:], chunk.offset + written)
