"""Each change enters exactly one checkpoint on any chain of checkpoints, in the same way for everyone."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from assay.errors import Refused
from assay.protocol import codec
from assay.protocol.corrections import Correction, Settled, correction
from assay.protocol.merge import Part, Revision, merge

CANARY = Settled(1, 50, False)


def test_correction__canary_settled_after_the_base_was_made__is_taken_back() -> None:
    assert correction(3, [0, 1], [CANARY, Settled(0, 50, True)], since=40, until=60) == Correction(3, (0, 1), (0,))


def test_correction__refused_work_ruled_good__is_put_in() -> None:
    assert correction(3, [0], [Settled(2, 50, True)], since=None, until=60) == Correction(3, (0,), (0, 2))


@pytest.mark.parametrize(
    ("since", "until", "enters"), [(50, 51, True), (51, 99, False), (40, 50, False), (None, 51, True)]
)
def test_correction__edges_of_the_window__half_open(since: int | None, until: int, enters: bool) -> None:
    assert (correction(1, [0, 1], [CANARY], since, until) is not None) == enters


def test_correction__everything_as_applied__nothing_to_correct() -> None:
    assert correction(1, [0], [Settled(0, 50, True), CANARY], since=0, until=99) is None


def test_correction__any_chain_of_checkpoints__the_changes_add_up_to_the_last_word() -> None:
    settled, ends = [CANARY, Settled(0, 70, False), Settled(2, 70, True)], [40, 55, 69, 72, 90]
    for kept in itertools.chain.from_iterable(itertools.combinations(ends[:-1], n) for n in range(5)):
        counted: tuple[int, ...] = (0, 1)
        for since, until in itertools.pairwise([None, *kept, ends[-1]]):
            change = correction(1, [0, 1], settled, since, until)
            if change is not None:
                assert change.before == counted
                counted = change.after
        assert counted == (2,)


# --- in the merge


def part(seed: int, units: int = 100, n: int = 600) -> Part:
    q, scale = codec.quantise(np.random.default_rng(seed).standard_normal(n).astype(np.float32))
    return Part(q, scale, units)


THETA = np.linspace(-1, 1, 600, dtype=np.float32)
PLAIN = {"outer_lr_4096": 4096, "momentum_4096": 0}


def merged(parts: list[Part], *revisions: Revision, theta: np.ndarray = THETA) -> np.ndarray:
    return merge(theta, None, parts, **PLAIN, revisions=revisions)[0]


def test_merge__no_revisions__as_before() -> None:
    assert (merged([part(1), part(2, 50)]) == merge(THETA, None, [part(2, 50), part(1)], 4096, 0)[0]).all()


def test_merge__bad_part_taken_back_alone__what_it_moved_is_moved_back() -> None:
    good, bad = part(1), part(2, 300)
    astray = merged([good, bad])
    mended = merged([], Revision([good, bad], [good]), theta=astray)
    assert np.abs(mended - merged([good])).max() < 1e-6
    assert np.abs(astray - merged([good])).max() > 0.1


def test_merge__revisions_and_parts_in_any_order__same_bits() -> None:
    one, two = Revision([part(1), part(2)], [part(2)]), Revision([part(3)], [part(3), part(4, 7)])
    first = merged([part(5), part(6, 9)], one, two)
    again = merged(
        [part(6, 9), part(5)], Revision([part(3)], [part(4, 7), part(3)]), Revision([part(2), part(1)], [part(2)])
    )
    assert (first == again).all()


def test_merge__with_momentum__a_revision_is_a_gradient_like_any_other() -> None:
    _, moved = merge(THETA, None, [], 4096, 2048, revisions=[Revision([], [part(1)])])
    _, plain = merge(THETA, None, [part(1)], 4096, 2048)
    assert moved is not None
    assert plain is not None
    assert (moved == plain).all()


def test_merge__nothing_at_all__refused() -> None:
    with pytest.raises(Refused, match="at least one part"):
        merged([])
