"""An acknowledged list: when it is looked at, and what ends it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core import awaiting
from orchestrator.core.actions import Note, Orders, Reconcile, Wait
from orchestrator.core.budget import ApiLimits, RequestLimit
from orchestrator.core.decide import decide
from orchestrator.core.evolve import evolve
from orchestrator.core.exchange import CommandResult, Operation, Outcome
from orchestrator.core.records import (
    CancelAsked,
    Concluded,
    EndDecided,
    EventReceived,
    Intended,
    Looked,
    LookKind,
    ReplayClass,
    Resumed,
    Settled,
    Then,
    Verdict,
)
from orchestrator.core.settings import Mode, Settings
from orchestrator.core.state import Phase, RunState
from tests.fakes import machine as m

OK = (CommandResult(command="say"),)
PRESSED = (CommandResult(command="get_dtmf", digits="1", digit_count=1),)
ASKED = {"commands": ("get_dtmf",), "saves": "choice"}


def intent(**fields: Any) -> Intended:
    """Return an asynchronous say of 2 to 8 s, expected to take 4."""
    return m.intent(**{"asynchronous": True, "expected_s": 4.0, **fields})


def sending(**fields: Any) -> RunState:
    """Return a run whose asynchronous request is open."""
    return m.state(Phase.SENDING, pending=m.pending(intent(**fields), unknowns=0, concluded=None))


def acknowledged(seconds: float = 12.0, *, hears: bool = False, **fields: Any) -> RunState:
    """Return a run whose list was acknowledged at a moment."""
    record = m.concluded(seconds=seconds, call=m.seen("in-progress", duration_s=30.0), results=None)
    state = evolve(sending(**fields), record)
    assert state.phase is Phase.AWAITING
    return m.with_settings(state, mode=Mode.ASYNC, hears_events=hears)


def event(seconds: float = 14.0, *results: CommandResult, status: str = "ready", **call: Any) -> EventReceived:
    """Return an event of the run's call."""
    return EventReceived(at=m.at(seconds), call=m.seen(status, **call), results=results or None)


def next_action(state: RunState, seconds: float) -> Any:
    """Return what is to be done at a moment."""
    return decide(state, m.script(), m.at(seconds), orders=Orders(), jitter=0.5)


# --- the acknowledgement ----------------------------------------------------------------------------------------------


def test_an_acknowledgement_ends_no_step() -> None:
    """The step is over only when that was seen."""
    state = acknowledged()
    assert (state.phase, state.steps, state.call_status) == (Phase.AWAITING, (), "in-progress")


def test_an_acknowledgement_without_a_call_is_one_too() -> None:
    """A server may say no more than 202."""
    assert evolve(sending(), m.concluded(call=None, results=None)).phase is Phase.AWAITING


def test_a_server_that_waits_all_the_same_has_told_the_results() -> None:
    """Its reply ends the step like a synchronous one."""
    assert evolve(sending(), m.concluded()).phase is Phase.READY


def test_an_acknowledgement_of_a_call_that_is_over_ends_it() -> None:
    """There is nothing to wait for."""
    assert evolve(sending(), m.concluded(call=m.seen("hangup"), results=None)).phase is Phase.OVER


# --- when to look -----------------------------------------------------------------------------------------------------


def test_the_first_look_is_made_when_the_list_can_be_over() -> None:
    """Not before its shortest duration."""
    action = next_action(acknowledged(), 12.1)
    assert isinstance(action, Wait)
    assert action.until.since(m.at(14)) == pytest.approx(0)
    assert isinstance(next_action(acknowledged(), 14.0), Reconcile)


def test_a_long_list_is_looked_at_now_and_then_even_before() -> None:
    """The callee may have hung up."""
    state = acknowledged(shortest_s=100.0, longest_s=200.0, expected_s=150.0)
    assert awaiting.next_look(state, m.at(12)).since(m.at(12)) == awaiting.LONG_BEFORE_S


