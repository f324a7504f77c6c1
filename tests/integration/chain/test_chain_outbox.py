"""The outbox on a real chain: each intent happens once, whatever happens to the process, the fees or the chain."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from eth_utils.crypto import keccak

from assay.chain import localnet
from assay.chain.client import Client, RpcError
from assay.chain.contracts import Call
from assay.chain.outbox import Outbox
from assay.chain.signing import Unsigned, sign
from assay.errors import Refused, Unavailable

pytestmark = pytest.mark.integration

TOKEN = 10**18
KILLED = """
import os, signal, sys
from pathlib import Path
from assay.chain import localnet
from assay.chain.client import Client
from assay.chain.contracts import Call
from assay.chain.outbox import Outbox
from assay.store import open_store

url, store, to, data, point = sys.argv[1:]
client = Client(url)

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

signer = localnet.signer(0)
outbox = Outbox(client, open_store(store), signer)
if point == "put":
    outbox.put("stake", Call(to, bytes.fromhex(data)))
    die()
elif point == "estimate":
    client.estimate = die
elif point == "sign":
    class Dying:
        address = signer.address
        sign_digest = die
    outbox._signer = Dying()
elif point == "send":
    client.send_raw = die
elif point == "sent":
    send = client.send_raw
    def send_and_die(raw):
        send(raw)
        die()
    client.send_raw = send_and_die
elif point == "confirm":
    client.receipt = die
outbox.put("stake", Call(to, bytes.fromhex(data)))
outbox.wait("stake", 5)
"""


def ready(chain: Any, name: str = "node") -> Outbox:
    """Return the deployer's outbox, with an allowance for the vault."""
    outbox = Outbox(chain.client, chain.store(name), localnet.signer(0))
    outbox.put("approve", chain.contracts.approve(chain.contracts.deployment.vault, 10**30))
    outbox.wait("approve", 5)
    return outbox


def stake(chain: Any, amount: int = TOKEN) -> Call:
    call: Call = chain.contracts.stake(localnet.signer(0).address, amount)
    return call


def staked(chain: Any) -> int:
    return int(chain.contracts.account(localnet.signer(0).address).staked)


def test_wait__one_call__is_done_with_its_receipt(chain: Any) -> None:
    outbox = ready(chain)
    outbox.put("s", stake(chain))
    receipt = outbox.wait("s", 5)
    row = chain.store().outbox_row(outbox.address, "s")
    assert (row.state, row.block, row.gas_used) == ("done", receipt.block, receipt.gas_used)
    assert len(receipt.logs) == 2
    assert staked(chain) == TOKEN


def test_put__same_key_again__happens_once(chain: Any) -> None:
    outbox = ready(chain)
    for amount in (TOKEN, 2 * TOKEN):
        outbox.put("s", stake(chain, amount))
        outbox.wait("s", 5)
    assert staked(chain) == TOKEN


def test_pump__twenty_intents__share_one_block_with_consecutive_nonces(chain: Any) -> None:
    outbox = ready(chain)
    first = chain.client.nonce(outbox.address)
    chain.automine(False)
    for index in range(20):
        outbox.put(f"s{index}", stake(chain, index + 1))
    outbox.pump()
    rows = [chain.store().outbox_row(outbox.address, f"s{index}") for index in range(20)]
    assert [row.nonce for row in rows] == list(range(first, first + 20))
    chain.mine()
    blocks = {outbox.wait(f"s{index}", 5).block for index in range(20)}
    assert len(blocks) == 1
    assert staked(chain) == sum(range(1, 21))


def test_pump__intents_that_build_on_each_other__pass_the_static_call_together(chain: Any) -> None:
    outbox = Outbox(chain.client, chain.store(), localnet.signer(0))
    chain.automine(False)
    outbox.put("approve", chain.contracts.approve(chain.contracts.deployment.vault, TOKEN))
    outbox.put("stake", stake(chain))
    outbox.put("unbond", chain.contracts.unbond(TOKEN))
    outbox.pump()
    assert [outbox.state(key) for key in ("approve", "stake", "unbond")] == ["sent"] * 3
    chain.mine()
    outbox.wait("unbond", 5)


