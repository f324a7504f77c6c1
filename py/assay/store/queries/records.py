"""What this node found and noted for itself."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, or_, select

from assay.store import tables
from assay.store.database import Database, upsert
from assay.store.rows import FindingRow, NoteRow, WorkerRow


class RecordQueries(Database):
    """Part of the store."""

    def put_finding(self, task: int, round_: int, index: int, json: dict[str, Any]) -> None:
        """Remember what the check of a submission found; a later finding replaces it."""
        values = {"task": task, "round": round_, "index": index, "json": json}
        with self.transaction(write=True) as connection:
            upsert(connection, tables.findings, values, replace=True)

    def finding(self, task: int, round_: int, index: int) -> FindingRow | None:
        return self.find(tables.findings, FindingRow, task=task, round=round_, index=index)

    def findings(self, task: int, round_: int | None = None) -> list[FindingRow]:
        table = tables.findings
        query = select(table).where(table.c.task == task).order_by(table.c.round, table.c.index)
        return self.rows(query if round_ is None else query.where(table.c.round == round_), FindingRow)

    def put_worker(self, row: WorkerRow) -> None:
        """Remember a worker's state after the audit of a submission; auditing it again replaces it."""
        values = {name: getattr(row, name) for name in ("task", "round", "index", "trainer", "json")}
        with self.transaction(write=True) as connection:
            upsert(connection, tables.workers, values, replace=True)

    def worker(self, task: int, trainer: str, round_: int, index: int) -> WorkerRow | None:
        """Return a worker's state before a submission: after the last one audited that lies before it, or None."""
        table = tables.workers
        before = or_(table.c.round < round_, and_(table.c.round == round_, table.c.index < index))
        query = select(table).where(table.c.task == task, table.c.trainer == trainer, before)
        return self.row(query.order_by(table.c.round.desc(), table.c.index.desc()).limit(1), WorkerRow)

    def put_note(self, task: int, round_: int, kind: str, json: dict[str, Any]) -> None:
        """Note something about a round; a later note of the same kind replaces it."""
        values = {"task": task, "round": round_, "kind": kind, "json": json}
        with self.transaction(write=True) as connection:
            upsert(connection, tables.notes, values, replace=True)

    def note(self, task: int, round_: int, kind: str) -> NoteRow | None:
        return self.find(tables.notes, NoteRow, task=task, round=round_, kind=kind)

    def notes(self, task: int, kind: str) -> list[NoteRow]:
        table = tables.notes
        return self.rows(
            select(table).where(table.c.task == task, table.c.kind == kind).order_by(table.c.round), NoteRow
        )
