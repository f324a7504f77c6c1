"""JSON from strangers: bounded, without duplicate names, NaN or surprises of type.

Knows nothing of what the JSON means. Doesn't check that the bytes are canonical: whoever needs that
writes the parsed value again and compares.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection
from typing import Any, NoReturn

import rfc8785

from assay.errors import Refused
from assay.protocol.nesting import MAX_DEPTH, brackets
from assay.types import Reason

MAX_PARTS = 1 << 16
"""Objects and arrays of one document: a trace of 8,192 steps has an eighth of that."""
MAX_SAFE = (1 << 53) - 1
"""The largest integer that RFC 8785 writes."""
_ADDRESS = re.compile(r"0x[0-9a-f]{40}")
_BYTES32 = re.compile(r"0x[0-9a-f]{64}")


def refuse(message: str, reason: Reason = Reason.SCHEMA) -> NoReturn:
    """Raise Refused with a reason; the one-line form of what nearly every check here ends in."""
    raise Refused(message, reason)


def load(data: bytes, limit: int, what: str) -> Any:
    """Parse at most `limit` bytes of UTF-8 JSON.

    Memory stays within some 25 times the limit, which an array of short strings reaches.

    Raises:
        Refused: too long, not JSON, a duplicate name, NaN or infinity, nested too deeply, or of too many parts.
    """
    if len(data) > limit:
        refuse(f"{what} has {len(data)} bytes, more than {limit}", Reason.SIZE)

    def constant(name: str) -> NoReturn:
        refuse(f"{what} holds {name}, which isn't a number", Reason.BOUNDS)

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            refuse(f"{what} names a field twice")
        return found

    deepest, parts = brackets(data)
    if deepest > MAX_DEPTH:
        refuse(f"{what} is nested more than {MAX_DEPTH} deep")
    if parts > MAX_PARTS:
        refuse(f"{what} has {parts} objects and arrays, more than {MAX_PARTS}")
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=unique, parse_constant=constant)
    except (ValueError, RecursionError):
        refuse(f"{what} isn't valid JSON")


def dump(value: Any, what: str) -> bytes:
    """Write `value` as canonical JSON (RFC 8785).

    Raises:
        Refused: it holds what such JSON can't: NaN, integers of 2^53 and more, other types, lone surrogates.
    """
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeError, RecursionError) as error:
        raise Refused(f"{what} can't be written as canonical JSON", Reason.SCHEMA) from error


def fields(value: Any, names: Collection[str], what: str) -> dict[str, Any]:
    """Return `value` when it is an object with exactly these names."""
    if not isinstance(value, dict):
        refuse(f"{what} isn't an object")
    missing = sorted(set(names) - value.keys())
    if missing:
        refuse(f"{what} lacks {missing[0]}")
    if len(value) > len(names):
        unknown = min(value.keys() - set(names))
        refuse(f"{what} has an unknown field {unknown[:40]!r}")
    return value


def integer(value: Any, what: str, low: int = 0, high: int = MAX_SAFE) -> int:
    """Return `value` when it is an integer within [low, high]; true and 1.0 aren't integers."""
    if type(value) is not int:
        refuse(f"{what} isn't an integer")
    if not low <= value <= high:
        refuse(f"{what} must lie from {low} to {high}", Reason.BOUNDS)
    return value


def number(value: Any, what: str) -> float:
    """Return `value` as a finite float64."""
    if type(value) is int and abs(value) <= MAX_SAFE:
        return float(value)
    if type(value) is not float:
        refuse(f"{what} isn't a number")
    if not math.isfinite(value):
        refuse(f"{what} isn't finite", Reason.BOUNDS)
    return value


def bytes32(value: Any, what: str) -> bytes:
    """Return the 32 bytes of a "0x…" lower-case hex string."""
    if not isinstance(value, str) or not _BYTES32.fullmatch(value):
        refuse(f"{what} isn't 32 bytes of lower-case hex")
    return bytes.fromhex(value[2:])


def address(value: Any, what: str) -> str:
    """Return a lower-case "0x…" address of 20 bytes."""
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        refuse(f"{what} isn't a lower-case address")
    return value
