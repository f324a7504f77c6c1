"""Tiny networks of several architectures, with weights that make their states differ, for tests of the engines."""

from __future__ import annotations

from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from assay.model.load import CausalLM

VOCABULARY = 29
_SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
}


def network(kind: str, **changes: Any) -> CausalLM:
    """Return a tiny model of a type that transformers knows, in eval mode, float32."""
    config = AutoConfig.for_model(kind, **(_SIZES | changes))
    config._attn_implementation = "sdpa"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model: CausalLM = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        with torch.no_grad():
            for value in model.parameters():
                if value.ndim > 1:
                    value.normal_(0.0, 0.25)
    model.train(False)
    return model
