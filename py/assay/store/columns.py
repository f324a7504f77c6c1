"""Column types for what a database has no type for: 256-bit integers and account addresses."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from eth_utils.address import to_checksum_address
from sqlalchemy import String
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


@lru_cache(maxsize=65_536)
def _checksummed(address: str) -> str:
    return str(to_checksum_address(address))


class Big(TypeDecorator[int]):
    """An integer of up to 256 bits, kept as decimal text. Sums belong to Python: the database would lose digits."""

    impl = String(80)
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else str(int(value))

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        return None if value is None else int(value)


class Address(TypeDecorator[str]):
    """An account, kept in lower case so that comparisons ignore case, given back with its checksum."""

    impl = String(42)
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else str(value).lower()

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else _checksummed(value)
