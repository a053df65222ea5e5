"""Which request a fault hits, and how a fault is written."""

from __future__ import annotations

import pytest

from orchestrator.sandbox.callees import BadSettingError
from orchestrator.sandbox.faults import Facts, Faults

PUT = Facts(method="PUT", path="/calls/1", commands=("say",), call_id="1", number="+15550001")


def close(**matchers: object) -> Faults:
    faults = Faults()
    faults.add({"kind": "close", "place": "after", **matchers})
    return faults


@pytest.mark.parametrize(
    ("matcher", "hits"),
    [
        ({}, True),
        ({"method": "PUT"}, True),
        ({"method": "POST"}, False),
        ({"path": "/calls/*"}, True),
        ({"path": "/calls"}, False),
        ({"command": "say"}, True),
        ({"command": "play"}, False),
        ({"call": "1"}, True),
        ({"call": "+15550001"}, True),
        ({"call": "2"}, False),
        ({"method": "PUT", "command": "play"}, False),
    ],
)
def test_a_fault_hits_what_all_its_matchers_fit(matcher: dict[str, str], hits: bool) -> None:
    """Method, path, command and call (id or number) must all fit."""
    assert (close(**matcher).pick(PUT) is not None) is hits


@pytest.mark.parametrize(
    ("counting", "hit"),
    [
        ({}, [True, False, False, False]),
        ({"nth": 3}, [False, False, True, False]),
        ({"times": 2}, [True, True, False, False]),
        ({"nth": 2, "times": 2}, [False, True, True, False]),
        ({"nth": 2, "times": None}, [False, True, True, True]),
        ({"times": "always"}, [True, True, True, True]),
        ({"times": "always", "every": 2}, [True, False, True, False]),
        ({"nth": 2, "times": 2, "every": 2}, [False, True, False, True]),
    ],
)
def test_a_fault_hits_from_the_nth_so_many_times(counting: dict[str, object], hit: list[bool]) -> None:
    """Only requests that fit are counted."""
    faults = close(method="PUT", **counting)
    assert faults.pick(Facts(method="GET", path="/calls")) is None
    assert [faults.pick(PUT) is not None for _ in hit] == hit
    assert faults.armed is (counting.get("times", 1) in {None, "always"})


def test_the_first_due_fault_hits_and_the_others_wait() -> None:
    """Two faults for the same request hit one after the other."""
    faults = Faults()
    faults.add([{"kind": "close", "place": "after"}, {"kind": "reset", "place": "after"}])
    hits = [faults.pick(PUT) for _ in range(3)]
    assert [fault and fault.kind for fault in hits] == ["close", "reset", None]
    assert [fault["remaining"] for fault in faults.document()] == [0, 0]


def test_faults_can_be_cleared() -> None:
    """After clearing nothing is hit any more."""
    faults = close(times="always")
    faults.clear()
    assert not faults.armed
    assert faults.pick(PUT) is None


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ({}, "fault.kind: None is not one of"),
        (None, "fault: kind is missing"),
        ("close", "fault: expected a mapping"),
        ({"kind": "explode"}, "fault.kind: 'explode' is not one of close, reset"),
        ({"kind": "close"}, "fault.place: None is not one of before, received, running, after"),
        ({"kind": "late", "place": "after"}, "unknown key 'place'"),
        ({"kind": "close", "place": "after", "at": 1}, "unknown key 'at'"),
        ({"kind": "close", "place": "after", "status": 500}, "unknown key 'status'"),
        ({"kind": "status", "place": "after", "status": 42}, "not an HTTP status"),
        ({"kind": "status", "place": "after", "headers": "x"}, "expected a mapping of header names"),
        ({"kind": "half", "place": "after", "part": "tail"}, "'tail' is not one of headers, length, body"),
        ({"kind": "garbage", "place": "after", "shape": "round"}, "'round' is not one of"),
        ({"kind": "late", "then": "laugh"}, "'laugh' is not one of"),
        ({"kind": "double", "reply": "both"}, "'both' is not one of first, last"),
        ({"kind": "close", "place": "after", "method": "HEAD"}, "'HEAD' is not one of GET, POST"),
        ({"kind": "close", "place": "after", "path": ""}, "'' is not a text"),
        ({"kind": "close", "place": "after", "times": [1]}, "not a number"),
        ({"kind": "close", "place": "running", "at": -1}, "fault.at: -1 is not a number"),
        ([{"kind": "close", "place": "after"}, {"kind": "x"}], r"fault\[1\].kind: 'x'"),
    ],
)
def test_a_bad_fault_is_refused_by_place(fault: object, complaint: str) -> None:
    """A fault that could not do what its author meant is refused, and of a list none is added."""
    faults = Faults()
    with pytest.raises(BadSettingError, match=complaint):
        faults.add(fault)
    assert faults.document() == []
