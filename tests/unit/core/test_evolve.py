"""What each record changes in the state of its run; which phases follow which is `test_state`'s."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.core.document import exit_code_of_run
from orchestrator.core.ending import disposition_of
from orchestrator.core.evolve import evolve, fold, marks
from orchestrator.core.exchange import CommandResult, Operation, Outcome
from orchestrator.core.meanings import IllegalRecordError
from orchestrator.core.records import (
    Branched,
    BranchKind,
    CancelAsked,
    Concluded,
    Cursor,
    Disposition,
    EndDecided,
    Fault,
    Looked,
    LookKind,
    Noticed,
    Record,
    ReplayClass,
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
from orchestrator.core.state import Failure, Phase, RunState
from tests.fakes import machine as m

OK = CommandResult(command="say")
PRESSED = CommandResult(command="get_dtmf", digits="12", digit_count=2)
SILENT = CommandResult(command="get_dtmf", ok=False, error="timeout")
HUNG_UP = CommandResult(command="say", ok=False, error="hangup")
UNDECIDED = EndDecided(at=m.at(19), status=Status.UNDECIDED)


def settled(verdict: Verdict, then: Then, **fields: Any) -> Settled:
    return Settled(at=m.at(20), verdict=verdict, evidence="seen", then=then, **fields)


def sending(**fields: Any) -> RunState:
    """Return a run whose step is on its way."""
    intent = m.intent(**fields)
    return m.state(Phase.SENDING, pending=m.pending(intent, unknowns=0, concluded=None))


ASKS: dict[str, Any] = {"commands": ("say", "get_dtmf"), "command_entries": (1, 2), "saves": "choice"}


def asking(**fields: Any) -> RunState:
    return sending(**ASKS, after=Cursor(3), **fields)


# --- the beginning ----------------------------------------------------------------------------------------------------


def test_a_run_begins_with_what_it_was_given() -> None:
    """Variables, secrets that are held and secrets that are missing."""
    begun = m.started(
        variables={"name": "Ann"},
        secret_names=("pin", "code"),
        secrets={"pin": "1234"},
        settings=Settings(max_visits=9),
    )
    state = fold([begun])
    assert state.variables == {"name": "Ann", "pin": "1234", "to": m.TO, "from": m.FROM, "run_id": "run-1"}
    assert (state.secret_names, state.lost) == (frozenset({"pin", "code"}), frozenset({"code"}))
    assert (state.phase, state.settings.max_visits, state.begun) == (Phase.READY, 9, begun)


# --- intents ----------------------------------------------------------------------------------------------------------


def test_a_first_intent() -> None:
    """It opens the step, counts the labels it fell into, and remembers what can have run."""
    before = m.state(Phase.READY, visits={"top": 1}, jumped=True, check_stale=True, wake=m.at(9))
    state = evolve(before, m.intent(fell_into=("top",), replay_class=ReplayClass.DANGEROUS))
    assert state.pending is not None
    assert (state.pending.attempts, state.pending.first_at) == (1, m.at(10))
    assert state.visits == {"top": 2}
    assert state.executed == {1: "digest-1"}
    assert (state.jumped, state.check_stale, state.wake) == (False, False, None)


def test_a_further_intent_of_the_same_step() -> None:
    """Attempts are counted; evidence of the earlier one is kept in words only."""
    judged = m.pending(looks=(m.look(13),), resumed_at=m.at(12), verdict=Verdict.DID_NOT_RUN, evidence="no trace")
    state = evolve(m.state(Phase.RETRYING, pending=judged), m.intent(at=m.at(80), attempt=2))
    again = state.pending
    assert again is not None
    assert (again.attempts, again.first_at, again.looks, again.resumed_at) == (2, m.at(10), (), None)
    assert (again.verdict, again.earlier) == (None, "attempt 1 did_not_run: no trace")
    assert again.same_since == m.at(80)
    third = evolve(replace_phase(state, Phase.RETRYING), m.intent(at=m.at(90), attempt=3)).pending
    assert third is not None
    assert third.earlier == again.earlier


@pytest.mark.parametrize(("kept_s", "since_s"), [(300.0, 10), (None, 80)])
def test_attempts_are_one_request_only_where_the_server_knows_them_by_their_key(
    kept_s: float | None, since_s: int
) -> None:
    """Elsewhere whatever is sent again is known not to have run before: older calls are none of it."""
    lost = m.with_settings(m.state(Phase.SETTLING, pending=m.pending()), idempotent_for_s=kept_s)
    again = evolve(lost if kept_s else replace_phase(lost, Phase.RETRYING), m.intent(at=m.at(80), attempt=2)).pending
    assert again is not None
    assert (again.first_at, again.same_since) == (m.at(10), m.at(since_s))


def replace_phase(state: RunState, phase: Phase) -> RunState:
    return state.changed({"phase": phase})


def test_the_end_of_a_call_leaves_no_past() -> None:
    """A DELETE executes no entry; a dial says since when there is a call."""
    state = evolve(m.state(Phase.READY, ending=UNDECIDED), m.intent(Operation.END, digests={}))
    assert (state.executed, state.call_since) == ({}, None)
    dialled = evolve(m.state(Phase.READY, call_id=None), m.intent(Operation.CREATE))
    assert dialled.call_since == m.at(10)


# --- outcomes ---------------------------------------------------------------------------------------------------------


def test_a_step_that_is_done() -> None:
    """The script goes on behind it; its report, its results and the end of the silence are kept."""
    before = sending()
    state = evolve(before.changed({"retries": {1: 2, 5: 1}, "wake": m.at(9)}), m.concluded(clock_skew_s=3.0))
    assert (state.cursor, state.quiet_since, state.pending) == (Cursor(2), m.at(12), None)
    assert (state.requests_sent, state.clock_skew_s, state.log_length) == (1, 3.0, 1)
    assert state.retries == {5: 1}
    (report,) = state.steps
    assert (report.outcome, report.results, report.started, report.ended) == (Outcome.DONE, (OK,), m.at(10), m.at(12))
    assert (report.first_byte, report.evidence) == (m.at(10), None)


def test_a_dial_that_is_answered_makes_the_call() -> None:
    """Its id is a variable from then on."""
    dial = m.state(Phase.SENDING, call_id=None, answered=False, pending=m.pending(m.intent(Operation.CREATE)))
    state = evolve(dial, m.concluded(results=(CommandResult(command="dial"),)))
    assert (state.call_id, state.variables["call_id"], state.answered, state.call_up) == (m.CALL, m.CALL, True, True)


def test_a_dial_that_nobody_answers() -> None:
    """The call is over, for the cause the server gives."""
    dial = m.state(Phase.SENDING, call_id=None, answered=False, pending=m.pending(m.intent(Operation.CREATE)))
    failed = (CommandResult(command="dial", ok=False, error="busy"),)
    state = evolve(dial, m.concluded(call=m.seen("hangup", hangup_cause="busy"), results=failed))
    assert (state.phase, state.hangup_cause, state.answered, state.call_over) == (Phase.OVER, "busy", False, True)


@pytest.mark.parametrize("outcome", [Outcome.NOT_SENT, Outcome.THROTTLED])
def test_an_attempt_that_is_held_back(outcome: Outcome) -> None:
    """It is counted, from the first one on; what was not sent is no request."""
    state = evolve(sending(), m.concluded(outcome))
    assert state.pending is not None
    assert (state.pending.held_back, state.pending.held_since) == (1, m.at(10))
    assert state.requests_sent == (0 if outcome is Outcome.NOT_SENT else 1)
    again = evolve(evolve(state, m.intent(at=m.at(14), attempt=2)), m.concluded(outcome, 15)).pending
    assert again is not None
    assert (again.held_back, again.held_since) == (2, m.at(10))
    lost = evolve(evolve(state, m.intent(at=m.at(14), attempt=2)), m.concluded(Outcome.UNKNOWN, 15)).pending
    assert lost is not None
    assert (lost.held_back, lost.unknowns) == (0, 1)


def test_a_reply_without_the_digits_is_not_enough() -> None:
    """Done, but what was pressed is lost; where the call is over nobody asks any more."""
    assert evolve(asking(), m.concluded(results=None)).phase is Phase.SETTLING
    assert evolve(asking(), m.concluded(results=None, call=m.seen("hangup"))).phase is Phase.OVER


@pytest.mark.parametrize("status", [404, 409, 410])
def test_a_refused_command_is_looked_into(status: int) -> None:
    """Busy, or over: a look tells."""
    state = evolve(sending(), m.concluded(Outcome.REJECTED, status=status))
    assert (state.phase, state.busy_since, state.busy_looks, state.busy_longest_s) == (Phase.BUSY, m.at(12), 0, 8.0)
    assert state.steps == ()


def test_a_rejected_wish_for_the_kept_reply_to_a_dial_leaves_the_dial_uncertain() -> None:
    """Found by simulation: the run failed while the phone rang, and a rule to redial what failed rang it again."""
    dial = m.intent(Operation.CREATE, "dial")
    asked = m.state(Phase.SENDING, call_id=None, pending=m.pending(dial, concluded=None, unknowns=1))
    refused = m.concluded(Outcome.REJECTED, status=409, call=None)
    kept = evolve(m.with_settings(asked, idempotent_for_s=300.0), refused)
    assert kept.phase is Phase.SETTLING
    assert kept.pending is not None
    assert kept.pending.unknowns == 2
    assert evolve(asked, refused).phase is Phase.FAILED


def test_a_rejected_command_failed() -> None:
    """It did not run: the entry failed, for the reason given; the silence began with what was before it."""
    state = evolve(sending(), m.concluded(Outcome.REJECTED, status=401, unauthenticated=True))
    assert state.failure == Failure(1, "rejected", unauthenticated=True)
    assert (state.pending, state.quiet_since, len(state.steps)) == (None, m.at(12), 1)
    known = evolve(sending().changed({"quiet_since": m.at(5)}), m.concluded(Outcome.REJECTED, status=400))
    assert known.quiet_since == m.at(5)
    unnamed = sending(command_entries=())
    assert evolve(unnamed, m.concluded(Outcome.REJECTED, status=400)).failure == Failure(1, "rejected")


def test_a_command_that_fails_is_named() -> None:
    """The entry of the command that failed, in a step of several; a preamble's failure is the step's."""
    state = evolve(asking(), m.concluded(results=(OK, SILENT)))
    assert (state.phase, state.failure) == (Phase.FAILED, Failure(2, "timeout"))
    assert (state.cursor, state.variables["choice"]) == (Cursor(1), "")
    more = evolve(sending(), m.concluded(results=(OK, replace(SILENT, error=None))))
    assert more.failure == Failure(1, "failed")


def test_a_callee_who_hangs_up_ends_the_call() -> None:
    """`error: hangup`, or a call object that says so."""
    assert evolve(sending(), m.concluded(results=(HUNG_UP,))).phase is Phase.OVER
    over = evolve(sending(), m.concluded(results=(SILENT,), call=m.seen("hangup", hangup_cause="remote")))
    assert (over.phase, over.hangup_cause, over.failure) == (Phase.OVER, "remote", None)


def test_the_script_s_own_hangup() -> None:
    """The call is over because the script said so."""
    step = sending(commands=("say", "hangup"), command_entries=(1, 2), after=Cursor(3))
    state = evolve(step, m.concluded(results=(OK, OK)))
    assert (state.phase, state.hung_up_by_script, state.cursor) == (Phase.OVER, True, Cursor(3))
    kept = evolve(sending(), m.concluded(call=m.seen("hangup")))
    assert (kept.phase, kept.hung_up_by_script) == (Phase.OVER, False)


@pytest.mark.parametrize(
    ("fields", "phase"),
    [({"call": m.seen("in-progress")}, Phase.BUSY), ({"call": m.seen("")}, Phase.READY), ({"call": None}, Phase.READY)],
)
def test_a_step_that_is_done_on_a_call_that_is_not_ready(fields: dict[str, Any], phase: Phase) -> None:
    """It is waited for; a reply that does not show the call is believed."""
    assert evolve(sending(), m.concluded(**fields)).phase is phase


# --- digits -----------------------------------------------------------------------------------------------------------


def test_saved_digits() -> None:
    """They are a variable of the run; where they came from is remembered."""
    state = evolve(asking(), m.concluded(results=(OK, PRESSED)))
    assert (state.variables["choice"], state.saved_by["choice"]) == ("12", (2, 0))
    assert (state.secret_names, state.lost) == (frozenset(), frozenset())
    none = evolve(asking(), m.concluded(results=(OK, replace(PRESSED, digits=None, digit_count=None))))
    assert none.variables["choice"] == ""


def test_secret_digits_live_in_memory_only() -> None:
    """Held by this process; a later one knows only that they were there."""
    state = asking(sensitive=True)
    hidden = (OK, replace(PRESSED, digits=None))
    held = evolve(state, m.concluded(results=hidden, secrets={"choice": "12"}))
    assert (held.variables["choice"], held.secret_names, held.lost) == ("12", frozenset({"choice"}), frozenset())
    lost = evolve(state.changed({"variables": {"choice": "old"}}), m.concluded(results=hidden))
    assert ("choice" in lost.variables, lost.secret_names, lost.lost) == (
        False,
        frozenset({"choice"}),
        frozenset({"choice"}),
    )


# --- ends of calls ----------------------------------------------------------------------------------------------------


def ending(intent_call: str = m.CALL, **fields: Any) -> RunState:
    delete = m.intent(Operation.END, call_id=intent_call)
    return m.state(Phase.SENDING, pending=m.pending(delete, unknowns=0, concluded=None), **fields)


@pytest.mark.parametrize(
    ("record", "cause"),
    [
        (m.concluded(call=m.seen("hangup", hangup_cause="command"), results=None), "command"),
        (m.concluded(call=m.seen("hangup", hangup_cause="remote"), results=None), "remote"),
    ],
)
def test_a_call_that_was_ended(record: Record, cause: str) -> None:
    """By a reply that shows so: nothing more is asked."""
    state = evolve(ending(), record)
    assert (state.phase, state.call_over, state.hangup_cause, state.pending) == (Phase.OVER, True, cause, None)


@pytest.mark.parametrize(
    ("record", "phase"),
    [
        (m.concluded(Outcome.NOT_SENT), Phase.RETRYING),
        (m.concluded(Outcome.THROTTLED), Phase.RETRYING),
        (m.concluded(Outcome.UNKNOWN), Phase.SETTLING),
        (m.concluded(Outcome.REJECTED, status=409), Phase.SETTLING),
        (m.concluded(Outcome.REJECTED, status=404), Phase.SETTLING),
        (m.concluded(call=None, results=None), Phase.SETTLING),
        (m.concluded(call=m.seen("ready"), results=None), Phase.SETTLING),
    ],
)
def test_a_call_whose_end_is_not_known(record: Record, phase: Phase) -> None:
    """It is tried again, or looked at: neither a 404 nor a bare 2xx is believed by its word."""
    assert evolve(ending(), record).phase is phase


@pytest.mark.parametrize(
    ("fields", "phase"),
    [
        ({}, Phase.READY),
        ({"call_over": True}, Phase.OVER),
        ({"call_over": True, "ending": UNDECIDED}, Phase.UNDECIDED),
        ({"ending": UNDECIDED}, Phase.UNDECIDED),
    ],
)
def test_a_further_call_that_was_ended(fields: dict[str, Any], phase: Phase) -> None:
    """The run goes on where it was."""
    before = ending("call-2", extras=("call-2", "call-3"), extra_tries=1, **fields)
    replies = ((2, None), (1, m.seen("hangup", call_id="call-2")))
    for tries, call in replies:
        state = evolve(before.changed({"extra_tries": tries}), m.concluded(results=None, call=call))
        assert (state.phase, state.extras, state.extras_done) == (phase, ("call-3",), frozenset({"call-2"}))
        assert state.extra_tries == 0
    for failure in (m.concluded(Outcome.UNKNOWN), m.concluded(call=m.seen("ready", call_id="call-2"))):
        failed = evolve(before, failure)
        assert (failed.phase, failed.extras, failed.extra_tries) == (phase, ("call-2", "call-3"), 2)
    watching = evolve(before.changed({"watch_until": m.at(60)}), m.concluded(Outcome.UNKNOWN))
    assert (watching.extras, watching.extras_done, watching.extra_tries) == (("call-3",), frozenset(), 2)
    assert (watching.extras_left, failed.extras_left) == (frozenset({"call-2"}), frozenset())
    left = before.changed({"extras_left": watching.extras_left, "extra_tries": 2})
    assert evolve(left, m.concluded(call=None, results=None)).extras_left == frozenset()


@pytest.mark.parametrize("phase", [Phase.SENDING, Phase.SETTLING])
@pytest.mark.parametrize("operation", [Operation.SMS, Operation.COMMAND])
def test_a_resume_looks_at_the_call_also_when_only_a_message_was_open(phase: Phase, operation: Operation) -> None:
    """Found by simulation: a message is settled without a look, and the next command went to a call unseen."""
    before = m.state(phase, pending=m.pending(m.intent(operation), concluded=None))
    resumed = evolve(before, Resumed(at=m.at(20), settings=Settings()))
    assert resumed.must_look is (operation is Operation.SMS)


def test_what_could_not_be_sent_for_good_is_tried_again_by_a_resume() -> None:
    """Found by simulation: a run that a bad certificate had stopped was never tried again, whatever was put right."""
    final = m.concluded(Outcome.NOT_SENT, final=True)
    held = m.state(Phase.RETRYING, pending=m.pending(concluded=final, unknowns=0, held_back=1))
    resumed = evolve(held, Resumed(at=m.at(20), settings=Settings()))
    assert resumed.pending is not None
    assert resumed.pending.held_back == 0


def test_a_bare_2xx_to_the_end_of_a_further_call_is_asked_for_again_when_no_look_follows() -> None:
    """Found by simulation: after the last look a middlebox's 200 left a second call up that nobody knew of."""
    state = evolve(ending("call-2", extras=("call-2",)), m.concluded(call=None, results=None))
    assert (state.extras, state.extras_done, state.extra_tries) == (("call-2",), frozenset(), 1)
    state = evolve(ending("call-2", extras=("call-2",), extra_tries=1), m.concluded(Outcome.REJECTED, status=404))
    assert (state.extras, state.extras_done) == ((), frozenset({"call-2"}))


