"""What happened in a round: submissions, seal, commitments, votes, attestations, checkpoints, outcomes."""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import Table, select

from assay.store import tables
from assay.store.database import Database
from assay.store.rows import (
    AsideRow,
    AttestRow,
    CanaryRow,
    CheckpointRow,
    CommitRow,
    ExtraRow,
    RoundRow,
    SealRow,
    SubmissionRow,
    VoteRow,
)

Row = TypeVar("Row")


class RoundQueries(Database):
    """Part of the store. Rounds count from 1; checkpoint 0 is genesis."""

    def submissions(self, task: int, round_: int | None = None) -> list[SubmissionRow]:
        """Return the submissions of one round, or of all, in the order of the chain."""
        return self._of(tables.submissions, SubmissionRow, task, round_, "index")

    def submission(self, task: int, round_: int, index: int) -> SubmissionRow | None:
        return self.find(tables.submissions, SubmissionRow, task=task, round=round_, index=index)

    def submissions_with_root(self, prefix: bytes) -> list[SubmissionRow]:
        """Return the submissions whose artifact root starts with `prefix`, oldest first."""
        table = tables.submissions
        top = int.from_bytes(prefix, "big") + 1
        query = select(table).where(table.c.root >= prefix)
        if prefix and top < 1 << 8 * len(prefix):
            query = query.where(table.c.root < top.to_bytes(len(prefix), "big"))
        return self.rows(query.order_by(table.c.task, table.c.round, table.c.index), SubmissionRow)

    def submissions_of(self, trainer: str, task: int | None = None) -> list[SubmissionRow]:
        table = tables.submissions
        query = select(table).where(table.c.trainer == trainer).order_by(table.c.task, table.c.round, table.c.index)
        return self.rows(query if task is None else query.where(table.c.task == task), SubmissionRow)

    def staleness(self, task: int) -> dict[int, list[int]]:
        """Return for each round how many of its submissions are from a base 0, 1, 2 … rounds older than the newest
        that could have been: checkpoint round − 1.
        """
        found: dict[int, list[int]] = {}
        for row in self.submissions(task):
            counts = found.setdefault(row.round, [])
            late = max(0, row.round - 1 - row.base)
            counts += [0] * (late + 1 - len(counts))
            counts[late] += 1
        return found

    def seal(self, task: int, round_: int) -> SealRow | None:
        """Return the round's seal, or None while it has none."""
        return self.find(tables.seals, SealRow, task=task, round=round_)

    def seals(self, task: int) -> list[SealRow]:
        return self._of(tables.seals, SealRow, task, None)

    def commits(self, task: int, round_: int | None = None) -> list[CommitRow]:
        return self._of(tables.commits, CommitRow, task, round_, "order")

    def votes(self, task: int, round_: int | None = None) -> list[VoteRow]:
        """Return the reveals in the order of their events."""
        return self._of(tables.votes, VoteRow, task, round_, "order")

    def extras(self, task: int, round_: int | None = None) -> list[ExtraRow]:
        """Return the votes of the extra draw in the order in which finalize must repeat them."""
        return self._of(tables.extras, ExtraRow, task, round_, "order")

    def canaries(self, task: int, round_: int | None = None) -> list[CanaryRow]:
        """Return the submissions that were opened as canaries."""
        return self._of(tables.canaries, CanaryRow, task, round_, "index")

    def asides(self, task: int, round_: int | None = None) -> list[AsideRow]:
        """Return the shares that were set aside, settled since or not."""
        return self._of(tables.asides, AsideRow, task, round_, "index")

    def attests(self, task: int, round_: int | None = None) -> list[AttestRow]:
        """Return the attestations in the order of their events."""
        return self._of(tables.attests, AttestRow, task, round_, "order")

    def checkpoints(self, task: int) -> list[CheckpointRow]:
        """Return the task's checkpoints from genesis on."""
        return self._of(tables.checkpoints, CheckpointRow, task, None)

    def checkpoint(self, task: int, round_: int) -> CheckpointRow | None:
        return self.find(tables.checkpoints, CheckpointRow, task=task, round=round_)

    def rounds(self, task: int) -> list[RoundRow]:
        """Return the rounds that are final."""
        return self._of(tables.rounds, RoundRow, task, None)

    def round(self, task: int, round_: int) -> RoundRow | None:
        """Return a round's end, or None while it isn't final."""
        return self.find(tables.rounds, RoundRow, task=task, round=round_)

    def _of(self, table: Table, kind: type[Row], task: int, round_: int | None, *then: str) -> list[Row]:
        query: Any = select(table).where(table.c.task == task)
        if round_ is not None:
            query = query.where(table.c.round == round_)
        return self.rows(query.order_by(table.c.round, *(table.c[name] for name in then)), kind)
