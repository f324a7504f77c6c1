"""Continuous batching: a slot whose rollout ended takes the next one, so that short and long ones never wait for each
other.

Groups come by the length of their prompts. Each prompt is read once for all of its group, equally long ones together.
How many rollouts run at once follows from the memory that their keys and values would take at their longest (their
rooms may be up to twice as large). Knows no reward, no file, and of proofs only where states go.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from assay.model import load
from assay.model.load import CausalLM
from assay.train.engines import attention
from assay.train.engines.base import EMPTY, Progress, Prompts
from assay.train.engines.race import Race
from assay.train.engines.rooms import Rooms
from assay.train.engines.states import States

I64 = NDArray[np.int64]
READ: Final = 2048
"""Prompt tokens that are read together, if prompts are no longer than that."""


@dataclass(slots=True)
class Texts:
    """What comes of n rollouts: tokens int32[n, t], lengths int16[n], log-probs float32[n, t]."""

    tokens: NDArray[np.int32]
    lengths: NDArray[np.int16]
    logprobs: NDArray[np.float32]

    @classmethod
    def empty(cls, rollouts: int, width: int) -> Texts:
        tokens = np.full((rollouts, width), EMPTY, np.int32)
        return cls(tokens, np.zeros(rollouts, np.int16), np.zeros((rollouts, width), np.float32))


@dataclass(slots=True)
class _Read:
    """Prompts that were read together: their last states [n, h], keys and values, and whose rollouts still wait."""

    last: torch.Tensor
    keys: torch.Tensor
    values: torch.Tensor
    which: I64
    rollouts: I64
    taken: int = 0


class Run:
    """One call of the engine: what waits, what runs, what came of it."""

    def __init__(
        self,
        model: CausalLM,
        prompts: Prompts,
        keys: NDArray[np.uint64],
        width: int,
        race: Race,
        eos: int,
        states: States,
        slots: int,
        budget: int,
    ) -> None:
        self.model, self.prompts, self.keys, self.race, self.eos, self.states = model, prompts, keys, race, eos, states
        self.texts = Texts.empty(keys.size, width)
        self._slots, self._budget = slots, budget
        self._promised = 0
        lengths = np.array([len(prompt) for prompt in prompts], np.int64)
        self._lengths = np.repeat(lengths, keys.shape[1])
        self._waiting: deque[int] = deque(np.argsort(lengths, kind="stable").tolist())
        self._read: _Read | None = None
        self._rooms = Rooms(int(lengths.max(initial=0)) + width)
        self._token_bytes = 0

    def finish(self, progress: Progress | None) -> Texts:
        """Run until all rollouts have ended."""
        done = 0
        running, states = self._continue(np.zeros(0, np.int64))
        while True:
            running, states = self._begin(running, states)
            if not len(running):
                return self.texts
            ended = running[self._speak(running, states)]
            done += len(ended)
            if progress is not None and len(ended):
                progress("rollouts", done / self.keys.size)
            running, states = self._continue(ended)

    def _begin(self, running: I64, states: torch.Tensor) -> tuple[I64, torch.Tensor]:
        """Let rollouts that wait take the free slots; return all that run, with their last states."""
        rollouts, last = [running], [states]
        while (following := self._following()) is not None and (free := self._free(following)):
            read = self._read or self._read_prompts(free)
            part = slice(read.taken, read.taken + self._free(int(read.rollouts[read.taken])))
            fresh, which = read.rollouts[part], read.which[part]
            self._rooms.add(read.keys, read.values, which, fresh)
            self._promised += len(fresh) * self._promise(int(fresh[0]))
            rollouts.append(fresh)
            last.append(read.last[torch.from_numpy(which).to(read.last.device)])
            read.taken += len(fresh)
            self._read = read if read.taken < len(read.rollouts) else None
        return np.concatenate(rollouts), torch.cat(last)

    def _following(self) -> int | None:
        """Return the rollout that comes next, None after the last."""
        if self._read is not None:
            return int(self._read.rollouts[self._read.taken])
        return int(self._waiting[0] * self.keys.shape[1]) if self._waiting else None

    def _promise(self, rollout: int) -> int:
        """Return the bytes that a rollout's keys and values take at its longest."""
        return self._token_bytes * int(self._lengths[rollout] + self.texts.tokens.shape[1])

    def _free(self, following: int) -> int:
        """Return how many rollouts like the one that follows may begin now: one at least if none runs."""
        slots = self._slots - len(self._rooms)
        if not self._token_bytes:
            return slots
        room = (self._budget - self._promised) // self._promise(following)
        return max(min(slots, room), 0 if len(self._rooms) else 1)

    def _read_prompts(self, free: int) -> _Read:
        """Read the next prompts: equally long ones, for about as many rollouts as there are free slots."""
        size, length = self.keys.shape[1], len(self.prompts[self._waiting[0]])
        most = max(1, min(READ // length, free // size))
        groups: list[int] = []
        while self._waiting and len(groups) < most and len(self.prompts[self._waiting[0]]) == length:
            groups.append(self._waiting.popleft())
        asked = torch.tensor([list(self.prompts[g]) for g in groups], dtype=torch.int64, device=self.model.device)
        states, keys, values = attention.prefill(self.model, asked)
        self._token_bytes = 2 * keys[:, :1, :, :1].numel() * keys.element_size()
        self.states.put_prompts(np.array(groups), states)
        rollouts = (np.array(groups)[:, None] * size + np.arange(size)[None]).reshape(-1)
        return _Read(states[:, -1], keys, values, np.repeat(np.arange(len(groups)), size), rollouts)

    def _speak(self, running: I64, states: torch.Tensor) -> NDArray[np.bool_]:
        """Choose and note the next token of each that runs; return which of them ended."""
        head, texts = load.head(self.model), self.texts
        places = texts.lengths[running].astype(np.int64)
        keys = self.keys.reshape(-1)[running]
        tokens = np.zeros(len(running), np.int64)
        piece = self.race.rows(self.model.config.vocab_size)
        for at in range(0, len(running), piece):
            part = slice(at, at + piece)
            tokens[part], spoken = self.race.choose(head(states[part]), keys[part], places[part])
            texts.logprobs[running[part], places[part]] = spoken
        texts.tokens[running, places] = tokens
        texts.lengths[running] = places + 1
        ended: NDArray[np.bool_] = (tokens == self.eos) | (places + 1 == texts.tokens.shape[1])
        self.states.put(running, places, states, ended)
        return np.asarray(ended)

    def _continue(self, ended: I64) -> tuple[I64, torch.Tensor]:
        """Free the slots of those that ended and read the others' tokens; return them with their last states."""
        rooms = self._rooms
        rooms.drop(ended)
        self._promised -= sum(self._promise(rollout) for rollout in ended.tolist())
        rooms.grow()
        left = rooms.rollouts()
        said = self.texts.tokens[left, self.texts.lengths[left].astype(np.int64) - 1]
        return left, attention.feed(self.model, rooms, said.astype(np.int64))
