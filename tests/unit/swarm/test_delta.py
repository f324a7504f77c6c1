"""Deltas give the target bit for bit, or are refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.artifact.folder import open_artifact, write_artifact
from assay.errors import Refused, Unavailable
from assay.swarm import delta, patch

WEIGHTS = "weights.safetensors"
WIDTHS = {"BF16": 2, "F32": 4, "I64": 8, "U8": 1}
BOUND = 1 << 30
Tensors = dict[str, tuple[str, bytes]]


def _file(tensors: Tensors) -> bytes:
    header, data = {}, b""
    for name, (dtype, raw) in tensors.items():
        shape = [len(raw) // WIDTHS[dtype]]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    encoded = json.dumps(header).encode()
    return len(encoded).to_bytes(8, "little") + encoded + data


def _write(folder: Path, data: bytes) -> bytes:
    return write_artifact(folder, "checkpoint", None, {"config.json": b"{}", WEIGHTS: data}).root()


@contextmanager
def _pair(old: bytes, new: bytes) -> Iterator[tuple[Path, bytes]]:
    """A room with the artifacts base and target, and the latter's root."""
    with TemporaryDirectory() as name:
        room = Path(name)
        _write(room / "base", old)
        yield room, _write(room / "target", new)


@st.composite
def _tensors(draw: st.DrawFn) -> Tensors:
    names = draw(st.lists(st.sampled_from("abcdefg"), unique=True, max_size=5))
    found = {}
    for name in names:
        dtype = draw(st.sampled_from(sorted(WIDTHS)))
        found[name] = (dtype, draw(st.binary(max_size=40).map(lambda b, w=WIDTHS[dtype]: b * w)))
    return found


@st.composite
def _changed(draw: st.DrawFn, tensors: Tensors) -> Tensors:
    found = dict(draw(_tensors()))
    for name, (dtype, raw) in tensors.items():
        if raw and draw(st.booleans()):
            at = draw(st.integers(0, len(raw) - 1))
            found[name] = (dtype, raw[:at] + draw(st.binary(min_size=1, max_size=1)) + raw[at + 1 :])
    order = draw(st.permutations(sorted(found)))
    return {name: found[name] for name in order}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_apply__any_base_and_target__gives_the_target_bit_for_bit(data: st.DataObject) -> None:
    old = data.draw(_tensors())
    new = data.draw(_changed(old))
    with _pair(_file(old), _file(new)) as (room, root):
        delta.make(room / "base", room / "target", room / "delta")
        delta.apply(room / "delta", room / "base", room / "out", root, BOUND)
        assert open_artifact(room / "out", BOUND).root == root
        assert (room / "out" / WEIGHTS).read_bytes() == (room / "target" / WEIGHTS).read_bytes()


def _floats(seed: int, count: int = 300_000) -> bytes:
    return np.random.default_rng(seed).normal(0, 0.02, count).astype(np.float32).tobytes()


def _stepped(raw: bytes, share: float) -> bytes:
    """Some bf16 values one unit in the last place further, as small steps leave them."""
    values = np.frombuffer(raw, np.uint16).copy()
    at = np.random.default_rng(1).random(values.size) < share
    values[at] += 1
    return values.tobytes()


def test_make__one_value_in_a_hundred_changed__is_a_small_part_of_the_file() -> None:
    raw = _floats(0)
    old, new = _file({"w": ("BF16", raw)}), _file({"w": ("BF16", _stepped(raw, 0.01))})
    with _pair(old, new) as (room, root):
        size = delta.make(room / "base", room / "target", room / "delta").size
        delta.apply(room / "delta", room / "base", room / "out", root, BOUND)
        assert size < len(new) / 60


def test_apply__nan_payloads_and_negative_zero__survive() -> None:
    odd = np.array([0x7FC01234, 0xFFC00001, 0x80000000, 0x7F800000, 1], np.uint32)
    with _pair(_file({"w": ("F32", bytes(20))}), _file({"w": ("F32", odd.tobytes())})) as (room, root):
        delta.make(room / "base", room / "target", room / "delta")
        out = delta.apply(room / "delta", room / "base", room / "out", root, BOUND)
        assert (out / WEIGHTS).read_bytes().endswith(odd.tobytes())


