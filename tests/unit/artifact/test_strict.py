"""JSON from strangers, within bounds of size, depth, time and memory."""

from __future__ import annotations

import json
import random
import sys
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.artifact import strict
from assay.errors import Refused
from assay.types import Reason

LIMIT = 4 << 20


@pytest.fixture(autouse=True)
def limit_as_web3_leaves_it() -> Iterator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    yield
    sys.setrecursionlimit(before)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e300, 1e300) | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=20,
    )
)  # fmt: skip
def test_load__any_json__is_what_the_standard_parser_gives(value: Any) -> None:
    data = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    assert strict.load(data, LIMIT, "it") == json.loads(data)


@pytest.mark.parametrize(
    "data",
    [
        b"[" * LIMIT,
        b'{"a":' * (LIMIT // 5),
        b"[" * (LIMIT // 2) + b"]" * (LIMIT // 2),
        b'"' + b"\\" * (LIMIT - 1),
        b'"' * (LIMIT - 1),
        b'"\\' * (LIMIT // 2),
        b"[" + b"{}," * (LIMIT // 4) + b"{}]",
        b"[" + b"[]," * (LIMIT // 4) + b"[]]",
        b"[" + b"9" * (LIMIT - 2) + b"]",
        b"[1" + b",1e999" * (LIMIT // 7) + b"]",
        b"[" + b'"",' * (LIMIT // 3 - 1) + b"0]",
        b"[" + b"[[[[]]]]," * (LIMIT // 9 - 1) + b"0]",
    ],
    ids=lambda data: str(data[:12]),
)
def test_load__hostile_4_megabytes__stays_within_time_and_memory(data: bytes) -> None:
    tracemalloc.start()
    try:
        start = time.process_time()
        try:
            strict.fields(strict.load(data, LIMIT, "it"), ("a",), "it")
        except Refused as error:
            assert error.reason is Reason.SCHEMA
        else:
            pytest.fail("nothing of this is an object")
        assert time.process_time() - start < 10  # tracing takes most of it
        assert tracemalloc.get_traced_memory()[1] < 200e6
    finally:
        tracemalloc.stop()


def test_load__depth_at_the_bound__is_read_and_one_more_refused() -> None:
    strict.load(b"[" * strict.MAX_DEPTH + b"]" * strict.MAX_DEPTH, LIMIT, "it")
    strict.load(b'["' + b"[" * 1000 + b'", "\\"' + b"{" * 1000 + b'"]', LIMIT, "brackets in strings")
    with pytest.raises(Refused, match="deep"):
        strict.load(b"[" * (strict.MAX_DEPTH + 1) + b"]" * (strict.MAX_DEPTH + 1), LIMIT, "it")


@pytest.mark.parametrize("data", [b"NaN", b"[Infinity]", b"-Infinity", b'{"a":1,"a":1}', b"\xff", b"", b"1 2", b"01"])
def test_load__not_strict_json__is_refused(data: bytes) -> None:
    with pytest.raises(Refused):
        strict.load(data, LIMIT, "it")


def test_load__mutated_documents__raise_only_refused() -> None:
    whole = json.dumps({"a": [1, 2.5, 'x\\"y', {"b": None}], "c": "\u00e4" * 5}).encode()
    chance = random.Random(3)  # noqa: S311
    for _ in range(5000):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(data))
            data[at : at + chance.randint(0, 2)] = chance.randbytes(chance.randint(0, 3))
        try:
            strict.load(bytes(data), LIMIT, "it")
        except Refused:
            continue
