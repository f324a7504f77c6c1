"""Where the contracts of a chain are: `deployments/<chain id>/addresses.json`. Knows no chain."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from assay.errors import Refused, Unavailable


@dataclass(frozen=True, slots=True)
class Deployment:
    """The addresses (checksummed) of one deployment; `block` is the first whose events matter, `abi_hash` 0x-hex."""

    chain_id: int
    token: str
    vault: str
    market: str
    ledger: str
    block: int
    deployer: str
    abi_hash: str

    def addresses(self) -> tuple[str, str, str]:
        """Return the contracts whose events are followed: vault, market, ledger."""
        return self.vault, self.market, self.ledger


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
        kinds = {field.name: int if field.name in {"chain_id", "block"} else str for field in fields(Deployment)}
        if set(raw) != set(kinds) or any(not isinstance(raw[name], kind) for name, kind in kinds.items()):
            raise ValueError("fields")
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
