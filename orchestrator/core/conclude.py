"""What came of a request: the outcome of an attempt, as changes of a run's state. Pure; part of `evolve`.

Each public function takes the state and one record, and returns what the record means and which fields change.
"""

from __future__ import annotations

from dataclasses import replace

from orchestrator.core import awaiting
from orchestrator.core.exchange import Operation, Outcome
from orchestrator.core.meanings import Changes, Meaning, complete, is_over, over_event, pending_of, seen, stops_short
from orchestrator.core.phases import Event
from orchestrator.core.records import Concluded, Intended, Noticed, Status
from orchestrator.core.state import Failure, Pending, RunState, clock_seen

_BARE_REPLIES = 2
"""So many tries to end a further call come before a reply that does not show it is believed."""


def concluded(state: RunState, record: Concluded) -> Meaning:
    """Take the outcome of the newest attempt."""
    pending = pending_of(state).changed({"concluded": record})
    changes: Changes = {"pending": pending, "wake": None}
    if record.outcome is not Outcome.NOT_SENT:
        changes["requests_sent"] = state.requests_sent + 1
    if record.clock_skew_s is not None:
        changes |= clock_seen(record.clock_skew_s, record.at)
    changes |= _dead_air(state, pending, record)
    if pending.intent.operation is Operation.END:
        return _concluded_end(state, record, pending=pending, changes=changes)
    match record.outcome:
        case Outcome.NOT_SENT | Outcome.THROTTLED:
            changes["pending"] = pending.put_back()
            return (Event.LOST if state.asks_for_kept_reply else Event.HELD_BACK), changes
        case Outcome.UNKNOWN:
            changes["pending"] = replace(pending, held_back=0, unknowns=pending.unknowns + 1)
            return Event.LOST, changes
        case Outcome.REJECTED:
            return _rejected(state, record, pending=pending, changes=changes)
        case Outcome.DONE:
            if awaiting.is_acknowledged(pending, record):
                return Event.ACCEPTED, changes | ({} if record.call is None else seen(state, record.call))
            if _is_too_short(pending, record):
                changes["pending"] = replace(pending, unknowns=pending.unknowns + 1)
                return Event.LOST, changes
            return complete(
                state, pending, changes, call=record.call, results=record.results, secrets=record.secrets, at=record.at
            )


def silence_before(state: RunState, record: Concluded) -> float | None:
    """Return the dead air before a step whose outcome comes now, seconds; None where nobody heard or measured any."""
    if state.quiet_since is None or record.first_byte is None:
        return None
    if pending_of(state).intent.operation is not Operation.COMMAND:
        return None
    return record.first_byte.since(state.heard_until or state.quiet_since)


def may_have_been_heard(state: RunState) -> bool:
    """Whether the silence before the pending step is at most the one measured: a lost attempt may have sounded in it.

    That is an earlier attempt of the step, which is repeated, or a step that was skipped since the last known end.
    """
    if state.pending is not None and state.pending.repeated:
        return True
    last = state.steps[-1] if state.steps else None
    if last is None or last.outcome is not Outcome.UNKNOWN or last.ended is None or state.quiet_since is None:
        return False
    return last.ended.since(state.quiet_since) > 0


def _dead_air(state: RunState, pending: Pending, record: Concluded) -> Changes:
    """Notice a silence before a step that is longer than the script's `max_dead_air`."""
    longest_s, silent_s = state.settings.max_dead_air_s, silence_before(state, record)
    if longest_s is None or silent_s is None or silent_s <= longest_s:
        return {}
    commands = "/".join(pending.intent.commands)
    measured = f"{'up to ' if may_have_been_heard(state) else ''}{silent_s:.1f} s"
    message = f"{measured} of dead air before {commands}, longer than max_dead_air ({longest_s:g} s)"
    return {"notices": (*state.notices, Noticed(at=record.at, code="dead_air", message=message))}


def _is_too_short(pending: Pending, record: Concluded) -> bool:
    """Whether a whole reply leaves open which commands ran (contract section 4), or with which digits."""
    if pending.intent.operation is not Operation.COMMAND or is_over(record.call):
        return False
    if record.results is None:
        return pending.intent.saves is not None
    return stops_short(pending, record.results)


def _rejected(state: RunState, record: Concluded, *, pending: Pending, changes: Changes) -> Meaning:
    if pending.intent.operation is Operation.COMMAND and record.status in (404, 409, 410):
        # The call is busy, or over; a look tells, since a 404 may be a proxy's own.
        changes["pending"] = pending.put_back()
        return Event.NOT_READY, changes
    if pending.intent.operation is Operation.CREATE and state.asks_for_kept_reply:
        # The attempt whose reply was asked for may have rung all the same: the list of calls tells.
        changes["pending"] = replace(pending, unknowns=pending.unknowns + 1)
        return Event.LOST, changes
    changes["steps"] = (*state.steps, pending.report(index=len(state.steps), ended=record.at))
    changes["pending"] = None
    changes["quiet_since"] = state.quiet_since or record.at
    entry = pending.intent.command_entries[0] if pending.intent.command_entries else pending.intent.start.entry
    changes["failure"] = Failure(entry, record.reason, record.unauthenticated, record.misconfigured)
    return Event.COMMAND_FAILED, changes


def _concluded_end(state: RunState, record: Concluded, *, pending: Pending, changes: Changes) -> Meaning:
    """Believe a DELETE only what its reply shows: without the ended call in it, the call is looked at first."""
    if pending.intent.call_id != state.call_id:
        return _concluded_extra(state, record, pending.intent, changes=changes)
    if record.outcome is Outcome.DONE and is_over(record.call):
        cause = record.call.hangup_cause if record.call is not None and record.call.hangup_cause else "command"
        changes |= {
            "pending": None,
            "call_over": True,
            "call_status": "hangup",
            "hangup_cause": state.hangup_cause or cause,
        }
        return over_event(state), changes
    if record.outcome in (Outcome.NOT_SENT, Outcome.THROTTLED):
        changes["pending"] = pending.put_back()
        return Event.HELD_BACK, changes
    changes["pending"] = replace(pending, unknowns=pending.unknowns + 1)
    return Event.LOST, changes


def _concluded_extra(state: RunState, record: Concluded, intent: Intended, *, changes: Changes) -> Meaning:
    """Take what came of ending a further call, which was seen in a list and is seen there again if it is still up."""
    # A bare 2xx may be a middlebox's. Where no later look at the list would show the call, it is asked for again first:
    # an API that knows the call to be over says 404, and one that always answers so is believed in the end.
    is_bare = record.call is None and state.watch_until is None
    believed = is_over(record.call) or (is_bare and state.extra_tries >= _BARE_REPLIES)
    gone = (record.outcome is Outcome.DONE and believed) or (
        record.outcome is Outcome.REJECTED and record.status in (404, 410)
    )
    changes["pending"] = None
    changes["extra_tries"] = 0 if gone else state.extra_tries + 1
    if gone or state.watch_until is not None:  # if it is still up, the next look at the list finds it again
        changes["extras"] = tuple(call_id for call_id in state.extras if call_id != intent.call_id)
    if gone and intent.call_id is not None:
        changes["extras_done"] = state.extras_done | {intent.call_id}
        changes["extras_left"] = state.extras_left - {intent.call_id}
    elif state.watch_until is not None and intent.call_id is not None:
        changes["extras_left"] = state.extras_left | {intent.call_id}
    undecided = state.ending is not None and state.ending.status is Status.UNDECIDED
    return (over_event(state) if state.call_over or undecided else Event.DONE), changes
