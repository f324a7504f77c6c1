"""`assay audit-plan`: what an initiator and a cheat can both work out."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from assay.cli import auditing
from assay.cli.main import app
from assay.protocol import templates
from assay.protocol.economics import detection
from assay.protocol.plan import Standing
from assay.protocol.spec import TaskSpec, to_toml
from assay.protocol.terms import draws, largest_pay


def run(*options: str) -> Result:
    return CliRunner().invoke(app, ["audit-plan", *options])


def written(folder: Path, **money: int) -> str:
    spec = templates.fill("digits", b"\x11" * 32, b"\x22" * 32)
    path = folder / "task.toml"
    path.write_text(to_toml(replace(spec, money=replace(spec.money, **money))), encoding="utf-8")
    return str(path)


def test_audit_plan__template__shows_costs_chances_and_that_nothing_pays() -> None:
    found = run()

    assert found.exit_code == 0
    assert found.stdout.splitlines()[-1] == "no fraction pays"
    for words in ("64", "512", "25 %", "12.5 %", "power 90 % is true", "loses from"):
        assert words in found.stdout


def test_audit_plan__for_machines__new_workers_are_caught_sooner() -> None:
    found = json.loads(run("--fraction", "1/256", "--fraction", "0.05", "--json").stdout)

    assert [(s["standing"], s["groups"], s["steps"]) for s in found["seats"]] == [
        ("new", 64, 2),
        ("known", 32, 1),
        ("proven", 16, 1),
    ]
    one, twentieth = (row["groups"] for row in found["fractions"])
    assert one == pytest.approx({"new": 0.99 / 4, "known": 0.99 / 8, "proven": 0.99 / 16})
    assert twentieth["new"] > 0.97 and twentieth["known"] > 0.8 and twentieth["proven"] > 0.5
    assert found["power_is_true"] and found["cheating_pays_from"] is None


def test_audit_plan__power_that_isnt_true__is_said_and_task_plan_refuses_it(tmp_path: Path) -> None:
    file = written(tmp_path, power=10_000)

    found = run(file)
    planned = CliRunner().invoke(app, ["task", "plan", file])

    assert found.exit_code == 2 and "power 100 % isn't true: lower money.power to 9900" in found.stdout
    assert planned.exit_code == 2 and "refused · money.power: 10000 isn't true" in planned.stdout


def test_audit_plan__checks_that_miss_most__cheating_pays_from_a_fraction_on(tmp_path: Path) -> None:
    file = written(tmp_path, bond=18 * 15 * 10**16)  # the smallest that pays two juries: 2.70

    found = run(file, "--check-power", "0.5")

    assert found.exit_code == 2 and "cheating pays from" in found.stdout
    assert run(file).exit_code == 0  # 0.99 is enough even so: what is unsaid here is the market's to refuse


@pytest.mark.parametrize("option", ["--fraction", "--check-power"])
@pytest.mark.parametrize("text", ["0", "1.01", "-0.1", "x", "1/0"])
def test_audit_plan__share_that_is_none__is_refused(option: str, text: str) -> None:
    assert run(option, text).exit_code != 0


def test_pays_from__every_number_of_fakes_tried__agrees() -> None:
    spec: TaskSpec = templates.blank("digits")
    spec = replace(spec, rollout=replace(spec.rollout, groups=16), verification=replace(spec.verification, groups=2))
    for bond, power in ((20 * 10**18, Fraction(1, 5)), (10**18, Fraction(1, 2)), (10**18, Fraction(1, 100))):
        poor = replace(spec, money=replace(spec.money, bond=bond))
        pay = largest_pay(poor.money)
        free = Fraction(*detection(poor.money.seats, draws(poor.rounds), 10_000))
        paying = [
            Fraction(faked, whole)
            for kind, whole in (("groups", 16), ("steps", 8))
            for standing in Standing
            for faked in range(1, whole + 1)
            if auditing.found_of(poor, kind, faked, standing, power) * free * (pay + Fraction(bond, 2))
            < Fraction(faked, whole) * pay
        ]

        assert auditing.pays_from(poor, power) == min(paying, default=None)
