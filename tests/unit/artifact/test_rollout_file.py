"""rollouts.parquet: INTELLECT-2's readers take it, and what a stranger writes another way is refused within bounds."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from eth_keys.datatypes import PrivateKey

from assay.artifact import parquet, rollouts, rows, signing
from assay.artifact.folder import open_artifact, write_artifact
from assay.artifact.origin import Origin, origin_of
from assay.errors import Refused
from assay.types import Reason
from unit.artifact import parts

SPEC = parts.spec()
KEY = PrivateKey(b"\x07" * 32)
TRAINER = KEY.public_key.to_address()
SCHEMA = pa.schema(
    [
        ("input_tokens", pa.list_(pa.int32())),
        ("output_tokens", pa.list_(pa.int32())),
        ("input_logprobs", pa.list_(pa.float32())),
        ("output_logprobs", pa.list_(pa.float32())),
        ("prompt", pa.string()),
        ("problem_id", pa.string()),
        ("completion", pa.string()),
        ("advantages", pa.float32()),
        ("rewards", pa.float32()),
        ("task_rewards", pa.float32()),
        ("length_penalties", pa.float32()),
        ("proofs", pa.binary()),
        ("step", pa.int32()),
        ("target_lengths", pa.int32()),
        ("task_type", pa.string()),
        ("seed", pa.int64()),
        ("temperature", pa.float32()),
    ]
)
"""prime-rl's `pa_schema` at ab66c3355."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    rollouts.write(tmp_path / "x", parts.rollouts(), SPEC, origin_of(parts.binding()))
    return tmp_path / "x"


def signed(root: bytes) -> Origin:
    unsigned = origin_of(parts.binding(trainer=TRAINER))
    made = KEY.sign_msg_hash(unsigned.digest(root))
    return replace(unsigned, signature=made.to_bytes()[:64] + bytes([27 + made.v]))


def rewritten(path: Path, keys: dict[str, bytes] | None = None, **options: Any) -> None:
    """Write the same table with pyarrow in another way."""
    found, metadata = pq.read_table(path), pq.read_metadata(path).metadata
    settings = {**parquet._WRITING, **options}
    rows_each = settings.pop("row_group_size", None)
    with pq.ParquetWriter(path, settings.pop("schema", found.schema.remove_metadata()), **settings) as sink:
        sink.write_table(found.replace_schema_metadata(None), row_group_size=rows_each)
        sink.add_key_value_metadata(metadata if keys is None else keys)


def test_file__schema__is_the_one_that_prime_rl_asks_for_bit_by_bit(path: Path) -> None:
    assert pq.read_schema(path).equals(SCHEMA)
    assert list(rows.KINDS) == SCHEMA.names


