"""The sections of a task spec: names, types, units and bounds of single fields. Rules between fields are in `terms`.

Upper bounds of what goes on chain are the widths of the contracts' packed words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from assay import PROTOCOL
from assay.protocol.fields import Digest, Listed, Money, Option, Options, Real, Text, Truth, Whole

GWEI = 10**9
SAFE = 2**53 - 1  # the largest whole number that canonical JSON can carry
U8, U16, U24, U32 = 2**8 - 1, 2**16 - 1, 2**24 - 1, 2**32 - 1
GWEI64 = (2**64 - 1) * GWEI
U64, U72, U96 = 2**64 - 1, 2**72 - 1, 2**96 - 1
PARTS = 10_000  # canary_rate and power are parts of it
HALF_U88 = (2**88 - 1) // 2

_IDENTIFIER = Text(r"[a-z0-9][a-z0-9._-]{0,63}", "at most 64 lower-case letters, digits, dots, dashes and underscores")
_TOKENIZER = Text(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,127}", "a tokenizer's name or root, at most 128 characters")


def _one_of(*words: str) -> Text:
    return Text("|".join(words), " or ".join(words))


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentSpec:
    """What is learnt. `hash` pins the environment's code and options; seeds are 0 … seed_count − 1.

    `deterministic`: its scorer gives equal rewards everywhere, so that validators compare them exactly.
    """

    name: Annotated[str, _IDENTIFIER]
    hash: Annotated[bytes, Digest()]
    seed_count: Annotated[int, Whole(1, SAFE)]
    deterministic: Annotated[bool, Truth()]
    options: Annotated[dict[str, Option], Options()]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """What is trained. `base` is the root of checkpoint 0.

    `transformers` is any causal language model of that library: `tokenizer` is then the root, in hex, of the model's
    folder (configuration, tokenizer and, under an adapter, the frozen weights), whose files have at most `size_bytes`.
    """

    base: Annotated[bytes, Digest()]
    architecture: Annotated[str, _one_of("llama", "transformers")] = "llama"
    tokenizer: Annotated[str, _TOKENIZER]
    adapter: Annotated[str, _one_of("full", "lora")] = "full"
    size_bytes: Annotated[int, Whole(0, SAFE)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutSpec:
    """What one submission is made of: `groups` prompts of at most `max_prompt_tokens`, `group_size` rollouts each, at
    most `max_new_tokens` long.

    In `dpo` a group is a preferred and a rejected answer, in `sft` and `pretrain` one text: the environment's, not
    sampled; in `label` the trainer's letter for one item.
    """

    groups: Annotated[int, Whole(1, 4096)]
    group_size: Annotated[int, Whole(1, 1024)]
    max_prompt_tokens: Annotated[int, Whole(1, 32767)] = 1024
    max_new_tokens: Annotated[int, Whole(1, 32767)]
    temperature: Annotated[float, Real(0, 100, lo_open=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class LossSpec:
    """What the inner steps lower.

    grpo: token-level loss, ratio clipped to [1 − clip_low, 1 + clip_high] and, where the advantage is negative, at
    `cap`; advantages are rewards minus their group's mean, `scaled` by its deviation; a reward loses `length_penalty`
    for each share of target_length (0: of max_new_tokens) that its completion is off; `kl` weighs the estimate of the
    divergence from the policy that sampled. `filter_equal` leaves out groups whose advantages are all 0, unpaid.
    dpo: `beta` is the strength of the reference.
    """

    clip_low: Annotated[float, Real(0, 1)] = 0.2
    clip_high: Annotated[float, Real(0, 100)] = 0.2
    cap: Annotated[float, Real(1, 1000)] = 4.0
    scaled: Annotated[bool, Truth()] = False
    filter_equal: Annotated[bool, Truth()] = True
    kl: Annotated[float, Real(0, 100)] = 0.0
    length_penalty: Annotated[float, Real(0, 1)] = 0.0
    target_length: Annotated[int, Whole(0, 32767)] = 0
    beta: Annotated[float, Real(0, 100, lo_open=True)] = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class InnerSpec:
    """The trainer's own steps: how many, and AdamW's numbers."""

    steps: Annotated[int, Whole(1, 4096)]
    optimizer: Annotated[str, _one_of("adamw")] = "adamw"
    lr: Annotated[float, Real(0, 1, lo_open=True)]
    beta1: Annotated[float, Real(0, 1, hi_open=True)]
    beta2: Annotated[float, Real(0, 1, hi_open=True)]
    epsilon: Annotated[float, Real(0, 1, lo_open=True)]
    weight_decay: Annotated[float, Real(0, 1)]
    max_grad_norm: Annotated[float, Real(0, 1e6, lo_open=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OuterSpec:
    """The merge's learning rate and momentum, in 1/4096 so that it is integer arithmetic."""

    lr_4096: Annotated[int, Whole(1, 4096)] = 4096
    momentum_4096: Annotated[int, Whole(0, 3891)] = 0  # 0.95: beyond, the merge could overflow


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationSpec:
    """What is drawn, and by whose measure it passes.

    `profiles` are hashes of calibrated profiles (`protocol.profile`), which hold the thresholds; a trainer names one of
    them by its index. `chunk` tokens share one proof of `top_k` activations, as in every profile named. `groups` are
    drawn per submission. An update may raise the loss of `held_out` items by `max_loss_rise` nats a token. Of drawn
    labels, `agreement` of 10,000 must be a validator's own.
    """

    profiles: Annotated[tuple[bytes, ...], Listed(Digest(), 8)]
    chunk: Annotated[int, Whole(1, 4096)]
    top_k: Annotated[int, Whole(1, 4096)]
    groups: Annotated[int, Whole(1, 4096)]
    max_update_norm: Annotated[float, Real(0, 1e12, lo_open=True)]
    held_out: Annotated[int, Whole(1, 4096)] = 64
    max_loss_rise: Annotated[float, Real(0, 1000)] = 0.5
    agreement: Annotated[int, Whole(PARTS // 2 + 1, PARTS)] = 6_667


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundsSpec:
    """Rounds and their windows, in seconds; `staleness` in rounds; `max_artifact_bytes` bounds one submission.

    In `extra` seconds after the reveals fresh seats vote where too few spoke; 0: there is no extra draw.
    """

    count: Annotated[int, Whole(1, U16 - 1)]
    period: Annotated[int, Whole(1, U16)]
    work: Annotated[int, Whole(1, U16)]
    seal_delay: Annotated[int, Whole(0, U8)]
    commit: Annotated[int, Whole(1, U16)]
    reveal: Annotated[int, Whole(1, U16)]
    extra: Annotated[int, Whole(0, U16)] = 0
    attest: Annotated[int, Whole(1, U16)]
    challenge: Annotated[int, Whole(1, U24)]
    lead: Annotated[int, Whole(0, U16)]
    staleness: Annotated[int, Whole(1, U8)]
    max_artifact_bytes: Annotated[int, Whole(1, SAFE)]


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneySpec:
    """Pay and stakes in wei; `max_units`, `seats` and `min_trainers` are counts.

    A validator loses `cut` per seat for passing a canary; whoever makes one earns `canary_fee`, for `canary_rate` of
    10,000 submissions. `power` of 10,000 is the chance that an honest committee finds a fault in wholly faked work.
    """

    budget: Annotated[int, Money(U96)]
    pot: Annotated[int, Money(HALF_U88)]
    price: Annotated[int, Money(U64)]
    bond: Annotated[int, Money(GWEI64, lo=GWEI, step=GWEI)]
    seat_fee: Annotated[int, Money(U72)]
    attest_fee: Annotated[int, Money(U72)]
    min_stake: Annotated[int, Money(GWEI64, lo=GWEI, step=GWEI)]
    cut: Annotated[int, Money(GWEI64, step=GWEI)] = 0
    canary_fee: Annotated[int, Money(U72)] = 0
    canary_rate: Annotated[int, Whole(0, PARTS)] = 0
    power: Annotated[int, Whole(1, PARTS)]
    max_units: Annotated[int, Whole(1, U32)]
    seats: Annotated[int, Whole(2, 16)]
    min_trainers: Annotated[int, Whole(0, U8)]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """A task as its initiator freezes it. `protocol` is the version of the rules in this package.

    Only accounts that redeemed an invite may enlist for a `private` one.
    """

    name: Annotated[str, Text(r".{1,64}", "1 to 64 printable characters")]
    kind: Annotated[str, _one_of("grpo", "dpo", "sft", "pretrain", "label")]
    protocol: Annotated[int, Whole(PROTOCOL, PROTOCOL)] = PROTOCOL
    private: Annotated[bool, Truth()] = False
    environment: EnvironmentSpec
    model: ModelSpec
    rollout: RolloutSpec
    loss: LossSpec = LossSpec()
    inner: InnerSpec
    outer: OuterSpec
    verification: VerificationSpec
    rounds: RoundsSpec
    money: MoneySpec
