"""Fingerprints of activations: a polynomial through the largest values of every 32 tokens (TOPLOC).

A proof holds a polynomial over GF(65497) through (flat index mod m, 16-bit pattern) of a chunk's top-k activations;
it costs 2 + 2k bytes. A validator evaluates it at its own top-k and counts how far the values are apart. Two kinds of
states, told apart by their type:

- uint16, bf16 patterns. Compatible to the byte with `toploc` 0.1.6 wherever nothing ties at the k-th place.
- uint32, bits of float32. The pattern is mantissa bits 22..8, which see weights moved by one part in a million.

Ties go to the lowest flat index. Knows nothing of models or of thresholds: states are bits. Doesn't protect against a
proof made by a prefill of tokens that another model wrote (the sampling replay does), nor against a small change inside
a loose threshold.

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
NO_ERROR_ABOVE = 128.0  # no two 7-bit mantissas are further apart
CLOSE = 64  # of 32768: what honest float32 states differ by stays far below
SLAB = 1 << 22  # elements looked at together: bounds the memory of a pass over many rollouts
NEAR = 1 << 17  # elements ranked together: they fit a core's cache
CLASSES = 4  # classes of elements for each of the top-k, whose largest ones bound the k-th place from below

U16 = NDArray[np.uint16]
U32 = NDArray[np.uint32]
I64 = NDArray[np.int64]
Bits = U16 | U32


@dataclass(frozen=True, slots=True)
class ChunkScore:
    """How far one proof is from the verifier's activations; every number is a fault, larger is worse.

    error: what is averaged over sequences and workers. bf16: mantissa_mean, 128 if no exponent agrees; float32: the
    mean distance, none counted as more than 64.
    bf16: exponent_mismatches of the k points; mean and median of the mantissa distance over the points whose exponents
    agree, 2^64 if none does; sign_mismatches counts opposite signs among those (the reference library can't see them).
    float32: close_mean is the mean of the distances up to 64, 64 if there is none; `far` counts those beyond.
    """

    error: float = 0.0
    exponent_mismatches: int = 0
    mantissa_mean: float = 0.0
    mantissa_median: float = 0.0
    sign_mismatches: int = 0
    close_mean: float = 0.0
    far: int = 0


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
    """Equally long chunks of several rollouts: rows[i] and ordinals[i] say whose and which; points are [chunks, k]."""

    rows: I64
    ordinals: I64
    elements: int
    indices: U32
    values: U32


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
    table = np.frombuffer(b"".join(proofs), dtype=">u2").reshape(len(proofs), top_k + 1)
    if not bool(well_formed(table, elements).all()):
        least = _least(elements)
        raise _refuse(f"A proof has a coefficient outside the field, or a modulus outside {least} to {galois.PRIME}.")
    return table.astype(np.uint32)


def well_formed(words: NDArray[np.uint16], elements: int | None) -> NDArray[np.bool_]:
    """Say of proofs [..., 1 + top_k] in words which hold a modulus and coefficients that an honest one can hold.

    elements: tokens · hidden of the chunk, which fixes the modulus of a small one; None if unknown.
    """
    moduli = words[..., 0]
    inside = np.asarray((words[..., 1:] < galois.PRIME).all(axis=-1))
    return inside & (moduli <= galois.PRIME) & (moduli >= _least(elements))


def _least(elements: int | None) -> int:
    return galois.PRIME if elements is not None and elements <= galois.PRIME else LEAST_MODULUS


def _check(states: Bits, lengths: I64, chunk: int, top_k: int) -> None:
    if states.dtype not in (np.uint16, np.uint32) or states.ndim != 3:
        raise _refuse("Activations must be uint16 or uint32 bits [rollouts, tokens, hidden].")
    if chunk < 1 or not 1 <= top_k <= galois.MAX_POINTS:
        raise _refuse(f"A chunk must be at least 1, top_k 1 to {galois.MAX_POINTS}.")
    if lengths.shape != states.shape[:1] or bool((lengths < 0).any()) or bool((lengths > states.shape[1]).any()):
        raise _refuse("Lengths don't fit the activations.")


def _batches(states: Bits, lengths: I64, chunk: int, top_k: int) -> Iterator[_Batch]:
    """Yield every chunk of every rollout once, those of equal length together."""
    _check(states, lengths, chunk, top_k)
    hidden = states.shape[2]
    for ordinal in range(chunks_of(states.shape[1], chunk)):
        start = ordinal * chunk
        left = np.clip(lengths - start, 0, chunk)
        for tokens in np.unique(left[left > 0]).tolist():
            rows = np.flatnonzero(left == tokens)
            step = max(1, SLAB // (tokens * hidden))
            for at in range(0, len(rows), step):
                some = rows[at : at + step]
                indices, values = _select(states, some, slice(start, start + tokens), top_k)
                where = np.full(len(some), ordinal, dtype=np.int64)
                yield _Batch(some, where, tokens * hidden, indices, values)


def _select(states: Bits, rows: I64, span: slice, top_k: int) -> tuple[U32, U32]:
    """Return flat indices and patterns of the top-k of one chunk of each row: uint32[rows, k]."""
    size = (span.stop - span.start) * states.shape[2]
    count, step = min(top_k, size), max(1, NEAR // size)
    indices = np.empty((len(rows), count), np.uint32)
    values = np.empty((len(rows), count), np.uint32)
    magnitude = states.dtype.type(np.iinfo(states.dtype).max >> 1)
    for at in range(0, len(rows), step):
        flat = states[rows[at : at + step], span].reshape(-1, size)
        top = _top(flat & magnitude, count)
        indices[at : at + step] = top
        values[at : at + step] = np.take_along_axis(flat, top.astype(np.intp), axis=1)
    # whatever isn't a number ranks above every number, so it is among these
    infinite = np.uint32(0x7F80 if states.dtype == np.uint16 else 0x7F80_0000)
    if bool(((values & np.uint32(magnitude)) > infinite).any()):
        raise _refuse("An activation isn't a number.")
    return indices, values if states.dtype == np.uint16 else (values >> np.uint32(8)) & np.uint32(0x7FFF)


def _top(keys: Bits, count: int) -> U32:
    """Return the flat indices of the `count` largest keys of each row, lowest on ties: uint32[rows, count].

    The largest keys of classes of elements bound the last place from below, so that few keys need to be ordered.
    """
    rows, size = keys.shape
    classes = CLASSES * count + 1  # odd: the tokens of one strong channel fall into different classes
    sample = keys
    if size >= 2 * classes:
        sample = keys[:, : size // classes * classes].reshape(rows, -1, classes).max(axis=1)
    floor = np.partition(sample, -count, axis=1)[:, -count, None]
    found = np.flatnonzero(np.greater_equal(keys, floor))
    row = found // size
    counts = np.bincount(row, minlength=rows)
    width = int(counts.max(initial=count))
    table = np.zeros((rows, width), np.uint64)
    places = np.arange(len(found)) - (np.cumsum(counts) - counts)[row]
    behind = size - 1 - (found - row * size)  # larger for lower indices
    table[row, places] = (keys.reshape(-1)[found].astype(np.uint64) << np.uint64(32)) | behind.astype(np.uint64)
    if width > count:
        table.partition(width - count, axis=1)
    low = (table[:, width - count :] & np.uint64(0xFFFF_FFFF)).astype(np.uint32)
    return np.uint32(size - 1) - low


def _moduli(indices: U32, elements: int) -> U32:
    """Return the largest modulus ≤ 65497 that keeps the indices of each row apart: uint32[chunks]."""
    moduli = np.full(len(indices), galois.PRIME, dtype=np.uint32)
    if elements <= galois.PRIME:
        return moduli
    open_ = np.arange(len(indices))
    while len(open_):
        residues = np.sort(indices[open_] % moduli[open_, None], axis=1)
        open_ = open_[(residues[:, 1:] == residues[:, :-1]).any(axis=1)]
        moduli[open_] -= np.uint32(1)
        if len(open_) and int(moduli[open_].min()) < LEAST_MODULUS:
            raise _refuse("No modulus keeps the indices of a chunk apart: top_k is too large.")
    return moduli


def build_many(states: Bits, lengths: I64, chunk: int = 32, top_k: int = 128) -> list[list[bytes]]:
    """Fingerprint many rollouts at once.

    states: bits [rollouts, tokens, hidden], uint16 of bf16 or uint32 of float32; lengths: the tokens of each that
    count. Returns ⌈length / chunk⌉ proofs a rollout. A chunk with fewer than top_k values uses all of them.
    Raises Refused on NaN or shapes that don't fit.
    """
    lengths = np.asarray(lengths, dtype=np.int64)
    proofs: list[list[bytes]] = [[b""] * chunks_of(n, chunk) for n in lengths.tolist()]
    for batch in _batches(states, lengths, chunk, top_k):
        moduli = _moduli(batch.indices, batch.elements)
        table = np.zeros((len(batch.rows), top_k + 1), dtype=">u2")
        table[:, 0] = moduli
        table[:, 1 : batch.indices.shape[1] + 1] = galois.interpolate(batch.indices % moduli[:, None], batch.values)
        for row, ordinal, line in zip(batch.rows.tolist(), batch.ordinals.tolist(), table, strict=True):
            proofs[row][ordinal] = line.tobytes()
    return proofs


def verify_many(
    states: Bits, lengths: I64, proofs: Sequence[Sequence[bytes]], chunk: int = 32, top_k: int = 128
) -> list[list[ChunkScore]]:
    """Compare strangers' proofs with one's own activations (shapes as in `build_many`): one score a chunk.

    Raises Refused if a proof is malformed, one too many or too few, or an own activation isn't a number.
    """
    lengths = np.asarray(lengths, dtype=np.int64)
    counts = [chunks_of(n, chunk) for n in lengths.tolist()]
    if [len(p) for p in proofs] != counts:
        raise _refuse("The number of proofs doesn't fit the number of tokens.")
    score = _score_bf16 if states.dtype == np.uint16 else _score_float32
    scores: list[list[ChunkScore]] = [[ChunkScore()] * n for n in counts]
    for batch in _batches(states, lengths, chunk, top_k):
        order = zip(batch.rows.tolist(), batch.ordinals.tolist(), strict=True)
        table = _parse_table([proofs[row][ordinal] for row, ordinal in order], top_k, batch.elements)
        claimed = galois.evaluate(table[:, 1:], batch.indices % table[:, :1])
        scored = score(claimed, batch.values)
        for row, ordinal, result in zip(batch.rows.tolist(), batch.ordinals.tolist(), scored, strict=True):
            scores[row][ordinal] = result
    return scores


def _score_bf16(claimed: U32, own: U32) -> list[ChunkScore]:
    """Score uint32[chunks, k] patterns: exponent bits 14..7, mantissa bits 6..0, sign bit 15."""
    apart = (claimed ^ own) & np.uint32(0x7F80) != 0
    distance = np.abs((claimed & np.uint32(0x7F)).astype(np.int64) - (own & np.uint32(0x7F)).astype(np.int64))
    distance[apart] = 0x80  # sorts behind every real distance
    points = own.shape[1]
    matches = (~apart).sum(axis=1)
    total = distance.sum(axis=1, where=~apart)
    ranked = np.sort(distance, axis=1)
    middle = np.take_along_axis(ranked, np.minimum(matches // 2, points - 1)[:, None], axis=1)[:, 0]
    signs = (((claimed ^ own) & np.uint32(0x8000) != 0) & ~apart).sum(axis=1)
    columns = zip(matches.tolist(), total.tolist(), middle.tolist(), signs.tolist(), strict=True)
    return [
        ChunkScore(s / n, points - n, s / n, float(m), sign)
        if n
        else ChunkScore(NO_ERROR_ABOVE, points, NO_MATCH, NO_MATCH, sign)
        for n, s, m, sign in columns
    ]


def _score_float32(claimed: U32, own: U32) -> list[ChunkScore]:
    """Score uint32[chunks, k] patterns, mantissa bits 22..8; a claim may be any element of the field."""
    distance = np.abs(claimed.astype(np.int64) - own.astype(np.int64))
    close = distance <= CLOSE
    points = own.shape[1]
    columns = zip(close.sum(axis=1).tolist(), distance.sum(axis=1, where=close).tolist(), strict=True)
    return [
        ChunkScore(
            (total + CLOSE * (points - n)) / points,
            close_mean=total / n if n else float(CLOSE),
            far=points - n,
        )
        for n, total in columns
    ]


def build(states: Bits, chunk: int = 32, top_k: int = 128) -> list[bytes]:
    """Fingerprint one sequence, bits [tokens, hidden]: one proof per `chunk` tokens. Errors as build_many."""
    cut, lengths = _as_rollouts(states, chunk)
    return [proof for row in build_many(cut, lengths, chunk, top_k) for proof in row]


def verify(states: Bits, proofs: Sequence[bytes], chunk: int = 32, top_k: int = 128) -> list[ChunkScore]:
    """Compare the proofs of one sequence with own bits [tokens, hidden]. Errors as verify_many."""
    cut, lengths = _as_rollouts(states, chunk)
    if len(proofs) != len(lengths):
        raise _refuse(f"There are {len(proofs)} proofs; the tokens need {len(lengths)}.")
    rows = verify_many(cut, lengths, [[proof] for proof in proofs], chunk, top_k)
    return [score for row in rows for score in row]


def _as_rollouts(states: Bits, chunk: int) -> tuple[Bits, I64]:
    """Cut one sequence into rollouts of one chunk each, so that its chunks are worked on together."""
    if states.ndim != 2 or chunk < 1:
        raise _refuse("Activations must be bits [tokens, hidden].")
    tokens, hidden = states.shape
    count = chunks_of(tokens, chunk)
    spare = count * chunk - tokens
    lengths = np.full(count, chunk, dtype=np.int64)
    if spare:
        lengths[-1] -= spare
        states = np.concatenate([states, np.zeros((spare, hidden), states.dtype)])
    return states.reshape(count, chunk, hidden), lengths
