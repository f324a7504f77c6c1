"""The patch: a stream of small blocks that turns the bytes of base files into those of target files, bit for bit.

Values are whole numbers of 1, 2, 4 or 8 bytes, whatever they mean, so -0.0 and every NaN survive. Where few of a
block's values changed, their places travel as gaps and their changes as differences; where many did, all differences
do. Both are cut into planes of bytes and compressed. Memory is a few blocks, whatever the files' sizes.

Comes from strangers: every number is checked before anything of its size is allocated, and no block gives more than it
must. Knows nothing of tensors or artifacts. Doesn't tell whether what comes out is what was wanted: compare its root.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import numpy as np
import zstandard
from numpy.typing import NDArray

from assay.artifact.strict import refuse
from assay.types import Reason

MAGIC: Final = b"assay patch 1\n"
BLOCK: Final = 8 << 20
"""Bytes of a file that are worked on together."""
WIDTHS: Final = (1, 2, 4, 8)
MAX_SEGMENTS: Final = 1 << 16
NO_BASE: Final = 0xFFFF
SAME, SPARSE, DENSE = 0, 1, 2
LEVEL: Final = 5
_SEGMENT: Final = struct.Struct("<BHQQ")
_SPARSE: Final = struct.Struct("<II")
_LENGTH: Final = struct.Struct("<I")
_LAST: Final = 255  # a gap of so many or more takes further bytes
Values = NDArray[np.unsignedinteger[Any]]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Segment:
    """`length` bytes of a target in values of `width` bytes, beside those of base file `base` from `offset` on.

    base None: beside nothing.
    """

    width: int
    length: int
    base: int | None = None
    offset: int = 0

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Give (begin, values) of each block, begin in bytes from the segment's."""
        for begin in range(0, self.length, BLOCK):
            yield begin, min(BLOCK, self.length - begin) // self.width


class Writer:
    """Writes one patch to `sink`, file after file. `bases` are the open base files."""

    def __init__(self, sink: BinaryIO, bases: Sequence[BinaryIO]) -> None:
        self._sink, self._bases, self._segments = sink, bases, 0
        self._packer = zstandard.ZstdCompressor(level=LEVEL)
        sink.write(MAGIC)

    def file(self, target: BinaryIO, segments: Sequence[Segment]) -> None:
        """Add a file whose bytes `segments` cover in order. Refused if one is shorter than they say, or in all there
        are more segments than a reader takes."""
        self._segments += len(segments)
        if self._segments > MAX_SEGMENTS:
            refuse(f"the patch would have more than {MAX_SEGMENTS} segments", Reason.SIZE)
        for segment in segments:
            base = NO_BASE if segment.base is None else segment.base
            self._sink.write(_SEGMENT.pack(segment.width, base, segment.offset, segment.length))
            for begin, count in segment.blocks():
                old = None
                if segment.base is not None:
                    self._bases[segment.base].seek(segment.offset + begin)
                    old = _values(self._bases[segment.base], segment.width, count, "a base file")
                self._sink.write(self._packed(old, _values(target, segment.width, count, "a target file")))

    def _packed(self, old: Values | None, new: Values) -> bytes:
        at = np.flatnonzero(new if old is None else new != old)
        if not at.size:
            return bytes([SAME])
        if old is None or 3 * at.size >= new.size:
            moved = new if old is None else _folded(new - old)
            return b"".join([bytes([DENSE]), *self._planes(moved)])
        gaps = _gap_bytes(at)
        head = bytes([SPARSE]) + _SPARSE.pack(at.size, gaps.size)
        return b"".join([head, *self._frame(gaps), *self._planes(_folded(new[at] - old[at]))])

    def _planes(self, values: Values) -> Iterator[bytes]:
        table = values.view(np.uint8).reshape(values.size, values.itemsize)
        for k in range(values.itemsize):
            yield from self._frame(np.ascontiguousarray(table[:, k]))

    def _frame(self, plane: Bytes) -> tuple[bytes, bytes]:
        packed = self._packer.compress(plane.data)
        return _LENGTH.pack(len(packed)), packed


