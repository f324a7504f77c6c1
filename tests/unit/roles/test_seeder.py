"""What a seeder holds."""

from __future__ import annotations

from assay.roles.actions import FetchCheckpoint
from assay.roles.deciding import TaskView
from assay.roles.seeder import decide_seeder

GENESIS = bytes(32)


def _root(number: int) -> bytes:
    return bytes([number]) * 32


def _view(head: int, held: set[int], missing: set[int], running: set[int] | None = None) -> TaskView:
    return TaskView(
        now=0,
        schedule=None,
        genesis=GENESIS,
        genesis_final=True,
        head=head,
        head_root=_root(head) if head else GENESIS,
        last_round=9,
        staleness=2,
        enlisted=False,
        from_round=0,
        held_checkpoints=frozenset(held),
        missing_checkpoints=tuple((number, _root(number)) for number in sorted(missing)),
        running=frozenset(f"checkpoint:{number}" for number in running or ()),
    )


def _fetched(view: TaskView, newest: int) -> list[int]:
    return sorted(one.round for one in decide_seeder(view, newest) if isinstance(one, FetchCheckpoint))


def test_decide__new_task__genesis_is_fetched() -> None:
    assert decide_seeder(_view(0, set(), set()), 5) == [FetchCheckpoint(0, GENESIS)]


def test_decide__many_missing__the_newest_few_are_fetched() -> None:
    assert _fetched(_view(8, {0}, set(range(1, 9))), 3) == [6, 7, 8]


def test_decide__some_held_or_under_way__not_again() -> None:
    assert _fetched(_view(8, {7}, {5, 6, 8}, running={8}), 3) == [6]
    assert _fetched(_view(8, {6, 7, 8}, {1, 2}), 3) == []
