"""Cases before the court."""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, SmallInteger, Table, Text

from assay.store.columns import Address, Big
from assay.store.tables.schema import block, key, metadata, some

cases = Table(
    "cases",
    metadata,
    key("id"),
    some("task"),
    some("round"),
    some("index"),
    some("claim", SmallInteger),
    some("check", SmallInteger),
    some("leaf"),
    some("challenger", Address),
    some("digest", LargeBinary),
    some("bond", Big),
    some("uri", Text),
    some("opened_at"),
    block(),
    Column("seed", LargeBinary, nullable=True),
    some("line", Big),
    Column("source", Big, nullable=True),
    Column("appellant", Address, nullable=True),
    some("appeal_bond", Big),
    Column("ruling", SmallInteger, nullable=True),
    some("burned", Big),
    Index("cases_by_task", "task", "round"),
)
jurors = Table(
    "jurors",
    metadata,
    key("case"),
    key("juror", Address),
    some("task"),
    block(),
    Column("seats", SmallInteger, nullable=True),
    Column("vote", SmallInteger, nullable=True),
    Column("evidence", LargeBinary, nullable=True),
)
appeal_votes = Table(
    "appeal_votes",
    metadata,
    key("case"),
    key("account", Address),
    some("task"),
    some("vote", SmallInteger),
    some("weight", Big),
    block(),
)
