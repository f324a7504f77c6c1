"""`assay deploy`: the contracts on any EVM chain."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from assay.cli.amount import duration, parse
from assay.cli.session import LOCAL_CHAIN, session
from assay.errors import Refused

WEEK = 7 * 24 * 3600


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
) -> None:
    """Deploy the contracts to the chain behind --rpc and record them under deployments/<chain id>/.

    Example: `assay deploy --rpc https://rpc.example.org --as alice`
    """
    from assay.chain.deploy import deploy as send
    from assay.chain.deployment import path_of

    s = session(ctx)
    client, name = s.client, s.actor
    address = s.names.address(name)
    wei = parse(supply, "supply")
    period = unbonding or (600 if client.chain_id == LOCAL_CHAIN else WEEK)
    if not client.balance(address):
        raise Refused(f"{name} {address} has no money for gas on chain {client.chain_id}")
    asset = s.names.address(token) if token else None
    what = f"token {asset}" if asset else f"a new token, {supply} to {name}"
    text = f"chain {client.chain_id} {s.rpc} · {what} · stake leaves in {duration(period)} · {name} pays the gas"
    data = {"chain_id": client.chain_id, "deployer": address, "token": asset, "unbonding_seconds": period}
    if not s.preview(data, text, "deploy?"):
        return
    made = send(client, s.signer(name), period, wei, folder=s.settings.deployments, token=asset)
    places = "\n".join(f"{kind:7}{getattr(made, kind)}" for kind in ("token", "vault", "market", "ledger"))
    s.screen.result(
        asdict(made), f"{places}\nrecorded in {path_of(s.settings.deployments, client.chain_id)}, block {made.block}"
    )
