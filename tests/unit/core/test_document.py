"""The document of a run and its exit code."""

from __future__ import annotations

import json

import pytest

from orchestrator.core.document import SECRET, document_of, error_document, exit_code_of_run, status_of
from orchestrator.core.exchange import CommandResult, Operation, Outcome
from orchestrator.core.records import Disposition, EndDecided, Fault, RunEnded, Status, Verdict
from orchestrator.core.state import Phase, RunState
from tests.fakes import machine as m

CARD = "4111111111111111"
HIDDEN = "************1111"


def ended(status: Status = Status.COMPLETED, code: str | None = None, result: str | None = None) -> RunState:
    fault = None if code is None else Fault(code=code, message=f"why, {CARD}")
    end = RunEnded(at=m.at(30), status=status, disposition=Disposition.COMPLETED, fault=fault, result=result)
    return m.state(Phase.ENDED, end=end)


@pytest.mark.parametrize(
    ("state", "driven", "status"),
    [
        (ended(Status.FAILED), False, Status.FAILED),
        (m.state(Phase.UNDECIDED), True, Status.UNDECIDED),
        (m.state(Phase.RETRYING, wake=m.at(20.1)), True, Status.WAITING),
        (m.state(Phase.RETRYING, wake=m.at(20)), True, Status.RUNNING),
        (m.state(Phase.READY), True, Status.RUNNING),
        (m.state(Phase.READY), False, Status.INTERRUPTED),
    ],
)
def test_status(state: RunState, driven: bool, status: Status) -> None:
    """Ended, undecided, waiting, running or interrupted: the first that holds, at 20 s."""
    assert status_of(state, m.at(20), driven=driven) is status


@pytest.mark.parametrize(
    ("state", "rest", "code"),
    [
        (ended(), None, 0),
        (ended(Status.FAILED), None, 1),
        (ended(Status.CANCELLED, "cancelled"), None, 1),
        (ended(Status.FAILED, "authentication"), None, 77),
        (ended(Status.FAILED, "undecided"), None, 20),
        (ended(Status.CANCELLED, "stopped"), None, 1),
        (ended(), "unreachable", 69),
        (m.state(Phase.READY), None, 75),
        (m.state(Phase.READY), "stopped", 75),
        (m.state(Phase.READY), "unsettled", 75),
        (m.state(Phase.READY), "unreachable", 69),
        (m.state(Phase.READY), "configuration", 78),
        (m.state(Phase.READY), "journal", 73),
        (m.state(Phase.UNDECIDED), "undecided", 20),
        (m.state(Phase.READY), "something", 75),
    ],
)
def test_exit_codes(state: RunState, rest: str | None, code: int) -> None:
    """By the fault of the end, else by why it rests."""
    assert exit_code_of_run(state, None if rest is None else Fault(code=rest, message="")) == code


def test_who_calls_whom() -> None:
    """An incoming call has `direction` and `from` behind the fixed fields; its caller may be unknown."""
    dials = document_of(m.state(Phase.READY), m.at(20), driven=True)
    assert dials.keys().isdisjoint({"direction", "from"})
    taken = m.started(from_="", call=m.seen("ringing"))
    takes = document_of(m.state(Phase.READY, started=taken), m.at(20), driven=True)
    assert (takes["direction"], takes["from"], takes["to"]) == ("incoming", None, m.TO)


