"""One submission's share, settled by its ballots: canaries, and what was set aside.

Mirrors the tally's `resolve`. The court corrects votes, not outcomes. Knows no clock: whether a share without its salt
has waited long enough is the ledger's to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from eth_abi.abi import encode

from assay.protocol.hashing import keccak
from assay.protocol.pay import PayTerms, Settlement, account_of
from assay.protocol.sortition import quorum
from assay.types import STATISTICAL, CutReason, Outcome, Role, Verdict

_OUTCOMES = {
    None: Outcome.NO_QUORUM,
    Verdict.UNAVAILABLE: Outcome.UNAVAILABLE,
    Verdict.MALFORMED: Outcome.MALFORMED,
}
SLASHED = frozenset({Outcome.INVALID, Outcome.UNAVAILABLE, Outcome.MALFORMED})
"""What takes the bond."""
REFUSED = SLASHED | {Outcome.DOUBTED}
"""What the votes refuse; the seats that agreed are paid by the trainer."""


@dataclass(frozen=True, slots=True)
class Ballot:
    """One validator's verdict on one submission, for a number of its seats."""

    validator: str
    seats: int
    verdict: Verdict
    reason: int = 0
    leaf: int = 0

    @property
    def is_exact(self) -> bool:
        """Whether it is an INVALID vote of exact class: one whose reason has no tolerance."""
        return self.verdict is Verdict.INVALID and self.reason not in STATISTICAL


@dataclass(frozen=True, slots=True)
class Good:
    """A leaf that the court found good, by one check; `by` challenged its refusal."""

    check: int
    leaf: int
    by: str


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the court ruled on one submission, all its cases together."""

    is_bad: bool = False
    bad_by: str = "0x" + "0" * 40
    goods: tuple[Good, ...] = ()

    def found_good(self, check: int, leaf: int) -> Good | None:
        """Return what was ruled on a leaf, if it was found good by that check."""
        return next((good for good in self.goods if (good.check, good.leaf) == (check, leaf)), None)


@dataclass(frozen=True, slots=True)
class Aside:
    """A share that waits, as the ledger's event gives it. `canary` is 0, or the packed word of its opening."""

    index: int
    who: int
    mark: bytes
    canary: int
    is_refunded: bool
    is_held: bool
    ballots: tuple[Ballot, ...]
    due: int = 0

    @property
    def trainer(self) -> str:
        return account_of("0x" + (self.who >> 96).to_bytes(20, "big").hex())

    @property
    def units(self) -> int:
        return self.who >> 64 & 0xFFFFFFFF

    @classmethod
    def of(cls, words: Mapping[str, Any]) -> Aside:
        """Read the ledger's `Aside` by its field names; bytes may be 0x-hex text."""
        mark = words["mark"]
        ballots = tuple(
            Ballot(account_of(b["validator"]), b["seats"], Verdict(b["verdict"]), b["reason"], b["leaf"])
            for b in words["ballots"]
        )
        raw = bytes.fromhex(mark.removeprefix("0x")) if isinstance(mark, str) else bytes(mark)
        flags = (words["canary"], words["isRefunded"], words["isHeld"])
        return cls(words["index"], words["who"], raw, *flags, ballots, words["due"])


def canary_rank(seed: bytes, salt: bytes) -> int:
    """Return where a canary stands among those of its round that ask for the canary fee: the lowest are paid."""
    return int.from_bytes(keccak(encode(["bytes16", "bytes32"], [seed, salt])), "big") >> 128


def canary_word(rank: int, leaf: int, check: int) -> int:
    """Return how the ledger stores an opened canary: rank 128 | leaf 32 | check 8, above bit 1, which is set."""
    return rank << 41 | leaf << 9 | check << 1 | 1


def winner(ballots: Sequence[Ballot], seats: int) -> Verdict | None:
    """Return the verdict with a quorum of seats, two voters, and two thirds of the seats that were revealed."""
    won = (verdict for verdict in Verdict if _wins([b for b in ballots if b.verdict is verdict], ballots, seats))
    return next(won, None)


