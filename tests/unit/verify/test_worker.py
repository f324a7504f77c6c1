"""The worker's test as a validator's check runs it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from assay.protocol.profile import Float32Limits
from assay.train import faults
from assay.train.export import train_submission
from assay.types import Reason, Verdict
from assay.verify.check import Finding, check_submission
from assay.verify.sequential import WorkerState
from unit.verify.conftest import BEACON, BOUND, Bench, open_all
from unit.verify.test_check import ORDER
from unit.verify.test_check_profiles import with_rules


def with_state(bench, state: WorkerState) -> Finding:
    return check_submission(bench.folder, bench.base, bench.spec, bench.context, bench.openings, worker=state)


def test_check__worker_known__its_test_runs_before_the_steps_and_gives_the_next_state(honest) -> None:
    first = with_state(honest, WorkerState())

    assert first.verdict is Verdict.VALID and not first.is_statistical
    assert [line.name for line in first.checks] == [*ORDER[:-2], "worker", *ORDER[-2:]]
    assert first.worker is not None and first.worker["groups"] == 4
    second = with_state(honest, WorkerState.from_json(first.worker))
    assert second.worker is not None and second.worker["groups"] == 8
    assert honest.check().worker is None  # who has no record of the worker doesn't test it


def drifted(bench: Bench, room: Path, by: float, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Return honest work but for rollouts of a model whose weights are each off by about that share."""
    monkeypatch.setattr(faults, "DRIFT", by)
    done = train_submission(bench.base, bench.spec, BOUND, BEACON, room / "submission", "model", states=room / "states")
    context = replace(bench.context, units=done.units, root=done.root)
    opened = open_all(room, bench.base, bench.spec)
    return replace(bench, room=room, folder=room / "submission", context=context, openings=opened)


def test_check__drift_that_no_chunk_shows__is_refused_by_the_workers_test(honest, tmp_path: Path, monkeypatch) -> None:
    bench = drifted(honest, tmp_path, 1e-6, monkeypatch)
    wide = {"chunk_limits": Float32Limits(close_mean=64, far=16), "sequence_limit": 64.0}
    worst = next(line.value for line in with_rules(bench, **wide).check().checks if line.name == "activation")
    bench = with_rules(
        bench, **wide, worker=replace(bench.case().profile.worker, mean0=0.0, sd0=worst / 8, submission=1000.0)
    )
    state, findings = WorkerState(), list[Finding]()
    while len(findings) < 30 and not (findings and findings[-1].verdict is Verdict.INVALID):
        findings.append(with_state(bench, state))
        state = WorkerState.from_json(findings[-1].worker or {})

    assert len(findings) > 1
    last = findings[-1]
    assert (last.verdict, last.reason, last.checks[-1].name) == (Verdict.INVALID, Reason.ACTIVATION, "worker")
    assert last.is_statistical and last.value >= last.threshold and last.leaf is not None
    assert state == WorkerState()  # it starts anew
    assert Finding.from_json(last.to_json()) == last
