"""Seeded mutations of Parquet files: headers and the footer change as trees, and the file is laid out anew around them.

A tree is a list of [field number, type, value] for a struct, [element type, values] for a list, else a number or bytes.
Only what `artifact.parquet` writes can be taken apart here. Knows no reader.
"""

from __future__ import annotations

import json
import struct
from random import Random
from typing import Any

from fuzz_mutate import mutate_bytes, mutate_json

BINARY, LIST, STRUCT = 8, 9, 12
NUMBERS = [
    0,
    1,
    2,
    3,
    7,
    8,
    12,
    13,
    255,
    2**15,
    2**24,
    2**31 - 1,
    2**31,
    2**32,
    2**40,
    2**62,
    2**63 - 1,
    -1,
    -2,
    -(2**63),
]
RUNS = [
    b"\xff\xff\xff\xff\x0f\x01", b"\xfe\xff\xff\xff\x0f\x00", b"\x00\x01", b"\x01", b"\x02\x01", b"\x03\xff",
    b"\x80" * 12, b"\x10\x02", b"\x81\x80\x04" + b"\xaa" * 40_000, b"\xfe\xff\x7f\x01",
]  # fmt: skip
Part = tuple[list[Any], bytes]
"""A page's header, as a tree, and its body."""


class _Reader:
    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at

    def number(self) -> int:
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def value(self, kind: int) -> Any:
        if kind in (1, 2):
            return kind == 1
        if kind in (4, 5, 6):
            raw = self.number()
            return raw >> 1 ^ -(raw & 1)
        if kind == BINARY:
            size = self.number()
            self.at += size
            return self.data[self.at - size : self.at]
        if kind == STRUCT:
            return self.tree()
        head = self.data[self.at]
        self.at += 1
        size = head >> 4 if head >> 4 != 15 else self.number()
        return [head & 15, [self.value(head & 15) for _ in range(size)]]

    def tree(self) -> list[Any]:
        found, field = list[Any](), 0
        while head := self.data[self.at]:
            self.at += 1
            field += head >> 4
            found.append([field, head & 15, self.value(head & 15)])
        self.at += 1
        return found


