"""The Transport port in virtual time, over a server that is a value and a network that misbehaves as it is told.

Requests and replies go through the product's own dialect as bytes; what is pretended is only the way between. It passes
the suite of `tests/conformance/transport_suite.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from orchestrator.adapters.dialects.call_api import CallApi, Encoded
from orchestrator.core.exchange import Outcome, Reply, Request
from orchestrator.core.limits import CutKind
from tests.fakes.virtual_time import VirtualTime

LATENCY_S = 0.02


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """A whole HTTP reply."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Server(Protocol):
    """What is at the other end."""

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
        deliveries: For each time it reaches the server: how long after it was sent.
        answered_by: Which of these deliveries is answered to the client; None: none of them.
        cut_after_s: The client's connection is reset so long after sending, unless a reply came before.
        cut_by_reply: The connection is reset instead of a reply.
        instead: A middlebox answers this, at `cut_after_s`, or instead of the reply.
        share: How much of the reply's body arrives before the connection ends.
        emptied: The reply arrives without a body.
        cut: What the client takes a cut for; None where a part of the reply came before it.
    """

    refused: bool = False
    deliveries: tuple[float, ...] = (0.0,)
    answered_by: int | None = 0
    cut_after_s: float | None = None
    cut_by_reply: bool = False
    instead: RawAnswer | None = None
    share: float = 1.0
    emptied: bool = False
    cut: CutKind | None = CutKind.RESET


CLEAN = Treatment()
Network = Callable[[Request], Treatment]


@dataclass(slots=True, eq=False)
class Sent:
    """One request that left, for whoever compares notes.

    Attributes:
        deliveries: What the server knows each of its deliveries by, in the order of arrival.
        note: What the one who watches wrote down when it left.
    """

    request: Request
    treatment: Treatment
    at_s: float
    deliveries: list[object] = field(default_factory=list)
    note: object = None


class FakeTransport:
    """Sends through a network that does what `network` says to each request.

    Attributes:
        log: Everything that left, in order.
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
        self.server = server
        self.time = time
        self.network = network
        self.dialect = dialect or CallApi()
        self.watch = watch

    def open_channel(self) -> FakeChannel:
        """Return a channel for one run."""
        return FakeChannel(self)

    def close(self) -> None:
        """Close nothing."""


class _Exchange:
    """One request on its way, as its client sees it."""

    __slots__ = ("answer", "cut", "kind")

    def __init__(self) -> None:
        self.answer: RawAnswer | None = None
        self.cut: str | None = None
        self.kind: CutKind | None = None

    def is_over(self) -> bool:
        """Whether the client has anything to go by."""
        return self.answer is not None or self.cut is not None

    def end(self, answer: RawAnswer | None = None, *, kind: CutKind | None = None) -> None:
        """Answer it, or cut it, unless it is over."""
        if not self.is_over():
            self.answer = answer
            self.cut = "the connection was reset" if answer is None else None
            self.kind = kind if answer is None else None


class FakeChannel:
    """The requests of one run (see `ports.Channel`)."""

    def __init__(self, transport: FakeTransport) -> None:
        self._transport = transport
        self._open: set[_Exchange] = set()

    def send(
        self,
        request: Request,
        *,
        before_first_byte: Callable[[], None] | None = None,
        once_sent: Callable[[], None] | None = None,
    ) -> Reply:
        """Send one request and return what came of it."""
        transport, time = self._transport, self._transport.time
        encoded = transport.dialect.encode(request)
        treatment = transport.network(request)
        time.sleep(LATENCY_S)
        if treatment.refused:
            return Reply(outcome=Outcome.NOT_SENT, reason="not sent: refused", ended=time.now())
        if before_first_byte is not None:
            before_first_byte()
        first_byte = time.now()
        sent = Sent(request, treatment, time.seconds)
        transport.log.append(sent)
        transport.watch(sent)
        exchange = _Exchange()
        self._open.add(exchange)
        self._dispatch(encoded, sent, exchange)
        if once_sent is not None:
            once_sent()
        patience_s = min(request.read_timeout_s, request.deadline_s)
        time.block(exchange.is_over, until_s=time.seconds + patience_s)
        exchange.end(kind=CutKind.SILENT)
        self._open.discard(exchange)
        if exchange.answer is None:
            reason = f"{exchange.cut}, after the request was sent"
            return Reply(
                outcome=Outcome.UNKNOWN, reason=reason, ended=time.now(), first_byte=first_byte, cut=exchange.kind
            )
        return self._judged(request, exchange.answer, first_byte=sent.at_s)

    def abort(self) -> None:
        """Cut every open request."""
        for exchange in list(self._open):
            exchange.end()

    def close(self) -> None:
        """Close nothing."""

    def _dispatch(self, encoded: Encoded, sent: Sent, exchange: _Exchange) -> None:
        time, treatment = self._transport.time, sent.treatment
        for number, delay_s in enumerate(treatment.deliveries):
            time.at(sent.at_s + delay_s + LATENCY_S, partial(self._deliver, encoded, sent, exchange, number))
        if treatment.cut_after_s is not None:
            time.at(sent.at_s + treatment.cut_after_s, lambda: exchange.end(treatment.instead, kind=treatment.cut))

    def _deliver(self, encoded: Encoded, sent: Sent, exchange: _Exchange, number: int) -> None:
        time, treatment = self._transport.time, sent.treatment

        def answered(answer: RawAnswer) -> None:
            if number == treatment.answered_by:
                arrives = None if treatment.cut_by_reply else _mangled(answer, treatment)
                time.at(time.seconds + LATENCY_S, lambda: exchange.end(arrives, kind=treatment.cut))

        sent.deliveries.append(self._transport.server.receive(encoded, answered))

    def _judged(self, request: Request, answer: RawAnswer, *, first_byte: float) -> Reply:
        time = self._transport.time
        now = time.now()
        judged = self._transport.dialect.judge(
            request, status=answer.status, headers=answer.headers, body=answer.body, now_wall=now.wall
        )
        return Reply(
            outcome=judged.outcome,
            reason=judged.reason,
            ended=now,
            first_byte=now.plus(first_byte - now.boot_s),
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


def _mangled(answer: RawAnswer, treatment: Treatment) -> RawAnswer:
    if treatment.instead is not None:
        return treatment.instead
    body = b"" if treatment.emptied else answer.body[: int(len(answer.body) * treatment.share)]
    return RawAnswer(answer.status, body, answer.headers)
