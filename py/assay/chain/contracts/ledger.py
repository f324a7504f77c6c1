"""The round ledger: enlist, submit, seal, commit, reveal, attest, open canaries, cut silence, finalize, resolve."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from assay.chain.contracts.base import Bound, Call
from assay.chain.contracts.states import LotState, RoundState, TaskState, TrainerState, VoterState
from assay.protocol.entries import Entry


class Opened(Protocol):
    """A reveal as finalize repeats it; the store's `VoteRow` is one."""

    @property
    def validator(self) -> str: ...
    @property
    def salt(self) -> bytes: ...
    @property
    def evidence(self) -> bytes: ...
    @property
    def held(self) -> int: ...
    @property
    def votes(self) -> bytes: ...


class Cast(Protocol):
    """Votes of an extra draw as finalize repeats them; the store's `ExtraRow` is one."""

    @property
    def validator(self) -> str: ...
    @property
    def votes(self) -> bytes: ...


class LedgerPart(Bound):
    """Part of `Contracts`."""

    # --- reads

    def terms(self, task: int) -> dict[str, Any]:
        """Return the task's terms under their Solidity names."""
        return dict(self._ledger.one("termsOf", task))

    def state(self, task: int) -> TaskState:
        return TaskState(*self._ledger.read("stateOf", task))

    def is_over(self, task: int) -> bool:
        """Tell whether no round of the task can pay any more."""
        return bool(self._ledger.one("isOver", task))

    def line(self, task: int) -> int:
        return int(self._ledger.one("lineOf", task))

    def lot(self, task: int, account: str) -> LotState:
        return LotState(*self._ledger.read("lotOf", task, account))

    def trainer(self, task: int, account: str) -> TrainerState:
        return TrainerState(*self._ledger.read("trainerOf", task, account))

    def round(self, task: int, round_: int) -> RoundState:
        return RoundState(*self._ledger.read("roundOf", task, round_))

    def voter(self, task: int, round_: int, validator: str) -> VoterState:
        return VoterState(*self._ledger.read("voterOf", task, round_, validator))

    def asides(self, task: int) -> int:
        """Return how many shares and roots of the task wait for a ruling or a salt."""
        return int(self._ledger.one("asidesOf", task))

    def attestation_digest(
        self, task: int, round_: int, validator: str, votes: bytes, held: int, evidence: bytes, salt: bytes
    ) -> bytes:
        found = self._ledger.one("attestationDigest", task, round_, validator, votes, held, evidence, salt)
        return bytes(found)

    # --- enlisting

    def enlist_validator(self, task: int, amount: int, uri: str) -> Call:
        return self._ledger.call("enlistValidator", task, amount, uri)

    def enlist_trainer(self, task: int, amount: int, uri: str) -> Call:
        return self._ledger.call("enlistTrainer", task, amount, uri)

    def leave(self, task: int, role: int) -> Call:
        return self._ledger.call("leave", task, int(role))

    def release(self, task: int, account: str, role: int) -> Call:
        return self._ledger.call("release", task, account, int(role))

    # --- a round

    def submit(self, task: int, round_: int, base: int, units: int, root: bytes, mark: bytes, uri: str) -> Call:
        return self._ledger.call("submit", task, round_, base, units, root, mark, uri)

    def submit_and_claim(
        self, task: int, round_: int, base: int, units: int, root: bytes, mark: bytes, uri: str
    ) -> Call:
        """Submit, and claim what was earned, in one transaction; a claim that fails doesn't stop the submission."""
        return self._ledger.call("submitAndClaim", task, round_, base, units, root, mark, uri)

    def seal(self, task: int, round_: int, proof: bytes) -> Call:
        """Draw the round's seats; `proof` is `word_proof` of the scheduled second."""
        return self._ledger.call("seal", task, round_, proof)

    def commit(self, task: int, round_: int, commitment: bytes) -> Call:
        return self._ledger.call("commit", task, round_, commitment)

    def commit_and_attest(self, task: int, round_: int, commitment: bytes, earlier: int, root: bytes) -> Call:
        """Commit in a round and attest the checkpoint of an earlier one: both or neither."""
        return self._ledger.call("commitAndAttest", task, round_, commitment, earlier, root)

    def reveal(self, task: int, round_: int, votes: bytes, held: int, evidence: bytes, salt: bytes) -> Call:
        return self._ledger.call("reveal", task, round_, votes, held, evidence, salt)

    def vote_extra(self, task: int, round_: int, votes: bytes, evidence: bytes) -> Call:
        """Vote with one's seats of the extra draw; in a vote, bit j is extra seat j."""
        return self._ledger.call("voteExtra", task, round_, votes, evidence)

    def attest(self, task: int, round_: int, root: bytes) -> Call:
        return self._ledger.call("attest", task, round_, root)

    def open_canary(
        self, task: int, round_: int, entries: Iterable[Entry], index: int, salt: bytes, leaf: int, check: int
    ) -> Call:
        return self._ledger.call("openCanary", task, round_, _words(entries), index, salt, leaf, check)

    def cut_silent(self, task: int, round_: int, validator: str, index: int, seat: int) -> Call:
        """Show that a drawn seat's validator didn't commit, or didn't reveal what it committed to."""
        return self._ledger.call("cutSilent", task, round_, validator, index, seat)

    def expose(self, task: int, round_: int, opened: Opened) -> Call:
        """Show another's commitment before reveals begin."""
        what = (opened.validator, opened.votes, opened.held, opened.evidence, opened.salt)
        return self._ledger.call("expose", task, round_, *what)

    def finalize(
        self,
        task: int,
        round_: int,
        entries: Iterable[Entry],
        reveals: Iterable[Opened],
        extras: Iterable[Cast],
        attesters: Iterable[str],
        salts: Iterable[bytes],
    ) -> Call:
        """Settle a round; `settlement.finalize_call` puts the arguments into the order that the ledger wants."""
        opened = [(r.validator, r.salt, r.evidence, r.held, r.votes) for r in reveals]
        cast = [(e.validator, e.votes) for e in extras]
        given = (_words(entries), opened, cast, list(attesters), list(salts))
        return self._ledger.call("finalize", task, round_, *given)

    def resolve(self, task: int, round_: int, aside: Mapping[str, Any], salt: bytes) -> Call:
        """Settle a share that was set aside; `aside` as its event gave it, salt 32 zero bytes where it isn't known."""
        return self._ledger.call("resolve", task, round_, aside, salt)


def _words(entries: Iterable[Entry]) -> list[tuple[int, bytes, bytes]]:
    return [entry.words() for entry in entries]
