from __future__ import annotations

from collections.abc import Callable

import pytest

from assay.protocol import spec as task_spec
from assay.types import Reason
from assay.verify.check import context_to_json
from assay.verify.explain import explain, explain_json


def explained(bench) -> str:
    return explain(bench.folder, bench.base, bench.spec, bench.context, bench.openings).text


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (
            "model",
            [
                "activation",
                "mantissas far apart",
                "prompt     0",
                "completion 1",
                "(statistical) · leaf ",
                "profile float32 0x",
            ],
        ),
        ("tokens", ["sampling", "place  submitted  due  margin"]),
        ("reward", ["reason reward (exact) · leaf ", "recomputed  "]),
        ("prompts", ["assignment", "assigned    "]),
        ("update", ["step 1 of 2: loss ", "gradient norm"]),
    ],
)
def test_explain__fault__shows_the_check_the_leaf_and_the_numbers(
    submit: Callable, fault: str, words: list[str]
) -> None:
    bench = submit(fault)
    found = explain(bench.folder, bench.base, bench.spec, bench.context, bench.openings)
    assert found.finding.reason is bench.check().reason
    assert found.text.startswith("task 3, round 2, trainer 0x") and "FAILED" in found.text
    assert found.text.splitlines()[1].startswith("INVALID: ")
    for word in words:
        assert word in found.text
    if found.finding.reason is not Reason.UPDATE:
        assert f"rollout {found.finding.leaf}: member " in found.text


def test_explain__reward__names_claimed_and_true_value(submit: Callable) -> None:
    bench = submit("reward")
    finding, text = bench.check(), explained(bench)
    assert f"reward      {finding.value:.6f}" in text and f"recomputed  {finding.threshold:.6f}" in text


def test_explain__honest_submission__says_that_every_check_passed(honest) -> None:
    text = explained(honest)
    assert "VALID: every check passed" in text and text.count("  passed") == 10


def test_explain__malformed_submission__needs_no_leaf(honest) -> None:
    (honest.folder / "trace.json").write_bytes(b"{}")
    assert "MALFORMED: " in explained(honest)


def test_explain_json__same_text(submit: Callable) -> None:
    bench = submit("prompts")
    spec, context = task_spec.to_json(bench.spec).decode(), context_to_json(bench.context)
    told = explain_json(
        {
            "folder": str(bench.folder),
            "checkpoint_folder": str(bench.base),
            "openings": str(bench.openings),
            "spec": spec,
            "context": context,
        }
    )
    assert told["text"].splitlines()[1] == explained(bench).splitlines()[1]
    assert told["finding"]["reason"] == Reason.ASSIGNMENT
