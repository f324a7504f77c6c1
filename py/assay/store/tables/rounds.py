"""What validators said of a round, and how it ended."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, LargeBinary, SmallInteger, Table

from assay.store.columns import Address, Big
from assay.store.tables.schema import block, key, metadata, some

seals = Table(
    "seals",
    metadata,
    key("task"),
    key("round"),
    some("seed", LargeBinary),
    some("line", Big),
    some("source", Big),
    block(),
)
commits = Table("commits", metadata, key("task"), key("round"), key("validator", Address), some("order"), block())
votes = Table(
    "votes",
    metadata,
    key("task"),
    key("round"),
    key("validator", Address),
    some("order"),
    some("votes", LargeBinary),
    some("held", Big),
    some("evidence", LargeBinary),
    some("salt", LargeBinary),
    block(),
)
extras = Table(
    "extras",
    metadata,
    key("task"),
    key("round"),
    key("validator", Address),
    some("order"),
    some("evidence", LargeBinary),
    some("votes", LargeBinary),
    block(),
)
attests = Table(
    "attests",
    metadata,
    key("task"),
    key("round"),
    key("validator", Address),
    some("order"),
    some("root", LargeBinary),
    block(),
)
checkpoints = Table(
    "checkpoints",
    metadata,
    key("task"),
    key("round"),
    some("root", LargeBinary),
    some("final", Boolean),
    block(),
    some("disputed", Boolean),
    Column("ruling", SmallInteger, nullable=True),
)
rounds = Table(
    "rounds",
    metadata,
    key("task"),
    key("round"),
    some("outcomes", LargeBinary),
    some("from_escrow", Big),
    some("from_stakes", Big),
    some("burned", Big),
    block(),
)
