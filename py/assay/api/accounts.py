"""Routes of accounts: stake, pay and service as the events tell them."""

from __future__ import annotations

from fastapi import APIRouter

from assay.api import models
from assay.api.access import MISSING, AccountAddress, Records
from assay.api.models import Money
from assay.store import Store
from assay.types import Role

router = APIRouter(tags=["accounts"], responses=MISSING)


@router.get("/accounts/{account}")
def show_account(store: Records, account: AccountAddress) -> models.Account:
    """One account. An account that no event names has zeros everywhere."""
    earned = sum(row.amount for row in store.payments(account=account))
    claimed = sum(row.amount for row in store.claims(account))
    lost = sum(row.amount for row in store.stakes(account) if row.kind == "taken")
    return models.Account(
        address=account,
        staked=Money.of(_staked(store, account)),
        earned=Money.of(earned),
        claimed=Money.of(claimed),
        unclaimed=Money.of(max(0, earned - claimed)),
        slashed=Money.of(lost),
        enlistments=[
            models.AccountEnlistment(
                task=row.task,
                role=Role(row.role).name.lower(),
                amount=Money.of(row.amount),
                from_round=row.from_round,
                until_round=row.until_round,
                released=row.released,
            )
            for row in store.enlistments_of(account)
        ],
    )


def _staked(store: Store, account: str) -> int:
    signs = {"staked": 1, "rebonded": 1, "unbonding": -1, "taken": -1}
    return sum(signs.get(row.kind, 0) * (row.amount - row.of_unbonding) for row in store.stakes(account))
