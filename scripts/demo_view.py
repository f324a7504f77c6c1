"""What the demo shows: a row per round as it comes, the payouts, the ledger, and one line that says whether all
claims held.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from demo_claims import Result

TOKEN = 10**18


@dataclass(frozen=True)
class Row:
    """One round; the base model's row has a reward only. `paid` is wei from escrow."""

    round: str
    reward: float
    accepted: int | None = None
    refused: tuple[str, ...] = ()
    paid: int | None = None


@dataclass(frozen=True)
class Payout:
    """What one account got out of the task, in wei."""

    account: str
    role: str
    rounds: int
    earned: int
    claimed: int
    lost: int
    court: int = 0


def tokens(wei: int) -> str:
    """Return an amount as people read it."""
    return f"{wei / TOKEN:.2f}"


class View:
    """Prints as things happen; with `as_json`, collects and prints one object at the end."""

    def __init__(self, as_json: bool) -> None:
        self._json = as_json
        self._console = Console(stderr=as_json, highlight=False)
        self._status = self._console.status("starting") if self._console.is_terminal else None
        self._rows: list[Row] = []
        self._payouts: list[Payout] = []

    def note(self, text: str) -> None:
        """Say one line."""
        self._console.print(f"[dim]{text}[/dim]")

    def wait(self, text: str) -> None:
        """Show what is being waited for, where there is a terminal."""
        if self._status is not None:
            self._status.update(text)
            self._status.start()

    def row(self, row: Row) -> None:
        """Show a round."""
        if self._status is not None:
            self._status.stop()
        if not self._rows:
            self._console.print(f"{'round':<7}{'reward':<8}{'accepted':<10}{'refused':<45}{'paid':>8}", style="bold")
        self._rows.append(row)
        if row.paid is None:
            self._console.print(f"{row.round:<7}{row.reward:<8.3f}")
        else:
            refused = "; ".join(row.refused) or "-"
            self._console.print(
                f"{row.round:>3}    {row.reward:<8.3f}{row.accepted:<10}{refused:<45}{tokens(row.paid):>8}"
            )

    def news(self, lines: Sequence[str]) -> None:
        """Say what happened between two rounds' rows."""
        for line in lines:
            if self._status is not None:
                self._status.stop()
            self._console.print(f"       [cyan]{line}[/cyan]")

    def payouts(self, payouts: Sequence[Payout]) -> None:
        """Show the payouts, as read from the chain."""
        self._payouts = list(payouts)
        table = Table(
            "account",
            "role",
            "paid rounds",
            "earned",
            "court",
            "claimed",
            "lost",
            title="payouts, read from the chain",
            title_justify="left",
        )
        for column in table.columns[2:]:
            column.justify = "right"
        for one in payouts:
            table.add_row(
                one.account,
                one.role,
                str(one.rounds),
                tokens(one.earned),
                tokens(one.court),
                tokens(one.claimed),
                tokens(one.lost),
            )
        self._console.print(table)

    def result(self, result: Result) -> None:
        """Show the ledger and the verdict."""
        ledger = result.ledger
        if ledger:
            self._console.print(
                f"ledger  funded {tokens(ledger['funded'])} = paid {tokens(ledger['paid_from_escrow'])} + refunded "
                f"{tokens(ledger['refunded'])}, difference {ledger['difference']} wei"
            )
        if result.cheats_before_a_jury:
            self._console.print(
                f"jury    {result.cheats_before_a_jury} of {result.cheats} cheats failed a check with a tolerance: the "
                "votes refused, a jury slashed"
            )
        for line in _stories(result):
            self._console.print(line)
        for failure in result.failures:
            self._console.print(f"FAILED: {failure}", style="red")
        gain = result.rewards[-1] - result.base_reward
        minutes = f"{int(result.seconds) // 60}:{int(result.seconds) % 60:02d}"
        word = "OK" if result.ok else "NOT OK"
        self._console.print(
            f"{word}: reward {gain:+.3f}, {result.cheats_met} of {result.cheats} cheats met their outcome, "
            f"{result.honest_refused} honest refused ({minutes})"
        )
        if self._json:
            json.dump(
                {
                    **result.to_json(),
                    "rows": [asdict(row) for row in self._rows],
                    "payouts": [asdict(one) for one in self._payouts],
                },
                sys.stdout,
            )
            print()


def _stories(result: Result) -> list[str]:
    """Return what became of the lazy validator and of the good work that was refused, in plain words."""
    told, lines = result.stories, []
    if told.seats_passed:
        lines.append(
            f"canary  validator-4 passed {told.seats_passed} seats of bad work unseen and lost "
            f"{tokens(told.lazy_cut)}; {tokens(told.bonus)} of it went to those who had looked"
        )
    if told.challenges_won:
        lines.append(
            f"refused {told.challenged} did good work that was refused; it won a challenge "
            f"and was paid {tokens(told.paid)}"
        )
        lines.append(
            f"        those who had refused lost {tokens(told.refusers_cut)}, of which it got {tokens(told.reward)}; "
            f"the jury cost it {tokens(told.jury_fees)}"
        )
    return lines
