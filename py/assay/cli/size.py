"""Bytes and rates as people type and read them: `20MB`, `8GB`, `2.5MB/s`. Decimal units, as networks and disks use."""

from __future__ import annotations

import re
from typing import Final

from assay.errors import Refused

UNITS: Final = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_TYPED: Final = re.compile(r"(\d{1,9}(?:\.\d{1,3})?) ?([KMGT]?B)", re.IGNORECASE)


def parse(text: str, option: str) -> int:
    """Return a count of bytes. Refused, with the option's name, if the text isn't one or is nothing."""
    found = _TYPED.fullmatch(text.strip())
    size = int(float(found[1]) * UNITS[found[2].upper()]) if found else 0
    if size < 1:
        raise Refused(f"{option}: {text!r} isn't an amount of bytes; write 500KB, 20MB or 8GB")
    return size


def parse_rate(text: str, option: str) -> int:
    """Return bytes per second; `20MB` and `20MB/s` are the same. Refused as `parse`."""
    return parse(text.strip().removesuffix("/s"), option)


def shown(size: float) -> str:
    """Return an amount of bytes with three digits at most."""
    for unit, factor in reversed(UNITS.items()):
        if size >= factor:
            return f"{size / factor:.3g} {unit}" if size / factor < 999.5 else f"{size / factor:.0f} {unit}"
    return "0 B"