def test_the_document_of_a_run_that_ended() -> None:
    """Its fields, times in RFC 3339, and no secret in any of them."""
    step = m.pending(m.intent(), verdict=Verdict.RAN, evidence=f"seen {CARD}").report(
        index=0,
        ended=m.at(14),
        results=(
            CommandResult(command="get_dtmf", digits=CARD, digit_count=16),
            CommandResult(command="get_dtmf", digit_count=4),
            CommandResult(command="say", ok=False, error=f"no {CARD}"),
        ),
    )
    state = ended(result=f"paid with {CARD}").changed(
        {
            "steps": (step,),
            "requests_sent": 3,
            "variables": {"choice": "1", "pin": "1234", "card": CARD, "to": m.TO, "from": m.FROM, "run_id": "r"},
            "secret_names": frozenset({"pin"}),
            "lost": frozenset({"other"}),
        }
    )
    document = document_of(state, m.at(40), driven=False, resume_command="orchestrator resume run-1")
    assert (document["run_id"], document["script"], document["status"]) == ("run-1", "reminder", "completed")
    assert (document["disposition"], document["result"]) == ("completed", f"paid with {HIDDEN}")
    assert (document["call_id"], document["to"], document["requests_sent"]) == (m.CALL, m.TO, 3)
    assert (document["started_at"], document["ended_at"]) == ("1970-01-12T13:46:40.000Z", "1970-01-12T13:47:10.000Z")
    assert document["variables"] == {"choice": "1", "pin": SECRET, "card": HIDDEN, "other": SECRET}
    assert document["error"] is None
    (shown,) = document["steps"]
    assert (shown["index"], shown["commands"], shown["attempts"]) == (0, ["say"], 1)
    assert (shown["outcome"], shown["verdict"], shown["evidence"]) == ("unknown", "ran", f"seen {HIDDEN}")
    assert shown["results"] == [
        {"command": "get_dtmf", "status": "ok", "dtmf": HIDDEN},
        {"command": "get_dtmf", "status": "ok", "dtmf_count": 4},
        {"command": "say", "status": "failed", "error": f"no {HIDDEN}"},
    ]
    assert "1234" not in json.dumps(document)


def test_the_error_of_a_run_that_ended_badly() -> None:
    """Code and message; it cannot be resumed."""
    document = document_of(ended(Status.FAILED, "stale"), m.at(40), driven=False, resume_command="resume")
    assert document["error"] == {"code": "stale", "message": f"why, {HIDDEN}", "resume_command": None}


def test_a_run_that_nobody_drives_names_the_command_that_resumes_it() -> None:
    """Interrupted: why, as far as it is known, and how to go on."""
    state = m.state(Phase.SENDING)
    document = document_of(state, m.at(40), driven=False, resume_command="orchestrator resume run-1")
    assert document["error"]["code"] == "interrupted"
    assert document["error"]["resume_command"] == "orchestrator resume run-1"
    assert (document["disposition"], document["ended_at"], document["result"]) == (None, None, None)
    assert document["steps"][0]["outcome"] == "unknown"
    rest = Fault(code="stopped", message="by a signal")
    resting = document_of(state, m.at(40), driven=False, rest=rest, resume_command="resume")
    assert resting["error"] == {"code": "stopped", "message": "by a signal", "resume_command": "resume"}


def test_a_running_run_shows_the_step_under_way() -> None:
    """Nothing is wrong with it, and the outcome of its open step is still to come."""
    document = document_of(m.state(Phase.SENDING), m.at(11), driven=True)
    assert document["error"] is None
    assert document["steps"][0]["outcome"] is None
    hanging_up = m.state(Phase.SENDING, pending=m.pending(m.intent(Operation.END)))
    assert document_of(hanging_up, m.at(11), driven=True)["steps"] == []


def test_an_undecided_run_shows_the_step_that_waits() -> None:
    """The step left over, its fault, and that nobody knows how the call ended."""
    fault = Fault(code="undecided", message="send_dtmf: nobody knows")
    ending = EndDecided(at=m.at(20), status=Status.UNDECIDED, fault=fault)
    left = m.pending(concluded=m.concluded(Outcome.UNKNOWN, reason="cut"))
    state = m.state(Phase.UNDECIDED, left_over=left, ending=ending, call_over=True)
    document = document_of(state, m.at(40), driven=False, resume_command="resume")
    assert (document["status"], document["disposition"]) == ("undecided", "unknown")
    assert document["error"] == {"code": "undecided", "message": "send_dtmf: nobody knows", "resume_command": None}
    assert (document["steps"][0]["evidence"], document["steps"][0]["ended_at"]) == ("cut", None)


def test_a_run_that_never_came_to_be_has_only_an_error() -> None:
    """Before a run exists there is nothing else to say."""
    assert error_document("bad_script", f"no {CARD}") == {
        "error": {"code": "bad_script", "message": f"no {HIDDEN}", "resume_command": None}
    }
