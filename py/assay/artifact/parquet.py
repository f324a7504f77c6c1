"""Tables in Parquet files: written with pyarrow, read within bounds by our own parser of a narrow part of the format.

One row group; no compression, dictionary, statistics or index; data pages of version 1 in plain encoding; no null; no
byte that isn't a page, the footer or a magic number. So memory and time follow from the file's size, no count in it is
believed before it is checked, and a stranger's bytes never reach a C++ parser. Any Parquet reader reads these files.
Knows nothing of what a column means.

Source of the format: apache/parquet-format, README.md, Encodings.md and parquet.thrift.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from io import BufferedReader
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from assay.artifact import thrift
from assay.artifact.folder import open_bounded
from assay.artifact.strict import refuse
from assay.errors import Refused, Unavailable
from assay.types import Reason

INT32, INT64, FLOAT32, STRING, BINARY = "int32", "int64", "float32", "string", "binary"
INT32S, FLOAT32S = "list<int32>", "list<float32>"
Kinds = Mapping[str, str]
"""A table's columns in their order: name → kind."""
MAGIC: Final = b"PAR1"
PAGE_BYTES: Final = 1 << 12
"""A column has at most 2 pages more than one for each so many bytes; pyarrow's have a megabyte, or 20,000 rows."""
_PARTS: Final = 1 << 14
_PAGE_PARTS: Final = 64
_CODES: Final = {INT32: 1, INT32S: 1, INT64: 2, FLOAT32: 4, FLOAT32S: 4, STRING: 6, BINARY: 6}
_TYPES: Final[Mapping[int, np.dtype[Any]]] = {1: np.dtype("<i4"), 2: np.dtype("<i8"), 4: np.dtype("<f4")}
_OPTIONAL, _REPEATED, _PLAIN, _RLE, _UTF8, _LIST = 1, 2, 0, 3, 0, 3
_CHUNK_FIELDS: Final = frozenset({1, 2, 3, 4, 5, 6, 7, 9, 13, 16})
_WRITING: Final = {
    "compression": "none",
    "use_dictionary": False,
    "write_statistics": False,
    "store_schema": False,
    "data_page_version": "1.0",
    "version": "2.6",
}


@dataclass(frozen=True, slots=True, eq=False)
class Lists:
    """A column of lists: all values one after another, and int64[rows] how many each row has, at least 1."""

    values: NDArray[Any]
    lengths: NDArray[np.int64]


Column = NDArray[Any] | Lists | list[bytes]
"""Numbers, lists, or byte strings; text is UTF-8."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """What a file holds: rows, columns by name, and the key-value metadata of its schema."""

    rows: int
    columns: dict[str, Column]
    metadata: dict[str, bytes]


def write(path: Path, table: Table, kinds: Kinds) -> None:
    """Write a table; equal tables give equal bytes under one version of pyarrow. Refused if a column doesn't fit."""
    import pyarrow as pa
    from pyarrow import parquet

    arrow = {INT32: pa.int32(), INT64: pa.int64(), FLOAT32: pa.float32(), STRING: pa.string(), BINARY: pa.binary()}
    arrow |= {INT32S: pa.list_(pa.int32()), FLOAT32S: pa.list_(pa.float32())}
    schema = pa.schema([(name, arrow[kind]) for name, kind in kinds.items()])
    try:
        arrays = [_array(table.columns[name], arrow[kind]) for name, kind in kinds.items()]
        with parquet.ParquetWriter(path, schema, **_WRITING) as sink:
            sink.write_table(pa.Table.from_arrays(arrays, schema=schema), row_group_size=max(1, table.rows))
            sink.add_key_value_metadata(table.metadata)  # without our keys being stored in an Arrow schema once more
    except OSError as error:
        raise Unavailable(f"can't write {path}: {error}") from error
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        raise Refused(f"{path.name} can't be written: {error}", Reason.SCHEMA) from error


