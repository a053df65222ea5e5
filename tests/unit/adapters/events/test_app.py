"""The application acknowledges what its sink has kept, and refuses everything else in the right words."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.events.app import EventApp
from orchestrator.adapters.events.options import Limits, ReceiverOptions
from orchestrator.core.records import EventReceived
from orchestrator.errors import JournalError
from orchestrator.ports import Taken

SECRET = "the-secret-of-the-address"
BODY = json.dumps({"response": {"call": {"resource_id": "call-1", "status": "ready"}}}).encode()
LAN = (ip_network("192.0.2.0/24"),)
SIGNING = "a-signing-secret-of-this-test"


class Sink:
    """The port `EventSink`, told what to answer."""

    def __init__(self, answer: Taken | Exception = Taken.STORED) -> None:
        self.answer = answer
        self.events: list[EventReceived] = []
        self.batches: list[int] = []
        self.entered = threading.Event()
        self.goes_on = threading.Event()
        self.goes_on.set()

    def take_all(self, events: Sequence[EventReceived]) -> list[Taken]:
        """Keep them, when the test says so."""
        self.entered.set()
        assert self.goes_on.wait(10)
        self.batches.append(len(events))
        if isinstance(self.answer, Exception):
            raise self.answer
        self.events += events
        return [self.answer] * len(events)


@dataclass
class Answer:
    """What the application answered."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@contextmanager
def application(sink: Sink | None = None, **options: Any) -> Iterator[EventApp]:
    app = EventApp(SECRET, sink or Sink(), clock=SystemClock(), options=ReceiverOptions(**options))
    try:
        yield app
    finally:
        app.close()


async def ask(
    app: EventApp,
    path: str = f"/{SECRET}/main",
    *,
    method: str = "POST",
    body: bytes = BODY,
    headers: Sequence[tuple[str, str]] = (),
    peer: str | None = "192.0.2.7",
    receive: Callable[[], Any] | None = None,
    **scope: Any,
) -> Answer:
    """Send one request."""
    answer = Answer()
    parts = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def body_parts() -> Any:
        return next(parts)

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            answer.body += message["body"]

    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    client = None if peer is None else (peer, 4711)
    given = {"type": "http", "method": method, "path": path, "headers": raw, "client": client, **scope}
    await app(given, receive or body_parts, send)
    return answer


def asked(app: EventApp, *arguments: Any, **more: Any) -> Answer:
    return asyncio.run(ask(app, *arguments, **more))


def problem(answer: Answer) -> str:
    assert answer.headers["connection"] == "close"
    return json.loads(answer.body)["problem"]


def counted(app: EventApp, result: str, source: str = "main") -> bool:
    return f'orchestrator_events_total{{result="{result}",source="{source}"}} 1' in app.metrics.text()


# --- taking -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["main", "fallback"])
def test_an_event_is_kept_and_acknowledged(source: str) -> None:
    """Both addresses take events, and each is noted."""
    sink = Sink()
    with application(sink) as app:
        answer = asked(app, f"/{SECRET}/{source}")
    assert (answer.status, answer.body) == (204, b"")
    assert [(event.call.call_id, event.source) for event in sink.events] == [("call-1", source)]
    assert counted(app, "stored", source)


def test_it_is_acknowledged_only_once_it_is_kept() -> None:
    """While the disk is at work there is no answer."""
    sink = Sink()
    sink.goes_on.clear()

    async def scenario(app: EventApp) -> None:
        asking = asyncio.create_task(ask(app))
        await asyncio.to_thread(sink.entered.wait, 10)
        await asyncio.sleep(0)
        assert not asking.done()
        assert "orchestrator_events_in_hand 1" in app.metrics.text()
        assert sink.events == []
        sink.goes_on.set()
        assert (await asking).status == 204
        assert len(sink.events) == 1
        assert "orchestrator_events_in_hand 0" in app.metrics.text()

    with application(sink) as app:
        asyncio.run(scenario(app))


