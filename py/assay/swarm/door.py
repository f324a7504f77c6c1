"""How a node's HTTP server meets strangers: who is slow, silent or many costs it a connection and nothing else.

uvicorn over uvloop and httptools, with what uvicorn leaves open: a time for the head of a request, a time for a reader
that doesn't read, and a number of connections for each host. Knows nothing of what is served. Doesn't protect against
floods of packets: that is the task of the network before it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
STALLED_SECONDS = 30.0
IDLE_SECONDS = 15
PER_HOST, IN_ALL = 256, 1024
HEAD_BYTES = 64 << 10


def config(app: Any, **more: Any) -> uvicorn.Config:
    """Return the settings of a server of `app` that strangers may reach."""
    hosts: Counter[str] = Counter()

    def protocol(*args: Any, **kwargs: Any) -> asyncio.Protocol:
        return _Guarded(hosts, *args, **kwargs)

    settings = {"log_level": "warning", "access_log": False, "lifespan": "off", "ws": "none"}
    return uvicorn.Config(app, loop="uvloop", http=protocol, timeout_keep_alive=IDLE_SECONDS, **{**settings, **more})  # type: ignore[arg-type]


class _Guarded(HttpToolsProtocol):
    """One connection."""

    def __init__(self, hosts: Counter[str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._hosts, self._host = hosts, ""
        self._head: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._head_bytes = 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._host = str((transport.get_extra_info("peername") or ("",))[0])
        self._hosts[self._host] += 1
        if self._hosts[self._host] > PER_HOST or self._hosts.total() > IN_ALL:
            transport.abort()
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._hosts[self._host] -= 1
        if self._hosts[self._host] <= 0:
            del self._hosts[self._host]
        _cancel(self._head)
        _cancel(self._stalled)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self._await_head()  # also for bytes that aren't the begin of a request
        if self._head is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self.transport.abort()
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        _cancel(self._head)
        self._head, self._head_bytes = None, 0
        super().on_headers_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self.loop.call_later(STALLED_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        _cancel(self._stalled)
        super().resume_writing()

    def _await_head(self) -> None:
        if self._head is None:
            self._head_bytes = 0
            self._head = self.loop.call_later(HEAD_SECONDS, self.transport.abort)


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
