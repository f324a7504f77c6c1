"""The 17 columns of a rollout file: INTELLECT-2's names, order and types, and what each holds for a task.

Ten columns are the rollouts' own. The others follow from them and from the task, and a reader computes them again. A
row's leaf covers all 17. Knows nothing of files, of models or of environments: whether a prompt is the assigned one or
a text is what its tokens say is verify's question.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from assay.artifact.origin import PROOFS_KEY
from assay.artifact.parquet import BINARY, FLOAT32, FLOAT32S, INT32, INT32S, INT64, STRING, Column, Kinds, Lists, Table
from assay.artifact.strict import refuse
from assay.errors import Refused
from assay.protocol import advantages, toploc
from assay.protocol.hashing import sha256
from assay.protocol.spec import TaskSpec
from assay.types import Reason

if TYPE_CHECKING:
    from assay.artifact.rollouts import Rollouts

KINDS: Final[Kinds] = {
    "input_tokens": INT32S,
    "output_tokens": INT32S,
    "input_logprobs": FLOAT32S,
    "output_logprobs": FLOAT32S,
    "prompt": STRING,
    "problem_id": STRING,
    "completion": STRING,
    "advantages": FLOAT32,
    "rewards": FLOAT32,
    "task_rewards": FLOAT32,
    "length_penalties": FLOAT32,
    "proofs": BINARY,
    "step": INT32,
    "target_lengths": INT32,
    "task_type": STRING,
    "seed": INT64,
    "temperature": FLOAT32,
}
FOLLOWING: Final = (
    "input_logprobs",
    "advantages",
    "rewards",
    "length_penalties",
    "target_lengths",
    "task_type",
    "temperature",
)
NO_TARGET: Final = -1
PAD: Final = -1
"""Stands in tables of tokens after a text's end; files don't have it."""
_DOMAIN: Final = b"assay.rollout\x00"
_PROBLEM = re.compile(rb"0|[1-9][0-9]{0,15}")


def columns(rollouts: Rollouts, spec: TaskSpec) -> dict[str, Column]:
    """Return the 17 columns of rollouts that passed `Rollouts.check` under `spec`."""
    own, n = rollouts, len(rollouts)
    asked = np.arange(own.prompts.shape[1]) < own.prompt_lengths[:, None]
    said = np.arange(own.tokens.shape[1]) < own.lengths[:, None]
    lengths, shaped = own.lengths.astype(np.int64), advantages.shaped(own.rewards, own.lengths, spec)
    target = spec.loss.target_length or spec.rollout.max_new_tokens
    return {
        "input_tokens": Lists(own.prompts[asked], own.prompt_lengths.astype(np.int64)),
        "output_tokens": Lists(own.tokens[said], lengths),
        "input_logprobs": Lists(np.zeros(int(asked.sum()), np.float32), own.prompt_lengths.astype(np.int64)),
        "output_logprobs": Lists(own.logprobs[said], lengths),
        "prompt": [text.encode() for text in own.prompt_texts],
        "problem_id": [str(seed).encode() for seed in own.problems.tolist()],
        "completion": [text.encode() for text in own.texts],
        "advantages": advantages.advantages(own.rewards, own.lengths, spec),
        "rewards": shaped.astype(np.float32),
        "task_rewards": own.rewards,
        "length_penalties": (own.rewards - shaped).astype(np.float32),
        "proofs": cut_proofs(own.proofs, own.lengths, spec),
        "step": own.rounds,
        "target_lengths": np.full(n, target if spec.loss.length_penalty else NO_TARGET, np.int32),
        "task_type": [spec.environment.name.encode()] * n,
        "seed": own.seeds,
        "temperature": np.full(n, spec.rollout.temperature, np.float32),
    }


def arrays(table: Table, encoded: bytes, spec: TaskSpec) -> dict[str, NDArray[Any]]:
    """Return the columns of `Rollouts` from a table with the columns of KINDS and the prompts' proofs in base64.

    A table whose rows don't fit together is Refused.
    """
    columns: Mapping[str, Any] = table.columns
    asked, said, logprobs = (columns[name] for name in ("input_tokens", "output_tokens", "output_logprobs"))
    if table.rows % spec.rollout.group_size:
        refuse(f"{table.rows} rollouts don't fill groups of {spec.rollout.group_size}")
    if not np.array_equal(said.lengths, logprobs.lengths):
        leaf = int(np.argmax(said.lengths != logprobs.lengths))
        raise Refused(f"rollout {leaf} doesn't have one log-prob for each token", Reason.SCHEMA, leaf)
    p, t = int(asked.lengths.max()), int(said.lengths.max())
    if p > spec.rollout.max_prompt_tokens or t > spec.rollout.max_new_tokens:
        raise Refused("a prompt or a completion has more tokens than the task allows", Reason.BOUNDS)
    width = proof_width(t, spec)
    if table.rows * (4 * p + 8 * t + width) > spec.rounds.max_artifact_bytes:
        refuse("the rollouts would be larger than the task allows if all were as long as the longest", Reason.SIZE)
    prompt_lengths, lengths = asked.lengths.astype(np.int16), said.lengths.astype(np.int16)
    firsts = prompt_lengths[:: spec.rollout.group_size]
    return {
        "prompts": _table(asked, np.int32, PAD),
        "prompt_lengths": prompt_lengths,
        "tokens": _table(said, np.int32, PAD),
        "lengths": lengths,
        "rewards": columns["task_rewards"].astype(np.float32),
        "logprobs": _table(logprobs, np.float32, 0),
        "proofs": _proof_table(columns["proofs"], lengths, spec, "proofs of rollout"),
        "prompt_proofs": _proof_table(_split(encoded, firsts, spec), firsts, spec, "proofs of the prompt of group"),
        "prompt_texts": _texts(columns["prompt"], "prompt"),
        "texts": _texts(columns["completion"], "completion"),
        "problems": np.array([_problem(text, i) for i, text in enumerate(columns["problem_id"])], np.int64),
        "seeds": columns["seed"].astype(np.int64),
        "rounds": columns["step"].astype(np.int32),
    }


def cut_proofs(proofs: NDArray[np.uint8], lengths: NDArray[np.int16], spec: TaskSpec) -> list[bytes]:
    """Return each row's proofs without the zeros after them."""
    return [row[: proof_width(n, spec)].tobytes() for row, n in zip(proofs, lengths.tolist(), strict=True)]


