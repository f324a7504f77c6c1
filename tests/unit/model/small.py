"""A small model of the transformers library with a tokenizer and a chat template, as an artifact that tests start from.

Its tokens are bytes and three marks, so any text can be encoded; its weights are random and always the same.
"""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from assay.artifact.pretrained import write_model

POSITIONS = 256
START, END, PAD = "<|im_start|>", "<|im_end|>", "<|pad|>"
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tokenizer() -> PreTrainedTokenizerFast:
    """Return a tokenizer of 256 bytes, a start mark, an end mark (EOS) and padding."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(BPE({letter: number for number, letter in enumerate(alphabet)}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(mark, special=True) for mark in (START, END, PAD)])
    found = PreTrainedTokenizerFast(tokenizer_object=made, eos_token=END, pad_token=PAD, bos_token=START)
    found.chat_template = TEMPLATE
    return found


def config() -> LlamaConfig:
    return LlamaConfig(
        vocab_size=259,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=POSITIONS,
        bos_token_id=256,
        eos_token_id=257,
        pad_token_id=258,
    )


def model_folder(near: Path, weights: bool = True) -> tuple[Path, bytes]:
    """Write the model as an artifact below `near`, in a folder named by its root; return `near` and the root."""
    source = near / ".source"
    tokenizer().save_pretrained(source)
    config().save_pretrained(source)
    if weights:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            LlamaForCausalLM(config()).save_pretrained(source, safe_serialization=True)
    root = write_model(near / ".sealed", source).root()
    (near / ".sealed").rename(near / root.hex())
    return near, root
