"""Where drills strike, and what they are compared by."""

from __future__ import annotations

from orchestrator.core.drills import Blow, Drill, Noticed, compared, drills_of, noticed

TRANSCRIPT = [
    {"event": "request", "method": "POST", "path": "/calls", "commands": ["dial"]},
    {"event": "ringing", "to": "+12125550123"},
    {"event": "request", "method": "PUT", "path": "/calls/u-1?async=1", "commands": ["say"]},
    {"event": "running", "command": "say", "text": "Hello."},
    {"event": "ran", "command": "say", "text": "Hello."},
    {"event": "request", "method": "GET", "path": "/calls/u-1"},
    {"event": "request", "method": "PUT", "path": "/calls/u-1", "commands": ["get_dtmf", "say"]},
    {"event": "running", "command": "say", "text": "Press one.", "prompt": True},
    {"event": "running", "command": "get_dtmf"},
    {"event": "running", "command": "send_dtmf", "keyed": "12"},
    {"event": "running", "command": "send_dtmf", "keyed": "1"},
    {"event": "running", "command": "play", "resource_id": "u-2"},
    {"event": "running", "command": "hold"},
    {"event": "request", "method": "POST", "path": "/sms", "commands": []},
    {"event": "sms", "to": "+15555550111"},
    {"event": "request", "method": "DELETE", "path": "/calls/u-1"},
]
DOCUMENT = {"status": "completed", "disposition": "completed", "error": None}
HELLO = Noticed("say", "Hello.")


def test_each_request_is_struck_in_each_way_and_looks_in_none() -> None:
    """A fault finds its request by method, path and number."""
    drills = list(drills_of(TRANSCRIPT))
    assert len(drills) == 5 * 3
    assert [drill.what for drill in drills[::3]] == ["dial", "say", "get_dtmf, say", "sms", "hang up"]
    assert [(drill.path, drill.nth, drill.of_method) for drill in drills[::3]] == [
        ("/calls", 1, 1),
        ("/calls/*", 1, 1),
        ("/calls/*", 2, 2),
        ("/sms", 1, 2),
        ("/calls/*", 1, 1),
    ]
    lost, reply_lost, killed = (drill.fault() for drill in drills[6:9])
    assert lost == {"method": "PUT", "path": "/calls/*", "nth": 2, "place": "before", "kind": "reset"}
    assert reply_lost == {"method": "PUT", "path": "/calls/*", "nth": 2, "place": "after", "kind": "close"}
    assert killed is None


def test_what_people_notice_is_read_from_the_transcript() -> None:
    """In order; keys are counted, since they may be secret."""
    assert noticed(TRANSCRIPT) == (
        Noticed("dial", "+12125550123"),
        HELLO,
        Noticed("asked", "Press one."),
        Noticed("get_dtmf"),
        Noticed("send_dtmf", "2 keys"),
        Noticed("send_dtmf", "1 key"),
        Noticed("play", "u-2"),
        Noticed("sms", "+15555550111"),
    )


def test_a_question_is_noticed_by_what_it_says() -> None:
    """Once; one that says nothing is noticed by being waited for."""
    question = {"event": "running", "command": "get_dtmf"}
    prompt = {"event": "running", "command": "say", "prompt": True, "text": "Press one."}
    assert noticed([question, prompt, prompt]) == (Noticed("asked", "Press one."), Noticed("asked", "Press one."))
    assert noticed([question, question]) == (Noticed("get_dtmf"), Noticed("get_dtmf"))


def test_what_is_heard_again_is_safe_and_what_is_dangerous_is_not() -> None:
    """Compared with what a clean run comes to."""
    clean, drill = noticed(TRANSCRIPT), Drill(blow=Blow.REPLY_LOST, request=1, what="say")
    again = compared(drill, [*TRANSCRIPT, TRANSCRIPT[3]], clean=clean, document=DOCUMENT)
    assert (again.twice, again.left_out, again.is_safe) == ((HELLO,), (), True)
    rung = compared(drill, [*TRANSCRIPT, TRANSCRIPT[1]], clean=clean, document=DOCUMENT)
    assert not rung.is_safe
    short = compared(drill, TRANSCRIPT[:2], clean=clean, document={**DOCUMENT, "status": "undecided"})
    assert HELLO in short.left_out
    assert short.is_safe, "it asks a person"


def test_the_line_that_announces_a_repeat_is_not_heard_twice() -> None:
    """It is heard, and what follows it may be a repeat or not."""
    clean, drill = noticed(TRANSCRIPT), Drill(blow=Blow.LOST, request=1, what="say")
    preamble = {"event": "running", "command": "say", "text": "Once more:"}
    lost = compared(drill, [*TRANSCRIPT, preamble], clean=clean, document=DOCUMENT, preamble="Once more:")
    assert lost.twice == ()
    assert Noticed("say", "Once more:") in lost.noticed
    heard = compared(
        drill, [*TRANSCRIPT, preamble, TRANSCRIPT[3]], clean=clean, document=DOCUMENT, preamble="Once more:"
    )
    assert heard.twice == (HELLO,)


def test_a_run_that_does_not_come_to_rest_is_not_safe() -> None:
    """Nor one of which there is nothing."""
    error = {"code": "stopped", "message": "it was stopped"}
    for document in (None, {**DOCUMENT, "status": "interrupted", "error": error}):
        assert not compared(Drill(), [], clean=(), document=document).is_safe


def test_the_document_says_where_and_what() -> None:
    """The clean run has no request of its own."""
    clean, drill = noticed(TRANSCRIPT), Drill(blow=Blow.KILLED, request=1, what="say")
    error = {"code": "undecided", "message": "nobody knows"}
    document = compared(
        drill, TRANSCRIPT[:1], clean=clean[1:2], document={**DOCUMENT, "status": "undecided", "error": error}
    ).to_document()
    assert document == {
        "request": 1,
        "commands": "say",
        "blow": "killed",
        "safe": True,
        "status": "undecided",
        "disposition": "completed",
        "why": "nobody knows",
        "heard": [],
        "twice": [],
        "left_out": [{"command": "say", "text": "Hello."}],
    }
    assert compared(Drill(), [], clean=(), document=None).to_document()["request"] is None
