"""What a person does in court by hand: challenge an outcome or a checkpoint, appeal, vote in an appeal, close a case.

Each sends its transactions and waits for them. Believes nobody: the proof of a leaf is made from a manifest whose root
is on chain, from this machine's artifacts or from whoever serves it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from assay.artifact.manifest import Manifest, parse
from assay.chain.contracts import Call, LeafProof
from assay.chain.outbox import Receipt
from assay.chain.settlement import challenge_call, close_call
from assay.errors import Refused
from assay.protocol import merkle
from assay.roles.config import NodeConfig
from assay.roles.money import Purse, purse
from assay.store.engine import Store
from assay.store.rows import CaseRow, SubmissionRow
from assay.swarm.chunks import ChunkStore
from assay.swarm.client import fetch_manifest

FETCH_SECONDS = 15.0


def manifest_of(
    store: Store, task: int, root: bytes, first: str, folders: Sequence[Path], *, allow_private: bool
) -> Manifest:
    """Return the manifest of an artifact of a task: from the first of `folders` that holds it, else from `first` and
    everyone who serves the task.

    Raises:
        Refused: what the root names is no artifact, whoever serves it.
        Unavailable: nobody serves it.
    """
    for folder in folders:
        held = ChunkStore(folder)
        if held.has(root):
            return parse(held.manifest(root))
    known = store.task(task)
    uris = [first, *(row.uri for row in store.enlistments(task)), known.uri if known else ""]
    asked = [uri for uri in dict.fromkeys(uris) if uri]
    return fetch_manifest(root, asked, FETCH_SECONDS, allow_private=allow_private)


def chunk_proof(manifest: Manifest, leaf: int) -> LeafProof:
    """Return a leaf of an artifact with its proof: 0 is the header, n the n-th chunk. Refused when there is none."""
    leaves = manifest.leaves()
    if not 0 <= leaf < len(leaves):
        raise Refused(f"the artifact has chunks 0 to {len(leaves) - 1}, not {leaf}")
    return LeafProof(leaf, len(leaves), leaves[leaf], tuple(merkle.prove(leaves, leaf)))


def challenge(
    config: NodeConfig,
    store: Store,
    row: SubmissionRow,
    what: tuple[int, int, int],
    proof: LeafProof,
    bond: int,
    uri: str,
) -> Receipt:
    """Challenge a submission's outcome; `what` is (claim, check, leaf). Stakes what of the bond isn't free stake."""
    with purse(config) as own:
        place = (row.task, row.round, row.index)
        call = challenge_call(own.contracts, store, *place, *what, proof, uri)
        return own.send("challenge", *missing_stake(own, bond), call)


def challenge_root(
    config: NodeConfig, task: int, round_: int, root: bytes, proof: LeafProof, bond: int, uri: str
) -> Receipt:
    """Challenge a round's final checkpoint at one chunk. Stakes what of the bond isn't free stake."""
    with purse(config) as own:
        call = own.contracts.challenge_root(task, round_, root, proof, uri)
        return own.send("challenge-root", *missing_stake(own, bond), call)


def appeal(config: NodeConfig, case: CaseRow) -> Receipt:
    """Put a jury's ruling to all stake. Stakes what of the bond, twice the case's, isn't free stake."""
    with purse(config) as own:
        return own.send("appeal", *missing_stake(own, 2 * case.bond), own.contracts.appeal(case.id))


def vote(config: NodeConfig, case: int, holds: bool) -> Receipt:
    """Vote in an appeal with this account's whole lot."""
    with purse(config) as own:
        return own.send("appeal-vote", own.contracts.vote_appeal(case, 1 if holds else 2))


def close(config: NodeConfig, store: Store, case: int) -> Receipt:
    """End a case whose time has come."""
    with purse(config) as own:
        return own.send("close", close_call(own.contracts, store, case))


def missing_stake(own: Purse, bond: int) -> list[Call]:
    """Return the calls that stake what `bond` has over the account's free stake; none where it is free already."""
    missing = bond - own.contracts.account(own.account).free
    return own.stake_calls(missing) if missing > 0 else []
