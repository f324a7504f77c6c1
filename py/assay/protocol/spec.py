"""Task specs: TOML for people, canonical JSON (RFC 8785) for hashing, and the hash that goes on chain.

Reading checks each field by itself; `check` then asks whether they fit together. Knows nothing of whether an
environment or a base model exists.
"""

from __future__ import annotations

import tomllib

import rfc8785

from assay import PROTOCOL
from assay.errors import Refused
from assay.protocol import document
from assay.protocol import terms as _terms
from assay.protocol.hashing import keccak
from assay.protocol.sections import (
    EnvironmentSpec,
    InnerSpec,
    LossSpec,
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
    "LossSpec",
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


def parse_toml(text: str) -> TaskSpec:
    """Read a spec as people write it; fields with a default may be left out. Raises Refused, naming the field."""
    data = document.bounded(text.encode("utf-8", "surrogatepass"), MAX_BYTES, "the spec")
    try:
        table = tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise Refused(f"the spec isn't TOML: {error}") from None
    spec: TaskSpec = document.build(TaskSpec, table, "", document.from_toml, defaults=True)
    return spec


def parse_json(data: bytes) -> TaskSpec:
    """Read a spec's canonical JSON: exactly the bytes that `to_json` writes. Raises Refused."""
    table = document.load(data, MAX_BYTES, "the spec")
    spec: TaskSpec = document.build(TaskSpec, table, "", document.from_json, defaults=False)
    if to_json(spec) != data:
        raise Refused("the spec isn't canonical JSON (RFC 8785): write it with `assay task check`")
    return spec


def to_json(spec: TaskSpec) -> bytes:
    """Return the spec's canonical JSON: digests in hex, money as strings of wei."""
    return rfc8785.dumps(document.tree(spec))


def to_toml(spec: TaskSpec) -> str:
    """Return the spec as TOML, with every field, money in tokens; `parse_toml` gives the same spec back."""
    lines = [document.line(spec, name) for name, kind in document.kinds(TaskSpec).items() if not isinstance(kind, type)]
    for name, kind in document.kinds(TaskSpec).items():
        if isinstance(kind, type):
            lines += ["", f"[{name}]"] + [document.line(getattr(spec, name), inner) for inner in document.kinds(kind)]
    return "\n".join(lines) + "\n"


def spec_hash(spec: TaskSpec) -> bytes:
    """Return the 32-byte keccak of the canonical JSON: the `specHash` on chain."""
    return keccak(to_json(spec))


def terms(spec: TaskSpec) -> dict[str, int | bytes]:
    """Return the contract's `Terms` by its field names: seconds, wei, 32-byte digests."""
    return _terms.terms(spec, spec_hash(spec))
