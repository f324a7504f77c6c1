"""A submission's check: eight checks, cheapest first, and a finding at the first failure.

Whatever a stranger's bytes do, it ends in a finding; only what is this node's own trouble is raised. Knows nothing of
votes or stakes. Doesn't bound time and memory by itself: `check_json` is what `artifact.sandbox` runs in a child.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from assay.errors import Refused, Unavailable
from assay.model import load
from assay.protocol import profile
from assay.protocol import spec as task_spec
from assay.protocol.evidence import submission_root
from assay.protocol.hashing import hex32, unhex32
from assay.protocol.kinds import KINDS
from assay.protocol.plan import History
from assay.protocol.spec import TaskSpec
from assay.types import STATISTICAL, Reason, Verdict
from assay.verify.agreement import check_agreement
from assay.verify.assignment import check_assignment
from assay.verify.audit import check_activation, fingerprints, place_of, prefill
from assay.verify.bounds import check_bounds
from assay.verify.case import Case, Context, Measure
from assay.verify.held_out import check_held_out
from assay.verify.reward import check_reward
from assay.verify.sampling import check_reference, check_sampling
from assay.verify.schema import check_schema
from assay.verify.sequential import Reading, WorkerState
from assay.verify.step import check_chain, check_step, wanted
from assay.verify.update import check_update
from assay.verify.worker import check_worker, read_worker

__all__ = ["CheckLine", "Context", "Finding", "check_json", "check_submission", "context_of", "context_to_json"]

NO_EVIDENCE = bytes(32)
NOBODY = "0x" + "00" * 20
_MALFORMED = (Reason.SCHEMA, Reason.SIZE)
_FAULTS_OF_SCHEMA = (Reason.BINDING, Reason.UNITS)


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One check that ran: its name, seconds, whether it passed, what it measured and against what."""

    name: str
    seconds: float
    passed: bool
    value: float | None
    threshold: float | None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a validator found. leaf is a rollout's number, or a step's for STEP, GRADIENT and UPDATE; seconds are wall
    time.

    evidence is the Merkle root of the validator's own fingerprints under its address, zeros if no prefill was needed to
    refuse.
    is_statistical: the refusal rests on a tolerance, so that honest work could meet it. worker: what the audits of the
    trainer come to with this one (`WorkerState.to_json`), where its test was run.
    """

    verdict: Verdict
    reason: Reason
    leaf: int | None
    value: float | None
    threshold: float | None
    seconds: float
    evidence: bytes
    message: str
    checks: list[CheckLine] = field(default_factory=list)
    is_statistical: bool = False
    worker: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the finding as plain JSON values; verdict and reason are their numbers."""
        return {
            "verdict": int(self.verdict),
            "reason": int(self.reason),
            "leaf": self.leaf,
            "value": _plain(self.value),
            "threshold": _plain(self.threshold),
            "seconds": self.seconds,
            "evidence": hex32(self.evidence),
            "message": self.message,
            "checks": [
                [line.name, line.seconds, line.passed, _plain(line.value), _plain(line.threshold)]
                for line in self.checks
            ],
            "statistical": self.is_statistical,
            "worker": self.worker,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Finding:
        """Read what `to_json` gave. Values are this node's own; no defence against others'."""
        return cls(
            Verdict(value["verdict"]),
            Reason(value["reason"]),
            value["leaf"],
            value["value"],
            value["threshold"],
            value["seconds"],
            unhex32(value["evidence"]),
            value["message"],
            [CheckLine(*line) for line in value["checks"]],
            value["statistical"],
            value["worker"],
        )


Report = Callable[[CheckLine], None]
_Check = tuple[str, Reason, Callable[[], Measure]]


class _Run:
    """The checks of one case in order, and the evidence that they leave."""

    def __init__(self, case: Case, worker: WorkerState | None, validator: str = NOBODY) -> None:
        self.case = case
        self.validator = validator
        self.fingerprints: list[bytes] = []
        self.evidence = NO_EVIDENCE
        self.before = worker
        self.reading: Reading | None = None

    def checks(self) -> Iterator[_Check]:
        """Yield name, reason of last resort and check; later ones hold the prefill that the first of them made."""
        for name in KINDS[self.case.spec.kind].checks:
            if name != "worker" or self.before is not None:
                yield self._named(name)

    def cheap(self) -> Iterator[_Check]:
        """Yield the checks that need neither the model nor an opening."""
        for name in KINDS[self.case.spec.kind].cheap:
            yield self._named(name)

    def _named(self, name: str) -> _Check:
        reason, check = _CHECKS[name]
        return name, reason, partial(check, self)

    def prefill(self) -> Measure:
        """Read the drawn texts with the base model, and keep what that shows: this node looked."""
        self.audit = prefill(self.case)
        self.fingerprints = fingerprints(self.case, self.audit)
        self.evidence = submission_root(place_of(self.case, self.validator), self.fingerprints)
        return Measure()

    def activation(self) -> Measure:
        """The prefill, compared with the proofs."""
        self.prefill()
        return check_activation(self.case, self.audit)

    def worker(self) -> Measure:
        """All that was audited of this worker. Only with a state from before."""
        if self.before is None:
            return Measure()
        self.reading = read_worker(self.case, self.audit, self.before)
        return check_worker(self.reading)

    @property
    def after(self) -> dict[str, Any] | None:
        return None if self.reading is None else self.reading.state.to_json()


_CHECKS: dict[str, tuple[Reason, Callable[[_Run], Measure]]] = {
    "schema": (Reason.SCHEMA, lambda run: check_schema(run.case)),
    "assignment": (Reason.ASSIGNMENT, lambda run: check_assignment(run.case)),
    "bounds": (Reason.BOUNDS, lambda run: check_bounds(run.case)),
    "reward": (Reason.REWARD, lambda run: check_reward(run.case)),
    "update": (Reason.UPDATE, lambda run: check_update(run.case)),
    "chain": (Reason.STEP, lambda run: check_chain(run.case)),
    "prefill": (Reason.ACTIVATION, _Run.prefill),
    "activation": (Reason.ACTIVATION, _Run.activation),
    "sampling": (Reason.SAMPLING, lambda run: check_sampling(run.case, run.audit)),
    "reference": (Reason.SAMPLING, lambda run: check_reference(run.case, run.audit)),
    "worker": (Reason.ACTIVATION, _Run.worker),
    "agreement": (Reason.SAMPLING, lambda run: check_agreement(run.case)),
    "held-out": (Reason.UPDATE, lambda run: check_held_out(run.case)),
    "step": (Reason.STEP, lambda run: check_step(run.case)),
}
"""Every check by name: the reason of last resort, and what runs it. Which apply to a kind is in `protocol.kinds`."""


def check_submission(
    folder: Path,
    checkpoint_folder: Path,
    spec: TaskSpec,
    context: Context,
    openings: Path | None = None,
    report: Report | None = None,
    worker: WorkerState | None = None,
    validator: str = NOBODY,
    labels: Mapping[str, str] | None = None,
) -> Finding:
    """Check the submission in `folder` against its base checkpoint, the task and the chain.

    `openings` is the folder that holds what the trainer opened, by root; `worker` is what this validator's audits of
    the trainer came to before it; without, the worker isn't tested. `validator` is whose evidence the finding's is,
    `labels` its own, for kind label.

    Raises Unavailable if a disk or memory fails or no artifact is there, Broken if this node's own checkpoint or
    environment isn't the task's. Everything else is in the finding.
    """
    run = _Run(Case(folder, checkpoint_folder, spec, context, openings, labels=labels), worker, validator)
    return _carried_out(run, run.checks(), report)


def _carried_out(run: _Run, checks: Iterator[_Check], report: Report | None = None) -> Finding:
    lines, start = list[CheckLine](), time.perf_counter()

    def line(name: str, since: float, passed: bool, value: float | None, threshold: float | None) -> None:
        lines.append(CheckLine(name, time.perf_counter() - since, passed, value, threshold))
        if report is not None:
            report(lines[-1])

    for name, fallback, check in checks:
        since = time.perf_counter()
        try:
            measure = _guarded(name, check)
        except Refused as fault:
            line(name, since, False, fault.value, fault.threshold)
            reason = fault.reason or fallback
            total = time.perf_counter() - start
            return Finding(
                _verdict(name, reason),
                reason,
                fault.leaf,
                fault.value,
                fault.threshold,
                total,
                run.evidence,
                str(fault),
                lines,
                reason in STATISTICAL,
                run.after,
            )
        line(name, since, True, measure.value, measure.threshold)
    total = time.perf_counter() - start
    passed = "every check passed"
    return Finding(Verdict.VALID, Reason.NONE, None, None, None, total, run.evidence, passed, lines, False, run.after)


def _guarded(name: str, check: Callable[[], Measure]) -> Measure:
    """Run a check so that bytes nobody thought of become a refusal, and a machine's trouble an Unavailable."""
    try:
        return check()
    except (ValueError, TypeError, ArithmeticError, LookupError) as error:
        raise Refused(f"check {name} can't read the submission: {type(error).__name__}", Reason.SCHEMA) from error
    except (OSError, MemoryError, RuntimeError) as error:
        raise Unavailable(f"check {name} couldn't run on this machine: {error}") from error


def _plain(value: float | None) -> float | None:
    """JSON has no word for infinity or NaN."""
    return value if value is not None and math.isfinite(value) else None


def _verdict(name: str, reason: Reason) -> Verdict:
    if reason is Reason.MISSING:
        return Verdict.UNAVAILABLE
    if reason in _MALFORMED or (name == "schema" and reason not in _FAULTS_OF_SCHEMA):
        return Verdict.MALFORMED
    return Verdict.INVALID


def context_to_json(context: Context) -> dict[str, Any]:
    """Return a context as plain JSON values, byte strings in hex."""
    plain = asdict(context)
    return {name: "0x" + value.hex() if isinstance(value, bytes) else value for name, value in plain.items()}


def context_of(value: dict[str, Any]) -> Context:
    """Read what `context_to_json` gave; root and history may be left out."""
    given = {name: value[name] for name in ("beacon", "audit_seed", "root") if value.get(name) is not None}
    raw = {name: bytes.fromhex(text.removeprefix("0x")) for name, text in given.items()}
    return Context(**{**value, **raw, "history": History(**value.get("history", {}))})


def check_json(args: dict[str, Any]) -> dict[str, Any]:
    """The JSON twin of `check_submission` for a child process.

    args: folder, checkpoint_folder, spec (canonical JSON text), context (`context_to_json`), labels (this node's own,
    for kind label), profiles (the documents that the spec names, where they aren't shipped), openings (a folder or
    None), earlier (folders of the round's earlier submissions), threads (1), worker (`WorkerState.to_json()`),
    validator (whose evidence it is) and evidence (a file to write the fingerprints to, one after another), which may be
    left out. Returns `Finding.to_json()`.
    Sets this process's thread count and deterministic kernels.
    """
    load.determinism(int(args.get("threads", 1)))
    run = _of_json(args)
    finding = _carried_out(run, run.checks())
    if args.get("evidence") and run.fingerprints:
        Path(args["evidence"]).write_bytes(b"".join(run.fingerprints))
    return finding.to_json()


def preview_json(args: dict[str, Any]) -> dict[str, Any]:
    """Run only the checks that need no model and no opening. args as `check_json`; returns {"finding"}."""
    run = _of_json(args)
    return {"finding": _carried_out(run, run.cheap()).to_json()}


def wanted_json(args: dict[str, Any]) -> dict[str, Any]:
    """Read what the trainer has to open, whatever else the submission holds. args as `check_json`; returns {"roots"} in
    hex. Refused, or whatever strangers' bytes bring about, where the trace can't be read or lacks a drawn step.
    """
    return {"roots": [hex32(root) for _, root in wanted(_of_json(args).case)]}


def _of_json(args: dict[str, Any]) -> _Run:
    profile.learn_all(args.get("profiles", []))
    case = Case(
        Path(args["folder"]),
        Path(args["checkpoint_folder"]),
        task_spec.parse_json(args["spec"].encode()),
        context_of(args["context"]),
        Path(args["openings"]) if args.get("openings") else None,
        [Path(folder) for folder in args.get("earlier", ())],
        args.get("labels"),
    )
    worker = None if args.get("worker") is None else WorkerState.from_json(args["worker"])
    return _Run(case, worker, args.get("validator", NOBODY))
