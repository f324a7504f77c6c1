"""The schema that the tables belong to, its version, and the kinds of column they're made of."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, MetaData, String, Table, Text

SCHEMA_VERSION = 3

metadata = MetaData()


def key(name: str, kind: Any = BigInteger) -> Column[Any]:
    """Return a column of the primary key, which never counts up by itself."""
    return Column(name, kind, primary_key=True, autoincrement=False)


def some(name: str, kind: Any = BigInteger) -> Column[Any]:
    """Return a column that always has a value."""
    return Column(name, kind, nullable=False)


def block() -> Column[Any]:
    """Return the column that names the block whose event made or last changed the row."""
    return Column("block", BigInteger, nullable=False, index=True)


meta = Table("meta", metadata, key("name", String(40)), some("value", Text))
