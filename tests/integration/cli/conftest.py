"""A command line on the test's chain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from assay.chain import deployment, keys, localnet
from assay.cli.main import app
from integration.cli.commands import NAMES, Run


@pytest.fixture
def run(chain: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line against the test's chain, with keys for everyone in the home folder."""
    home = tmp_path / "home"
    for name, index in NAMES.items():
        keys.import_key(home / "keys", name, localnet.key(index), "pw", scrypt_n=2)
    (home / "password").write_text("pw\n")
    deployment.write(tmp_path / "deployments", chain.contracts.deployment)
    monkeypatch.setenv("ASSAY_DEPLOYMENTS", str(tmp_path / "deployments"))

    def invoke(*line: str) -> Result:
        return CliRunner().invoke(app, ["--home", str(home), "--rpc", chain.net.url, *line])

    return invoke
