"""An exhibit: one copied or made-up piece of evidence, so that others can verify it without the model.

A folder of `exhibit.json` and, where there are values, `states.bin`: the reader's own states of the chunk. Verified
against the chain's event are: that this evidence was revealed, that the leaf stands in it, under whose address it
opens, and that fingerprint and states are as far apart as is said. That the states are the model's isn't shown by it:
whoever doubts that repeats the prefill (`assay evidence TASK ROUND`). The court has no claim that fits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from assay.artifact import strict
from assay.artifact.folder import read_bounded
from assay.errors import Refused
from assay.protocol import merkle, profile
from assay.protocol.evidence import NONE, Place, leaves, round_leaf
from assay.protocol.hashing import hex32, unhex32
from assay.roles.claims import COPIED, MADE_UP, Claim, Found, claims_of, under
from assay.store.engine import Store

NAME, STATES = "exhibit.json", "states.bin"
FORMAT: Final = 1
MAX_JSON: Final = 256 << 10
MAX_STATES: Final = 64 << 20
_MOST = (1 << 32) - 1
_HEX = re.compile(r"0x(?:[0-9a-f]{2}){1,8194}")
Line = tuple[str, float, float]
_FIELDS = (
    "format", "outcome", "chain_id", "ledger", "task", "round", "by", "validator", "index", "submission", "says",
    "evidence", "entry", "root", "leaf", "of", "layer", "profile", "lines", "shape", "due", "why",
)  # fmt: skip


def furthest(lines: Sequence[Line]) -> Line:
    """Return the line that is furthest off, by its threshold."""
    return max(lines, key=lambda line: line[1] / max(line[2], 1e-9))


def write(folder: Path, place: Place, found: Found, told: dict[str, Any], compared: dict[str, Any] | None) -> None:
    """Write an exhibit. `told` and `compared` are what `verify.evidence` said, where it was asked."""
    claim = found.claim
    entry, root = None, dict(found.roots)[found.said.index]
    if not claim.is_ballot:
        rows = [round_leaf(*one) for one in found.roots]
        at = [index for index, _ in found.roots].index(found.said.index)
        entry = {"position": at, "count": len(rows), "proof": _hex(merkle.prove(rows, at))}
    folder.mkdir(parents=True, exist_ok=True)
    if compared is not None:
        (folder / STATES).write_bytes(Path(compared["states"]).read_bytes())
    made = {
        "format": FORMAT,
        "outcome": found.outcome,
        "chain_id": place.chain_id,
        "ledger": place.ledger.lower(),
        "task": place.task,
        "round": place.round,
        "by": claim.by,
        "validator": place.validator.lower(),
        "index": found.said.index,
        "submission": hex32(place.submission),
        "says": found.said.words,
        "evidence": hex32(claim.evidence),
        "entry": entry,
        "root": hex32(root),
        "leaf": None if root == NONE else _leaf(place, found),
        "of": found.of and found.of.lower(),
        "layer": told["layer"] if compared else None,
        "profile": told["profile"] if compared else None,
        "lines": [list(line) for line in found.lines],
        "shape": compared["shape"] if compared else None,
        "due": compared["due"] if compared else None,
        "why": found.why,
    }
    (folder / NAME).write_text(json.dumps(made, indent=1))


def _leaf(place: Place, found: Found) -> dict[str, Any]:
    """Return the leaf that the exhibit shows: the one furthest off, or of a copy the first."""
    fingerprints = found.entry.fingerprints if found.entry is not None else ()
    rows = leaves(under(place, found.of or place.validator), fingerprints)
    return {
        "number": found.leaf,
        "count": len(rows),
        "fingerprint": "0x" + fingerprints[found.leaf].hex(),
        "proof": _hex(merkle.prove(rows, found.leaf)),
    }


def read(folder: Path) -> dict[str, Any]:
    """Read an exhibit's JSON from strangers' bytes. Raises Refused; Unavailable when there is none."""
    data = strict.load(read_bounded(folder / NAME, MAX_JSON), MAX_JSON, "the exhibit")
    found = strict.fields(data, _FIELDS, "the exhibit")
    if found["format"] != FORMAT or found["outcome"] not in (COPIED, MADE_UP):
        raise Refused(f"the exhibit isn't of format {FORMAT}, or shows nothing")
    _check(found)
    return found


def _check(found: dict[str, Any]) -> None:
    """Refuse an exhibit with a field that isn't of its type."""
    for name in ("chain_id", "task", "round", "index"):
        strict.integer(found[name], f"the exhibit's {name}", high=_MOST)
    for name in ("ledger", "validator", *(["of"] if found["of"] is not None else [])):
        strict.address(found[name], f"the exhibit's {name}")
    for name in ("submission", "evidence", "root"):
        strict.bytes32(found[name], f"the exhibit's {name}")
    for name in ("by", "says", "why", *(["profile"] if found["profile"] is not None else [])):
        if not isinstance(found[name], str):
            raise Refused(f"the exhibit's {name} isn't text")
    for name in ("layer", "due"):
        if found[name] is not None:
            strict.integer(found[name], f"the exhibit's {name}", high=_MOST)
    if found["shape"] is not None:
        if not isinstance(found["shape"], list) or len(found["shape"]) != 2:
            raise Refused("the exhibit's shape isn't two numbers")
        for one in found["shape"]:
            strict.integer(one, "the exhibit's shape", 1, MAX_STATES)
    _check_path(found["entry"], "entry", ("position", "count", "proof"))
    _check_path(found["leaf"], "leaf", ("number", "count", "proof", "fingerprint"))
    if found["leaf"] is not None and not _HEX.fullmatch(str(found["leaf"]["fingerprint"])):
        raise Refused("the exhibit's fingerprint isn't hex")


