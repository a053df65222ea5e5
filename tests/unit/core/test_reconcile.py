"""Verdicts and their evidence: every rule of sections 4.4 and 4.5, with its time edge on both sides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.core.evidence import settle_time_s
from orchestrator.core.evolve import evolve
from orchestrator.core.exchange import CommandResult, Operation, Outcome
from orchestrator.core.reconcile import (
    LookAgain,
    OutOfReach,
    list_is_complete,
    matches_of,
    reconcile,
)
from orchestrator.core.records import Cursor, Intended, Looked, LookKind, ReplayClass, Resumed, Settled, Then, Verdict
from orchestrator.core.script import Policy
from orchestrator.core.settings import Settings
from orchestrator.core.state import Phase, RunState
from tests.fakes import machine as m

OK = CommandResult(command="say")
LIST = LookKind.LIST
DELETE = m.intent(Operation.END, policy=Policy.REPEAT, shortest_s=0.0)


def settling(intended: Intended | None = None, *looks: Looked, **fields: Any) -> RunState:
    """Return a run whose step left at 10 s and was lost at 12 s, and what was seen since."""
    step = {
        key: fields.pop(key) for key in list(fields) if key in ("unknowns", "concluded", "resumed_at", "same_since")
    }
    return m.state(Phase.SETTLING, pending=m.pending(intended, looks=looks, **step), **fields)


def lost_dial(*looks: Looked, **fields: Any) -> RunState:
    """Return a run whose dial left at 10 s, carrying its expiry at 70 s, and was lost at 12 s."""
    dial = m.intent(Operation.CREATE, expires_wall=m.EPOCH + 70, **fields.pop("intent", {}))
    return settling(dial, *looks, call_id=None, **fields)


def verdict(state: RunState, now: float) -> Settled:
    found = reconcile(state, m.at(now))
    assert isinstance(found, Settled), found
    return found


def again(state: RunState, now: float) -> LookAgain:
    found = reconcile(state, m.at(now))
    assert isinstance(found, LookAgain), found
    return found


# --- commands on a live call ------------------------------------------------------------------------------------------


def test_the_first_look_is_at_once_and_later_ones_back_off() -> None:
    """At once, then 0.3 s, doubling, at most 5 s apart; closer than a short list, where that may prove something."""
    dangerous = m.intent(replay_class=ReplayClass.DANGEROUS)
    assert again(settling(dangerous), 12) == LookAgain(m.at(12), LookKind.CALL)
    looks = [m.look(13 + step) for step in range(8)]
    waits = [again(settling(dangerous, *looks[:n]), 21).at.since(looks[n - 1].at) for n in range(1, 9)]
    assert waits == pytest.approx([0.3, 0.6, 1.2, 2.4, 4.8, 5.0, 5.0, 5.0])
    heard = settling(m.intent(shortest_s=1.0), *[replace(look, began=m.at(12)) for look in looks[:6]])
    assert again(heard, 14).at.since(looks[5].at) == pytest.approx(0.6)


def test_looks_while_the_request_was_open_do_not_slow_the_first_one_after_it() -> None:
    """The open look counts as evidence, not as a look of the back-off."""
    state = settling(m.intent(replay_class=ReplayClass.DANGEROUS), m.look(10.4, "ready", LookKind.OPEN))
    assert again(state, 12) == LookAgain(m.at(12), LookKind.CALL)


ANSWER = m.intent(Operation.COMMAND, "answer", replay_class=ReplayClass.HARMLESS, shortest_s=0.0, longest_s=0.0)


def test_a_call_that_rings_has_not_been_answered() -> None:
    """Nothing runs on it: the list is sent again, as its class has it, instead of being waited for to end."""
    found = verdict(settling(ANSWER, m.look(12, "ringing")), 12.1)
    assert (found.verdict, found.then) == (Verdict.UNDECIDABLE, Then.REPEAT)
    assert "is ringing" in found.evidence
    says = m.intent(Operation.COMMAND, "answer", "say")
    assert again(settling(says, m.look(12, "ringing")), 12.1).kind is LookKind.CALL
    assert verdict(settling(says, m.look(12, "ringing"), m.look(15, "ringing")), 15.1).then is Then.REPEAT
    assert isinstance(
        reconcile(settling(None, m.look(12, "ringing")), m.at(12.1)), LookAgain
    )  # of another list: nothing


@pytest.mark.parametrize(("last", "is_proof"), [(72.0, True), (71.9, False)])
def test_a_call_that_rings_for_long_proves_that_the_answer_did_not_come(last: float, is_proof: bool) -> None:
    """However far apart the looks are, once no proxy can still hold the request back: it never rings again."""
    looks = (m.look(12, "ringing"), m.look(last, "ringing"))
    found = verdict(settling(ANSWER, *looks), last + 0.1)
    assert (found.verdict is Verdict.DID_NOT_RUN) == is_proof
    assert found.then is (Then.AGAIN if is_proof else Then.REPEAT)


def test_a_call_that_rang_and_is_ready_was_answered() -> None:
    """It does not become ready by itself; a list that was to hang up as well has stopped before."""
    found = verdict(settling(ANSWER, m.look(12, "ringing"), m.look(12.5)), 12.6)
    assert (found.verdict, found.then) == (Verdict.RAN, Then.GO_ON)
    assert "ringing before" in found.evidence
    both = m.intent(Operation.COMMAND, "answer", "hangup", replay_class=ReplayClass.HARMLESS)
    assert verdict(settling(both, m.look(12)), 12.1).verdict is Verdict.PARTLY
    assert verdict(settling(both, m.look(12, "in-progress"), m.look(13)), 13.1).verdict is Verdict.PARTLY


def test_seen_running_and_then_ready_it_ran() -> None:
    """`in-progress` after sending, and `ready` later."""
    found = verdict(settling(None, m.look(12, "in-progress"), m.look(14)), 14.1)
    assert (found.verdict, found.then) == (Verdict.RAN, Then.GO_ON)
    assert "in-progress" in found.evidence


def test_seen_running_while_the_request_was_open_it_ran() -> None:
    """The look while a dangerous request was open gives the proof that a later cut cannot."""
    keys = m.intent(Operation.COMMAND, "send_dtmf", replay_class=ReplayClass.DANGEROUS, policy=Policy.STOP)
    found = verdict(settling(keys, m.look(10.4, "in-progress", LookKind.OPEN), m.look(12)), 12.1)
    assert (found.verdict, found.then) == (Verdict.RAN, Then.GO_ON)


@pytest.mark.parametrize(
    ("kind", "doubt", "expected"),
    [
        (ReplayClass.DANGEROUS, True, Verdict.UNDECIDABLE),
        (ReplayClass.DANGEROUS, False, Verdict.RAN),
        (ReplayClass.HEARD, True, Verdict.RAN),
    ],
)
def test_in_doubt_what_was_seen_running_may_be_something_else(
    kind: ReplayClass, doubt: bool, expected: Verdict
) -> None:
    """An earlier attempt that was delivered late looks the same: no proof that a dangerous step ran."""
    looks = (m.look(12, "in-progress"), m.look(14))
    state = settling(m.intent(replay_class=kind, policy=Policy.STOP), *looks, m.look(72), doubt=doubt)
    assert verdict(state, 72.1).verdict is expected
    early = settling(m.intent(replay_class=kind, policy=Policy.STOP), *looks, doubt=doubt)
    assert isinstance(reconcile(early, m.at(14.1)), LookAgain) is (expected is Verdict.UNDECIDABLE)


@pytest.mark.parametrize(
    ("policy", "then"), [(Policy.REPEAT, Then.REPEAT), (Policy.SKIP, Then.SKIP), (Policy.STOP, Then.STOP)]
)
def test_what_was_seen_running_after_a_refusal_proves_nothing(policy: Policy, then: Then) -> None:
    """It may be a copy of the refused list, or an earlier one that came late: that is told, and left to the author."""
    refused = m.concluded(Outcome.REJECTED, status=409)
    state = settling(m.intent(policy=policy), m.look(14, "in-progress"), m.look(16), concluded=refused)
    found = verdict(state, 16.1)
    assert (found.verdict, found.then, found.doubled) == (Verdict.UNDECIDABLE, then, True)
    assert "refused (409)" in found.evidence
    assert "may have been an earlier request" in found.evidence
    early = settling(m.intent(policy=policy), m.look(12.5), concluded=refused)
    assert isinstance(reconcile(early, m.at(12.6)), LookAgain)
    delete = settling(m.intent(Operation.END), m.look(14, "hangup"), concluded=refused)
    assert not verdict(delete, 14.1).doubled


@pytest.mark.parametrize(
    ("policy", "then"), [(Policy.REPEAT, Then.REPEAT), (Policy.SKIP, Then.SKIP), (Policy.STOP, Then.STOP)]
)
def test_a_list_that_ends_in_hangup_did_not_run_whole_if_the_call_is_ready(policy: Policy, then: Then) -> None:
    """Found by simulation: a get_dtmf that timed out had stopped it, and the call was left up as if it were over."""
    step = m.intent(Operation.COMMAND, "get_dtmf", "hangup", policy=policy)
    found = verdict(settling(step, m.look(12, "in-progress"), m.look(14)), 14.1)
    assert (found.verdict, found.then) == (Verdict.PARTLY, then)


@pytest.mark.parametrize("status", ["in-progress", "reticulating", ""])
def test_an_unknown_status_runs(status: str) -> None:
    """While it runs, whatever that is called, nothing is decided."""
    assert isinstance(reconcile(settling(None, m.look(12, status)), m.at(13)), LookAgain)
    assert verdict(settling(None, m.look(12, status), m.look(13)), 13.1).verdict is Verdict.RAN


@pytest.mark.parametrize(("began", "is_settled"), [(25.09, False), (25.2, True)])
def test_what_runs_too_long_is_undecidable(began: float, is_settled: bool) -> None:
    """By a look that began later than its longest duration (8 s) plus margin (5 s) after it was first seen running."""
    state = settling(None, m.look(12, "in-progress"), m.look(began, "in-progress"))
    found = reconcile(state, m.at(40))  # however late it is read: it may have become ready since
    assert isinstance(found, Settled) is is_settled
    if isinstance(found, Settled):
        assert (found.verdict, found.then) == (Verdict.UNDECIDABLE, Then.STOP)


@pytest.mark.parametrize("policy", list(Policy))
def test_nothing_is_sent_into_a_call_that_still_runs(policy: Policy) -> None:
    """Still running after its longest duration: no policy sends into that; it stops."""
    state = settling(m.intent(policy=policy), m.look(12, "in-progress"), m.look(30, "in-progress"))
    assert verdict(state, 30.1).then is Then.STOP


SETTLE = [
    (ReplayClass.HARMLESS, 0.0),
    (ReplayClass.HEARD, 3.0),
    (ReplayClass.ASKS, 3.0),
    (ReplayClass.DANGEROUS, 60.0),
    (ReplayClass.FORBIDDEN, 60.0),
]


@pytest.mark.parametrize(("kind", "settle_s"), SETTLE)
def test_settle_times(kind: ReplayClass, settle_s: float) -> None:
    """Harmless 0 s, heard and asks 3 s, dangerous and forbidden 60 s."""
    assert settle_time_s(kind, Settings()) == settle_s


@pytest.mark.parametrize(("kind", "settle_s"), SETTLE)
def test_ready_alone_is_undecidable_after_the_settle_time(kind: ReplayClass, settle_s: float) -> None:
    """Counted from when the request can no longer leave this host (12 s); a moment earlier nothing is said."""
    step = m.intent(replay_class=kind, shortest_s=0.0)
    after = verdict(settling(step, m.look(12 + settle_s)), 12.1 + settle_s)
    assert after.verdict is Verdict.UNDECIDABLE
    if settle_s:
        assert isinstance(reconcile(settling(step, m.look(11.9 + settle_s)), m.at(12 + settle_s)), LookAgain)


def test_after_a_crash_the_settle_time_counts_from_the_resume() -> None:
    """An intent without an outcome cannot leave this host after the resume that found it."""
    early = settling(None, m.look(42.9), concluded=None, resumed_at=m.at(40))
    assert isinstance(reconcile(early, m.at(43)), LookAgain)
    late = settling(None, m.look(43), concluded=None, resumed_at=m.at(40))
    assert verdict(late, 43.1).verdict is Verdict.UNDECIDABLE


@pytest.mark.parametrize(
    ("policy", "then"), [(Policy.REPEAT, Then.REPEAT), (Policy.SKIP, Then.SKIP), (Policy.STOP, Then.STOP)]
)
def test_the_undecidable_goes_to_the_policy(policy: Policy, then: Then) -> None:
    """`if_unknown` says what follows."""
    assert verdict(settling(m.intent(policy=policy), m.look(15)), 15.1).then is then


@pytest.mark.parametrize(("unknowns", "then"), [(2, Then.REPEAT), (3, Then.STOP)])
def test_no_step_is_sent_too_often(unknowns: int, then: Then) -> None:
    """Three unknown outcomes are the end of repeats."""
    found = verdict(settling(None, m.look(15), unknowns=unknowns), 15.1)
    assert (found.verdict, found.then) == (Verdict.UNDECIDABLE, then)


def watched(every_s: float, until: float) -> list[Looked]:
    """Return looks at a ready call, from the first byte on."""
    return [m.look(10 + every_s * n) for n in range(1, int((until - 10) / every_s) + 1)]


def test_looks_closer_than_the_list_is_short_prove_that_nothing_ran() -> None:
    """Never further apart than the shortest duration (2 s), through `settle_dangerous`: it did not run."""
    patient = m.with_settings(settling(None, *watched(1.5, 73)), settle_heard_s=120.0)
    found = verdict(patient, 73)
    assert (found.verdict, found.then) == (Verdict.DID_NOT_RUN, Then.AGAIN)


@pytest.mark.parametrize(
    ("step", "looks"),
    [
        (m.intent(), watched(1.5, 71)),  # not long enough
        (m.intent(), watched(2.0, 73)),  # not close enough
        (m.intent(), watched(1.5, 30) + watched(1.5, 73)[18:]),  # a gap
        (m.intent(), watched(1.5, 73)[2:]),  # the first one too late
        (m.intent(shortest_s=0.0), watched(1.5, 73)),  # a list that may last no time
        (m.intent(replay_class=ReplayClass.DANGEROUS), watched(1.5, 71)),
    ],
)
def test_anything_less_proves_nothing(step: Intended, looks: list[Looked]) -> None:
    """Each condition of that proof counts."""
    patient = m.with_settings(settling(step, *looks), settle_heard_s=120.0)
    assert isinstance(reconcile(patient, m.at(73)), LookAgain)


def test_looks_never_prove_absence_of_what_is_dangerous() -> None:
    """However closely it was watched, a dangerous step ends undecidable."""
    step = m.intent(replay_class=ReplayClass.DANGEROUS, policy=Policy.STOP)
    found = verdict(settling(step, *watched(1.5, 73)), 73)
    assert (found.verdict, found.then) == (Verdict.UNDECIDABLE, Then.STOP)


def test_without_a_first_byte_the_intent_stands_in_for_it() -> None:
    """After a crash the moment of the first byte is unknown; the intent is earlier."""
    state = settling(None, *watched(1.5, 76), concluded=None, resumed_at=m.at(12))
    assert verdict(m.with_settings(state, settle_heard_s=120.0), 76).verdict is Verdict.DID_NOT_RUN


ENDED = [
    (m.intent(Operation.COMMAND, "say", "hangup"), "command", (), Verdict.RAN),
    (m.intent(Operation.COMMAND, "say", "hangup"), "remote", (), Verdict.UNDECIDABLE),
    (m.intent(), "command", (), Verdict.UNDECIDABLE),
    (m.intent(), "remote", (m.look(12, "in-progress"),), Verdict.PARTLY),
    (m.intent(), "remote", (m.look(12, ""),), Verdict.PARTLY),
    (m.intent(Operation.END), "remote", (), Verdict.RAN),
]


@pytest.mark.parametrize(("step", "cause", "before", "expected"), ENDED)
def test_an_ended_call(step: Intended, cause: str, before: tuple[Looked, ...], expected: Verdict) -> None:
    """Its own hangup ran; seen running before it ran partly; otherwise nobody knows, and nothing is sent again."""
    over = m.look(13, "hangup", call=m.seen("hangup", hangup_cause=cause))
    found = verdict(settling(step, *before, over), 13.1)
    assert (found.verdict, found.then) == (expected, Then.GO_ON)


def test_a_call_the_api_does_not_know_is_over() -> None:
    """404: the call is gone."""
    gone = m.look(13, None, ok=True, gone=True)
    found = verdict(settling(None, gone), 13.1)
    assert (found.verdict, found.then) == (Verdict.UNDECIDABLE, Then.GO_ON)
    assert found.call is not None
    assert found.call.ended
    assert "does not know" in verdict(settling(m.intent(Operation.END), gone), 13.1).evidence


def test_an_accepted_end_is_looked_at() -> None:
    """A 2xx that does not show the ended call: one look; then it is over, sent again, or could not be seen."""
    accepted = m.concluded(call=None, results=None)
    assert again(settling(DELETE, concluded=accepted), 12.1).kind is LookKind.CALL
    assert verdict(settling(DELETE, m.look(12, "hangup"), concluded=accepted), 12.1).verdict is Verdict.RAN
    assert verdict(settling(DELETE, m.look(12), concluded=accepted), 12.1).then is Then.REPEAT
    failing = [m.look(12 + 20 * n, None) for n in range(5)]
    unseen = reconcile(settling(DELETE, *failing, concluded=accepted), m.at(100))
    assert isinstance(unseen, OutOfReach)
    assert unseen.reason == "whether the call has ended could not be seen (done to its DELETE)"
    lost = reconcile(settling(DELETE, *failing, concluded=None, resumed_at=m.at(12)), m.at(100))
    assert isinstance(lost, OutOfReach)
    assert "out of reach" in lost.reason


def test_refused_credentials_settle_nothing() -> None:
    """401, or the API's own 403 to a look at the call: another process, with the right key, may find out."""
    for refused in (replace(m.look(13, None), status=401), replace(m.look(13, None), status=403, unauthenticated=True)):
        found = reconcile(settling(None, refused), m.at(13.1))
        assert isinstance(found, OutOfReach)
        assert found.code == "authentication"
    assert again(settling(None, replace(m.look(13, None), status=403)), 14).kind is LookKind.CALL


