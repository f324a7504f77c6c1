"""What a command shows: results on stdout, progress and questions on stderr, JSON for machines.

Knows nothing of what it shows. A result is printed once, as text or as JSON; in JSON mode nothing else reaches stdout.
"""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import typer

from assay.errors import Refused

WIDE = 240


@dataclass(frozen=True)
class Screen:
    """Where a command's words go."""

    as_json: bool = False
    quiet: bool = False
    yes: bool = False
    mute: bool = False

    def result(self, data: Any, text: str | Callable[[], None] = "") -> None:
        """Show a command's result: `data` as JSON, or `text` (printed, or called to print); nothing when muted."""
        if self.mute:
            return
        if self.as_json:
            typer.echo(json.dumps(data, indent=2, ensure_ascii=False))
        elif callable(text):
            text()
        elif text:
            typer.echo(text)

    def say(self, text: str) -> None:
        """Say what is going on, on stderr; silent with --quiet."""
        if not self.quiet:
            typer.echo(text, err=True)

    def line(self, text: str) -> None:
        """Show one line of a running node, with the time; one JSON object a line in JSON mode."""
        if self.as_json:
            typer.echo(json.dumps({"time": int(time.time()), "text": text}, ensure_ascii=False))
        elif not self.quiet:
            typer.echo(f"{time.strftime('%H:%M:%S')} {text}")
        sys.stdout.flush()

    def record(self, data: Any) -> None:
        """Print one JSON object on a line of its own: for commands that go on."""
        typer.echo(json.dumps(data, ensure_ascii=False))
        sys.stdout.flush()

    def confirm(self, question: str) -> None:
        """Ask before something that can't be undone. Refused if the answer is no or nobody is there to ask."""
        if self.yes:
            return
        if self.as_json:
            raise Refused(f"{question} needs an answer: add --yes")
        answer = typer.prompt(f"{question} [Y/n]", default="y", show_default=False, prompt_suffix=" ", err=True)
        if answer.strip().lower() not in {"y", "yes"}:
            raise Refused("not confirmed, nothing was sent")

    @contextmanager
    def bar(self, title: str) -> Iterator[Callable[[str, float], None]]:
        """Give what long work calls with what it does and its share; shown as a bar on stderr unless --quiet."""
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True, quiet=self.quiet)) as shown:
            task = shown.add_task(title, total=1.0)
            yield lambda what, share: shown.update(task, description=what, completed=share)

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print aligned columns without lines; an empty table prints only its headers."""
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for header in headers:
            table.add_column(header, no_wrap=header != headers[-1], overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        terminal = sys.stdout.isatty()
        drawn = io.StringIO()
        width = None if terminal else WIDE
        Console(file=drawn, width=width, force_terminal=terminal, highlight=False).print(table)
        for line in drawn.getvalue().splitlines():
            typer.echo(line.rstrip())
