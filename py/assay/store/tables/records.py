"""What is this node's own and outlives a rewind."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text, UniqueConstraint

from assay.store.columns import Address, Big
from assay.store.tables.schema import key, metadata, some

specs = Table("specs", metadata, key("spec_hash", LargeBinary), some("json", Text))
outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    some("account", Address),
    some("key", String(200)),
    some("to", Address),
    some("data", LargeBinary),
    some("value", Big),
    some("state", String(8)),
    Column("nonce", BigInteger),
    Column("gas", BigInteger),
    Column("max_fee", Big),
    Column("tip", Big),
    Column("raw", LargeBinary),
    Column("hash", LargeBinary),
    some("hashes", JSON),
    Column("sent_block", BigInteger),
    Column("block", BigInteger),
    Column("block_hash", LargeBinary),
    Column("gas_used", BigInteger),
    Column("error", Text),
    UniqueConstraint("account", "key"),
    UniqueConstraint("account", "nonce"),
    Index("outbox_by_state", "account", "state"),
)
findings = Table("findings", metadata, key("task"), key("round"), key("index"), some("json", JSON))
workers = Table(
    "workers",
    metadata,
    key("task"),
    key("round"),
    key("index"),
    some("trainer", Address),
    some("json", JSON),
    Index("workers_by_trainer", "task", "trainer"),
)
notes = Table("notes", metadata, key("task"), key("round"), key("kind", String(20)), some("json", JSON))
