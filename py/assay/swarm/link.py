"""One connection to one source: GET and POST with a bound on bytes and on time, nothing else.

No redirects, no proxies, no cookies, no decoding: what a server can do is send bytes or not. A body goes straight from
the socket into one buffer. Knows nothing of what the bytes mean, so whoever asks checks them. HTTPS certificates are
checked against the host of the URI.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

import certifi

from assay.errors import Refused, Unavailable
from assay.swarm.addresses import Source
from assay.swarm.answer import END, HEAD_BYTES, Head, parse, piece_length
from assay.types import Reason

_PATH = re.compile(r"(/[A-Za-z0-9_.\-]+)+")
_DRAINED = 64 << 10
"""Up to so many bytes of an error's text are read to keep the connection."""
_INTERIM = 4
FILES_HEADER = b"x-assay-files"
_DONE = frozenset({200, 201, 202, 204})


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a source may take, in seconds: to connect, between two pieces, for one answer of up to 4 MiB."""

    connect: float = 5.0
    read: float = 10.0
    answer: float = 30.0


class Answered(Unavailable):
    """The source is there and says no: the status tells why, `retry_after` how many seconds it asks to wait."""

    def __init__(self, message: str, status: int, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class Link:
    """A connection that is opened at the first request and kept. One thread uses it; any thread may abort it."""

    def __init__(self, source: Source, patience: Patience, deadline: float) -> None:
        """`deadline` is the monotonic time after which nothing is waited for."""
        self._source, self._patience, self._deadline = source, patience, deadline
        self._until = deadline
        self._connection: socket.socket | None = None
        self._wire: _Wire | None = None
        self._aborted = False
        self.files = False
        """Whether the last answer said that plain files lie under /files, where one request brings many chunks."""

    def get(self, path: str, limit: int) -> bytes:
        """Return the body at `path` under the source's URI.

        Raises:
            Refused: more than `limit` bytes, an encoding, a redirect. The source breaks the protocol.
            Unavailable: not found (Answered), not reachable, too slow, or the connection broke.
        """
        return bytes(self._ask(path, "", b"", limit, lambda wire, head: _body(wire, head, limit, None)))

    def get_into(self, path: str, buffer: memoryview, first: int | None = None) -> int:
        """Read the body at `path` into `buffer` and return its size in bytes; raises as `get`.

        With `first`, ask only for the len(buffer) bytes from that offset on, and take nothing else.
        """
        size, span = len(buffer), "" if first is None else _span(first, len(buffer))
        return len(self._ask(path, span, b"", size, lambda wire, head: _body(wire, head, size, buffer), first))

    def get_run(
        self,
        path: str,
        first: int,
        sizes: Sequence[int],
        buffer: memoryview,
        deliver: Callable[[int, memoryview], None],
    ) -> None:
        """Ask for the bytes from offset `first` on and hand them over in parts of these sizes; raises as `get`.

        `deliver` gets the number of each part and its bytes, which lie in `buffer` only as long as it runs.
        """
        size = sum(sizes)

        def read(wire: _Wire, head: Head) -> memoryview:
            if head.length != size:
                raise Unavailable("it doesn't say how long its answer is")
            for k, part in enumerate(sizes):
                wire.fill(buffer[:part])
                deliver(k, buffer[:part])
            return buffer[:0]

        self._ask(path, _span(first, size), b"", size, read, first)

    def post(self, path: str, body: bytes, limit: int) -> bytes:
        """Send `body` to `path` and return the answer's body; raises as `get`."""
        kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return bytes(
            self._ask(path, kind, body, limit, lambda wire, head: _body(wire, head, limit, None), method="POST")
        )

    def abort(self) -> None:
        """Wake the thread that waits in a request, which then raises Unavailable."""
        self._aborted = True
        connection = self._connection
        if connection is not None:
            with suppress(OSError):
                # not SSLSocket's own, which forgets that the stream is encrypted while another thread reads it
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection; a later request opens another one."""
        connection, self._connection, self._wire = self._connection, None, None
        if connection is not None:
            with suppress(OSError):
                connection.close()

    def _ask(
        self,
        path: str,
        headers: str,
        content: bytes,
        limit: int,
        read: Callable[[_Wire, Head], memoryview],
        first: int | None = None,
        method: str = "GET",
    ) -> memoryview:
        if not _PATH.fullmatch(path):
            raise Refused(f"{path[:80]!r} isn't a path")
        self._until = min(self._deadline, time.monotonic() + self._patience.answer)
        start = f"{method} {self._source.path}{path} HTTP/1.1\r\nHost: {_host(self._source)}\r\n"
        request = f"{start}Accept-Encoding: identity\r\nUser-Agent: assay\r\n{headers}\r\n".encode("ascii") + content
        uri, kept = self._source.uri, False
        try:
            wire, head = self._exchange(request)
            self._check(head, path, first, limit)
            body = read(wire, head)
            self.files = head.headers.get(FILES_HEADER) == b"1"
            kept = head.stays and wire.empty
            return body
        except _TooMuch as error:
            raise Refused(f"{uri} sends more than the {limit} bytes expected", Reason.SIZE) from error
        except Answered as error:
            kept = error.status not in _DONE and self._drained(head)
            raise
        except Unavailable as error:
            raise Unavailable(f"{uri} doesn't answer: {error}") from error
        except TimeoutError as error:
            raise Unavailable(f"{uri} is too slow") from error
        except OSError as error:
            raise Unavailable(f"{uri} doesn't answer: {error.strerror or error or type(error).__name__}") from error
        finally:
            if not kept:
                self.close()

    def _exchange(self, request: bytes) -> tuple[_Wire, Head]:
        """Send the request and read the head of its answer, once more if the kept connection was closed meanwhile."""
        if self._wire is not None:
            wire = self._wire
            try:
                wire.send(request)
                return wire, wire.head()
            except (_Gone, ConnectionError):
                self.close()
        wire = self._open()
        wire.send(request)
        return wire, wire.head()

    def _open(self) -> _Wire:
        source = self._source
        family = socket.AF_INET6 if ":" in source.address else socket.AF_INET
        connection = self._connection = socket.socket(family, socket.SOCK_STREAM)
        connection.settimeout(self._left(self._patience.connect))
        connection.connect((source.address, source.port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source.scheme == "https":
            secured = _trust().wrap_socket(connection, server_hostname=source.host, do_handshake_on_connect=False)
            connection = self._connection = secured
            connection.settimeout(self._left(self._patience.connect))
            secured.do_handshake()
        wire = self._wire = _Wire(connection, lambda: self._left(self._patience.read))
        return wire

    def _left(self, timeout: float) -> float:
        """The seconds to wait at most; raises when the time for this answer is over."""
        left = self._until - time.monotonic()
        if left <= 0 or self._aborted:
            raise TimeoutError("the time for this answer is over")
        return min(left, timeout)

    def _check(self, head: Head, path: str, first: int | None, limit: int) -> None:
        uri, status = self._source.uri, head.status
        if 300 <= status < 400:
            raise Refused(f"{uri} redirects elsewhere, which isn't followed", Reason.SCHEMA)
        whole = first == 0 and status == 200 and head.length == limit
        if status not in (_DONE if first is None else {206}) and not whole:
            raise Answered(f"{uri} answers {status} to {path[:24]}…", status, head.retry_after)
        if head.encoded:
            raise Refused(f"{uri} sends encoded content, which nobody asked for", Reason.SCHEMA)
        if head.length is not None and head.length > limit:
            raise Refused(f"{uri} offers {head.length} bytes where at most {limit} are expected", Reason.SIZE)
        if status == 206 and head.span != (first, limit):
            raise Answered(f"{uri} sends another range than was asked for", status)

    def _drained(self, head: Head) -> bool:
        """Read an error's short text, so that the connection can go on."""
        wire = self._wire
        if wire is None or not head.stays or head.length is None or head.length > _DRAINED:
            return False
        try:
            wire.fill(memoryview(bytearray(head.length)))
        except (OSError, Unavailable):
            return False
        return wire.empty


