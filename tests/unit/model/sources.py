"""Models as people hand them around: folders of `save_pretrained`, and a GGUF file; tiny, always the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, PreTrainedTokenizerFast
from transformers.modeling_utils import PreTrainedModel

MARKS = ("<|im_start|>", "<|im_end|>", "<|pad|>")
VOCABULARY = 256 + len(MARKS)


def letters() -> list[str]:
    """Return the 256 letters that stand for bytes, in the order of their tokens."""
    return sorted(pre_tokenizers.ByteLevel.alphabet())


def tokenizer() -> PreTrainedTokenizerFast:
    """Return a tokenizer of 256 bytes and three marks."""
    made = Tokenizer(BPE({letter: number for number, letter in enumerate(letters())}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(mark, special=True) for mark in MARKS])
    start, end, pad = MARKS
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token=start, eos_token=end, pad_token=pad)


def llama(tied: bool = False, vocabulary: int = VOCABULARY) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=vocabulary, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, tie_word_embeddings=tied,
        bos_token_id=256, eos_token_id=257,
    )  # fmt: skip


def gpt2() -> GPT2Config:
    return GPT2Config(
        vocab_size=VOCABULARY, n_embd=16, n_layer=2, n_head=2, n_positions=64, bos_token_id=256, eos_token_id=257
    )


def network(config: Any, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    """Return a network with random weights, always the same, in eval mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model: PreTrainedModel = AutoModelForCausalLM.from_config(config, dtype=dtype)
    model.train(False)
    return model


def folder(at: Path, config: Any = None, dtype: torch.dtype = torch.float32, shard: str = "1GB") -> PreTrainedModel:
    """Write a model with its tokenizer to the folder `at` and return its network."""
    model = network(config or llama(), dtype)
    model.save_pretrained(at, max_shard_size=shard)
    tokenizer().save_pretrained(at)
    return model


def gguf(at: Path) -> PreTrainedModel:
    """Write a llama with its tokenizer to the GGUF file `at` and return its network."""
    from gguf import GGUFWriter, TokenType

    config = llama(vocabulary=VOCABULARY + 1)
    model = network(config)
    merged = letters()[:2]  # a tokenizer of GGUF's needs a merge
    out = GGUFWriter(at, "llama")
    out.add_block_count(config.num_hidden_layers)
    out.add_context_length(config.max_position_embeddings)
    out.add_embedding_length(config.hidden_size)
    out.add_feed_forward_length(config.intermediate_size)
    out.add_head_count(config.num_attention_heads)
    out.add_head_count_kv(config.num_key_value_heads)
    out.add_rope_dimension_count(config.head_dim)
    out.add_rope_freq_base(10_000.0)
    out.add_layer_norm_rms_eps(config.rms_norm_eps)
    out.add_vocab_size(config.vocab_size)
    out.add_tokenizer_model("gpt2")
    out.add_token_list([*letters(), *MARKS, "".join(merged)])
    out.add_token_types([TokenType.NORMAL] * 256 + [TokenType.CONTROL] * len(MARKS) + [TokenType.NORMAL])
    out.add_token_merges([" ".join(merged)])
    out.add_bos_token_id(256)
    out.add_eos_token_id(257)
    out.add_pad_token_id(258)
    for name, value in model.state_dict().items():
        out.add_tensor(_packed(name), _permuted(name, value, config).numpy())
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    return model


_NAMES = (
    ("model.embed_tokens", "token_embd"), ("model.norm", "output_norm"), ("lm_head", "output"), ("model.layers", "blk"),
    ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"), ("self_attn.v_proj", "attn_v"),
    ("self_attn.o_proj", "attn_output"), ("mlp.gate_proj", "ffn_gate"), ("mlp.up_proj", "ffn_up"),
    ("mlp.down_proj", "ffn_down"), ("post_attention_layernorm", "ffn_norm"), ("input_layernorm", "attn_norm"),
)  # fmt: skip


def _packed(name: str) -> str:
    for plain, packed in _NAMES:
        name = name.replace(plain, packed)
    return name


def _permuted(name: str, value: torch.Tensor, config: LlamaConfig) -> torch.Tensor:
    """Return a weight as GGUF has it: the halves of each head's queries and keys interleaved."""
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}.get(name.split(".")[-2])
    if heads is None:
        return value
    halves = value.reshape(heads, 2, value.shape[0] // heads // 2, value.shape[1])
    return halves.swapaxes(1, 2).reshape(value.shape)
