"""Seeded mutations of valid inputs that keep enough of the form to get past the first check.

Bytes are cut, doubled and flipped; JSON has values, names and lists changed; safetensors have shapes, types, offsets
and values changed, with offsets made to fit again or not; proofs have words set to what no honest one holds. Knows no
reader.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

import numpy as np
import rfc8785

ODD: list[Any] = [
    None, True, False, 0, 1, -1, 255, 2**16, 2**31, 2**32 - 1, 2**53 - 1, 2**53, 2**63, 2**64, -(2**63), 10**30,
    0.0, -0.0, 1.0, 0.5, 1e-308, 1e308, "", "0", "0x", "0x" + "0" * 64, "0x" + "F" * 64, "NaN", "é" * 40, "\x00",
    "../x", "a" * 300, [], {}, [[]], [0] * 300, {"a": {}}, [None],
]  # fmt: skip
DTYPES = ["F64", "I64", "U64", "F32", "I32", "U32", "I16", "U16", "I8", "U8", "BF16", "F16", "BOOL", "C64", "", 7]
UNITS = [b"[],", b"{},", b"0,", b'"",', b'"a",', b'"\\u0100",', b'{"a":0},', b"[[[[]]]],", b"1e5,", b'{"":"",', b'"\\']
WORDS = [0, 1, 2, 255, 576, 64_999, 65_000, 65_496, 65_497, 65_498, 65_535]


def mutate_bytes(data: bytes, chance: Random) -> bytes:
    """Change some bytes without knowing what they are."""
    found = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        at = chance.randrange(len(found) + 1)
        end = min(len(found), at + chance.choice((1, 1, 2, 8, 64, 4096)))
        way = chance.randrange(7)
        if way == 0 and at < len(found):
            found[at] ^= 1 << chance.randrange(8)
        elif way == 1:
            found[at:end] = bytes(chance.choice((0, 0xFF, 0x7F, 0x80)) for _ in range(end - at))
        elif way == 2:
            del found[at:end]
        elif way == 3:
            found[at:at] = chance.randbytes(chance.choice((1, 2, 9, 100)))
        elif way == 4:
            found[at:at] = found[at:end] * chance.choice((1, 2, 50))
        elif way == 5:
            del found[at:]
        else:
            found += bytes(chance.choice((1, 7, 8, 1000, 70_000)))
    return bytes(found)


def places(tree: Any) -> list[tuple[Any, Any]]:
    """Return (container, key) of every value in a JSON tree."""
    found: list[tuple[Any, Any]] = []
    open_ = [tree]
    while open_:
        node = open_.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        for key in keys:
            found.append((node, key))
            open_.append(node[key])
    return found


def mutate_tree(tree: Any, chance: Random) -> Any:
    """Change a few values, names or lists of a JSON tree, in place; returns it, or what took its place."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        spots = places(tree)
        if not spots or chance.random() < 0.01:
            return deepcopy(chance.choice(ODD))
        node, key = chance.choice(spots)
        _change(node, key, chance.choice(spots), chance)
    return tree


def _change(node: Any, key: Any, other: tuple[Any, Any], chance: Random) -> None:
    way = chance.randrange(8)
    value = node[key]
    if way == 0:
        node[key] = deepcopy(chance.choice(ODD))
    elif way == 1:
        node.pop(key)
    elif way == 2 and isinstance(node, dict):
        node[chance.choice(("x", "", key + "_", key.upper(), "__metadata__"))] = deepcopy(value)
    elif way == 3:
        node[key] = deepcopy(other[0][other[1]]) if other[1] in (other[0] if isinstance(other[0], dict) else ()) else 0
    elif way == 4 and isinstance(value, list):
        node[key] = value * chance.choice((0, 2, 3, 100))
    elif isinstance(value, str) and value:
        at = chance.randrange(len(value))
        node[key] = value[:at] + chance.choice(("", "0", "f", "G", "\u0000", "\ud800", " ")) + value[at + 1 :]
    elif isinstance(value, bool):
        node[key] = int(value)
    elif isinstance(value, int):
        node[key] = chance.choice((value + 1, value - 1, -value, value * 2, float(value), str(value), value << 40))
    elif isinstance(value, float):
        node[key] = chance.choice((-value, value * 2, value * 1e300, str(value), float("nan"), float("inf")))
    else:
        node[key] = deepcopy(chance.choice(ODD))


