"""The hold server: an HTTP server that answers only after the silence it is asked for.

It stands at the far end of the path that `probe` measures. Whoever does not know its token gets an immediate 404, and
what one visitor can hold is bounded, so that it is no tar pit for everybody. `orchestrator probe serve` starts it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import re
import secrets
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import uvicorn
from starlette.datastructures import Headers, QueryParams
from starlette.types import Receive, Scope, Send

from orchestrator._version import __version__
from orchestrator.errors import UsageError
from orchestrator.probe.holds import MARK

_SHORTEST_TOKEN = 16
_TOKEN = re.compile(rf"[A-Za-z0-9_-]{{{_SHORTEST_TOKEN},200}}", re.ASCII)
_TOLD_HEADERS = ("host", "via", "forwarded", "x-forwarded-for", "x-real-ip", "connection")
"""What is told of a request as it arrived: the traces of those in between, and nothing that could be a secret."""
_SHORTEST_BEAT_S = 0.05
_LINE = b" \n"
_CLOSING_S = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldOptions:
    """How a hold server is started.

    Attributes:
        host: Address to listen on.
        port: 0 takes a free one.
        token: What the path begins with; a new one where none is given.
        longest_s: No hold lasts longer.
        most: So many holds at a time.
        certificate: A file of a TLS certificate (with its chain), where it serves https.
        key: The file of its key, where that is not in the same file.
    """

    host: str = "127.0.0.1"
    port: int = 0
    token: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    longest_s: float = 900.0
    most: int = 64
    certificate: str | None = None
    key: str | None = None

    def __post_init__(self) -> None:
        if not _TOKEN.fullmatch(self.token):
            raise UsageError(
                f"a token has at least {_SHORTEST_TOKEN} letters, digits, `-` or `_`: others must not guess it"
            )


class HoldServer:
    """One hold server on one socket.

    Raises:
        OSError: The address cannot be listened on.
    """

    def __init__(self, options: HoldOptions) -> None:
        self._options = options
        self._socket = _listen(options.host, options.port)
        self._application = HoldApp(options)
        self._server: _Server | None = None

    @property
    def url(self) -> str:
        """Where clients find it; the token is in it."""
        host = f"[{self._options.host}]" if ":" in self._options.host else self._options.host
        scheme = "http" if self._options.certificate is None else "https"
        return f"{scheme}://{host}:{self._socket.getsockname()[1]}/{self._options.token}"

    async def run(self, ready: Callable[[str], None]) -> None:
        """Serve until `stop`; `ready` is called with the URL once it serves."""
        config = uvicorn.Config(
            self._application,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # the peer is whoever is connected, not who a header says
            timeout_graceful_shutdown=_CLOSING_S,
            ssl_certfile=self._options.certificate,
            ssl_keyfile=self._options.key,
        )
        self._server = _Server(config, lambda: ready(self.url))
        await self._server.serve([self._socket])

    def stop(self) -> None:
        """End it, and every hold with a reply that says so; to be called in its event loop."""
        self._application.closing.set()
        if self._server is not None:
            self._server.should_exit = True


class HoldApp:
    """The ASGI application.

    `GET /TOKEN` tells what it offers and what it saw; `GET /TOKEN/hold?s=SECONDS` answers after so long. With
    `&beat=SECONDS` it sends the head of the reply at once and then a blank line now and then: silence is broken, though
    the reply lasts as long.
    """

    def __init__(self, options: HoldOptions) -> None:
        self._options = options
        self._held = 0
        self.closing = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        token, _, what = scope["path"].removeprefix("/").rstrip("/").partition("/")
        if not hmac.compare_digest(token.encode(), self._options.token.encode()) or what not in ("", "hold"):
            await _answer(send, 404, None)
        elif scope["method"] != "GET":
            await _answer(send, 405, _problem("only GET is answered here"))
        elif what == "hold":
            await self._hold(scope, receive, send)
        else:
            await _answer(send, 200, self._about(scope))

    def _about(self, scope: Scope) -> dict[str, object]:
        headers = Headers(scope=scope)
        host, port = scope["client"] or ("", 0)
        return {
            MARK: __version__,
            "longest_s": self._options.longest_s,
            "most": self._options.most,
            "peer": {"host": host, "port": port},
            "headers": {name: headers[name] for name in _TOLD_HEADERS if name in headers},
        }

    async def _hold(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = QueryParams(scope["query_string"])
        seconds, beat_s = _seconds(query.get("s")), _seconds(query.get("beat", "0"))
        if seconds is None or beat_s is None or 0 < beat_s < _SHORTEST_BEAT_S:
            await _answer(send, 400, _problem(f"s and beat are seconds; beat is at least {_SHORTEST_BEAT_S:g}"))
        elif seconds > self._options.longest_s:
            await _answer(send, 400, _problem(f"no hold is longer than {self._options.longest_s:g} s"))
        elif self._held >= self._options.most:
            await _answer(send, 503, _problem(f"{self._options.most} holds are open already"), retry_after_s=5)
        else:
            self._held += 1
            try:
                await self._keep(_Held(seconds, beat_s, self._about(scope)), receive, send)
            finally:
                self._held -= 1

    async def _keep(self, held: _Held, receive: Receive, send: Send) -> None:
        """Keep a request open until its time is over, its client has gone or the server ends."""
        over = asyncio.ensure_future(_gone(receive))
        ending = asyncio.ensure_future(self.closing.wait())
        loop = asyncio.get_running_loop()
        began = loop.time()
        if held.beat_s:
            await _begin(send)
        try:
            while not (over.done() or ending.done()) and (left_s := began + held.seconds - loop.time()) > 0:
                pause_s = min(held.beat_s, left_s) if held.beat_s else left_s
                await asyncio.wait((over, ending), timeout=pause_s, return_when=asyncio.FIRST_COMPLETED)
                if held.beat_s and not over.done():
                    await send({"type": "http.response.body", "body": _LINE, "more_body": True})
        finally:
            for watcher in (over, ending):
                watcher.cancel()
        if over.done() and not over.cancelled():
            return
        document = {**held.about, "held_s": round(loop.time() - began, 3)}
        if ending.done() and not ending.cancelled():
            document |= _problem("the hold server was stopped")
        if held.beat_s:
            await send({"type": "http.response.body", "body": json.dumps(document).encode()})
        else:
            await _answer(send, 503 if "problem" in document else 200, document)


@dataclass(frozen=True, slots=True)
class _Held:
    seconds: float
    beat_s: float
    about: dict[str, object]


class _Server(uvicorn.Server):
    """uvicorn that says when it serves; signals are the business of whoever starts it."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _gone(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _answer(
    send: Send, status: int, document: dict[str, object] | None, *, retry_after_s: int | None = None
) -> None:
    body = b"" if document is None else json.dumps(document).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(b"cache-control", b"no-store")]
    if retry_after_s is not None:
        headers += [(b"retry-after", str(retry_after_s).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _begin(send: Send) -> None:
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})


def _problem(text: str) -> dict[str, object]:
    return {MARK: __version__, "problem": text}


def _seconds(text: str | None) -> float | None:
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket without TCP keepalive: it would keep alive what is to be measured."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener
