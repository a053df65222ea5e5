"""The API over HTTP: authentication, media types, waiting, cuts, disconnects and the clock."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from orchestrator.sandbox.api import NetworkPath
from orchestrator.sandbox.callees import BadSettingError
from orchestrator.sandbox.server import Options, Sandbox

SAY = {"say": {"text": "one two three four five"}}  # 2 s of the call
LONG = {"play": {"resource_id": "3f0c1c2e-6a3e-4f4e-9a54-0a2f4a0d9a11"}}  # 3 s of the call
DIAL = {"dial": {"to": "+15555550101", "from": "+15555550199"}}


def test_a_call_from_dial_to_delete(served: Any) -> None:
    """The whole contract once over a socket: POST 201, PUT 200, GET, list, DELETE 200."""
    posted = served.run(DIAL, SAY)
    call = posted.call["resource_id"]
    assert (posted.status, posted.call["status"]) == (201, "ready")
    put = served.run(SAY, call=call)
    assert (put.status, put.json["response"]["results"]) == (200, [{"command": "say", "status": "ok"}])
    assert served.request("GET", f"/calls/{call}").call["status"] == "ready"
    assert [one["resource_id"] for one in served.request("GET", "/calls").json["response"]["data"]] == [call]
    assert served.request("DELETE", f"/calls/{call}").call["hangup_cause"] == "command"
    assert served.said(call) == ["one two three four five"] * 2


def test_a_message_is_taken(served: Any) -> None:
    """POST /sms is answered with 201 and the message."""
    answer = served.request("POST", "/sms", {"from": "+15555550199", "to": "+15555550101", "message": "Hello"})
    assert (answer.status, answer.json["response"]["sms"]["message"]) == (201, "Hello")


def test_an_asynchronous_request_is_acknowledged(served: Any) -> None:
    """?async=1 is 202 at once, and the list runs; any other value is synchronous."""
    call = served.dial()
    body = {"commands": [SAY]}
    acknowledged = served.request("PUT", f"/calls/{call}?async=1", body)
    assert (acknowledged.status, acknowledged.call["status"]) == (202, "in-progress")
    served.wait(event="finished", list=2)
    assert served.request("PUT", f"/calls/{call}?async=0", body).status == 200
    assert len(served.said(call)) == 2


@pytest.mark.parametrize(
    ("method", "path", "body", "options", "status"),
    [
        pytest.param("GET", "/calls", None, {"key": "wrong"}, 401, id="wrong-key"),
        pytest.param("GET", "/calls", None, {"headers": {"Authorization": "Bearer x"}}, 401, id="other-scheme"),
        pytest.param("GET", "/nowhere", None, {}, 404, id="unknown-path"),
        pytest.param("GET", "/calls/", None, {}, 404, id="no-id"),
        pytest.param("GET", "/calls/a/b", None, {}, 404, id="below-a-call"),
        pytest.param("DELETE", "/calls", None, {}, 405, id="delete-all"),
        pytest.param("GET", "/sms", None, {}, 405, id="read-messages"),
        pytest.param("PATCH", "/calls/a", None, {}, 405, id="patch"),
        pytest.param("POST", "/calls", b"{", {}, 400, id="no-json"),
        pytest.param("POST", "/calls", b"\xff", {}, 400, id="no-text"),
        pytest.param("POST", "/calls", {}, {"headers": {"Content-Type": "text/plain"}}, 415, id="media-type"),
        pytest.param("POST", "/calls", [], {}, 400, id="no-object"),
    ],
)
def test_requests_that_are_refused(
    served: Any, method: str, path: str, body: object, options: dict[str, Any], status: int
) -> None:
    """Each has its status, the error's JSON body, and a place in the transcript."""
    answer = served.request(method, path, body, **options)
    assert answer.status == status
    assert answer.json["response"]["error"]["code"] == status
    assert [entry["status"] for entry in served.entries(event="reply")] == [status]
    assert ("www-authenticate" in answer.headers) is (status == 401)


