"""A store with one task that has run: round 1 settled, round 2 revealed but not final, round 3 in work."""

from __future__ import annotations

from dataclasses import dataclass

from assay.protocol.sortition import Lot, seats_of
from assay.protocol.votes import Vote, pack
from assay.store import Store, open_store
from assay.store.rows import (
    AttestRow,
    BlockRow,
    CheckpointRow,
    ClaimRow,
    EnlistmentRow,
    PaymentRow,
    RoundRow,
    SealRow,
    SlashRow,
    StakeRow,
    SubmissionRow,
    TaskRow,
    VoteRow,
)
from assay.types import Outcome, Reason, Role, Verdict

ASY = 10**18
GWEI = 10**9
ALICE, BOB, CAROL, MALLORY, PEER, DAVE = (f"0x{digit * 40}" for digit in "123456")
START, PERIOD = 1_700_000_000, 25
SEATS = 3
LINE = 400 * GWEI
ROOT = {(1, 0): bytes([0x91, 0xC4]) + bytes(30), (1, 1): bytes([0x91, 0xC5]) + bytes(30), (2, 0): bytes([7]) * 32}
TERMS = {
    "specHash": "0x" + "aa" * 32, "genesis": "0x" + "bb" * 32, "rounds": 6, "period": PERIOD, "work": 9, "sealDelay": 1,
    "commitWindow": 7, "revealWindow": 4, "extraWindow": 0, "attestTime": 4, "challengeWindow": 5, "lead": 3,
    "seats": SEATS, "staleness": 2, "minTrainers": 1, "minStake": 100 * ASY, "bond": 10 * ASY,
    "price": ASY * 45 // 10_000, "seatFee": ASY // 2, "attestFee": ASY // 5, "maxUnits": 2048, "pot": 30 * ASY,
    "isPrivate": False, "cut": 0, "canaryFee": 0, "canaryRate": 0, "power": 0,
}  # fmt: skip
LOTS = {CAROL: (0, 200 * GWEI), PEER: (200 * GWEI, LINE - GWEI), DAVE: (LINE - GWEI, LINE)}
SEEDS = {1: 3, 2: 2}


@dataclass(frozen=True)
class Drawn:
    """Seats per validator of one submission, as the seed draws them."""

    carol: list[int]
    peer: list[int]
    dave: list[int]


def seed(number: int) -> bytes:
    return bytes([SEEDS[number]]) * 16


def drawn(number: int, index: int) -> Drawn:
    lots = {who: Lot(who, lo, hi, 1) for who, (lo, hi) in LOTS.items()}
    return Drawn(*(seats_of(seed(number), index, SEATS, LINE, lots[who]) for who in LOTS))


def mask(seats: list[int]) -> int:
    return sum(1 << seat for seat in seats)


def votes(number: int, who: str, verdicts: dict[int, Verdict], leaf: int = 417) -> bytes:
    packed = []
    for index, verdict in verdicts.items():
        lots = drawn(number, index)
        seats = lots.carol if who == CAROL else lots.peer
        invalid = verdict is Verdict.INVALID
        if seats:
            reason = Reason.SAMPLING if invalid else Reason.NONE
            packed.append(Vote(index, mask(seats), verdict, reason, leaf if invalid else 0))
    return pack(packed)


def filled(url: str = "sqlite://", start: int = START, silent: str = "") -> Store:
    """Return a store that holds the task's records; `silent` doesn't reveal in round 2."""
    store = open_store(url)
    with store.batch() as batch:
        for row in (*_task(start), *_round_one(), *_round_two()):
            if not (isinstance(row, VoteRow) and row.round == 2 and row.validator == silent):
                batch.put(row)
    return store


def see(store: Store, now: int) -> None:
    """Let the newest block on record be of second `now`."""
    with store.batch() as batch:
        batch.move("chain", BlockRow(number=now - START + 100, hash=bytes(32), time=now))


def _task(start: int) -> list[object]:
    common = {"task": 1, "until_round": None, "released": False, "uri": "", "block": 2}
    served = [(BOB, Role.TRAINER, 100, 0, 0), (MALLORY, Role.TRAINER, 100, 0, 0)]
    served += [(who, Role.VALIDATOR, 200, lo, hi) for who, (lo, hi) in LOTS.items()]
    rows: list[object] = [
        TaskRow(
            id=1, initiator=ALICE, spec_hash=b"\xaa" * 32, terms=dict(TERMS), budget=180 * ASY, escrow=160 * ASY,
            paid=20 * ASY, refunded=0, uri="http://x", start=start, last_round=6, head=1, head_root=b"\xcc" * 32,
            state="running" if start else "published", line=LINE, holes=[], block=1,
        )
    ]  # fmt: skip
    for account, role, amount, lo, hi in served:
        rows.append(
            EnlistmentRow(account=account, role=int(role), amount=amount * ASY, from_round=1, lo=lo, hi=hi, **common)
        )
        rows.append(StakeRow(account, "staked", amount * ASY, None, None, 2, len(rows)))
    return rows


def _submission(number: int, index: int, trainer: str, outcome: Outcome | None) -> SubmissionRow:
    root = ROOT[number, index]
    out = None if outcome is None else int(outcome)
    return SubmissionRow(1, number, index, trainer, 1792, number - 1, root, bytes(32), "http://t", 0, out, 10 * number)


def _round_one() -> list[object]:
    lots = [drawn(1, 0), drawn(1, 1)]
    verdicts = {0: Verdict.VALID, 1: Verdict.INVALID}
    return [
        _submission(1, 0, BOB, Outcome.PAID),
        _submission(1, 1, MALLORY, Outcome.INVALID),
        SealRow(1, 1, seed(1), LINE, 11, 12),
        VoteRow(1, 1, CAROL, 0, votes(1, CAROL, verdicts), 3, bytes(32), bytes(32), 13),
        VoteRow(1, 1, PEER, 1, votes(1, PEER, verdicts), 3, bytes(32), bytes(32), 13),
        CheckpointRow(1, 0, b"\xbb" * 32, True, 3),
        CheckpointRow(1, 1, b"\xcc" * 32, True, 14),
        AttestRow(1, 1, CAROL, 0, b"\xcc" * 32, 14),
        RoundRow(1, 1, bytes([1, 3]), 9 * ASY, ASY, 9 * ASY, 15),
        PaymentRow(1, 1, BOB, 1, 0, 0, 1792 * TERMS["price"], 15, 1),
        PaymentRow(
            1, 1, CAROL, 2, sum(len(lot.carol) for lot in lots), sum(len(lot.carol) for lot in lots), 2 * ASY, 15, 2
        ),
        SlashRow(1, 1, MALLORY, 1, 9 * ASY, ASY, 15, 3),
        StakeRow(MALLORY, "taken", 10 * ASY, None, None, 15, 4),
        ClaimRow(BOB, BOB, 1792 * TERMS["price"], 16, 1),
    ]


def _round_two() -> list[object]:
    return [
        _submission(2, 0, BOB, None),
        SealRow(1, 2, seed(2), LINE, 36, 37),
        VoteRow(1, 2, CAROL, 0, votes(2, CAROL, {0: Verdict.VALID}), 1, bytes(32), bytes(32), 45),
        VoteRow(1, 2, PEER, 1, votes(2, PEER, {0: Verdict.VALID}), 1, bytes(32), bytes(32), 45),
    ]
