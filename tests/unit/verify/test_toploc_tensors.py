from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from assay.errors import Refused
from assay.verify import toploc
from assay.verify.toploc import ChunkScore, build_proofs, verify_proofs

VECTORS = np.load(Path(__file__).parents[2] / "vectors" / "toploc.npz")


def tensor(patterns: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(patterns.view(np.int16).copy()).view(torch.bfloat16)


@pytest.mark.parametrize("case", range(7))
def test_build_proofs__library_vectors__gives_identical_bytes_and_results(case: int) -> None:
    top_k = int(VECTORS[f"{case}.topk"])
    own, other = tensor(VECTORS[f"{case}.a"]), tensor(VECTORS[f"{case}.b"])
    expected = [row.tobytes() for row in VECTORS[f"{case}.proofs"]]
    ties = VECTORS[f"{case}.ties"] | VECTORS[f"{case}.ties_b"]
    proofs = build_proofs(own, chunk=32, top_k=top_k)
    results = verify_proofs(other, expected, chunk=32, top_k=top_k)
    for i, tie in enumerate(ties):
        if not tie:
            wanted = VECTORS[f"{case}.perturbed"][i]
            assert proofs[i] == expected[i]
            assert results[i] == ChunkScore(float(wanted[1]), int(wanted[0]), float(wanted[1]), float(wanted[2]))


def test_build_proofs__strided_activations_with_gradient__equal_the_plain_ones() -> None:
    plain = torch.randn(40, 64, generator=torch.Generator().manual_seed(0)).to(torch.bfloat16)
    strided = torch.cat([plain, plain], dim=1)[:, :64].requires_grad_()
    assert build_proofs(strided) == build_proofs(plain)
    assert verify_proofs(strided, build_proofs(plain)) == [ChunkScore()] * 2


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.int16])
def test_build_proofs__another_dtype__is_refused(dtype: torch.dtype) -> None:
    with pytest.raises(Refused):
        build_proofs(torch.zeros(32, 64, dtype=dtype))


def test_build_proofs__another_shape_or_nan__is_refused() -> None:
    with pytest.raises(Refused):
        build_proofs(torch.zeros(2, 32, 64, dtype=torch.bfloat16))
    with pytest.raises(Refused):
        build_proofs(torch.full((32, 64), float("nan"), dtype=torch.bfloat16))


def test_fingerprint__float32_profile__sees_a_change_that_bf16_cant(honest) -> None:
    rules = honest.case().profile
    hidden = torch.randn(3, 6, 64, generator=torch.Generator().manual_seed(1))
    lengths = np.array([6, 4, 1], np.int16)
    proofs = toploc.fingerprint(hidden, lengths, rules)
    assert [len(row) for row in proofs] == [2, 1, 1]
    same = toploc.score(hidden, lengths, proofs, rules)
    moved = toploc.score(hidden * (1 + 2.0**-13), lengths, proofs, rules)
    assert all(chunk == ChunkScore() for row in same for chunk in row)
    assert all(chunk.error > 3 for row in moved for chunk in row)
