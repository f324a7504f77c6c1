"""The contracts of one deployment: typed reads, and a `Call` for each transaction. Sends nothing.

Reads see the newest block unless they say otherwise; amounts are wei, lots and lines gwei, times unix seconds. They
raise `Reverted` where the contract refuses, `Unavailable` where the chain is away.
"""

from __future__ import annotations

from assay.chain.contracts.base import Call
from assay.chain.contracts.beacon import BeaconPart, header_proof
from assay.chain.contracts.court import CourtPart, LeafProof
from assay.chain.contracts.gateway import GatewayPart
from assay.chain.contracts.invites import InvitesPart
from assay.chain.contracts.ledger import Cast, LedgerPart, Opened
from assay.chain.contracts.lens import LensPart
from assay.chain.contracts.market import MarketPart
from assay.chain.contracts.states import AccountState, LotState, RoundState, TaskState, TrainerState, VoterState
from assay.chain.contracts.token import TokenPart
from assay.chain.contracts.vault import VaultPart

__all__ = [
    "AccountState",
    "Call",
    "Cast",
    "Contracts",
    "LeafProof",
    "LotState",
    "Opened",
    "RoundState",
    "TaskState",
    "TrainerState",
    "VoterState",
    "header_proof",
]


class Contracts(
    TokenPart, VaultPart, MarketPart, LedgerPart, CourtPart, GatewayPart, InvitesPart, BeaconPart, LensPart
):
    """Everything that can be asked of the contracts, and a builder for each transaction."""
