"""Tasksets of the library verifiers (0.4) as text environments: one question, one reply, no tools and no container.

Option `taskset`: "module" or "module:name" of a taskset's class; the other options are its configuration. It is used by
its shape alone, `load()` → tasks with `data.prompt` and functions marked as rewards, and tested with a stand-in of that
shape: the library is not a dependency of this software. Rewards are summed by their weights and must lie in [0, 1].
Rewards that want a `runtime` and judges, which are models of their own, are refused.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from assay.errors import Refused
from assay.model.env import sources
from assay.model.env.text import Message, Prompt

if TYPE_CHECKING:
    from assay.protocol.fields import Option

NAME: Final = "verifiers"
VERSION: Final = 1
TARGET: Final = "assay.model.env.verifiers_tasks:Tasks"
MOST: Final = 100_000
"""Tasks that are taken of a taskset that yields more."""


class Tasks:
    """A taskset's tasks; see `text.TextEnvironment`. An item names its task by number. Runs in its own process."""

    def __init__(self, options: Mapping[str, Option]) -> None:
        module, name = _named(options)
        made = _taskset(importlib.import_module(module), name)
        settings = {key: value for key, value in options.items() if key != "taskset"}
        self._tasks: list[Any] = list(islice(_loaded(_configured(made, settings)), MOST))
        if not self._tasks:
            raise Refused("the taskset has no tasks")
        self.seeds = len(self._tasks)
        _rewards(self._tasks[0])

    def item(self, seed: int) -> Mapping[str, Any]:
        return {"task": seed}

    def render(self, item: Mapping[str, Any]) -> Prompt:
        data = self._tasks[item["task"]].data
        messages: list[Message] = (
            [_message(one) for one in data.prompt] if isinstance(data.prompt, list | tuple) else []
        )
        if isinstance(data.prompt, str):
            messages = [{"role": "user", "content": data.prompt}]
        if system := getattr(data, "system_prompt", None):
            messages.insert(0, {"role": "system", "content": str(system)})
        return messages

    def score(self, item: Mapping[str, Any], completion: str) -> float:
        task = self._tasks[item["task"]]
        return asyncio.run(_total(task, completion))

    def answer(self, item: Mapping[str, Any]) -> str:
        return str(self._tasks[item["task"]].data.answer)


def described(options: Mapping[str, Option]) -> dict[str, Any]:
    """Return what the hash covers besides the options: this adapter, and the files of the taskset's package."""
    version, digest = sources.contents(_named(options)[0].split(".")[0])
    try:
        library = sources.contents("verifiers")[0]
    except Refused:
        library = ""
    return {"adapter": VERSION, "version": version, "files": digest, "library": library}


def _named(options: Mapping[str, Option]) -> tuple[str, str]:
    found = options.get("taskset")
    if type(found) is not str or not found:
        raise Refused("environment verifiers needs the option taskset: a module, or module:name")
    module, _, name = found.partition(":")
    return module, name


def _taskset(module: ModuleType, name: str) -> Any:
    if name:
        return getattr(module, name)
    exported = [getattr(module, word) for word in getattr(module, "__all__", ())]
    found = [one for one in exported if inspect.isclass(one) and hasattr(one, "load")]
    if len(found) != 1:
        raise Refused(f"{module.__name__} exports {len(found)} tasksets: name one as module:name")
    return found[0]


def _configured(made: Any, settings: dict[str, Option]) -> Any:
    if not inspect.isclass(made):
        return made(**settings) if callable(made) and not hasattr(made, "load") else made
    shaped: Any = made  # `isclass` would narrow it to a class that takes nothing
    if hasattr(made, "config_type"):
        return shaped(shaped.config_type()(**settings))
    return shaped(**settings)


def _loaded(taskset: Any) -> Iterable[Any]:
    found: Iterable[Any] = taskset.load()
    return found


def _rewards(task: Any) -> list[Callable[..., Any]]:
    """Return a task's reward functions in their order. Refused if it has none, or some that can't run here."""
    hooks = getattr(task, "hooks", None)
    if callable(hooks):
        found = list(hooks("reward"))
    else:
        members = (getattr(task, name, None) for name in sorted(dir(task)) if not name.startswith("_"))
        found = [one for one in members if callable(one) and getattr(one, "reward", False)]
    config = getattr(task, "config", None)
    if getattr(config, "judges", None):
        raise Refused("tasksets with judges aren't supported: a judge is a model of its own")
    if not found:
        raise Refused("the taskset's tasks have no rewards")
    for one in found:
        wanted = inspect.signature(one).parameters.get("runtime")
        if wanted is not None and wanted.default is inspect.Parameter.empty:
            raise Refused(f"the reward {one.__name__} needs a runtime, which isn't supported")
    return found


async def _total(task: Any, completion: str) -> float:
    message = SimpleNamespace(role="assistant", content=completion)
    trace = SimpleNamespace(
        task=task,
        last_reply=completion,
        assistant_messages=[message],
        messages=[message],
        info={},
        state=SimpleNamespace(),
        rewards={},
        metrics={},
        num_turns=1,
        has_error=False,
        is_completed=True,
    )
    total = 0.0
    for reward in _rewards(task):
        given = {"task": task.data, "trace": trace}
        wanted = inspect.signature(reward).parameters
        found = reward(**{name: value for name, value in given.items() if name in wanted})
        if inspect.isawaitable(found):
            found = await found
        values = list(found.values()) if isinstance(found, Mapping) else [found]
        total += float(getattr(reward, "_vf_weight", 1.0)) * sum(float(value) for value in values)
    return total


def _message(found: Any) -> dict[str, str]:
    def field(name: str) -> Any:
        return found[name] if isinstance(found, Mapping) else getattr(found, name)

    return {"role": str(field("role")), "content": str(field("content"))}
