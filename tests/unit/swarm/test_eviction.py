"""What a full node drops."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from assay.swarm.eviction import Held, to_drop


def _held(n: int, size: int = 10, **more: object) -> Held:
    return Held(bytes([n]) * 32, size, float(n), **more)  # type: ignore[arg-type]


def _root(n: int) -> bytes:
    return bytes([n]) * 32


def test_to_drop__without_quota__nothing() -> None:
    assert to_drop([_held(1, 1 << 40)], None, 1 << 50) == []


def test_to_drop__full__others_before_checkpoints_and_the_oldest_first() -> None:
    held = [_held(1, version=(1, 1)), _held(2, version=(1, 2)), _held(3), _held(4), _held(5, version=(1, 3))]
    assert to_drop(held, 50, versions=1) == []
    assert to_drop(held, 49, versions=1) == [_root(3)]
    assert to_drop(held, 30, room=5, versions=1) == [_root(3), _root(4), _root(1)]


def test_to_drop__pinned_and_newest_versions__stay_whatever_the_quota() -> None:
    held = [_held(1, pinned=True), *(_held(n, version=(1, n)) for n in range(2, 6)), _held(6, version=(2, 1))]
    assert to_drop(held, 0, versions=2) == [_root(2), _root(3)]


@given(
    st.lists(
        st.builds(
            Held,
            st.binary(min_size=32, max_size=32),
            st.integers(1, 100),
            st.floats(0, 100),
            st.none() | st.tuples(st.integers(1, 2), st.integers(0, 5)),
            st.booleans(),
        ),
        max_size=12,
        unique_by=lambda one: one.root,
    ),
    st.integers(0, 500),
    st.integers(0, 100),
)
def test_to_drop__anything__never_more_than_needed_and_enough_where_possible(
    held: list[Held], quota: int, room: int
) -> None:
    dropped = to_drop(held, quota, room, 2)
    sizes = {one.root: one.size for one in held}
    total = sum(sizes.values()) + room
    left = total - sum(sizes[root] for root in dropped)
    pinned = {one.root for one in held if one.pinned}
    assert not pinned & set(dropped)
    if dropped:
        assert left + sizes[dropped[-1]] > quota
    if left > quota:
        kept = [one for one in held if one.root not in dropped and not one.pinned]
        assert all(one.version is not None for one in kept)
        assert all(sum(1 for one in kept if one.version and one.version[0] == task) <= 2 for task in (1, 2))
