"""How long a run tries what does not succeed: looks, and requests that were not sent or were throttled.

Pure; part of `decide`. While a callee waits in silence, `max_silence` ends every patience.
"""

from __future__ import annotations

from orchestrator.core import awaiting
from orchestrator.core.actions import Action, Note, Reconcile, Rest
from orchestrator.core.ending import failed_end
from orchestrator.core.exchange import Outcome
from orchestrator.core.instant import Instant
from orchestrator.core.records import Fault, LookKind
from orchestrator.core.state import Pending, Phase, RunState
from orchestrator.core.waits import after, growing_s

BACKOFF_S = (0.5, 8.0)
"""The first and the longest wait before a request that was not sent is tried again; it doubles in between."""


def patient_look(state: RunState, now: Instant) -> Action:
    """Look at the call; after failed looks wait, and give up when the API stays out of reach."""
    if not state.look_failures:
        return Reconcile(LookKind.CALL)
    refused = state.refused_look
    if refused is not None and refused.unauthenticated:  # nor could the call be ended with these credentials
        return Rest(Fault(code="authentication", message=f"the call could not be looked at: {refused.reason}"))
    if state.look_failures >= state.settings.retry_attempts and _waits_too_long(state, now):
        code, message = "unreachable", "the API cannot be reached to look at the call"
        if refused is not None:
            code, message = "authentication", f"the call could not be looked at: {refused.reason}"
        if state.call_up and state.ending is None:  # a callee may be waiting: at least try to end the call
            return Note(failed_end(now, code, message))
        return Rest(Fault(code=code, message=message))
    return after(state, now, seconds=growing_s(state.look_failures), why="to look at the call again") or Reconcile(
        LookKind.CALL
    )


def _waits_too_long(state: RunState, now: Instant) -> bool:
    """Whether the callee has, for all that is known, waited in silence for longer than he may."""
    if state.phase is Phase.AWAITING:
        return now.since(awaiting.spoken_to_until(state)) > state.settings.max_silence_s
    if state.quiet_since is None:
        return True
    busy_s = state.busy_longest_s if state.phase is Phase.BUSY else 0.0
    return now.since(state.quiet_since) > state.settings.max_silence_s + busy_s


def stale_silence_s(state: RunState, now: Instant) -> float | None:
    """Return how long the callee of a resumed run has waited in silence, where that is longer than `max_silence`."""
    if not state.check_stale or not state.call_up or state.quiet_since is None:
        return None
    silence_s = now.since(state.quiet_since)
    return silence_s if silence_s > state.settings.max_silence_s else None


def held_back(state: RunState, pending: Pending, now: Instant, jitter: float) -> Action | None:
    """Return what to do instead of sending again what was not sent or throttled; None: send it."""
    concluded = pending.concluded
    if not pending.held_back or concluded is None:
        return None
    if concluded.outcome is Outcome.NOT_SENT and concluded.final:
        return Rest(Fault(code="configuration", message=concluded.reason))
    wait_s = _backoff(pending, jitter)
    if state.wake is None and _retried_out(state, pending, now, wait_s=wait_s):
        return _give_up(state, pending, now)
    return after(state, now, seconds=wait_s, why=concluded.reason)


def _backoff(pending: Pending, jitter: float) -> float:
    """Return the wait before the next try, seconds: what the server asked for, else doubling, with jitter."""
    asked = pending.concluded.retry_after_s if pending.concluded is not None else None
    first_s, longest_s = BACKOFF_S
    grown = min(first_s * 2.0 ** min(pending.held_back - 1, 10), longest_s) * (0.5 + jitter / 2)
    return max(grown, asked or 0.0)


def _retried_out(state: RunState, pending: Pending, now: Instant, *, wait_s: float) -> bool:
    settings = state.settings
    tried_s = now.since(pending.held_since or pending.first_at)
    if state.call_up and state.rings_here and state.ending is None:
        return tried_s + wait_s > settings.retry_total_s  # it goes on ringing: nobody waits in silence
    if state.call_up and state.quiet_since is not None and state.ending is None:
        # Somebody is on the line: as long as they may wait in silence, and no longer, however many tries that is.
        silent_s = min(now.since(state.quiet_since), tried_s)
        return silent_s + wait_s > settings.max_silence_s
    return pending.held_back >= settings.retry_attempts or tried_s + wait_s > settings.retry_total_s


def _give_up(state: RunState, pending: Pending, now: Instant) -> Action:
    """A request could not be sent, or was throttled, for as long as it may be tried."""
    assert pending.concluded is not None, "what was held back has an outcome"
    what, attempts = ", ".join(pending.intent.commands), pending.attempts
    tries = f"{what}, after {attempts} {'try' if attempts == 1 else 'tries'}: {pending.concluded.reason}"
    held_by_server = pending.concluded.outcome is not Outcome.NOT_SENT
    if state.ending is None and (held_by_server or state.call_up):
        return Note(failed_end(now, "throttled" if held_by_server else "unreachable", tries))
    return Rest(Fault(code="unreachable", message=tries))
