"""The head of an HTTP answer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import Unavailable
from assay.swarm.answer import parse, piece_length


def test_parse__plain_answer__gives_status_and_length_and_stays() -> None:
    head = parse(b'HTTP/1.1 200 OK\r\ncontent-LENGTH: 12\r\nETag: "a:b"')
    assert (head.status, head.length, head.stays, head.pieces, head.encoded) == (200, 12, True, False, False)
    assert head.headers[b"etag"] == b'"a:b"'


@pytest.mark.parametrize(
    ("raw", "stays"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: Close", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive", True),
        (b"HTTP/1.1 200 OK", False),
        (b"HTTP/1.1 200\r\nTransfer-Encoding: chunked", True),
    ],
)
def test_parse__connection__stays_only_when_the_end_is_known(raw: bytes, stays: bool) -> None:
    assert parse(raw).stays is stays


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x16\x03\x01 hello",
        b"HTTP/2 200 OK",
        b"HTTP/1.1 2000 OK",
        b"HTTP/1.1 200 OK\r\nno colon",
        b"HTTP/1.1 200 OK\r\n folded: x",
        b"HTTP/1.1 200 OK\r\nA: b\nContent-Length: 5",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6",
        b"HTTP/1.1 200 OK\r\nContent-Length: +5",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 6000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked",
    ],
)
def test_parse__malformed_head__is_no_answer(raw: bytes) -> None:
    with pytest.raises(Unavailable):
        parse(raw)


@pytest.mark.parametrize(
    ("value", "span"),
    [
        (b"bytes 0-99/200", (0, 100)),
        (b"bytes 5-5/*", (5, 1)),
        (b"bytes 9-5/20", None),
        (b"bytes */20", None),
        (b"bytes=0-99", None),
        (b"", None),
    ],
)
def test_span__content_range__is_read_strictly(value: bytes, span: tuple[int, int] | None) -> None:
    assert parse(b"HTTP/1.1 206 P\r\nContent-Range: " + value).span == span


def test_retry_after__seconds__are_bounded_and_dates_ignored() -> None:
    assert parse(b"HTTP/1.1 503 B\r\nRetry-After: 2").retry_after == 2.0
    assert parse(b"HTTP/1.1 503 B\r\nRetry-After: 99999999").retry_after == 30.0
    assert parse(b"HTTP/1.1 503 B\r\nRetry-After: Wed, 25 Nov 2026 02:00:00 GMT").retry_after == 0.0


def test_piece_length__hexadecimal__is_read_strictly() -> None:
    assert piece_length(b"1F;name=value") == 31
    assert piece_length(b"0") == 0
    for line in (b"", b"-1", b"0x10", b"1_0", b"f" * 13, b"g"):
        with pytest.raises(Unavailable):
            piece_length(line)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_parse__any_bytes__is_a_head_or_unavailable(raw: bytes) -> None:
    for data in (raw, b"HTTP/1.1 200 OK\r\n" + raw):
        try:
            head = parse(data)
        except Unavailable:
            continue
        assert 100 <= head.status < 600
        assert head.length is None or head.length >= 0
        assert head.stays in {True, False}
