"""The newest record of each account that this node has heard of, and which accounts hold or fetch which artifact.

Bounded in every direction: so many accounts, so many artifacts, so many accounts for each; when one is full, the source
that brought most loses its oldest. Knows nothing of HTTP. Doesn't find out whether a node that is listed has anything:
whoever fetches from it finds out. Safe to share between threads.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from assay.swarm.crowd import Entry, victim
from assay.swarm.record import Record
from assay.swarm.signed import Network, Stale

ACCOUNTS = 1024
ARTIFACTS = 256
LISTED = 64
"""Accounts that are listed for one artifact."""
LISTED_SECONDS = 3600.0
"""How long an account is listed as holding an artifact, unless it says so again."""
Staked = Callable[[str], bool]
"""Whether an account (lower case) has a stake on the chain: its entries are dropped last."""


@dataclass(slots=True)
class _Known:
    record: Record
    source: str
    staked: bool


@dataclass(slots=True)
class _Listing:
    at: float
    source: str
    staked: bool


class Records:
    """Accounts by their newest record, artifacts by the accounts that hold or fetch them."""

    def __init__(self, network: Network, staked: Staked = lambda _: False) -> None:
        self._network, self._staked = network, staked
        self._accounts: OrderedDict[str, _Known] = OrderedDict()
        self._holders: OrderedDict[bytes, OrderedDict[str, _Listing]] = OrderedDict()
        self._guard = threading.Lock()

    def take(self, record: Record, source: str, now: float) -> bool:
        """Check a record and keep it if it is the newest of its account; False when it was known.

        Args:
            source: who brought it, as bounds count.
            now: unix seconds.

        Raises:
            Refused: forged, or good for too long. Stale: it has expired, or a newer one is known.
        """
        with self._guard:
            before = self._accounts.get(record.account)
        if before is not None and before.record == record and record.expires > now:
            return False
        if before is not None and before.record.sequence >= record.sequence and before.record.expires > now:
            raise Stale("a newer record of this account is known")
        record.check(self._network, now)
        staked = self._staked(record.account)
        with self._guard:
            latest = self._accounts.get(record.account)
            if latest is not None and latest.record.sequence > record.sequence and latest.record.expires > now:
                raise Stale("a newer record of this account is known")
            self._accounts.pop(record.account, None)
            self._accounts[record.account] = _Known(record, source, staked)
            if len(self._accounts) > ACCOUNTS:
                self._drop_account(now)
        return True

    def note(self, root: bytes, account: str, source: str, now: float) -> None:
        """An account whose record was taken holds or fetches the artifact `root`; whether that may be is the caller's
        to judge. `now` in unix seconds.
        """
        staked = self._staked(account)
        with self._guard:
            listed = self._holders.setdefault(root, OrderedDict())
            self._holders.move_to_end(root)
            if len(self._holders) > ARTIFACTS:
                self._holders.popitem(last=False)
            listed.pop(account, None)
            listed[account] = _Listing(now, source, staked)
            if len(listed) > LISTED:
                gone = next((key for key, one in listed.items() if one.at < now - LISTED_SECONDS), None)
                entries = (Entry(key, one.source, one.staked) for key, one in listed.items())
                del listed[gone if gone is not None else victim(entries)]

    def holders(self, root: bytes, now: float) -> list[Record]:
        """Return the records of at most 64 nodes that can be reached and hold or fetch an artifact, newest first."""
        with self._guard:
            listed = self._holders.get(root, OrderedDict[str, _Listing]())
            fresh = [key for key, one in listed.items() if one.at >= now - LISTED_SECONDS]
            known = [self._accounts.get(key) for key in fresh]
        return [each.record for each in reversed(known) if each and each.record.uri and each.record.expires > now]

    def of(self, account: str, now: float) -> Record | None:
        """Return an account's record, or None when none is known that is still good."""
        with self._guard:
            known = self._accounts.get(account)
        return known.record if known is not None and known.record.expires > now else None

    def uris(self, now: float) -> list[tuple[str, bool]]:
        """Return where all known nodes serve that can be reached, each with whether it has a stake."""
        with self._guard:
            known = list(self._accounts.values())
        return [(each.record.uri, each.staked) for each in known if each.record.uri and each.record.expires > now]

    def __len__(self) -> int:
        with self._guard:
            return len(self._accounts)

    def _drop_account(self, now: float) -> None:
        expired = next((key for key, known in self._accounts.items() if known.record.expires <= now), None)
        entries = (Entry(key, known.source, known.staked) for key, known in self._accounts.items())
        del self._accounts[expired if expired is not None else victim(entries)]
