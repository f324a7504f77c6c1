"""The head of an HTTP/1.1 answer, read strictly: what isn't plainly well formed is no answer.

Pure: knows nothing of connections. Doesn't judge statuses; who asked does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from assay.errors import Unavailable

HEAD_BYTES = 16 << 10
"""A longer head is no answer."""
END = b"\r\n\r\n"
_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: [^\r\n]*)?")
_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_RANGE = re.compile(rb"bytes ([0-9]{1,18})-([0-9]{1,18})/(?:[0-9]{1,18}|\*)")
_ONCE = frozenset({b"content-length", b"transfer-encoding", b"content-range", b"content-encoding"})


@dataclass(frozen=True, slots=True)
class Head:
    """Status and headers (names in lower case) of one answer."""

    status: int
    old: bool
    """HTTP/1.0: the connection ends with the answer unless it says otherwise."""
    headers: dict[bytes, bytes] = field(default_factory=dict)

    @property
    def pieces(self) -> bool:
        """Whether the body comes in pieces that each name their length."""
        return b"transfer-encoding" in self.headers

    @property
    def length(self) -> int | None:
        """The body's bytes as announced; None when it comes in pieces or ends with the connection."""
        raw = self.headers.get(b"content-length")
        return None if raw is None or self.pieces else int(raw)

    @property
    def stays(self) -> bool:
        """Whether the connection may serve another request, once the whole body was read."""
        wish = self.headers.get(b"connection", b"close" if self.old else b"keep-alive").lower()
        return b"close" not in wish and (self.pieces or self.length is not None)

    @property
    def encoded(self) -> bool:
        """Whether the body is in an encoding (gzip or the like)."""
        return self.headers.get(b"content-encoding", b"identity").lower() != b"identity"

    @property
    def span(self) -> tuple[int, int] | None:
        """First byte and number of bytes that a 206 carries; None when it doesn't say so in one plain range."""
        match = _RANGE.fullmatch(self.headers.get(b"content-range", b""))
        if match is None or int(match[2]) < int(match[1]):
            return None
        return int(match[1]), int(match[2]) - int(match[1]) + 1

    @property
    def retry_after(self) -> float:
        """Seconds that a busy source asks to be left alone, at most 30; 0 when it doesn't say."""
        raw = self.headers.get(b"retry-after", b"")
        return min(30.0, float(int(raw))) if _LENGTH.fullmatch(raw) else 0.0


def parse(raw: bytes) -> Head:
    """Read a head without its final empty line. Raises Unavailable: it isn't one."""
    first, *lines = raw.split(b"\r\n")
    match = _STATUS.fullmatch(first)
    if match is None:
        raise Unavailable("it doesn't speak HTTP")
    headers: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        name, value = name.lower(), value.strip(b" \t")
        if not colon or not _NAME.fullmatch(name) or b"\n" in value or b"\r" in value or b"\0" in value:
            raise Unavailable("it sends a malformed header")
        if name in _ONCE and headers.get(name, value) != value:
            raise Unavailable(f"it sends two different {name.decode()} headers")
        headers[name] = value
    if not _LENGTH.fullmatch(headers.get(b"content-length", b"0")):
        raise Unavailable("it sends a malformed length")
    if headers.get(b"transfer-encoding", b"chunked").lower() != b"chunked":
        raise Unavailable("it sends its answer in an unknown form")
    return Head(int(match[2]), match[1] == b"0", headers)


def piece_length(line: bytes) -> int:
    """The length that stands before a piece of a body in pieces. Raises Unavailable: none stands there."""
    digits = line.split(b";", 1)[0].strip(b" \t")
    if not re.fullmatch(rb"[0-9A-Fa-f]{1,12}", digits):
        raise Unavailable("it sends a malformed piece")
    return int(digits, 16)
