"""Following the contracts' events into the records.

Each batch is read between two looks at the same block hash, and stored in one transaction together with the cursor:
after a crash the records are those of some block, never half of one. When the block under the cursor changed, the
records go back to the newest block that both chains share.
Doesn't protect against an endpoint that leaves logs out consistently.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assay.chain.abi import Interface
from assay.chain.client import Client
from assay.chain.compiled import compiled
from assay.chain.contracts import Contracts
from assay.chain.fold import fold, task_of_case
from assay.errors import Broken, Refused, Unavailable
from assay.store import Store
from assay.store.rows import BlockRow, CursorRow, EventRow

CURSOR = "contracts"
BATCH_BLOCKS = 2_000
MAX_REORG = 256


class Follower:
    """Folds the events of one deployment into one store. One per store."""

    def __init__(self, client: Client, contracts: Contracts, store: Store, confirmations: int = 0) -> None:
        """Tie the store to the chain; `confirmations` blocks at the head are left unread.

        Raises:
            Refused: the store holds the records of another chain or deployment.
        """
        self._client = client
        self._store = store
        self._confirmations = confirmations
        self._deployment = deployment = contracts.deployment
        self._events = {
            address.lower(): Interface(compiled(name).abi).events for name, address in deployment.followed().items()
        }
        genesis = client.reference(0)
        first = genesis.hash.hex()[:16] if genesis else "?"
        store.bind("chain", f"{client.chain_id} from block {first}, ledger {deployment.ledger.lower()}")

    def poll(self) -> int:
        """Fold everything new, and return the number of events.

        Raises:
            Unavailable: the chain doesn't answer, or changed while it was read; the next poll goes on.
            Broken: a reorganisation deeper than is followed.
        """
        total = 0
        while True:
            cursor = self._cursor()
            target = self._client.head().number - self._confirmations
            if cursor is not None and not self._on_chain(cursor.number, cursor.hash):
                self._rewind(cursor)
                continue
            first = self._deployment.block if cursor is None else cursor.number + 1
            if target < first:
                return total
            last = min(target, first + BATCH_BLOCKS - 1)
            total += self._batch(first, last, cursor)
            if last == target:
                return total

    def _cursor(self) -> CursorRow | None:
        return self._store.cursor(CURSOR)

    def _on_chain(self, number: int, hash_: bytes) -> bool:
        found = self._client.reference(number)
        return found is not None and found.hash == hash_

    def _batch(self, first: int, last: int, cursor: CursorRow | None) -> int:
        end = self._client.reference(last)
        raw = self._client.logs(first, last, list(self._deployment.followed().values()))
        logs = _in_order(raw, first, last)
        blocks = self._headers(logs)
        settled = cursor is None or self._on_chain(cursor.number, cursor.hash)
        if end is None or not settled or self._client.reference(last) != end:
            raise Unavailable("The chain was reorganised while its events were read; they are read again.")
        with self._store.batch() as batch:
            for block in blocks:
                batch.put(block)
            new = 0
            for event in (task_of_case(batch, event) for event in self._decoded(logs)):
                if batch.put(event, replace=False):
                    fold(batch, event)
                    new += 1
            batch.move(CURSOR, BlockRow(end.number, end.hash, end.time))
            batch.forget_blocks(end.number - 2 * MAX_REORG)
        return new

    def _headers(self, logs: Sequence[Mapping[str, Any]]) -> list[BlockRow]:
        """Return the blocks that hold logs, each checked against the hash that its logs name."""
        wanted = {int(log["blockNumber"], 16): str(log["blockHash"]) for log in logs}
        blocks = []
        for number, hash_ in sorted(wanted.items()):
            found = self._client.reference(number)
            if found is None or found.hash.hex() != hash_.removeprefix("0x"):
                raise Unavailable(f"The logs of block {number} aren't of the block that the endpoint serves.")
            blocks.append(BlockRow(found.number, found.hash, found.time))
        return blocks

    def _decoded(self, logs: Sequence[Mapping[str, Any]]) -> list[EventRow]:
        events = []
        for log in logs:
            known = self._events[str(log["address"]).lower()]
            topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
            event = known.get(topics[0]) if topics else None
            if event is None:
                continue
            arguments = _plain(event.arguments(topics, bytes.fromhex(log["data"][2:])))
            task = arguments.get("task")
            if task is not None and task >= 1 << 63:
                raise Refused(f"Task {task} isn't a number that the market gives out.")
            place = (int(log["blockNumber"], 16), int(log["logIndex"], 16), bytes.fromhex(log["transactionHash"][2:]))
            events.append(EventRow(*place, str(log["address"]), event.name, task, arguments))
        return events

    def _rewind(self, cursor: CursorRow) -> None:
        """Go back to the newest kept block that is still on the chain, and fold the tasks touched again."""
        floor = cursor.number - MAX_REORG
        for block in self._store.blocks_down(cursor.number, 4 * MAX_REORG):
            if block.number < floor:
                break
            if self._on_chain(block.number, block.hash):
                self._return_to(block)
                return
        if floor >= self._deployment.block:
            raise Broken(f"The chain was reorganised by more than {MAX_REORG} blocks below {cursor.number}.")
        self._return_to(None)

    def _return_to(self, block: BlockRow | None) -> None:
        with self._store.batch() as batch:
            if block is None:
                batch.rewind(-1)
                batch.forget_cursor(CURSOR)
                return
            for event in batch.rewind(block.number):
                fold(batch, event)
            batch.move(CURSOR, block)


def _in_order(logs: Sequence[Mapping[str, Any]], first: int, last: int) -> list[Mapping[str, Any]]:
    """Return the logs in the chain's order, each once.

    Raises:
        Unavailable: a log outside the range, or two different ones at one place: the endpoint can't be right.
    """
    placed: dict[tuple[int, int], Mapping[str, Any]] = {}
    for log in logs:
        if log.get("removed"):
            continue
        place = int(log["blockNumber"], 16), int(log["logIndex"], 16)
        if not first <= place[0] <= last:
            raise Unavailable(f"The endpoint gave a log of block {place[0]}, outside {first} to {last}.")
        if place in placed and placed[place]["blockHash"] != log["blockHash"]:
            raise Unavailable(f"The endpoint gave two logs at place {place[1]} of block {place[0]}.")
        placed[place] = log
    return [placed[place] for place in sorted(placed)]


def _plain(value: Any) -> Any:
    """Turn decoded values into what JSON can hold."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
