from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import Refused
from assay.protocol import galois, toploc
from assay.types import Reason

VECTORS = np.load(Path(__file__).parents[2] / "vectors" / "toploc.npz")
CASES = range(7)
P = galois.PRIME


def bf16(values: np.ndarray) -> np.ndarray:
    return (np.ascontiguousarray(values, np.float32).view(np.uint32) >> 16).astype(np.uint16)


def normal(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return bf16(np.random.default_rng(seed).standard_normal(shape))


def naive_proof(flat: list[int], top_k: int) -> bytes:
    """The definition, slowly: stable top-k, injective modulus, Lagrange interpolation over GF(65497)."""
    order = sorted(range(len(flat)), key=lambda i: (-(flat[i] & 0x7FFF), i))[:top_k]
    modulus = next(m for m in range(P, 0, -1) if len({i % m for i in order}) == len(order))
    total = [0] * top_k
    for i in order:
        basis, scale = [1], 1
        for j in order:
            if j != i:
                root = j % modulus
                basis = [(low - root * high) % P for low, high in zip([0, *basis], [*basis, 0], strict=True)]
                scale = scale * (i % modulus - root) % P
        factor = flat[i] * pow(scale, -1, P)
        for degree, c in enumerate(basis):
            total[degree] = (total[degree] + factor * c) % P
    return np.array([modulus, *total], dtype=">u2").tobytes()


@pytest.mark.parametrize("case", CASES)
def test_build__library_vectors__gives_identical_bytes(case: int) -> None:
    proofs = toploc.build(VECTORS[f"{case}.a"], 32, int(VECTORS[f"{case}.topk"]))
    expected = [row.tobytes() for row in VECTORS[f"{case}.proofs"]]
    assert len(proofs) == len(expected)
    for proof, want, tie in zip(proofs, expected, VECTORS[f"{case}.ties"], strict=True):
        assert tie or proof == want


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("own", "expected", "ties"), [("a", "exact", "ties"), ("b", "perturbed", "ties_b")])
def test_verify__library_vectors__gives_identical_results(case: int, own: str, expected: str, ties: str) -> None:
    proofs = [row.tobytes() for row in VECTORS[f"{case}.proofs"]]
    results = toploc.verify(VECTORS[f"{case}.{own}"], proofs, 32, int(VECTORS[f"{case}.topk"]))
    for result, want, tie in zip(results, VECTORS[f"{case}.{expected}"], VECTORS[f"{case}.{ties}"], strict=True):
        got = (result.exponent_mismatches, result.mantissa_mean, result.mantissa_median)
        assert tie or got == tuple(want)


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
@pytest.mark.parametrize(("size", "count"), [(9, 9), (9, 1), (1000, 8), (1001, 7), (18432, 128)])
@pytest.mark.parametrize("kinds", [1, 2, 40, 30000])
def test_top__many_ties__largest_and_of_those_the_lowest_indices(dtype, size: int, count: int, kinds: int) -> None:
    keys = np.random.default_rng(kinds).integers(0, kinds, (5, size)).astype(dtype)
    keys[1] = np.sort(keys[1])
    expected = np.argsort(-keys.astype(np.int64), axis=1, kind="stable")[:, :count]
    assert np.array_equal(np.sort(toploc._top(keys, count), axis=1), np.sort(expected, axis=1))


FINITE = st.integers(0, 0xFF7F).filter(lambda p: p & 0x7FFF <= 0x7F80)


