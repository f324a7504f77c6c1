"""Networks from a checkpoint's description and arrays, and arrays from networks.

A checkpoint holds what is trained, in float32: all weights of the built-in Llama (`model.llama`), or of a model of the
transformers library, or the matrices of an adapter on it (`model.pretrained`). The arrays must have exactly the names
and shapes that the description gives. Everything is loaded in float32; `computed_in` turns a network to what a
profile's proofs are made in. Doesn't judge whether weights are any good.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from transformers.modeling_utils import PreTrainedModel

from assay.errors import Broken, Refused
from assay.model import llama, pretrained

Arrays = dict[str, NDArray[np.float32]]
CausalLM = PreTrainedModel
_DTYPES: Final = {"float32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True, slots=True)
class Dimensions:
    """A network's sizes: tokens of its vocabulary, width of its states, decoder layers, longest text in tokens."""

    vocabulary: int
    hidden: int
    layers: int
    positions: int


def dimensions(config: Mapping[str, Any], near: Path | None = None) -> Dimensions:
    """Return the sizes of a described network, without building it. Refused if the description is off."""
    found = config
    if config.get("architecture") == pretrained.ARCHITECTURE:
        found = pretrained.read(config, near).sizes()
    else:
        llama.check_config(config)
    names = ("vocab_size", "hidden_size", "num_hidden_layers", "max_position_embeddings")
    return Dimensions(*(int(found[name]) for name in names))


def blank(config: Mapping[str, Any], near: Path | None = None) -> CausalLM:
    """Return the described network in eval mode, what is trained of it not yet set; an adapter's frozen weights are.

    `near` is the folder in which the model that the description names lies, in a folder named by its root.
    """
    if config.get("architecture") == pretrained.ARCHITECTURE:
        model: CausalLM = pretrained.network(pretrained.read(config, near))
    else:
        model = llama.blank(config)
    for parameter in model.parameters():
        if parameter.dtype != torch.float32:
            raise Broken("torch's default type isn't float32")
    return model


def build(config: Mapping[str, Any], arrays: Mapping[str, NDArray[np.float32]], near: Path | None = None) -> CausalLM:
    """Return the described float32 network in eval mode with a copy of `arrays`.

    Refused if a name, shape, type or value is off.
    """
    if config.get("architecture") != pretrained.ARCHITECTURE:
        _check(arrays, llama.shapes(config))  # before anything of that size is allocated
    model = blank(config, near)
    named = dict(trained(model))
    _check(arrays, {name: tuple(value.shape) for name, value in named.items()})
    with torch.no_grad():
        for name, value in named.items():
            value.copy_(torch.from_numpy(np.ascontiguousarray(arrays[name])))
    return model


def _check(arrays: Mapping[str, NDArray[np.float32]], wanted: Mapping[str, tuple[int, ...]]) -> None:
    if set(arrays) != set(wanted):
        raise Refused(f"the weights lack or add {sorted(set(arrays) ^ set(wanted))[0]}")
    for name, shape in wanted.items():
        if arrays[name].shape != shape or arrays[name].dtype != np.float32:
            raise Refused(f"{name} must be float32 of shape {shape}")
        if not np.isfinite(arrays[name]).all():
            raise Refused(f"{name} holds a value that is not finite")


def trained(model: CausalLM) -> list[tuple[str, torch.nn.Parameter]]:
    """Return the parameters that are trained, by sorted name; weights that are tied appear once."""
    return sorted((name, value) for name, value in model.named_parameters() if value.requires_grad)


def decoder(model: CausalLM) -> torch.nn.Module:
    """Return the part that turns tokens into states."""
    found: torch.nn.Module = model.base_model
    return found


def head(model: CausalLM) -> torch.nn.Module:
    """Return the part that turns states into logits."""
    found: torch.nn.Module = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    return found


def layers(model: CausalLM) -> torch.nn.ModuleList:
    """Return the decoder layers in order. Broken if the network has none that can be told."""
    wanted = model.config.num_hidden_layers
    for part in decoder(model).modules():
        if isinstance(part, torch.nn.ModuleList) and len(part) == wanted:
            return part
    raise Broken("the model's decoder layers can't be found")


def computed_in(model: CausalLM, dtype: str) -> CausalLM:
    """Return the model, its weights and what it computes turned to `float32` or `bf16`. Refused on another type."""
    if dtype not in _DTYPES:
        raise Refused(f"a model computes in {' or '.join(_DTYPES)}, not in {dtype}")
    torch.nn.Module.to(model, _DTYPES[dtype])
    return model


def streamed(config: Mapping[str, Any], flat: Iterable[NDArray[np.float32]], near: Path | None = None) -> CausalLM:
    """Return the described model in eval mode, its weights read from pieces of `artifact.weights.flatten`'s order.

    Nothing but the model and one piece is held. Refused when there are too many or too few values.
    """
    model = blank(config, near)
    fill([value for _, value in trained(model)], flat)
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


def arrays_of(model: CausalLM) -> Arrays:
    """Return copies of what is trained of a model as float32 arrays under their Hugging Face names."""
    return {name: value.detach().numpy().astype(np.float32, copy=True) for name, value in trained(model)}


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
