"""The outbox's rows: each a transaction that must happen once. Knows no chain and signs nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import func, select, update

from assay.errors import Broken
from assay.store import tables
from assay.store.database import Database, upsert
from assay.store.rows import OutboxRow


class OutboxQueries(Database):
    """Part of the store."""

    def outbox_put(self, row: OutboxRow) -> bool:
        """Store an intent; one with the same account and key stays as it is. Return whether it is new."""
        values = {column.name: getattr(row, column.name) for column in tables.outbox.columns if column.name != "id"}
        with self.transaction(write=True) as connection:
            return upsert(connection, tables.outbox, values, replace=False)

    def outbox_row(self, account: str, key: str) -> OutboxRow | None:
        return self.find(tables.outbox, OutboxRow, account=account, key=key)

    def outbox_pending(self, account: str | None = None) -> list[OutboxRow]:
        """Return what is queued or sent: the sent by nonce, then the queued by age."""
        table = tables.outbox
        query = select(table).where(table.c.state.in_(("queued", "sent")))
        if account is not None:
            query = query.where(table.c.account == account)
        found = self.rows(query, OutboxRow)
        return sorted(found, key=lambda row: (row.state == "queued", row.nonce if row.nonce is not None else 0, row.id))

    def outbox_refused(self, account: str) -> list[OutboxRow]:
        """Return what a contract refused, by age."""
        table = tables.outbox
        query = select(table).where(table.c.account == account, table.c.state == "refused").order_by(table.c.id)
        return self.rows(query, OutboxRow)

    def outbox_mined(self, account: str, above: int) -> list[OutboxRow]:
        """Return what was mined in a block above `above`, whether it succeeded or not."""
        table = tables.outbox
        return self.rows(
            select(table).where(table.c.account == account, table.c.block > above).order_by(table.c.nonce), OutboxRow
        )

    def outbox_sign(
        self, account: str, key: str, next_on_chain: int, sign: Callable[[int], dict[str, Any]]
    ) -> OutboxRow | None:
        """Give a queued intent its nonce, and store what `sign(nonce)` returns, in one transaction.

        The nonce is the larger of `next_on_chain` and one more than any given before. Return None when the intent
        isn't queued any more.
        """
        table = tables.outbox
        mine = (table.c.account == account) & (table.c.key == key)
        with self.transaction(write=True) as connection:
            if connection.execute(select(table.c.state).where(mine)).scalar() != "queued":
                return None
            last = connection.execute(select(func.max(table.c.nonce)).where(table.c.account == account)).scalar()
            nonce = max(next_on_chain, -1 if last is None else int(last) + 1)
            connection.execute(update(table).where(mine).values(state="sent", nonce=nonce, **sign(nonce)))
            return OutboxRow(**connection.execute(select(table).where(mine)).one()._mapping)

    def outbox_change(self, row: OutboxRow, **values: Any) -> OutboxRow:
        """Change a row and return it as it is now."""
        table = tables.outbox
        with self.transaction(write=True) as connection:
            done = connection.execute(update(table).where(table.c.id == row.id).values(**values))
            if done.rowcount != 1:
                raise Broken(f"The outbox lost its row {row.key}.")
            return OutboxRow(**connection.execute(select(table).where(table.c.id == row.id)).one()._mapping)
