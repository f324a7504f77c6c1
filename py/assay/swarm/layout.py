"""How a target's files lie beside those of its base: tensors by name, wherever they moved; everything else by bytes.

Reads the headers of safetensors files to find out. What isn't one, or a malformed one, is cut as plain bytes, so any
file can be patched. Only the maker of a patch uses it: whoever applies one reads no header.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from assay.artifact import strict
from assay.artifact.folder import open_bounded
from assay.artifact.tensors import UNBOUNDED
from assay.errors import Refused
from assay.swarm.patch import MAX_SEGMENTS, Segment

HEADER_BYTES: Final = 16 << 20
SUFFIX: Final = ".safetensors"
_WIDTHS: Final = {
    "F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "BF16": 2, "F16": 2, "I16": 2, "U16": 2,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Bytes [begin, end) of a file that belong together: a tensor by name, the header, or all; `width` of a value."""

    name: str
    width: int
    begin: int
    end: int


def places(path: Path) -> list[Place]:
    """Return what a file is made of, in order and without gaps. Unavailable if it can't be read."""
    with open_bounded(path, UNBOUNDED) as (source, size):
        whole = [Place("", 1, 0, size)] if size else []
        if path.suffix != SUFFIX or size < 10:
            return whole
        length = int.from_bytes(source.read(8), "little")
        if length > min(size - 8, HEADER_BYTES):
            return whole
        try:
            header = strict.load(source.read(length), HEADER_BYTES, path.name)
        except Refused:
            return whole
    found = _tensors(header, 8 + length)
    position = 8 + length
    for place in found or ():
        if place.begin != position:
            return whole
        position = place.end
    if found is None or position != size or len(found) >= MAX_SEGMENTS // 2:
        return whole
    return [Place("", 1, 0, 8 + length), *(place for place in found if place.end > place.begin)]


def _tensors(header: Any, start: int) -> list[Place] | None:
    if not isinstance(header, dict):
        return None
    found = []
    for name, value in header.items():
        if name == "__metadata__":
            continue
        offsets = value.get("data_offsets") if isinstance(value, dict) else None
        if not isinstance(offsets, list) or len(offsets) != 2 or not name:
            return None
        begin, end = offsets
        if type(begin) is not int or type(end) is not int or not 0 <= begin <= end:
            return None
        width = _WIDTHS.get(str(value.get("dtype")), 1)
        found.append(Place(name, 1 if (end - begin) % width else width, start + begin, start + end))
    return sorted(found, key=lambda place: (place.begin, place.end))


class Bases:
    """The files of a base artifact and where its tensors lie. Files are numbered in the order of `names`."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self._files: dict[str, int] = {name: number for number, name in enumerate(names)}
        self._own: dict[tuple[str, str], tuple[int, Place]] = {}
        self._any: dict[str, tuple[int, Place]] = {}
        for name, number in self._files.items():
            for place in places(folder / name):
                self._own[name, place.name] = number, place
                if place.name:
                    self._any.setdefault(place.name, (number, place))

    def segments(self, name: str, target: Path) -> list[Segment]:
        """Return the segments of a target file of this name: its tensors beside the base's of the same name and width
        of value, of the same file where it has one; what is longer than there beside nothing."""
        found: list[Segment] = []
        for place in places(target):
            length, old = place.end - place.begin, self._own.get((name, place.name))
            if old is None and place.name:
                old = self._any.get(place.name)
            shared = 0
            if old is not None and old[1].width == place.width:
                shared = min(length, old[1].end - old[1].begin)
                _add(found, Segment(place.width, shared, old[0], old[1].begin))
            if shared < length:
                _add(found, Segment(place.width, length - shared))
        return found


def _add(found: list[Segment], new: Segment) -> None:
    """Append a segment, or lengthen the last one by it where it goes on in both files."""
    last = found[-1] if found else None
    if last is not None and (last.width, last.base) == (new.width, new.base):
        if new.base is None:
            found[-1] = Segment(last.width, last.length + new.length)
            return
        if new.offset == last.offset + last.length:
            found[-1] = Segment(last.width, last.length + new.length, last.base, last.offset)
            return
    found.append(new)
