"""Check 3: values within bounds, texts that say what their tokens say, and every rollout ends where it had to.

A rollout ends with the end token or at the length cap, and nothing follows an end token. That the end token was due is
the sampling replay's question.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from assay.errors import Refused
from assay.protocol import noise
from assay.protocol.kinds import KINDS
from assay.types import Reason
from assay.verify.case import Case, Measure


def check_bounds(case: Case) -> Measure:
    """Check tokens, rewards, log-probs, terminations and texts of every rollout. Value: rollouts out of bounds."""
    rollouts, environment = case.rollouts, case.environment
    vocabulary = case.sizes.vocabulary
    inside = np.arange(rollouts.tokens.shape[1]) < rollouts.lengths[:, None]
    _refuse_any((rollouts.tokens >= vocabulary).any(axis=1), "has a token outside the vocabulary", Reason.BOUNDS)
    _refuse_any((rollouts.prompts >= vocabulary).any(axis=1), "has a prompt outside the vocabulary", Reason.BOUNDS)
    _refuse_any(~((rollouts.rewards >= 0) & (rollouts.rewards <= 1)), "has a reward outside 0 to 1", Reason.BOUNDS)
    positive = (rollouts.logprobs > 0) & inside
    _refuse_any(positive.any(axis=1), "has a positive log-probability", Reason.BOUNDS)
    kind = KINDS[case.spec.kind]
    if not kind.sampled:
        if not kind.reference:
            _refuse_any(rollouts.logprobs.any(axis=1), "has a log-probability, and its kind has none", Reason.BOUNDS)
        _refuse_any(_misquoted(case), "has a text that isn't what its tokens say", Reason.BOUNDS)
        return Measure(0.0, 0.0)
    beyond = (rollouts.logprobs < least_logprob(vocabulary, case.profile.margin)) & inside
    _refuse_any(beyond.any(axis=1), "has a log-probability with which no token wins its race", Reason.BOUNDS)
    ends = (rollouts.tokens == environment.eos) & inside
    last = np.arange(rollouts.tokens.shape[1]) == rollouts.lengths[:, None] - 1
    _refuse_any((ends & ~last).any(axis=1), "goes on after its end token", Reason.TERMINATION)
    stopped = (ends & last).any(axis=1) | (rollouts.lengths == case.spec.rollout.max_new_tokens)
    _refuse_any(~stopped, "stops without an end token before the length cap", Reason.TERMINATION)
    _refuse_any(_misquoted(case), "has a text that isn't what its tokens say", Reason.BOUNDS)
    return Measure(0.0, 0.0)


def _misquoted(case: Case) -> NDArray[np.bool_]:
    """Return which rollouts' prompt or completion, as text, isn't how the environment writes its tokens."""
    own, describe, size = case.rollouts, case.environment.describe, case.spec.rollout.group_size
    asked = [describe(row[:n]) for row, n in zip(own.prompts[::size].tolist(), own.prompt_lengths[::size], strict=True)]
    said = [describe(row[:n]) for row, n in zip(own.tokens.tolist(), own.lengths.tolist(), strict=True)]
    pairs = zip(own.prompt_texts, own.texts, said, strict=True)
    return np.array([p != asked[i // size] or found != due for i, (p, found, due) in enumerate(pairs)], np.bool_)


def least_logprob(vocabulary: int, margin: float) -> float:
    """Return the least log-probability of a token that was due: noise lifts it past the likeliest token by MOST − LEAST
    at most, and that one has at least 1 / vocabulary.
    """
    return noise.LEAST - noise.MOST - math.log(vocabulary) - 2 * margin - 1e-3


def _refuse_any(wrong: NDArray[np.bool_] | np.bool_, what: str, reason: Reason) -> None:
    if bool(wrong.any()):
        leaf = int(np.argmax(wrong))
        raise Refused(f"rollout {leaf} {what}", reason, leaf, float(wrong.sum()), 0.0)