def test_with_another_key_a_list_without_the_dial_proves_nothing() -> None:
    """The dial may be on the list of the key that it was made with; one that is on this list is adopted."""
    dial = m.pending(m.intent(Operation.CREATE, expires_wall=m.EPOCH + 70))
    late = m.look(200, kind=LookKind.LIST, complete=True)
    state = m.state(Phase.SETTLING, call_id=None, other_key=True, pending=replace(dial, looks=(late,)))
    found = reconcile(state, m.at(200.1))
    assert isinstance(found, OutOfReach)
    assert found.code == "configuration"
    seen = replace(late, matches=(m.seen(),))
    adopted = reconcile(state.changed({"pending": replace(dial, looks=(seen,))}), m.at(200.1))
    assert isinstance(adopted, Settled)
    assert adopted.verdict is Verdict.RAN


@pytest.mark.parametrize(
    ("policy", "then"), [(Policy.REPEAT, Then.GO_ON), (Policy.SKIP, Then.SKIP), (Policy.STOP, Then.STOP)]
)
def test_the_policy_of_a_call_that_ended(policy: Policy, then: Then) -> None:
    """A repeat has nobody to hear it any more; a stop still asks a person."""
    assert verdict(settling(m.intent(policy=policy), m.look(13, "hangup")), 13.1).then is then


