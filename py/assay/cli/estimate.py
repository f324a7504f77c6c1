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
    checking = rounds.seal_delay + rounds.commit + rounds.reveal + rounds.challenge
    return Estimate(
        locked=money.budget,
        rounds=rounds.count,
        period=rounds.period,
        seconds=rounds.lead + (rounds.count - 1) * rounds.period + rounds.work + checking,
        trainers=trainers,
        validators=validators,
        trainer_round=trainer_pay(terms, units, trainers),
        validator_round=validator_pay(terms, trainers, 1 / validators),
        seats_per_submission=money.seats / validators,
    )


def trainer_pay(terms: Mapping[str, int], units: int, trainers: int) -> int:
    """Return wei a round for a claim of `units` when `trainers` claim as much:

    The price, or the pot's share once seats are paid.
    """
    for_work = max(0, terms["pot"] - trainers * terms["seats"] * terms["seatFee"])
    return min(units * terms["price"], for_work // max(1, trainers))


def validator_pay(terms: Mapping[str, int], submissions: int, share: float) -> int:
    """Return wei a round that a validator with `share` of the stake line can expect:

    Its seats' fees and the attestation fee.
    """
    expected = terms["seats"] * submissions * share
    return int(expected * terms["seatFee"]) + terms["attestFee"]
