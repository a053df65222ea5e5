"""The Transport port in virtual time, over a server that is a value and a network that misbehaves as it is told.

It is the product's own transport with another wire: requests and replies go through its channel, its mark of the first
byte, its tables of exceptions and replies and its dialect; only the HTTP library's adapter and the thread that watches
deadlines are replaced. What the network does reaches it as the exceptions that the library raises. It passes the suite
of `tests/conformance/transport_suite.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

from orchestrator.adapters.dialects.call_api import CallApi, Encoded
from orchestrator.adapters.transport.adapter import PreparedCall
from orchestrator.adapters.transport.credentials import Credentials
from orchestrator.adapters.transport.http import HttpChannel, HttpTransport
from orchestrator.adapters.transport.sending import Sending, Stop
from orchestrator.core.exchange import Reply, Request
from orchestrator.core.limits import CutKind
from tests.fakes.library_errors import Unsent, broken_body, cut_error, unsent_error
from tests.fakes.virtual_time import VirtualTime

LATENCY_S = 0.02
_URL = "http://127.0.0.1:9"
_CREDENTIALS = Credentials("simulated", "simulated")


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """A whole HTTP reply."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Server(Protocol):
    """What is at the other end. One whose lists stop when their client leaves also has `client_left(delivery)`."""

    def receive(self, sent: Encoded, answer: Callable[[RawAnswer], None]) -> object:
        """Take a request, and call `answer` once its reply is there: before this returns, later, or never.

        Returns:
            What this delivery is known by, for whoever compares notes.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """What the network does to one request and its reply.

    Attributes:
        refused: The connection is refused; nothing is sent.
        unsent: What else keeps the request from being sent.
        deliveries: For each time it reaches the server: how long after it was sent.
        answered_by: Which of these deliveries is answered to the client; None: none of them.
        cut_after_s: The client's connection is reset so long after sending, unless a reply came before.
        cut_by_reply: The connection is reset instead of a reply.
        instead: A middlebox answers this, at `cut_after_s`, or instead of the reply.
        share: How much of the reply's body arrives before the connection ends.
        emptied: The reply arrives without a body.
        slow_s: How long the reply's body takes to arrive, byte by byte.
        cut: What the client takes a cut for; None where a part of the reply came before it.
        stops_work: The client's departure reaches the server, and the server stops the list in the middle.
    """

    refused: bool = False
    unsent: Unsent | None = None
    deliveries: tuple[float, ...] = (0.0,)
    answered_by: int | None = 0
    cut_after_s: float | None = None
    cut_by_reply: bool = False
    instead: RawAnswer | None = None
    share: float = 1.0
    emptied: bool = False
    slow_s: float = 0.0
    cut: CutKind | None = CutKind.RESET
    stops_work: bool = False


CLEAN = Treatment()
Network = Callable[[Request], Treatment]


@dataclass(slots=True, eq=False)
class Sent:
    """One request that left, for whoever compares notes.

    Attributes:
        at_s: When its first byte left.
        deliveries: What the server knows each of its deliveries by, in the order of arrival.
        answer: The reply that its client got, as it came.
        broken: The client's connection ended before the reply was whole.
        note: What the one who watches wrote down when it left.
    """

    request: Request
    treatment: Treatment
    at_s: float
    deliveries: list[object] = field(default_factory=list)
    answer: RawAnswer | None = None
    broken: bool = False
    note: object = None


class FakeTransport:
    """Sends through a network that does what `network` says to each request.

    Attributes:
        log: Everything that left, in order.
        held: Told of what was to be sent and did not leave, with what kept it.
    """

    def __init__(
        self,
        server: Server,
        time: VirtualTime,
        *,
        network: Network = lambda _request: CLEAN,
        dialect: CallApi | None = None,
        watch: Callable[[Sent], None] = lambda _sent: None,
    ) -> None:
        self.log: list[Sent] = []
        self.held: Callable[[Request, Unsent], None] = lambda _request, _unsent: None
        self.server = server
        self.time = time
        self.network = network
        self.dialect = dialect or CallApi()
        self.watch = watch
        shared = HttpTransport(_URL, _CREDENTIALS, clock=time, dialect=self.dialect)._shared
        watcher: Any = _Deadlines(time)
        self._shared = replace(shared, watcher=watcher)

    def open_channel(self) -> FakeChannel:
        """Return a channel for one run."""
        return FakeChannel(self, self._shared)

    def close(self) -> None:
        """Close nothing."""


class FakeChannel(HttpChannel):
    """The requests of one run (see `ports.Channel`): the product's channel, over the pretended network."""

    def __init__(self, transport: FakeTransport, shared: Any) -> None:
        self._shared = shared
        self._on_close = lambda _channel: None
        adapter: Any = _Wire(transport, shared.wire)
        self._adapter = adapter
        self._lock = threading.Lock()
        self._open = set()

    def send(
        self,
        request: Request,
        *,
        before_first_byte: Callable[[], None] | None = None,
        once_sent: Callable[[], None] | None = None,
    ) -> Reply:
        """Send one request and return what came of it."""
        wire: Any = self._adapter
        wire.request.now = request
        return super().send(request, before_first_byte=before_first_byte, once_sent=once_sent)


