"""Every column and metadata key of an honest rollout file, changed: refused, however well the roots are redone."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
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
from assay.errors import Refused
from assay.train.export import train_submission
from assay.types import Reason, Verdict
from unit.verify.conftest import BEACON, BOUND, Bench, open_all

KEY = PrivateKey(b"\x09" * 32)
Keys = dict[str, bytes]


@pytest.fixture(scope="module")
def signed(submit: Callable[..., Bench], tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """An honest submission that its trainer signed; every group of it is drawn."""
    plain, room = submit(), tmp_path_factory.mktemp("signed")
    rules = replace(plain.spec.verification, groups=plain.spec.rollout.groups)
    spec, trainer = replace(plain.spec, verification=rules), KEY.public_key.to_address()
    bound, out = BOUND | {"trainer": trainer}, room / "submission"
    done = train_submission(plain.base, spec, bound, BEACON, out, states=room / "states")
    key = KEY.sign_msg_hash(signing.digest_of(done.manifest))
    root = signing.sign(out, spec, key.to_bytes()[:64] + bytes([27 + key.v])).root()
    context = replace(plain.context, trainer=trainer, units=done.units, root=root)
    return Bench(room, out, plain.base, spec, context, open_all(room, plain.base, spec))


def table_of(bench: Bench) -> tuple[dict[str, list[Any]], Keys]:
    path = bench.folder / rollouts.NAME
    keys = {name.decode(): value for name, value in pq.read_metadata(path).metadata.items()}
    return pq.read_table(path).to_pydict(), keys


def resealed(bench: Bench, room: Path, columns: dict[str, list[Any]], keys: Keys, redo_root: bool = True) -> Bench:
    """Write a file with pyarrow and seal it as its maker could: all hashes anew, the rollout root too where it can be.

    A trainer that redoes the root can sign it anew as well: so the signature isn't what speaks against the change.
    """
    types = {parquet.INT32: pa.int32(), parquet.INT64: pa.int64(), parquet.FLOAT32: pa.float32()}
    types |= {parquet.STRING: pa.string(), parquet.BINARY: pa.binary()}
    types |= {parquet.INT32S: pa.list_(pa.int32()), parquet.FLOAT32S: pa.list_(pa.float32())}
    table = pa.table(columns, schema=pa.schema([(name, types[kind]) for name, kind in rows.KINDS.items()]))

    def put(metadata: Keys) -> None:
        with pq.ParquetWriter(room / "file", table.schema, **parquet._WRITING) as sink:
            sink.write_table(table)
            sink.add_key_value_metadata(metadata)

    binding = bench.case().binding
    put(keys)
    if redo_root:
        try:
            put({name: value for name, value in keys.items() if name != "assay.signature"})
            made, origin = rollouts.read_whole(room / "file", bench.spec)
            binding = replace(binding, rollout_root=made.root(bench.spec))
            key = KEY.sign_msg_hash(origin.digest(binding.rollout_root))
            put(
                keys
                | {"assay.signature": b"0x" + key.to_bytes()[:64].hex().encode() + bytes(f"{27 + key.v:02x}", "ascii")}
            )
        except Refused:
            put(keys)
    files: dict[str, bytes | Path] = {
        path.name: path for path in bench.folder.iterdir() if path.name != "manifest.json"
    }
    write_artifact(room / "forged", "submission", binding, {**files, rollouts.NAME: room / "file"})
    root = open_artifact(room / "forged", 1 << 30).root
    return replace(bench, folder=room / "forged", context=replace(bench.context, root=root))


def _other(value: Any, dice: random.Random) -> Any:
    """Return another value of the same kind, as near as a cheat would like it."""
    if isinstance(value, list):
        at = dice.randrange(len(value))
        return [*value[:at], _other(value[at], dice), *value[at + 1 :]]
    if isinstance(value, bytes):
        at = dice.randrange(len(value))
        return value[:at] + bytes([value[at] ^ 1 << dice.randrange(8)]) + value[at + 1 :]
    if isinstance(value, str):
        return "0" if value.isdigit() and value != "0" else value + "1"
    if isinstance(value, int):
        return value + 1 if value < 9 else value - 1
    return (
        float(np.float32(value) + np.float32(0.0625)) if value < 0.5 else float(np.float32(value) - np.float32(0.0625))
    )


def _mutations() -> Iterator[tuple[str, int]]:
    for name in rows.KINDS:
        for seed in range(4):
            yield name, seed


@pytest.mark.parametrize(("name", "seed"), list(_mutations()))
def test_check__one_value_of_a_column_changed_and_sealed_anew__is_refused(
    signed: Bench, tmp_path: Path, name: str, seed: int
) -> None:
    columns, keys = table_of(signed)
    dice = random.Random(f"{name}/{seed}")  # noqa: S311
    row = dice.randrange(len(columns[name]))
    columns[name][row] = _other(columns[name][row], dice)
    finding = resealed(signed, tmp_path, columns, keys).check()
    assert finding.verdict in (Verdict.INVALID, Verdict.MALFORMED), (row, finding.message)
    if name not in ("input_tokens", "output_tokens", "output_logprobs", "proofs"):
        assert finding.checks[-1].name in ("schema", "assignment", "bounds", "reward")  # before any model runs


@pytest.mark.parametrize("name", list(rows.KINDS))
def test_check__column_changed_under_the_honest_root__is_refused_by_the_first_check(
    signed: Bench, tmp_path: Path, name: str
) -> None:
    columns, keys = table_of(signed)
    dice = random.Random(name)  # noqa: S311
    columns[name] = [_other(value, dice) for value in columns[name]]
    finding = resealed(signed, tmp_path, columns, keys, redo_root=False).check()
    assert finding.verdict is not Verdict.VALID and finding.checks[-1].name == "schema"


@pytest.mark.parametrize("name", ["assay.format", "assay.binding", "assay.prompt_proofs", "assay.signature"])
@pytest.mark.parametrize("seed", range(8))
def test_check__metadata_key_changed__is_refused(signed: Bench, tmp_path: Path, name: str, seed: int) -> None:
    columns, keys = table_of(signed)
    keys[name] = _other(keys[name], random.Random(seed))  # noqa: S311
    finding = resealed(signed, tmp_path, columns, keys, redo_root=name == "assay.prompt_proofs").check()
    assert finding.verdict in (Verdict.INVALID, Verdict.MALFORMED)


BOUND_KEYS = [
    "protocol",
    "chain_id",
    "ledger",
    "task",
    "round",
    "trainer",
    "n",
    "base",
    "first_group",
    "groups",
    "units",
]


@pytest.mark.parametrize("name", [*BOUND_KEYS, "profile"])
def test_check__file_bound_to_something_else_and_signed_so__is_refused(
    signed: Bench, tmp_path: Path, name: str
) -> None:
    case = signed.case()
    made, origin = case.rollout_file
    value = origin.binding[name]
    other = value + 1 if isinstance(value, int) else value[:-1] + ("0" if value[-1] != "0" else "1")
    forged = replace(origin, binding={**origin.binding, name: other}, signature=b"")
    key = KEY.sign_msg_hash(forged.digest(made.root(signed.spec)))
    signature = key.to_bytes()[:64] + bytes([27 + key.v])
    keys = replace(forged, signature=signature).metadata(table_of(signed)[1]["assay.prompt_proofs"])
    finding = resealed(signed, tmp_path, table_of(signed)[0], keys, redo_root=False).check()
    assert (finding.verdict, finding.checks[-1].name) in ((Verdict.INVALID, "schema"), (Verdict.MALFORMED, "schema"))


def test_check__signature_taken_away__isnt_the_artifact_that_the_chain_names(signed: Bench, tmp_path: Path) -> None:
    columns, keys = table_of(signed)
    unsigned = resealed(signed, tmp_path, columns, {k: v for k, v in keys.items() if k != "assay.signature"}, False)
    finding = replace(unsigned, context=signed.context).check()
    assert (finding.verdict, finding.reason) == (Verdict.INVALID, Reason.BINDING)


def test_check__honest_file__passes_as_it_is_and_written_again_by_another_hand(signed: Bench, tmp_path: Path) -> None:
    assert signed.check().verdict is Verdict.VALID
    again = resealed(signed, tmp_path, *table_of(signed))
    assert again.check().verdict is Verdict.VALID


@pytest.mark.parametrize("round_", range(12))
def test_check__honest_files_of_other_rounds__are_read_and_follow(submit: Any, tmp_path: Path, round_: int) -> None:
    bench = submit()
    bound = BOUND | {"round": round_, "first_group": 8 * round_}
    beacon = bytes([round_]) * 32
    done = train_submission(bench.base, bench.spec, bound, beacon, tmp_path / "s")
    context = replace(bench.context, **bound, units=done.units, beacon=beacon, root=done.root)
    finding = replace(bench, folder=tmp_path / "s", context=context, openings=None).check()
    assert [line.name for line in finding.checks][-2:] == ["held-out", "step"] and finding.reason is Reason.MISSING
