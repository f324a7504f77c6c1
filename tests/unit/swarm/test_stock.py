"""What stock shardcast reads and writes: the table of versions, and shards cut out of one file."""

from __future__ import annotations

from pathlib import Path

import pytest
from blake3 import blake3

from assay.errors import Refused, Unavailable
from assay.swarm.stock.gateway import Gateway
from assay.swarm.stock.origin import TABLE_BYTES, Listed, parse_table

DIGEST = "ab" * 32


def test_offer__file__is_listed_with_hash_and_shards_as_shardcast_writes_it(tmp_path: Path) -> None:
    data = bytes(range(256)) * 10
    (tmp_path / "weights").write_bytes(data)
    gateway = Gateway(shard_bytes=1000)
    assert gateway.offer(7, tmp_path / "weights") == blake3(data).digest()
    assert gateway.table() == f"v7: {blake3(data).hexdigest()}|3\n".encode()
    assert [gateway.shard(7, number)[1:] for number in (1, 2, 3)] == [(0, 1000), (1000, 1000), (2000, 560)]
    for version, number in ((7, 0), (7, 4), (6, 1), (7, -1)):
        with pytest.raises(Unavailable):
            gateway.shard(version, number)


def test_offer__more_versions_than_are_kept__lists_the_newest(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"x")
    gateway = Gateway(keep=2)
    for version in (3, 1, 10, 9):
        gateway.offer(version, tmp_path / "weights")
    assert list(parse_table(gateway.table())) == [9, 10]


@pytest.mark.parametrize("version", [-1, 10**9])
def test_offer__version_that_has_no_name__is_refused(tmp_path: Path, version: int) -> None:
    (tmp_path / "weights").write_bytes(b"x")
    with pytest.raises(Refused, match="can't have"):
        Gateway().offer(version, tmp_path / "weights")


def test_offer__empty_linked_or_missing_file__is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "link").symlink_to("empty")
    for name, error in (("empty", Refused), ("link", Refused), ("none", Unavailable)):
        with pytest.raises(error):
            Gateway().offer(1, tmp_path / name)


def test_parse_table__table__is_read_by_version() -> None:
    digest = bytes.fromhex(DIGEST)
    assert parse_table(f"v1: {DIGEST}|4\nv12: {DIGEST}|99999\n\n".encode()) == {
        1: Listed(1, digest, 4),
        12: Listed(12, digest, 99999),
    }
    assert parse_table(b"") == {}


@pytest.mark.parametrize(
    "line",
    [
        f"../../x: {DIGEST}|4", f"v1/../../x: {DIGEST}|4", f"v-1: {DIGEST}|4", f"v01: {DIGEST}|4", f"v1: {DIGEST}|0",
        f"v1: {DIGEST}|100000", f"v1: {DIGEST[:-2]}|4", f"v1: {DIGEST.upper()}|4", f"v1: {DIGEST}|4|5", "v1", "\x00",
        f"v{'9' * 5000}: {DIGEST}|4", f"v1: {DIGEST}|{'9' * 5000}", f"v1: {DIGEST}|4\nv1: {DIGEST}|5",
    ],
)  # fmt: skip
def test_parse_table__other_line__is_refused(line: str) -> None:
    with pytest.raises(Refused, match=r"another form|twice"):
        parse_table(line.encode())


def test_parse_table__long_table__is_refused() -> None:
    with pytest.raises(Refused, match="more than"):
        parse_table(b"\n" * (TABLE_BYTES + 1))
