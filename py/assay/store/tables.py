"""The tables. A table of `DERIVED` is a pure fold of `events`; the others are this node's own and outlive a rewind."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from assay.store import rows
from assay.store.columns import Address, Big

SCHEMA_VERSION = 1

metadata = MetaData()


def _key(name: str, kind: Any = BigInteger) -> Column[Any]:
    return Column(name, kind, primary_key=True, autoincrement=False)


def _some(name: str, kind: Any = BigInteger) -> Column[Any]:
    return Column(name, kind, nullable=False)


def _block() -> Column[Any]:
    return Column("block", BigInteger, nullable=False, index=True)


meta = Table("meta", metadata, _key("name", String(40)), _some("value", Text))
blocks = Table("blocks", metadata, _key("number"), _some("hash", LargeBinary), _some("time"))
cursors = Table("cursors", metadata, _key("name", String(40)), _some("number"), _some("hash", LargeBinary))
events = Table(
    "events",
    metadata,
    _key("block"),
    _key("log_index"),
    _some("tx", LargeBinary),
    _some("contract", Address),
    _some("name", String(40)),
    Column("task", BigInteger, nullable=True),
    _some("args", JSON),
    Index("events_by_task", "task", "block"),
)

tasks = Table(
    "tasks",
    metadata,
    _key("id"),
    _some("initiator", Address),
    _some("spec_hash", LargeBinary),
    _some("terms", JSON),
    _some("budget", Big),
    _some("escrow", Big),
    _some("paid", Big),
    _some("refunded", Big),
    _some("uri", Text),
    _some("start"),
    _some("last_round"),
    _some("head"),
    _some("head_root", LargeBinary),
    _some("state", String(12)),
    _some("line", Big),
    _some("holes", JSON),
    _block(),
)
enlistments = Table(
    "enlistments",
    metadata,
    _key("task"),
    _key("account", Address),
    _key("role", SmallInteger),
    _some("amount", Big),
    _some("from_round"),
    Column("until_round", BigInteger, nullable=True),
    _some("released", Boolean),
    _some("uri", Text),
    _some("lo", Big),
    _some("hi", Big),
    _block(),
)
submissions = Table(
    "submissions",
    metadata,
    _key("task"),
    _key("round"),
    _key("index"),
    _some("trainer", Address),
    _some("units"),
    _some("base"),
    _some("root", LargeBinary),
    _some("mark", LargeBinary),
    _some("uri", Text),
    _some("n"),
    Column("outcome", SmallInteger, nullable=True),
    _block(),
    Index("submissions_by_root", "root"),
)
seals = Table(
    "seals",
    metadata,
    _key("task"),
    _key("round"),
    _some("seed", LargeBinary),
    _some("line", Big),
    _some("header_block"),
    _block(),
)
commits = Table("commits", metadata, _key("task"), _key("round"), _key("validator", Address), _some("order"), _block())
votes = Table(
    "votes",
    metadata,
    _key("task"),
    _key("round"),
    _key("validator", Address),
    _some("order"),
    _some("votes", LargeBinary),
    _some("held", Big),
    _some("evidence", LargeBinary),
    _some("salt", LargeBinary),
    _block(),
)
attests = Table(
    "attests",
    metadata,
    _key("task"),
    _key("round"),
    _key("validator", Address),
    _some("order"),
    _some("root", LargeBinary),
    _block(),
)
checkpoints = Table(
    "checkpoints",
    metadata,
    _key("task"),
    _key("round"),
    _some("root", LargeBinary),
    _some("final", Boolean),
    _block(),
)
rounds = Table(
    "rounds",
    metadata,
    _key("task"),
    _key("round"),
    _some("outcomes", LargeBinary),
    _some("from_escrow", Big),
    _some("from_bonds", Big),
    _some("burned", Big),
    _block(),
)
payments = Table(
    "payments",
    metadata,
    _key("block"),
    _key("log_index"),
    _some("task"),
    _some("round"),
    _some("account", Address),
    _some("role", SmallInteger),
    _some("seats"),
    _some("agreed"),
    _some("amount", Big),
    Index("payments_by_account", "account"),
    Index("payments_by_task", "task", "round"),
)
slashes = Table(
    "slashes",
    metadata,
    _key("block"),
    _key("log_index"),
    _some("task"),
    _some("round"),
    _some("account", Address),
    _some("index"),
    _some("burned", Big),
    _some("fees", Big),
    Index("slashes_by_task", "task", "round"),
)
claims = Table(
    "claims",
    metadata,
    _key("block"),
    _key("log_index"),
    Column("account", Address, nullable=False, index=True),
    _some("payout", Address),
    _some("amount", Big),
)
stakes = Table(
    "stakes",
    metadata,
    _key("block"),
    _key("log_index"),
    Column("account", Address, nullable=False, index=True),
    _some("kind", String(12)),
    _some("amount", Big),
    Column("ready_at", BigInteger, nullable=True),
    Column("payout", Address, nullable=True),
)

specs = Table("specs", metadata, _key("spec_hash", LargeBinary), _some("json", Text))
outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _some("account", Address),
    _some("key", String(200)),
    _some("to", Address),
    _some("data", LargeBinary),
    _some("value", Big),
    _some("state", String(8)),
    Column("nonce", BigInteger),
    Column("gas", BigInteger),
    Column("max_fee", Big),
    Column("tip", Big),
    Column("raw", LargeBinary),
    Column("hash", LargeBinary),
    _some("hashes", JSON),
    Column("sent_block", BigInteger),
    Column("block", BigInteger),
    Column("block_hash", LargeBinary),
    Column("gas_used", BigInteger),
    Column("error", Text),
    UniqueConstraint("account", "key"),
    UniqueConstraint("account", "nonce"),
    Index("outbox_by_state", "account", "state"),
)
findings = Table("findings", metadata, _key("task"), _key("round"), _key("index"), _some("json", JSON))
notes = Table("notes", metadata, _key("task"), _key("round"), _key("kind", String(20)), _some("json", JSON))
artifacts = Table(
    "artifacts", metadata, _key("root", LargeBinary), _some("folder", Text), _some("kind", String(20)), _some("size")
)

TABLE_OF: dict[type, Table] = {
    rows.BlockRow: blocks,
    rows.CursorRow: cursors,
    rows.EventRow: events,
    rows.TaskRow: tasks,
    rows.EnlistmentRow: enlistments,
    rows.SubmissionRow: submissions,
    rows.SealRow: seals,
    rows.CommitRow: commits,
    rows.VoteRow: votes,
    rows.AttestRow: attests,
    rows.CheckpointRow: checkpoints,
    rows.RoundRow: rounds,
    rows.PaymentRow: payments,
    rows.SlashRow: slashes,
    rows.ClaimRow: claims,
    rows.StakeRow: stakes,
    rows.SpecRow: specs,
    rows.OutboxRow: outbox,
    rows.FindingRow: findings,
    rows.NoteRow: notes,
    rows.ArtifactRow: artifacts,
}

PER_TASK = (enlistments, submissions, seals, commits, votes, attests, checkpoints, rounds, payments, slashes)
"""Folds of one task's events: a rewind deletes the whole task and folds it again."""

PER_ACCOUNT = (claims, stakes)
"""One row per event, never changed: a rewind deletes what lies above."""

DERIVED = (tasks, *PER_TASK, *PER_ACCOUNT)