def test_a_bare_2xx_to_the_end_of_a_further_call_is_not_believed_while_looks_follow() -> None:
    """A middlebox may have said so: the next look at the list shows the call again if it is still up."""
    watching = ending("call-2", extras=("call-2", "call-3"), watch_until=m.at(60))
    state = evolve(watching, m.concluded(call=None, results=None))
    assert (state.extras, state.extras_done, state.extras_left) == (("call-3",), frozenset(), frozenset({"call-2"}))


# --- looks ------------------------------------------------------------------------------------------------------------


def test_looks_at_an_uncertain_step_are_evidence() -> None:
    """They gather on the step, and count as requests."""
    state = evolve(m.state(Phase.SETTLING), m.look(13, clock_skew_s=2.0))
    assert state.pending is not None
    assert state.pending.looks == (m.look(13, clock_skew_s=2.0),)
    assert (state.requests_sent, state.clock_skew_s) == (1, 2.0)
    opened = evolve(m.state(Phase.SENDING), m.look(10.5, "in-progress", LookKind.OPEN)).pending
    assert opened is not None
    assert len(opened.looks) == 1


def test_failed_looks_are_counted() -> None:
    """Until one succeeds."""
    state = evolve(m.state(Phase.READY, must_look=True, look_failures=1), m.look(13, None))
    assert (state.must_look, state.look_failures) == (True, 2)
    seen = evolve(state, m.look(14))
    assert (seen.must_look, seen.look_failures) == (False, 0)


