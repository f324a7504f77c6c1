"""The task that `assay task init` writes: numbers that fit together on a local chain of one-second blocks.

Rounds of 25 s: 9 s of work and 15 s of checking, so that each round starts from the checkpoint of the one before.
Checking has its own seconds per step, because a reveal window of one block loses reveals on a busy machine. Knows
nothing of files or chains.
"""

from __future__ import annotations

from typing import Final

from assay.errors import Refused
from assay.protocol.spec import (
    EnvironmentSpec,
    InnerSpec,
    ModelSpec,
    MoneySpec,
    OuterSpec,
    RolloutSpec,
    RoundsSpec,
    TaskSpec,
    VerificationSpec,
    check,
)

ASY: Final = 10**18
TEMPLATES: Final = ("digits",)
OPTIONS: Final[dict[str, int]] = {"digits": 6}


def environment_of(template: str) -> tuple[str, dict[str, int]]:
    """Return the environment's name and options. Refused if there is no such template."""
    if template not in TEMPLATES:
        raise Refused(f"there is no template {template!r}; known: {', '.join(TEMPLATES)}")
    return "digits", dict(OPTIONS)


def make(template: str, base: bytes, environment_hash: bytes, seed_count: int) -> TaskSpec:
    """Return a template's task; `base` is the root of checkpoint 0. Refused if there is no such template."""
    name, options = environment_of(template)
    spec = TaskSpec(
        name=f"{name}-{options['digits']}",
        kind="grpo",
        environment=EnvironmentSpec(
            name=name, hash=environment_hash, seed_count=seed_count, deterministic=True, options=options
        ),
        model=ModelSpec(base=base, tokenizer=name),
        rollout=RolloutSpec(groups=32, group_size=8, max_new_tokens=8, temperature=1.0),
        inner=_inner(),
        outer=OuterSpec(),
        verification=_verification(),
        rounds=RoundsSpec(
            count=6, period=25, work=9, seal_delay=1, commit=7, reveal=4, attest=4, challenge=5, lead=3, staleness=2,
            max_artifact_bytes=16 * 2**20,
        ),
        money=_money(),
    )  # fmt: skip
    check(spec)
    return spec


def _inner() -> InnerSpec:
    return InnerSpec(
        steps=8, lr=1e-4, beta1=0.9, beta2=0.95, epsilon=1e-8, weight_decay=0.0, clip_low=0.2, clip_high=0.28,
        max_grad_norm=1.0,
    )  # fmt: skip


def _verification() -> VerificationSpec:
    return VerificationSpec(
        profile="float32", chunk=32, top_k=128, groups=8, exponent_mismatches=8, mantissa_mean=8.0, mantissa_median=6.0,
        margin=0.05, exact_rate=0.98, step_tolerance=1e-4, max_update_norm=1.0,
    )  # fmt: skip


def _money() -> MoneySpec:
    return MoneySpec(
        budget=180 * ASY, pot=30 * ASY, price=ASY * 45 // 10_000, bond=10 * ASY, seat_fee=ASY // 2, attest_fee=ASY // 5,
        min_stake=100 * ASY, max_units=32 * 8 * 8, seats=3, min_trainers=1,
    )  # fmt: skip
