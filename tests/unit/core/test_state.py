"""The table of transitions: what is in it happens, what is not in it is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.core.evolve import evolve
from orchestrator.core.exchange import CommandResult, Operation, Outcome
from orchestrator.core.meanings import IllegalRecordError
from orchestrator.core.phases import TRANSITIONS, Event
from orchestrator.core.records import (
    Branched,
    BranchKind,
    CancelAsked,
    Cursor,
    Disposition,
    EndDecided,
    Record,
    Resolved,
    Resumed,
    RunEnded,
    Settled,
    Status,
    Then,
    Verdict,
    Waited,
)
from orchestrator.core.settings import Settings
from orchestrator.core.state import Phase, RunState
from tests.fakes import machine as m

FAILED = (CommandResult(command="say", ok=False, error="timeout"),)
UNDECIDED = EndDecided(at=m.at(20), status=Status.UNDECIDED)
BRANCH = Branched(at=m.at(20), kind=BranchKind.GOTO, entry=1, target=Cursor(2))
ENDED = RunEnded(at=m.at(20), status=Status.COMPLETED, disposition=Disposition.COMPLETED)


def settled(verdict: Verdict, then: Then, **fields: Any) -> Settled:
    return Settled(at=m.at(20), verdict=verdict, evidence="seen", then=then, **fields)


Case = tuple[dict[str, Any], Record]


def _by_look(phase: Phase, event: Event) -> Case | None:
    """Return how a look at the call brings an event about, in the phases where it does."""
    fields: dict[str, Any] = {}
    match event:
        case Event.SEEN_READY:
            return fields, m.look(20)
        case Event.NOT_READY if phase not in (Phase.SENDING, Phase.SETTLING):
            return fields, m.look(20, "in-progress")
        case Event.CALL_OVER if phase not in (Phase.SENDING, Phase.SETTLING, Phase.UNDECIDED):
            return fields, m.look(20, "hangup")
        case Event.NEEDS_VERDICT if phase not in (Phase.SENDING, Phase.SETTLING):
            return {"ending": UNDECIDED}, m.look(20, "hangup")
    return None


ALWAYS: dict[Event, Case] = {
    Event.STARTED: ({}, m.started()),
    Event.STILL: ({}, Waited(at=m.at(20), wake=m.at(30), why="to try again")),
    Event.RESUMED: ({}, Resumed(at=m.at(20), settings=Settings())),
    Event.INTENDED: ({}, m.intent()),
    Event.END_DECIDED: ({}, EndDecided(at=m.at(20), status=Status.COMPLETED)),
    Event.RUN_ENDED: ({}, ENDED),
    Event.BRANCHED: ({}, BRANCH),
    Event.DONE: ({}, m.concluded()),
    Event.HELD_BACK: ({}, m.concluded(Outcome.NOT_SENT)),
    Event.GO_ON: ({}, settled(Verdict.RAN, Then.GO_ON, call=m.seen())),
    Event.STOP: ({}, settled(Verdict.UNDECIDABLE, Then.STOP)),
    Event.RESOLVED_ON: ({"left_over": m.pending()}, Resolved(at=m.at(20), ran=True)),
    Event.RESOLVED_AGAIN: ({"left_over": m.pending()}, Resolved(at=m.at(20), ran=False)),
}
BY_PHASE: dict[tuple[Phase, Event], Case] = {
    (Phase.SENDING, Event.ACCEPTED): (
        {"pending": m.pending(m.intent(asynchronous=True))},
        m.concluded(call=m.seen("in-progress"), results=None),
    ),
    (Phase.AWAITING, Event.DONE): ({}, m.look(20)),
    (Phase.AWAITING, Event.COMMAND_FAILED): ({"log_length": 0}, m.look(20, results=FAILED)),
    (Phase.AWAITING, Event.LOST): ({"pending": m.pending(m.intent(commands=("get_dtmf",)))}, m.look(20)),
    (Phase.SENDING, Event.COMMAND_FAILED): ({}, m.concluded(Outcome.REJECTED, status=400)),
    (Phase.SENDING, Event.LOST): ({}, m.concluded(Outcome.UNKNOWN)),
    (Phase.SENDING, Event.NOT_READY): ({}, m.concluded(Outcome.REJECTED, status=409)),
    (Phase.SENDING, Event.CALL_OVER): ({}, m.concluded(call=m.seen("hangup"))),
    (Phase.SENDING, Event.NEEDS_VERDICT): (
        {"pending": m.pending(m.intent(Operation.END)), "ending": UNDECIDED},
        m.concluded(call=m.seen("hangup"), results=None),
    ),
    (Phase.SETTLING, Event.COMMAND_FAILED): ({}, settled(Verdict.RAN, Then.GO_ON, call=m.seen(), results=FAILED)),
    (Phase.SETTLING, Event.NOT_READY): ({}, settled(Verdict.RAN, Then.GO_ON, call=m.seen("dialing"))),
    (Phase.SETTLING, Event.AGAIN): ({}, settled(Verdict.DID_NOT_RUN, Then.AGAIN)),
    (Phase.SETTLING, Event.CALL_OVER): ({}, settled(Verdict.PARTLY, Then.GO_ON, call=m.seen("hangup"))),
    (Phase.SETTLING, Event.NEEDS_VERDICT): ({"call_id": None}, settled(Verdict.UNDECIDABLE, Then.STOP)),
    (Phase.BUSY, Event.AGAIN): ({"pending": m.pending()}, m.look(20)),
    (Phase.BUSY, Event.LOST): (
        {"pending": m.pending(concluded=m.concluded(Outcome.REJECTED, status=409))},
        m.look(20, "in-progress"),
    ),
    (Phase.UNDECIDED, Event.CALL_OVER): (
        {"left_over": m.pending(), "call_over": True},
        Resolved(at=m.at(20), ran=True),
    ),
}


def case_of(phase: Phase, event: Event) -> Case:
    """Return what makes an event happen in a phase: fields of the state, and the record."""
    return BY_PHASE.get((phase, event)) or _by_look(phase, event) or ALWAYS[event]


def edges() -> Iterator[tuple[Phase, Event]]:
    """Yield every transition of the table."""
    for phase, row in TRANSITIONS.items():
        for event in row:
            yield phase, event


@pytest.mark.parametrize(("phase", "event"), list(edges()))
def test_every_transition_of_the_table(phase: Phase, event: Event) -> None:
    """Each record that means an event leads to the phase that the table names."""
    fields, record = case_of(phase, event)
    before = m.state(phase, **fields)
    assert evolve(before, record).phase is TRANSITIONS[phase][event]
    assert before == m.state(phase, **fields)


def misfits() -> Iterator[tuple[Phase, Event]]:
    """Yield what is not in the table; a verdict on a step whose call is over means that, which OVER has a place for."""
    for phase in Phase:
        for event in ALWAYS:
            over = phase is Phase.OVER and event in (Event.RESOLVED_ON, Event.RESOLVED_AGAIN)
            if event not in TRANSITIONS[phase] and not over:
                yield phase, event


@pytest.mark.parametrize(("phase", "event"), list(misfits()))
def test_what_is_not_in_the_table_is_refused(phase: Phase, event: Event) -> None:
    """A record that the table has no place for raises, and the state is as it was."""
    fields, record = ALWAYS[event]
    before = m.state(phase, **fields)
    copy = m.state(phase, **fields)
    with pytest.raises(IllegalRecordError):
        evolve(before, record)
    assert before == copy


def test_a_verdict_for_nobody_is_refused() -> None:
    """A person's verdict needs a step that waits for one."""
    with pytest.raises(IllegalRecordError, match="no step of this run waits"):
        evolve(m.state(Phase.UNDECIDED), Resolved(at=m.at(20), ran=True))