def test_the_end_of_a_call_is_repeated_until_it_is_known() -> None:
    """A lost DELETE is harmless: it is sent again while the call is up, but not for ever."""
    assert verdict(settling(DELETE, m.look(12), unknowns=2), 12.1).then is Then.REPEAT
    given_up = reconcile(settling(DELETE, m.look(12), unknowns=3), m.at(12.1))
    assert isinstance(given_up, OutOfReach)
    assert given_up.code == "unreachable"
    assert verdict(settling(DELETE, m.look(12), m.look(13, "hangup"), unknowns=3), 13.1).verdict is Verdict.RAN
    assert again(settling(DELETE, unknowns=3), 12).kind is LookKind.CALL  # it may have ended the call after all


def test_a_refused_end_is_not_sent_again_until_a_resume() -> None:
    """401 or 403: the key must be put right first; whoever resumes is taken to have done so."""
    refused = m.concluded(Outcome.REJECTED, status=401, unauthenticated=True)
    found = reconcile(settling(DELETE, m.look(12), concluded=refused), m.at(12.1))
    assert isinstance(found, OutOfReach)
    assert found.code == "authentication"
    state = evolve(
        settling(DELETE, m.look(12), concluded=refused, unknowns=3), Resumed(at=m.at(40), settings=Settings())
    )
    assert verdict(state, 40).then is Then.REPEAT