class _Gone(Unavailable):
    """The connection ended before the answer began."""


class _TooMuch(Exception):
    """The body is longer than the bound."""


class _Wire:
    """The bytes of one connection. Every wait ends at the deadline, so a byte now and then buys no time."""

    def __init__(self, connection: socket.socket, left: Callable[[], float]) -> None:
        self._connection, self._left = connection, left
        self._early = b""

    @property
    def empty(self) -> bool:
        """Whether nothing came that nobody asked for."""
        return not self._early

    def send(self, data: bytes) -> None:
        self._connection.settimeout(self._left())
        self._connection.sendall(data)

    def head(self) -> Head:
        """Read the head of an answer, past interim ones."""
        for _ in range(_INTERIM):
            head = parse(self._until(END, HEAD_BYTES))
            if head.status >= 200:
                return head
        raise Unavailable("it sends interim answers only")

    def line(self) -> bytes:
        """Read a short line."""
        return self._until(b"\r\n", 1024)

    def some(self, into: memoryview) -> int:
        """Read at least one byte into a buffer; 0 when the connection has ended."""
        if self._early:
            size = min(len(self._early), len(into))
            into[:size] = self._early[:size]
            self._early = self._early[size:]
            return size
        self._connection.settimeout(self._left())
        return self._connection.recv_into(into)

    def fill(self, into: memoryview) -> None:
        """Read exactly as many bytes as the buffer has room for."""
        here = 0
        while here < len(into):
            size = self.some(into[here:])
            if not size:
                raise Unavailable("it broke off in the middle of its answer")
            here += size

    def _until(self, mark: bytes, limit: int) -> bytes:
        while (end := self._early.find(mark)) < 0:
            if len(self._early) > limit:
                raise Unavailable("it sends an endless head")
            self._connection.settimeout(self._left())
            piece = self._connection.recv(HEAD_BYTES)
            if not piece:
                raise _Gone("it closed the connection") if not self._early else Unavailable("it broke off")
            self._early += piece
        found, self._early = self._early[:end], self._early[end + len(mark) :]
        return found


