"""The three kinds of error.

    AssayError
    ├── Refused      bad input: say so, never retry
    ├── Unavailable  something doesn't answer: retry with back-off
    └── Broken       an invariant is gone: stop

Knows nothing of where an error is shown; the command line maps them to the exit codes 2, 3 and 4.
"""

from __future__ import annotations

from assay.types import Reason


class AssayError(Exception):
    """An error with one clear sentence for the person who reads it."""

    exit_code = 1


class Refused(AssayError):
    """Bad input. A refusal of a submission also names its reason, the leaf, the measured value and the threshold."""

    exit_code = 2

    def __init__(
        self,
        message: str,
        reason: Reason = Reason.NONE,
        leaf: int | None = None,
        value: float | None = None,
        threshold: float | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.leaf = leaf
        self.value = value
        self.threshold = threshold


class Unavailable(AssayError):
    """Something outside doesn't answer now; the same call may succeed later."""

    exit_code = 3


class Broken(AssayError):
    """An invariant is gone. The process must stop rather than act on what it no longer knows."""

    exit_code = 4
