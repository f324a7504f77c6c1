"""Tasks, who enlisted for them, and their specs."""

from __future__ import annotations

from sqlalchemy import Select, select

from assay.store import tables
from assay.store.database import Database, upsert
from assay.store.rows import EnlistmentRow, InviteRow, TaskRow


class TaskQueries(Database):
    """Part of the store."""

    def tasks(self) -> list[TaskRow]:
        """Return all tasks, oldest first."""
        return self.rows(_tasks().order_by(tables.tasks.c.id), TaskRow)

    def task(self, task: int) -> TaskRow | None:
        """Return one task, or None when no event has named it yet."""
        return self.row(_tasks().where(tables.tasks.c.id == task), TaskRow)

    def put_spec(self, spec_hash: bytes, json: str) -> None:
        """Remember a task spec's canonical JSON; the caller has checked it against the hash."""
        with self.transaction(write=True) as connection:
            upsert(connection, tables.specs, {"spec_hash": spec_hash, "json": json}, replace=True)

    def spec(self, spec_hash: bytes) -> str | None:
        with self.transaction() as connection:
            found = connection.execute(
                select(tables.specs.c.json).where(tables.specs.c.spec_hash == spec_hash)
            ).scalar()
        return None if found is None else str(found)

    def enlistments(self, task: int, role: int | None = None) -> list[EnlistmentRow]:
        """Return the enlistments of a task, validators in the order of the stake line."""
        table = tables.enlistments
        query = select(table).where(table.c.task == task).order_by(table.c.role, table.c.block, table.c.account)
        found = self.rows(query if role is None else query.where(table.c.role == role), EnlistmentRow)
        return sorted(found, key=lambda row: (row.role, row.lo))

    def enlistments_of(self, account: str) -> list[EnlistmentRow]:
        """Return where an account has enlisted, by task."""
        table = tables.enlistments
        return self.rows(
            select(table).where(table.c.account == account).order_by(table.c.task, table.c.role), EnlistmentRow
        )

    def invites(self, task: int) -> list[InviteRow]:
        """Return the invites of a task that were redeemed or revoked, oldest first."""
        table = tables.invites
        return self.rows(select(table).where(table.c.task == task).order_by(table.c.block, table.c.nonce), InviteRow)


def _tasks() -> Select[tuple[object, ...]]:
    task, spec = tables.tasks, tables.specs
    return select(task, spec.c.json.label("spec_json")).join_from(
        task, spec, task.c.spec_hash == spec.c.spec_hash, isouter=True
    )