def _array(column: Column, kind: Any) -> Any:
    import pyarrow as pa

    if isinstance(column, Lists):
        offsets = np.concatenate([[0], np.cumsum(column.lengths)])
        if offsets[-1] >= 1 << 31:
            refuse("a column has 2^31 values or more", Reason.SIZE)
        return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pa.array(column.values), type=kind)
    if isinstance(column, list):
        return pa.array(column, pa.binary()).cast(kind)
    return pa.array(column, kind)


def read(path: Path, kinds: Kinds, max_bytes: int, max_footer: int, max_rows: int) -> Table:
    """Read a table of exactly these columns and 1 to `max_rows` rows from a file of at most `max_bytes`.

    Memory is a small multiple of the file's size.

    Raises:
        Refused: SIZE or SCHEMA; the sentence names the file and the column.
        Unavailable: the file can't be read from the disk.
    """
    with open_bounded(path, max_bytes) as (source, size):
        footer, end = _footer(source, size, max_footer, path.name)
        rows, chunks, metadata = _checked(footer, kinds, max_rows, path.name)
        return Table(rows, _columns(source, kinds, chunks, rows, end, path.name), metadata)


def _footer(source: BufferedReader, size: int, max_footer: int, what: str) -> tuple[thrift.Struct, int]:
    """Return the footer and the place where it begins."""
    if size < 12 or source.read(4) != MAGIC:
        refuse(f"{what} isn't a Parquet file")
    source.seek(size - 8)
    length, magic = struct.unpack("<I4s", source.read(8))
    if magic != MAGIC or length > size - 12:
        refuse(f"{what} isn't a Parquet file")
    if length > max_footer:
        refuse(f"the footer of {what} has {length} bytes, more than {max_footer}", Reason.SIZE)
    source.seek(size - 8 - length)
    data = source.read(length)
    footer, end = thrift.read_struct(data, 0, _PARTS, f"the footer of {what}")
    if end != length:
        refuse(f"the footer of {what} has bytes after its end")
    return footer, size - 8 - length


def _checked(
    footer: thrift.Struct, kinds: Kinds, max_rows: int, what: str
) -> tuple[int, list[thrift.Struct], dict[str, bytes]]:
    """Return rows, the columns' places and the metadata of a footer whose form is the one that is allowed."""
    rows, schema, groups = footer.get(3), footer.get(2), footer.get(4)
    if footer.keys() - {1, 2, 3, 4, 5, 6, 7} or not _same_schema(schema, kinds):
        refuse(f"{what} doesn't have the columns {', '.join(kinds)} with their types")
    if type(rows) is not int or not 1 <= rows <= max_rows:
        refuse(f"{what} must have 1 to {max_rows} rows")
    if not isinstance(groups, list) or len(groups) != 1 or not isinstance(groups[0], dict) or groups[0].get(3) != rows:
        refuse(f"{what} must have one row group with all rows")
    found = groups[0].get(1)
    if not isinstance(found, list) or len(found) != len(kinds) or groups[0].keys() - {1, 2, 3, 5, 6, 7}:
        refuse(f"{what} must have one row group with {len(kinds)} columns")
    chunks = [_chunk(chunk, name, kind, what) for chunk, (name, kind) in zip(found, kinds.items(), strict=True)]
    return rows, chunks, _metadata(footer.get(5, []), what)


def _same_schema(schema: Any, kinds: Kinds) -> bool:
    if not isinstance(schema, list) or not schema or not all(isinstance(element, dict) for element in schema):
        return False
    root = {3: 0, 4: b"schema", 5: len(kinds)}
    wanted = [root]
    for name, kind in kinds.items():
        named: thrift.Struct = {3: _OPTIONAL, 4: name.encode()}
        if kind in (INT32S, FLOAT32S):
            wanted.append(named | {5: 1, 6: _LIST, 10: {3: {}}})
            wanted += [{3: _REPEATED, 4: b"list", 5: 1}, {1: _CODES[kind], 3: _OPTIONAL, 4: b"element"}]
        else:
            text = {6: _UTF8, 10: {1: {}}} if kind == STRING else {}
            wanted.append(named | {1: _CODES[kind]} | text)
    return [{3: 0} | schema[0], *schema[1:]] == wanted


