"""Node records and the words that all signed things share."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from assay.errors import Refused
from assay.swarm import record
from assay.swarm.record import LIFE_SECONDS, LONGEST_SECONDS, RECORD_BYTES, Own
from assay.swarm.signed import Network, Stale
from assay.types import Reason
from unit.swarm.words import HERE, NOW, a_record, key


@pytest.mark.parametrize("uri", ["", "https://node.example:8443/files", "http://" + "a" * 250])
def test_parse__what_to_json_wrote__is_the_same_and_holds(uri: str) -> None:
    made = a_record(uri=uri)
    found = record.parse(made.to_json())
    assert found == made
    found.check(HERE, NOW)
    assert len(made.to_json()) <= RECORD_BYTES


@pytest.mark.parametrize(
    "changed",
    [
        {"uri": "http://other.example"},
        {"uri": ""},
        {"sequence": 2},
        {"expires": int(NOW) + 100},
        {"account": key(2).account},
        {"signature": bytes(65)},
        {"signature": b"\1" * 64 + b"\x1b"},
    ],
)
def test_check__any_field_changed__is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        replace(a_record(), **changed).check(HERE, NOW)
    assert caught.value.reason is Reason.BINDING
    assert not isinstance(caught.value, Stale)


@pytest.mark.parametrize("other", [Network(1, HERE.ledger), Network(HERE.chain_id, "0x" + "AB" * 20)])
def test_check__signed_for_another_chain__is_refused(other: Network) -> None:
    with pytest.raises(Refused, match="isn't signed by"):
        a_record().check(other, NOW)


def test_check__second_spelling_of_a_signature__is_refused() -> None:
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    made = a_record()
    s = order - int.from_bytes(made.signature[32:64], "big")
    other = made.signature[:32] + s.to_bytes(32, "big") + bytes([27 + 28 - made.signature[64]])
    with pytest.raises(Refused, match="malformed"):
        replace(made, signature=other).check(HERE, NOW)


def test_check__expired__is_stale_and_too_long__is_refused() -> None:
    with pytest.raises(Stale, match="expired"):
        a_record(life=0).check(HERE, NOW)
    with pytest.raises(Refused, match="longer than"):
        a_record(life=LONGEST_SECONDS + 1).check(HERE, NOW)
    a_record(life=LONGEST_SECONDS).check(HERE, NOW)


@pytest.mark.parametrize(
    "changed",
    [
        {"uri": "file:///etc/passwd"},
        {"uri": "http://user@host/"},
        {"uri": "http://host/../x"},
        {"uri": None},
        {"uri": "http://" + "a" * 3000},
        {"account": key(1).account.upper()},
        {"sequence": -1},
        {"sequence": True},
        {"sequence": 1.0},
        {"sequence": 1 << 60},
        {"expires": "soon"},
        {"signature": "0x00"},
        {"more": 1},
    ],
)
def test_read__wrong_form__is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        record.read(a_record().plain() | changed)


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"\xff", b"[" * 1000, b" " * 5000, b'{"uri":1,"uri":2}'])
def test_parse__garbage__is_refused(data: bytes) -> None:
    with pytest.raises(Refused):
        record.parse(data)


def test_own__half_its_life_is_over_or_the_uri_changed__is_signed_anew_with_a_higher_sequence() -> None:
    now, uri = [NOW], ["http://one.example"]
    own = Own(HERE, key(1).account.upper().replace("0X", "0x"), key(1).sign, lambda: uri[0], lambda: now[0])
    first = own.record()
    first.check(HERE, NOW)
    assert own.record() is first
    now[0] += LIFE_SECONDS / 2 + 1
    second = own.record()
    uri[0] = ""
    third = own.record()
    assert first.sequence < second.sequence < third.sequence
    assert (second.uri, third.uri) == ("http://one.example", "")
    third.check(HERE, now[0])


def test_to_json__is_canonical() -> None:
    plain = json.loads(a_record().to_json())
    assert list(plain) == sorted(plain) == ["account", "expires", "sequence", "signature", "uri"]
