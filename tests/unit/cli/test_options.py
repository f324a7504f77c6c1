from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from assay.cli.main import app
from assay.cli.options import Root, hoist
from assay.errors import Broken, Refused, Unavailable

HEAVY = {"torch", "transformers", "web3", "sqlalchemy", "fastapi", "uvicorn", "numpy", "pydantic_settings"}


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["payouts", "--as", "carol", "--json"], ["--as", "carol", "--json", "payouts"]),
        (["task", "show", "1", "--rpc=http://x"], ["--rpc=http://x", "task", "show", "1"]),
        (["validator", "run", "--stake", "100", "-y"], ["-y", "validator", "run", "--stake", "100"]),
        (["logs", "--", "--json"], ["logs", "--", "--json"]),
        (["payouts", "--as"], ["--as", "payouts"]),
    ],
)
def test_hoist__global_options_anywhere__moved_to_the_front(typed: list[str], expected: list[str]) -> None:
    assert hoist(typed) == expected


def failing(error: Exception) -> typer.Typer:
    broken = typer.Typer(cls=Root)

    @broken.callback()
    def root(as_json: bool = typer.Option(False, "--json")) -> None:
        """Nothing."""

    @broken.command()
    def fail() -> None:
        raise error

    return broken


@pytest.mark.parametrize(
    ("error", "code", "kind"),
    [
        (Refused("the budget is too small"), 2, "refused"),
        (Unavailable("the budget is too small"), 3, "unavailable"),
        (Broken("the budget is too small"), 4, "broken"),
    ],
)
def test_root__assay_error__one_sentence_on_stderr_and_its_code(error: Exception, code: int, kind: str) -> None:
    result = CliRunner().invoke(failing(error), ["fail"])
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", f"{kind}: the budget is too small\n")


def test_root__assay_error_with_json__an_object_on_stderr() -> None:
    result = CliRunner().invoke(failing(Refused("no\nsuch  thing")), ["fail", "--json"])
    assert json.loads(result.stderr) == {"error": "refused", "message": "no such thing"}


def test_root__unexpected_error__code_4_and_the_trace_in_a_file() -> None:
    result = CliRunner().invoke(failing(KeyError("x")), ["fail"])
    assert result.exit_code == 4
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.output
    kept = result.stderr.rsplit(" ", 1)[1].strip()
    with open(kept) as file:  # noqa: PTH123
        assert "KeyError" in file.read()


def test_root__ctrl_c__code_130() -> None:
    result = CliRunner().invoke(failing(KeyboardInterrupt()), ["fail"])  # type: ignore[arg-type]
    assert result.exit_code == 130


@pytest.mark.parametrize(
    "line",
    [
        ["frobnicate"],
        ["task", "show"],
        ["task", "show", "x"],
        ["task", "show", "0"],
        ["up", "--peers", "99"],
        ["up", "--port", "70000"],
        ["payouts", "--nope"],
        ["payouts", "--as"],
    ],
)
def test_usage__mistyped__code_2_and_one_sentence(line: list[str]) -> None:
    result = CliRunner().invoke(app, line)
    assert result.exit_code == 2
    assert result.stderr.startswith("refused: ")
    assert result.stderr.count("\n") == 1


def commands() -> list[list[str]]:
    single = [
        "up",
        "down",
        "status",
        "logs",
        "doctor",
        "watch",
        "payouts",
        "claim",
        "explain",
        "eval",
        "label",
        "collect",
        "audit-plan",
        "calibrate",
        "deploy",
    ]
    groups = {
        "task": ["init", "check", "estimate", "plan", "publish", "list", "show", "cancel", "refund"],
        "model": ["import", "show", "export"],
        "trainer": ["run", "stop"],
        "validator": ["run", "stop", "status", "estimate"],
        "initiator": ["run", "stop"],
        "stake": ["add", "exit", "rebond", "withdraw", "show"],
        "case": ["list", "show", "challenge", "challenge-root", "appeal", "vote", "close"],
        "evidence": ["show", "verify"],
        "invite": ["create", "redeem", "revoke", "show"],
        "relay": ["send", "show", "cancel"],
        "round": ["finalize", "resolve"],
        "account": ["new", "list", "import", "fund"],
        "env": ["list", "trust", "add", "show", "test"],
        "swarm": ["fetch", "verify", "serve", "status"],
    }
    return [[name] for name in single] + [[group, name] for group, names in groups.items() for name in names]


@pytest.mark.parametrize("line", commands(), ids=" ".join)
def test_help__every_command__has_an_example_and_the_global_options(line: list[str]) -> None:
    result = CliRunner().invoke(app, [*line, "--help"])
    assert result.exit_code == 0
    assert "Example" in result.stdout
    assert "--dry-run" in result.stdout or len(line) == 2


def test_docs__every_command__has_a_row_of_the_page() -> None:
    page = (Path(__file__).parents[3] / "docs" / "cli.md").read_text()
    named = {name for row in page.splitlines() if row.startswith("| `") for name in row.split("|")[1].split("`")[1::2]}
    assert named == {" ".join(line) for line in commands()}


def test_help__root__hides_the_api_and_names_the_exit_codes() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert "2 refused, 3 unavailable, 4 broken" in " ".join(result.stdout.split())
    assert "api " not in result.stdout


def test_version__asked__printed() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout.startswith("assay ")


def test_import__main_module__loads_nothing_heavy() -> None:
    code = f"import sys, assay.cli.main; print(sorted({HEAVY!r} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
