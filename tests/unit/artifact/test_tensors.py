"""Safetensors from strangers: whatever the bytes, tensors as asked for, or Refused with one sentence; and soon."""

from __future__ import annotations

import io
import json
import pickle
import random
import resource
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_strategies

from assay.artifact import tensors
from assay.errors import Refused
from assay.types import Reason

MIB = 1 << 20
F32 = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
WANTED: tensors.Wanted = {"a": ("float32", (None, 3)), "b": ("int8", (4,))}
ARRAYS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.arange(4, dtype=np.int8)}


def built(header: Any, data: bytes = b"\0" * 8, length: int | None = None) -> bytes:
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(encoded) if length is None else length) + encoded + data


@pytest.fixture
def refused(tmp_path: Path) -> Callable[..., Refused]:
    def read(content: bytes, wanted: tensors.Wanted | None = None, finite: bool = False) -> Refused:
        path = tmp_path / "x.safetensors"
        path.write_bytes(content)
        start, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(Refused) as caught:
            tensors.read(path, wanted, 1 << 40, finite=finite)
        assert time.process_time() - start < 1
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024
        assert "\n" not in str(caught.value)
        assert caught.value.reason is not Reason.NONE
        return caught.value

    return read


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,20}", fullmatch=True),
        st.sampled_from(list(tensors._CODES)).flatmap(
            lambda name: numpy_strategies.arrays(name, numpy_strategies.array_shapes(min_dims=0, max_dims=4))
        ),
        min_size=1,
        max_size=5,
    )
)
def test_read__what_write_wrote__comes_back_bit_for_bit_here_and_in_the_library(
    tmp_path: Path, arrays: dict[str, Any]
) -> None:
    path = tmp_path / "x.safetensors"
    tensors.write(path, arrays)
    wanted: tensors.Wanted = {name: (array.dtype.name, array.shape) for name, array in arrays.items()}
    library = safetensors.numpy.load_file(path)
    for found in (tensors.read(path, wanted, MIB), library):
        assert found.keys() == arrays.keys()
        for name, array in arrays.items():
            assert found[name].shape == array.shape
            assert found[name].tobytes() == array.tobytes()


def test_read__what_the_library_wrote__is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    safetensors.numpy.save_file(ARRAYS, path, metadata={"format": "pt"})
    found = tensors.read(path, WANTED, MIB)
    assert all(np.array_equal(found[name], ARRAYS[name]) for name in ARRAYS)


def test_write__same_arrays_in_another_order__gives_the_same_bytes(tmp_path: Path) -> None:
    tensors.write(tmp_path / "1", ARRAYS)
    tensors.write(tmp_path / "2", dict(reversed(ARRAYS.items())))
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


