"""`assay task plan`: what an initiator reads before any token is locked."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from assay.cli import planning
from assay.cli.main import app
from assay.protocol import templates
from assay.protocol.spec import TaskSpec, parse_toml, to_toml

ASY = 10**18


def spec(rounds: dict[str, Any] | None = None, **money: Any) -> TaskSpec:
    made = templates.fill("digits", b"\x11" * 32, b"\x22" * 32)
    return replace(made, rounds=replace(made.rounds, **rounds or {}), money=replace(made.money, **money))


def run(folder: Path, task: TaskSpec, *options: str) -> Result:
    path = folder / "task.toml"
    path.write_text(to_toml(task), encoding="utf-8")
    return CliRunner().invoke(app, ["task", "plan", str(path), *options])


def planned(folder: Path, task: TaskSpec, *options: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(folder, task, "--json", *options).stdout)
    return found


def test_plan__template__is_taken_and_every_rule_is_shown(tmp_path: Path) -> None:
    found = run(tmp_path, spec())

    assert found.exit_code == 0
    assert found.stdout.splitlines()[-1] == "the contracts take it"
    for words in ("work to attest ≤ staleness × period", "fills 6 of 9 seats", "4.24 %", "smallest 3.99950669", "step"):
        assert words in found.stdout


def test_plan__template__numbers_for_machines(tmp_path: Path) -> None:
    found = planned(tmp_path, spec(), "--unbonding", "600")

    assert [(w["seconds"], w["allowed"], w["slack"]) for w in found["windows"]] == [
        (30, 30, 0),
        (8, 14, 6),
        (40, 240, 200),
        (85, 450, 365),
        (99, 600, 501),
    ]
    assert [round(100 * row["draws_1"], 2) for row in found["chance_of_a_quorum"]] == [0.01, 0.31, 4.24]
    assert found["q"] == pytest.approx(0.9 * (1 - 835 / 19683))
    assert (found["smallest_bond"], found["exposure"]) == (str(3_999_506_690 * 10**9), str(2135 * ASY // 100))
    assert (found["challenge_bond"], found["appeal_bond"], found["jury"]) == (
        str(20 * ASY),
        str(40 * ASY),
        str(135 * ASY // 100),
    )
    assert found["refusals"] == []


def test_plan__no_unbonding_named__is_left_open(tmp_path: Path) -> None:
    assert planned(tmp_path, spec())["windows"][-1]["slack"] is None


def test_plan__numbers_that_do_not_fit__exit_2_and_each_named_with_what_to_raise_it_to(tmp_path: Path) -> None:
    poor = spec({"period": 20}, bond=2 * ASY, cut=3 * ASY)

    found, text = planned(tmp_path, poor), run(tmp_path, poor)

    assert text.exit_code == 2
    assert [(no["error"], no["field"], no["to"]) for no in found["refusals"]] == [
        ("WindowsTooLong", "rounds.period", "30"),
        ("BondTooSmall", "money.bond", str(3_999_506_690 * 10**9)),
        ("CutTooLarge", "money.min_stake", str(432 * ASY)),
    ]
    assert [line for line in text.stdout.splitlines() if line.startswith("refused · ")] == [
        f"refused · {no['sentence']}" for no in found["refusals"]
    ]
    assert "raise it to 30" in text.stdout


def test_plan__unbonding_too_short__is_refused(tmp_path: Path) -> None:
    found = run(tmp_path, spec(), "--unbonding", "93")

    assert found.exit_code == 2
    assert "refused · rounds.challenge: 14 s is too long" in found.stdout


def test_plan__field_out_of_range__is_named(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text(to_toml(spec()).replace("seats = 9", "seats = 1"), encoding="utf-8")

    found = CliRunner().invoke(app, ["task", "plan", str(tmp_path / "one.toml")])

    assert found.exit_code == 2
    assert "money.seats: 1 must be from 2 to 16" in found.output


def test_plan__power_too_small_for_any_bond__says_so(tmp_path: Path) -> None:
    huge = spec(price=ASY, max_units=140_000_000, pot=2**87 - 1, budget=2**90, power=1, bond=20 * ASY)

    found, text = planned(tmp_path, huge), run(tmp_path, huge)

    assert found["smallest_bond"] is None
    assert found["refusals"][0]["field"] == "money.power"
    assert "smallest larger than any" in text.stdout


# --- looking


def test_plan__costs_given__rates_follow_the_inequality(tmp_path: Path) -> None:
    found = planned(tmp_path, spec(), "--cost", "step=14", "--cost", "schema=0", "--price-per-second", "0.1")

    rows = {row["check"]: row for row in found["checks"]}
    assert rows["step"]["cost"] == str(14 * ASY // 10)
    assert rows["step"]["rate"] == pytest.approx(1.4 / (0.15 + 1.25))  # cost ÷ (seat fee + cut)
    assert rows["step"]["cut"] == str(1385 * ASY // 100)  # at one canary in ten: 1.4 / 0.1 − 0.15
    assert (rows["schema"]["rate"], rows["schema"]["cut"]) == (0, "0")
    assert len(rows) == 9


def test_plan__checks_not_worth_their_cost__names_rate_and_cut_and_takes_it_all_the_same(tmp_path: Path) -> None:
    found = run(tmp_path, spec(), "--cost", "step=70")

    assert found.exit_code == 0
    assert (
        "not every check is worth its cost: raise money.canary_rate to 5024, or raise money.cut to 6.883"
        in found.stdout
    )
    assert "with money.min_stake at 991.152" in found.stdout


def test_plan__no_canaries__only_a_free_look_is_worth_it(tmp_path: Path) -> None:
    bare = spec(canary_rate=0, cut=0, seat_fee=0)

    found = run(tmp_path, bare)

    assert found.exit_code == 0
    assert "no share" in found.stdout
    assert "raise money.canary_rate and money.cut above 0" in found.stdout


@pytest.mark.parametrize("given", ["stepp=1", "step", "step=x", "step=-1", "step=1e9", "step=1/0"])
def test_plan__cost_that_names_no_seconds__is_refused(tmp_path: Path, given: str) -> None:
    found = run(tmp_path, spec(), "--cost", given)

    assert found.exit_code == 2
    assert "--cost" in found.output


def test_plan__from_stdin_and_no_file(tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["task", "plan", "-"], input=to_toml(spec())).exit_code == 0
    missing = CliRunner().invoke(app, ["task", "plan", str(tmp_path / "none.toml")])
    assert (missing.exit_code, "there is no file" in missing.output) == (2, True)


# --- the pot


FEE = 135 * ASY // 100  # of a canary


@pytest.mark.parametrize(
    ("pot", "rate", "submissions"),
    [
        (30 * ASY, 1000, 2),  # 2 × 13.82 + one canary at 1.35
        (2 * 13_822_320 * 10**12 + FEE, 1000, 2),
        (2 * 13_822_320 * 10**12 + FEE - 1, 1000, 1),
        (2 * 13_822_320 * 10**12, 0, 2),
        (2 * 13_822_320 * 10**12 + 2 * FEE, 10_000, 2),
        (ASY, 0, 0),
        (2**87 - 1, 0, 256),
    ],
)
def test_capacity__full_submissions_and_their_canaries_fit_the_pot(pot: int, rate: int, submissions: int) -> None:
    assert planning.capacity(spec(pot=pot, canary_rate=rate)) == submissions


def test_looking__together__adds_up_the_shares() -> None:
    rows = planning.looking(spec(), planning.CHECKS, ASY // 100)

    every = planning.together(spec(), rows)

    assert every.rate == sum((row.rate for row in rows if row.rate is not None), Fraction())


def test_task_check__refuses_the_same(tmp_path: Path) -> None:
    path = tmp_path / "poor.toml"
    path.write_text(to_toml(spec(bond=2 * ASY)), encoding="utf-8")

    found = CliRunner().invoke(app, ["task", "estimate", str(path)])

    assert (found.exit_code, "money.bond: 2.00 is too small" in found.output) == (2, True)
    assert parse_toml(path.read_text(encoding="utf-8")).money.bond == 2 * ASY
