"""Llama models from a bounded description and arrays, and arrays from models.

A checkpoint's `config.json` comes from strangers: only the keys below are read, each within bounds, and the arrays
must have exactly the names and shapes that follow, before anything of that size is allocated. float32 throughout.
Knows no file format; doesn't judge whether weights are any good.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from transformers.models.llama.configuration_llama import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaForCausalLM

from assay.errors import Broken, Refused

Arrays = dict[str, NDArray[np.float32]]

ATTENTION: Final = "sdpa"
_DTYPES: Final = {"float32": torch.float32, "bf16": torch.bfloat16}

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


def build(config: Mapping[str, Any], arrays: Mapping[str, NDArray[np.float32]]) -> LlamaForCausalLM:
    """Return a float32 Llama in eval mode with a copy of `arrays`. Refused if a name, shape, type or value is off."""
    wanted = shapes(config)
    if set(arrays) != set(wanted):
        raise Refused(f"the weights lack or add {sorted(set(arrays) ^ set(wanted))[0]}")
    for name, shape in wanted.items():
        if arrays[name].shape != shape or arrays[name].dtype != np.float32:
            raise Refused(f"{name} must be float32 of shape {shape}")
        if not np.isfinite(arrays[name]).all():
            raise Refused(f"{name} holds a value that is not finite")
    model = blank(config)
    model.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in arrays.items()}, strict=True)
    return model


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
    for parameter in model.parameters():
        if parameter.dtype != torch.float32:
            raise Broken("torch's default type isn't float32")
    return model


def computed_in(model: LlamaForCausalLM, dtype: str) -> LlamaForCausalLM:
    """Return the model, its weights and what it computes turned to `float32` or `bf16`. Refused on another type."""
    if dtype not in _DTYPES:
        raise Refused(f"a model computes in {' or '.join(_DTYPES)}, not in {dtype}")
    torch.nn.Module.to(model, _DTYPES[dtype])
    return model


def streamed(config: Mapping[str, Any], flat: Iterable[NDArray[np.float32]]) -> LlamaForCausalLM:
    """Return the described model in eval mode, its weights read from pieces of `artifact.weights.flatten`'s order.

    Nothing but the model and one piece is held. Refused when there are too many or too few values.
    """
    model = blank(config)
    fill([value for _, value in sorted(model.named_parameters())], flat)
    return model


def fill(parameters: Sequence[torch.nn.Parameter], flat: Iterable[NDArray[np.float32]]) -> None:
    """Write pieces of one row of values into parameters, in their order. Refused unless they fit exactly."""
    wanted = sum(value.numel() for value in parameters)
    rooms = [value.detach().view(-1).numpy() for value in parameters]
    number, at, seen = 0, 0, 0
    for piece in flat:
        seen += piece.size
        if seen > wanted:
            break
        taken = 0
        while taken < piece.size:
            room = rooms[number]
            count = min(piece.size - taken, room.size - at)
            room[at : at + count] = piece[taken : taken + count]
            taken, at = taken + count, at + count
            if at == room.size:
                number, at = number + 1, 0
    if seen != wanted:
        raise Refused(f"{seen} values or more don't fit a model of {wanted}")


def arrays_of(model: LlamaForCausalLM) -> Arrays:
    """Return copies of the model's weights as float32 arrays under their Hugging Face names."""
    return {name: value.detach().numpy().astype(np.float32, copy=True) for name, value in model.state_dict().items()}


def determinism(threads: int = 1) -> None:
    """Fix what makes two runs on one machine equal to the bit: thread count and deterministic kernels.

    Broken if denormals are flushed to zero (that changes the optimizer's results, NumPy's included).
    """
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    tiny = np.full(1, 1e-40, np.float32)
    if (tiny * np.float32(0.5))[0] == 0 or (torch.from_numpy(tiny) * 0.5).item() == 0:
        raise Broken("denormal numbers are flushed to zero on this machine; the optimizer would not be reproducible")


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread inside the block, so that its result doesn't depend on the caller's thread count."""
    before = torch.get_num_threads()
    determinism(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
