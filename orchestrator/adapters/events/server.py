"""The process's side of the receiver: one socket, uvicorn on it, and the time a request's head may take.

Nothing here logs a path: the secret is in it. `orchestrator.receiver` starts it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from orchestrator.adapters.events.options import Limits
from orchestrator.errors import UnreachableError

_BACKLOG = 1024


class EventServer:
    """Serves an application on an address.

    Attributes:
        url: Where it listens.

    Raises:
        UnreachableError: The address cannot be listened on.
    """

    def __init__(self, app: ASGIApp, *, host: str, port: int, limits: Limits) -> None:
        self._socket = _listen(host, port)
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            app,
            http=_timed(limits),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # the application reads them itself, and only from proxies that were named
            backlog=_BACKLOG,
            timeout_graceful_shutdown=limits.closing_s,
        )
        self._server = _Server(config)

    async def run(self, *, beat: Callable[[], None], beat_s: float, ready: Callable[[], None]) -> None:
        """Serve until `stop`, then finish what is in hand.

        Args:
            beat: Called in a thread of its own before it serves and every `beat_s` seconds.
            beat_s: See there.
            ready: Called once, as soon as it serves.
        """
        self._server.ready = ready
        await asyncio.to_thread(beat)
        beating = asyncio.ensure_future(_beat(beat, beat_s))
        try:
            await self._server.serve([self._socket])
        finally:
            beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beating

    def stop(self) -> None:
        """Accept nothing more and end; to be called in its event loop."""
        self._server.should_exit = True

    def close(self) -> None:
        """Let go of the address, where it was never served."""
        self._socket.close()


class _Server(uvicorn.Server):
    """uvicorn that says when it serves; signals are the business of whoever starts it."""

    ready: Callable[[], None]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _timed(limits: Limits) -> type[asyncio.Protocol]:
    """Return uvicorn's protocol with bounds that it lacks: on connections, and on the time of a request's head."""
    logger = logging.getLogger("orchestrator.events")
    logger.setLevel(logging.ERROR)  # a warning for every malformed request would let anybody fill the log

    class Timed(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # which it is depends on what is installed
        head_timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            self.logger = logger
            super().connection_made(transport)
            if len(self.connections) > limits.connections:
                transport.abort()
            else:
                self._await_head()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                self._stop_timer()  # the head is whole: from now on the application minds the time
            elif self.head_timer is None:
                self._await_head()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_timer()
            super().connection_lost(exc)

        def _await_head(self) -> None:
            self.head_timer = self.loop.call_later(limits.head_s, self.transport.abort)

        def _stop_timer(self) -> None:
            if self.head_timer is not None:
                self.head_timer.cancel()
                self.head_timer = None

    return Timed


async def _beat(beat: Callable[[], None], beat_s: float) -> None:
    while True:
        await asyncio.sleep(beat_s)
        await asyncio.to_thread(beat)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only on sockets that name their protocol; without it replies wait 40 ms for an ACK
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise UnreachableError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    return listener