class _Deadlines:
    """Stops requests at their deadlines, without a thread of its own."""

    def __init__(self, time: VirtualTime) -> None:
        self._time = time
        self._open: set[Sending] = set()

    def add(self, sending: Sending) -> None:
        self._open.add(sending)
        self._time.at(sending.deadline.boot_s, partial(self._is_due, sending))

    def discard(self, sending: Sending) -> None:
        self._open.discard(sending)

    def _is_due(self, sending: Sending) -> None:
        if sending in self._open:
            sending.stop(Stop.DEADLINE)


class _Exchange:
    """One request on its way, as its client sees it; it is also the line that a `Sending` holds."""

    __slots__ = ("answer", "error", "left")

    def __init__(self) -> None:
        self.answer: RawAnswer | None = None
        self.error: BaseException | None = None
        self.left: Callable[[], None] | None = None

    def is_over(self) -> bool:
        """Whether the client has anything to go by."""
        return self.answer is not None or self.error is not None

    def end(self, answer: RawAnswer | None = None, *, kind: CutKind | None = CutKind.RESET) -> None:
        """Answer it, or cut it, unless it is over."""
        if self.is_over():
            return
        self.answer = answer
        if answer is None:
            self.error = broken_body() if kind is None else cut_error(kind)
        if answer is None and self.left is not None:
            self.left()

    def take(self, _user: object) -> None:
        """A line has one user here."""

    def shut(self, _user: object) -> None:
        """Shut the connection down: what waits for it returns at once."""
        if self.error is None:
            self.end(kind=CutKind.CLOSED)
            self.error = self.error or broken_body()

    def leave(self, _user: object, *, whole: bool) -> None:
        """The exchange is over."""


