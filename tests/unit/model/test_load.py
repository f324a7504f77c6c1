from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from assay.errors import Refused
from assay.model import llama, load
from unit.model import tiny


def test_build__arrays_of_a_model__same_weights_and_names() -> None:
    arrays = load.arrays_of(tiny.model())
    again = load.arrays_of(load.build(tiny.CONFIG, arrays))
    assert set(arrays) == set(llama.shapes(tiny.CONFIG)) == set(again)
    assert all(np.array_equal(arrays[name], again[name]) for name in arrays)


def test_arrays_of__model_changes_later__copies_stay() -> None:
    model = tiny.model()
    arrays = load.arrays_of(model)
    before = arrays["lm_head.weight"].copy()
    with torch.no_grad():
        model.lm_head.weight.add_(1.0)
    assert np.array_equal(arrays["lm_head.weight"], before)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"architecture": "mamba"}, "unknown architecture"),
        ({"hidden_size": 10**9}, "hidden_size must be"),
        ({"hidden_size": True}, "hidden_size must be"),
        ({"num_attention_heads": 3}, "heads must divide"),
        ({"rms_norm_eps": float("nan")}, "rms_norm_eps"),
        ({"auto_map": "evil.py"}, "unknown field: auto_map"),
    ],
)
def test_build__strangers_config__refused_before_anything_is_allocated(change: dict[str, Any], says: str) -> None:
    with pytest.raises(Refused, match=says):
        load.build({**tiny.CONFIG, **change}, {})


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros(15, np.float32), "shape"),
        (np.zeros(16, np.float64), "float32"),
        (np.full(16, np.nan, np.float32), "not finite"),
        (None, "lack or add model.norm.weight"),
    ],
)
def test_build__bad_array__refused(array: Any, says: str) -> None:
    arrays = load.arrays_of(tiny.model())
    del arrays["model.norm.weight"]
    if array is not None:
        arrays["model.norm.weight"] = array
    with pytest.raises(Refused, match=says):
        load.build(tiny.CONFIG, arrays)


def test_one_thread__block_ends__thread_count_is_restored() -> None:
    before = torch.get_num_threads()
    with load.one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
