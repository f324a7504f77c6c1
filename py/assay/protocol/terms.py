"""The rules between a task spec's fields, and the terms that go on chain: what the market refuses at publication.

Each refusal has the contract's error and its two numbers, and a sentence that names the number to raise and to what.
Knows nothing of a deployment: how long unbonding takes is the caller's to say, whether a beacon lives the chain's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from assay.errors import Refused
from assay.protocol.economics import in_gwei, least_bond, least_power
from assay.protocol.fields import tokens
from assay.protocol.kinds import KINDS
from assay.protocol.plan import true_power
from assay.protocol.sections import GWEI, HALF_U88, PARTS, MoneySpec, RolloutSpec, RoundsSpec, TaskSpec

SPAN_PERIODS = 8  # the ledger's rings hold 16 rounds; a round must be over long before its words are reused
COURT_PERIODS = 15  # and what the court may still decide of it, too
JURY_FEES = 18  # a challenger's bond pays 9 jurors twice over
_ROOT = re.compile(r"0x[0-9a-f]{64}")
LOTS = 16  # a lot is at least a sixteenth of min_stake


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a spec isn't published. `error` and its numbers are the contract's; no error: only this software refuses.

    `sentence` names `field`; with `to` in it, and all else as it is, this rule is satisfied.
    """

    error: str
    have: int
    needed: int
    field: str
    to: int
    sentence: str


def check(spec: TaskSpec, unbonding: int | None = None) -> None:
    """Refuse a spec whose fields don't fit together, with one sentence that names the number to change.

    `unbonding` are the seconds that unbonding takes in the vault, where that is known.
    """
    for refusal in refusals(spec, unbonding):
        raise Refused(refusal.sentence)


def refusals(spec: TaskSpec, unbonding: int | None = None) -> Iterator[Refusal]:
    """Yield every rule that the spec breaks, in the contract's order."""
    yield from _windows(spec.rounds, unbonding)
    yield from _economics(spec)
    yield from _canaries(spec.money)
    yield from _pots(spec)
    yield from _units(spec.rollout, spec.money)
    yield from _groups(spec)
    yield from _model(spec)
    yield from _labels(spec)
    if spec.verification.groups > spec.rollout.groups:
        drawn, groups = spec.verification.groups, spec.rollout.groups
        sentence = f"{drawn} drawn groups are too many: they must be ≤ rollout.groups {groups}"
        yield _refusal("", drawn, groups, "verification.groups", groups, sentence)
        return
    yield from _power(spec)


def terms(spec: TaskSpec, spec_hash: bytes) -> dict[str, int | bytes]:
    """Return the contract's `Terms` by its field names: seconds, wei, 32-byte digests."""
    rounds, money = spec.rounds, spec.money
    return {
        "specHash": spec_hash,
        "genesis": spec.model.base,
        "rounds": rounds.count,
        "period": rounds.period,
        "work": rounds.work,
        "sealDelay": rounds.seal_delay,
        "commitWindow": rounds.commit,
        "revealWindow": rounds.reveal,
        "attestTime": rounds.attest,
        "challengeWindow": rounds.challenge,
        "lead": rounds.lead,
        "seats": money.seats,
        "staleness": rounds.staleness,
        "minTrainers": money.min_trainers,
        "minStake": money.min_stake,
        "bond": money.bond,
        "price": money.price,
        "seatFee": money.seat_fee,
        "attestFee": money.attest_fee,
        "maxUnits": money.max_units,
        "pot": money.pot,
        "extraWindow": rounds.extra,
        "isPrivate": spec.private,
        "cut": money.cut,
        "canaryFee": money.canary_fee,
        "canaryRate": money.canary_rate,
        "power": money.power,
    }


# --- what follows from the terms: seconds


def to_votes(r: RoundsSpec) -> int:
    """Seconds from a round's opening to its last vote."""
    return r.work + r.seal_delay + r.commit + r.reveal + r.extra


def ready(r: RoundsSpec) -> int:
    """Seconds from a round's opening to its attested checkpoint."""
    return to_votes(r) + r.attest


def span(r: RoundsSpec) -> int:
    """Seconds from a round's opening until it can be final."""
    return to_votes(r) + r.challenge


def court(r: RoundsSpec) -> int:
    """Seconds from a challenge to the end of its appeal."""
    return r.seal_delay + r.commit + r.reveal + r.challenge + r.commit


def answerable(r: RoundsSpec) -> int:
    """Seconds for which stake may have to answer: a round, the court, and a window more for a salt."""
    return span(r) + court(r) + r.challenge


# --- what follows from the terms: counts and wei


def draws(r: RoundsSpec) -> int:
    """How often a coalition may try: once, or twice where there is an extra draw."""
    return 2 if r.extra else 1


def largest_pay(m: MoneySpec) -> int:
    """Wei of the largest claim."""
    return m.price * m.max_units


def fees(spec: TaskSpec) -> int:
    """Wei for all seats that may judge one submission."""
    return draws(spec.rounds) * spec.money.seats * spec.money.seat_fee


def exposure(spec: TaskSpec) -> int:
    """Wei that one open submission risks."""
    return spec.money.bond + fees(spec)


