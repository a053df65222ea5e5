"""The control endpoints: the truth on demand, people acting, and waiting without sleeping."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from orchestrator.sandbox.api import CallApi, NetworkPath
from orchestrator.sandbox.control import Control
from orchestrator.sandbox.courier import Courier, Receiver
from orchestrator.sandbox.faults import Faults
from orchestrator.sandbox.gate import Gate
from orchestrator.sandbox.model import CallServer
from orchestrator.sandbox.operations import counted_ids
from orchestrator.sandbox.pulse import Pulse

SAY = {"say": {"text": "one two three four five"}}  # 2 s of the call
CALLEE = "+15555550101"


def test_the_transcript_can_be_narrowed(served: Any) -> None:
    """By any field, and to what came after a number seen before."""
    call = served.dial()
    seen = served.entries()[-1]["seq"]
    served.run(SAY, call=call)
    assert {entry["event"] for entry in served.entries(after=seen)} == {
        "request", "running", "ran", "finished", "reply",
    }  # fmt: skip
    assert [entry["command"] for entry in served.entries(event="ran", call=call)] == ["dial", "say"]


def test_waiting_returns_what_is_there_or_comes(served: Any) -> None:
    """A matching entry is given at once, a later one as soon as it is written."""
    call = served.dial()
    assert served.wait(event="answered")["call"] == call
    asking = threading.Thread(target=served.run, args=({"get_dtmf": {"timeout": 500}},), kwargs={"call": call})
    asking.start()
    served.wait(event="running", command="get_dtmf")
    pressing = threading.Thread(target=served.control, args=("POST", f"calls/{call}/keys", {"keys": "7"}))
    pressing.start()
    assert served.wait(event="ran", command="get_dtmf", timeout=5)["dtmf"] == "7"
    asking.join(5)
    pressing.join(5)


def test_waiting_ends_with_its_timeout(served: Any) -> None:
    """408 with what was waited for; entries that do not match, or are older, are passed by."""
    served.dial()
    last = served.entries()[-1]["seq"]
    caller = threading.Thread(target=served.dial)
    caller.start()
    answer = served.control("GET", f"wait?event=hangup&after={last}&timeout=0.1")
    caller.join(5)
    assert answer.status == 408
    assert "no such entry within 0.1 s" in answer.json["error"]


def test_faults_are_shown_and_cleared(served: Any) -> None:
    """GET shows what is left of each fault; DELETE clears them all."""
    served.fault(kind="close", place="before", nth=2, times=3)
    served.request("GET", "/calls")
    (fault,) = served.control("GET", "faults").json["faults"]
    assert (fault["seen"], fault["remaining"]) == (1, 3)
    assert served.control("DELETE", "faults").json == {"faults": []}
    assert [served.request("GET", "/calls").status for _ in range(2)] == [200, 200]


def test_callees_are_set_while_it_runs(served: Any) -> None:
    """One behaviour or a list of them, for a number or for everybody."""
    served.control("PUT", f"callees/{CALLEE}", [{"does": "busy"}, {"does": "reject"}])
    served.control("PUT", "callees/default", {"does": "fail"})
    numbers = [CALLEE, CALLEE, "+15555550102"]
    causes = [served.run({"dial": {"to": to, "from": CALLEE}}).call["hangup_cause"] for to in numbers]
    assert causes == ["busy", "rejected", "failed"]
    shown = served.control("GET", "callees").json
    assert (shown["default"]["does"], [one["does"] for one in shown["numbers"][CALLEE]]) == ("fail", ["reject"])
    served.control("POST", "reset")
    assert served.run({"dial": {"to": CALLEE, "from": CALLEE}}).call["status"] == "ready"


def test_the_callee_hangs_up_on_demand(served: Any) -> None:
    """The call ends with cause `remote` at that moment."""
    call = served.dial()
    assert served.control("POST", f"calls/{call}/hangup").status == 200
    assert served.request("GET", f"/calls/{call}").call["hangup_cause"] == "remote"


def test_somebody_calls_in(served: Any) -> None:
    """An incoming call rings until the application answers it."""
    answer = served.control("POST", "calls", {"from": CALLEE, "to": "+15555550199"})
    call = answer.json["call"]
    assert served.request("GET", f"/calls/{call}").call["status"] == "ringing"
    assert served.run({"answer": {}}, SAY, call=call).status == 200
    assert served.said(call) == [SAY["say"]["text"]]


@pytest.mark.parametrize(
    ("method", "path", "body", "complaint"),
    [
        ("GET", "transcript?after=x", None, "after: 'x' is not a number"),
        ("GET", "wait?timeout=x", None, "timeout: 'x' is not a number"),
        ("POST", "faults", b"{", "the body is not JSON"),
        ("POST", "faults", {"kind": "x"}, "fault.kind: 'x'"),
        ("PUT", "callees/bob", {}, "must be an E.164 number"),
        ("PUT", f"callees/{CALLEE}", {"does": "sing"}, f"{CALLEE}.does: 'sing'"),
        ("POST", "calls", {"from": CALLEE}, "must be an E.164 number"),
        ("GET", "calls/nobody/heard", None, "there is no call nobody"),
        ("POST", "calls/nobody/hangup", None, "there is no call nobody"),
        ("POST", "calls/nobody/keys", {"keys": "1"}, "there is no call nobody"),
        ("POST", "calls/nobody/keys", {"key": "1"}, "unknown key 'key'"),
    ],
)
def test_a_wrong_request_is_explained(served: Any, method: str, path: str, body: object, complaint: str) -> None:
    """400 with one line that says what is wrong."""
    answer = served.control(method, path, body)
    assert answer.status == 400
    assert complaint in answer.json["error"]


async def _ask_from(host: str) -> int:
    """The status that a client on that host gets from a control endpoint."""
    model, faults = CallServer(ids=counted_ids()), Faults()
    pulse = Pulse(model, epoch=0.0)
    courier = Courier(model, faults, Receiver(), pulse=pulse)
    gate = Gate(model, key="", password="")
    api = CallApi(model, gate, faults, pulse=pulse, path=NetworkPath(), courier=courier)
    control = Control(model, faults, api, pulse=pulse, courier=courier).application()
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    path = "/_sandbox/faults"
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": [], "client": (host, 1)}
    await control(scope, receive, send)
    return int(sent[0]["status"])


@pytest.mark.parametrize(("host", "status"), [("192.0.2.1", 403), ("127.0.0.1", 200), ("::1", 200)])
def test_control_is_for_this_host_only(host: str, status: int) -> None:
    """A client that is not on the loopback interface is refused."""
    assert asyncio.run(_ask_from(host)) == status
