"""The process in which an environment's own code runs. Run by `host` as `python -m assay.model.env.child`.

Calls come as frames (four bytes of length, then JSON) on its standard input, and one frame an answer leaves on what was
its standard output; what the environment prints goes nowhere. It bounds itself before it imports anything of the
environment. Knows no tokens. Doesn't protect the files that it can read: that is the walls' part.
"""

from __future__ import annotations

import copy
import importlib
import json
import os
import random
import resource
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from assay.model.env import confine
from assay.model.env.text import TextEnvironment

HEADER: Final = 4
MAX_REQUEST: Final = 64 << 20
MAX_ANSWER: Final = 1 << 20
MAX_REASON: Final = 300
_KEPT: Final = 4096


def main() -> None:
    """Take the pipes, limit this process, make the environment and answer until the pipe closes."""
    requests, answers = _pipes()
    setup = read(requests)
    if setup is None:
        return
    confine.limit(setup["memory"], setup["files"])
    confine.no_children()
    cpu = setup["cpu"]
    try:
        confine.cpu_from_now(cpu)
        module, name = setup["target"].split(":")
        environment = getattr(importlib.import_module(module), name)(setup["options"])
        calls = Calls(environment)
        is_whole = bool(getattr(environment, "whole", False))
        about = {"seeds": int(environment.seeds), "can": calls.can(), "whole": is_whole}
    except BaseException as error:  # noqa: BLE001  whatever making it raises is told to the owner
        write(answers, {"broken": _sentence(error), "kind": type(error).__name__})
        return
    write(answers, {"value": about})
    while (request := read(requests)) is not None:
        for arguments in request["calls"]:
            confine.cpu_from_now(cpu)
            write(answers, calls.answer(request["what"], arguments))


@dataclass(slots=True)
class _Item:
    seed: int
    value: Mapping[str, Any]


class Calls:
    """An environment's functions by name, for seeds: `render`, `score`, `answer`, `pair` and `item`."""

    def __init__(self, environment: TextEnvironment) -> None:
        self._environment = environment
        self._items: dict[int, Mapping[str, Any]] = {}
        self._known: dict[str, Callable[..., Any]] = {
            "item": lambda seed: json.loads(json.dumps(self._item(seed), default=str)),
            "render": lambda seed: environment.render(self._item(seed)),
            "score": lambda seed, completion: _number(environment.score(self._item(seed), completion)),
            "answer": lambda seed: str(environment.answer(self._item(seed))),
            "pair": lambda seed: [str(text) for text in environment.pair(self._item(seed))],
            "key": lambda seed: str(environment.key(self._item(seed))),  # type: ignore[attr-defined]  # where it `can`
        }

    def can(self) -> list[str]:
        """Return which of the functions that may be left out are there."""
        return [name for name in ("answer", "pair", "key") if callable(getattr(self._environment, name, None))]

    def answer(self, what: str, arguments: list[Any]) -> dict[str, Any]:
        """Return {"value": …} or, whatever the environment raises, {"reason": one sentence}."""
        try:
            _reseed()
            return {"value": self._known[what](*arguments)}
        except BaseException as error:  # noqa: BLE001  even SystemExit: a call mustn't end the process
            return {"reason": _sentence(error)}

    def _item(self, seed: int) -> Mapping[str, Any]:
        """Return a fresh copy: a scorer that changes its item must not change what the next one is worth."""
        if seed not in self._items:
            if len(self._items) >= _KEPT:
                self._items.clear()
            self._items[seed] = self._environment.item(seed)
        return copy.deepcopy(self._items[seed])


def read(pipe: BinaryIO) -> Any:
    """Read one frame; None at the end."""
    header = pipe.read(HEADER)
    if len(header) < HEADER:
        return None
    size = int.from_bytes(header, "big")
    data = pipe.read(size)
    return json.loads(data) if len(data) == size else None


def write(pipe: BinaryIO, value: Any) -> None:
    """Write one frame; an answer that is too long or isn't JSON becomes a reason."""
    try:
        data = json.dumps(value, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        data = json.dumps({"reason": f"what it gave isn't JSON: {_sentence(error)}"}).encode()
    if len(data) > MAX_ANSWER:
        data = json.dumps({"reason": f"what it gave has {len(data)} bytes, more than {MAX_ANSWER}"}).encode()
    pipe.write(len(data).to_bytes(HEADER, "big") + data)
    pipe.flush()


def _pipes() -> tuple[BinaryIO, BinaryIO]:
    """Move the two pipes away from where prints go."""
    requests, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    os.close(nothing)
    return os.fdopen(requests, "rb"), os.fdopen(answers, "wb")


def _reseed() -> None:
    """Make the library generators start alike in each call, so that what was called before has no say."""
    random.seed(0)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(0)


def _number(found: Any) -> float:
    if isinstance(found, complex | str | bytes):
        raise TypeError(f"a score is a number, not {type(found).__name__}")
    return float(found)


def _sentence(error: BaseException) -> str:
    try:
        said = str(error)
    except Exception:  # noqa: BLE001  an exception whose own text raises
        said = ""
    line = " ".join(said.split())[:MAX_REASON]
    if isinstance(error, MemoryError):
        return "needs more memory than it may have"
    return f"{type(error).__name__}: {line}" if line else type(error).__name__


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