def test_a_look_that_finds_no_call() -> None:
    """404: it is over, and a request that was open is left over."""
    waiting = m.pending()
    state = evolve(m.state(Phase.RETRYING, pending=waiting), m.look(13, None, ok=True, gone=True))
    assert (state.phase, state.call_over, state.pending, state.left_over) == (Phase.OVER, True, None, waiting)
    ended = evolve(m.state(Phase.RETRYING, pending=waiting), m.look(13, "hangup"))
    assert (ended.phase, ended.left_over) == (Phase.OVER, waiting)


def test_an_ended_call_is_looked_at_once() -> None:
    """Whatever that look shows."""
    state = evolve(m.state(Phase.OVER), m.look(13, None))
    assert state.looked_over


def test_looks_at_a_busy_call_are_counted() -> None:
    """And what keeps it busy is remembered."""
    busy = evolve(m.state(Phase.READY, busy_longest_s=4.0), m.look(13, "dialing"))
    assert (busy.busy_since, busy.busy_looks, busy.busy_longest_s) == (m.at(13.1), 1, 4.0)
    assert evolve(busy, m.look(14, "dialing")).busy_looks == 2
    assert evolve(busy, Waited(at=m.at(14), wake=m.at(15), why="")).busy_looks == 1


REFUSED = m.concluded(Outcome.REJECTED, status=409)


