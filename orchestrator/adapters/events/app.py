"""The ASGI application: takes events from those who may send them, and acknowledges what the journal has.

`POST /SECRET/main` and `POST /SECRET/fallback` take events; `/health` and `/metrics` tell how it goes. Whoever does not
know the secret gets an empty 404, whatever else is wrong. It may be mounted into another application.
"""

from __future__ import annotations

import asyncio
import hmac
import json

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from orchestrator.adapters.events import metrics as figures
from orchestrator.adapters.events.desk import Desk
from orchestrator.adapters.events.metrics import Metrics
from orchestrator.adapters.events.options import Limits, ReceiverOptions
from orchestrator.adapters.events.peers import Address, client_of, within
from orchestrator.adapters.events.reading import NoEventError, read_event
from orchestrator.adapters.events.signature import Signatures
from orchestrator.ports import Clock, EventSink, Taken

SOURCES = ("main", "fallback")
_RETRY_AFTER_S = 1


class _RefusedError(Exception):
    """The request is answered so, without reading on."""

    def __init__(self, status: int, result: str, problem: str = "") -> None:
        super().__init__(problem)
        self.status = status
        self.result = result


class EventApp:
    """The ASGI application of one receiver.

    Args:
        secret: What the path of events begins with.
        sink: Gets the events.
        clock: Tells when they came.
        options: Who may send, and how much.

    Attributes:
        metrics: What it counted.
    """

    def __init__(self, secret: str, sink: EventSink, *, clock: Clock, options: ReceiverOptions) -> None:
        self.metrics = Metrics()
        self._secret = secret.encode()
        self._clock = clock
        self._options = options
        self._signatures = Signatures(options.signing_secrets)
        self._desk = Desk(sink)
        self._requests = 0

    def close(self) -> None:
        """Let go of the sink, after what is in hand."""
        self._desk.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return  # neither WebSockets nor the life of whatever this is mounted into
        path = str(scope["path"]).removeprefix(str(scope.get("root_path", "")))
        first, _, rest = path.removeprefix("/").partition("/")
        knows = hmac.compare_digest(first.encode("utf-8", "replace"), self._secret)
        if knows and rest in SOURCES:
            await self._event(rest, scope, receive, send)
        elif scope["method"] in ("GET", "HEAD") and path == "/health":
            await _answer(send, 200, b"ok\n", kind="text/plain")
        elif scope["method"] == "GET" and path == "/metrics" and self._may_see_metrics(scope):
            await _answer(send, 200, self.metrics.text().encode(), kind=figures.CONTENT_TYPE)
        else:
            self.metrics.count("not_found", source="other")
            await _answer(send, 404, closing=True)

    async def _event(self, source: str, scope: Scope, receive: Receive, send: Send) -> None:
        self._requests += 1
        try:
            taken = await self._take(source, scope, receive)
        except _RefusedError as refusal:
            self.metrics.count(refusal.result, source=source)
            await _answer(send, refusal.status, _problem(refusal), kind="application/json", closing=True)
        except asyncio.CancelledError:  # the client has gone, or the server ends without waiting
            self.metrics.count("left", source=source)
            raise
        else:
            self.metrics.count(taken.value, source=source)
            await _answer(send, 503 if taken is Taken.FAILED else 204)
        finally:
            self._requests -= 1

    async def _take(self, source: str, scope: Scope, receive: Receive) -> Taken:
        headers = Headers(scope=scope)
        if self._options.allow and not within(self._client(scope, headers), self._options.allow):
            raise _RefusedError(403, "forbidden", "events are not taken from this address")
        if scope["method"] != "POST":
            raise _RefusedError(405, "bad_method", "events are sent by POST")
        if self._requests > self._options.limits.requests:
            raise _RefusedError(503, "busy", "too many events at a time")
        body = await self._body(headers, receive)
        at = self._clock.now()
        if not self._signatures.accept(
            body,
            timestamp=headers.get(self._options.timestamp_header, ""),
            signature=headers.get(self._options.signature_header, ""),
            now_wall=at.wall,
        ):
            raise _RefusedError(401, "bad_signature", "the signature is missing, old or wrong")
        try:
            event = read_event(body, headers, source=source, at=at)
        except NoEventError as error:
            raise _RefusedError(400, "bad_body", str(error)) from None
        self.metrics.in_hand += 1
        try:
            return await self._desk.take(event)
        finally:
            self.metrics.in_hand -= 1
            self.metrics.kept(self._clock.now().since(at))

    async def _body(self, headers: Headers, receive: Receive) -> bytes:
        limits = self._options.limits
        length = headers.get("content-length", "")
        if length.isdecimal() and (len(length) > 12 or int(length) > limits.body_bytes):
            raise _too_long(limits)
        body = bytearray()
        try:
            async with asyncio.timeout(limits.body_s):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _RefusedError(400, "left", "the body did not come whole")
                    body += message.get("body", b"")
                    if len(body) > limits.body_bytes:
                        raise _too_long(limits)
                    if not message.get("more_body"):
                        return bytes(body)
        except TimeoutError:
            raise _RefusedError(408, "too_slow", f"an event comes whole within {limits.body_s:g} s") from None

    def _may_see_metrics(self, scope: Scope) -> bool:
        """Return whether a client may; one behind a proxy that is not trusted cannot be told from the proxy."""
        headers = Headers(scope=scope)
        is_forwarded = "x-forwarded-for" in headers or "forwarded" in headers or "via" in headers
        if is_forwarded and not self._options.trust_forwarded:
            return False
        return within(self._client(scope, headers), self._options.metrics_from)

    def _client(self, scope: Scope, headers: Headers) -> Address | None:
        peer = scope.get("client")
        forwarded = headers.getlist("x-forwarded-for")
        return client_of(peer[0] if peer else None, forwarded, trusted=self._options.trust_forwarded)


def _too_long(limits: Limits) -> _RefusedError:
    return _RefusedError(413, "too_long", f"an event has at most {limits.body_bytes} bytes")


def _problem(refusal: _RefusedError) -> bytes:
    return json.dumps({"problem": str(refusal)}).encode()


async def _answer(
    send: Send, status: int, body: bytes = b"", *, kind: str | None = None, closing: bool = False
) -> None:
    """Answer; `closing` ends the connection, since the rest of the request may still be on its way."""
    headers = [] if status == 204 else [(b"content-length", str(len(body)).encode())]
    headers += [] if kind is None else [(b"content-type", kind.encode())]
    headers += [(b"cache-control", b"no-store")]
    headers += [(b"connection", b"close")] if closing else []
    headers += [(b"allow", b"POST")] if status == 405 else []
    headers += [(b"retry-after", str(_RETRY_AFTER_S).encode())] if status == 503 else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