def _check_path(value: Any, what: str, names: tuple[str, ...]) -> None:
    if value is None:
        return
    found = strict.fields(value, names, f"the exhibit's {what}")
    for name in names[:2]:
        strict.integer(found[name], f"the exhibit's {name}", high=_MOST)
    if not isinstance(found["proof"], list):
        raise Refused(f"the exhibit's {what} has no proof")
    for node in found["proof"]:
        strict.bytes32(node, f"the exhibit's {what}")


def verify(folder: Path, store: Store, chain_id: int, ledger: str) -> dict[str, Any]:
    """Check an exhibit against the records of the chain. Returns the exhibit with `shows`, a list of sentences.

    Raises Refused with what doesn't hold; Unavailable if there is no exhibit.
    """
    shown = read(folder)
    where, submission = (shown["chain_id"], shown["ledger"], shown["task"], shown["round"]), shown["submission"]
    place = Place(*where, unhex32(submission), shown["validator"])
    if (place.chain_id, place.ledger) != (chain_id, ledger.lower()):
        raise Refused(f"the exhibit is of ledger {place.ledger} on chain {place.chain_id}")
    claim = _event(store, shown, place)
    shows = [f"{place.validator} showed this evidence on chain ({claim.by}) and said {shown['says']}"]
    return {**shown, "shows": [*shows, *_opened(shown, place), *_outcome(folder, shown, claim)]}


def _event(store: Store, shown: dict[str, Any], place: Place) -> Claim:
    row = store.submission(place.task, place.round, shown["index"])
    if row is None or row.root != place.submission:
        raise Refused("the chain has no such submission")
    for claim in claims_of(store, place.task, place.round):
        if (claim.validator.lower(), claim.by) == (place.validator.lower(), shown["by"]):
            if claim.evidence != unhex32(shown["evidence"]):
                raise Refused("the chain has other evidence of this validator")
            said = {one.index: one.words for one in claim.said}
            if said.get(shown["index"]) != shown["says"]:
                raise Refused("the chain has another vote of this validator")
            return claim
    raise Refused("the chain has no such evidence of this validator")


