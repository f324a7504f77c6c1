"""Rows of the outbox: one per key, one nonce each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay.store import Store, open_store
from assay.store.rows import OutboxRow

ALICE = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
BOB = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


def put(store: Store, key: str, account: str = ALICE, data: bytes = b"d") -> bool:
    return store.outbox_put(OutboxRow(account, key, BOB, data, 0))


def signed(nonce: int) -> dict[str, Any]:
    return {"raw": bytes([nonce]), "hash": bytes(32), "hashes": ["00"], "gas": 1, "max_fee": 1 << 90, "tip": 1}


def test_put__same_key__keeps_the_first() -> None:
    store = open_store("sqlite://")
    assert put(store, "k", data=b"first")
    assert not put(store, "k", data=b"second")
    row = store.outbox_row(ALICE, "k")
    assert row is not None
    assert row.data == b"first"
    assert put(store, "k", account=BOB)


def test_sign__several__gives_consecutive_nonces_from_the_chains() -> None:
    store = open_store("sqlite://")
    for key in "abc":
        put(store, key)
    rows = [store.outbox_sign(ALICE, key, 7, signed) for key in "abc"]
    assert [row.nonce for row in rows if row] == [7, 8, 9]
    assert [row.raw for row in rows if row] == [b"\x07", b"\x08", b"\x09"]


def test_sign__twice__does_nothing_the_second_time() -> None:
    store = open_store("sqlite://")
    put(store, "a")
    assert store.outbox_sign(ALICE, "a", 0, signed) is not None
    assert store.outbox_sign(ALICE, "a", 0, signed) is None


def test_sign__signing_fails__leaves_the_intent_queued(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/node.db")
    put(store, "a")

    def fails(nonce: int) -> dict[str, Any]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.outbox_sign(ALICE, "a", 0, fails)
    row = store.outbox_row(ALICE, "a")
    assert row is not None
    assert (row.state, row.nonce, row.raw) == ("queued", None, None)


def test_pending__mixed__sent_by_nonce_then_queued_by_age() -> None:
    store = open_store("sqlite://")
    for key in "abcd":
        put(store, key)
    store.outbox_sign(ALICE, "c", 0, signed)
    store.outbox_sign(ALICE, "a", 0, signed)
    row = store.outbox_row(ALICE, "b")
    assert row is not None
    store.outbox_change(row, state="refused")
    assert [row.key for row in store.outbox_pending(ALICE)] == ["c", "a", "d"]
    assert store.outbox_pending(BOB) == []
