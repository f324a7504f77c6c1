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

SCHEMA_VERSION = 2

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
    _some("cut", Big),
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
    _some("source", Big),
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
extras = Table(
    "extras",
    metadata,
    _key("task"),
    _key("round"),
    _key("validator", Address),
    _some("order"),
    _some("evidence", LargeBinary),
    _some("votes", LargeBinary),
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
    _some("disputed", Boolean),
    Column("ruling", SmallInteger, nullable=True),
)
rounds = Table(
    "rounds",
    metadata,
    _key("task"),
    _key("round"),
    _some("outcomes", LargeBinary),
    _some("from_escrow", Big),
    _some("from_stakes", Big),
    _some("burned", Big),
    _block(),
)
canaries = Table(
    "canaries",
    metadata,
    _key("task"),
    _key("round"),
    _key("index"),
    _some("salt", LargeBinary),
    _some("leaf"),
    _some("check"),
    _block(),
)
asides = Table(
    "asides",
    metadata,
    _key("task"),
    _key("round"),
    _key("index"),
    _some("json", JSON),
    _block(),
    Column("outcome", SmallInteger, nullable=True),
    Column("from_escrow", Big, nullable=True),
    Column("from_stakes", Big, nullable=True),
    Column("burned", Big, nullable=True),
    Column("lost", Big, nullable=True),
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
    _key("n"),
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
    _some("paid", Big),
    Index("slashes_by_task", "task", "round"),
)
cuts = Table(
    "cuts",
    metadata,
    _key("block"),
    _key("log_index"),
    _some("task"),
    _some("round"),
    _some("validator", Address),
    _some("index"),
    _some("reason", SmallInteger),
    _some("burned", Big),
    _some("paid", Big),
    Index("cuts_by_task", "task", "round"),
)
cases = Table(
    "cases",
    metadata,
    _key("id"),
    _some("task"),
    _some("round"),
    _some("index"),
    _some("claim", SmallInteger),
    _some("check", SmallInteger),
    _some("leaf"),
    _some("challenger", Address),
    _some("digest", LargeBinary),
    _some("bond", Big),
    _some("uri", Text),
    _some("opened_at"),
    _block(),
    Column("seed", LargeBinary, nullable=True),
    _some("line", Big),
    Column("source", Big, nullable=True),
    Column("appellant", Address, nullable=True),
    _some("appeal_bond", Big),
    Column("ruling", SmallInteger, nullable=True),
    _some("burned", Big),
    Index("cases_by_task", "task", "round"),
)
jurors = Table(
    "jurors",
    metadata,
    _key("case"),
    _key("juror", Address),
    _some("task"),
    _block(),
    Column("seats", SmallInteger, nullable=True),
    Column("vote", SmallInteger, nullable=True),
    Column("evidence", LargeBinary, nullable=True),
)
appeal_votes = Table(
    "appeal_votes",
    metadata,
    _key("case"),
    _key("account", Address),
    _some("task"),
    _some("vote", SmallInteger),
    _some("weight", Big),
    _block(),
)
invites = Table(
    "invites", metadata, _key("task"), _key("nonce", Big), Column("account", Address, nullable=True), _block()
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
    _some("of_unbonding", Big),
)
nonces = Table(
    "nonces",
    metadata,
    _key("block"),
    _key("log_index"),
    Column("account", Address, nullable=False, index=True),
    _some("nonce", Big),
    Column("relayer", Address, nullable=True),
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
    rows.ExtraRow: extras,
    rows.AttestRow: attests,
    rows.CheckpointRow: checkpoints,
    rows.RoundRow: rounds,
    rows.CanaryRow: canaries,
    rows.AsideRow: asides,
    rows.PaymentRow: payments,
    rows.SlashRow: slashes,
    rows.CutRow: cuts,
    rows.CaseRow: cases,
    rows.JurorRow: jurors,
    rows.AppealVoteRow: appeal_votes,
    rows.InviteRow: invites,
    rows.NonceRow: nonces,
    rows.ClaimRow: claims,
    rows.StakeRow: stakes,
    rows.SpecRow: specs,
    rows.OutboxRow: outbox,
    rows.FindingRow: findings,
    rows.NoteRow: notes,
    rows.ArtifactRow: artifacts,
}

PER_TASK = (
    enlistments, submissions, seals, commits, votes, extras, attests, checkpoints, rounds, canaries, asides, payments,
    slashes, cuts, cases, jurors, appeal_votes, invites,
)  # fmt: skip
"""Folds of one task's events: a rewind deletes the whole task and folds it again."""

PER_ACCOUNT = (claims, stakes, nonces)
"""One row per event, never changed: a rewind deletes what lies above."""

DERIVED = (tasks, *PER_TASK, *PER_ACCOUNT)

FROM_CHAIN = (blocks, cursors, events, *DERIVED)
"""What a follower can read again from the chain."""
