"""Several calls at once, calls that are only signed, invites, permits, the lens, the other beacon, verification."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from assay.chain import localnet
from assay.chain.contracts import Contracts
from assay.chain.deploy import BeaconOptions, beacon_for, deploy
from assay.chain.deployment import write
from assay.chain.events import Follower
from assay.chain.inspection import inspect
from assay.cli.main import app
from assay.errors import Refused
from assay.protocol.hashing import keccak
from assay.protocol.typed_data import permit_digest
from assay.types import Role
from integration.chain.world import INITIATOR, TOKEN, TRAINERS, VALIDATORS, World, terms

pytestmark = pytest.mark.integration

V1, T1 = VALIDATORS[0], TRAINERS[0]


# --- gateway, permits, invites


def test_gateway__batch_and_signed_calls__act_for_their_account(chain: Any) -> None:
    world = World(chain, chain.store())
    world.publish()
    c, address = chain.contracts, world.address(V1)
    world.send(V1, c.batch([c.leave(1, Role.VALIDATOR), c.unbond(TOKEN)]))
    assert c.lot(1, address).until_round < 10
    signed = c.signed(localnet.signer(V1), 9, 2**40, [c.rebond(TOKEN // 2)])
    world.send(INITIATOR, signed)
    with pytest.raises(Refused, match="was used or cancelled"):
        world.send(INITIATOR, signed)
    world.send(V1, c.cancel_nonce(10))
    world.follower.poll()
    used = [(row.nonce, row.relayer) for row in world.store.used_nonces(address)]
    assert used == [(9, world.address(INITIATOR)), (10, None)]
    assert [c.is_nonce_used(address, nonce) for nonce in (9, 10, 11)] == [True, True, False]
    assert [amount for amount, _ in c.unbonding(address)] == [TOKEN // 2]
    kinds = [row.kind for row in world.store.stakes(address)]
    assert kinds == ["staked", "unbonding", "rebonded"]
    with pytest.raises(Refused, match="doesn't pass calls on"):
        world.send(V1, c.batch([c.transfer(address, 1)]))


def test_permit__instead_of_an_approval__stakes(chain: Any) -> None:
    world, c, signer = World(chain, chain.store()), chain.contracts, localnet.signer(T1)
    world.send(INITIATOR, c.transfer(signer.address, 5 * TOKEN))
    vault = c.deployment.vault
    nonce = c.permit_nonce(signer.address)
    digest = permit_digest(c.token_separator(), signer.address, vault, 5 * TOKEN, nonce, 2**40)
    before = c.client.head().number
    world.send(T1, c.stake_with_permit(signer.address, 5 * TOKEN, 2**40, signer.sign_digest(digest)))
    assert c.account(signer.address).free == 5 * TOKEN
    assert c.account(signer.address, at=before).free == 0


def test_invites__to_a_private_task__admit_once(chain: Any) -> None:
    world, c = World(chain, chain.store()), chain.contracts
    budget = 3 * int(terms(3, 2)["pot"])
    for who in (V1, T1):
        world.send(INITIATOR, c.transfer(world.address(who), 100 * TOKEN))
        world.send(who, c.approve(c.deployment.vault, 100 * TOKEN))
        world.send(who, c.stake(world.address(who), 100 * TOKEN))
    world.send(INITIATOR, c.approve(c.deployment.market, budget))
    world.send(INITIATOR, c.publish(terms(3, 2, isPrivate=True), budget, ""))
    with pytest.raises(Refused, match="hasn't redeemed an invite"):
        world.send(V1, c.enlist_validator(1, 50 * TOKEN, ""))
    initiator = localnet.signer(INITIATOR)
    invite = c.invite(initiator, 1, world.address(V1), 4, 2**40)
    redeem = c.redeem(1, world.address(V1), 4, 2**40, invite)
    world.send(T1, redeem)
    world.send(V1, c.enlist_validator(1, 50 * TOKEN, ""))
    with pytest.raises(Refused, match="isn't that of"):
        world.send(T1, c.redeem(1, world.address(T1), 5, 2**40, invite))
    world.send(INITIATOR, c.revoke(1, 6))
    with pytest.raises(Refused, match="was used or revoked"):
        late = c.invite(initiator, 1, world.address(T1), 6, 2**40)
        world.send(T1, c.redeem(1, world.address(T1), 6, 2**40, late))
    world.follower.poll()
    rows = [(row.nonce, row.account) for row in world.store.invites(1)]
    assert rows == [(4, world.address(V1)), (6, None)]
    assert [c.admits(1, world.address(who)) for who in (V1, T1)] == [True, False]
    assert (c.is_invite_used(1, 6), c.is_invite_used(1, 7)) == (True, False)


# --- lens


def test_lens__one_call__says_what_many_say(chain: Any) -> None:
    world = World(chain, chain.store())
    world.publish()
    world.submit(1, T1)
    c = chain.contracts
    task, state = c.task_view(1), c.state(1)
    assert (task["start"], task["lastRound"], task["escrow"]) == (state.start, state.last_round, c.escrow(1))
    assert (task["initiator"], task["line"], task["currentRound"]) == (c.initiator(1), c.line(1), 1)
    round_ = c.round_view(1, 1)
    assert (round_["submissions"], round_["opens"], round_["isFinal"]) == (1, world.opens(1), False)
    account = c.account_view(1, world.address(V1))
    lot, held = c.lot(1, world.address(V1)), c.account(world.address(V1))
    assert (account["lotLo"], account["lotHi"], account["staked"]) == (lot.lo, lot.hi, held.staked)
    assert c.account_view(1, world.address(T1))["trainerExposed"] == c.trainer(1, world.address(T1)).exposed


# --- beacons


def test_beacon_for__prevrandao_constant__is_the_one_of_many_secrets() -> None:
    class Told:
        def __init__(self, *words: int) -> None:
            self.words = words

        def head(self) -> Any:
            return type("Head", (), {"number": len(self.words) - 1})

        def prevrandao(self, number: int) -> bytes:
            return self.words[number].to_bytes(32, "big")

    live = 1 << 255
    assert beacon_for(Told(0)) == "HeaderBeacon"  # type: ignore[arg-type]
    assert beacon_for(Told(0, live, live + 1)) == "HeaderBeacon"  # type: ignore[arg-type]
    assert beacon_for(Told(0, 1, 1)) == "CommitRevealBeacon"  # type: ignore[arg-type]
    assert beacon_for(Told(0, live, live)) == "CommitRevealBeacon"  # type: ignore[arg-type]


def test_deploy__with_the_commit_reveal_beacon__has_no_proof_before_its_word(chain: Any) -> None:
    options = BeaconOptions("CommitRevealBeacon", slot_seconds=12, reveal_seconds=6, deposit=TOKEN)
    made = deploy(chain.client, localnet.signer(0), 3_600, 10**24, beacon=options)
    contracts = Contracts(chain.client, made)
    assert contracts.beacon_is_live()
    assert contracts.word_proof(chain.client.head().time + 100) is None
    assert contracts.word_proof(chain.client.head().time - 100) is None  # nobody revealed
    assert all(finding.ok for finding in inspect(chain.client, made))
    Follower(chain.client, contracts, chain.store()).poll()


# --- verification


def test_inspect__as_deployed__finds_nothing(chain: Any) -> None:
    found = inspect(chain.client, chain.contracts.deployment)
    assert [one for one in found if not one.ok] == []
    assert {one.contract for one in found} >= {"RoundLedger", "Settling", "Lens", "HeaderBeacon", "AssayToken"}


def wrong(chain: Any, **changed: Any) -> set[tuple[str, str]]:
    found = inspect(chain.client, replace(chain.contracts.deployment, **changed))
    return {(one.contract, one.what) for one in found if not one.ok}


def test_inspect__another_tally_recorded__names_the_wiring(chain: Any) -> None:
    other = deploy(chain.client, localnet.signer(0), 3_600, 1)
    assert wrong(chain, tally=other.tally) == {("RoundLedger", "names tally"), ("RoundLedger", "immutables")}


def test_inspect__library_recorded_elsewhere__names_it(chain: Any) -> None:
    other = deploy(chain.client, localnet.signer(0), 3_600, 1)
    libraries = {**chain.contracts.deployment.libraries, "Settling": other.libraries["Settling"]}
    assert wrong(chain, libraries=libraries) == {("RoundLedger", "library Settling")}


def test_inspect__one_byte_of_code_changed__is_seen(chain: Any) -> None:
    place = chain.contracts.deployment.tally
    code = bytearray(chain.client.code(place))
    code[100] ^= 1
    chain.client.rpc("anvil_setCode", place, "0x" + code.hex())
    assert wrong(chain) == {("Tally", "code")}


def test_inspect__immutable_changed__is_seen(chain: Any) -> None:
    place = chain.contracts.deployment.court
    code = chain.client.code(place)
    vault = bytes.fromhex(chain.contracts.deployment.vault[2:])
    assert vault in code
    chain.client.rpc("anvil_setCode", place, "0x" + code.replace(vault, keccak(b"mine")[:20]).hex())
    assert ("DisputeCourt", "names vault") in wrong(chain)
    assert ("DisputeCourt", "immutables") in wrong(chain)


def test_inspect__nothing_there__is_told_and_not_raised(chain: Any) -> None:
    nowhere = localnet.signer(60).address
    found = wrong(chain, token=nowhere, lens=nowhere)
    assert {("AssayToken", "code"), ("Lens", "code"), ("Lens", "names court"), ("StakeVault", "names token")} <= found


@pytest.mark.parametrize("whole", [True, False])
def test_verify_deployment__command__exits_by_what_it_finds(
    chain: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    made = chain.contracts.deployment
    other = made if whole else replace(made, court=made.vault)
    write(tmp_path, other)
    monkeypatch.setenv("ASSAY_DEPLOYMENTS", str(tmp_path))
    done = CliRunner().invoke(app, ["verify-deployment", "--rpc", chain.net.url, "--home", str(tmp_path), "--json"])
    assert done.exit_code == (0 if whole else 2), done.output
    answer = json.loads(done.stdout)
    assert answer["ok"] is whole
    assert any(one["contract"] == "DisputeCourt" and one["ok"] is whole for one in answer["findings"])
    table = CliRunner().invoke(app, ["verify-deployment", "--rpc", chain.net.url, "--home", str(tmp_path)])
    assert ("differs" in table.stdout) is not whole
    assert "compared on chain 31337" in table.stdout
