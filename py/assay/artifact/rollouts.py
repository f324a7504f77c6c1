"""The rollouts of a submission: prompts, completions, log-probs, rewards and TOPLOC proofs as columns.

Rollout i belongs to group i // group_size. Checks form only: types, shapes, lengths, padding and finite values. Whether
prompts are the assigned ones, rewards are true or proofs hold is verify's question.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assay.artifact import tensors
from assay.artifact.strict import refuse
from assay.errors import Refused
from assay.protocol import advantages, merkle, toploc
from assay.protocol.hashing import sha256
from assay.protocol.spec import TaskSpec
from assay.types import Reason

NAME = "rollouts.safetensors"
PAD = -1
_DOMAIN = b"assay.rollout\x00"


@dataclass(frozen=True, slots=True, eq=False)
class Rollouts:
    """n rollouts in columns.

    Attributes:
        prompts: int32[n, p] tokens, PAD after the prompt's end.
        prompt_lengths: int16[n], 1 to p.
        tokens: int32[n, t] completion tokens, PAD after the end.
        lengths: int16[n] completion tokens with the end token, 1 to t.
        rewards: float32[n].
        logprobs: float32[n, t] natural log-probs of the tokens, 0 after the end.
        proofs: uint8[n, ceil(t / chunk) · (2 + 2 · top_k)], one proof after another, 0 after the last.
        prompt_proofs: uint8[groups, ceil(p / chunk) · (2 + 2 · top_k)], those of the prompt that a group shares.
    """

    prompts: NDArray[np.int32]
    prompt_lengths: NDArray[np.int16]
    tokens: NDArray[np.int32]
    lengths: NDArray[np.int16]
    rewards: NDArray[np.float32]
    logprobs: NDArray[np.float32]
    proofs: NDArray[np.uint8]
    prompt_proofs: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.lengths)

    def units(self, spec: TaskSpec) -> int:
        """What is paid under `spec`: the completion tokens that are in the loss."""
        return advantages.units(self.rewards, self.lengths, spec)

    def leaves(self) -> list[bytes]:
        """One 32-byte digest for each rollout, over everything but the padding of prompt, tokens and log-probs."""
        return [self._leaf(i) for i in range(len(self))]

    def root(self) -> bytes:
        """The Merkle root over the leaves."""
        return merkle.root(self.leaves())

    def _leaf(self, i: int) -> bytes:
        p, t = int(self.prompt_lengths[i]), int(self.lengths[i])
        head = struct.pack("<IIf", p, t, float(self.rewards[i]))
        columns = (
            self.prompts[i, :p].astype("<i4"),
            self.tokens[i, :t].astype("<i4"),
            self.logprobs[i, :t].astype("<f4"),
            self.proofs[i],
            self.prompt_proofs[i * len(self.prompt_proofs) // len(self)],
        )
        return sha256(_DOMAIN + head + b"".join(column.tobytes() for column in columns))

    def check(self, spec: TaskSpec) -> None:
        """Raise Refused unless the columns keep their form under `spec`."""
        n, t = len(self), self.tokens.shape[-1]
        _check_shapes(self, spec)
        for name, lengths, width in (
            ("prompt_lengths", self.prompt_lengths, self.prompts.shape[1]),
            ("lengths", self.lengths, t),
        ):
            if n and not 1 <= int(lengths.min()) <= int(lengths.max()) <= width:
                raise Refused(f"{name} must lie from 1 to {width}", Reason.BOUNDS, _worst(lengths, width))
        _check_padding(self, spec.verification.chunk, spec.verification.top_k)


def write(path: Path, rollouts: Rollouts, spec: TaskSpec) -> None:
    """Write rollouts that `read` would accept; others are Refused."""
    rollouts.check(spec)
    tensors.write(path, {name: getattr(rollouts, name) for name in _wanted(spec)})


def read(path: Path, spec: TaskSpec) -> Rollouts:
    """Read a stranger's rollouts for `spec`; at most its `max_artifact_bytes`.

    Raises:
        Refused: SCHEMA, SIZE or BOUNDS, with the leaf where there is one.
    """
    rollouts = Rollouts(**tensors.read(path, _wanted(spec), spec.rounds.max_artifact_bytes, finite=True))
    rollouts.check(spec)
    return rollouts


def _wanted(spec: TaskSpec) -> tensors.Wanted:
    return {
        "prompts": ("int32", (None, None)),
        "prompt_lengths": ("int16", (None,)),
        "tokens": ("int32", (None, None)),
        "lengths": ("int16", (None,)),
        "rewards": ("float32", (None,)),
        "logprobs": ("float32", (None, None)),
        "proofs": ("uint8", (None, None)),
        "prompt_proofs": ("uint8", (None, None)),
    }


def _check_shapes(rollouts: Rollouts, spec: TaskSpec) -> None:
    n, t, size = len(rollouts), rollouts.tokens.shape[-1], spec.rollout.group_size
    if n < 1 or n % size or n > size * spec.rollout.groups:
        refuse(f"a submission has 1 to {spec.rollout.groups} groups of {size} rollouts, not {n} rollouts")
    if not 1 <= t <= spec.rollout.max_new_tokens:
        refuse(f"completions must be 1 to {spec.rollout.max_new_tokens} tokens wide, not {t}", Reason.BOUNDS)
    rules, p = spec.verification, rollouts.prompts.shape[-1]
    width, prompt_width = (toploc.chunks_of(n, rules.chunk) * toploc.proof_bytes(rules.top_k) for n in (t, p))
    shapes: dict[str, tuple[int | None, ...]] = {
        "prompts": (n, None),
        "prompt_lengths": (n,),
        "tokens": (n, t),
        "lengths": (n,),
        "rewards": (n,),
        "logprobs": (n, t),
        "proofs": (n, width),
        "prompt_proofs": (n // size, prompt_width),
    }
    for name, (dtype, _) in _wanted(spec).items():
        column, shape = getattr(rollouts, name), shapes[name]
        if column.dtype.name != dtype or column.ndim != len(shape):
            refuse(f"column {name} isn't {dtype} of {len(shape)} dimensions")
        if any(want not in (None, have) for have, want in zip(column.shape, shape, strict=True)):
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
    for proofs, lengths, rows in (
        (rollouts.proofs, rollouts.lengths, 1),
        (rollouts.prompt_proofs, rollouts.prompt_lengths[::size], size),
    ):
        used = -(-lengths.astype(np.int64) // chunk) * toploc.proof_bytes(top_k)
        beyond = np.arange(proofs.shape[1]) >= used[:, None]
        _all(~(beyond & (proofs != 0)), "proofs must be 0 after the last chunk", rows)


def _all(passes: NDArray[np.bool_], message: str, rollouts: int = 1) -> None:
    """Refuse at the first row that doesn't pass; a row stands for so many rollouts."""
    rows = passes.reshape(len(passes), -1).all(axis=1)
    if not rows.all():
        raise Refused(message, Reason.BOUNDS, int(np.argmin(rows)) * rollouts)


def _worst(lengths: NDArray[np.int16], width: int) -> int:
    return int(np.argmax((lengths < 1) | (lengths > width)))
