"""Which URIs of strangers a node connects to; a fake resolver stands for the name service, no packet is sent."""

from __future__ import annotations

import pytest

from assay.errors import Refused, Unavailable
from assay.swarm.addresses import Source, allowed, locate
from assay.types import Reason

PUBLIC = "93.184.216.34"


def answers(*addresses: str) -> list[str]:
    return list(addresses)


@pytest.mark.parametrize(
    ("uri", "addresses"),
    [
        ("http://localhost:8700", ["127.0.0.1"]),
        ("http://127.0.0.1/", ["127.0.0.1"]),
        ("http://2130706433/", ["127.0.0.1"]),
        ("http://0x7f.1/", ["127.0.0.1"]),
        ("http://[::1]:80/", ["::1"]),
        ("http://[::ffff:127.0.0.1]/", ["::ffff:127.0.0.1"]),
        ("http://[::ffff:10.0.0.1]/", ["::ffff:a00:1"]),
        ("http://[::127.0.0.1]/", ["::7f00:1"]),
        ("http://[64:ff9b::7f00:1]/", ["64:ff9b::7f00:1"]),
        ("http://[2002:7f00:1::]/", ["2002:7f00:1::"]),
        ("http://ten.example/", ["10.1.2.3"]),
        ("http://house.example/", ["192.168.1.1"]),
        ("http://carrier.example/", ["100.64.0.1"]),
        ("http://metadata.example/", ["169.254.169.254"]),
        ("http://[fe80::1]/", ["fe80::1"]),
        ("http://[fc00::1]/", ["fc00::1"]),
        ("http://[fec0::1]/", ["fec0::1"]),
        ("http://zero.example/", ["0.0.0.0"]),  # noqa: S104  an address to refuse
        ("http://multicast.example/", ["224.0.0.1"]),
        ("http://[ff02::1]/", ["ff02::1"]),
        ("http://reserved.example/", ["240.0.0.1"]),
        ("http://broadcast.example/", ["255.255.255.255"]),
        ("http://documentation.example/", ["192.0.2.1"]),
        ("http://rebinding.example/", [PUBLIC, "127.0.0.1"]),
        ("http://odd.example/", ["not an address"]),
    ],
)
def test_locate__any_address_is_not_public__is_refused(uri: str, addresses: list[str]) -> None:
    with pytest.raises(Refused, match="isn't a public address") as caught:
        locate(uri, resolver=lambda host, port: addresses)
    assert caught.value.reason is Reason.MISSING


@pytest.mark.parametrize(
    "uri",
    [
        "file:///etc/passwd",
        "gopher://example.org/",
        "ftp://example.org/",
        "//example.org/",
        "example.org",
        "",
        "http://",
        "http:///path",
        "http://user@example.org/",
        "http://user:secret@example.org/",
        "http://example.org/?q=1",
        "http://example.org/#part",
        "http://example.org/a?",
        "http://example.org:0/",
        "http://example.org:99999/",
        "http://example.org:port/",
        "http://exa mple.org/",
        "http://example.org/\r\nHost: other",
        "http://example.org/\x00",
        "http://ex\u00e4mple.org/",
        "http://example.org\\@127.0.0.1/",
        "http://[::1%25lo]/",
        "http://[::1/",
        "http://example.org/../../x",
        "http://example.org/%2e%2e/",
        "http://-example.org/",
        "http://" + "a" * 3000,
    ],
)
def test_locate__form_that_is_not_allowed__is_refused_before_any_lookup(uri: str) -> None:
    def resolver(host: str, port: int) -> list[str]:
        raise AssertionError("nothing may be looked up")

    with pytest.raises(Refused) as caught:
        locate(uri, resolver=resolver)
    assert "\n" not in str(caught.value)


def test_locate__public_host__gives_the_checked_address() -> None:
    found = locate("https://Node.example.org:8443/files/", resolver=lambda host, port: answers(PUBLIC, "8.8.8.8"))
    assert found == Source(
        "https://Node.example.org:8443/files/", "https", "node.example.org", 8443, "/files", PUBLIC
    )  # fmt: skip
    assert locate("http://example.org", resolver=lambda host, port: answers(PUBLIC)).port == 80


def test_locate__host_without_address__is_unavailable() -> None:
    with pytest.raises(Unavailable, match="no address"):
        locate("http://gone.example/", resolver=lambda host, port: answers())


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "192.168.0.1", "::1", "fc00::1", PUBLIC, "2606:2800::1"])
def test_allowed__private_permitted__lets_own_networks_through(address: str) -> None:
    assert allowed(address, allow_private=True)


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "fe80::1", "0.0.0.0", "::", "224.0.0.1", "::ffff:169.254.1.1"]  # noqa: S104
)  # fmt: skip
def test_allowed__private_permitted__metadata_and_multicast_stay_refused(address: str) -> None:
    assert not allowed(address, allow_private=True)


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:2800:220:1::1", "::ffff:8.8.8.8"])
def test_allowed__public__is_let_through(address: str) -> None:
    assert allowed(address, allow_private=False)
