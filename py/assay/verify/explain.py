"""A refusal replayed for a person: which check, which leaf, what was there and what was due.

Runs the same checks again on this machine, so that nobody has to believe a verdict. Knows nothing of screens: it gives
plain text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.errors import Refused
from assay.model import load
from assay.model.reward import reward
from assay.protocol import profile, toploc
from assay.protocol import spec as task_spec
from assay.protocol.profile import profile_hash
from assay.protocol.spec import TaskSpec
from assay.types import Reason, Verdict
from assay.verify.audit import committed, committed_prompts, limits_of, prefill, prompt_lengths, sequence_of
from assay.verify.case import Case, Context
from assay.verify.check import Finding, check_submission, context_of
from assay.verify.sampling import replay
from assay.verify.toploc import score


@dataclass(frozen=True, slots=True)
class Explanation:
    """The finding of the replay and a printable report of it."""

    finding: Finding
    text: str


def explain(
    folder: Path, checkpoint_folder: Path, spec: TaskSpec, context: Context, openings: Path | None = None
) -> Explanation:
    """Check the submission again; report each check and what stands at the leaf that failed. Errors as the check."""
    finding = check_submission(folder, checkpoint_folder, spec, context, openings)
    case = Case(folder, checkpoint_folder, spec, context, openings)
    lines = [
        f"task {context.task}, round {context.round}, trainer {context.trainer}, submission {context.n}",
        f"{finding.verdict.name}: {finding.message}",
        *_what_failed(case, finding),
        "",
        f"{'check':<12}{'seconds':>9}  {'measured':>12}  {'threshold':>12}",
    ]
    for line in finding.checks:
        mark = "passed" if line.passed else "FAILED"
        measured, threshold = _text(line.value), _text(line.threshold)
        lines.append(f"{line.name:<12}{line.seconds:>9.3f}  {measured:>12}  {threshold:>12}  {mark}")
    detail = _DETAILS.get(finding.reason)
    if finding.verdict is Verdict.INVALID and detail is not None and finding.leaf is not None:
        lines += ["", *detail(case, finding.leaf)]
    return Explanation(finding, "\n".join(lines))


def explain_json(args: dict[str, Any]) -> dict[str, Any]:
    """The JSON twin for a child process: args as `check_json`; returns {"finding", "text"}."""
    load.determinism(int(args.get("threads", 1)))
    profile.learn_all(args.get("profiles", []))
    spec = task_spec.parse_json(args["spec"].encode())
    openings = Path(args["openings"]) if args.get("openings") else None
    found = explain(Path(args["folder"]), Path(args["checkpoint_folder"]), spec, context_of(args["context"]), openings)
    return {"finding": found.finding.to_json(), "text": found.text}


def _what_failed(case: Case, finding: Finding) -> list[str]:
    """Return reason, class, leaf, value and threshold, and the profile that a tolerance comes from."""
    if finding.verdict is Verdict.VALID:
        return []
    leaf = "-" if finding.leaf is None else str(finding.leaf)
    kind = "statistical" if finding.is_statistical else "exact"
    line = f"reason {finding.reason.name.lower()} ({kind}) · leaf {leaf}"
    line += f" · value {_text(finding.value)} · threshold {_text(finding.threshold)}"
    if not finding.is_statistical:
        return [line]
    return [line, f"profile {case.profile.name} 0x{profile_hash(case.profile).hex()}"]


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"


def _rollout(case: Case, leaf: int) -> list[str]:
    group, member = divmod(leaf, case.spec.rollout.group_size)
    rollouts, say = case.rollouts, case.environment.describe
    prompt = rollouts.prompts[leaf, : rollouts.prompt_lengths[leaf]].tolist()
    answer = rollouts.tokens[leaf, : rollouts.lengths[leaf]].tolist()
    return [
        f"rollout {leaf}: member {member} of group {group}, beacon seed 0x{case.seeds[group].hex()}",
        f"prompt      {say(prompt)}",
        f"completion  {say(answer)}",
        f"reward      {rollouts.rewards[leaf]:.6f}",
    ]


def _assignment(case: Case, leaf: int) -> list[str]:
    group = leaf // case.spec.rollout.group_size
    due = case.environment.prompt(case.prompt_seeds[group])
    return [*_rollout(case, leaf), f"assigned    {case.environment.describe(due)}"]


def _reward(case: Case, leaf: int) -> list[str]:
    answer = case.rollouts.tokens[leaf, : case.rollouts.lengths[leaf]].tolist()
    due = reward(case.environment, case.prompt_seeds[leaf // case.spec.rollout.group_size], answer)
    return [*_rollout(case, leaf), f"recomputed  {due:.6f}"]


def _sampling(case: Case, leaf: int) -> list[str]:
    audit = prefill(case)
    found, say = replay(case, audit), case.environment.describe
    row = audit.rows.tolist().index(leaf)
    lines = [*_rollout(case, leaf), "place  submitted  due  margin"]
    for place in range(int(case.rollouts.lengths[leaf])):
        said, due = int(case.rollouts.tokens[leaf, place]), int(found.due[row, place])
        lines.append(f"{place:>5}  {say([said]):>9}  {say([due]):>3}  {found.margins[row, place]:.6g}")
    return lines


def _activation(case: Case, leaf: int) -> list[str]:
    audit, rules, size = prefill(case), case.profile, case.spec.rollout.group_size
    group = audit.groups.tolist().index(leaf // size)
    row = audit.rows.tolist().index(leaf)
    some = audit.groups[group : group + 1]
    asked = score(audit.prompts[group : group + 1], prompt_lengths(case, some), committed_prompts(case, some), rules)
    rows = audit.rows[row : row + 1]
    said = score(audit.hidden[row : row + 1], case.rollouts.lengths[rows], committed(case, rows), rules)
    lines = [*_rollout(case, leaf), f"{'chunk':<14}{'what':<26}{'measured':>12}  {'allowed':>12}"]
    for name, chunks in (("prompt", asked[0]), ("completion", said[0])):
        measures = [(str(place), limits_of(rules, chunk)) for place, chunk in enumerate(chunks)]
        for place, found in [*measures, ("all", [sequence_of(rules, chunks)])]:
            for what, value, threshold in found:
                measured = "none" if value >= toploc.NO_MATCH else f"{value:.6g}"
                lines.append(f"{name:<10} {place:<3}{what:<26}{measured:>12}  {threshold:>12g}")
    return lines


def _step(case: Case, leaf: int) -> list[str]:
    try:
        claimed = case.steps[leaf]
    except (IndexError, Refused):
        return []
    return [
        f"step {leaf} of {len(case.steps)}: loss {claimed.loss:.9g}, gradient norm {claimed.grad_norm:.9g}",
        f"batch 0x{claimed.batch_hash.hex()}",
        f"weights before 0x{claimed.weights_before.hex()}, after 0x{claimed.weights_after.hex()}",
        f"moments before 0x{claimed.moments_before.hex()}, after 0x{claimed.moments_after.hex()}",
        f"gradient 0x{claimed.gradient_root.hex()}",
    ]


_DETAILS: dict[Reason, Callable[[Case, int], list[str]]] = {
    Reason.ASSIGNMENT: _assignment,
    Reason.BOUNDS: _rollout,
    Reason.TERMINATION: _rollout,
    Reason.REWARD: _reward,
    Reason.ACTIVATION: _activation,
    Reason.SAMPLING: _sampling,
    Reason.STEP: _step,
    Reason.GRADIENT: _step,
    Reason.UPDATE: _step,
}
