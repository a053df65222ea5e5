"""The call API in virtual time: contract sections 2, 4, 5, 8 and 9."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.sandbox.callees import BadSettingError, Behaviour, Callees
from orchestrator.sandbox.model import CallServer
from orchestrator.sandbox.operations import Operation, counted_ids
from orchestrator.sandbox.timing import Timing

CALLEE = "+15555550101"
CALLER = "+15555550199"
SAY = {"say": {"text": "one two three four five"}}  # 2 s
HOLD = {"unhold": {}}  # no time
START = 1_900_000_000.0  # 2030-03-17T17:46:40 UTC


def server(*behaviours: Behaviour, **options: Any) -> CallServer:
    callees = Callees({CALLEE: behaviours} if behaviours else None)
    made = CallServer(ids=counted_ids(), callees=callees, **options)
    made.advance(START)
    return made


def body(*commands: Any, **more: Any) -> dict[str, Any]:
    return {"commands": list(commands), **more}


def dialling(*commands: Any, **parameters: Any) -> dict[str, Any]:
    return body({"dial": {"to": CALLEE, "from": CALLER, **parameters}}, *commands)


def dial(api: CallServer, *commands: Any, **parameters: Any) -> str:
    """Make a call, wait for its list to end, and give its id."""
    operation = api.post(api.now, dialling(*commands, **parameters))
    api.finish(operation)
    return call_of(operation)["resource_id"]


def call_of(operation: Operation) -> dict[str, Any]:
    assert operation.reply is not None
    return operation.reply.body["response"]["call"]


def results_of(operation: Operation) -> list[dict[str, Any]]:
    assert operation.reply is not None
    return operation.reply.body["response"]["results"]


def status_of(api: CallServer, call_id: str) -> str:
    return call_of(api.get(api.now, call_id))["status"]


def code_of(operation: Operation) -> int | None:
    return None if operation.reply is None else operation.reply.status


def outcomes(api: CallServer) -> list[str]:
    return [entry["outcome"] for entry in api.transcript.find(event="finished")]


# Creating a call


def test_a_post_lasts_until_its_list_is_done() -> None:
    """A synchronous POST is answered with 201 when the last command has run, with a result for each."""
    api = server()
    operation = api.post(START, dialling(SAY))
    assert operation.reply is None
    assert api.finish(operation) is operation.reply
    assert (code_of(operation), operation.completed_at) == (201, START + 3.0)
    assert results_of(operation) == [{"command": "dial", "status": "ok"}, {"command": "say", "status": "ok"}]


def test_the_call_object_has_the_fields_of_the_contract() -> None:
    """Section 5: these fields and nothing else; times in UTC, whole seconds, without offset."""
    api = server()
    call_id = dial(api, SAY)
    operation = api.get(START + 9.9, call_id)
    assert operation.reply is not None
    assert operation.reply.body == {
        "response": {
            "call": {
                "resource_id": "00000000-0000-4000-8000-000000000003",
                "application_id": "00000000-0000-4000-8000-000000000001",
                "batch_id": "00000000-0000-4000-8000-000000000002",
                "to": CALLEE,
                "from": CALLER,
                "status": "ready",
                "hangup_cause": None,
                "duration": 8,
                "schedule_start": None,
                "schedule_expire": None,
                "created_date": "2030-03-17T17:46:40",
                "created_epoch": 1_900_000_000,
            }
        }
    }


@pytest.mark.parametrize(
    ("behaviour", "error", "ends_after"),
    [
        (Behaviour(does="busy", after=2), "busy", 2.0),
        (Behaviour(does="reject", after=3), "rejected", 3.0),
        (Behaviour(does="fail", after=0), "failed", 0.0),
        (Behaviour(does="no_answer"), "no_answer", 10.0),
        (Behaviour(does="answer", after=11), "no_answer", 10.0),
    ],
)
def test_a_dial_that_is_not_answered_fails_with_its_cause(behaviour: Behaviour, error: str, ends_after: float) -> None:
    """The reply is 2xx all the same, nothing more runs, and the call has ended with that cause."""
    api = server(behaviour)
    operation = api.post(START, dialling(SAY, timeout=10))
    api.finish(operation)
    assert (code_of(operation), operation.completed_at) == (201, START + ends_after)
    assert results_of(operation) == [{"command": "dial", "status": "failed", "error": error}]
    assert (call_of(operation)["status"], call_of(operation)["hangup_cause"]) == ("hangup", error)
    assert api.transcript.rung() == [CALLEE]
    assert outcomes(api) == ["failed"]


def test_status_follows_the_diagram() -> None:
    """dialing, in-progress while a list runs, ready when it is idle, hangup at the end."""
    api = server()
    operation = api.post(START, dialling(SAY, {"hangup": {}}))
    call_id = api.transcript.find(event="ringing")[0]["call"]
    seen = []
    for moment in (0.5, 1.5):
        api.advance(START + moment)
        seen.append(status_of(api, call_id))
    api.finish(operation)
    assert [*seen, call_of(operation)["status"]] == ["dialing", "in-progress", "hangup"]
    assert call_of(operation)["hangup_cause"] == "command"
    assert results_of(operation)[-1] == {"command": "hangup", "status": "ok"}


@pytest.mark.parametrize("bad", [None, [], "say", {}, body(SAY), {"commands": {}}])
def test_a_bad_post_runs_nothing(bad: object) -> None:
    """400 with the error's body, no call, nothing rung."""
    api = server()
    operation = api.post(START, bad)
    assert operation.reply is not None
    assert operation.reply.status == 400
    assert operation.reply.body["response"]["error"]["code"] == 400
    assert api.transcript.rung() == []
    assert api.next_moment() is None


