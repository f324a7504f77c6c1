"""The sandbox: whatever happens in a child, the owner gets a value or one of the three errors, and nothing stays."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from assay.artifact.sandbox import RESULT_BYTES, Sandbox, run
from assay.errors import Broken, Refused, Unavailable
from assay.types import Reason

MEMORY = 128 << 20
HERE = str(Path(__file__).parent)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sys.path.append(HERE)
    with Sandbox(("jobs",)) as opened:
        yield opened
    sys.path.remove(HERE)


def gone(pid: int, seconds: float = 5.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text(encoding="ascii"):
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


def test_run__plain_job__returns_its_json_from_another_process(sandbox: Sandbox) -> None:
    found = sandbox.run("jobs:echo", {"x": [1, None, "ä"]}, MEMORY, 10)
    assert found["x"] == [1, None, "ä"]
    assert found["pid"] != os.getpid()


def test_run__two_jobs__share_nothing(sandbox: Sandbox) -> None:
    first, second = (sandbox.run("jobs:echo", {}, MEMORY, 10)["pid"] for _ in range(2))
    assert first != second


@pytest.mark.parametrize(
    ("job", "sentence"),
    [
        ("hog", "more memory"),
        ("shared_hog", "more memory|Cannot allocate"),
        ("segfault", "SIGSEGV"),
        ("leave", "exit code 7"),
        ("fail", "ValueError: no such thing"),
        ("not_json", "TypeError"),
        ("many_files", "OSError: .*Too many open files"),
    ],
)
def test_run__child_dies_of_its_input__is_refused(sandbox: Sandbox, job: str, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence) as caught:
        sandbox.run(f"jobs:{job}", {}, MEMORY, 10)
    assert caught.value.reason is Reason.SCHEMA
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("job", ["spin", "nap"])
def test_run__endless_job__is_unavailable_in_time(sandbox: Sandbox, job: str) -> None:
    start = time.monotonic()
    with pytest.raises(Unavailable, match=r"more than 0.5 s"):
        sandbox.run(f"jobs:{job}", {}, MEMORY, 0.5)
    assert time.monotonic() - start < 5


def test_run__killed_from_outside__blames_no_input(sandbox: Sandbox) -> None:
    with pytest.raises(Unavailable, match="from outside"):
        sandbox.run("jobs:killed", {}, MEMORY, 10)


def test_run__errors_of_the_three_kinds__pass_through(sandbox: Sandbox) -> None:
    with pytest.raises(Refused, match="too far") as caught:
        sandbox.run("jobs:refuse", {}, MEMORY, 10)
    assert (caught.value.reason, caught.value.leaf) == (Reason.STEP, 3)
    assert (caught.value.value, caught.value.threshold) == (0.5, 0.25)
    with pytest.raises(Unavailable, match="later"):
        sandbox.run("jobs:unavailable", {}, MEMORY, 10)
    with pytest.raises(Broken, match="stop"):
        sandbox.run("jobs:broken", {}, MEMORY, 10)


def test_run__large_result__arrives_whole_and_too_large_is_refused(sandbox: Sandbox) -> None:
    assert len(sandbox.run("jobs:large", {"size": 5_000_000}, MEMORY, 10)["text"]) == 5_000_000
    with pytest.raises(Refused, match="more than"):
        sandbox.run("jobs:large", {"size": RESULT_BYTES}, 512 << 20, 10)


def test_run__child_leaves_a_process_behind__it_is_killed(sandbox: Sandbox) -> None:
    assert gone(sandbox.run("jobs:orphan", {}, MEMORY, 10)["pid"])


def test_run__environment__has_nothing_of_the_owner(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_OWNER", "canary")
    with Sandbox(("jobs",), threads=2, environment={"GIVEN": "1"}) as other:
        found = other.run("jobs:environment", {}, MEMORY, 10)
    assert "canary" not in found.values()
    assert (found["GIVEN"], found["OMP_NUM_THREADS"]) == ("1", "2")


def test_start__job_runs__done_tells_when_and_result_stays(sandbox: Sandbox) -> None:
    slow, quick = sandbox.start("jobs:nap", {}, MEMORY, 1.0), sandbox.start("jobs:echo", {"n": 1}, MEMORY, 10)
    assert quick.result()["n"] == 1
    assert quick.done()
    assert quick.result()["n"] == 1
    assert not slow.done()
    slow.cancel()
    assert slow.done()
    with pytest.raises(Unavailable, match="cancelled"):
        slow.result()


def test_run__from_many_threads__each_gets_its_own(sandbox: Sandbox) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: sandbox.run("jobs:echo", {"n": n}, MEMORY, 20)["n"], range(40)))
    assert found == list(range(40))


@pytest.mark.parametrize("target", ["jobs", "jobs:", ":echo", "jobs:echo:x", "../jobs:echo", "jobs:echo\n"])
def test_start__malformed_target__is_refused(sandbox: Sandbox, target: str) -> None:
    with pytest.raises(Refused, match="module:function"):
        sandbox.start(target, {}, MEMORY, 1)


def test_start__arguments_that_are_not_json__are_refused(sandbox: Sandbox) -> None:
    with pytest.raises(Refused, match="JSON"):
        sandbox.start("jobs:echo", {"x": object()}, MEMORY, 1)


def test_run__module_that_cannot_be_imported__is_broken() -> None:
    with pytest.raises(Broken, match="no_such_module"):
        run("no_such_module:f", {}, MEMORY, 5, ("no_such_module",))
    with pytest.raises(Broken, match="no_such_module"):
        run("no_such_module:f", {}, MEMORY, 5)


def test_run__fork_server_was_killed__says_so_and_next_job_runs() -> None:
    sys.path.append(HERE)
    with Sandbox(("jobs",)) as sandbox:
        job = sandbox.start("jobs:nap", {}, MEMORY, 30)
        parent = sandbox.run("jobs:echo", {}, MEMORY, 10)
        assert sandbox._server is not None
        sandbox._server.kill()
        with pytest.raises(Unavailable, match="stopped"):
            job.result()
        assert gone(parent["pid"])
        assert sandbox.run("jobs:echo", {"n": 2}, MEMORY, 10)["n"] == 2
    sys.path.remove(HERE)


def test_close__running_jobs__are_gone_and_no_new_one_starts() -> None:
    sys.path.append(HERE)
    sandbox = Sandbox(("jobs",))
    job = sandbox.start("jobs:nap", {}, MEMORY, 30)
    assert sandbox._server is not None
    server = sandbox._server.pid
    sandbox.close()
    assert gone(server)
    with pytest.raises(Unavailable):
        job.result()
    with pytest.raises(Broken, match="closed"):
        sandbox.start("jobs:echo", {}, MEMORY, 1)
    sys.path.remove(HERE)


OWNER = """
import sys, time
from assay.artifact.sandbox import Sandbox
sandbox = Sandbox(("jobs",))
pid = sandbox.run("jobs:echo", {}, 1 << 27, 10)["pid"]
job = sandbox.start("jobs:nap", {}, 1 << 27, 60)
time.sleep(0.3)
print(sandbox._server.pid, flush=True)
time.sleep(60)
"""


def test_owner__is_killed__leaves_no_process_behind() -> None:
    path = os.pathsep.join([HERE, *sys.path])
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": path})
    assert owner.stdout is not None
    server = int(owner.stdout.readline())
    children = Path(f"/proc/{server}/task/{server}/children").read_text(encoding="ascii").split()
    assert len(children) == 1
    owner.kill()
    owner.wait()
    owner.stdout.close()
    assert gone(server)
    assert gone(int(children[0]))
