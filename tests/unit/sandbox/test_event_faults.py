"""Which event a fault hits, how such a fault is written, and what tampering makes of an event."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.sandbox.callees import BadSettingError
from orchestrator.sandbox.events import Event
from orchestrator.sandbox.faults import Facts, Faults
from orchestrator.sandbox.files import load_faults

EVENT = Event(
    number=1,
    moment=0.0,
    reason="finished",
    call_id="1",
    list_number=1,
    body={"response": {"call": {"status": "ready"}, "results": []}},
)


def losing(**fields: object) -> Faults:
    faults = Faults()
    faults.add({"on": "event", "kind": "lose", **fields})
    return faults


def hits(faults: Faults) -> bool:
    return faults.pick_event(EVENT, "+15550001") is not None


@pytest.mark.parametrize(
    ("matcher", "expected"),
    [
        ({}, True),
        ({"reason": "finished"}, True),
        ({"reason": "ended"}, False),
        ({"call": "1"}, True),
        ({"call": "+15550001"}, True),
        ({"call": "2"}, False),
    ],
)
def test_a_fault_hits_what_all_its_matchers_fit(matcher: dict[str, str], expected: bool) -> None:
    """By reason, and by call or number at its other end."""
    assert hits(losing(**matcher)) is expected


def test_a_fault_of_events_counts_events_only() -> None:
    """From the nth so many times; requests pass it by, as events pass by faults of requests."""
    faults = losing(nth=2, times=2)
    faults.add({"kind": "close", "place": "after", "times": "always"})
    assert faults.pick(Facts(method="GET", path="/calls")) is not None
    assert [hits(faults) for _ in range(4)] == [False, True, True, False]
    assert [(fault.get("on"), fault["kind"], fault["seen"], fault["remaining"]) for fault in faults.document()] == [
        ("event", "lose", 4, 0),
        (None, "close", 1, None),
    ]
    faults.clear()
    assert faults.document() == []


def test_a_faults_file_holds_both_sorts(tmp_path: Path) -> None:
    """In YAML `on` is a word, not the truth value that older parsers make of it."""
    path = tmp_path / "faults.yaml"
    path.write_text("- {on: event, kind: double, copies: 3, times: always}\n- {kind: event_first, method: PUT}\n")
    faults = load_faults(path)
    assert [fault["kind"] for fault in faults.document()] == ["double", "event_first"]
    assert [hits(faults) for _ in range(2)] == [True, True]


@pytest.mark.parametrize(
    ("fields", "status", "results"),
    [
        ({"status": "hangup"}, "hangup", []),
        ({"results": [{"command": "say"}]}, "ready", [{"command": "say"}]),
    ],
)
def test_tampering_changes_a_copy(fields: dict[str, Any], status: str, results: list[Any]) -> None:
    """What is given is untrue, the rest is as it was, and the truth stays."""
    faults = Faults()
    faults.add({"on": "event", "kind": "tamper", **fields})
    fault = faults.pick_event(EVENT, None)
    assert fault is not None
    assert fault.tampered(EVENT.body) == {"response": {"call": {"status": status}, "results": results}}
    assert EVENT.body == {"response": {"call": {"status": "ready"}, "results": []}}


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ({"on": "event"}, "fault.kind: None is not one of lose, delay"),
        ({"on": "request", "kind": "lose"}, "fault.on: 'request' is not one of event"),
        ({"on": "event", "kind": "close"}, "fault.kind: 'close' is not one of lose"),
        ({"on": "event", "kind": "lose", "method": "PUT"}, "unknown key 'method'"),
        ({"on": "event", "kind": "lose", "delay": 1}, "unknown key 'delay'"),
        ({"on": "event", "kind": "lose", "reason": "x"}, "fault.reason: 'x' is not one of incoming, finished, ended"),
        ({"on": "event", "kind": "delay", "delay": -1}, "fault.delay: -1 is not a number"),
        ({"on": "event", "kind": "double", "copies": 1}, "fault.copies: 1 is no more than"),
        ({"on": "event", "kind": "tamper"}, "fault: tamper needs a status, results or both"),
        ({"on": "event", "kind": "tamper", "results": "x"}, "fault.results: expected a list"),
        ({"on": "event", "kind": "tamper", "status": ""}, "fault.status: '' is not a text"),
        ({"kind": "event_first", "place": "after"}, "unknown key 'place'"),
    ],
)
def test_a_bad_fault_is_refused_by_place(fault: object, complaint: str) -> None:
    """A fault that could not do what its author meant is refused."""
    with pytest.raises(BadSettingError, match=complaint):
        Faults().add(fault)
