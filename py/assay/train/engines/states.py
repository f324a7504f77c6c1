"""Where an engine puts the final states of its texts: whole, or turned into proofs as chunks fill up.

Whole states of n rollouts take n · t · h floats; proofs need one chunk of each running rollout. Both see the same
states, so the proofs are the same. Knows no model and no sampling.
"""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from assay.model import profile
from assay.protocol import toploc
from assay.protocol.profile import Profile
from assay.train.engines.base import Proofs

I64 = NDArray[np.int64]
F32 = NDArray[np.float32]
WAITING: Final = 1 << 21
"""Values of full chunks that wait to be turned into proofs together."""


class States(Protocol):
    """Takes states as they come."""

    def put_prompts(self, groups: I64, states: torch.Tensor) -> None:
        """Take the states [n, p, h] of the prompts of n groups."""
        ...

    def put(self, rollouts: I64, places: I64, states: torch.Tensor, ended: NDArray[np.bool_]) -> None:
        """Take what produced the token at one place of each of n rollouts, [n, h]; `ended` says whose was the last."""
        ...

    def kept(self) -> tuple[F32, F32, Proofs | None]:
        """Return hidden, prompts and proofs as `Sampled` has them."""
        ...


class Whole:
    """Keeps every state in float32; memory of places that are never reached isn't touched."""

    def __init__(self, rollouts: int, width: int, groups: int, longest: int, hidden: int) -> None:
        self._hidden = np.zeros((rollouts, width, hidden), np.float32)
        self._prompts = np.zeros((groups, longest, hidden), np.float32)

    def put_prompts(self, groups: I64, states: torch.Tensor) -> None:
        self._prompts[groups, : states.shape[1]] = states.float().cpu().numpy()

    def put(self, rollouts: I64, places: I64, states: torch.Tensor, ended: NDArray[np.bool_]) -> None:
        self._hidden[rollouts, places] = states.float().cpu().numpy()

    def kept(self) -> tuple[F32, F32, Proofs | None]:
        return self._hidden, self._prompts, None


class Fingerprints:
    """Keeps proofs under a profile, and of states only the open chunks of rollouts that run."""

    def __init__(self, rules: Profile, rollouts: int, width: int, groups: int, longest: int, hidden: int) -> None:
        self._rules, self._size, self._width = rules, toploc.proof_bytes(rules.top_k), hidden
        chunks = (toploc.chunks_of(count, rules.chunk) for count in (width, longest))
        mine, asked = (count * self._size for count in chunks)
        self._proofs = Proofs(np.zeros((rollouts, mine), np.uint8), np.zeros((groups, asked), np.uint8))
        self._chunks = np.zeros((0, rules.chunk, hidden), np.float32)
        self._seat = np.full(rollouts, -1, np.int64)
        self._free: list[int] = []
        self._full: list[tuple[I64, I64, F32]] = []

    def put_prompts(self, groups: I64, states: torch.Tensor) -> None:
        rules = self._rules
        bits = profile.bits(states.cpu(), rules.patterns)
        lengths = np.full(len(groups), states.shape[1], np.int64)
        for group, made in zip(groups, toploc.build_many(bits, lengths, rules.chunk, rules.top_k), strict=True):
            line = np.frombuffer(b"".join(made), np.uint8)
            self._proofs.prompts[group, : len(line)] = line

    def put(self, rollouts: I64, places: I64, states: torch.Tensor, ended: NDArray[np.bool_]) -> None:
        self._sit(rollouts[self._seat[rollouts] < 0])
        seats, at = self._seat[rollouts], places % self._rules.chunk
        self._chunks[seats, at] = states.float().cpu().numpy()
        for length in np.unique(at[(full := ended | (at == self._rules.chunk - 1))]).tolist():
            some = full & (at == length)
            self._full.append((rollouts[some], places[some], self._chunks[seats[some], : length + 1]))
        if sum(chunks.size for _, _, chunks in self._full) > WAITING:
            self._flush()
        self._free += self._seat[rollouts[ended]].tolist()
        self._seat[rollouts[ended]] = -1

    def kept(self) -> tuple[F32, F32, Proofs | None]:
        self._flush()
        nothing = (np.zeros((len(rows), 0, self._width), np.float32) for rows in (self._seat, self._proofs.prompts))
        hidden, prompts = nothing
        return hidden, prompts, self._proofs

    def _sit(self, rollouts: I64) -> None:
        """Give each a seat: the place of its open chunk."""
        if (missing := len(rollouts) - len(self._free)) > 0:
            have = len(self._chunks)
            more = max(missing, have // 2)
            room = np.zeros((more, *self._chunks.shape[1:]), np.float32)
            self._chunks = np.concatenate([self._chunks, room])
            self._free += range(have, have + more)
        for rollout in rollouts:
            self._seat[rollout] = self._free.pop()

    def _flush(self) -> None:
        """Turn the chunks that wait into proofs, equally long ones together."""
        rules = self._rules
        for length in sorted({chunks.shape[1] for _, _, chunks in self._full}):
            some = [one for one in self._full if one[2].shape[1] == length]
            rollouts, places = (np.concatenate([one[i] for one in some]) for i in range(2))
            bits = profile.bits(np.concatenate([one[2] for one in some]), rules.patterns)
            lengths = np.full(len(rollouts), length, np.int64)
            made = toploc.build_many(bits, lengths, rules.chunk, rules.top_k)
            for rollout, place, (proof,) in zip(rollouts, places // rules.chunk, made, strict=True):
                self._proofs.rollouts[rollout, place * self._size : (place + 1) * self._size] = np.frombuffer(
                    proof, np.uint8
                )
        self._full.clear()
