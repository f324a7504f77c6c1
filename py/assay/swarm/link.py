"""One connection to one source: GET with a bound on bytes and on time, nothing else.

No redirects, no proxies, no cookies, no decoding: what a server can do is send bytes or not. Knows nothing of what the
bytes mean, so whoever asks checks them. HTTPS certificates are checked against the host of the URI.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any

import httpcore

from assay.errors import Refused, Unavailable
from assay.swarm.addresses import Source
from assay.types import Reason

_PATH = re.compile(r"(/[A-Za-z0-9_.\-]+)+")
_READ = 256 << 10
"""Larger than what httpcore asks for: fewer turns through its parser, a quarter less CPU time in all."""
_HEADERS = ((b"Accept-Encoding", b"identity"), (b"User-Agent", b"assay"))


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a source may take, in seconds: to connect, between two pieces, for one answer of up to 4 MiB."""

    connect: float = 5.0
    read: float = 10.0
    answer: float = 30.0


class Link:
    """A connection that is opened at the first `get` and kept. One thread uses it; any thread may abort it."""

    def __init__(self, source: Source, patience: Patience, deadline: float) -> None:
        """`deadline` is the monotonic time after which nothing is waited for."""
        self._source, self._patience = source, patience
        self._network = _Network(source.address, deadline)
        self._deadline = deadline
        self._pool = httpcore.ConnectionPool(max_connections=1, http2=False, network_backend=self._network)

    def get(self, path: str, limit: int) -> bytes:
        """Return the body at `path` under the source's URI.

        Raises:
            Refused: more than `limit` bytes, an encoding, a redirect. The source breaks the protocol.
            Unavailable: not found, not reachable, too slow, or the connection broke.
        """
        if not _PATH.fullmatch(path):
            raise Refused(f"{path[:80]!r} isn't a path")
        self._network.deadline = min(self._deadline, time.monotonic() + self._patience.answer)
        url = httpcore.URL(
            scheme=self._source.scheme.encode(),
            host=self._source.host.encode(),
            port=self._source.port,
            target=(self._source.path + path).encode(),
        )
        limits = {"connect": self._patience.connect, "read": self._patience.read, "write": self._patience.read}
        try:
            with self._pool.stream("GET", url, headers=list(_HEADERS), extensions={"timeout": limits}) as response:
                self._check(response, path, limit)
                return self._body(response, limit)
        except httpcore.TimeoutException as error:
            raise Unavailable(f"{self._source.uri} is too slow") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            raise Unavailable(f"{self._source.uri} doesn't answer: {error or type(error).__name__}") from error

    def abort(self) -> None:
        """Wake the thread that waits in `get`, which then raises Unavailable."""
        self._network.abort()

    def close(self) -> None:
        """Close the connection."""
        self._pool.close()

    def _check(self, response: httpcore.Response, path: str, limit: int) -> None:
        uri, status = self._source.uri, response.status
        if 300 <= status < 400:
            raise Refused(f"{uri} redirects elsewhere, which isn't followed", Reason.SCHEMA)
        if status != 200:
            raise Unavailable(f"{uri} answers {status} to {path[:24]}…")
        headers = {name.lower(): value for name, value in response.headers}
        if headers.get(b"content-encoding", b"identity") != b"identity":
            raise Refused(f"{uri} sends encoded content, which nobody asked for", Reason.SCHEMA)
        length = headers.get(b"content-length", b"0")
        if int(length) > limit:  # the parser lets only digits through
            raise Refused(f"{uri} offers {int(length)} bytes where at most {limit} are expected", Reason.SIZE)

    def _body(self, response: httpcore.Response, limit: int) -> bytes:
        pieces, size = [], 0
        for piece in response.iter_stream():
            size += len(piece)
            if size > limit:
                raise Refused(f"{self._source.uri} sends more than the {limit} bytes expected", Reason.SIZE)
            pieces.append(piece)
        return b"".join(pieces)


class _Network(httpcore.NetworkBackend):
    """Connects to the checked address, whatever the host, and waits for nothing after its deadline."""

    def __init__(self, address: str, deadline: float) -> None:
        self._address, self.deadline = address, deadline
        self._system = httpcore.SyncBackend()
        self._socket: socket.socket | None = None
        self._aborted = False

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._system.connect_tcp(self._address, port, self.left(timeout), local_address, socket_options)
        self._socket = stream.get_extra_info("socket")
        return _Stream(stream, self)

    def left(self, timeout: float | None) -> float:
        """The seconds to wait at most; raises when the deadline is over."""
        left = self.deadline - time.monotonic()
        if left <= 0 or self._aborted:
            raise httpcore.ReadTimeout("the time for this answer is over")
        return left if timeout is None else min(left, timeout)

    def abort(self) -> None:
        self._aborted = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


class _Stream(httpcore.NetworkStream):
    """A stream whose every wait ends at the network's deadline, so that a byte now and then buys no time."""

    def __init__(self, inner: httpcore.NetworkStream, network: _Network) -> None:
        self._inner, self._network = inner, network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max(max_bytes, _READ), self._network.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._network.left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, self._network.left(timeout)), self._network)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
