"""The shapes of the API's answers.

Money is wei as a decimal string (JavaScript can't hold it as a number), with a formatted twin.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from assay.api.amounts import formatted

Item = TypeVar("Item")


class Answer(BaseModel):
    """Base of every answer: frozen, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Money(Answer):
    """An amount of the task's token."""

    wei: str = Field(description="wei, decimal", examples=["2000000000000000000"])
    formatted: str = Field(description="tokens with two decimals, rounded down", examples=["2.00"])

    @classmethod
    def of(cls, wei: int) -> Money:
        return cls(wei=str(wei), formatted=formatted(wei))


class Page(Answer, Generic[Item]):
    """A part of a list. `next_offset` is null on the last page."""

    items: list[Item]
    total: int
    next_offset: int | None


class Problem(Answer):
    """Why a request failed, in one sentence."""

    error: str
    message: str


class Terms(Answer):
    """A task's money and windows, frozen at publication. Times in seconds."""

    rounds: int
    period: int
    work: int
    seal_delay: int
    commit: int
    reveal: int
    attest: int
    challenge: int
    lead: int
    staleness: int
    seats: int
    min_trainers: int
    max_units: int
    min_stake: Money
    bond: Money
    price: Money
    seat_fee: Money
    attest_fee: Money
    pot: Money


class TaskSummary(Answer):
    """A task in a list. `state` is published (waits for its start), running, cancelled or refunded."""

    id: int
    name: str | None
    kind: str | None
    initiator: str
    state: str
    round: int = Field(description="newest round that has opened, 0 before the first")
    last_round: int
    budget: Money
    escrow: Money
    paid: Money
    refunded: Money


class Enlistment(Answer):
    """An account that serves a task. `until_round` is null until it asks to leave."""

    account: str
    role: str
    amount: Money
    share: float | None = Field(description="share of the stake line, validators only")
    from_round: int
    until_round: int | None
    released: bool


class TaskDetail(TaskSummary):
    """A task with its terms, its genesis and who serves it."""

    spec_hash: str
    genesis: str | None
    head: int = Field(description="round of the newest final checkpoint, 0 is genesis")
    head_root: str
    start: int | None = Field(description="unix second at which round 1 opens, null before the task has started")
    uri: str
    terms: Terms
    enlistments: list[Enlistment]
    waiting_for: str | None = Field(description="why the task hasn't started, null once it has")


class Vote(Answer):
    """A validator's opened vote on a submission. `leaf` is where the fault is, null where none was named."""

    validator: str
    seats: int
    verdict: str
    reason: str
    leaf: int | None


class Submission(Answer):
    """A submission, what became of it and why. `verdict` and `outcome` are null while they aren't known."""

    task: int
    round: int
    index: int
    n: int
    trainer: str
    root: str
    units: int
    base: int
    uri: str
    verdict: str | None
    outcome: str | None
    reason: str | None
    leaf: int | None
    why: str = Field(description="why it earned nothing, in words; empty when it was paid or isn't decided yet")
    drawn: dict[str, int] = Field(description="seats drawn per validator, empty before the seal")
    votes: list[Vote]


class RoundSummary(Answer):
    """A round.

    `phase` is waiting, work, seal_delay, commit, reveal, challenge, final (waits for settlement), settled or void.
    """

    task: int
    round: int
    phase: str
    opens: int
    final_at: int
    submissions: int
    accepted: int | None
    refused: int | None
    checkpoint: str | None
    checkpoint_final: bool
    paid: Money | None
    from_stakes: Money | None
    burned: Money | None


class RoundDetail(RoundSummary):
    """A round with its windows, its seal, its submissions and its pay."""

    work_end: int
    seal_at: int
    commit_end: int
    reveal_end: int
    seed: str | None
    line: str | None = Field(description="the stake line in gwei, decimal")
    committed: list[str]
    revealed: list[str]
    items: list[Submission]


class Payout(Answer):
    """One account's pay in one round and role.

    Without pay, `reason` says why; `earned` is null while nothing is known yet.
    """

    task: int
    round: int
    role: str
    account: str
    seats: int | None
    agreed: int | None
    earned: Money | None
    state: str = Field(description="claimable, claimed, pending, open, not_drawn or unpaid")
    reason: str
    shown: str = Field(description="the state in words: final in 12 s")
    final_in_seconds: int | None
    slashed: Money


class Account(Answer):
    """An account as the followed events tell it.

    `unclaimed` is pay recorded minus claims recorded; the vault's word is on chain.
    """

    address: str
    staked: Money
    earned: Money
    claimed: Money
    unclaimed: Money
    slashed: Money
    enlistments: list[AccountEnlistment]


class AccountEnlistment(Answer):
    """A task that an account serves."""

    task: int
    role: str
    amount: Money
    from_round: int
    until_round: int | None
    released: bool


class Evaluation(Answer):
    """What a checkpoint did with held-out items, decoded greedily. Null: not measured."""

    items: int
    reward: float = Field(description="mean in [0, 1]")
    reward_low: float | None = Field(None, description="lower end of the mean's 95 % interval")
    reward_high: float | None = Field(None, description="upper end of it")
    entropy: float | None = Field(None, description="mean of the token distributions' entropy, nats")
    length_mean: float | None = Field(None, description="tokens of a completion")
    length_p10: float | None = None
    length_p50: float | None = None
    length_p90: float | None = None
    ended: float | None = Field(None, description="share of completions that end by themselves")
    tokens_per_second: float | None = None


class CurvePoint(Answer):
    """A round: the checkpoint that came of it (0: the base), and the submissions that it was made of."""

    round: int
    checkpoint: str | None
    evaluation: Evaluation | None
    submissions: int
    units: int
    staleness: list[int] = Field(description="submissions from a base 0, 1, 2 … rounds older than the newest possible")
    paid: Money | None


class Curve(Answer):
    """A task's curves, by round."""

    task: int
    points: list[CurvePoint]


class Health(Answer):
    """Whether the records are followed: number and time of their newest block."""

    ok: bool
    version: str
    block: int
    block_time: int
    seconds_behind: int | None


Account.model_rebuild()