def _path(name: str, kind: str) -> list[bytes]:
    return [name.encode(), b"list", b"element"] if kind in (INT32S, FLOAT32S) else [name.encode()]


def _chunk(chunk: Any, name: str, kind: str, what: str) -> thrift.Struct:
    """Return the metadata of one column's data, all numbers that are used checked to be numbers."""
    found = chunk.get(3) if isinstance(chunk, dict) else None
    if not isinstance(found, dict) or chunk.keys() - {2, 3} or found.keys() - _CHUNK_FIELDS:
        refuse(f"column {name} of {what} must lie in this file, without dictionary, statistics or index")
    if found.get(1) != _CODES[kind] or found.get(3) != _path(name, kind) or found.get(4) != 0:
        refuse(f"column {name} of {what} must be uncompressed {kind}")
    encodings = found.get(2)
    if not isinstance(encodings, list) or not all(one in (_PLAIN, _RLE) for one in encodings):
        refuse(f"column {name} of {what} must be in plain encoding")
    if not all(type(found.get(field)) is int and found[field] >= 0 for field in (5, 6, 7, 9)) or found[6] != found[7]:
        refuse(f"column {name} of {what} has a size or a place that can't be")
    return found


def _metadata(entries: Any, what: str) -> dict[str, bytes]:
    found = dict[str, bytes]()
    for entry in entries if isinstance(entries, list) else [None]:
        if not isinstance(entry, dict) or entry.keys() != {1, 2} or not all(type(v) is bytes for v in entry.values()):
            refuse(f"{what} has metadata that isn't keys and values")
        name = entry[1].decode("utf-8", "replace")
        if name in found:
            refuse(f"{what} has metadata {name[:40]!r} twice")
        found[name] = entry[2]
    return found


def _columns(
    source: BufferedReader, kinds: Kinds, chunks: list[thrift.Struct], rows: int, end: int, what: str
) -> dict[str, Column]:
    starts = [chunk[9] for chunk in chunks] + [end]
    whole = starts[0] == len(MAGIC)
    if not whole or any(b - a != chunk[7] for (a, b), chunk in zip(pairwise(starts), chunks, strict=True)):
        refuse(f"the columns of {what} must lie one after another, without a gap")
    columns = dict[str, Column]()
    source.seek(len(MAGIC))
    for (name, kind), chunk in zip(kinds.items(), chunks, strict=True):
        data = source.read(chunk[7])
        if len(data) != chunk[7]:
            refuse(f"{what} is cut short in column {name}", Reason.SIZE)
        columns[name] = _Pages(data, kind, chunk[5], f"column {name} of {what}").column(rows)
    return columns


