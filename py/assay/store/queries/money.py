"""Payments, slashes, claims and movements of stake."""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import Table, select

from assay.store import tables
from assay.store.database import Database
from assay.store.rows import ClaimRow, PaymentRow, SlashRow, StakeRow

Row = TypeVar("Row")


class MoneyQueries(Database):
    """Part of the store. All amounts in wei; without an argument, everything is returned, oldest first."""

    def payments(self, account: str | None = None, task: int | None = None) -> list[PaymentRow]:
        return self._money(tables.payments, PaymentRow, account=account, task=task)

    def slashes(self, account: str | None = None, task: int | None = None) -> list[SlashRow]:
        return self._money(tables.slashes, SlashRow, account=account, task=task)

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
