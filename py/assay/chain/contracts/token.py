"""The token of a deployment: any plain ERC-20; permits where it has them."""

from __future__ import annotations

from assay.chain.contracts.base import Bound, Call


class TokenPart(Bound):
    """Part of `Contracts`."""

    def balance(self, account: str) -> int:
        """Return an account's tokens."""
        return int(self._token.one("balanceOf", account))

    def allowance(self, owner: str, spender: str) -> int:
        return int(self._token.one("allowance", owner, spender))

    def supply(self) -> int:
        return int(self._token.one("totalSupply"))

    def permit_nonce(self, owner: str) -> int:
        return int(self._token.one("nonces", owner))

    def token_separator(self) -> bytes:
        """Return the EIP-712 domain that permits are signed under."""
        return bytes(self._token.one("DOMAIN_SEPARATOR"))

    def approve(self, spender: str, amount: int) -> Call:
        return self._token.call("approve", spender, amount)

    def transfer(self, to: str, amount: int) -> Call:
        return self._token.call("transfer", to, amount)
