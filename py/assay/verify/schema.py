"""Check 1: the artifact is whole, well-formed, and bound to this chain, task, round and trainer.

Refusals say MALFORMED where the bytes break a format, INVALID where they are another's or claim other units.
Knows nothing of whether the content is true.
"""

from __future__ import annotations

import numpy as np

from assay import PROTOCOL
from assay.artifact import trace
from assay.artifact.origin import origin_of
from assay.errors import Refused
from assay.protocol import toploc
from assay.protocol.kinds import KINDS
from assay.types import Reason
from assay.verify.case import Case, Measure


def check_schema(case: Case) -> Measure:
    """Re-hash every chunk, read every file, recompute both roots and compare the binding. Value: units."""
    context, binding = case.context, case.binding
    if context.root is not None and case.artifact.root != context.root:
        raise Refused("the artifact's root isn't the one on chain", Reason.BINDING)
    _bound(case)
    if case.rollout_file[1].binding != origin_of(binding).binding:
        raise Refused("the rollout file is bound to something else than its artifact", Reason.BINDING)
    rollouts, steps = case.rollouts, case.steps
    if len(rollouts) != case.groups * case.spec.rollout.group_size:
        sentence = f"the rollouts aren't the {case.groups} groups that the manifest names"
        raise Refused(sentence, Reason.BINDING, None, len(rollouts))
    units = rollouts.units(case.spec)
    if not units == binding.units == context.units:
        message = f"{units} completion tokens are in the loss, {context.units} units claimed"
        raise Refused(message, Reason.UNITS, None, float(context.units), float(units))
    _proofs(case)
    if rollouts.root(case.spec) != binding.rollout_root:
        raise Refused("the rollouts don't give the root that the manifest names", Reason.BINDING)
    if trace.root(steps) != binding.trace_root:
        raise Refused("the trace doesn't give the root that the manifest names", Reason.BINDING)
    if len(steps) != case.spec.inner.steps:
        raise Refused(f"the trace has {len(steps)} steps, the task {case.spec.inner.steps}", Reason.BINDING)
    if len(case.update.q) != case.n_params:
        raise Refused("the update doesn't have the size of the model", Reason.SCHEMA)
    return Measure(float(units), float(context.units))


def _bound(case: Case) -> None:
    context, binding = case.context, case.binding
    pairs = {
        "protocol": (binding.protocol, PROTOCOL),
        "chain": (binding.chain_id, context.chain_id),
        "ledger": (binding.ledger, context.ledger.lower()),
        "task": (binding.task, context.task),
        "round": (binding.round, context.round),
        "trainer": (binding.trainer, context.trainer.lower()),
        "number": (binding.n, context.n),
        "base": (binding.base, context.base),
        "first group": (binding.first_group, context.first_group),
    }
    for name, (found, expected) in pairs.items():
        if found != expected:
            raise Refused(f"the artifact is bound to another {name}: {found}, not {expected}", Reason.BINDING)
    step = case.steps[0]
    if (step.task, step.round, step.trainer, step.n) != (
        context.task,
        context.round,
        context.trainer.lower(),
        context.n,
    ):
        raise Refused("the trace belongs to another submission", Reason.BINDING)


def _proofs(case: Case) -> None:
    """Refuse malformed proofs of any rollout or prompt, drawn or not."""
    rollouts, rules, size = case.rollouts, case.spec.verification, case.spec.rollout.group_size
    proved = KINDS[case.spec.kind].sampled  # of texts that weren't sampled there is nothing to prove
    elements = rules.chunk * case.sizes.hidden
    for proofs, lengths, rows in (
        (rollouts.proofs, rollouts.lengths, 1),
        (rollouts.prompt_proofs, rollouts.prompt_lengths[::size], size),
    ):
        words = proofs.reshape(len(proofs), -1, toploc.proof_bytes(rules.top_k)).view(">u2")
        used = np.arange(words.shape[1]) < -(-lengths.astype(np.int64) // rules.chunk)[:, None]
        right = toploc.well_formed(words, elements) if proved else (words == 0).all(axis=2)
        good = (right | ~used).all(axis=1)
        if not bool(good.all()):
            message = "a proof has a coefficient or a modulus that isn't allowed"
            raise Refused(message, Reason.SCHEMA, int(np.argmin(good)) * rows)
