"""Whether those who voted in a round have looked: their evidence fetched, opened and held against one's own prefill.

Believes nobody: what was revealed comes from the chain; artifacts and base are verified against their roots; states are
those of this machine. Sends nothing and needs no key. What is copied or made up goes into exhibits that others verify.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from assay.artifact.evidence import FINGERPRINTS
from assay.errors import Refused, Unavailable
from assay.protocol.evidence import Place
from assay.protocol.hashing import hex32
from assay.protocol.spec import TaskSpec
from assay.roles import claims, exhibit
from assay.roles.checking import check_args, submission_of
from assay.roles.claims import COPIED, MADE_UP, SHOWN, WITHHELD, Claim, Found
from assay.roles.config import NodeConfig, Say
from assay.roles.explain import fetched_spec
from assay.roles.node import Node
from assay.roles.observing import schedule_of
from assay.store.rows import SealRow, SubmissionRow, TaskRow

MAX_BYTES: Final = 256 << 20
"""Of one validator's evidence, whatever the task allows: it is read as a whole."""
UNREAD: Final = "unread"
"""The outcome of evidence that opens under its maker's address, where the submission can't be had to compare with."""


def look(
    config: NodeConfig, task: int, round_: int, say: Say, validator: str | None = None, out: Path | None = None
) -> dict[str, Any]:
    """Say of every validator's evidence of a round whether it is shown, copied, made-up, withheld or none.

    `validator` restricts it to one address; exhibits are written to `out`. Returns {"task", "round", "found": [...]};
    an entry has validator, by, index, submission, says, outcome, of, name, value, threshold, layer, leaf, why, exhibit.

    Raises:
        Refused: there is no such task, the round's votes aren't over, or nobody revealed in it or under this address.
        Unavailable: nobody serves the spec or the base.
    """
    node = Node(config, None, "evidence", say, preload=("assay.roles.work", "assay.verify.evidence"))
    try:
        while node.follower.poll():
            continue
        row, seal = node.store.task(task), node.store.seal(task, round_)
        if row is None:
            raise Refused(f"task {task} isn't in the records")
        every = claims.claims_of(node.store, task, round_)
        if seal is None or not every:
            raise Refused(f"nobody has revealed in round {round_} of task {task}")
        asked = [one for one in every if validator is None or one.validator.lower() == validator.lower()]
        if not asked:
            raise Refused(f"{validator} revealed nothing in round {round_} of task {task}")
        spec = fetched_spec(node, row)
        is_late = _is_late(node, row, spec, round_)
        found = list(_Look(node, row, spec, seal, say, out, is_late).at(asked, every))
    finally:
        node.close()
    return {"task": task, "round": round_, "found": found}


def _is_late(node: Node, task: TaskRow, spec: TaskSpec, round_: int) -> bool:
    """Tell whether the round's evidence needn't be served any more. Refused while it isn't served yet."""
    schedule, now = schedule_of(task, spec), node.client.head().time
    if schedule is None or now < schedule.votes_end(round_):
        when = "" if schedule is None else f" in {schedule.votes_end(round_) - now} s"
        raise Refused(f"the votes of round {round_} of task {task.id} are over{when}; only then is evidence served")
    return now >= schedule.challenge_end(round_)


