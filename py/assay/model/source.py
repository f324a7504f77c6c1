"""A language model as people hand it around: a local folder with safetensors, or a GGUF file.

Reads its configuration, network and tokenizer into what a model artifact holds. Comes from strangers: what the folder
may hold is looked at before anything is loaded, nothing is unpickled, no code of the folder's is run and no hub is
asked. Parsers of the transformers and gguf libraries read the bytes: call it in a process with limits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from transformers import AutoConfig, AutoTokenizer
from transformers.modeling_utils import PreTrainedModel

from assay.artifact import strict
from assay.artifact.pretrained import CONFIG_BYTES
from assay.errors import AssayError, Refused, Unavailable
from assay.model import pretrained

CONFIG: Final = "config.json"
INDEX: Final = "model.safetensors.index.json"
WHOLE: Final = "model.safetensors"
GGUF: Final = ".gguf"
INDEX_BYTES: Final = 16 << 20
TOKENIZER: Final = "tokenizer.json"
TOKENIZER_FILES: Final = (TOKENIZER, "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja")
TEXT_BYTES: Final = 64 << 20
GGUF_HINT: Final = "GGUF files need the extra `gguf`: pip install 'assay[gguf]'"
_PICKLES: Final = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,200}\.safetensors")
_library: Any = AutoTokenizer  # without types of its own


@dataclass(frozen=True, slots=True)
class Source:
    """Where a model lies: a folder, and the GGUF file in it if it is one."""

    folder: Path
    gguf: str | None = None


def find(path: Path) -> Source:
    """Return the model at a path. Refused if there is none, or one whose weights are pickles or incomplete."""
    if path.is_file() and path.suffix == GGUF:
        return Source(path.parent, path.name)
    if not path.is_dir():
        raise Refused(f"{path} is neither a folder nor a GGUF file")
    names = {entry.name for entry in path.iterdir()}
    packed = sorted(name for name in names if name.endswith(GGUF))
    if CONFIG not in names and packed:
        if len(packed) > 1:
            raise Refused(f"{path} holds {len(packed)} GGUF files: name one of them")
        return Source(path, packed[0])
    _check_folder(path, names)
    return Source(path)


def _check_folder(path: Path, names: set[str]) -> None:
    if "adapter_config.json" in names:
        raise Refused(f"{path} is an adapter, not a whole model: merge it into its base first")
    if CONFIG not in names:
        raise Refused(f"{path} has no {CONFIG}")
    if WHOLE in names:
        return
    if INDEX in names:
        needed = _indexed(path / INDEX)
        if missing := sorted(needed - names):
            raise Refused(f"{path} lacks {missing[0]}, one of {len(needed)} files that its index names")
        return
    if any(_PLAIN.fullmatch(name) for name in names):
        raise Refused(f"{path} has weights in pieces, and no {INDEX} that says which")
    if pickles := sorted(name for name in names if name.endswith(_PICKLES)):
        raise Refused(f"{path} has its weights only as pickles ({pickles[0]}), which are never loaded: convert them")
    raise Refused(f"{path} has no weights in safetensors")


def _indexed(index: Path) -> set[str]:
    found = _object(index, INDEX_BYTES).get("weight_map")
    if not isinstance(found, dict) or not found or not all(isinstance(name, str) for name in found.values()):
        raise Refused(f"{INDEX} doesn't say where the weights are")
    for name in found.values():
        if not _PLAIN.fullmatch(name):
            raise Refused(f"{INDEX} names {name[:40]!r}, which isn't a safetensors file of this folder")
    return set(found.values())


def configuration(source: Source) -> dict[str, Any]:
    """Return the model's configuration as a model artifact holds it. Refused if this software doesn't build it."""
    if source.gguf is None:
        found = _object(source.folder / CONFIG, CONFIG_BYTES)
    else:
        with _packed():
            read = AutoConfig.from_pretrained(source.folder, gguf_file=source.gguf, local_files_only=True)
        found = json.loads(read.to_json_string())
    pretrained.library_config(found)
    found["dtype"] = found.pop("torch_dtype", None) or found.get("dtype") or "float32"
    found.pop("_name_or_path", None)
    return found


def stored_as(config: dict[str, Any]) -> str:
    """Return the float type that a source's weights have: bf16 where its configuration says so, else float32."""
    return "bf16" if config["dtype"] == "bfloat16" else "float32"


