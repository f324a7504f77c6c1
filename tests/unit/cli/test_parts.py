from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assay.chain import keys
from assay.cli import bases, trust
from assay.cli.amount import duration, parse
from assay.cli.estimate import estimate, round_pay
from assay.cli.main import app
from assay.cli.names import Names
from assay.cli.screen import Screen
from assay.errors import Refused
from assay.protocol import templates
from assay.protocol.spec import TaskSpec, to_toml

ASY = 10**18


def spec() -> TaskSpec:
    return templates.fill("digits", b"\x11" * 32, b"\x22" * 32)


@pytest.mark.parametrize(
    ("text", "wei"), [("100", 100 * ASY), ("0.5", ASY // 2), ("1,000.25", 1_000 * ASY + ASY // 4), (" 3 ", 3 * ASY)]
)
def test_parse__amounts__wei(text: str, wei: int) -> None:
    assert parse(text) == wei


@pytest.mark.parametrize("text", ["", "x", "-1", "1e3", "1.", ".5", "0", "0.0", "1" * 40, "0." + "1" * 19, "١"])
def test_parse__anything_else__refused_with_the_option_named(text: str) -> None:
    with pytest.raises(Refused, match="--stake"):
        parse(text, "--stake")


@pytest.mark.parametrize(("seconds", "shown"), [(25, "25 s"), (174, "2:54"), (3723, "1:02:03"), (0, "0 s")])
def test_duration__seconds__as_people_read_them(seconds: int, shown: str) -> None:
    assert duration(seconds) == shown


def test_estimate__template__locked_sum_windows_and_whole_pot_at_most() -> None:
    made = spec()
    found = estimate(made, trainers=3, validators=3)
    assert found.locked == made.money.budget == 180 * ASY
    assert found.seats_per_submission == made.money.seats / 3
    assert found.seconds > made.rounds.count * made.rounds.period
    assert 3 * found.trainer_round + 3 * found.validator_round <= made.money.pot
    assert found.to_json()["locked"] == str(180 * ASY)


def test_round_pay__pot_is_enough__price_seats_and_attestation() -> None:
    terms = {"pot": 10_000, "price": 2, "seatFee": 100, "attestFee": 7, "seats": 3}
    assert round_pay(terms, 50, 2, 3, 1 / 3) == (100, 207)


def test_round_pay__more_due_than_the_pot__everyone_scaled_alike() -> None:
    terms = {"pot": 410, "price": 2, "seatFee": 100, "attestFee": 10, "seats": 3}
    assert round_pay(terms, 50, 2, 2, 0.5) == (50, 155)  # due: 2 · (100 + 300) + 2 · 10 = 820


def test_names__local_accounts__both_ways_and_services_apart(tmp_path: Path) -> None:
    made = {name: keys.create(tmp_path, name, "pw", scrypt_n=2).address for name in ("carol", "peer-1")}
    names = Names(tmp_path)
    assert names.of(made["carol"].lower()) == "carol"
    assert names.address("carol") == made["carol"]
    assert names.address(made["carol"].lower()) == made["carol"]
    assert names.people() == ["carol"]
    assert names.of("0x" + "ab" * 20) == "0xabab…abab"


@pytest.mark.parametrize("wrong", ["dave", "0x12", "0x" + "g" * 40, ""])
def test_names__neither_name_nor_address__refused(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(Refused):
        Names(tmp_path).address(wrong)


def test_screen__table__columns_aligned_without_trailing_blanks(capsys: pytest.CaptureFixture[str]) -> None:
    Screen().table(["task", "state"], [["1", "claimable"], ["1000000", "not drawn [x]"]])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].index("claimable") == lines[2].index("not drawn [x]")
    assert all(line == line.rstrip() for line in lines)


def test_screen__json__only_json_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(as_json=True)
    screen.say("working")
    screen.result({"wei": "1"}, "one wei")
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {"wei": "1"}
    assert shown.err == "working\n"


def test_screen__quiet__says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    Screen(quiet=True).say("working")
    assert capsys.readouterr().err == ""


def test_screen__confirm_in_json_mode__refused_without_yes() -> None:
    with pytest.raises(Refused, match="--yes"):
        Screen(as_json=True).confirm("publish?")
    Screen(as_json=True, yes=True).confirm("publish?")


def test_bases__not_here__refused_with_what_makes_it(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="task init"):
        bases.folder_of(tmp_path, b"\x01" * 32)


def test_task_estimate__template__text_and_json(tmp_path: Path) -> None:
    file = tmp_path / "digits.toml"
    file.write_text(to_toml(spec()))
    text = CliRunner().invoke(app, ["task", "estimate", str(file)])
    assert text.stdout.startswith(f"grpo · {spec().rounds.count} rounds of {spec().rounds.period} s, ")
    assert " · locks 180.00 ASY · a trainer earns about " in text.stdout
    data = json.loads(CliRunner().invoke(app, ["task", "estimate", str(file), "--json"]).stdout)
    assert data["locked"] == str(180 * ASY)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('budget = "180.00"', 'budget = "80.00"', "money.budget: 80.00 is too small: 6 rounds × pot 30.00 = 180.00"),
        ("[rounds]", "[rounds]\nspeed = 3", "rounds.speed: there is no such field"),
        ("count = 6\n", "", "rounds.count: is missing"),
        ("count = 6", 'count = "6"', "rounds.count: must be a whole number, not a string"),
        ('name = "digits-6"', "name = [", "the spec isn't TOML"),
    ],
)
def test_task_estimate__bad_spec__names_the_field_and_exits_2(tmp_path: Path, old: str, new: str, says: str) -> None:
    text = to_toml(spec())
    assert old in text
    file = tmp_path / "bad.toml"
    file.write_text(text.replace(old, new))
    result = CliRunner().invoke(app, ["task", "estimate", str(file)])
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stderr.count("\n") == 1


