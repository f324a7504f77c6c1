"""The record of a deployment."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from assay.chain.deployment import NAMES, Deployment, path_of, read, write
from assay.errors import Refused

HERE = Deployment(
    chain_id=5,
    beacon_kind="CommitRevealBeacon",
    block=7,
    deployer="0xE",
    abi_hash="0x00",
    libraries={"Settling": "0xF"},
    **{kind: f"0x{n}" for n, kind in enumerate(NAMES)},
)


def test_write__then_read__is_the_same(tmp_path: Path) -> None:
    assert write(tmp_path, HERE) == tmp_path / "5" / "addresses.json"
    assert read(tmp_path, 5) == HERE


def test_places__of_a_deployment__name_every_contract_in_its_order() -> None:
    names = list(HERE.places())
    assert names[:5] == ["Settling", "AssayToken", "StakeVault", "TaskMarket", "CommitRevealBeacon"]
    assert len(names) == len(NAMES) + 1
    assert set(HERE.followed()) <= set(names)


def test_read__nothing_recorded__names_the_command(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="assay deploy"):
        read(tmp_path, 5)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        json.dumps({**asdict(HERE), "more": 1}),
        json.dumps({**asdict(HERE), "block": "7"}),
        json.dumps({**asdict(HERE), "chain_id": 6}),
        json.dumps({**asdict(HERE), "beacon_kind": "Dice"}),
        json.dumps({**asdict(HERE), "libraries": {"Settling": 5}}),
    ],
)
def test_read__file_that_is_no_record_of_this_chain__is_refused(tmp_path: Path, text: str) -> None:
    path = path_of(tmp_path, 5)
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(Refused, match=r"addresses\.json"):
        read(tmp_path, 5)