def test_a_dial_is_looked_at_every_second() -> None:
    """Whoever answers should hear something soon."""
    state = acknowledged(
        operation=Operation.CREATE, commands=("dial",), shortest_s=0.0, expected_s=10.0, longest_s=35.0
    )
    assert awaiting.next_look(state, m.at(12)).since(m.at(12)) == awaiting.ANSWER_LOOK_S


@given(st.floats(2.0, 30.0), st.floats(2.0, 30.0), st.booleans())
def test_looks_are_densest_around_the_expected_end(last_s: float, expected_s: float, hears: bool) -> None:
    """And never farther apart than the poll interval, nor closer than sense, whatever an event may do."""
    state = acknowledged(expected_s=expected_s, hears=hears, longest_s=60.0)
    looked = evolve(state, m.look(12.0 + last_s, "in-progress"))
    apart_s = awaiting.next_look(looked, m.at(50)).since(m.at(12.0 + last_s))
    assert awaiting.DENSEST_LOOK_S - 0.001 <= apart_s <= awaiting.SPARSEST_LOOK_S + 0.001


def looks_of(expected_s: float, **settings: Any) -> list[float]:
    """Return when a list that begins at 0 and ends as expected is looked at, as seconds before that end."""
    lasts = {"shortest_s": expected_s * 0.58, "expected_s": expected_s, "longest_s": expected_s * 2}
    state = m.with_settings(acknowledged(0, **lasts), **settings)
    found = [0.0]
    while found[-1] < expected_s:
        found.append(awaiting.next_look(state, m.at(found[-1])).since(m.at(0)))
        state = evolve(state, m.look(found[-1], "in-progress"))
    return [expected_s - each for each in found[1:]]


def test_a_long_announcement_is_looked_at_seldom_until_its_end_is_near() -> None:
    """Five minutes are some forty looks, more than a third of them in the last twenty seconds."""
    looks = looks_of(300.0)
    assert len(looks) < 45
    assert sum(left_s < 20 for left_s in looks) > len(looks) / 3
    assert max(before - after for before, after in pairwise(looks)) <= awaiting.LONG_BEFORE_S


@pytest.mark.parametrize(
    ("limits", "densest_s"),
    [
        (None, 0.3),
        (ApiLimits(), 0.3),
        (ApiLimits(account=RequestLimit(120, 60.0)), 0.5),
        (ApiLimits(endpoint=RequestLimit(30, 30.0), account=RequestLimit(120, 60.0)), 1.0),
        (ApiLimits(endpoint=RequestLimit(100, 10.0)), 0.3),
        (ApiLimits(account=RequestLimit(1, 60.0)), 5.0),
    ],
)
def test_looks_keep_within_the_request_limits(limits: ApiLimits | None, densest_s: float) -> None:
    """What one call may look for ever is the densest; the poll interval stays the longest."""
    looks = looks_of(40.0, api_limits=limits)
    assert min(before - after for before, after in pairwise(looks)) == pytest.approx(densest_s)
    ringing = acknowledged(operation=Operation.CREATE, commands=("dial",), shortest_s=0.0, expected_s=10.0)
    soon = awaiting.next_look(m.with_settings(ringing, api_limits=limits), m.at(12))
    assert soon.since(m.at(12)) == pytest.approx(max(densest_s, awaiting.ANSWER_LOOK_S))


def test_the_first_event_after_a_timed_look_is_followed_at_once() -> None:
    """Only looks that are themselves made since an event came keep events waiting."""
    timed = evolve(acknowledged(), m.look(14.0, "in-progress"))
    assert isinstance(next_action(evolve(timed, event(14.1)), 14.1), Reconcile)


