"""A text environment bound to a model's tokenizer: the token-level `Environment` that everything else computes with.

The tokenizer and the chat template are the model folder's, read by the transformers library, which runs templates in a
sandbox of its own; code that comes with a model is never run. Text environments are asked through `host`. Doesn't bound
what a tokenizer's own patterns cost: the job that this runs in is bounded as a whole.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from assay.errors import AssayError, Refused
from assay.model.env import split
from assay.model.env.host import Host
from assay.model.env.text import Asking, Prompt, checked_prompt
from assay.protocol.fields import Option

_KEPT: Final = 8192


@dataclass(frozen=True, slots=True)
class Words:
    """A tokenizer with what the environment needs of its model: sizes in tokens, and the ids of end and padding.

    `room` is the longest prompt: the task's bound, and what the model's context leaves beside a completion.
    """

    tokenizer: Any
    vocab_size: int
    eos: int
    pad: int
    room: int


@dataclass(frozen=True, slots=True)
class Named:
    """What a task names its environment by: name, all options with their defaults, and the hash over them and code."""

    name: str
    options: Mapping[str, Option]
    hash: bytes


class Tokenised:
    """See `base.Environment`, `base.Batched` and `base.Paired`. Seeds from `training_seeds` on are held-out items."""

    def __init__(self, named: Named, host: Host, asking: Asking, words: Words) -> None:
        self._named, self._host, self._asking, self._words = named, host, asking, words
        about = host.about()
        self._seeds, self._can = int(about["seeds"]), frozenset(about["can"])
        self._whole = bool(about.get("whole"))
        if self._seeds < 1:
            raise Refused(f"environment {named.name} has no items")
        if words.room < 1:
            raise Refused(f"environment {named.name}: the model's context leaves no room for a prompt")
        self._prompts: OrderedDict[int, tuple[int, list[int]]] = OrderedDict()

    @property
    def name(self) -> str:
        return self._named.name

    @property
    def options(self) -> Mapping[str, Option]:
        return self._named.options

    @property
    def hash(self) -> bytes:
        return self._named.hash

    @property
    def vocab_size(self) -> int:
        return self._words.vocab_size

    @property
    def eos(self) -> int:
        return self._words.eos

    @property
    def pad(self) -> int:
        return self._words.pad

    @property
    def training_seeds(self) -> int:
        return self._seeds

    def prompt(self, seed: int) -> list[int]:
        """Return the tokens of a seed's prompt. Refused if it is too long, or the environment can't make it."""
        return list(self._known(seed)[1])

    def score(self, seed: int, completion: Sequence[int]) -> float:
        return self.score_many([seed], [completion])[0]

    def score_many(self, seeds: Sequence[int], completions: Sequence[Sequence[int]]) -> list[float]:
        found = [0.0] * len(completions)
        answers = [self._asking.answer_of(self.text(completion)) for completion in completions]
        asked = [at for at, answer in enumerate(answers) if answer is not None]
        calls = [[self._known(seeds[at])[0], answers[at]] for at in asked]
        for at, answer in zip(asked, self._host.ask("score", calls), strict=True):
            found[at] = self._reward(answer.value)
        return found

    def key(self, seed: int) -> str:
        """Return what names a seed's item by its content, in files of labels."""
        return str(self._asked("key", seed))

    def labelled(self, letter: str) -> list[int]:
        """Return the tokens of a label, EOS included."""
        return self._completion(letter)

    def held_out(self, n: int) -> list[int]:
        if self._whole:
            raise Refused(f"environment {self.name} holds no item out: all are labelled")
        return [self._seeds + at for at in split.held_out_items(n, self._seeds, self._rendered)]

    def warm_up_target(self, seed: int) -> list[int]:
        """Return the tokens of the right completion, EOS included. Refused where the environment knows none."""
        return self._completion(self._asked("answer", seed))

    def pair(self, seed: int) -> tuple[list[int], list[int]]:
        preferred, rejected = self._asked("pair", seed)
        return self._completion(preferred), self._completion(rejected)

    def describe(self, tokens: Sequence[int]) -> str:
        return self._decode(tokens, skip=False)

    def text(self, completion: Sequence[int]) -> str:
        """Return what a completion says up to its end mark, without special tokens."""
        said = list(completion)
        if self.eos in said:
            said = said[: said.index(self.eos)]
        return self._decode(said, skip=True)

    def close(self) -> None:
        """End the environment's process."""
        self._host.close()

    def _decode(self, tokens: Sequence[int], skip: bool) -> str:
        known = [int(token) for token in tokens if 0 <= token < len(self._words.tokenizer)]
        return str(self._words.tokenizer.decode(known, skip_special_tokens=skip, clean_up_tokenization_spaces=False))

    def _reward(self, found: Any) -> float:
        number = float(found) if type(found) in (int, float) else 0.0
        if number < 1.0 and self._asking.exact:
            return 0.0
        return number if 0.0 <= number <= 1.0 else 0.0

    def _asked(self, what: str, seed: int) -> Any:
        if what not in self._can:
            raise Refused(f"environment {self.name} knows no {what} to its items")
        found = self._host.ask(what, [[self._known(seed)[0]]])[0]
        if found.reason:
            raise Refused(f"environment {self.name} has no {what} to item {seed}: {found.reason}")
        return found.value

    def _completion(self, answer: str) -> list[int]:
        encoded = self._words.tokenizer.encode(self._asking.written(answer), add_special_tokens=False)
        return [*map(int, encoded), self.eos]

    def _known(self, seed: int) -> tuple[int, list[int]]:
        """Return the item's seed and the prompt's tokens that a seed of this environment leads to."""
        found = self._prompts.get(seed)
        if found is None:
            if not 0 <= seed < 2 * self._seeds:
                raise Refused(f"environment {self.name} has no seed {seed}")
            if self._whole:
                at = seed % self._seeds
                asked = self._rendered([at])[0]
            elif seed < self._seeds:
                at, asked = split.training_item(seed, self._seeds, self._rendered)
            else:
                at = seed - self._seeds
                asked = self._rendered([at])[0]
            found = (at, self._encoded(seed, asked))
            self._prompts[seed] = found
            if len(self._prompts) > _KEPT:
                self._prompts.popitem(last=False)
        return found

    def _rendered(self, items: list[int]) -> list[Prompt]:
        found = []
        for at, answer in zip(items, self._host.ask("render", [[at] for at in items]), strict=True):
            prompt = checked_prompt(answer.value)
            if prompt is None:
                why = answer.reason or "it is neither text nor chat messages"
                raise Refused(f"environment {self.name} can't ask item {at}: {why}")
            found.append(prompt)
        return found

    def _encoded(self, seed: int, asked: Prompt) -> list[int]:
        text = self._laid_out(asked)
        if len(text) > 64 * self._words.room + 4096:  # encoding it would only tell by how much it is too long
            raise Refused(f"environment {self.name}: the prompt of seed {seed} has {len(text)} characters, too many")
        tokens = self._words.tokenizer.encode(text, add_special_tokens=not self._asking.chat)
        if not 1 <= len(tokens) <= self._words.room:
            said = f"has {len(tokens)} tokens, more than the {self._words.room} that task and model allow"
            raise Refused(f"environment {self.name}: the prompt of seed {seed} {said if tokens else 'is empty'}")
        return [int(token) for token in tokens]

    def _laid_out(self, asked: Prompt) -> str:
        messages = [{"role": "user", "content": asked}] if isinstance(asked, str) else [dict(one) for one in asked]
        if self._asking.system:
            messages.insert(0, {"role": "system", "content": self._asking.system})
        if not self._asking.chat:
            lines = "".join(f"{message['role']}: {message['content']}\n" for message in messages)
            return f"{lines}assistant: {self._asking.prefix}".rstrip(" ")
        try:
            found = self._words.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        except (AssayError, MemoryError):
            raise
        except Exception as error:  # a template raises whatever it likes
            said = " ".join(str(error).split())[:200]
            raise Refused(
                f"the model's chat template can't lay out a prompt: {said or type(error).__name__}"
            ) from error
        return f"{found}{self._asking.prefix}"


