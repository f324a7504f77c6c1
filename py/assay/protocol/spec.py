"""Task specs: TOML for people, canonical JSON (RFC 8785) for hashing, and the hash that goes on chain.

Reading checks each field by itself; `check` then asks whether they fit together. Knows nothing of whether an
environment or a base model exists.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, cast, get_type_hints

import rfc8785

from assay import PROTOCOL
from assay.errors import Refused
from assay.protocol import terms as _terms
from assay.protocol.fields import Kind
from assay.protocol.hashing import keccak
from assay.protocol.nesting import MAX_DEPTH, depth
from assay.protocol.sections import (
    EnvironmentSpec,
    InnerSpec,
    ModelSpec,
    MoneySpec,
    OuterSpec,
    RolloutSpec,
    RoundsSpec,
    TaskSpec,
    VerificationSpec,
)
from assay.protocol.terms import check

__all__ = [
    "MAX_BYTES",
    "PROTOCOL",
    "EnvironmentSpec",
    "InnerSpec",
    "ModelSpec",
    "MoneySpec",
    "OuterSpec",
    "RolloutSpec",
    "RoundsSpec",
    "TaskSpec",
    "VerificationSpec",
    "check",
    "parse_json",
    "parse_toml",
    "spec_hash",
    "terms",
    "to_json",
    "to_toml",
]

MAX_BYTES = 64 * 1024
_Read = Callable[[Kind, Any, str], Any]


def parse_toml(text: str) -> TaskSpec:
    """Read a spec as people write it; fields with a default may be left out. Raises Refused, naming the field."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise Refused(f"the spec is larger than {MAX_BYTES} bytes")
    try:
        table = tomllib.loads(_shallow(text.encode()).decode())
    except (ValueError, RecursionError) as error:
        raise Refused(f"the spec isn't TOML: {error}") from None
    spec: TaskSpec = _build(TaskSpec, table, "", lambda kind, value, where: kind.read_toml(value, where), defaults=True)
    return spec


def parse_json(data: bytes) -> TaskSpec:
    """Read a spec's canonical JSON: exactly the bytes that `to_json` writes. Raises Refused."""
    if len(data) > MAX_BYTES:
        raise Refused(f"the spec is larger than {MAX_BYTES} bytes")
    try:
        table = json.loads(_shallow(data).decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Refused(f"the spec isn't JSON: {error}") from None
    spec: TaskSpec = _build(TaskSpec, table, "", lambda kind, value, where: kind.read(value, where), defaults=False)
    if to_json(spec) != data:
        raise Refused("the spec isn't canonical JSON (RFC 8785): write it with `assay task check`")
    return spec


def to_json(spec: TaskSpec) -> bytes:
    """Return the spec's canonical JSON: digests in hex, money as strings of wei."""
    return rfc8785.dumps(_tree(spec))


def to_toml(spec: TaskSpec) -> str:
    """Return the spec as TOML, with every field, money in tokens; `parse_toml` gives the same spec back."""
    lines = [_line(spec, name) for name, kind in _kinds(TaskSpec).items() if not isinstance(kind, type)]
    for name, kind in _kinds(TaskSpec).items():
        if isinstance(kind, type):
            lines += ["", f"[{name}]"] + [_line(getattr(spec, name), inner) for inner in _kinds(kind)]
    return "\n".join(lines) + "\n"


def spec_hash(spec: TaskSpec) -> bytes:
    """Return the 32-byte keccak of the canonical JSON: the `specHash` on chain."""
    return keccak(to_json(spec))


def terms(spec: TaskSpec) -> dict[str, int | bytes]:
    """Return the contract's `Terms` by its field names: seconds, wei, 32-byte digests."""
    return _terms.terms(spec, spec_hash(spec))


@cache
def _kinds(section: Any) -> dict[str, Any]:
    """Field names in order, with the kind of each, or the dataclass where the field is a section."""
    hints = get_type_hints(section, include_extras=True)
    return {name: hint if is_dataclass(hint) else hint.__metadata__[0] for name, hint in hints.items()}


def _build(section: type, table: Any, path: str, read: _Read, *, defaults: bool) -> Any:
    if type(table) is not dict:
        raise Refused(f"{path.rstrip('.') or 'the spec'}: must be a table of fields")
    kinds = _kinds(section)
    for name in table:
        if name not in kinds:
            raise Refused(f"{path}{ascii(name)[1:-1][:60]}: there is no such field")
    values = {}
    for field in fields(section):
        kind, where = kinds[field.name], path + field.name
        if isinstance(kind, type):
            if field.name not in table and not defaults:
                raise Refused(f"{where}: is missing")
            # Left out where defaults are allowed: an empty section, which names its own first missing field.
            values[field.name] = _build(kind, table.get(field.name, {}), where + ".", read, defaults=defaults)
        elif field.name in table:
            values[field.name] = read(kind, table[field.name], where)
        elif not defaults or field.default is MISSING:
            raise Refused(f"{where}: is missing")
    return section(**values)


def _tree(section: object) -> dict[str, Any]:
    tree, own = {}, cast(Any, type(section))
    for name, kind in _kinds(own).items():
        value = getattr(section, name)
        tree[name] = _tree(value) if isinstance(kind, type) else kind.write(value)
    return tree


def _line(section: object, name: str) -> str:
    own = cast(Any, type(section))
    return f"{name} = {_kinds(own)[name].write_toml(getattr(section, name))}"


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} isn't a number")


def _shallow(data: bytes) -> bytes:
    if depth(data) > MAX_DEPTH:
        raise Refused(f"the spec is nested more than {MAX_DEPTH} deep")
    return data
