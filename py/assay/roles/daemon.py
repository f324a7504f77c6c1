"""The cycle of every node: follow the chain, look, decide, act, send; again when a poll or a deadline is due.

Knows nothing of what a role does. A cycle that can't reach something is repeated; one that finds an invariant gone
ends the process. Deadlines follow the chain's clock; the local clock only decides when to look again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from assay.errors import Refused, Unavailable
from assay.roles.config import Say
from assay.roles.serving import Pulse

# Returns the seconds until something is due by time, or None; sets `stop` when there is nothing left to do.
Cycle = Callable[[], float | None]


class Daemon:
    """Runs a cycle at every poll and at every deadline that the cycle names, one at a time."""

    def __init__(self, cycle: Cycle, pulse: Pulse, stop: threading.Event, say: Say, poll_seconds: float) -> None:
        self._cycle = cycle
        self._pulse = pulse
        self._stop = stop
        self._say = say
        self._poll = poll_seconds
        self._fatal: BaseException | None = None
        self._last_trouble = ""
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )

    def run(self) -> None:
        """Run until `stop` is set; raise what broke."""
        logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a cycle that outlasts the poll is normal here
        self._scheduler.add_job(self._once, "interval", seconds=self._poll, id="poll", next_run_time=datetime.now(UTC))
        self._scheduler.start()
        try:
            self._stop.wait()
        finally:
            self._scheduler.shutdown(wait=True)
        if self._fatal is not None:
            raise self._fatal

    def _once(self) -> None:
        if self._stop.is_set():
            return
        try:
            due = self._cycle()
        except (Unavailable, Refused) as error:
            self._pulse.count("cycle_errors_total")
            if str(error) != self._last_trouble:  # the same trouble is said once, not at every poll
                self._last_trouble = str(error)
                self._say(f"{type(error).__name__.lower()}: {error}")
            return
        except BaseException as error:  # noqa: BLE001 - handed to run(), which raises it in the main thread
            self._fatal = error
            self._stop.set()
            return
        self._last_trouble = ""
        self._pulse.beat()
        self._pulse.count("cycles_total")
        if due is not None and due > self._poll:
            return
        if due is not None and due > 0:
            when = datetime.now(UTC) + timedelta(seconds=due)
            self._scheduler.add_job(self._once, "date", run_date=when, id="due", replace_existing=True)
