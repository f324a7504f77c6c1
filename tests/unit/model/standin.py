"""A stand-in with the shape of a taskset of verifiers 0.4, which isn't installed where the tests run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass
class Config:
    count: int = 30


@dataclass
class Data:
    prompt: Any
    system_prompt: str | None
    answer: str


def reward(weight: float) -> Callable[[Any], Any]:
    def mark(function: Any) -> Any:
        function.reward, function._vf_weight = True, weight
        return function

    return mark


class Task:
    def __init__(self, data: Data) -> None:
        self.data = data

    @reward(0.75)
    async def correct(self, task: Data, trace: Any) -> float:
        return float(trace.last_reply == task.answer)

    @reward(0.25)
    async def brief(self, trace: Any) -> dict[str, float]:
        return {"short": float(len(trace.assistant_messages[-1].content) < 10)}


class Taskset:
    def __init__(self, config: Config) -> None:
        self.config = config

    @classmethod
    def config_type(cls) -> type[Config]:
        return Config

    def load(self) -> Iterator[Task]:
        for number in range(self.config.count):
            yield Task(Data(f"Say {number}.", "Be brief.", str(number)))


class NeedsRuntime(Taskset):
    def load(self) -> Iterator[Any]:
        class Other(Task):
            @reward(1.0)
            async def ran(self, runtime: Any) -> float:
                return 1.0

        yield Other(Data("x", None, "y"))


__all__ = ["Taskset"]
