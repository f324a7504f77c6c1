"""Transactions that must happen exactly once, over crashes, stuck fees and reorganisations.

An intent is stored under a key; then its nonce and signed bytes are stored; only then is it sent. After a restart the
stored bytes are sent again, so that no intent is ever signed for two nonces. A call that the contract would refuse is
never signed, and takes no nonce.

    queued ──static call refuses──▶ refused
       └──nonce, signed──▶ sent ──receipt──▶ done, or refused when it failed on chain
                            ▲ └─stuck─▶ same nonce, higher fee
                            └─ receipt's block was reorganised away

Doesn't protect against another program that uses the same key: see `keys.load`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assay.chain.client import Client, Fees, Reverted, RpcError
from assay.chain.contracts import Call
from assay.chain.signing import Unsigned, bumped, sign
from assay.errors import Broken, Refused, Unavailable
from assay.store import Store
from assay.store.rows import OutboxRow
from assay.types import BlockRef, Signer

STUCK_BLOCKS = 8
WATCH_BLOCKS = 128
SPENT_BLOCKS = 6
MAX_FEE = 1_000 * 10**9
_KNOWN = ("already known", "already imported", "known transaction", "alreadyknown")
_SPENT = ("nonce too low", "nonce is too low")
_CHEAP = ("underpriced", "less than block base fee", "fee too low", "fee cap less", "gas price too low")


@dataclass(frozen=True, slots=True)
class Receipt:
    """A transaction that succeeded; `logs` are raw."""

    hash: bytes
    block: int
    gas_used: int
    logs: list[Mapping[str, Any]]


class Outbox:
    """The transactions of one key. Safe to share between threads; one process per key."""

    def __init__(
        self, client: Client, store: Store, signer: Signer, stuck_blocks: int = STUCK_BLOCKS, max_fee: int = MAX_FEE
    ) -> None:
        """Start with what the store holds; `max_fee` (wei per gas) is never exceeded, whatever the chain asks."""
        self._client = client
        self._store = store
        self._signer = signer
        self._stuck_blocks = stuck_blocks
        self._max_fee = max_fee
        self._seen: BlockRef | None = None
        self._lock = threading.Lock()

    @property
    def address(self) -> str:
        return self._signer.address

    def put(self, key: str, call: Call, again: bool = False) -> str:
        """Store an intent, once per key, and return its state. With `again`, one that was refused is tried anew."""
        row = OutboxRow(self.address, key, call.to, call.data, call.value)
        if self._store.outbox_put(row):
            return "queued"
        held = self._row(key)
        if again and held.state == "refused":
            fresh = {"to": call.to, "data": call.data, "value": call.value, "state": "queued"}
            nothing = dict.fromkeys(("nonce", "raw", "hash", "block", "block_hash", "gas_used", "error", "sent_block"))
            return self._store.outbox_change(held, **fresh, **nothing, hashes=[]).state
        return held.state

    def state(self, key: str) -> str | None:
        """Return queued, sent, done or refused; None for a key that was never put."""
        row = self._store.outbox_row(self.address, key)
        return None if row is None else row.state

    def error(self, key: str) -> str | None:
        """Return why an intent was refused, or what keeps it waiting."""
        row = self._store.outbox_row(self.address, key)
        return None if row is None else row.error

    def pump(self) -> int:
        """Confirm, resend, replace and send what is due. Return how many intents changed their state.

        Raises:
            Unavailable: the chain doesn't answer; nothing is lost.
        """
        with self._lock:
            before = {row.id: row.state for row in self._store.outbox_pending(self.address)}
            moved = self._return_reorganised()
            pending = self._store.outbox_pending(self.address)
            if not pending:
                return moved
            head = self._client.head()
            mined = self._client.nonce(self.address, "latest")
            for row in (row for row in pending if row.state == "sent"):
                self._follow(row, head, mined)
            for row in self._store.outbox_pending(self.address):
                if row.state == "queued":
                    self._start(row, head)
            after = {row.id: row.state for row in self._store.outbox_pending(self.address)}
            return moved + sum(after.get(id_) != state for id_, state in before.items())

    def wait(self, key: str, seconds: float) -> Receipt:
        """Pump until the intent is done, and return its receipt.

        Raises:
            Refused: the contract refused it, with the reason as a sentence.
            Unavailable: it isn't mined in time; it stays in the outbox.
        """
        until, pause = time.monotonic() + seconds, 0.005
        while True:
            self.pump()
            row = self._row(key)
            if row.state == "refused":
                raise Refused(row.error or "The transaction was refused.")
            if row.state == "done":
                return self._receipt(row)
            if time.monotonic() >= until:
                why = f" ({row.error})" if row.error else ""
                raise Unavailable(f"The transaction {key} isn't mined after {seconds:g} s{why}.")
            time.sleep(pause)
            pause = min(2 * pause, 0.25)

    # --- one intent

    def _start(self, row: OutboxRow, head: BlockRef) -> None:
        """Ask the contract first, on top of what is waiting; then give the nonce, sign, store, send."""
        try:
            gas = self._client.estimate(row.to, row.data, self.address, row.value)
        except Reverted as error:
            self._store.outbox_change(row, state="refused", error=str(error))
            return
        except RpcError as error:
            self._store.outbox_change(row, error=str(error))
            return
        fees = self._client.fees()
        if fees.max_fee > self._max_fee:
            self._store.outbox_change(row, error=f"Gas costs {fees.max_fee} wei, over the limit of {self._max_fee}.")
            return
        limit = gas + gas // 4 + 20_000  # storage may be colder when it is mined than it was when it was tried

        def signed(nonce: int) -> dict[str, Any]:
            raw, hash_ = sign(self._unsigned(row, nonce, limit, fees), self._signer)
            return {
                "raw": raw,
                "hash": hash_,
                "hashes": [*row.hashes, hash_.hex()],
                "gas": limit,
                "max_fee": fees.max_fee,
                "tip": fees.tip,
                "sent_block": head.number,
                "error": None,
            }

        ready = self._store.outbox_sign(self.address, row.key, self._client.nonce(self.address), signed)
        if ready is not None:
            self._send(ready, head)

    def _follow(self, row: OutboxRow, head: BlockRef, mined: int) -> None:
        """Look for the receipt of a sent intent; send again what the chain forgot; replace what is stuck."""
        if row.nonce is None or row.raw is None or row.hash is None:
            raise Broken(f"The outbox row {row.key} is sent, and has no signed bytes.")
        if row.nonce < mined:
            if not self._settle(row) and self._is_spent(row, head) and not self._settle(row):
                # Another program used the nonce: none of our bytes can be mined any more, so a new nonce is safe.
                self._store.outbox_change(row, state="queued", nonce=None, raw=None, hash=None, sent_block=None)
            return
        if self._client.transaction(row.hash) is None:
            self._send(row, head)
        elif row.nonce == mined and head.number - (row.sent_block or 0) >= self._stuck_blocks:
            self._replace(row, head)  # only the lowest nonce holds the others up

    def _settle(self, row: OutboxRow) -> bool:
        for text in reversed(row.hashes):
            receipt = self._client.receipt(bytes.fromhex(text))
            if receipt is None:
                continue
            block = int(receipt["blockNumber"], 16)
            worked = int(receipt["status"], 16) == 1
            self._store.outbox_change(
                row,
                state="done" if worked else "refused",
                error=None if worked else self._why(row, block),
                hash=bytes.fromhex(text),
                block=block,
                block_hash=bytes.fromhex(receipt["blockHash"][2:]),
                gas_used=int(receipt["gasUsed"], 16),
            )
            return True
        return False

    def _is_spent(self, row: OutboxRow, head: BlockRef) -> bool:
        """Tell whether the nonce was used some blocks ago: nodes show a new nonce before its receipt."""
        if head.number < SPENT_BLOCKS:
            return False
        try:
            return self._client.nonce(self.address, hex(head.number - SPENT_BLOCKS)) > (row.nonce or 0)
        except RpcError:
            return False  # an endpoint without that block's state can't tell: ask again at a later block

    def _why(self, row: OutboxRow, block: int) -> str:
        try:
            self._client.call(row.to, row.data, self.address, hex(block))
        except Reverted as error:
            return str(error)
        except Unavailable:
            pass  # an endpoint without that block's state can't tell
        return "The transaction failed on chain; the same call would pass now."

    def _send(self, row: OutboxRow, head: BlockRef) -> None:
        if row.raw is None:
            raise Broken(f"The outbox row {row.key} has no signed bytes.")
        try:
            self._client.send_raw(row.raw)
        except RpcError as error:
            text = str(error).lower()
            if any(word in text for word in (*_KNOWN, *_SPENT)):
                return  # in the pool or mined: the next look finds the receipt, or that another took the nonce
            if any(word in text for word in _CHEAP):
                self._replace(row, head)
                return
            self._store.outbox_change(row, error=str(error))

    def _replace(self, row: OutboxRow, head: BlockRef) -> None:
        """Sign the same intent for the same nonce with a higher fee.

        Every hash is remembered: any of them may be mined.
        """
        fees = bumped(Fees(row.max_fee or 0, row.tip or 0), self._client.fees())
        if fees.max_fee > self._max_fee:
            self._store.outbox_change(row, error=f"Stuck: a higher fee than {self._max_fee} wei isn't allowed.")
            return
        raw, hash_ = sign(self._unsigned(row, row.nonce or 0, row.gas or 0, fees), self._signer)
        stored = self._store.outbox_change(
            row,
            raw=raw,
            hash=hash_,
            hashes=[*row.hashes, hash_.hex()],
            max_fee=fees.max_fee,
            tip=fees.tip,
            sent_block=head.number,
        )
        try:
            self._client.send_raw(raw)
        except RpcError as error:
            self._store.outbox_change(stored, error=str(error))

    def _return_reorganised(self) -> int:
        """Put back to *sent* what was mined in a block that is no longer on the chain."""
        seen = self._seen
        head = self._client.head()
        same = seen is not None and (head == seen or self._client.reference(seen.number) == seen)
        self._seen = head
        # Even on the same chain: what was mined between that look at the head and the look for receipts lies above it.
        floor = seen.number if same and seen is not None else head.number - WATCH_BLOCKS
        moved = 0
        for row in self._store.outbox_mined(self.address, floor):
            now = None if row.block is None else self._client.reference(row.block)
            if now is None or now.hash != row.block_hash:
                nothing = dict.fromkeys(("block", "block_hash", "gas_used", "error"))
                self._store.outbox_change(row, state="sent", sent_block=head.number, **nothing)
                moved += 1
        return moved

    def _receipt(self, row: OutboxRow) -> Receipt:
        receipt = None if row.hash is None else self._client.receipt(row.hash)
        if receipt is None or row.hash is None:
            raise Unavailable(f"The receipt of {row.key} is gone: the chain was reorganised.")
        block, gas = int(receipt["blockNumber"], 16), int(receipt["gasUsed"], 16)
        return Receipt(row.hash, block, gas, list(receipt["logs"]))

    def _row(self, key: str) -> OutboxRow:
        row = self._store.outbox_row(self.address, key)
        if row is None:
            raise Broken(f"The outbox has no intent {key}.")
        return row

    def _unsigned(self, row: OutboxRow, nonce: int, gas: int, fees: Fees) -> Unsigned:
        return Unsigned(self._client.chain_id, nonce, gas, fees, row.to, row.data, row.value)
