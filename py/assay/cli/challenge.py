"""`assay case challenge|challenge-root`: dispute an outcome at one leaf, or a checkpoint at one chunk."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from assay.cli.amount import duration, program
from assay.cli.bond import require_bond
from assay.cli.session import LOCAL_CHAIN, Session, session
from assay.errors import Refused

if TYPE_CHECKING:
    from assay.artifact.manifest import Manifest
    from assay.store.engine import Store
    from assay.store.rows import SubmissionRow, TaskRow

PREFIX: Final = re.compile(r"0x(?:[0-9a-fA-F]{2}){2,32}")
MAX_LEAF: Final = 0xFFFF
Uri = Annotated[str, typer.Option(metavar="URL", help="Where jurors find more; noted in the case.")]


def challenge(
    ctx: typer.Context,
    submission: Annotated[str, typer.Argument(help="The submission's root, or its first 4 hex digits or more.")],
    claim: Annotated[str, typer.Option(metavar="bad|good", help="The leaf is bad, or good.")],
    check: Annotated[
        str | None, typer.Option(metavar="CHECK", help="The check, such as sampling; default for good: as refused.")
    ] = None,
    leaf: Annotated[
        int | None, typer.Option(min=0, max=MAX_LEAF, help="The leaf's number; default for good: as refused.")
    ] = None,
    uri: Uri = "",
) -> None:
    """Dispute a submission's outcome at one leaf, in the round's challenge window. Risks the task's bond.

    Claim bad: it was passed, and the check fails at that leaf. Claim good: it was refused, or opened as a canary, and
    the check passes there. `assay explain` tells check and leaf.

    Examples: `assay case challenge 0x91c4 --claim bad --check reward --leaf 3 --as carol`
    · `assay case challenge 0x91c4 --claim good --as bob`
    """
    from assay.cli.hearing import check_name
    from assay.roles.disputing import leaf_proof
    from assay.roles.pleading import challenge as send
    from assay.types import ClaimKind

    s = session(ctx)
    if claim not in {"bad", "good"}:
        raise Refused(f"--claim {claim!r} isn't one: write bad or good")
    kind = ClaimKind.BAD_LEAF if claim == "bad" else ClaimKind.GOOD_LEAF
    asked = None if check is None else _check(check)
    name = s.actor
    with s.records() as store:
        row = _submission(store, submission)
        task = _require_window(s, store, row.task, row.round)
        number, at = _meant(store, task, row, kind, asked, leaf)
        _require_new(store, row, kind, number, at)
        data, lines = _stakes(s, task, name, row.round)
        lines += require_bond(s, name, int(data["bond"]))
        what = f"submission {row.index} of round {row.round} ({s.names.of(row.trainer)})"
        lines.insert(0, f"challenges {what}: {check_name(number)}, leaf {at} is {claim}")
        data |= {"submission": "0x" + row.root.hex(), "claim": claim, "check": check_name(number), "leaf": at}
        proof = leaf_proof(_manifest(s, store, row.task, row.root, row.uri), number)
        if not s.preview(data, "\n".join(lines), "challenge?"):
            return
        place = ((int(kind), number, at), proof, int(data["bond"]), uri or row.uri)
        receipt = send(s.node_config(name), store, row, *place)
    _tell(s, data, receipt.block, row.task, row.round)


def challenge_root(
    ctx: typer.Context,
    task: Annotated[int, typer.Argument(min=1, metavar="TASK", help="The task's number.")],
    round_: Annotated[int, typer.Argument(min=1, metavar="ROUND", help="The round whose checkpoint is wrong.")],
    chunk: Annotated[int, typer.Option(min=0, help="The chunk that is wrong; 0 is the header.")],
    uri: Uri = "",
) -> None:
    """Dispute a round's final checkpoint at one chunk, in the round's challenge window. Risks the task's bond.

    Upheld, everyone who attested it loses their lot for the task. A round's checkpoint can be disputed once.

    Example: `assay case challenge-root 1 3 --chunk 2 --as carol`
    """
    from assay.roles.pleading import challenge_root as send
    from assay.roles.pleading import chunk_proof

    s = session(ctx)
    name = s.actor
    with s.records() as store:
        about = _require_window(s, store, task, round_)
        found = store.checkpoint(task, round_)
        if found is None or not found.final:
            raise Refused(f"round {round_} of task {task} has no final checkpoint to dispute")
        if found.disputed or found.ruling is not None:
            raise Refused(f"the checkpoint of round {round_} was disputed already: {program()} case list --task {task}")
        data, lines = _stakes(s, about, name, round_)
        lines += require_bond(s, name, int(data["bond"]))
        root = "0x" + found.root.hex()
        lines.insert(0, f"challenges checkpoint {round_} ({root[:10]}) of task {task}: chunk {chunk} is wrong")
        data |= {"root": root, "claim": "root", "chunk": chunk}
        proof = chunk_proof(_manifest(s, store, task, found.root, ""), chunk)
        if not s.preview(data, "\n".join(lines), "challenge?"):
            return
        receipt = send(s.node_config(name), task, round_, found.root, proof, int(data["bond"]), uri)
    _tell(s, data, receipt.block, task, round_)


def _submission(store: Store, prefix: str) -> SubmissionRow:
    if not PREFIX.fullmatch(prefix):
        raise Refused(f"{prefix!r} isn't a root: write 0x and 4 to 64 hex digits, whole bytes")
    rows = store.submissions_with_root(bytes.fromhex(prefix[2:]))
    if not rows:
        raise Refused(f"no submission's root begins with {prefix}")
    if len(rows) > 1:
        raise Refused(f"{len(rows)} submissions' roots begin with {prefix}: give more digits")
    return rows[0]


def _check(text: str) -> int:
    from assay.types import Reason

    names = {reason.name.lower(): int(reason) for reason in Reason if reason}
    if text.lower() not in names:
        raise Refused(f"--check: there is no check {text!r}; known: {', '.join(names)}")
    return names[text.lower()]


def _require_window(s: Session, store: Store, task: int, round_: int) -> TaskRow:
    """Return the task. Refused with when the round's challenge window is if that isn't now."""
    from assay.api.clock import chain_now
    from assay.api.terms import schedule_of

    row = store.task(task)
    if row is None:
        raise Refused(f"there is no task {task} on chain {s.client.chain_id}")
    schedule = schedule_of(row)
    if schedule is None or round_ > row.last_round:
        raise Refused(f"task {task} has no round {round_}" if schedule else f"task {task} hasn't started")
    now = max(chain_now(store), s.client.head().time)
    begins, ends = schedule.votes_end(round_), schedule.challenge_end(round_)
    if now < begins:
        raise Refused(f"round {round_} can be challenged once its votes are in, in {duration(begins - now)}")
    if now >= ends:
        raise Refused(f"the challenge window of round {round_} closed {duration(now - ends)} ago")
    if store.seal(task, round_) is None:
        raise Refused(f"round {round_} is void: nobody sealed it, and there is nothing to dispute")
    return row


def _meant(
    store: Store, task: TaskRow, row: SubmissionRow, kind: int, check: int | None, leaf: int | None
) -> tuple[int, int]:
    """Return check and leaf. Refused where the claim is beside the point: nothing would come of it but a lost bond."""
    from assay.cli.hearing import check_name
    from assay.protocol.shares import SLASHED
    from assay.store.settled import tally_of
    from assay.types import ClaimKind

    outcome = tally_of(store, task, row.round, votes_only=True).outcomes[row.index]
    if kind == ClaimKind.BAD_LEAF:
        if outcome in SLASHED:
            raise Refused(f"submission {row.index} of round {row.round} was refused already: there is nothing to gain")
        if check is None or leaf is None:
            raise Refused("say what is bad with --check and --leaf; `assay explain` finds them")
        return check, leaf
    named = _named(store, row)
    if not named:
        raise Refused(f"nobody refused submission {row.index} of round {row.round}: there is nothing to dispute")
    fitting = [one for one in named if check in {None, one[0]} and leaf in {None, one[1]}]
    if not fitting:
        said = "; ".join(f"{check_name(one)}, leaf {at}" for one, at in named)
        raise Refused(f"nobody refused submission {row.index} of round {row.round} for that; they named: {said}")
    return fitting[0]


def _named(store: Store, row: SubmissionRow) -> list[tuple[int, int]]:
    """Return (check, leaf) of what is held against a submission: by its maker's canary, then by most seats."""
    from assay.roles.disputing import held_against

    canary = [(one.check, one.leaf) for one in store.canaries(row.task, row.round) if one.index == row.index]
    votes = [(check, leaf) for index, check, leaf in held_against(store, row.task, row.round) if index == row.index]
    return list(dict.fromkeys([*canary, *votes]))