def _opened(shown: dict[str, Any], place: Place) -> list[str]:
    """Check that the submission's root stands in what was revealed, and the leaf under that."""
    root, evidence, entry = unhex32(shown["root"]), unhex32(shown["evidence"]), shown["entry"]
    if entry is None:
        stands = shown["by"].startswith("case ") and root == evidence
    else:
        row, path = round_leaf(shown["index"], root), [unhex32(node) for node in entry["proof"]]
        stands = merkle.verify(evidence, row, entry["position"], entry["count"], path)
    if not stands:
        raise Refused("the submission's root doesn't stand in the evidence on chain")
    if root == NONE:
        return ["it holds no fingerprint of this submission"]
    leaf = shown["leaf"]
    if leaf is None or shown["of"] is None:
        raise Refused("the exhibit shows no leaf under the submission's root")
    (digest,) = leaves(under(place, shown["of"]), [_fingerprint(shown)])
    if not merkle.verify(root, digest, leaf["number"], leaf["count"], [unhex32(node) for node in leaf["proof"]]):
        raise Refused(f"the leaf doesn't open under the address {shown['of']}")
    return [f"fingerprint {leaf['number']} of {leaf['count']} opens under the address {shown['of']}"]


def _outcome(folder: Path, shown: dict[str, Any], claim: Claim) -> list[str]:
    """Check that what was opened is what the exhibit calls it."""
    own = str(shown["of"]).lower() == claim.validator.lower()
    if shown["outcome"] == COPIED:
        if shown["root"] == hex32(NONE) or own:
            raise Refused("the leaf opens under the validator's own address: it isn't copied")
        return ["copied: it is another validator's"]
    if shown["root"] == hex32(NONE):
        if not any(one.index == shown["index"] and one.is_due for one in claim.said):
            raise Refused("this vote needed no fingerprint")
        return ["made up: nobody comes to this verdict without a prefill"]
    if not own:
        raise Refused("the leaf is another validator's: it isn't made up by this one")
    return _apart(folder, shown)


def _apart(folder: Path, shown: dict[str, Any]) -> list[str]:
    """Measure again how far the fingerprint is from the states in the folder."""
    import numpy as np

    from assay.verify.evidence import Bits, measure

    count, due = shown["leaf"]["count"], shown["due"]
    if count != due:
        return [f"made up, if the draw needs {due} fingerprints: it has {count}"]
    if shown["profile"] is None or shown["shape"] is None:
        raise Refused("the exhibit has no states to measure with")
    rules = profile.parse(shown["profile"].encode("utf-8", "replace"))
    tokens, hidden = shown["shape"]
    held = read_bounded(folder / STATES, MAX_STATES)
    if len(held) != tokens * hidden * (4 if rules.patterns == "float32" else 2):
        raise Refused("states.bin doesn't have the shape that the exhibit names")
    flat: Bits = np.frombuffer(held, np.uint32) if rules.patterns == "float32" else np.frombuffer(held, np.uint16)
    bits: Bits = flat.reshape(tokens, hidden)
    try:
        lines = measure(bits, _fingerprint(shown), rules)
    except Refused as refused:
        return [f"made up: no chunk has such a fingerprint: {refused}"]
    name, value, threshold = furthest(lines)
    if value <= threshold:
        raise Refused(f"fingerprint and states are near each other: {name} {value:.6g}, allowed {threshold:g}")
    where = f"layer {shown['layer']}, profile {rules.name} {hex32(profile.profile_hash(rules))[:10]}"
    return [f"made up, if states.bin is of the model: {name} {value:.6g}, allowed {threshold:g} ({where})"]


def _fingerprint(shown: dict[str, Any]) -> bytes:
    return bytes.fromhex(shown["leaf"]["fingerprint"].removeprefix("0x"))


def _hex(proof: Sequence[bytes]) -> list[str]:
    return [hex32(node) for node in proof]