def test_file__read_with_pyarrow__holds_what_its_columns_say(path: Path) -> None:
    made, found = parts.rollouts(), pq.read_table(path).to_pydict()
    row = 5
    p, t = int(made.prompt_lengths[row]), int(made.lengths[row])
    assert found["input_tokens"][row] == made.prompts[row, :p].tolist() and found["input_logprobs"][row] == [0.0] * p
    assert found["output_tokens"][row] == made.tokens[row, :t].tolist()
    assert found["output_logprobs"][row] == made.logprobs[row, :t].tolist()
    group = made.rewards[parts.GROUP :].astype(float)
    assert found["advantages"][row] == pytest.approx(group[row - parts.GROUP] - group.mean(), abs=1e-7)
    assert found["rewards"][row] == found["task_rewards"][row] == float(made.rewards[row])
    assert (found["length_penalties"][row], found["target_lengths"][row]) == (0.0, -1)
    assert found["proofs"][row] == made.proofs[row, : -(-t // parts.CHUNK) * (2 + 2 * parts.TOP_K)].tobytes()
    assert (found["prompt"][row], found["completion"][row]) == (made.prompt_texts[row], made.texts[row])
    assert (found["problem_id"][row], found["seed"][row]) == (str(made.problems[row]), int(made.seeds[row]))
    assert (found["step"][row], found["task_type"][row]) == (2, SPEC.environment.name)
    assert found["temperature"][row] == np.float32(SPEC.rollout.temperature)


def test_file__length_penalty__is_in_three_columns(tmp_path: Path) -> None:
    spec = replace(SPEC, loss=replace(SPEC.loss, length_penalty=0.5, target_length=4))
    made = parts.rollouts()
    rollouts.write(tmp_path / "x", made, spec, origin_of(parts.binding()))
    found = pq.read_table(tmp_path / "x").to_pydict()
    due = (0.5 * np.abs(made.lengths - 4.0) / 4).astype(np.float32)
    assert found["length_penalties"] == due.tolist() and set(found["target_lengths"]) == {4}
    assert np.allclose(found["rewards"], made.rewards - due, atol=1e-6)
    assert rollouts.read(tmp_path / "x", spec).root(spec) == made.root(spec) != made.root(SPEC)
    with pytest.raises(Refused, match="doesn't follow"):
        rollouts.read(tmp_path / "x", SPEC)


def test_file__written_twice__is_the_same_to_the_byte(path: Path, tmp_path: Path) -> None:
    rollouts.write(tmp_path / "y", rollouts.read(path, SPEC), SPEC, origin_of(parts.binding()))
    assert (tmp_path / "y").read_bytes() == path.read_bytes()


def test_file__many_pages_of_long_and_short_lists__is_read_as_pyarrow_reads_it(tmp_path: Path) -> None:
    chance, n = np.random.default_rng(0), 30_000
    lengths = np.where(chance.random(n) < 0.5, 1, chance.integers(1, 90, n)).astype(np.int64)
    values = chance.integers(0, 50_000, int(lengths.sum())).astype(np.int32)
    texts = [("é" * (i % 40)).encode() for i in range(n)]
    table = parquet.Table(n, {"a": parquet.Lists(values, lengths), "b": texts, "c": values[:n]}, {"k": b"v"})
    kinds = {"a": parquet.INT32S, "b": parquet.STRING, "c": parquet.INT32}
    parquet.write(tmp_path / "x", table, kinds)
    found = parquet.read(tmp_path / "x", kinds, 1 << 30, 1 << 16, n)
    assert found.metadata == {"k": b"v"} and found.columns["b"] == texts
    assert np.array_equal(found.columns["a"].values, values) and np.array_equal(found.columns["a"].lengths, lengths)
    assert np.array_equal(found.columns["c"], values[:n])
    assert pq.read_table(tmp_path / "x")["a"].combine_chunks().values.to_numpy().tolist() == values.tolist()


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "snappy"},
        {"compression": "zstd"},
        {"use_dictionary": True},
        {"write_statistics": True},
        {"data_page_version": "2.0"},
        {"store_schema": True},
        {"write_page_index": True},
        {"write_page_checksum": True},
        {"row_group_size": parts.GROUP},
        {"column_encoding": {"seed": "DELTA_BINARY_PACKED"}},
        {"schema": SCHEMA.set(12, pa.field("step", pa.int64()))},
        {"schema": SCHEMA.set(7, pa.field("advantages", pa.float32(), nullable=False))},
    ],
    ids=str,
)
def test_file__written_another_way__is_refused(path: Path, options: dict[str, Any]) -> None:
    if "schema" in options:
        table = pq.read_table(path).cast(options["schema"])
        pq.write_table(table, path, **parquet._WRITING)
    else:
        rewritten(path, **options)
    with pytest.raises(Refused) as caught:
        rollouts.read(path, SPEC)
    assert caught.value.reason is Reason.SCHEMA