def words(folder: Any, config: Mapping[str, Any], max_prompt_tokens: int, max_new_tokens: int) -> Words:
    """Read the tokenizer in a model's folder, whose files were hashed. Refused if it can't be used.

    `config` is the model's: its `vocab_size` and `max_position_embeddings` bound tokens and texts.
    """
    from transformers import AutoTokenizer

    try:
        found = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except MemoryError:
        raise
    except Exception as error:  # strangers' files: the library raises what it likes
        said = " ".join(str(error).split())[:200]
        raise Refused(f"the model's tokenizer can't be used: {said or type(error).__name__}") from error
    vocabulary, positions = _size(config, "vocab_size"), _size(config, "max_position_embeddings")
    eos = found.eos_token_id
    if type(eos) is not int or not 0 <= eos < vocabulary:
        raise Refused("the model's tokenizer names no end mark (eos_token) of its vocabulary")
    pad = found.pad_token_id if type(found.pad_token_id) is int else eos
    if len(found) > vocabulary:
        raise Refused(f"the tokenizer has {len(found)} tokens, the model only {vocabulary}")
    return Words(found, vocabulary, eos, pad, min(max_prompt_tokens, positions - max_new_tokens))


def _size(config: Mapping[str, Any], name: str) -> int:
    found = config.get(name)
    if type(found) is not int or found < 1:
        raise Refused(f"the model's configuration names no {name}")
    return found
