"""Every fault at every place: what the client sees, and what really happened."""

from __future__ import annotations

import base64
import http.client
import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.sandbox.api import NetworkPath

SAY = {"say": {"text": "one two three four five"}}  # 2 s of the call
PLACES = ["before", "received", "running", "after"]
TRUTH = {  # place: whether the API received the PUT, whether the callee heard the sentence
    "before": (False, False),
    "received": (True, False),
    "running": (True, True),
    "after": (True, True),
}


def truth(served: Any, call: str, place: str) -> None:
    """The transcript shows exactly what the place says, once the list has ended."""
    received, heard = TRUTH[place]
    if heard:
        assert served.wait(event="finished", list=2)["outcome"] == "ok"
    assert [entry["path"] for entry in served.entries(event="request", method="PUT")] == [f"/calls/{call}"] * received
    assert served.said(call) == [SAY["say"]["text"]] * heard
    (fault,) = served.entries(event="fault")
    assert (fault["place"], fault["path"]) == (place, f"/calls/{call}")
    order = [entry["event"] for entry in served.entries() if entry["event"] in {"fault", "finished"}][1:]
    assert order == {"running": ["fault", "finished"], "after": ["finished", "fault"]}.get(place, ["fault"])


def raw(served: Any, call: str) -> tuple[bytes, str]:
    """All bytes that come back for a PUT, and how the connection ended: `fin` or `rst`."""
    body = json.dumps({"commands": [SAY]}).encode()
    token = base64.b64encode(b"sandbox:sandbox")
    head = b"PUT /calls/%s HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\n" % (call.encode(), token)
    head += b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    received = b""
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
        connection.sendall(head + body)
        try:
            while chunk := connection.recv(65536):
                received += chunk
        except ConnectionResetError:
            return received, "rst"
    return received, "fin"


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("kind", "end"), [("close", "fin"), ("reset", "rst")])
def test_a_connection_is_closed_or_reset(served: Any, kind: str, end: str, place: str) -> None:
    """The client gets no byte, and FIN or RST."""
    call = served.dial()
    served.fault(kind=kind, place=place, method="PUT")
    assert raw(served, call) == (b"", end)
    truth(served, call, place)


@pytest.mark.parametrize("place", PLACES)
def test_a_request_hangs(served: Any, place: str) -> None:
    """The client gets nothing at all, until it gives up; others are served."""
    call = served.dial()
    served.fault(kind="hang", place=place, method="PUT")
    with pytest.raises(TimeoutError):
        served.run(SAY, call=call, timeout=0.1)
    truth(served, call, place)


@pytest.mark.parametrize("place", PLACES)
def test_a_status_is_answered(served: Any, place: str) -> None:
    """Any status, with headers and a body of one's own."""
    call = served.dial()
    served.fault(kind="status", place=place, method="PUT", status=503, headers={"Retry-After": "7"}, body="<p>busy</p>")
    answer = served.run(SAY, call=call)
    assert (answer.status, answer.headers["retry-after"], answer.text) == (503, "7", "<p>busy</p>")
    assert answer.headers["content-type"].startswith("text/html")
    truth(served, call, place)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("part", ["headers", "length", "body"])
def test_half_a_reply_arrives(served: Any, part: str, place: str) -> None:
    """Cut in the headers; a body shorter than its length; a body without length cut short."""
    call = served.dial()
    served.fault(kind="half", part=part, place=place, method="PUT")
    received, end = raw(served, call)
    head, blank, body = received.partition(b"\r\n\r\n")
    assert (head.startswith(b"HTTP/1.1 200 OK\r\ndate: "), end) == (True, "fin")
    if part == "headers":
        assert received.endswith(b"content-type: appl")
    else:
        assert blank
        assert body.startswith(b'{"response"')
        with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
            json.loads(body)
        assert (b"content-length: " in head) is (part == "length")
    truth(served, call, place)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("shape", "body"),
    [("not_json", b"<html>"), ("empty", b""), ("wrong", b'{"ok": true}'), ("not_http", None)],
)
def test_garbage_arrives(served: Any, shape: str, body: bytes | None, place: str) -> None:
    """A 200 that is no reply of the API, or bytes that are no HTTP."""
    call = served.dial()
    served.fault(kind="garbage", shape=shape, place=place, method="PUT")
    if body is None:
        received, end = raw(served, call)
        assert (received[:4], end) == (b"\x00\x01\x02 ", "fin")
    else:
        answer = served.run(SAY, call=call)
        assert answer.status == 200
        assert answer.text.encode().startswith(body)
        assert bool(answer.text) is bool(body)
    truth(served, call, place)


