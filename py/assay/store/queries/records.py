"""What this node found and keeps: findings of its checks, and artifacts on its disk."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select

from assay.store import tables
from assay.store.database import Database, upsert
from assay.store.rows import ArtifactRow, FindingRow, NoteRow


class RecordQueries(Database):
    """Part of the store."""

    def put_finding(self, task: int, round_: int, index: int, json: dict[str, Any]) -> None:
        """Remember what the check of a submission found; a later finding replaces it."""
        values = {"task": task, "round": round_, "index": index, "json": json}
        with self.transaction(write=True) as connection:
            upsert(connection, tables.findings, values, replace=True)

    def finding(self, task: int, round_: int, index: int) -> FindingRow | None:
        table = tables.findings
        return self.row(
            select(table).where(table.c.task == task, table.c.round == round_, table.c.index == index), FindingRow
        )

    def findings(self, task: int, round_: int | None = None) -> list[FindingRow]:
        table = tables.findings
        query = select(table).where(table.c.task == task).order_by(table.c.round, table.c.index)
        return self.rows(query if round_ is None else query.where(table.c.round == round_), FindingRow)

    def put_note(self, task: int, round_: int, kind: str, json: dict[str, Any]) -> None:
        """Note something about a round; a later note of the same kind replaces it."""
        values = {"task": task, "round": round_, "kind": kind, "json": json}
        with self.transaction(write=True) as connection:
            upsert(connection, tables.notes, values, replace=True)

    def note(self, task: int, round_: int, kind: str) -> NoteRow | None:
        table = tables.notes
        return self.row(
            select(table).where(table.c.task == task, table.c.round == round_, table.c.kind == kind), NoteRow
        )

    def notes(self, task: int, kind: str) -> list[NoteRow]:
        table = tables.notes
        return self.rows(
            select(table).where(table.c.task == task, table.c.kind == kind).order_by(table.c.round), NoteRow
        )

    def put_artifact(self, root: bytes, folder: str, kind: str, size: int) -> None:
        """Remember where an artifact lies."""
        values = {"root": root, "folder": folder, "kind": kind, "size": size}
        with self.transaction(write=True) as connection:
            upsert(connection, tables.artifacts, values, replace=True)

    def artifact(self, root: bytes) -> ArtifactRow | None:
        return self.row(select(tables.artifacts).where(tables.artifacts.c.root == root), ArtifactRow)

    def artifacts(self, kind: str | None = None) -> list[ArtifactRow]:
        query = select(tables.artifacts).order_by(tables.artifacts.c.root)
        return self.rows(query if kind is None else query.where(tables.artifacts.c.kind == kind), ArtifactRow)

    def drop_artifact(self, root: bytes) -> None:
        with self.transaction(write=True) as connection:
            connection.execute(delete(tables.artifacts).where(tables.artifacts.c.root == root))
