"""The manifest: which files an artifact has, cut into which chunks, and what it is bound to.

Its root names the artifact on chain: a Merkle tree whose first leaf is the manifest without chunk digests and whose
others are the chunk digests in order, so that one chunk can be opened against it. Knows nothing of disks or networks.
Doesn't judge whether the binding is the right one: verify compares it with the chain.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import rfc8785

from assay.artifact import strict
from assay.errors import Refused
from assay.protocol import merkle
from assay.protocol.hashing import keccak
from assay.types import Reason

CHUNK_BYTES = 1 << 20
MANIFEST_BYTES = 4 << 20
"""Enough for 60 GB of artifact; the parse stays below 100 MB."""
FORMAT = 1
MANIFEST_NAME = "manifest.json"
SUBMISSION_FILES = ("rollouts.parquet", "trace.json", "update.safetensors")
CHECKPOINT_FILES = ("config.json", "momentum.safetensors", "weights.safetensors")
_ALLOWED = {
    "submission": SUBMISSION_FILES,
    "checkpoint": CHECKPOINT_FILES,
    # a model of the transformers library, with its tokenizer; its weights may lie in several files
    "model": (
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "model.safetensors.index.json",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ),
    # items and a scorer of one's own
    "environment": ("README.md", "items.jsonl", "scorer.py"),
    # what a trainer opens of a drawn step
    "weights": ("weights.bin",),
    "moments": ("first.bin", "second.bin"),
    "gradient": ("gradient.bin",),
    # what a validator shows of its own look at a round
    "evidence": ("evidence.json", "fingerprints.bin"),
    # what turns an artifact that is held into the next one
    "delta": ("delta.json", "patch.bin"),
}
_SHARD = re.compile(r"model-\d{5}-of-\d{5}\.safetensors")
MAX_FILES = 256
_NUMBERS = ("protocol", "chain_id", "task", "round", "n", "base", "first_group", "groups", "units", "profile")


@dataclass(frozen=True, slots=True)
class Binding:
    """What a submission's artifact is bound to: a copy of it is worthless to anyone else, or in another round.

    Addresses are kept in lower case; roots are 32 bytes; `units` are completion tokens; `profile` is the index in the
    task's list of the profile that the proofs are made under.
    """

    protocol: int
    chain_id: int
    ledger: str
    task: int
    round: int
    trainer: str
    n: int
    base: int
    first_group: int
    groups: int
    units: int
    rollout_root: bytes
    trace_root: bytes
    profile: int = 0

    def __post_init__(self) -> None:
        for name in _NUMBERS:
            strict.integer(getattr(self, name), f"the manifest's {name}")
        for name in ("ledger", "trainer"):
            lowered = getattr(self, name).lower()
            object.__setattr__(self, name, strict.address(lowered, f"the manifest's {name}"))
        for name in ("rollout_root", "trace_root"):
            if len(getattr(self, name)) != 32:
                strict.refuse(f"the manifest's {name} isn't 32 bytes")

    def _plain(self) -> dict[str, Any]:
        return {key: _hex(value) if isinstance(value, bytes) else value for key, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file: its name from the fixed list, its size in bytes and the SHA-256 of each 1 MiB chunk."""

    name: str
    size: int
    chunks: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Where one chunk lies: file, offset and size in bytes, SHA-256."""

    name: str
    offset: int
    size: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Manifest:
    """The table of an artifact. Building one that breaks a rule raises Refused."""

    kind: str
    binding: Binding | None
    files: tuple[FileEntry, ...]

    def __post_init__(self) -> None:
        for entry in self.files:
            check_name(self.kind, entry.name)
        if (self.kind == "submission") != (self.binding is not None):
            strict.refuse("a submission is bound to a round, nothing else is", Reason.BINDING)
        _check_files(self.files)

    @property
    def size(self) -> int:
        """Bytes of all files together, without the manifest."""
        return sum(entry.size for entry in self.files)

    def chunks(self) -> list[Chunk]:
        """Every chunk in the order of its leaf: leaf i + 1 is chunk i."""
        return [
            Chunk(entry.name, index * CHUNK_BYTES, min(CHUNK_BYTES, entry.size - index * CHUNK_BYTES), digest)
            for entry in self.files
            for index, digest in enumerate(entry.chunks)
        ]

    def entry(self, name: str) -> FileEntry:
        """The file of that name; Refused when the artifact doesn't have it."""
        for entry in self.files:
            if entry.name == name:
                return entry
        raise Refused(f"the artifact lacks {name}", Reason.SCHEMA)

    def leaves(self) -> list[bytes]:
        """The Merkle leaves: the hash of the header, then each chunk digest."""
        header = self._plain()
        for entry in header["files"]:
            del entry["chunks"]
        return [keccak(rfc8785.dumps(header)), *(digest for entry in self.files for digest in entry.chunks)]

    def root(self) -> bytes:
        """The 32 bytes that name this artifact on chain."""
        return merkle.root(self.leaves())

    def to_json(self) -> bytes:
        """Canonical JSON (RFC 8785), what `parse` reads."""
        return rfc8785.dumps(self._plain())

    def _plain(self) -> dict[str, Any]:
        return {
            "binding": None if self.binding is None else self.binding._plain(),
            "chunk_bytes": CHUNK_BYTES,
            "files": [
                {"chunks": [_hex(c) for c in entry.chunks], "name": entry.name, "size": entry.size}
                for entry in self.files
            ],
            "format": FORMAT,
            "kind": self.kind,
        }


