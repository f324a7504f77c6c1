"""What a node needs to run, as one frozen value. Knows nothing of where the values come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from assay.chain.contracts import Call
from assay.protocol.sections import EnvironmentSpec
from assay.types import Signer

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """One node: one account, one home folder, one chain.

    `stake` is the wei that the node enlists when it isn't enlisted yet; `task` None means every task it can serve
    (validators only). `fault` makes a node cheat, for demonstrations; in the rounds of `canaries` a trainer submits
    a canary; `challenge` lets it challenge outcomes that it knows to be wrong, with a bond of its own.
    `allow_private` lets it fetch from loopback and private addresses (local chains). In `curves` an initiator keeps
    its tasks' curves for TensorBoard. `unsent`, where there is one, takes what a command would send instead of the
    chain: to be signed for someone else to send. `upload` and `download` limit what it serves and fetches, in bytes
    per second; `quota` is the bytes of artifacts that it keeps, the newest `versions` checkpoints of a task among
    them. `threads` are those of a heavy job; `rollout_threads` those of a trainer's rollouts, which run beside its
    training (0: as many). `labels` is the owner's file of labels, for kind label. `trust` raises Refused for an
    environment that this machine's owner doesn't run.
    """

    home: Path
    name: str
    rpc: str
    chain_id: int
    deployments: Path
    signer: Signer
    store_url: str
    host: str = "127.0.0.1"
    port: int = 0
    advertise: str | None = None
    task: int | None = None
    stake: int = 0
    fault: str | None = None
    fault_from: int = 1
    canaries: frozenset[int] = frozenset()
    challenge: bool = True
    labels: Path | None = None
    threads: int = 1
    rollout_threads: int = 0
    allow_private: bool = False
    poll_seconds: float = 0.5
    upload: int | None = None
    download: int | None = None
    quota: int | None = None
    versions: int = 5
    curves: Path | None = None
    unsent: list[Call] | None = None
    trust: Callable[[EnvironmentSpec], None] | None = None
