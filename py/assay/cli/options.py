"""The options that every command takes, wherever on the line they stand, and how a command ends.

`assay payouts --as carol --json` and `assay --as carol --json payouts` are the same line. Errors become one sentence
on stderr and an exit code: 2 refused, 3 unavailable, 4 broken; never a stack trace.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import typer
from typer.core import TyperGroup
from typer.exceptions import Abort, TyperException

from assay.errors import AssayError

VALUED: Final = ("--as", "--rpc", "--home", "--deadline")
FLAGS: Final = ("--json", "--yes", "--dry-run", "--quiet", "--sign-only", "-y", "-q")
GLOBAL_HELP: Final = (
    "Options of every command: --as NAME, --rpc URL, --home DIR, --json, --yes, --dry-run, --quiet, --sign-only."
)
INTERRUPTED: Final = 130


def hoist(args: Sequence[str]) -> list[str]:
    """Return the arguments with the global options moved to the front; what follows `--` stays as it is."""
    front: list[str] = []
    rest: list[str] = []
    queue = list(args)
    while queue:
        arg = queue.pop(0)
        if arg == "--":
            rest += [arg, *queue]
            break
        if arg in FLAGS or arg.startswith(tuple(f"{name}=" for name in VALUED)):
            front.append(arg)
        elif arg in VALUED:
            front += [arg, *queue[:1]]
            queue = queue[1:]
        else:
            rest.append(arg)
    return front + rest


class Root(TyperGroup):
    """The root command: hoists the global options and turns errors into a sentence and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command, then let the session show what it kept for the end."""
        done = super().invoke(ctx)
        if hasattr(ctx.obj, "finish"):
            ctx.obj.finish()
        return done

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        given = list(sys.argv[1:] if args is None else args)
        extra["standalone_mode"] = False
        try:
            code = super().main(hoist(given), *rest, **extra)
        except AssayError as error:
            code = _end(type(error).__name__.lower(), str(error), error.exit_code, given)
        except TyperException as error:
            code = _end("refused", _usage(error), 2, given)
        except (Abort, KeyboardInterrupt):
            code = _end("interrupted", "stopped", INTERRUPTED, given)
        except BrokenPipeError:
            code = 0
        except Exception as error:  # noqa: BLE001 - the last net: people get a sentence, the trace goes to a file
            code = _end("broken", f"unexpected {type(error).__name__}: {error}; trace in {_keep_trace()}", 4, given)
        sys.exit(code if isinstance(code, int) else 0)


def _usage(error: TyperException) -> str:
    message = error.format_message().strip()
    return f"{message[:1].lower()}{message[1:].rstrip('.')}; see --help"


def _end(kind: str, message: str, code: int, given: list[str]) -> int:
    sentence = " ".join(message.split())
    shown = json.dumps({"error": kind, "message": sentence}) if "--json" in given else f"{kind}: {sentence}"
    typer.echo(shown, err=True)
    return code


def _keep_trace() -> Path:
    import tempfile

    stamp = time.strftime("%Y%m%d-%H%M%S")
    with tempfile.NamedTemporaryFile("w", prefix=f"assay-{stamp}-", suffix=".trace", delete=False) as kept:
        kept.write(traceback.format_exc())
    return Path(kept.name)
