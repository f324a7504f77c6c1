"""`assay eval`: measure a checkpoint on held-out items, here."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from assay.cli.session import Session, session
from assay.errors import Refused


def evaluate(
    ctx: typer.Context,
    checkpoint: Annotated[
        str | None, typer.Argument(help="A checkpoint's folder, or a root; default: the task's newest.")
    ] = None,
    task: Annotated[int | None, typer.Option(min=1, metavar="T", help="The task whose items are asked.")] = None,
    file: Annotated[Path | None, typer.Option("--spec", metavar="FILE", help="A spec, instead of a task.")] = None,
    round_: Annotated[int | None, typer.Option("--round", min=0, help="Of the task; default: the newest.")] = None,
    items: Annotated[int, typer.Option(min=1, max=65536, help="Held-out items.")] = 512,
    examples: Annotated[int, typer.Option(min=0, max=50, help="Completions to show.")] = 4,
) -> None:
    """Measure a checkpoint on held-out items, decoded greedily: reward with its interval, entropy, lengths, speed.

    Examples: `assay eval --task 1` · `assay eval .assay/bases/20be… --spec sums.toml --items 192`
    """
    from assay.protocol.profile import documents
    from assay.protocol.spec import to_json
    from assay.roles.taking import check_beside
    from assay.roles.told import work

    s = session(ctx)
    with s.screen.bar("evaluate") as progress:
        spec, folder = _named(s, checkpoint, task, file, round_, progress)
        check_beside(folder)
        args = {
            "spec": to_json(spec).decode(), "profiles": documents(spec.verification), "items": items,
            "examples": examples, "checkpoint": str(folder),
        }  # fmt: skip
        with tempfile.TemporaryDirectory(prefix="assay-eval-") as name:
            room, near = Path(name), folder.parent
            memory = MEMORY + 12 * _bytes(folder, spec.model.size_bytes)
            measured = work(
                "evaluate", args, room, (near,), memory, progress, ("assay.train.evaluate",), s.settings.threads
            )
    s.screen.result({**measured, "checkpoint": str(folder)}, lambda: _show(measured))


MEMORY = 4 << 30


def _named(
    s: Session, checkpoint: str | None, task: int | None, file: Path | None, round_: int | None, progress: Any
) -> tuple[Any, Path]:
    from assay.cli import taken
    from assay.cli.plan import read
    from assay.cli.trust import require_trusted
    from assay.protocol.spec import check

    if (task is None) == (file is None):
        raise Refused("say whose items are asked: --task T or --spec FILE")
    if checkpoint is not None and round_ is not None:
        raise Refused("--round names a task's checkpoint: leave the other one out")
    if task is not None:
        found, _ = taken.of_task(s, task, round_ if checkpoint is None else 0, progress)
        spec, folder = found.spec, found.folder
    else:
        spec = read(file or Path())
        check(spec)
        folder = taken.folder(s, checkpoint or "0x" + spec.model.base.hex())
    if checkpoint is not None:
        folder = taken.folder(s, checkpoint)
    env = spec.environment
    require_trusted(s.home, env.name, env.hash, env.options)
    return spec, folder.absolute()


def _bytes(folder: Path, model: int) -> int:
    return model + sum(path.stat().st_size for path in folder.iterdir())


def _show(measured: Mapping[str, Any]) -> None:
    for one in measured["examples"]:
        typer.echo(f"{one['reward']:.2f}  {one['prompt']!r} → {one['completion']!r}")
    m = measured
    typer.echo(
        f"reward {m['reward']:.3f} (95 %: {m['reward_low']:.3f} to {m['reward_high']:.3f})"
        f" on {m['items']} held-out items"
    )
    typer.echo(
        f"entropy {m['entropy']:.3f} nats · length {m['length_mean']:.1f} tokens (10 %: {m['length_p10']:.0f},"
        f" 50 %: {m['length_p50']:.0f}, 90 %: {m['length_p90']:.0f}) · {m['ended']:.0%} ended by themselves"
        f" · {m['tokens_per_second']:.0f} tokens/s"
    )
