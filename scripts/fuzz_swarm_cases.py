"""What strangers do on the wire: hostile requests to a node, hostile answers to a fetch. Each from its number alone.

Only bytes and when to send them; who sends them is `fuzz_swarm`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from fuzz_swarm_news import wrong

MIB = 1 << 20
NAMES = (
    "..", "../..", "../../secret.txt", "..%2f..%2fsecret.txt", "%2e%2e/%2e%2e/secret.txt", "..%5c..%5csecret.txt",
    "....//....//secret.txt", "%252e%252e%252fsecret.txt", "/etc/passwd", "//secret.txt", "%00", "secret.txt%00.bin",
    "%0d%0aX-Injected:%201", "partial", "locks", ".", "%", "%zz", "CON", "~root", "\xff\xfe", "-1", "0x",
    "manifest.json", "1e9", "99999999999999999999", "0x" + "0" * 63, "0x" + "AB" * 32, "x" * 300,
    "\u202e".encode().decode("latin-1"),
)  # fmt: skip
RANGES = (
    "bytes=0-", "bytes=-0", "bytes=-1", "bytes=5-1", "bytes=0-0", "bytes=0-99999999999999999999", "bytes=-", "bytes=",
    "bytes=99999999999999999999-", "bytes=--1", "bytes=0-0,1-1", "bytes=" + ",".join(f"{i}-{i}" for i in range(900)),
    "octets=0-1", "bytes=0x0-0x10", "bytes=" + "9" * 4000 + "-", "bytes= 0 - 1", "bytes=1-2-3", "bytes=\xb2-\xb3",
)  # fmt: skip


@dataclass(frozen=True)
class Known:
    """What the attacked node holds: root and digests in hex, without 0x, and the names of its files."""

    root: str
    digests: list[str]
    names: list[str]

    def paths(self, chance: Random) -> list[list[str]]:
        """Every path of the node, in parts."""
        root, digest, name = self.root, chance.choice(self.digests), chance.choice(self.names)
        return [
            ["a"],
            ["a", f"0x{root}", "manifest"],
            ["a", f"0x{root}", f"0x{digest}"],
            ["a", f"0x{root}", "have"],
            ["a", f"0x{root}", "have", "0"],
            ["a", f"0x{root}", "peers"],
            ["files", root, name],
            ["r"],
            ["r", "after", "0"],
            ["distribution.txt"],
            ["data1.bin"],
            ["v1", "shard_00001.bin"],
        ]


def request(chance: Random, known: Known) -> bytes:
    """One hostile request, complete or not."""
    parts = chance.choice(known.paths(chance))
    kind = chance.randrange(6)
    if kind == 5:
        return news(chance)
    if kind == 0:
        return _get(_hostile(parts, chance))
    if kind == 1:
        parts = chance.choice([parts, ["files", known.root, chance.choice(known.names)]])
        return _get(parts, f"Range: {chance.choice(RANGES)}")
    if kind == 2:
        return _post(parts, chance)
    if kind == 3:
        return _damaged(_get(parts, f"If-None-Match: {chance.choice(NAMES)}"), chance)
    return _get(parts, *_headers(chance))


def news(chance: Random) -> bytes:
    """An announcement that must be refused."""
    body = wrong(chance)
    head = ["POST /r HTTP/1.1", "Host: x", "Connection: close", f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(head).encode() + body


def _hostile(parts: list[str], chance: Random) -> list[str]:
    changed = list(parts)
    for _ in range(chance.randrange(1, 3)):
        changed[chance.randrange(len(changed))] = chance.choice(NAMES)
    if chance.random() < 0.2:
        changed += [chance.choice(NAMES)] * chance.randrange(1, 40)
    return changed


def _get(parts: list[str], *headers: str) -> bytes:
    lines = ["GET /" + "/".join(parts) + " HTTP/1.1", "Host: x", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1", "replace")


def _post(parts: list[str], chance: Random) -> bytes:
    body = hostile_json(chance)
    length = chance.choice([len(body), len(body), 0, len(body) + 5, 10**15, -1])
    head = [f"POST /{'/'.join(parts)} HTTP/1.1", "Host: x", "Connection: close", f"Content-Length: {length}", "", ""]
    return "\r\n".join(head).encode("latin-1", "replace") + body


def _headers(chance: Random) -> list[str]:
    return chance.choice(
        [
            ["X: " + "y" * chance.randrange(1, 100_000)],
            [f"X{i}: y" for i in range(chance.randrange(1, 2_000))],
            ["Transfer-Encoding: chunked", "Content-Length: 5"],
            ["Content-Length: 1", "Content-Length: 2"],
            ["Expect: 100-continue", "Content-Length: 100"],
            ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: x", "Sec-WebSocket-Version: 13"],
            ["Connection: keep-alive, close, \x01"],
        ]
    )


def _damaged(data: bytes, chance: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randrange(1, 8)):
        place = chance.randrange(len(changed))
        match chance.randrange(3):
            case 0:
                changed[place] = chance.randrange(256)
            case 1:
                del changed[place : place + chance.randrange(1, 9)]
            case _:
                changed[place:place] = chance.randbytes(chance.randrange(1, 9))
        if not changed:
            break
    return bytes(changed) or b"\r\n\r\n"


def hostile_json(chance: Random) -> bytes:
    """JSON, or nearly, of a form that nobody asked for."""
    made: Callable[[], bytes] = chance.choice(
        [
            lambda: b"[" * chance.randrange(1, 50_000),
            lambda: b'{"a":' * chance.randrange(1, 5_000) + b"1" + b"}" * 5_000,
            lambda: b"9" * chance.randrange(1, 20_000),
            lambda: json.dumps(_value(chance, 3)).encode(),
            lambda: json.dumps([_record(chance) for _ in range(chance.randrange(1, 200))]).encode(),
            lambda: json.dumps(_record(chance)).encode(),
            lambda: chance.randbytes(chance.randrange(1, 3_000)),
            lambda: b'{"uri": NaN, "uri": Infinity, "sequence": -0}',
            lambda: b"",
        ]
    )
    return made()


def _record(chance: Random) -> dict[str, Any]:
    uri = chance.choice(["http://169.254.169.254/latest", "http://127.0.0.1:1", "file:///etc/passwd", "gopher://x", ""])
    return {
        "account": "0x" + chance.randbytes(20).hex(),
        "uri": uri,
        "sequence": chance.choice([0, 1, -1, 2**64, 2**256, "1", None]),
        "expires": chance.choice([0, 2**31, 2**63, -5, 1e308]),
        "signature": "0x" + chance.randbytes(chance.choice([0, 64, 65, 66])).hex(),
        "root": "0x" + chance.randbytes(32).hex(),
        "version": chance.choice([0, 5, 2**64]),
    }


def _value(chance: Random, depth: int) -> Any:
    if depth == 0 or chance.random() < 0.3:
        return chance.choice([None, True, -1, 2**70, 1.5, "", "../x", "0x" + "00" * 32, chance.choice(NAMES)])
    if chance.random() < 0.5:
        return [_value(chance, depth - 1) for _ in range(chance.randrange(4))]
    return {chance.choice(NAMES): _value(chance, depth - 1) for _ in range(chance.randrange(4))}


ATTACKED = ("manifest", "chunk", "have", "peers", "files", "distribution.txt", "shard")


def kind_of(path: str) -> str:
    """Which of ATTACKED a path asks for, or "other"."""
    parts = path.strip("/").split("/")
    if parts[0] == "a" and len(parts) >= 3:
        return parts[2] if parts[2] in ATTACKED else "chunk"
    if parts[0] == "files":
        return "files"
    if parts[0] == "distribution.txt":
        return "distribution.txt"
    return "shard" if parts[-1].startswith("shard_") else "other"


def hostile_answer(chance: Random, kind: str, honest: bytes) -> Iterator[bytes | float]:
    """What a hostile source sends to a request of this kind: bytes, and seconds to wait in between. It may not end."""
    forged = forge(chance, kind, honest)
    choice = chance.randrange(20)
    if choice < 10:
        yield _head(200, len(forged)) + forged
    elif choice < 13:
        yield _head(chance.choice([206, 301, 302, 304, 404, 416, 429, 500, 503, 999, 0]), len(forged)) + forged
    elif choice == 13:
        yield _head(200, chance.choice([len(honest) + 1, 10**12, 0, len(honest) - 1])) + honest
    elif choice == 14:
        yield _head(200, len(honest), "Content-Encoding: gzip") + honest
    elif choice == 15:
        yield _damaged(_head(200, len(honest)) + honest[:2000], chance) + honest[2000:]
    elif choice == 16:
        yield chance.choice(
            [b"", b"\x16\x03\x01\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 6000 + b"\r\n\r\n"]
        )
    elif choice == 17:
        yield from _endless(chance)
    else:
        yield from _dripping(chance, honest)


def _endless(chance: Random) -> Iterator[bytes | float]:
    head, piece = chance.choice(
        [
            (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65536 + b"\r\n"),
            (b"HTTP/1.1 200 OK\r\n", b"X-More: " + b"x" * 1000 + b"\r\n"),
            (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 50),
        ]
    )
    yield head
    while True:
        yield piece


def _dripping(chance: Random, honest: bytes) -> Iterator[bytes | float]:
    data = _head(200, len(honest)) + honest
    start = chance.choice([0, 10, len(data) - 5])
    yield data[:start]
    for place in range(start, len(data)):
        yield chance.choice([0.02, 0.1, 5.0])
        yield data[place : place + 1]


def _head(status: int, length: int, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {length}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode()


def forge(chance: Random, kind: str, honest: bytes) -> bytes:
    """Other bytes than the honest ones, of the kind that is asked for."""
    if kind == "manifest":
        return _forged_manifest(chance, honest)
    if kind == "peers":
        return hostile_json(chance)
    if kind == "have":
        return chance.choice([b"", b"\xff", b"\xff" * len(honest), chance.randbytes(len(honest) + 1), bytes(MIB)])
    if kind == "distribution.txt":
        return _forged_table(chance)
    return chance.choice(
        [_damaged(honest, chance), honest[:-1], honest + b"x", bytes(len(honest)), b"", bytes(2 * MIB)]
    )


def _forged_manifest(chance: Random, honest: bytes) -> bytes:
    if chance.random() < 0.3:
        return _damaged(honest, chance)
    plain = json.loads(honest)
    file = chance.choice(plain["files"])
    match chance.randrange(8):
        case 0:
            file["name"] = chance.choice(NAMES)
        case 1:
            file["size"] = chance.choice([0, -1, 2**63, 1.5, "1", 10**30, file["size"] + 1])
        case 2:
            file["chunks"] = [chance.choice(NAMES), *file["chunks"]]
        case 3:
            plain["files"] *= chance.randrange(2, 200)
        case 4:
            plain[chance.choice(NAMES)] = _value(chance, 3)
        case 5:
            plain[chance.choice(list(plain))] = _value(chance, 3)
        case 6:
            file["chunks"] = ["0x" + chance.randbytes(32).hex() for _ in file["chunks"]]
        case _:
            return hostile_json(chance)
    return json.dumps(plain, separators=(",", ":"), sort_keys=True).encode()


def _forged_table(chance: Random) -> bytes:
    name = chance.choice(["../../pwned", "v1", "v-1", "v" + "9" * 400, "/etc/passwd", "v1\x00", "V1"])
    digest = chance.choice(["00" * 32, "zz" * 32, "", "0" * 63])
    shards = chance.choice(["1", "99999", "-1", "1e3", "9" * 400, "", "0"])
    return chance.choice([f"{name}: {digest}|{shards}\n".encode("latin-1") * chance.choice([1, 2, 500]), bytes(MIB)])
