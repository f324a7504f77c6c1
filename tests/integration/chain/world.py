"""A task with trainers and validators on a test's chain, driven through its windows by real outboxes.

Two trainers, three validators; twelve seats, so that never all fall to one of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assay.chain import localnet
from assay.chain.contracts import Call
from assay.chain.events import Follower
from assay.chain.outbox import Outbox, Receipt
from assay.chain.settlement import finalize_call
from assay.protocol.hashing import keccak
from assay.protocol.sortition import Lot, seats_of
from assay.protocol.typed_data import attestation_digest, mark
from assay.protocol.votes import Vote, pack
from assay.store import Store
from assay.types import Role, Verdict

TOKEN = 10**18
INITIATOR, VALIDATORS, TRAINERS = 0, (1, 2, 3), (4, 5)
SEATS, PERIOD, WORK, DELAY, COMMIT, REVEAL, CHALLENGE, LEAD = 12, 200, 50, 2, 30, 30, 30, 20
UNITS, PRICE, FEE, ATTEST_FEE, BOND = 100, 10**16, TOKEN // 10, TOKEN, 5 * TOKEN


def terms(rounds: int, trainers: int) -> dict[str, Any]:
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
        "attestTime": CHALLENGE,
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
    }


@dataclass(frozen=True, slots=True)
class Opened:
    """What a validator reveals."""

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

    def publish(self, rounds: int = 3) -> None:
        """Fund everyone, publish, enlist and start the task."""
        c, d = self.contracts, self.contracts.deployment
        stake, everyone = 100 * TOKEN, (*VALIDATORS, *TRAINERS)
        self.send_all([(INITIATOR, c.transfer(self.address(who), stake)) for who in everyone])
        self.send_all([(who, c.approve(d.vault, stake)) for who in everyone])
        self.send_all([(who, c.stake(self.address(who), stake)) for who in everyone])
        budget = rounds * int(terms(rounds, 2)["pot"])
        self.send(INITIATOR, c.approve(d.market, budget))
        self.send(INITIATOR, c.publish(terms(rounds, len(TRAINERS)), budget, "http://spec"))
        for who in VALIDATORS:
            self.send(who, c.enlist_validator(self.task, (40 + 10 * who) * TOKEN, f"http://v{who}"))
            self.send(who, c.attest(self.task, 0, keccak(b"genesis")))
        for who in TRAINERS:
            self.send(who, c.enlist_trainer(self.task, 50 * TOKEN, f"http://t{who}"))
        self.start = c.state(self.task).start

    def opens(self, round_: int) -> int:
        return int(self.start + (round_ - 1) * PERIOD)

    def submit(self, round_: int, who: int, units: int = UNITS) -> Receipt:
        self.at(self.opens(round_))
        own = f"{round_}:{who}:{units}".encode()
        call = self.contracts.submit(
            self.task, round_, round_ - 1, units, keccak(own), mark(1, keccak(b"s" + own), 0, 0), f"http://t{who}"
        )
        return self.send(who, call)

    def seal(self, round_: int) -> None:
        seal_at = self.opens(round_) + WORK + DELAY
        self.at(seal_at)
        pair = self.client.header_pair(seal_at)
        assert pair is not None
        self.send(INITIATOR, self.contracts.seal(self.task, round_, pair[0], pair[1]))

    def vote(self, round_: int, verdicts: dict[int, Verdict]) -> None:
        """Commit and reveal these verdicts (by index; VALID where none is given) for all validators."""
        self.follower.poll()
        opened = {who: self._opened(round_, who, verdicts) for who in VALIDATORS}
        for who, o in opened.items():
            place = (self.client.chain_id, self.contracts.deployment.ledger, self.task, round_, self.address(who))
            digest = attestation_digest(*place, o.votes, o.held, o.evidence, o.salt)
            self.send(who, self.contracts.commit(self.task, round_, digest))
        self.at(self.opens(round_) + WORK + DELAY + COMMIT)
        for who, o in opened.items():
            self.send(who, self.contracts.reveal(self.task, round_, o.votes, o.held, o.evidence, o.salt))

    def _opened(self, round_: int, who: int, verdicts: dict[int, Verdict]) -> Opened:
        seal = self.store.seal(self.task, round_)
        row = next(r for r in self.store.enlistments(self.task, Role.VALIDATOR) if r.account == self.address(who))
        assert seal is not None
        lot, votes = Lot(row.account, row.lo, row.hi, row.from_round), []
        count = len(self.store.submissions(self.task, round_))
        for index in range(count):
            seats = seats_of(seal.seed, index, SEATS, seal.line, lot)
            if seats:
                votes.append(Vote(index, sum(1 << seat for seat in seats), verdicts.get(index, Verdict.VALID)))
        own = f"{round_}:{who}".encode()
        return Opened(pack(votes), (1 << count) - 1, keccak(b"e" + own), keccak(b"salt" + own))

    def attest(self, round_: int, who: tuple[int, ...] = VALIDATORS[1:]) -> None:
        self.at(self.opens(round_) + WORK + DELAY + COMMIT + REVEAL)
        for one in who:
            self.send(one, self.contracts.attest(self.task, round_, keccak(f"checkpoint {round_}".encode())))

    def finalize(self, round_: int) -> Receipt:
        self.at(self.opens(round_) + WORK + DELAY + COMMIT + REVEAL + CHALLENGE)
        self.follower.poll()
        return self.send(INITIATOR, finalize_call(self.contracts, self.store, self.task, round_))

    def round(self, round_: int, verdicts: dict[int, Verdict] | None = None) -> None:
        """Drive one whole round with a submission of each trainer."""
        for who in TRAINERS:
            self.submit(round_, who)
        self.seal(round_)
        self.vote(round_, verdicts or {})
        self.attest(round_)
        self.finalize(round_)
