"""Money for screens: wei as tokens with two decimals. Knows nothing of who owns it."""

from __future__ import annotations

from typing import Final

WEI_PER_TOKEN: Final = 10**18
CENT: Final = 10**16


def formatted(wei: int) -> str:
    """Return wei as tokens with two decimals, rounded down, thousands set apart;
    smaller amounts with the decimals that they need.

    Rounding down means that a screen never promises more than there is; a non-zero amount is never shown as zero.
    """
    sign, wei = ("-", -wei) if wei < 0 else ("", wei)
    if 0 < wei < CENT:
        digits = f"{wei:018d}"
        first = len(digits) - len(digits.lstrip("0"))
        return f"{sign}0.{digits[: first + 2].rstrip('0')}"
    whole, part = divmod(wei, WEI_PER_TOKEN)
    return f"{sign}{whole:,}.{part // CENT:02d}"


def short(wei: int) -> str:
    """Return wei as `formatted` does, without decimals when they are zero: 1,000."""
    return formatted(wei).removesuffix(".00")