def proof_width(tokens: int, spec: TaskSpec) -> int:
    """Return how many bytes the proofs of so many tokens have."""
    return toploc.chunks_of(tokens, spec.verification.chunk) * toploc.proof_bytes(spec.verification.top_k)


def leaves(table: dict[str, Column], prompt_proofs: list[bytes]) -> list[bytes]:
    """Return a 32-byte digest for each row: SHA-256 over a domain, its 17 values and the proofs of its group's prompt.

    Lists, texts and byte strings are led by their count as uint32; numbers are little-endian.
    """
    rows = list(zip(*(_pieces(table[name]) for name in KINDS), strict=True))
    size = len(rows) // len(prompt_proofs)
    return [sha256(_DOMAIN + b"".join(row) + _counted(prompt_proofs[i // size])) for i, row in enumerate(rows)]


def differing(found: Column, due: Column) -> int | None:
    """Return the first row in which two columns of equally many rows aren't the same to the bit, or None."""
    rows = enumerate(zip(_pieces(found), _pieces(due), strict=True))
    return next((i for i, (one, other) in rows if one != other), None)


def _counted(data: bytes) -> bytes:
    return struct.pack("<I", len(data)) + data


def _pieces(column: Column) -> Iterator[bytes]:
    """Give the bytes of each row of a column, as they stand in its leaf."""
    if isinstance(column, list):
        yield from map(_counted, column)
    elif isinstance(column, Lists):
        width, data, at = column.values.itemsize, _little(column.values), 0
        for end in accumulate(column.lengths.tolist()):
            yield struct.pack("<I", end - at) + data[at * width : end * width]
            at = end
    else:
        width, data = column.itemsize, _little(column)
        for at in range(0, len(data), width):
            yield data[at : at + width]


def _little(values: NDArray[Any]) -> bytes:
    return values.astype(values.dtype.newbyteorder("<")).tobytes()


def _table(lists: Lists, dtype: type[Any], fill: int) -> NDArray[Any]:
    width = int(lists.lengths.max())
    found = np.full((len(lists.lengths), width), fill, dtype)
    found[np.arange(width) < lists.lengths[:, None]] = lists.values
    return found


def _texts(texts: list[bytes], what: str) -> NDArray[np.object_]:
    found = np.empty(len(texts), np.object_)
    for i, text in enumerate(texts):
        try:
            found[i] = text.decode()
        except UnicodeDecodeError:
            raise Refused(f"the {what} of rollout {i} isn't UTF-8", Reason.SCHEMA, i) from None
    return found


def _problem(text: bytes, leaf: int) -> int:
    if not _PROBLEM.fullmatch(text):
        raise Refused(f"the problem of rollout {leaf} isn't a seed in decimal", Reason.SCHEMA, leaf)
    return int(text)


def _split(encoded: bytes, lengths: NDArray[np.int16], spec: TaskSpec) -> list[bytes]:
    """Return the proofs of each group's prompt."""
    try:
        data = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        refuse(f"{PROOFS_KEY} isn't base64")
    if base64.b64encode(data) != encoded:
        refuse(f"{PROOFS_KEY} isn't canonical base64")
    ends = np.cumsum([proof_width(length, spec) for length in lengths.tolist()]).tolist()
    if len(data) != ends[-1]:
        refuse(f"{PROOFS_KEY} has {len(data)} bytes, not {ends[-1]}")
    return [data[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def _proof_table(proofs: list[bytes], lengths: NDArray[np.int16], spec: TaskSpec, what: str) -> NDArray[np.uint8]:
    found = np.zeros((len(proofs), proof_width(int(lengths.max()), spec)), np.uint8)
    for i, (proof, length) in enumerate(zip(proofs, lengths.tolist(), strict=True)):
        if len(proof) != proof_width(length, spec):
            raise Refused(f"the {what} {i} don't have the length of its tokens", Reason.SCHEMA, i)
        found[i, : len(proof)] = np.frombuffer(proof, np.uint8)
    return found