@pytest.mark.parametrize(
    ("kind", "concluded", "phases"),
    [
        (ReplayClass.DANGEROUS, REFUSED, (Phase.SETTLING, Phase.SETTLING)),
        (ReplayClass.HEARD, REFUSED, (Phase.SETTLING, Phase.SETTLING)),
        (ReplayClass.ASKS, REFUSED, (Phase.SETTLING, Phase.SETTLING)),
        (ReplayClass.HARMLESS, REFUSED, (Phase.BUSY, Phase.RETRYING)),
        # That a call which is up is not known is something else on the way; a PIN is not risked on it.
        (ReplayClass.DANGEROUS, m.concluded(Outcome.REJECTED, status=404), (Phase.SETTLING, Phase.SETTLING)),
        (ReplayClass.HEARD, m.concluded(Outcome.REJECTED, status=404), (Phase.BUSY, Phase.RETRYING)),
        # It never left, or waits to be repeated: a resume has found the call busy.
        (ReplayClass.DANGEROUS, m.concluded(Outcome.NOT_SENT), (Phase.BUSY, Phase.RETRYING)),
        (ReplayClass.DANGEROUS, None, (Phase.BUSY, Phase.RETRYING)),
    ],
)
def test_a_refused_step_may_be_what_runs(
    kind: ReplayClass, concluded: Concluded | None, phases: tuple[Phase, Phase]
) -> None:
    """409, and nothing of ours should run: likely this very list, delivered twice. It counts as unknown."""
    step = m.pending(m.intent(replay_class=kind), concluded=concluded, unknowns=0).put_back()
    state = m.state(Phase.BUSY, pending=step)
    for after, phase in zip((evolve(state, m.look(13, "in-progress")), evolve(state, m.look(13))), phases, strict=True):
        assert after.pending is not None
        doubted = phase is Phase.SETTLING
        assert (after.phase, after.pending.unknowns, after.pending.held_back) == (phase, int(doubted), int(not doubted))


def test_a_repeat_for_its_kept_reply_is_refused_while_the_first_one_runs() -> None:
    """The server knows it by its key and runs it once: nothing was doubled."""
    step = m.pending(m.intent(replay_class=ReplayClass.DANGEROUS), concluded=REFUSED, unknowns=1)
    state = m.state(Phase.BUSY, pending=step, settings=Settings(idempotent_for_s=300.0))
    assert evolve(state, m.look(13, "in-progress")).phase is Phase.BUSY
    over = evolve(state, m.look(14))
    assert over.pending is not None
    assert (over.phase, over.pending.concluded, over.pending.unknowns) == (Phase.SETTLING, None, 1)


@pytest.mark.parametrize("outcome", [Outcome.NOT_SENT, Outcome.THROTTLED])
def test_a_repeat_for_its_kept_reply_that_is_held_back_leaves_the_first_one_unsettled(outcome: Outcome) -> None:
    """What came of that is as open as before; an author's repeat is simply tried again."""
    step = m.pending(unknowns=1)
    state = m.state(Phase.SENDING, pending=step, settings=Settings(idempotent_for_s=300.0))
    assert evolve(state, m.concluded(outcome)).phase is Phase.SETTLING
    assert evolve(state.changed({"settings": Settings()}), m.concluded(outcome)).phase is Phase.RETRYING
    repeated = state.changed({"pending": replace(step, repeated=True)})
    assert evolve(repeated, m.concluded(outcome)).phase is Phase.RETRYING


def watched(*calls: Any, seconds: float = 40, **fields: Any) -> Looked:
    return m.look(seconds, kind=LookKind.LIST, matches=calls, **fields)


def test_the_watch_for_further_calls() -> None:
    """New ones that are up are to be ended; the look after the last moment ends the watch; failed ones count."""
    before = m.state(Phase.READY, watch_until=m.at(60), extras_done=frozenset({"call-9"}), list_failures=2)
    others = (m.seen(), m.seen(call_id="call-2"), m.seen("hangup", call_id="call-3"), m.seen(call_id="call-9"))
    state = evolve(before, watched(*others))
    assert (state.extras, state.extras_done) == (("call-2",), frozenset({"call-9", "call-3"}))
    assert (state.watch_until, state.watch_looked, state.list_failures) == (m.at(60), m.at(40.1), 0)
    assert evolve(state, watched(*others)).extras == ("call-2",)
    assert evolve(before, watched(seconds=60)).watch_until is None
    failed = evolve(before, m.look(70, None, LookKind.LIST))
    assert (failed.watch_until, failed.list_failures, failed.watch_looked) == (m.at(60), 3, m.at(70.1))
    assert evolve(before.changed({"watch_until": None}), watched()).watch_until is None


# --- verdicts ---------------------------------------------------------------------------------------------------------


def test_a_step_that_ran_after_all() -> None:
    """It is closed with its evidence."""
    state = evolve(m.state(Phase.SETTLING), settled(Verdict.RAN, Then.GO_ON, call=m.seen(), results=(OK,)))
    assert (state.cursor, state.quiet_since, state.doubt, state.log_length) == (Cursor(2), m.at(20), False, 1)
    assert (state.steps[0].verdict, state.steps[0].evidence) == (Verdict.RAN, "seen")


def test_what_was_settled_without_proof_leaves_a_doubt() -> None:
    """It may still arrive: results can no longer be counted, and a busy call has an explanation."""
    for verdict, then in ((Verdict.UNDECIDABLE, Then.REPEAT), (Verdict.DID_NOT_RUN, Then.AGAIN)):
        state = evolve(m.state(Phase.SETTLING), settled(verdict, then))
        assert (state.doubt, state.log_length) == (True, None)
        assert state.pending is not None
        assert (state.pending.concluded, state.pending.repeated) == (None, then is Then.REPEAT)


def test_doubled_work_is_reported() -> None:
    """Never compensated; found by simulation: what the log shows of it passed for the results of the next step."""
    shown = {"call": m.seen(), "results": (CommandResult(command="say"),)}
    state = evolve(m.state(Phase.SETTLING), settled(Verdict.RAN, Then.GO_ON, doubled=True, **shown))
    assert [notice.code for notice in state.notices] == ["doubled"]
    assert state.log_length is None


def lost_dial(*looks: Looked, **fields: Any) -> RunState:
    dial = m.pending(m.intent(Operation.CREATE), looks=looks, **fields)
    return m.state(Phase.SETTLING, call_id=None, answered=False, pending=dial)


