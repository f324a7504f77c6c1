"""A task told event by event: its records are what the fold makes of them. Three validators, two trainers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from assay.chain.fold import fold
from assay.chain.keys import LocalSigner
from assay.protocol import sortition
from assay.protocol.profile import profile_hash, shipped
from assay.protocol.spec import TaskSpec, spec_hash, terms
from assay.protocol.votes import Vote, pack
from assay.protocol.windows import Schedule
from assay.roles.observing import Known, lots, observe
from assay.store import Store, open_store
from assay.store.rows import EventRow, TaskRow
from assay.types import Role, Verdict
from unit.protocol.example import example

TOKEN = 10**18
TASK, START = 7, 1_000
SIGNERS = {name: LocalSigner(bytes([n]) * 32) for n, name in enumerate(("carol", "dave", "erin", "bob", "mallory"), 1)}
CAROL, DAVE, ERIN, BOB, MALLORY = (signer.address for signer in SIGNERS.values())
VALIDATORS, TRAINERS = (CAROL, DAVE, ERIN), (BOB, MALLORY)
SEATS = 12
GENESIS, SEED = b"\x0b" * 32, b"\x05" * 16


def spec(**rounds: int) -> TaskSpec:
    """Return a task of six rounds: work 11 s, seal after 12, commit to 22, reveal to 25, challenge to 35; period 28."""
    plain = example()
    accepted = (profile_hash(shipped()["tiny-float32"]),)
    plain = replace(plain, verification=replace(plain.verification, profiles=accepted))
    return replace(
        plain,
        model=replace(plain.model, base=GENESIS),
        money=replace(plain.money, seats=SEATS),
        rounds=replace(plain.rounds, **rounds),
    )


class Story:
    """Gives events places on a chain of its own, and folds them."""

    def __init__(self, task: int = TASK, store: Store | None = None, **rounds: int) -> None:
        self.store = store if store is not None else open_store("sqlite://")
        self.task, self.spec, self.block = task, spec(**rounds), 1_000 * task
        self.schedule = Schedule.from_spec(self.spec, START)

    def __call__(self, name: str, /, **args: Any) -> None:
        self.block += 1
        with self.store.batch() as batch:
            fold(batch, EventRow(self.block, 0, bytes(32), CAROL, name, self.task, {"task": self.task, **args}))

    def publish(self) -> Story:
        money = self.spec.money
        plain = {key: f"0x{value.hex()}" if isinstance(value, bytes) else value for key, value in self.terms().items()}
        digest = "0x" + spec_hash(self.spec).hex()
        self("TaskPublished", initiator=ERIN, specHash=digest, terms=plain, budget=money.budget, uri="http://alice")
        return self

    def terms(self) -> dict[str, Any]:
        return terms(self.spec)

    def enlist(self, who: str, role: Role, tokens: int = 100, from_round: int = 1) -> None:
        uri = f"http://{who[2:6]}"
        self("Enlisted", account=who, role=int(role), amount=tokens * TOKEN, fromRound=from_round, uri=uri)

    def begin(self, trainers: Iterable[str] = TRAINERS) -> Story:
        """Publish, enlist everyone and start."""
        self.publish()
        for who in VALIDATORS:
            self.enlist(who, Role.VALIDATOR)
        for who in trainers:
            self.enlist(who, Role.TRAINER)
        self("TaskStarted", start=START)
        return self

    def submit(self, round_: int, who: str, index: int = 0, base: int = 0) -> bytes:
        root = bytes([round_, index]) * 16
        hashes = {"root": "0x" + root.hex(), "mark": "0x" + "44" * 32}
        self("Submitted", round=round_, trainer=who, index=index, units=9, base=base, uri="u", **hashes)
        return root

    def seal(self, round_: int) -> None:
        line = sum(row.hi - row.lo for row in self.store.enlistments(self.task, Role.VALIDATOR))
        self("RoundSealed", round=round_, seed="0x" + SEED.hex(), line=line, source=self.block)

    def seats(self, who: str, index: int) -> int:
        """Return the bit mask of a validator's seats, by the public draw."""
        seal = self.store.seal(self.task, 1)
        assert seal is not None
        mine = sortition.seats_of(seal.seed, index, SEATS, seal.line, lots(self.store, self.task)[who])
        return sum(1 << seat for seat in mine)

    def reveal(self, round_: int, who: str, verdicts: dict[int, Verdict], held: int, reason: int = 0) -> None:
        votes = [
            Vote(index, self.seats(who, index), verdict, reason if verdict is Verdict.INVALID else 0)
            for index, verdict in verdicts.items()
        ]
        opened = {"salt": "0x" + "00" * 32, "evidence": "0x" + "00" * 32, "held": held}
        self("Revealed", round=round_, validator=who, votes="0x" + pack(votes).hex(), **opened)

    def checkpoint(self, round_: int, root: bytes) -> None:
        self("CheckpointFinal", round=round_, root="0x" + root.hex())

    def slash(self, round_: int, who: str, index: int, fees: int) -> None:
        self("Slashed", account=who, round=round_, index=index, burned=self.spec.money.bond, paid=fees)

    def final(self, round_: int, outcomes: bytes) -> None:
        self("RoundFinal", round=round_, outcomes="0x" + outcomes.hex(), fromEscrow=0, fromStakes=0, burned=0)

    @property
    def row(self) -> TaskRow:
        row = self.store.task(self.task)
        assert row is not None
        return row

    def view(self, now: int, known: Known) -> Any:
        return observe(self.store, known, self.row, self.spec, now)


def known(
    who: str, role: Role | None = Role.VALIDATOR, holds: Iterable[bytes] = (), jobs: Iterable[str] = (), sent: str = ""
) -> Known:
    """Return what a node knows beside its records; `sent` are keys of transactions, with spaces between."""
    held, keys = frozenset(holds), frozenset(sent.split())
    return Known(who, role, held.__contains__, frozenset(jobs), keys.__contains__)
