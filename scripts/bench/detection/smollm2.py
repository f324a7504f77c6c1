"""SmolLM2's bench: submissions of 64 sequences drawn with replacement from pools that were made once.

The exact checks, of assignment, reward and form, know no model: their attacks run on the tiny model. Here run those
that a statistic decides.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from assay.errors import Refused
from assay.model import forward
from assay.protocol import toploc
from assay.protocol.hashing import hex32
from assay.protocol.profile import Profile, profile_hash, shipped, to_json
from assay.train.engines import sample
from assay.verify import calibrate
from assay.verify.audit import limits_of, sequence_error, sequence_of
from assay.verify.limits import Errors, Honest, profile_of
from assay.verify.measuring import Group, Subject, check, generate
from assay.verify.sequential import Observed, WorkerState, observe
from assay.verify.worker import check_worker, rules_of
from detection import counts, pools
from detection.tiny import clock

SEQUENCES = 64
PROFILES = ("float32", "bf16", "bf16-sdpa")
"""The last one admits one attention kernel: what two kernels differ by is more than what an int8 layer costs."""
SHIPPED = Path(__file__).resolve().parents[3] / "py/assay/protocol/profiles"


def run(options: argparse.Namespace, until: float) -> dict[str, Any]:
    """Return the figures; make what pools are missing, as far as there is time."""
    if options.calibrate:
        write_profiles(options)
    room = options.cache / "smollm2"
    what = calibrate.subject(pools.NAME, pools.PROMPTS, options.cache)
    rules = {name: shipped()[f"smollm2-{name}"] for name in PROFILES}
    found = counts.begun(options.out, [hex32(profile_hash(rules[name])) for name in PROFILES])
    for name, value in {
        "model": pools.NAME, "sequences": SEQUENCES, "missed": {}, "false_refusals": {}, "honest_trials": {},
        "pools": {}, "proof_bytes_per_32_tokens": toploc.proof_bytes(rules["bf16"].top_k), "costs": {},
    }.items():  # fmt: skip
        found.setdefault(name, value)
    for name in PROFILES:
        honest = honest_of(name, what, room)
        attacks = pools.attack_pools(what, patterns_of(name), room, until)
        found["pools"][name] = _sizes(honest, attacks)
        row = counts.entry(found["false_refusals"], name, "refused")
        counts.more(row, "refused", options.honest, lambda n, h=honest, r=rules[name]: honest_trial(h, r, n))
        found["honest_trials"][name] = row["trials"]
        for attack, groups in attacks.items():
            row = counts.entry(found["missed"].setdefault(name, {}), attack, "missed")
            counts.more(row, "missed", options.trials, lambda n, g=groups, r=rules[name]: drawn(g, r, n))
        counts.keep(options.out, found)
        if name == patterns_of(name) and name not in found["costs"] and time.monotonic() < until and not options.quick:
            found["costs"][name] = costs(what, name)
            counts.keep(options.out, found)
    return found


def calibrated(name: str, what: Subject, honest: dict[str, list[Group]]) -> Profile:
    """Return the profile that one half of the honest pool gives."""
    patterns = patterns_of(name)
    shape = pools.shape_of(patterns)
    ways = [way for way in pools.ways(patterns) if any(str(way) in pair for pair in honest)]
    errors = Errors.of(patterns, [groups[: len(groups) // 2] for groups in honest.values()])
    measured = calibrate.measured_by(what, shape, ways, errors)
    return profile_of(f"smollm2-{name}", Honest(patterns, shape.chunk, shape.top_k, errors, 1e-6), measured)


def patterns_of(name: str) -> str:
    return name.split("-", maxsplit=1)[0]


def honest_of(name: str, what: Subject, room: Path) -> dict[str, list[Group]]:
    """Return the honest groups that a profile admits, by maker and checker."""
    found = pools.honest_pools(what, patterns_of(name), room)
    return {pair: groups for pair, groups in found.items() if not name.endswith("-sdpa") or "eager" not in pair}


def write_profiles(options: argparse.Namespace) -> None:
    """Write the shipped profiles anew."""
    what = calibrate.subject(pools.NAME, pools.PROMPTS, options.cache)
    for name in PROFILES:
        made = calibrated(name, what, honest_of(name, what, options.cache / "smollm2"))
        (SHIPPED / f"{made.name}.json").write_bytes(to_json(made))


def _sizes(honest: dict[str, list[Group]], attacks: dict[str, list[Group]]) -> dict[str, Any]:
    each = len(next(iter(honest.values())))
    return {
        "honest_sequences_per_setting": each * pools.GROUP, "honest_settings": len(honest),
        "of_which_for_thresholds": each // 2 * pools.GROUP, "new_tokens": pools.TOKENS,
        "attack_sequences": {name: len(groups) * pools.GROUP for name, groups in attacks.items()},
    }  # fmt: skip


def honest_trial(honest: dict[str, list[Group]], rules: Profile, number: int) -> str | None:
    """Draw a maker and a checker, and a submission from the half that no threshold saw."""
    pair = list(honest)[number % len(honest)]
    return drawn(honest[pair][len(honest[pair]) // 2 :], rules, number)


def drawn(pool: list[Group], rules: Profile, number: int) -> str | None:
    """Draw a submission from a pool; return what refuses it, or None."""
    rng = np.random.Generator(np.random.PCG64([20_261_126, number]))
    return refused([pool[i] for i in rng.integers(len(pool), size=SEQUENCES // pools.GROUP)], rules)


def refused(groups: list[Group], rules: Profile) -> str | None:
    """Judge groups as `check_activation`, `check_sampling` and the worker's test do."""
    for group in groups:
        for chunks in (group.prompt, *group.rollouts):
            lines = [line for chunk in chunks for line in limits_of(rules, chunk)]
            if any(value > limit for _, value, limit in [*lines, sequence_of(rules, chunks)]):
                return "activation"
    margins = [margin for group in groups for margin in group.margins]
    exact = sum(margin == 0 for margin in margins) / len(margins)
    apart = max(value for group in groups for value in group.logprobs)
    if (
        max(margins) > rules.margin
        or exact < rules.exact_rate
        or sum(margins) / len(margins) > rules.mean_margin
        or apart > rules.logprob
    ):
        return "sampling"
    try:
        check_worker(observe(WorkerState(), rules_of(rules), seen(groups, rules), pools.GROUP))
    except Refused:
        return "activation (worker)"
    return None