def test_pump__contract_would_refuse__is_refused_with_a_sentence_and_takes_no_nonce(chain: Any) -> None:
    outbox = ready(chain)
    nonce = chain.client.nonce(outbox.address)
    outbox.put("bad", chain.contracts.unbond(5 * TOKEN))
    outbox.put("good", stake(chain))
    outbox.wait("good", 5)
    with pytest.raises(Refused, match=r"Only 0\.00 of the stake are free, and 5\.00 are wanted\."):
        outbox.wait("bad", 5)
    row = chain.store().outbox_row(outbox.address, "bad")
    assert (row.state, row.nonce, row.raw) == ("refused", None, None)
    assert chain.client.nonce(outbox.address) == nonce + 1


def test_put__again_after_a_refusal__is_tried_anew(chain: Any) -> None:
    outbox = ready(chain)
    outbox.put("u", chain.contracts.unbond(TOKEN))
    outbox.pump()
    assert outbox.put("u", chain.contracts.unbond(TOKEN)) == "refused"
    outbox.put("s", stake(chain))
    outbox.wait("s", 5)
    assert outbox.put("u", chain.contracts.unbond(TOKEN), again=True) == "queued"
    outbox.wait("u", 5)


def test_pump__fails_on_chain_only__is_refused_and_the_next_ones_go_on(chain: Any) -> None:
    outbox = ready(chain)
    chain.automine(False)
    outbox.put("first", stake(chain, TOKEN))
    outbox.put("second", chain.contracts.set_payout(outbox.address, localnet.signer(1).address))
    outbox.pump()
    # between the static call and the block, the tokens go away
    slot = keccak(bytes(12) + bytes.fromhex(outbox.address[2:]) + bytes(32))
    token = chain.contracts.deployment.token
    chain.client.rpc("anvil_setStorageAt", token, "0x" + slot.hex(), "0x" + "00" * 32)
    chain.mine()
    outbox.wait("second", 5)
    with pytest.raises(Refused, match=r"holds 0\.00, and 1\.00 are needed"):
        outbox.wait("first", 5)
    assert chain.store().outbox_row(outbox.address, "first").gas_used > 21_000


