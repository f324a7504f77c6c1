"""The vectors of the tally: whole rounds, and shares that were set aside, each as a call and what it returns.

`call` is ABI-encoded and `returned` is the keccak of the encoded answer, so that not a byte of a settlement can differ;
the sums stand beside them for readers. Everything follows from fixed labels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from eth_abi.abi import encode
from eth_utils.address import to_checksum_address

from assay.protocol.entries import Entry
from assay.protocol.hashing import keccak
from assay.protocol.pay import PayTerms, Penalty, Settlement, pack_payments
from assay.protocol.shares import Aside, Ballot, Good, Ruling, canary_word, resolve
from assay.protocol.tally import Extra, Spoken, settle
from assay.protocol.typed_data import mark
from assay.protocol.votes import Vote, pack
from assay.types import MarkKind, Verdict
from vector_cases import ASY, number

TERMS = "(uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256)"
FACTS = f"(bool,{TERMS},(address,uint256,uint256,bool)[],uint256,uint256,uint256,uint256[])"
ENTRY, REVEAL, EXTRA = "(uint256,bytes32,bytes32)", "(address,bytes32,bytes32,uint256,bytes)", "(address,bytes)"
ASIDE = "(uint16,uint256,bytes32,uint256,bool,bool,uint256,(address,uint8,uint8,uint8,uint16)[])"
RULING = "(bool,address,(uint8,uint16,address)[])"
PENALTY = "(address,uint16,uint8,uint96,uint96)"
RESULT = f"(bytes,uint256[],{PENALTY}[],{PENALTY}[],{ASIDE}[],bytes,uint256,uint256)"
SETTLE = [FACTS, f"{ENTRY}[]", f"{REVEAL}[]", f"{EXTRA}[]", "address[]", "bytes32[]"]
RESOLVE = [TERMS, ASIDE, "uint256[]", RULING, "bool"]

ALICE, BOB, CAROL, DAVE, TINA, TOM = (str(to_checksum_address("0x" + f"{i:02x}" * 20)) for i in range(1, 7))
VALIDATORS = (ALICE, BOB, CAROL, DAVE)
BASE = PayTerms(4 * ASY // 1000, ASY, ASY // 10, 30 * ASY, 3, 20 * ASY, 2 * ASY, ASY // 2, 500)


@dataclass(frozen=True)
class Case:
    """The arguments of `settle`."""

    name: str
    terms: PayTerms
    entries: list[Entry]
    reveals: list[Spoken]
    extras: list[Extra] = field(default_factory=list)
    attesters: list[str] = field(default_factory=list)
    salts: dict[int, bytes] = field(default_factory=dict)
    disputed: frozenset[int] = frozenset()
    opened: dict[int, int] = field(default_factory=dict)
    root_disputed: bool = False
    sealed: bool = True

    def settled(self) -> Settlement:
        late = {"disputed": self.disputed, "opened": self.opened}
        given = (self.terms, self.entries, self.reveals, self.extras, self.attesters, self.salts)
        return settle(*given, **late, root_disputed=self.root_disputed, sealed=self.sealed)


def salt_of(k: object) -> bytes:
    return keccak(f"salt {k}".encode())


def work(k: object, trainer: str = TINA, units: int = 2048) -> Entry:
    return Entry(trainer, units, 0, keccak(f"root {k}".encode()), mark(MarkKind.WORK, salt_of(k), 0, 0))


def spoken(who: str, *votes: Vote, held: int = (1 << 256) - 1, stake: int = 100 * 10**9, **more: Any) -> Spoken:
    return Spoken(who, votes, held, stake, **({"backing": stake * 10**9} | more))


# --- cases


def cases() -> Iterator[Case]:
    yield from _plain_cases()
    yield from _special_cases()
    yield from _class_cases()
    for k in range(20):
        yield _random_case(k)


def _plain_cases() -> Iterator[Case]:
    salts = {0: salt_of(0), 1: salt_of(1)}
    for verdict in Verdict:
        pair = [spoken(ALICE, Vote(0, 1, verdict), attests=True), spoken(BOB, Vote(0, 2, verdict))]
        yield Case(f"two say {verdict.name}", BASE, [work(0)], pair, [], [DAVE], salts)
        dissent = spoken(CAROL, Vote(0, 4, Verdict.INVALID, 8, 417), held=0)
        yield Case(f"two say {verdict.name}, one INVALID", BASE, [work(0)], [*pair, dissent], [], [DAVE], salts)
    valid = [spoken(ALICE, Vote(0, 3, Verdict.VALID)), spoken(BOB, Vote(0, 4, Verdict.VALID), held=0, stake=100)]
    yield Case("one voter", BASE, [work(0)], [spoken(ALICE, Vote(0, 7, Verdict.VALID))], salts=salts)
    for stake in (199, 200):
        holder = replace(valid[0], stake=stake)
        yield Case(f"held by {stake} of {stake + 100}", BASE, [work(0)], [holder, valid[1]], salts=salts)
    both = [spoken(ALICE, Vote(0, 3, Verdict.VALID), attests=True), spoken(BOB, Vote(0, 4, Verdict.VALID))]
    yield Case("more due than the pot", replace(BASE, pot=5 * ASY + 1), [work(0)], both, [], [DAVE], salts)
    yield Case("nobody revealed", BASE, [work(0), work(1, TOM)], [], salts=salts)
    yield Case("a trainer that votes", BASE, [work(0, ALICE)], both, salts=salts)
    yield Case("nothing is due", replace(BASE, price=0, seat_fee=0, attest_fee=0, pot=0), [work(0)], both, salts=salts)
    yield Case("void", BASE, [work(0), work(1)], [], sealed=False)
    yield Case("root disputed", BASE, [work(0)], both, [], [DAVE], salts, root_disputed=True)


def _special_cases() -> Iterator[Case]:
    salts = {0: salt_of(0), 1: salt_of(1)}
    pair = [spoken(ALICE, Vote(0, 1, Verdict.VALID)), spoken(BOB, Vote(0, 2, Verdict.VALID))]
    yield Case("no salt", BASE, [work(0)], pair)
    yield Case("disputed", BASE, [work(0), work(1, TOM)], pair, salts=salts, disputed=frozenset({0, 1}))
    short = [spoken(ALICE, Vote(0, 1, Verdict.VALID), Vote(1, 7, Verdict.VALID))]
    extra = [
        Extra(ALICE, [Vote(0, 6, Verdict.VALID)], 10 * ASY),
        Extra(BOB, [Vote(0, 1, Verdict.VALID), Vote(1, 1, Verdict.VALID)], 10 * ASY),
    ]
    entries = [work(0), work(1, TOM)]
    yield Case("extra draw", BASE, entries, short, extra, salts=salts)
    yield Case("extra draw, the same voter", BASE, entries, short, extra[:1], salts=salts)
    enough = [spoken(ALICE, Vote(0, 1, Verdict.VALID)), spoken(BOB, Vote(0, 6, Verdict.INVALID))]
    yield Case("extra votes that don't count", BASE, [work(0)], enough, extra[:1], salts=salts)
    canary = Entry(TOM, 5, 0, keccak(b"canary"), mark(MarkKind.CANARY, salt_of("c"), 9, 8))
    seen = [spoken(ALICE, Vote(0, 1, Verdict.INVALID, 8, 9)), spoken(BOB, Vote(0, 2, Verdict.VALID))]
    seen += [spoken(CAROL, Vote(0, 4, Verdict.VALID), backing=ASY)]
    opened = {0: canary_word(7, 9, 8)}
    yield Case("canary, one refused", BASE, [canary], seen, opened=opened)
    yield Case("canary, all passed", BASE, [canary], seen[1:], opened=opened)
    hidden = [spoken(who, Vote(0, 1 << n, Verdict.UNAVAILABLE, 12, 9)) for n, who in enumerate((ALICE, BOB, CAROL))]
    yield Case("canary, withheld", BASE, [canary], hidden, opened=opened)
    yield Case("canary, withheld and disputed", BASE, [canary], hidden, opened=opened, disputed=frozenset({0}))
    yield Case("canary, disputed", BASE, [canary], seen, opened=opened, disputed=frozenset({0}))
    twice = [replace(one, votes=[replace(v, index=i) for i in (0, 1) for v in one.votes]) for one in seen]
    both = {0: canary_word(7, 9, 8), 1: canary_word(3, 9, 8)}
    yield Case("two canaries, one fee", BASE, [canary, canary], twice, opened=both)
    yield Case("two canaries of equal rank", BASE, [canary, canary], twice, opened={0: both[0], 1: both[0]})
    mixed = [
        replace(one, votes=[*one.votes, *(replace(v, index=1) for v in two.votes)])
        for one, two in zip(hidden, seen, strict=True)
    ]
    yield Case("canary, after a withheld one", BASE, [canary, canary], mixed, opened=both)
    yield Case("canary and a disputed one", BASE, [canary, canary], twice, opened=both, disputed=frozenset({0}))


def _class_cases() -> Iterator[Case]:
    """Refusals of both classes: 7, 8 and 14 are statistical, and the same voter may say one of each."""
    salts = {0: salt_of(0)}
    for name, reasons in {
        "doubted": (8, 7, 14),
        "exact below the quorum": (8, 6, 14),
        "exact quorum": (6, 9, 8),
        "reasons nobody knows": (0, 255, 15),
    }.items():
        votes = zip((ALICE, BOB, CAROL), reasons, (1, 2, 4), strict=True)
        told = [spoken(who, Vote(0, seats, Verdict.INVALID, reason, 3)) for who, reason, seats in votes]
        yield Case(name, BASE, [work(0)], told, [], [DAVE], salts)
        yield Case(f"{name}, disputed", BASE, [work(0)], told, salts=salts, disputed=frozenset({0}))
    for name, first, again, other in (
        ("one exact voter in both draws", 6, 6, 8),
        ("exact in the second draw only", 8, 6, 6),
        ("exact in the first draw only", 6, 8, 6),
    ):
        told = [spoken(ALICE, Vote(0, 3, Verdict.INVALID, first, 3))]
        extras = [
            Extra(ALICE, [Vote(0, 1, Verdict.INVALID, again, 3)]),
            Extra(BOB, [Vote(0, 6, Verdict.INVALID, other, 3)]),
        ]
        yield Case(name, BASE, [work(0)], told, extras, salts=salts)
        yield Case(f"{name}, disputed", BASE, [work(0)], told, extras, salts=salts, disputed=frozenset({0}))


def _random_case(k: int) -> Case:
    seats = 2 + number(f"seats {k}") % 6
    terms = PayTerms(
        4 * 10**15, ASY, ASY // 10, number(f"pot {k}", 66), seats, 20 * ASY, number(f"cut {k}", 62), ASY // 3, 2_500
    )
    count = 1 + k % 9
    entries, salts, opened, disputed = [], {}, {}, set()
    for i in range(count):
        label = f"{k} {i}"
        entries.append(work(label, (TINA, TOM, ALICE)[number(f"who {label}") % 3], 1 + number(f"units {label}", 11)))
        if number(f"known {label}") % 6:
            salts[i] = salt_of(label)
        if number(f"canary {label}") % 5 == 0:
            opened[i] = canary_word(number(f"rank {label}", 128), number(f"leaf {label}", 16), 1 + i % 9)
        if number(f"disputed {label}") % 6 == 0:
            disputed.add(i)
    reveals = [
        spoken(
            who,
            *_votes(k, count, seats, who, "first"),
            held=number(f"held {k} {who}") | number(f"more {k} {who}"),
            stake=1 + number(f"stake {k} {who}", 40),
            backing=number(f"backing {k} {who}", 64 if k % 2 else 61),
            attests=bool(number(f"attests {k} {who}") % 2),
        )
        for who in VALIDATORS[: 4 - k % 2]
    ]
    extras = [
        Extra(who, votes, number(f"backing {k} {who}", 64 if k % 2 else 61))
        for who in (DAVE, BOB, ALICE)
        if (votes := _votes(k, count, seats, who, "extra"))
    ]
    late = [who for who in (DAVE, TOM) if who not in {r.validator for r in reveals}][: k % 3]
    rest = {"salts": salts, "opened": opened, "disputed": frozenset(disputed), "root_disputed": k % 7 == 0}
    return Case(f"random {k}", terms, entries, reveals, extras, late, **rest)


def _votes(k: int, count: int, seats: int, who: str, draw: str) -> list[Vote]:
    """The votes of one validator of a draw in which each seat falls to someone, or stays silent."""
    cast = []
    for i in range(count):
        label, masks = f"{draw} {k} {i}", dict.fromkeys((*VALIDATORS, None, None), 0)
        owners = (*VALIDATORS, *((None,) * (number(f"quiet {label}") % 5)))
        for seat in range(seats):
            masks[owners[number(f"seat {label} {seat}") % len(owners)]] |= 1 << seat
        truth = Verdict(1 + max(0, number(f"truth {k} {i}") % 8 - 4))
        lies = number(f"lie {label} {who}") % 6 == 0
        verdict = Verdict(truth % 4 + 1) if lies else truth
        if masks[who]:
            check = 8 if number(f"class {label} {who}") % 2 else 6
            cast.append(Vote(i, masks[who], verdict, *((check, 9) if verdict is not Verdict.VALID else (0, 0))))
    return cast


def resolutions() -> Iterator[tuple[str, PayTerms, Aside, list[int], Ruling, bool]]:
    """Each share that a case sets aside, under each ruling, with its salt and without."""
    rulings = {
        "no case": Ruling(),
        "rejected": Ruling(),
        "bad": Ruling(is_bad=True, bad_by=DAVE),
        "good": Ruling(goods=(Good(8, 9, DAVE),)),
        "good elsewhere": Ruling(goods=(Good(8, 11, DAVE), Good(7, 9, DAVE))),
        "two good": Ruling(goods=(Good(8, 10, TOM), Good(8, 9, DAVE))),
        "good by either check": Ruling(goods=(Good(8, 9, DAVE), Good(6, 9, TOM))),
        "good and bad": Ruling(True, TOM, (Good(8, 9, DAVE),)),
    }
    asides = [(case, aside) for case in cases() for aside in case.settled().asides]
    asides += [(Case("by hand", BASE, [], []), aside) for aside in _asides()]
    for n, (case, aside) in enumerate(asides):
        for m, (name, ruling) in enumerate(rulings.items()):
            if n > 4 and (n + m) % 6:
                continue
            backings = [number(f"backing {n} {b.validator}", 63) for b in aside.ballots]
            yield f"{case.name}, {aside.index}: {name}", case.terms, aside, backings, ruling, bool((n + m) % 2)


def _asides() -> Iterator[Aside]:
    """Shares in which a ruling turns the outcome: a refusal at one leaf, by fault and by withholding."""
    who = Entry(TINA, 100, 0, b"", b"").who
    for verdict, check in ((Verdict.INVALID, 8), (Verdict.INVALID, 6), (Verdict.UNAVAILABLE, 8)):
        ballots = (
            Ballot(ALICE, 1, verdict, check, 9),
            Ballot(BOB, 1, verdict, check, 9),
            Ballot(CAROL, 1, Verdict.INVALID, 8, 10),
            Ballot(ALICE, 3, Verdict.VALID),
        )
        yield Aside(3, who, keccak(b"mark"), 0, False, True, ballots[:3], 5 * ASY)
        yield Aside(4, who, keccak(b"mark"), 0, False, False, ballots, 50 * ASY)
        yield Aside(5, who, keccak(b"mark"), canary_word(1, 9, 8), True, True, ballots, 5 * ASY)


# --- as the contract has them


def settle_rows() -> list[dict[str, Any]]:
    rows = []
    for case in cases():
        data = keccak(f"settle({','.join(SETTLE)})".encode())[:4] + encode(SETTLE, _call(case))
        rows.append({"name": case.name, "call": _hex(data)} | _result(case.settled()))
    return rows


def resolve_rows() -> list[dict[str, Any]]:
    rows = []
    selector = keccak(f"resolve({','.join(RESOLVE)})".encode())[:4]
    for name, terms, aside, backings, ruling, opened in resolutions():
        goods = [(good.check, good.leaf, good.by) for good in ruling.goods]
        words = (ruling.is_bad, ruling.bad_by, goods)
        data = selector + encode(RESOLVE, [_terms(terms), _aside(aside), backings, words, opened])
        rows.append({"name": name, "call": _hex(data)} | _result(resolve(terms, aside, backings, ruling, opened)))
    return rows


def _call(case: Case) -> list[Any]:
    attests = not case.root_disputed
    voters = [(r.validator, r.stake, r.backing, r.attests and attests) for r in case.reveals]
    voters += [(e.validator, 0, e.backing, False) for e in case.extras]
    bits = [sum(1 << i for i in group) for group in (case.disputed, case.opened)]
    words = [case.opened[i] for i in sorted(case.opened)]
    attesting = sum(r.attests for r in case.reveals) + len(case.attesters)
    return [
        (case.sealed, _terms(case.terms), voters, attesting, *bits, words),
        [entry.words() for entry in case.entries],
        [(r.validator, bytes(32), bytes(32), r.held, pack(r.votes)) for r in case.reveals],
        [(e.validator, pack(e.votes)) for e in case.extras],
        case.attesters if attests else [],
        [case.salts.get(i, bytes(32)) for i in range(len(case.entries))],
    ]


def _terms(t: PayTerms) -> tuple[int, ...]:
    return t.seats, t.price, t.seat_fee, t.attest_fee, t.pot, t.bond, t.cut, t.canary_fee, t.canary_rate


def _aside(a: Aside) -> tuple[Any, ...]:
    ballots = [(b.validator, b.seats, int(b.verdict), b.reason, b.leaf) for b in a.ballots]
    return a.index, a.who, a.mark, a.canary, a.is_refunded, a.is_held, a.due, ballots


def _penalties(listed: list[Penalty]) -> list[tuple[Any, ...]]:
    return [(p.account, p.index, p.reason, p.burned, p.paid) for p in listed]


def _result(s: Settlement) -> dict[str, Any]:
    credits_ = [int(account, 16) << 96 | amount for account, amount in s.credits]
    words = (
        bytes(s.outcomes),
        credits_,
        _penalties(s.slashes),
        _penalties(s.cuts),
        [_aside(a) for a in s.asides],
        pack_payments(s.payments),
        s.from_escrow,
        s.attest_pay,
    )
    money = {"fromEscrow": str(s.from_escrow), "fromStakes": str(s.from_stakes), "burned": str(s.burned)}
    return {"outcomes": _hex(bytes(s.outcomes)), **money, "returned": _hex(keccak(encode([RESULT], [words])))}


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
