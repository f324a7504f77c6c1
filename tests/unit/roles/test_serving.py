"""Health and metrics of a node, without a socket."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient

from assay.roles.serving import STALE_SECONDS, Pulse, node_app


@pytest.fixture
def pulse() -> Pulse:
    return Pulse("validator")


@pytest.fixture
def client(pulse: Pulse) -> Iterator[TestClient]:
    with TestClient(node_app("Assay validator", pulse)) as made:
        yield made


def test_health__cycle_has_run_lately__ok(client: TestClient) -> None:
    answer = client.get("/health")
    assert (answer.status_code, answer.json()["ok"], answer.json()["role"]) == (200, True, "validator")


def test_health__cycle_stopped__503_until_it_beats_again(client: TestClient, pulse: Pulse) -> None:
    pulse.last -= STALE_SECONDS + 1
    answer = client.get("/health")
    assert (answer.status_code, answer.json()["ok"]) == (503, False)
    assert answer.json()["seconds_since_cycle"] >= STALE_SECONDS
    pulse.beat()
    assert client.get("/health").status_code == 200


def test_metrics__counters_and_gauges__prometheus_lines(client: TestClient, pulse: Pulse) -> None:
    pulse.count("checks_total")
    pulse.count("checks_total", 2)
    pulse.gauge("reward", 0.5)
    pulse.gauge("reward", 0.75)
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    assert lines[:2] == ['assay_checks_total{role="validator"} 3', 'assay_reward{role="validator"} 0.75']
    assert lines[2].startswith('assay_seconds_since_cycle{role="validator"} ')


def test_snapshot__later_counts__does_not_change(pulse: Pulse) -> None:
    pulse.count("a")
    before = pulse.snapshot()
    pulse.count("a")
    assert (before, pulse.snapshot()) == ({"a": 1}, {"a": 2})


def test_node_app__on_an_app_of_its_own__keeps_that_apps_routes(pulse: Pulse) -> None:
    base, extra = FastAPI(title="api"), APIRouter()
    base.get("/tasks")(lambda: ["t"])
    extra.get("/a")(lambda: ["a"])
    client = TestClient(node_app("node", pulse, extra, base=base))
    assert [client.get(path).status_code for path in ("/tasks", "/a", "/health", "/metrics", "/x")] == [200] * 4 + [404]