def test_every_phase_can_be_reached_and_only_the_last_is_an_end() -> None:
    """No phase of the table is unreachable; what has ended leads nowhere but to a DELETE of the call it left up."""
    reached = {target for row in TRANSITIONS.values() for target in row.values()}
    assert reached == set(Phase) - {Phase.NEW}
    for phase, row in TRANSITIONS.items():
        assert set(row.values()) - {phase}, f"{phase} leads nowhere"
    assert set(TRANSITIONS[Phase.ENDED]) == {Event.STILL, Event.RESUMED, Event.INTENDED}


def test_a_state_knows_what_it_holds() -> None:
    """The short questions of a state: its run, whether its call is up, whether it watches for further calls."""
    fresh = RunState(started=m.started())
    assert (fresh.run_id, fresh.call_up, fresh.watching) == ("run-1", False, False)
    assert m.state(Phase.READY).call_up
    assert not m.state(Phase.OVER).call_up
    assert m.state(Phase.READY, extras=("call-2",)).watching
    assert m.state(Phase.READY, watch_until=m.at(60)).watching


def test_cancel_is_heard_in_every_phase_that_lasts() -> None:
    """A person may cancel whenever the run is not over."""
    asked = CancelAsked(at=m.at(20))
    for phase in set(Phase) - {Phase.NEW}:
        assert evolve(m.state(phase), asked).cancel == asked


