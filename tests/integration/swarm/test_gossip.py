"""How news travels between real servers, and what strangers can do to one."""

from __future__ import annotations

import json
import random
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from assay.protocol.hashing import hex32, keccak
from assay.swarm import news
from assay.swarm.announcement import ANNOUNCEMENT_BYTES, Announcement
from assay.swarm.gate import Limits
from assay.swarm.gossip import LIST_BYTES
from assay.swarm.release import Release
from assay.swarm.releases import Taken
from integration.swarm.gossips import Node, row
from unit.swarm.words import a_delta, a_record, a_release, root_of

pytestmark = pytest.mark.integration


def soon(true: Callable[[], bool], seconds: float = 15.0) -> float:
    """Wait until it is true; gives how long that took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds
        time.sleep(0.005)
    return time.monotonic() - began


def ask(node: Node, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    connection = HTTPConnection(urlsplit(node.uri).netloc, timeout=30)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def resident() -> int:
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def mine(node: Node, version: int = 5) -> Release:
    number = next(n for n in range(10, 30) if a_record(n).account == node.key.account)
    return a_release(version, number=number)


@pytest.fixture
def node() -> Iterator[Node]:
    with Node(10).serving() as made:
        yield made


def test_announce__three_hops__arrives_at_all_with_where_to_fetch_it() -> None:
    with row(4) as (a, b, c, d):
        began = time.monotonic()
        a.gossip.announce(mine(a))
        soon(lambda: d.gossip.releases.newest(1) == 5)
        assert time.monotonic() - began < 10  # on a free machine it is a tenth of a second: scripts/bench/swarm_news.py
        soon(lambda: [each.uri for each in b.gossip.holders(root_of(1, 5))] == [a.uri])
        soon(lambda: c.uri in {each.uri for each in d.gossip.holders(root_of(1, 5))})


def test_announce__ring_of_nodes__each_is_told_a_few_times_and_it_ends() -> None:
    with row(5) as nodes:
        for one in nodes:
            one.enlisted[:] = [other.uri for other in nodes if other is not one]
        nodes[0].gossip.announce(mine(nodes[0]))
        soon(lambda: all(each.gossip.releases.newest(1) == 5 for each in nodes))
        time.sleep(0.5)
        sent = sum(int(str(each.gossip.snapshot()["sent"])) for each in nodes)
        assert 4 <= sent <= 5 * 4
        assert nodes[0].gossip.announce(mine(nodes[0])) is Taken.KNOWN


def test_announce__chain_of_a_node_lags__waits_there_and_goes_on_from_its_next_block() -> None:
    with row(3) as (a, b, c):
        b.tip = 4
        a.gossip.announce(mine(a))
        soon(lambda: b.gossip.knows(root_of(1, 5)))
        assert b.gossip.settle() == []
        assert c.gossip.releases.newest(1) == -1
        b.tip = 5
        assert b.gossip.settle() == [mine(a)]
        soon(lambda: c.gossip.releases.newest(1) == 5)


def test_announce__forged_or_of_another_root__goes_no_further() -> None:
    with row(2) as (a, b):
        wrong = keccak(b"wrong")
        for bad in (replace(a_release(), size=7), a_release(root=wrong, artifact=wrong)):
            status, _ = ask(a, "POST", "/r", Announcement(bad).to_json())
            assert status == 400
        time.sleep(0.2)
        assert (a.gossip.releases.newest(1), b.gossip.releases.newest(1)) == (-1, -1)


def test_listen__node_that_cannot_be_reached__hears_at_once_and_passes_it_on(node: Node) -> None:
    hidden = Node(11)
    hidden.enlisted.append(node.uri)
    with Node(12).serving() as friend, hidden.listening():
        soon(lambda: node.desk.gate._waiting == 1)
        hidden.enlisted.append(friend.uri)
        node.gossip.announce(mine(node))
        assert soon(lambda: hidden.gossip.releases.newest(1) == 5) < 10
        soon(lambda: friend.gossip.releases.newest(1) == 5)
        soon(lambda: [each.uri for each in hidden.gossip.holders(root_of(1, 5))] == [node.uri])


def test_exchange__flooding_missed_a_node__it_asks(node: Node) -> None:
    late = Node(11)
    try:
        node.gossip.announce(mine(node))
        assert late.gossip.exchange() == 0
        late.enlisted.append(node.uri)
        assert late.gossip.exchange() == 1
        assert late.gossip.exchange() == 0
        assert late.gossip.releases.newest(1) == 5
    finally:
        late.close()


def test_after__restarted_node_or_invented_number__gets_everything_at_once(node: Node) -> None:
    node.gossip.announce(mine(node))
    for number in (0, node.gossip.releases.serial + 10_000, (1 << 53) - 1):
        status, body = ask(node, "GET", f"/r/after/{number}")
        assert (status, len(json.loads(body)["releases"])) == (200, 1)
        assert json.loads(body)["next"] == node.gossip.releases.serial
    assert [ask(node, "GET", f"/r/after/{bad}")[0] for bad in ("-1", "x", str(1 << 60))] == [422] * 3


def test_after__nothing_new__answers_empty_when_the_time_is_over(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news, "POLL_SECONDS", 0.2)
    serial = node.gossip.releases.serial
    assert json.loads(ask(node, "GET", f"/r/after/{serial}")[1]) == {"next": serial, "releases": []}


def test_peers__record_of_a_known_artifact__is_listed(node: Node) -> None:
    path = f"/a/{hex32(root_of(1, 5))}/peers"
    assert ask(node, "POST", path, a_record().to_json())[0] == 404
    node.gossip.announce(mine(node))
    assert ask(node, "POST", path, a_record().to_json())[0] == 204
    assert ask(node, "POST", path, a_record().to_json())[0] == 204
    assert ask(node, "POST", path, a_record(2, "").to_json())[0] == 204  # it can't be reached, so nobody is sent to it
    assert json.loads(ask(node, "GET", path)[1]) == [a_record().plain()]
    node.held.add(root_of(1, 5))
    listed = json.loads(ask(node, "GET", path)[1])
    assert [each["uri"] for each in listed] == [node.uri, a_record().uri]
    assert [node.gossip.reader(each) for each in listed] == [node.uri, a_record().uri]
    moved = a_record(uri="http://moved.example", sequence=2)
    assert ask(node, "POST", path, moved.to_json())[0] == 204
    assert node.gossip.reader(a_record().plain()) == moved.uri  # an old record leads to the newest
    assert ask(node, "POST", path, replace(a_record(3), sequence=7).to_json())[0] == 400
    assert ask(node, "POST", path, a_record(4, life=-5).to_json())[0] == 409
    assert ask(node, "GET", "/a/0x12/peers")[0] == 422


def mutated(draw: random.Random, good: bytes) -> bytes:
    """A body that isn't an honest one, in one of many ways."""
    data = bytearray(good)
    match draw.randrange(6):
        case 0:
            return draw.randbytes(draw.randrange(2000))
        case 1:
            return bytes(data[: draw.randrange(len(data))])
        case 2:
            for _ in range(draw.randrange(1, 8)):
                data[draw.randrange(len(data))] = draw.randrange(256)
            return bytes(data)
        case 3:
            return b"[" * draw.randrange(1, 16_000)
        case 4:
            plain: dict[str, Any] = json.loads(good)
            inner = plain["release"] if draw.random() < 0.5 else plain
            inner[draw.choice(sorted(inner))] = draw.choice([None, -1, 1e9, "x" * 5000, [7], {}, True, "0x" + "f" * 64])
            return json.dumps(plain).encode()
        case _:
            return b'{"records":[' + b"{}," * draw.randrange(4000) + b'{}],"release":{}}'


