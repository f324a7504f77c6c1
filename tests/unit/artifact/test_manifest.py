"""The manifest: one root for one artifact, and nothing else parses."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest
import rfc8785

from assay.artifact.manifest import CHUNK_BYTES, MANIFEST_BYTES, FileEntry, Manifest, parse
from assay.errors import Refused
from assay.protocol import merkle
from assay.types import Reason
from unit.artifact import parts

FILES = (
    FileEntry("rollouts.parquet", CHUNK_BYTES + 1, (b"\1" * 32, b"\2" * 32)),
    FileEntry("trace.json", 10, (b"\3" * 32,)),
    FileEntry("update.safetensors", CHUNK_BYTES, (b"\4" * 32,)),
)
MANIFEST = Manifest("submission", parts.binding(), FILES)


def changed(**changes: Any) -> bytes:
    return rfc8785.dumps({**json.loads(MANIFEST.to_json()), **changes})


def changed_file(index: int = 1, **changes: Any) -> bytes:
    plain = json.loads(MANIFEST.to_json())
    plain["files"][index] |= changes
    return rfc8785.dumps(plain)


def changed_binding(**changes: Any) -> bytes:
    plain = json.loads(MANIFEST.to_json())
    plain["binding"] |= changes
    return rfc8785.dumps(plain)


def test_parse__what_to_json_wrote__is_the_same_manifest() -> None:
    assert parse(MANIFEST.to_json()) == MANIFEST
    checkpoint = Manifest("checkpoint", None, (FileEntry("config.json", 2, (b"\5" * 32,)),))
    assert parse(checkpoint.to_json()) == checkpoint


def test_root__any_field_changes__changes_too() -> None:
    roots = {MANIFEST.root()}
    for name, value in vars_of_binding().items():
        other = value + 1 if isinstance(value, int) else (b"\7" * 32 if isinstance(value, bytes) else "0x" + "77" * 20)
        roots.add(replace(MANIFEST, binding=parts.binding(**{name: other})).root())
    for index, entry in enumerate(FILES):
        files = list(FILES)
        files[index] = replace(entry, chunks=(b"\7" * 32, *entry.chunks[1:]))
        roots.add(replace(MANIFEST, files=tuple(files)).root())
        files[index] = replace(entry, size=entry.size - 1 if entry.size != CHUNK_BYTES + 1 else entry.size + 1)
        roots.add(replace(MANIFEST, files=tuple(files)).root())
    assert len(roots) == 1 + len(vars_of_binding()) + 2 * len(FILES)


def vars_of_binding() -> dict[str, Any]:
    return {name: getattr(parts.binding(), name) for name in parts.binding().__dataclass_fields__}


def test_root__one_chunk__opens_against_it() -> None:
    leaves = MANIFEST.leaves()
    assert [chunk.digest for chunk in MANIFEST.chunks()] == leaves[1:]
    assert merkle.verify(MANIFEST.root(), b"\2" * 32, 2, len(leaves), merkle.prove(leaves, 2))


def test_chunks__sizes_and_offsets__cover_each_file() -> None:
    found = [(chunk.name, chunk.offset, chunk.size) for chunk in MANIFEST.chunks()]
    assert found == [
        ("rollouts.parquet", 0, CHUNK_BYTES),
        ("rollouts.parquet", CHUNK_BYTES, 1),
        ("trace.json", 0, 10),
        ("update.safetensors", 0, CHUNK_BYTES),
    ]
    assert MANIFEST.size == 2 * CHUNK_BYTES + 11


def test_binding__checksummed_address__is_kept_in_lower_case() -> None:
    assert parts.binding(trainer="0x" + "AB" * 20) == parts.binding()


@pytest.mark.parametrize(
    "name",
    ["../x", "/etc/passwd", "x\0", "manifest.json", "Trace.json", "trace.json ", "CON", "x" * 300, "", "config.json"],
)  # fmt: skip
def test_parse__file_name_outside_the_list__is_refused(name: str) -> None:
    with pytest.raises(Refused):
        parse(changed_file(name=name))
    with pytest.raises(Refused):
        Manifest("submission", parts.binding(), (FileEntry(name, 1, (b"\1" * 32,)),))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\x80\x04\x95pickle",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        changed(kind="other"),
        changed(kind=None),
        changed(kind="checkpoint"),
        changed(binding=None),
        changed(format=2),
        changed(format=True),
        changed(chunk_bytes=1),
        changed(extra=1),
        changed(files=[]),
        changed(files={}),
        changed(files=None),
        changed(files=json.loads(MANIFEST.to_json())["files"] * 2),
        changed(files=json.loads(MANIFEST.to_json())["files"][::-1]),
        changed(files=json.loads(MANIFEST.to_json())["files"][:1] * 2),
        changed_file(size=0, chunks=[]),
        changed_file(size=-1),
        MANIFEST.to_json().replace(b"1048577", b"1152921504606846976"),
        changed_file(size="10"),
        changed_file(size=10.5),
        changed_file(size=True),
        changed_file(chunks=[]),
        changed_file(chunks=["0x" + "00" * 31]),
        changed_file(chunks=["0x" + "AA" * 32]),
        changed_file(chunks=["00" * 32]),
        changed_file(chunks=[1]),
        changed_file(chunks="0x"),
        changed_file(chunks=["0x" + "00" * 32] * 2),
        changed_file(extra=1),
        changed_binding(task=-1),
        changed_binding(task="1"),
        changed_binding(units=1.5),
        changed_binding(trainer="0x" + "AB" * 20),
        changed_binding(trainer="0x"),
        changed_binding(trainer=1),
        changed_binding(rollout_root="0x00"),
        changed_binding(extra=1),
        MANIFEST.to_json() + b"\n",
        MANIFEST.to_json().replace(b",", b", ", 1),
        MANIFEST.to_json().replace(b'"format":1', b'"format":1,"format":1'),
        MANIFEST.to_json().replace(b'"format":1', b'"format":1.0'),
        MANIFEST.to_json().replace(b'"format":1', b'"format":NaN'),
        MANIFEST.to_json().replace(b'"n":0', b'"n":' + b"9" * 5000),
        MANIFEST.to_json().replace(b'"n":0', b'"n":-0'),
        MANIFEST.to_json().replace(b'"trace.json"', b'"trace\\u002ejson"'),
        MANIFEST.to_json().replace(b'"trace.json"', b'"\\ud800"'),
    ],
    ids=lambda data: str(data)[:40],
)  # fmt: skip
def test_parse__anything_else__is_refused_with_a_reason(data: bytes) -> None:
    with pytest.raises(Refused) as caught:
        parse(data)
    assert caught.value.reason is not Reason.NONE
    assert "\n" not in str(caught.value)


def test_parse__above_its_size__is_refused_unread() -> None:
    with pytest.raises(Refused, match="more than") as caught:
        parse(b" " * (MANIFEST_BYTES + 1))
    assert caught.value.reason is Reason.SIZE


def test_parse__thousands_of_mutations__only_refused_or_the_same_root() -> None:
    whole, chance = MANIFEST.to_json(), random.Random(0)  # noqa: S311
    for _ in range(3000):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(data))
            data[at : at + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
        try:
            found = parse(bytes(data))
        except Refused:
            continue
        assert (found.root() == MANIFEST.root()) == (bytes(data) == whole)
