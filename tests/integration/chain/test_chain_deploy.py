"""Deploying, knowing our contracts again, and the chain that serves them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assay.chain import localnet
from assay.chain.client import Client, Reverted
from assay.chain.contracts import Contracts
from assay.chain.deploy import deploy, verify
from assay.chain.deployment import NAMES, read, write
from assay.chain.localnet import Localnet, LocalnetOptions
from assay.errors import Refused, Unavailable
from assay.protocol.hashing import keccak
from assay.protocol.header import encode_header

pytestmark = pytest.mark.integration

DIES_BADLY = """
import sys
from assay.chain import localnet
net = localnet.start(localnet.LocalnetOptions())
print(net.pid, flush=True)
sys.stdin.read()
"""


def test_deploy__new_chain__wires_and_records(anvil: Localnet, tmp_path: Path) -> None:
    client = anvil.client()
    made = deploy(client, localnet.signer(1), 600, 5 * 10**18, folder=tmp_path)
    assert read(tmp_path, client.chain_id) == made
    contracts = Contracts(client, made)
    assert contracts.supply() == contracts.balance(localnet.signer(1).address) == 5 * 10**18
    assert contracts.unbonding_period() == 600
    verify(client, made)


def test_deploy__recorded_and_there__is_kept(anvil: Localnet, tmp_path: Path) -> None:
    client = anvil.client()
    made = deploy(client, localnet.signer(1), 600, 1, folder=tmp_path)
    assert deploy(client, localnet.signer(2), 600, 1, folder=tmp_path) == made


def test_deploy__recorded_on_a_chain_started_anew__deploys_again(anvil: Localnet, tmp_path: Path) -> None:
    client = anvil.client()
    made = deploy(client, localnet.signer(1), 600, 1, folder=tmp_path)
    ghosts: dict[str, Any] = {kind: localnet.signer(50 + n).address for n, kind in enumerate(NAMES)}
    gone = replace(made, libraries={name: localnet.signer(70).address for name in made.libraries}, **ghosts)
    write(tmp_path, gone)
    with pytest.raises(Refused, match="no contracts"):
        verify(client, gone)
    assert deploy(client, localnet.signer(1), 600, 1, folder=tmp_path).vault != gone.vault


@pytest.mark.parametrize("swapped", ["token", "vault", "beacon", "ledger", "court", "lens"])
def test_deploy__other_code_at_a_recorded_address__is_refused(anvil: Localnet, tmp_path: Path, swapped: str) -> None:
    client = anvil.client()
    made = deploy(client, localnet.signer(1), 600, 1, folder=tmp_path)
    other = made.vault if swapped != "vault" else made.token
    write(tmp_path, replace(made, **{swapped: other}))
    with pytest.raises(Refused, match="other code"):
        deploy(client, localnet.signer(1), 600, 1, folder=tmp_path)


def test_deploy__own_token__uses_it(anvil: Localnet) -> None:
    client = anvil.client()
    first = deploy(client, localnet.signer(1), 600, 7)
    second = deploy(client, localnet.signer(1), 600, 0, token=first.token)
    assert second.token == first.token
    assert second.vault != first.vault


def test_verify__another_abi__is_refused(chain: Any) -> None:
    with pytest.raises(Refused, match="another ABI"):
        verify(chain.client, replace(chain.contracts.deployment, abi_hash="0x00"))


def test_client__another_chain_than_wanted__is_refused(anvil: Localnet) -> None:
    with pytest.raises(Refused, match="serves chain 31337, and chain 1 is wanted"):
        Client(anvil.url, chain_id=1)


def test_contracts__deployment_of_another_chain__is_refused(chain: Any) -> None:
    with pytest.raises(Refused, match="are on chain 5"):
        Contracts(chain.client, replace(chain.contracts.deployment, chain_id=5))


def test_client__nothing_listens__is_unavailable_soon() -> None:
    begun = time.monotonic()
    with pytest.raises(Unavailable, match="connection refused"):
        Client("http://127.0.0.1:9", retries=2)
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize("url", ["", "127.0.0.1:8545", "ws://127.0.0.1", "file:///etc/passwd"])
def test_client__url_that_is_not_http__is_refused(url: str) -> None:
    with pytest.raises(Refused, match="http"):
        Client(url)


def test_client__something_else_listens__is_unavailable() -> None:
    program = (
        "import http.server as h; s = h.HTTPServer(('127.0.0.1', 0), h.BaseHTTPRequestHandler)\n"
        "print(s.server_port, flush=True); s.serve_forever()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as other:
        try:
            assert other.stdout is not None
            with pytest.raises(Unavailable):
                Client(f"http://127.0.0.1:{int(other.stdout.readline())}", retries=0)
        finally:
            other.kill()


def test_call__contract_refuses__raises_its_error_by_name(chain: Any) -> None:
    call = chain.contracts.claim(localnet.signer(7).address)
    with pytest.raises(Reverted, match="nothing to pay out") as caught:
        chain.client.call(call.to, call.data)
    assert caught.value.name == "NothingToPay"


def test_read__no_contract_at_the_address__is_unavailable(chain: Any) -> None:
    elsewhere = replace(chain.contracts.deployment, vault=localnet.signer(60).address)
    with pytest.raises(Unavailable, match="is the contract there"):
        Contracts(chain.client, elsewhere).account(localnet.signer(0).address)


def test_first_block_at__any_time__is_the_first_not_before(chain: Any) -> None:
    client = chain.client
    base = client.head().time
    for step in (7, 20, 21, 90, 300):
        chain.mine(1, base + step)
    head = client.head()
    blocks = [client.reference(n) for n in range(head.number + 1)]
    for when in {base + offset for offset in (0, 1, 7, 8, 20, 21, 22, 89, 90, 91, 299, 300)} | {0, blocks[1].time}:
        assert client.first_block_at(when) == next(b for b in blocks if b.time >= when)
    assert client.first_block_at(head.time + 1) is None


def test_header_pair__of_a_time__hashes_to_the_blocks_and_links(chain: Any) -> None:
    when = chain.client.head().time + 50
    assert chain.client.header_pair(when) is None
    chain.mine(1, when + 3)
    pair = chain.client.header_pair(when)
    assert pair is not None
    header, parent, number = pair
    assert keccak(header) == chain.client.reference(number).hash
    assert keccak(parent) == chain.client.reference(number - 1).hash
    assert keccak(parent) in header
    assert header == encode_header(chain.client.block(number))
    assert chain.client.prevrandao(number) in header


def test_start__port_taken__is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Refused, match=f"Port {port} is taken"):
            localnet.start(LocalnetOptions(port=port))


def test_start__anvil_missing__names_set_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(localnet, "ANVIL", tmp_path / "anvil")
    with pytest.raises(Refused, match="scripts/setup"):
        localnet.start()


def test_start__anvil_ends_at_once__is_unavailable(tmp_path: Path) -> None:
    log = tmp_path / "anvil.log"
    with pytest.raises(Unavailable, match=r"anvil\.log"):
        localnet.start(LocalnetOptions(log=log, more=("--no-such-option",)))
    assert "no-such-option" in log.read_text()


def test_start__parent_killed__leaves_nothing_running() -> None:
    with subprocess.Popen([sys.executable, "-c", DIES_BADLY], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert Path(f"/proc/{pid}/exe").resolve() == localnet.ANVIL.resolve()
        parent.send_signal(signal.SIGKILL)
    until = time.monotonic() + 5
    while time.monotonic() < until and _runs(pid):
        time.sleep(0.05)
    assert not _runs(pid)


def test_stop__running_chain__ends_it_and_frees_the_port() -> None:
    net = localnet.start()
    port, pid = net.port, net.pid
    net.stop()
    net.stop()
    assert not _runs(pid)
    with localnet.start(LocalnetOptions(port=port)) as again:
        assert again.client().chain_id == localnet.CHAIN_ID


def test_start__mines_a_block_each_second() -> None:
    with localnet.start() as net:
        client = net.client()
        first = client.head()
        time.sleep(3.2)
        last = client.head()
        assert 2 <= last.number - first.number <= 4
        assert 2 <= last.time - first.time <= 4


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_start__many_blocks__writes_no_states_to_the_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    with localnet.start() as net:
        client = net.client()
        deployment = deploy(client, localnet.signer(0), 600, 10**18)
        for _ in range(12):
            client.rpc("anvil_mine", hex(100))

        verify(client, deployment)
        kept = [path for path in (tmp_path / ".foundry").rglob("*") if path.is_file()]

    assert sum(path.stat().st_size for path in kept) < 1 << 20