@pytest.mark.parametrize("forward_s", [-3600.0, 0.0, 3600.0])
def test_the_servers_date_does_not_change_with_ours(forward_s: float) -> None:
    """What was seen of it lasts when this machine's clock is set; unseen, it is taken to be ours."""
    run = m.state(Phase.READY, clock_skew_s=25.0, skew_known=True, skew_at=m.at(10))
    now = replace(m.at(40), wall=m.EPOCH + 40 + forward_s)
    assert run.server_wall(now) == m.EPOCH + 65
    assert m.state(Phase.READY).server_wall(now) == now.wall


def test_the_servers_date_is_kept_with_the_moment_it_was_seen_at() -> None:
    """By the reply to a request, and by a look."""
    by_reply = evolve(m.state(Phase.SENDING), m.concluded(clock_skew_s=5.0))
    by_look = evolve(m.state(Phase.READY), m.look(13, clock_skew_s=6.0))
    assert (by_reply.server_wall(m.at(20)), by_look.server_wall(m.at(20))) == (m.EPOCH + 25, m.EPOCH + 26)


RINGING = m.started(call=m.seen("ringing"))
ANSWER = m.intent(Operation.COMMAND, "answer")


def rings(phase: Phase, **fields: Any) -> RunState:
    return m.state(phase, **{"started": RINGING, "answered": False, "pending": None, **fields})


def test_a_call_that_no_answer_can_have_reached_rings_on() -> None:
    """Nobody is on its line, so nobody waits there in silence."""
    unsent = m.pending(ANSWER, unknowns=0, concluded=m.concluded(Outcome.NOT_SENT))
    settled_so = m.pending(ANSWER, verdict=Verdict.DID_NOT_RUN)
    assert rings(Phase.READY).rings_on
    assert rings(Phase.RETRYING, pending=unsent).rings_on
    assert rings(Phase.RETRYING, pending=settled_so).rings_on


def test_a_call_that_an_answer_may_have_reached_may_be_up() -> None:
    """As is one that was answered, or that this side has made; one that is over rings no more."""
    unsent = m.pending(ANSWER, unknowns=0, concluded=None)
    assert not rings(Phase.SENDING, pending=unsent).rings_on
    assert not rings(Phase.SETTLING, pending=m.pending(ANSWER)).rings_on
    assert not rings(Phase.RETRYING, pending=m.pending(ANSWER, verdict=Verdict.UNDECIDABLE)).rings_on
    assert not rings(Phase.READY, answered=True).rings_on
    assert not rings(Phase.READY, started=m.started()).rings_on
    assert not rings(Phase.OVER, call_over=True).rings_on


def test_who_is_on_the_line_has_called_or_was_called() -> None:
    """Words about them say which."""
    assert (m.state(Phase.READY).other_end, rings(Phase.READY).other_end) == ("callee", "caller")


@pytest.mark.parametrize(
    ("fields", "rings_on"),
    [
        ({"unknowns": 0, "concluded": m.concluded(call=m.seen("ringing"))}, False),
        ({"unknowns": 0, "concluded": None}, False),
        ({"unknowns": 1, "concluded": m.concluded(Outcome.NOT_SENT)}, False),
        ({"unknowns": 0, "concluded": m.concluded(Outcome.NOT_SENT)}, True),
        ({"unknowns": 0, "concluded": m.concluded(Outcome.THROTTLED)}, True),
        ({"unknowns": 1, "concluded": m.concluded(Outcome.UNKNOWN), "verdict": Verdict.DID_NOT_RUN}, True),
    ],
)
def test_a_call_that_was_to_be_answered_when_the_end_was_decided_may_be_up(
    fields: dict[str, Any], rings_on: bool
) -> None:
    """Its DELETE is held back, and known not to have run; of the `answer` before it that says nothing."""
    end = m.pending(m.intent(Operation.END, "hangup"), unknowns=0, concluded=m.concluded(Outcome.NOT_SENT))
    came: dict[str, Any] = {"started": m.started(call=m.seen("ringing")), "answered": False}
    state = m.state(Phase.RETRYING, pending=end, left_over=m.pending(ANSWER, **fields), **came)
    assert state.rings_on is rings_on
