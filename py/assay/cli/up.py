"""`assay up`, `down`, `status`, `logs`: a local chain with company, and what runs here."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from assay.cli import local
from assay.cli.amount import program
from assay.cli.local import PEOPLE, Plan
from assay.cli.processes import Detached
from assay.cli.session import Session, session
from assay.errors import Refused

DEFAULT_PORT, DEFAULT_API_PORT = 8545, 8700


def up(
    ctx: typer.Context,
    peers: Annotated[int, typer.Option(min=0, max=local.MOST_PEERS, help="Validators to start for company.")] = 0,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the chain.")] = DEFAULT_PORT,
    api_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the API.")] = DEFAULT_API_PORT,
    block_time: Annotated[float, typer.Option(min=0.1, max=60, help="Seconds between two blocks.")] = 1.0,
) -> None:
    """Start a local chain with contracts, funded accounts, the API and peers. Running it twice changes nothing.

    Examples: `assay up --peers 2` · `assay up --port 9545 --api-port 9700`
    """
    s = session(ctx)
    if s.settings.rpc:
        raise Refused("`up` starts a chain of its own: leave --rpc and ASSAY_RPC out, or `assay deploy` to that chain")
    recorded = s.local
    given = ctx.get_parameter_source
    # Repeating `up` without ports means the ones that are in use.
    if recorded and "DEFAULT" in str(given("port")):
        port = int(recorded.get("port", port))
    if recorded and "DEFAULT" in str(given("api_port")):
        api_port = int(recorded.get("api_port", api_port))
    if s.dry_run:
        s.screen.result({"dry_run": True}, f"would start Anvil on {port}, the API on {api_port} and {peers} peers")
        return
    started = local.raise_up(s, Plan(peers, port, api_port, block_time))
    head = "" if started else "already up: nothing was started\n"
    accounts = ", ".join(PEOPLE)
    text = (
        f"{head}chain {s.local['chain_id']} {s.local['rpc']} · API {s.local['api']} · state {s.home}/"
        f" · stop: {program()} down\n"
        f"accounts: {accounts} 1,000 ASY each (local keys, no value)"
    )
    if peers:
        text += f"\npeers: {', '.join(f'peer-{n}' for n in range(1, peers + 1))} validate every task"
    s.screen.result({**s.local, "started": started, "accounts": list(PEOPLE)}, text)


def down(ctx: typer.Context) -> None:
    """Stop every process of this home: nodes, API and chain. Keys, logs and artifacts stay.

    Example: `assay down`
    """
    s = session(ctx)
    stopped = local.bring_down(s.home)
    s.screen.result({"stopped": stopped}, f"stopped {', '.join(stopped)}" if stopped else "nothing was running")


def status(ctx: typer.Context) -> None:
    """Show the chain, the API, accounts with their money, nodes and tasks.

    Examples: `assay status` · `assay status --json`
    """
    s = session(ctx)
    running = {process.name: process.pid() for process in local.everything(s.home)}
    alive = {name: pid for name, pid in running.items() if pid is not None}
    data: dict[str, Any] = {"up": bool(alive), "processes": alive}
    chain = _reachable(s)
    if chain:
        data |= chain | {"accounts": _accounts(s), "tasks": _tasks(s)}
    s.screen.result(data, lambda: _show(s, data))


def logs(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(help="anvil, api or a node's name; all of them if left out.")] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, max=100_000, help="Lines to show.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep showing new lines until Ctrl-C.")] = False,
) -> None:
    """Show the last lines of what runs in the background.

    Examples: `assay logs api` · `assay logs peer-1 -f`
    """
    s = session(ctx)
    known = {process.name: process for process in local.everything(s.home)}
    if name is not None and name not in known:
        raise Refused(f"there is no log of {name!r}; there are: {', '.join(known)}")
    chosen = [known[name]] if name else list(known.values())
    shown = {process.name: process.tail(lines) for process in chosen}
    if s.screen.as_json:
        s.screen.result(shown)
        return
    for process_name, last in shown.items():
        for line in last:
            typer.echo(line if name else f"{process_name}: {line}")
    if follow:
        _follow(chosen, bool(name))


def _follow(chosen: list[Detached], single: bool) -> None:
    offsets = {process.name: process.log.stat().st_size if process.log.is_file() else 0 for process in chosen}
    while True:
        for process in chosen:
            if not process.log.is_file() or process.log.stat().st_size <= offsets[process.name]:
                continue
            with process.log.open("rb") as log:
                log.seek(offsets[process.name])
                fresh = log.read()
            whole = fresh.rpartition(b"\n")[0]
            offsets[process.name] += len(whole) + 1 if whole else 0
            for line in whole.decode(errors="replace").splitlines():
                typer.echo(line if single else f"{process.name}: {line}")
        time.sleep(0.3)


def _reachable(s: Session) -> dict[str, Any]:
    from assay.errors import AssayError

    try:
        head = s.client.head()
        ledger = s.deployment.ledger
    except AssayError as error:
        return {} if not s.settings.rpc else {"problem": str(error)}
    return {
        "rpc": s.rpc,
        "chain_id": s.client.chain_id,
        "block": head.number,
        "block_time": head.time,
        "api": s.local.get("api"),
        "ledger": ledger,
    }


def _accounts(s: Session) -> list[dict[str, Any]]:
    rows = []
    for name, address in s.names.all().items():
        held = s.contracts.account(address)
        rows.append(
            {
                "name": name,
                "address": address,
                "tokens": str(s.contracts.balance(address)),
                "staked": str(held.staked),
                "locked": str(held.locked),
                "claimable": str(held.claimable),
            }
        )
    return rows


def _tasks(s: Session) -> list[dict[str, Any]]:
    from assay.api.clock import chain_now
    from assay.api.terms import rounds_open

    with s.records() as store:
        now = chain_now(store)
        return [
            {
                "task": t.id,
                "state": t.state,
                "round": rounds_open(t, now),
                "rounds": t.last_round,
                "escrow": str(t.escrow),
            }
            for t in store.tasks()
        ]


def _show(s: Session, data: dict[str, Any]) -> None:
    from assay.api.amounts import formatted

    if "rpc" not in data:
        typer.echo("not up: start a local chain with `assay up --peers 2`, or name one with --rpc URL")
        if data.get("problem"):
            typer.echo(str(data["problem"]))
    else:
        api = f" · API {data['api']}" if data["api"] else ""
        typer.echo(f"chain {data['chain_id']} {data['rpc']} · block {data['block']}{api} · state {s.home}/")
    runs = [[name, str(pid)] for name, pid in data["processes"].items()]
    if runs:
        s.screen.table(["running", "pid"], runs)
    if data.get("accounts"):
        money = ("tokens", "staked", "locked", "claimable")
        rows = [[row["name"], *(formatted(int(row[kind])) for kind in money)] for row in data["accounts"]]
        s.screen.table(["account", *money], rows)
    if data.get("tasks"):
        rows = [
            [str(t["task"]), t["state"], f"{t['round']} of {t['rounds']}", formatted(int(t["escrow"]))]
            for t in data["tasks"]
        ]
        s.screen.table(["task", "state", "round", "escrow"], rows)
