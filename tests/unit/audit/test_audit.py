"""The audit tools' rewriting of Solidity, checked with the compiler on a small contract."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "scripts"))

from audit import operators, probes, schemata, solidity  # noqa: E402
from audit.coverage import Tally  # noqa: E402

CONTRACT = """// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

contract Sample {
    error Bad();
    uint256 internal constant MOST = 7;
    mapping(uint256 => uint256[]) internal lists;

    function pick(uint256 a, uint256 b) external pure returns (uint256) {
        require(a < MOST && b != 0, Bad());
        if (a == 1) return b;
        else if (a == 2) b++;
        for (uint256 i; i < a; ++i) b += i;
        return a > b ? a - b : b;
    }

    function list(uint256 key) internal view returns (uint256[] storage l) {
        l = lists[key];
        uint256 length = l.length;
        assembly ("memory-safe") { length := add(length, 1) }
        assert(length != 0);
    }
}
"""
PATH = "contracts/Sample.sol"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("audit")
    (root / "contracts").mkdir()
    (root / PATH).write_text(CONTRACT)
    (root / "scripts").mkdir()
    (root / "scripts/solc").symlink_to(ROOT / "scripts/solc")
    return root


@pytest.fixture(scope="module")
def sources(root: Path) -> Iterator[dict[str, solidity.Source]]:
    yield solidity.parse(root)


def _mutants(sources: dict[str, solidity.Source]) -> list[operators.Mutant]:
    return operators.mutants(sources[PATH], operators.constants_of(sources))


def test_instrument__all_kinds_of_statements__compiles_and_moves_no_line(
    root: Path, sources: dict[str, solidity.Source]
) -> None:
    plan = probes.instrument(sources)
    _, troubles = solidity.analyse(root, plan.texts)
    assert troubles == []
    assert plan.texts[PATH].count("\n") == CONTRACT.count("\n")


def test_instrument__conditions__have_both_outcomes(sources: dict[str, solidity.Source]) -> None:
    branches = [p for p in probes.instrument(sources).probes.values() if p.is_branch]
    codes = {"a < MOST && b != 0", "a < MOST", "a == 1", "a == 2", "i < a", "a > b", "length != 0"}
    assert {p.code for p in branches} == codes
    assert len(branches) == 2 * len(codes)


def test_tally__two_statements_on_a_line__needs_both() -> None:
    tally = Tally()
    tally.add(probes.Probe(PATH, 3, "", "a"), True)
    tally.add(probes.Probe(PATH, 3, "", "b"), False)
    assert tally.lines == {3: False}


def test_mutants__relational__moves_the_boundary_and_negates(sources: dict[str, solidity.Source]) -> None:
    texts = {m.text.strip() for m in _mutants(sources) if m.operator == "relational"}
    assert texts == {"<=", ">=", "!=", "=="}


def test_mutants__constant__changes_where_it_is_used(sources: dict[str, solidity.Source]) -> None:
    assert "(MOST + 1)" in {m.text for m in _mutants(sources)}


def test_mutants__pointer_without_a_value__is_not_made(sources: dict[str, solidity.Source]) -> None:
    deleted = {sources[PATH].cut(m.start, m.end) for m in _mutants(sources) if m.operator.startswith("delete")}
    assert "l = lists[key];" not in deleted
    assert "require(a < MOST && b != 0, Bad());" in deleted


def test_build__a_mutant_that_does_not_compile__is_left_out(root: Path, sources: dict[str, solidity.Source]) -> None:
    good = dict(enumerate(_mutants(sources), 1))
    host = good[1].host
    bad = operators.Mutant(PATH, host.start, host.end, "nonsense;", "delete-statement", host)
    copy = root / "copy"
    (copy / "contracts").mkdir(parents=True)
    (copy / "scripts").symlink_to(root / "scripts")
    (copy / PATH).write_text(CONTRACT)
    assert schemata.build(copy, sources, good | {999: bad}) == good
    assert solidity.analyse(copy)[1] == []
