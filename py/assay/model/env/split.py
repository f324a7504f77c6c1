"""Which items are trained on and which are held out: decided by what is asked, so that a question is never both.

A generator may ask the same thing under many seeds. Here an item is held out if the hash of its rendered prompt falls
in a fixed share, whatever its seed. A training seed leads to the first item of the training share on a walk from it;
held-out items all ask different things. Knows no tokens.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Final

import rfc8785

from assay.errors import Refused
from assay.model.env.text import Prompt

SHARE: Final = 8
"""One item in so many is held out."""
STEPS: Final = 512
"""Items that a walk may pass; that so many in a row are held out happens only where nearly all are."""
_TAG: Final = b"assay held out 1"

Render = Callable[[list[int]], list[Prompt]]


def is_held_out(prompt: Prompt) -> bool:
    """Tell whether an item that asks this is held out."""
    return int.from_bytes(_digest(prompt)[:8], "big") % SHARE == 0


def training_item(seed: int, seeds: int, render: Render) -> tuple[int, Prompt]:
    """Return the item's seed and its prompt that a training seed leads to. Refused where nearly all are held out."""
    for at in _walk(seed, seeds):
        prompt = render([at])[0]
        if not is_held_out(prompt):
            return at, prompt
    raise Refused(f"{STEPS} items in a row are held out: the environment has too few different ones")


def held_out_items(count: int, seeds: int, render: Render) -> list[int]:
    """Return the seeds of that many held-out items which ask different things, always the same. Refused if too few."""
    found: list[int] = []
    asked: set[bytes] = set()
    tried, most = 0, min(seeds, 64 * SHARE * count + 4096)
    while len(found) < count and tried < most:
        batch = list(range(tried, min(most, tried + max(64, SHARE * (count - len(found))))))
        tried += len(batch)
        for at, prompt in zip(batch, render(batch), strict=True):
            digest = _digest(prompt)
            if digest not in asked and is_held_out(prompt) and len(found) < count:
                asked.add(digest)
                found.append(at)
    if len(found) < count:
        raise Refused(f"the environment has only {len(found)} different held-out items in {most}, not {count}")
    return found


def _walk(seed: int, seeds: int) -> Iterator[int]:
    yield seed
    for step in range(1, STEPS):
        words = b"".join(number.to_bytes(8, "big") for number in (seed, step))
        yield int.from_bytes(hashlib.sha256(b"assay walk 1" + words).digest()[:8], "big") % seeds


def _digest(prompt: Prompt) -> bytes:
    plain = prompt if isinstance(prompt, str) else [dict(message) for message in prompt]
    return hashlib.sha256(_TAG + rfc8785.dumps(plain)).digest()
