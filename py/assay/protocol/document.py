"""Dataclasses of kinds as documents: read strictly from tables, written as trees for canonical JSON.

A section is a frozen dataclass whose fields are annotated with a kind (`fields`) or are sections themselves. Knows
nothing of what a document means or of rules between its fields.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, cast, get_args, get_type_hints

from assay.errors import Refused
from assay.protocol.fields import Kind
from assay.protocol.nesting import MAX_DEPTH, depth

Read = Callable[[Kind, Any, str], Any]


def from_json(kind: Kind, value: Any, where: str) -> Any:
    """Read a field as canonical JSON writes it."""
    return kind.read(value, where)


def from_toml(kind: Kind, value: Any, where: str) -> Any:
    """Read a field as people write it."""
    return kind.read_toml(value, where)


@cache
def kinds(section: Any) -> dict[str, Any]:
    """Field names in order, with the kind of each, or the dataclass where the field is a section; a tuple of them where
    it is one of several."""
    return {name: _kind(hint) for name, hint in get_type_hints(section, include_extras=True).items()}


def _kind(hint: Any) -> Any:
    if isinstance(hint, UnionType):
        return get_args(hint)
    return hint if is_dataclass(hint) else hint.__metadata__[0]


def _one_of(options: tuple[type, ...], table: Any) -> type:
    """Return the section that has exactly the table's fields; else the first, which then names what is off."""
    return next((one for one in options if type(table) is dict and set(table) == set(kinds(one))), options[0])


def build(section: type, table: Any, path: str, read: Read, *, defaults: bool, what: str = "the spec") -> Any:
    """Make a section of a table; `path` is its name with a dot. Refused, naming the field, where anything is off."""
    if type(table) is not dict:
        raise Refused(f"{path.rstrip('.') or what}: must be a table of fields")
    wanted = kinds(section)
    for name in table:
        if name not in wanted:
            raise Refused(f"{path}{ascii(name)[1:-1][:60]}: there is no such field")
    values = {}
    for field in fields(section):
        kind, where = wanted[field.name], path + field.name
        if isinstance(kind, tuple):
            kind = _one_of(kind, table.get(field.name))
        if isinstance(kind, type):
            if field.name not in table and not defaults:
                raise Refused(f"{where}: is missing")
            # Left out where defaults are allowed: an empty section, which names its own first missing field.
            values[field.name] = build(kind, table.get(field.name, {}), where + ".", read, defaults=defaults)
        elif field.name in table:
            values[field.name] = read(kind, table[field.name], where)
        elif not defaults or field.default is MISSING:
            raise Refused(f"{where}: is missing")
    return section(**values)


def tree(section: object) -> dict[str, Any]:
    """Return a section as plain JSON values."""
    found, own = {}, cast(Any, type(section))
    for name, kind in kinds(own).items():
        value = getattr(section, name)
        found[name] = tree(value) if isinstance(kind, (type, tuple)) else kind.write(value)
    return found


def line(section: object, name: str) -> str:
    """Return one field as a line of TOML."""
    own = cast(Any, type(section))
    return f"{name} = {kinds(own)[name].write_toml(getattr(section, name))}"


def bounded(data: bytes, most: int, what: str) -> bytes:
    """Return `data` unless it is too long or nested too deeply to be parsed safely; then Refused."""
    if len(data) > most:
        raise Refused(f"{what} is larger than {most} bytes")
    if depth(data) > MAX_DEPTH:
        raise Refused(f"{what} is nested more than {MAX_DEPTH} deep")
    return data


def load(data: bytes, most: int, what: str) -> Any:
    """Parse a stranger's JSON of at most `most` bytes. Raises Refused."""
    try:
        return json.loads(bounded(data, most, what).decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Refused(f"{what} isn't JSON: {error}") from None


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} isn't a number")
