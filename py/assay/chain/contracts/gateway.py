"""The gateway: several calls in one transaction, and calls that their account only signed."""

from __future__ import annotations

from collections.abc import Sequence

from assay.chain.contracts.base import Bound, Call
from assay.protocol.typed_data import request_digest
from assay.types import Signer


class GatewayPart(Bound):
    """Part of `Contracts`. Only calls of the vault, the market, the ledger and the court can be passed on."""

    def batch(self, calls: Sequence[Call]) -> Call:
        """Make several calls in one transaction: all of them, or none."""
        return self._gateway.call("batch", _pairs(calls))

    def signed(self, signer: Signer, nonce: int, deadline: int, calls: Sequence[Call]) -> Call:
        """Sign calls for `signer`, so that anyone may send the returned one until `deadline`."""
        signature = self.request_signature(signer, nonce, deadline, calls)
        return self.relay(signer.address, nonce, deadline, calls, signature)

    def request_signature(self, signer: Signer, nonce: int, deadline: int, calls: Sequence[Call]) -> bytes:
        """Return the signature that lets anyone send `calls` for `signer`, once, until `deadline`."""
        place = (self.deployment.chain_id, self.deployment.gateway)
        return signer.sign_digest(request_digest(*place, signer.address, nonce, deadline, _pairs(calls)))

    def relay(self, account: str, nonce: int, deadline: int, calls: Sequence[Call], signature: bytes) -> Call:
        """Send calls that `account` signed."""
        return self._gateway.call("relay", account, nonce, deadline, _pairs(calls), signature)

    def cancel_nonce(self, nonce: int) -> Call:
        return self._gateway.call("cancel", nonce)

    def is_nonce_used(self, account: str, nonce: int) -> bool:
        return bool(self._gateway.one("isUsed", account, nonce))

    def what_is(self, call: Call) -> str:
        """Return a call as people read it: `leave(1, 2)`; a call that isn't known by its first bytes."""
        for contract in (self._vault, self._market, self._ledger, self._court):
            if contract.address.lower() == call.to.lower() and (shown := contract.shown(call.data)):
                return shown
        return f"{call.to} 0x{call.data[:4].hex()}"

    def is_target(self, target: str) -> bool:
        return bool(self._gateway.one("isTarget", target))


def _pairs(calls: Sequence[Call]) -> list[tuple[str, bytes]]:
    return [(call.to, call.data) for call in calls]