@pytest.mark.parametrize("point", ["put", "estimate", "sign", "send", "sent", "confirm"])
def test_restart__killed_anywhere__has_exactly_one_effect(chain: Any, point: str) -> None:
    outbox = ready(chain)
    nonce = chain.client.nonce(outbox.address)
    call = stake(chain)
    url = f"sqlite:///{chain.folder}/node.db"
    command = [sys.executable, "-c", KILLED, chain.net.url, url, call.to, call.data.hex(), point]
    ended = subprocess.run(command, timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL
    again = Outbox(chain.client, chain.store(), localnet.signer(0))
    again.put("stake", call)
    again.wait("stake", 10)
    assert staked(chain) == TOKEN
    assert chain.client.nonce(outbox.address) == nonce + 1


def test_pump__stuck_below_the_base_fee__is_replaced_at_the_same_nonce(chain: Any) -> None:
    ready(chain)
    outbox = Outbox(chain.client, chain.store(), localnet.signer(0), stuck_blocks=3)
    chain.automine(False)
    outbox.put("s", stake(chain))
    outbox.put("t", stake(chain, 7))
    outbox.pump()
    old = chain.store().outbox_row(outbox.address, "s")
    chain.client.rpc("anvil_setNextBlockBaseFeePerGas", hex(old.max_fee * 2))
    for _ in range(4):
        chain.mine()
        outbox.pump()
    row = chain.store().outbox_row(outbox.address, "s")
    assert row.nonce == old.nonce
    assert len(row.hashes) > 1
    assert row.max_fee * 1000 >= old.max_fee * 1125
    for _ in range(30):
        chain.mine()
        outbox.pump()
        if outbox.state("t") == "done":
            break
    outbox.wait("s", 5)
    outbox.wait("t", 5)
    assert staked(chain) == TOKEN + 7


@pytest.mark.parametrize("depth", [1, 3])
def test_pump__reorganised_out__is_sent_again_and_happens_once(chain: Any, depth: int) -> None:
    outbox = ready(chain)
    chain.mine(2)
    outbox.put("s", stake(chain))
    outbox.wait("s", 5)
    row = chain.store().outbox_row(outbox.address, "s")
    chain.mine(depth - 1)
    outbox.pump()
    chain.client.rpc("anvil_reorg", depth, [])
    chain.mine()
    assert staked(chain) == 0
    outbox.pump()
    assert outbox.state("s") == "sent"
    outbox.wait("s", 5)
    assert staked(chain) == TOKEN
    assert chain.store().outbox_row(outbox.address, "s").nonce == row.nonce


def test_pump__mined_right_after_the_look_at_the_head__and_reorganised_out__is_sent_again(
    chain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = ready(chain)
    chain.mine(2)
    before = chain.client.head()
    with monkeypatch.context() as late:  # the block with the transaction comes between head and receipt
        late.setattr(chain.client, "head", lambda: before)
        outbox.put("s", stake(chain))
        outbox.wait("s", 5)
    chain.client.rpc("anvil_reorg", 1, [])
    assert staked(chain) == 0
    outbox.pump()
    assert outbox.state("s") == "sent"
    outbox.wait("s", 5)
    assert staked(chain) == TOKEN


def test_restart__reorganised_while_it_was_down__is_sent_again(chain: Any) -> None:
    outbox = ready(chain)
    chain.mine(1)
    outbox.put("s", stake(chain))
    outbox.wait("s", 5)
    chain.client.rpc("anvil_reorg", 1, [])
    again = Outbox(chain.client, chain.store(), localnet.signer(0))
    again.pump()
    again.wait("s", 5)
    assert staked(chain) == TOKEN


def test_pump__another_program_took_the_nonce__signs_for_a_new_one(chain: Any) -> None:
    outbox = ready(chain)
    chain.automine(False)
    outbox.put("s", stake(chain))
    outbox.pump()
    row = chain.store().outbox_row(outbox.address, "s")
    chain.client.rpc("anvil_dropTransaction", "0x" + row.hash.hex())
    fees = chain.client.fees()
    foreign = Unsigned(chain.client.chain_id, row.nonce, 21_000, fees, localnet.signer(3).address, b"", 1)
    chain.client.send_raw(sign(foreign, localnet.signer(0))[0])
    chain.mine()
    outbox.pump()
    assert outbox.state("s") == "sent"  # nodes show a nonce before its receipt: too early to be sure
    chain.mine(7)
    chain.automine(True)
    outbox.wait("s", 10)
    assert chain.store().outbox_row(outbox.address, "s").nonce == row.nonce + 1
    assert staked(chain) == TOKEN


def test_pump__endpoint_without_older_states__waits_for_the_receipt(chain: Any, monkeypatch: Any) -> None:
    outbox, nonce, receipt = ready(chain), chain.client.nonce, chain.client.receipt

    # stands for an endpoint that has pruned the state of some blocks ago, which Anvil here has not
    def pruned(address: str, block: str = "latest") -> int:
        if block != "latest":
            raise RpcError("BlockOutOfRangeError", -32000)
        return int(nonce(address))

    monkeypatch.setattr(chain.client, "nonce", pruned)
    monkeypatch.setattr(chain.client, "receipt", lambda digest: None)
    outbox.put("s", stake(chain))
    outbox.pump()
    chain.mine(8)
    outbox.pump()
    assert outbox.state("s") == "sent"
    monkeypatch.setattr(chain.client, "receipt", receipt)
    outbox.wait("s", 5)
    assert staked(chain) == TOKEN


def test_pump__fee_over_the_limit__waits_and_says_why(chain: Any) -> None:
    ready(chain)
    outbox = Outbox(chain.client, chain.store(), localnet.signer(0), max_fee=1)
    outbox.put("s", stake(chain))
    outbox.pump()
    assert outbox.state("s") == "queued"
    assert "over the limit of 1" in (outbox.error("s") or "")


def test_pump__account_without_gas_money__waits_and_says_why(chain: Any) -> None:
    poor = localnet.signer(40)  # past the accounts that Anvil funds
    outbox = Outbox(chain.client, chain.store(), poor)
    outbox.put("s", chain.contracts.set_payout(poor.address, poor.address))
    outbox.put("t", chain.contracts.claim(poor.address))
    with pytest.raises(Unavailable, match="isn't mined"):
        outbox.wait("s", 0.5)
    chain.client.rpc("anvil_setBalance", poor.address, hex(TOKEN))
    outbox.wait("s", 5)


def test_pump__chain_silent__is_unavailable_and_goes_on_afterwards(chain: Any, tmp_path: Path) -> None:
    ready(chain)
    hasty = Client(chain.net.url, timeout=0.3, retries=1)
    outbox = Outbox(hasty, chain.store(), localnet.signer(0))
    outbox.put("s", stake(chain))
    os.kill(chain.net.pid, signal.SIGSTOP)
    try:
        with pytest.raises(Unavailable, match="timed out"):
            outbox.pump()
        assert outbox.state("s") == "queued"
    finally:
        os.kill(chain.net.pid, signal.SIGCONT)
    outbox.wait("s", 5)
    assert staked(chain) == TOKEN
