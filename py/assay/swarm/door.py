"""How a node's HTTP server meets strangers: who is slow, silent or many costs it a connection and nothing else.

uvicorn over uvloop and httptools, with what uvicorn leaves open: a time for the head of a request, a time for a reader
that doesn't read, and a number of connections for each host. Knows nothing of what is served. Doesn't protect against
floods of packets: that is the task of the network before it.
"""

from __future__ import annotations

import asyncio
import resource
from collections import Counter
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
STALLED_SECONDS = 30.0
IDLE_SECONDS = 15
PER_HOST, IN_ALL = 256, 1024
HEAD_BYTES = 64 << 10
BODY_SECONDS, BODY_BYTES = 15.0, 1 << 20
PIPELINED = 16
"""Requests that may wait on one connection for the answers before theirs."""


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
        self._body: asyncio.TimerHandle | None = None
        self._leaving: asyncio.TimerHandle | None = None
        self._head_bytes = self._body_bytes = 0
        self._idle_since = self.loop.time()

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._host = str((transport.get_extra_info("peername") or ("",))[0])
        self._hosts[self._host] += 1
        if self._hosts[self._host] > PER_HOST or (self._hosts.total() > _in_all() and not self._make_room()):
            transport.abort()
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._hosts[self._host] -= 1
        if self._hosts[self._host] <= 0:
            del self._hosts[self._host]
        for timer in (self._head, self._stalled, self._body, self._leaving):
            _cancel(timer)
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
        if len(self.pipeline) >= PIPELINED:
            self.transport.abort()
            raise ValueError("too many requests at once")  # ends the parser's loop
        _cancel(self._body)
        self._body = self.loop.call_later(BODY_SECONDS, self.transport.abort)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._body_bytes > BODY_BYTES:
            self.transport.abort()
            raise ValueError("a body without end")
        super().on_body(body)

    def on_message_complete(self) -> None:
        _cancel(self._body)
        self._body, self._body_bytes = None, 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        self._idle_since = self.loop.time()
        super().on_response_complete()
        if self.transport.is_closing():
            self._leave()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._leave()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self.loop.call_later(STALLED_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        _cancel(self._stalled)
        super().resume_writing()

    def _leave(self) -> None:
        """A connection that is being closed waits for its reader; not for ever."""
        if self._leaving is None:
            self._leaving = self.loop.call_later(STALLED_SECONDS, self.transport.abort)

    def _make_room(self) -> bool:
        """End the connection that has had nothing to do for longest, of the host that has most; False if all work."""
        idle = [one for one in self.connections if isinstance(one, _Guarded) and one is not self and one.is_idle]
        if not idle:
            return False
        min(idle, key=lambda one: (-self._hosts[one._host], one._idle_since)).transport.abort()
        return True

    @property
    def is_idle(self) -> bool:
        """Whether no request of this connection is being answered."""
        return (self.cycle is None or self.cycle.response_complete) and not self.transport.is_closing()

    def _await_head(self) -> None:
        if self._head is None:
            self._head_bytes = 0
            self._head = self.loop.call_later(HEAD_SECONDS, self.transport.abort)


def _in_all() -> int:
    """The connections at most: half of what the system lets this process open."""
    return min(IN_ALL, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
