"""Tensors in safetensors files, read within bounds by our own parser.

The whole header is checked before anything is allocated: its length, names, types, shapes and that the data lies
without gap or overlap. Knows nothing of what a tensor means. Bounds no values, except that it can ask for finite ones.

Source of the format: the safetensors specification (8 bytes little-endian header length, JSON header, data).
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
import rfc8785
from numpy.typing import NDArray

from assay.artifact import strict
from assay.artifact.folder import open_bounded
from assay.artifact.strict import refuse
from assay.types import Reason

Array = NDArray[Any]
Shape = tuple[int | None, ...] | None
Wanted = Mapping[str, tuple[str, Shape]]
"""What a file must hold: NumPy's name of the type and the shape, in which None leaves a length (or all) open."""

HEADER_BYTES = 1 << 20
UNBOUNDED = 1 << 62  # where whoever opened the artifact bounded all of it
MAX_RANK = 8
_CODES = {
    "float64": "F64",
    "int64": "I64",
    "uint64": "U64",
    "float32": "F32",
    "int32": "I32",
    "uint32": "U32",
    "int16": "I16",
    "uint16": "U16",
    "int8": "I8",
    "uint8": "U8",
}
_TYPES = {code: np.dtype(name).newbyteorder("<") for name, code in _CODES.items()}
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,255}")
_PIECE = 1 << 22


@dataclass(frozen=True, slots=True)
class _Place:
    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    begin: int
    end: int


