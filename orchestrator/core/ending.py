"""How a run comes to its end: what its call came to, further calls of a lost dial, a call that was left up.

Pure; part of `decide`, which says when a run ends.
"""

from __future__ import annotations

from dataclasses import replace

from orchestrator.core.actions import Action, Finish, Note, Reconcile, Rest
from orchestrator.core.instant import Instant
from orchestrator.core.intents import end_call
from orchestrator.core.reconcile import LONGEST_LOOK_S
from orchestrator.core.records import CancelAsked, Disposition, EndDecided, Fault, LookKind, Noticed, RunEnded, Status
from orchestrator.core.settings import OnSeveral
from orchestrator.core.state import RunState
from orchestrator.core.waits import until

SUPERSEDED = "superseded"
"""The fault of a run that never dialled, and was given up for another one."""
MAX_EXTRA_TRIES = 3
"""How often the end of a further call is tried while the run's own callee waits; twice that when nobody waits."""


def close(state: RunState, now: Instant) -> Action:
    """Finish, once no further call of a lost dial can appear."""
    if (watching := watch_to_its_end(state, now)) is not None:
        return watching
    ending = state.ending
    assert ending is not None, "a run is closed for a reason"
    fault = _with_what_is_not_known(ending, state)
    disposition = disposition_of(state)
    return Finish(RunEnded(at=now, status=ending.status, disposition=disposition, result=ending.result, fault=fault))


def _with_what_is_not_known(ending: EndDecided, state: RunState) -> Fault | None:
    """Return the fault of a run, which says so where nobody saw its call end."""
    fault = ending.fault
    if not state.vanished or ending.status is Status.COMPLETED:
        return fault
    unseen = "the API does not know the call any more; that it has ended was not seen"
    if fault is None:
        return Fault(code="vanished", message=unseen)
    return replace(fault, message=f"{fault.message}; {unseen}")


def watch_to_its_end(state: RunState, now: Instant) -> Action | None:
    """Look for further calls of a lost dial until none can appear any more."""
    watching = watch(state, now)
    if watching is not None or state.watch_until is None or state.watch_looked is None:
        return watching
    over = now.since(state.watch_until) >= 0
    if over and state.list_failures >= state.settings.retry_attempts:
        return None
    next_look = state.watch_looked.plus(LONGEST_LOOK_S)
    soonest = next_look if over or next_look.since(state.watch_until) < 0 else state.watch_until
    return until(state, now, soonest, why="for further calls of the lost dial")


def watch(state: RunState, now: Instant) -> Action | None:
    """After an adopted lost dial: look for further calls that match it, report them, and end them."""
    told = " ".join(notice.message for notice in state.notices if notice.code == "doubled_dial")
    for call_id in state.extras:
        if call_id not in told:
            message = f"a further call of the same dial is up: {call_id}; something on the way doubled it"
            return Note(Noticed(at=now, code="doubled_dial", message=message))
    tries = MAX_EXTRA_TRIES if state.call_up else 2 * MAX_EXTRA_TRIES
    if state.extras and state.settings.on_several is OnSeveral.END and state.extra_tries < tries:
        return end_call(state, now, call_id=state.extras[0], reason="a further call of the same dial")
    if state.watch_until is None:
        return None
    due = now.since(state.watch_until) >= 0
    recently = state.watch_looked is not None and state.watch_looked.plus(LONGEST_LOOK_S).since(now) > 0
    if due and state.list_failures >= state.settings.retry_attempts:  # the list will not find them again
        left = min(state.extras_left, default=None)
        ends = left is not None and state.settings.on_several is OnSeveral.END and state.extra_tries < tries
        return end_call(state, now, call_id=left, reason="a further call of the same dial") if ends else None
    return None if recently and not (due and not state.list_failures) else Reconcile(LookKind.LIST)


def disposition_of(state: RunState) -> Disposition:
    """Return how the call ended, for the business (rules, section 7).

    What the callee or the network did counts first. A call that this side ended before its script was done is `failed`,
    whoever asked for that: a person who cancelled it, a signal, a limit, a command that failed.
    """
    ending = state.ending
    if ending is not None and ending.status is Status.COMPLETED:
        return _unanswered(state) if state.rings_here else Disposition.COMPLETED
    if ending is not None and ending.fault is not None and ending.fault.code in ("undecided", "resolved"):
        return Disposition.UNKNOWN
    by_cause = {
        "no_answer": Disposition.NO_ANSWER,
        "busy": Disposition.BUSY,
        "rejected": Disposition.REJECTED,
        "expired": Disposition.EXPIRED,
    }
    cause = state.hangup_cause or ""
    if cause in by_cause and not state.answered:
        return by_cause[cause]
    by_us = ending is not None and ending.fault is not None
    if state.rings_here and not by_us and cause != "failed":
        return Disposition.NO_ANSWER
    return Disposition.HUNG_UP if state.answered and not by_us and cause != "failed" else Disposition.FAILED


def _unanswered(state: RunState) -> Disposition:
    """Return what came of an incoming call that was to be turned down: that, or the caller gave up before."""
    return Disposition.NO_ANSWER if state.hangup_cause == "remote" else Disposition.REJECTED


def fenced_out(state: RunState) -> Fault | None:
    """Return what kept a dial from ringing if it was the server's clock, which was not known when it was sent."""
    fence, since, ahead_s = state.fence_wall, state.call_since, state.clock_skew_s
    if state.hangup_cause != "expired" or fence is None or since is None:
        return None
    if not since.wall < fence <= since.wall + ahead_s:
        return None
    message = (
        f"the dial had expired when it reached the server: the clocks differ by {ahead_s:.0f} s, this machine's is "
        "behind; the next dial is corrected for that"
    )
    return Fault(code="clock_skew", message=message)


def hang_up(state: RunState, now: Instant) -> Action:
    """End the run's call, for the reason that the run ends for."""
    ending = state.ending
    reason = ending.fault.message if ending is not None and ending.fault is not None else "the script has ended"
    return end_call(state, now, call_id=state.call_id, reason=reason)


def stays_up(state: RunState) -> bool:
    """Say whether the call is left up when the run ends: by its script, unless a person asks for its end meanwhile."""
    asked = state.cancel is not None and state.cancel.code != "stopped"  # a process that stops is no reason
    return state.ending is not None and state.ending.leave_up and not asked


def left_up(state: RunState, now: Instant) -> Action:
    """Nothing is left to do, but to end a call that the run had left up when a person asks for it."""
    if state.cancel is not None and state.call_up:
        return end_call(state, now, call_id=state.call_id, reason=state.cancel.why)
    return Rest()


def ended_later(state: RunState) -> str:
    """Return what to note of a call that was ended after its run."""
    why = "" if state.cancel is None else f": {state.cancel.why}"
    return f"the call, which had been left up, {'is not known any more' if state.vanished else 'was ended'}{why}"


def cancelled(cancel: CancelAsked, now: Instant) -> EndDecided:
    """Return the end of a run that was told to end."""
    status = Status.CANCELLED if cancel.code in ("cancelled", "stopped", SUPERSEDED) else Status.FAILED
    return EndDecided(at=now, status=status, fault=Fault(code=cancel.code, message=cancel.why))


def failed_end(now: Instant, code: str, message: str) -> EndDecided:
    """Return the end of a run that goes no further."""
    return EndDecided(at=now, status=Status.FAILED, fault=Fault(code=code, message=message))
