"""Long work over strangers' files for a command: one job in a sandbox of its own, and word of how far it is.

Knows nothing of what the work is. The job writes `[what, share]` to the file that its argument `told` names.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from assay.artifact.sandbox import Job, Sandbox
from assay.artifact.walls import Walls, usable

SECONDS: Final = 4 * 3600.0
LOOK_SECONDS: Final = 0.2
OFFLINE: Final = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
Progress = Callable[[str, float], None]


def work(
    name: str,
    args: Mapping[str, Any],
    room: Path,
    read: tuple[Path, ...],
    memory: int,
    progress: Progress,
    preload: tuple[str, ...] = (),
    threads: int = 1,
) -> dict[str, Any]:
    """Run a job of `roles.work` and return its result. It sees the folders in `read` and may write to `room`.

    Raises what the job raises; see `Sandbox.run`.
    """
    walls = Walls(read=read, write=(room,)) if usable() else None
    told = room / "told"
    with Sandbox(preload, threads=threads, environment=OFFLINE, walls=walls) as sandbox:
        given = {**args, "told": str(told), "threads": threads}
        job = sandbox.start(f"assay.roles.work:{name}", given, memory, SECONDS)
        return _wait(job, told, progress)


def _wait(job: Job, told: Path, progress: Progress) -> dict[str, Any]:
    last = ""
    while not job.done():
        time.sleep(LOOK_SECONDS)
        try:
            text = told.read_text()
            if text != last:
                what, share = json.loads(text)
                progress(str(what), float(share))
                last = text
        except (OSError, ValueError, TypeError):
            continue  # not begun, or just being written
    return job.result()
