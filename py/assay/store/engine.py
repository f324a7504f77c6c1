"""Opening a store by URL: SQLite by default, PostgreSQL by changing the URL.

Doesn't protect against: another program writing to the same tables, and a disk that loses what it confirmed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, inspect, select, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import StaticPool

from assay.errors import Broken, Refused, Unavailable
from assay.store import tables
from assay.store.batch import Batch
from assay.store.database import explained
from assay.store.queries.blocks import BlockQueries
from assay.store.queries.disputes import DisputeQueries
from assay.store.queries.money import MoneyQueries
from assay.store.queries.outbox import OutboxQueries
from assay.store.queries.records import RecordQueries
from assay.store.queries.rounds import RoundQueries
from assay.store.queries.tasks import TaskQueries

BUSY_SECONDS = 30
_OLDER = {"1", "2"}
"""Schemas that differ from this program's only in what is read from the chain, and in tables that they lack."""


class Store(TaskQueries, RoundQueries, MoneyQueries, DisputeQueries, BlockQueries, OutboxQueries, RecordQueries):
    """All records of one node. Safe to share between threads; several processes may open the same one."""

    @contextmanager
    def batch(self) -> Iterator[Batch]:
        """Open one write transaction for a follower."""
        with self.transaction(write=True) as connection:
            yield Batch(connection)


def open_store(url: str, busy_seconds: float = BUSY_SECONDS) -> Store:
    """Open the records at `url`, and create them when they are new.

    `sqlite:///path`, `sqlite://` (in memory) or `postgresql+driver://…`.

    Raises:
        Refused: the URL can't be used.
        Unavailable: the place can't be reached, or stayed locked.
        Broken: the file is damaged, or its schema isn't this program's.
    """
    engine = _engine(url, busy_seconds)
    place = engine.url.database or "memory"
    try:
        if engine.dialect.name == "sqlite":
            _quick_check(engine, place)
        with engine.connect() as connection:
            connection.execution_options(assay_write=True)
            with connection.begin():
                _prepare(connection, place)
    except DBAPIError as error:
        engine.dispose()
        raise explained(error, place) from error
    except Broken:
        engine.dispose()
        raise
    return Store(engine)


def _engine(url: str, busy_seconds: float) -> Engine:
    try:
        parsed = make_url(url)
        options: dict[str, Any] = {}
        if parsed.get_backend_name() == "sqlite":
            options["connect_args"] = {"timeout": busy_seconds, "check_same_thread": False}
            if parsed.database in {None, "", ":memory:"}:
                options["poolclass"] = StaticPool
            else:
                Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(parsed, **options)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise Refused(f"The store URL {url.rsplit('@', maxsplit=1)[-1]!r} can't be used: {error}.") from error
    except OSError as error:
        raise Unavailable(f"The folder of the records can't be made: {error}.") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _on_connect)
        event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver would otherwise begin transactions of its own
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _on_begin(connection: Connection) -> None:
    # A reader that turns writer fails at once when another writes: a writer therefore says so from the start, and
    # waits.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("assay_write") else "BEGIN")


def _quick_check(engine: Engine, place: str) -> None:
    with engine.connect() as connection:
        first = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if first != "ok":
        raise Broken(
            f"The records at {place} are damaged ({first}): move the file away; the node rebuilds them from the chain."
        )


def _migrate(connection: Connection) -> None:
    """Forget what the chain can tell again, in this program's tables; keep what is this node's own."""
    there = set(inspect(connection).get_table_names())
    for table in reversed(tables.FROM_CHAIN):
        if table.name in there:
            table.drop(connection)
    tables.metadata.create_all(connection)
    connection.execute(
        update(tables.meta).where(tables.meta.c.name == "schema").values(value=str(tables.SCHEMA_VERSION))
    )


def _prepare(connection: Connection, place: str) -> None:
    tables.meta.create(connection, checkfirst=True)
    version = connection.execute(select(tables.meta.c.value).where(tables.meta.c.name == "schema")).scalar()
    if version is None:
        tables.metadata.create_all(connection)
        connection.execute(insert(tables.meta).values(name="schema", value=str(tables.SCHEMA_VERSION)))
    elif version in _OLDER:
        _migrate(connection)
    elif version != str(tables.SCHEMA_VERSION):
        raise Broken(
            f"The records at {place} have schema {version}, and this program knows schema {tables.SCHEMA_VERSION} only."
        )
