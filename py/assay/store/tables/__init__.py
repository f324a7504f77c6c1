"""The tables. A table of `DERIVED` is a pure fold of `events`; the others are this node's own and outlive a rewind."""

from __future__ import annotations

from sqlalchemy import Table

from assay.store import rows
from assay.store.tables.blocks import blocks, cursors, events
from assay.store.tables.disputes import appeal_votes, cases, jurors
from assay.store.tables.money import claims, cuts, nonces, payments, slashes, stakes
from assay.store.tables.records import findings, notes, outbox, specs, workers
from assay.store.tables.rounds import attests, checkpoints, commits, extras, rounds, seals, votes
from assay.store.tables.schema import SCHEMA_VERSION, meta, metadata
from assay.store.tables.submissions import asides, canaries, submissions
from assay.store.tables.tasks import enlistments, invites, tasks

__all__ = [
    "DERIVED", "FROM_CHAIN", "PER_ACCOUNT", "PER_TASK", "SCHEMA_VERSION", "TABLE_OF", "appeal_votes",
    "asides", "attests", "blocks", "canaries", "cases", "checkpoints", "claims", "commits", "cursors", "cuts",
    "enlistments", "events", "extras", "findings", "invites", "jurors", "meta", "metadata", "nonces", "notes", "outbox",
    "payments", "rounds", "seals", "slashes", "specs", "stakes", "submissions", "tasks", "votes",
    "workers",
]  # fmt: skip

TABLE_OF: dict[type, Table] = {
    rows.BlockRow: blocks,
    rows.CursorRow: cursors,
    rows.EventRow: events,
    rows.TaskRow: tasks,
    rows.EnlistmentRow: enlistments,
    rows.SubmissionRow: submissions,
    rows.SealRow: seals,
    rows.CommitRow: commits,
    rows.VoteRow: votes,
    rows.ExtraRow: extras,
    rows.AttestRow: attests,
    rows.CheckpointRow: checkpoints,
    rows.RoundRow: rounds,
    rows.CanaryRow: canaries,
    rows.AsideRow: asides,
    rows.PaymentRow: payments,
    rows.SlashRow: slashes,
    rows.CutRow: cuts,
    rows.CaseRow: cases,
    rows.JurorRow: jurors,
    rows.AppealVoteRow: appeal_votes,
    rows.InviteRow: invites,
    rows.NonceRow: nonces,
    rows.ClaimRow: claims,
    rows.StakeRow: stakes,
    rows.SpecRow: specs,
    rows.OutboxRow: outbox,
    rows.FindingRow: findings,
    rows.NoteRow: notes,
    rows.WorkerRow: workers,
}

PER_TASK = (
    enlistments, submissions, seals, commits, votes, extras, attests, checkpoints, rounds, canaries, asides, payments,
    slashes, cuts, cases, jurors, appeal_votes, invites,
)  # fmt: skip
"""Folds of one task's events: a rewind deletes the whole task and folds it again."""

PER_ACCOUNT = (claims, stakes, nonces)
"""One row per event, never changed: a rewind deletes what lies above."""

DERIVED = (tasks, *PER_TASK, *PER_ACCOUNT)

FROM_CHAIN = (blocks, cursors, events, *DERIVED)
"""What a follower can read again from the chain."""
