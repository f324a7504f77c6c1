"""A limit on bandwidth: a bucket that fills at a rate and gives a wait to whoever takes more than is in it.

Pure: time is passed in. Knows nothing of what is limited. Whoever shares one between threads guards it.
"""

from __future__ import annotations


class Rate:
    """So many bytes a second, None without limit, and `burst` bytes at once."""

    def __init__(self, bytes_per_second: float | None, burst: float = 1 << 20) -> None:
        self._rate, self._burst = bytes_per_second, burst
        self._full = burst
        self._since: float | None = None

    def reserve(self, n: int, now: float) -> float:
        """Take `n` bytes and return the seconds to wait before they are used."""
        if self._rate is None:
            return 0.0
        since = now if self._since is None else self._since
        self._full = min(self._burst, self._full + (now - since) * self._rate) - n
        self._since = now
        return max(0.0, -self._full / self._rate)
