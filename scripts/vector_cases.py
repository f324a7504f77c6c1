"""The cases that the golden vectors of `vectors.py` are computed for. Everything follows from fixed labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from eth_utils.address import to_checksum_address

from assay.protocol.hashing import keccak
from assay.protocol.pay import PayTerms
from assay.protocol.votes import Vote
from assay.types import Verdict

ASY = 10**18

FORKS = (("paris", 1), ("shanghai", 2), ("cancun", 5), ("prague", 6))


def number(label: str, bits: int = 256) -> int:
    """A number that only the label decides."""
    return int.from_bytes(keccak(label.encode()), "big") >> (256 - bits)


def pay_cases() -> Iterator[
    tuple[PayTerms, list[tuple[str, int]], dict[str, list[Vote]], list[int], list[int], list[str]]
]:
    """Terms, claims, votes by validator, held bitmaps, stakes, attesters: each rule once, then rounds at random."""
    alice, bob, carol, dave, tina, tom = (str(to_checksum_address("0x" + f"{i:02x}" * 20)) for i in range(1, 7))
    base = PayTerms(price=4 * ASY // 1000, seat_fee=ASY, attest_fee=ASY // 10, pot=30 * ASY, seats=3, bond=20 * ASY)
    both, units = [1, 1], 2048
    for verdict in Verdict:
        votes = {alice: [Vote(0, 0b001, verdict)], bob: [Vote(0, 0b010, verdict)]}
        yield base, [(tina, units)], votes, both, [100 * 10**9, 10**9], [alice, dave]
        yield base, [(tina, units)], votes | {carol: [Vote(0, 0b100, Verdict.INVALID)]}, [1, 1, 0], [3, 3, 3], []
    lone = {alice: [Vote(0, 0b111, Verdict.VALID)]}
    yield base, [(tina, units)], lone, [1], [1], []
    valid = {alice: [Vote(0, 0b011, Verdict.VALID)], bob: [Vote(0, 0b100, Verdict.VALID)]}
    yield base, [(tina, units)], valid, [1, 0], [199, 100], [bob]
    yield base, [(tina, units)], valid, [1, 0], [200, 100], [bob]
    yield replace(base, pot=5 * ASY + 1), [(tina, units)], valid, both, [1, 1], [alice, bob, dave]
    yield base, [(tina, units), (tom, 1)], {}, [], [], []
    yield base, [(alice, units)], valid, both, [1, 1], [alice]
    for k in range(12):
        seats = 1 + number(f"seats {k}") % 7
        terms_ = PayTerms(4 * 10**15, ASY, ASY // 10, number(f"pot {k}", 66), seats, 20 * ASY)
        claims = [
            ((tina, tom, alice)[number(f"who {k} {i}") % 3], 1 + number(f"units {k} {i}", 11)) for i in range(1 + k)
        ]
        ballots: dict[str, list[Vote]] = {who: [] for who in (alice, bob, carol, dave)}
        for i in range(len(claims)):
            masks = dict.fromkeys(ballots, 0)
            for seat in range(seats):
                masks[list(ballots)[number(f"seat {k} {i} {seat}") % 4]] |= 1 << seat
            truth = Verdict(1 + max(0, number(f"truth {k} {i}") % 8 - 4))
            for who, mask in masks.items():
                lies = number(f"lie {k} {i} {who}") % 8 == 0
                if mask and number(f"absent {k} {i} {who}") % 16:
                    ballots[who].append(Vote(i, mask, Verdict(truth % 4 + 1) if lies else truth))
        held = [number(f"held {k} {who}") | number(f"more {k} {who}") for who in ballots]
        stakes = [1 + number(f"stake {k} {who}", 40) for who in ballots]
        yield terms_, claims, ballots, held, stakes, [bob, tom][: k % 3]


def header_fields(label: str, height: int, extra: bytes, extra_fields: int) -> dict[str, Any]:
    digest = {
        name: keccak(f"{label} {name}".encode()) for name in ("parentHash", "stateRoot", "transactionsRoot", "mixHash")
    }
    later: dict[str, Any] = {
        "baseFeePerGas": number(f"{label} fee", 34),
        "withdrawalsRoot": keccak(b"withdrawals"),
        "blobGasUsed": 0,
        "excessBlobGas": 131072,
        "parentBeaconBlockRoot": keccak(label.encode()),
        "requestsHash": keccak(b"requests"),
    }
    return {
        **digest,
        "sha3Uncles": keccak(b"\xc0"),
        "miner": keccak(label.encode())[:20],
        "receiptsRoot": keccak(b"receipts"),
        "logsBloom": keccak(b"bloom") * 8,
        **{"difficulty": 0, "number": height, "gasLimit": 30_000_000, "gasUsed": number(f"{label} gas", 24)},
        **{"timestamp": 1_700_000_000 + height % 10**6, "extraData": extra, "nonce": b"\0" * 8},
        **dict(list(later.items())[:extra_fields]),
    }