# Further lists


def test_a_put_runs_each_time_it_is_sent() -> None:
    """Section 2: PUT is not idempotent; sent twice, the callee hears the message twice."""
    api = server()
    call_id = dial(api)
    for _ in range(2):
        api.finish(api.put(api.now, call_id, body(SAY)))
    assert [one["text"] for one in api.transcript.heard(call_id)] == [SAY["say"]["text"]] * 2


def test_a_list_without_duration_is_answered_at_once() -> None:
    """No time has to pass for commands that take none."""
    api = server()
    operation = api.put(api.now, dial(api), body(HOLD, {"hold": {}}, HOLD))
    assert code_of(operation) == 200
    assert call_of(operation)["status"] == "ready"


def test_a_failing_command_stops_the_list_and_the_call_stays_up() -> None:
    """Section 4: a get_dtmf without a tone fails; what follows does not run; the reply is 200."""
    api = server()
    operation = api.put(api.now, dial(api), body({"get_dtmf": {"timeout": 4}}, SAY))
    api.finish(operation)
    assert code_of(operation) == 200
    assert results_of(operation) == [{"command": "get_dtmf", "status": "failed", "error": "timeout"}]
    assert call_of(operation)["status"] == "ready"


def test_a_put_while_a_list_runs_is_refused() -> None:
    """409, nothing changed: the running list goes on, the second never runs."""
    api = server()
    call_id = dial(api)
    first = api.put(api.now, call_id, body(SAY))
    second = api.put(api.now + 1, call_id, body(SAY))
    assert code_of(second) == 409
    api.finish(first)
    assert len(api.transcript.heard(call_id)) == 1


@pytest.mark.parametrize("state", ["dialing", "scheduled", "ended"])
def test_a_put_on_a_call_that_is_not_up_is_refused(state: str) -> None:
    """409 before the call is answered and after its end."""
    api = server()
    start = "2030-03-17T17:50:00Z"
    api.post(START, dialling(schedule_start=start) if state == "scheduled" else dialling())
    (shown,) = api.list_calls(START).reply.body["response"]["data"]  # type: ignore[union-attr]
    if state == "ended":
        api.delete(START + 2, shown["resource_id"])
    assert code_of(api.put(api.now, shown["resource_id"], body(SAY))) == 409
    assert code_of(api.put(api.now, shown["resource_id"], body({"hangup": {}}))) == 409


