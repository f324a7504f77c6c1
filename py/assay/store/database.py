"""Transactions on one database, and its errors turned into the project's three kinds.

SQLite runs in WAL mode: readers never wait; a writer takes the lock when it begins, so that it can't fail half-way
through for a lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Engine, Executable, Table, and_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from assay.errors import AssayError, Broken, Unavailable

Row = TypeVar("Row")

_TRANSIENT = (
    "locked",
    "busy",
    "disk is full",
    "disk i/o",
    "readonly",
    "read-only",
    "could not connect",
    "connection",
    "unable to open",
)


def explained(error: DBAPIError, where: str) -> AssayError:
    """Turn a database driver's error into `Unavailable` (lock, disk, connection) or `Broken` (anything else)."""
    text = str(error.orig or error).strip().splitlines()[0]
    if error.connection_invalidated or any(word in text.lower() for word in _TRANSIENT):
        return Unavailable(f"The records at {where} can't be used now: {text}.")
    return Broken(f"The records at {where} are damaged: {text}.")


def upsert(connection: Connection, table: Table, values: dict[str, Any], replace: bool) -> bool:
    """Insert a row; where its key exists, replace or keep it. Return whether anything was written."""
    maker: Callable[[Table], Any] = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = maker(table).values(**values)
    keys = [column.name for column in table.primary_key.columns]
    rest = {name: statement.excluded[name] for name in values if name not in keys}
    if replace and rest:
        statement = statement.on_conflict_do_update(index_elements=keys, set_=rest)
    else:
        statement = statement.on_conflict_do_nothing()
    return bool(connection.execute(statement).rowcount)


def match(table: Table, key: dict[str, Any]) -> ColumnElement[bool]:
    """Return the condition that columns have these values."""
    return and_(*(table.c[name] == value for name, value in key.items()))


class Database:
    """An engine that gives out rows, never sessions."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def place(self) -> str:
        """Where the records are, for messages; never shows a password."""
        return self._engine.url.database or self._engine.url.render_as_string(hide_password=True)

    @contextmanager
    def transaction(self, write: bool = False) -> Iterator[Connection]:
        """Open one transaction: all of it is stored, or nothing.

        Raises:
            Unavailable: locked for longer than the time-out, disk full, no connection.
            Broken: the file isn't what it was.
        """
        try:
            with self._engine.connect() as connection:
                connection.execution_options(assay_write=write)
                with connection.begin():
                    yield connection
        except DBAPIError as error:
            raise explained(error, self.place) from error

    def close(self) -> None:
        """Close every connection; the store can't be used afterwards."""
        self._engine.dispose()

    def rows(self, statement: Executable, kind: Callable[..., Row]) -> list[Row]:
        with self.transaction() as connection:
            return [kind(**row._mapping) for row in connection.execute(statement)]

    def row(self, statement: Executable, kind: Callable[..., Row]) -> Row | None:
        found = self.rows(statement, kind)
        return found[0] if found else None

    def find(self, table: Table, kind: Callable[..., Row], /, **key: Any) -> Row | None:
        """Return the row whose columns have these values, or None."""
        return self.row(select(table).where(match(table, key)), kind)