@given(st.lists(FINITE, min_size=12, max_size=40), st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_build__any_patterns__equals_the_definition(flat: list[int], top_k: int) -> None:
    patterns = np.array(flat[: len(flat) // 4 * 4], np.uint16).reshape(-1, 4)
    assert toploc.build(patterns, 64, top_k) == [naive_proof(patterns.reshape(-1).tolist(), top_k)]


def test_build__wide_model__takes_the_largest_injective_modulus() -> None:
    flat = np.zeros(32 * 4096, np.uint16)
    clash = [5, 5 + P, 9, 9 + P - 1]  # 65497 and 65496 both merge two of the four
    flat[clash] = bf16(np.array([4.0, 3.0, 2.0, 1.0]))
    (proof,) = toploc.build(flat.reshape(32, 4096), 32, 4)
    assert toploc.parse(proof, 4).modulus == P - 2
    assert proof == naive_proof(flat.tolist(), 4)
    assert toploc.verify(flat.reshape(32, 4096), [proof], 32, 4)[0] == toploc.ChunkScore()


def test_build__all_tied__keeps_the_lowest_indices() -> None:
    patterns = np.full((4, 8), 0x3F80, np.uint16)
    patterns[0, 1] |= 0x8000  # the sign doesn't rank
    (proof,) = toploc.build(patterns, 32, 3)
    poly = toploc.parse(proof, 3)
    assert [sum(c * x**i for i, c in enumerate(poly.coefficients)) % P for x in range(3)] == [0x3F80, 0xBF80, 0x3F80]
    assert poly.to_bytes() == proof


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.integers(1, 4), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_build_many__ragged_rollouts__equals_one_by_one(lengths: list[int], chunk: int, seed: int) -> None:
    patterns = normal((len(lengths), 9, 8), seed)
    many = toploc.build_many(patterns, np.array(lengths), chunk, 6)
    assert many == [toploc.build(row[:n], chunk, 6) for row, n in zip(patterns, lengths, strict=True)]
    other = normal((len(lengths), 9, 8), seed + 1)
    scored = toploc.verify_many(other, np.array(lengths), many, chunk, 6)
    alone = [toploc.verify(row[:n], p, chunk, 6) for row, n, p in zip(other, lengths, many, strict=True)]
    assert scored == alone


@pytest.mark.parametrize("name", ["SLAB", "NEAR"])
def test_build_many__slabs__change_nothing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    patterns, lengths = normal((40, 7, 16)), np.full(40, 7)
    whole = toploc.build_many(patterns, lengths, 32, 8)
    monkeypatch.setattr(toploc, name, 500)
    assert toploc.build_many(patterns, lengths, 32, 8) == whole
    assert all(r == [toploc.ChunkScore()] for r in toploc.verify_many(patterns, lengths, whole, 32, 8))


def float_bits(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, np.float32).view(np.uint32)


def test_build__float32_bits__carry_the_mantissas_of_the_largest() -> None:
    values = np.random.default_rng(4).standard_normal((8, 16)).astype(np.float32)
    bits = float_bits(values).reshape(-1)
    (proof,) = toploc.build(float_bits(values), 8, 5)
    coefficients = toploc.parse(proof, 5).coefficients
    for place in np.argsort(-np.abs(values).reshape(-1))[:5].tolist():
        value = sum(c * pow(place, i, P) for i, c in enumerate(coefficients)) % P
        assert value == int(bits[place]) >> 8 & 0x7FFF


def test_verify__float32_bits__close_and_far_are_told_apart() -> None:
    bits = float_bits(np.linspace(1.0, 1.99, 32)).reshape(2, 16)
    proofs = toploc.build(bits, 2, 32)
    assert toploc.verify(bits, proofs, 2, 32) == [toploc.ChunkScore()]
    assert toploc.verify(bits ^ np.uint32(0xFF), proofs, 2, 32) == [toploc.ChunkScore()]
    near, beyond = bits + np.uint32(64 << 8), bits.copy()
    beyond[0, :4] += np.uint32(65 << 8)
    assert toploc.verify(near, proofs, 2, 32) == [toploc.ChunkScore(error=64.0, close_mean=64.0)]
    assert toploc.verify(beyond, proofs, 2, 32) == [toploc.ChunkScore(error=64 * 4 / 32, far=4)]
    other = toploc.build(float_bits(np.linspace(1.99, 1.0, 32)).reshape(2, 16), 2, 32)
    (score,) = toploc.verify(bits, other, 2, 32)
    assert score.far >= 30 and score.error > 60


def test_verify__float32_proof_of_impossible_mantissas__is_far() -> None:
    bits = np.full((1, 8), 0x3FFF_FFFF, np.uint32)
    (score,) = toploc.verify(bits, [_proof(P, 65_496, *[0] * 7)], 1, 8)
    assert (score.far, score.close_mean, score.error) == (8, 64.0, 64.0)


def test_build__fewer_values_than_top_k__pads_and_verifies() -> None:
    patterns = normal((1, 8))
    (proof,) = toploc.build(patterns, 32, 32)
    assert len(proof) == toploc.proof_bytes(32)
    assert toploc.verify(patterns, [proof], 32, 32) == [toploc.ChunkScore()]


def test_verify__no_exponent_in_common__says_so_like_the_library() -> None:
    low, high = np.full((1, 8), 0x0080, np.uint16), np.full((1, 8), 0x4000, np.uint16)
    (result,) = toploc.verify(high, toploc.build(low, 32, 8), 32, 8)
    assert (result.exponent_mismatches, result.mantissa_mean, result.mantissa_median) == (8, 2.0**64, 2.0**64)


def test_verify__flipped_signs__are_counted() -> None:
    patterns = normal((4, 16))
    (result,) = toploc.verify(patterns ^ np.uint16(0x8000), toploc.build(patterns, 32, 8), 32, 8)
    assert result == toploc.ChunkScore(sign_mismatches=8)


def test_verify__other_activations__are_far_away() -> None:
    (result,) = toploc.verify(normal((32, 64), 1), toploc.build(normal((32, 64), 2), 32, 32), 32, 32)
    assert result.exponent_mismatches > 20


@pytest.mark.parametrize("nan", [0x7F81, 0x7FC0, 0xFF81, 0xFFC0, 0xFFFF])
def test_build_and_verify__nan__is_refused(nan: int) -> None:
    patterns = normal((4, 16))
    proofs = toploc.build(patterns, 32, 8)
    patterns[2, 3] = nan
    with pytest.raises(Refused):
        toploc.build(patterns, 32, 8)
    with pytest.raises(Refused) as refused:
        toploc.verify(patterns, proofs, 32, 8)
    assert refused.value.reason == Reason.ACTIVATION


@pytest.mark.parametrize("bits", [0x7F80_0001, 0x7FC0_0000, 0xFFFF_FFFF])
def test_build_and_verify__float32_nan_anywhere__is_refused(bits: int) -> None:
    states = float_bits(np.ones((32, 64)))
    proofs = toploc.build(states, 32, 8)
    states[-1, -1] = bits
    with pytest.raises(Refused):
        toploc.build(states, 32, 8)
    with pytest.raises(Refused):
        toploc.verify(states, proofs, 32, 8)


def _proof(modulus: int, *coefficients: int) -> bytes:
    return np.array([modulus, *coefficients], dtype=">u2").tobytes()


@pytest.mark.parametrize(
    "proof",
    [
        b"",
        b"\xff",
        _proof(P),
        _proof(P, 1, 2, 3),
        _proof(P, 1, 2, 3, 4, 5),
        _proof(P, 1, 2, 3, 4) + b"\x00",
        _proof(P, 1, 2, 3, P),
        _proof(P, 0xFFFF, 2, 3, 4),
        _proof(0, 0, 0, 0, 0),
        _proof(1, 1, 2, 3, 4),
        _proof(64, 1, 2, 3, 4),
        _proof(64_999, 1, 2, 3, 4),
        _proof(P + 1, 1, 2, 3, 4),
    ],
)
def test_parse__malformed__is_refused(proof: bytes) -> None:
    with pytest.raises(Refused) as refused:
        toploc.parse(proof, 4)
    assert refused.value.reason == Reason.ACTIVATION
    with pytest.raises(Refused):
        toploc.verify(normal((4, 16)), [proof], 32, 4)


def test_parse__small_chunk__has_one_modulus_only() -> None:
    assert toploc.parse(_proof(P - 1, 1, 2, 3, 4), 4).modulus == P - 1
    with pytest.raises(Refused):
        toploc.parse(_proof(P - 1, 1, 2, 3, 4), 4, elements=P)


@given(st.binary(max_size=40))
def test_verify__random_bytes__are_refused_or_scored(proof: bytes) -> None:
    try:
        (result,) = toploc.verify(normal((4, 16)), [proof], 32, 4)
    except Refused:
        return
    assert len(proof) == 10 and result.exponent_mismatches <= 4


@pytest.mark.parametrize("change", [-1, 1])
def test_verify__one_proof_too_many_or_too_few__is_refused(change: int) -> None:
    patterns = normal((64, 16))
    proofs = toploc.build(patterns, 32, 8)
    proofs = [*proofs, proofs[0]] if change > 0 else proofs[:1]
    with pytest.raises(Refused):
        toploc.verify(patterns, proofs, 32, 8)


@pytest.mark.parametrize("hidden", [2048, 4096, 8192])
def test_build__honest_wide_activations__always_parse(hidden: int) -> None:
    patterns = normal((128, hidden), hidden)
    proofs = toploc.build(patterns, 32, 128)
    for proof in proofs:
        toploc.parse(proof, 128, elements=32 * hidden)
    assert toploc.verify(patterns, proofs) == [toploc.ChunkScore()] * 4


def test_build__top_k_that_no_modulus_separates__is_refused() -> None:
    # the differences between the two groups cover every modulus that a proof may have
    flat = np.zeros(32 * 4096, np.uint16)
    flat[[*range(32), *(P + np.arange(0, 1024, 32) - 500)]] = 0x3F80
    with pytest.raises(Refused):
        toploc.build(flat.reshape(32, 4096), 32, 64)


def test_many_short_rollouts__cost_well_under_half_a_second() -> None:
    patterns, lengths = normal((2048, 7, 128)), np.full(2048, 7)
    toploc.build_many(patterns[:1], lengths[:1], 32, 32)
    start = time.process_time()
    proofs = toploc.build_many(patterns, lengths, 32, 32)
    toploc.verify_many(patterns, lengths, proofs, 32, 32)
    assert time.process_time() - start < 0.5
