"""Check 5: one prefill of the drawn groups, compared with the committed fingerprints.

The audit seed is known only after the submission's root is on chain. The prefill's logits serve the sampling replay
too, and its own fingerprints of a drawn layer that nobody published are the evidence that it was done. Doesn't look at
groups that weren't drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from assay.errors import Refused
from assay.model import forward, load
from assay.protocol import toploc
from assay.protocol.evidence import Place, layer_of
from assay.protocol.profile import Float32Limits, Profile
from assay.protocol.toploc import ChunkScore
from assay.types import Reason
from assay.verify.case import Case, Measure
from assay.verify.sequential import Observed
from assay.verify.toploc import fingerprint, score

Line = tuple[str, float, float]


@dataclass(frozen=True, slots=True)
class Audit:
    """An own prefill of the drawn groups.

    groups int64[g]; rows int64[m], their rollouts; logits float32[m, t, v]; states that produced the tokens, hidden
    float32[m, t, h], and those of the prompts, prompts float32[g, p, h]; `watch` has both at the evidence's layer. The
    checks note in `seen` what the worker's sequential test takes of them.
    """

    groups: NDArray[np.int64]
    rows: NDArray[np.int64]
    logits: torch.Tensor
    hidden: torch.Tensor
    prompts: torch.Tensor
    watch: forward.Watch
    seen: Observed = field(default_factory=Observed)


def drawn_groups(case: Case) -> list[int]:
    """Return the groups that the audit plan draws from this submission, ascending."""
    return list(case.plan.groups)


def prefill(case: Case) -> Audit:
    """Run the base model over the drawn rollouts, teacher-forced."""
    size, rollouts = case.spec.rollout.group_size, case.rollouts
    groups = np.array(drawn_groups(case), dtype=np.int64)
    rows = (groups[:, None] * size + np.arange(size)).reshape(-1)
    at, model = case.context, case.model()
    watch = forward.Watch(layer_of(at.audit_seed, at.trainer, at.n, case.sizes.layers))
    logits, hidden, prompts = forward.prefill_groups(
        load.computed_in(model, case.profile.dtype),
        rollouts.prompts[rows],
        rollouts.prompt_lengths[rows],
        rollouts.tokens[rows],
        rollouts.lengths[rows],
        size,
        watch=watch,
    )
    return Audit(groups, rows, logits, hidden, prompts, watch)


def fingerprints(case: Case, audit: Audit) -> list[bytes]:
    """Return this node's own fingerprints at the evidence's layer: drawn prompts, then drawn rollouts, by chunk."""
    rules = case.profile
    own = [
        *fingerprint(audit.watch.prompts, prompt_lengths(case, audit.groups), rules),
        *fingerprint(audit.watch.hidden, case.rollouts.lengths[audit.rows], rules),
    ]
    return [proof for row in own for proof in row]


def place_of(case: Case, validator: str) -> Place:
    """Return what the evidence of a validator for this submission is bound to."""
    at = case.context
    return Place(at.chain_id, at.ledger, at.task, at.round, case.artifact.root, validator)


def prompt_lengths(case: Case, groups: NDArray[np.int64]) -> NDArray[np.int16]:
    """Return how many tokens the prompts of some groups have."""
    return case.rollouts.prompt_lengths[groups * case.spec.rollout.group_size]


def committed(case: Case, rows: NDArray[np.int64]) -> list[list[bytes]]:
    """Return the proofs that the submission holds for some rollouts."""
    return _split(case, case.rollouts.proofs[rows], case.rollouts.lengths[rows])


def committed_prompts(case: Case, groups: NDArray[np.int64]) -> list[list[bytes]]:
    """Return the proofs that the submission holds for the prompts of some groups."""
    return _split(case, case.rollouts.prompt_proofs[groups], prompt_lengths(case, groups))


def _split(case: Case, proofs: NDArray[np.uint8], lengths: NDArray[np.int16]) -> list[list[bytes]]:
    rules = case.profile
    size = toploc.proof_bytes(rules.top_k)
    counts = [toploc.chunks_of(n, rules.chunk) for n in lengths.tolist()]
    rows = [row.tobytes() for row in proofs]
    return [[row[at * size : (at + 1) * size] for at in range(count)] for row, count in zip(rows, counts, strict=True)]


def check_activation(case: Case, audit: Audit) -> Measure:
    """Compare committed proofs with the prefill: every chunk, and every sequence's mean. Value: the worst such mean.

    Prompts come first: a hidden instruction shows there at once, in completions only through what it changed.
    """
    rules, size = case.profile, case.spec.rollout.group_size
    asked = prompt_lengths(case, audit.groups)
    prompts = score(audit.prompts, asked, committed_prompts(case, audit.groups), rules)
    completions = score(audit.hidden, case.rollouts.lengths[audit.rows], committed(case, audit.rows), rules)
    worst = 0.0
    for what, leaves, results in (
        ("prompt of rollout", (audit.groups * size).tolist(), prompts),
        ("rollout", audit.rows.tolist(), completions),
    ):
        for leaf, chunks in zip(leaves, results, strict=True):
            for chunk in chunks:
                _judge(what, leaf, limits_of(rules, chunk))
            _judge(what, leaf, [sequence_of(rules, chunks)])
            worst = max(worst, sequence_of(rules, chunks)[1])
    for noted, numbers, results in (
        (audit.seen.errors, audit.rows, completions),
        (audit.seen.prompts, audit.groups, prompts),
    ):
        noted.update((i, sequence_error(row, rules.patterns)) for i, row in zip(numbers.tolist(), results, strict=True))
    return Measure(worst, rules.sequence_limit)


def sequence_of(profile: Profile, chunks: Sequence[ChunkScore]) -> Line:
    """Return name, value and threshold of what a whole sequence is bounded by."""
    return "mean error", sequence_error(chunks, profile.patterns), profile.sequence_limit


def sequence_error(chunks: Sequence[ChunkScore], patterns: str) -> float:
    """Return the mean error of a sequence; in float32 without the points far apart, which honest near ties at the
    k-th place cause and which each chunk bounds."""
    fine = patterns == "float32"
    return math.fsum(chunk.close_mean if fine else chunk.error for chunk in chunks) / len(chunks)


def limits_of(profile: Profile, chunk: ChunkScore) -> list[Line]:
    """Return name, value and threshold of everything that a chunk is bounded by."""
    limits = profile.chunk_limits
    if isinstance(limits, Float32Limits):
        return [
            ("mantissas far apart", chunk.far, limits.far),
            ("mean mantissa distance", chunk.close_mean, limits.close_mean),
        ]
    return [
        ("exponents or signs apart", chunk.exponent_mismatches + chunk.sign_mismatches, limits.exponent_mismatches),
        ("mean mantissa distance", chunk.mantissa_mean, limits.mantissa_mean),
        ("median mantissa distance", chunk.mantissa_median, limits.mantissa_median),
    ]


def _judge(what: str, leaf: int, lines: list[Line]) -> None:
    for name, value, threshold in lines:
        if value > threshold:
            measured = f"{name} {value:.6g} > {threshold:g}"
            message = f"{what} {leaf}: the proof isn't of this model's activations: {measured}"
            raise Refused(message, Reason.ACTIVATION, leaf, float(value), float(threshold))