def parse(data: bytes) -> Manifest:
    """Read a manifest from strangers' bytes, at most MANIFEST_BYTES of them, in canonical form only.

    Raises:
        Refused: the sentence names what is wrong.
    """
    top = strict.fields(
        strict.load(data, MANIFEST_BYTES, "the manifest"),
        ("binding", "chunk_bytes", "files", "format", "kind"),
        "the manifest",
    )
    if top["format"] != FORMAT or top["chunk_bytes"] != CHUNK_BYTES or not isinstance(top["kind"], str):
        strict.refuse(f"the manifest isn't of format {FORMAT} with chunks of {CHUNK_BYTES} bytes")
    binding = None if top["binding"] is None else _binding(top["binding"])
    manifest = Manifest(top["kind"], binding, _files(top["files"]))
    if manifest.to_json() != data:
        strict.refuse("the manifest isn't canonical JSON")
    return manifest


def _binding(value: Any) -> Binding:
    what = "the manifest's binding"
    found = strict.fields(value, tuple(Binding.__dataclass_fields__), what)
    return Binding(
        ledger=strict.address(found["ledger"], f"{what} ledger"),
        trainer=strict.address(found["trainer"], f"{what} trainer"),
        rollout_root=strict.bytes32(found["rollout_root"], f"{what} rollout_root"),
        trace_root=strict.bytes32(found["trace_root"], f"{what} trace_root"),
        **{name: strict.integer(found[name], f"{what} {name}") for name in _NUMBERS},
    )


def _files(value: Any) -> tuple[FileEntry, ...]:
    if not isinstance(value, list) or len(value) > MAX_FILES:
        strict.refuse(f"the manifest must list at most {MAX_FILES} files")
    return tuple(_entry(item) for item in value)


def _entry(value: Any) -> FileEntry:
    found = strict.fields(value, ("chunks", "name", "size"), "a file of the manifest")
    if not isinstance(found["name"], str) or not isinstance(found["chunks"], list):
        strict.refuse("a file of the manifest has no name or no chunks")
    size = strict.integer(found["size"], "a file's size")
    digests = tuple(strict.bytes32(item, "a chunk's digest") for item in found["chunks"])
    return FileEntry(found["name"], size, digests)


def check_name(kind: str, name: str) -> None:
    """Raise Refused unless an artifact of this kind may hold a file of this name: names come from a fixed list."""
    if kind not in _ALLOWED:
        strict.refuse("there is no artifact of this kind")
    if not is_allowed(kind, name):
        strict.refuse(f"a {kind} can't hold a file named {name[:40]!r}")


def is_allowed(kind: str, name: str) -> bool:
    """Tell whether an artifact of a known kind may hold a file of this name."""
    return name in _ALLOWED[kind] or (kind == "model" and _SHARD.fullmatch(name) is not None)


def _check_files(files: Sequence[FileEntry]) -> None:
    names = [entry.name for entry in files]
    if not names or names != sorted(set(names)):
        strict.refuse("the manifest must list its files once each, sorted by name")
    for entry in files:
        if entry.size < 1 or len(entry.chunks) != -(-entry.size // CHUNK_BYTES):
            strict.refuse(f"{entry.name} has {len(entry.chunks)} chunks, which don't fit its size", Reason.SIZE)


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