def test_validation_comes_before_state() -> None:
    """A bad list is 400 on a call that is busy too; an unknown call is 404 whatever the list."""
    api = server()
    call_id = dial(api)
    api.put(api.now, call_id, body(SAY))
    assert code_of(api.put(api.now, call_id, body({"hold": {}}))) == 400
    assert [code_of(api.put(api.now, "nobody", bad)) for bad in (body(SAY), None)] == [404, 404]
    assert [code_of(api.get(api.now, "nobody")), code_of(api.delete(api.now, "nobody"))] == [404, 404]


# The far end


def test_the_callee_hangs_up_after_so_many_seconds() -> None:
    """The running command fails with `hangup`, and the call has ended with cause `remote`."""
    api = server(Behaviour(hangs_up_after=2.5))
    operation = api.post(START, dialling(SAY, SAY))
    api.finish(operation)
    assert operation.completed_at == START + 3.5
    assert results_of(operation)[-1] == {"command": "say", "status": "failed", "error": "hangup"}
    assert (call_of(operation)["status"], call_of(operation)["hangup_cause"]) == ("hangup", "remote")
    assert call_of(operation)["duration"] == 2
    assert [one["complete"] for one in api.transcript.heard(call_of(operation)["resource_id"])] == [True, False]
    assert outcomes(api) == ["hangup"]


def test_the_callee_hangs_up_between_lists() -> None:
    """An idle call can end by itself."""
    api = server(Behaviour(hangs_up_after=5))
    call_id = dial(api)
    api.advance(START + 6)
    assert status_of(api, call_id) == "hangup"
    assert api.next_moment() is None


@pytest.mark.parametrize(
    ("nth", "command", "moment"),
    [
        (1, SAY, 1.0),
        (2, SAY, 3.0),
        (1, {"send_dtmf": {"dtmf": "1234"}}, 0.4),
        (1, {"get_dtmf": {"commands": [SAY]}}, 1.0),
        (1, {"get_dtmf": {"timeout": 0.5}}, 0.25),
        (1, HOLD, 0.0),
        (1, {"hangup": {}}, 0.0),
    ],
)
def test_the_callee_hangs_up_in_the_middle_of_a_command(nth: int, command: dict[str, Any], moment: float) -> None:
    """In the middle of the nth command after answering, across lists; a command without duration does not run."""
    api = server(Behaviour(hangs_up_during=nth))
    call_id = dial(api, *[SAY] * (nth - 1))
    operation = api.put(api.now, call_id, body(command))
    api.finish(operation)
    (name,) = command
    assert results_of(operation) == [{"command": name, "status": "failed", "error": "hangup"}]
    assert call_of(operation)["hangup_cause"] == "remote"
    assert operation.completed_at == pytest.approx(START + 1 + moment)


def test_a_hangup_planned_for_a_command_is_off_when_it_ends_sooner() -> None:
    """A key pressed by hand ends the command, and the call goes on."""
    api = server(Behaviour(hangs_up_during=1, key_delay=4))
    call_id = dial(api)
    operation = api.put(api.now, call_id, body({"get_dtmf": {"timeout": 8}}))
    api.press(api.now + 1, call_id, "5")
    assert results_of(operation) == [{"command": "get_dtmf", "status": "ok", "dtmf": "5"}]
    api.advance(START + 60)
    assert status_of(api, call_id) == "ready"


def test_each_call_takes_the_next_behaviour() -> None:
    """A number that is busy first can answer the second call."""
    api = server(Behaviour(does="busy"), Behaviour())
    assert [status_of(api, dial(api)) for _ in range(2)] == ["hangup", "ready"]


# Ending


