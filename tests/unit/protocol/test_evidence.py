"""What evidence is bound to, and of which layer it is."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from assay.protocol import merkle
from assay.protocol.evidence import NONE, Place, is_due, layer_of, leaves, round_leaf, round_root, submission_root
from assay.protocol.hashing import keccak
from assay.types import Reason, Verdict

PLACE = Place(31337, "0x" + "11" * 20, 3, 2, b"\x07" * 32, "0x" + "Ab" * 20)
SEED, TRAINER = b"\x05" * 16, "0x" + "22" * 20


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def test_layer__many_seeds__every_layer_but_the_last_equally_often() -> None:
    drawn = Counter(layer_of(keccak(bytes([i // 256, i % 256]))[:16], TRAINER, 0, 5) for i in range(4_000))
    assert set(drawn) == {0, 1, 2, 3}
    assert all(850 < count < 1_150 for count in drawn.values())


@pytest.mark.parametrize("layers", [1, 2])
def test_layer__nothing_to_choose__the_first(layers: int) -> None:
    assert {layer_of(bytes([i]) * 16, TRAINER, i, layers) for i in range(20)} == {0}


def test_layer__spelling_of_the_address__is_the_same_and_other_submissions_draw_anew() -> None:
    assert layer_of(SEED, "0x" + "aB" * 20, 1, 60) == layer_of(SEED, "0x" + "Ab" * 20, 1, 60)
    assert len({layer_of(SEED, TRAINER, n, 60) for n in range(12)}) > 6


def test_leaf__its_bytes__as_the_page_says() -> None:
    bound = word(31337) + bytes(12) + b"\x11" * 20 + word(3) + word(2) + b"\x07" * 32 + bytes(12) + b"\xab" * 20
    assert leaves(PLACE, [b"one", b"two"]) == [keccak(keccak(b"assay.evidence") + bound + x) for x in (b"one", b"two")]


@pytest.mark.parametrize(
    "other",
    [
        {"chain_id": 1},
        {"ledger": TRAINER},
        {"task": 4},
        {"round": 3},
        {"submission": bytes(32)},
        {"validator": TRAINER},
    ],
    ids=lambda one: next(iter(one)),
)
def test_leaf__elsewhere_or_by_another__is_another_leaf(other: dict[str, object]) -> None:
    assert leaves(replace(PLACE, **other), [b"one"]) != leaves(PLACE, [b"one"])  # type: ignore[arg-type]


def test_round__one_submission__is_shown_alone() -> None:
    roots = [(0, submission_root(PLACE, [b"a", b"b"])), (4, NONE), (9, submission_root(PLACE, [b"c"]))]
    rows = [round_leaf(*one) for one in roots]
    assert merkle.verify(round_root(roots), rows[2], 2, 3, merkle.prove(rows, 2))
    assert not merkle.verify(round_root(roots), round_leaf(8, roots[2][1]), 2, 3, merkle.prove(rows, 2))


def test_roots__of_nothing__are_zero() -> None:
    assert (submission_root(PLACE, []), round_root([])) == (NONE, NONE)


def test_due__verdicts__those_that_rest_on_a_prefill() -> None:
    assert is_due(Verdict.VALID, Reason.NONE)
    assert is_due(Verdict.INVALID, Reason.SAMPLING) and is_due(Verdict.INVALID, Reason.ACTIVATION)
    assert not is_due(Verdict.INVALID, Reason.REWARD) and not is_due(Verdict.UNAVAILABLE, Reason.MISSING)
    assert not is_due(Verdict.INVALID, Reason.STEP)  # also found from the trace alone
