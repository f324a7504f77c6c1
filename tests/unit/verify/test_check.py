from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assay.artifact import sandbox
from assay.errors import Broken, Refused, Unavailable
from assay.protocol import spec as task_spec
from assay.protocol import toploc
from assay.protocol.profile import documents
from assay.types import Reason, Verdict
from assay.verify.audit import drawn_groups
from assay.verify.check import NO_EVIDENCE, CheckLine, Finding, _guarded, check_json, check_submission, context_to_json
from unit.verify.conftest import rehashed

ORDER = ["schema", "assignment", "bounds", "reward", "update", "chain", "activation", "sampling", "held-out", "step"]


def test_check__honest_submission__is_valid_with_evidence(honest) -> None:
    seen: list[CheckLine] = []
    finding = check_submission(honest.folder, honest.base, honest.spec, honest.context, honest.openings, seen.append)
    assert (finding.verdict, finding.reason, finding.leaf) == (Verdict.VALID, Reason.NONE, None)
    assert [line.name for line in finding.checks] == ORDER and finding.checks == seen
    assert all(line.passed for line in finding.checks)
    assert len(finding.evidence) == 32 and finding.evidence != NO_EVIDENCE


def test_check__twice__gives_the_same_evidence_and_another_draw_another(honest) -> None:
    first = honest.check().evidence
    assert honest.check().evidence == first
    assert honest.check(audit_seed=b"\x06" * 16).evidence != first


@pytest.mark.parametrize(
    ("fault", "reason", "last"),
    [
        ("model", Reason.ACTIVATION, "activation"),
        ("tokens", Reason.SAMPLING, "sampling"),
        ("reward", Reason.REWARD, "reward"),
        ("prompts", Reason.ASSIGNMENT, "assignment"),
        ("update", Reason.UPDATE, "step"),
    ],
)
def test_check__fault__is_invalid_for_its_reason(submit: Callable, fault: str, reason: Reason, last: str) -> None:
    finding = submit(fault).check()
    assert (finding.verdict, finding.reason) == (Verdict.INVALID, reason)
    assert finding.leaf is not None and finding.value is not None and finding.threshold is not None
    assert finding.checks[-1].name == last and not finding.checks[-1].passed
    assert all(line.passed for line in finding.checks[:-1])
    assert (finding.evidence == NO_EVIDENCE) == (ORDER.index(last) < ORDER.index("activation"))


def test_check_json__honest_and_cheating__tells_what_check_submission_tells(submit: Callable) -> None:
    for fault in (None, "reward"):
        bench = submit(fault)
        args = {
            "folder": str(bench.folder),
            "checkpoint_folder": str(bench.base),
            "openings": str(bench.openings),
            "spec": task_spec.to_json(bench.spec).decode(),
            "context": context_to_json(bench.context),
        }
        told = json.loads(json.dumps(check_json(json.loads(json.dumps(args))), allow_nan=False))
        finding, direct = Finding.from_json(told), bench.check()
        same = ("verdict", "reason", "leaf", "value", "threshold", "evidence", "message")
        assert [getattr(finding, name) for name in same] == [getattr(direct, name) for name in same]
        assert finding.to_json() == told


def test_check_json__context_without_root__is_read(honest) -> None:
    context = context_to_json(honest.context)
    del context["root"]
    spec = task_spec.to_json(honest.spec).decode()
    args = {"folder": str(honest.folder), "checkpoint_folder": str(honest.base), "spec": spec, "context": context}
    args["openings"] = str(honest.openings)
    assert check_json(args)["verdict"] == Verdict.VALID


@pytest.mark.parametrize(
    "changes",
    [
        {"chain_id": 1},
        {"ledger": "0x" + "12" * 20},
        {"task": 4},
        {"round": 3},
        {"trainer": "0x" + "cd" * 20},
        {"n": 0},
        {"base": 0},
        {"first_group": 0},
        {"root": b"\x01" * 32},
    ],
)
def test_check__anothers_artifact__is_invalid_binding(honest, changes: dict) -> None:
    finding = honest.check(**changes)
    assert (finding.verdict, finding.reason) == (Verdict.INVALID, Reason.BINDING)


