"""The engine over vLLM, where it is installed: vLLM writes the texts, our noise decides each token.

A logits processor runs the race of each request at each place in float64 and leaves only the winner, so vLLM's own
sampling has nothing left to choose. vLLM doesn't give final states: those, and the log-probs, come from one prefill of
the finished texts by the same model in transformers, which is what a validator computes too. Weights and adapter must
be the same in both; that is the caller's work.

Only `Seeded`, the part that knows no vLLM, is tested. The rest was never run by us: vLLM isn't on the machines that
this was written on. It follows vLLM's documented interface of the V1 model runner (`AdapterLogitsProcessor`; set
VLLM_USE_V2_MODEL_RUNNER=0 where that is another).
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from assay.errors import Broken, Unavailable
from assay.model import forward
from assay.model.load import CausalLM
from assay.model.loss import token_logprobs
from assay.protocol.profile import Profile
from assay.train.engines import base
from assay.train.engines.base import Progress, Prompts, Sampled
from assay.train.engines.continuous import Texts
from assay.train.engines.race import Race
from assay.train.engines.states import Fingerprints, States, Whole

KEY: Final = "assay_key"
TEMPERATURE: Final = "assay_temperature"
ROWS: Final = 64
"""Finished texts that are read together for their states."""


class Seeded:
    """The race of one request: called at each place with the tokens so far and the logits, it leaves the winner.

    key: 64 bits; a temperature of 0 is greedy.
    """

    def __init__(self, key: int, temperature: float) -> None:
        self._key = np.array([key], np.uint64)
        self._race = Race(temperature or None)

    def __call__(self, output: list[int], logits: torch.Tensor) -> torch.Tensor:
        """Return logits [vocabulary] that are −∞ but for the token that must come at place len(output)."""
        chosen, _ = self._race.choose(logits[None], self._key, np.array([len(output)]))
        left = torch.full_like(logits, float("-inf"))
        left[int(chosen[0])] = 0.0
        return left


def _processor() -> Any:
    """Return the class of processors that vLLM is given; it makes one `Seeded` for each request."""
    adapter: Any = importlib.import_module("vllm.v1.sample.logits_processor").AdapterLogitsProcessor

    class SeededNoise(adapter):  # type: ignore[misc]
        def is_argmax_invariant(self) -> bool:
            return False

        def new_req_logits_processor(self, params: Any) -> Seeded | None:
            more = params.extra_args or {}
            return Seeded(int(more[KEY]), float(more[TEMPERATURE])) if KEY in more else None

    return SeededNoise


class VllmEngine:
    """Samples with vLLM from a model's folder; `model` is the same model in transformers and gives the states.

    With `rules` the states become proofs under that profile. `options` go to `vllm.LLM`. Unavailable without vLLM.
    """

    def __init__(self, folder: str, model: CausalLM, rules: Profile | None = None, **options: Any) -> None:
        if importlib.util.find_spec("vllm") is None:
            raise Unavailable("vLLM isn't installed on this machine: use the transformers engine")
        self._vllm: Any = importlib.import_module("vllm")
        self._llm = self._vllm.LLM(model=folder, logits_processors=[_processor()], **options)
        self._model, self._rules = model, rules

    def sample(
        self,
        prompts: Prompts,
        keys: NDArray[np.uint64],
        max_new_tokens: int,
        temperature: float,
        eos: int,
        progress: Progress | None = None,
    ) -> Sampled:
        """See `Engine.sample`."""
        base.check(prompts, keys, max_new_tokens)
        orders = [self._order(int(key), temperature, max_new_tokens, eos) for key in keys.reshape(-1)]
        asked = [{"prompt_token_ids": list(prompt)} for prompt in prompts for _ in range(keys.shape[1])]
        told = self._llm.generate(asked, orders, use_tqdm=False)
        return told_of(
            self._model, self._rules, prompts, [list(one.outputs[0].token_ids) for one in told], max_new_tokens,
            temperature or 1.0, progress,
        )  # fmt: skip

    def greedy(self, prompts: Prompts, max_new_tokens: int, eos: int) -> Sampled:
        """See `Engine.greedy`."""
        return self.sample(prompts, np.zeros((len(prompts), 1), np.uint64), max_new_tokens, 0.0, eos)

    def _order(self, key: int, temperature: float, width: int, eos: int) -> Any:
        return self._vllm.SamplingParams(
            temperature=0.0,
            max_tokens=width,
            stop_token_ids=[eos],
            ignore_eos=True,
            detokenize=False,
            extra_args={KEY: key, TEMPERATURE: temperature},
        )


def told_of(
    model: CausalLM,
    rules: Profile | None,
    prompts: Prompts,
    texts: list[list[int]],
    width: int,
    temperature: float,
    progress: Progress | None = None,
) -> Sampled:
    """Return finished texts, equally many per prompt, with log-probs and states of a prefill, as an engine does.

    Broken if a text is empty or longer than `width`.
    """
    if len(texts) % len(prompts) or not all(1 <= len(text) <= width for text in texts):
        raise Broken("the engine gave back texts that weren't asked for")
    size, found = len(texts) // len(prompts), Texts.empty(len(texts), width)
    shape = (len(texts), width, len(prompts), max(map(len, prompts)), model.config.hidden_size)
    states: States = Whole(*shape) if rules is None else Fingerprints(rules, *shape)
    for row, text in enumerate(texts):
        found.tokens[row, : len(text)], found.lengths[row] = text, len(text)
    step = max(1, ROWS // size)
    for at in range(0, len(prompts), step):
        _read(model, prompts, np.arange(at, min(at + step, len(prompts))), size, temperature, found, states)
        if progress is not None:
            progress("rollouts", min(1.0, (at + step) / len(prompts)))
    return Sampled(found.tokens, found.lengths, found.logprobs, *states.kept())


def _read(
    model: CausalLM,
    prompts: Prompts,
    groups: NDArray[np.int64],
    size: int,
    temperature: float,
    found: Texts,
    states: States,
) -> None:
    """Prefill the texts of some groups; note their log-probs and states."""
    rows = (groups[:, None] * size + np.arange(size)[None]).reshape(-1)
    lengths = np.array([len(prompts[g]) for g in groups])
    asked = np.full((len(groups), int(lengths.max())), base.EMPTY)
    for line, group in zip(asked, groups.tolist(), strict=True):
        line[: len(prompts[group])] = prompts[group]
    ends = found.lengths[rows].astype(np.int64)
    tokens = found.tokens[rows, : int(ends.max())]
    logits, hidden, read = forward.prefill_groups(
        model, np.repeat(asked, size, axis=0), np.repeat(lengths, size), tokens, ends, size
    )
    inside = np.arange(tokens.shape[1])[None] < ends[:, None]
    said = torch.from_numpy(np.where(inside, tokens, 0).astype(np.int64))
    spoken = token_logprobs(logits, said, temperature).numpy()
    found.logprobs[rows, : tokens.shape[1]] = np.where(inside, spoken, np.float32(0))
    for number, group in enumerate(groups.tolist()):
        states.put_prompts(np.array([group]), read[number : number + 1, : lengths[number]])
    for place in range(tokens.shape[1]):
        live = inside[:, place]
        part = np.full(int(live.sum()), place, np.int64)
        states.put(rows[live], part, hidden[torch.from_numpy(live), place], ends[live] == place + 1)
