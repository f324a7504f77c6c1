"""What the command line says about money on a real chain, and what it sends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay.chain import deployment
from assay.types import Verdict
from integration.chain.world import BOND, FEE, INITIATOR, SEATS, TRAINERS, VALIDATORS, World
from integration.cli.commands import Run, as_json

pytestmark = pytest.mark.integration
TOKEN = 10**18


@pytest.fixture
def world(chain: Any) -> World:
    """A task of two rounds: all is well in the first, mallory is refused in the second, and nobody settled it yet."""
    made = World(chain, chain.store())
    made.publish(rounds=2)
    made.round(1)
    for who in TRAINERS:
        made.submit(2, who)
    made.seal(2)
    made.vote(2, {1: Verdict.INVALID})
    made.attest(2)
    return made


def test_payouts__before_and_after_the_end__promise_becomes_pay_to_the_wei(run: Run, world: World) -> None:
    def second_round() -> dict[tuple[str, str], Any]:
        found = as_json(run("payouts", "--json"))["lines"]
        return {(one["name"], one["role"]): one for one in found if one["round"] == 2}

    before = second_round()
    assert {one["state"] for one in before.values()} <= {"pending", "not_drawn", "unpaid"}
    world.finalize(2)
    after = second_round()
    for key, line in before.items():
        assert after[key]["earned"] == line["earned"], key
        if line["state"] == "unpaid":
            assert after[key]["reason"] == line["reason"]
    found = as_json(run("payouts", "--json"))
    total = sum(int(line["earned"]["wei"]) for line in found["lines"])
    assert total == int(found["claimable"]) == sum(int(one["claimable"]) for one in found["accounts"])


def test_payouts__refused_trainer__says_refused_and_slashed(run: Run, world: World) -> None:
    world.finalize(2)
    (line,) = [one for one in as_json(run("payouts", "--account", "mallory", "--json"))["lines"] if one["round"] == 2]
    assert (line["state"], line["earned"]["wei"], line["reason"]) == ("unpaid", "0", "reward, leaf 2")
    assert int(line["slashed"]["wei"]) == BOND + SEATS * FEE


def test_payouts__text__columns_totals_and_the_next_command(run: Run, world: World) -> None:
    shown = run("payouts", "--as", "carol").stdout.splitlines()
    assert shown[0].split() == ["task", "round", "role", "seats", "agreed", "earned", "state"]
    assert shown[1].split()[:3] == ["1", "1", "validator"]
    assert shown[1].endswith("claimable")
    assert shown[-1].endswith("claim --as carol")
    assert " · claimed 0.00 → " in shown[-1]


def test_payouts__not_enlisted__says_so_instead_of_an_empty_table(run: Run, world: World) -> None:
    assert run("payouts", "--as", "alice").stdout.startswith("alice isn't enlisted for any task\n")


def test_payouts__no_task_at_all__says_so(run: Run) -> None:
    assert "no task has been published here" in run("payouts").stdout


def test_claim__carol__paid_once_then_refused(run: Run, world: World, chain: Any) -> None:
    carol = world.address(VALIDATORS[0])
    due, held = chain.contracts.account(carol).claimable, chain.contracts.balance(carol)
    assert due > 0
    assert "dry run: nothing was sent" in run("claim", "--as", "carol", "--dry-run").stdout
    assert chain.contracts.account(carol).claimable == due
    assert as_json(run("claim", "--as", "carol", "--yes", "--json"))["claimed"][0]["wei"] == str(due)
    assert chain.contracts.balance(carol) == held + due
    again = run("claim", "--as", "carol", "--yes")
    assert (again.exit_code, "nothing to claim now" in again.stderr) == (2, True)
    line = as_json(run("payouts", "--as", "carol", "--json"))
    assert (line["lines"][0]["state"], line["claimed"]) == ("claimed", str(due))


def test_claim__all__everyone_paid_and_a_second_time_nothing(run: Run, world: World, chain: Any) -> None:
    world.finalize(2)
    assert len(as_json(run("claim", "--all", "--yes", "--json"))["claimed"]) == 5
    assert all(chain.contracts.account(world.address(who)).claimable == 0 for who in (*VALIDATORS, *TRAINERS))
    assert as_json(run("claim", "--all", "--yes", "--json"))["claimed"] == []


def test_claim__to_another_address__money_goes_there(run: Run, world: World, chain: Any) -> None:
    carol, other = world.address(VALIDATORS[0]), "0x" + "ab" * 20
    due = chain.contracts.account(carol).claimable
    as_json(run("claim", "--as", "carol", "--to", other, "--yes", "--json"))
    assert chain.contracts.balance(other) == due


def test_claim__json_without_yes__nothing_sent(run: Run, world: World, chain: Any) -> None:
    due = chain.contracts.account(world.address(VALIDATORS[0])).claimable
    refused = run("claim", "--as", "carol", "--json")
    assert (refused.exit_code, "--yes" in refused.stderr) == (2, True)
    assert chain.contracts.account(world.address(VALIDATORS[0])).claimable == due


def test_stake__add_exit_withdraw__all_of_it_comes_back(run: Run, world: World, chain: Any) -> None:
    world.finalize(2)
    carol = world.address(VALIDATORS[0])
    world.send(INITIATOR, chain.contracts.transfer(carol, 5 * TOKEN))
    assert as_json(run("stake", "add", "5", "--as", "carol", "--yes", "--json"))["staked"] == str(105 * TOKEN)
    too_much = run("stake", "add", "5", "--as", "carol", "--yes")
    assert (too_much.exit_code, "carol has 0.00 ASY" in too_much.stderr) == (2, True)
    left = as_json(run("stake", "exit", "--as", "carol", "--yes", "--json"))
    assert (left["staked"], left["locked"]) == ("0", "0")
    early = run("stake", "withdraw", "--as", "carol", "--yes")
    assert (early.exit_code, "the next can be withdrawn in" in early.stderr) == (2, True)
    chain.mine(1, chain.client.head().time + 3_601)
    run("stake", "withdraw", "--as", "carol", "--yes")
    assert chain.contracts.balance(carol) == 105 * TOKEN
    assert run("stake", "exit", "--as", "carol", "--yes").exit_code == 2


def test_stake__exit_while_a_round_needs_it__says_until_when(run: Run, world: World) -> None:
    result = run("stake", "exit", "--as", "carol", "--yes")
    assert result.exit_code == 0, result.output
    assert "its stake isn't free yet" in result.stdout


def test_task__list_and_show__names_rounds_and_reasons(run: Run, world: World) -> None:
    (row,) = as_json(run("task", "list", "--json"))
    assert (row["id"], row["initiator_name"], row["state"]) == (1, "alice", "running")
    world.finalize(2)
    shown = run("task", "show", "1").stdout
    assert "by alice" in shown
    assert "mallory" in shown
    assert "refused" in shown or "invalid" in shown
    rounds = as_json(run("task", "show", "1", "--json"))["rounds"]
    assert [one["phase"] for one in rounds] == ["settled", "settled"]


def test_task__refund_too_early_then_in_time__escrow_comes_back(run: Run, world: World, chain: Any) -> None:
    early = run("task", "refund", "1", "--as", "alice", "--yes")
    assert (early.exit_code, "may still pay" in early.stderr) == (2, True)
    world.finalize(2)
    left, held = chain.contracts.escrow(1), chain.contracts.balance(world.address(INITIATOR))
    assert as_json(run("task", "refund", "1", "--as", "alice", "--yes", "--json"))["wei"] == str(left)
    assert chain.contracts.balance(world.address(INITIATOR)) == held + left


def test_task__cancel_by_another__refused_before_anything_is_sent(run: Run, world: World) -> None:
    result = run("task", "cancel", "1", "--as", "bob", "--yes")
    assert (result.exit_code, "only alice" in result.stderr) == (2, True)


def test_validator__status_and_estimate__share_of_the_line(run: Run, world: World, chain: Any) -> None:
    (task,) = as_json(run("validator", "status", "--as", "carol", "--json"))["tasks"]
    lot = chain.contracts.lot(1, world.address(VALIDATORS[0]))
    assert task["share"] == pytest.approx((lot.hi - lot.lo) / chain.contracts.line(1))
    found = as_json(run("validator", "estimate", "--task", "1", "--stake", "60", "--json"))
    assert found["submissions"] == 2
    assert found["share"] == pytest.approx(60 / (60 + chain.contracts.line(1) / 10**9))


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        (("task", "show", "7"), 2, "there is no task 7"),
        (("task", "cancel", "7", "--as", "alice"), 2, "there is no task 7"),
        (("payouts", "--task", "7"), 2, "there is no task 7"),
        (("payouts", "--as", "nobody"), 2, "there is no local account 'nobody'"),
        (("claim",), 2, "say who acts with --as NAME"),
        (("trainer", "run", "--as", "bob"), 2, "say which task with --task: no task is open"),
        (("trainer", "run", "--task", "3", "--as", "bob"), 2, "there is no task 3"),
        (("validator", "run", "--as", "carol"), 2, "--stake"),
        (("account", "fund", "nobody"), 2, "there is no local account"),
        (("payouts", "--rpc", "http://127.0.0.1:9"), 3, "doesn't answer"),
        (("payouts", "--rpc", "ftp://x"), 2, "isn't an http"),
    ],
)
def test_errors__each__code_and_one_sentence(run: Run, line: tuple[str, ...], code: int, says: str) -> None:
    result = run(*line)
    assert (result.exit_code, says in result.stderr) == (code, True), result.output
    assert result.stderr.count("\n") == 1


def test_errors__wrong_chain_or_no_contracts__refused(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ASSAY_CHAIN_ID", "1")
    assert "chain 1 is wanted" in run("payouts").stderr
    monkeypatch.delenv("ASSAY_CHAIN_ID")
    monkeypatch.setenv("ASSAY_DEPLOYMENTS", str(tmp_path / "none"))
    result = run("payouts")
    assert (result.exit_code, "assay deploy" in result.stderr) == (2, True)


def test_validator_run__every_environment_distrusted__refused_before_it_stakes(run: Run, world: World) -> None:
    line = ("validator", "run", "--task", "1", "--as", "carol", "--stake", "5", "--dry-run")
    assert run(*line).stdout == "would run validator carol\n"
    for row in as_json(run("env", "list", "--json")):
        run("env", "trust", row["name"], "--revoke")
    result = run(*line)
    assert (result.exit_code, "no environment is trusted" in result.stderr) == (2, True)


def test_errors__wrong_password__refused(run: Run, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_PASSWORD", "wrong")
    result = run("stake", "add", "1", "--as", "alice", "--yes")
    assert (result.exit_code, "password doesn't open" in result.stderr) == (2, True)


def test_deploy__to_a_chain_by_url__recorded_and_usable(
    run: Run, chain: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_DEPLOYMENTS", str(tmp_path / "fresh"))
    asked = run("deploy", "--as", "alice", "--dry-run")
    assert "stake leaves in" in asked.stdout
    assert not (tmp_path / "fresh").exists()
    made = as_json(run("deploy", "--as", "alice", "--yes", "--json"))
    assert made["ledger"] != chain.contracts.deployment.ledger
    assert deployment.read(tmp_path / "fresh", 31337).ledger == made["ledger"]
    assert as_json(run("task", "list", "--json")) == []
