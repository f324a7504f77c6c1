"""A partial artifact on disk: its files as far as they came, and which chunks of them may be trusted.

A bit is set after its chunk was written, so that it holds after the process was killed. After the machine was, the page
cache is gone too: bits of an earlier boot are hashed again. Knows nothing of networks. Doesn't check what it is given.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path

from assay.artifact.folder import open_regular
from assay.artifact.manifest import Chunk
from assay.protocol.hashing import sha256

BITS = "have.bits"
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def boot() -> bytes:
    """What names this start of the machine; empty where the system doesn't say."""
    return _BOOT.read_bytes().strip() if _BOOT.exists() else b""


def peek(folder: Path, chunks: int) -> bytes:
    """Return a partial artifact's bitfield, also while another process fills it; zeros where it isn't to be trusted."""
    size = -(-chunks // 8)
    try:
        at, _, bits = (folder / BITS).read_bytes().partition(b"\n")
    except OSError:
        return bytes(size)
    return bits if at == boot() and len(bits) == size else bytes(size)


def is_set(bits: bytes, i: int) -> bool:
    """Whether chunk i is in a bitfield, most significant bit first."""
    return bool(bits[i // 8] & 128 >> i % 8)


def full(chunks: int) -> bytes:
    """Return the bitfield of a whole artifact: the padding is zero."""
    whole, rest = divmod(chunks, 8)
    return b"\xff" * whole + (bytes([0xFF00 >> rest & 0xFF]) if rest else b"")


class Shelf:
    """The chunks of one artifact, in a folder. Threads share it."""

    def __init__(self, folder: Path, chunks: Sequence[Chunk]) -> None:
        self._folder, self._chunks = folder, chunks
        self._files: dict[str, int] = {}
        self._guard = threading.Lock()
        self._boot = boot()
        self._bits = self._load()
        self._handle = os.open(folder / BITS, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, self._boot + b"\n" + self._bits, 0)

    def have(self) -> bytes:
        """The bitfield, most significant bit first."""
        with self._guard:
            return bytes(self._bits)

    def put(self, i: int, data: memoryview) -> None:
        """Keep chunk i, whose bytes were checked; OSError when the disk doesn't take it."""
        chunk, written = self._chunks[i], 0
        handle = self._file(chunk.name)
        while written < len(data):
            written += os.pwrite(handle, data[written:], chunk.offset + written)
        with self._guard:
            self._bits[i // 8] |= 128 >> i % 8
            os.pwrite(self._handle, self._bits[i // 8 : i // 8 + 1], len(self._boot) + 1 + i // 8)

    def close(self) -> None:
        """Close the files; call it when no thread uses the shelf any more."""
        for handle in (*self._files.values(), self._handle):
            os.close(handle)
        self._files.clear()
        if bytes(self._bits) == full(len(self._chunks)):
            (self._folder / BITS).unlink(missing_ok=True)

    def _file(self, name: str) -> int:
        with self._guard:
            handle = self._files.get(name)
            if handle is None:
                flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
                handle = self._files[name] = os.open(self._folder / name, flags, 0o644)
            return handle

    def _load(self) -> bytearray:
        size = -(-len(self._chunks) // 8)
        try:
            boot, _, bits = (self._folder / BITS).read_bytes().partition(b"\n")
            if boot == self._boot and len(bits) == size:
                return bytearray(bits)
        except OSError:
            pass  # nothing came yet, or the bits are gone: look
        return self._hashed(size)

    def _hashed(self, size: int) -> bytearray:
        bits = bytearray(size)
        for name in dict.fromkeys(chunk.name for chunk in self._chunks):
            try:
                with open_regular(self._folder / name) as source:
                    for i, chunk in enumerate(self._chunks):
                        if chunk.name == name and sha256(source.read(chunk.size)) == chunk.digest:
                            bits[i // 8] |= 128 >> i % 8
            except FileNotFoundError:
                continue
        return bits
