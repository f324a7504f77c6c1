"""Fetching from servers that break off, lie about length, dawdle or never end."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from assay.errors import Refused, Unavailable
from assay.swarm.link import Patience
from integration.swarm.nodes import answer, node, raw
from integration.swarm.seeds import QUICK, Seed, left

pytestmark = pytest.mark.integration


def truncated(connection: socket.socket, body: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body[: len(body) // 2])


def short(connection: socket.socket, body: bytes) -> None:
    answer(connection, body[:-1])


def endless(connection: socket.socket, body: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


def oversized(connection: socket.socket, body: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


def endless_pieces(connection: socket.socket, body: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")


def slow_body(connection: socket.socket, body: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
    for byte in body:
        connection.sendall(bytes([byte]))
        time.sleep(0.1)


def slow_headers(connection: socket.socket, body: bytes) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 10000:
        connection.sendall(bytes([byte]))
        time.sleep(0.1)


def silent(connection: socket.socket, body: bytes) -> None:
    connection.recv(1)


def endless_headers(connection: socket.socket, body: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-More: " + b"x" * 1000 + b"\r\n")


def no_http(connection: socket.socket, body: bytes) -> None:
    connection.sendall(b"\x16\x03\x01 hello\r\n\r\n")


def huge_length(connection: socket.socket, body: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 6000 + b"\r\n\r\n")


def two_lengths(connection: socket.socket, body: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello")


def zipped(connection: socket.socket, body: bytes) -> None:
    answer(connection, body, "Content-Encoding: gzip")


def redirect(connection: socket.socket, body: bytes) -> None:
    answer(connection, b"", "Location: http://127.0.0.1:1/", status="302 Found")


def error(connection: socket.socket, body: bytes) -> None:
    answer(connection, b"", status="500 Oh")


MISDEEDS = [
    truncated, short, endless, oversized, endless_pieces, slow_body, slow_headers, silent, endless_headers, no_http,
    huge_length, two_lengths, zipped, redirect, error,
]  # fmt: skip


@pytest.mark.parametrize("misdeed", MISDEEDS, ids=lambda f: f.__name__)
def test_fetch__bad_manifest_answer__fails_in_time_or_takes_the_good_source(seed: Seed, misdeed: object) -> None:
    with raw(lambda connection, path: misdeed(connection, seed.honest(path))) as bad:  # type: ignore[operator]
        start = time.monotonic()
        with pytest.raises((Refused, Unavailable)) as caught:
            seed.fetch(bad, patience=QUICK)
        assert time.monotonic() - start < 20
        assert bad in str(caught.value)
        assert "\n" not in str(caught.value)
        assert left(seed) == []
        with node(seed.store) as good:
            seed.fetch(bad, good, patience=QUICK)


@pytest.mark.parametrize("misdeed", MISDEEDS, ids=lambda f: f.__name__)
def test_fetch__bad_chunk_answers__good_source_completes(seed: Seed, misdeed: object) -> None:
    def handle(connection: socket.socket, path: str) -> None:
        if path.endswith("/manifest"):
            answer(connection, seed.honest(path))
        else:
            misdeed(connection, seed.honest(path))  # type: ignore[operator]

    with raw(handle) as bad, node(seed.store) as good:
        start = time.monotonic()
        seed.fetch(bad, good, patience=QUICK)
        assert time.monotonic() - start < 20


def test_fetch__total_time_is_over__is_unavailable_and_no_thread_stays(seed: Seed) -> None:
    before = threading.active_count()

    def slow(connection: socket.socket, path: str) -> None:
        answer(connection, seed.honest(path)) if path.endswith("/manifest") else silent(connection, b"")

    with raw(slow) as uri:
        start = time.monotonic()
        with pytest.raises(Unavailable, match="time is over"):
            seed.fetch(uri, seconds=1.0, patience=Patience(read=30, answer=30))
        assert time.monotonic() - start < 10
    until = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < until:
        time.sleep(0.05)
    assert threading.active_count() <= before
