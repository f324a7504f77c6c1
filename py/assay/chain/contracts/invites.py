"""Invites to private tasks."""

from __future__ import annotations

from assay.chain.contracts.base import Bound, Call
from assay.protocol.typed_data import invite_digest
from assay.types import Signer


class InvitesPart(Bound):
    """Part of `Contracts`."""

    def admits(self, task: int, account: str) -> bool:
        """Tell whether an account has redeemed an invite to the task."""
        return bool(self._invites.one("admits", task, account))

    def is_invite_used(self, task: int, nonce: int) -> bool:
        return bool(self._invites.one("isUsed", task, nonce))

    def invite(self, initiator: Signer, task: int, account: str, nonce: int, expiry: int) -> bytes:
        """Return the initiator's signature that admits `account`; it works once, until `expiry`."""
        place = (self.deployment.chain_id, self.deployment.invites)
        return initiator.sign_digest(invite_digest(*place, task, account, nonce, expiry))

    def redeem(self, task: int, account: str, nonce: int, expiry: int, signature: bytes) -> Call:
        return self._invites.call("redeem", task, account, nonce, expiry, signature)

    def revoke(self, task: int, nonce: int) -> Call:
        return self._invites.call("revoke", task, nonce)
