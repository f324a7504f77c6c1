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


@app.command()
def export(
    ctx: typer.Context,
    what: Annotated[str, typer.Argument(metavar="TASK|FOLDER", help="A task's number, or a checkpoint's folder.")],
    out: Annotated[Path, typer.Argument(help="A folder that isn't there yet.")],
    merge: Annotated[bool, typer.Option("--merge/--adapter", help="Adapter in the weights, or by itself.")] = True,
    dtype: Annotated[str, typer.Option(help="bf16 or float32, of the weights.")] = "float32",
    round_: Annotated[int | None, typer.Option("--round", min=0, help="Of a task; default: the newest.")] = None,
) -> None:
    """Write a trained model as a folder that transformers (or peft) loads, with its tokenizer and a card.

    Examples: `assay model export 1 ./my-model` · `assay model export .assay/bases/20be… ./lora --adapter`
    """
    from assay.cli import taken
    from assay.roles.exporting import export as write

    s = session(ctx)
    if dtype not in {"bf16", "float32"}:
        raise Refused("--dtype is bf16 or float32")
    with s.screen.bar("export") as progress:
        folder, known = taken.checkpoint(s, what, round_, progress)
        made = write(folder, out, merge, dtype, known, progress)
    how = "AutoModelForCausalLM.from_pretrained" if merge else "PeftModel.from_pretrained(base, …)"
    s.screen.result(made, f"{out}: {', '.join(made['files'])}\nload it with {how}")


@app.command()
def show(
    ctx: typer.Context,
    what: Annotated[str, typer.Argument(metavar="FOLDER|ROOT", help="A folder, or a root in this home.")],
) -> None:
    """Show a model or a checkpoint: what it is, how large, and what it names.

    Example: `assay model show 0x20be…`
    """
    from assay.cli import taken
    from assay.roles.showing_model import describe

    s = session(ctx)
    folder = taken.folder(s, what)
    found = describe(folder)
    s.screen.result(found, lambda: s.screen.table(["", ""], [[name, str(value)] for name, value in found.items()]))
