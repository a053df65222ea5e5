"""The story of a run in words: from records and documents, without any journal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.cli import story, telling
from orchestrator.cli.watch import call_may_be_up
from orchestrator.core.evolve import fold
from orchestrator.core.exchange import Operation, Outcome
from orchestrator.core.instant import Instant
from orchestrator.core.records import (
    Branched,
    BranchKind,
    CancelAsked,
    Concluded,
    Cursor,
    Intended,
    Noticed,
    Resolved,
    Resumed,
    RunStarted,
    Waited,
)
from orchestrator.core.settings import Settings

AT = Instant(1_800_000_000.0, 100.0, "boot")
STARTED = RunStarted(
    at=AT,
    run_id="0123456789ab",
    script_name="s",
    script_digest="",
    script_source="",
    script_masked=False,
    script_path=None,
    to="+12125550123",
    from_="+15555550199",
    variables={},
    secret_names=(),
    settings=Settings(),
)
STEP = {
    "index": 0,
    "commands": ["dial"],
    "attempts": 1,
    "outcome": "unknown",
    "verdict": "undecidable",
    "evidence": None,
    "started_at": "2027-01-15T08:00:00.000Z",
    "ended_at": None,
    "results": None,
}
DIAL = Intended(at=AT, operation=Operation.CREATE, attempt=1, start=Cursor(0), after=Cursor(1), commands=("dial",))
DONE = {**STEP, "outcome": "done", "verdict": None}
UNSENT = {
    **STEP,
    "outcome": "not_sent",
    "verdict": None,
    "attempts": 3,
    "evidence": "not sent: the connection was refused",
}
DOCUMENT = {
    "run_id": "0123456789ab",
    "script": "s",
    "status": "undecided",
    "disposition": "unknown",
    "result": None,
    "call_id": None,
    "to": "+12125550123",
    "started_at": "2027-01-15T08:00:00.000Z",
    "ended_at": None,
    "variables": {"who": "Ada"},
    "requests_sent": 1,
    "steps": [STEP],
    "error": {"code": "undecided", "message": "no evidence", "resume_command": None},
}


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (Branched(at=AT, kind=BranchKind.GOTO, entry=1, target=Cursor(3), label="ask"), "jumped at `ask`"),
        (
            Branched(at=AT, kind=BranchKind.STALE, entry=1, target=Cursor(3), label="bye", reason="25 s of silence"),
            "after a long silence went on at `bye`: 25 s of silence",
        ),
        (Waited(at=AT, wake=AT.plus(30), why="for evidence"), "waited 30 s for evidence"),
        (Waited(at=AT, wake=AT.plus(1), why="for evidence"), None),
        (Resumed(at=AT, settings=Settings()), "another process carried on"),
        (Resumed(at=AT, settings=Settings(), why="reap"), "another process ended the abandoned call"),
        (Resumed(at=AT, settings=Settings(), why="cancel"), "another process took over: cancel"),
        (CancelAsked(at=AT, why="stopped by SIGTERM"), "told to end: stopped by SIGTERM"),
        (Resolved(at=AT, ran=False), "a person's verdict: it did not happen"),
        (Resolved(at=AT, ran=True, note="the log"), "a person's verdict: it happened (the log)"),
        (Noticed(at=AT, code="x", message="a further\ncall"), "notice: a further call"),
    ],
)
def test_each_record_is_told_in_a_line(record, told) -> None:
    """What happened besides steps that went well; short waits are not worth a line."""
    assert [each[10:] for each in telling.events([record])] == ([] if told is None else [told])


def test_what_is_said_already_is_not_said_twice() -> None:
    """An attempt that was not sent is told once, in the story and in the table."""
    records = [DIAL, Concluded(at=AT, outcome=Outcome.NOT_SENT, reason=UNSENT["evidence"])]
    assert [each[10:] for each in telling.events(records)] == ["dial: not sent: the connection was refused"]
    assert story.evidence([UNSENT, STEP]) == ["step 0: the connection was refused"]


@pytest.mark.parametrize(
    ("outcome", "is_up"),
    [(None, True), (Outcome.NOT_SENT, False), (Outcome.THROTTLED, False), (Outcome.UNKNOWN, True)],
)
def test_a_dial_that_never_left_makes_no_call(outcome: Outcome | None, is_up: bool) -> None:
    """Nobody is told to end a call that rings nowhere."""
    records = [STARTED, DIAL]
    if outcome is not None:
        records.append(Concluded(at=AT, outcome=outcome, reason="x"))
    assert call_may_be_up(fold(records)) is is_up


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "Run 01234567 needs a person's verdict: it is not known whether the phone rang."),
        ({"steps": []}, "Run 01234567 needs a person's verdict: no evidence."),
        ({"status": "waiting"}, ": to look again."),
        ({"status": "running"}, "Run 01234567 is running: dial."),
        ({"status": "running", "steps": []}, "Run 01234567 is running: nothing yet."),
        ({"status": "interrupted", "steps": []}, "Run 01234567 is interrupted: no evidence; it has no live call."),
        ({"status": "interrupted", "steps": [DONE]}, "is interrupted: no evidence; it has no live call."),
        ({"status": "interrupted"}, "no evidence; dial: not known; it has no live call."),
        ({"status": "interrupted", "steps": [UNSENT]}, "; dial: not sent (3 attempts), the connection was refused; it"),
        (
            {"status": "failed", "disposition": "busy", "ended_at": "2027-01-15T08:00:00.000Z", "result": "x"},
            ": failed, busy with the result x: no evidence.",
        ),
    ],
)
def test_why_is_one_line(changes, told) -> None:
    """Why it waits or rests, what it does, or how it ended."""
    state = replace(fold([STARTED]), wake=AT.plus(60), wake_why="to look again")
    text = telling.why({**DOCUMENT, **changes}, state)
    assert told in text
    assert "\n" not in text


def test_an_uncertain_dial_asks_for_its_call() -> None:
    """Both commands are told; a dial that happened needs the id of its call."""
    lines = story.trouble(DOCUMENT, lambda *words: " ".join(words))
    assert lines[-2:] == [
        "It happened:         resolve 0123456789ab --ran --call CALL_ID",
        "It did not happen:   resolve 0123456789ab --not-run",
    ]
    without_step = story.trouble({**DOCUMENT, "steps": []}, lambda *words: " ".join(words))
    assert without_step[0] == "Run 01234567 to +12125550123 needs a person's verdict: no evidence"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"status": "interrupted", "call_id": "c"}, "Its call may still be up: the callee hears nothing until"),
        ({"status": "undecided", "call_id": "c"}, "Its call may still be up: the callee hears nothing until"),
        ({"status": "undecided"}, "Its call may be ringing, or be up: the callee hears nothing until"),
        ({"status": "running"}, None),
    ],
)
def test_a_call_that_is_left_up_is_told_with_the_command_that_ends_it(changes, told) -> None:
    """In plain words, beside the command that carries on; not where a process still drives the run.

    Nothing can end the call of a lost dial before somebody says which it is.
    """
    document = {**DOCUMENT, **changes}
    lines = story.trouble(document, lambda *words: " ".join(words), call_up=True)
    assert lines[1].startswith(told) if told is not None else not any("Its call" in each for each in lines)
    can_be_ended = told is not None and changes != {"status": "undecided"}
    assert (lines[-1] == "To end the call:      cancel 0123456789ab") == can_be_ended
    assert not any("Its call" in each for each in story.trouble(document, lambda *words: " ".join(words)))


def test_the_heading_has_the_facts_there_are() -> None:
    """Variables are shown, what is not known is left out."""
    text = telling.heading(DOCUMENT)
    assert "Status    undecided (unknown)" in text
    assert "Variables who=Ada" in text
    several = telling.heading({**DOCUMENT, "variables": {"who": "Ada, or Ben", "time": "nine"}})
    assert several.splitlines()[-2:] == ["Variables who=Ada, or Ben", "          time=nine"]
    assert "Call" not in text


def test_of_a_call_to_a_sandbox_that_is_gone_no_command_is_told() -> None:
    """There is no server that could be asked any more; what happened is told all the same."""
    lines = story.trouble({**DOCUMENT, "call_id": "c"}, None, call_up=True)
    assert lines[0].startswith("Run 01234567 to +12125550123 needs a person's verdict")
    assert not any(each.startswith(story.WAYS_ON) or "still up" in each for each in lines)


def test_an_incoming_call_is_told_as_one() -> None:
    """By its caller, in the story and where something went wrong; a number may be withheld."""
    taken = {**DOCUMENT, "direction": "incoming", "from": "+15555550199", "call_id": "c", "status": "interrupted"}
    taken["error"] = {"code": "interrupted", "message": "m", "resume_command": None}
    assert "From      +15555550199, an incoming call\nTo        +12125550123" in telling.heading(taken)
    assert "From" not in telling.heading(DOCUMENT)
    lines = story.trouble(taken, lambda *words: " ".join(words), call_up=True)
    assert lines[0] == "Run 01234567 from +15555550199: m"
    assert "the caller hears nothing" in lines[1]
    assert story.other_end({**taken, "from": None}) == "from a withheld number"
    assert story.other_end(DOCUMENT) == "to +12125550123"