def test_check__trainers_address_in_another_case__is_the_same_trainer(honest) -> None:
    assert honest.check(trainer=honest.context.trainer.upper().replace("0X", "0x")).verdict is Verdict.VALID


def test_check__other_units_claimed__is_invalid_units(honest) -> None:
    finding = honest.check(units=honest.context.units + 1)
    assert (finding.verdict, finding.reason) == (Verdict.INVALID, Reason.UNITS)
    assert finding.threshold == honest.context.units


@pytest.mark.parametrize("name", ["rollout_root", "trace_root"])
def test_check__a_root_that_isnt_the_contents__is_invalid_binding(honest, name: str) -> None:
    finding = honest.forged(**{name: b"\x03" * 32}).check()
    assert (finding.verdict, finding.reason) == (Verdict.INVALID, Reason.BINDING)


def test_check__old_trace__is_invalid_binding(honest) -> None:
    finding = honest.forged(steps=lambda steps: [replace(step, round=1) for step in steps]).check()
    assert (finding.verdict, finding.reason) == (Verdict.INVALID, Reason.BINDING)


def test_check__other_beacon__is_invalid_assignment(honest) -> None:
    finding = honest.check(beacon=b"\x08" * 32)
    assert (finding.verdict, finding.reason) == (Verdict.INVALID, Reason.ASSIGNMENT)


def with_row(column: str, row: int, change: Callable[[np.ndarray], None]) -> Callable:
    def apply(rollouts):
        changed = getattr(rollouts, column).copy()
        change(changed[row : row + 1])
        return replace(rollouts, **{column: changed})

    return apply


def put(place: object, value: object) -> Callable[[np.ndarray], None]:
    def apply(row: np.ndarray) -> None:
        row[place] = value

    return apply


@pytest.mark.parametrize(
    ("column", "change", "reason"),
    [
        ("tokens", put((0, 0), 13), Reason.BOUNDS),
        ("tokens", put((0, 0), 2**31 - 1), Reason.BOUNDS),
        ("rewards", put(0, 1.5), Reason.BOUNDS),
        ("rewards", put(0, -0.25), Reason.BOUNDS),
        ("logprobs", put((0, 0), 0.5), Reason.BOUNDS),
        ("tokens", put((0, 0), 11), Reason.TERMINATION),
        ("prompts", put((0, 0), 999), Reason.ASSIGNMENT),
    ],
)
def test_check__one_rollout_out_of_bounds__is_invalid_at_its_leaf(
    honest, column: str, change: Callable, reason: Reason
) -> None:
    finding = honest.forged(rollouts=with_row(column, 17, change)).check()
    assert (finding.verdict, finding.reason, finding.leaf) == (Verdict.INVALID, reason, 17)


def test_check__rollout_cut_before_its_end__is_invalid_termination(honest) -> None:
    def cut(rollouts):
        lengths, tokens, logprobs = rollouts.lengths.copy(), rollouts.tokens.copy(), rollouts.logprobs.copy()
        proofs = rollouts.proofs.copy()
        size = toploc.proof_bytes(honest.spec.verification.top_k)
        lengths[9], tokens[9, 2:], logprobs[9, 2:], proofs[9, size:] = 2, -1, 0, 0
        return replace(rollouts, lengths=lengths, tokens=tokens, logprobs=logprobs, proofs=proofs)

    finding = honest.forged(rollouts=cut).check()
    assert (finding.verdict, finding.reason, finding.leaf) == (Verdict.INVALID, Reason.TERMINATION, 9)


def drawn_row(bench) -> int:
    return drawn_groups(bench.case())[1] * bench.spec.rollout.group_size + 2


def test_check__false_logprob_of_a_drawn_rollout__is_invalid_sampling(honest) -> None:
    row = drawn_row(honest)
    change = with_row("logprobs", row, lambda r: np.subtract(r, [[0.5, 0, 0, 0, 0, 0]], out=r))
    found = honest.forged(rollouts=change, steps=rehashed(honest, change(honest.case().rollouts))).check()
    assert (found.verdict, found.reason, found.leaf) == (Verdict.INVALID, Reason.SAMPLING, row)
    assert found.value == pytest.approx(0.5, abs=1e-3) and found.threshold == honest.case().profile.logprob


