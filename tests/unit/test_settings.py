from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from assay.errors import Refused
from assay.settings import load


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    for name in list(os.environ):
        if name.upper().startswith("ASSAY_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_load__empty_environment__defaults() -> None:
    settings = load()
    assert (settings.home, settings.deployments, settings.rpc, settings.threads) == (
        Path(".assay"),
        Path("deployments"),
        None,
        1,
    )


def test_load__variable_and_argument__the_argument_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_RPC", "http://a")
    assert load().rpc == "http://a"
    assert load(rpc="http://b").rpc == "http://b"
    assert load(rpc=None).rpc == "http://a"


def test_load__misspelt_variable__refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_PASWORD", "x")
    with pytest.raises(Refused, match="ASSAY_PASWORD"):
        load()


@pytest.mark.parametrize(("name", "value"), [("ASSAY_THREADS", "0"), ("ASSAY_CHAIN_ID", "x")])
def test_load__out_of_range__refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Refused, match=name):
        load()


def test_secret__from_file_then_home__and_never_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert load().secret() is None
    (tmp_path / ".assay").mkdir()
    (tmp_path / ".assay" / "password").write_text("local\n")
    assert load().secret() == "local"
    (tmp_path / "pw").write_text("from file\n")
    monkeypatch.setenv("ASSAY_PASSWORD_FILE", str(tmp_path / "pw"))
    assert load().secret() == "from file"
    monkeypatch.setenv("ASSAY_PASSWORD", "direct")
    assert load().secret() == "direct"
    assert "direct" not in repr(load())


def test_secret__file_missing__refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_PASSWORD_FILE", "/nowhere/pw")
    with pytest.raises(Refused, match="/nowhere/pw"):
        load().secret()


def test_settings__frozen() -> None:
    with pytest.raises(ValidationError):
        load().threads = 3  # type: ignore[misc]


def test_child_environment__threads_fixed__home_left_to_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_HOME", "/x")
    child = load(threads=2).child_environment()
    assert child["OMP_NUM_THREADS"] == "2"
    assert "ASSAY_HOME" not in child
