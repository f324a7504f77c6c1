"""Rounds driven to the second on an Anvil of one's own: every transaction real, blocks mined and dated on command.

For benchmarks: accounts are Anvil's, which signs for them, so that hundreds of transactions go into one block quickly.
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
from assay.types import Outcome, Verdict

TOKEN = 10**18
VALIDATORS, SEATS, URI_BYTES = 6, 3, 48
PERIOD, WORK, DELAY, COMMIT, REVEAL, CHALLENGE = 600, 100, 10, 100, 100, 100
UNITS = 10_000
GAS = {"submit": 250_000, "seal": 250_000, "commit": 150_000, "reveal": 3_000_000, "attest": 250_000, "claim": 150_000}
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


@dataclass(slots=True)
class Spent:
    """Gas by step of one round, and how many submissions were paid."""

    gas: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    calls: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    paid: int = 0


class Driven:
    """One task on one chain, with `trainers` trainers and six equal validators."""

    def __init__(self, net: Localnet, trainers: int, rounds: int, seats: int = SEATS) -> None:
        self.client: Client = net.client(timeout=60)
        self.deployment = deploy_at_once(self.client)
        self.contracts = Contracts(self.client, self.deployment)
        accounts = self.client.rpc("eth_accounts")
        self.initiator = accounts[0]
        self.validators = accounts[1 : 1 + VALIDATORS]
        self.trainers = accounts[1 + VALIDATORS : 1 + VALIDATORS + trainers]
        self.seats = seats
        self.task = 1
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
            "attestTime": CHALLENGE,
            "challengeWindow": CHALLENGE,
            "lead": 60,
            "seats": self.seats,
            "staleness": 1,
            "minTrainers": min(trainers, 255),
            "minStake": TOKEN,
            "bond": TOKEN,
            "price": price,
            "seatFee": fee,
            "attestFee": attest_fee,
            "maxUnits": UNITS,
            "pot": trainers * (UNITS * price + self.seats * fee) + VALIDATORS * attest_fee,
        }

    # --- a round

    def round(self, number: int) -> Spent:
        """Drive one round from its first submission to its claims, and return what it cost."""
        spent, c, task = Spent(), self.contracts, self.task
        opens = self.start + (number - 1) * PERIOD
        seal_at = opens + WORK + DELAY
        entries = [self._entry(who, number) for who in self.trainers]
        uri = f"https://trainer.example.org/a/{number}".ljust(URI_BYTES, "/")
        submits = [(e.trainer, c.submit(task, number, e.base, e.units, e.root, e.mark, uri)) for e in entries]
        self._count(spent, "submit", self.all(submits, GAS["submit"], opens))

        self.mine(seal_at)
        pair = self.client.header_pair(seal_at)
        if pair is None:
            raise SystemExit("no block at the scheduled seal")
        seal = [(self.initiator, c.seal(task, number, pair[0], pair[1]))]
        self._count(spent, "seal", self.all(seal, GAS["seal"], seal_at + 1))

        opened = self._openings(number)
        commits = [(o.validator, c.commit(task, number, self._digest(number, o))) for o in opened]
        self._count(spent, "commit", self.all(commits, GAS["commit"], seal_at + 2))
        reveals = [(o.validator, c.reveal(task, number, o.votes, o.held, o.evidence, o.salt)) for o in opened]
        self._count(spent, "reveal", self.all(reveals, GAS["reveal"], seal_at + COMMIT))

        root = keccak(b"checkpoint" + number.to_bytes(4, "big"))
        # two thirds make the checkpoint final; the others would be late, and so send nothing
        quorum = [(who, c.attest(task, number, root)) for who in self.validators[:4]]
        self._count(spent, "attest", self.all(quorum, GAS["attest"], seal_at + COMMIT + REVEAL))

        final = [(self.initiator, c.finalize(task, number, entries, opened, []))]
        receipts = self.all(final, FINALIZE_GAS, seal_at + COMMIT + REVEAL + CHALLENGE)
        self._count(spent, "finalize", receipts)
        outcomes = self._outcomes(receipts[0])
        spent.paid = sum(outcome == Outcome.PAID for outcome in outcomes)
        winners = [e.trainer for e, outcome in zip(entries, outcomes, strict=True) if outcome == Outcome.PAID]
        self._count(spent, "claim", self.all([(who, c.claim(who)) for who in winners], GAS["claim"]))
        return spent

    def _entry(self, trainer: str, number: int) -> Entry:
        own = trainer.encode() + number.to_bytes(4, "big")
        return Entry(trainer, UNITS, number - 1, keccak(b"root" + own), mark(1, keccak(b"salt" + own), 0, 0))

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
        spent.gas[step] += sum(int(receipt["gasUsed"], 16) for receipt in receipts)
        spent.calls[step] += len(receipts)


def deploy_at_once(client: Client) -> Any:
    """Deploy while each transaction is mined at once, then mine on command only."""
    client.rpc("evm_setAutomine", True)
    deployment = deploy(client, localnet.signer(0), unbonding_period=86_400, supply=10**9 * TOKEN)
    client.rpc("evm_setAutomine", False)
    return deployment


def options(accounts: int, more: tuple[str, ...] = ()) -> LocalnetOptions:
    """Return how Anvil runs: Prague, mining on command, room for 256 submissions in one block."""
    return LocalnetOptions(accounts=accounts, block_seconds=None, gas_limit=150_000_000, more=more)
