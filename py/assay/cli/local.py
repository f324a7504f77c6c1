"""The local chain of a home folder: Anvil, contracts, named accounts with money, the API and peers. Start, find, stop.

Everything is idempotent: what runs stays, what is missing is started. Its keys are Anvil's public ones and their
password lies beside them: for money without value only.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from assay.cli.processes import Detached, stop_all
from assay.cli.session import LOCAL_CHAIN, Session
from assay.errors import Refused, Unavailable

if TYPE_CHECKING:
    from assay.chain.client import Client

ASY: Final = 10**18
PEOPLE: Final = ("alice", "bob", "carol")
MOST_PEERS: Final = 16
FUNDS: Final = 1_000 * ASY
PEER_STAKE: Final = "100"
SUPPLY: Final = 1_000_000_000 * ASY
UNBONDING_SECONDS: Final = 600
LOCAL_PASSWORD: Final = "local keys, no value"  # noqa: S105 - it protects nothing, the keys are public
LIGHT_SCRYPT: Final = 1 << 12
API_SECONDS: Final = 60.0
STOP_SECONDS: Final = 8.0
API_NODE: Final = "api"


@dataclass(frozen=True)
class Plan:
    """What `up` was asked for. `block_time` in seconds."""

    peers: int
    port: int
    api_port: int
    block_time: float


def anvil(home: Path) -> Detached:
    """Return the local chain's process."""
    return Detached("anvil", home / "anvil.pid", home / "anvil.log")


def api(home: Path) -> Detached:
    """Return the API's process."""
    return Detached("api", home / "api.pid", home / "api.log")


def node(home: Path, name: str) -> Detached:
    """Return the process of an account's node."""
    return Detached(name, home / "nodes" / name / "pid", home / "nodes" / name / "log")


def nodes(home: Path) -> list[Detached]:
    """Return the nodes that ever ran from this home, by name."""
    folder = home / "nodes"
    found = sorted(path.parent.name for path in folder.glob("*/pid")) if folder.is_dir() else []
    logged = sorted(path.parent.name for path in folder.glob("*/log")) if folder.is_dir() else []
    return [node(home, name) for name in sorted({*found, *logged})]


def everything(home: Path) -> list[Detached]:
    """Return every process that belongs to this home, nodes before the chain."""
    return [*nodes(home), api(home), anvil(home)]


def command(session: Session, *arguments: str) -> list[str]:
    """Return the command line of a process of this home."""
    return [sys.executable, "-m", "assay.cli.main", "--home", str(session.home), *arguments]


