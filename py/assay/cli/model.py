"""`assay model …`: bring a model in, look at one, take a trained one out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from assay.cli.amount import program
from assay.cli.session import session
from assay.errors import Refused

app = typer.Typer()
_ADAPTER = re.compile(r"lora:([1-9][0-9]{0,3})")


@app.command(name="import")
def import_(
    ctx: typer.Context,
    source: Annotated[Path, typer.Argument(help="A local folder with safetensors, or a GGUF file.")],
    adapter: Annotated[str | None, typer.Option(help="lora:RANK; default: all weights are trained.")] = None,
    alpha: Annotated[int | None, typer.Option(min=1, help="The adapter's strength; default: twice the rank.")] = None,
    targets: Annotated[str, typer.Option(help="Linear layers with an adapter, by comma.")] = "all-linear",
    dtype: Annotated[str | None, typer.Option(help="bf16 or float32; default: what the source has.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the adapter's first matrices.")] = 0,
) -> None:
    """Make a model artifact and checkpoint 0 in the home folder; print what a spec's [model] has to say.

    Examples: `assay model import ./SmolLM2-135M-Instruct --adapter lora:16` · `assay model import model.gguf`
    """
    from assay.roles.importing import bring

    s = session(ctx)
    if dtype not in {None, "bf16", "float32"}:
        raise Refused("--dtype is bf16 or float32")
    wanted = _adapter(adapter, alpha, targets)
    with s.screen.bar("import") as progress:
        made = bring(source, s.home / "bases", wanted, dtype, seed, progress)
    fragment = _fragment(made)
    s.screen.result({**made, "toml": fragment}, fragment.rstrip("\n"))
    s.screen.say(
        f"{made['architecture']} · {made['parameters']:,} weights in {made['dtype']}, {made['trained']:,} trained"
        f" · both are in {s.home / 'bases'} · next: put this into a spec, then {program()} task publish"
    )


def _adapter(named: str | None, alpha: int | None, targets: str) -> dict[str, Any] | None:
    if named is None:
        if alpha is not None:
            raise Refused("--alpha goes with --adapter lora:RANK")
        return None
    found = _ADAPTER.fullmatch(named)
    if found is None:
        raise Refused(f"--adapter {named!r} isn't lora:RANK, such as lora:16")
    rank = int(found[1])
    return {"rank": rank, "alpha": alpha or 2 * rank, "targets": [name.strip() for name in targets.split(",")]}


def _fragment(made: dict[str, Any]) -> str:
    return (
        "[model]\n"
        f'base = "{made["base"]}"\n'
        'architecture = "transformers"\n'
        f'tokenizer = "{made["model"]}"\n'
        f'adapter = "{"full" if made["adapter"] is None else "lora"}"\n'
        f"size_bytes = {made['size_bytes']}\n"
        f"# a checkpoint has up to {3 * made['base_bytes']:,} bytes: rounds.max_artifact_bytes must allow it\n"
    )
