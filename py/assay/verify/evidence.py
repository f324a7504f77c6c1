"""A validator's evidence against one's own prefill: is every fingerprint one of this model's states at the drawn layer?

One prefill serves all validators of a submission. Limits are the profile's for one chunk, FACTOR times as wide: they
were measured at the last layer, and honest states of hidden layers were found up to 1.5 times as far apart as there
(`scripts/bench/evidence.py`), while fingerprints of nothing are hundreds of limits away. Knows nothing of who looked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from assay.errors import Refused
from assay.model import load, profile
from assay.protocol import profile as profiles
from assay.protocol import spec as task_spec
from assay.protocol import toploc
from assay.protocol.profile import Profile
from assay.verify.audit import Audit, limits_of, prefill, prompt_lengths
from assay.verify.case import Case
from assay.verify.check import context_of

FACTOR: Final = 2.0
Line = tuple[str, float, float]
Bits = NDArray[np.uint16] | NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Own states of one chunk: of which text, from which token on, as bits [tokens, hidden]."""

    of: str
    at: int
    bits: Bits


def chunks_of(case: Case, audit: Audit) -> list[Chunk]:
    """Return the own states behind each fingerprint, in the order of the evidence."""
    rules, found = case.profile, list[Chunk]()
    for what, numbers, hidden, lengths in (
        ("prompt of group", audit.groups, audit.watch.prompts, prompt_lengths(case, audit.groups)),
        ("rollout", audit.rows, audit.watch.hidden, case.rollouts.lengths[audit.rows]),
    ):
        bits = profile.bits(hidden, rules.patterns)
        for number, row, length in zip(numbers.tolist(), bits, lengths.tolist(), strict=True):
            for at in range(0, length, rules.chunk):
                found.append(Chunk(f"{what} {number}", at, row[at : min(length, at + rules.chunk)]))
    return found


def measure(bits: Bits, fingerprint: bytes, rules: Profile) -> list[Line]:
    """Return name, value and threshold of everything that a fingerprint is bounded by, beside own states.

    Refused if it is none that a chunk can have.
    """
    (score,) = toploc.verify(bits, [fingerprint], max(1, len(bits)), rules.top_k)
    return [(name, float(value), FACTOR * threshold) for name, value, threshold in limits_of(rules, score)]


def worst_of(own: Sequence[Chunk], claimed: Sequence[bytes], rules: Profile) -> tuple[int, list[Line]]:
    """Return the number of the fingerprint that is furthest off, and its lines. Refused, with its number as leaf, if
    one is malformed, or if there are too many or too few.
    """
    if len(own) != len(claimed):
        raise Refused(f"there are {len(claimed)} fingerprints, and the drawn texts need {len(own)}", leaf=0)
    found, furthest = (0, list[Line]()), -1.0
    for number, (chunk, fingerprint) in enumerate(zip(own, claimed, strict=True)):
        try:
            lines = measure(chunk.bits, fingerprint, rules)
        except Refused as refused:
            raise Refused(str(refused), leaf=number) from None
        off = max(value / max(threshold, 1e-9) for _, value, threshold in lines)
        if off > furthest:
            furthest, found = off, (number, lines)
    return found


def compare_json(args: dict[str, Any]) -> dict[str, Any]:
    """Compare several validators' evidence of one submission, in a child process.

    args as `check_json`, and claims: [{file, offset, count, size, out}] with `out` a file for the own states of the
    chunk that is furthest off. Returns {"layer", "profile" (JSON text), "claims": [{"leaf", "of", "token", "lines":
    [[name, value, threshold]], "shape", "due" (how many there must be), "why"}]}, `why` a sentence where fingerprints
    can't be compared.
    """
    load.determinism(int(args.get("threads", 1)))
    profiles.learn_all(args.get("profiles", []))
    spec = task_spec.parse_json(args["spec"].encode())
    case = Case(Path(args["folder"]), Path(args["checkpoint_folder"]), spec, context_of(args["context"]))
    audit = prefill(case)
    own, rules = chunks_of(case, audit), case.profile
    return {
        "layer": audit.watch.layer,
        "profile": profiles.to_json(rules).decode(),
        "claims": [_compared(own, one, rules) for one in args["claims"]],
    }


def _compared(own: Sequence[Chunk], claim: dict[str, Any], rules: Profile) -> dict[str, Any]:
    size, why = claim["size"], None
    with Path(claim["file"]).open("rb") as source:
        source.seek(claim["offset"])
        held = source.read(claim["count"] * size)
    claimed = [held[at : at + size] for at in range(0, len(held), size)]
    try:
        leaf, lines = worst_of(own, claimed, rules)
    except Refused as refused:
        leaf, lines, why = min(refused.leaf or 0, len(own) - 1), [], str(refused)
    chunk = own[leaf]
    np.ascontiguousarray(chunk.bits).tofile(claim["out"])
    return {
        "leaf": leaf,
        "of": chunk.of,
        "token": chunk.at,
        "lines": [list(line) for line in lines],
        "shape": list(chunk.bits.shape),
        "due": len(own),
        "why": why,
    }