def test_an_event_that_comes_while_a_look_is_made_is_a_reason_for_another_one() -> None:
    """The look may have been answered before the end that the event tells of."""
    heard = evolve(acknowledged(), event(14.05))
    assert isinstance(next_action(evolve(heard, m.look(14.0, "in-progress")), 14.1), Wait)
    looked = evolve(heard, m.look(14.0, "in-progress"))
    assert next_action(looked, 14.1).until.since(m.at(14.0)) == pytest.approx(awaiting.DENSEST_LOOK_S)
    assert next_action(evolve(heard, m.look(14.06, "in-progress")), 14.1).until.since(m.at(14.06)) > 0.4


def test_where_an_event_is_expected_looks_are_seldom() -> None:
    """They only make up for events that are lost."""
    calm, eager = (evolve(acknowledged(hears=hears), m.look(16.0, "in-progress")) for hears in (True, False))
    assert awaiting.next_look(calm, m.at(16)).since(awaiting.next_look(eager, m.at(16))) > 0.5


def test_an_event_is_a_reason_to_look_now_but_a_flood_is_not_one_for_a_flood_of_looks() -> None:
    """Looks keep a distance whatever comes."""
    state = evolve(acknowledged(), event(12.5))
    assert isinstance(next_action(state, 12.5), Reconcile)
    looked = evolve(state, m.look(12.5, "in-progress"))
    assert isinstance(next_action(looked, 12.6), Wait)
    again = evolve(looked, event(12.6))
    action = next_action(again, 12.6)
    assert isinstance(action, Wait)
    assert action.until.since(m.at(12.5)) == pytest.approx(awaiting.DENSEST_LOOK_S)


def test_a_list_that_never_ends_is_given_up() -> None:
    """Some time after its longest duration."""
    state = evolve(acknowledged(), m.look(26.0, "in-progress"))
    action = next_action(state, 26.2)
    assert isinstance(action, Note)
    assert isinstance(action.record, EndDecided)
    assert action.record.fault is not None
    assert action.record.fault.code == "stuck"


def test_a_dial_may_ring_until_it_expires() -> None:
    """It is not given up before that."""
    state = acknowledged(operation=Operation.CREATE, commands=("dial",), longest_s=35.0)
    assert not awaiting.overdue(state, m.at(12 + 60))
    assert awaiting.overdue(state, m.at(12 + 101))


def test_a_resume_looks_first() -> None:
    """Whatever was waited for."""
    resumed = evolve(acknowledged(), Resumed(at=m.at(12.5), settings=Settings()))
    assert resumed.phase is Phase.AWAITING
    assert next_action(resumed, 12.5) == Reconcile(LookKind.CALL)


def test_an_unreachable_api_is_given_up_only_after_the_list_can_be_over() -> None:
    """While it runs, nobody waits in silence."""
    state = acknowledged(longest_s=60.0)
    for at in range(6):
        state = evolve(state, m.look(13.0 + at, None))
    assert isinstance(next_action(state, 20.0), Wait)


def test_a_cancelled_run_ends_its_call() -> None:
    """The list that runs is not waited for."""
    action = next_action(evolve(acknowledged(), CancelAsked(at=m.at(13))), 13.0)
    assert isinstance(action, Note)
    assert evolve(acknowledged(), action.record).phase is Phase.READY


# --- what ends it -----------------------------------------------------------------------------------------------------


def test_a_call_seen_running_or_ready_too_soon_ends_nothing() -> None:
    """A `ready` before the shortest duration is from before the list began (contract section 6)."""
    assert evolve(acknowledged(), m.look(13.0, "in-progress")).phase is Phase.AWAITING
    assert evolve(acknowledged(), m.look(13.0)).phase is Phase.AWAITING


def test_a_call_seen_ready_ends_the_step() -> None:
    """Its results stay unknown where nothing told them."""
    state = evolve(acknowledged(), m.look(14.5))
    assert state.phase is Phase.READY
    assert state.steps[-1].outcome is Outcome.DONE
    assert state.cursor == intent().after


