"""Check 6: with the assigned noise, every drawn token is the one that had to come out.

margin = max_v(l_v/T + g_v) − (l_y/T + g_y), logits teacher-forced, in float64. The end token is a token like any
other, so it too must have won its race. The log-probs that the inner steps use are compared on the same logits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from assay.errors import Refused
from assay.model.loss import token_logprobs
from assay.protocol.assignment import noise_key
from assay.protocol.noise import Races, gumbel
from assay.protocol.plan import WHOLE_EVERY, whole_race
from assay.types import Reason
from assay.verify.audit import Audit
from assay.verify.case import Case, Measure

SMALL = 4096
"""Vocabularies up to this size are raced in one piece."""
PIECE = 32
"""Races over a larger one that are run together."""


@dataclass(frozen=True, slots=True)
class Replay:
    """The drawn rollouts sampled again: margins float64[m, t], 0 where not `inside`, and the tokens int64[m, t] due."""

    margins: NDArray[np.float64]
    due: NDArray[np.int64]
    inside: NDArray[np.bool_]


def replay(case: Case, audit: Audit) -> Replay:
    """Run the race of every drawn token with the noise that was assigned."""
    size, rollouts = case.spec.rollout.group_size, case.rollouts
    keys = np.array([noise_key(case.seeds[r // size], r % size) for r in audit.rows.tolist()], dtype=np.uint64)
    tokens, lengths = rollouts.tokens[audit.rows], rollouts.lengths[audit.rows]
    first = [whole_race(case.context.audit_seed, row) for row in audit.rows.tolist()]
    return race(audit.logits, keys, tokens, lengths, case.spec.rollout.temperature, first)


def race(
    logits: torch.Tensor,
    keys: NDArray[np.uint64],
    tokens: NDArray[np.int32],
    lengths: NDArray[np.integer],
    temperature: float,
    first: Sequence[int] | None = None,
) -> Replay:
    """Run the races of tokens int[m, t] with logits float32[m, t, v] and a noise key a row.

    first: the first place of each row, of every `WHOLE_EVERY`, that races with the whole of a large vocabulary;
    without, every place does.
    """
    inside = np.arange(tokens.shape[1]) < lengths[:, None]
    if logits.shape[2] > SMALL:
        return _piecewise(logits.numpy(), keys, tokens, inside, temperature, first)
    found = logits.numpy().astype(np.float64)
    found /= temperature
    found += gumbel(keys, tokens.shape[1], found.shape[2])
    said = np.take_along_axis(found, np.where(inside, tokens, 0).astype(np.int64)[:, :, None], axis=2)[:, :, 0]
    margins = np.where(inside, found.max(axis=2) - said, 0.0)
    return Replay(margins, found.argmax(axis=2), inside)


def _piecewise(
    logits: NDArray[np.float32],
    keys: NDArray[np.uint64],
    tokens: NDArray[np.int32],
    inside: NDArray[np.bool_],
    temperature: float,
    first: Sequence[int] | None,
) -> Replay:
    """The same for large vocabularies, where noise for every token would cost as much as the prefill.

    Every token races with all that lie near it; at one place in four, which the audit seed draws, with all there are.
    Who takes another token than a far one that won by rare noise is found at those places.
    """
    races = Races(logits.shape[2])
    margins, due = np.zeros(inside.shape), np.zeros(inside.shape, np.int64)
    for row, length in enumerate(inside.sum(axis=1).tolist()):
        for at in range(0, length, PIECE):
            part = slice(at, min(at + PIECE, length))
            places, said = np.arange(part.start, part.stop), tokens[row, part].astype(np.int64)
            whole = np.full(len(places), True) if first is None else places % WHOLE_EVERY == first[row]
            key = np.full(len(places), keys[row])
            found = races.run(key, places, logits[row, part], temperature, said, whole)
            due[row, part], margins[row, part] = found
    return Replay(margins, due, inside)


def check_sampling(case: Case, audit: Audit) -> Measure:
    """Bound the largest and the mean margin and the share of exact tokens; compare log-probs. Value: the largest."""
    rules, found = case.profile, replay(case, audit)
    largest = found.margins.max(axis=1)
    worst = int(np.argmax(largest))
    leaf, value = int(audit.rows[worst]), float(largest[worst])
    if not value <= rules.margin:
        place = int(np.argmax(found.margins[worst]))
        said, due = int(case.rollouts.tokens[leaf, place]), int(found.due[worst, place])
        raise Refused(
            f"rollout {leaf}, token {place}: {said} was submitted where the assigned noise gives {due}",
            Reason.SAMPLING,
            leaf,
            value,
            rules.margin,
        )
    exact = float((found.margins == 0)[found.inside].mean())
    _note(audit, found)
    if exact < rules.exact_rate:
        message = "too few tokens are exactly the ones that were due"
        raise Refused(message, Reason.SAMPLING, leaf, exact, rules.exact_rate)
    mean = float(found.margins[found.inside].mean())
    if mean > rules.mean_margin:
        message = "too many tokens are near misses of the ones that were due"
        raise Refused(message, Reason.SAMPLING, leaf, mean, rules.mean_margin)
    _logprobs(case, audit, found.inside, case.spec.rollout.temperature)
    return Measure(value, rules.margin)


def _note(audit: Audit, found: Replay) -> None:
    inexact, tokens = ((found.margins > 0) & found.inside).sum(axis=1), found.inside.sum(axis=1)
    audit.seen.inexact.update(zip(audit.rows.tolist(), inexact.tolist(), strict=True))
    audit.seen.tokens.update(zip(audit.rows.tolist(), tokens.tolist(), strict=True))


def check_reference(case: Case, audit: Audit) -> Measure:
    """Compare the log-probs of given texts with the base checkpoint's, at temperature 1. Value: the largest error."""
    inside = np.arange(case.rollouts.tokens.shape[1]) < case.rollouts.lengths[audit.rows, None]
    return Measure(_logprobs(case, audit, inside, 1.0), case.profile.logprob)


def _logprobs(case: Case, audit: Audit, inside: NDArray[np.bool_], temperature: float) -> float:
    """Log-probs steer the loss' ratio, so a false one would be a way to steer the update."""
    tokens = np.where(inside, case.rollouts.tokens[audit.rows], 0).astype(np.int64)
    own = token_logprobs(audit.logits, torch.from_numpy(tokens), temperature).numpy()
    apart = np.where(inside, np.abs(own - case.rollouts.logprobs[audit.rows]), 0.0).max(axis=1)
    worst = int(np.argmax(apart))
    threshold = case.profile.logprob
    value = float(apart[worst])
    if not value <= threshold:
        leaf = int(audit.rows[worst])
        raise Refused(f"rollout {leaf} has a false log-probability", Reason.SAMPLING, leaf, value, threshold)
    return value
