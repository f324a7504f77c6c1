"""One JSON-RPC endpoint of an EVM chain, with time-outs, bounded retries and a check of the chain's id.

Knows no contract. Doesn't protect against an endpoint that lies consistently.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests
from web3.providers.rpc import HTTPProvider
from web3.types import RPCEndpoint

from assay.chain.reasons import name_of, sentence
from assay.errors import Refused, Unavailable
from assay.protocol.header import encode_header
from assay.types import BlockRef

RETRIES = 3
TIMEOUT_SECONDS = 10.0
GWEI = 10**9
_RETRY_AT_ONCE = (-32005, -32603, 429)  # limit exceeded, internal error: worth another try


class Reverted(Refused):
    """A contract refused a call; `name` is its custom error's, `data` the revert data."""

    def __init__(self, data: bytes) -> None:
        super().__init__(sentence(data))
        self.name = name_of(data)
        self.data = data


class RpcError(Unavailable):
    """The endpoint answered with an error of its own."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Fees:
    """What to offer for a transaction to be taken soon: wei per gas, at most and as a tip."""

    max_fee: int
    tip: int


class Client:
    """A chain by its URL. Safe to share between threads."""

    def __init__(
        self, url: str, chain_id: int | None = None, timeout: float = TIMEOUT_SECONDS, retries: int = RETRIES
    ) -> None:
        """Connect, and learn the chain's id.

        Raises:
            Refused: the URL isn't HTTP, or the endpoint serves another chain than `chain_id`.
            Unavailable: nothing answers.
        """
        if not url.startswith(("http://", "https://")):
            raise Refused(f"The RPC URL {url!r} isn't an http:// or https:// address.")
        self.url = url
        self._retries = retries
        session = requests.Session()
        session.trust_env = False  # proxies and netrc come from the environment, which only settings may read
        self._provider = HTTPProvider(
            url, request_kwargs={"timeout": timeout}, session=session, exception_retry_configuration=None
        )
        self._settled: dict[int, BlockRef] = {}
        self.chain_id = int(self.rpc("eth_chainId"), 16)
        if chain_id is not None and self.chain_id != chain_id:
            raise Refused(f"{url} serves chain {self.chain_id}, and chain {chain_id} is wanted.")

    def rpc(self, method: str, *parameters: Any) -> Any:
        """Call a JSON-RPC method and return its result.

        Raises:
            Reverted: a contract refused.
            Unavailable: no answer after the retries, or an error of the endpoint.
        """
        for attempt in range(self._retries + 1):
            try:
                response = self._provider.make_request(RPCEndpoint(method), list(parameters))
            except (requests.RequestException, ValueError, OSError) as error:
                if attempt == self._retries:
                    raise Unavailable(f"{self.url} doesn't answer {method}: {_short(error)}.") from error
            else:
                fault = response.get("error")
                if fault is None:
                    return response.get("result")
                if attempt == self._retries or not self._transient(fault):
                    raise self._explained(method, fault)
            time.sleep(0.1 * 2**attempt * (0.5 + random.random()))  # noqa: S311 - spreads retries, guards nothing
        raise Unavailable(f"{self.url} doesn't answer {method}.")

    @staticmethod
    def _transient(fault: Any) -> bool:
        return isinstance(fault, Mapping) and fault.get("code") in _RETRY_AT_ONCE and "revert" not in str(fault)

    def _explained(self, method: str, fault: Any) -> Refused | Unavailable:
        if not isinstance(fault, Mapping):
            return RpcError(f"{self.url} refused {method}: {fault}.", 0)
        data = fault.get("data")
        if isinstance(data, Mapping):  # some nodes nest it
            data = data.get("data")
        message = str(fault.get("message", fault))
        if isinstance(data, str) and data.startswith("0x") and (len(data) > 2 or "revert" in message):
            return Reverted(bytes.fromhex(data[2:]))
        if "revert" in message:
            return Reverted(b"")
        return RpcError(f"{self.url} refused {method}: {message}.", int(fault.get("code", 0)))

    # --- blocks

    def head(self) -> BlockRef:
        """Return the newest block."""
        return reference(self.raw_block("latest"))

    def block(self, number: int) -> Mapping[str, Any]:
        """Return a block's fields as JSON-RPC gives them (0x-hex text).

        Raises:
            Unavailable: the endpoint doesn't have it.
        """
        return self.raw_block(hex(number))

    def raw_block(self, tag: str) -> Mapping[str, Any]:
        found = self.rpc("eth_getBlockByNumber", tag, False)
        if not isinstance(found, Mapping):
            raise Unavailable(f"{self.url} doesn't have block {tag}.")
        return found

    def reference(self, number: int) -> BlockRef | None:
        """Return a block by number, or None when the chain is shorter."""
        found = self.rpc("eth_getBlockByNumber", hex(number), False)
        return reference(found) if isinstance(found, Mapping) else None

    def prevrandao(self, number: int) -> bytes:
        """Return the 32 bytes of randomness in a block's header."""
        return _bytes(self.block(number)["mixHash"])

    def first_block_at(self, when: int) -> BlockRef | None:
        """Return the first block whose time is at or after `when`, or None while there is none.

        Few reads when that is near the head.
        """
        if when in self._settled:
            return self._settled[when]
        head = high = self.head()
        if head.time < when:
            return None
        step, low = 1, -1
        while high.number > 0:  # gallop back from the head
            probe = reference(self.block(max(0, high.number - step)))
            if probe.time < when:
                low = probe.number
                break
            high, step = probe, step * 2
        while high.number - low > 1:
            middle = reference(self.block((high.number + low) // 2))
            if middle.time < when:
                low = middle.number
            else:
                high = middle
        if head.number - high.number > 64:  # too deep to be reorganised
            self._settled[when] = high
        return high

    def header_pair(self, when: int) -> tuple[bytes, bytes, int] | None:
        """Return the RLP of the first header at or after `when`, that of its parent, and its number.

        None while there is none.
        """
        first = self.first_block_at(when)
        if first is None or first.number == 0:
            return None
        return encode_header(self.block(first.number)), encode_header(self.block(first.number - 1)), first.number

    # --- contracts and accounts

    def call(self, to: str, data: bytes, sender: str | None = None, block: str = "latest") -> bytes:
        """Run a call without a transaction and return its bytes. Raises `Reverted` with the contract's reason."""
        return _bytes(self.rpc("eth_call", _transaction(to, data, sender, 0), block))

    def estimate(self, to: str, data: bytes, sender: str, value: int = 0, block: str = "pending") -> int:
        """Return the gas a transaction would use on top of what is waiting.

        Raises `Reverted` with the contract's reason.
        """
        return int(self.rpc("eth_estimateGas", _transaction(to, data, sender, value), block), 16)

    def code(self, address: str) -> bytes:
        return _bytes(self.rpc("eth_getCode", address, "latest"))

    def balance(self, address: str) -> int:
        """Return an account's native balance in wei: what pays for gas."""
        return int(self.rpc("eth_getBalance", address, "latest"), 16)

    def nonce(self, address: str, block: str = "pending") -> int:
        return int(self.rpc("eth_getTransactionCount", address, block), 16)

    def fees(self) -> Fees:
        """Return a fee that holds while the base fee doubles."""
        base = int(self.raw_block("latest").get("baseFeePerGas", "0x0"), 16)
        try:
            tip = int(self.rpc("eth_maxPriorityFeePerGas"), 16)
        except RpcError:
            tip = GWEI
        return Fees(2 * base + tip, tip)

    def send_raw(self, raw: bytes) -> bytes:
        """Send signed bytes and return the transaction's hash."""
        return _bytes(self.rpc("eth_sendRawTransaction", "0x" + raw.hex()))

    def receipt(self, hash_: bytes) -> Mapping[str, Any] | None:
        found = self.rpc("eth_getTransactionReceipt", "0x" + hash_.hex())
        return found if isinstance(found, Mapping) else None

    def transaction(self, hash_: bytes) -> Mapping[str, Any] | None:
        found = self.rpc("eth_getTransactionByHash", "0x" + hash_.hex())
        return found if isinstance(found, Mapping) else None

    def logs(self, first: int, last: int, addresses: Sequence[str]) -> list[Mapping[str, Any]]:
        """Return the raw logs of these contracts in blocks first to last, both included."""
        query = {"fromBlock": hex(first), "toBlock": hex(last), "address": list(addresses)}
        found = self.rpc("eth_getLogs", query)
        if not isinstance(found, list):
            raise Unavailable(f"{self.url} answered eth_getLogs with something else than a list.")
        return found


def reference(block: Mapping[str, Any]) -> BlockRef:
    """Return a raw block's number, hash and time."""
    return BlockRef(int(block["number"], 16), _bytes(block["hash"]), int(block["timestamp"], 16))


def _transaction(to: str, data: bytes, sender: str | None, value: int) -> dict[str, str]:
    fields = {"to": to, "data": "0x" + data.hex()}
    if sender is not None:
        fields["from"] = sender
    if value:
        fields["value"] = hex(value)
    return fields


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _short(error: BaseException) -> str:
    text = str(error)
    for word, short in (("refused", "connection refused"), ("timed out", "timed out"), ("resolve", "unknown host")):
        if word in text.lower():
            return short
    return text.splitlines()[0][:120] if text else type(error).__name__