def full_pot(spec: TaskSpec) -> int:
    """Wei of one full submission, all seats that may judge it, and one canary where there are any."""
    money = spec.money
    return largest_pay(money) + fees(spec) + (money.canary_fee if money.canary_rate else 0)


def smallest_power(spec: TaskSpec) -> int:
    """Return the power, per 10,000, from which on some bond deters; more than 10,000 where none does."""
    return least_power(spec.money.seats, draws(spec.rounds), largest_pay(spec.money))


def smallest_bond(spec: TaskSpec) -> int:
    """Wei of the smallest bond that makes cheating a loss and pays a jury twice."""
    money = spec.money
    deterring = least_bond(money.seats, draws(spec.rounds), money.power, largest_pay(money))
    return max(deterring, in_gwei(JURY_FEES * money.seat_fee))


# --- the rules


def _windows(r: RoundsSpec, unbonding: int | None) -> Iterator[Refusal]:
    if r.work > r.period:
        sentence = f"{r.work} s is too long: it must be ≤ period {r.period}"
        yield _refusal("BadTerms", r.work, r.period, "rounds.work", r.period, sentence)
    votes = f"work {r.work} + seal_delay {r.seal_delay} + commit {r.commit} + reveal {r.reveal} + extra {r.extra}"
    if ready(r) > r.staleness * r.period:
        to = -(-ready(r) // r.staleness)
        sentence = f"{votes} + attest {r.attest} = {ready(r)} s must be ≤ staleness {r.staleness} × period"
        yield _short("WindowsTooLong", ready(r), r.staleness * r.period, "rounds.period", r.period, to, sentence)
    if r.challenge < 2 * r.attest:
        to = 2 * r.attest
        sentence = f"canaries are opened in the {r.attest} s of attest, and as long again must be left"
        yield _short("ChallengeTooShort", r.challenge, to, "rounds.challenge", r.challenge, to, sentence)
    round_, both = span(r), span(r) + court(r)
    if round_ > SPAN_PERIODS * r.period:
        to = -(-round_ // SPAN_PERIODS)
        sentence = f"{votes} + challenge {r.challenge} = {round_} s must be ≤ {SPAN_PERIODS} × period"
        yield _short("SpanTooLong", round_, SPAN_PERIODS * r.period, "rounds.period", r.period, to, sentence)
    elif both > COURT_PERIODS * r.period:
        to = -(-both // COURT_PERIODS)
        sentence = f"a round of {round_} s and a court of {court(r)} s must be ≤ {COURT_PERIODS} × period"
        yield _short("SpanTooLong", both, COURT_PERIODS * r.period, "rounds.period", r.period, to, sentence)
    if unbonding is not None and unbonding < answerable(r):
        to = r.challenge - -(-(answerable(r) - unbonding) // 3)
        hint = f"lower it to {to}" if to >= 2 * r.attest else "all windows must be shorter"
        sentence = (
            f"{r.challenge} s is too long: a round of {round_} s, a court of {court(r)} s and challenge again must be"
            f" ≤ the {unbonding} s that unbonding takes here; {hint}"
        )
        yield _refusal("UnbondingTooShort", unbonding, answerable(r), "rounds.challenge", to, sentence)


def _economics(spec: TaskSpec) -> Iterator[Refusal]:
    m, pay, power = spec.money, largest_pay(spec.money), smallest_power(spec)
    tries = " and an extra draw" if spec.rounds.extra else ""
    if m.seats < 2:
        sentence = f"{m.seats} is too small: a quorum needs two different voters; raise it to 2"
        yield _refusal("SeatsTooFew", m.seats, 2, "money.seats", 2, sentence)
        return
    if m.power < power:
        sentence = f"no bond makes cheating for {tokens(pay)} a loss with {m.seats} seats{tries}"
        if power <= PARTS:
            yield _short("PowerTooSmall", m.power, power, "money.power", m.power, power, sentence)
        else:  # then no pot pays such a claim either
            to = HALF_U88 // m.max_units
            sentence = f"{tokens(m.price)} is too large: {sentence}; lower it to {tokens(to)}"
            yield _refusal("PowerTooSmall", m.power, power, "money.price", to, sentence)
        return
    bond = smallest_bond(spec)
    if m.bond < bond:
        if bond > in_gwei(JURY_FEES * m.seat_fee):
            why = f"cheating for {tokens(pay)} must be a loss with {m.seats} seats{tries} and power {m.power}"
        else:
            why = f"it must be ≥ {JURY_FEES} × seat_fee {tokens(m.seat_fee)}, two juries"
        yield _poor("BondTooSmall", m.bond, bond, "money.bond", why)


def _power(spec: TaskSpec) -> Iterator[Refusal]:
    """The initiator's word must be one that the audit plan can keep."""
    said, true = spec.money.power, true_power(spec)
    if said > true:
        sentence = (
            f"{said} isn't true: the audit plan finds wholly faked work in {true} of {PARTS} cases; lower it to {true}"
        )
        yield _refusal("", said, true, "money.power", true, sentence)


def _canaries(m: MoneySpec) -> Iterator[Refusal]:
    allowed = m.min_stake // LOTS // m.seats // GWEI * GWEI
    if m.cut > allowed:
        to = LOTS * m.seats * m.cut
        sentence = (
            f"{tokens(m.min_stake)} is too small: its sixteenth must be ≥ seats {m.seats} × cut {tokens(m.cut)};"
            f" raise it to {tokens(to)}, or lower cut to {tokens(allowed)}"
        )
        yield _refusal("CutTooLarge", m.cut, allowed, "money.min_stake", to, sentence)
    if m.canary_rate and not m.cut:
        yield _poor(
            "CutTooSmall", m.cut, GWEI, "money.cut", "where there are canaries, passing one must cost something"
        )
    fees = m.seats * m.seat_fee
    if m.canary_rate and m.canary_fee > fees:
        sentence = (
            f"{tokens(m.canary_fee)} is too large: it must be ≤ seats {m.seats} × seat_fee {tokens(m.seat_fee)}, what a"
            f" canary's seats cost its maker; lower it to {tokens(fees)}"
        )
        yield _refusal("CanaryFeeTooLarge", m.canary_fee, fees, "money.canary_fee", fees, sentence)


def _pots(spec: TaskSpec) -> Iterator[Refusal]:
    m, count, needed = spec.money, spec.rounds.count, full_pot(spec)
    if m.pot < needed:
        seats = f"{m.seats} × 2" if spec.rounds.extra else f"{m.seats}"
        canary = f" + canary_fee {tokens(m.canary_fee)}" if m.canary_rate else ""
        why = f"max_units {m.max_units} × price {tokens(m.price)} + seats {seats} × seat_fee {tokens(m.seat_fee)}"
        yield _poor("PotTooSmall", m.pot, needed, "money.pot", f"{why}{canary} = {tokens(needed)}")
    if m.budget < count * m.pot:
        why = f"{count} rounds × pot {tokens(m.pot)} = {tokens(count * m.pot)}"
        yield _poor("BudgetTooSmall", m.budget, count * m.pot, "money.budget", why)


def _units(r: RolloutSpec, m: MoneySpec) -> Iterator[Refusal]:
    units = r.groups * r.group_size * r.max_new_tokens
    if m.max_units < units:
        why = f"groups {r.groups} × group_size {r.group_size} × max_new_tokens {r.max_new_tokens} = {units}"
        yield _short("", m.max_units, units, "money.max_units", m.max_units, units, why)


def _groups(spec: TaskSpec) -> Iterator[Refusal]:
    """What a group is, the kind says: rollouts to compare, a pair, or one text."""
    size, (low, high) = spec.rollout.group_size, KINDS[spec.kind].group_sizes
    if not low <= size <= high:
        to = low if size < low else high
        sentence = f"{size} doesn't fit kind {spec.kind}, whose groups have {low if low == high else f'{low} or more'}"
        yield _refusal("", size, to, "rollout.group_size", to, f"{sentence}; set it to {to}")
    if spec.rollout.groups % spec.inner.steps:
        to = -(-spec.rollout.groups // spec.inner.steps) * spec.inner.steps
        sentence = f"{spec.rollout.groups} groups don't divide among {spec.inner.steps} inner steps; set it to {to}"
        yield _refusal("", spec.rollout.groups, to, "rollout.groups", to, sentence)


def _model(spec: TaskSpec) -> Iterator[Refusal]:
    """A model of the transformers library is a folder named by its root; only such a one takes an adapter."""
    model = spec.model
    is_folder = bool(_ROOT.fullmatch(model.tokenizer)) and model.size_bytes > 0
    if model.architecture == "transformers" and not is_folder:
        sentence = "architecture transformers needs the root of the model's folder as tokenizer and its size_bytes"
        yield _refusal("", 0, 1, "model.tokenizer", 1, f"{sentence}: see `assay model import`")
    if model.architecture == "llama" and model.adapter != "full":
        yield _refusal("", 0, 0, "model.adapter", 0, "the built-in llama is trained as a whole: adapter must be full")


def _labels(spec: TaskSpec) -> Iterator[Refusal]:
    """Labels are of pairs, and leave the model as it is."""
    if spec.kind != "label":
        return
    if spec.environment.name != "preferences":
        yield _refusal("", 0, 0, "environment.name", 0, "environment.name: kind label needs environment preferences")
    if spec.inner.weight_decay:
        yield _refusal("", 1, 0, "inner.weight_decay", 0, "inner.weight_decay: kind label trains nothing: set it to 0")


def _refusal(error: str, have: int, needed: int, field: str, to: int, sentence: str) -> Refusal:
    return Refusal(error, have, needed, field, to, f"{field}: {sentence}")


def _short(error: str, have: int, needed: int, field: str, now: int, to: int, why: str) -> Refusal:
    return _refusal(error, have, needed, field, to, f"{now} is too small: {why}; raise it to {to}")


def _poor(error: str, have: int, needed: int, field: str, why: str) -> Refusal:
    return _refusal(
        error, have, needed, field, needed, f"{tokens(have)} is too small: {why}; raise it to {tokens(needed)}"
    )