@pytest.mark.parametrize("taken", [Taken.UNKNOWN, Taken.ENDED, Taken.FULL, Taken.RINGING])
def test_what_nobody_needs_is_acknowledged_too(taken: Taken) -> None:
    """There is nothing to send again."""
    with application(Sink(taken)) as app:
        assert asked(app).status == 204
    assert counted(app, taken.value)


@pytest.mark.parametrize("answer", [JournalError("the disk is full"), ValueError("a bug"), Taken.FAILED])
def test_what_could_not_be_kept_goes_to_the_other_address(answer: Taken | Exception, caplog) -> None:
    """A 503 makes the API send it to its fallback."""
    with application(Sink(answer)) as app:
        got = asked(app)
    assert got.status == 503
    assert got.headers["retry-after"] == "1"
    assert counted(app, "failed")
    assert ("could not be kept" in caplog.text) == isinstance(answer, Exception)


def test_events_that_come_together_are_kept_together() -> None:
    """All that came while the disk was at work share the next commit."""
    sink = Sink()
    sink.goes_on.clear()

    async def scenario(app: EventApp) -> None:
        first = asyncio.create_task(ask(app))
        await asyncio.to_thread(sink.entered.wait, 10)
        others = [asyncio.create_task(ask(app)) for _ in range(9)]
        await asyncio.sleep(0)  # each comes as far as the queue
        assert "orchestrator_events_in_hand 10" in app.metrics.text()
        sink.goes_on.set()
        assert {each.status for each in await asyncio.gather(first, *others)} == {204}

    with application(sink) as app:
        asyncio.run(scenario(app))
    assert sink.batches == [1, 9]


def test_a_stop_keeps_what_is_in_hand() -> None:
    """Closing waits for the events that were handed over."""
    sink = Sink()
    sink.goes_on.clear()

    async def scenario(app: EventApp) -> None:
        asking = [asyncio.create_task(ask(app)) for _ in range(3)]
        await asyncio.to_thread(sink.entered.wait, 10)
        assert "orchestrator_events_in_hand 3" in app.metrics.text()
        closing = asyncio.create_task(asyncio.to_thread(app.close))
        await asyncio.sleep(0)
        sink.goes_on.set()
        assert [each.status for each in await asyncio.gather(*asking)] == [204] * 3
        await closing

    with application(sink) as app:
        asyncio.run(scenario(app))
    assert len(sink.events) == 3


def test_an_event_whose_sender_has_gone_is_kept_all_the_same() -> None:
    """Nobody hears of it; a loop that has ended is no error either."""
    sink = Sink()
    sink.goes_on.clear()

    async def scenario(app: EventApp) -> None:
        asking = asyncio.create_task(ask(app))
        await asyncio.to_thread(sink.entered.wait, 10)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        further = asyncio.create_task(ask(app))
        await asyncio.sleep(0)
        assert "orchestrator_events_in_hand 1" in app.metrics.text()
        further.cancel()

    with application(sink) as app:
        asyncio.run(scenario(app))
        assert 'result="left",source="main"} 2' in app.metrics.text()
        sink.goes_on.set()
    assert len(sink.events) == 2


def test_the_sender_may_have_gone_while_the_loop_lives_on() -> None:
    """What became of the event is told to nobody, and the next one is taken."""
    sink = Sink()
    sink.goes_on.clear()

    async def scenario(app: EventApp) -> None:
        asking = asyncio.create_task(ask(app))
        await asyncio.to_thread(sink.entered.wait, 10)
        asking.cancel()
        sink.goes_on.set()
        assert (await ask(app)).status == 204

    with application(sink) as app:
        asyncio.run(scenario(app))
    assert len(sink.events) == 2