def _resealed(room: Path, name: str, data: bytes) -> None:
    """Put other bytes into the delta and give it a manifest that fits them."""
    files: dict[str, bytes | Path] = {one: (room / "delta" / one).read_bytes() for one in (delta.TABLE, delta.PATCH)}
    files[name] = data
    write_artifact(room / "delta", delta.KIND, None, files)


@pytest.mark.parametrize("seed", range(40))
def test_apply__mutated_or_cut_patch__is_refused_and_leaves_nothing(seed: int) -> None:
    chance = np.random.default_rng(seed)
    raw = _floats(0, 4000)
    with _pair(_file({"w": ("BF16", raw)}), _file({"w": ("BF16", _stepped(raw, 0.05))})) as (room, root):
        delta.make(room / "base", room / "target", room / "delta")
        whole = bytearray((room / "delta" / delta.PATCH).read_bytes())
        if seed % 4 == 0:
            whole = whole[: int(chance.integers(len(whole)))] or bytearray(b"x")
        else:
            whole[int(chance.integers(len(whole)))] ^= int(chance.integers(1, 256))
        _resealed(room, delta.PATCH, bytes(whole))
        with pytest.raises(Refused):
            delta.apply(room / "delta", room / "base", room / "out", root, BOUND)
        assert not (room / "out").exists()


def test_apply__frame_that_unpacks_to_more__is_refused_before_it_is_unpacked() -> None:
    import zstandard

    bomb = zstandard.ZstdCompressor().compress(bytes(1 << 28))
    head = patch.MAGIC + patch._SEGMENT.pack(1, patch.NO_BASE, 0, 2) + bytes([patch.DENSE])
    with _pair(_file({}), _file({"w": ("U8", b"x")})) as (room, root):
        delta.make(room / "base", room / "target", room / "delta")
        for length in (len(bomb), 10):
            _resealed(room, delta.PATCH, head + length.to_bytes(4, "little") + bomb)
            with pytest.raises(Refused):
                delta.apply(room / "delta", room / "base", room / "out", root, BOUND)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": 2}, "format"),
        ({"root": "0x" + "11" * 32}, "leads to another"),
        ({"base": "0x" + "11" * 32}, "starts from another"),
        ({"kind": "wallet"}, "no artifact of this kind"),
        ({"files": [{"name": "../../x", "size": 1}]}, "can't hold"),
        ({"files": []}, "must list"),
        ({"files": [{"name": WEIGHTS, "size": 1 << 50}]}, "more than"),
        ({"more": 1}, "delta.json"),
    ],
)
def test_apply__table_that_lies__is_refused(change: dict[str, object], says: str) -> None:
    with _pair(_file({}), _file({"w": ("U8", b"x")})) as (room, root):
        delta.make(room / "base", room / "target", room / "delta")
        table = json.loads((room / "delta" / delta.TABLE).read_text())
        text = json.dumps({**table, **change}, sort_keys=True, separators=(",", ":"))
        _resealed(room, delta.TABLE, text.encode())
        with pytest.raises(Refused, match=says):
            delta.apply(room / "delta", room / "base", room / "out", root, BOUND)


def test_apply__base_damaged_here__is_our_fault_and_may_be_tried_again() -> None:
    raw = _floats(0, 4000)
    with _pair(_file({"w": ("BF16", raw)}), _file({"w": ("BF16", _stepped(raw, 0.05))})) as (room, root):
        delta.make(room / "base", room / "target", room / "delta")
        data = bytearray((room / "base" / WEIGHTS).read_bytes())
        data[-1] ^= 1
        (room / "base" / WEIGHTS).write_bytes(data)
        with pytest.raises(Unavailable, match="damaged"):
            delta.apply(room / "delta", room / "base", room / "out", root, BOUND)


def test_make__submission__is_refused(tmp_path: Path) -> None:
    root = _write(tmp_path / "base", _file({}))
    assert root
    shutil.copytree(tmp_path / "base", tmp_path / "target")
    (tmp_path / "target" / WEIGHTS).write_bytes(b"longer than the manifest says, by far, whatever it said")
    with pytest.raises(Refused, match="size"):
        delta.make(tmp_path / "base", tmp_path / "target", tmp_path / "delta")
