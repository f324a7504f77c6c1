"""A task with trainers and validators on a test's chain, driven through its windows by real outboxes.

Two trainers, three validators; twelve seats, so that never all fall to one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assay.chain import localnet
from assay.chain.contracts import Call, LeafProof
from assay.chain.events import Follower
from assay.chain.outbox import Outbox, Receipt
from assay.chain.settlement import finalize_call
from assay.protocol import merkle
from assay.protocol.hashing import keccak
from assay.protocol.sortition import Lot, extra_seats_of, seats_of
from assay.protocol.typed_data import attestation_digest, mark
from assay.protocol.votes import Vote, pack
from assay.store import Store
from assay.types import MarkKind, Reason, Role, Verdict

TOKEN = 10**18
INITIATOR, VALIDATORS, TRAINERS = 0, (1, 2, 3), (4, 5)
SEATS, PERIOD, WORK, DELAY, COMMIT, REVEAL, EXTRA, ATTEST, CHALLENGE, LEAD = 12, 220, 50, 2, 30, 30, 20, 20, 60, 20
UNITS, PRICE, FEE, ATTEST_FEE, BOND, CUT, CANARY_FEE = 100, 10**16, TOKEN // 10, TOKEN, 5 * TOKEN, TOKEN // 5, TOKEN
LEAVES, CHECK = 4, Reason.REWARD
VOTES_END = WORK + DELAY + COMMIT + REVEAL + EXTRA


def terms(rounds: int, trainers: int, **more: Any) -> dict[str, Any]:
    """Return terms whose rounds don't overlap."""
    return {
        "specHash": keccak(b"spec"),
        "genesis": keccak(b"genesis"),
        "rounds": rounds,
        "period": PERIOD,
        "work": WORK,
        "sealDelay": DELAY,
        "commitWindow": COMMIT,
        "revealWindow": REVEAL,
        "attestTime": ATTEST,
        "challengeWindow": CHALLENGE,
        "lead": LEAD,
        "seats": SEATS,
        "staleness": 1,
        "minTrainers": trainers,
        "minStake": 100 * TOKEN,
        "bond": BOND,
        "price": PRICE,
        "seatFee": FEE,
        "attestFee": ATTEST_FEE,
        "maxUnits": UNITS,
        "pot": 50 * TOKEN,
        "extraWindow": EXTRA,
        "isPrivate": False,
        "cut": CUT,
        "canaryFee": CANARY_FEE,
        "canaryRate": 1000,
        "power": 9_000,
        **more,
    }


Verdicts = Mapping[Any, Verdict]


def leaves(round_: int, who: int, units: int) -> list[bytes]:
    """The leaves of an artifact; of `who` 0 those of a checkpoint."""
    return [keccak(f"{round_}:{who}:{units}:{leaf}".encode()) for leaf in range(LEAVES)]


def _vote(index: int, seats: list[int], verdict: Verdict, check: Reason) -> Vote:
    mask = sum(1 << seat for seat in seats)
    return Vote(index, mask, verdict) if verdict is Verdict.VALID else Vote(index, mask, verdict, check, 2)


@dataclass(frozen=True, slots=True)
class Opened:
    """What a validator reveals."""

    validator: str
    votes: bytes
    held: int
    evidence: bytes
    salt: bytes


