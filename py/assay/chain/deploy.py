"""Putting the contracts on a chain, and knowing ours again.

The contracts name one another at construction; their addresses follow from the deployer's nonce, so each can be told
the others' in advance. Doesn't protect a deployer key that sends other transactions meanwhile: the addresses would be
others, and the ledger refuses its wiring. What was deployed is looked at closely by `inspection`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rlp
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from assay.chain.abi import Interface
from assay.chain.client import Client
from assay.chain.compiled import LIBRARIES, abi_hash, compiled
from assay.chain.deployment import BEACONS, NAMES, Deployment, path_of, read, write
from assay.chain.signing import Unsigned, sign
from assay.errors import Refused, Unavailable
from assay.types import Signer

WAIT_SECONDS = 120.0
HEADER_BEACON, COMMIT_REVEAL_BEACON = BEACONS
LEAST_RANDOM = 1 << 64  # what chains without randomness put in its place is small: 0, or 1


@dataclass(frozen=True, slots=True)
class BeaconOptions:
    """Which beacon to deploy (None: the one that fits the chain), and how a commit-reveal beacon runs.

    `deposit` in wei of the token: what whoever commits and stays silent loses.
    """

    kind: str | None = None
    slot_seconds: int = 12
    reveal_seconds: int = 6
    deposit: int = 10**18


def deploy(
    client: Client,
    signer: Signer,
    unbonding_period: int,
    supply: int,
    folder: Path | None = None,
    token: str | None = None,
    beacon: BeaconOptions | None = None,
) -> Deployment:
    """Deploy the contracts, and record them under `folder`; what is recorded and there is kept.

    `unbonding_period` in seconds; `supply` in wei goes to the deployer. With `token`, that ERC-20 is used and none is
    deployed.

    Raises:
        Refused: other code lies at a recorded address, or the deployer can't pay.
        Unavailable: the chain doesn't answer, or mines nothing.
    """
    if folder is not None and path_of(folder, client.chain_id).exists():
        recorded = read(folder, client.chain_id)
        if _is_there(client, recorded, own_token=token is None):
            return recorded
    chosen = beacon or BeaconOptions()
    kind = chosen.kind or beacon_for(client)
    nonce, first = client.nonce(signer.address), client.head().number + 1
    names = {k: (kind if k == "beacon" else name) for k, name in NAMES.items() if k != "token" or token is None}
    libraries = {name: address_at(signer.address, nonce + step) for step, name in enumerate(LIBRARIES)}
    places = {k: address_at(signer.address, nonce + len(libraries) + step) for step, k in enumerate(names)}
    values: dict[str, Any] = {
        **places,
        "token": token or places["token"],
        "supply": supply,
        "unbondingPeriod": unbonding_period,
        "slotSeconds": chosen.slot_seconds,
        "revealSeconds": chosen.reveal_seconds,
        "deposit": chosen.deposit,
    }
    hashes = {}
    for step, name in enumerate((*libraries, *names.values())):
        built = compiled(name)
        data = built.linked(libraries) + Interface(built.abi).construct(values)
        hashes[name] = _create(client, signer, nonce + step, data)
    for name, hash_ in hashes.items():
        _await(client, name, hash_)
    deployment = Deployment(
        chain_id=client.chain_id,
        beacon_kind=kind,
        block=first,
        deployer=signer.address,
        abi_hash="0x" + abi_hash().hex(),
        libraries=libraries,
        **{k: str(values[k]) for k in NAMES},
    )
    verify(client, deployment, own_token=token is None)
    if folder is not None:
        write(folder, deployment)
    return deployment


def beacon_for(client: Client) -> str:
    """Return the contract of the beacon that fits the chain: block headers where `prevrandao` is alive."""
    head = client.head().number
    words = [int.from_bytes(client.prevrandao(number), "big") for number in range(max(1, head - 1), head + 1)]
    constant = len(set(words)) < len(words) or any(word < LEAST_RANDOM for word in words)
    return COMMIT_REVEAL_BEACON if constant else HEADER_BEACON


def verify(client: Client, deployment: Deployment, own_token: bool = True) -> None:
    """Check that the contracts of a deployment are there, and are this program's.

    Raises:
        Refused: nothing or other code at an address, or another ABI.
    """
    if not _is_there(client, deployment, own_token):
        raise Refused(
            f"There are no contracts at the recorded addresses of chain {client.chain_id}: run `assay deploy`."
        )
    if deployment.abi_hash != "0x" + abi_hash().hex():
        raise Refused("The recorded contracts have another ABI than this program: use the version that deployed them.")


def address_at(sender: str, nonce: int) -> str:
    """Return the address of the contract that a transaction of `sender` with this nonce creates."""
    digest = keccak(rlp.encode([bytes.fromhex(sender.removeprefix("0x")), nonce]))
    return str(to_checksum_address("0x" + digest[12:].hex()))


def _is_there(client: Client, deployment: Deployment, own_token: bool) -> bool:
    """Tell whether all contracts are there; False when none is, as on a chain that was started anew."""
    places = deployment.places()
    if not own_token:
        del places[NAMES["token"]]
    codes = {name: client.code(address) for name, address in places.items()}
    if not any(codes.values()):
        return False
    for name, code in codes.items():
        if not compiled(name).matches(code):
            what = "other code" if code else "no code"
            raise Refused(f"There is {what} at {places[name]}, where {name} of chain {client.chain_id} is recorded.")
    return True


def _create(client: Client, signer: Signer, nonce: int, data: bytes) -> bytes:
    fields = {"from": signer.address, "data": "0x" + data.hex(), "nonce": hex(nonce)}
    gas = int(client.rpc("eth_estimateGas", fields, "pending"), 16)
    raw, hash_ = sign(Unsigned(client.chain_id, nonce, gas + gas // 8, client.fees(), None, data), signer)
    client.send_raw(raw)
    return hash_


def _await(client: Client, name: str, hash_: bytes) -> None:
    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until:
        receipt = client.receipt(hash_)
        if receipt is not None:
            if int(receipt["status"], 16) != 1:
                raise Refused(f"{name} couldn't be deployed: its constructor refused.")
            return
        time.sleep(0.1)
    raise Unavailable(f"The deployment of {name} isn't mined after {WAIT_SECONDS:g} s.")
