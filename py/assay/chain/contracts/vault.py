"""The stake vault: stake, what is leaving, and what can be claimed."""

from __future__ import annotations

from assay.chain.contracts.base import Bound, Call
from assay.chain.contracts.states import AccountState


class VaultPart(Bound):
    """Part of `Contracts`."""

    def account(self, account: str, at: int | None = None) -> AccountState:
        """Return an account's stake and claims now, or at the end of block `at`."""
        return AccountState(*self._vault.read("accountOf", account, at=at))

    def unbonding(self, account: str) -> list[tuple[int, int]]:
        """Return (amount, time from which it can be withdrawn) of each waiting withdrawal."""
        amounts, ready = self._vault.read("unbondingOf", account)
        return list(zip(amounts, ready, strict=True))

    def payout(self, account: str) -> str:
        return str(self._vault.one("payoutOf", account))

    def unbonding_period(self) -> int:
        return int(self._vault.one("unbondingPeriod"))

    def stake(self, account: str, amount: int) -> Call:
        return self._vault.call("stake", account, amount)

    def stake_with_permit(self, account: str, amount: int, deadline: int, signature: bytes) -> Call:
        """Stake with the sender's signed permit (65 bytes r ‖ s ‖ v) instead of an approval."""
        v = signature[64] + 27 if signature[64] < 27 else signature[64]
        return self._vault.call("stakeWithPermit", account, amount, deadline, v, signature[:32], signature[32:64])

    def unbond(self, amount: int) -> Call:
        return self._vault.call("unbond", amount)

    def rebond(self, amount: int) -> Call:
        return self._vault.call("rebond", amount)

    def withdraw(self, account: str) -> Call:
        return self._vault.call("withdraw", account)

    def claim(self, account: str) -> Call:
        return self._vault.call("claim", account)

    def set_payout(self, account: str, payout: str) -> Call:
        return self._vault.call("setPayout", account, payout)