def test_a_delete_ends_an_idle_call_once() -> None:
    """200 with the ended call; a second DELETE is 409."""
    api = server()
    call_id = dial(api)
    operation = api.delete(api.now, call_id)
    assert (code_of(operation), call_of(operation)["hangup_cause"]) == (200, "command")
    assert code_of(api.delete(api.now, call_id)) == 409


def test_a_delete_while_a_list_runs_stops_it() -> None:
    """The running command fails with `hangup`, and the PUT is answered at once."""
    api = server()
    call_id = dial(api)
    operation = api.put(api.now, call_id, body(SAY, SAY))
    assert code_of(api.delete(api.now + 1, call_id)) == 200
    assert results_of(operation) == [{"command": "say", "status": "failed", "error": "hangup"}]
    assert operation.completed_at == START + 2


def test_a_delete_while_it_rings_cancels_the_call() -> None:
    """The cause is `cancelled`: nobody was reached."""
    api = server()
    posted = api.post(START, dialling(SAY))
    call_id = api.transcript.find(event="ringing")[0]["call"]
    deleted = api.delete(START + 0.5, call_id)
    assert call_of(deleted)["hangup_cause"] == "cancelled"
    assert results_of(posted) == [{"command": "dial", "status": "failed", "error": "hangup"}]


# Schedules


def test_a_future_start_is_answered_at_once_and_dials_later() -> None:
    """Section 9: 201 with status `scheduled`; the list runs when its time has come."""
    api = server()
    operation = api.post(START, dialling(SAY, schedule_start="2030-03-17T18:46:50+01:00"))
    assert (code_of(operation), call_of(operation)["status"]) == (201, "scheduled")
    assert call_of(operation)["schedule_start"] == "2030-03-17T17:46:50"
    assert "results" not in operation.reply.body["response"]  # type: ignore[union-attr]
    api.advance(START + 60)
    assert [entry["at"] for entry in api.transcript.find(event="ringing")] == [START + 10]
    assert len(api.transcript.heard(call_of(operation)["resource_id"])) == 1


def test_a_scheduled_call_can_be_cancelled() -> None:
    """DELETE before the start: cause `cancelled`, and nobody is rung."""
    api = server()
    operation = api.post(START, dialling(schedule_start="2030-03-17T17:50:00Z"))
    deleted = api.delete(START + 1, call_of(operation)["resource_id"])
    assert (call_of(deleted)["status"], call_of(deleted)["hangup_cause"]) == ("hangup", "cancelled")
    api.advance(START + 1000)
    assert api.transcript.rung() == []


@pytest.mark.parametrize(("expire", "rung"), [("17:46:39", 0), ("17:46:40", 1), ("17:47:00", 1)])
def test_a_call_is_not_dialled_after_its_expiry(expire: str, rung: int) -> None:
    """A POST that arrives after schedule_expire rings nobody; the call ends with cause `expired`."""
    api = server()
    operation = api.post(START, dialling(schedule_expire=f"2030-03-17T{expire}Z"))
    api.finish(operation)
    assert code_of(operation) == 201
    assert call_of(operation)["schedule_expire"] == f"2030-03-17T{expire}"
    assert len(api.transcript.rung()) == rung
    assert (call_of(operation)["hangup_cause"] == "expired") is (rung == 0)


# Asynchronous lists


def test_an_asynchronous_list_is_acknowledged_at_once() -> None:
    """202 with the call; GET shows in-progress until it is done; the list runs to its end."""
    api = server()
    call_id = dial(api)
    operation = api.put(api.now, call_id, body(SAY), asynchronous=True)
    assert (code_of(operation), call_of(operation)["status"]) == (202, "in-progress")
    assert status_of(api, call_id) == "in-progress"
    api.advance(api.now + 3)
    assert status_of(api, call_id) == "ready"
    assert len(api.transcript.heard(call_id)) == 1
    assert api.transcript.find(event="request")[1]["path"] == f"/calls/{call_id}?async=1"


