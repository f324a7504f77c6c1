"""A case as people read it: what is claimed, where it stands, who voted how, what it costs whom. From the records."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from assay.api.amounts import formatted
from assay.api.terms import started, term
from assay.cli.amount import GWEI, duration, program
from assay.protocol.hashing import hex32
from assay.protocol.sortition import JURY_QUORUM, JURY_SEATS
from assay.roles.docket import ends_of, stage_of
from assay.types import NO_INDEX, ClaimKind, Reason, Ruling, Stage

if TYPE_CHECKING:
    from assay.cli.names import Names
    from assay.store.engine import Store
    from assay.store.rows import CaseRow

CLAIMS = {ClaimKind.BAD_LEAF: "bad", ClaimKind.GOOD_LEAF: "good", ClaimKind.ROOT: "root"}
ENDS = ("draw_at", "jury_end", "ruled_at", "appeal_end", "vote_end")
_TIMED = (Stage.DRAWING, Stage.COMMITTING, Stage.REVEALING, Stage.APPEALING, Stage.VOTING)
_END_OF = dict(zip(_TIMED, ENDS, strict=True))

_STAGES = {
    "none": "hasn't begun",
    "drawing": "waits for the random word that draws the jury",
    "committing": "the jury looks and commits",
    "revealing": "the jury reveals",
    "appealing": "may be appealed",
    "voting": "all enlisted stake votes",
    "ready": "waits to be closed",
    "closed": "closed",
}


def hearing(store: Store, case: CaseRow, names: Names, now: int) -> dict[str, Any]:
    """Return all that is known of a case, as JSON: money in wei, stake in wei, times in unix seconds."""
    task = store.task(case.task)
    schedule, fee = (started(task), term(task, "seatFee")) if task else (None, 0)
    stage = Stage.CLOSED if case.ruling is not None else stage_of(case, schedule, now) if schedule else Stage.NONE
    ends = dict(zip(ENDS, ends_of(case, schedule), strict=True)) if schedule else {}
    until = ends.get(_END_OF.get(stage, ""))
    row = None if case.index == NO_INDEX else store.submission(case.task, case.round, case.index)
    jurors, appeal = store.jurors(case.id), store.appeal_votes(case.id)
    seats = {vote: sum(j.seats or 0 for j in jurors if j.vote == vote) for vote in (1, 2)}
    stakes = {vote: GWEI * sum(v.weight for v in appeal if v.vote == vote) for vote in (1, 2)}
    return {
        "id": case.id,
        "task": case.task,
        "round": case.round,
        "submission": hex32(row.root) if row else None,
        "index": row.index if row else None,
        "trainer": names.of(row.trainer) if row else None,
        "claim": CLAIMS[ClaimKind(case.claim)],
        "check": check_name(case.check) if row else None,
        "leaf": case.leaf,
        "stage": stage.name.lower(),
        "stage_ends_at": until,
        "seconds_left": None if until is None else until - now,
        "opened_at": case.opened_at,
        **ends,
        "challenger": names.of(case.challenger),
        "challenger_address": case.challenger,
        "bond": str(case.bond),
        "jury_cost": str(JURY_SEATS * fee),
        "jury": {
            "is_drawn": case.seed is not None,
            "committed": len(jurors),
            "seats_for": seats[1],
            "seats_against": seats[2],
            "ruling": _jury_ruling(seats),
            "votes": [{"juror": names.of(j.juror), "seats": j.seats, "vote": _says(j.vote)} for j in jurors],
        },
        "appeal": None if case.appellant is None else {
            "appellant": names.of(case.appellant),
            "bond": str(case.appeal_bond),
            "stake_for": str(stakes[1]),
            "stake_against": str(stakes[2]),
            "line": str(case.line * GWEI) if case.line else None,
            "votes": [{"account": names.of(v.account), "stake": str(v.weight * GWEI), "vote": _says(v.vote)}
                      for v in appeal],
        },
        "ruling": None if case.ruling is None else Ruling(case.ruling).name.lower(),
        "burned": None if case.ruling is None else str(case.burned),
    }  # fmt: skip


def check_name(check: int) -> str:
    """Return a check's name, or its number if there is no such check."""
    return Reason(check).name.lower() if check in Reason.__members__.values() else str(check)


def claimed(seen: dict[str, Any]) -> str:
    """Return what a case claims: `sampling, leaf 417 is bad`."""
    if seen["claim"] == "root":
        return f"chunk {seen['leaf']} of the checkpoint is wrong"
    return f"{seen['check']}, leaf {seen['leaf']} is {seen['claim']}"


def shown(seen: dict[str, Any]) -> list[str]:
    """Return a case as lines of text."""
    about = f"submission {seen['index']} of {seen['trainer']} ({seen['submission'][:10]})" if seen["submission"] else ""
    head = f"case {seen['id']} · task {seen['task']} round {seen['round']}"
    lines = [" · ".join(part for part in (head, about, claimed(seen)) if part)]
    money = f"bond {formatted(int(seen['bond']))} ASY, a jury costs {formatted(int(seen['jury_cost']))}"
    lines.append(f"opened {_clock(seen['opened_at'])} by {seen['challenger']} · {money}")
    left = seen["seconds_left"]
    lines.append(_STAGES[seen["stage"]] + ("" if left is None else f", {duration(left)} left") + _next(seen))
    jury = seen["jury"]
    sides = f"for {jury['seats_for']}, against {jury['seats_against']} of {JURY_SEATS} seats"
    told = f"{jury['committed']} committed · {sides}, {JURY_QUORUM} decide"
    lines.append(f"jury: {told}" if jury["is_drawn"] else "jury: not drawn")
    lines += [f"  {one['juror']} {one['seats'] or '-'} {one['vote'] or 'not revealed'}" for one in jury["votes"]]
    appeal = seen["appeal"]
    if appeal:
        sides = f"for {formatted(int(appeal['stake_for']))}, against {formatted(int(appeal['stake_against']))}"
        of = f" of {formatted(int(appeal['line']))} ASY" if appeal["line"] else " ASY"
        bond = formatted(int(appeal["bond"]))
        lines.append(f"appeal by {appeal['appellant']}, bond {bond} · {sides}{of}, more than half decides")
        lines += [f"  {one['account']} {formatted(int(one['stake']))} {one['vote']}" for one in appeal["votes"]]
    if seen["ruling"]:
        lines.append(f"ruling: {seen['ruling']} · burned {formatted(int(seen['burned']))} ASY")
    return lines


def _next(seen: dict[str, Any]) -> str:
    case = f"{program()} case"
    hints = {
        "appealing": f" · turn it: {case} appeal {seen['id']}",
        "voting": f" · vote: {case} vote {seen['id']} holds|fails",
        "ready": f" · end it: {case} close {seen['id']}",
    }
    return hints.get(seen["stage"], "") if seen["stage"] != "appealing" or not seen["appeal"] else " · appealed"


def _jury_ruling(seats: dict[int, int]) -> str | None:
    return next((_says(vote) for vote in (1, 2) if seats[vote] >= JURY_QUORUM), None)


def _says(vote: int | None) -> str | None:
    return None if vote is None else "holds" if vote == 1 else "fails"


def _clock(when: int) -> str:
    return time.strftime("%H:%M:%S", time.localtime(when))
