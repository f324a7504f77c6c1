from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from assay.api.app import create_app
from assay.store import Store
from unit.api.records import filled

OLD = {"reward": 0.5, "items": 512}
FULL = {**OLD, "reward": 0.75, "reward_low": 0.7, "reward_high": 0.8, "entropy": 0.4, "length_mean": 7.0,
        "length_p10": 7.0, "length_p50": 7.0, "length_p90": 7.0, "ended": 1.0, "tokens": 3584,
        "tokens_per_second": 900.0, "examples": []}  # fmt: skip


@pytest.fixture
def store() -> Iterator[Store]:
    yield filled()


def points(store: Store, **more: Any) -> dict[int, Any]:
    with TestClient(create_app(store, **more)) as client:
        answer = client.get("/tasks/1/curve")
    assert answer.status_code == 200, answer.text
    return {point["round"]: point for point in answer.json()["points"]}


def test_curve__evaluated_rounds__figures_beside_staleness_and_pay(store: Store) -> None:
    store.put_note(1, 0, "evaluation", OLD)
    store.put_note(1, 1, "evaluation", FULL)
    found = points(store)
    assert found[0]["evaluation"]["reward"] == 0.5 and found[0]["evaluation"]["entropy"] is None
    assert found[1]["evaluation"] == {name: value for name, value in FULL.items() if name not in {"tokens", "examples"}}
    rows = store.submissions(1, 1)
    assert found[1]["submissions"] == len(rows) == sum(found[1]["staleness"])
    assert found[1]["units"] == sum(row.units for row in rows) and found[1]["paid"] is not None


def test_curve__nothing_measured__rounds_without_evaluation(store: Store) -> None:
    assert all(point["evaluation"] is None for point in points(store).values())


def test_curve__measured_by_another_node__is_asked(store: Store) -> None:
    found = points(store, evaluations=lambda _store, task: {0: OLD} if task.id == 1 else {})
    assert found[0]["evaluation"]["reward"] == 0.5


def test_staleness__bases_of_different_age__counted_by_rounds_late(store: Store) -> None:
    for number, counts in store.staleness(1).items():
        late = [max(0, number - 1 - row.base) for row in store.submissions(1, number)]
        assert counts == [late.count(age) for age in range(max(late) + 1)]