def _wins(agreeing: Sequence[Ballot], ballots: Sequence[Ballot], seats: int) -> bool:
    count, revealed = sum(b.seats for b in agreeing), sum(b.seats for b in ballots)
    return count >= quorum(seats) and len({b.validator for b in agreeing}) >= 2 and 3 * count >= 2 * revealed


def is_withheld(verdict: Verdict | None) -> bool:
    """Return whether a quorum couldn't see the artifact: then no mark makes it a canary."""
    return verdict is Verdict.UNAVAILABLE or verdict is Verdict.MALFORMED


def outcome_of(ballots: Sequence[Ballot], seats: int, held: bool) -> Outcome:
    """Return the outcome of the votes, before anyone asks whether it is work.

    INVALID only where the votes of exact class win alone; else the work is DOUBTED, and keeps its bond until a jury
    finds a leaf of it bad.
    """
    verdict = winner(ballots, seats)
    if verdict is Verdict.VALID:
        return Outcome.PAID if held else Outcome.NOT_HELD
    if verdict is Verdict.INVALID:
        return Outcome.INVALID if _wins([b for b in ballots if b.is_exact], ballots, seats) else Outcome.DOUBTED
    return _OUTCOMES[verdict]


def resolve(
    terms: PayTerms, aside: Aside, backings: Sequence[int], ruling: Ruling, opened: bool, into: Settlement | None = None
) -> Settlement:
    """Settle a share that was set aside; `backings` are the wei that each ballot's validator can still lose.

    With `into`, the share is added to a settlement instead of to a new one.
    """
    sheet = Settlement() if into is None else into
    share = _Share(sheet, terms, aside, dict(zip(_validators(aside)[::-1], backings[::-1], strict=True)))
    outcome = share.settle(ruling, opened)
    if into is None:
        sheet.outcomes = [outcome]
    return sheet


def _validators(aside: Aside) -> list[str]:
    return [b.validator for b in aside.ballots]