def test_a_late_look_does_not_hide_how_long_the_callee_has_waited() -> None:
    """The list was over at the latest after its longest duration."""
    state = evolve(acknowledged(), m.look(100.0))
    assert state.quiet_since == m.at(12 + 8)


def test_the_results_of_an_event_are_taken_once_the_call_is_seen_ready() -> None:
    """Not before."""
    state = evolve(acknowledged(**ASKED), event(14.0, *PRESSED))
    assert (state.phase, state.variables) == (Phase.AWAITING, {})
    assert evolve(state, m.look(14.2)).variables["choice"] == "1"


def test_an_event_may_come_before_the_reply_to_its_request() -> None:
    """It is kept until then."""
    state = evolve(sending(**ASKED), event(11.0, *PRESSED))
    state = evolve(state, m.concluded(call=m.seen("in-progress"), results=None))
    assert evolve(state, m.look(14.2)).variables["choice"] == "1"


@pytest.mark.parametrize(
    "untrue",
    [
        event(14.0, *OK),
        event(14.0),
        event(14.0, *PRESSED, call_id="another"),
        event(14.0, *PRESSED, duration_s=29.0),
        event(14.0, *PRESSED, *PRESSED),
    ],
)
def test_an_event_of_another_list_or_call_tells_no_digits(untrue: EventReceived) -> None:
    """Other commands, another call, or a call that had not lasted as long as when the list was acknowledged."""
    state = evolve(acknowledged(**ASKED, hears=True), untrue)
    state = evolve(state, m.look(14.2))
    assert state.phase is Phase.AWAITING, "its event may still come"
    assert "choice" not in state.variables


def test_an_event_for_a_run_that_awaits_none_changes_nothing() -> None:
    """As for every synchronous run."""
    state = m.state(Phase.READY)
    assert evolve(state, event()) == state
    settling = m.state(Phase.SETTLING)
    assert evolve(settling, event()).pending == settling.pending


def test_missing_digits_are_waited_for_and_then_left_to_the_policy() -> None:
    """The step ran; what was pressed is not known, and it is asked again."""
    state = evolve(acknowledged(**ASKED, hears=True), m.look(14.2))
    assert state.phase is Phase.AWAITING
    state = evolve(state, m.look(17.5))
    assert state.phase is Phase.SETTLING
    action = next_action(state, 17.6)
    assert isinstance(action, Note)
    assert isinstance(action.record, Settled)
    assert (action.record.verdict, action.record.then) == (Verdict.RAN, Then.REPEAT)


def test_without_a_receiver_missing_digits_are_not_waited_for() -> None:
    """Nothing could bring them."""
    assert evolve(acknowledged(**ASKED), m.look(14.2)).phase is Phase.SETTLING


def test_digits_told_by_an_event_survive_a_lost_acknowledgement() -> None:
    """What is known to have run has the results that its event told."""
    state = evolve(sending(**ASKED), event(11.0, *PRESSED))
    state = evolve(state, m.concluded(Outcome.UNKNOWN))
    state = evolve(state, m.look(12.5, "in-progress"))
    state = evolve(state, m.look(16.0))
    action = next_action(state, 16.2)
    assert isinstance(action, Note)
    assert evolve(state, action.record).variables["choice"] == "1"


def test_a_log_of_commands_tells_the_results_of_this_list_alone() -> None:
    """Those behind what was known before."""
    state = acknowledged(**ASKED).changed({"log_length": 2})
    seen = Looked(
        at=m.at(14.3), began=m.at(14.2), kind=LookKind.CALL, ok=True, call=m.seen(), results=OK + OK + PRESSED
    )
    after = evolve(state, seen)
    assert (after.variables["choice"], after.log_length) == ("1", 3)


def test_a_failed_command_of_a_log_fails_the_step() -> None:
    """As its reply would have."""
    failed = (CommandResult(command="say", ok=False, error="timeout"),)
    assert evolve(acknowledged().changed({"log_length": 0}), m.look(14.2, results=failed)).phase is Phase.FAILED