def network(source: Source, config: dict[str, Any], dtype: str) -> PreTrainedModel:
    """Return the network in float32 and eval mode, its weights rounded to `dtype` (float32 or bf16).

    Refused if weights lack, are too many or not finite, or if its logits aren't its head's of its last states.
    """
    with _packed():
        model = pretrained.frozen(source.folder, pretrained.library_config(config), source.gguf)
    model.train(False)
    if source.gguf is not None:
        plain: Any = model
        plain.hf_quantizer = None  # its weights are plain now, and may be written
        vars(model.config).pop("quantization_config", None)
    if dtype == "bf16":
        with torch.no_grad():
            for value in model.parameters():
                value.copy_(value.to(torch.bfloat16))
    pretrained.probe(model)
    return model


def write_tokenizer(source: Source, out: Path, vocabulary: int) -> None:
    """Write the tokenizer's files into the folder `out`, as they are where the source has a `tokenizer.json`.

    Refused if there is no tokenizer, if it brings code, or if it has tokens that the model hasn't.
    """
    if source.gguf is None and (source.folder / TOKENIZER).is_file():
        for name in TOKENIZER_FILES:
            if (source.folder / name).is_file():
                (out / name).write_bytes(_bytes(source.folder / name, TEXT_BYTES))
    else:
        _converted(source, out)
    if (out / "tokenizer_config.json").is_file() and _object(out / "tokenizer_config.json", TEXT_BYTES).get("auto_map"):
        raise Refused("the model's tokenizer has auto_map: code that comes with a model is never run")
    from tokenizers import Tokenizer

    try:
        # the library adds an unknown token to those of GGUF files that have none; no text ever gives it
        size = Tokenizer.from_file(str(out / TOKENIZER)).get_vocab_size(with_added_tokens=source.gguf is None)
    except Exception as error:  # tokenizers raises plain Exception
        raise Refused(f"the model's {TOKENIZER} can't be read: {_first(error)}") from error
    if size > vocabulary:
        raise Refused(f"the tokenizer has {size} tokens, and the model only {vocabulary}")


def _converted(source: Source, out: Path) -> None:
    found = _object(source.folder / "tokenizer_config.json", TEXT_BYTES) if source.gguf is None else {}
    if found.get("auto_map"):
        raise Refused("the model's tokenizer has auto_map: code that comes with a model is never run")
    more = {} if source.gguf is None else {"gguf_file": source.gguf}
    try:
        with _packed():
            _library.from_pretrained(
                source.folder, local_files_only=True, trust_remote_code=False, **more
            ).save_pretrained(out)
    except AssayError:
        raise
    except Exception as error:
        raise Refused(f"the model has no tokenizer that can be read: {_first(error)}") from error
    if not (out / TOKENIZER).is_file():
        raise Refused(f"the model has no tokenizer that can be written as {TOKENIZER}")


@contextmanager
def _packed() -> Iterator[None]:
    """Turn the import errors of the GGUF reader into one sentence."""
    try:
        yield
    except ImportError as error:
        raise Unavailable(f"{GGUF_HINT} ({_first(error)})") from error


def _object(path: Path, limit: int) -> dict[str, Any]:
    if not path.is_file():
        return {}
    found = strict.load(_bytes(path, limit), limit, path.name)
    if not isinstance(found, dict):
        raise Refused(f"{path.name} isn't an object")
    return found


def _bytes(path: Path, limit: int) -> bytes:
    """Read a file; links are followed: a hub's cache is made of them."""
    with path.open("rb") as source:
        data = source.read(limit + 1)
    if len(data) > limit:
        raise Refused(f"{path.name} has more than {limit} bytes")
    return data


def _first(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
