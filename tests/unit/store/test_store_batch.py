"""One transaction of a follower, and taking blocks back."""

from __future__ import annotations

import pytest

from assay.errors import Broken
from assay.store import Batch, open_store
from assay.store.rows import BlockRow, ClaimRow, EnlistmentRow, EventRow, SealRow, SlashRow

ALICE = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
BIG = (1 << 256) - 1


def event(block: int, index: int, task: int | None) -> EventRow:
    return EventRow(block, index, b"t" * 32, ALICE, "X", task, {"n": BIG})


def test_put__same_event_twice__is_stored_once() -> None:
    store = open_store("sqlite://")
    with store.batch() as batch:
        assert batch.put(event(1, 0, 1), replace=False)
        assert not batch.put(event(1, 0, 1), replace=False)
    assert store.events() == [event(1, 0, 1)]


def test_put__256_bit_amounts__come_back_exactly() -> None:
    store = open_store("sqlite://")
    with store.batch() as batch:
        batch.put(SlashRow(1, 2, ALICE, 3, BIG, BIG - 1, 5, 0))
    assert store.slashes() == [SlashRow(1, 2, ALICE, 3, BIG, BIG - 1, 5, 0)]


def test_query__address_in_any_case__finds_the_same_rows_with_checksum() -> None:
    store = open_store("sqlite://")
    with store.batch() as batch:
        batch.put(ClaimRow(ALICE.lower(), ALICE.upper().replace("X", "x"), 7, 1, 0))
    for written in (ALICE, ALICE.lower()):
        assert store.claims(written) == [ClaimRow(ALICE, ALICE, 7, 1, 0)]


def test_batch__error_inside__stores_nothing() -> None:
    store = open_store("sqlite://")

    def half(batch: Batch) -> None:
        batch.put(event(1, 0, 1))
        batch.move("c", BlockRow(1, b"h" * 32, 9))
        raise RuntimeError("killed here")

    with pytest.raises(RuntimeError), store.batch() as batch:
        half(batch)
    assert store.events() == []
    assert store.cursor("c") is None


def test_change__row_that_is_not_there__is_broken() -> None:
    store = open_store("sqlite://")
    with pytest.raises(Broken, match="seals"), store.batch() as batch:
        batch.change(SealRow, {"task": 1, "round": 1}, line=3)


def test_rewind__above_a_block__deletes_and_hands_back_the_touched_tasks_only() -> None:
    store = open_store("sqlite://")
    with store.batch() as batch:
        for number in (1, 5, 9):
            batch.put(BlockRow(number, bytes([number]) * 32, number))
        for block, task in ((1, 1), (1, 2), (5, None), (9, 2), (9, None)):
            batch.put(event(block, task or 7, task))
        batch.put(ClaimRow(ALICE, ALICE, 1, 5, 7))
        batch.put(ClaimRow(ALICE, ALICE, 2, 9, 7))
        for task in (1, 2):
            batch.put(EnlistmentRow(task, ALICE, 2, 5, 1, None, False, "", 0, 5, 1))
    with store.batch() as batch:
        left = batch.rewind(5)
    assert left == [event(1, 2, 2)]
    assert [row.amount for row in store.claims()] == [1]
    assert store.block(9) is None
    assert [row.number for row in store.blocks_down(100, 10)] == [5, 1]
    assert len(store.enlistments(1)) == 1
    assert store.enlistments(2) == []


def test_forget_blocks__below_a_number__keeps_those_with_events() -> None:
    store = open_store("sqlite://")
    with store.batch() as batch:
        for number in range(1, 6):
            batch.put(BlockRow(number, bytes(32), number))
        batch.put(event(2, 0, None))
        batch.forget_blocks(4)
    assert [row.number for row in store.blocks_down(100, 10)] == [5, 4, 2]