def test_an_asynchronous_post_dials_after_the_acknowledgement() -> None:
    """202 with status `dialing`; the call is up a second later."""
    api = server()
    operation = api.post(START, dialling(), asynchronous=True)
    assert (code_of(operation), call_of(operation)["status"]) == (202, "dialing")
    api.advance(START + 1)
    assert status_of(api, call_of(operation)["resource_id"]) == "ready"


# Incoming calls


def test_an_incoming_call_rings_until_it_is_answered() -> None:
    """While it rings, only answer or hangup alone are accepted; answer only while it rings."""
    api = server(Behaviour(keys=("7",)))
    call_id = api.incoming(START, from_=CALLEE, to=CALLER)
    assert status_of(api, call_id) == "ringing"
    assert code_of(api.put(api.now, call_id, body(SAY))) == 409
    assert code_of(api.put(api.now, call_id, body(SAY, {"hangup": {}}))) == 409
    answered = api.put(api.now, call_id, body({"answer": {}}, {"get_dtmf": {}}))
    api.finish(answered)
    assert [entry["status"] for entry in results_of(answered)] == ["ok", "ok"]
    assert results_of(answered)[1]["dtmf"] == "7"
    assert code_of(api.put(api.now, call_id, body({"answer": {}}))) == 409


def test_an_incoming_call_can_be_rejected() -> None:
    """A hangup alone, or DELETE, on a ringing call rejects it."""
    api = server()
    first, second = (api.incoming(START, from_=CALLEE, to=CALLER) for _ in range(2))
    assert call_of(api.put(START, first, body({"hangup": {}})))["hangup_cause"] == "rejected"
    assert call_of(api.delete(START, second))["hangup_cause"] == "rejected"


def test_a_caller_can_give_up() -> None:
    """A ringing call that the caller ends has cause `remote`."""
    api = server()
    call_id = api.incoming(START, from_=CALLEE, to=CALLER)
    api.hang_up(START + 1, call_id)
    assert call_of(api.get(api.now, call_id))["hangup_cause"] == "remote"


# People at the other end, by hand


def test_nobody_can_act_on_a_call_that_is_not_up() -> None:
    """Hanging up or pressing keys needs a person on the line, and keys that exist."""
    api = server()
    for act in (lambda: api.hang_up(START, "nobody"), lambda: api.press(START, "nobody", "1")):
        with pytest.raises(BadSettingError, match="no call nobody"):
            act()
    api.post(START, dialling())
    ringing = api.transcript.find(event="ringing")[0]["call"]
    with pytest.raises(BadSettingError, match="status is dialing"):
        api.hang_up(START, ringing)
    api.advance(START + 2)
    with pytest.raises(BadSettingError, match="keys: must be"):
        api.press(START + 2, ringing, "x")


# Clients that leave


def test_a_client_that_gives_up_changes_nothing() -> None:
    """Section 4: the server runs the commands to the end all the same."""
    api = server()
    call_id = dial(api)
    operation = api.put(api.now, call_id, body(SAY))
    assert api.finish(operation, deadline=api.now + 1) is None
    assert api.now == START + 2
    assert status_of(api, call_id) == "in-progress"
    api.advance(START + 10)
    assert (code_of(operation), operation.completed_at) == (200, START + 3)


def test_waiting_for_what_never_comes_ends() -> None:
    """`finish` says so when its deadline passes or nothing more will happen."""
    api = server()
    operation = Operation(number=0, method="PUT", path="/calls/x", received_at=START)
    assert api.finish(operation) is None
    assert api.finish(operation, deadline=START + 5) is None
    assert api.now == START + 5


def test_a_server_that_cancels_stops_in_the_middle() -> None:
    """`partly`: the first sentence was heard, the second in part, the third not; the call stays up."""
    api = server()
    call_id = dial(api)
    operation = api.put(api.now, call_id, body(SAY, SAY, SAY))
    api.cancel(api.now + 3, operation)
    assert [entry.get("error") for entry in results_of(operation)] == [None, "cancelled"]
    assert status_of(api, call_id) == "ready"
    assert [one["complete"] for one in api.transcript.heard(call_id)] == [True, False]
    assert outcomes(api)[-1] == "cancelled"
    api.cancel(api.now, operation)
    api.advance(api.now + 60)
    assert len(api.transcript.heard(call_id)) == 2


