"""A task's moves on ape's Anvil, with the real Python rules: headers, draw, votes, typed data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from eth_abi import encode

from assay.protocol.entries import Entry
from assay.protocol.hashing import keccak
from assay.protocol.header import encode_header
from assay.protocol.sortition import Lot, seats_of
from assay.protocol.typed_data import attestation_digest, mark
from assay.protocol.votes import Vote, pack
from assay.types import MarkKind, Verdict

TOKEN = 10**18
UNBONDING = 86_400
GENESIS = keccak(b"base model")
TERMS: dict[str, Any] = {
    "specHash": keccak(b"spec"),
    "genesis": GENESIS,
    "rounds": 3,
    "period": 600,
    "work": 300,
    "sealDelay": 5,
    "commitWindow": 100,
    "revealWindow": 100,
    "attestTime": 50,
    "challengeWindow": 100,
    "lead": 30,
    "seats": 3,
    "staleness": 2,
    "minTrainers": 2,
    "minStake": 300 * TOKEN,
    "bond": 20 * TOKEN,
    "price": TOKEN // 100,
    "seatFee": TOKEN,
    "attestFee": TOKEN // 10,
    "maxUnits": 1000,
    "pot": 30 * TOKEN,
    "extraWindow": 0,
    "isPrivate": False,
    "cut": 2 * TOKEN,
    "canaryFee": TOKEN,
    "canaryRate": 500,
    "power": 10_000,
}


@dataclass
class World:
    """The contracts, who acts on them, and what a round has seen so far."""

    chain: Any
    token: Any
    vault: Any
    market: Any
    ledger: Any
    beacon: Any
    initiator: Any
    trainers: list[Any]
    validators: list[Any]
    task: int = 0
    entries: dict[int, list[Entry]] = field(default_factory=dict)
    reveals: dict[int, list[dict[str, Any]]] = field(default_factory=dict)

    # --- a task

    def publish(self, terms: dict[str, Any]) -> None:
        budget = terms["rounds"] * terms["pot"]
        self.token.approve(self.market, budget, sender=self.initiator)
        receipt = self.market.publish(list(terms.values()), budget, "http://initiator", sender=self.initiator)
        (event,) = receipt.decode_logs(self.market.TaskPublished)
        self.task = event.task

    def enlist(self) -> None:
        for who in (*self.trainers, *self.validators):
            self.token.approve(self.vault, 100 * TOKEN, sender=who)
            self.vault.stake(who, 100 * TOKEN, sender=who)
        for who in self.trainers:
            self.ledger.enlistTrainer(self.task, 100 * TOKEN, "http://trainer", sender=who)
        for who in self.validators:
            self.ledger.enlistValidator(self.task, 100 * TOKEN, "http://validator", sender=who)

    # --- time

    def opens(self, round_: int) -> int:
        return int(self.ledger.stateOf(self.task).start) + (round_ - 1) * TERMS["period"]

    def seal_at(self, round_: int) -> int:
        return self.opens(round_) + TERMS["work"] + TERMS["sealDelay"]

    def commit_end(self, round_: int) -> int:
        return self.seal_at(round_) + TERMS["commitWindow"]

    def reveal_end(self, round_: int) -> int:
        return self.commit_end(round_) + TERMS["revealWindow"]

    def challenge_end(self, round_: int) -> int:
        return self.reveal_end(round_) + TERMS["challengeWindow"]

    def go(self, second: int) -> None:
        """Mine a block at `second`, unless the chain is already there."""
        if self.chain.blocks.head.timestamp < second:
            self.chain.mine(timestamp=second)

    # --- a round

    def submit(self, who: Any, round_: int, units: int, base: int) -> None:
        count = len(self.entries.setdefault(round_, []))
        own = f"{round_}/{count}".encode()
        bound = mark(MarkKind.WORK, self.salt(round_, count), 0, 0)
        entry = Entry(who.address, units, base, keccak(b"root" + own), bound)
        self.ledger.submit(self.task, round_, base, units, entry.root, entry.mark, "http://t/a", sender=who)
        self.entries[round_].append(entry)

    @staticmethod
    def salt(round_: int, index: int) -> bytes:
        """What shows that a submission is work."""
        return keccak(f"salt {round_}/{index}".encode())

    def header_pair(self, second: int) -> tuple[bytes, bytes]:
        """The first header at or after `second`, and its parent's, as the node gives them."""
        web3 = self.chain.provider.web3
        block = web3.eth.get_block("latest")
        while web3.eth.get_block(block["number"] - 1)["timestamp"] >= second:
            block = web3.eth.get_block(block["number"] - 1)
        assert block["timestamp"] >= second
        return encode_header(block), encode_header(web3.eth.get_block(block["number"] - 1))

    def seal(self, round_: int) -> Any:
        self.go(self.seal_at(round_))
        proof = self.proof(*self.header_pair(self.seal_at(round_)))
        return self.ledger.seal(self.task, round_, proof, sender=self.initiator)

    @staticmethod
    def proof(header: bytes, parent: bytes) -> bytes:
        """Two headers as the beacon wants them."""
        return encode(["bytes", "bytes"], [header, parent])

    def commit(self, who: Any, round_: int, verdicts: list[Verdict]) -> dict[str, Any]:
        """Commit to a verdict on every submission of which a seat fell to `who`; return the opening."""
        state, lot = self.ledger.roundOf(self.task, round_), self.ledger.lotOf(self.task, who)
        mine = Lot(who.address, lot.lo, lot.hi, lot.fromRound)
        drawn = [seats_of(bytes(state.seed), i, TERMS["seats"], state.line, mine) for i in range(len(verdicts))]
        votes = [Vote(i, sum(1 << s for s in d), verdicts[i], 0, 0) for i, d in enumerate(drawn) if d]
        opening = {
            "validator": who.address,
            "salt": keccak(b"salt" + who.address.encode()),
            "evidence": keccak(b"evidence" + who.address.encode()),
            "held": (1 << len(verdicts)) - 1,
            "votes": pack(votes),
        }
        digest = attestation_digest(
            self.chain.chain_id,
            self.ledger.address,
            self.task,
            round_,
            who.address,
            opening["votes"],
            opening["held"],
            opening["evidence"],
            opening["salt"],
        )
        self.ledger.commit(self.task, round_, digest, sender=who)
        return opening

    def reveal(self, who: Any, round_: int, opening: dict[str, Any]) -> None:
        values = [opening[name] for name in ("votes", "held", "evidence", "salt")]
        self.ledger.reveal(self.task, round_, *values, sender=who)
        self.reveals.setdefault(round_, []).append(opening)

    def finalize(self, round_: int) -> Any:
        self.go(self.challenge_end(round_))
        entries = [(e.who, e.root, e.mark) for e in self.entries[round_]]
        opened = sorted(self.reveals.get(round_, []), key=lambda r: int(r["validator"], 16))
        reveals = [tuple(r.values()) for r in opened]
        salts = [self.salt(round_, index) for index in range(len(entries))]
        return self.ledger.finalize(self.task, round_, entries, reveals, [], [], salts, sender=self.initiator)