class _Share:
    """One share on a sheet. `backings` fall with each cut, so that nobody loses more than its lot."""

    def __init__(self, sheet: Settlement, terms: PayTerms, aside: Aside, backings: dict[str, int]) -> None:
        self.sheet = sheet
        self.terms = terms
        self.aside = aside
        self.backings = backings

    def settle(self, ruling: Ruling, opened: bool) -> Outcome:
        if self.aside.canary and not is_withheld(winner(self.aside.ballots, self.terms.seats)):
            good = ruling.found_good(self.aside.canary >> 1 & 0xFF, self.aside.canary >> 9 & 0xFFFF)
            if good is not None:
                return self._false_canary(good.by)
            return self._canary()
        if ruling.is_bad:
            return self._bad(ruling.bad_by)
        return self._votes(ruling, opened)

    def _canary(self) -> Outcome:
        """Cut who passed it. The fees of those who refused it come from its maker, who may get the canary fee."""
        terms, aside, sheet = self.terms, self.aside, self.sheet
        pool = sum(self._cut(b, CutReason.CANARY) for b in aside.ballots if b.verdict is Verdict.VALID)
        refusing = sum(b.seats for b in aside.ballots if b.verdict is Verdict.INVALID)
        shared = pool * 3 // 4
        if not refusing:
            sheet.burn(shared)
        given = 0
        for b in aside.ballots:
            refused = b.verdict is Verdict.INVALID
            bonus = shared * b.seats // refusing if refused else 0
            given += bonus
            agreed, amount = (b.seats, b.seats * terms.seat_fee + bonus) if refused else (0, 0)
            sheet.pay(b.validator, Role.VALIDATOR, 0, agreed, amount)
        refund = sheet.escrowed(terms.canary_fee, aside.due, terms.pot) if aside.is_refunded else 0
        sheet.pay(aside.trainer, Role.TRAINER, 1, 0, refund + pool - (given if refusing else shared))
        if refusing:
            sheet.slash(aside.trainer, aside.index, 0, refusing * terms.seat_fee)
        return Outcome.CANARY

    def _false_canary(self, challenger: str) -> Outcome:
        """A canary that its leaf doesn't bear out costs its maker what a lie costs; who passed it was right."""
        reward = self.terms.bond // 2
        fees = self._fees(lambda verdict: verdict is Verdict.VALID)
        self.sheet.credit(challenger, reward)
        self.sheet.slash(self.aside.trainer, self.aside.index, self.terms.bond - reward, reward + fees)
        return Outcome.FALSE_CANARY

    def _bad(self, challenger: str) -> Outcome:
        """A leaf was shown to be bad: half of the bond is burned, half is the challenger's, with half of the cuts."""
        reward = self.terms.bond // 2
        fees = self._fees(lambda verdict: verdict is not Verdict.VALID)
        self.sheet.slash(self.aside.trainer, self.aside.index, self.terms.bond - reward, reward + fees)
        passing = [b for b in self.aside.ballots if b.verdict is Verdict.VALID]
        reward += sum(self._cut(b, CutReason.OVERRULED) for b in passing)
        self.sheet.credit(challenger, reward)
        return Outcome.INVALID

    def _votes(self, ruling: Ruling, opened: bool) -> Outcome:
        """The votes decide, those that a ruling overruled as valid ones; who was overruled isn't paid."""
        pairs: list[tuple[Ballot, bool]] = []
        for b in self.aside.ballots:
            good = None if b.verdict is Verdict.VALID else ruling.found_good(b.reason, b.leaf)
            if good is not None and b.verdict is not Verdict.UNAVAILABLE:
                self.sheet.credit(good.by, self._cut(b, CutReason.OVERRULED))
            pairs.append((b if good is None else replace(b, verdict=Verdict.VALID), good is not None))

        corrected = [b for b, _ in pairs]
        verdict = winner(corrected, self.terms.seats)
        fees = 0
        for b, wrong in pairs:
            agreed = b.verdict is verdict and not wrong
            fee = b.seats * self.terms.seat_fee if agreed else 0
            if verdict is Verdict.VALID:
                fee = self._escrowed(fee)
            else:
                fees += fee
            self.sheet.pay(b.validator, Role.VALIDATOR, 0, b.seats if agreed else 0, fee)
        return self._work(outcome_of(corrected, self.terms.seats, self.aside.is_held), opened, fees)

    def _work(self, outcome: Outcome, opened: bool, fees: int) -> Outcome:
        """Pay or slash the trainer by the outcome of the votes."""
        trainer = self.aside.trainer
        if outcome is Outcome.PAID:
            if not opened:
                return Outcome.UNOPENED
            pay = self._escrowed(self.aside.units * self.terms.price)
            if pay:
                self.sheet.pay(trainer, Role.TRAINER, 1, 1, pay)
        elif outcome in REFUSED:
            self.sheet.slash(trainer, self.aside.index, self.terms.bond if outcome in SLASHED else 0, fees)
        return outcome

    def _fees(self, right: Callable[[Verdict], bool]) -> int:
        """Pay the seats that were right out of the trainer's stake, and return what that comes to."""
        fees = 0
        for b in self.aside.ballots:
            fee = b.seats * self.terms.seat_fee if right(b.verdict) else 0
            fees += fee
            self.sheet.pay(b.validator, Role.VALIDATOR, 0, b.seats if right(b.verdict) else 0, fee)
        return fees

    def _cut(self, ballot: Ballot, reason: CutReason) -> int:
        """Cut a ballot's validator as far as its stake reaches, and return the half that isn't burned."""
        amount = min(ballot.seats * self.terms.cut, self.backings[ballot.validator])
        self.backings[ballot.validator] -= amount
        return self.sheet.cut(ballot.validator, self.aside.index, reason, amount)

    def _escrowed(self, amount: int) -> int:
        return self.sheet.escrowed(amount, self.aside.due, self.terms.pot)