@dataclass(frozen=True, slots=True)
class _Look:
    node: Node
    task: TaskRow
    spec: TaskSpec
    seal: SealRow
    say: Say
    out: Path | None
    is_late: bool

    def at(self, asked: list[Claim], every: list[Claim]) -> Iterator[dict[str, Any]]:
        for claim in every:  # all of them: a copy is known by whose it is
            self.say(f"fetches the evidence of {claim.validator}")
            # Evidence of a submission is never larger than the proofs in it.
            limit = min(MAX_BYTES, len(claim.said) * self.spec.rounds.max_artifact_bytes)
            claims.fetch(self.node, self.task, claim, limit)
        found = [
            claims.sort(self.place(claim, said.index), claim, said, [one for one in every if one is not claim])
            for claim in asked
            for said in claim.said
        ]
        for one in found if self.is_late else ():
            if one.outcome == WITHHELD:
                one.why += "; the challenge window is over, and nobody has to serve it"
        for index in sorted({one.said.index for one in found}):
            yield from self.compared(index, [one for one in found if one.said.index == index])
        for claim in every:
            if claim.root is not None:  # others serve it: this machine only looked
                self.node.chunks.remove(claim.root)

    def place(self, claim: Claim, index: int) -> Place:
        ledger, row = self.node.deployment.ledger, submission_of(self.node, self.task.id, self.seal.round, index)
        return Place(self.node.config.chain_id, ledger, self.task.id, row.round, row.root, claim.validator)

    def compared(self, index: int, found: list[Found]) -> Iterator[dict[str, Any]]:
        row = submission_of(self.node, self.task.id, self.seal.round, index)
        told: dict[str, Any] = {"layer": None, "profile": None}
        states: dict[int, dict[str, Any]] = {}
        shown = [one for one in found if one.outcome == SHOWN]
        if shown:
            try:
                told = self.prefill(row, shown)
            except (Refused, Unavailable) as error:
                for one in shown:
                    one.outcome, one.why = UNREAD, f"can't be compared: {error}"
            else:
                for one, compared in zip(shown, told["claims"], strict=True):
                    _judge(one, compared)
                    states[id(one)] = compared
        for one in found:
            yield self.line(row, one, told, states.get(id(one)))

    def prefill(self, row: SubmissionRow, shown: list[Found]) -> dict[str, Any]:
        """Repeat the prefill of a submission and compare the fingerprints that opened with it."""
        node, schedule = self.node, schedule_of(self.task, self.spec)
        base = node.store.checkpoint(self.task.id, row.base)
        if schedule is None or base is None:
            raise Refused(f"checkpoint {row.base} of task {self.task.id} isn't final")
        self.say(f"fetches submission {row.index} and repeats its prefill")
        limit = self.spec.rounds.max_artifact_bytes
        node.fetch(self.task.id, base.root, "", limit)
        node.fetch(self.task.id, row.root, row.uri, limit)
        args = check_args(node, self.task, self.spec, row, node.beacon(self.task.id, schedule, row.round), self.seal)
        args["claims"] = [self.lying(one, number) for number, one in enumerate(shown)]
        told = node.run("assay.verify.evidence:compare_json", args)
        for one, compared in zip(args["claims"], told["claims"], strict=True):
            compared["states"] = one["out"]
        return told

    def lying(self, one: Found, number: int) -> dict[str, Any]:
        """Say where the fingerprints of a submission lie in a served artifact."""
        served, folder = one.claim.served, one.claim.folder
        if served is None or folder is None or one.entry is None:
            raise Refused("nothing is served that could be compared")
        before = sum(len(entry.fingerprints) for entry in served.entries if entry.index < one.said.index)
        work = self.node.config.home / "work"
        work.mkdir(exist_ok=True)
        return {
            "file": str(folder / FINGERPRINTS),
            "offset": before * served.size,
            "count": len(one.entry.fingerprints),
            "size": served.size,
            "out": str(work / f"states-{number}.bin"),
        }

    def line(
        self, row: SubmissionRow, one: Found, told: dict[str, Any], compared: dict[str, Any] | None
    ) -> dict[str, Any]:
        name, value, threshold = exhibit.furthest(one.lines) if one.lines else (None, None, None)
        made = None
        if self.out is not None and one.outcome in {COPIED, MADE_UP}:
            folder = self.out / f"{one.claim.validator.lower()}-{one.claim.by.replace(' ', '-')}-{row.index}"
            exhibit.write(folder, self.place(one.claim, row.index), one, told, compared)
            made = str(folder)
        return {
            "validator": one.claim.validator,
            "by": one.claim.by,
            "index": row.index,
            "submission": hex32(row.root),
            "says": one.said.words,
            "outcome": one.outcome,
            "of": one.of,
            "layer": told["layer"] if compared else None,
            "leaf": one.leaf if compared else None,
            "name": name,
            "value": value,
            "threshold": threshold,
            "why": one.why,
            "exhibit": made,
        }


def _judge(one: Found, compared: dict[str, Any]) -> None:
    """Read what the comparison says of evidence that opened under its maker's address."""
    one.leaf, one.lines = compared["leaf"], [(name, value, limit) for name, value, limit in compared["lines"]]
    if compared["why"]:
        one.outcome, one.why = MADE_UP, compared["why"]
    elif any(value > limit for _, value, limit in one.lines):
        where = f"{compared['of']} from token {compared['token']}"
        one.outcome, one.why = MADE_UP, f"not this model's states: {where}"
