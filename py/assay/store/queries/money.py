"""Payments, slashes, claims and movements of stake."""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import Table, select

from assay.store import tables
from assay.store.database import Database
from assay.store.rows import ClaimRow, CutRow, NonceRow, PaymentRow, SlashRow, StakeRow

Row = TypeVar("Row")


class MoneyQueries(Database):
    """Part of the store. All amounts in wei; without an argument, everything is returned, oldest first."""

    def payments(self, account: str | None = None, task: int | None = None) -> list[PaymentRow]:
        found: list[PaymentRow] = self._money(tables.payments, PaymentRow, account=account, task=task)
        return sorted(found, key=lambda row: (row.block, row.log_index, row.n))

    def slashes(self, account: str | None = None, task: int | None = None) -> list[SlashRow]:
        return self._money(tables.slashes, SlashRow, account=account, task=task)

    def cuts(self, validator: str | None = None, task: int | None = None) -> list[CutRow]:
        return self._money(tables.cuts, CutRow, validator=validator, task=task)

    def used_nonces(self, account: str) -> list[NonceRow]:
        """Return the gateway's nonces that an account can't use any more."""
        return self._money(tables.nonces, NonceRow, account=account)

    def claims(self, account: str | None = None) -> list[ClaimRow]:
        return self._money(tables.claims, ClaimRow, account=account)

    def stakes(self, account: str | None = None) -> list[StakeRow]:
        return self._money(tables.stakes, StakeRow, account=account)

    def _money(self, table: Table, kind: type[Row], **key: Any) -> list[Row]:
        query: Any = select(table)
        for name, value in key.items():
            if value is not None:
                query = query.where(table.c[name] == value)
        return self.rows(query.order_by(table.c.block, table.c.log_index), kind)