def _number(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def _signed(value: int) -> bytes:
    return _number((value << 1 ^ value >> 63) & (2**64 - 1))


def _encoded(kind: int, value: Any) -> bytes:
    if kind in (1, 2):
        return b""
    if kind in (4, 5, 6):
        return _signed(value)
    if kind == BINARY:
        return _number(len(value)) + value
    if kind == STRUCT:
        return write_tree(value)
    each, values = value
    return (
        bytes([min(len(values), 15) << 4 | each])
        + (_number(len(values)) if len(values) > 14 else b"")
        + b"".join(_encoded(each, one) for one in values)
    )


def write_tree(tree: list[Any]) -> bytes:
    found, last = bytearray(), 0
    for field, kind, value in tree:
        step = field - last
        found += bytes([step << 4 | kind]) if 0 < step < 16 else bytes([kind]) + _signed(field)
        found += _encoded(kind, value)
        last = field
    return bytes(found) + b"\0"


def take_apart(data: bytes) -> tuple[list[list[Part]], list[Any]]:
    """Return the pages of each column, and the footer."""
    (length,) = struct.unpack("<I", data[-8:-4])
    footer = _Reader(data, len(data) - 8 - length).tree()
    columns = list[list[Part]]()
    for meta in metas_of(footer):
        reader, end = _Reader(data, _field(meta, 9)), _field(meta, 9) + _field(meta, 7)
        pages = list[Part]()
        while reader.at < end:
            head = reader.tree()
            size = _field(head, 3)
            pages.append((head, data[reader.at : reader.at + size]))
            reader.at += size
        columns.append(pages)
    return columns, footer


def put_together(columns: list[list[Part]], footer: list[Any], metas: list[list[Any]] | None) -> bytes:
    """Lay a file out anew; with the columns' metadata, sizes and places are made true where their fields are left."""
    found, fit = bytearray(b"PAR1"), metas is not None
    for at, pages in enumerate(columns):
        start = len(found)
        for head, body in pages:
            if fit:
                _set(head, 2, len(body))
                _set(head, 3, len(body))
            found += write_tree(head) + body
        if metas is not None and at < len(metas):
            for field, value in ((6, len(found) - start), (7, len(found) - start), (9, start)):
                _set(metas[at], field, value)
    tail = write_tree(footer)
    return bytes(found) + tail + struct.pack("<I", len(tail)) + b"PAR1"


def _field(tree: list[Any], field: int) -> Any:
    return next((value for number, _, value in tree if number == field), None)


def _set(tree: list[Any], field: int, value: Any) -> None:
    for entry in tree:
        if entry[0] == field and entry[1] in (4, 5, 6):
            entry[2] = value


def metas_of(footer: list[Any]) -> list[list[Any]]:
    """Return the metadata of each column of a footer that nobody changed."""
    return [_field(chunk, 3) for chunk in _field(_field(footer, 4)[1][0], 1)[1]]


def mutate_parquet(data: bytes, chance: Random) -> bytes:
    """Change a file: values, levels, page headers, the footer, its metadata, the order of pages, or plain bytes."""
    way = chance.random()
    if way < 0.1:
        return mutate_bytes(data, chance)
    columns, footer = take_apart(data)
    metas = metas_of(footer) if chance.random() < 0.8 else None
    if way < 0.35:
        _change_body(chance.choice(columns), chance)
    elif way < 0.5:
        _change_tree(chance.choice(columns)[0][0], chance)
        metas = None
    elif way < 0.6:
        _change_pages(columns, chance)
    elif way < 0.75:
        _change_metadata(footer, chance)
    else:
        for _ in range(chance.choice((1, 1, 2))):
            _change_tree(footer, chance)
    return put_together(columns, footer, metas)


def _change_body(pages: list[Part], chance: Random) -> None:
    head, body = pages[0]
    if chance.random() < 0.3:
        run = (chance.choice(RUNS) * chance.choice((1, 1, 3, 2000)))[:200_000]
        rest = body[4 + int.from_bytes(body[:4], "little") :]
        pages[0] = head, struct.pack("<I", len(run)) + run + rest
    elif chance.random() < 0.5:
        changed = bytearray(body)
        for _ in range(chance.choice((1, 1, 3))):
            at = 4 * chance.randrange(len(body) // 4)
            changed[at : at + 4] = struct.pack(
                "<I", chance.choice((0, 1, 4, 13, 2**31, 2**32 - 1, 0x7F800000, 0x7FC00000))
            )
        pages[0] = head, bytes(changed[: len(body)])
    else:
        pages[0] = head, mutate_bytes(body, chance)
    if chance.random() < 0.3:
        _set(_field(head, 5), 1, chance.choice(NUMBERS))


def _change_pages(columns: list[list[Part]], chance: Random) -> None:
    pages, way = chance.choice(columns), chance.randrange(4)
    if way == 0:
        pages *= chance.choice((0, 2, 3, 500))
    elif way == 1:
        other = chance.choice(columns)
        pages[:], other[:] = other[:], pages[:]
    elif way == 2:
        empty = [[1, 5, 0], [2, 5, 0], [3, 5, 0], [5, STRUCT, [[1, 5, 0], [2, 5, 0], [3, 5, 3], [4, 5, 3]]]]
        pages += [(empty, b"\0" * chance.randrange(9))] * chance.choice((1, 2, 3000))
    else:
        columns.insert(chance.randrange(len(columns)), list(pages))


def _change_metadata(footer: list[Any], chance: Random) -> None:
    entries = _field(footer, 5)[1]
    entry = chance.choice(entries)
    way = chance.randrange(6)
    if way == 0:
        entries.remove(entry)
    elif way == 1:
        entries.append(
            [[1, BINARY, chance.choice((b"pandas", b"", entry[0][2], b"\xff"))], [2, BINARY, b"x" * 300_000]]
        )
    elif way == 2:
        entry[0][2] = mutate_bytes(entry[0][2], chance)
    elif entry[1][2].startswith(b"{"):
        entry[1][2] = mutate_json(entry[1][2], chance) if chance.random() < 0.8 else json.dumps([]).encode()
    else:
        entry[1][2] = mutate_bytes(entry[1][2], chance)


def _chosen(tree: list[Any], chance: Random) -> tuple[list[Any], list[Any]]:
    """Return an entry and the tree that it is in."""
    while True:
        entry = chance.choice(tree)
        inner = entry[2] if entry[1] == STRUCT else None
        if entry[1] == LIST and entry[2][1] and entry[2][0] == STRUCT:
            inner = chance.choice(entry[2][1])
        if not inner or chance.random() < 0.2:
            return tree, entry
        tree = inner


def _change_tree(tree: list[Any], chance: Random) -> None:
    """Change one entry of a tree, wherever it is in it."""
    if not tree:
        return
    tree, entry = _chosen(tree, chance)
    way = chance.randrange(8)
    if way == 0:
        tree.remove(entry)
    elif way == 1:
        tree.append([chance.choice((0, entry[0], 10, 11, 14, 15, 99, 40_000)), *entry[1:]])
    elif way == 2 and entry[1] == LIST:
        entry[2] = [entry[2][0], entry[2][1] * chance.choice((0, 2, 1000))]
    elif way == 3:
        for _ in range(chance.choice((3, 20, 300))):
            entry[1:] = [STRUCT, [[1, *entry[1:]]]]
    elif entry[1] in (4, 5, 6):
        entry[2] = chance.choice((*NUMBERS, entry[2] + 1, entry[2] - 1, entry[2] * 2))
    elif entry[1] == BINARY:
        entry[2] = mutate_bytes(entry[2], chance)
    elif entry[1] in (1, 2):
        entry[1] = 3 - entry[1]
    elif entry[1] == LIST:
        chance.shuffle(entry[2][1])