def _require_new(store: Store, row: SubmissionRow, kind: int, check: int, leaf: int) -> None:
    for case in store.cases(row.task, row.round):
        if (case.index, case.claim, case.check, case.leaf) == (row.index, kind, check, leaf):
            raise Refused(f"that leaf was challenged for that check already: {program()} case show {case.id}")


def _stakes(s: Session, task: TaskRow, name: str, round_: int) -> tuple[dict[str, Any], list[str]]:
    from assay.api.amounts import formatted
    from assay.api.terms import started, term
    from assay.protocol.sortition import JURY_SEATS

    bond, jury, schedule = term(task, "bond"), JURY_SEATS * term(task, "seatFee"), started(task)
    takes = schedule.seal_delay + schedule.commit + schedule.reveal
    data = {"task": task.id, "round": round_, "name": name, "bond": str(bond), "jury_cost": str(jury)}
    risk = f"risks {formatted(bond)} ASY: all of it if the jury finds otherwise"
    cost = f"a jury costs {formatted(jury)} ASY of it whatever it finds, and takes {duration(takes)}"
    return data, [f"{risk}; {cost}"]


def _manifest(s: Session, store: Store, task: int, root: bytes, uri: str) -> Manifest:
    from assay.roles.pleading import manifest_of

    nodes = s.home / "nodes"
    folders: list[Path] = sorted(nodes.glob("*/artifacts")) if nodes.is_dir() else []
    return manifest_of(store, task, root, uri, folders, allow_private=s.client.chain_id == LOCAL_CHAIN)


def _tell(s: Session, data: dict[str, Any], block: int, task: int, round_: int) -> None:
    if s.sign_only:
        return
    with s.records() as store:
        case = max(row.id for row in store.cases(task, round_))
    after = f"{program()} case show {case}"
    s.screen.result({**data, "case": case, "block": block}, f"case {case}, block {block}. Next: {after}")
