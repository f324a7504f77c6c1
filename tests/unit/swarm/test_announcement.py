"""What strangers may say in an announcement: exact forms, and hundreds of wrong ones."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from assay.errors import Refused
from assay.swarm import announcement
from assay.swarm.announcement import ANNOUNCEMENT_BYTES, RECORDS, Announcement
from assay.swarm.releases import Releases, Taken
from unit.swarm.words import HERE, NOW, a_chain, a_delta, a_record, a_release

GOOD = Announcement(a_release(), (a_record(), a_record(2, "")))
ODD = (None, True, -1, 0, 1e300, float("nan"), 1 << 70, "", "0x", "x" * 3000, "\ud800", [], {}, [[]], "http://[::1]/")


def test_parse__what_to_json_wrote__is_the_same() -> None:
    for made in (GOOD, Announcement(a_delta())):
        assert announcement.parse(made.to_json()) == made


def test_to_json__longest_records__fit() -> None:
    longest = a_record(uri="http://node.example/" + "a" * 2027)
    data = Announcement(a_release(), (longest,) * RECORDS).to_json()
    assert len(data) < ANNOUNCEMENT_BYTES
    announcement.parse(data)


def test_read__too_many_records__are_refused() -> None:
    with pytest.raises(Refused, match="at most 2"):
        announcement.read(Announcement(a_release(), (a_record(),) * (RECORDS + 1)).plain())


@pytest.mark.parametrize("seed", range(6))
def test_parse__damaged_bytes__are_refused_or_another_announcement_that_no_book_takes(seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311  seeded on purpose
    good, book = GOOD.to_json(), Releases(HERE, a_chain(), lambda: NOW)
    for _ in range(60):
        data = bytearray(good)
        for _ in range(draw.randrange(1, 5)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        try:
            found = announcement.parse(bytes(data))
        except Refused:
            continue
        if found.release != GOOD.release:
            with pytest.raises(Refused):
                book.offer(found.release)
        for record in found.records:
            if record not in GOOD.records:
                with pytest.raises(Refused):
                    record.check(HERE, NOW)
    assert book.offer(GOOD.release) is Taken.NEW


def test_read__each_field_replaced_by_odd_values__is_refused() -> None:
    for where in ("release", "records"):
        for name in sorted(GOOD.release.plain() if where == "release" else GOOD.records[0].plain()):
            for odd in ODD:
                plain: dict[str, Any] = GOOD.plain()
                inner = plain["release"] if where == "release" else plain["records"][0]
                if odd == inner[name] or (name in {"sequence", "expires", "task", "version"} and odd == 0):
                    continue
                if name == "uri" and odd in ("", "http://[::1]/"):
                    continue  # of the right form
                inner[name] = odd
                with pytest.raises(Refused):
                    announcement.read(plain)


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 16_000,
        b'{"records":[' * 900,
        b'{"records":[' + b"{}," * 5000 + b'{}],"release":{}}',
        b'{"records":[],"records":[],"release":{}}',
        b'"' + b"\\u0000" * 2600 + b'"',
        b"9" * 16_000,
        b"1e999999999",
        b" " * (ANNOUNCEMENT_BYTES + 1),
    ],
)
def test_parse__bombs__are_refused_quickly(data: bytes) -> None:
    began = time.process_time()
    with pytest.raises(Refused):
        announcement.parse(data)
    assert time.process_time() - began < 0.5
