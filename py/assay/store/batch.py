"""One write transaction of a follower: events in, derived rows folded, the cursor moved, all or nothing.

Knows how to take blocks back: it deletes the events above a block, and hands back the older events of every task
touched, so that the caller folds those tasks again. A derived row is therefore always what a fresh scan would give.
Knows no event's meaning.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

from sqlalchemy import Connection, delete, func, select, update

from assay.errors import Broken
from assay.store import tables
from assay.store.database import match, upsert
from assay.store.rows import BlockRow, CursorRow, EventRow

Row = TypeVar("Row")


class Batch:
    """Writes within one open transaction. Not to be kept after it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, row: object, replace: bool = True) -> bool:
        """Store a row under its primary key; with `replace` false an existing row stays.

        Return whether anything was written.
        """
        table = tables.TABLE_OF[type(row)]
        values = {column.name: getattr(row, column.name) for column in table.columns}
        return upsert(self._connection, table, values, replace)

    def get(self, kind: type[Row], **key: Any) -> Row | None:
        """Return the row with these column values, or None."""
        table = tables.TABLE_OF[kind]
        names = [table.c[field.name] for field in fields(kind) if field.name in table.c]  # type: ignore[arg-type]
        found = self._connection.execute(select(*names).where(match(table, key))).first()
        return None if found is None else kind(**found._mapping)

    def count(self, kind: type, **key: Any) -> int:
        """Count the rows with these column values."""
        table = tables.TABLE_OF[kind]
        return int(
            self._connection.execute(select(func.count()).select_from(table).where(match(table, key))).scalar_one()
        )

    def change(self, kind: type, key: dict[str, Any], **values: Any) -> None:
        """Change columns of the one row with this key.

        Raises:
            Broken: there isn't exactly one: an event came without the one that it builds on.
        """
        table = tables.TABLE_OF[kind]
        done = self._connection.execute(update(table).where(match(table, key)).values(**values))
        if done.rowcount != 1:
            raise Broken(
                f"The records hold {done.rowcount} rows of {table.name} {key}, where the chain's events imply one."
            )

    def move(self, name: str, block: BlockRow) -> None:
        """Set the cursor `name` to a folded block."""
        self.put(block)
        self.put(CursorRow(name, block.number, block.hash))

    def forget_cursor(self, name: str) -> None:
        """Start the follower `name` from the beginning."""
        self._connection.execute(delete(tables.cursors).where(tables.cursors.c.name == name))

    def rewind(self, number: int) -> list[EventRow]:
        """Take back every block above `number`.

        Return the remaining events of the tasks touched, oldest first, to be folded again.
        """
        run = self._connection.execute
        events = tables.events
        touched = [
            task
            for (task,) in run(
                select(events.c.task).where(events.c.block > number, events.c.task.is_not(None)).distinct()
            )
        ]
        run(delete(events).where(events.c.block > number))
        run(delete(tables.blocks).where(tables.blocks.c.number > number))
        for table in tables.PER_ACCOUNT:
            run(delete(table).where(table.c.block > number))
        for task in touched:
            run(delete(tables.tasks).where(tables.tasks.c.id == task))
            for table in tables.PER_TASK:
                run(delete(table).where(table.c.task == task))
        left = run(select(events).where(events.c.task.in_(touched)).order_by(events.c.block, events.c.log_index))
        return [EventRow(**row._mapping) for row in left]

    def forget_blocks(self, below: int) -> None:
        """Drop the hashes of blocks below `below` that hold no event: no reorganisation is followed that deep."""
        blocks, events = tables.blocks, tables.events
        self._connection.execute(
            delete(blocks).where(blocks.c.number < below, blocks.c.number.not_in(select(events.c.block).distinct()))
        )