def test_a_message_leaves_no_trace() -> None:
    """An sms cannot be looked for: at once undecidable, to its policy."""
    found = verdict(settling(m.intent(Operation.SMS, policy=Policy.SKIP)), 12)
    assert (found.verdict, found.then) == (Verdict.UNDECIDABLE, Then.SKIP)


@pytest.mark.parametrize(
    ("policy", "then"), [(Policy.REPEAT, Then.REPEAT), (Policy.SKIP, Then.SKIP), (Policy.STOP, Then.STOP)]
)
def test_lost_digits_go_to_the_policy(policy: Policy, then: Then) -> None:
    """It ran, but what was pressed is not known."""
    asks = m.intent(Operation.COMMAND, "get_dtmf", saves="choice", policy=policy, replay_class=ReplayClass.ASKS)
    ran = settling(asks, m.look(12, "in-progress"), m.look(14))
    assert (verdict(ran, 14.1).verdict, verdict(ran, 14.1).then) == (Verdict.RAN, then)
    silent = settling(asks, concluded=m.concluded(results=None))
    assert (verdict(silent, 12).verdict, verdict(silent, 12).then) == (Verdict.RAN, then)
    over = settling(asks, m.look(12, "in-progress"), m.look(14, "hangup"))
    assert verdict(over, 14.1).verdict is Verdict.PARTLY
    unsaved = replace(asks, saves=None)  # it may have failed, and stopped what stands behind it
    assert verdict(settling(unsaved, m.look(12, "in-progress"), m.look(14)), 14.1).then is then


