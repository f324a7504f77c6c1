"""The kinds of field a task spec has: how each is read from TOML and from JSON, bounded, and written back.

A kind is attached to a dataclass field with `Annotated`. Knows nothing of tasks or of rules between fields.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from assay.errors import Refused
from assay.protocol.hashing import hex32, unhex32

Option = int | float | str | bool
WEI_DECIMALS = 18
_TOKENS = re.compile(r"(\d{1,30})(?:\.(\d{1,18}))?", re.ASCII)
_WEI = re.compile(r"0|[1-9]\d{0,38}", re.ASCII)
_OPTION = re.compile(r"[a-z][a-z0-9_]{0,31}")


class Kind(Protocol):
    """Reads and writes one field. `where` is the field's full name, such as rounds.period, for the error sentence."""

    def read(self, value: Any, where: str) -> Any:
        """Return the field's value from canonical JSON. Raises Refused."""
        ...

    def read_toml(self, value: Any, where: str) -> Any: ...

    def write(self, value: Any) -> Any:
        """Return the value as it stands in JSON."""
        ...

    def write_toml(self, value: Any) -> str: ...


class _Plain(ABC):
    """What kinds share that are written alike in TOML and in JSON."""

    @abstractmethod
    def read(self, value: Any, where: str) -> Any:
        """Return the field's value from canonical JSON. Raises Refused."""

    def read_toml(self, value: Any, where: str) -> Any:
        return self.read(value, where)

    def write(self, value: Any) -> Any:
        return value

    def write_toml(self, value: Any) -> str:
        return str(value)


@dataclass(frozen=True, slots=True)
class Whole(_Plain):
    """A whole number in [lo, hi]; a bool isn't one."""

    lo: int
    hi: int

    def read(self, value: Any, where: str) -> int:
        if type(value) is not int:
            raise Refused(f"{where}: must be a whole number, not {_name(value)}")
        if not self.lo <= value <= self.hi:
            raise Refused(f"{where}: {_short(value)} must be from {self.lo} to {self.hi}")
        return value


@dataclass(frozen=True, slots=True)
class Real(_Plain):
    """A finite number in [lo, hi], or in (lo, hi] or [lo, hi) where an end is open; whole numbers are numbers."""

    lo: float
    hi: float
    lo_open: bool = False
    hi_open: bool = False

    def read(self, value: Any, where: str) -> float:
        if type(value) not in (int, float):
            raise Refused(f"{where}: must be a number, not {_name(value)}")
        number = float(value) if abs(value) < 1e300 else math.inf  # a huge int would overflow; NaN ends here too
        low = self.lo < number if self.lo_open else self.lo <= number
        high = number < self.hi if self.hi_open else number <= self.hi
        if not (low and high):
            above, below = "above" if self.lo_open else "at least", "below" if self.hi_open else "at most"
            raise Refused(f"{where}: {_short(value)} must be {above} {self.lo:g} and {below} {self.hi:g}")
        return number + 0.0  # one spelling of zero

    def write_toml(self, value: float) -> str:
        return repr(float(value))


@dataclass(frozen=True, slots=True)
class Truth(_Plain):
    """true or false."""

    def read(self, value: Any, where: str) -> bool:
        if type(value) is not bool:
            raise Refused(f"{where}: must be true or false, not {_name(value)}")
        return value

    def write_toml(self, value: bool) -> str:
        return "true" if value else "false"


@dataclass(frozen=True, slots=True)
class Text(_Plain):
    """A string that matches `pattern` in full; `says` describes it in the error sentence."""

    pattern: str
    says: str

    def read(self, value: Any, where: str) -> str:
        if type(value) is not str:
            raise Refused(f"{where}: must be a string, not {_name(value)}")
        if not re.fullmatch(self.pattern, value) or not value.isprintable():
            raise Refused(f"{where}: {_short(value)} must be {self.says}")
        return value

    def write_toml(self, value: str) -> str:
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'


@dataclass(frozen=True, slots=True)
class Digest(_Plain):
    """32 bytes, written as 0x and 64 lower-case hex digits."""

    def read(self, value: Any, where: str) -> bytes:
        try:
            return unhex32(value)
        except Refused as error:
            raise Refused(f"{where}: {error}") from None

    def write(self, value: bytes) -> str:
        return hex32(value)

    def write_toml(self, value: bytes) -> str:
        return f'"{hex32(value)}"'


