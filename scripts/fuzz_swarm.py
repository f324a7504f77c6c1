"""Attack a real node and a real fetch over HTTP, 10,000 times: nothing may break, stray, hang or eat memory.

    python scripts/fuzz_swarm.py [--cases 10000] [--seed 0] [--threads 16] [--json]

Half of the cases are requests: traversing names, strange ranges, forged records, broken HTTP, connections that stall.
The others are sources: forged manifests, wrong bytes, endless and dripping streams, lying lengths, for `swarm.client`
and for `swarm.stock.origin`; in half of those an honest source is named too, and the fetch must succeed. The node and
the fetching process are apart from this one, and their memory may grow by 200 MB at most. Exit 1 on any fault.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import psutil

import fuzz_swarm_cases as cases_of
from assay.artifact.folder import read_bounded
from assay.artifact.manifest import MANIFEST_BYTES, MANIFEST_NAME, parse
from fuzz_swarm_nodes import CONTENT, make

MEMORY, WARM_UP = 200_000_000, 100
PATIENT_SECONDS = 0.5
HEALTH_SECONDS = 2.0
SECRET = b"this lies beside the store and is nobody's business"
MEMORY_DISK = Path("/dev/shm")  # noqa: S108  TemporaryDirectory makes a folder of its own there


@dataclass
class Tally:
    """What became of the cases; faults are [number, words], memory is growth in bytes since the warm-up."""

    seed: int
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[int, str]] = field(default_factory=list)
    slowest: float = 0.0
    memory: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, number: int, outcome: str, seconds: float, fault: str) -> None:
        with self.lock:
            self.outcomes[outcome] += 1
            self.slowest = max(self.slowest, seconds)
            if fault:
                self.faults.append((number, fault))

    def to_json(self) -> dict[str, Any]:
        return {
            "cases": sum(self.outcomes.values()),
            "seed": self.seed,
            "outcomes": dict(sorted(self.outcomes.items())),
            "faults": self.faults,
            "slowest_seconds": self.slowest,
            "memory_growth": self.memory,
        }


class Child:
    """A process of `fuzz_swarm_nodes`, which speaks JSON lines."""

    def __init__(self, what: str, folder: Path) -> None:
        command = [sys.executable, str(Path(__file__).with_name("fuzz_swarm_nodes.py")), what, str(folder)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._measured = psutil.Process(self._process.pid)
        self._base = self.highest = 0

    def tell(self, told: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the attacked process ended with {self._process.wait()}")
        found: dict[str, Any] = json.loads(line)
        return found

    def measure(self) -> None:
        """Look at the memory; the first look is the base."""
        now = self._measured.memory_info().rss
        self._base = self._base or now
        self.highest = max(self.highest, now)

    @property
    def growth(self) -> int:
        return self.highest - self._base

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._process.kill()
        self._process.wait()


@dataclass
class World:
    """Both attacked processes and what they hold."""

    known: cases_of.Known
    manifest: bytes
    uri: str
    server: Child
    fetcher: Child
    hostile: str
    tally: Tally


def fuzz(cases: int, seed: int = 0, threads: int = 16) -> Tally:
    """Run so many cases and return what became of them."""
    tally = Tally(seed)
    with _world(tally) as world:
        first = min(WARM_UP, cases)
        for numbers in (range(first), range(first, cases)):
            _all(world, numbers, threads)
            for child in (world.server, world.fetcher):
                child.measure()
        tally.memory = {"server": world.server.growth, "fetcher": world.fetcher.growth}
        tally.faults += [(-1, f"the {name} grew by {by} bytes") for name, by in tally.memory.items() if by > MEMORY]
    return tally


@contextmanager
def _world(tally: Tally) -> Iterator[World]:
    with ExitStack() as stack:
        room = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=MEMORY_DISK if MEMORY_DISK.is_dir() else None)))
        (room / "secret.txt").write_bytes(SECRET)
        for name in ("serve", "fetch", "plain"):
            (room / name).mkdir()
        (room / "serve" / "secret.txt").write_bytes(SECRET)
        root = make(room / "plain" / "made")
        encoded = read_bounded(room / "plain" / "made" / MANIFEST_NAME, MANIFEST_BYTES)
        manifest = parse(encoded)
        known = cases_of.Known(root.hex(), [chunk.digest.hex() for chunk in manifest.chunks()], sorted(CONTENT))
        server, fetcher = Child("serve", room / "serve"), Child("fetch", room / "fetch")
        stack.callback(server.close)
        stack.callback(fetcher.close)
        uri = server.hear()["uri"]
        hostile = stack.enter_context(_hostile(tally.seed, encoded, uri))
        yield World(known, encoded, uri, server, fetcher, hostile, tally)


def _all(world: World, numbers: range, threads: int) -> None:
    """Requests from a pool of threads, fetches beside them in the other process."""
    asked = [number for number in numbers if number % 2]
    for number in asked:
        world.fetcher.tell(_fetch_case(world, number))
    with ThreadPoolExecutor(threads) as pool:
        requests = [pool.submit(_request, world, number) for number in numbers if not number % 2]
        for count, number in enumerate(asked):
            told = world.fetcher.hear()
            world.tally.add(told["number"], told["outcome"], told["seconds"], told["fault"])
            if not count % 50:
                _healthy(world, number)
        for done in requests:
            done.result()


def _fetch_case(world: World, number: int) -> dict[str, Any]:
    chance = Random(f"{world.tally.seed}:{number}:case")  # noqa: S311
    honest = chance.random() < 0.5
    uris = [f"{world.hostile}/c{number}", *([world.uri] if honest else [])]
    return {"number": number, "uris": uris, "honest": honest, "stock": chance.random() < 0.2, "root": world.known.root}


def _healthy(world: World, number: int) -> None:
    """An honest question in between must be answered at once; look at the memory too."""
    for child in (world.server, world.fetcher):
        child.measure()
    start = time.monotonic()
    try:
        request = f"GET /a/0x{world.known.root}/manifest HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
        answered = _send(world.uri, request, HEALTH_SECONDS)
    except OSError as error:
        answered = str(error).encode()
    if not answered.endswith(world.manifest) or time.monotonic() - start > HEALTH_SECONDS:
        world.tally.add(number, "unhealthy", 0.0, f"an honest request wasn't answered in time: {answered[:80]!r}")


def _request(world: World, number: int) -> None:
    chance, start = Random(f"{world.tally.seed}:{number}:request"), time.monotonic()  # noqa: S311
    data, fault = cases_of.request(chance, world.known), ""
    if chance.random() < 0.05:
        data = data[: chance.randrange(len(data))]  # and never the rest
    try:
        answered = _send(world.uri, data, PATIENT_SECONDS)
    except OSError as error:
        answered = b""
        if isinstance(error, ConnectionRefusedError):
            fault = "the node refuses connections"
    status = answered.split(b" ", 2)[1:2]
    outcome = f"answered {status[0].decode('latin-1')[:3]}" if status else "no answer"
    if SECRET in answered or b"root:" in answered:
        fault = "the node gave away a file that isn't its to give"
    elif b"Traceback" in answered or outcome == "answered 500":
        fault = f"the node broke on {data[:300]!r}"
    elif data.startswith(b"POST /r ") and status[:1] in ([b"204"], [b"202"]):
        fault = f"a false release was taken: {data[-1500:]!r}"
    world.tally.add(number, outcome, time.monotonic() - start, fault)


def _send(uri: str, data: bytes, seconds: float) -> bytes:
    """Send bytes and return what comes back until the other side closes or the time is over."""
    host, _, port = uri.removeprefix("http://").partition(":")
    until, answered = time.monotonic() + seconds, b""
    with socket.create_connection((host, int(port)), timeout=seconds) as connection:
        with suppress(OSError):  # it may answer and close before it has read everything
            connection.sendall(data)
        with suppress(TimeoutError, ConnectionResetError):
            while (left := until - time.monotonic()) > 0:
                connection.settimeout(left)
                piece = connection.recv(1 << 20)
                if not piece:
                    break
                answered += piece
    return answered


@contextmanager
def _hostile(seed: int, manifest: bytes, honest: str) -> Iterator[str]:
    """A server that attacks who asks: `/c7/…` does what case 7 is about and passes on the node's answer otherwise."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=256)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=_attack, args=(connection, seed, manifest, honest), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def _attack(connection: socket.socket, seed: int, manifest: bytes, honest: str) -> None:
    with connection, suppress(OSError):
        connection.settimeout(5.0)
        request = b""
        while b"\r\n\r\n" not in request:
            piece = connection.recv(65536)
            if not piece:
                return
            request += piece
        verb, target, rest = request.split(b" ", 2)
        case, _, path = target.decode("latin-1").lstrip("/").partition("/")
        relayed = _send(honest, b"%s /%s %s" % (verb, path.encode("latin-1"), _closing(rest)), 2.0)
        chance, kind = Random(f"{seed}:{case}:answer"), cases_of.kind_of(path)  # noqa: S311
        attacked = (
            {"manifest", chance.choice(cases_of.ATTACKED)}
            if chance.random() < 0.3
            else {chance.choice(cases_of.ATTACKED[1:])}
        )
        if kind not in attacked:
            connection.sendall(relayed)
            return
        for part in cases_of.hostile_answer(Random(f"{seed}:{target!r}"), kind, relayed.partition(b"\r\n\r\n")[2]):  # noqa: S311
            time.sleep(part) if isinstance(part, float) else connection.sendall(part)


def _closing(rest: bytes) -> bytes:
    head, end, body = rest.partition(b"\r\n")
    return head + end + b"Connection: close\r\n" + body.replace(b"Connection: keep-alive\r\n", b"")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=16, help="hostile requests at a time")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    found = fuzz(options.cases, options.seed, options.threads).to_json()
    if options.json:
        print(json.dumps(found))
    else:
        for outcome, count in found["outcomes"].items():
            print(f"{outcome:20} {count}")
        grown = ", ".join(f"{name} {by / 1e6:.0f} MB" for name, by in found["memory_growth"].items())
        print(f"{found['cases']} cases, slowest {found['slowest_seconds']:.1f} s, grown: {grown}")
        for number, fault in found["faults"][:20]:
            print(f"case {number}: {fault}")
    return 1 if found["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
