"""The walls around a sandbox: bubblewrap, so that what runs inside has no network, no home and no keys.

Inside, the file system is empty but for the interpreter, this package, the system's libraries and what is named. The
process ids, host name and shared memory are its own. Protects against code that looks for more than it was given; it
isn't a virtual machine: a fault of the kernel is a way out.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import assay

MISSING: Final = (
    "bubblewrap isn't usable here: checks run without walls, in a process with limits, and only environments that are"
    " part of this software run; install it with `apt-get install bubblewrap`"
)
_SYSTEM: Final = ("/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/sys/devices/system/cpu")


@dataclass(frozen=True, slots=True)
class Walls:
    """Folders that are there inside, besides the interpreter and this package; writable ones must exist."""

    read: tuple[Path, ...] = ()
    write: tuple[Path, ...] = ()

    def command(self) -> list[str]:
        """Return what to put before a command line so that it runs inside."""
        program = shutil.which("bwrap")
        package = Path(assay.__file__).parent.parent
        seen: list[str | Path] = [*_SYSTEM, sys.prefix, sys.base_prefix, package, *self.read]
        return [
            program or "bwrap",
            *("--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"),
            *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"),  # noqa: S108  inside, it is empty and its own
            *_bound("--ro-bind-try", seen),
            *_bound("--bind", self.write),
            *("--chdir", "/", "--"),
        ]


def _bound(how: str, folders: Iterable[str | Path]) -> list[str]:
    """Bind each folder where it is, and where it really is if that's a link."""
    words = []
    for folder in folders:
        place = Path(folder).absolute()
        for name in dict.fromkeys((str(place), str(place.resolve()))):
            words += [how, str(place), name]
    return words


@cache
def usable() -> bool:
    """Tell whether bubblewrap is installed and may make namespaces here."""
    if shutil.which("bwrap") is None:
        return False
    try:
        command = [*Walls().command(), sys.executable, "-I", "-c", ""]
        tried = subprocess.run(command, check=False, capture_output=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return tried.returncode == 0
