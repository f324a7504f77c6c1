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


def pairs() -> tiny.Columns:
    """Columns of which every two rows share their prompt."""
    made = tiny.columns()
    made.prompts[1::2], made.prompt_lengths[1::2] = made.prompts[::2], made.prompt_lengths[::2]
    return made


@pytest.mark.parametrize("batch", [1, 3, 256])
def test_prefill_groups__any_batch__gives_the_states_of_each_groups_prompt(batch: int) -> None:
    made, model = pairs(), tiny.model()
    columns = (made.prompts, made.prompt_lengths, made.tokens, made.lengths)
    logits, hidden, asked = forward.prefill_groups(model, *columns, 2, batch=batch)
    same = forward.prefill(model, *columns)
    assert torch.allclose(logits, same[0], atol=1e-5) and torch.allclose(hidden, same[1], atol=1e-5)
    assert asked.shape[:2] == (len(made.tokens) // 2, made.prompts.shape[1])
    for group, row in enumerate(range(0, len(made.tokens), 2)):
        end = int(made.prompt_lengths[row])
        ids = torch.from_numpy(made.prompts[row : row + 1, :end].astype(np.int64))
        with torch.inference_mode():
            alone = model.model(input_ids=ids, use_cache=False).last_hidden_state[0]
        assert torch.allclose(asked[group, :end], alone, atol=1e-5)


@pytest.mark.parametrize("batch", [1, 3, 256])
def test_watch__any_batch__gives_the_layers_output_and_leaves_no_hook(batch: int) -> None:
    made, model = pairs(), tiny.model()
    columns = (made.prompts, made.prompt_lengths, made.tokens, made.lengths)
    watch = forward.Watch(0)
    logits, hidden, _ = forward.prefill_groups(model, *columns, 2, batch=batch, watch=watch)
    assert not model.model.layers[0]._forward_hooks
    same = forward.prefill_groups(model, *columns, 2, batch=batch)
    assert torch.equal(logits, same[0]) and torch.equal(hidden, same[1])
    for row in range(0, len(made.tokens), 2):
        start, end = int(made.prompt_lengths[row]), int(made.lengths[row])
        text = np.concatenate([made.prompts[row, :start], made.tokens[row, :end]])[None, :-1].astype(np.int64)
        with torch.inference_mode():
            layers = model.model(input_ids=torch.from_numpy(text), use_cache=False, output_hidden_states=True)
        inner = layers.hidden_states[1][0]  # 0 is the embedding
        assert torch.allclose(watch.hidden[row, :end], inner[start - 1 :], atol=1e-5)
        assert torch.allclose(watch.prompts[row // 2, :start], inner[:start], atol=1e-5)
