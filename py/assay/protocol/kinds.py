"""The kinds of a task: what a group is, what its columns hold, and which checks a submission goes through, in order.

`schema` and `bounds` ask less of texts that weren't sampled; every other check is the same wherever it is listed.
Knows no check's rule; `verify.check` has the functions behind the names.

| kind | a group is | loss | log-probs column | proofs |
|---|---|---|---|---|
| grpo | completions sampled for one prompt | clipped ratio × advantage, by tokens | the sampler's | TOPLOC |
| dpo | the environment's preferred and rejected completion | −log σ of the margin, by pairs | the base's | 0 |
| sft | the environment's right completion | cross-entropy, by tokens | 0 | 0 |
| pretrain | one window of text: its first token as prompt, the rest | cross-entropy, by tokens | 0 | 0 |
| label | one item with two answers, and the trainer's letter for the better one | none: nothing is trained | 0 | 0 |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_CHEAP: Final = ("schema", "assignment", "bounds", "reward", "update", "chain")
_LAST: Final = ("held-out", "step")


@dataclass(frozen=True, slots=True)
class Kind:
    """`group_sizes`: fewest and most rows of a group. `sampled`: completions are the trainer's, by assigned noise, and
    proved; else the environment's. `reference`: the log-probs are the base checkpoint's. `labelled`: completions are
    letters of the trainer's own choice, which no computation can check; nothing is in the loss.

    `checks` by name, cheapest first; what comes before the first of `activation` and `prefill` needs no model.
    """

    group_sizes: tuple[int, int]
    checks: tuple[str, ...]
    sampled: bool = False
    reference: bool = False
    labelled: bool = False

    @property
    def cheap(self) -> tuple[str, ...]:
        """The checks that need neither the model nor an opening."""
        return self.checks[: len(_CHEAP)]


KINDS: Final = {
    "grpo": Kind((2, 1024), (*_CHEAP, "activation", "sampling", "worker", *_LAST), sampled=True),
    "dpo": Kind((2, 2), (*_CHEAP, "prefill", "reference", *_LAST), reference=True),
    "sft": Kind((1, 1), (*_CHEAP, "prefill", *_LAST)),
    "pretrain": Kind((1, 1), (*_CHEAP, "prefill", *_LAST)),
    "label": Kind((1, 1), (*_CHEAP, "prefill", "agreement", "step"), labelled=True),
}
