"""Events in virtual time: contract section 6, and incoming calls."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.sandbox.callees import Behaviour, Callees
from orchestrator.sandbox.events import Event
from orchestrator.sandbox.model import CallServer
from orchestrator.sandbox.operations import counted_ids

CALLEE = "+15555550101"
CALLER = "+15555550199"
SAY = {"say": {"text": "one two three four five"}}  # 2 s
HANGUP = {"hangup": {}}
ANSWERED = 1.0  # when the callee answers


def server(**behaviour: Any) -> CallServer:
    return CallServer(ids=counted_ids(), callees=Callees({CALLEE: [Behaviour(**behaviour)]}))


def dialling(*commands: Any, **parameters: Any) -> dict[str, Any]:
    return {"commands": [{"dial": {"to": CALLEE, "from": CALLER, **parameters}}, *commands]}


def dial(api: CallServer) -> str:
    reply = api.finish(api.post(api.now, dialling()))
    assert reply is not None
    return reply.body["response"]["call"]["resource_id"]


def run(api: CallServer, call_id: str, *commands: Any) -> None:
    """Run a list asynchronously; it is acknowledged at once."""
    reply = api.put(api.now, call_id, {"commands": list(commands)}, asynchronous=True).reply
    assert reply is not None
    assert reply.status == 202


def told(api: CallServer) -> list[tuple[str, float, str]]:
    """Reason, moment and status of every event."""
    return [(event.reason, event.moment, call_in(event)["status"]) for event in api.events.entries]


def call_in(event: Event) -> dict[str, Any]:
    return event.body["response"]["call"]


def results_in(event: Event) -> list[dict[str, Any]] | None:
    return event.body["response"].get("results")


def test_an_asynchronous_list_that_has_finished_is_told_with_its_results() -> None:
    """The call as it is then, in the envelope of replies, at the moment the last command ends."""
    api = server(keys=("1",))
    call_id = dial(api)
    run(api, call_id, SAY, {"get_dtmf": {}})
    assert api.events.entries == []
    api.advance(60)
    assert told(api) == [("finished", ANSWERED + 3.0, "ready")]
    (event,) = api.events.of(call_id)
    assert results_in(event) == [
        {"command": "say", "status": "ok"},
        {"command": "get_dtmf", "status": "ok", "dtmf": "1"},
    ]
    assert call_in(event)["duration"] == 3
    assert (event.number, event.list_number, event.call_id) == (1, 2, call_id)


def test_a_list_that_fails_is_told_too() -> None:
    """A question without an answer stops the list; the call stays up."""
    api = server()
    run(api, dial(api), {"get_dtmf": {"timeout": 4}}, SAY)
    api.advance(60)
    assert told(api) == [("finished", ANSWERED + 4.0, "ready")]
    assert results_in(api.events.entries[0]) == [{"command": "get_dtmf", "status": "failed", "error": "timeout"}]


def test_an_asynchronous_post_is_told_when_its_list_ends() -> None:
    """From dial to the last command."""
    api = server()
    api.post(0.0, dialling(SAY), asynchronous=True)
    api.advance(60)
    assert told(api) == [("finished", ANSWERED + 2.0, "ready")]


def test_a_synchronous_list_is_not_told() -> None:
    """Its reply says everything, also where a future start has it answered before it begins."""
    api = server()
    api.finish(api.put(api.now, dial(api), {"commands": [SAY]}))
    api.post(api.now, dialling(SAY, schedule_start="1970-01-01T00:01:00+00:00"))
    api.advance(120)
    assert api.events.entries == []


def test_a_list_with_hangup_is_told_twice() -> None:
    """The list's result, then the end of the call; both with status hangup."""
    api = server()
    run(api, dial(api), SAY, HANGUP)
    api.advance(60)
    end = ANSWERED + 2.0
    assert told(api) == [("finished", end, "hangup"), ("ended", end, "hangup")]
    first, second = api.events.entries
    assert results_in(first) == [{"command": "say", "status": "ok"}, {"command": "hangup", "status": "ok"}]
    assert results_in(second) is None
    assert call_in(first) == call_in(second)
    assert call_in(second)["hangup_cause"] == "command"


@pytest.mark.parametrize("asynchronous", [True, False])
def test_a_callee_who_hangs_up_in_the_middle_ends_list_and_call(asynchronous: bool) -> None:
    """An asynchronous list is told as failed before the end is."""
    api = server(hangs_up_during=1)
    call_id = dial(api)
    api.put(api.now, call_id, {"commands": [SAY, SAY]}, asynchronous=asynchronous)
    api.advance(60)
    end = ANSWERED + 1.0
    assert told(api) == [("finished", end, "hangup")] * asynchronous + [("ended", end, "hangup")]
    if asynchronous:
        assert results_in(api.events.entries[0]) == [{"command": "say", "status": "failed", "error": "hangup"}]


