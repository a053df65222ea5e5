"""The pretend server: what it does with requests, and what it shows of its call."""

from __future__ import annotations

from orchestrator.core.exchange import Operation, Outcome, Request
from orchestrator.core.pretend import Course, PretendServer
from tests.fakes.machine import at

SAY = ({"say": {"text": "Hello."}},)
HANGUP = ({"say": {"text": "Bye."}}, {"hangup": {}})
ASK = ({"get_dtmf": {}}, {"say": {"text": "Thanks."}})


def put(*commands, **fields) -> Request:
    return Request(operation=Operation.COMMAND, commands=commands, **{"reference": "r.1", **fields})


def up(**fields) -> PretendServer:
    return PretendServer(created=at(0), answered=at(1), **fields)


def status(server: PretendServer, seconds: float) -> str | None:
    seen = server.seen(at(seconds))
    return None if seen is None else seen.status


def test_a_dial_rings_runs_and_is_ready() -> None:
    """The call is there a moment after its request, and ready when that is answered."""
    dial = Request(operation=Operation.CREATE, commands=({"dial": {}},), reference="r.0")
    server, reply = PretendServer(to="+1", from_="+2").receive(dial, at(0), Course(lasts_s=10))
    assert [status(server, seconds) for seconds in (0.1, 1, 6, 10)] == [None, "dialing", "in-progress", "ready"]
    assert (reply.outcome, reply.ended) == (Outcome.DONE, at(10))
    assert reply.call is not None
    assert reply.call.ready
    missed, reply = PretendServer().receive(dial, at(0), Course(lasts_s=10, hangs_up=True))
    assert reply.results is not None
    assert reply.results[0].error == "no_answer"
    seen = missed.seen(at(6))
    assert seen is not None
    assert (seen.status, seen.hangup_cause) == ("hangup", "no_answer")


def test_a_list_runs_and_a_second_one_is_refused_meanwhile() -> None:
    """409 while it runs, and when the call is over; each piece of work is counted."""
    server, _ = up().receive(put(*SAY), at(5), Course(lasts_s=4))
    assert [status(server, seconds) for seconds in (6, 9)] == ["in-progress", "ready"]
    same, refused = server.receive(put(*SAY), at(6), Course())
    assert (same, refused.status) == (server, 409)
    server, _ = server.receive(put(*SAY), at(10), Course(lasts_s=4))
    assert server.ran == {"r.1": 2}
    over = server.hung_up(at(20))
    assert over.receive(put(*SAY), at(21), Course())[1].status == 409
    assert over.hung_up(at(30)) == over


def test_questions_get_keys_or_time_out() -> None:
    """A timeout stops the list; a callee who hangs up ends it in its middle."""
    _, answered = up().receive(put(*ASK), at(5), Course(lasts_s=4, keys="1"))
    assert [(each.ok, each.digits) for each in answered.results or ()] == [(True, "1"), (True, None)]
    _, silent = up().receive(put(*ASK), at(5), Course(lasts_s=4))
    assert [each.error for each in silent.results or ()] == ["timeout"]
    gone, reply = up().receive(put(*ASK), at(5), Course(lasts_s=4, hangs_up=True))
    assert [each.error for each in reply.results or ()] == ["hangup"]
    assert reply.ended == at(7)
    assert status(gone, 7) == "hangup"


def test_the_call_is_ended_by_its_hangup_or_by_a_delete() -> None:
    """The cause is `command`; an ended call cannot be ended."""
    server, reply = up().receive(put(*HANGUP), at(5), Course(lasts_s=4))
    assert reply.call is not None
    assert (reply.call.ended, reply.call.hangup_cause) == (True, "command")
    end = Request(operation=Operation.END)
    assert server.receive(end, at(9), Course())[1].status == 409
    ended, reply = up().receive(end, at(5), Course())
    assert reply.outcome is Outcome.DONE
    assert status(ended, 6) == "hangup"


def test_an_acknowledged_list_is_answered_at_once_without_results() -> None:
    """It goes on running."""
    server, reply = up().receive(put(*SAY, asynchronous=True), at(5), Course(lasts_s=4))
    assert reply.results is None
    assert reply.ended.since(at(5)) < 1
    assert status(server, 6) == "in-progress"


def test_a_kept_reply_is_given_again_and_nothing_runs() -> None:
    """By the reference of the request, where the server keeps replies."""
    server, first = up(keeps_replies=True).receive(put(*SAY), at(5), Course(lasts_s=4))
    again, second = server.receive(put(*SAY), at(20), Course(lasts_s=4))
    assert again == server
    assert (second.results, second.first_byte) == (first.results, at(20))


def test_an_incoming_call_rings_until_it_is_answered() -> None:
    """It is ready when the list with its answer is over."""
    server = PretendServer(created=at(0), incoming=True)
    assert status(server, 1) == "ringing"
    server, _ = server.receive(put({"answer": {}}), at(1), Course(lasts_s=1))
    assert [status(server, seconds) for seconds in (1.5, 2)] == ["in-progress", "ready"]


def test_a_text_message_has_nothing_to_do_with_the_call() -> None:
    """It is counted, and shows no call."""
    sms = Request(operation=Operation.SMS, commands=({"sms": {}},), reference="r.3")
    server, reply = PretendServer().receive(sms, at(5), Course(lasts_s=1))
    assert (reply.call, server.ran) == (None, {"r.3": 1})
