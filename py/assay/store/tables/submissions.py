"""What was handed in during a round."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Index, LargeBinary, SmallInteger, Table, Text

from assay.store.columns import Address, Big
from assay.store.tables.schema import block, key, metadata, some

submissions = Table(
    "submissions",
    metadata,
    key("task"),
    key("round"),
    key("index"),
    some("trainer", Address),
    some("units"),
    some("base"),
    some("root", LargeBinary),
    some("mark", LargeBinary),
    some("uri", Text),
    some("n"),
    Column("outcome", SmallInteger, nullable=True),
    block(),
    Index("submissions_by_root", "root"),
)
canaries = Table(
    "canaries",
    metadata,
    key("task"),
    key("round"),
    key("index"),
    some("salt", LargeBinary),
    some("leaf"),
    some("check"),
    block(),
)
asides = Table(
    "asides",
    metadata,
    key("task"),
    key("round"),
    key("index"),
    some("json", JSON),
    block(),
    Column("outcome", SmallInteger, nullable=True),
    Column("from_escrow", Big, nullable=True),
    Column("from_stakes", Big, nullable=True),
    Column("burned", Big, nullable=True),
    Column("lost", Big, nullable=True),
)
