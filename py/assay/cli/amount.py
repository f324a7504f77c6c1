"""Amounts and durations as people type them, and how the command calls itself. Knows nothing of who pays."""

from __future__ import annotations

import re
import sys
from typing import Final

from assay.errors import Refused

_TOKENS: Final = re.compile(r"(\d{1,12}(?:,\d{3})*)(?:\.(\d{1,18}))?", re.ASCII)
_PART: Final = re.compile(r"(\d{1,6})([smhd])", re.ASCII)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
GWEI: Final = 10**9


def parse(text: str, what: str = "amount") -> int:
    """Return the wei of an amount in tokens, such as 100, 1,000 or 0.5. Refused if it isn't one, or is zero."""
    match = _TOKENS.fullmatch(text.strip())
    if match is None:
        raise Refused(f"{what}: {text!r} isn't an amount of tokens; write 100 or 0.5")
    whole, part = match.groups()
    wei = int(whole.replace(",", "")) * 10**18 + int((part or "").ljust(18, "0"))
    if wei == 0:
        raise Refused(f"{what}: must be more than zero")
    return wei


def span(text: str, what: str) -> int:
    """Return the seconds of a duration such as 90s, 15m, 2h, 7d or 1h30m. Refused if it isn't one, or is zero."""
    asked = text.strip().lower()
    parts = _PART.findall(asked)
    total = sum(int(number) * _SECONDS[unit] for number, unit in parts)
    if not total or "".join(number + unit for number, unit in parts) != asked:
        raise Refused(f"{what}: {text!r} isn't a duration; write 90s, 15m, 2h or 7d")
    return total


def program() -> str:
    """Return how this command was called, for hints: ./assay from a clone, assay when it is installed."""
    return "assay" if sys.argv[0].endswith("/assay") else "./assay"


def duration(seconds: int) -> str:
    """Return seconds as 25 s, 2:54 or 1:02:03."""
    if seconds < 60:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
