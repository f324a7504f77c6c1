"""Compiled contracts: libraries linked into their code, and code known again on a chain."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assay.chain import compiled as module
from assay.chain.compiled import CONTRACTS, LIBRARIES, Compiled, compiled
from assay.errors import Broken

HOLE = "__$" + "0a" * 17 + "$__"
PLACE = {"contracts/logic/Lib.sol": {"Lib": [{"start": 1, "length": 20}, {"start": 22, "length": 20}]}}
BUNDLE: dict[str, Any] = {
    "abi": [],
    "bytecode": {"object": f"0xaa{HOLE}bb{HOLE}", "linkReferences": PLACE},
    "deployedBytecode": {
        "object": f"0xaa{HOLE}bb{HOLE}cc" + "00" * 32,
        "linkReferences": PLACE,
        "immutableReferences": {"7": [{"start": 43, "length": 32}]},
    },
}
LIB, NUMBER = "0x" + "11" * 20, b"\x05".rjust(32, b"\0")


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Compiled:
    monkeypatch.setattr(module, "ROOT", tmp_path)
    folder = tmp_path / "build" / "abi"
    folder.mkdir(parents=True)
    (folder / "Linked.json").write_text(json.dumps(BUNDLE))
    (folder / "Old.json").write_text(json.dumps({"abi": [], "bytecode": "0x00", "deployedBytecode": "0x00"}))
    return compiled.__wrapped__("Linked")


def test_linked__every_place__holds_the_librarys_address(built: Compiled) -> None:
    assert built.linked({"Lib": LIB}) == b"\xaa" + b"\x11" * 20 + b"\xbb" + b"\x11" * 20


def test_matches__other_addresses_and_values__is_the_same_contract(built: Compiled) -> None:
    code = b"\xaa" + b"\x11" * 20 + b"\xbb" + b"\x22" * 20 + b"\xcc" + NUMBER
    assert built.matches(code)
    assert built.hash_of(code) == built.code_hash
    assert built.linked_to(code) == {"Lib": {b"\x11" * 20, b"\x22" * 20}}
    assert built.immutables(code) == [NUMBER]
    assert not built.matches(b"\xab" + code[1:])
    assert not built.matches(code + b"\0")


def test_compiled__bundle_of_an_older_set_up__says_what_to_run(built: Compiled) -> None:
    with pytest.raises(Broken, match="scripts/setup again"):
        compiled.__wrapped__("Old")


@pytest.mark.parametrize("name", [*CONTRACTS, *LIBRARIES])
def test_compiled__each_of_the_deployment__names_only_known_libraries(name: str) -> None:
    built = compiled(name)
    assert len(built.deployed) <= 24_576
    assert set(built.links) == set(built.deployed_links) <= set(LIBRARIES)