def _hostile(data: bytes, chance: Random) -> bytes:
    """Return what a parser could choke on: depth, long numbers, and at times millions of small values."""
    if chance.random() < 0.05:
        unit = chance.choice(UNITS)
        return b'{"files":[' + unit * (chance.randrange(5 << 20) // len(unit)) + b"0]}"
    return chance.choice((b"[" * 5000 + b"]" * 5000, b'{"a":' * 3000, b"9" * 5000, data * 2, b"\xef\xbb\xbf" + data))


def mutate_json(data: bytes, chance: Random) -> bytes:
    """Change a JSON document: mostly its tree, written canonically again; at times its bytes or its form."""
    way = chance.randrange(12)
    if way == 0:
        return mutate_bytes(data, chance)
    if way == 1:
        return _hostile(data, chance)
    tree = mutate_tree(json.loads(data), chance)
    if way == 2:
        text = json.dumps(tree)
        at = text.find('"', chance.randrange(max(1, len(text))))
        end = text.find(",", at)
        return (text[:at] + text[at:end] + "," + text[at:] if 0 <= at < end else text).encode("utf-8", "surrogatepass")
    if way == 3:
        return json.dumps(tree, indent=chance.choice((None, 1))).encode()
    try:
        return rfc8785.dumps(tree)
    except (rfc8785.CanonicalizationError, UnicodeError, RecursionError):
        return json.dumps(tree, separators=(",", ":"), sort_keys=True).encode()


def mutate_toml(data: bytes, chance: Random) -> bytes:
    """Change a TOML document line by line, or its bytes."""
    if chance.random() < 0.3:
        return mutate_bytes(data, chance)
    lines = data.decode().splitlines()
    for _ in range(chance.choice((1, 1, 2))):
        at = chance.randrange(len(lines))
        name = lines[at].split("=")[0].strip()
        odd = chance.choice(
            ("nan", "inf", "-1", "1e400", '""', "[]", "{}", "1979-05-27", "0x10", "10_000", "true", "'1.5'", "9" * 4000)
        )
        way = chance.randrange(5)
        if way == 0:
            del lines[at]
        elif way == 1:
            lines.insert(at, lines[chance.randrange(len(lines))])
        elif way == 2:
            lines.insert(at, chance.choice(("[x]", "[[rounds]]", "x = 1", "a." * 500 + "b = 1", "[" * 3000, '"' * 7)))
        else:
            lines[at] = f"{name} = {odd}"
    return "\n".join(lines).encode()


def pack(header: Any, data: bytes, length: int | None = None) -> bytes:
    """Return the bytes of a safetensors file with this header, whether it is true or not."""
    try:
        encoded = json.dumps(header).encode("utf-8", "surrogatepass")
    except RecursionError:
        encoded = b"{}"
    return struct.pack("<Q", len(encoded) if length is None else length) + encoded + data


def unpack(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return header and data of a valid safetensors file."""
    (length,) = struct.unpack("<Q", data[:8])
    header: dict[str, Any] = json.loads(data[8 : 8 + length])
    return header, data[8 + length :]


def mutate_safetensors(data: bytes, chance: Random) -> bytes:
    """Change a safetensors file: values, then shapes that still fit, then a header that lies, then bytes."""
    header, body = unpack(data)
    way = chance.random()
    if way < 0.35:
        return pack(header, _values(header, body, chance))
    if way < 0.55:
        return _reshaped(header, body, chance)
    if way < 0.9:
        place = header[chance.choice(list(header))]
        field = chance.randrange(5)
        if field == 0:
            place["dtype"] = chance.choice(DTYPES)
        elif field == 1:
            place["shape"] = _shape(place["shape"], chance)
        elif field == 2:
            end = chance.randrange(2)
            place["data_offsets"][end] += chance.choice((-8, -4, -1, 1, 4, 8, 2**31, 2**53, -(2**20)))
        elif field == 3:
            header["__metadata__"] = chance.choice(({}, {"a": "b"}, {"a": 1}, [], "x", {"a" * 1000: "b" * 100_000}))
        else:
            header = mutate_tree(header, chance)
        return pack(header, body, chance.choice((None, None, None, None, 0, 2**20, 2**63, 2**64 - 1)))
    return mutate_bytes(data, chance)


def _shape(shape: list[int], chance: Random) -> list[Any]:
    odd: list[list[Any]] = [
        [],
        shape[::-1],
        [1, *shape],
        [*shape, 1],
        [0],
        [-1],
        [2**62, 4],
        [2**31] * 3,
        [1] * 9,
        [1.0],
    ]
    return chance.choice(odd)


def _values(header: dict[str, Any], body: bytes, chance: Random) -> bytes:
    """Put values that break rules into one tensor, or take a value to another place."""
    found = bytearray(body)
    place = header[chance.choice(list(header))]
    begin, end = place["data_offsets"]
    size = max(1, int("".join(c for c in place["dtype"] if c.isdigit())) // 8)
    pools: dict[int, list[bytes]] = {
        1: [b"\x00", b"\xff", b"\x7f", b"\x80"],
        2: [struct.pack("<H", word) for word in (*WORDS, 0x7F80, 0xFF80, 0x7FC0, 0x8000)],
        4: [struct.pack("<I", w) for w in (0, 1, 0x7F800000, 0x7FC00000, 0xFF800000, 2**31, 2**32 - 1, 0x3F800001, 13)],
        8: [struct.pack("<q", w) for w in (0, -1, 2**62, -(2**63), 2**47, 1)],
    }
    for _ in range(chance.choice((1, 1, 2, 20))):
        at = begin + chance.randrange(max(1, (end - begin) // size)) * size
        found[at : at + size] = chance.choice(pools[size])
    return bytes(found)


def _reshaped(header: dict[str, Any], body: bytes, chance: Random) -> bytes:
    """Change how many rows or columns one tensor has, or its type, and lay all tensors out again without gaps."""
    name = chance.choice(list(header))
    made, parts, offset = {}, [], 0
    for key, place in header.items():
        begin, end = place["data_offsets"]
        data, shape, kind = body[begin:end], list(place["shape"]), place["dtype"]
        if key == name:
            if chance.random() < 0.3:
                continue
            axis = chance.randrange(max(1, len(shape)))
            width = len(data) // max(1, int(np.prod(shape)))
            shape[axis : axis + 1] = [
                chance.choice((1, shape[axis] + 1, max(1, shape[axis] - 1), shape[axis] * 3, 40_000))
            ]
            wanted = int(np.prod(shape)) * width
            if wanted > 4 << 20:
                shape, wanted = [1], width
            data = (data * (1 + wanted // max(1, len(data))))[:wanted]
        made[key] = {"dtype": kind, "shape": shape, "data_offsets": [offset, offset + len(data)]}
        parts.append(data)
        offset += len(data)
    return pack(made, b"".join(parts))


def mutate_proofs(proofs: list[bytes], chance: Random) -> list[bytes]:
    """Change words of some proofs, their lengths, their number or their order."""
    found = list(proofs)
    for _ in range(chance.choice((1, 1, 2, 3))):
        at = chance.randrange(len(found)) if found else 0
        way = chance.randrange(8)
        if not found or way == 0:
            found.insert(at, chance.choice((b"", b"\xff", chance.randbytes(18), *proofs)))
        elif way == 1:
            del found[at]
        elif way == 2:
            found[at] = found[at][: chance.randrange(len(found[at]) + 1)]
        elif way == 3:
            found[at] += chance.randbytes(chance.choice((1, 2, 18, 1000)))
        elif way == 4:
            other = chance.randrange(len(found))
            found[at], found[other] = found[other], found[at]
        else:
            words = bytearray(found[at])
            for _ in range(chance.choice((1, 1, 3))):
                spot = 2 * chance.choice((0, 0, chance.randrange(1 + len(words) // 2)))
                words[spot : spot + 2] = struct.pack(">H", chance.choice((*WORDS, chance.randrange(2**16))))
            found[at] = bytes(words)
    return found


Mutate = Callable[[Any, Random], Any]