def test_a_call_that_ends_in_mid_list_leaves_it_partly_done() -> None:
    """Where nothing tells how far it came."""
    state = evolve(acknowledged(), m.look(13.0, "hangup"))
    assert state.phase is Phase.OVER
    assert state.steps[-1].verdict is Verdict.PARTLY


def test_a_dial_that_nobody_answers_has_no_verdict() -> None:
    """It was carried out, and the call's cause says how it ended."""
    state = acknowledged(operation=Operation.CREATE, commands=("dial",))
    after = evolve(state, m.look(40.0, "hangup"))
    assert (after.phase, after.steps[-1].verdict) == (Phase.OVER, None)


def test_a_call_that_ends_by_the_lists_own_hangup_has_run_it() -> None:
    """The second of its two events finds the run over."""
    state = evolve(acknowledged(commands=("say", "hangup")), m.look(13.0, "hangup"))
    assert (state.phase, state.hung_up_by_script) == (Phase.OVER, True)
    assert evolve(state, event(13.5, status="hangup")).phase is Phase.OVER


def test_a_call_that_has_vanished_is_over() -> None:
    """The API no longer knows it."""
    assert evolve(acknowledged(), m.look(14.2, "ready", gone=True)).phase is Phase.OVER


def test_before_its_outcome_a_list_counts_from_its_intent() -> None:
    """So that every moment is known."""
    pending = m.pending(intent(), concluded=None)
    assert awaiting.accepted_at(pending) == pending.intent.at
    record = Concluded(at=m.at(12), outcome=Outcome.DONE, reason="")
    assert not awaiting.is_acknowledged(m.pending(), record)


# --- events of other lists --------------------------------------------------------------------------------------------

AT_30_S = m.seen("in-progress", duration_s=30.0)
OTHER = (CommandResult(command="get_dtmf", digits="2", digit_count=1),)


def asked_again(*, last: EventReceived, concluded: Concluded | None) -> RunState:
    """Return a run with a question in flight, and the event of the one before."""
    pending = m.pending(intent(**ASKED), unknowns=0, concluded=concluded)
    phase = Phase.SENDING if concluded is None else Phase.AWAITING
    state = m.state(phase, pending=pending, last_event=last, call_status="in-progress")
    return m.with_settings(state, mode=Mode.ASYNC, hears_events=True)


ACKNOWLEDGED = m.concluded(seconds=12.0, call=AT_30_S, results=None)


@pytest.mark.parametrize("duration_s", [29.0, 30.0])
def test_a_late_copy_of_the_event_before_tells_no_digits(duration_s: float) -> None:
    """Although it has the right names, and may be from the very second in which this list was acknowledged."""
    before = event(11.9, *PRESSED, duration_s=duration_s)
    state = evolve(asked_again(last=before, concluded=ACKNOWLEDGED), event(12.5, *PRESSED, duration_s=duration_s))
    state = evolve(state, m.look(14.2))
    assert (state.phase, state.variables) == (Phase.AWAITING, {})
    state = evolve(evolve(state, event(14.4, *OTHER, duration_s=32.0)), m.look(14.6))
    assert state.variables["choice"] == "2"


def test_the_same_digits_later_are_an_answer() -> None:
    """Two questions may be answered alike."""
    before = event(11.9, *PRESSED, duration_s=30.0)
    state = evolve(asked_again(last=before, concluded=ACKNOWLEDGED), event(14.0, *PRESSED, duration_s=31.0))
    assert evolve(state, m.look(14.2)).variables["choice"] == "1"


def test_where_no_duration_is_shown_the_same_digits_are_an_answer() -> None:
    """Nothing tells a copy from it, and a question must not be asked for ever."""
    before = event(11.9, *PRESSED)
    state = evolve(asked_again(last=before, concluded=ACKNOWLEDGED), event(14.0, *PRESSED))
    assert evolve(state, m.look(14.2)).variables["choice"] == "1"


