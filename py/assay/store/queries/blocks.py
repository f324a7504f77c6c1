"""Which blocks have been folded, and which chain the records belong to."""

from __future__ import annotations

from sqlalchemy import select

from assay.errors import Refused
from assay.store import tables
from assay.store.database import Database, upsert
from assay.store.rows import BlockRow, CursorRow, EventRow


class BlockQueries(Database):
    """Part of the store."""

    def bind(self, name: str, value: str) -> None:
        """Tie the records to what `value` names (a chain and its contracts); later calls must say the same.

        Raises:
            Refused: the records belong to something else.
        """
        with self.transaction(write=True) as connection:
            upsert(connection, tables.meta, {"name": name, "value": value}, replace=False)
            held = connection.execute(select(tables.meta.c.value).where(tables.meta.c.name == name)).scalar_one()
        if held != value:
            raise Refused(
                f"The records at {self.place} belong to another {name} ({held}) than the one in use ({value})."
            )

    def cursor(self, name: str) -> CursorRow | None:
        return self.find(tables.cursors, CursorRow, name=name)

    def block(self, number: int) -> BlockRow | None:
        """Return a folded block. Only blocks with events, and a batch's last one, are kept."""
        return self.find(tables.blocks, BlockRow, number=number)

    def blocks_down(self, number: int, limit: int) -> list[BlockRow]:
        """Return up to `limit` kept blocks at or below `number`, newest first."""
        table = tables.blocks
        return self.rows(
            select(table).where(table.c.number <= number).order_by(table.c.number.desc()).limit(limit), BlockRow
        )

    def events(self, task: int | None = None, above: int = -1, limit: int = 1000) -> list[EventRow]:
        """Return stored events above a block, oldest first."""
        table = tables.events
        query = select(table).where(table.c.block > above).order_by(table.c.block, table.c.log_index).limit(limit)
        return self.rows(query if task is None else query.where(table.c.task == task), EventRow)
