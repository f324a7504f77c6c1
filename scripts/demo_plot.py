"""Who does what in which round of the demo, with which stake, and what is left to chance.

trainer-3 cheats in each round from `fault_from` on, until its stake covers no bond any more. Three validators refuse
the first submission of one round, in which every trainer is honest. validator-4 enlists after that round; from the
last but one round on it votes without looking, and trainer-2 submits canaries. So no round has more than one story:

- A wrong refusal needs a quorum of 6 of 9 seats. The three who refuse hold the whole line in that round: certain.
- Cheats are judged by validators that all look, so their verdicts are unanimous: certain. One that fails a check with a
  tolerance is refused by them and slashed by a jury of the same validators, who find what they found: certain.
- While validator-4 is lazy there are only honest work, on which all agree, and canaries, whose end needs no quorum:
  the mark settles them. A lazy one alone can't pass one, whatever its seats: a quorum needs two voters.
- validator-4 holds a third of the line. It has no seat on either of two canaries in (2/3)^18, one run in 1,500, and
  then isn't caught: the demo says so and fails.
- One validator alone holds all 9 seats of some submission in 3^-8 at most: of 16 submissions, one run in 700. That one
  finds no quorum. (A task with an extra draw would ask others; in 30 seconds a round there is no time for it.)
- Nobody leaves the line for having lost more than a sixteenth: 9 seats × 1.25 are 11.25 of 200 / 16 = 12.50.
"""

from __future__ import annotations

from dataclasses import dataclass

from assay.errors import Refused

INITIATOR = "initiator"
TRAINERS = ("trainer-1", "trainer-2", "trainer-3")
VALIDATORS = ("validator-1", "validator-2", "validator-3")
LAZY = "validator-4"
CANARY_MAKER, CHEAT = TRAINERS[1], TRAINERS[2]
CANARY_ROUNDS = 2
LEAST_ROUNDS = 4
TRAINER_STAKE = 115
PLAIN_STAKE, REFUSING_STAKE, LAZY_STAKE = 100, 200, 300
TOKEN = 10**18


@dataclass(frozen=True)
class Plot:
    """The demo's cast: `fault` is how trainer-3 cheats; `is_plain` leaves out the lazy validator and the refusal."""

    rounds: int
    fault: str
    fault_from: int
    is_plain: bool = False

    def __post_init__(self) -> None:
        latest = self.rounds - 3
        if not self.is_plain and self.rounds < LEAST_ROUNDS:
            raise Refused(f"--rounds {self.rounds} is too few for all stories: raise it to {LEAST_ROUNDS}, or --plain")
        if not self.is_plain and self.fault_from > latest:
            raise Refused(f"--fault-from {self.fault_from} is too late for all stories: at most {latest}, or --plain")

    @property
    def refused_round(self) -> int:
        """The round in which good work is refused: the first in which everybody is honest. 0: none."""
        return 0 if self.is_plain else 2 if self.fault_from == 1 else 1

    @property
    def canaries(self) -> tuple[int, ...]:
        """Rounds in which trainer-2 submits a canary, and validator-4 doesn't look."""
        return () if self.is_plain else tuple(range(self.rounds - CANARY_ROUNDS + 1, self.rounds + 1))

    @property
    def validator_stake(self) -> int:
        return PLAIN_STAKE if self.is_plain else REFUSING_STAKE

    @property
    def names(self) -> tuple[str, ...]:
        return (INITIATOR, *TRAINERS, *VALIDATORS, *(() if self.is_plain else (LAZY,)))

    def trainer_stake(self, name: str, bond: int, fees: int) -> int:
        """Return the wei that a trainer enlists. A cheater's cover its cheats before the canaries, and no more: a bond
        is left, which is less than one more submission risks. One that cheats from the first round on does it once.
        """
        if self.is_plain or name != CHEAT:
            return TRAINER_STAKE * TOKEN
        cheats = 1 if self.fault_from == 1 else self.canaries[0] - self.fault_from
        return cheats * (bond + fees) + bond