def test_a_late_copy_never_replaces_the_lists_own_event() -> None:
    """Whichever of them comes last, and before the acknowledgement or after it."""
    state = asked_again(last=event(11.0, *PRESSED, duration_s=28.0), concluded=None)
    state = evolve(state, event(11.6, *OTHER, duration_s=31.0))
    state = evolve(state, event(11.7, *PRESSED, duration_s=29.0))
    state = evolve(state, ACKNOWLEDGED)
    assert evolve(state, m.look(14.2)).variables["choice"] == "2"


def test_an_event_before_the_acknowledgement_is_not_of_a_list_before_it() -> None:
    """What it shows is compared with the acknowledgement once that has come."""
    state = asked_again(last=event(9.0, *OTHER, duration_s=27.0), concluded=None)
    state = evolve(evolve(state, event(11.6, *PRESSED, duration_s=29.0)), ACKNOWLEDGED)
    assert evolve(state, m.look(14.2)).phase is Phase.AWAITING


def test_the_event_that_told_the_results_is_remembered() -> None:
    """And nothing of it counts for the next attempt at a step."""
    mine = event(14.0, *PRESSED, duration_s=31.0)
    state = evolve(evolve(acknowledged(**ASKED), mine), m.look(14.2))
    assert state.last_event == mine
    pending = m.pending(intent(**ASKED), event=mine, look_now=True, ready_since=m.at(14))
    again = evolve(m.state(Phase.RETRYING, pending=pending), intent(attempt=2, **ASKED)).pending
    assert again is not None
    assert (again.event, again.look_now, again.ready_since) == (None, False, None)


# --- a list that answers, and is never begun --------------------------------------------------------------------------

RINGING: dict[str, Any] = {"started": m.started(call=m.seen("ringing")), "answered": False, "quiet_since": None}


def told_to_answer(*looks: Looked, **fields: Any) -> RunState:
    """Return a run whose `answer` was acknowledged at 12 s and may last until 20 s, and what was seen since."""
    answer = m.intent(Operation.COMMAND, "answer", asynchronous=True, **{"shortest_s": 0.0, **fields})
    accepted = m.concluded(results=None, call=m.seen("ringing"))
    state = m.state(Phase.AWAITING, pending=m.pending(answer, unknowns=0, concluded=accepted), **RINGING)
    for look in looks:
        state = evolve(state, look)
    return state


def test_a_call_that_rings_on_was_not_answered_though_that_was_acknowledged() -> None:
    """It is answered again, once the list would be over; whoever calls hears it ring, so nothing is stuck."""
    assert told_to_answer(m.look(24.9, "ringing")).phase is Phase.AWAITING
    state = told_to_answer(m.look(25.1, "ringing"))
    assert (state.phase, state.pending and state.pending.unknowns) == (Phase.SETTLING, 1)
    settled = next_action(state, 25.2)
    assert isinstance(settled, Note)
    assert isinstance(settled.record, Settled)
    assert (settled.record.verdict, settled.record.then) == (Verdict.UNDECIDABLE, Then.REPEAT)
    assert evolve(state, settled.record).phase is Phase.RETRYING


def test_an_answer_that_is_begun_late_after_all_is_not_given_again() -> None:
    """Where more than a look is needed to send it again, a later look may find it running, and then over."""
    keys = {"replay_class": ReplayClass.DANGEROUS}
    running = told_to_answer(m.look(25.1, "ringing"), m.look(26, "in-progress"), **keys)
    assert isinstance(next_action(running, 26.2), Wait)
    settled = next_action(evolve(running, m.look(28)), 28.2)
    assert isinstance(settled, Note)
    assert isinstance(settled.record, Settled)
    assert (settled.record.verdict, settled.record.then) == (Verdict.RAN, Then.GO_ON)