def test_an_adopted_dial_is_watched() -> None:
    """Through the settle time from when it left, with what the same looks showed besides."""
    other, over = m.seen(call_id="call-2"), m.seen("hangup", call_id="call-3")
    state = evolve(
        lost_dial(watched(m.seen(), other, over, seconds=13)), settled(Verdict.RAN, Then.GO_ON, call=m.seen())
    )
    assert (state.call_id, state.watch_until, state.watch_looked) == (m.CALL, m.at(72), m.at(20))
    assert (state.extras, state.extras_done) == (("call-2",), frozenset({"call-3"}))
    crashed = lost_dial(concluded=None, resumed_at=m.at(30))
    assert evolve(crashed, settled(Verdict.RAN, Then.GO_ON, call=m.seen())).watch_until == m.at(90)
    unknown = lost_dial(concluded=None)
    assert evolve(unknown, settled(Verdict.RAN, Then.GO_ON, call=m.seen())).watch_until is None


def test_a_verdict_on_a_call_that_has_ended() -> None:
    """What ran is complete, a failed command too; what ran partly is left where it was."""
    over = m.seen("hangup", hangup_cause="remote")
    ran = evolve(m.state(Phase.SETTLING), settled(Verdict.RAN, Then.GO_ON, call=over))
    assert (ran.phase, ran.cursor, ran.call_over) == (Phase.OVER, Cursor(2), True)
    failed = evolve(m.state(Phase.SETTLING), settled(Verdict.RAN, Then.GO_ON, call=over, results=(SILENT,)))
    assert (failed.phase, failed.cursor) == (Phase.OVER, Cursor(1))
    partly = evolve(m.state(Phase.SETTLING), settled(Verdict.PARTLY, Then.GO_ON, call=over))
    assert (partly.phase, partly.cursor, len(partly.steps)) == (Phase.OVER, Cursor(1), 1)


def test_a_step_that_ran_partly_goes_on_behind_what_ran() -> None:
    """Where a command log says which commands ran."""
    record = settled(Verdict.PARTLY, Then.GO_ON, call=m.seen(), results=(OK,), next_cursor=Cursor(7))
    assert evolve(m.state(Phase.SETTLING), record).cursor == Cursor(7)


def test_the_verdict_on_an_end() -> None:
    """The call is over."""
    lost = m.state(Phase.SETTLING, pending=m.pending(m.intent(Operation.END)))
    state = evolve(lost, settled(Verdict.RAN, Then.GO_ON, call=m.seen("hangup", hangup_cause="remote")))
    assert (state.phase, state.call_over, state.hangup_cause) == (Phase.OVER, True, "remote")
    accepted = m.state(Phase.SETTLING, pending=m.pending(m.intent(Operation.END), concluded=m.concluded(call=None)))
    gone = evolve(accepted, settled(Verdict.RAN, Then.GO_ON))
    assert (gone.phase, gone.hangup_cause, gone.vanished) == (Phase.OVER, "command", False)
    unseen = evolve(lost, settled(Verdict.RAN, Then.GO_ON))
    assert (unseen.phase, unseen.call_over, unseen.hangup_cause) == (Phase.OVER, True, None)
    assert (unseen.vanished, [notice.code for notice in unseen.notices]) == (True, ["vanished"])


def test_a_skipped_step() -> None:
    """The script goes on behind it; what it would have saved is an empty text."""
    asks = m.pending(m.intent(Operation.COMMAND, "get_dtmf", saves="choice"))
    before = m.state(Phase.SETTLING, pending=asks, lost=frozenset({"choice"}), quiet_since=m.at(9))
    state = evolve(before, settled(Verdict.UNDECIDABLE, Then.SKIP, call=m.seen()))
    assert (state.phase, state.cursor, state.variables["choice"]) == (Phase.READY, Cursor(2), "")
    assert (state.lost, state.quiet_since, len(state.steps)) == (frozenset(), m.at(9), 1)
    plain = evolve(m.state(Phase.SETTLING), settled(Verdict.UNDECIDABLE, Then.SKIP))
    assert (plain.quiet_since, "choice" in plain.variables) == (m.at(20), False)
    over = evolve(m.state(Phase.SETTLING), settled(Verdict.UNDECIDABLE, Then.SKIP, call=m.seen("hangup")))
    assert over.phase is Phase.OVER


def test_a_message_s_verdict_says_nothing_of_the_call() -> None:
    """An sms has no call object of its own."""
    text = m.state(Phase.SETTLING, pending=m.pending(m.intent(Operation.SMS)))
    assert not evolve(text, settled(Verdict.UNDECIDABLE, Then.SKIP, call=m.seen("hangup"))).call_over


@pytest.mark.parametrize(
    ("fields", "leave_up", "phase"),
    [
        ({}, False, Phase.READY),  # the call is hung up first
        ({}, True, Phase.UNDECIDED),
        ({"call_over": True}, False, Phase.UNDECIDED),
        ({"call_id": None}, False, Phase.UNDECIDED),
    ],
)
def test_a_stopped_run_waits_for_a_person(fields: dict[str, Any], leave_up: bool, phase: Phase) -> None:
    """With the step that is left over, and why."""
    before = m.with_settings(m.state(Phase.SETTLING, **fields), leave_up=leave_up)
    state = evolve(before, settled(Verdict.UNDECIDABLE, Then.STOP))
    assert state.phase is phase
    assert state.left_over is not None
    assert state.ending is not None
    assert (state.ending.status, state.ending.fault) == (Status.UNDECIDED, Fault(code="undecided", message="say: seen"))
    assert evolve(before, settled(Verdict.PARTLY, Then.STOP, call=m.seen("hangup"))).phase is Phase.UNDECIDED


def test_a_redirect_is_a_wrong_setting() -> None:
    """Whoever must decide is told so first."""
    wrong = m.pending(concluded=m.concluded(Outcome.UNKNOWN, misconfigured=True, reason="a redirect"))
    state = evolve(m.state(Phase.SETTLING, pending=wrong), settled(Verdict.UNDECIDABLE, Then.STOP))
    assert state.ending is not None
    assert state.ending.fault == Fault(code="configuration", message="a redirect; say: seen")


# --- branches and ends ------------------------------------------------------------------------------------------------


def branched(kind: BranchKind, **fields: Any) -> RunState:
    before = m.state(
        Phase.READY, visits={"a": 1}, retries={1: 1, 5: 2}, check_stale=True, failure=Failure(1, "x"), executed={0: "d"}
    )
    return evolve(before, Branched(at=m.at(20), kind=kind, entry=1, target=Cursor(4), **fields))


def test_branches() -> None:
    """Labels entered are counted; the branch itself is part of the past; a failure is over."""
    state = branched(BranchKind.SWITCH, label="b", fell_into="a", digest="e")
    assert (state.cursor, state.visits, state.executed) == (Cursor(4), {"a": 2, "b": 1}, {0: "d", 1: "e"})
    assert (state.jumped, state.failure, state.check_stale) == (True, None, True)
    plain = branched(BranchKind.WHEN)
    assert (plain.jumped, plain.visits, plain.executed) == (False, {"a": 1}, {0: "d"})


