"""The task market: tasks and their escrow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.chain.contracts.base import Bound, Call


class MarketPart(Bound):
    """Part of `Contracts`."""

    def tasks(self) -> int:
        """Return how many tasks were ever published; they count from 1."""
        return int(self._market.one("tasks"))

    def escrow(self, task: int) -> int:
        return int(self._market.one("escrowOf", task))

    def initiator(self, task: int) -> str:
        return str(self._market.one("initiatorOf", task))

    def publish(self, terms: Mapping[str, Any], budget: int, uri: str) -> Call:
        """Publish a task; `terms` by their Solidity names. The budget must have been approved for the market."""
        return self._market.call("publish", terms, budget, uri)

    def fund(self, task: int, amount: int) -> Call:
        return self._market.call("fund", task, amount)

    def cancel(self, task: int) -> Call:
        return self._market.call("cancel", task)

    def refund(self, task: int) -> Call:
        return self._market.call("refund", task)