@pytest.mark.parametrize("place", PLACES)
def test_bytes_come_slowly(served: Any, place: str) -> None:
    """The reply is whole, and comes byte by byte; after running it is the real one."""
    call = served.dial()
    served.fault(kind="slow", interval=0, place=place, method="PUT")
    answer = served.run(SAY, call=call)
    assert answer.status == 200
    assert ("call" in answer.json["response"]) is (place == "after")
    truth(served, call, place)


def test_a_slow_reply_ends_with_its_client(served: Any) -> None:
    """A client that has enough of single bytes is let go, and the server serves on."""
    call = served.dial()
    served.fault(kind="slow", interval=5, place="after", method="PUT")
    with pytest.raises(TimeoutError):
        served.run(SAY, call=call, timeout=0.2)
    assert served.run(SAY, call=call).status == 200


def test_a_fault_comes_at_its_moment_in_the_list(serve: Callable[..., Any]) -> None:
    """`at` counts seconds of the call: the first sentence is over then, the second is running."""
    served = serve(speed=10)
    call = served.dial()
    served.fault(kind="close", place="running", at=3, command="say")
    with pytest.raises(http.client.RemoteDisconnected):
        served.run(SAY, SAY, SAY, call=call)
    served.wait(event="finished", list=2)
    events = [entry["event"] for entry in served.entries() if entry["event"] in {"fault", "ran"}]
    assert events == ["ran", "ran", "fault", "ran", "ran"]


def test_a_fault_later_than_the_list_comes_with_its_end(served: Any) -> None:
    """The reply never reaches the client, however late the fault was to come."""
    call = served.dial()
    served.fault(kind="close", place="running", at=1000, method="PUT")
    with pytest.raises(http.client.RemoteDisconnected):
        served.run(SAY, call=call)
    assert len(served.entries(event="reply", status=200)) == 1


def test_a_server_that_cancels_notices_a_fault(serve: Callable[..., Any]) -> None:
    """With cancel on disconnect, a connection cut while the list runs stops it in the middle."""
    served = serve(speed=5, path=NetworkPath(cancel_on_disconnect=True))
    call = served.dial()
    served.fault(kind="reset", place="running", at=1, method="PUT")
    with pytest.raises(ConnectionResetError):
        served.run(SAY, SAY, call=call)
    assert served.wait(event="finished", list=2)["outcome"] == "cancelled"
    assert served.said(call) == []


def test_a_fault_does_not_outlive_the_cut(serve: Callable[..., Any]) -> None:
    """A request cut by the path's limit before its fault was due ends with the cut."""
    served = serve(speed=10, path=NetworkPath(cut_after=0.15))
    call = served.dial()
    served.fault(kind="close", place="after", method="PUT")
    assert served.run(SAY, SAY, call=call).status == 504
    served.wait(event="finished", list=2)
    assert served.entries(event="fault") == []


@pytest.mark.parametrize(
    ("then", "seen"),
    [
        ("close", http.client.RemoteDisconnected),
        ("reset", ConnectionResetError),
        ("hang", TimeoutError),
        ("status", 502),
    ],
)
def test_a_request_is_delivered_after_everybody_gave_up(served: Any, then: str, seen: Any) -> None:
    """The client has its error first; only then does the API receive the request, and run it once."""
    call = served.dial()
    options = {"status": 502} if then == "status" else {}
    served.fault(kind="late", then=then, delay=0.1, method="PUT", **options)
    if then == "status":
        assert served.run(SAY, call=call).status == seen
    else:
        with pytest.raises(seen):
            served.run(SAY, call=call, timeout=0.2)
    assert served.entries(event="request", method="PUT") == []
    assert served.wait(event="finished", list=2)["outcome"] == "ok"
    fault, request = served.entries(event="fault")[0], served.entries(event="request", method="PUT")[0]
    assert request["at"] - fault["at"] >= 0.099
    assert len(served.said(call)) == 1


def test_a_late_request_is_forgotten_by_a_reset(served: Any) -> None:
    """Nothing of the test before reaches the next one."""
    call = served.dial()
    served.fault(kind="late", delay=0.05, method="PUT")
    with pytest.raises(http.client.RemoteDisconnected):
        served.run(SAY, call=call)
    served.control("POST", "reset")
    assert served.control("GET", "wait?event=request&timeout=0.15").status == 408