@pytest.mark.parametrize(
    ("behaviour", "parameters", "cause"),
    [
        ({"does": "busy"}, {}, "busy"),
        ({"does": "reject"}, {}, "rejected"),
        ({"does": "fail"}, {}, "failed"),
        ({"does": "no_answer"}, {}, "no_answer"),
        ({}, {"schedule_expire": "1970-01-01T00:00:05+00:00"}, "expired"),
        ({"hangs_up_after": 5}, {}, "remote"),
    ],
)
def test_every_end_is_told_once(behaviour: dict[str, Any], parameters: dict[str, Any], cause: str) -> None:
    """However the call ended, with its cause; synchronous lists too."""
    api = server(**behaviour)
    api.post(10.0, dialling(**parameters))
    api.advance(100)
    assert [(event.reason, call_in(event)["hangup_cause"]) for event in api.events.entries] == [("ended", cause)]


def test_a_hangup_of_a_synchronous_list_is_told_after_its_reply() -> None:
    """The reply stands in the transcript when the event arises."""
    api = server()
    call_id = dial(api)
    replies: list[int] = []
    api.events.listeners.append(lambda _: replies.append(len(api.transcript.find(event="reply"))))
    api.finish(api.put(api.now, call_id, {"commands": [HANGUP]}))
    assert (told(api), replies) == ([("ended", ANSWERED, "hangup")], [2])


@pytest.mark.parametrize(("busy", "reasons"), [(False, ["ended"]), (True, ["finished", "ended"])])
def test_a_delete_is_told(busy: bool, reasons: list[str]) -> None:
    """The end; before it the result of the list that it stopped."""
    api = server()
    call_id = dial(api)
    if busy:
        run(api, call_id, SAY)
    api.delete(api.now + 1.0, call_id)
    assert [event.reason for event in api.events.entries] == reasons


def test_a_scheduled_call_that_is_cancelled_is_told() -> None:
    """An asynchronous list that never began has no results, and is told all the same."""
    api = server()
    posted = api.post(0.0, dialling(schedule_start="1970-01-01T00:01:00+00:00"), asynchronous=True)
    assert posted.reply is not None
    api.delete(1.0, posted.reply.body["response"]["call"]["resource_id"])
    assert told(api) == [("finished", 1.0, "hangup"), ("ended", 1.0, "hangup")]
    assert results_in(api.events.entries[0]) == []


def test_two_lists_can_be_told_alike() -> None:
    """Section 6: byte for byte the same event, so no receiver can tell which list it is."""
    api = server()
    call_id = dial(api)
    for _ in range(2):
        run(api, call_id, {"unhold": {}})
    first, second = api.events.entries
    assert first.body == second.body
    assert (first.list_number, second.list_number) == (2, 3)


def test_an_incoming_call_is_told_as_it_rings() -> None:
    """Status ringing, nobody has answered, no results."""
    api = server()
    call_id = api.incoming(7.0, from_=CALLEE, to=CALLER)
    (event,) = api.events.entries
    assert (event.reason, event.moment, event.call_id) == ("incoming", 7.0, call_id)
    call = call_in(event)
    assert (call["status"], call["from"], call["to"], call["duration"]) == ("ringing", CALLEE, CALLER, 0)
    assert results_in(event) is None


def test_an_incoming_call_is_answered_and_ended_asynchronously() -> None:
    """Answer first, then any commands; its length counts from the answer."""
    api = server()
    call_id = api.incoming(0.0, from_=CALLEE, to=CALLER, caller=Behaviour(keys=("5",)))
    api.advance(4.0)
    run(api, call_id, {"answer": {}}, {"get_dtmf": {}}, HANGUP)
    api.advance(60)
    assert told(api)[1:] == [("finished", 5.0, "hangup"), ("ended", 5.0, "hangup")]
    result = results_in(api.events.entries[1])
    assert result is not None
    assert result[1]["dtmf"] == "5"
    assert call_in(api.events.entries[2])["duration"] == 1


def test_a_rejected_call_is_told_as_ended() -> None:
    """A hangup alone on a ringing call."""
    api = server()
    run(api, api.incoming(0.0, from_=CALLEE, to=CALLER), HANGUP)
    assert [event.reason for event in api.events.entries] == ["incoming", "finished", "ended"]
    assert call_in(api.events.entries[-1])["hangup_cause"] == "rejected"


def test_a_caller_gives_up_unless_answered() -> None:
    """After so many seconds of ringing the call ends with cause `remote`; an answer before keeps the caller."""
    api = server(gives_up_after=5)
    lost, kept = (api.incoming(0.0, from_=CALLEE, to=CALLER) for _ in range(2))
    api.advance(4.0)
    run(api, kept, {"answer": {}})
    api.advance(60)
    assert [(event.moment, call_in(event)["hangup_cause"]) for event in api.events.of(lost)] == [
        (0.0, None),
        (5.0, "remote"),
    ]
    assert [event.reason for event in api.events.of(kept)] == ["incoming", "finished"]


def test_a_reset_forgets_the_events() -> None:
    """Numbers go on, so that an event from before is never taken for a new one."""
    api = server()
    api.incoming(0.0, from_=CALLEE, to=CALLER)
    api.reset(1.0)
    assert api.events.entries == []
    api.incoming(2.0, from_=CALLEE, to=CALLER)
    assert [event.number for event in api.events.entries] == [3]
