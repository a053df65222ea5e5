"""Events over HTTP: main and fallback, what counts as acknowledged, signatures, and every fault of events."""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from orchestrator.sandbox.api import NetworkPath
from orchestrator.sandbox.courier import Receiver

SAY = {"say": {"text": "one two three four five"}}  # 2 s of the call
UNHOLD = {"unhold": {}}
HOLD = {"hold": {}}
HANGUP = {"hangup": {}}


class Inbox:
    """A receiver of events: what has come, and what it answers at each path."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.came: queue.Queue[tuple[str, dict[str, str], bytes]] = queue.Queue()
        self.answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                inbox.came.put((self.path, headers, body))
                inbox.answers.get(self.path, answer(204))(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        """End it; all its threads have ended then, or hang in a test's own handler."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def next(self) -> tuple[str, dict[str, Any]]:
        """The next event that comes: its path and its response."""
        path, _, body = self.came.get(timeout=10)
        return path, json.loads(body)["response"]

    def commands(self, number: int) -> list[str]:
        """The first command of each of the next events with results."""
        return [self.next()[1]["results"][0]["command"] for _ in range(number)]


def answer(status: int) -> Callable[[BaseHTTPRequestHandler], None]:
    def act(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Location", "/elsewhere")
        handler.send_header("Content-Length", "2")
        handler.end_headers()
        handler.wfile.write(b"{}")

    return act


def answer_when(released: threading.Event) -> Callable[[BaseHTTPRequestHandler], None]:
    def act(handler: BaseHTTPRequestHandler) -> None:
        released.wait(10)
        answer(200)(handler)

    return act


def cut(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


def babble(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"this is not HTTP\r\n\r\n")


def be_brief(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.0 503 \r\n\r\n")


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    started = Inbox()
    yield started
    started.stop()


@pytest.fixture
def told(served: Any, inbox: Inbox) -> Any:
    """The shared sandbox, sending its events to the inbox."""
    receive(served, main=f"{inbox.url}/main", fallback=f"{inbox.url}/fallback", timeout=10, secret=None)
    return served


def receive(served: Any, **receiver: object) -> None:
    answered = served.control("PUT", "receiver", receiver)
    assert answered.status == 200, answered.text


def event_fault(served: Any, kind: str, **fields: object) -> None:
    served.fault(on="event", kind=kind, **fields)


def start(served: Any, call: str, *commands: Any) -> None:
    """Run a list asynchronously."""
    assert served.request("PUT", f"/calls/{call}?async=1", {"commands": list(commands)}).status == 202


def deliveries(served: Any) -> list[tuple[int, str, int | str]]:
    """Number of the event, URL and status or error, of each attempt."""
    entries = served.entries(event="delivery")
    return [(entry["number"], entry["url"], entry.get("status", entry.get("error"))) for entry in entries]


def numbers(served: Any) -> list[int]:
    return [event["number"] for event in served.control("GET", "events").json["events"]]


# Main, fallback, lost


def test_an_event_is_posted_to_the_main_url(told: Any, inbox: Inbox) -> None:
    """JSON in the usual envelope, unsigned; the attempt stands in the transcript; the fallback gets nothing."""
    call = told.dial()
    start(told, call, SAY)
    path, headers, body = inbox.came.get(timeout=10)
    assert path == "/main"
    assert headers["content-type"] == "application/json"
    assert not {"x-signature", "x-timestamp"} & headers.keys()
    assert json.loads(body)["response"]["results"] == [{"command": "say", "status": "ok"}]
    entry = told.wait(event="delivery")
    assert (entry["call"], entry["reason"], entry["url"], entry["status"]) == (call, "finished", "main", 204)
    (event,) = told.control("GET", f"events?call={call}").json["events"]
    assert (event["number"], event["list"], event["body"]) == (entry["number"], 2, json.loads(body))
    assert inbox.came.empty()


def test_a_list_with_hangup_is_sent_twice_in_order(told: Any, inbox: Inbox) -> None:
    """The result first, then the end, both with status hangup."""
    start(told, told.dial(), HANGUP)
    first, second = inbox.next()[1], inbox.next()[1]
    assert [first["call"]["status"], second["call"]["status"]] == ["hangup", "hangup"]
    assert ("results" in first, "results" in second) == (True, False)


@pytest.mark.parametrize(
    ("act", "outcome"),
    [(answer(500), 500), (answer(302), 302), (answer(404), 404), (cut, "cut"), (babble, "not HTTP"), (be_brief, 503)],
)
def test_what_is_no_acknowledgement_goes_to_the_fallback(told: Any, inbox: Inbox, act: Any, outcome: object) -> None:
    """Anything but a 2xx; redirects are not followed."""
    inbox.answers["/main"] = act
    start(told, told.dial(), UNHOLD)
    assert [inbox.next()[0], inbox.next()[0]] == ["/main", "/fallback"]
    told.wait(event="delivery", url="fallback")
    (number,) = numbers(told)
    assert deliveries(told) == [(number, "main", outcome), (number, "fallback", 204)]
    assert told.entries(event="undelivered") == []


def test_a_receiver_that_is_slow_or_gone_has_failed(told: Any, inbox: Inbox) -> None:
    """No answer in time, then a refused connection: the event is lost, and the next one is sent again."""
    released = threading.Event()
    inbox.answers["/main"] = answer_when(released)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
    receive(told, fallback=nowhere, timeout=0.05)
    call = told.dial()
    start(told, call, UNHOLD)
    lost = told.wait(event="undelivered")
    assert deliveries(told) == [(lost["number"], "main", "timeout"), (lost["number"], "fallback", "refused")]
    released.set()
    receive(told, timeout=10)
    start(told, call, UNHOLD)
    assert told.wait(event="delivery", status=200)["number"] == lost["number"] + 1


def test_a_url_that_nothing_can_be_sent_to_is_lost(told: Any) -> None:
    """A host that is not there, and TLS where none is spoken, are errors like any other."""
    receive(told, main=f"https://127.0.0.1:{told.port}/", fallback="http://[::1%nowhere]:9/x?y=z")
    start(told, told.dial(), UNHOLD)
    told.wait(event="undelivered")
    assert [entry.get("status") for entry in told.entries(event="delivery")] == [None, None]


def test_a_receiver_may_speak_tls(told: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a certificate that this host trusts; one that it does not trust is an error like any other."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    secure = Inbox(context)
    try:
        receive(told, main=f"{secure.url}/a?b=c", fallback=None)
        call = told.dial()
        start(told, call, UNHOLD)
        assert "certificate" in told.wait(event="delivery")["error"]
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        start(told, call, UNHOLD)
        assert secure.next()[0] == "/a?b=c"
    finally:
        secure.stop()


def test_without_a_receiver_nothing_is_sent(serve: Callable[..., Any]) -> None:
    """The events are there to be read, and no fault counts them."""
    served = serve(speed=100)
    event_fault(served, "lose")
    start(served, served.dial(), UNHOLD)
    assert len(numbers(served)) == 1
    assert served.control("GET", "receiver").json == {"main": None, "fallback": None, "timeout": 10.0, "signed": False}
    assert served.entries(event="delivery") + served.entries(event="undelivered") == []
    assert served.control("GET", "faults").json["faults"][0]["seen"] == 0


def test_a_reset_sends_nothing_of_what_it_ends(told: Any, inbox: Inbox) -> None:
    """Live calls end without an event, and events held back are forgotten; the receiver stays."""
    event_fault(told, "reorder")
    call = told.dial()
    start(told, call, UNHOLD)
    told.wait(event="fault", kind="reorder")
    told.control("POST", "reset")
    start(told, told.dial(), HOLD)
    assert inbox.commands(1) == ["hold"]
    assert inbox.came.empty()


def test_a_signing_gateway_is_imitated(told: Any, inbox: Inbox) -> None:
    """HMAC-SHA256 over timestamp, dot and body, in hex; with the fault the signature is for something else."""
    receive(told, secret="between us")
    event_fault(told, "missign", nth=2)
    call = told.dial()
    for right in (True, False):
        start(told, call, UNHOLD)
        _, headers, body = inbox.came.get(timeout=10)
        assert abs(int(headers["x-timestamp"]) - time.time()) < 5
        signed = headers["x-timestamp"].encode() + b"." + body
        expected = hmac.new(b"between us", signed, hashlib.sha256).hexdigest()
        assert (headers["x-signature"] == expected) is right
    assert told.control("GET", "receiver").json["signed"] is True


# Faults


def test_an_event_is_lost_on_demand(told: Any, inbox: Inbox) -> None:
    """It is never sent, and the transcript says why."""
    event_fault(told, "lose", reason="finished")
    start(told, told.dial(), UNHOLD, HANGUP)
    assert "results" not in inbox.next()[1]
    lost, sent = numbers(told)
    fault = told.wait(event="fault")
    assert (fault["on"], fault["kind"], fault["number"]) == ("event", "lose", lost)
    told.wait(event="delivery")
    assert deliveries(told) == [(sent, "main", 204)]


def test_an_event_is_late_on_demand(told: Any) -> None:
    """By so many real seconds at least."""
    event_fault(told, "delay", delay=0.05)
    start(told, told.dial(), UNHOLD)
    (late,) = told.control("GET", "events").json["events"]
    assert told.wait(event="delivery", number=late["number"])["at"] - late["at"] >= 0.05


def test_no_event_waits_for_one_that_is_late(told: Any, inbox: Inbox) -> None:
    """The end of a call is told although its last list's result is still on its way."""
    event_fault(told, "delay", delay=3600)
    start(told, told.dial(), UNHOLD, HANGUP)
    assert "results" not in inbox.next()[1]


def test_an_event_is_doubled_on_demand(told: Any, inbox: Inbox) -> None:
    """So many copies, byte for byte the same."""
    event_fault(told, "double", copies=3)
    start(told, told.dial(), UNHOLD)
    copies = [inbox.came.get(timeout=10)[2] for _ in range(3)]
    assert copies == copies[:1] * 3


def test_an_event_goes_to_main_and_fallback_on_demand(told: Any, inbox: Inbox) -> None:
    """Both get it although the main one has acknowledged; one of them is enough."""
    event_fault(told, "both", times=2)
    call = told.dial()
    start(told, call, UNHOLD)
    assert [inbox.next()[0], inbox.next()[0]] == ["/main", "/fallback"]
    inbox.answers["/fallback"] = answer(500)
    start(told, call, UNHOLD)
    told.wait(event="delivery", status=500)
    assert told.entries(event="undelivered") == []


def test_events_change_places_on_demand(told: Any, inbox: Inbox) -> None:
    """One is held back until the next was sent."""
    event_fault(told, "reorder")
    call = told.dial()
    start(told, call, UNHOLD)
    start(told, call, HOLD)
    assert inbox.commands(2) == ["hold", "unhold"]


def test_an_event_held_back_waits_for_a_later_one(told: Any, inbox: Inbox) -> None:
    """One from before, sent late, does not let it go."""
    event_fault(told, "delay", delay=0.05)
    event_fault(told, "reorder")
    call = told.dial()
    for command in (UNHOLD, HOLD):
        start(told, call, command)
    assert inbox.commands(1) == ["unhold"]
    start(told, call, {"send_dtmf": {"dtmf": "1"}})
    assert inbox.commands(2) == ["send_dtmf", "hold"]


def test_an_event_lies_on_demand(told: Any, inbox: Inbox) -> None:
    """The receiver reads what is untrue; GET says what is true."""
    event_fault(told, "tamper", status="hangup", results=[{"command": "say", "status": "ok"}])
    call = told.dial()
    start(told, call, UNHOLD)
    response = inbox.next()[1]
    assert (response["call"]["status"], response["results"][0]["command"]) == ("hangup", "say")
    assert told.request("GET", f"/calls/{call}").call["status"] == "ready"


@pytest.mark.parametrize(("method", "commands"), [("PUT", [SAY]), ("DELETE", None)])
def test_an_event_comes_before_the_reply_on_demand(told: Any, inbox: Inbox, method: str, commands: Any) -> None:
    """The reply waits until the receiver has acknowledged the event that the request caused."""
    call = told.dial()
    released = threading.Event()
    inbox.answers["/main"] = answer_when(released)
    told.fault(kind="event_first", method=method)
    with ThreadPoolExecutor(1) as pool:
        replied = pool.submit(told.request, method, f"/calls/{call}?async=1", commands and {"commands": commands})
        assert inbox.next()[1]["call"]["resource_id"] == call
        assert not replied.done()
        released.set()
        assert replied.result(10).status == (202 if commands else 200)


def test_a_request_without_event_is_answered_as_ever(told: Any) -> None:
    """Nothing is waited for where nothing comes."""
    told.fault(kind="event_first", times=3)
    call = told.dial()
    assert told.run(SAY, call=call).status == 200
    assert told.request("GET", "/calls/nobody").status == 404


def test_the_path_cuts_a_reply_that_waits_for_an_event(serve: Callable[..., Any], inbox: Inbox) -> None:
    """The commands run on, and the event is sent."""
    served = serve(speed=20, path=NetworkPath(cut_after=0.15), receiver=Receiver(main=inbox.url))
    call = served.dial()
    served.fault(kind="event_first")
    assert served.request("PUT", f"/calls/{call}?async=1", {"commands": [SAY] * 5}).status == 504
    assert len(inbox.next()[1]["results"]) == 5


# Incoming calls


def test_somebody_calls_in_and_gives_up(told: Any, inbox: Inbox) -> None:
    """The application is told twice: the call rings, the call has ended."""
    caller = {"from": "+15555550101", "to": "+15555550199", "caller": {"gives_up_after": 20}}
    call = told.control("POST", "calls", caller).json["call"]
    ringing, ended = inbox.next()[1], inbox.next()[1]
    assert (ringing["call"]["resource_id"], ringing["call"]["status"]) == (call, "ringing")
    assert (ended["call"]["status"], ended["call"]["hangup_cause"]) == ("hangup", "remote")


def test_somebody_calls_in_and_is_asked(told: Any, inbox: Inbox) -> None:
    """Answered by the first command of a PUT, the caller behaves as told."""
    caller = {"from": "+15555550101", "to": "+15555550199", "caller": {"keys": ["7"]}}
    call = told.control("POST", "calls", caller).json["call"]
    assert inbox.next()[1]["call"]["status"] == "ringing"
    assert told.run(SAY, call=call).status == 409
    start(told, call, {"answer": {}}, {"get_dtmf": {}})
    assert [result.get("dtmf") for result in inbox.next()[1]["results"]] == [None, "7"]


# Settings


@pytest.mark.parametrize(
    ("receiver", "complaint"),
    [
        ({"main": "example.com"}, "main: 'example.com' is not an http or https URL"),
        ({"main": "http://x:port/"}, "not an http or https URL"),
        ({"main": "http://x/a b"}, "not an http or https URL"),
        ({"main": None, "fallback": "http://127.0.0.1:1"}, "fallback: there is no main URL"),
        ({"main": 1}, "receiver.main: 1 is not a text"),
        ({"secret": ""}, "receiver.secret: '' is not a text"),
        ({"timeout": -1}, "receiver.timeout: -1 is not a number"),
        ({"url": "http://127.0.0.1:1"}, "unknown key 'url'"),
    ],
)
def test_a_bad_receiver_is_refused(told: Any, receiver: object, complaint: str) -> None:
    """400 with what is wrong, and the receiver stays as it was."""
    before = told.control("GET", "receiver").json
    answered = told.control("PUT", "receiver", receiver)
    assert answered.status == 400
    assert complaint in answered.json["error"]
    assert told.control("GET", "receiver").json == before
