"""What the follower has read of the chain."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Index, LargeBinary, String, Table

from assay.store.columns import Address
from assay.store.tables.schema import key, metadata, some

blocks = Table("blocks", metadata, key("number"), some("hash", LargeBinary), some("time"))
cursors = Table("cursors", metadata, key("name", String(40)), some("number"), some("hash", LargeBinary))
events = Table(
    "events",
    metadata,
    key("block"),
    key("log_index"),
    some("tx", LargeBinary),
    some("contract", Address),
    some("name", String(40)),
    Column("task", BigInteger, nullable=True),
    some("args", JSON),
    Index("events_by_task", "task", "block"),
)