def test_check__proof_of_another_rollout__is_invalid_activation(honest) -> None:
    row = drawn_row(honest)

    def swap(rollouts):
        proofs, first = rollouts.proofs.copy(), slice(0, toploc.proof_bytes(honest.spec.verification.top_k))
        proofs[row, first] = proofs[0 if row else 1, first]
        return replace(rollouts, proofs=proofs)

    finding = honest.forged(rollouts=swap).check()
    assert (finding.verdict, finding.reason, finding.leaf) == (Verdict.INVALID, Reason.ACTIVATION, row)


def test_check__in_the_sandbox__gives_the_same_verdict(submit: Callable) -> None:
    bench = submit("reward")
    spec, context = task_spec.to_json(bench.spec).decode(), context_to_json(bench.context)
    args = {"folder": str(bench.folder), "checkpoint_folder": str(bench.base), "spec": spec, "context": context}
    args["profiles"] = documents(bench.spec.verification)
    args["openings"] = str(bench.openings)
    told = sandbox.run("assay.verify.check:check_json", args, 2 << 30, 60.0, ("assay.verify.check",))
    found = Finding.from_json(told)
    direct = bench.check()
    assert (found.verdict, found.reason, found.leaf) == (direct.verdict, direct.reason, direct.leaf)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("no memory"), OSError(5, "disk")])
def test_guarded__trouble_of_this_machine__is_unavailable(error: Exception) -> None:
    def fail():
        raise error

    with pytest.raises(Unavailable):
        _guarded("step", fail)


@pytest.mark.parametrize("error", [ValueError(), IndexError(), KeyError("x"), OverflowError(), TypeError()])
def test_guarded__bytes_nobody_thought_of__are_refused(error: Exception) -> None:
    def fail():
        raise error

    with pytest.raises(Refused) as refused:
        _guarded("schema", fail)
    assert refused.value.reason is Reason.SCHEMA


@pytest.mark.parametrize("words", [[0], [64], [65496], [65498], [65497, 65497], [65497, 0xFFFF]])
def test_check__malformed_proof_anywhere__is_malformed(honest, words: list[int]) -> None:
    raw = np.array(words, dtype=">u2").view(np.uint8)
    finding = honest.forged(rollouts=with_row("proofs", 31, put((0, slice(0, len(raw))), raw))).check()
    assert (finding.verdict, finding.reason, finding.leaf) == (Verdict.MALFORMED, Reason.SCHEMA, 31)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("loss", 0.25, Reason.GRADIENT),
        ("loss", -1e300, Reason.GRADIENT),
        ("grad_norm", 9.0, Reason.GRADIENT),
        ("batch_hash", b"\x01" * 32, Reason.STEP),
    ],
)
def test_check__false_step__is_invalid_at_that_step(honest, field: str, value: object, reason: Reason) -> None:
    def lie(steps):
        return [steps[0], replace(steps[1], **{field: value})]

    finding = honest.forged(steps=lie).check()
    assert (finding.verdict, finding.reason, finding.leaf) == (Verdict.INVALID, reason, 1)
    assert finding.is_statistical == (reason is Reason.GRADIENT)


def test_check__steps_left_out__is_invalid(honest) -> None:
    finding = honest.forged(steps=lambda steps: steps[:1]).check()
    assert (finding.verdict, finding.reason) == (Verdict.INVALID, Reason.BINDING)


@pytest.mark.parametrize(
    ("change", "passes"),
    [
        (lambda u: replace(u, q=np.zeros_like(u.q)), "update"),
        (lambda u: replace(u, q=-u.q), "update"),
        (lambda u: replace(u, scale=u.scale + np.uint16(1)), "update"),
        (lambda u: replace(u, scale=np.full_like(u.scale, 0x3D00)), None),
    ],
)
def test_check__other_update__is_invalid_update(honest, change: Callable, passes: str | None) -> None:
    finding = honest.forged(change=change).check()
    assert (finding.verdict, finding.reason) == (Verdict.INVALID, Reason.UPDATE)
    assert finding.checks[-1].name == ("update" if passes is None else "step")
    assert finding.value > finding.threshold


