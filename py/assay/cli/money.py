"""`assay payouts` and `assay claim`: what was earned and why not, from the chain's events and the vault's word."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from assay.cli.amount import program
from assay.cli.session import Session, session
from assay.errors import Refused


def payouts(
    ctx: typer.Context,
    account: Annotated[
        str | None, typer.Option(metavar="A", help="Whose pay: a name or an address; default: --as, else all.")
    ] = None,
    task: Annotated[int | None, typer.Option(metavar="T", min=1, help="Only this task.")] = None,
) -> None:
    """Show pay by task, round and role, the reason for every zero, and what can be claimed.

    Examples: `assay payouts --as carol` · `assay payouts --task 1 --json`
    """
    from assay.api.clock import chain_now, newest_block
    from assay.api.earnings import lines

    s = session(ctx)
    who = account or s.settings.account
    address = s.names.address(who) if who else None
    with s.records() as store:
        if task is not None and store.task(task) is None:
            raise Refused(f"there is no task {task} on chain {s.client.chain_id}")
        now = max(chain_now(store), s.client.head().time)
        found = lines(store, now, address, task)
        everyone = {address} if address else {line.account for line in found} | set(s.names.all().values())
        claimed = {one: sum(row.amount for row in store.claims(one)) for one in everyone if one}
        paid = {one: sum(row.amount for row in store.payments(one)) for one in claimed}
        why_empty = "" if found else _why_empty(s, store, address, task)
        block, _ = newest_block(store)
    # of the block that the records end with: what comes later is in neither
    claimable = {one: s.contracts.account(one, at=block or None).claimable for one in claimed}
    # no payment of a round: jurors' fees, and what is due to who shows a fault
    disputes = {one: max(0, claimable[one] + claimed[one] - paid[one]) for one in claimed}
    amounts = {"claimable": claimable, "claimed": claimed, "from_disputes": disputes}
    data = {
        "lines": [_line(s, line, now) for line in found],
        "accounts": [
            {"name": s.names.of(one), "account": one, **{what: str(of[one]) for what, of in amounts.items()}}
            for one in sorted(claimed, key=s.names.of)
        ],
        **{what: str(sum(of.values())) for what, of in amounts.items()},
    }
    s.screen.result(data, lambda: _show(s, data, who, why_empty))


def claim(
    ctx: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Claim for every local account.")] = False,
    account: Annotated[str | None, typer.Option(metavar="A", help="Claim for this account; default: --as.")] = None,
    to: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Make this the payout address first, for good.")
    ] = None,
) -> None:
    """Send what can be claimed to the payout address. Anyone may send the transaction, only the account is paid.

    Examples: `assay claim --as carol` · `assay claim --all --yes`
    """
    s = session(ctx)
    if every and (to or account):
        raise Refused("--all claims for every local account: leave --account and --to out")
    names = list(s.names.all()) if every else [account or s.actor]
    addresses = {name: s.names.address(name) for name in names}
    amounts = {name: s.contracts.account(address).claimable for name, address in addresses.items()}
    due = {name: amount for name, amount in amounts.items() if amount}
    if not due and not every:
        raise Refused(f"{names[0]} has nothing to claim now; `{program()} payouts --as {names[0]}` says why")
    payout = s.names.address(to) if to else None
    if not s.preview(*_preview(s, due, addresses, payout), "claim?"):
        return
    if payout:
        from assay.roles.money import set_payout

        set_payout(s.node_config(s.actor), payout)
    done = [_send(s, name, addresses[name], amount) for name, amount in due.items()]
    text = "\n".join(f"{one['name']} got {one['formatted']} ASY, block {one['block']}" for one in done)
    s.screen.result({"claimed": done}, text or "nothing to claim")


def _preview(
    s: Session, due: dict[str, int], addresses: dict[str, str], payout: str | None
) -> tuple[dict[str, Any], str]:
    from assay.api.amounts import formatted

    places = {name: payout or _payout_of(s, addresses[name]) for name in due}
    rows = [f"{name}: {formatted(amount)} ASY → {s.names.of(places[name])}" for name, amount in due.items()]
    if payout:
        rows.append(f"payout address becomes {payout}: after that only its own key can change it")
    return {"claims": [{"name": n, "wei": str(a), "to": places[n]} for n, a in due.items()]}, "\n".join(rows)


def _payout_of(s: Session, address: str) -> str:
    place = s.contracts.payout(address)
    return address if int(place, 16) == 0 else place


def _send(s: Session, name: str, address: str, amount: int) -> dict[str, Any]:
    from assay.api.amounts import formatted
    from assay.cli.sender import sender
    from assay.roles.money import claim as send

    receipt = send(sender(s, name), address)
    return {"name": name, "wei": str(amount), "formatted": formatted(amount), "block": receipt.block}


def _line(s: Session, line: Any, now: int) -> dict[str, Any]:
    from assay.api.shapes import payout

    return {"name": s.names.of(line.account), **payout(line, now).model_dump()}


def _show(s: Session, data: dict[str, Any], who: str | None, why_empty: str) -> None:
    from assay.api.amounts import formatted

    if why_empty:
        typer.echo(why_empty)
        if not who:
            return
    else:
        headers = ["task", "round", "role", "seats", "agreed", "earned", "state"]
        rows = [_row(line) for line in data["lines"]]
        if not who:
            headers.insert(2, "account")
            rows = [[*row[:2], line["name"], *row[2:]] for row, line in zip(rows, data["lines"], strict=True)]
        s.screen.table(headers, rows)
    hint = ""
    if int(data["claimable"]):
        hint = f" → {program()} claim --as {who}" if who else f" → {program()} claim --all"
    disputes = int(data["from_disputes"])
    more = f" · {formatted(disputes)} of it from disputes and faults shown" if disputes else ""
    totals = f"claimable {formatted(int(data['claimable']))} · claimed {formatted(int(data['claimed']))}"
    typer.echo(f"{totals}{more}{hint}")


def _row(line: dict[str, Any]) -> list[str]:
    earned = "-" if line["earned"] is None else line["earned"]["formatted"]
    seats, agreed = ("-" if line[name] is None else str(line[name]) for name in ("seats", "agreed"))
    return [str(line["task"]), str(line["round"]), line["role"], seats, agreed, earned, line["shown"]]


def _why_empty(s: Session, store: Any, address: str | None, task: int | None) -> str:
    from assay.api.shapes import waiting_for

    tasks = [row for row in store.tasks() if task in {None, row.id}]
    if not tasks:
        return f"no task has been published here; {program()} task init digits"
    served = {row.task for row in (store.enlistments_of(address) if address else [])}
    if address and not served & {row.id for row in tasks}:
        return f"{s.names.of(address)} isn't enlisted for {'task ' + str(task) if task else 'any task'}"
    waits = [f"task {row.id} waits for {waiting_for(row, store.enlistments(row.id))}" for row in tasks if not row.start]
    return "; ".join(waits) or "no round that counts has opened yet"
