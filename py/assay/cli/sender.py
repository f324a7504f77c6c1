"""Who sends a transaction that anyone may send:

The account itself, or on a local chain the deployer when a running node holds its key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.cli import local
from assay.cli.session import LOCAL_CHAIN, Session

if TYPE_CHECKING:
    from assay.roles.config import NodeConfig


def sender(s: Session, name: str) -> NodeConfig:
    """Return the configuration to send with for the account `name`.

    Refused if its key is in use and nothing else can pay the gas.
    """
    if s.sign_only:
        return s.node_config(s.actor)
    if s.client.chain_id == LOCAL_CHAIN and (local.node(s.home, name).pid() is not None or name not in s.names.all()):
        from assay.chain.localnet import signer

        return s.node_config("deployer", signer=signer(0))
    if name not in s.names.all():
        return s.node_config(s.actor)
    return s.node_config(name)
