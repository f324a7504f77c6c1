"""Where the contracts of a chain are: `deployments/<chain id>/addresses.json`. Knows no chain."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from assay.errors import Refused, Unavailable

NAMES = {
    "token": "AssayToken",
    "vault": "StakeVault",
    "market": "TaskMarket",
    "beacon": "HeaderBeacon",
    "tally": "Tally",
    "invites": "Invites",
    "gateway": "Gateway",
    "ledger": "RoundLedger",
    "court": "DisputeCourt",
    "lens": "Lens",
}
"""The contracts' names by what they are called here, in the order in which they are deployed."""

BEACONS = ("HeaderBeacon", "CommitRevealBeacon")


@dataclass(frozen=True, slots=True)
class Deployment:
    """The addresses (checksummed) of one deployment; `block` is the first whose events matter, `abi_hash` 0x-hex.

    `beacon_kind` names the beacon's contract; `libraries` are by name.
    """

    chain_id: int
    token: str
    vault: str
    market: str
    beacon: str
    beacon_kind: str
    tally: str
    invites: str
    gateway: str
    ledger: str
    court: str
    lens: str
    block: int
    deployer: str
    abi_hash: str
    libraries: dict[str, str]

    def places(self) -> dict[str, str]:
        """Return the address of each library and contract by its name, in the order in which they are deployed."""
        contracts = {
            self.beacon_kind if kind == "beacon" else name: getattr(self, kind) for kind, name in NAMES.items()
        }
        return self.libraries | contracts

    def followed(self) -> dict[str, str]:
        """Return the addresses of the contracts whose events are followed, by name."""
        kinds = ("vault", "market", "invites", "gateway", "ledger", "court")
        return {NAMES[kind]: getattr(self, kind) for kind in kinds}


def path_of(folder: Path, chain_id: int) -> Path:
    return folder / str(chain_id) / "addresses.json"


def read(folder: Path, chain_id: int) -> Deployment:
    """Return the deployment recorded for a chain.

    Raises:
        Refused: none is recorded, or the file isn't one.
    """
    path = path_of(folder, chain_id)
    try:
        raw = json.loads(path.read_text())
        special = {"chain_id": int, "block": int, "libraries": dict}
        kinds = {field.name: special.get(field.name, str) for field in fields(Deployment)}
        if set(raw) != set(kinds) or any(not isinstance(raw[name], kind) for name, kind in kinds.items()):
            raise ValueError("fields")
        if raw["beacon_kind"] not in BEACONS or any(not isinstance(at, str) for at in raw["libraries"].values()):
            raise ValueError("values")
        found = Deployment(**raw)
    except FileNotFoundError as error:
        raise Refused(
            f"No contracts are recorded for chain {chain_id} ({path} is missing): run `assay deploy`."
        ) from error
    except (ValueError, TypeError) as error:
        raise Refused(f"{path} isn't a record of a deployment.") from error
    except OSError as error:
        raise Unavailable(f"{path} can't be read: {error.strerror}.") from error
    if found.chain_id != chain_id:
        raise Refused(f"{path} records chain {found.chain_id}, and chain {chain_id} is in use.")
    return found


def write(folder: Path, deployment: Deployment) -> Path:
    """Record a deployment, whole or not at all, and return the file."""
    path = path_of(folder, deployment.chain_id)
    partial = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(asdict(deployment), indent=2) + "\n")
        partial.replace(path)
    except OSError as error:
        raise Unavailable(f"{path} can't be written: {error.strerror}.") from error
    return path
