"""The lens: what a screen needs, in one call and of one block."""

from __future__ import annotations

from typing import Any

from assay.chain.contracts.base import Bound


class LensPart(Bound):
    """Part of `Contracts`. Records under their Solidity names; see ILens."""

    def task_view(self, task: int) -> dict[str, Any]:
        return dict(self._lens.one("taskOf", task))

    def round_view(self, task: int, round_: int) -> dict[str, Any]:
        return dict(self._lens.one("roundOf", task, round_))

    def account_view(self, task: int, account: str) -> dict[str, Any]:
        """Return an account's money and its place in a task; task 0 for the money alone."""
        return dict(self._lens.one("accountOf", task, account))
