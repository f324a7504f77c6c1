"""The worker's test: what this validator saw of a trainer before and in this submission, taken together.

A failure is statistical: the work may be honest and another committee must look. Doesn't keep the state.
"""

from __future__ import annotations

from assay.errors import Refused
from assay.protocol.profile import Profile
from assay.types import Reason
from assay.verify.audit import Audit
from assay.verify.case import Case, Measure
from assay.verify.sequential import Reading, WorkerRules, WorkerState, observe


def rules_of(profile: Profile) -> WorkerRules:
    """Return what an honest worker looks like under the profile that the submission names."""
    test = profile.worker
    rest = test.drift, test.alpha, test.submission, profile.measured.group
    return WorkerRules(test.mean0, test.sd0, profile.exact_rate, *rest)


def read_worker(case: Case, audit: Audit, state: WorkerState) -> Reading:
    """Add the submission's audit, whose activation and sampling checks have passed, to the worker's state."""
    return observe(state, rules_of(case.profile), audit.seen, case.spec.rollout.group_size)


def check_worker(reading: Reading) -> Measure:
    """Refuse on an alarm. Value: the largest statistic."""
    if reading.is_alarm:
        message = f"all that was audited of this worker, taken together, isn't the model's work: {reading.what}"
        raise Refused(message, Reason.ACTIVATION, reading.leaf, reading.statistic, reading.threshold)
    return Measure(reading.statistic, reading.threshold)