def test_lost_digits_of_a_call_that_has_ended_are_not_asked_for_again() -> None:
    """There is nobody left to press them."""
    asks = m.intent(Operation.COMMAND, "get_dtmf", "hangup", saves="choice", policy=Policy.STOP)
    over = m.look(13, "hangup", call=m.seen("hangup", hangup_cause="command"))
    assert verdict(settling(asks, over), 13.1).then is Then.GO_ON


# --- looks that fail --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("now", "is_given_up"), [(37.9, False), (38.1, True)])
@pytest.mark.parametrize("first", [None, "ready"])
@pytest.mark.parametrize("policy", [Policy.REPEAT, Policy.STOP])
def test_an_api_out_of_reach_is_given_up(now: float, is_given_up: bool, first: str | None, policy: Policy) -> None:
    """`max_silence` (20 s) after the longest that the step may be heard (18 s); under `stop` a person decides."""
    step = m.intent(replay_class=ReplayClass.DANGEROUS, policy=policy)
    seen = [] if first is None else [m.look(12, first)]
    found = reconcile(settling(step, *seen, m.look(13, None), m.look(30, None)), m.at(now))
    if not is_given_up:
        assert isinstance(found, LookAgain)
    elif policy is Policy.STOP:
        assert isinstance(found, Settled)
        assert (found.verdict, found.then) == (Verdict.UNDECIDABLE, Then.STOP)
    else:
        assert isinstance(found, OutOfReach)


@pytest.mark.parametrize(("now", "is_given_up"), [(72.9, False), (73.1, True)])
def test_an_end_out_of_reach_is_given_up(now: float, is_given_up: bool) -> None:
    """Looks that failed for `retry_total` (60 s) end this process's part."""
    state = settling(DELETE, m.look(13, None), m.look(40, None))
    assert isinstance(reconcile(state, m.at(now)), OutOfReach) is is_given_up


def test_a_first_failing_look_long_after_the_step_is_not_the_end() -> None:
    """What counts is how long looks have been failing, not how long ago the step was."""
    assert isinstance(reconcile(settling(None, m.look(500, None)), m.at(500.2)), LookAgain)


# --- the command log --------------------------------------------------------------------------------------------------


def logged(
    step: Intended, *results: CommandResult, seconds: float = 13, status: str = "ready", **fields: Any
) -> RunState:
    """Return a run on a server that shows one earlier result and these."""
    return settling(step, m.look(seconds, status, results=(OK, *results)), log_length=1, **fields)


TWO = m.intent(Operation.COMMAND, "say", "play")
PLAYED = CommandResult(command="play")


def test_a_command_log_proves_that_it_ran() -> None:
    """All commands of the step stand in the log, or the last one failed and stopped the list."""
    found = verdict(logged(TWO, OK, PLAYED), 13.1)
    assert (found.verdict, found.then, found.results, found.doubled) == (Verdict.RAN, Then.GO_ON, (OK, PLAYED), False)
    failed = CommandResult(command="say", ok=False, error="hangup")
    assert verdict(logged(TWO, failed), 13.1).verdict is Verdict.RAN


