"""The rollouts of a submission: `rollouts.parquet`, with the 17 columns of INTELLECT-2 (`artifact.rows`).

What is ours beyond them is in the key-value metadata: the format's version, what the file is bound to, the proofs of
the prompts, and the trainer's signature where the file has one. Rollout i belongs to group i // group_size. Checks
form, and every column that follows from the others and the task. Whether prompts are the assigned ones, rewards are
true or proofs hold is verify's question.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assay.artifact import parquet, rows
from assay.artifact.origin import PROOFS_KEY, Origin, parse
from assay.artifact.rows import PAD, proof_width
from assay.artifact.strict import refuse
from assay.errors import Refused
from assay.protocol import advantages, merkle, toploc
from assay.protocol.spec import TaskSpec
from assay.types import Reason

__all__ = ["NAME", "PAD", "Origin", "Rollouts", "read", "read_whole", "write"]

NAME = "rollouts.parquet"
_FOOTER_BYTES = 1 << 16
"""What a footer has beside the prompts' proofs."""


@dataclass(frozen=True, slots=True, eq=False)
class Rollouts:
    """n rollouts in columns.

    Attributes:
        prompts: int32[n, p] tokens, PAD after the prompt's end; p is the longest prompt.
        prompt_lengths: int16[n], 1 to p.
        tokens: int32[n, t] completion tokens, PAD after the end; t is the longest completion.
        lengths: int16[n] completion tokens with the end token, 1 to t.
        rewards: float32[n], what the environment gives.
        logprobs: float32[n, t] natural log-probs of the tokens, 0 after the end.
        proofs: uint8[n, ceil(t / chunk) · (2 + 2 · top_k)], one proof after another, 0 after the last.
        prompt_proofs: uint8[groups, ceil(p / chunk) · (2 + 2 · top_k)], those of the prompt that a group shares.
        prompt_texts, texts: object[n], prompt and completion as str, as the environment describes the tokens.
        problems: int64[n], the environment's seed of the prompt.
        seeds: int64[n], the 64 bits of the noise key that the completion was sampled with.
        rounds: int32[n], the round, the same in all.
    """

    prompts: NDArray[np.int32]
    prompt_lengths: NDArray[np.int16]
    tokens: NDArray[np.int32]
    lengths: NDArray[np.int16]
    rewards: NDArray[np.float32]
    logprobs: NDArray[np.float32]
    proofs: NDArray[np.uint8]
    prompt_proofs: NDArray[np.uint8]
    prompt_texts: NDArray[np.object_]
    texts: NDArray[np.object_]
    problems: NDArray[np.int64]
    seeds: NDArray[np.int64]
    rounds: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.lengths)

    def units(self, spec: TaskSpec) -> int:
        """What is paid under `spec`: the completion tokens that are in the loss."""
        return advantages.units(self.rewards, self.lengths, spec)

    def leaves(self, spec: TaskSpec) -> list[bytes]:
        """One 32-byte digest for each rollout, over its whole row under `spec` and the proofs of its prompt."""
        return rows.leaves(rows.columns(self, spec), _prompt_proofs(self, spec))

    def root(self, spec: TaskSpec) -> bytes:
        """The Merkle root over the leaves."""
        return merkle.root(self.leaves(spec))

    def trimmed(self, spec: TaskSpec) -> Rollouts:
        """Return the same rollouts without padding that all of them have: what `check` and `write` ask for."""
        p, t = int(self.prompt_lengths.max()), int(self.lengths.max())
        width, prompt_width = (proof_width(length, spec) for length in (t, p))
        return replace(
            self,
            prompts=self.prompts[:, :p],
            tokens=self.tokens[:, :t],
            logprobs=self.logprobs[:, :t],
            proofs=self.proofs[:, :width],
            prompt_proofs=self.prompt_proofs[:, :prompt_width],
        )

    def check(self, spec: TaskSpec) -> None:
        """Raise Refused unless the columns keep their form under `spec`."""
        _check_shapes(self, spec)
        for name, lengths, width in (
            ("prompt_lengths", self.prompt_lengths, self.prompts.shape[1]),
            ("lengths", self.lengths, self.tokens.shape[1]),
        ):
            if not 1 <= int(lengths.min()) <= int(lengths.max()) <= width:
                raise Refused(f"{name} must lie from 1 to {width}", Reason.BOUNDS, _worst(lengths, width))
            if int(lengths.max()) < width:
                raise Refused(f"{name} must reach the {width} columns that there are", Reason.BOUNDS)
        if int(self.problems.min()) < 0:
            raise Refused("a problem's number is negative", Reason.BOUNDS, int(np.argmin(self.problems)))
        _check_padding(self, spec.verification.chunk, spec.verification.top_k)


def write(path: Path, rollouts: Rollouts, spec: TaskSpec, origin: Origin) -> None:
    """Write rollouts that `read` would accept; others are Refused."""
    rollouts.check(spec)
    try:
        columns = rows.columns(rollouts, spec)
    except UnicodeEncodeError as error:
        raise Refused("a text isn't Unicode", Reason.BOUNDS) from error
    _check_origin(rollouts, spec, origin)
    metadata = origin.metadata(base64.b64encode(b"".join(_prompt_proofs(rollouts, spec))))
    parquet.write(path, parquet.Table(len(rollouts), columns, metadata), rows.KINDS)


def read(path: Path, spec: TaskSpec) -> Rollouts:
    """Read a stranger's rollouts for `spec`; at most its `max_artifact_bytes`.

    Raises:
        Refused: SCHEMA, SIZE, BOUNDS or BINDING, with the leaf where there is one.
    """
    return read_whole(path, spec)[0]


