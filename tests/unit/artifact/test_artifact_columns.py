"""Rollouts, update and trace: what was written is read back; what breaks the form is refused with leaf and reason."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.artifact import parquet, rollouts, rows, tensors, trace, update
from assay.artifact.origin import origin_of
from assay.artifact.rollouts import Rollouts
from assay.errors import Refused
from assay.protocol import codec, merkle
from assay.types import Reason
from unit.artifact import parts

SPEC = parts.spec()
ORIGIN = origin_of(parts.binding())


def changed(name: str, where: Any, value: Any) -> Rollouts:
    made = parts.rollouts()
    column = getattr(made, name).copy()
    column[where] = value
    return replace(made, **{name: column})


def test_rollouts__written_and_read__are_the_same_with_the_same_root(tmp_path: Path) -> None:
    made = parts.rollouts()
    rollouts.write(tmp_path / "x", made, SPEC, ORIGIN)
    found = rollouts.read(tmp_path / "x", SPEC)
    for name in Rollouts.__dataclass_fields__:
        assert getattr(found, name).dtype == getattr(made, name).dtype
        assert np.array_equal(getattr(found, name), getattr(made, name))
    assert found.root(SPEC) == made.root(SPEC)
    assert found.units(SPEC) == int(made.lengths.sum())
    assert len(found) == 2 * parts.GROUP


def test_root__any_value_of_a_rollout_changes__only_its_leaf_changes() -> None:
    made = parts.rollouts()
    changes: dict[str, Any] = {"prompts": 77, "tokens": 77, "logprobs": -7.5, "proofs": 1, "rewards": 0.123}
    changes |= {"prompt_texts": "x", "texts": "x", "problems": 7, "seeds": 7, "rounds": 7}
    for name, value in changes.items():
        row = 3
        where = (row, 0) if getattr(made, name).ndim == 2 else row
        before = getattr(made, name)[where]
        other = changed(name, where, value if before != value else value + 1)
        differ = [i for i, (a, b) in enumerate(zip(made.leaves(SPEC), other.leaves(SPEC), strict=True)) if a != b]
        assert differ == (list(range(parts.GROUP)) if name == "rewards" else [row]), name  # advantages are a group's
    other = changed("prompt_proofs", (1, 0), made.prompt_proofs[1, 0] ^ 1)
    differ = [i for i, (a, b) in enumerate(zip(made.leaves(SPEC), other.leaves(SPEC), strict=True)) if a != b]
    assert differ == list(range(parts.GROUP, 2 * parts.GROUP))
    leaves = made.leaves(SPEC)
    assert merkle.verify(made.root(SPEC), leaves[3], 3, len(leaves), merkle.prove(leaves, 3))


@pytest.mark.parametrize(
    ("name", "where", "value"),
    [
        ("lengths", 2, 0),
        ("lengths", 2, -1),
        ("lengths", 2, parts.T + 1),
        ("prompt_lengths", 2, 0),
        ("prompt_lengths", 2, parts.P + 1),
        ("tokens", (2, 0), -1),
        ("tokens", (2, 0), -5),
        ("prompts", (2, 0), -1),
        ("problems", 2, -1),
        ("rewards", 2, np.nan),
        ("rewards", 2, np.inf),
        ("logprobs", (2, 0), np.nan),
        ("logprobs", (2, 0), -np.inf),
    ],
)
def test_rollouts__value_out_of_bounds__is_refused_at_its_leaf(
    tmp_path: Path, name: str, where: Any, value: Any
) -> None:
    bad = changed(name, where, value)
    with pytest.raises(Refused) as caught:
        bad.check(SPEC)
    assert (caught.value.reason, caught.value.leaf) == (Reason.BOUNDS, 2)
    with pytest.raises(Refused):
        rollouts.write(tmp_path / "x", bad, SPEC, ORIGIN)
    if "lengths" in name or name == "problems":
        return  # a file has no such lengths: its lists are as long as they are
    good = rows.columns(parts.rollouts(), SPEC)
    proofs = base64.b64encode(b"".join(rows.cut_proofs(bad.prompt_proofs, bad.prompt_lengths[:: parts.GROUP], SPEC)))
    table = parquet.Table(len(bad), good | spoilt(bad, name), ORIGIN.metadata(proofs))
    parquet.write(tmp_path / "x", table, rows.KINDS)
    with pytest.raises(Refused) as caught:
        rollouts.read(tmp_path / "x", SPEC)
    assert caught.value.reason is Reason.BOUNDS


@pytest.mark.parametrize(("name", "value"), [("tokens", 0), ("prompts", 3), ("logprobs", -1.0), ("proofs", 1)])
def test_rollouts__something_in_the_padding__is_refused(name: str, value: Any) -> None:
    made = parts.rollouts()
    short = int(np.argmin(made.prompt_lengths if name == "prompts" else made.lengths))
    with pytest.raises(Refused) as caught:
        changed(name, (short, -1), value).check(SPEC)
    assert (caught.value.reason, caught.value.leaf) == (Reason.BOUNDS, short)


def test_rollouts__prompt_proofs_after_a_prompts_last_chunk__are_refused_at_its_first_rollout() -> None:
    seed = next(s for s in range(99) if parts.rollouts(seed=s).prompt_lengths[parts.GROUP] <= parts.CHUNK)
    made = parts.rollouts(seed=seed)
    proofs = made.prompt_proofs.copy()
    proofs[1, -1] = 1
    with pytest.raises(Refused) as caught:
        replace(made, prompt_proofs=proofs).check(SPEC)
    assert (caught.value.reason, caught.value.leaf) == (Reason.BOUNDS, parts.GROUP)


def spoilt(bad: Rollouts, name: str) -> dict[str, parquet.Column]:
    """The one column of a file that holds what is bad."""
    if name == "rewards":
        return {"task_rewards": bad.rewards}
    column = {"tokens": "output_tokens", "prompts": "input_tokens", "logprobs": "output_logprobs"}[name]
    lengths = bad.prompt_lengths if name == "prompts" else bad.lengths
    table = getattr(bad, name)
    inside = np.arange(table.shape[1]) < lengths[:, None]
    return {column: parquet.Lists(table[inside], lengths.astype(np.int64))}


def sliced(made: Rollouts, rows: int) -> Rollouts:
    return Rollouts(**{name: getattr(made, name)[:rows] for name in Rollouts.__dataclass_fields__})


@pytest.mark.parametrize(
    "bad",
    [
        lambda: sliced(parts.rollouts(), 3),
        lambda: sliced(parts.rollouts(), 0),
        lambda: parts.rollouts(groups=3),
        lambda: replace(parts.rollouts(), rewards=np.zeros(7, np.float32)),
        lambda: replace(parts.rollouts(), rewards=np.zeros(8, np.float64)),
        lambda: replace(parts.rollouts(), tokens=parts.rollouts().tokens.astype(np.int64)),
        lambda: replace(parts.rollouts(), tokens=parts.rollouts().tokens[:, :4]),
        lambda: replace(parts.rollouts(), proofs=parts.rollouts().proofs[:, :-1]),
        lambda: replace(parts.rollouts(), prompts=parts.rollouts().prompts[:, :, None]),
        lambda: replace(parts.rollouts(), prompt_proofs=parts.rollouts().prompt_proofs[:, :-1]),
        lambda: replace(parts.rollouts(), prompt_proofs=parts.rollouts().prompt_proofs[:1]),
    ],
    ids=range(11),
)
def test_rollouts__shape_or_type_is_wrong__is_refused(tmp_path: Path, bad: Callable[[], Rollouts]) -> None:
    with pytest.raises(Refused) as caught:
        bad().check(SPEC)
    assert caught.value.reason in {Reason.SCHEMA, Reason.BOUNDS}


def test_rollouts__wider_than_the_spec_allows__are_refused() -> None:
    narrow = replace(SPEC, rollout=replace(SPEC.rollout, max_new_tokens=parts.T - 1))
    with pytest.raises(Refused, match="wide"):
        parts.rollouts().check(narrow)


def test_rollouts__file_above_the_task_limit__is_refused_by_size(tmp_path: Path) -> None:
    rollouts.write(tmp_path / "x", parts.rollouts(), SPEC, ORIGIN)
    small = replace(SPEC, rounds=replace(SPEC.rounds, max_artifact_bytes=100))
    with pytest.raises(Refused) as caught:
        rollouts.read(tmp_path / "x", small)
    assert caught.value.reason is Reason.SIZE


def test_rollouts__mutated_files__raise_only_refused(tmp_path: Path) -> None:
    rollouts.write(tmp_path / "x", parts.rollouts(), SPEC, ORIGIN)
    whole, chance = (tmp_path / "x").read_bytes(), random.Random(1)  # noqa: S311
    refused = 0
    for _ in range(1500):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        (tmp_path / "x").write_bytes(data)
        try:
            rollouts.read(tmp_path / "x", SPEC).root(SPEC)
        except Refused:
            refused += 1
    assert refused > 500


def pseudo_gradient(n: int = 700) -> update.Update:
    return update.Update(*codec.quantise(np.random.default_rng(0).normal(0, 0.01, n).astype(np.float32)))


def test_update__written_and_read__is_the_same(tmp_path: Path) -> None:
    made = pseudo_gradient()
    update.write(tmp_path / "x", made)
    found = update.read(tmp_path / "x", 700)
    assert np.array_equal(found.q, made.q)
    assert np.array_equal(found.scale, made.scale)
    for wrong in (699, 701, 10_000):
        with pytest.raises(Refused):
            update.read(tmp_path / "x", wrong)


@pytest.mark.parametrize("scale", [0x7F80, 0x7FC0, 0xFF80, 0x8001, 0x4F00], ids=["inf", "nan", "-inf", "-tiny", "2^31"])
def test_update__scale_out_of_bounds__is_refused(tmp_path: Path, scale: int) -> None:
    made = pseudo_gradient()
    made.scale[1] = scale
    with pytest.raises(Refused):
        update.write(tmp_path / "x", made)
    tensors.write(tmp_path / "x", {"q": made.q, "scale": made.scale})
    with pytest.raises(Refused) as caught:
        update.read(tmp_path / "x", 700)
    assert caught.value.reason is Reason.UPDATE


def test_trace__written_and_read__is_the_same_with_the_same_root(tmp_path: Path) -> None:
    made = parts.steps()
    trace.write(tmp_path / "x", made)
    found = trace.read(tmp_path / "x")
    assert found == made
    assert trace.root(found) == trace.root(made)
    leaves = [step.digest() for step in made]
    assert merkle.verify(trace.root(made), leaves[1], 1, 3, merkle.prove(leaves, 1))


def test_trace__loss_is_minus_zero__has_the_root_that_its_reader_computes() -> None:
    """The first step's loss is 0 with either sign where advantages cancel out."""
    made = [replace(step, loss=-0.0, grad_norm=-0.0) for step in parts.steps()]
    assert trace.root(trace.decode(trace.encode(made))) == trace.root(made)