def test_a_late_dial_rings_after_the_client_has_gone(served: Any) -> None:
    """A POST can arrive late too: the client has no id, and the callee's phone rings."""
    served.fault(kind="late", then="status", status=504, body="<p>sorry</p>", delay=0.05, call="+15555550101")
    answer = served.run({"dial": {"to": "+15555550101", "from": "+15555550199"}})
    assert answer.status == 504
    assert served.wait(event="ringing")["to"] == "+15555550101"


@pytest.mark.parametrize("reply", ["first", "last"])
def test_a_request_is_delivered_twice(served: Any, reply: str) -> None:
    """The client sees one clean reply, and the sentence was heard twice."""
    call = served.dial()
    served.fault(kind="double", reply=reply, method="PUT")
    assert served.run(SAY, call=call).status == 200
    served.wait(event="finished", list=3)
    assert len(served.said(call)) == 2
    assert len(served.entries(event="request", method="PUT")) == 2


@pytest.mark.parametrize("reply", ["first", "last"])
def test_a_list_without_duration_is_delivered_twice(served: Any, reply: str) -> None:
    """Doubling needs no time in between."""
    call = served.dial()
    served.fault(kind="double", reply=reply, command="unhold")
    assert served.run({"unhold": {}}, call=call).status == 200
    served.wait(event="finished", list=3)
    assert len(served.entries(event="ran", command="unhold")) == 2


@pytest.mark.parametrize("reply", ["first", "last"])
def test_a_doubled_request_is_finished_without_its_client(serve: Callable[..., Any], reply: str) -> None:
    """A proxy that repeats and then gives up leaves two executions behind one 504."""
    served = serve(speed=10, path=NetworkPath(cut_after=0.15))
    call = served.dial()
    served.fault(kind="double", reply=reply, method="PUT")
    assert served.run(SAY, call=call).status == 504
    served.wait(event="finished", list=3)
    assert len(served.said(call)) == 2


def test_a_dial_delivered_twice_rings_twice(served: Any) -> None:
    """Two calls, one of which the client knows."""
    served.fault(kind="double", command="dial")
    known = served.dial()
    assert len(served.entries(event="ringing")) == 2
    calls = served.request("GET", "/calls").json["response"]["data"]
    assert [call["status"] for call in calls] == ["ready", "ready"]
    assert known == calls[0]["resource_id"]


def test_statuses_may_be_anything(served: Any) -> None:
    """A status of a middlebox's own, a JSON body, and the API's own error body by default."""
    served.fault(kind="status", place="received", status=520, path="/calls")
    served.fault(kind="status", place="before", status=200, body={"response": None})
    served.fault(kind="status", place="before", status=429)
    first, second, third = (served.request("GET", "/calls") for _ in range(3))
    assert (first.status, first.json["response"]["error"]["code"]) == (520, 520)
    assert (second.status, second.json) == (200, {"response": None})
    assert third.json["response"]["error"]["message"] == "Too Many Requests"
    assert [entry["path"] for entry in served.entries(event="request")] == ["/calls"]


def test_a_message_can_be_hit_by_the_name_of_its_command(served: Any) -> None:
    """A fault for `sms` hits `POST /sms` and no list of commands."""
    call = served.dial()
    served.fault(kind="status", place="before", command="sms", status=500)
    assert served.run(SAY, call=call).status == 200
    message = {"from": "+15555550199", "to": "+15555550101", "message": "Hello"}
    assert [served.request("POST", "/sms", message).status for _ in range(2)] == [500, 201]
    assert len(served.entries(event="sms")) == 1


def test_several_connections_suffer_apart(served: Any) -> None:
    """A hanging client, a reset one and a served one do not disturb each other."""
    hanging, resetting, living = (served.dial() for _ in range(3))
    served.fault(kind="hang", place="before", call=hanging)
    served.fault(kind="reset", place="running", at=1, call=resetting)
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as waiting:
        waiting.sendall(f"DELETE /calls/{hanging} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert served.wait(event="fault")["path"] == f"/calls/{hanging}"
        assert raw(served, resetting) == (b"", "rst")
        assert served.run(SAY, call=living).status == 200
    assert served.request("GET", f"/calls/{hanging}").call["status"] == "ready"