class World:
    """One task on one chain."""

    def __init__(self, chain: Any, store: Store) -> None:
        self.chain = chain
        self.client = chain.client
        self.contracts = chain.contracts
        self.store = store
        self.outboxes = {i: Outbox(self.client, store, localnet.signer(i)) for i in (INITIATOR, *VALIDATORS, *TRAINERS)}
        self.follower = Follower(self.client, self.contracts, store)
        self.task = 1
        self.salts: dict[int, dict[int, bytes]] = {}
        self.check = CHECK
        self._sent = 0

    def send(self, who: int, call: Call) -> Receipt:
        """Send a call under a key of its own and wait for it."""
        self._sent += 1
        self.outboxes[who].put(f"call:{self._sent}", call)
        return self.outboxes[who].wait(f"call:{self._sent}", 10)

    def send_all(self, calls: list[tuple[int, Call]]) -> None:
        """Put all calls into the outboxes first, then wait for each."""
        keys = [(who, f"all:{self._sent}:{n}") for n, (who, _) in enumerate(calls)]
        for (who, key), (_, call) in zip(keys, calls, strict=True):
            self.outboxes[who].put(key, call)
        for who, key in keys:
            self.outboxes[who].wait(key, 10)
        self._sent += 1

    def address(self, who: int) -> str:
        return self.outboxes[who].address

    def at(self, when: int) -> None:
        """Let the chain's clock be `when` or a little later."""
        if self.client.head().time < when:
            self.chain.mine(1, when)

    # --- a task's life

    def publish(self, rounds: int = 3, **more: Any) -> None:
        """Fund everyone, publish, enlist and start the task; `more` are terms."""
        c, d = self.contracts, self.contracts.deployment
        stake, everyone = 100 * TOKEN, (*VALIDATORS, *TRAINERS)
        self.send_all([(INITIATOR, c.transfer(self.address(who), stake)) for who in everyone])
        self.send_all([(who, c.approve(d.vault, stake)) for who in everyone])
        self.send_all([(who, c.stake(self.address(who), stake)) for who in everyone])
        budget = rounds * int(terms(rounds, 2)["pot"])
        self.send(INITIATOR, c.approve(d.market, budget))
        self.send(INITIATOR, c.publish(terms(rounds, len(TRAINERS), **more), budget, "http://spec"))
        self.enlist()

    def enlist(self) -> None:
        c = self.contracts

        for who in VALIDATORS:
            self.send(who, c.enlist_validator(self.task, (40 + 10 * who) * TOKEN, f"http://v{who}"))
            self.send(who, c.attest(self.task, 0, keccak(b"genesis")))
        for who in TRAINERS:
            self.send(who, c.enlist_trainer(self.task, 80 * TOKEN, f"http://t{who}"))
        self.start = c.state(self.task).start

    def opens(self, round_: int) -> int:
        return int(self.start + (round_ - 1) * PERIOD)

    def submit(self, round_: int, who: int, units: int = UNITS, canary_leaf: int | None = None) -> Receipt:
        """Submit an artifact of four leaves: as work, or as a canary that is bad at a leaf."""
        self.at(self.opens(round_))
        own = f"{round_}:{who}:{units}".encode()
        kind = (MarkKind.WORK, keccak(b"s" + own), 0, 0)
        if canary_leaf is not None:
            kind = (MarkKind.CANARY, keccak(b"s" + own), canary_leaf, int(CHECK))
        else:
            index = self.contracts.round(self.task, round_).submissions
            self.salts.setdefault(round_, {})[index] = kind[1]
        root = merkle.root(leaves(round_, who, units))
        call = self.contracts.submit(self.task, round_, round_ - 1, units, root, mark(*kind), f"http://t{who}")
        return self.send(who, call)

    def proof(self, round_: int, who: int, leaf: int, units: int = UNITS) -> LeafProof:
        """Show a leaf of an artifact that `submit` submitted."""
        listed = leaves(round_, who, units)
        return LeafProof(leaf, LEAVES, listed[leaf], tuple(merkle.prove(listed, leaf)))

    def seal(self, round_: int) -> None:
        seal_at = self.opens(round_) + WORK + DELAY
        self.at(seal_at)
        proof = self.contracts.word_proof(seal_at)
        assert proof is not None
        self.send(INITIATOR, self.contracts.seal(self.task, round_, proof))

    def vote(self, round_: int, verdicts: Verdicts, voters: tuple[int, ...] = VALIDATORS) -> None:
        """Commit and reveal for these validators; see `opened` for the verdicts."""
        opened = self.commit(round_, verdicts, voters)
        self.at(self.opens(round_) + WORK + DELAY + COMMIT)
        for who, o in opened.items():
            self.send(who, self.contracts.reveal(self.task, round_, o.votes, o.held, o.evidence, o.salt))

    def commit(self, round_: int, verdicts: Verdicts, voters: tuple[int, ...] = VALIDATORS) -> dict[int, Opened]:
        self.follower.poll()
        opened = {who: self.opened(round_, who, verdicts) for who in voters}
        for who, o in opened.items():
            place = (self.client.chain_id, self.contracts.deployment.ledger, self.task, round_, self.address(who))
            digest = attestation_digest(*place, o.votes, o.held, o.evidence, o.salt)
            self.send(who, self.contracts.commit(self.task, round_, digest))
        return opened

    def opened(self, round_: int, who: int, verdicts: Verdicts) -> Opened:
        """What a validator reveals: verdicts by index, or by validator and index; VALID where none is given.

        A refusal names leaf 2.
        """
        seal, lot, votes = self.store.seal(self.task, round_), self.lot(who), []
        assert seal is not None
        count = len(self.store.submissions(self.task, round_))
        for index in range(count):
            seats = seats_of(seal.seed, index, SEATS, seal.line, lot)
            if seats:
                said = verdicts.get((who, index), verdicts.get(index, Verdict.VALID))
                votes.append(_vote(index, seats, said, self.check))
        own = f"{round_}:{who}".encode()
        return Opened(self.address(who), pack(votes), (1 << count) - 1, keccak(b"e" + own), keccak(b"salt" + own))

    def vote_extra(self, round_: int, verdicts: Verdicts, voters: tuple[int, ...]) -> None:
        """Vote with all seats of the extra draw, on every submission."""
        self.at(self.opens(round_) + WORK + DELAY + COMMIT + REVEAL)
        self.follower.poll()
        seal = self.store.seal(self.task, round_)
        assert seal is not None
        for who in voters:
            votes = []
            for index in range(len(self.store.submissions(self.task, round_))):
                seats = extra_seats_of(seal.seed, index, SEATS, seal.line, self.lot(who))
                if seats:
                    votes.append(_vote(index, seats, verdicts.get(index, Verdict.VALID), self.check))
            self.send(who, self.contracts.vote_extra(self.task, round_, pack(votes), keccak(b"extra")))

    def lot(self, who: int) -> Lot:
        row = next(r for r in self.store.enlistments(self.task, Role.VALIDATOR) if r.account == self.address(who))
        return Lot(row.account, row.lo, row.hi, row.from_round)

    def attest(self, round_: int, who: tuple[int, ...] = VALIDATORS[1:]) -> None:
        self.at(self.opens(round_) + VOTES_END)
        for one in who:
            root = merkle.root(leaves(round_, 0, 0))
            self.send(one, self.contracts.attest(self.task, round_, root))

    def finalize(self, round_: int, salts: dict[int, bytes] | None = None) -> Receipt:
        """Settle a round with the salts of all its work, or with these."""
        self.at(self.opens(round_) + VOTES_END + CHALLENGE)
        self.follower.poll()
        known = self.salts.get(round_) if salts is None else salts
        receipt = self.send(INITIATOR, finalize_call(self.contracts, self.store, self.task, round_, known))
        self.follower.poll()
        return receipt

    def round(self, round_: int, verdicts: Verdicts | None = None) -> None:
        """Drive one whole round with a submission of each trainer."""
        for who in TRAINERS:
            self.submit(round_, who)
        self.seal(round_)
        self.vote(round_, verdicts or {})
        self.attest(round_)
        self.finalize(round_)
