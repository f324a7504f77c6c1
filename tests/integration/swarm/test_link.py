"""One connection to one source: what is kept, read, bounded and broken off."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from assay.errors import Refused, Unavailable
from assay.swarm.addresses import locate
from assay.swarm.link import Answered, Link, Patience

pytestmark = pytest.mark.integration

Script = Callable[[bytes, int, int], bytes | None]
"""From a request, the number of its connection and its own number there to the answer; None closes the connection."""


@contextmanager
def scripted(script: Script) -> Iterator[str]:
    """Answer every request on kept connections."""
    listening = socket.create_server(("127.0.0.1", 0))

    def one(connection: socket.socket, number: int) -> None:
        with connection, suppress(OSError):
            for k in range(100):
                request = b""
                while b"\r\n\r\n" not in request:
                    piece = connection.recv(65536)
                    if not piece:
                        return
                    request += piece
                reply = script(request, number, k)
                if reply is None:
                    return
                connection.sendall(reply)

    def accept() -> None:
        with suppress(OSError):
            for number in range(100):
                connection, _ = listening.accept()
                threading.Thread(target=one, args=(connection, number), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/base"
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def link(uri: str, patience: Patience | None = None, seconds: float = 10.0) -> Link:
    return Link(locate(uri, allow_private=True), patience or Patience(), time.monotonic() + seconds)


def ok(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers, b"", b""]
    return b"\r\n".join(lines) + body


def test_get__several_requests__go_over_one_connection_with_plain_headers() -> None:
    seen: list[tuple[bytes, int]] = []

    def script(request: bytes, number: int, k: int) -> bytes:
        seen.append((request, number))
        return ok(b"body %d" % k)

    with scripted(script) as uri:
        one = link(uri)
        assert [one.get("/a", 100) for _ in range(3)] == [b"body 0", b"body 1", b"body 2"]
        one.close()
    host = uri.removeprefix("http://").removesuffix("/base").encode()
    assert {number for _, number in seen} == {0}
    assert seen[0][0].split(b"\r\n")[:3] == [
        b"GET /base/a HTTP/1.1", b"Host: " + host, b"Accept-Encoding: identity",
    ]  # fmt: skip


def test_get__kept_connection_was_closed_meanwhile__a_new_one_is_opened() -> None:
    def script(request: bytes, number: int, k: int) -> bytes | None:
        return ok(b"first") if k == 0 else None

    with scripted(script) as uri:
        one = link(uri)
        assert [one.get("/a", 100) for _ in range(3)] == [b"first"] * 3


def test_get__refusal__keeps_the_connection_and_names_status_and_wait() -> None:
    def script(request: bytes, number: int, k: int) -> bytes:
        return ok(b"%d" % number) if k else ok(b"x" * 1000, b"Retry-After: 3", status=b"503 Busy")

    with scripted(script) as uri:
        one = link(uri)
        with pytest.raises(Answered) as caught:
            one.get("/a", 10)
        assert (caught.value.status, caught.value.retry_after) == (503, 3.0)
        assert one.get("/a", 10) == b"0"


def test_get__body_in_pieces__is_put_together_and_bounded() -> None:
    pieces = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=1\r\nabcd\r\n2\r\nef\r\n0\r\nEnd: 1\r\n\r\n"
    with scripted(lambda *_: pieces) as uri:
        one = link(uri)
        assert [one.get("/a", 6), one.get("/a", 100)] == [b"abcdef"] * 2
        with pytest.raises(Refused, match="more than the 5"):
            one.get("/a", 5)


def test_get__body_until_the_end__is_read_and_bounded() -> None:
    def script(request: bytes, number: int, k: int) -> bytes | None:
        return b"HTTP/1.0 200 OK\r\n\r\nabcdef" if k == 0 else None

    with scripted(script) as uri, pytest.raises(Refused, match="more than the 5"):
        link(uri).get("/a", 5)


def test_get_into__range__is_asked_for_and_checked() -> None:
    asked: list[bytes] = []

    def script(request: bytes, number: int, k: int) -> bytes:
        asked.append(request)
        span = (b"bytes 5-8/20", b"bytes 0-3/20")[k]
        return ok(b"wxyz", b"Content-Range: " + span, status=b"206 Partial Content")

    with scripted(script) as uri:
        one, buffer = link(uri), memoryview(bytearray(4))
        assert one.get_into("/a", buffer, 5) == 4
        assert bytes(buffer) == b"wxyz"
        assert b"Range: bytes=5-8\r\n" in asked[0]
        with pytest.raises(Answered, match="another range"):
            one.get_into("/a", buffer, 5)


def test_get_into__more_than_the_buffer__is_refused() -> None:
    with scripted(lambda *_: ok(b"12345")) as uri, pytest.raises(Refused, match="at most 4"):
        link(uri).get_into("/a", memoryview(bytearray(4)))


def test_post__body__arrives_and_answer_comes_back() -> None:
    seen: list[bytes] = []

    def script(request: bytes, number: int, k: int) -> bytes:
        seen.append(request)
        return b"HTTP/1.1 204 No Content\r\n\r\n"

    with scripted(script) as uri:
        assert link(uri).post("/a", b'{"x":1}', 100) == b""
    assert seen[0].startswith(b"POST /base/a HTTP/1.1\r\n")
    assert b"Content-Length: 7\r\n" in seen[0]


def test_get__bytes_that_nobody_asked_for__cost_the_connection() -> None:
    def script(request: bytes, number: int, k: int) -> bytes:
        return ok(b"%d" % number) + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"

    with scripted(script) as uri:
        one = link(uri)
        assert [one.get("/a", 10), one.get("/a", 10)] == [b"0", b"1"]


def test_abort__while_another_thread_waits__wakes_it_for_good() -> None:
    quiet = threading.Event()

    def script(request: bytes, number: int, k: int) -> bytes | None:
        quiet.wait(10)
        return None

    with scripted(script) as uri:
        one = link(uri)
        threading.Timer(0.2, one.abort).start()
        start = time.monotonic()
        with pytest.raises(Unavailable):
            one.get("/a", 10)
        with pytest.raises(Unavailable):
            one.get("/a", 10)
        assert time.monotonic() - start < 2
        quiet.set()


def test_get__a_byte_now_and_then__ends_with_the_time_for_the_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip() -> None:
            with suppress(OSError):
                connection, _ = listening.accept()
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                for _ in range(100):
                    connection.sendall(b"x")
                    time.sleep(0.05)

        threading.Thread(target=drip, daemon=True).start()
        start = time.monotonic()
        with pytest.raises(Unavailable, match="too slow"):
            link(f"http://127.0.0.1:{listening.getsockname()[1]}", Patience(answer=0.5)).get("/a", 1000)
        assert time.monotonic() - start < 2