def test_cancelling_while_it_rings_ends_the_call() -> None:
    """Nobody is left with a call that nobody steers."""
    api = server()
    operation = api.post(START, dialling(SAY))
    api.cancel(START + 0.5, operation)
    assert call_of(operation)["hangup_cause"] == "cancelled"
    api.cancel(START + 1, api.list_calls(START))  # a request without a list has nothing to stop


# The list


def test_the_list_is_newest_first_with_ended_calls() -> None:
    """Section 2: recent calls, ended ones included, at most so many, created at most so long ago."""
    api = server(list_size=2, list_age=100)
    first, second, third = (dial(api) for _ in range(3))
    api.delete(api.now, third)

    def listed() -> list[str]:
        reply = api.list_calls(api.now).reply
        assert reply is not None
        return [call["resource_id"] for call in reply.body["response"]["data"]]

    assert listed() == [third, second]
    api.advance(START + 101.5)
    assert listed() == [third]
    assert status_of(api, first) == "ready"


# SMS


def test_a_text_message_is_cut_at_480_characters() -> None:
    """Section 2: the rest is silently dropped."""
    api = server()
    operation = api.sms(START, {"from": CALLER, "to": CALLEE, "message": "x" * 500})
    assert operation.reply is not None
    assert operation.reply.status == 201
    assert operation.reply.body["response"]["sms"]["message"] == "x" * 480
    assert [entry["to"] for entry in api.transcript.find(event="sms")] == [CALLEE]


@pytest.mark.parametrize("bad", [None, {}, {"from": CALLER, "to": "bob", "message": "x"}])
def test_a_bad_text_message_is_refused(bad: object) -> None:
    """400, and nothing is sent."""
    api = server()
    assert code_of(api.sms(START, bad)) == 400
    assert api.transcript.find(event="sms") == []


# Capabilities (section 8)


def test_the_minimal_server_offers_nothing_more() -> None:
    """No results in GET, no idempotency, no client reference."""
    api = server()
    call_id = dial(api)
    reply = api.get(api.now, call_id).reply
    assert reply is not None
    assert set(reply.body["response"]) == {"call"}
    operations = [api.put(api.now, call_id, body(HOLD), idempotency_key="k") for _ in range(2)]
    assert operations[0] is not operations[1]
    referenced = api.post(api.now, {**dialling(), "client_reference": "mine"})
    api.finish(referenced)
    assert "client_reference" not in call_of(referenced)
    listed = api.list_calls(api.now, client_reference="none").reply
    assert listed is not None
    assert len(listed.body["response"]["data"]) == 2


def test_the_command_log_shows_every_result_of_the_call() -> None:
    """All entries since the call's creation, in order, also those whose reply was lost or cut short."""
    api = server(capabilities=["command_log"])
    call_id = dial(api, HOLD)
    api.cancel(api.now + 1, api.put(api.now, call_id, body(SAY, SAY)))
    assert results_of(api.get(api.now, call_id)) == [
        {"command": "dial", "status": "ok"},
        {"command": "unhold", "status": "ok"},
        {"command": "say", "status": "failed", "error": "cancelled"},
    ]


def test_an_idempotency_key_runs_a_request_once() -> None:
    """A repeat gets the stored reply, or waits for the one that is coming; another path is another request."""
    api = server(capabilities=["idempotency_key"])
    posts = [api.post(START, dialling(), idempotency_key="a") for _ in range(2)]
    api.finish(posts[1])
    call_id = call_of(posts[0])["resource_id"]
    puts = [api.put(api.now, call_id, body(SAY), idempotency_key="a") for _ in range(2)]
    assert puts[1].reply is None
    api.finish(puts[1])
    again = api.put(api.now + 60, call_id, body(SAY), idempotency_key="a")
    assert posts[0].reply is posts[1].reply
    assert puts[0].reply is puts[1].reply is again.reply
    assert (api.transcript.rung(), len(api.transcript.heard(call_id))) == ([CALLEE], 1)
    assert len(api.transcript.find(event="repeat")) == 3