@pytest.mark.parametrize(
    ("kind", "retries", "jumped"),
    [
        (BranchKind.RETRY, {1: 2, 5: 2}, True),
        (BranchKind.ON_FAILURE, {5: 2}, False),
        (BranchKind.GOTO, {1: 1, 5: 2}, False),
    ],
)
def test_retries_are_counted_by_entry(kind: BranchKind, retries: dict[int, int], jumped: bool) -> None:
    """And begin anew once `on_failure` has been followed."""
    state = branched(kind)
    assert (state.retries, state.jumped) == (retries, jumped)


def test_a_stale_branch_settles_the_silence() -> None:
    """It is not asked again; a callee who left at the end has heard it all."""
    assert not branched(BranchKind.STALE, label="b").check_stale
    assert branched(BranchKind.CALL_GONE).hung_up_by_script


def test_an_end_leaves_over_what_was_open() -> None:
    """The step under way is in the report of the run."""
    open_step = m.pending()
    state = evolve(m.state(Phase.RETRYING, pending=open_step), EndDecided(at=m.at(20), status=Status.FAILED))
    assert (state.pending, state.left_over, state.phase) == (None, open_step, Phase.READY)
    end = RunEnded(at=m.at(21), status=Status.FAILED, disposition=Disposition.FAILED)
    over = evolve(state, end)
    assert (over.end, over.left_over, len(over.steps), over.phase) == (end, None, 1, Phase.ENDED)
    assert evolve(m.state(Phase.READY), end).steps == ()


# --- another process --------------------------------------------------------------------------------------------------


def test_a_reply_that_leaves_open_what_ran_is_a_lost_one() -> None:
    """Fewer results than commands, all well, or a question without its answer; it counts like any lost reply."""
    short = (CommandResult(command="say"),)
    for results in (short, (), None):
        state = evolve(asking(), m.concluded(results=results))
        assert state.pending is not None
        assert (state.phase, state.pending.unknowns) == (Phase.SETTLING, 1)
    failed = (CommandResult(command="say", ok=False, error="no speech"),)  # that is where the list stopped
    assert evolve(asking(), m.concluded(results=failed)).phase is Phase.FAILED
    assert evolve(asking(), m.concluded(results=(*short, PRESSED))).phase is Phase.READY
    assert evolve(asking(), m.concluded(results=short, call=m.seen("hangup"))).phase is Phase.OVER
    assert evolve(sending(), m.concluded(results=None)).phase is Phase.READY


def test_a_wait_outlives_its_process() -> None:
    """The wake time stands, and a look at the call does not begin the wait anew."""
    waiting = m.state(Phase.RETRYING, pending=m.pending(held_back=1), wake=m.at(52))
    state = resumed(waiting)
    assert (state.wake, state.held_wake, state.must_look) == (None, m.at(52), True)
    looked = evolve(state, m.look(41))
    assert (looked.wake, looked.held_wake, looked.must_look) == (m.at(52), None, False)
    failed = evolve(state, m.look(41, None))
    to_look = evolve(failed, Waited(at=m.at(42), wake=m.at(43), why="to look at the call again"))
    for again in (to_look, resumed(to_look)):  # the wait to look again does not take the place of the other one
        assert evolve(again, m.look(43)).wake == m.at(52)
    busy = evolve(state, m.look(41, "in-progress"))
    assert (busy.phase, busy.wake, busy.held_wake) == (Phase.BUSY, None, m.at(52))
    assert evolve(busy, m.look(42)).wake == m.at(52)
    assert resumed(m.state(Phase.RETRYING, call_id=None, wake=m.at(52))).wake == m.at(52)


def resumed(state: RunState, **fields: Any) -> RunState:
    return evolve(state, Resumed(at=m.at(40), settings=Settings(max_visits=7), **fields))


def test_a_resume_makes_an_open_request_unknown() -> None:
    """It cannot leave this host after that moment, however often the run is resumed."""
    state = resumed(m.state(Phase.SENDING))
    assert state.pending is not None
    assert (state.phase, state.pending.unknowns, state.pending.left_host_at) == (Phase.SETTLING, 1, m.at(40))
    again = evolve(state, Resumed(at=m.at(90), settings=Settings())).pending
    assert again is not None
    assert (again.unknowns, again.left_host_at) == (1, m.at(40))


def test_a_resume_forgets_what_the_other_process_could_not_reach() -> None:
    """Failed looks and retries are not held against this one; what the server refused is."""
    refused = m.look(14, None, LookKind.LIST, refused=True)
    step = m.pending(looks=(m.look(12), m.look(13, None), refused))
    state = resumed(m.state(Phase.SETTLING, pending=step, look_failures=4, extra_tries=3))
    assert state.pending is not None
    assert state.pending.looks == (m.look(12), refused)
    assert (state.look_failures, state.extra_tries, state.settings.max_visits) == (0, 0, 7)
    for before, after in ((3, 1), (1, 1), (0, 0)):  # one is left over, so that its wait goes on
        held = resumed(m.state(Phase.RETRYING, pending=m.pending(held_back=before, held_since=m.at(9)))).pending
        assert held is not None
        assert (held.held_back, held.held_since, held.first_at) == (after, m.at(40), m.at(10))


@pytest.mark.parametrize(
    ("phase", "fields", "must_look"),
    [
        (Phase.READY, {}, True),
        (Phase.RETRYING, {}, True),
        (Phase.BUSY, {}, True),
        (Phase.FAILED, {}, True),
        (Phase.SETTLING, {}, False),
        (Phase.OVER, {}, False),
        (Phase.READY, {"call_id": None}, False),
    ],
)
def test_a_resume_looks_before_it_goes_on(phase: Phase, fields: dict[str, Any], must_look: bool) -> None:
    """Where a call is up and nothing else looks at it anyway."""
    state = resumed(m.state(phase, **fields))
    assert (state.must_look, state.check_stale) == (must_look, True)


def test_a_call_that_a_dead_process_had_seen_is_looked_at_again() -> None:
    """Its lost request is settled by the look on disk, however much later: the call may be over by then."""
    dial = m.intent(Operation.CREATE)
    listed = m.look(13, kind=LookKind.LIST, matches=(m.seen(),))
    for looks, must_look in (((listed,), True), ((replace(listed, matches=()),), False), ((), False)):
        pending = m.pending(dial, looks=looks)
        state = resumed(m.state(Phase.SETTLING, call_id=None, pending=pending))
        assert state.must_look is must_look
    said = resumed(m.state(Phase.SETTLING, pending=m.pending(looks=(m.look(13),))))
    assert said.must_look


def test_a_resume_brings_secrets() -> None:
    """What was lost is known again."""
    before = m.state(Phase.READY, lost=frozenset({"pin", "code"}), variables={"name": "Ann"})
    state = resumed(before, secrets={"pin": "1234"})
    assert (state.variables, state.lost) == ({"name": "Ann", "pin": "1234"}, frozenset({"code"}))


@pytest.mark.parametrize(
    ("code", "call_id", "is_kept"),
    [
        ("cancelled", m.CALL, True),
        ("cancelled", None, True),
        ("stopped", m.CALL, True),
        ("stopped", None, False),
        ("max_call", m.CALL, False),
    ],
)
def test_a_cancel_may_outlive_the_process_it_was_told_to(code: str, call_id: str | None, is_kept: bool) -> None:
    """A person's always does; a signal's where it had begun to end a call, and not where a dial was looked for."""
    asked = CancelAsked(at=m.at(20), code=code)
    assert resumed(m.state(Phase.READY, cancel=asked, call_id=call_id)).cancel == (asked if is_kept else None)


