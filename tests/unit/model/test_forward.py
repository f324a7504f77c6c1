from __future__ import annotations

import numpy as np
import pytest
import torch

from assay.errors import Refused
from assay.model import forward
from unit.model import tiny


def test_prefill__padded_rows__equal_to_each_text_alone() -> None:
    model, made = tiny.model(), tiny.columns()
    logits, hidden = forward.prefill(model, made.prompts, made.prompt_lengths, made.tokens, made.lengths)
    for row in range(len(made.lengths)):
        start, end = int(made.prompt_lengths[row]), int(made.lengths[row])
        text = np.concatenate([made.prompts[row, :start], made.tokens[row, :end]])
        with torch.inference_mode():
            whole = model(torch.from_numpy(text[None, :-1].astype(np.int64))).logits[0, start - 1 :]
        torch.testing.assert_close(logits[row, :end], whole, atol=1e-5, rtol=1e-5)
        assert torch.equal(logits[row, end:], logits[row, end - 1].expand(4 - end, -1))
    assert hidden.shape == (16, 4, 16)


def test_prefill__other_batch_size__same_within_float32() -> None:
    model, made = tiny.model(), tiny.columns()
    one = forward.prefill(model, made.prompts, made.prompt_lengths, made.tokens, made.lengths)
    two = forward.prefill(model, made.prompts, made.prompt_lengths, made.tokens, made.lengths, batch=3)
    torch.testing.assert_close(one[0], two[0], atol=1e-5, rtol=1e-5)


def test_layout__empty_or_overlong_completion__refused() -> None:
    made = tiny.columns()
    for bad in (0, 5):
        lengths = made.lengths.copy()
        lengths[3] = bad
        with pytest.raises(Refused, match="empty or longer"):
            forward.layout(made.prompts, made.prompt_lengths, made.tokens, lengths)


def test_prefill__token_outside_vocabulary__refused() -> None:
    made = tiny.columns()
    made.prompts[0, 0] = 13
    with pytest.raises(Refused, match="vocabulary"):
        forward.prefill(tiny.model(), made.prompts, made.prompt_lengths, made.tokens, made.lengths)
