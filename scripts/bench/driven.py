"""Rounds driven to the second on an Anvil of one's own: every transaction real, blocks mined and dated on command.

For benchmarks: accounts are Anvil's, which signs for them, so that hundreds of transactions go into one block quickly.
Rounds overlap as they do for nodes: while a round is checked, the next one is worked on; a checkpoint is attested
while the next round's commitments are taken, and a round is final two periods after its votes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.chain import localnet
from assay.chain.client import Client
from assay.chain.contracts import Call, Contracts
from assay.chain.deploy import deploy
from assay.chain.localnet import Localnet, LocalnetOptions
from assay.protocol.entries import Entry
from assay.protocol.hashing import keccak
from assay.protocol.sortition import Lot, seats_of
from assay.protocol.typed_data import attestation_digest, mark
from assay.protocol.votes import Vote, pack
from assay.types import MarkKind, Outcome, Verdict

TOKEN = 10**18
VALIDATORS, SEATS, URI_BYTES = 6, 3, 48
PERIOD, WORK, DELAY, COMMIT, REVEAL, ATTEST, CHALLENGE = 600, 100, 10, 100, 100, 600, 1_200
FINAL_AFTER = 2  # periods after its own votes, a round can be made final: just after those of the round two later
UNITS = 10_000
GAS = {"submit": 300_000, "seal": 250_000, "commit": 300_000, "reveal": 3_000_000, "attest": 250_000, "claim": 150_000}
FINALIZE_GAS = 50_000_000
ROUND_FINAL = keccak(b"RoundFinal(uint256,uint32,bytes,uint256,uint256,uint256)")


@dataclass(frozen=True, slots=True)
class Opening:
    """What a validator committed to."""

    validator: str
    salt: bytes
    evidence: bytes
    held: int
    votes: bytes


@dataclass(frozen=True, slots=True)
class Manner:
    """How the actors send: `combined` puts commit and the earlier round's attest, and submit and claim, into one
    transaction each; trainers claim in every `claim_every`-th round."""

    seats: int = SEATS
    combined: bool = False
    claim_every: int = 1


@dataclass(slots=True)
class Spent:
    """Gas by step of one round, the largest call of each step, and how many submissions were paid."""

    gas: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    calls: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    largest: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    paid: int = 0


class Driven:
    """One task on one chain, with `trainers` trainers and six equal validators."""

    def __init__(self, net: Localnet, trainers: int, rounds: int, manner: Manner = Manner()) -> None:
        self.client: Client = net.client(timeout=60)
        self.deployment = deploy_at_once(self.client)
        self.contracts = Contracts(self.client, self.deployment)
        accounts = self.client.rpc("eth_accounts")
        self.initiator = accounts[0]
        self.validators = accounts[1 : 1 + VALIDATORS]
        self.trainers = accounts[1 + VALIDATORS : 1 + VALIDATORS + trainers]
        self.manner = manner
        self.seats = manner.seats
        self.task = 1
        self.opened: dict[int, list[Opening]] = {}
        self.owed: set[str] = set()
        self._open(rounds)

    # --- blocks

    def send(self, sender: str, call: Call, gas: int) -> str:
        """Put a transaction into the pool; it waits for `mine`."""
        fields = {"from": sender, "to": call.to, "data": "0x" + call.data.hex(), "gas": hex(gas)}
        return str(self.client.rpc("eth_sendTransaction", fields))

    def mine(self, when: int | None = None) -> None:
        """Mine one block with all that waits, dated `when` (unix seconds)."""
        if when is not None:
            self.client.rpc("evm_setNextBlockTimestamp", when)
        self.client.rpc("evm_mine")

    def all(self, calls: Sequence[tuple[str, Call]], gas: int, when: int | None = None) -> list[Mapping[str, Any]]:
        """Send calls, mine them, and return their receipts; one that failed ends the benchmark."""
        receipts = []
        for first in range(0, len(calls), 200):
            hashes = [self.send(sender, call, gas) for sender, call in calls[first : first + 200]]
            self.mine(when + first // 200 if when is not None else None)
            for hash_, (sender, call) in zip(hashes, calls[first : first + 200], strict=True):
                receipt = self.client.receipt(bytes.fromhex(hash_[2:]))
                if receipt is None:
                    raise SystemExit(f"a transaction of {sender} wasn't mined")
                if receipt["status"] != "0x1":
                    self.client.call(call.to, call.data, sender)  # raises the reason
                    raise SystemExit(f"a transaction of {sender} failed")
                receipts.append(receipt)
        return receipts

    # --- opening

    def _open(self, rounds: int) -> None:
        c, d, n = self.contracts, self.deployment, len(self.trainers)
        stake = 1_000 * TOKEN
        everyone = [*self.validators, *self.trainers]
        self.all([(self.initiator, c.transfer(who, stake + TOKEN)) for who in everyone], 100_000)
        self.all([(who, c.approve(d.vault, stake)) for who in everyone], 100_000)
        self.all([(who, c.stake(who, stake)) for who in everyone], 200_000)
        terms = self._terms(rounds, n)
        budget = rounds * int(terms["pot"])
        self.all([(self.initiator, c.approve(d.market, budget))], 100_000)
        self.all([(self.initiator, c.publish(terms, budget, "u" * URI_BYTES))], 2_000_000)
        self.all([(who, c.enlist_validator(self.task, stake, "")) for who in self.validators], 500_000)
        self.all([(who, c.attest(self.task, 0, bytes(terms["genesis"]))) for who in self.validators], 500_000)
        self.all([(who, c.enlist_trainer(self.task, stake, "")) for who in self.trainers], 500_000)
        self.start = c.state(self.task).start
        if not self.start:
            raise SystemExit("the task didn't start")
        self.lots = {who: c.lot(self.task, who) for who in self.validators}

    def _terms(self, rounds: int, trainers: int) -> dict[str, Any]:
        price, fee, attest_fee = 10**12, 10**16, 10**16
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
            "lead": 60,
            "seats": self.seats,
            "staleness": 2,
            "minTrainers": min(trainers, 255),
            "minStake": TOKEN,
            "bond": TOKEN,
            "price": price,
            "seatFee": fee,
            "attestFee": attest_fee,
            "maxUnits": UNITS,
            "pot": trainers * (UNITS * price + self.seats * fee) + VALIDATORS * attest_fee,
            "extraWindow": 0,
            "isPrivate": False,
            "cut": 0,
            "canaryFee": 0,
            "canaryRate": 0,
            "power": 10_000,
        }

    # --- a round

    def round(self, number: int) -> Spent:
        """Drive one period: a round's work, draw and votes, the checkpoint of the one before, the end of the one two
        before, and claims. Return what it cost."""
        spent, c, task = Spent(), self.contracts, self.task
        opens = self.start + (number - 1) * PERIOD
        seal_at = opens + WORK + DELAY
        self._work(spent, number, opens)

        self.mine(seal_at)
        proof = c.word_proof(seal_at)
        if proof is None:
            raise SystemExit("no block at the scheduled seal")
        seal = [(self.initiator, c.seal(task, number, proof))]
        self._count(spent, "seal", self.all(seal, GAS["seal"], seal_at + 1))
        opened = self.opened[number] = self._openings(number)
        self._commit(spent, number, opened, seal_at + 2)
        reveals = [(o.validator, c.reveal(task, number, o.votes, o.held, o.evidence, o.salt)) for o in opened]
        self._count(spent, "reveal", self.all(reveals, GAS["reveal"], seal_at + COMMIT))

        if number > FINAL_AFTER:
            self._finalize(spent, number - FINAL_AFTER, seal_at + COMMIT + REVEAL)
        if number % self.manner.claim_every == 0 and not self.manner.combined:
            claims = [(who, c.claim(who)) for who in sorted(self.owed)]
            self._count(spent, "claim", self.all(claims, GAS["claim"]))
            self.owed.clear()
        return spent

    def _work(self, spent: Spent, number: int, opens: int) -> None:
        c = self.contracts
        uri = f"https://trainer.example.org/a/{number}".ljust(URI_BYTES, "/")
        claims = self.manner.combined and number % self.manner.claim_every == 0
        calls = []
        for entry in self._entries(number):
            who = entry.trainer
            both = claims and who in self.owed
            submit = c.submit_and_claim if both else c.submit
            calls.append((who, submit(self.task, number, entry.base, entry.units, entry.root, entry.mark, uri)))
            if both:
                self.owed.discard(who)
        self._count(spent, "submit", self.all(calls, GAS["submit"], opens))

    def _commit(self, spent: Spent, number: int, opened: Sequence[Opening], when: int) -> None:
        """Commit, and attest the checkpoint of the round before: two thirds make it final; the others would be late,
        and so send nothing."""
        c, task = self.contracts, self.task
        digests = {o.validator: self._digest(number, o) for o in opened}
        root = keccak(b"checkpoint" + (number - 1).to_bytes(4, "big"))
        quorum = self.validators[:4] if number > 1 else []
        both = quorum if self.manner.combined else []
        commits = [
            (
                who,
                c.commit_and_attest(task, number, digest, number - 1, root)
                if who in both
                else c.commit(task, number, digest),
            )
            for who, digest in digests.items()
        ]
        self._count(spent, "commit", self.all(commits, GAS["commit"], when))
        attests = [(who, c.attest(task, number - 1, root)) for who in quorum if who not in both]
        if attests:
            self._count(spent, "attest", self.all(attests, GAS["attest"], when + 1))

    def _finalize(self, spent: Spent, number: int, when: int) -> None:
        entries, opened = self._entries(number), sorted(self.opened.pop(number), key=lambda o: int(o.validator, 16))
        salts = [self._salt(entry.trainer, number) for entry in entries]
        call = self.contracts.finalize(self.task, number, entries, opened, [], [], salts)
        receipts = self.all([(self.initiator, call)], FINALIZE_GAS, when)
        self._count(spent, "finalize", receipts)
        outcomes = self._outcomes(receipts[0])
        spent.paid = sum(outcome == Outcome.PAID for outcome in outcomes)
        self.owed |= {e.trainer for e, outcome in zip(entries, outcomes, strict=True) if outcome == Outcome.PAID}

    def _entries(self, number: int) -> list[Entry]:
        base = max(0, number - 2)
        own = {who: who.encode() + number.to_bytes(4, "big") for who in self.trainers}
        marks = {who: mark(MarkKind.WORK, self._salt(who, number), 0, 0) for who in self.trainers}
        return [Entry(who, UNITS, base, keccak(b"root" + own[who]), marks[who]) for who in self.trainers]

    @staticmethod
    def _salt(trainer: str, number: int) -> bytes:
        return keccak(b"salt" + trainer.encode() + number.to_bytes(4, "big"))

    def _openings(self, number: int) -> list[Opening]:
        state, count = self.contracts.round(self.task, number), len(self.trainers)
        opened = []
        for who in self.validators:
            found = self.lots[who]
            lot = Lot(who, found.lo, found.hi, found.from_round)
            drawn = [(i, seats_of(state.seed, i, self.seats, state.line, lot)) for i in range(count)]
            votes = pack([Vote(i, sum(1 << seat for seat in seats), Verdict.VALID) for i, seats in drawn if seats])
            own = who.encode() + number.to_bytes(4, "big")
            opened.append(Opening(who, keccak(b"s" + own), keccak(b"e" + own), (1 << count) - 1, votes))
        return opened

    def _digest(self, number: int, o: Opening) -> bytes:
        place = (self.client.chain_id, self.deployment.ledger, self.task, number)
        return attestation_digest(*place, o.validator, o.votes, o.held, o.evidence, o.salt)

    @staticmethod
    def _outcomes(receipt: Mapping[str, Any]) -> bytes:
        for log in receipt["logs"]:
            if bytes.fromhex(log["topics"][0][2:]) == ROUND_FINAL:
                data = bytes.fromhex(log["data"][2:])
                at = int.from_bytes(data[:32], "big")
                return data[at + 32 : at + 32 + int.from_bytes(data[at : at + 32], "big")]
        raise SystemExit("finalize told no outcome")

    @staticmethod
    def _count(spent: Spent, step: str, receipts: Sequence[Mapping[str, Any]]) -> None:
        used = [int(receipt["gasUsed"], 16) for receipt in receipts]
        spent.gas[step] += sum(used)
        spent.calls[step] += len(used)
        spent.largest[step] = max([spent.largest[step], *used])


def deploy_at_once(client: Client) -> Any:
    """Deploy while each transaction is mined at once, then mine on command only."""
    client.rpc("evm_setAutomine", True)
    deployment = deploy(client, localnet.signer(0), unbonding_period=86_400, supply=10**9 * TOKEN)
    client.rpc("evm_setAutomine", False)
    return deployment


def options(accounts: int, more: tuple[str, ...] = ()) -> LocalnetOptions:
    """Return how Anvil runs: Prague, mining on command, room for 256 submissions in one block."""
    return LocalnetOptions(accounts=accounts, block_seconds=None, gas_limit=150_000_000, more=more)