def test_file__rewritten_the_same_way__is_read(path: Path) -> None:
    rewritten(path)
    assert rollouts.read(path, SPEC).root(SPEC) == parts.rollouts().root(SPEC)
    rewritten(path, data_page_size=16, write_batch_size=3)
    with pytest.raises(Refused, match="too many pages"):
        rollouts.read(path, SPEC)


KEYS: list[Callable[[dict[str, bytes]], dict[str, bytes]]] = [
    lambda keys: {**keys, "pandas": b"{}"},
    lambda keys: {**keys, "assay.format": b"2"},
    lambda keys: {**keys, "assay.binding": keys["assay.binding"].replace(b'"round":2', b'"round":3')},
    lambda keys: {**keys, "assay.binding": keys["assay.binding"].replace(b'"groups":2', b'"groups":1')},
    lambda keys: {**keys, "assay.binding": keys["assay.binding"] + b" "},
    lambda keys: {**keys, "assay.binding": b"{" * 5000},
    lambda keys: {**keys, "assay.binding": keys["assay.binding"].replace(b"0xab", b"0xAB")},
    lambda keys: {**keys, "assay.prompt_proofs": keys["assay.prompt_proofs"][:-4]},
    lambda keys: {**keys, "assay.prompt_proofs": keys["assay.prompt_proofs"] + b"\n"},
    lambda keys: {**keys, "assay.prompt_proofs": b"\xff" * 8},
    lambda keys: {**keys, "assay.signature": b"0x" + b"11" * 65},
    lambda keys: {**keys, "assay.signature": b"0x" + b"00" * 64 + b"1b"},
    lambda keys: {**keys, "assay.signature": b""},
    *(lambda keys, lost=lost: {k: v for k, v in keys.items() if k != lost} for lost in
      ("assay.format", "assay.binding", "assay.prompt_proofs")),
]  # fmt: skip


@pytest.mark.parametrize("change", KEYS, ids=range(len(KEYS)))
def test_metadata__changed_key__is_refused(path: Path, change: Callable[[Any], Any]) -> None:
    keys = {name.decode(): value for name, value in pq.read_metadata(path).metadata.items()}
    rewritten(path, keys=change(keys))
    with pytest.raises(Refused):
        rollouts.read(path, SPEC)


def test_signature__of_the_trainer__is_read_and_another_is_refused(tmp_path: Path) -> None:
    made = parts.rollouts()
    origin = signed(made.root(SPEC))
    rollouts.write(tmp_path / "x", made, SPEC, origin)
    assert rollouts.read_whole(tmp_path / "x", SPEC)[1] == origin
    wrong = [
        origin.signature[:64] + bytes([origin.signature[64] ^ 7]),
        bytes([origin.signature[0] ^ 1]) + origin.signature[1:],
        signed(b"\1" * 32).signature,
    ]
    for signature in wrong:
        with pytest.raises(Refused):
            rollouts.write(tmp_path / "y", made, SPEC, replace(origin, signature=signature))
    stolen = replace(origin, binding={**origin.binding, "n": 1})
    with pytest.raises(Refused, match="aren't signed"):
        rollouts.write(tmp_path / "y", made, SPEC, stolen)


def test_sign__sealed_submission__gets_a_signature_under_a_new_root(tmp_path: Path) -> None:
    made = parts.rollouts()
    binding = parts.binding(trainer=TRAINER, rollout_root=made.root(SPEC))
    rollouts.write(tmp_path / "x", made, SPEC, origin_of(binding))
    before = write_artifact(tmp_path / "s", "submission", binding, {rollouts.NAME: tmp_path / "x", "trace.json": b"{}"})
    key = KEY.sign_msg_hash(signing.digest_of(before))
    after = signing.sign(tmp_path / "s", SPEC, key.to_bytes()[:64] + bytes([27 + key.v]))
    opened = open_artifact(tmp_path / "s", 1 << 20)
    assert opened.root == after.root() != before.root() and opened.manifest.binding == before.binding
    assert rollouts.read_whole(opened.path(rollouts.NAME), SPEC)[1].signature
    assert sorted(found.name for found in tmp_path.iterdir()) == ["s", "x"]
    with pytest.raises(Refused):
        signing.sign(tmp_path / "s", SPEC, b"\1" * 65)
    assert open_artifact(tmp_path / "s", 1 << 20).root == after.root()


