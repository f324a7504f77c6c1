"""The short form of `make fuzz`: the same targets and sandbox, several cases to a child."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "scripts"))

import fuzz  # noqa: E402
import fuzz_targets  # noqa: E402

CASES = 2_000


def test_fuzz__two_thousand_cases__readers_only_refuse_and_stay_within_bounds() -> None:
    tallies = fuzz.fuzz(CASES, seed=1, each=100)
    assert not [fault for tally in tallies.values() for fault in tally.faults]
    assert sum(tally.cases for tally in tallies.values()) == CASES
    assert all(tally.refused > tally.cases / 4 and tally.accepted for tally in tallies.values())


def test_fuzz__reader_that_breaks__is_found_with_the_number_of_its_case(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Path, data: bytes) -> object:
        return data[10**9]

    target = fuzz_targets.TARGETS["trace"]
    monkeypatch.setitem(fuzz_targets.TARGETS, "trace", fuzz_targets.Target(target.inputs, target.change, broken))
    (case,) = fuzz_targets.run({"target": "trace", "seed": 0, "first": 7, "last": 8})["cases"]
    tally = fuzz.Tally()
    tally.add(7, case)
    assert [number for number, _ in tally.faults] == [7] and "IndexError" in tally.faults[0][1]


@pytest.mark.parametrize("case", [["accepted", 1.5, 1.5, 1000, ""], ["refused", 0.1, 0.1, 201_000_000, ""]])
def test_tally__case_that_takes_too_much__is_a_fault(case: list) -> None:
    tally = fuzz.Tally()
    tally.add(3, case)
    assert tally.faults and tally.faults[0][0] == 3