# --- refusing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "/main",
        "/wrong/main",
        f"/{SECRET}",
        f"/{SECRET}/",
        f"/{SECRET}/other",
        f"/{SECRET}/main/",
        f"/{SECRET}x/main",
        f"/{SECRET[:-1]}/main",
        "/\u00e9\ud800/main",
        "/health/",
        "/metrics/x",
    ],
)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_who_does_not_know_the_secret_is_told_nothing(path: str, method: str) -> None:
    """An empty 404, whatever else is wrong with the request."""
    sink = Sink()
    with application(sink, allow=LAN, signing_secrets=(SIGNING,)) as app:
        answer = asked(app, path, method=method, peer="203.0.113.1", body=b"x" * 100_000)
    assert (answer.status, answer.body) == (404, b"")
    assert sink.events == []
    assert counted(app, "not_found", "other")


def test_it_may_be_mounted_anywhere() -> None:
    """Its paths begin behind those of the application around it."""
    with application() as app:
        assert asked(app, f"/events/{SECRET}/main", root_path="/events").status == 204
        assert asked(app, "/events/health", root_path="/events", method="GET").status == 200
        around = Starlette(routes=[Mount("/events", app=app)])
        assert asked(around, f"/events/{SECRET}/main").status == 204  # type: ignore[arg-type]
        assert asked(around, f"/events/{SECRET}").status == 404  # type: ignore[arg-type]


def test_it_takes_nothing_but_http() -> None:
    """The life of the application around it, and WebSockets, are not its business."""
    with application() as app:
        assert asked(app, type="lifespan").status == 0


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "DELETE"])
def test_events_are_sent_by_post(method: str) -> None:
    """Another method is refused, and the right one is named."""
    with application() as app:
        answer = asked(app, method=method)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert counted(app, "bad_method")


@pytest.mark.parametrize(
    ("peer", "headers", "status"),
    [
        ("192.0.2.7", [], 204),
        ("203.0.113.1", [], 403),
        ("203.0.113.1", [("X-Forwarded-For", "192.0.2.7")], 403),  # nobody is believed who was not named
        ("10.0.0.1", [("X-Forwarded-For", "192.0.2.7")], 204),
        ("10.0.0.1", [("X-Forwarded-For", "192.0.2.7, 203.0.113.1")], 403),
        (None, [], 403),
    ],
)
def test_events_are_taken_from_listed_addresses_only(peer, headers, status) -> None:
    """By the peer, or whom a trusted proxy names."""
    with application(allow=LAN, trust_forwarded=(ip_network("10.0.0.0/8"),)) as app:
        assert asked(app, peer=peer, headers=headers).status == status
        assert counted(app, "forbidden" if status == 403 else "stored")


def test_a_body_that_is_too_long_is_refused_before_it_is_read() -> None:
    """By what its head says, and by what comes."""
    limit = Limits().body_bytes
    assert limit == 65_536

    async def never() -> Any:
        raise AssertionError("nothing is read")

    with application() as app:
        for length in (str(limit + 1), "9" * 400):
            answer = asked(app, headers=[("Content-Length", length)], receive=never)
            assert answer.status == 413
        assert asked(app, body=BODY.ljust(limit)).status == 204
        assert "65536" in problem(asked(app, body=BODY.ljust(limit + 1)))
        assert asked(app, body=BODY.ljust(limit + 1), headers=[("Content-Length", "x")]).status == 413


def test_a_body_may_come_in_parts_but_not_slowly() -> None:
    """Parts are put together; a body that does not end in time is given up."""
    with application(limits=Limits(body_s=0.05)) as app:

        async def in_parts() -> Answer:
            parts = iter([BODY[:5], BODY[5:], b""])

            async def receive() -> Any:
                part = next(parts)
                return {"type": "http.request", "body": part, "more_body": bool(part)}

            return await ask(app, receive=receive)

        async def stuck() -> Answer:
            begun = iter([{"type": "http.request", "body": b"{", "more_body": True}])

            async def receive() -> Any:
                part = next(begun, None)
                if part is None:
                    await asyncio.Event().wait()
                return part

            return await ask(app, receive=receive)

        assert asyncio.run(in_parts()).status == 204
        answer = asyncio.run(stuck())
        assert (answer.status, problem(answer)) == (408, "an event comes whole within 0.05 s")
        assert counted(app, "too_slow")


