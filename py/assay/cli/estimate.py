"""What a task pays and how long it takes, before anyone locks a token. Pure arithmetic over a spec; promises nothing.

The estimate assumes that every claim is accepted and every drawn validator agrees; refusals only lower it. It counts
a trainer's claim at the spec's largest, because how long completions get isn't known beforehand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assay.protocol.spec import TaskSpec


@dataclass(frozen=True, slots=True)
class Estimate:
    """Wei and seconds.

    `trainer_round` and `validator_round` are what one of `trainers`, one of `validators` of equal stake can earn.
    """

    locked: int
    rounds: int
    period: int
    seconds: int
    trainers: int
    validators: int
    trainer_round: int
    validator_round: int
    seats_per_submission: float

    def to_json(self) -> dict[str, Any]:
        """Return the estimate for machines: wei as strings."""
        return {
            "locked": str(self.locked),
            "rounds": self.rounds,
            "period_seconds": self.period,
            "seconds_to_the_end": self.seconds,
            "assumes": {"trainers": self.trainers, "validators": self.validators},
            "trainer_per_round": str(self.trainer_round),
            "validator_per_round": str(self.validator_round),
            "validator_seats_per_submission": round(self.seats_per_submission, 3),
        }


def estimate(spec: TaskSpec, trainers: int = 3, validators: int = 3) -> Estimate:
    """Return what a trainer and a validator earn a round, with so many of each, the locked sum and the sec

    Onds to the end.
    """
    money, rounds, rollout = spec.money, spec.rounds, spec.rollout
    units = min(money.max_units, rollout.groups * rollout.group_size * rollout.max_new_tokens)
    terms = {
        "pot": money.pot,
        "price": money.price,
        "seatFee": money.seat_fee,
        "attestFee": money.attest_fee,
        "seats": money.seats,
    }
    trainer, validator = round_pay(terms, units, trainers, validators, 1 / validators)
    checking = rounds.seal_delay + rounds.commit + rounds.reveal + rounds.challenge
    return Estimate(
        locked=money.budget,
        rounds=rounds.count,
        period=rounds.period,
        seconds=rounds.lead + (rounds.count - 1) * rounds.period + rounds.work + checking,
        trainers=trainers,
        validators=validators,
        trainer_round=trainer,
        validator_round=validator,
        seats_per_submission=money.seats / validators,
    )


def round_pay(terms: Mapping[str, int], units: int, submissions: int, attesters: int, share: float) -> tuple[int, int]:
    """Return wei a round for one submission of `units`, and for a validator with `share` of the stake line.

    As in the settlement, everything that is due is scaled down alike when it is more than the pot.
    """
    work = units * terms["price"]
    seats = terms["seats"] * terms["seatFee"]
    due = submissions * (work + seats) + attesters * terms["attestFee"]
    expected = int(submissions * seats * share) + terms["attestFee"]
    if due <= terms["pot"]:
        return work, expected
    return work * terms["pot"] // due, expected * terms["pot"] // due
