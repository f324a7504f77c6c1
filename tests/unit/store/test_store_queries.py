"""Queries whose answer isn't a plain row by its key."""

from __future__ import annotations

from assay.store import Store, open_store
from assay.store.rows import EnlistmentRow, SubmissionRow, TaskRow, WorkerRow

ALICE = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
BOB = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


def submission(index: int, root: bytes, trainer: str = ALICE, round_: int = 1) -> SubmissionRow:
    return SubmissionRow(1, round_, index, trainer, 5, 0, root, bytes(32), "u", 0, None, 3)


def filled() -> Store:
    store = open_store("sqlite://")
    with store.batch() as batch:
        batch.put(submission(0, b"\x91\xc4" + bytes(30)))
        batch.put(submission(1, b"\x91\xc5" + bytes(30), BOB))
        batch.put(submission(0, b"\xff" * 32, round_=2))
    return store


def test_submissions_with_root__prefix__finds_those_only() -> None:
    store = filled()
    assert [row.index for row in store.submissions_with_root(b"\x91\xc4")] == [0]
    assert len(store.submissions_with_root(b"\x91")) == 2
    assert [row.round for row in store.submissions_with_root(b"\xff")] == [2]
    assert len(store.submissions_with_root(b"")) == 3


def test_submissions__of_a_round__in_order() -> None:
    store = filled()
    assert [(row.round, row.index) for row in store.submissions(1)] == [(1, 0), (1, 1), (2, 0)]
    assert [row.index for row in store.submissions(1, 1)] == [0, 1]
    assert [row.index for row in store.submissions_of(BOB.lower())] == [1]


def test_task__spec_known_by_hash__is_joined() -> None:
    store = open_store("sqlite://")
    row = TaskRow(1, ALICE, b"s" * 32, {"rounds": 2}, 9, 9, 0, 0, "", 0, 2, 0, bytes(32), "published", 0, [], 4)
    with store.batch() as batch:
        batch.put(row)
    assert store.tasks() == [row]
    store.put_spec(b"s" * 32, "{}")
    found = store.task(1)
    assert found is not None
    assert found.spec_json == "{}"
    assert store.task(2) is None


def test_enlistments__validators__come_in_the_order_of_the_line() -> None:
    store = open_store("sqlite://")
    with store.batch() as batch:
        batch.put(EnlistmentRow(1, ALICE, 2, 5, 1, None, False, "", 1 << 62, (1 << 62) + 5, 1))
        batch.put(EnlistmentRow(1, BOB, 2, 5, 1, None, False, "", 7, 12, 2))
        batch.put(EnlistmentRow(1, BOB, 1, 5, 1, None, False, "", 0, 0, 2))
    assert [row.account for row in store.enlistments(1, 2)] == [BOB, ALICE]
    assert len(store.enlistments_of(BOB)) == 2


def test_worker__state_before_a_submission__is_that_of_the_last_audit_before_it() -> None:
    store = open_store("sqlite://")
    assert store.worker(1, ALICE, 3, 0) is None
    for round_, index, who in ((1, 2, ALICE), (2, 0, ALICE), (2, 1, BOB), (2, 4, ALICE)):
        store.put_worker(WorkerRow(1, round_, index, who, {"at": [round_, index]}))

    def found(round_: int, index: int, task: int = 1) -> list[int] | None:
        row = store.worker(task, ALICE.lower(), round_, index)
        return None if row is None else row.json["at"]

    assert [found(*place) for place in ((1, 2), (1, 3), (2, 4), (2, 5), (9, 0))] == [
        None,
        [1, 2],
        [2, 0],  # auditing 4 again starts from before it
        [2, 4],
        [2, 4],
    ]
    assert found(9, 0, task=2) is None
