"""`assay collect`: what a labelling task came to, as a folder to learn from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.session import LOCAL_CHAIN, session
from assay.errors import Refused


def collect(
    ctx: typer.Context,
    task: Annotated[int, typer.Argument(min=1, metavar="TASK", help="The labelling task's number.")],
    out: Annotated[Path, typer.Argument(help="A folder that isn't there yet.")],
) -> None:
    """Write the items of a labelling task with the answer that most of its paid labels prefer: a folder for `dpo`.

    Example: `assay collect 1 preferred` · then `assay env add preferred`
    """
    from assay.protocol.profile import learn_folder
    from assay.roles.collecting import collect as gather

    s = session(ctx)
    learn_folder(s.home / "profiles")
    with s.records() as store, s.screen.bar("collect") as progress:
        row = store.task(task)
        if row is None:
            raise Refused(f"there is no task {task} on chain {s.client.chain_id}")
        made = gather(store, row, out, s.home, s.client.chain_id == LOCAL_CHAIN, progress)
    s.screen.result(made, f"{made['items']} items of {made['submissions']} submissions in {made['folder']}")
