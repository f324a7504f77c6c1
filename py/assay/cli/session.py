"""What a command works with: the settings, the screen, who acts, the chain and the records. Made once per command.

Everything heavy (web3, SQLAlchemy) is imported when it is first asked for, so that `--help` and typing errors cost
nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from assay.cli.amount import program, span
from assay.cli.screen import Screen
from assay.errors import Refused

if TYPE_CHECKING:
    from assay.chain.client import Client
    from assay.chain.contracts import Call, Contracts
    from assay.chain.deployment import Deployment
    from assay.chain.keys import HeldSigner
    from assay.cli.names import Names
    from assay.roles.config import NodeConfig
    from assay.settings import Settings
    from assay.store.engine import Store
    from assay.types import Signer

LOCAL_RPC: Final = "http://127.0.0.1:8545"
LOCAL_CHAIN: Final = 31337
DEADLINE: Final = "1h"


@dataclass(frozen=True)
class Globals:
    """The options of every command, as they were typed."""

    account: str | None
    rpc: str | None
    home: Path | None
    as_json: bool
    yes: bool
    dry_run: bool
    quiet: bool
    sign_only: bool = False
    deadline: str | None = None


class Session:
    """One command's view of the world. Raises Refused, Unavailable or Broken; the root command shows them."""

    def __init__(self, given: Globals) -> None:
        self._given = given
        self.screen = Screen(given.as_json, given.quiet, given.yes, mute=given.sign_only)
        self.dry_run = given.dry_run
        self.sign_only = given.sign_only
        self._unsent: list[Call] = []
        self._signers: dict[str, HeldSigner] = {}

    @cached_property
    def settings(self) -> Settings:
        from assay.settings import load

        return load(home=self._given.home, rpc=self._given.rpc, account=self._given.account)

    @property
    def home(self) -> Path:
        return self.settings.home

    @property
    def keys(self) -> Path:
        return self.home / "keys"

    @cached_property
    def local(self) -> dict[str, Any]:
        """What `up` wrote about the local chain; empty if it isn't up."""
        try:
            kept = json.loads((self.home / "up.json").read_text())
        except (OSError, ValueError):
            return {}
        return kept if isinstance(kept, dict) else {}

    @property
    def rpc(self) -> str:
        return str(self.settings.rpc or self.local.get("rpc") or LOCAL_RPC)

    @cached_property
    def client(self) -> Client:
        """The chain. Unavailable if nothing answers, Refused if it isn't the chain that was asked for."""
        from assay.chain.client import Client

        wanted = self.settings.chain_id or (self.local.get("chain_id") if self.rpc == self.local.get("rpc") else None)
        return Client(self.rpc, wanted)

    @cached_property
    def deployment(self) -> Deployment:
        from assay.chain.deployment import read

        return read(self.settings.deployments, self.client.chain_id)

    @cached_property
    def contracts(self) -> Contracts:
        from assay.chain.contracts import Contracts

        return Contracts(self.client, self.deployment)

    @cached_property
    def names(self) -> Names:
        from assay.cli.names import Names

        return Names(self.keys)

    @property
    def actor(self) -> str:
        """The name of the account that acts. Refused if none was named and there isn't exactly one."""
        if self.settings.account:
            return self.names.require(self.settings.account)
        known = self.names.people()
        if len(known) == 1:
            return known[0]
        hint = f": {', '.join(known)}" if known else "; there is none yet: `assay up` or `assay account new NAME`"
        raise Refused(f"say who acts with --as NAME{hint}")

    def signer(self, name: str) -> Signer:
        """Return the signer of a local account. Refused if the account or its password is missing or wrong."""
        from assay.chain.keys import load

        if name not in self._signers:  # a key is held by whoever opens it, this process included
            self._signers[name] = load(self.keys, self.names.require(name), self.password(name))
        return self._signers[name]

    def close(self) -> None:
        """Give the keys back to other processes."""
        for held in self._signers.values():
            held.close()
        self._signers.clear()

    def password(self, name: str) -> str:
        """Return the keystore password from the settings or the home folder, else ask for it."""
        secret = self.settings.secret()
        if secret is not None:
            return secret
        if self._given.as_json or self._given.yes:
            raise Refused(f"no password for {name}: set ASSAY_PASSWORD_FILE")
        return str(typer.prompt(f"password of {name}", hide_input=True, err=True))

    @contextmanager
    def records(self) -> Iterator[Store]:
        """Yield records of the chain up to its newest block, kept in the home folder between commands."""
        from assay.cli.records import followed

        with followed(self.home, self.client, self.contracts) as store:
            yield store

    def node_folder(self, name: str) -> Path:
        return self.home / "nodes" / name

    def node_config(self, name: str, **more: Any) -> NodeConfig:
        """Return the configuration of the node of a local account."""
        from assay.cli.trust import require_trusted
        from assay.protocol.profile import learn_folder
        from assay.roles.config import NodeConfig

        folder = self.node_folder(name)
        folder.mkdir(parents=True, exist_ok=True)
        learn_folder(self.home / "profiles")
        chain_id = self.client.chain_id
        return NodeConfig(
            **{
                "home": folder,
                "name": name,
                "rpc": self.rpc,
                "chain_id": chain_id,
                "deployments": self.settings.deployments,
                "signer": more["signer"] if "signer" in more else self.signer(name),
                "store_url": f"sqlite:///{folder / 'store.db'}",
                "threads": self.settings.threads,
                "rollout_threads": self.settings.rollout_threads,
                "allow_private": chain_id == LOCAL_CHAIN,
                "upload": self.settings.upload,
                "download": self.settings.download,
                "quota": self.settings.quota,
                "curves": self.home / "tensorboard",
                "unsent": self._unsent if self.sign_only else None,
                "trust": lambda pinned: require_trusted(self.home, pinned.name, pinned.hash, pinned.options),
                **more,
            }
        )

    def preview(self, data: dict[str, Any], text: str, question: str) -> bool:
        """Show what would be sent and ask. Return False on --dry-run, when nothing may be sent."""
        if self.dry_run:
            self.screen.result({**data, "dry_run": True}, f"{text}\ndry run: nothing was sent")
            return False
        if not self.screen.as_json and text:
            self.screen.say(text)
        self.screen.confirm("sign it for others to send?" if self.sign_only else question)
        return True

    def finish(self) -> None:
        """Print what the command would have sent as a signed request, if that was asked for."""
        if not self.sign_only:
            return
        from assay.chain.request import sign

        if not self._unsent:
            raise Refused("this command has nothing to send, so there is nothing to sign")
        deadline = self.client.head().time + span(self._given.deadline or DEADLINE, "--deadline")
        request = sign(self.contracts, self.signer(self.actor), self._unsent, deadline)
        typer.echo(json.dumps(request.to_json(self.contracts), indent=2))
        self.screen.say(f"anyone can send it until {_clock(deadline)}: {program()} relay send FILE")


def _clock(when: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(when))


def session(ctx: typer.Context) -> Session:
    """Return the command's session."""
    given = ctx.find_root().obj
    return given if isinstance(given, Session) else Session(given)


Say = Callable[[str], None]