class Reader:
    """Reads one patch from `source`, file after file. `bases` are the open base files with their sizes in bytes."""

    def __init__(self, source: BinaryIO, bases: Sequence[tuple[BinaryIO, int]]) -> None:
        self._source, self._bases, self._segments = source, bases, 0
        self._unpacker = zstandard.ZstdDecompressor(max_window_size=BLOCK)
        if self._take(len(MAGIC)) != MAGIC:
            refuse("the patch isn't one, or of another version")

    def file(self, size: int, sink: BinaryIO) -> None:
        """Write the next file, which must have `size` bytes. Refused unless the patch is well formed."""
        left = size
        while left:
            segment = self._segment(left)
            for begin, count in segment.blocks():
                self._block(segment, begin, count, sink)
            left -= segment.length

    def end(self) -> None:
        """Refuse a patch that goes on after its last file."""
        if self._source.read(1):
            refuse("the patch goes on after its last file", Reason.SIZE)

    def _segment(self, left: int) -> Segment:
        width, base, offset, length = _SEGMENT.unpack(self._take(_SEGMENT.size))
        self._segments += 1
        if self._segments > MAX_SEGMENTS:
            refuse(f"the patch has more than {MAX_SEGMENTS} segments", Reason.SIZE)
        if width not in WIDTHS or not 0 < length <= left or length % width:
            refuse("a segment of the patch doesn't fit its file")
        if base == NO_BASE and offset == 0:
            return Segment(width, length)
        if base >= len(self._bases) or offset + length > self._bases[base][1]:
            refuse("a segment of the patch lies outside the base")
        return Segment(width, length, base, offset)

    def _block(self, segment: Segment, begin: int, count: int, sink: BinaryIO) -> None:
        dtype = _dtype(segment.width)
        if segment.base is None:
            values: Values = np.zeros(count, dtype)
        else:
            source = self._bases[segment.base][0]
            source.seek(segment.offset + begin)
            values = _values(source, segment.width, count, "a base file")
        mode = self._take(1)[0]
        if mode == SPARSE:
            at = self._places(count)
            values[at] += _unfolded(self._planes(at.size, dtype))
        elif mode == DENSE:
            moved = self._planes(count, dtype)
            values = moved if segment.base is None else values + _unfolded(moved)
        elif mode != SAME:
            refuse("the patch has a block of an unknown kind")
        sink.write(values.data.cast("B"))

    def _places(self, count: int) -> NDArray[np.int64]:
        """Return the places, ascending, of the values that change among `count`."""
        changed, length = _SPARSE.unpack(self._take(_SPARSE.size))
        if not 0 < changed <= count or not changed <= length <= changed + count // _LAST:
            refuse("a block of the patch changes more values than it has")
        gaps = self._frame(length)
        ends = np.flatnonzero(gaps != _LAST)
        if ends.size != changed or ends[-1] != length - 1:
            refuse("the places of a block don't fit their number")
        places: NDArray[np.int64] = np.cumsum(gaps, dtype=np.int64)[ends] + np.arange(changed)
        if places[-1] >= count:
            refuse("a block of the patch changes a value outside it")
        return places

    def _planes(self, count: int, dtype: np.dtype[Any]) -> Values:
        table = np.empty((count, dtype.itemsize), np.uint8)
        for k in range(dtype.itemsize):
            table[:, k] = self._frame(count)
        return table.reshape(-1).view(dtype)

    def _frame(self, size: int) -> Bytes:
        """Unpack a frame of exactly `size` bytes, at most a block; what it says of itself is checked before."""
        (length,) = _LENGTH.unpack(self._take(_LENGTH.size))
        if length > size + (size >> 7) + 64:
            refuse("a frame of the patch is longer than what it holds", Reason.SIZE)
        packed = self._take(length)
        try:
            told = zstandard.get_frame_parameters(packed)
            if told.content_size != size or told.window_size > BLOCK or told.dict_id:
                refuse("a frame of the patch doesn't hold what it must", Reason.SIZE)
            found = self._unpacker.decompress(packed, max_output_size=size, allow_extra_data=False)
        except zstandard.ZstdError:
            refuse("a frame of the patch is damaged")
        if len(found) != size:
            refuse("a frame of the patch doesn't hold what it must", Reason.SIZE)
        return np.frombuffer(found, np.uint8)

    def _take(self, count: int) -> bytes:
        found = self._source.read(count)
        if len(found) != count:
            refuse("the patch is cut short", Reason.SIZE)
        return found


def _dtype(width: int) -> np.dtype[Any]:
    return np.dtype(f"<u{width}")


def _values(source: BinaryIO, width: int, count: int, what: str) -> Values:
    found = np.empty(count, _dtype(width))
    room = found.data.cast("B")
    if source.readinto(room) != len(room):  # type: ignore[attr-defined]
        refuse(f"{what} is cut short", Reason.SIZE)
    return found


def _folded(moved: Values) -> Values:
    """Turn differences, which wrap, into small numbers where they are near 0: 0, -1, 1, -2, 2 become 0, 1, 2, 3, 4."""
    folded: Values = np.bitwise_xor(moved << 1, -(moved >> (8 * moved.itemsize - 1)))
    return folded


def _unfolded(folded: Values) -> Values:
    moved: Values = np.bitwise_xor(folded >> 1, -(folded & 1))
    return moved


def _gap_bytes(at: NDArray[np.int64]) -> Bytes:
    """Write how many values lie before each place since the last one: a byte, after one of 255 for each 255 of them."""
    gaps = np.diff(at, prepend=-1) - 1
    ends = np.cumsum(gaps // _LAST + 1) - 1
    found = np.full(int(ends[-1]) + 1, _LAST, np.uint8)
    found[ends] = gaps % _LAST
    return found