@pytest.mark.parametrize(
    "arrays",
    [
        {"../a": np.zeros(1)},
        {"": np.zeros(1)},
        {"a": np.zeros(0)},
        {"a": np.zeros(1, complex)},
        {"x" * 300: np.ones(1)},
    ],
)
def test_write__what_read_would_refuse__is_refused(tmp_path: Path, arrays: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        tensors.write(tmp_path / "x", arrays)


@pytest.mark.parametrize(
    "header",
    [
        {"a": {**F32, "data_offsets": [-8, 0]}},
        {"a": {**F32, "data_offsets": [8, 0]}},
        {"a": {**F32, "data_offsets": [0, 8, 16]}},
        {"a": {**F32, "data_offsets": [0.0, 8.0]}},
        {"a": {**F32, "data_offsets": [False, 8]}},
        {"a": {**F32, "data_offsets": "08"}},
        {"a": {**F32, "data_offsets": [0, 1 << 62]}},
        {"a": {**F32, "shape": [1 << 40]}},
        {"a": {**F32, "shape": [1 << 40, 1 << 40, 0]}},
        {"a": {**F32, "shape": [-2]}},
        {"a": {**F32, "shape": [True, 2]}},
        {"a": {**F32, "shape": [2.0]}},
        {"a": {**F32, "shape": {"0": 2}}},
        {"a": {**F32, "shape": [1] * 33 + [2]}},
        {"a": {**F32, "dtype": "BF16"}},
        {"a": {**F32, "dtype": "O"}},
        {"a": {**F32, "dtype": ["F32"]}},
        {"a": {**F32, "extra": 1}},
        {"a": {"dtype": "F32", "shape": [2]}},
        {"a": []},
        {"a": None},
        {"a/../../b": F32},
        {"": F32},
        {"\0": F32},
        {"x" * 300: F32},
        {"a": F32, "b": F32},
        {"a": {**F32, "shape": [1], "data_offsets": [0, 4]}},
        {"a": {**F32, "shape": [1], "data_offsets": [4, 8]}},
        {"a": F32, "__metadata__": {"format": 1}},
        {"a": F32, "__metadata__": [1]},
        {},
        b'{"a":' + json.dumps(F32).encode() + b',"a":' + json.dumps(F32).encode() + b"}",
        b'{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,8]}}',
        b'{"a":{"dtype":"F32","shape":[1e400],"data_offsets":[0,8]}}',
        b'{"a":{"dtype":"F32","shape":[' + b"9" * 5000 + b'],"data_offsets":[0,8]}}',
        b'{"a":' * 100_000,
        b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b'{"\xff": 1}',
        b"{",
        b"{} {}",
    ],
    ids=lambda header: str(header)[:60],
)
def test_read__malformed_header__is_refused(refused: Callable[..., Refused], header: Any) -> None:
    refused(built(header))


def test_read__header_of_100_megabytes__is_refused_by_its_length(
    refused: Callable[..., Refused], tmp_path: Path
) -> None:
    assert refused(built(b"{}", length=100 * MIB) + b"\0" * 100).reason is Reason.SCHEMA
    path = tmp_path / "sparse"
    with path.open("wb") as sink:
        sink.write(built(b"{}", length=100 * MIB))
        sink.truncate(200 * MIB)
    with pytest.raises(Refused, match="header") as caught:
        tensors.read(path, None, 1 << 40)
    assert caught.value.reason is Reason.SIZE


def test_read__a_million_tensors__is_refused_soon(refused: Callable[..., Refused]) -> None:
    entry = b'{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
    header = b"{" + b",".join(b'"t%d":%s' % (i, entry) for i in range(1_000_000)) + b"}"
    assert "header" in str(refused(built(header)))
    names = b"{" + b",".join(b'"t%d":%s' % (i, entry) for i in range(15_000)) + b"}"
    assert "overlap" in str(refused(built(names)))


@pytest.mark.parametrize("content", [b"", b"\0" * 7, b"\0" * 8, b"\xff" * 8, b"\xff" * 100, b"{}" * 50, b"\0" * 100])
def test_read__no_header__is_refused(refused: Callable[..., Refused], content: bytes) -> None:
    assert "safetensors" in str(refused(content))


@pytest.mark.parametrize("protocol", range(6))
def test_read__pickle_in_place_of_tensors__is_refused_by_content(
    refused: Callable[..., Refused], protocol: int
) -> None:
    said = str(refused(pickle.dumps({"a": np.zeros(100)}, protocol=protocol)))
    assert "safetensors" in said
    if protocol >= 2:
        assert "Python object" in said


def test_read__zip_or_torch_file__is_refused_by_content(refused: Callable[..., Refused]) -> None:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0" * 10_000_000)
    assert "zip" in str(refused(sink.getvalue()))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_read__value_that_is_not_finite__is_refused_where_asked(tmp_path: Path, value: float, dtype: str) -> None:
    array = np.zeros(5_000_000, dtype=dtype)
    array[-1] = value
    tensors.write(tmp_path / "x", {"a": array})
    wanted: tensors.Wanted = {"a": (dtype, None)}
    assert np.array_equal(tensors.read(tmp_path / "x", wanted, 1 << 30)["a"], array, equal_nan=True)
    with pytest.raises(Refused, match="finite") as caught:
        tensors.read(tmp_path / "x", wanted, 1 << 30, finite=True)
    assert caught.value.reason is Reason.BOUNDS


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"a": ARRAYS["a"]}, "lacks tensor b"),
        ({**ARRAYS, "c": np.zeros(1)}, "unknown tensor c"),
        ({**ARRAYS, "a": ARRAYS["a"].astype(np.float64)}, "float64, not float32"),
        ({**ARRAYS, "a": ARRAYS["a"].reshape(3, 2)}, r"shape \[3, 2\]"),
        ({**ARRAYS, "b": np.zeros((2, 2), np.int8)}, r"shape \[2, 2\]"),
    ],
)
def test_read__other_tensors_than_wanted__are_refused(tmp_path: Path, arrays: dict[str, Any], sentence: str) -> None:
    tensors.write(tmp_path / "x", arrays)
    with pytest.raises(Refused, match=sentence):
        tensors.read(tmp_path / "x", WANTED, MIB)