class _Wire:
    """Takes the place of the HTTP library's adapter."""

    def __init__(self, transport: FakeTransport, wire: Any) -> None:
        self._transport = transport
        self._wire = wire
        self.request = threading.local()

    def close(self) -> None:
        """Close nothing."""

    def send(self, prepared: PreparedCall, *, stream: bool, timeout: tuple[float, float]) -> _Response:
        """Write a request, and return the head of its reply. Raises what the library would raise."""
        assert stream, "a body is read apart from its head"
        transport, time = self._transport, self._transport.time
        sending: Sending = self._wire.sending
        request: Request = self.request.now
        exchange = _Exchange()
        line: Any = exchange
        sending.take(line)
        treatment = transport.network(request)
        time.sleep(LATENCY_S)
        unsent = Unsent.REFUSED if treatment.refused else treatment.unsent
        if unsent is not None:
            transport.held(request, unsent)
            raise unsent_error(unsent)
        sending.mark()
        sent = Sent(request, treatment, time.seconds)
        transport.log.append(sent)
        transport.watch(sent)
        self._dispatch(prepared, sent, exchange)
        sending.sent()
        return self._reply(sent, exchange, timeout[1])

    def _reply(self, sent: Sent, exchange: _Exchange, read_timeout_s: float) -> _Response:
        time = self._transport.time
        try:
            time.block(exchange.is_over, until_s=time.seconds + read_timeout_s)
        except BaseException:
            exchange.end()
            raise
        exchange.end(kind=CutKind.SILENT)
        sent.answer, sent.broken = exchange.answer, exchange.answer is None
        if exchange.answer is None and sent.treatment.cut is None:  # the head of the reply came before the cut
            return _Response(_Body(RawAnswer(200, b"", {}), sent, exchange, time))
        if exchange.answer is None:
            assert exchange.error is not None
            raise exchange.error
        return _Response(_Body(exchange.answer, sent, exchange, time))

    def _dispatch(self, prepared: PreparedCall, sent: Sent, exchange: _Exchange) -> None:
        time, treatment = self._transport.time, sent.treatment
        if treatment.stops_work:
            exchange.left = partial(self._left, sent)
        for number, delay_s in enumerate(treatment.deliveries):
            time.at(sent.at_s + delay_s + LATENCY_S, partial(self._deliver, prepared, sent, exchange, number))
        if treatment.cut_after_s is not None:
            time.at(sent.at_s + treatment.cut_after_s, lambda: exchange.end(treatment.instead, kind=treatment.cut))

    def _deliver(self, prepared: PreparedCall, sent: Sent, exchange: _Exchange, number: int) -> None:
        time, treatment = self._transport.time, sent.treatment

        def answered(answer: RawAnswer) -> None:
            if number == treatment.answered_by:
                arrives = None if treatment.cut_by_reply else _mangled(answer, treatment)
                time.at(time.seconds + LATENCY_S, lambda: exchange.end(arrives, kind=treatment.cut))

        body: Any = prepared.body
        encoded = Encoded(str(prepared.method), prepared.target, prepared.headers, body)
        sent.deliveries.append(self._transport.server.receive(encoded, answered))

    def _left(self, sent: Sent) -> None:
        """The client has gone, and what stands between passes that on."""
        server: Any = self._transport.server
        time = self._transport.time
        time.at(time.seconds + LATENCY_S, lambda: [server.client_left(one) for one in sent.deliveries])


class _Response:
    """What the adapter returns: only `raw` of it is read."""

    __slots__ = ("raw",)

    def __init__(self, raw: _Body) -> None:
        self.raw = raw


class _Body:
    """A reply as the library hands it out before its body was read."""

    def __init__(self, answer: RawAnswer, sent: Sent, exchange: _Exchange, time: VirtualTime) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self.length_remaining: int | None = None
        self._answer = answer
        self._sent = sent
        self._exchange = exchange
        self._time = time
        self._parts = self._arriving()

    def read(self, _size: int, *, decode_content: bool) -> bytes:
        """Return what comes next of the body, nothing at its end. Raises what the library would raise."""
        assert not decode_content, "bodies are read as they come"
        return next(self._parts, b"")

    def close(self) -> None:
        """Close the connection."""

    def _arriving(self) -> Iterator[bytes]:
        slow_s = self._sent.treatment.slow_s
        if slow_s:
            broken = self._exchange
            self._time.block(lambda: broken.error is not None, until_s=self._time.seconds + slow_s)
        if self._exchange.error is not None:
            self._sent.broken = True
            raise broken_body()
        yield self._answer.body


def _mangled(answer: RawAnswer, treatment: Treatment) -> RawAnswer:
    if treatment.instead is not None:
        return treatment.instead
    body = b"" if treatment.emptied else answer.body[: int(len(answer.body) * treatment.share)]
    return RawAnswer(answer.status, body, answer.headers)
