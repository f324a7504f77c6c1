"""The rows that queries give out: plain frozen values, detached from any database session.

Roots, seeds and hashes are bytes; accounts are checksummed text; money is integer wei; `block` is the number of the
block whose event made or last changed the row.
"""

from __future__ import annotations

from assay.store.rows.blocks import BlockRow, CursorRow, EventRow
from assay.store.rows.disputes import AppealVoteRow, CaseRow, JurorRow
from assay.store.rows.money import ClaimRow, CutRow, NonceRow, PaymentRow, SlashRow, StakeRow
from assay.store.rows.records import FindingRow, NoteRow, OutboxRow, SpecRow, WorkerRow
from assay.store.rows.rounds import AttestRow, CheckpointRow, CommitRow, ExtraRow, RoundRow, SealRow, VoteRow
from assay.store.rows.submissions import AsideRow, CanaryRow, SubmissionRow
from assay.store.rows.tasks import EnlistmentRow, InviteRow, TaskRow

__all__ = [
    "AppealVoteRow", "AsideRow", "AttestRow", "BlockRow", "CanaryRow", "CaseRow", "CheckpointRow",
    "ClaimRow", "CommitRow", "CursorRow", "CutRow", "EnlistmentRow", "EventRow", "ExtraRow", "FindingRow", "InviteRow",
    "JurorRow", "NonceRow", "NoteRow", "OutboxRow", "PaymentRow", "RoundRow", "SealRow", "SlashRow", "SpecRow",
    "StakeRow", "SubmissionRow", "TaskRow", "VoteRow", "WorkerRow",
]  # fmt: skip