@pytest.mark.parametrize(("ours", "is_other"), [("a", False), ("b", True), (None, False)])
def test_a_resume_notes_another_api_key(ours: str | None, is_other: bool) -> None:
    """Where both are known; what the API hid from an earlier key is asked for anew."""
    state = resumed(m.state(Phase.READY, account="a", hidden=True), account=ours)
    assert (state.other_key, state.account, state.hidden) == (is_other, "a", False)
    assert not resumed(m.state(Phase.READY), account="b").other_key


def test_a_run_that_has_called_nobody_belongs_to_whoever_resumes_it() -> None:
    """Its call is made there; one that has called belongs where its call is."""
    begun = fold([m.started(api_url="there", account="a")])
    assert (begun.api_url, begun.account) == ("there", "a")
    moved = resumed(begun, api_url="here", account="b")
    assert (moved.api_url, moved.account, moved.other_key) == ("here", "b", False)
    stays = resumed(m.state(Phase.READY, api_url="there", account="a"), api_url="here", account="b")
    assert (stays.api_url, stays.account, stays.other_key) == ("there", "a", True)


@pytest.mark.parametrize("phase", [Phase.READY, Phase.RETRYING, Phase.SETTLING, Phase.BUSY, Phase.FAILED, Phase.OVER])
def test_with_another_key_an_unknown_call_proves_nothing(phase: Phase) -> None:
    """404 to a key that may not see the call: the run stays where it is."""
    before = m.state(phase, other_key=True)
    state = evolve(before, m.look(41, None, ok=True, gone=True))
    assert (state.phase, state.hidden, state.call_over) == (phase, True, before.call_over)
    assert (state.pending, state.requests_sent) == (before.pending, 1)
    seen = evolve(before, m.look(41))
    assert (seen.hidden, seen.look_failures) == (False, 0)


def test_a_look_that_the_api_refused_is_remembered() -> None:
    """401 or 403, until a look succeeds or another process has a try."""
    for refused in (replace(m.look(13, None), status=401), replace(m.look(13, None), status=403, unauthenticated=True)):
        state = evolve(m.state(Phase.READY, must_look=True), refused)
        assert (state.refused_look, state.look_failures) == (refused, 1)
        assert evolve(state, m.look(14)).refused_look is None
        assert evolve(state, replace(m.look(14, None), status=502)).refused_look is None
        assert resumed(state).refused_look is None


def test_a_run_begins_with_the_clock_that_earlier_ones_saw() -> None:
    """Where any did."""
    known = evolve(RunState(), m.started(clock_skew_s=90.0))
    assert (known.clock_skew_s, known.skew_known) == (90.0, True)
    unknown = evolve(RunState(), m.started())
    assert (unknown.clock_skew_s, unknown.skew_known) == (0.0, False)


def test_an_ended_run_whose_call_was_left_up_is_closed_again_by_a_notice() -> None:
    """A person had the call ended afterwards; how the run ended stays as it was."""
    end = RunEnded(at=m.at(20), status=Status.COMPLETED, disposition=Disposition.COMPLETED)
    over = m.state(Phase.OVER, end=end)
    closed = evolve(over, Noticed(at=m.at(50), code="ended_later", message="it was ended"))
    assert (closed.phase, closed.end, len(closed.notices)) == (Phase.ENDED, end, 1)
    assert evolve(m.state(Phase.OVER), Noticed(at=m.at(50), code="x", message="y")).phase is Phase.OVER


# --- a person ---------------------------------------------------------------------------------------------------------


def resolved(state: RunState, **fields: Any) -> RunState:
    return evolve(state, Resolved(at=m.at(40), **fields))


def undecided(*, up: bool = True, **fields: Any) -> RunState:
    left = m.pending(fields.pop("intent", None))
    return m.state(Phase.UNDECIDED, left_over=left, ending=UNDECIDED, call_over=not up, **fields)


def test_a_person_says_that_it_ran() -> None:
    """The script goes on behind it, after a look; digits are empty."""
    asks = m.intent(Operation.COMMAND, "get_dtmf", saves="choice")
    state = resolved(undecided(intent=asks), ran=True, note="I was there")
    assert (state.phase, state.cursor, state.variables["choice"]) == (Phase.READY, Cursor(2), "")
    assert (state.must_look, state.ending, state.left_over) == (True, None, None)
    assert (state.steps[0].verdict, state.steps[0].evidence) == (Verdict.RAN, "a person said so: I was there")


def test_a_person_says_that_it_did_not_run() -> None:
    """It is sent again, with all its tries."""
    state = resolved(undecided(), ran=False)
    assert (state.phase, state.must_look, state.steps) == (Phase.RETRYING, True, ())
    assert state.pending is not None
    assert (state.pending.unknowns, state.pending.concluded, state.pending.looks) == (0, None, ())


@pytest.mark.parametrize(("ran", "steps"), [(True, 1), (False, 1)])
def test_a_verdict_when_the_call_is_gone(ran: bool, steps: int) -> None:
    """The run ends as failed."""
    state = resolved(undecided(up=False), ran=ran)
    assert (state.phase, state.call_over, len(state.steps)) == (Phase.OVER, True, steps)
    assert state.ending is not None
    assert state.ending.fault is not None
    assert (state.ending.status, state.ending.fault.code) == (Status.FAILED, "resolved")
    assert disposition_of(state) is Disposition.UNKNOWN
    end = RunEnded(at=m.at(41), status=Status.FAILED, disposition=Disposition.UNKNOWN, fault=state.ending.fault)
    assert exit_code_of_run(evolve(state, end), None) == 1  # not 20: nobody is asked any more


def test_a_verdict_on_a_lost_dial() -> None:
    """It rang, and this is its call; or it did not, and may be dialled again."""
    dial = m.intent(Operation.CREATE)
    adopted = resolved(undecided(intent=dial, call_id=None), ran=True, call_id="call-7")
    assert (adopted.phase, adopted.call_id, adopted.variables["call_id"]) == (Phase.READY, "call-7", "call-7")
    assert (adopted.must_look, adopted.quiet_since) == (True, m.at(40))
    assert resolved(undecided(intent=dial, call_id=None), ran=False).phase is Phase.RETRYING
    nowhere = resolved(undecided(intent=dial, call_id=None), ran=True)
    assert nowhere.phase is Phase.OVER


def test_a_cancel_counts_the_end_that_it_is_the_intent_of() -> None:
    """While a request is open one DELETE follows at once; the first reason stays."""
    first, second = CancelAsked(at=m.at(11), why="first"), CancelAsked(at=m.at(12), why="second")
    state = evolve(evolve(m.state(Phase.SENDING), first), second)
    assert (state.cancel, state.requests_sent) == (first, 1)
    assert evolve(m.state(Phase.READY), first).requests_sent == 0


