"""`assay env list|trust|add|show|test`: which environments this machine runs, and making one of one's own."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from assay.cli import trust as trusting
from assay.cli.amount import program
from assay.cli.session import Session, session
from assay.errors import Refused
from assay.protocol.fields import Option

app = typer.Typer()
OWN_FILES: Final = ("items.jsonl", "scorer.py")
FOLDERS: Final = "bases"  # beside the checkpoints and models that a task names, so that `publish` serves it too
_HASH = re.compile(r"0x[0-9a-f]{64}")
Options = Annotated[
    list[str] | None, typer.Option("--option", "-o", metavar="KEY=VALUE", help="An option of the environment.")
]
Which = Annotated[str, typer.Argument(help="Name of an environment, or the folder or root of one of your own.")]


@app.command(name="list")
def list_(ctx: typer.Context) -> None:
    """List the environments that are installed, with the hash that a task pins them by.

    Example: `assay env list`
    """
    s = session(ctx)
    rows = _installed(s)
    shown = [[row["name"], row["options"], row["hash"], "yes" if row["trusted"] else "no"] for row in rows]
    s.screen.result(rows, lambda: s.screen.table(["environment", "options", "hash", "trusted"], shown))


@app.command()
def trust(
    ctx: typer.Context,
    environment: Annotated[str, typer.Argument(help="Name of an installed environment, a hash, or a folder's root.")],
    revoke: Annotated[bool, typer.Option("--revoke", help="Don't run it any more.")] = False,
) -> None:
    """Run tasks of an environment on this machine, or no longer. Built-in ones are trusted from the start.

    A taskset is trusted by the hash in the task's spec, a folder by that or by its root; read its code before.

    Examples: `assay env trust digits` · `assay env trust digits --revoke` · `assay env trust 0x3f…`
    """
    s = session(ctx)
    found = [row for row in _installed(s) if environment in {row["name"], row["hash"]} and row["name"] != "folder"]
    if not found and not _HASH.fullmatch(environment):
        raise Refused(
            f"no installed environment is called or hashed {environment}: code that isn't installed is never run"
        )
    words = {row["hash"] for row in found if row["hash"]} | ({environment} if not found else set())
    words |= {row["name"] for row in found if row["name"] == "reasoning-gym"}
    trusting.change(s.home, words, not revoke)
    name = found[0]["name"] if found else "environment"
    word = "is no longer trusted" if revoke else "is trusted"
    s.screen.result(_installed(s), f"{name} {min(words)[:10]} {word}")


@app.command()
def add(ctx: typer.Context, folder: Annotated[Path, typer.Argument(help="Folder with items.jsonl, scorer.py or both.")],
        option: Options = None) -> None:  # fmt: skip
    """Make an artifact of a folder of your own, and show what a task's spec says of it. Also trusts it here.

    Example: `assay env add my-env --option prefix="The answer is" --option parser=last_integer`
    """
    from assay.protocol.hashing import hex32
    from assay.roles.base import environment_hash

    s = session(ctx)
    root = _add(s, folder)
    options = {"root": hex32(root), **_read(option)}
    digest = hex32(environment_hash("folder", options))
    trusting.change(s.home, {hex32(root)}, True)
    place = s.home / FOLDERS / root.hex()
    data = {"root": hex32(root), "hash": digest, "folder": str(place), "toml": _fragment("folder", options, digest)}
    s.screen.result(data, data["toml"])
    s.screen.say(f"the environment lies in {place} · next: {program()} env test {hex32(root)[:10]}…")


@app.command()
def show(ctx: typer.Context, environment: Which, option: Options = None) -> None:
    """Show an environment's hash, whether it is trusted, and the lines that a task's spec needs.

    Example: `assay env show reasoning-gym -o dataset=chain_sum -o max_terms=2 -o parser=last_integer`
    """
    from assay.protocol.hashing import hex32
    from assay.roles.base import environment_hash

    s = session(ctx)
    name, options = _named(s, environment, option)
    digest = hex32(environment_hash(name, options))
    trusted = trusting.is_trusted(s.home, name, digest, options)
    toml = _fragment(name, options, digest)
    s.screen.result({"name": name, "hash": digest, "trusted": trusted, "toml": toml}, toml)
    s.screen.say("it is trusted here" if trusted else f"it isn't trusted here: {program()} env trust {digest}")


@app.command()
def test(
    ctx: typer.Context,
    environment: Which,
    option: Options = None,
    items: Annotated[int, typer.Option(min=1, max=10_000, help="Items to try.")] = 8,
) -> None:
    """Render some items, score their right answers, and show how long it takes. Runs the environment's code.

    Examples: `assay env test my-env` · `assay env test reasoning-gym -o dataset=chain_sum --items 100`
    """
    from assay.model.env import registry

    s = session(ctx)
    name, options = _named(s, environment, option)
    host = registry.hosted(name, options, s.home / FOLDERS)
    try:
        report = _tried(host, items)
    finally:
        host.close()
    rows = [[str(row["item"]), row["prompt"], row["answer"], row["score"]] for row in report["items"][:20]]
    s.screen.result(report, lambda: s.screen.table(["item", "prompt", "answer", "score"], rows))
    times = f"{report['render_ms']:.2f} ms to render, {report['score_ms']:.2f} ms to score one"
    s.screen.say(f"{report['seeds']} items · start {report['start_s']:.1f} s · {times}")


def _tried(host: Any, items: int) -> dict[str, Any]:
    start = time.monotonic()
    about = host.about()
    ready = time.monotonic()
    seeds = [[seed] for seed in range(min(items, about["seeds"]))]
    prompts = host.ask("render", seeds)
    rendered = time.monotonic()
    answers = host.ask("answer", seeds) if "answer" in about["can"] else []
    answered = time.monotonic()
    known = [at for at, answer in enumerate(answers) if not answer.reason]
    scores = dict(zip(known, host.ask("score", [[at, answers[at].value] for at in known]), strict=True))
    done = time.monotonic()
    rows = []
    for at, prompt in enumerate(prompts):
        score = scores.get(at)
        rows.append(
            {
                "item": at,
                "prompt": _short(prompt.value if not prompt.reason else prompt.reason),
                "answer": _short(answers[at].value or answers[at].reason) if answers else "",
                "score": "" if score is None else _short(score.reason or score.value),
            }
        )
    return {
        "seeds": about["seeds"],
        "start_s": ready - start,
        "render_ms": 1000 * (rendered - ready) / len(seeds),
        "score_ms": 1000 * (done - answered) / max(1, len(known)),
        "failed": sum(bool(one.reason) for one in [*prompts, *scores.values()]),
        "items": rows,
    }


def require_some_trusted(s: Session) -> None:
    """Refuse to work where every installed environment was distrusted: no task's code may run here then."""
    if not any(row["trusted"] for row in _installed(s)):
        raise Refused("no environment is trusted on this machine: `assay env trust NAME`")


