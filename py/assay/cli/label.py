"""`assay label`: say which of two answers is better, for a labelling task or to judge one."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.session import session
from assay.errors import Refused

if TYPE_CHECKING:
    from assay.model.env.pairs import Pair


def label(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder with the items.jsonl of a labelling task.")],
    out: Annotated[Path, typer.Option(help="File of labels; what it has already isn't asked again.")] = Path(
        "labels.jsonl"
    ),
    command: Annotated[str | None, typer.Option(help="A program that labels instead of you.")] = None,
    most: Annotated[int, typer.Option(min=1, help="Stop after so many.")] = 1_000_000,
) -> None:
    """Label pairs of answers, one after another: 1 or 2, s to skip, q to stop. Each answer is kept at once.

    Examples: `assay label pairs --out mine.jsonl` · `assay label pairs --command ./judge.py`
    """
    from assay.model.env import preferences

    s = session(ctx)
    if not folder.is_dir():
        raise Refused(f"{folder} isn't a folder")
    known = preferences.read_labels(out)
    pairs = [pair for pair in preferences.read_pairs(folder) if pair.key not in known][:most]
    ask = preferences.by_command(shlex.split(command)) if command else _ask
    made = 0
    with out.open("a") as sink:
        for pair in pairs:
            try:
                found = ask(pair)
            except (EOFError, KeyboardInterrupt):
                break
            if found is not None:
                sink.write(json.dumps({"key": pair.key, "label": found}) + "\n")
                sink.flush()
                made += 1
    s.screen.result({"labels": made, "file": str(out)}, f"{made} labels more in {out}")


def _ask(pair: Pair) -> str | None:
    from assay.model.env.preferences import WORDS

    typer.echo(f"\n{pair.question}\n\n[1] {pair.a}\n\n[2] {pair.b}\n")
    while True:
        said = typer.prompt("which is better? 1, 2, s to skip, q to stop", prompt_suffix=" ").strip().lower()
        if said == "q":
            raise EOFError
        if said == "s":
            return None
        if said in WORDS:
            return WORDS[said]