def seen(groups: list[Group], rules: Profile) -> Observed:
    """Return what the audit of a submission of these groups notes for the worker's test."""
    found, size = Observed(), pools.GROUP
    for number, group in enumerate(groups):
        found.prompts[number] = sequence_error(group.prompt, rules.patterns)
        for member, chunks in enumerate(group.rollouts):
            found.errors[number * size + member] = sequence_error(chunks, rules.patterns)
        # tokens aren't kept by rollout: the group's first has them all
        found.tokens[number * size] = len(group.margins)
        found.inexact[number * size] = sum(margin > 0 for margin in group.margins)
    return found


def costs(what: Subject, patterns: str) -> dict[str, Any]:
    """Return the cost of all checks over a bare prefill and over generation, by the rows that are generated at once."""
    pool = pools.Pool(what, patterns)
    made, shape, size = pool.text, pool.shape, pools.GROUP
    asked = np.repeat(made.prompts, size, axis=0), np.repeat(made.prompt_lengths, size)
    whole = clock(lambda: check(pool.model, made, shape, 64, 1.0), 2)
    floor = clock(lambda: forward.prefill(pool.model, *asked, made.tokens, made.lengths, batch=64), 2)
    each = int(made.lengths.sum())
    by_batch = {}
    for rows in (1, 4, 16, 64):
        some = replace(pool.what, prompts=(pool.what.prompts * 8)[: max(1, rows // size)])
        short = replace(shape, tokens=8 if rows < 16 else 32, group=min(rows, size))
        torch.set_num_threads(1)
        start = time.process_time()
        text = generate(pool.model, some, sample, short, rows)
        took = (time.process_time() - start) / int(text.lengths.sum())
        by_batch[str(rows)] = round(whole / each / took, 4)
    return {
        "verify_over_prefill": round(whole / floor, 3),
        "verify_over_generate": by_batch,
        "audit_over_generate": round(max(by_batch.values()) / 8, 4),
    }
