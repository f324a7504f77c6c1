"""Requests that an account without gas signs and somebody else sends, and stake in and out, on a real chain."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assay.chain import keys
from integration.chain.world import INITIATOR, TOKEN, World
from integration.cli.commands import Run, as_json, refusal

pytestmark = pytest.mark.integration


@pytest.fixture
def dora(chain: Any, run: Run, tmp_path: Path) -> str:
    """An account with 50 tokens and not a wei of gas."""
    made = keys.import_key(tmp_path / "home" / "keys", "dora", b"\x0d" * 32, "pw", scrypt_n=2).address
    World(chain, chain.store()).send(INITIATOR, chain.contracts.transfer(made, 50 * TOKEN))
    chain.client.rpc("anvil_setBalance", made, "0x0")
    return made


@pytest.fixture
def signed(run: Run, tmp_path: Path) -> Any:
    """Let an account sign a command instead of sending it; return the file."""

    def sign(*line: str) -> str:
        result = run(*line, "--yes", "--sign-only")
        assert result.exit_code == 0, result.output
        file = tmp_path / f"request-{len(list(tmp_path.glob('request-*')))}.json"
        file.write_text(result.stdout)
        return str(file)

    return sign


def sent(run: Run, file: str) -> Any:
    return as_json(run("relay", "send", file, "--as", "alice", "--yes", "--json"))


def test_relay__account_without_gas__stakes_leaves_and_comes_back(run: Run, dora: str, signed: Any, chain: Any) -> None:
    assert "nothing to pay gas with" in refusal(run("stake", "add", "20", "--as", "dora", "--yes"))
    file = signed("stake", "add", "20", "--as", "dora")
    assert chain.contracts.account(dora).free == 0
    shown = run("relay", "show", file).stdout
    assert "for dora, until " in shown
    assert "stakeWithPermit(" in shown
    assert shown.endswith("open\n")
    assert "dry run: nothing was sent" in run("relay", "send", file, "--as", "alice", "--dry-run").stdout
    sent(run, file)
    assert chain.contracts.account(dora).free == 20 * TOKEN
    assert refusal(run("relay", "send", file, "--as", "bob", "--yes")).endswith("it is sent or cancelled already")

    sent(run, signed("stake", "exit", "20", "--as", "dora"))
    assert chain.contracts.account(dora).free == 0
    sent(run, signed("stake", "rebond", "5", "--as", "dora"))
    assert chain.contracts.account(dora).free == 5 * TOKEN
    assert (chain.client.nonce(dora), int(chain.client.rpc("eth_getBalance", dora, "latest"), 16)) == (0, 0)


def test_relay__expired_cancelled_changed__refused_with_the_reason(
    run: Run, dora: str, signed: Any, chain: Any
) -> None:
    late = signed("stake", "add", "1", "--as", "dora", "--deadline", "1m")
    chain.mine(1, chain.client.head().time + 61)
    assert refusal(run("relay", "send", late, "--as", "alice", "--yes")).endswith("it is expired")

    own = signed("stake", "add", "1", "--as", "alice")
    assert "only alice, who signed the request" in refusal(run("relay", "cancel", own, "--as", "bob", "--yes"))
    as_json(run("relay", "cancel", own, "--as", "alice", "--yes", "--json"))
    assert refusal(run("relay", "send", own, "--as", "bob", "--yes")).endswith("it is sent or cancelled already")
    assert "sent or cancelled already" in refusal(run("relay", "cancel", own, "--as", "alice", "--yes"))

    file = Path(signed("stake", "add", "1", "--as", "dora"))
    request = json.loads(file.read_text())
    file.write_text(json.dumps({**request, "nonce": "7"}))
    assert "refused by the contracts now: The signature isn't that of" in run("relay", "show", str(file)).stdout
    assert "The signature isn't that of" in refusal(run("relay", "send", str(file), "--as", "alice", "--yes"))
    file.write_text(json.dumps({**request, "chain_id": 1}))
    assert "the request is for chain 1" in refusal(run("relay", "send", str(file), "--as", "alice", "--yes"))
    assert chain.contracts.account(dora).free == 0


def test_relay__typing_errors__one_sentence(run: Run, dora: str, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    (tmp_path / "list").write_text("[]")
    mistakes = (
        (("relay", "send", str(tmp_path / "none"), "--as", "alice"), "there is no file"),
        (("relay", "send", str(tmp_path / "text"), "--as", "alice"), "can't be read"),
        (("relay", "show", str(tmp_path / "list")), "isn't a signed request"),
        (("relay", "cancel", "--as", "alice"), "name the signed request's file or its --nonce"),
        (("stake", "add", "1", "--as", "dora", "--deadline", "1m"), "--deadline goes with --sign-only"),
        (("stake", "add", "1", "--as", "dora", "--sign-only", "--dry-run"), "leave --dry-run out"),
        (("stake", "add", "99", "--as", "dora", "--sign-only"), "dora has 50.00 ASY"),
        (("stake", "show", "--as", "dora", "--sign-only"), "nothing to send"),
        (("invite", "show", "x", "--sign-only"), "--sign-only goes with"),
        (("stake", "rebond", "--as", "dora"), "dora has nothing unbonding"),
    )
    for line, says in mistakes:
        assert says in refusal(run(*line)), line


def test_stake__add_exit_rebond__one_transaction_each(run: Run, chain: Any) -> None:
    alice = str(chain.client.rpc("eth_accounts")[0])
    before = chain.client.nonce(alice)
    added = as_json(run("stake", "add", "9", "--as", "alice", "--yes", "--json"))
    assert (added["staked"], chain.client.nonce(alice)) == (str(9 * TOKEN), before + 1)
    as_json(run("stake", "exit", "9", "--as", "alice", "--yes", "--json"))
    assert "dry run: nothing was sent" in run("stake", "rebond", "--as", "alice", "--dry-run").stdout
    assert as_json(run("stake", "rebond", "4", "--as", "alice", "--yes", "--json"))["staked"] == str(4 * TOKEN)
    assert "fewer than 6.00" in refusal(run("stake", "rebond", "6", "--as", "alice", "--yes"))
    assert as_json(run("stake", "rebond", "--as", "alice", "--yes", "--json"))["staked"] == str(9 * TOKEN)
    assert chain.client.nonce(alice) == before + 4