def test_check__missing_file__is_unavailable(honest) -> None:
    (honest.folder / "update.safetensors").unlink()
    finding = honest.check()
    assert (finding.verdict, finding.reason) == (Verdict.UNAVAILABLE, Reason.MISSING)


def test_check__no_artifact_at_all__raises_unavailable(honest, tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        replace(honest, folder=tmp_path / "nothing").check()


def test_check__checkpoint_in_place_of_a_submission__is_malformed(honest) -> None:
    finding = check_submission(honest.base, honest.base, honest.spec, replace(honest.context, root=None))
    assert (finding.verdict, finding.reason) == (Verdict.MALFORMED, Reason.SCHEMA)


def test_check__own_checkpoint_is_damaged__raises_broken(honest, tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    for path in honest.base.iterdir():
        data = bytearray(path.read_bytes())
        if path.name == "weights.safetensors":
            data[-1] ^= 1
        (tmp_path / "base" / path.name).write_bytes(data)
    with pytest.raises(Broken):
        replace(honest, base=tmp_path / "base").check()


def test_check__task_pins_another_environment__raises_broken(honest) -> None:
    spec = replace(honest.spec, environment=replace(honest.spec.environment, hash=b"\x01" * 32))
    with pytest.raises(Broken):
        replace(honest, spec=spec).check()


def test_check__too_many_bytes__is_malformed(honest) -> None:
    spec = replace(honest.spec, rounds=replace(honest.spec.rounds, max_artifact_bytes=1000))
    finding = replace(honest, spec=spec).check()
    assert (finding.verdict, finding.reason) == (Verdict.MALFORMED, Reason.SIZE)


FILES = ["manifest.json", "rollouts.parquet", "trace.json", "update.safetensors"]


@pytest.mark.parametrize("seed", range(60))
def test_check__flipped_or_cut_bytes__give_a_finding_only(honest, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311
    path = honest.folder / FILES[seed % 4]
    data = bytearray(path.read_bytes())
    if dice.random() < 0.3:
        data = data[: dice.randrange(len(data))]
    else:
        for _ in range(dice.choice([1, 3, 40])):
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    path.write_bytes(data)
    finding = honest.check()
    assert finding.verdict in (Verdict.MALFORMED, Verdict.INVALID, Verdict.UNAVAILABLE)
    assert finding.message


@pytest.mark.parametrize("seed", range(40))
def test_check__mutated_columns_under_fresh_roots__give_a_finding_only(honest, seed: int) -> None:
    """What a hostile trainer can do: any values that the format allows, every root recomputed."""
    dice = np.random.default_rng(seed)
    column = ["tokens", "prompts", "logprobs", "rewards", "proofs"][seed % 5]

    def mutate(rollouts):
        changed = getattr(rollouts, column).copy()
        hit = (dice.random(changed.shape) < dice.choice([0.01, 0.3, 1.0])) & (changed != -1)
        if column == "logprobs":
            inside = np.arange(changed.shape[1]) < rollouts.lengths[:, None]
            changed[hit & inside] = dice.choice(np.array([-1e30, -3.4e38, -0.0, -80.0, 1e-30], np.float32))
        elif column == "rewards":
            changed[hit] = dice.choice(np.array([0.0, 1.0, 3e38, -3e38, 1e-45], np.float32))
        elif column == "proofs":
            words = -(-rollouts.lengths.astype(int) // honest.spec.verification.chunk)
            used = np.arange(changed.shape[1]) < words[:, None] * toploc.proof_bytes(honest.spec.verification.top_k)
            changed[hit & used] = dice.integers(0, 256)
        else:
            changed[hit] = dice.integers(0, dice.choice([2, 13, 2**31]))
        return replace(rollouts, **{column: changed})

    bench = honest.forged(rollouts=mutate)
    finding = bench.check()
    assert finding.verdict is not Verdict.UNAVAILABLE
    if bench.context.root == honest.context.root:
        assert finding.verdict is Verdict.VALID
