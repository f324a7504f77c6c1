"""What a person does so that a round is paid: make it final, and settle the shares that were set aside.

Anyone may. Salts are taken from the acting account's own key and from trainers that tell them; a salt that is missing
loses nothing for good: the share waits for its trainer, and ends unpaid only when its time is over.
"""

from __future__ import annotations

from dataclasses import dataclass

from assay.chain.contracts import Contracts
from assay.chain.outbox import Receipt
from assay.chain.settlement import NO_SALT, finalize_call, resolve_call
from assay.errors import Refused
from assay.roles.config import NodeConfig
from assay.roles.money import purse
from assay.roles.salts import gather, is_work
from assay.roles.secrets import mark_salt
from assay.store.engine import Store
from assay.store.rows import AsideRow, SubmissionRow, TaskRow


@dataclass(frozen=True, slots=True)
class Waiting:
    """A share that was set aside. `cases` that are open come first; then its salt, until the second `until`.

    A canary, a share that a jury found bad and one that the votes refuse need none: `needs_salt` is the ledger's word.
    """

    index: int
    trainer: str
    cases: tuple[int, ...]
    needs_salt: bool
    until: int


def salts_of(config: NodeConfig, ledger: str, rows: list[SubmissionRow]) -> dict[int, bytes]:
    """Return the salts that show submissions to be work: this account's own, and what other trainers tell."""
    own = {
        row.index: mark_salt(config.signer, config.chain_id, ledger, row.task, row.round)
        for row in rows
        if row.trainer == config.signer.address
    }
    mine = {row.index: own[row.index] for row in rows if row.index in own and is_work(row, own[row.index])}
    return gather(rows, mine, allow_private=config.allow_private)


def finalize(config: NodeConfig, store: Store, task: int, round_: int, salts: dict[int, bytes]) -> Receipt:
    """Settle a round."""
    with purse(config) as own:
        return own.send("finalize", finalize_call(own.contracts, store, task, round_, salts))


def waiting(contracts: Contracts, store: Store, task: TaskRow, round_: int) -> list[Waiting]:
    """Return the shares of a round that wait, and for what."""
    ended = store.round(task.id, round_)
    rows = [row for row in store.asides(task.id, round_) if row.outcome is None]
    return [_waiting(contracts, store, task, row, ended.block if ended else 0) for row in rows]


def resolve(config: NodeConfig, store: Store, task: int, round_: int, index: int, salt: bytes | None) -> str:
    """Settle one share. Return why, and send nothing, where the ledger says that it still waits; empty when done."""
    with purse(config) as own:
        call = resolve_call(own.contracts, store, task, round_, index, salt or NO_SALT)
        try:
            own.contracts.client.call(call.to, call.data, own.account)
        except Refused as error:
            return str(error)
        own.send("resolve", call)
    return ""


def _waiting(contracts: Contracts, store: Store, task: TaskRow, row: AsideRow, ended: int) -> Waiting:
    cases = [case for case in store.cases(task.id, row.round) if case.index == row.index]
    last = max([ended, *(case.block for case in cases if case.ruling is not None)])
    block = contracts.client.reference(last)
    until = (block.time if block else 0) + int(task.terms["challengeWindow"])
    submission = store.submission(task.id, row.round, row.index)
    still_open = tuple(case.id for case in cases if case.ruling is None)
    trainer = submission.trainer if submission else ""
    needs_salt = not still_open and not _is_ready(contracts, store, row)
    return Waiting(row.index, trainer, still_open, needs_salt, until)


def _is_ready(contracts: Contracts, store: Store, row: AsideRow) -> bool:
    """Ask the ledger whether it would settle a share without its salt."""
    call = resolve_call(contracts, store, row.task, row.round, row.index)
    try:
        contracts.client.call(call.to, call.data)
    except Refused:
        return False
    return True
