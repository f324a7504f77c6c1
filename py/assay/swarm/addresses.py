"""URIs from strangers: which ones a node may connect to, and to which address exactly.

A name is resolved once, every address that it has is checked, and the connection goes to the checked one, so a name
that answers differently the second time gains nothing. Knows nothing of HTTP. Doesn't protect public hosts from being
asked.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from assay.errors import Refused, Unavailable
from assay.types import Reason

Resolver = Callable[[str, int], list[str]]
"""From host and port to all addresses that the host has; Unavailable when it has none."""

URI_CHARACTERS = 2048
_PORTS = {"http": 80, "https": 443}
_URI = re.compile(r"[!-~]+")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.\-]{0,251}[A-Za-z0-9.])?")
_PATH = re.compile(r"(/[A-Za-z0-9_.~\-]+)*")
_WRAPPED = (IPv6Network("2002::/16"), IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
"""IPv6 ranges that carry an IPv4 address on to a gateway: what lies behind can't be judged here."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a node serves, and the one address that was checked for it."""

    uri: str
    scheme: str
    host: str
    port: int
    path: str
    address: str


def resolve(host: str, port: int) -> list[str]:
    """Ask the system's resolver for all addresses of a host."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unavailable(f"the host {host} has no address: {error}") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def locate(uri: str, *, allow_private: bool = False, resolver: Resolver = resolve) -> Source:
    """Check a URI of the form http(s)://host[:port][/path] and choose the address to connect to.

    Args:
        allow_private: let through loopback and private networks, for chains on one machine or in one house.
            Link-local (where clouds keep their secrets), multicast and unspecified addresses stay refused.

    Raises:
        Refused: another scheme or form, or a host with any address that isn't allowed.
        Unavailable: the host has no address.
    """
    scheme, host, port, path = _split(uri)
    addresses = resolver(host, port)
    if not addresses:
        raise Unavailable(f"the host {host} has no address")
    for address in addresses:
        if not allowed(address, allow_private):
            raise _refused(uri, f"leads to {address[:50]}, which isn't a public address")
    return Source(uri, scheme, host, port, path, addresses[0])


def check_form(uri: str) -> None:
    """Raise Refused unless the URI has a form that `locate` may let through; looks nothing up."""
    _split(uri)


def allowed(address: str, allow_private: bool) -> bool:
    """Whether a node may connect to this IP address on a stranger's word."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if ip.is_multicast or ip.is_unspecified or ip.is_link_local or ip == IPv4Address("255.255.255.255"):
        return False
    if allow_private and (ip.is_private or ip.is_loopback):
        return True
    if isinstance(ip, IPv6Address) and (ip.is_site_local or any(ip in network for network in _WRAPPED)):
        return False
    return ip.is_global and not ip.is_reserved


def _split(uri: str) -> tuple[str, str, int, str]:
    if len(uri) > URI_CHARACTERS or not _URI.fullmatch(uri):
        raise _refused(uri, f"isn't printable ASCII of at most {URI_CHARACTERS} characters")
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        raise _refused(uri, "isn't a URI") from None
    if parts.scheme not in _PORTS:
        raise _refused(uri, "is neither http nor https")
    if parts.username is not None or parts.password is not None or "?" in uri or "#" in uri:
        raise _refused(uri, "has a user, a query or a fragment")
    host = parts.hostname or ""
    path = parts.path.rstrip("/")
    if not (_HOST.fullmatch(host) or _is_ipv6(host)) or not _PATH.fullmatch(path) or "/.." in path:
        raise _refused(uri, "has a host or a path that isn't allowed")
    port = _PORTS[parts.scheme] if port is None else port
    if port == 0:
        raise _refused(uri, "names port 0")
    return parts.scheme, host, port, path


def _is_ipv6(host: str) -> bool:
    try:
        return "%" not in host and ip_address(host).version == 6
    except ValueError:
        return False


def _refused(uri: str, why: str) -> Refused:
    return Refused(f"the URI {uri[:80]!r} {why}", Reason.MISSING)