def write(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write `arrays` so that equal arrays give equal bytes. Refused for a name or type that `read` would refuse."""
    order = sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))
    header: dict[str, Any] = {}
    offset = 0
    for name in order:
        code = _CODES.get(arrays[name].dtype.name)
        if code is None or not _NAME.fullmatch(name) or arrays[name].size == 0:
            refuse(f"tensor {name[:40]!r} is empty, or its name or type {arrays[name].dtype.name} isn't allowed")
        end = offset + arrays[name].nbytes
        header[name] = {"dtype": code, "shape": list(arrays[name].shape), "data_offsets": [offset, end]}
        offset = end
    encoded = rfc8785.dumps(header)
    encoded += b" " * (-len(encoded) % 8)
    if len(encoded) > HEADER_BYTES:
        refuse(f"the header of {path.name} would exceed {HEADER_BYTES} bytes", Reason.SIZE)
    with path.open("wb") as sink:
        sink.write(struct.pack("<Q", len(encoded)) + encoded)
        for name in order:
            little = np.ascontiguousarray(arrays[name], dtype=arrays[name].dtype.newbyteorder("<"))
            sink.write(little.reshape(-1).view(np.uint8).data)


def read(path: Path, wanted: Wanted | None, max_bytes: int, *, finite: bool = False) -> dict[str, Array]:
    """Read a safetensors file of at most `max_bytes`.

    Args:
        wanted: exactly these tensors with these types and shapes; None: any names, float32 only.
        finite: refuse NaN and infinity.

    Memory is the tensors' own size, which is at most `max_bytes`, and a few MiB.

    Raises:
        Refused: SIZE, SCHEMA or BOUNDS; the sentence names the file and the tensor.
        Unavailable: the file can't be read from the disk.
    """
    with open_bounded(path, max_bytes) as (source, size):
        places, start = _header(source, size, path.name)
        _compare(places, wanted, path.name)
        return {place.name: _load(source, start, place, finite, path.name) for place in places}


def shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return name → shape of a file of float32 tensors, reading its header only. Raises as `read` does."""
    with open_bounded(path, UNBOUNDED) as (source, size):
        places, _ = _header(source, size, path.name)
    _compare(places, None, path.name)
    return {place.name: place.shape for place in places}


def flat(path: Path, shard: int) -> Iterator[NDArray[np.float32]]:
    """Read a file of float32 tensors as one row of values, tensors by sorted name, in pieces of `shard` values.

    Memory is one piece. Raises as `read` does.
    """
    with open_bounded(path, UNBOUNDED) as (source, size):
        places, start = _header(source, size, path.name)
        _compare(places, None, path.name)
        piece, filled = np.empty(shard, "<f4"), 0
        for place in sorted(places, key=lambda place: place.name):
            source.seek(start + place.begin)
            left = math.prod(place.shape)
            while left:
                count = min(left, shard - filled)
                if source.readinto(piece[filled : filled + count].view(np.uint8).data) != 4 * count:
                    refuse(f"{path.name} is cut short in tensor {place.name}", Reason.SIZE)
                left, filled = left - count, filled + count
                if filled == shard:
                    yield piece
                    piece, filled = np.empty(shard, "<f4"), 0
        if filled:
            yield piece[:filled]


def _header(source: BufferedReader, size: int, what: str) -> tuple[list[_Place], int]:
    prefix = source.read(9)
    length = int.from_bytes(prefix[:8], "little")
    if len(prefix) < 9 or prefix[8:] != b"{" or length > size - 8:
        refuse(f"{what} {_foreign(prefix)}")
    if length > HEADER_BYTES:
        refuse(f"the header of {what} has {length} bytes, more than {HEADER_BYTES}", Reason.SIZE)
    header = strict.load(b"{" + source.read(length - 1), HEADER_BYTES, f"the header of {what}")
    notes = header.pop("__metadata__", {})
    if not isinstance(notes, dict) or not all(isinstance(note, str) for note in notes.values()):
        refuse(f"the metadata of {what} aren't strings")
    places = sorted((_place(name, value, what) for name, value in header.items()), key=lambda p: (p.begin, p.end))
    position = 0
    for place in places:
        if place.begin != position:
            refuse(f"the tensors of {what} overlap or leave a gap at byte {position}")
        position = place.end
    if 8 + length + position != size:
        refuse(f"{what} has {size} bytes where its header describes {8 + length + position}", Reason.SIZE)
    return places, 8 + length


def _foreign(prefix: bytes) -> str:
    if prefix[:2] == b"PK":
        return "is a zip archive, not safetensors"
    if prefix[:1] == b"\x80":
        return "is a serialised Python object, not safetensors; such files are never loaded"
    return "isn't a safetensors file or is cut short"


def _place(name: str, value: Any, what: str) -> _Place:
    if not _NAME.fullmatch(name):
        refuse(f"{what} has a tensor with a name that isn't allowed")
    found = strict.fields(value, ("dtype", "shape", "data_offsets"), f"tensor {name}")
    dtype = _TYPES.get(found["dtype"]) if isinstance(found["dtype"], str) else None
    if dtype is None:
        refuse(f"tensor {name} is of a type that isn't allowed")
    lengths, offsets = found["shape"], found["data_offsets"]
    if not isinstance(lengths, list) or len(lengths) > MAX_RANK:
        refuse(f"the shape of tensor {name} isn't a list of at most {MAX_RANK} lengths")
    if not isinstance(offsets, list) or len(offsets) != 2:
        refuse(f"tensor {name} needs two offsets")
    shape = tuple(strict.integer(n, f"a length of tensor {name}", 1) for n in lengths)
    begin, end = (strict.integer(n, f"an offset of tensor {name}") for n in offsets)
    if end - begin != math.prod(shape) * dtype.itemsize:
        refuse(f"the offsets of tensor {name} don't fit its shape")
    return _Place(name, dtype, shape, begin, end)


def _compare(places: list[_Place], wanted: Wanted | None, what: str) -> None:
    if wanted is None:
        for place in places:
            if place.dtype.name != "float32":
                refuse(f"tensor {place.name} of {what} is {place.dtype.name}, not float32")
        return
    found = {place.name: place for place in places}
    if odd := sorted(found.keys() ^ wanted.keys()):
        refuse(f"{what} {'lacks' if odd[0] in wanted else 'has an unknown'} tensor {odd[0]}")
    for name, (dtype, shape) in wanted.items():
        place = found[name]
        if place.dtype.name != dtype:
            refuse(f"tensor {name} of {what} is {place.dtype.name}, not {dtype}")
        if shape is not None and not _fits(place.shape, shape):
            refuse(f"tensor {name} of {what} has shape {list(place.shape)}, not {list(shape)}")


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(w in (None, n) for n, w in zip(shape, wanted, strict=True))


def _load(source: BufferedReader, start: int, place: _Place, finite: bool, what: str) -> Array:
    source.seek(start + place.begin)
    flat = np.empty(math.prod(place.shape), dtype=place.dtype)
    if source.readinto(flat.view(np.uint8).data) != flat.nbytes:
        refuse(f"{what} is cut short in tensor {place.name}", Reason.SIZE)
    if finite and place.dtype.kind == "f":
        for offset in range(0, len(flat), _PIECE):
            if not np.isfinite(flat[offset : offset + _PIECE]).all():
                refuse(f"tensor {place.name} of {what} has a value that isn't finite", Reason.BOUNDS)
    return flat.reshape(place.shape)
