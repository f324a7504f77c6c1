"""Proofs of activations for tensors: the public API over `protocol.toploc`.

    proofs = build_proofs(activations)             # who generates
    results = verify_proofs(activations, proofs)   # who checks, with activations of its own prefill

Knows nothing of models or thresholds. Doesn't protect against proofs made by a prefill of another model's tokens: the
sampling replay does that from the same prefill.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from assay.errors import Refused
from assay.model import profile
from assay.protocol import toploc
from assay.protocol.profile import Profile
from assay.protocol.toploc import ChunkScore
from assay.types import Reason

__all__ = ["ChunkScore", "build_proofs", "fingerprint", "score", "verify_proofs"]

Lengths = NDArray[np.integer]


def build_proofs(activations: torch.Tensor, chunk: int = 32, top_k: int = 128) -> list[bytes]:
    """Fingerprint the activations of one sequence.

    activations: bfloat16[tokens, hidden]. Returns one proof of 2 + 2 · top_k bytes for each `chunk` tokens, compatible
    with the `toploc` library. Raises Refused on another dtype or shape, and on NaN.
    """
    return toploc.build(_bits(activations), chunk, top_k)


def verify_proofs(
    activations: torch.Tensor, proofs: Sequence[bytes], chunk: int = 32, top_k: int = 128
) -> list[ChunkScore]:
    """Compare somebody's proofs with one's own activations bfloat16[tokens, hidden]: one result a chunk.

    Raises Refused if a proof is malformed, one too many or too few, or on activations that `build_proofs` refuses.
    """
    return toploc.verify(_bits(activations), proofs, chunk, top_k)


def fingerprint(hidden: torch.Tensor, lengths: Lengths, rules: Profile) -> list[list[bytes]]:
    """Return the proofs of many rollouts under a profile; hidden: float32[n, tokens, hidden]."""
    states = profile.bits(hidden, rules.patterns)
    return toploc.build_many(states, lengths.astype(np.int64), rules.chunk, rules.top_k)


def score(
    hidden: torch.Tensor, lengths: Lengths, proofs: Sequence[Sequence[bytes]], rules: Profile
) -> list[list[ChunkScore]]:
    """Compare the proofs of many rollouts with own hidden states float32[n, tokens, hidden] under a profile."""
    states = profile.bits(hidden, rules.patterns)
    return toploc.verify_many(states, lengths.astype(np.int64), proofs, rules.chunk, rules.top_k)


def _bits(activations: torch.Tensor) -> NDArray[np.uint16]:
    if activations.dtype != torch.bfloat16 or activations.ndim != 2:
        raise Refused("Activations must be bfloat16 of shape [tokens, hidden].", Reason.ACTIVATION)
    bits: NDArray[np.int16] = activations.detach().cpu().contiguous().view(torch.int16).numpy()
    return bits.view(np.uint16)