def test_trace__any_field_of_a_step_changes__its_digest_changes() -> None:
    step = parts.steps()[0]
    others = {
        "task": 9, "round": 9, "trainer": "0x" + "77" * 20, "n": 9, "step": 9, "batch_hash": b"\7" * 32,
        "loss": 9.0, "grad_norm": 9.0, "gradient_root": b"\7" * 32, "sketch": b"\7" * 128,
        "weights_before": b"\7" * 32, "moments_before": b"\7" * 32,
        "weights_after": b"\7" * 32, "moments_after": b"\7" * 32,
    }  # fmt: skip
    digests = {replace(step, **{name: value}).digest() for name, value in others.items()}  # type: ignore[arg-type]
    assert len(digests | {step.digest()}) == 15
    assert others.keys() == step.__dataclass_fields__.keys()


@pytest.mark.parametrize(
    "bad",
    [
        lambda: [],
        lambda: parts.steps()[1:],
        lambda: [parts.steps()[0], parts.steps()[0]],
        lambda: [parts.steps()[0], replace(parts.steps()[1], round=3)],
        lambda: [replace(parts.steps()[0], loss=float("nan"))],
        lambda: [replace(parts.steps()[0], grad_norm=float("inf"))],
        lambda: [replace(parts.steps()[0], task=-1)],
        lambda: [replace(parts.steps()[0], weights_after=b"\1")],
        lambda: [replace(parts.steps()[0], sketch=b"\1" * 127)],
        lambda: [replace(parts.steps()[0], trainer="0x12")],
    ],
    ids=range(10),
)
def test_trace__breaks_a_rule__cannot_be_written(tmp_path: Path, bad: Callable[[], list[trace.StepLeaf]]) -> None:
    with pytest.raises(Refused):
        trace.write(tmp_path / "x", bad())


def test_trace__garbage_or_mutated__raises_only_refused() -> None:
    whole, chance = trace.encode(parts.steps()), random.Random(2)  # noqa: S311
    for data in (b"", b"{}", b"[]", b'{"steps":[]}', b'{"steps":{}}', b'{"steps":[1]}', b"\x80\x04.", whole + b" "):
        with pytest.raises(Refused):
            trace.decode(data)
    for value in (b"1e999", b"NaN", b"-Infinity", b"true", b"null", b'"1"', b"9" * 400, b"1.250"):
        with pytest.raises(Refused):
            trace.decode(whole.replace(b"1.25", value, 1))
    for _ in range(2000):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            assert trace.encode(trace.decode(bytes(data))) == bytes(data)
        except Refused:
            continue
    with pytest.raises(Refused, match="more than"):
        trace.decode(b" " * (trace.TRACE_BYTES + 1))
