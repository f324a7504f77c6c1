"""An update that makes the model worse is refused, although its norm is as an honest one's."""

from __future__ import annotations

import numpy as np
import pytest

from assay.artifact.update import Update
from assay.errors import Refused
from assay.model.held_out import held_out_loss
from assay.protocol import codec
from assay.types import Reason
from assay.verify.held_out import check_held_out


def test_check_held_out__honest_update__gives_what_it_did_to_the_loss(honest) -> None:
    case = honest.case()
    measure = check_held_out(case)
    after = case.model_of(iter([next(case.base()) - codec.dequantise(case.update.q, case.update.scale)]))
    before = held_out_loss(case.model(), case.environment, 64)

    assert measure.value == pytest.approx(held_out_loss(after, case.environment, 64) - before, abs=1e-6)
    assert measure.threshold == honest.spec.verification.max_loss_rise


def test_check_held_out__update_that_climbs_the_loss__is_refused_with_its_rise(honest) -> None:
    def turned(update: Update) -> Update:
        return Update(*codec.quantise((-8 * codec.dequantise(update.q, update.scale)).astype(np.float32)))

    poisoned = honest.forged(change=turned)
    with pytest.raises(Refused, match="raises the loss of held-out items") as refused:
        check_held_out(poisoned.case())

    assert refused.value.reason is Reason.UPDATE
    assert refused.value.value > refused.value.threshold == honest.spec.verification.max_loss_rise


def test_held_out_loss__more_items_than_there_are__is_refused(honest) -> None:
    case = honest.case()
    with pytest.raises(Refused):
        held_out_loss(case.model(), case.environment, 10**9)
