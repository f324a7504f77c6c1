"""Check 8, the costly part: the update doesn't make the model worse on items that nobody trains on.

Steps that weren't drawn may be false, and a false step can point anywhere within the norm's bound. What it does to the
model shows in the loss of the environment's own answers to held-out prompts: honest steps lower it, turned ones raise
it (docs/verification.md has both, measured). Doesn't notice harm that these items don't show.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from assay.artifact.opening import Floats
from assay.errors import Refused
from assay.model.held_out import held_out_loss
from assay.protocol import codec
from assay.types import Reason
from assay.verify.case import Case, Measure


def check_held_out(case: Case) -> Measure:
    """Compare the held-out loss before and after the update. Value: its rise, in nats a token; below 0 it fell."""
    rules, environment = case.spec.verification, case.environment
    before = held_out_loss(case.model(), environment, rules.held_out)
    rise = held_out_loss(case.model_of(_updated(case)), environment, rules.held_out) - before
    if not rise <= rules.max_loss_rise:
        message = f"the update raises the loss of held-out items from {before:.4f} by {rise:.4f}"
        raise Refused(message, Reason.UPDATE, None, rise, rules.max_loss_rise)
    return Measure(rise, rules.max_loss_rise)


def _updated(case: Case) -> Iterator[Floats]:
    """Give the base weights less the update, shard by shard."""
    at = 0
    for shard in case.base():
        blocks = at // codec.BLOCK
        q = case.update.q[at : at + shard.size]
        scale = case.update.scale[blocks : blocks + -(-shard.size // codec.BLOCK)]
        yield (shard - codec.dequantise(q, scale)).astype(np.float32)
        at += shard.size