def test_post__hundreds_of_malformed_bodies__refused_one_by_one_and_the_node_goes_on() -> None:
    never_ban = Limits(source=1e6, source_burst=1e6, strangers=1e6, strangers_burst=1e6, lies=1e6)
    draw = random.Random(11)  # noqa: S311  seeded on purpose
    with Node(10, never_ban).serving() as node:
        good = Announcement(a_release(), (a_record(),)).to_json()
        connection = HTTPConnection(urlsplit(node.uri).netloc, timeout=30)
        for _ in range(400):
            connection.request("POST", "/r", mutated(draw, good))
            answer = connection.getresponse()
            answer.read()
            assert answer.status in {400, 409, 413}
        connection.close()
        assert node.gossip.releases.newest(1) == -1
        assert ask(node, "POST", "/r", good)[0] == 204


def test_post__stranger_lies_on__is_banned_and_others_are_not(node: Node) -> None:
    statuses = [ask(node, "POST", "/r", b"{}")[0] for _ in range(12)]
    assert statuses == [400] * 8 + [429] * 4
    assert ask(node, "GET", "/r")[0] == 429
    node.desk.gate.enter("203.0.113.9", 1.0, time.monotonic())


def test_post__too_long_or_never_ending_body__is_cut_off(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news, "BODY_SECONDS", 0.3)
    assert ask(node, "POST", "/r", b" " * (ANNOUNCEMENT_BYTES + 1))[0] == 413
    host, port = urlsplit(node.uri).netloc.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as slow:
        slow.sendall(b"POST /r HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        assert b" 408 " in slow.recv(4096)


def test_post__hundreds_of_true_words_of_strangers__cost_bounded_memory_and_the_node_answers() -> None:
    slow = Limits(source=0.1, source_burst=40, strangers=0.1, strangers_burst=40)
    with Node(10, slow).serving() as node:
        node.gossip.announce(mine(node))
        path = f"/a/{hex32(root_of(1, 5))}/peers"
        bodies = [a_record(2, f"http://node{number}.example", number).to_json() for number in range(100)]
        connection = HTTPConnection(urlsplit(node.uri).netloc, timeout=30)
        before = resident()
        statuses = []
        for number in range(300):
            connection.request("POST", path, bodies[number % 100])
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
        grown = resident() - before
        connection.close()
        assert statuses.count(429) >= 250
        assert grown < 16 << 20
        assert len(node.gossip.records) <= 2
        assert node.gossip.announce(a_delta(6, base=5, number=10)) is Taken.NEW


def test_get__readers_that_never_read__cost_others_nothing(node: Node) -> None:
    for version in range(5, 13):
        for salt in range(4):
            node.gossip.announce(a_delta(version, base=version - 1, number=10, salt=b"%d" % salt))
    assert len(ask(node, "GET", "/r")[1]) <= LIST_BYTES
    host, port = urlsplit(node.uri).netloc.split(":")
    deaf = []
    for _ in range(30):
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.connect((host, int(port)))
        one.sendall(b"GET /r HTTP/1.1\r\nHost: x\r\n\r\n")
        deaf.append(one)
    began = time.monotonic()
    assert ask(node, "GET", "/r")[0] == 200
    assert time.monotonic() - began < 5
    for one in deaf:
        one.close()


def test_wait__more_than_may_wait__are_sent_away() -> None:
    with Node(10, Limits(waiting_each=3)).serving() as node:
        serial = node.gossip.releases.serial
        host, port = urlsplit(node.uri).netloc.split(":")
        waiting = [socket.create_connection((host, int(port)), timeout=30) for _ in range(3)]
        for one in waiting:
            one.sendall(b"GET /r/after/%d HTTP/1.1\r\nHost: x\r\n\r\n" % serial)
        soon(lambda: node.desk.gate._waiting == 3)
        assert ask(node, "GET", f"/r/after/{serial}")[0] == 503
        node.gossip.announce(mine(node))
        assert all(b" 200 " in one.recv(4096) for one in waiting)
        soon(lambda: node.desk.gate._waiting == 0)
        for one in waiting:
            one.close()


def test_push__contacts_that_hang_refuse_or_lie__are_left_and_the_rest_is_told() -> None:
    with row(2) as (a, b), socket.create_server(("127.0.0.1", 0)) as silent:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            dead = f"http://127.0.0.1:{closed.getsockname()[1]}"
        a.enlisted += [f"http://127.0.0.1:{silent.getsockname()[1]}", dead, "http://169.254.169.254", "nonsense"]
        a.gossip.announce(mine(a))
        assert soon(lambda: b.gossip.releases.newest(1) == 5) < 10
        soon(lambda: len(a.gossip.contacts._known) == 4)
