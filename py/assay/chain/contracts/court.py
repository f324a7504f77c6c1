"""The dispute court: challenges at one leaf, a jury, one appeal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from assay.chain.contracts.base import Bound, Call
from assay.chain.contracts.states import CaseTimes, CaseVotes
from assay.protocol.entries import Entry
from assay.types import Stage


@dataclass(frozen=True, slots=True)
class LeafProof:
    """A leaf and its proof in an artifact's Merkle tree: what the leaf says (32 bytes), and its siblings bottom up."""

    index: int
    count: int
    digest: bytes
    siblings: tuple[bytes, ...]

    def words(self) -> tuple[int, int, bytes, list[bytes]]:
        return self.index, self.count, self.digest, list(self.siblings)


class CourtPart(Bound):
    """Part of `Contracts`. Cases count from 1; a vote is 1 (the claim holds) or 2."""

    def cases(self) -> int:
        return int(self._court.one("cases"))

    def case(self, id_: int) -> dict[str, Any]:
        """Return a case under its Solidity names."""
        return dict(self._court.one("caseOf", id_))

    def stage(self, id_: int) -> Stage:
        return Stage(self._court.one("stageOf", id_))

    def case_times(self, id_: int) -> CaseTimes:
        return CaseTimes(*self._court.read("timesOf", id_))

    def case_votes(self, id_: int) -> CaseVotes:
        return CaseVotes(*self._court.read("votesOf", id_))

    def jury_seats(self, id_: int, account: str) -> int:
        """Return the bit mask of the nine seats that fell to an account."""
        return int(self._court.one("seatsOf", id_, account))

    def ruling(self, id_: int) -> int:
        return int(self._court.one("rulingOf", id_))

    def challenge(
        self,
        task: int,
        round_: int,
        entries: Iterable[Entry],
        index: int,
        claim: int,
        check: int,
        leaf: int,
        proof: LeafProof,
        uri: str,
    ) -> Call:
        """Challenge an outcome at one leaf; the bond must lie free in the vault."""
        words = [entry.words() for entry in entries]
        what = (words, index, int(claim), int(check), leaf, proof.words(), uri)
        return self._court.call("challenge", task, round_, *what)

    def challenge_root(self, task: int, round_: int, root: bytes, proof: LeafProof, uri: str) -> Call:
        return self._court.call("challengeRoot", task, round_, root, proof.words(), uri)

    def summon(self, id_: int, proof: bytes) -> Call:
        """Draw the jury; `proof` is `word_proof` of the case's `draw_at`."""
        return self._court.call("summon", id_, proof)

    def commit_ballot(self, id_: int, commitment: bytes) -> Call:
        return self._court.call("commit", id_, commitment)

    def reveal_ballot(self, id_: int, vote: int, evidence: bytes, salt: bytes) -> Call:
        return self._court.call("reveal", id_, vote, evidence, salt)

    def appeal(self, id_: int) -> Call:
        return self._court.call("appeal", id_)

    def vote_appeal(self, id_: int, vote: int) -> Call:
        return self._court.call("voteAppeal", id_, vote)

    def close_case(self, id_: int, jurors: Iterable[str], attesters: Iterable[str]) -> Call:
        """End a case; `settlement.close_call` puts the accounts into the order that the court wants."""
        return self._court.call("close", id_, list(jurors), list(attesters))