def test_a_command_log_shows_what_was_doubled() -> None:
    """More commands than were sent are reported."""
    assert verdict(logged(TWO, OK, PLAYED, OK, PLAYED), 13.1).doubled


def test_a_command_log_shows_where_it_stopped() -> None:
    """A list that was cancelled in the middle goes on behind the last command that ran."""
    found = verdict(logged(TWO, OK), 13.1)
    assert (found.verdict, found.then, found.next_cursor) == (Verdict.PARTLY, Then.GO_ON, Cursor(2))
    ended = verdict(logged(replace(TWO, policy=Policy.STOP), OK, status="hangup"), 13.1)
    assert (ended.verdict, ended.then) == (Verdict.PARTLY, Then.STOP)


def test_a_command_log_that_shows_another_list_proves_nothing() -> None:
    """Found by simulation: a doubled hold and unhold passed for a part of the sentence behind them, which was lost."""
    for shown in ((PLAYED,), (PLAYED, OK, PLAYED)):
        assert isinstance(reconcile(logged(TWO, *shown), m.at(13.1)), LookAgain)
        assert verdict(logged(TWO, *shown, seconds=16), 16.1).verdict is Verdict.UNDECIDABLE


@pytest.mark.parametrize(("seconds", "expected"), [(71.9, None), (72, Verdict.DID_NOT_RUN)])
def test_an_empty_command_log_is_proof_once_nothing_can_be_late(seconds: float, expected: Verdict | None) -> None:
    """Absence counts after `settle_dangerous`, for dangerous steps too."""
    keys = m.intent(replay_class=ReplayClass.DANGEROUS, policy=Policy.STOP, shortest_s=0.0)
    found = reconcile(m.with_settings(logged(keys, seconds=seconds), settle_dangerous_s=60.0), m.at(seconds + 0.1))
    assert (found.verdict if isinstance(found, Settled) else None) is expected
    if isinstance(found, Settled):
        assert found.then is Then.AGAIN


def test_a_command_log_is_not_read_while_the_list_runs_or_once_it_cannot_be_counted() -> None:
    """Running: wait. An earlier doubt: what stands in the log may be that."""
    assert isinstance(reconcile(logged(TWO, OK, status="in-progress"), m.at(13.1)), LookAgain)
    doubted = settling(TWO, m.look(15, results=(OK, OK, PLAYED)), log_length=None)
    assert verdict(doubted, 15.1).verdict is Verdict.UNDECIDABLE
    fresh = settling(TWO, m.look(10.1, results=()), log_length=0, concluded=None)
    assert isinstance(reconcile(fresh, m.at(10.3)), LookAgain)


# --- stored replies ---------------------------------------------------------------------------------------------------


def test_tries_for_a_kept_reply_are_part_of_the_patience() -> None:
    """The callee waits in silence all that time: a look that fails as well is the end of it."""
    unsent = m.concluded(Outcome.NOT_SENT)
    tried = settling(None, m.look(31, None), concluded=unsent)
    assert tried.pending is not None
    assert isinstance(reconcile(tried, m.at(32)), LookAgain)
    since = replace(tried.pending, held_back=5, held_since=m.at(11))
    assert isinstance(reconcile(tried.changed({"pending": since}), m.at(32)), OutOfReach)
    assert isinstance(reconcile(tried.changed({"pending": since}), m.at(30)), LookAgain)


def test_a_reply_that_came_is_not_asked_for_again() -> None:
    """A whole reply without results is all there is."""
    asks = m.intent(Operation.COMMAND, "get_dtmf", saves="choice")
    state = m.with_settings(settling(asks, concluded=m.concluded(results=None)), idempotent_for_s=300.0)
    assert "no results" in verdict(state, 13).evidence


# --- the lost dial ----------------------------------------------------------------------------------------------------


def listed(seconds: float, *matches: Any, complete: bool = True, **fields: Any) -> Looked:
    return m.look(seconds, kind=LIST, matches=matches, complete=complete, **fields)


def test_a_lost_dial_that_is_found_is_adopted_at_once() -> None:
    """The first match is the call."""
    found = verdict(lost_dial(listed(12), listed(13, m.seen("dialing"))), 13.1)
    assert (found.verdict, found.then) == (Verdict.RAN, Then.GO_ON)
    assert found.call == m.seen("dialing")


def test_of_several_calls_one_that_is_up_is_adopted() -> None:
    """A doubled dial: the live one, and the others are told of."""
    over, up = m.seen("hangup"), m.seen("ready", call_id="call-2")
    found = verdict(lost_dial(listed(13, over, up)), 13.1)
    assert found.call == up
    assert "2 calls match" in found.evidence
    assert verdict(lost_dial(listed(13, over)), 13.1).call == over


@pytest.mark.parametrize(("seconds", "is_proof"), [(130.9, False), (133.1, True)])
def test_a_dial_that_is_not_there_did_not_run_once_it_can_no_longer_ring(seconds: float, is_proof: bool) -> None:
    """Expiry (70 s on the server's clock, with the slack of its whole seconds) and then the settle time of 60 s."""
    found = reconcile(lost_dial(listed(12), listed(seconds)), m.at(seconds + 0.1))
    assert isinstance(found, Settled) is is_proof
    if isinstance(found, Settled):
        assert (found.verdict, found.then) == (Verdict.DID_NOT_RUN, Then.AGAIN)


