"""Fingerprints of activations: a polynomial through the largest values of every 32 tokens (TOPLOC).

A proof holds a polynomial over GF(65497) through (flat index mod m, 16-bit pattern) of a chunk's top-k activations;
it costs 2 + 2k bytes. A validator evaluates it at its own top-k and counts how far the values are apart. Compatible to
the byte with `toploc` 0.1.6 wherever nothing ties at the k-th place; ties here go to the lowest flat index.
Knows nothing of models or of thresholds: patterns are bits. Doesn't protect against a proof made by a prefill of tokens
that another model wrote (the sampling replay does), nor against a small change inside a loose threshold.

Source: TOPLOC, arXiv 2501.16007; format and defects of the reference library as measured in docs (research/toploc.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.errors import Refused
from assay.protocol import galois
from assay.types import Reason

LEAST_MODULUS = 65_000
NO_MATCH = float(2**64)
SLAB = 1 << 22  # elements looked at together: bounds the memory of a pass over many rollouts

U16 = NDArray[np.uint16]
U32 = NDArray[np.uint32]
I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ChunkResult:
    """How far one proof is from the verifier's activations; every number is an error, larger is worse.

    exponent_mismatches of the k points; mean and median of the mantissa distance over the points whose exponents agree,
    2^64 if none does. sign_mismatches counts opposite signs among those (the reference library can't see them).
    """

    exponent_mismatches: int
    mantissa_mean: float
    mantissa_median: float
    sign_mismatches: int = 0


@dataclass(frozen=True, slots=True)
class Poly:
    """A parsed proof: the modulus of the indices, and the coefficients, lowest degree first."""

    modulus: int
    coefficients: tuple[int, ...]

    def to_bytes(self) -> bytes:
        """Return be16(modulus) ‖ be16 of every coefficient."""
        return np.array([self.modulus, *self.coefficients], dtype=">u2").tobytes()


@dataclass(frozen=True, slots=True)
class _Batch:
    """Equally long chunks of several rollouts: rows[i] and ordinals[i] say whose and which; points are [k, chunks]."""

    rows: I64
    ordinals: I64
    elements: int
    indices: U32
    values: U16


def proof_bytes(top_k: int) -> int:
    """Return the size of one proof."""
    return 2 + 2 * top_k


def chunks_of(tokens: int, chunk: int) -> int:
    """Return how many proofs a rollout of that many tokens has."""
    return -(-tokens // chunk)


def _refuse(message: str) -> Refused:
    return Refused(message, Reason.ACTIVATION)


def parse(proof: bytes, top_k: int, elements: int | None = None) -> Poly:
    """Parse a stranger's proof strictly; `elements` (tokens · hidden of the chunk) fixes the modulus of a small chunk.

    Raises Refused on any length but 2 + 2 · top_k, a coefficient ≥ 65497, or a modulus that no honest chunk has.
    """
    table = _parse_table([proof], top_k, elements)
    return Poly(int(table[0, 0]), tuple(int(c) for c in table[0, 1:]))


def _parse_table(proofs: Sequence[bytes], top_k: int, elements: int | None) -> U32:
    size = proof_bytes(top_k)
    for proof in proofs:
        if len(proof) != size:
            raise _refuse(f"A proof has {len(proof)} bytes; it needs {size}.")
    table = np.frombuffer(b"".join(proofs), dtype=">u2").reshape(len(proofs), top_k + 1).astype(np.uint32)
    if bool((table >= galois.PRIME).any(where=np.arange(top_k + 1) > 0)):
        raise _refuse("A proof has a coefficient outside the galois.")
    least = galois.PRIME if elements is not None and elements <= galois.PRIME else LEAST_MODULUS
    if bool((table[:, 0] > galois.PRIME).any()) or bool((table[:, 0] < least).any()):
        raise _refuse(f"A proof has an index modulus outside {least} to {galois.PRIME}.")
    return table


def _top(ranks: U32, count: int) -> U32:
    """Return the flat indices of the `count` largest ranks of each row, lowest on ties: uint32[count, rows]."""
    size = ranks.shape[1]
    keys = (ranks.astype(np.uint64) << np.uint64(32)) | np.arange(size - 1, -1, -1, dtype=np.uint64)
    if count < size:
        keys.partition(size - count, axis=1)
        keys = keys[:, size - count :]
    low = (keys & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    return np.ascontiguousarray((np.uint32(size - 1) - low).T)


def _check(patterns: U16, ranks: U32 | None, lengths: I64, chunk: int, top_k: int) -> None:
    if patterns.dtype != np.uint16 or patterns.ndim != 3:
        raise _refuse("Activations must be 16-bit patterns [rollouts, tokens, hidden].")
    if ranks is not None and (ranks.shape != patterns.shape or ranks.dtype != np.uint32):
        raise _refuse("Ranks must be uint32 of the shape of the patterns.")
    if chunk < 1 or top_k < 1:
        raise _refuse("A chunk and top_k must be at least 1.")
    if lengths.shape != patterns.shape[:1] or bool((lengths < 0).any()) or bool((lengths > patterns.shape[1]).any()):
        raise _refuse("Lengths don't fit the activations.")


def _batches(patterns: U16, lengths: I64, chunk: int, top_k: int, ranks: U32 | None) -> Iterator[_Batch]:
    """Yield every chunk of every rollout once, those of equal length together."""
    _check(patterns, ranks, lengths, chunk, top_k)
    hidden = patterns.shape[2]
    for ordinal in range(chunks_of(patterns.shape[1], chunk)):
        start = ordinal * chunk
        left = np.clip(lengths - start, 0, chunk)
        for tokens in np.unique(left[left > 0]).tolist():
            rows = np.flatnonzero(left == tokens)
            step = max(1, SLAB // (tokens * hidden))
            for at in range(0, len(rows), step):
                some = rows[at : at + step]
                flat = patterns[some, start : start + tokens].reshape(len(some), tokens * hidden)
                if ranks is None:
                    rank = (flat & np.uint16(0x7FFF)).astype(np.uint32)
                    bad = rank > 0x7F80  # a bf16 NaN
                else:
                    rank = ranks[some, start : start + tokens].reshape(flat.shape)
                    bad = rank > 0x7F80_0000  # a float32 NaN
                if bool(bad.any()) or bool((flat >= galois.PRIME).any()):
                    raise _refuse("An activation isn't a number.")
                indices = _top(rank, min(top_k, flat.shape[1]))
                values = np.take_along_axis(flat, indices.T.astype(np.int64), axis=1).T
                where = np.full(len(some), ordinal, dtype=np.int64)
                yield _Batch(some, where, flat.shape[1], indices, np.ascontiguousarray(values))


def _moduli(indices: U32, elements: int) -> U32:
    """Return the largest modulus ≤ 65497 that keeps the indices of each column apart: uint32[chunks]."""
    moduli = np.full(indices.shape[1], galois.PRIME, dtype=np.uint32)
    if elements <= galois.PRIME:
        return moduli
    open_ = np.arange(indices.shape[1])
    while len(open_):
        residues = np.sort(indices[:, open_] % moduli[open_], axis=0)
        open_ = open_[(residues[1:] == residues[:-1]).any(axis=0)]
        moduli[open_] -= np.uint32(1)
        if len(open_) and int(moduli[open_].min()) < LEAST_MODULUS:
            raise _refuse("No modulus keeps the indices of a chunk apart: top_k is too large.")
    return moduli


def build_many(
    patterns: U16, lengths: I64, chunk: int = 32, top_k: int = 128, *, ranks: U32 | None = None
) -> list[list[bytes]]:
    """Fingerprint many rollouts at once.

    patterns: uint16[rollouts, tokens, hidden]; lengths: the tokens of each that count; ranks: uint32 of the same shape,
    float32 bits without the sign, whose largest make the top-k (None: the magnitude of a bf16 pattern). Returns
    ⌈length / chunk⌉ proofs a rollout. A chunk with fewer than top_k values uses all of them.
    Raises Refused on NaN or shapes that don't fit.
    """
    lengths = np.asarray(lengths, dtype=np.int64)
    proofs: list[list[bytes]] = [[b""] * chunks_of(n, chunk) for n in lengths.tolist()]
    for batch in _batches(patterns, lengths, chunk, top_k, ranks):
        moduli = _moduli(batch.indices, batch.elements)
        table = np.zeros((len(batch.rows), top_k + 1), dtype=">u2")
        table[:, 0] = moduli
        points = galois.interpolate(batch.indices % moduli, batch.values.astype(np.uint32))
        table[:, 1 : len(points) + 1] = points.T
        for row, ordinal, line in zip(batch.rows.tolist(), batch.ordinals.tolist(), table, strict=True):
            proofs[row][ordinal] = line.tobytes()
    return proofs


def verify_many(
    patterns: U16,
    lengths: I64,
    proofs: Sequence[Sequence[bytes]],
    chunk: int = 32,
    top_k: int = 128,
    *,
    ranks: U32 | None = None,
) -> list[list[ChunkResult]]:
    """Compare strangers' proofs with one's own activations (shapes as in `build_many`): one result a chunk.

    Raises Refused if a proof is malformed, one too many or too few, or an own activation isn't a number.
    """
    lengths = np.asarray(lengths, dtype=np.int64)
    counts = [chunks_of(n, chunk) for n in lengths.tolist()]
    if [len(p) for p in proofs] != counts:
        raise _refuse("The number of proofs doesn't fit the number of tokens.")
    results: list[list[ChunkResult]] = [[ChunkResult(0, 0.0, 0.0)] * n for n in counts]
    for batch in _batches(patterns, lengths, chunk, top_k, ranks):
        order = zip(batch.rows.tolist(), batch.ordinals.tolist(), strict=True)
        table = _parse_table([proofs[row][ordinal] for row, ordinal in order], top_k, batch.elements)
        claimed = galois.evaluate(table[:, 1:].T, batch.indices % table[:, 0])
        scored = _score(claimed, batch.values.astype(np.uint32))
        for row, ordinal, result in zip(batch.rows.tolist(), batch.ordinals.tolist(), scored, strict=True):
            results[row][ordinal] = result
    return results


def _score(claimed: U32, own: U32) -> list[ChunkResult]:
    """Score uint32[k, chunks] patterns: exponent bits 14..7, mantissa bits 6..0, sign bit 15."""
    apart = (claimed ^ own) & np.uint32(0x7F80) != 0
    distance = np.abs((claimed & np.uint32(0x7F)).astype(np.int64) - (own & np.uint32(0x7F)).astype(np.int64))
    distance[apart] = 0x80  # sorts behind every real distance
    matches = (~apart).sum(axis=0)
    total = distance.sum(axis=0, where=~apart)
    ranked = np.sort(distance, axis=0)
    middle = np.take_along_axis(ranked, np.minimum(matches // 2, len(own) - 1)[None], axis=0)[0]
    signs = (((claimed ^ own) & np.uint32(0x8000) != 0) & ~apart).sum(axis=0)
    columns = zip(matches.tolist(), total.tolist(), middle.tolist(), signs.tolist(), strict=True)
    return [
        ChunkResult(len(own) - n, s / n, float(m), sign) if n else ChunkResult(len(own), NO_MATCH, NO_MATCH, sign)
        for n, s, m, sign in columns
    ]


def build(patterns: U16, chunk: int = 32, top_k: int = 128, *, ranks: U32 | None = None) -> list[bytes]:
    """Fingerprint one sequence, patterns uint16[tokens, hidden]: one proof per `chunk` tokens. Errors as build_many."""
    flat, lengths, order = _as_rollouts(patterns, ranks, chunk)
    return [proof for row in build_many(flat, lengths, chunk, top_k, ranks=order) for proof in row]


def verify(
    patterns: U16, proofs: Sequence[bytes], chunk: int = 32, top_k: int = 128, *, ranks: U32 | None = None
) -> list[ChunkResult]:
    """Compare the proofs of one sequence with own patterns uint16[tokens, hidden]. Errors as verify_many."""
    flat, lengths, order = _as_rollouts(patterns, ranks, chunk)
    if len(proofs) != len(lengths):
        raise _refuse(f"There are {len(proofs)} proofs; the tokens need {len(lengths)}.")
    rows = verify_many(flat, lengths, [[proof] for proof in proofs], chunk, top_k, ranks=order)
    return [result for row in rows for result in row]


def _as_rollouts(patterns: U16, ranks: U32 | None, chunk: int) -> tuple[U16, I64, U32 | None]:
    """Cut one sequence into rollouts of one chunk each, so that its chunks are worked on together."""
    if patterns.ndim != 2 or chunk < 1:
        raise _refuse("Activations must be 16-bit patterns [tokens, hidden].")
    tokens, hidden = patterns.shape
    count = chunks_of(tokens, chunk)
    spare = count * chunk - tokens
    lengths = np.full(count, chunk, dtype=np.int64)
    if spare:
        lengths[-1] -= spare
        patterns = np.concatenate([patterns, np.zeros((spare, hidden), patterns.dtype)])
        ranks = None if ranks is None else np.concatenate([ranks, np.zeros((spare, hidden), ranks.dtype)])
    shape = (count, chunk, hidden)
    return patterns.reshape(shape), lengths, None if ranks is None else ranks.reshape(shape)
