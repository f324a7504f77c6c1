"""`assay explain`: replay a verdict on this machine."""

from __future__ import annotations

import os
import re
from typing import Annotated, Any, Final

import typer

from assay.cli.session import session
from assay.errors import Refused

PREFIX: Final = re.compile(r"0x(?:[0-9a-fA-F]{2}){2,32}")


def explain(
    ctx: typer.Context,
    submission: Annotated[str, typer.Argument(help="The submission's root, or its first 4 hex digits or more.")],
) -> None:
    """Replay a submission's checks here: which failed, at which leaf, what was measured, and the threshold.

    Example: `assay explain 0x91c4`
    """
    from assay.chain.keys import LocalSigner
    from assay.roles.explain import replay

    s = session(ctx)
    if not PREFIX.fullmatch(submission):
        raise Refused(f"{submission!r} isn't a root: write 0x and 4 to 64 hex digits, whole bytes")
    folder = s.node_folder("explain")
    # Explaining signs nothing: the key is thrown away, so that it works while a node holds the account's own.
    config = s.node_config("explain", signer=LocalSigner(os.urandom(32)), home=folder)
    found = replay(config, submission.lower(), s.screen.say)
    s.screen.result(found, lambda: _show(s.screen.table, s.names.of, found))


def _show(table: Any, name_of: Any, found: dict[str, Any]) -> None:
    head = [f"task {found['task']} round {found['round']}"] if "task" in found and "round" in found else []
    if "trainer" in found:
        head.append(f"trainer {name_of(found['trainer'])}")
    if "root" in found:
        head.append(f"root {found['root']}")
    if head:
        typer.echo(" · ".join(head))
    checks = [
        check if isinstance(check, dict) else dict(zip(_FIELDS, check, strict=False))
        for check in found.get("checks", [])
    ]
    if checks:
        table(["check", "result", "value", "threshold", "time"], [_row(one) for one in checks])
    verdict = _word(found.get("verdict"), "Verdict").upper()
    parts = [verdict] if verdict else []
    reason = _word(found.get("reason"), "Reason")
    if reason and reason != "none":
        parts.append(f"check {reason}")
        parts += [f"leaf {found['leaf']}"] if found.get("leaf") is not None else []
        if found.get("value") is not None:
            parts.append(f"measured {_number(found['value'])}, threshold {_number(found.get('threshold'))}")
    if found.get("message"):
        parts.append(str(found["message"]))
    typer.echo(" · ".join(parts))
    if "outcome" in found and found["outcome"] is not None:
        typer.echo(f"on chain: {_word(found['outcome'], 'Outcome')}")


def _row(check: dict[str, Any]) -> list[str]:
    passed = "ok" if check.get("passed") else "FAILED"
    numbers = [_number(check.get(name)) for name in ("value", "threshold")]
    return [str(check.get("name", "")), passed, *numbers, f"{float(check.get('seconds') or 0):.2f} s"]


_FIELDS: Final = ("name", "seconds", "passed", "value", "threshold")


def _number(value: Any) -> str:
    return "-" if value is None else f"{value:g}" if isinstance(value, int | float) else str(value)


def _word(value: Any, kind: str) -> str:
    from assay import types

    if isinstance(value, int):
        return str(getattr(types, kind)(value).name).lower()
    return "" if value is None else str(value)
