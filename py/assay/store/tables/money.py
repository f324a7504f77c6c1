"""Payments, losses, claims, movements of stake and the gateway's nonces: a row for each event."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, SmallInteger, String, Table

from assay.store.columns import Address, Big
from assay.store.tables.schema import key, metadata, some

payments = Table(
    "payments",
    metadata,
    key("block"),
    key("log_index"),
    some("task"),
    some("round"),
    some("account", Address),
    some("role", SmallInteger),
    some("seats"),
    some("agreed"),
    some("amount", Big),
    key("n"),
    Index("payments_by_account", "account"),
    Index("payments_by_task", "task", "round"),
)
slashes = Table(
    "slashes",
    metadata,
    key("block"),
    key("log_index"),
    some("task"),
    some("round"),
    some("account", Address),
    some("index"),
    some("burned", Big),
    some("paid", Big),
    Index("slashes_by_task", "task", "round"),
)
cuts = Table(
    "cuts",
    metadata,
    key("block"),
    key("log_index"),
    some("task"),
    some("round"),
    some("validator", Address),
    some("index"),
    some("reason", SmallInteger),
    some("burned", Big),
    some("paid", Big),
    Index("cuts_by_task", "task", "round"),
)
claims = Table(
    "claims",
    metadata,
    key("block"),
    key("log_index"),
    Column("account", Address, nullable=False, index=True),
    some("payout", Address),
    some("amount", Big),
)
stakes = Table(
    "stakes",
    metadata,
    key("block"),
    key("log_index"),
    Column("account", Address, nullable=False, index=True),
    some("kind", String(12)),
    some("amount", Big),
    Column("ready_at", BigInteger, nullable=True),
    Column("payout", Address, nullable=True),
    some("of_unbonding", Big),
)
nonces = Table(
    "nonces",
    metadata,
    key("block"),
    key("log_index"),
    Column("account", Address, nullable=False, index=True),
    some("nonce", Big),
    Column("relayer", Address, nullable=True),
)
