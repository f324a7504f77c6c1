"""Tasks and who may take part in them."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, LargeBinary, SmallInteger, String, Table, Text

from assay.store.columns import Address, Big
from assay.store.tables.schema import block, key, metadata, some

tasks = Table(
    "tasks",
    metadata,
    key("id"),
    some("initiator", Address),
    some("spec_hash", LargeBinary),
    some("terms", JSON),
    some("budget", Big),
    some("escrow", Big),
    some("paid", Big),
    some("refunded", Big),
    some("uri", Text),
    some("start"),
    some("last_round"),
    some("head"),
    some("head_root", LargeBinary),
    some("state", String(12)),
    some("line", Big),
    some("holes", JSON),
    block(),
)
enlistments = Table(
    "enlistments",
    metadata,
    key("task"),
    key("account", Address),
    key("role", SmallInteger),
    some("amount", Big),
    some("from_round"),
    Column("until_round", BigInteger, nullable=True),
    some("released", Boolean),
    some("uri", Text),
    some("lo", Big),
    some("hi", Big),
    block(),
    some("cut", Big),
)
invites = Table("invites", metadata, key("task"), key("nonce", Big), Column("account", Address, nullable=True), block())