def test_read__any_names_wanted__still_float32_only(tmp_path: Path) -> None:
    tensors.write(tmp_path / "x", ARRAYS)
    with pytest.raises(Refused, match="int8, not float32"):
        tensors.read(tmp_path / "x", None, MIB)


def test_read__truncated_or_longer_or_above_the_limit__is_refused_by_size(tmp_path: Path) -> None:
    tensors.write(tmp_path / "x", ARRAYS)
    whole = (tmp_path / "x").read_bytes()
    for content in (whole[:-1], whole + b"\0"):
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(Refused) as caught:
            tensors.read(tmp_path / "x", WANTED, MIB)
        assert caught.value.reason is Reason.SIZE
    (tmp_path / "x").write_bytes(whole)
    with pytest.raises(Refused, match="allowed"):
        tensors.read(tmp_path / "x", WANTED, len(whole) - 1)


def test_read__link_or_folder_or_device__is_refused(tmp_path: Path) -> None:
    tensors.write(tmp_path / "x", ARRAYS)
    (tmp_path / "link").symlink_to(tmp_path / "x")
    for path in (tmp_path / "link", tmp_path, Path("/dev/zero")):
        with pytest.raises(Refused):
            tensors.read(path, WANTED, MIB)


def mutated(whole: bytes, chance: random.Random) -> bytes:
    """Flip, cut, repeat, insert or replace by numbers that parsers stumble over."""
    data = bytearray(whole)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data)) if data else 0
        kind = chance.randrange(6)
        if kind == 0 and data:
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del data[at : at + chance.randint(1, 16)]
        elif kind == 2:
            data[at:at] = data[at : at + chance.randint(1, 32)]
        elif kind == 3:
            data[at:at] = chance.randbytes(chance.randint(1, 8))
        elif kind == 4:
            data[at : at + 8] = chance.choice([b"\xff" * 8, b"\0" * 8, b"9" * 18, b"-1", b"1e999", b"[" * 50, b"null"])
        else:
            data = data[:at]
    return bytes(data)


@pytest.mark.parametrize("seed", range(4))
def test_read__thousands_of_mutated_files__raise_only_refused(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "x"
    tensors.write(path, ARRAYS)
    whole = path.read_bytes()
    chance = random.Random(seed)  # noqa: S311
    outcomes = {True: 0, False: 0}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(2500):
        path.write_bytes(mutated(whole, chance))
        try:
            found = tensors.read(path, WANTED, MIB, finite=True)
            assert found["a"].shape[1] == 3
            outcomes[True] += 1
        except Refused as error:
            assert error.reason is not Reason.NONE
            outcomes[False] += 1
    assert outcomes[False] > 1000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=200), st.integers(0, 2**64 - 1) | st.integers(0, 200))
def test_read__any_bytes_after_a_length__raise_only_refused(tmp_path: Path, rest: bytes, length: int) -> None:
    (tmp_path / "x").write_bytes(struct.pack("<Q", length) + rest)
    with pytest.raises(Refused):
        tensors.read(tmp_path / "x", WANTED, MIB)