@dataclass(frozen=True, slots=True)
class Money:
    """Wei in [lo, hi], in whole multiples of `step`. TOML writes tokens ("180.00"), JSON writes wei ("180…0")."""

    hi: int
    lo: int = 0
    step: int = 1

    def read(self, value: Any, where: str) -> int:
        if type(value) is not str or not _WEI.fullmatch(value):
            raise Refused(f'{where}: must be wei in a string of digits, such as "1000000000000000000"')
        return self._bounded(int(value), where)

    def read_toml(self, value: Any, where: str) -> int:
        match = _TOKENS.fullmatch(value) if type(value) is str else None
        if match is None:
            raise Refused(f'{where}: write money as a string of tokens with at most 18 decimals, such as "180.00"')
        whole, part = match.groups()
        return self._bounded(int(whole) * 10**WEI_DECIMALS + int((part or "").ljust(WEI_DECIMALS, "0")), where)

    def write(self, value: int) -> str:
        return str(value)

    def write_toml(self, value: int) -> str:
        return f'"{tokens(value)}"'

    def _bounded(self, wei: int, where: str) -> int:
        if not self.lo <= wei <= self.hi:
            raise Refused(f"{where}: {tokens(wei)} must be from {tokens(self.lo)} to {tokens(self.hi)} tokens")
        if wei % self.step:
            raise Refused(f"{where}: {tokens(wei)} must be a multiple of {tokens(self.step)} tokens (1 gwei)")
        return wei


@dataclass(frozen=True, slots=True)
class Options(_Plain):
    """At most 32 numbers, truths and short strings by name: an environment's own settings."""

    def read(self, value: Any, where: str) -> dict[str, Option]:
        if type(value) is not dict or len(value) > 32:
            raise Refused(f"{where}: must be a table of at most 32 settings")
        for key in value:
            if not _OPTION.fullmatch(key):
                raise Refused(f"{where}: {_short(key)} must be a name of lower-case letters, digits and underscores")
        return {key: self._one(value[key], f"{where}.{key}") for key in sorted(value)}

    def write_toml(self, value: dict[str, Option]) -> str:
        return "{" + ", ".join(f"{key} = {self._toml(value[key])}" for key in sorted(value)) + "}"

    def _one(self, value: Any, where: str) -> Option:
        if type(value) is bool:
            return value
        if type(value) is str:
            return Text(r".{0,256}", "at most 256 printable characters").read(value, where)
        if type(value) is float and not value.is_integer():
            return Real(-1e15, 1e15).read(value, where)
        if type(value) is float:  # canonical JSON writes 1.0 as 1: one value, one spelling
            value = int(value)
        return Whole(-(2**53) + 1, 2**53 - 1).read(value, where)

    def _toml(self, value: Option) -> str:
        if isinstance(value, str):
            return Text("", "").write_toml(value)
        return Truth().write_toml(value) if isinstance(value, bool) else repr(value)


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of 1 to `most` values of one kind, none twice; a tuple in memory."""

    kind: Kind
    most: int

    def read(self, value: Any, where: str) -> tuple[Any, ...]:
        return self._each(value, where, self.kind.read)

    def read_toml(self, value: Any, where: str) -> tuple[Any, ...]:
        return self._each(value, where, self.kind.read_toml)

    def write(self, value: tuple[Any, ...]) -> list[Any]:
        return [self.kind.write(one) for one in value]

    def write_toml(self, value: tuple[Any, ...]) -> str:
        return "[" + ", ".join(self.kind.write_toml(one) for one in value) + "]"

    def _each(self, value: Any, where: str, read: Callable[[Any, str], Any]) -> tuple[Any, ...]:
        if type(value) is not list or not 1 <= len(value) <= self.most:
            raise Refused(f"{where}: must be a list of 1 to {self.most} values")
        found = tuple(read(one, f"{where}[{i}]") for i, one in enumerate(value))
        if len(set(found)) != len(found):
            raise Refused(f"{where}: names a value twice")
        return found


def tokens(wei: int) -> str:
    """Write wei as tokens, exactly, with at least two decimals: 180.00, 0.000000001."""
    whole, part = divmod(wei, 10**WEI_DECIMALS)
    return f"{whole}.{f'{part:018d}'.rstrip('0').ljust(2, '0')}"


def _name(value: Any) -> str:
    names = {str: "a string", bool: "true or false", int: "a whole number", float: "a fraction", dict: "a table"}
    return names.get(type(value), "a list" if isinstance(value, list) else "that")


def _short(value: Any) -> str:
    try:
        text = ascii(value)
    except ValueError:  # Python refuses to print whole numbers of thousands of digits
        text = "a number of thousands of digits"
    return text if len(text) <= 60 else text[:57] + "..."