def test_half_a_body_is_no_event() -> None:
    """A sender that goes in the middle leaves nothing."""
    sink = Sink()

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    with application(sink) as app:
        asked(app, receive=receive)
    assert sink.events == []
    assert counted(app, "left")


def test_only_so_many_events_are_in_hand() -> None:
    """A further one is told to come again; afterwards there is room."""
    sink = Sink()
    sink.goes_on.clear()

    async def scenario(app: EventApp) -> None:
        both = [asyncio.create_task(ask(app)) for _ in range(2)]
        await asyncio.to_thread(sink.entered.wait, 10)
        refused = await ask(app)
        assert (refused.status, refused.headers["retry-after"]) == (503, "1")
        assert problem(refused) == "too many events at a time"
        sink.goes_on.set()
        assert [each.status for each in await asyncio.gather(*both)] == [204, 204]
        assert (await ask(app)).status == 204

    with application(sink, limits=Limits(requests=2)) as app:
        asyncio.run(scenario(app))


def test_an_unsigned_event_is_refused_where_events_are_signed() -> None:
    """By headers of the names that were set; the body is not even parsed."""
    now = str(int(SystemClock().now().wall))
    good = hmac.new(SIGNING.encode(), now.encode() + b"." + BODY, hashlib.sha256).hexdigest()
    with application(signing_secrets=(SIGNING,), signature_header="X-Gate-Sign", timestamp_header="X-Gate-Time") as app:
        assert asked(app, headers=[("x-gate-time", now), ("x-gate-sign", good)]).status == 204
        assert asked(app, headers=[("x-timestamp", now), ("x-signature", good)]).status == 401
        assert problem(asked(app, body=b"{")) == "the signature is missing, old or wrong"


def test_a_body_that_is_no_event_is_refused_with_the_reason() -> None:
    """Whoever knows the secret may know what is wrong."""
    with application() as app:
        answer = asked(app, body=b"[" * 60_000)
    assert (answer.status, problem(answer)) == (400, "the body is nested too deep")
    assert counted(app, "bad_body")


# --- telling ----------------------------------------------------------------------------------------------------------


def test_it_says_that_it_lives() -> None:
    """To everybody, and nothing more."""
    with application(allow=LAN) as app:
        answer = asked(app, "/health", method="GET", peer="203.0.113.1")
        assert (answer.status, answer.body) == (200, b"ok\n")
        assert asked(app, "/health", method="POST").status == 404


@pytest.mark.parametrize(
    ("peer", "headers", "options", "status"),
    [
        ("127.0.0.1", [], {}, 200),
        ("::1", [], {}, 200),
        ("203.0.113.1", [], {}, 404),
        ("127.0.0.1", [("X-Forwarded-For", "203.0.113.1")], {}, 404),  # a proxy on this machine
        ("127.0.0.1", [("Via", "1.1 somebody")], {}, 404),
        ("127.0.0.1", [("X-Forwarded-For", "203.0.113.1")], {"trust_forwarded": (ip_network("127.0.0.0/8"),)}, 404),
        ("192.0.2.7", [], {"metrics_from": LAN}, 200),
        ("127.0.0.1", [], {"metrics_from": LAN}, 404),
    ],
)
def test_figures_are_shown_to_this_machine_or_to_whom_they_should_be(peer, headers, options, status) -> None:
    """What comes through a proxy on this machine does not count as this machine."""
    with application(**options) as app:
        answer = asked(app, "/metrics", method="GET", peer=peer, headers=headers)
    assert answer.status == status
    assert (b"orchestrator_events_in_hand 0" in answer.body) == (status == 200)