def test_task_estimate__no_file_or_no_text__refused(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"\xff\xfe\x00")
    for name, says in (
        ("none.toml", "there is no file"),
        ("model.bin", "can't be read as text"),
        ("", "can't be read"),
    ):
        result = CliRunner().invoke(app, ["task", "estimate", str(tmp_path / name)])
        assert (result.exit_code, says in result.stderr) == (2, True)


def test_account_list__empty_home__says_how_to_make_one(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--home", str(tmp_path), "account", "list"])
    assert result.exit_code == 0
    assert "account new" in result.stdout


def test_account_new__password_from_a_file__key_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pw").write_text("long enough\n")
    monkeypatch.setenv("ASSAY_PASSWORD_FILE", str(tmp_path / "pw"))
    home = tmp_path / "home"
    made = json.loads(CliRunner().invoke(app, ["--home", str(home), "account", "new", "dave", "--json"]).stdout)
    assert (home / "keys" / "dave.json").stat().st_mode & 0o077 == 0
    again = CliRunner().invoke(app, ["--home", str(home), "account", "new", "dave"])
    assert (again.exit_code, "already" in again.stderr) == (2, True)
    assert keys.load(home / "keys", "dave", "long enough", exclusive=False).address == made["address"]


def test_account_new__json_without_password__refused_instead_of_asking(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--home", str(tmp_path), "account", "new", "dave", "--json"])
    assert (result.exit_code, "ASSAY_PASSWORD_FILE" in result.stderr) == (2, True)


@pytest.mark.parametrize("text", ["zz", "12", "0x" + "1" * 63, ""])
def test_account_import__not_a_key__refused_without_showing_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "key").write_text(text)
    (tmp_path / "password").write_text("pw")
    result = CliRunner().invoke(app, ["--home", str(tmp_path), "account", "import", "dave", str(tmp_path / "key")])
    assert result.exit_code == 2
    assert not (tmp_path / "keys" / "dave.json").exists()


def test_account_import__hex_key__same_address(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("0x" + "01" * 32)
    (tmp_path / "password").write_text("pw")
    line = ["--home", str(tmp_path), "account", "import", "dave", str(tmp_path / "key"), "--json"]
    assert json.loads(CliRunner().invoke(app, line).stdout)["address"] == "0x1a642f0E3c3aF545E7AcBD38b07251B3990914F1"


def test_logs__unknown_name__refused_and_names_those_that_are(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--home", str(tmp_path), "logs", "bob"])
    assert (result.exit_code, "api, anvil" in result.stderr) == (2, True)


def test_down__nothing_running__done_and_says_so(tmp_path: Path) -> None:
    for _ in range(2):
        result = CliRunner().invoke(app, ["--home", str(tmp_path), "down"])
        assert (result.exit_code, result.stdout) == (0, "nothing was running\n")


def test_up__with_an_rpc_of_another_chain__refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--home", str(tmp_path), "up", "--rpc", "http://127.0.0.1:1"])
    assert (result.exit_code, "leave --rpc" in result.stderr) == (2, True)


def test_env__list_and_revoke__a_distrusted_environment_is_refused(tmp_path: Path) -> None:
    home = ["--home", str(tmp_path)]
    row = json.loads(CliRunner().invoke(app, [*home, "env", "list", "--json"]).stdout)[0]
    assert (row["name"], row["trusted"]) == ("digits", True)
    file = tmp_path / "task.toml"
    pinned = to_toml(templates.fill("digits", b"\x11" * 32, bytes.fromhex(row["hash"][2:])))
    file.write_text(pinned)
    CliRunner().invoke(app, [*home, "env", "trust", row["hash"], "--revoke"])
    result = CliRunner().invoke(app, [*home, "task", "check", str(file)])
    assert (result.exit_code, "isn't trusted on this machine" in result.stderr) == (2, True)
    assert CliRunner().invoke(app, [*home, "env", "trust", "digits"]).exit_code == 0
    result = CliRunner().invoke(app, [*home, "task", "check", str(file)])
    assert "task init" in result.stderr  # now only the base checkpoint is missing
    file.write_text(to_toml(spec()))
    assert "the task pins digits 0x22222222" in CliRunner().invoke(app, [*home, "task", "check", str(file)]).stderr
    assert CliRunner().invoke(app, [*home, "env", "trust", "chess"]).exit_code == 2


def test_env__folder_of_ones_own__added_shown_tried_and_distrusted(tmp_path: Path) -> None:
    home, source = ["--home", str(tmp_path / "home"), "--json"], tmp_path / "mine"
    source.mkdir()
    (source / "items.jsonl").write_text(
        '{"question": "1 + 1?", "answer": "2"}\n{"question": "2 + 3?", "answer": "5"}\n'
    )
    added = json.loads(CliRunner().invoke(app, [*home, "env", "add", str(source), "-o", "prefix=It is"]).stdout)
    assert f'hash = "{added["hash"]}"' in added["toml"] and 'prefix = "It is"' in added["toml"]
    shown = ["env", "show", added["root"][:12], "-o", "prefix=It is"]
    assert json.loads(CliRunner().invoke(app, [*home, *shown]).stdout)["hash"] == added["hash"]
    tried = json.loads(CliRunner().invoke(app, [*home, "env", "test", str(source)]).stdout)
    assert (tried["seeds"], tried["failed"], [row["score"] for row in tried["items"]]) == (2, 0, ["1.0", "1.0"])
    options = {"root": added["root"], "prefix": "It is"}
    pinned = bytes.fromhex(added["hash"][2:])
    trust.require_trusted(tmp_path / "home", "folder", pinned, options)
    with pytest.raises(Refused, match=r"isn't trusted on this machine: `assay env trust 0x"):
        trust.require_trusted(tmp_path / "elsewhere", "folder", pinned, options)
    CliRunner().invoke(app, [*home, "env", "trust", added["hash"], "--revoke"])
    with pytest.raises(Refused, match="isn't trusted"):
        trust.require_trusted(tmp_path / "home", "folder", pinned, options)
    for word in ("chess", "0x12"):
        assert CliRunner().invoke(app, [*home, "env", "show", word]).exit_code == 2
