"""Logs as an endpoint may give them: doubled, out of order, out of range, taken back."""

from __future__ import annotations

from typing import Any

import pytest

from assay.chain.events import _in_order, _plain
from assay.errors import Unavailable


def log(block: int, index: int, hash_: str = "0xaa", **more: Any) -> dict[str, Any]:
    return {"blockNumber": hex(block), "logIndex": hex(index), "blockHash": hash_, **more}


def test_in_order__shuffled_and_doubled__gives_each_once_in_order() -> None:
    given = [log(3, 1), log(2, 5), log(3, 0), log(2, 5)]
    assert _in_order(given, 2, 3) == [log(2, 5), log(3, 0), log(3, 1)]


@pytest.mark.parametrize("block", [1, 4])
def test_in_order__log_outside_the_range__is_unavailable(block: int) -> None:
    with pytest.raises(Unavailable, match="outside 2 to 3"):
        _in_order([log(block, 0)], 2, 3)


def test_in_order__two_logs_at_one_place__is_unavailable() -> None:
    with pytest.raises(Unavailable, match="two logs"):
        _in_order([log(2, 0, "0xaa"), log(2, 0, "0xbb")], 2, 3)


def test_in_order__removed_log__is_left_out() -> None:
    assert _in_order([log(2, 0, removed=True), log(2, 1)], 2, 3) == [log(2, 1)]


def test_plain__nested_values__become_what_json_holds() -> None:
    assert _plain({"a": b"\x01", "b": [(1 << 200, b"")]}) == {"a": "0x01", "b": [[1 << 200, "0x"]]}