def raise_up(session: Session, plan: Plan) -> list[str]:
    """Start what is missing and return the names of what was started. Refused while another `up` is at it."""
    session.home.mkdir(parents=True, exist_ok=True)
    with (session.home / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Refused(f"another `assay up` is at work in {session.home}: wait for it") from error
        return _raise_up(session, plan)


def _raise_up(session: Session, plan: Plan) -> list[str]:
    home, say = session.home, session.screen.say
    before = {process.name for process in everything(home) if process.pid() is not None}
    _check_ports(session, plan, before)
    if "anvil" not in before:
        say(f"starts Anvil on port {plan.port}")
        _start_anvil(home, plan)
    client = _client(plan.port)
    _prepare(session, client, plan, say)
    if "api" not in before:
        _start_api(session, plan, say)
    for number in range(1, plan.peers + 1):
        name = f"peer-{number}"
        say(f"starts {name}, which stakes {PEER_STAKE} and validates every task")
        run = command(session, "validator", "run", "--as", name, "--stake", PEER_STAKE)
        node(home, name).start(run, session.settings.child_environment())
    after = [process.name for process in everything(home) if process.pid() is not None]
    return [name for name in after if name not in before]


def bring_down(home: Path) -> list[str]:
    """Stop every process of this home, nodes before the chain that they talk to; return the names of what ran."""
    stopped = stop_all([*nodes(home), api(home)], signal.SIGTERM, STOP_SECONDS)
    stopped += stop_all([anvil(home)], signal.SIGTERM, STOP_SECONDS)
    (home / "up.json").unlink(missing_ok=True)
    return stopped


def _check_ports(session: Session, plan: Plan, running: set[str]) -> None:
    recorded = session.local
    for name, port, option in (("anvil", plan.port, "--port"), ("api", plan.api_port, "--api-port")):
        kept = recorded.get("port" if name == "anvil" else "api_port")
        if name in running:
            if kept not in {None, port}:
                raise Refused(f"{name} already runs on port {kept}: `assay down` first, or leave {option} out")
        elif _answers(port):
            raise Refused(f"port {port} is taken by another program: stop it, or choose another with {option}")


def _start_anvil(home: Path, plan: Plan) -> None:
    from assay.chain.localnet import LocalnetOptions, start

    options = LocalnetOptions(port=plan.port, block_seconds=plan.block_time, log=home / "anvil.log")
    net = start(options, die_with_parent=False, detached=True)
    anvil(home).adopt(net.pid)


def _client(port: int) -> Client:
    from assay.chain.client import Client

    return Client(f"http://127.0.0.1:{port}", LOCAL_CHAIN)


def _prepare(session: Session, client: Client, plan: Plan, say: Callable[[str], None]) -> None:
    """Deploy where nothing is deployed, drop records of a chain that is gone, and give each account its money."""
    from assay.chain import deploy, localnet
    from assay.cli.records import chain_name

    home, genesis = session.home, chain_name(client)
    deployer = localnet.signer(0)
    if _state(home).get("genesis") != genesis:
        say("deploys the contracts")
        _forget(home)
    deployment = deploy.deploy(client, deployer, UNBONDING_SECONDS, SUPPLY, folder=session.settings.deployments)
    names = [*PEOPLE, *(f"peer-{number}" for number in range(1, plan.peers + 1))]
    _make_accounts(home, names)
    state = {
        "rpc": client.url,
        "chain_id": client.chain_id,
        "port": plan.port,
        "api": f"http://127.0.0.1:{plan.api_port}",
        "api_port": plan.api_port,
        "peers": plan.peers,
        "genesis": genesis,
        "ledger": deployment.ledger,
    }
    (home / "up.json").write_text(json.dumps(state, indent=2) + "\n")
    session.local.update(state)
    # Each account is funded once per chain: repeating `up` must not make up for what was spent.
    funded = [name for name in _state(home).get("funded", []) if _state(home).get("genesis") == genesis]
    fund(session, client, [name for name in names if name not in funded], FUNDS)
    kept = {"genesis": genesis, "funded": sorted({*funded, *names})}
    (home / "genesis.json").write_text(json.dumps(kept) + "\n")


def _state(home: Path) -> dict[str, Any]:
    try:
        kept = json.loads((home / "genesis.json").read_text())
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _forget(home: Path) -> None:
    """Delete the records of nodes on a chain that no longer exists; keys, artifacts and the last logs stay."""
    for folder in (home / "nodes").glob("*") if (home / "nodes").is_dir() else []:
        for path in folder.glob("store.db*"):
            path.unlink()
        shutil.rmtree(folder / "work", ignore_errors=True)
        if (folder / "log").is_file():
            (folder / "log").replace(folder / "log.old")
    shutil.rmtree(home / "records", ignore_errors=True)


def _make_accounts(home: Path, names: list[str]) -> None:
    from assay.chain import keys, localnet

    password = home / "password"
    if not password.is_file():
        password.touch(mode=0o600)
        password.write_text(LOCAL_PASSWORD + "\n")
    known = {entry.name for entry in keys.listing(home / "keys")}
    for index, name in enumerate(names, start=1):
        if name not in known:
            secret = password.read_text().rstrip("\n")
            keys.import_key(home / "keys", name, localnet.key(index), secret, scrypt_n=LIGHT_SCRYPT)


def fund(session: Session, client: Client, names: list[str], amount: int) -> None:
    """Bring each account up to `amount` wei of tokens and 100 ETH for gas. Local chains only."""
    from assay.chain import localnet
    from assay.cli.names import Names
    from assay.roles.money import WAIT_SECONDS, purse

    addresses = Names(session.keys).all()
    config = session.node_config("deployer", signer=localnet.signer(0))
    with purse(config) as own:
        sent = []
        for name in names:
            missing = amount - own.contracts.balance(addresses[name])
            if client.balance(addresses[name]) < 100 * ASY:
                client.rpc("anvil_setBalance", addresses[name], hex(100 * ASY))
            if missing > 0:
                key = f"fund:{name}:{time.time_ns()}"
                own.outbox.put(key, own.contracts.transfer(addresses[name], missing))
                sent.append(key)
        for key in sent:
            own.outbox.wait(key, WAIT_SECONDS)


def _start_api(session: Session, plan: Plan, say: Callable[[str], None]) -> None:
    home = session.home
    say(f"starts the API on port {plan.api_port}")
    run = command(session, "api", "run", "--port", str(plan.api_port))
    api(home).start(run, session.settings.child_environment())
    deadline = time.monotonic() + API_SECONDS
    while time.monotonic() < deadline:
        if healthy(f"http://127.0.0.1:{plan.api_port}/health"):
            return
        if api(home).pid() is None:
            break
        time.sleep(0.2)
    last = " · ".join(api(home).tail(2)) or "no output"
    raise Unavailable(f"the API doesn't answer on port {plan.api_port}: {last} (log: {home / 'api.log'})")


def healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - an http:// address of our own making
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        return False
    except (OSError, ValueError):
        return False


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