def _page(count: int, levels: bytes, values: bytes) -> bytes:
    """A data page of an int32 column whose header says what it likes."""
    body = struct.pack("<I", len(levels)) + levels + values

    def varint(n: int) -> bytes:
        return bytes([(n >> s & 0x7F) | (0x80 if n >> s + 7 else 0) for s in range(0, max(n.bit_length(), 1), 7)])

    head = b"\x15\x00\x15" + varint(len(body) * 2) + b"\x15" + varint(len(body) * 2)
    return head + b"\x2c\x15" + varint(count * 2) + b"\x15\x00\x15\x06\x15\x06\x00\x00" + body


@pytest.mark.parametrize(
    ("count", "levels", "values"),
    [
        (1 << 31, b"\x10\x01", b"\0" * 32),  # more values than bytes could hold
        (8, b"\xff\xff\xff\xff\x0f\x01", b"\0" * 32),  # a run of 2^31 levels
        (8, b"\x10\x00", b"\0" * 32),  # nulls
        (8, b"\x02\x01" * 8, b"\0" * 32),  # runs of one
        (8, b"\x00\x01" * 8, b"\0" * 32),  # runs of none
        (8, b"\x01", b"\0" * 32),  # a packed run of nothing
        (8, b"\x10\x01\x00", b"\0" * 32),  # bytes after the levels
        (8, b"\x10\x01", b"\0" * 31),
        (8, b"\x10\x01", b"\0" * 33),
        (8, b"\x10\x03", b"\0" * 32),
        (8, b"\x80" * 12, b"\0" * 32),
        (7, b"\x0e\x01", b"\0" * 28),
    ],
    ids=range(12),
)
def test_pages__counts_that_lie__are_refused(count: int, levels: bytes, values: bytes) -> None:
    good = parquet._Pages(_page(8, b"\x10\x01", b"\0" * 32), parquet.INT32, 8, "it").column(8)
    assert isinstance(good, np.ndarray) and good.tolist() == [0] * 8
    with pytest.raises(Refused):
        parquet._Pages(_page(count, levels, values), parquet.INT32, 8, "it").column(8)


def test_read__one_long_completion_among_many__isnt_padded_beyond_the_tasks_bytes(tmp_path: Path) -> None:
    """A small file must not become a large table: all rows are as wide as the longest."""
    wide = replace(SPEC, rollout=replace(SPEC.rollout, max_new_tokens=32767, groups=1000))
    made, n, long = parts.rollouts(groups=500), 500 * parts.GROUP, 20_000
    small = rows.columns(made, SPEC_OF_MANY)
    lengths = np.ones(n, np.int64)
    lengths[0] = long
    values = np.zeros(n - 1 + long, np.int32)
    proof = b"\0" * (2 + 2 * parts.TOP_K)
    columns = small | {
        "output_tokens": parquet.Lists(values, lengths),
        "output_logprobs": parquet.Lists(values.astype(np.float32), lengths),
        "proofs": [proof * -(-int(k) // parts.CHUNK) for k in lengths],
    }
    proofs = b""
    parquet.write(tmp_path / "x", parquet.Table(n, columns, origin_of(parts.binding()).metadata(proofs)), rows.KINDS)
    assert (tmp_path / "x").stat().st_size < SPEC.rounds.max_artifact_bytes
    with pytest.raises(Refused) as caught:
        rollouts.read(tmp_path / "x", wide)
    assert caught.value.reason is Reason.SIZE


SPEC_OF_MANY = replace(SPEC, rollout=replace(SPEC.rollout, groups=500))
