"""Disputes: cases, their jurors, the votes of an appeal."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from assay.store import tables
from assay.store.database import Database
from assay.store.rows import AppealVoteRow, CaseRow, JurorRow


class DisputeQueries(Database):
    """Part of the store. Cases count from 1 over all tasks."""

    def case(self, id_: int) -> CaseRow | None:
        return self.find(tables.cases, CaseRow, id=id_)

    def cases(self, task: int | None = None, round_: int | None = None) -> list[CaseRow]:
        """Return the cases of a task, of one of its rounds, or all, oldest first."""
        table = tables.cases
        query: Any = select(table).order_by(table.c.id)
        if task is not None:
            query = query.where(table.c.task == task)
        if round_ is not None:
            query = query.where(table.c.round == round_)
        return self.rows(query, CaseRow)

    def jurors(self, case: int) -> list[JurorRow]:
        """Return who committed in a case, ascending by account, with what they revealed."""
        table = tables.jurors
        return self.rows(select(table).where(table.c.case == case).order_by(table.c.juror), JurorRow)

    def appeal_votes(self, case: int) -> list[AppealVoteRow]:
        table = tables.appeal_votes
        return self.rows(select(table).where(table.c.case == case).order_by(table.c.account), AppealVoteRow)
