"""The card of an exported model: what it was trained for, by whom, from what, and how good it became.

From this node's records and the spec. What others wrote can't break out of its line. Judges nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from assay.protocol.hashing import hex32
from assay.protocol.spec import TaskSpec
from assay.store.engine import Store
from assay.store.rows import TaskRow
from assay.types import Outcome


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a checkpoint comes from, as the chain tells it. Units are verified tokens by trainer."""

    task: int
    chain_id: int
    initiator: str
    round: int
    rounds: int
    base: bytes
    checkpoint: bytes
    spec: TaskSpec
    units: Mapping[str, int] = field(default_factory=dict)
    evaluations: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)


def origin(
    store: Store,
    task: TaskRow,
    spec: TaskSpec,
    round_: int,
    chain_id: int,
    evaluations: Mapping[int, Mapping[str, Any]],
) -> Origin:
    """Return a checkpoint's origin from the records: trainers are those whose work was paid up to its round."""
    units: dict[str, int] = {}
    for row in store.submissions(task.id):
        if row.round <= round_ and row.outcome == Outcome.PAID:
            units[row.trainer] = units.get(row.trainer, 0) + row.units
    roots = {row.round: row.root for row in store.checkpoints(task.id)}
    head = roots[round_]
    last = int(task.terms["rounds"])
    return Origin(task.id, chain_id, task.initiator, round_, last, spec.model.base, head, spec, units, evaluations)


def card(name: str, made: Mapping[str, Any], root: bytes, known: Origin | None) -> str:
    """Return the README.md of an exported folder. `made` is what the export returned, `root` the checkpoint's."""
    title = known.spec.name if known is not None else name
    lines = ["---", "library_name: " + ("transformers" if made["merged"] else "peft"), "license: other",
             "tags: [assay]", "---", "", f"# {_plain(title)}", ""]  # fmt: skip
    adapter = made["adapter"]
    if adapter is None:
        lines.append(f"A {made['architecture']} model, all weights trained.")
    else:
        how = "merged into the weights" if made["merged"] else "as a peft adapter folder"
        lines.append(
            f"A {made['architecture']} model with a LoRA adapter (rank {adapter['rank']}, alpha {adapter['alpha']}, on"
            f" {', '.join(adapter['targets'])}), {how}."
        )
    lines += ["", f"- checkpoint: `{hex32(root)}`"]
    if made["model"] is not None:
        lines.append(f"- model: `{made['model']}`")
    if known is None:
        lines.append("- task: not known: exported from a folder")
    else:
        lines += _origin(known)
    return "\n".join([*lines, "", "## Licence", "", _LICENCE, ""])


_LICENCE = (
    "The licence of the base model holds for what is derived from it: see its own card. The task's initiator and the"
    " trainers gave no further terms on chain."
)


def _origin(known: Origin) -> list[str]:
    env = known.spec.environment
    options = ", ".join(f"{name}={value}" for name, value in env.options.items())
    lines = [
        f"- base: `{hex32(known.base)}`",
        f"- task: {known.task} on chain {known.chain_id}, by `{known.initiator}`",
        f"- kind: {known.spec.kind}",
        f"- rounds: {known.round} of {known.rounds}",
        f"- environment: `{env.name}`{f' ({_plain(options)})' if options else ''}, hash `{hex32(env.hash)}`",
        *_reward(known),
        "",
        "## Contributors",
        "",
    ]
    if not known.units:
        return [*lines, "No submission was paid yet."]
    rows = [f"| `{who}` | {count:,} |" for who, count in sorted(known.units.items(), key=lambda one: (-one[1], one[0]))]
    return [*lines, "| trainer | verified tokens |", "|---|---|", *rows]


def _reward(known: Origin) -> list[str]:
    before, after = known.evaluations.get(0), known.evaluations.get(known.round)
    if after is None:
        return ["- held-out reward: not measured"]
    shown = f"{after['reward']:.3f} on {after['items']} items, greedy"
    if "reward_low" in after:
        shown += f" (95 %: {after['reward_low']:.3f} to {after['reward_high']:.3f})"
    return ["- held-out reward: " + (f"{before['reward']:.3f} before, {shown} after" if before else shown)]


def _plain(text: str) -> str:
    """Return text without what Markdown would read as its own."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]<>#|" else sign for sign in text)
