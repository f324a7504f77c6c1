"""`assay deploy` and `assay verify-deployment`: the contracts on any EVM chain."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from assay.cli.amount import duration, parse
from assay.cli.session import LOCAL_CHAIN, session
from assay.errors import Refused

WEEK = 7 * 24 * 3600


class Beacon(StrEnum):
    """What `--beacon` takes."""

    AUTO = "auto"
    HEADER = "header"
    COMMIT_REVEAL = "commit-reveal"


KINDS: dict[Beacon, str | None] = {
    Beacon.AUTO: None,
    Beacon.HEADER: "HeaderBeacon",
    Beacon.COMMIT_REVEAL: "CommitRevealBeacon",
}


def deploy(
    ctx: typer.Context,
    token: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="An ERC-20 to use; a new one is deployed if left out.")
    ] = None,
    supply: Annotated[
        str, typer.Option(help="Tokens to mint to the deployer, when the token is new.")
    ] = "1,000,000,000",
    unbonding: Annotated[
        int | None, typer.Option(min=1, help="Seconds that stake takes to leave; default: a week.")
    ] = None,
    beacon: Annotated[
        Beacon, typer.Option(help="Where random words come from; auto: block headers where prevrandao is alive.")
    ] = Beacon.AUTO,
) -> None:
    """Deploy the contracts to the chain behind --rpc and record them under deployments/<chain id>/.

    Example: `assay deploy --rpc https://rpc.example.org --as alice`
    """
    from assay.chain.deploy import BeaconOptions, beacon_for
    from assay.chain.deploy import deploy as send
    from assay.chain.deployment import NAMES, path_of

    s = session(ctx)
    client, name = s.client, s.actor
    address = s.names.address(name)
    wei = parse(supply, "supply")
    period = unbonding or (600 if client.chain_id == LOCAL_CHAIN else WEEK)
    if not client.balance(address):
        raise Refused(f"{name} {address} has no money for gas on chain {client.chain_id}")
    asset = s.names.address(token) if token else None
    kind = KINDS[beacon] or beacon_for(client)
    what = f"token {asset}" if asset else f"a new token, {supply} to {name}"
    text = (
        f"chain {client.chain_id} {s.rpc} · {what} · {kind} · stake leaves in {duration(period)} · {name} pays the gas"
    )
    data = {"chain_id": client.chain_id, "deployer": address, "token": asset, "unbonding_seconds": period}
    if not s.preview(data, text, "deploy?"):
        return
    options = BeaconOptions(kind)
    made = send(client, s.signer(name), period, wei, folder=s.settings.deployments, token=asset, beacon=options)
    places = "\n".join(f"{kind:8}{getattr(made, kind)}" for kind in NAMES)
    s.screen.result(
        asdict(made), f"{places}\nrecorded in {path_of(s.settings.deployments, client.chain_id)}, block {made.block}"
    )


def verify_deployment(ctx: typer.Context) -> None:
    """Compare the contracts recorded for the chain with this build: code, libraries, immutables, wiring, token.

    Exit code 2 when something differs. Example: `assay verify-deployment --rpc https://rpc.example.org --json`
    """
    from assay.chain.inspection import inspect

    s = session(ctx)
    found = inspect(s.client, s.deployment)
    wrong = [one for one in found if not one.ok]

    def table() -> None:
        rows = [[one.contract, one.what, one.found, "ok" if one.ok else f"differs: {one.expected}"] for one in found]
        s.screen.table(["contract", "what", "found", ""], rows)
        typer.echo(f"{len(found)} compared on chain {s.client.chain_id}, {len(wrong)} differ")

    s.screen.result({"chain_id": s.client.chain_id, "ok": not wrong, "findings": [asdict(one) for one in found]}, table)
    if wrong:
        raise typer.Exit(2)