@pytest.mark.parametrize("later", ["cancelled", "reaped"])
def test_a_reason_to_end_the_call_counts_more_than_a_process_that_stops(later: str) -> None:
    """A stopped process may leave its call up; a person who asks for the end of it afterwards is not put off."""
    stopped, asked = CancelAsked(at=m.at(11), code="stopped"), CancelAsked(at=m.at(12), code=later)
    assert evolve(evolve(m.state(Phase.READY), stopped), asked).cancel == asked
    assert evolve(evolve(m.state(Phase.READY), asked), stopped).cancel == asked


def test_notices_gather() -> None:
    """In order."""
    notices = [Noticed(at=m.at(n), code="x", message=str(n)) for n in (1, 2)]
    state = evolve(evolve(m.state(Phase.READY), notices[0]), notices[1])
    assert state.notices == tuple(notices)


# --- what does not fit, and marks -------------------------------------------------------------------------------------


def test_an_outcome_without_a_request_is_refused() -> None:
    """A damaged journal is not guessed at."""
    for record in (m.concluded(), settled(Verdict.RAN, Then.GO_ON)):
        with pytest.raises(IllegalRecordError, match="no request is open"):
            evolve(m.state(Phase.READY), record)


def test_marks() -> None:
    """What a journal indexes follows from the state."""
    fresh = marks(fold([m.started()]))
    assert (fresh.status, fresh.claims_dial, fresh.claim_until_wall, fresh.call_id) == (
        Status.RUNNING,
        True,
        None,
        None,
    )
    dial = m.intent(Operation.CREATE, expires_wall=m.EPOCH + 70)
    dialling = marks(fold([m.started(), dial]))
    assert (dialling.claims_dial, dialling.claim_until_wall) == (True, m.EPOCH + 670)
    unfenced = marks(fold([m.started(), m.intent(Operation.CREATE)]))
    assert unfenced.claim_until_wall == m.EPOCH + 610
    for fields, until_wall in (
        ({"unknowns": 0}, None),  # refused, throttled: it never rang, and blocks nobody once its driver is gone
        ({"verdict": Verdict.DID_NOT_RUN}, None),
        ({}, m.EPOCH + 670),  # sent again for its kept reply
    ):
        again = marks(m.state(Phase.RETRYING, call_id=None, pending=m.pending(dial, **fields)))
        assert (again.claims_dial, again.claim_until_wall) == (True, until_wall)
    up = marks(m.state(Phase.READY, wake=m.at(30)))
    assert (up.claims_dial, up.call_id, up.wake_wall) == (False, m.CALL, m.EPOCH + 30)
    watching = marks(m.state(Phase.READY, watch_until=m.at(80)))  # a doubled dial may still appear
    assert (watching.claims_dial, watching.claim_until_wall) == (True, m.EPOCH + 80)
    lost = marks(m.state(Phase.UNDECIDED, call_id=None, left_over=m.pending(dial)))
    assert (lost.status, lost.claims_dial, lost.claim_until_wall) == (Status.UNDECIDED, True, m.EPOCH + 670)
    end = RunEnded(at=m.at(30), status=Status.FAILED, disposition=Disposition.BUSY)
    assert not marks(m.state(Phase.ENDED, end=end, watch_until=m.at(80))).claims_dial
    over = marks(m.state(Phase.ENDED, end=end, call_id=None))
    assert (over.status, over.disposition, over.ended, over.claims_dial) == (
        Status.FAILED,
        Disposition.BUSY,
        True,
        False,
    )


def test_a_step_that_waits_to_be_sent_again_may_be_left_for_on_stale() -> None:
    """A callee who has waited too long hears `on_stale` instead; the step stays in the run's story."""
    before = m.state(Phase.RETRYING, pending=m.pending(), cursor=Cursor(1))
    after = evolve(before, Branched(at=m.at(30), kind=BranchKind.STALE, entry=1, target=Cursor(4), label="bye"))
    assert (after.phase, after.cursor, after.pending) == (Phase.READY, Cursor(4), None)
    assert [step.index for step in after.steps] == [0]


def test_an_incoming_call_is_the_runs_own_from_the_beginning() -> None:
    """It rings, nobody waits in silence yet, and nothing is dialled."""
    state = evolve(RunState(), m.started(call=m.seen("ringing")))
    assert (state.phase, state.call_id, state.call_status, state.call_up) == (Phase.READY, m.CALL, "ringing", True)
    assert state.variables["call_id"] == m.CALL
    assert (state.quiet_since, state.call_since, state.rings_here) == (None, state.begun.at, True)


ANSWER = m.intent(Operation.COMMAND, "answer", "hangup", replay_class=ReplayClass.HARMLESS, shortest_s=0.0)


def ringing(phase: Phase, **fields: Any) -> RunState:
    """Return a run that takes a call which nobody has answered yet."""
    given = {"started": m.started(call=m.seen("ringing")), "answered": False, "call_status": "ringing"}
    return m.state(phase, **{**given, **fields})


@pytest.mark.parametrize(
    ("ok", "answered"), [((True, True), True), ((True, False), True), ((False,), False), (None, True)]
)
def test_a_call_is_answered_by_its_answer(ok: tuple[bool, ...] | None, answered: bool) -> None:
    """Also where no look ever shows it up, since the same list hung up."""
    results = ok and tuple(
        CommandResult(command=name, ok=fine, error=None if fine else "hangup")
        for name, fine in zip(("answer", "hangup"), ok, strict=False)
    )
    before = ringing(Phase.SENDING, pending=m.pending(ANSWER, concluded=None))
    after = evolve(before, m.concluded(call=m.seen("hangup", hangup_cause="command"), results=results))
    assert (after.phase, after.answered) == (Phase.OVER, answered)


@pytest.mark.parametrize("phase", [Phase.READY, Phase.RETRYING])
def test_a_call_that_still_rings_can_be_answered(phase: Phase) -> None:
    """A look before a resume's first step, however late, finds nothing to wait for; unlike a call that was answered."""
    before = ringing(phase, must_look=True, **({"pending": m.pending(ANSWER)} if phase is Phase.RETRYING else {}))
    assert evolve(before, m.look(90, "ringing")).phase is phase
    assert evolve(before.changed({"answered": True}), m.look(90, "ringing")).phase is Phase.BUSY
    gone = evolve(before, m.look(90, call=m.seen("hangup", hangup_cause="remote")))
    assert (gone.phase, gone.hangup_cause) == (Phase.OVER, "remote")


@pytest.mark.parametrize(("status", "phase"), [("ringing", Phase.RETRYING), ("ready", Phase.SETTLING)])
def test_a_refused_answer_was_either_early_or_a_second_one(status: str, phase: Phase) -> None:
    """409 to an answer: the call rings on, and it is sent again; or an earlier delivery of it has answered."""
    refused = m.pending(ANSWER, concluded=m.concluded(Outcome.REJECTED, status=409)).put_back()
    after = evolve(ringing(Phase.BUSY, pending=refused), m.look(13, status))
    assert after.phase is phase
