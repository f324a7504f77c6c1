"""`assay case …`: challenge outcomes and checkpoints, appeal, vote, close; and see how disputes stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.amount import duration, program
from assay.cli.challenge import challenge, challenge_root
from assay.cli.session import Session, session
from assay.errors import Refused

if TYPE_CHECKING:
    from assay.store.engine import Store
    from assay.store.rows import CaseRow

app = typer.Typer()
Id = Annotated[int, typer.Argument(min=1, metavar="ID", help="The case's number.")]
app.command()(challenge)
app.command(name="challenge-root")(challenge_root)


@app.command(name="list")
def list_(
    ctx: typer.Context,
    task: Annotated[int | None, typer.Option(min=1, metavar="T", help="Only this task.")] = None,
    is_open: Annotated[bool, typer.Option("--open", help="Only cases that aren't closed.")] = False,
) -> None:
    """List disputes: what is claimed, where each stands, the time left, the ruling.

    Examples: `assay case list` · `assay case list --task 1 --open --json`
    """
    from assay.cli.hearing import claimed, hearing

    s = session(ctx)
    with s.records() as store:
        now = _now(s, store)
        rows = [row for row in store.cases(task) if not is_open or row.ruling is None]
        found = [hearing(store, row, s.names, now) for row in rows]
    if not found:
        s.screen.result([], "no cases" + (f" in task {task}" if task else ""))
        return
    cells = [
        [str(one["id"]), str(one["task"]), str(one["round"]), claimed(one), one["challenger"], one["stage"],
         "-" if one["seconds_left"] is None else duration(one["seconds_left"]), one["ruling"] or "-"]
        for one in found
    ]  # fmt: skip
    headers = ["case", "task", "round", "claim", "challenger", "stage", "left", "ruling"]
    s.screen.result(found, lambda: s.screen.table(headers, cells))


@app.command()
def show(ctx: typer.Context, case: Id) -> None:
    """Show a dispute: claim, stage, time left, votes of the jury and of an appeal, ruling, money.

    Example: `assay case show 1`
    """
    from assay.cli.hearing import hearing, shown

    s = session(ctx)
    with s.records() as store:
        seen = hearing(store, _case(s, store, case), s.names, _now(s, store))
    s.screen.result(seen, "\n".join(shown(seen)))


@app.command()
def appeal(ctx: typer.Context, case: Id) -> None:
    """Put a jury's ruling to all enlisted stake, for twice the bond. It comes back if the ruling turns.

    Example: `assay case appeal 1 --as bob`
    """
    from assay.api.amounts import formatted
    from assay.cli.bond import require_bond
    from assay.roles.pleading import appeal as send

    s = session(ctx)
    name = s.actor
    with s.records() as store:
        row = _case(s, store, case)
        seen = _at(s, store, row, "appealing")
    if seen["appeal"]:
        raise Refused(f"case {case} was appealed already, by {seen['appeal']['appellant']}")
    bond = 2 * row.bond
    stakes = require_bond(s, name, bond)
    ruling = seen["jury"]["ruling"] or "none"
    text = (
        f"appeals case {case}, on which the jury's word is: {ruling}\n"
        f"risks {formatted(bond)} ASY: all if more than half of the stake says the same, half if neither side has it"
    )
    data = {"case": case, "name": name, "bond": str(bond), "jury_ruling": seen["jury"]["ruling"]}
    if s.preview(data, "\n".join([text, *stakes]), "appeal?"):
        receipt = send(s.node_config(name), row)
        until = duration(max(0, seen["appeal_end"] - seen["stage_ends_at"] + seen["seconds_left"]))
        s.screen.result({**data, "block": receipt.block}, f"case {case} appealed; the vote begins in {until}")


@app.command()
def vote(
    ctx: typer.Context,
    case: Id,
    says: Annotated[str, typer.Argument(metavar="holds|fails", help="Whether the claim holds.")],
) -> None:
    """Vote in an appeal with the whole lot. A running validator does it by itself, after a check of its own.

    Example: `assay case vote 1 holds --as carol`
    """
    from assay.api.amounts import formatted
    from assay.cli.amount import GWEI
    from assay.cli.hearing import claimed
    from assay.roles.pleading import vote as send

    s = session(ctx)
    name = s.actor
    if says not in {"holds", "fails"}:
        raise Refused(f"{says!r} isn't a vote: write holds or fails")
    address = s.names.address(name)
    with s.records() as store:
        row = _case(s, store, case)
        seen = _at(s, store, row, "voting")
        voted = any(one.account == address for one in store.appeal_votes(case))
    if voted:
        raise Refused(f"{name} has voted in case {case} already")
    lot = s.contracts.lot(row.task, address)
    if lot.hi == lot.lo:
        raise Refused(f"{name} isn't enlisted as a validator of task {row.task}: only enlisted stake votes")
    weight = (lot.hi - lot.lo) * GWEI
    data = {"case": case, "name": name, "vote": says, "stake": str(weight)}
    text = f"{name} says with {formatted(weight)} ASY that the claim {says}: {claimed(seen)}"
    if s.preview(data, text, "vote?"):
        receipt = send(s.node_config(name), case, says == "holds")
        s.screen.result({**data, "block": receipt.block}, f"voted in case {case}, block {receipt.block}")


@app.command()
def close(ctx: typer.Context, case: Id) -> None:
    """End a case whose time has come: pays the jury, takes and frees bonds. Anyone may send it.

    Example: `assay case close 1 --as carol`
    """
    from assay.cli.hearing import hearing, shown
    from assay.cli.sender import sender
    from assay.roles.pleading import close as send
    from assay.types import NO_INDEX

    s = session(ctx)
    name = s.actor
    with s.records() as store:
        row = _case(s, store, case)
        seen = _at(s, store, row, "ready")
        if row.index == NO_INDEX and store.round(row.task, row.round) is None:
            raise Refused(f"round {row.round} isn't final yet: {program()} round finalize {row.task} {row.round} first")
        if not s.preview({"case": case}, "\n".join(shown(seen)), "close?"):
            return
        receipt = send(sender(s, name), store, case)
    if s.sign_only:
        return
    with s.records() as store:
        seen = hearing(store, _case(s, store, case), s.names, _now(s, store))
    s.screen.result({**seen, "block": receipt.block}, f"closed, block {receipt.block} · {shown(seen)[-1]}")


def _case(s: Session, store: Store, case: int) -> CaseRow:
    row = store.case(case)
    if row is None:
        raise Refused(f"there is no case {case} on chain {s.client.chain_id}; {program()} case list shows all")
    return row


def _at(s: Session, store: Store, row: CaseRow, stage: str) -> dict[str, Any]:
    """Return the case as it stands. Refused with when its time comes, or came, if that isn't now."""
    from assay.cli.hearing import hearing

    now = _now(s, store)
    seen = hearing(store, row, s.names, now)
    if seen["stage"] == stage:
        return seen
    if seen["stage"] == "closed":
        raise Refused(f"case {row.id} is closed: {seen['ruling']}")
    what = {"appealing": "can be appealed", "voting": "is put to the vote", "ready": "can be closed"}[stage]
    if stage == "voting" and not seen["appeal"]:
        raise Refused(f"case {row.id} wasn't appealed: there is no vote")
    begins = {"appealing": seen["ruled_at"], "voting": seen["appeal_end"]}.get(
        stage, seen["vote_end"] if seen["appeal"] else seen["appeal_end"]
    )
    if now < begins:
        raise Refused(f"case {row.id} is {seen['stage']}: it {what} in {duration(begins - now)}")
    raise Refused(f"case {row.id} is {seen['stage']}: the time in which it {what} is over")


def _now(s: Session, store: Store) -> int:
    from assay.api.clock import chain_now

    return max(chain_now(store), s.client.head().time)
