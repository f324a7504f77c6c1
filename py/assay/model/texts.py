"""The texts of a task whose completions aren't sampled: which prompt and completions a group has, by its seed.

A pure function of environment, task and seed, so a validator compares every token. Knows no assignment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assay.errors import Refused
from assay.model.env.base import Environment, Labelled, Paired, Windowed
from assay.protocol.sections import TaskSpec

Group = tuple[list[int], list[list[int]]]


def labelled(env: Environment, seeds: Sequence[int], labels: Mapping[str, str]) -> list[Group]:
    """Return each seed's prompt and the completion that is its label, from labels by the item's key.

    Refused if the environment isn't labelled, or labels are missing: how many, and how to make them.
    """
    if not isinstance(env, Labelled):
        raise Refused(f"environment {env.name} has nothing to label")
    keys = [env.key(seed) for seed in seeds]
    if missing := sum(key not in labels for key in keys):
        raise Refused(f"{missing} of the {len(keys)} assigned items have no label in this node's file: `assay label`")
    return [(env.prompt(seed), [env.labelled(labels[key])]) for seed, key in zip(seeds, keys, strict=True)]


def given(env: Environment, spec: TaskSpec, seeds: Sequence[int]) -> list[Group]:
    """Return each seed's prompt and completions, in the group's order; completions end at `max_new_tokens`.

    Refused if the environment doesn't have what the kind learns from.
    """
    return [_cut(_group(env, spec.kind, seed), spec.rollout.max_new_tokens) for seed in seeds]


def _group(env: Environment, kind: str, seed: int) -> Group:
    if kind == "dpo":
        if not isinstance(env, Paired):
            raise Refused(f"environment {env.name} has no pairs to prefer from")
        return env.prompt(seed), list(env.pair(seed))
    if kind == "pretrain":
        text = env.window(seed) if isinstance(env, Windowed) else env.prompt(seed) + env.warm_up_target(seed)
        if len(text) < 2:
            raise Refused(f"environment {env.name} has a text of less than two tokens")
        return text[:1], [text[1:]]
    return env.prompt(seed), [env.warm_up_target(seed)]


def _cut(group: Group, most: int) -> Group:
    prompt, completions = group
    if not prompt or not all(completions):
        raise Refused("a text has no tokens")
    return prompt, [completion[:most] for completion in completions]
