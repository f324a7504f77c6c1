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
        place = (self.deployment.chain_id, self.deployment.gateway)
        digest = request_digest(*place, signer.address, nonce, deadline, _pairs(calls))
        signature = signer.sign_digest(digest)
        return self._gateway.call("relay", signer.address, nonce, deadline, _pairs(calls), signature)

    def cancel_nonce(self, nonce: int) -> Call:
        return self._gateway.call("cancel", nonce)

    def is_nonce_used(self, account: str, nonce: int) -> bool:
        return bool(self._gateway.one("isUsed", account, nonce))

    def is_target(self, target: str) -> bool:
        return bool(self._gateway.one("isTarget", target))


def _pairs(calls: Sequence[Call]) -> list[tuple[str, bytes]]:
    return [(call.to, call.data) for call in calls]