def _installed(s: Session) -> list[dict[str, Any]]:
    from assay.protocol import templates
    from assay.protocol.hashing import hex32
    from assay.roles.base import environment_hash

    rows = []
    for template in templates.names():
        pinned = templates.blank(template).environment
        if pinned.name in {"digits"}:
            shown = ", ".join(f"{key}={value}" for key, value in pinned.options.items())
            rows.append(_row(s, pinned.name, shown, hex32(environment_hash(pinned.name, pinned.options)), {}))
    if _library():
        rows.append(_row(s, "reasoning-gym", "dataset=…", "", {}))
    folders = s.home / FOLDERS
    for place in sorted(folders.iterdir()) if folders.is_dir() else []:
        if re.fullmatch(r"[0-9a-f]{64}", place.name) and any((place / name).is_file() for name in OWN_FILES):
            root = "0x" + place.name
            own: dict[str, Option] = {"root": root}
            rows.append(_row(s, "folder", f"root={root}", hex32(environment_hash("folder", own)), own))
    known = {word for row in rows for word in (row["hash"], row["options"].removeprefix("root="))}
    others = sorted(word for word in trusting.read(s.home, trusting.TRUSTED) - known if _HASH.fullmatch(word))
    return rows + [{"name": "by hash", "options": "", "hash": word, "trusted": True} for word in others]


def _row(s: Session, name: str, shown: str, digest: str, options: dict[str, Option]) -> dict[str, Any]:
    trusted = trusting.is_trusted(s.home, name, digest, options)
    return {"name": name, "options": shown, "hash": digest, "trusted": trusted}


def _library() -> bool:
    from importlib import util

    return util.find_spec("reasoning_gym") is not None


def _named(s: Session, environment: str, option: list[str] | None) -> tuple[str, dict[str, Option]]:
    """Return the name and options of what was typed: a kind's name, a folder, or the root of an added one."""
    from assay.model.env import registry

    options = _read(option)
    if environment in {*registry.names(), *registry.text_names()}:
        return environment, options
    if Path(environment).is_dir():
        return "folder", {"root": "0x" + _add(s, Path(environment)).hex(), **options}
    word = environment.removesuffix("…").removeprefix("0x")
    folders = s.home / FOLDERS
    found = [place.name for place in folders.iterdir() if place.name.startswith(word)] if folders.is_dir() else []
    if len(word) < 4 or len(found) != 1:
        known = ", ".join([*registry.names(), *registry.text_names()])
        raise Refused(f"{environment!r} is no environment's name ({known}), no folder and no root of an added one")
    return "folder", {"root": "0x" + found[0], **options}


def _add(s: Session, source: Path) -> bytes:
    from assay.model.env import folder

    if not source.is_dir():
        raise Refused(f"{source} isn't a folder")
    part = s.home / FOLDERS / "part"
    root = folder.write(part, source).root()
    place = s.home / FOLDERS / root.hex()
    if place.is_dir():
        shutil.rmtree(part)
    else:
        part.rename(place)
    return root


def _read(option: list[str] | None) -> dict[str, Option]:
    """Return options as a spec has them: true, false and numbers are read as such, everything else is text."""
    from assay.protocol.fields import Options as Kind

    found: dict[str, Option] = {}
    for pair in option or []:
        key, equals, value = pair.partition("=")
        if not equals or key in found:
            raise Refused(f"--option {pair}: write KEY=VALUE, each key once")
        found[key] = _value(value)
    read: dict[str, Option] = Kind().read(found, "--option")
    return read


def _value(text: str) -> Option:
    if text in {"true", "false"}:
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _fragment(name: str, options: dict[str, Option], digest: str) -> str:
    from assay.protocol.fields import Options as Kind

    shown = Kind().write_toml(options)
    return f'[environment]\nname = "{name}"\nhash = "{digest}"\ndeterministic = true\noptions = {shown}'


def _short(value: Any) -> str:
    if isinstance(value, list):
        value = value[-1]["content"] if value and isinstance(value[-1], dict) else value
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else text[:57] + "..."
