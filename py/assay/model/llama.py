"""The built-in Llama: a bounded description, the names and shapes that follow from it, and a network of that shape.

A checkpoint's `config.json` comes from strangers: only the keys below are read, each within bounds, before anything of
that size is allocated. Knows no file format and no weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from transformers.models.llama.configuration_llama import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaForCausalLM

from assay.errors import Refused

ATTENTION: Final = "sdpa"
_BOUNDS: Final[dict[str, tuple[int, int]]] = {
    "vocab_size": (2, 262_144),
    "hidden_size": (8, 8_192),
    "intermediate_size": (8, 65_536),
    "num_hidden_layers": (1, 128),
    "num_attention_heads": (1, 128),
    "num_key_value_heads": (1, 128),
    "max_position_embeddings": (2, 131_072),
    "rope_theta": (100, 10_000_000),
}


def config_for(
    vocab_size: int,
    hidden: int = 64,
    layers: int = 2,
    heads: int = 4,
    intermediate: int = 192,
    positions: int = 64,
    rope_theta: int = 10_000,
) -> dict[str, Any]:
    """Return the description of a Llama as a checkpoint's `config.json` holds it."""
    config = {
        "architecture": "llama",
        "vocab_size": vocab_size,
        "hidden_size": hidden,
        "intermediate_size": intermediate,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": heads,
        "max_position_embeddings": positions,
        "rope_theta": rope_theta,
        "rms_norm_eps": 1e-6,
    }
    check_config(config)
    return config


def check_config(config: Mapping[str, Any]) -> None:
    """Refuse a description that is not exactly one of a bounded Llama."""
    if set(config) != {*_BOUNDS, "architecture", "rms_norm_eps"}:
        odd = sorted(set(config) ^ {*_BOUNDS, "architecture", "rms_norm_eps"})
        raise Refused(f"the model's config has a missing or unknown field: {odd[0]}")
    if config["architecture"] != "llama":
        raise Refused(f"unknown architecture {config['architecture']!r}; known: llama")
    for name, (low, high) in _BOUNDS.items():
        value = config[name]
        if type(value) is not int or not low <= value <= high:
            raise Refused(f"the model's config: {name} must be an integer in {low}..{high}")
    epsilon = config["rms_norm_eps"]
    if type(epsilon) is not float or not 1e-12 <= epsilon <= 1e-2:
        raise Refused("the model's config: rms_norm_eps must lie in 1e-12..1e-2")
    hidden, heads, shared = (config[k] for k in ("hidden_size", "num_attention_heads", "num_key_value_heads"))
    if hidden % heads or (hidden // heads) % 2 or heads % shared:
        raise Refused("the model's config: heads must divide hidden_size evenly, and key-value heads the heads")


def shapes(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return name → shape of every weight of the described model, in Hugging Face naming. Allocates nothing."""
    check_config(config)
    hidden, inner, vocab = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    shared = hidden // config["num_attention_heads"] * config["num_key_value_heads"]
    found: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (vocab, hidden),
        "model.norm.weight": (hidden,),
        "lm_head.weight": (vocab, hidden),
    }
    for layer in range(config["num_hidden_layers"]):
        at = f"model.layers.{layer}"
        found |= {
            f"{at}.self_attn.q_proj.weight": (hidden, hidden),
            f"{at}.self_attn.k_proj.weight": (shared, hidden),
            f"{at}.self_attn.v_proj.weight": (shared, hidden),
            f"{at}.self_attn.o_proj.weight": (hidden, hidden),
            f"{at}.mlp.gate_proj.weight": (inner, hidden),
            f"{at}.mlp.up_proj.weight": (inner, hidden),
            f"{at}.mlp.down_proj.weight": (hidden, inner),
            f"{at}.input_layernorm.weight": (hidden,),
            f"{at}.post_attention_layernorm.weight": (hidden,),
        }
    return found


def blank(config: Mapping[str, Any]) -> LlamaForCausalLM:
    """Return the described model in eval mode with weights drawn from torch's current seed."""
    check_config(config)
    fields: dict[str, Any] = {name: config[name] for name in _BOUNDS if name != "rope_theta"}
    fields |= {
        "rms_norm_eps": config["rms_norm_eps"],
        "rope_parameters": {"rope_type": "default", "rope_theta": float(config["rope_theta"])},
        "tie_word_embeddings": False,
        "attention_bias": False,
        "mlp_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": None,
        "eos_token_id": None,
        "pad_token_id": None,
        "use_cache": False,
        "attn_implementation": ATTENTION,
    }
    model: LlamaForCausalLM = LlamaForCausalLM(LlamaConfig(**fields))
    model.train(False)
    return model