def test_a_refused_request_uses_no_key_up() -> None:
    """What was answered with 400 or 409 may be sent again under its key."""
    api = server(capabilities=["idempotency_key"])
    call_id = dial(api)
    running = api.put(api.now, call_id, body(SAY))
    assert code_of(api.put(api.now, call_id, body(HOLD), idempotency_key="k")) == 409
    api.finish(running)
    assert code_of(api.put(api.now, call_id, body(HOLD), idempotency_key="k")) == 200


def test_calls_can_be_found_by_client_reference() -> None:
    """The reference is kept, shown, and filters the list."""
    api = server(capabilities=["client_reference"])
    for reference in ("one", "two"):
        api.finish(api.post(api.now, {**dialling(), "client_reference": reference}))
    dial(api)
    listed = api.list_calls(api.now, client_reference="two").reply
    assert listed is not None
    assert [call["client_reference"] for call in listed.body["response"]["data"]] == ["two"]
    assert code_of(api.post(api.now, {**dialling(), "client_reference": 5})) == 400


# Time and truth


def test_a_faster_clock_shortens_calls_and_not_dates() -> None:
    """At 10 times the speed a sentence of 2 s takes 0.2 s, while schedules keep to the clock."""
    api = server(Behaviour(hangs_up_after=100), timing=Timing(speed=10))
    operation = api.post(START, dialling(SAY, schedule_start="2030-03-17T17:46:50Z"))
    api.advance(START + 10.15)
    call_id = call_of(operation)["resource_id"]
    assert status_of(api, call_id) == "in-progress"
    api.advance(START + 10.31)
    assert (status_of(api, call_id), call_of(api.get(api.now, call_id))["duration"]) == ("ready", 2)
    api.advance(START + 21)
    assert call_of(api.get(api.now, call_id))["duration"] == 100


def test_the_same_story_gives_the_same_transcript() -> None:
    """The model is deterministic, however finely time is told."""

    def story(moments: list[float]) -> list[dict[str, Any]]:
        api = server(Behaviour(keys=("12#",), hangs_up_after=9))
        api.post(START, dialling(SAY, {"get_dtmf": {"max_digits": 5}}, SAY, SAY))
        for moment in moments:
            api.advance(START + moment)
        return api.transcript.entries

    assert story([60]) == story([step / 10 for step in range(601)])


def test_a_received_request_can_be_lost() -> None:
    """It stands in the transcript, has no reply and ran nothing."""
    api = server()
    api.lose(START, "POST", "/calls", dialling())
    assert [(entry["event"], entry.get("commands")) for entry in api.transcript.entries] == [("request", ["dial"])]


def test_a_request_that_is_none_is_refused() -> None:
    """Whatever HTTP refuses stands in the transcript with its status."""
    api = server()
    assert code_of(api.refuse(START, "GET", "/nowhere", 404, message="no such resource")) == 404
    assert [entry["event"] for entry in api.transcript.entries] == ["request", "reply"]


def test_a_reset_ends_and_forgets_everything() -> None:
    """Waiting requests are answered, calls are gone, behaviours are back, and nothing is due."""
    api = server(Behaviour(), Behaviour(does="busy"))
    operation = api.post(START, dialling())
    api.reset(START + 0.5)
    assert code_of(operation) == 201
    assert (api.transcript.entries, api.next_moment()) == ([], None)
    assert api.remote_number("00000000-0000-4000-8000-000000000003") is None
    assert status_of(api, dial(api)) == "ready"
    assert api.transcript.entries[0]["seq"] > 1
