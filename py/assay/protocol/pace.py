"""How much work a trainer takes on: in pieces of whole steps, as many as its own speed leaves time for.

A submission of fewer groups than the task allows is as good as another and paid by its tokens, so a slow trainer hands
in less and holds nobody up. Knows no clock: seconds are measured by whoever asks. It can't foresee a machine that slows
down in the middle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from assay.protocol.sections import TaskSpec

PIECES: Final = 8
"""Into at most so many pieces the rollouts of a whole submission are cut."""
MARGIN_SECONDS: Final = 2.0
MARGIN_SHARE: Final = 1 / 20
"""What stays free at the end of the work window, for the transaction: so many seconds, or this share of it."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds that one group takes to generate, and to train on. None: not measured so far."""

    rollouts: float | None = None
    training: float | None = None

    def seconds(self, made: int, more: int = 0) -> float:
        """Return how long it takes to generate `more` groups and to train on them and on `made` others.

        Training that wasn't measured counts as long as generation: it reads the same tokens, three times over, but all
        places at once.
        """
        generation = self.rollouts or 0.0
        training = generation if self.training is None else self.training
        return more * generation + (made + more) * training


UNKNOWN: Final = Pace()


def piece_groups(spec: TaskSpec) -> int:
    """Return the groups of one piece: as many for each inner step."""
    each = spec.rollout.groups // spec.inner.steps
    return spec.inner.steps * max(1, -(-each // PIECES))


def pieces(spec: TaskSpec) -> list[range]:
    """Return the pieces of a whole submission: the numbers of their groups. Any first ones of them can be submitted."""
    whole, size = spec.rollout.groups, piece_groups(spec)
    return [range(at, min(at + size, whole)) for at in range(0, whole, size)]


def budget(work: int, left: float) -> float:
    """Return the seconds for generating and training when `left` of the `work` seconds of the window are left."""
    return left - max(MARGIN_SECONDS, MARGIN_SHARE * work)


def goes_on(pace: Pace, made: int, more: int, left: float) -> bool:
    """Tell whether to generate `more` groups with `left` seconds for everything: all have to be trained on in time.

    The first piece is always made: without it nothing is known of the speed.
    """
    return made == 0 or pace.seconds(made, more) <= left