class _Pages:
    """The pages of one column, and what they hold."""

    def __init__(self, data: bytes, kind: str, count: int, what: str) -> None:
        self._data, self._kind, self._count, self._what = data, kind, count, what
        self._is_list = kind in (INT32S, FLOAT32S)

    def column(self, rows: int) -> Column:
        """Return the column; its rows must be so many."""
        if not self._is_list and self._count != rows:
            refuse(f"{self._what} has {self._count} values, not {rows}")
        if 4 * self._count > len(self._data):
            refuse(f"{self._what} has too few bytes for its values")
        at, seen, pages = 0, 0, 0
        repeats, pieces = list[NDArray[np.uint8]](), list[memoryview]()
        while at < len(self._data):
            pages += 1
            at, size, number = self._page(at)
            seen += number
            if pages > 2 + len(self._data) // PAGE_BYTES or seen > self._count:
                refuse(f"{self._what} has too many pages or values")
            body = memoryview(self._data)[at : at + size]
            at += size
            if self._is_list:
                repeat, body = self._levels(body, number, 1)
                repeats.append(repeat)
            level, body = self._levels(body, number, 2 if self._is_list else 1)
            if (level != (3 if self._is_list else 1)).any():
                refuse(f"{self._what} has a null or an empty list")
            pieces.append(body)
        if seen != self._count or not pages:
            refuse(f"{self._what} doesn't have the values that its footer names")
        return self._values(pieces, repeats, rows)

    def _page(self, at: int) -> tuple[int, int, int]:
        """Read a page's header; return the place after it, the page's size and how many values it says it has."""
        page, at = thrift.read_struct(self._data, at, _PAGE_PARTS, f"a page of {self._what}")
        head, size = page.get(5), page.get(3)
        if page.get(1) != 0 or page.keys() - {1, 2, 3, 5} or page.get(2) != size or not isinstance(head, dict):
            refuse(f"{self._what} must have data pages of version 1 only, without checksums")
        number = head.get(1)
        if head.get(2) != _PLAIN or head.get(3) != _RLE or head.get(4) != _RLE or head.get(5, {}) != {}:
            refuse(f"{self._what} must be in plain encoding")
        if type(size) is not int or not 0 < size <= len(self._data) - at or type(number) is not int or number < 1:
            refuse(f"{self._what} has a page whose size can't be")
        return at, size, number

    def _levels(self, body: memoryview, count: int, bits: int) -> tuple[NDArray[np.uint8], memoryview]:
        """Return uint8[count] levels, and what follows them."""
        if len(body) < 4 or (size := int.from_bytes(body[:4], "little")) > len(body) - 4:
            refuse(f"{self._what} is cut short")
        if count > self._count:
            refuse(f"{self._what} has too many values")
        return self._runs(bytes(body[4 : 4 + size]), count, bits), body[4 + size :]

    def _runs(self, data: bytes, count: int, bits: int) -> NDArray[np.uint8]:
        """Decode runs, of equal levels or of packed ones. All but the last have 8 levels or more, so they are few."""
        found, done, at = np.empty(count, np.uint8), 0, 0
        while done < count:
            head, at = thrift.varint(data, at, self._what, 32)
            number, size = head >> 1, 1
            if head & 1:
                number, size, room = 8 * number, bits * number, count - done + 7
            else:
                room = count - done
            if not min(8, count - done) <= number <= room or size > len(data) - at:
                refuse(f"{self._what} has a run of levels that is too short or too long")
            number = min(number, count - done)
            if head & 1:
                unpacked = np.unpackbits(np.frombuffer(data, np.uint8, size, at), bitorder="little").reshape(-1, bits)
                found[done : done + number] = unpacked[:number] @ (1 << np.arange(bits, dtype=np.uint8))
            elif data[at] >> bits:
                refuse(f"{self._what} has a level that can't be")
            else:
                found[done : done + number] = data[at]
            at += size
            done += number
        if at != len(data):
            refuse(f"{self._what} has bytes after its levels")
        return found

    def _values(self, pieces: list[memoryview], repeats: list[NDArray[np.uint8]], rows: int) -> Column:
        data = b"".join(pieces)
        if self._kind in (STRING, BINARY):
            return self._strings(data, rows)
        dtype = _TYPES[_CODES[self._kind]]
        if len(data) != self._count * dtype.itemsize:
            refuse(f"{self._what} has {len(data)} bytes for {self._count} values", Reason.SIZE)
        values: NDArray[Any] = np.frombuffer(data, dtype)
        if not self._is_list:
            return values
        levels = np.concatenate(repeats)
        starts = np.flatnonzero(levels == 0)
        if len(starts) != rows or starts[0] != 0:
            refuse(f"{self._what} doesn't have {rows} lists")
        return Lists(values, np.diff(starts, append=len(levels)).astype(np.int64))

    def _strings(self, data: bytes, rows: int) -> list[bytes]:
        found, at = list[bytes](), 0
        for _ in range(rows):
            if at + 4 > len(data) or (size := int.from_bytes(data[at : at + 4], "little")) > len(data) - at - 4:
                refuse(f"{self._what} is cut short")
            found.append(data[at + 4 : at + 4 + size])
            at += 4 + size
        if at != len(data):
            refuse(f"{self._what} has bytes after its values")
        return found