def test_one_connection_serves_many_requests(served: Any) -> None:
    """Replies leave the connection usable."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=5)
    for _ in range(3):
        connection.request("GET", "/calls")
        assert connection.getresponse().read()
    connection.close()


def test_requests_wait_side_by_side(served: Any) -> None:
    """A long list of one call holds up nobody else."""
    slow, quick = served.dial(), served.dial()
    served.request("PUT", f"/calls/{slow}?async=1", {"commands": [LONG] * 50})
    assert served.run(SAY, call=quick).status == 200
    assert served.request("GET", f"/calls/{slow}").call["status"] == "in-progress"


def test_a_large_body_arrives_whole(served: Any) -> None:
    """A body of many packets is read to its end."""
    commands = [{"unhold": {}}] * 20_000
    answer = served.run(*commands, call=served.dial())
    assert len(answer.json["response"]["results"]) == 20_000


def test_a_client_that_leaves_while_sending_sent_nothing(served: Any) -> None:
    """Half a request is none: it is not in the transcript."""
    with socket.create_connection(("127.0.0.1", served.port)) as half:
        half.sendall(b"POST /calls HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    assert served.request("GET", "/calls").status == 200
    assert [entry["method"] for entry in served.entries(event="request")] == ["GET"]


def test_the_list_runs_on_without_its_client(served: Any) -> None:
    """Section 4: a client that gives up changes nothing."""
    call = served.dial()
    with pytest.raises(TimeoutError):
        served.run(*[LONG] * 4, call=call, timeout=0.05)
    assert served.wait(event="finished", list=2)["outcome"] == "ok"
    assert len(served.entries(event="ran", command="play")) == 4


def test_a_server_that_cancels_on_disconnect_runs_a_part(serve: Callable[..., Any]) -> None:
    """With the option, the list stops in the middle when its client has gone."""
    served = serve(speed=20, path=NetworkPath(cancel_on_disconnect=True))
    call = served.dial()
    assert served.run({"send_dtmf": {"dtmf": "1"}}, call=call).status == 200
    with pytest.raises(TimeoutError):
        served.run(SAY, *[LONG] * 9, call=call, timeout=0.2)
    assert served.wait(event="finished", list=3)["outcome"] == "cancelled"
    assert served.said(call) == ["one two three four five"]
    assert served.request("GET", f"/calls/{call}").call["status"] == "ready"


@pytest.mark.parametrize("kind", ["504", "close", "reset"])
def test_a_request_is_cut_like_by_a_proxy(serve: Callable[..., Any], kind: Any) -> None:
    """A reply that is not ready in time is cut, and the commands run on; quick ones pass."""
    served = serve(speed=20, path=NetworkPath(cut_after=0.15, cut_kind=kind))
    call = served.dial()
    if kind == "504":
        answer = served.run(*[LONG] * 4, call=call)
        assert (answer.status, answer.headers["content-type"]) == (504, "text/html; charset=utf-8")
        assert answer.text.startswith("<html>")
    else:
        expected = http.client.RemoteDisconnected if kind == "close" else ConnectionResetError
        with pytest.raises(ConnectionResetError) as caught:
            served.run(*[LONG] * 4, call=call)
        assert caught.type is expected
    assert served.request("GET", f"/calls/{call}").call["status"] == "in-progress"
    assert served.wait(event="finished", list=2)["outcome"] == "ok"
    assert [entry["method"] for entry in served.entries(event="cut")] == ["PUT"]
    assert served.run({"unhold": {}}, call=call).status == 200


def test_a_cut_that_the_server_notices_stops_the_list(serve: Callable[..., Any]) -> None:
    """A proxy that gives up closes its own connection too: a server that cancels stops then."""
    served = serve(speed=20, path=NetworkPath(cut_after=0.15, cancel_on_disconnect=True))
    call = served.dial()
    assert served.run(*[LONG] * 9, call=call).status == 504
    assert served.wait(event="finished", list=2)["outcome"] == "cancelled"


def test_times_are_those_of_the_skewed_clock(serve: Callable[..., Any]) -> None:
    """Every reply has a Date; with a skew it and all dates of calls are off by as much."""
    served = serve(speed=100, clock_skew=3600)
    posted = served.run(DIAL)
    control = served.control("GET", "transcript")
    for answer in (posted, control):
        assert parsedate_to_datetime(answer.headers["date"]).timestamp() - time.time() == pytest.approx(3600, abs=5)
    assert posted.call["created_epoch"] - time.time() == pytest.approx(3600, abs=5)


def test_credentials_and_capabilities_can_be_chosen(serve: Callable[..., Any]) -> None:
    """Another key is needed then, and a repeat under one idempotency key runs nothing."""
    served = serve(speed=100, key="mine", capabilities=["idempotency_key", "command_log", "client_reference"])
    assert served.request("GET", "/calls").status == 401
    body = {"commands": [DIAL, SAY], "client_reference": "run-1"}
    posts = [served.request("POST", "/calls", body, key="mine", headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert posts[0].json == posts[1].json
    call = posts[0].call["resource_id"]
    assert len(served.request("GET", f"/calls/{call}", key="mine").json["response"]["results"]) == 2
    found = served.request("GET", "/calls?client_reference=run-1", key="mine").json["response"]["data"]
    assert [one["resource_id"] for one in found] == [call]
    assert served.request("GET", "/calls?client_reference=run-2", key="mine").json["response"]["data"] == []
    assert len(served.entries(event="ringing")) == 1


def test_a_message_repeated_under_one_idempotency_key_is_sent_once(serve: Callable[..., Any]) -> None:
    """The repeat gets the stored reply; without the capability it is a second message."""
    message = {"from": "+15555550199", "to": "+15555550101", "message": "Hello"}
    for capabilities, sent in ((["idempotency_key"], 1), ([], 2)):
        served = serve(capabilities=capabilities)
        replies = [served.request("POST", "/sms", message, headers={"Idempotency-Key": "k"}) for _ in range(2)]
        assert [reply.status for reply in replies] == [201, 201]
        assert (replies[0].json == replies[1].json) is (sent == 1)
        assert len(served.entries(event="sms")) == sent


def test_the_transcript_file_has_every_entry_at_once(serve: Callable[..., Any], tmp_path: Path) -> None:
    """One JSON object a line, appended and flushed as it happens."""
    path = tmp_path / "transcript.jsonl"
    path.write_text('{"seq": 0}\n')
    served = serve(speed=100, transcript=path)
    served.dial()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[0] == {"seq": 0}
    assert lines[1:] == served.entries()


def test_the_end_waits_for_nobody(serve: Callable[..., Any]) -> None:
    """A request that still waits for its list, and one that hangs, are cut when the server is stopped."""
    served = serve()
    served.fault(kind="hang", place="received", method="GET")
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as waiting:
        waiting.sendall(b"GET /calls HTTP/1.1\r\nHost: x\r\n\r\n")
        assert served.wait(event="fault")["kind"] == "hang"
        served.stop()
        assert waiting.recv(1) == b""


def test_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    """A transcript that cannot be written and an address that is taken are errors before anything is served."""
    with pytest.raises(BadSettingError, match="nowhere"):
        Sandbox(Options(transcript=tmp_path / "nowhere" / "t.jsonl"))
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        Sandbox(Options(port=taken.getsockname()[1]))


@pytest.mark.skipif(not socket.has_ipv6, reason="needs IPv6")
def test_an_ipv6_address_is_written_in_brackets() -> None:
    """The URL can be used as it is."""
    sandbox = Sandbox(Options(host="::1"))
    assert sandbox.url.startswith("http://[::1]:")
    sandbox._socket.close()
    sandbox.stop()
