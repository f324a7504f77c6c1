"""The interface of a text environment: three functions, in words instead of tokens. Write them for a task of your own.

`item` makes a task from a seed, `render` is what the model is asked, `score` is what its answer is worth. All three
must be pure: the same arguments give the same result in every process. Here are also the options that every text
environment understands. Knows no tokenizer: `tokenised` binds one to it. Protects against nothing: `host` runs them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Final, Protocol

from assay.errors import Refused

if TYPE_CHECKING:
    from assay.protocol.fields import Option

Message = Mapping[str, str]
Prompt = str | list[Message]
ROLES: Final = ("system", "user", "assistant")
MAX_MESSAGES: Final = 64
BINDING: Final = 1
"""The version of how items become prompts and completions become answers; part of every text environment's hash."""


class TextEnvironment(Protocol):
    """What an author writes. `answer` and `pair` may be left out: then there is no held-out loss, or no `dpo`."""

    @property
    def seeds(self) -> int:
        """Items have the seeds 0 up to this, exclusive; two seeds may give the same item."""
        ...

    def item(self, seed: int) -> Mapping[str, Any]:
        """Return the task of a seed."""
        ...

    def render(self, item: Mapping[str, Any]) -> Prompt:
        """Return the question: text, or chat messages with `role` and `content`."""
        ...

    def score(self, item: Mapping[str, Any], completion: str) -> float:
        """Return the reward in [0, 1] of a completion, from which the option `parser` took the answer."""
        ...

    def answer(self, item: Mapping[str, Any]) -> str:
        """Return the right completion."""
        ...

    def pair(self, item: Mapping[str, Any]) -> tuple[str, str]:
        """Return a preferred and a rejected completion."""
        ...


@dataclass(frozen=True, slots=True)
class Asking:
    """The options of every text environment: how an item is put to a model, and how an answer is read.

    `chat`: by the model's chat template, else as lines of `role: text`. `system` is a first message; `prefix` is the
    beginning of the assistant's reply, which the model goes on from. `exact`: a score below 1 counts 0.
    """

    chat: bool = True
    exact: bool = False
    parser: str = "whole"
    prefix: str = ""
    system: str = ""

    def answer_of(self, completion: str) -> str | None:
        """Return what is scored of a completion, or None where it holds no answer."""
        return PARSERS[self.parser](completion)

    def written(self, answer: str) -> str:
        """Return the completion that says an answer as the parser wants it."""
        said = f"<answer>{answer}</answer>" if self.parser == "answer_tag" else answer
        if self.parser == "after_answer" and "answer" not in self.prefix.lower():
            said = f"Answer: {said}"
        return f" {said}" if self.prefix and not self.prefix[-1].isspace() else said

    def described(self) -> dict[str, Option]:
        return asdict(self)


def split_options(options: Mapping[str, Option], name: str) -> tuple[Asking, dict[str, Option]]:
    """Return how items are asked, and the environment's own options. Refused where one of the former is off."""
    known = {field.name: field.type for field in fields(Asking)}
    found = {key: value for key, value in options.items() if key in known}
    for key, value in found.items():
        wanted = bool if known[key] == "bool" else str
        if type(value) is not wanted:
            raise Refused(f"environment {name}: {key} must be {'true or false' if wanted is bool else 'a string'}")
    asking = Asking(**found)  # type: ignore[arg-type]  # checked just above
    if asking.parser not in PARSERS:
        raise Refused(f"environment {name}: parser must be one of {', '.join(PARSERS)}")
    return asking, {key: value for key, value in options.items() if key not in known}


def checked_prompt(found: Any) -> Prompt | None:
    """Return a rendered prompt, or None if it is neither text nor a few messages of known roles."""
    if isinstance(found, str):
        return found
    if not isinstance(found, list) or not 1 <= len(found) <= MAX_MESSAGES:
        return None
    for message in found:
        if not isinstance(message, dict) or set(message) != {"role", "content"} or message["role"] not in ROLES:
            return None
        if not isinstance(message["content"], str):
            return None
    return found


_INTEGER = re.compile(r"(?<![\d.])-?\d{1,3}(?:,\d{3})+(?![\d,])|(?<!\d)-?\d+")
_TAGGED = re.compile(r"<answer>((?:(?!<answer>).)*?)</answer>", re.DOTALL)
_SAID = re.compile(r"answer(?: is)?[ \t]*:?[ \t]*([^\n]*)", re.IGNORECASE)


def _whole(text: str) -> str | None:
    return text.strip()


def _last_integer(text: str) -> str | None:
    found = _INTEGER.findall(text)
    return found[-1].replace(",", "") if found else None


def _answer_tag(text: str) -> str | None:
    found = _TAGGED.findall(text)
    return found[-1].strip() if found else None


def _after_answer(text: str) -> str | None:
    """What stands after the last "answer:" or "answer is" on its line; with no such word, the first line."""
    found = _SAID.findall(text)
    said = found[-1] if found else text.strip().split("\n")[0]
    return said.strip().rstrip(".").strip() or None


PARSERS: Final = {
    "whole": _whole,
    "last_integer": _last_integer,
    "answer_tag": _answer_tag,
    "after_answer": _after_answer,
}
