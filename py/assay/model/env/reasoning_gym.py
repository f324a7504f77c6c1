"""The datasets of the library reasoning-gym as text environments, scored by their own `score_answer`.

Options: `dataset`, and the dataset's own settings by their names, or as `cfg_NAME` where a name is taken; a list is
written as JSON in a string. The hash covers the library's version and all of its files. Not for `composite`, whose
settings aren't plain. Doesn't say that a dataset's own code is fast or right: `host` bounds what it may take.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from assay.errors import Refused
from assay.model.env import sources

if TYPE_CHECKING:
    from assay.protocol.fields import Option

NAME: Final = "reasoning-gym"
VERSION: Final = 1
TARGET: Final = "assay.model.env.reasoning_gym:Dataset"
SEEDS: Final = 1 << 31
_OWN: Final = ("seed", "size")
_PLOTS: Final = {"matplotlib": ("pyplot", "animation", "collections"), "mpl_toolkits": ("mplot3d",)}


class Dataset:
    """One dataset with its settings; see `text.TextEnvironment`. Runs in the environment's process."""

    seeds = SEEDS

    def __init__(self, options: Mapping[str, Option]) -> None:
        _without_plots()
        from reasoning_gym.factory import DATASETS

        name, settings = _split(options)
        if name not in DATASETS:
            raise Refused(f"reasoning-gym has no dataset {name!r}")
        self._made, config = DATASETS[name]
        known = getattr(config, "__dataclass_fields__", {})
        if unknown := sorted(set(settings) - set(known)):
            raise Refused(f"reasoning-gym's {name} has no setting {unknown[0]!r}")
        self._settings = {key: _plain(value, known[key].type) for key, value in settings.items()}
        self._config = config
        self._scorer: Any = self._of(0)

    def item(self, seed: int) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._of(seed)[0]
        return found

    def render(self, item: Mapping[str, Any]) -> str:
        return str(item["question"])

    def score(self, item: Mapping[str, Any], completion: str) -> float:
        return float(self._scorer.score_answer(answer=completion, entry=dict(item)))

    def answer(self, item: Mapping[str, Any]) -> str:
        if item.get("answer") is None:
            raise ValueError("the dataset gives no answer")
        return str(item["answer"])

    def _of(self, seed: int) -> Any:
        """Return a dataset of one item: some of them make all their items at once, or bound how many they have."""
        return self._made(config=self._config(**{**self._settings, "seed": seed, "size": 1}))


def described(options: Mapping[str, Option]) -> dict[str, Any]:
    """Return what the hash covers besides the options: this adapter's version, and the library's with its files."""
    version, digest = installed()
    return {"adapter": VERSION, "library": version, "files": digest}


def installed() -> tuple[str, str]:
    """Return the library's version and a hash over its files, without importing it. Refused if it isn't installed."""
    try:
        return sources.contents("reasoning_gym")
    except Refused:
        raise Refused("reasoning-gym isn't installed here: `pip install assay[reasoning]`") from None


class _Nothing(ModuleType):
    """A module whose every name is there, and is nothing."""

    def __getattr__(self, name: str) -> None:
        if name.startswith("__"):
            raise AttributeError(name)


def _without_plots() -> None:
    """Put empty modules in the place of matplotlib, which a dependency imports for plots: half of all start-up."""
    for whole, parts in _PLOTS.items():
        made = sys.modules.setdefault(whole, _Nothing(whole))
        for part in parts:
            setattr(made, part, sys.modules.setdefault(f"{whole}.{part}", _Nothing(f"{whole}.{part}")))


def _split(options: Mapping[str, Option]) -> tuple[str, dict[str, Option]]:
    """Return the dataset's name and its settings. Refused where one is named twice, or isn't the task's to set."""
    name = options.get("dataset")
    if type(name) is not str:
        raise Refused("environment reasoning-gym needs the option dataset, the name of one of its datasets")
    settings: dict[str, Option] = {}
    for key, value in options.items():
        if key == "dataset":
            continue
        plain = key.removeprefix("cfg_")
        if plain in settings:
            raise Refused(f"environment reasoning-gym: {plain} is set twice")
        if plain in _OWN:
            raise Refused(f"environment reasoning-gym: {plain} is Assay's to set")
        settings[plain] = value
    return name, settings


def _plain(value: Option, kind: Any) -> Any:
    """Return a setting as the library takes it: a list from its JSON, a fraction from a whole number."""
    if isinstance(value, str) and value[:1] in "[{" and str(getattr(kind, "__name__", kind)) != "str":
        try:
            return json.loads(value)
        except ValueError as error:
            raise Refused(f"environment reasoning-gym: {value[:40]!r} isn't JSON") from error
    if type(value) is int and kind is float:
        return float(value)
    return value
