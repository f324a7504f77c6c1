"""Headers of a real Anvil chain hash to their blocks' hashes, in every fork that the encoder knows."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.errors import Refused
from assay.protocol.hashing import keccak
from assay.protocol.header import encode_header

ANVIL = Path(__file__).parents[3] / "node_modules" / "@foundry-rs" / "anvil-linux-amd64" / "bin" / "anvil"
FORKS = ("shanghai", "cancun", "prague")  # Anvil's older ones mix fields of different forks

pytestmark = pytest.mark.integration


class Chain:
    """A chain that answers at `url`."""

    def __init__(self, url: str) -> None:
        self._url = url

    def call(self, method: str, *params: Any) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self._url, body, {"content-type": "application/json"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return json.load(answer)["result"]


@pytest.fixture(params=FORKS)
def fork(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def chain(fork: str) -> Iterator[Chain]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    args = [str(ANVIL), "--port", str(port), "--hardfork", fork, "--silent", "--no-mining"]
    process = subprocess.Popen(args)
    try:
        found = Chain(f"http://127.0.0.1:{port}")
        for _ in range(200):
            try:
                found.call("eth_chainId")
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.05)
        yield found
    finally:
        process.terminate()
        process.wait(10)


def test_encode_header__anvils_blocks__hash_to_their_hashes(chain: Chain, fork: str) -> None:
    sender, receiver = chain.call("eth_accounts")[:2]
    chain.call("eth_sendTransaction", {"from": sender, "to": receiver, "value": "0x1"})
    chain.call("evm_mine")
    chain.call("anvil_mine", "0x100")

    parent = b""
    for number in (0, 1, 2, 127, 128, 256, 257):
        block = chain.call("eth_getBlockByNumber", hex(number), False)
        header = encode_header(block)

        assert keccak(header).hex() == block["hash"][2:]
        if number in (1, 2, 128, 257):  # the block before was the loop's last
            assert block["parentHash"][2:] == keccak(parent).hex()
        assert ("requestsHash" in block) == (fork == "prague")
        parent = header


def test_encode_header__one_field_of_a_real_block_changed__is_refused(chain: Chain) -> None:
    block = chain.call("eth_getBlockByNumber", "0x0", False)

    with pytest.raises(Refused):
        encode_header(block | {"mixHash": "0x" + "01" * 32})