def _body(wire: _Wire, head: Head, limit: int, buffer: memoryview | None) -> memoryview:
    """Read the body that follows `head` into `buffer`, or into a new one; gives the part that it fills."""
    length = 0 if head.status == 204 else head.length
    if buffer is None:
        buffer = memoryview(bytearray(limit if length is None else length))
    if length is not None:
        wire.fill(buffer[:length])
        return buffer[:length]
    return buffer[: _pieces(wire, buffer) if head.pieces else _rest(wire, buffer)]


def _pieces(wire: _Wire, buffer: memoryview) -> int:
    here = 0
    while length := piece_length(wire.line()):
        if length > len(buffer) - here:
            raise _TooMuch
        wire.fill(buffer[here : here + length])
        here += length
        if wire.line():
            raise Unavailable("it sends a malformed piece")
    for _ in range(_INTERIM):
        if not wire.line():
            return here
    raise Unavailable("it sends an endless end")


def _rest(wire: _Wire, buffer: memoryview) -> int:
    here = 0
    while here < len(buffer):
        size = wire.some(buffer[here:])
        if not size:
            return here
        here += size
    if wire.some(memoryview(bytearray(1))):
        raise _TooMuch
    return here


def _span(first: int, size: int) -> str:
    return f"Range: bytes={first}-{first + size - 1}\r\n"


def _host(source: Source) -> str:
    name = f"[{source.host}]" if ":" in source.host else source.host
    standard = {"http": 80, "https": 443}[source.scheme]
    return name if source.port == standard else f"{name}:{source.port}"


@cache
def _trust() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context
