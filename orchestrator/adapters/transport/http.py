"""The Transport port over the HTTP library (see `ports.Transport`; rules, sections 4.2 and 4.3).

`HttpTransport` holds what all runs share: the route, the TLS settings with the authorities loaded once, the deadline
watcher. A channel holds the connections of one run. The table of outcomes is in docs/reference/transport.md.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from requests.structures import CaseInsensitiveDict

from orchestrator._version import __version__
from orchestrator.adapters.dialects.call_api import CallApi, Encoded
from orchestrator.adapters.transport.adapter import PinnedAdapter, PreparedCall
from orchestrator.adapters.transport.connections import Wire
from orchestrator.adapters.transport.credentials import Credentials
from orchestrator.adapters.transport.deadlines import DeadlineWatcher
from orchestrator.adapters.transport.failures import cut_of, meaning_of
from orchestrator.adapters.transport.route import Route, resolve_route, tls_context
from orchestrator.adapters.transport.sending import Sending, Stop
from orchestrator.adapters.transport.sockets import SocketOption, socket_options
from orchestrator.core.exchange import Operation, Outcome, Reply, Request
from orchestrator.core.limits import CutKind
from orchestrator.ports import Clock

CONNECT_TIMEOUT_S = 5.0
LONGEST_BODY_BYTES = 4 * 1024 * 1024
_PART_BYTES = 256 * 1024
"""How much of a body is read at a time: while it reads, the library keeps an object for each chunk."""

_STOP_WORDS = {
    Stop.DEADLINE: "the deadline of the whole exchange passed",
    Stop.ABORTED: "the request was aborted from this side",
}


class HttpTransport:
    """Sends requests to one API."""

    def __init__(
        self,
        base_url: str,
        credentials: Credentials,
        *,
        clock: Clock,
        dialect: CallApi | None = None,
        ca_file: str | None = None,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
    ) -> None:
        """Resolve the route and load the certificate authorities. Connects to nothing.

        Args:
            base_url: The API's address; `http://` is allowed to this machine only.
            credentials: The API key and password.
            clock: Tells the time of the mark and of the deadlines.
            dialect: How this server is spoken to; by default the contract's minimum.
            ca_file: Overrides the environment's certificate authorities.
            connect_timeout_s: For the TCP connection to one address, and for each silence of TLS and of a proxy.

        Raises:
            ConfigurationError: The URL, the proxy or the authorities cannot be used.
        """
        route = resolve_route(base_url, ca_file=ca_file)
        self._shared = _Shared(
            route=route,
            tls=tls_context(route),
            clock=clock,
            dialect=dialect or CallApi(),
            connect_timeout_s=connect_timeout_s,
            wire=Wire(),
            watcher=DeadlineWatcher(clock),
            options=socket_options(),
            hidden_in=credentials.hidden_in,
            headers={
                "Authorization": credentials.authorization,
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "User-Agent": f"call-orchestrator/{__version__}",
            },
        )
        self._lock = threading.Lock()
        self._channels: set[HttpChannel] = set()

    @property
    def route(self) -> Route:
        """How the API is reached; for `doctor`."""
        return self._shared.route

    def open_channel(self) -> HttpChannel:
        """Return a channel for one run. Connects to nothing."""
        channel = HttpChannel(self._shared, on_close=self._forget)
        with self._lock:
            self._channels.add(channel)
        return channel

    def close(self) -> None:
        """Close every connection; open requests are aborted."""
        with self._lock:
            channels = list(self._channels)
        for channel in channels:
            channel.abort()
            channel.close()
        self._shared.watcher.close()

    def _forget(self, channel: HttpChannel) -> None:
        with self._lock:
            self._channels.discard(channel)


class HttpChannel:
    """The requests of one run (see `ports.Channel`)."""

    def __init__(self, shared: _Shared, *, on_close: Callable[[HttpChannel], None]) -> None:
        self._shared = shared
        self._on_close = on_close
        self._adapter = PinnedAdapter(
            shared.route, wire=shared.wire, clock=shared.clock, tls=shared.tls, options=shared.options
        )
        self._lock = threading.Lock()
        self._open: set[Sending] = set()

    def send(
        self,
        request: Request,
        *,
        before_first_byte: Callable[[], None] | None = None,
        once_sent: Callable[[], None] | None = None,
    ) -> Reply:
        """Send one request and return what came of it. Safe to call from several threads at once.

        Raises:
            LeaseLostError: `before_first_byte` raised it (or raised anything else, which is passed on too); nothing
                was sent.
            ValueError: The request lacks its call or its command.
        """
        prepared = self._prepare(self._shared.dialect.encode(request))
        clock = self._shared.clock
        sending = Sending(
            clock,
            deadline=clock.now().plus(request.deadline_s),
            fresh=request.operation is Operation.CREATE,
            hook=before_first_byte,
            once_sent=once_sent,
        )
        result: _Answer | Exception | None = None
        self._begin(sending)
        try:
            result = self._exchange(sending, prepared, request.read_timeout_s)
        except Exception as error:  # noqa: BLE001 - whatever the libraries raise, the mark says what it means
            result = error
        finally:
            self._end(sending, whole=isinstance(result, _Answer) and result.whole)
        if sending.refusal is not None:
            raise sending.refusal
        if isinstance(result, _Answer) and sending.first_byte is not None:
            return self._conclude(request, sending, result)
        assert isinstance(result, Exception)
        return self._conclude_failure(sending, result)

    def abort(self) -> None:
        """Shut every open socket of this channel down, from any thread; their sends return at once."""
        with self._lock:
            sendings = list(self._open)
        for sending in sendings:
            sending.stop(Stop.ABORTED)

    def close(self) -> None:
        """Close the idle connections; a request still open closes its own when it is over."""
        self._adapter.close()
        self._on_close(self)

    def _prepare(self, encoded: Encoded) -> PreparedCall:
        """Return the library's request, built directly: its own preparing would parse the URL again each time."""
        shared = self._shared
        headers = {**shared.headers, **encoded.headers}
        if encoded.body is not None:
            headers["Content-Length"] = str(len(encoded.body))
        if encoded.method == "DELETE":  # nothing follows the end of a call
            headers["Connection"] = "close"
        prepared = PreparedCall()
        prepared.method = encoded.method
        prepared.target = shared.route.path + encoded.target
        prepared.url = shared.route.base_url + encoded.target
        # A plain dict has all that is asked of it from here on, and costs a tenth of the library's own.
        prepared.headers = cast("CaseInsensitiveDict[str]", headers)
        prepared.body = encoded.body
        return prepared

    def _begin(self, sending: Sending) -> None:
        with self._lock:
            self._open.add(sending)
        self._shared.watcher.add(sending)
        self._shared.wire.sending = sending

    def _end(self, sending: Sending, *, whole: bool) -> None:
        self._shared.watcher.discard(sending)
        with self._lock:
            self._open.discard(sending)
        sending.over(whole=whole)

    def _exchange(self, sending: Sending, prepared: PreparedCall, read_timeout_s: float) -> _Answer:
        response = self._adapter.send(prepared, stream=True, timeout=(self._shared.connect_timeout_s, read_timeout_s))
        sending.replied = True
        raw = response.raw
        whole = False
        try:
            body = _read(raw)
            whole = len(body) <= LONGEST_BODY_BYTES
        finally:
            if not whole:
                raw.close()
        return _Answer(raw.status, raw.headers, body, whole)

    def _conclude(self, request: Request, sending: Sending, answer: _Answer) -> Reply:
        ended = self._shared.clock.now()
        if not answer.whole:
            reason = f"the answer was {answer.status}, but its body is longer than {LONGEST_BODY_BYTES} bytes"
            return Reply(
                outcome=Outcome.UNKNOWN,
                reason=reason,
                ended=ended,
                first_byte=sending.first_byte,
                status=answer.status,
            )
        judged = self._shared.dialect.judge(
            request, status=answer.status, headers=answer.headers, body=answer.body, now_wall=ended.wall
        )
        reason = judged.reason
        if judged.outcome is not Outcome.DONE:
            reason = self._shared.hidden_in(reason)
        if judged.outcome is Outcome.UNKNOWN and sending.stopped is not None:
            reason = f"{_STOP_WORDS[sending.stopped]} while the reply was being read"
        return Reply(
            outcome=judged.outcome,
            reason=reason,
            ended=ended,
            first_byte=sending.first_byte,
            status=answer.status,
            call=judged.call,
            calls=judged.calls,
            results=judged.results,
            retry_after_s=judged.retry_after_s,
            server_wall=judged.server_wall,
            unauthenticated=judged.unauthenticated,
            misconfigured=judged.misconfigured,
            cut=CutKind.GATEWAY if judged.by_gateway else None,
        )

    def _conclude_failure(self, sending: Sending, error: Exception) -> Reply:
        ended = self._shared.clock.now()
        meaning = meaning_of(error)
        words = meaning.words if sending.stopped is None else _STOP_WORDS[sending.stopped]
        if sending.first_byte is None:
            return Reply(outcome=Outcome.NOT_SENT, reason=f"not sent: {words}", ended=ended, final=meaning.final)
        return Reply(
            outcome=Outcome.UNKNOWN,
            reason=f"{words}, after the request was sent",
            ended=ended,
            first_byte=sending.first_byte,
            cut=_cut(sending, error),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    """What the channels of a transport have in common."""

    route: Route
    tls: ssl.SSLContext | None
    clock: Clock
    dialect: CallApi
    connect_timeout_s: float
    wire: Wire
    watcher: DeadlineWatcher
    options: list[SocketOption]
    hidden_in: Callable[[str], str]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Answer:
    """A reply as it came. `whole` is False where the body is longer than what is read of it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool


def _cut(sending: Sending, error: Exception) -> CutKind | None:
    """Return how the path cut a request that was sent; None where this side gave up, or the reply had begun."""
    if sending.replied or sending.stopped is Stop.ABORTED:
        return None
    return CutKind.SILENT if sending.stopped is Stop.DEADLINE else cut_of(error)


def _read(raw: Any) -> bytes:
    """Return a reply's body, and one byte more than the longest allowed of a longer one."""
    parts: list[bytes] = []
    room = LONGEST_BODY_BYTES + 1
    while room > 0:
        part: bytes = raw.read(min(room, _PART_BYTES), decode_content=False)
        if not part:
            break
        parts.append(part)
        room -= len(part)
        if raw.length_remaining == 0:
            break
    return b"".join(parts)