def test_a_server_whose_clock_is_behind_may_ring_later() -> None:
    """The expiry is on the server's clock."""
    state = lost_dial(listed(12), listed(134), clock_skew_s=-20.0)
    assert isinstance(reconcile(state, m.at(134.1)), LookAgain)
    assert verdict(lost_dial(listed(12), listed(154), clock_skew_s=-20.0), 154.1).verdict is Verdict.DID_NOT_RUN


def test_a_dial_without_an_expiry_gets_the_usual_one() -> None:
    """A journal of another hand may lack it."""
    dial = m.intent(Operation.CREATE)
    assert isinstance(reconcile(settling(dial, listed(131), call_id=None), m.at(131.1)), LookAgain)
    assert verdict(settling(dial, listed(133), call_id=None), 133.1).verdict is Verdict.DID_NOT_RUN


def test_a_dial_is_not_tried_for_ever() -> None:
    """After three unknown outcomes a person decides."""
    assert verdict(lost_dial(listed(140), unknowns=3), 140.1).then is Then.STOP


def test_a_list_that_is_refused_or_too_short_proves_nothing() -> None:
    """Undecidable, never `did_not_run`."""
    refused = verdict(lost_dial(m.look(12, None, LIST, refused=True, reason="403")), 12.1)
    assert (refused.verdict, refused.then) == (Verdict.UNDECIDABLE, Then.STOP)
    short = verdict(lost_dial(listed(140, complete=False)), 140.1)
    assert (short.verdict, short.then) == (Verdict.UNDECIDABLE, Then.STOP)


def test_the_last_look_for_a_dial_is_right_when_it_counts() -> None:
    """The look after which absence is proof is not put off by the back-off."""
    looks = [listed(12 + 5 * n) for n in range(24)]
    assert again(lost_dial(*looks[:-1]), 122.2).at.boot_s == pytest.approx(127.1)
    assert again(lost_dial(*looks), 127.2).at.boot_s == pytest.approx(131.0)


@pytest.mark.parametrize(("now", "is_given_up"), [(190, False), (195, True)])
def test_a_list_out_of_reach_is_given_up(now: float, is_given_up: bool) -> None:
    """Not before it could have become proof."""
    state = lost_dial(m.look(13, None, LIST), m.look(100, None, LIST))
    assert isinstance(reconcile(state, m.at(now)), OutOfReach) is is_given_up


# --- which calls may be the lost dial ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "is_match"),
    [
        ({}, True),
        ({"created_epoch": m.EPOCH + 5}, True),
        ({"created_epoch": m.EPOCH + 4.9}, False),
        ({"created_epoch": None}, True),
        ({"created_epoch": m.EPOCH + 75}, True),
        ({"created_epoch": m.EPOCH + 75.1}, False),
        ({"from_": None}, True),
        ({"from_": "1 555 555 0199", "to": "(555) 555-0100"}, True),
        ({"to": "0015555550100"}, True),
        ({"to": "555-0100"}, True),
        ({"to": "55-0100"}, False),
        ({"to": "555-0101"}, False),
        ({"from_": "+15555550111"}, False),
        ({"to": "+15555550111"}, False),
        ({"call_id": "owned"}, False),
    ],
)
def test_matches(fields: dict[str, Any], is_match: bool) -> None:
    """`to` and `from` agree, it came into being between the intent less 5 s and the fence plus 5 s, and is nobody's."""
    call = m.seen(**{"created_epoch": m.EPOCH + 11, **fields})
    assert bool(matches_of([call], lost_dial(), m.at(13), owned_by_others={"owned"})) is is_match


def test_matches_are_told_on_the_clock_of_the_server_and_the_oldest_first() -> None:
    """The skew moves the bound; the order is that of creation."""
    state = lost_dial(clock_skew_s=-100.0)
    newer, older = m.seen(created_epoch=m.EPOCH - 80), m.seen(created_epoch=m.EPOCH - 90, call_id="call-0")
    assert matches_of([newer, older], state, m.at(13), owned_by_others=()) == (older, newer)


def test_a_dial_sent_again_for_its_kept_reply_is_found_from_its_first_attempt_on() -> None:
    """The call of the first attempt is older than the intent of the second."""
    state = lost_dial(intent={"at": m.at(60)}, same_since=m.at(10))
    assert matches_of([m.seen(created_epoch=m.EPOCH + 11)], state, m.at(13), owned_by_others=())


def test_what_is_older_than_an_attempt_is_none_of_it() -> None:
    """Found by simulation: an earlier dial, or another run's doubled one, passed for the one that was lost."""
    again = lost_dial(intent={"at": m.at(60)})
    older, own = m.seen(created_epoch=m.EPOCH + 54), m.seen(created_epoch=m.EPOCH + 56)
    assert matches_of([older], again, m.at(63), owned_by_others=()) == ()
    assert matches_of([own], again, m.at(63), owned_by_others=()) == (own,)
    undated = m.seen(created_epoch=None)
    assert matches_of([undated], again, m.at(63), owned_by_others=()) == (undated,)