def read_whole(path: Path, spec: TaskSpec) -> tuple[Rollouts, Origin]:
    """Read rollouts, and what their file says of its origin; raises as `read` does."""
    most = spec.rollout.groups * spec.rollout.group_size
    proofs = spec.rollout.groups * proof_width(spec.rollout.max_prompt_tokens, spec)
    footer = _FOOTER_BYTES + (proofs + 2) * 4 // 3
    table = parquet.read(path, rows.KINDS, spec.rounds.max_artifact_bytes, footer, most)
    found = parse(table.metadata)
    rollouts = Rollouts(**rows.arrays(table, table.metadata[PROOFS_KEY], spec))
    rollouts.check(spec)
    due = rows.columns(rollouts, spec)
    for name in rows.FOLLOWING:
        leaf = rows.differing(table.columns[name], due[name])
        if leaf is not None:
            raise Refused(f"{name} of rollout {leaf} doesn't follow from the other columns", Reason.BOUNDS, leaf)
    _check_origin(rollouts, spec, found)
    return rollouts, found


def _check_origin(rollouts: Rollouts, spec: TaskSpec, origin: Origin) -> None:
    """Refuse rows of another round or other groups than their file says, and a signature that isn't the trainer's."""
    wrong = rollouts.rounds != origin.binding["round"]
    if wrong.any():
        raise Refused("a rollout is of another round than its file", Reason.BINDING, int(np.argmax(wrong)))
    if origin.binding["groups"] != len(rollouts) // spec.rollout.group_size:
        raise Refused("the file has other groups than it is bound to", Reason.BINDING)
    if origin.signature:
        origin.check_signature(rollouts.root(spec))


def _prompt_proofs(rollouts: Rollouts, spec: TaskSpec) -> list[bytes]:
    return rows.cut_proofs(rollouts.prompt_proofs, rollouts.prompt_lengths[:: spec.rollout.group_size], spec)


def _check_shapes(rollouts: Rollouts, spec: TaskSpec) -> None:
    n, size = len(rollouts), spec.rollout.group_size
    if n < 1 or n % size or n > size * spec.rollout.groups:
        refuse(f"a submission has 1 to {spec.rollout.groups} groups of {size} rollouts, not {n} rollouts")
    t, p = rollouts.tokens.shape[-1], rollouts.prompts.shape[-1]
    if not 1 <= t <= spec.rollout.max_new_tokens:
        refuse(f"completions must be 1 to {spec.rollout.max_new_tokens} tokens wide, not {t}", Reason.BOUNDS)
    if not 1 <= p <= spec.rollout.max_prompt_tokens:
        refuse(f"prompts must be 1 to {spec.rollout.max_prompt_tokens} tokens wide, not {p}", Reason.BOUNDS)
    shapes: dict[str, tuple[str, tuple[int, ...]]] = {
        "prompts": ("int32", (n, p)),
        "prompt_lengths": ("int16", (n,)),
        "tokens": ("int32", (n, t)),
        "lengths": ("int16", (n,)),
        "rewards": ("float32", (n,)),
        "logprobs": ("float32", (n, t)),
        "proofs": ("uint8", (n, proof_width(t, spec))),
        "prompt_proofs": ("uint8", (n // size, proof_width(p, spec))),
        "prompt_texts": ("object", (n,)),
        "texts": ("object", (n,)),
        "problems": ("int64", (n,)),
        "seeds": ("int64", (n,)),
        "rounds": ("int32", (n,)),
    }
    for name, (dtype, shape) in shapes.items():
        column = getattr(rollouts, name)
        if column.dtype.name != dtype or column.ndim != len(shape):
            refuse(f"column {name} isn't {dtype} of {len(shape)} dimensions")
        if column.shape != shape:
            refuse(f"column {name} has shape {list(column.shape)}, not {list(shape)}")


def _check_padding(rollouts: Rollouts, chunk: int, top_k: int) -> None:
    for name, lengths in (("prompts", rollouts.prompt_lengths), ("tokens", rollouts.lengths)):
        column = getattr(rollouts, name)
        inside = np.arange(column.shape[1]) < lengths[:, None]
        _all(np.where(inside, column >= 0, column == PAD), f"{name} must be tokens and then {PAD}")
    inside = np.arange(rollouts.logprobs.shape[1]) < rollouts.lengths[:, None]
    _all(np.isfinite(rollouts.logprobs) & (inside | (rollouts.logprobs == 0)), "logprobs must be finite and then 0")
    _all(np.isfinite(rollouts.rewards), "rewards must be finite")
    size = len(rollouts) // len(rollouts.prompt_proofs)
    for proofs, lengths, each in (
        (rollouts.proofs, rollouts.lengths, 1),
        (rollouts.prompt_proofs, rollouts.prompt_lengths[::size], size),
    ):
        used = -(-lengths.astype(np.int64) // chunk) * toploc.proof_bytes(top_k)
        beyond = np.arange(proofs.shape[1]) >= used[:, None]
        _all(~(beyond & (proofs != 0)), "proofs must be 0 after the last chunk", each)


def _all(passes: NDArray[np.bool_], message: str, rollouts: int = 1) -> None:
    """Refuse at the first row that doesn't pass; a row stands for so many rollouts."""
    found = passes.reshape(len(passes), -1).all(axis=1)
    if not found.all():
        raise Refused(message, Reason.BOUNDS, int(np.argmin(found)) * rollouts)


def _worst(lengths: NDArray[np.int16], width: int) -> int:
    return int(np.argmax((lengths < 1) | (lengths > width)))
