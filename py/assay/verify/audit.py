"""Check 5: one prefill of the drawn groups, compared with the committed fingerprints.

The audit seed is known only after the submission's root is on chain. The prefill's logits serve the sampling replay
too, and its own fingerprints are the evidence that it was done. Doesn't look at groups that weren't drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from assay.errors import Refused
from assay.model import forward
from assay.protocol import merkle, toploc
from assay.protocol.sortition import draw
from assay.protocol.toploc import ChunkScore
from assay.types import Reason
from assay.verify.case import Case, Measure
from assay.verify.toploc import fingerprint, score


@dataclass(frozen=True, slots=True)
class Audit:
    """An own prefill of the drawn rollouts: rows int64[m], logits float32[m, t, v], hidden float32[m, t, h]."""

    rows: NDArray[np.int64]
    logits: torch.Tensor
    hidden: torch.Tensor


def drawn_groups(case: Case) -> list[int]:
    """Return the groups that the audit seed draws from this submission, ascending."""
    context = case.context
    tag = f"groups/{context.trainer.lower()}/{context.n}"
    return draw(context.audit_seed, tag, case.spec.verification.groups, case.spec.rollout.groups)


def prefill(case: Case) -> Audit:
    """Run the base model over the drawn rollouts, teacher-forced."""
    size, rollouts = case.spec.rollout.group_size, case.rollouts
    rows = (np.array(drawn_groups(case))[:, None] * size + np.arange(size)).reshape(-1)
    logits, hidden = forward.prefill(
        case.model(),
        rollouts.prompts[rows],
        rollouts.prompt_lengths[rows],
        rollouts.tokens[rows],
        rollouts.lengths[rows],
    )
    return Audit(rows, logits, hidden)


def evidence(case: Case, audit: Audit) -> bytes:
    """Return the 32-byte Merkle root over this node's own fingerprints of the drawn rollouts."""
    own = fingerprint(audit.hidden, case.rollouts.lengths[audit.rows], case.spec.verification)
    return merkle.root([proof for row in own for proof in row])


def committed(case: Case, rows: NDArray[np.int64]) -> list[list[bytes]]:
    """Return the proofs that the submission holds for some rollouts."""
    rules, rollouts = case.spec.verification, case.rollouts
    size = toploc.proof_bytes(rules.top_k)
    proofs = []
    for row in rows.tolist():
        data = rollouts.proofs[row].tobytes()
        count = toploc.chunks_of(int(rollouts.lengths[row]), rules.chunk)
        proofs.append([data[at * size : (at + 1) * size] for at in range(count)])
    return proofs


def check_activation(case: Case, audit: Audit) -> Measure:
    """Compare committed proofs with the prefill; every chunk must keep to all thresholds. Value: the worst mean."""
    lengths, proofs = case.rollouts.lengths[audit.rows], committed(case, audit.rows)
    results = score(audit.hidden, lengths, proofs, case.spec.verification)
    worst = 0.0
    for row, chunks in zip(audit.rows.tolist(), results, strict=True):
        for chunk in chunks:
            _judge(case, row, chunk)
            worst = max(worst, chunk.error)
    return Measure(worst, case.spec.verification.mantissa_mean)


def _judge(case: Case, row: int, chunk: ChunkScore) -> None:
    rules = case.spec.verification
    measures: tuple[tuple[str, float, float], ...] = (
        ("exponents or signs apart", chunk.exponent_mismatches + chunk.sign_mismatches, rules.exponent_mismatches),
        ("mean mantissa distance", chunk.mantissa_mean, rules.mantissa_mean),
        ("median mantissa distance", chunk.mantissa_median, rules.mantissa_median),
    )
    if rules.profile == "float32":
        measures = (
            ("mantissas far apart", chunk.far, rules.exponent_mismatches),
            ("mean mantissa distance", chunk.close_mean, rules.mantissa_mean),
        )
    for name, value, threshold in measures:
        if value > threshold:
            message = f"rollout {row}: the proof isn't of this model's activations: {name} {value:.6g} > {threshold:g}"
            raise Refused(message, Reason.ACTIVATION, row, float(value), float(threshold))