def test_after_adoption_the_bound_is_when_the_dial_left() -> None:
    """Further calls of the same dial are looked for while the script goes on."""
    state = m.state(Phase.READY, call_since=m.at(10))
    assert matches_of([m.seen(created_epoch=m.EPOCH + 6)], state, m.at(13), owned_by_others=())
    assert not matches_of([m.seen(created_epoch=m.EPOCH + 4)], state, m.at(13), owned_by_others=())
    unknown = m.state(Phase.READY)
    assert matches_of([m.seen(created_epoch=m.EPOCH - 4)], unknown, m.at(13), owned_by_others=())


@pytest.mark.parametrize("forward_s", [-3600.0, -40.0, 40.0, 3600.0])
def test_a_lost_dial_is_known_again_after_the_clock_was_set(forward_s: float) -> None:
    """Found by simulation: a clock set back between a dial and the look made its call one of before it."""
    intent = m.intent(Operation.CREATE, at=m.at(10), expires_wall=m.EPOCH + 70)
    given = m.pending(intent, concluded=m.concluded(Outcome.UNKNOWN, 12))
    state = m.state(Phase.SETTLING, call_id=None, pending=given, clock_skew_s=-forward_s, skew_known=True)
    now = replace(m.at(13), wall=m.EPOCH + 13 + forward_s)
    call = m.seen(created_epoch=m.EPOCH + 11)
    assert matches_of([call], state, now, owned_by_others=()) == (call,)
    assert not matches_of([replace(call, created_epoch=m.EPOCH + 3)], state, now, owned_by_others=())
    assert not list_is_complete([call] * 100, state, now)
    assert list_is_complete([*[call] * 99, replace(call, created_epoch=m.EPOCH + 3)], state, now)


@pytest.mark.parametrize("forward_s", [-40.0, 0.0, 40.0])
def test_a_dial_is_waited_for_as_long_as_it_can_ring_whatever_the_clock_says(forward_s: float) -> None:
    """Its fence is on the server's clock, which the newest look tells, and not on one that was set since."""
    intent = m.intent(Operation.CREATE, at=m.at(10), expires_wall=m.EPOCH + 70)
    begins = m.at(130.5)

    def settled_after(seconds: float) -> object:
        look = m.look(seconds, kind=LookKind.LIST, complete=True, clock_skew_s=-forward_s)
        look = replace(look, at=replace(look.at, wall=look.at.wall + forward_s))
        given = m.pending(intent, concluded=m.concluded(Outcome.UNKNOWN, 12), looks=(look,))
        skew = {"clock_skew_s": -forward_s, "skew_known": True, "skew_at": look.at}
        state = m.state(Phase.SETTLING, call_id=None, pending=given, **skew)
        return reconcile(state, replace(m.at(seconds + 0.1), wall=m.EPOCH + seconds + 0.1 + forward_s))

    assert isinstance(settled_after(begins.boot_s), LookAgain)
    assert isinstance(settled_after(131.5), Settled)


def test_a_list_is_complete_when_it_reaches_back() -> None:
    """Fewer than 100 calls are all there are; otherwise one must be older than the dial; an hour is the most."""
    state = lost_dial(skew_known=True)
    new, old = m.seen(created_epoch=m.EPOCH + 20), m.seen(created_epoch=m.EPOCH + 4)
    assert list_is_complete([], state, m.at(13))
    assert list_is_complete([new] * 99, state, m.at(13))
    assert not list_is_complete([new] * 100, state, m.at(13))
    assert not list_is_complete([m.seen(created_epoch=None)] * 100, state, m.at(13))
    assert list_is_complete([*[new] * 99, old], state, m.at(13))
    assert not list_is_complete([], state, m.at(10 + 3601))
    assert list_is_complete([], m.state(Phase.READY, skew_known=True), m.at(3600))


@pytest.mark.parametrize(("to", "is_complete"), [("5550100", True), ("550100", False), ("anonymous", False)])
def test_a_list_that_cannot_be_read_is_not_complete(to: str, is_complete: bool) -> None:
    """A number that is none may be the dial's; without a `Date` nobody knows what the times on it mean."""
    calls = [m.seen(), m.seen(to=to)]
    assert list_is_complete(calls, lost_dial(skew_known=True), m.at(13)) is is_complete
    assert not list_is_complete(calls, lost_dial(skew_known=False), m.at(13))


def test_an_outcome_that_was_whole_settles_by_itself() -> None:
    """DONE without results: nothing is looked for."""
    state = settling(m.intent(), concluded=m.concluded(Outcome.DONE, results=None))
    assert verdict(state, 12).then is Then.GO_ON


def test_a_dial_that_was_sent_again_after_its_fence_may_be_shown_as_expired() -> None:
    """It came into being when it reached the server, however late that was."""
    late = lost_dial(intent={"at": m.at(100)})
    call = m.seen("hangup", created_epoch=m.EPOCH + 104)
    assert matches_of([call], late, m.at(13), owned_by_others=()) == (call,)
    assert matches_of([replace(call, created_epoch=m.EPOCH + 106)], late, m.at(13), owned_by_others=()) == ()
