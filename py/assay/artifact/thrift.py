"""Thrift's compact protocol as Parquet uses it, read within bounds: structs become {field number: value}.

Knows nothing of Parquet, and no floating-point fields, which Parquet's headers don't have. Field types aren't
compared with any schema: whoever asks for a field checks what it got.

Source of the format: apache/thrift, doc/specs/thrift-compact-protocol.md.
"""

from __future__ import annotations

from typing import Any, Final

from assay.artifact.strict import refuse

Struct = dict[int, Any]
MAX_DEPTH: Final = 12
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 4, 5, 6, 8, 9, 10, 12
_NUMBERS: Final = (_I16, _I32, _I64)


def varint(data: bytes, at: int, what: str, bits: int = 64) -> tuple[int, int]:
    """Return an unsigned number of at most `bits` bits and the place after it."""
    value = 0
    for shift in range(0, bits, 7):
        if at >= len(data):
            refuse(f"{what} is cut short")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >> bits == 0:
                return value, at
            break
    return refuse(f"{what} has a number of more than {bits} bits")


def read_struct(data: bytes, at: int, parts: int, what: str) -> tuple[Struct, int]:
    """Read one struct of at most `parts` values, inner ones included; return it and the place after it.

    Memory is the bytes of its strings and some hundred bytes a value. Refused if it breaks the format.
    """
    reader = _Reader(data, at, parts, what)
    return reader.struct(0), reader.at


class _Reader:
    def __init__(self, data: bytes, at: int, parts: int, what: str) -> None:
        self._data, self.at, self._left, self._what = data, at, parts, what

    def struct(self, depth: int) -> Struct:
        if depth > MAX_DEPTH:
            refuse(f"{self._what} is nested more than {MAX_DEPTH} deep")
        found, number = Struct(), 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._signed()
            if number in found:
                refuse(f"{self._what} has a field twice")
            kind = head & 0x0F
            self._count(1)
            found[number] = kind == _TRUE if kind in (_TRUE, _FALSE) else self._value(kind, depth)
        return found

    def _value(self, kind: int, depth: int) -> Any:
        if kind in _NUMBERS:
            return self._signed()
        if kind == _BINARY:
            return self._take(self._number())
        if kind in (_LIST, _SET):
            return self._list(depth)
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind == _BYTE:
            return self._byte()
        return refuse(f"{self._what} has a field of an unknown type")

    def _list(self, depth: int) -> list[Any]:
        head = self._byte()
        size, kind = head >> 4, head & 0x0F
        if size == 15:
            size = self._number()
        self._count(size)
        if depth >= MAX_DEPTH:
            refuse(f"{self._what} is nested more than {MAX_DEPTH} deep")
        if kind in (_TRUE, _FALSE):
            return [self._byte() == _TRUE for _ in range(size)]
        return [self._value(kind, depth + 1) for _ in range(size)]

    def _count(self, more: int) -> None:
        self._left -= more
        if self._left < 0:
            refuse(f"{self._what} has too many parts")

    def _byte(self) -> int:
        return self._take(1)[0]

    def _number(self) -> int:
        value, self.at = varint(self._data, self.at, self._what)
        return value

    def _signed(self) -> int:
        value = self._number()
        return (value >> 1) ^ -(value & 1)

    def _take(self, size: int) -> bytes:
        if size > len(self._data) - self.at:
            refuse(f"{self._what} is cut short")
        self.at += size
        return self._data[self.at - size : self.at]
