"""The process: one socket, one event loop, one model behind it.

`command.py` starts it; tests start it in a thread. Everything that belongs to one running sandbox is built here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from orchestrator.sandbox.api import CallApi, NetworkPath
from orchestrator.sandbox.callees import BadSettingError, Callees
from orchestrator.sandbox.control import PREFIX, Control
from orchestrator.sandbox.courier import Courier, Receiver
from orchestrator.sandbox.effects import Connection
from orchestrator.sandbox.faults import Faults
from orchestrator.sandbox.gate import Gate
from orchestrator.sandbox.model import CallServer, Capability
from orchestrator.sandbox.pulse import Pulse
from orchestrator.sandbox.timing import Timing
from orchestrator.sandbox.transcript import Entry, Transcript


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a sandbox is started; docs/reference/sandbox.md says what each is for."""

    host: str = "127.0.0.1"
    port: int = 0
    key: str = "sandbox"
    password: str = field(default="sandbox", repr=False)
    callees: Callees = field(default_factory=Callees)
    timing: Mapping[str, Any] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    capabilities: Collection[Capability] = ()
    path: NetworkPath = field(default_factory=NetworkPath)
    receiver: Receiver = field(default_factory=Receiver)
    speed: float = 1.0
    clock_skew: float = 0.0
    keep_alive: int = 5
    list_size: int = 100
    list_age: float = 3600.0
    transcript: Path | None = None
    parent: int | None = None


class Sandbox:
    """A server that stands in for the call API until it is told to stop.

    Raises:
        BadSettingError: the transcript cannot be written.
        OSError: the address cannot be listened on.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._written = None if options.transcript is None else _open(options.transcript)
        self._socket = _listen(options.host, options.port)
        self._server: _Server | None = None

    @property
    def url(self) -> str:
        """The base URL clients use."""
        host = f"[{self._options.host}]" if ":" in self._options.host else self._options.host
        return f"http://{host}:{self._socket.getsockname()[1]}"

    async def run(self, ready: Callable[[str], None]) -> None:
        """Serve until `stop` is called or the parent is gone; `ready` is called with the URL once it serves."""
        options = self._options
        config = uvicorn.Config(
            self._application(),
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,  # the sandbox's own clock may be skewed
            timeout_keep_alive=options.keep_alive,
        )
        self._server = _Server(config, lambda: ready(self.url), parent=options.parent)
        try:
            await self._server.serve([self._socket])
        finally:
            if self._written is not None:
                self._written.close()

    def stop(self) -> None:
        """End it; to be called in its event loop (a signal handler, `call_soon_threadsafe`)."""
        if self._server is not None:
            self._server.should_exit = True

    def _application(self) -> ASGIApp:
        options = self._options
        transcript = Transcript()
        if self._written is not None:
            transcript.listeners.append(self._write)
        model = CallServer(
            ids=lambda: str(uuid.uuid4()),
            callees=options.callees,
            timing=Timing(**options.timing, speed=options.speed),
            capabilities=options.capabilities,
            list_size=options.list_size,
            list_age=options.list_age,
            transcript=transcript,
        )
        pulse = Pulse(model, epoch=time.time(), skew=options.clock_skew)
        gate = Gate(model, key=options.key, password=options.password)
        courier = Courier(model, options.faults, options.receiver, pulse=pulse)
        api = CallApi(model, gate, options.faults, pulse=pulse, path=options.path, courier=courier)
        control = Control(model, options.faults, api, pulse=pulse, courier=courier).application()

        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            with contextlib.suppress(asyncio.CancelledError):  # only the end of the server cancels
                await (control if scope["path"].startswith(PREFIX) else api)(scope, receive, send)

        return application

    def _write(self, entry: Entry) -> None:
        assert self._written is not None, "the listener is there only with the file"
        self._written.write(json.dumps(entry, ensure_ascii=False) + "\n")


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: it says when it serves, and waits for no client when it ends."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], *, parent: int | None) -> None:
        super().__init__(config)
        self._ready = ready
        self._parent = parent

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for connection in tuple(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)  # the connections learn that they are lost: their requests may end without a reply
        for task in tuple(self.server_state.tasks):
            task.cancel()
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:  # ten times a second
        orphaned = self._parent is not None and os.getppid() != self._parent
        return await super().on_tick(counter) or orphaned

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _open(path: Path) -> IO[str]:
    try:
        return path.open("a", encoding="utf-8", buffering=1)
    except OSError as problem:
        raise BadSettingError(f"{path}: {problem.strerror}") from None


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only on sockets that name their protocol; without it replies wait 40 ms for an ACK
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener
