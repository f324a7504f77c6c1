"""`assay calibrate`: measure how far honest work is off on this device, and write a profile that tasks can name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from assay.cli.session import session
from assay.errors import Refused


def calibrate(
    ctx: typer.Context,
    model: Annotated[
        list[str],
        typer.Argument(help="smollm2-135m, or folders of checkpoints of the task digits: base and later ones."),
    ],
    patterns: Annotated[str, typer.Option(help="float32 or bf16.")] = "float32",
    name: Annotated[str | None, typer.Option(help="The profile's name; default: from model and patterns.")] = None,
    sequences: Annotated[int, typer.Option(min=8, max=65536, help="Rollouts of each setting.")] = 64,
    group: Annotated[int, typer.Option(min=1, max=1024, help="Rollouts of a prompt, as in the task.")] = 4,
    tokens: Annotated[int, typer.Option(min=1, max=32768, help="New tokens at most.")] = 64,
    chunk: Annotated[int, typer.Option(min=1, max=4096)] = 32,
    top_k: Annotated[int, typer.Option(min=1, max=4096)] = 128,
    attention: Annotated[str, typer.Option(help="Kernels, by comma.")] = "sdpa,eager",
    batches: Annotated[str, typer.Option(help="Rows at a time, by comma.")] = "1,16",
    threads: Annotated[str, typer.Option(help="Threads, by comma.")] = "1,2",
    rate: Annotated[float, typer.Option(min=1e-12, max=0.1, help="False refusals per chunk, sequence, window.")] = 1e-6,
    out: Annotated[Path | None, typer.Option(help="File; default: profiles/NAME.json of this home.")] = None,
) -> None:
    """Measure how far honest work is off here, and write the profile. An interrupted run goes on where it stopped.

    Rollouts are made in every setting and checked in every setting, in the float type of the patterns. A limit is 1.25
    times the larger of the largest honest value and the normal tolerance bound for the rate (95 % confidence); the
    worker's test takes the setting, and checkpoint, that is furthest apart on average: what a model is off by changes
    as it learns.

    Examples: `assay calibrate smollm2-135m --patterns bf16` · `assay calibrate .assay/bases/… --top-k 32 --tokens 7`
    """
    from assay.roles.calibrating import run

    s = session(ctx)
    title = name or re.sub(r"[^a-z0-9._-]+", "-", f"{Path(model[0]).name.lower()}-{patterns}")[-64:].strip("-.")
    if patterns not in {"float32", "bf16"}:
        raise Refused("--patterns is float32 or bf16")
    args: dict[str, Any] = {
        "models": model, "patterns": patterns, "name": title, "sequences": sequences, "group": group, "tokens": tokens,
        "chunk": chunk, "top_k": top_k, "attention": attention.split(","), "batches": _numbers(batches),
        "threads": _numbers(threads), "rate": rate, "cache": str(s.settings.cache), "work": str(s.home / "calibrating"),
    }  # fmt: skip
    target = out or s.home / "profiles" / f"{title}.json"
    with s.screen.bar("calibrate") as progress:
        found = run(args, target, progress)
    s.screen.result(found, f"{found['name']} {found['hash']}\n{target}")


def _numbers(text: str) -> list[int]:
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        raise Refused(f"{text!r} isn't a list of whole numbers, such as 1,16") from None
    if min(found) < 1:
        raise Refused("numbers of rows and threads are at least 1")
    return found
