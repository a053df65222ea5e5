"""What a record can mean, and the changes of a state that several records share. Pure; part of `evolve`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from orchestrator.core import awaiting
from orchestrator.core.exchange import CallSeen, CommandResult
from orchestrator.core.instant import Instant
from orchestrator.core.phases import Event
from orchestrator.core.records import Cursor, Intended, Noticed, Status
from orchestrator.core.script import Value
from orchestrator.core.state import Failure, Pending, RunState
from orchestrator.errors import OrchestratorError

Changes = dict[str, Any]
Meaning = tuple[Event, Changes]


class IllegalRecordError(OrchestratorError):
    """A record does not fit the state of its run: the journal is damaged, or this program has a bug."""


def complete(
    state: RunState,
    pending: Pending,
    changes: Changes,
    *,
    call: CallSeen | None,
    results: tuple[CommandResult, ...] | None,
    secrets: Mapping[str, Value],
    at: Instant,
    after: Cursor | None = None,
) -> Meaning:
    """Close the pending step: it ran, with these results."""
    intent = pending.intent
    failed = next((place for place, result in enumerate(results or ()) if not result.ok), None)
    if intent.answers and failed != 0:
        changes["answered"] = True
    changes |= {
        "pending": None,
        "quiet_since": at,
        "heard_until": pending.over_at,
        "steps": (*state.steps, pending.report(index=len(state.steps), ended=at, results=results)),
        "log_length": None if "log_length" in changes else _longer_log(state, results),  # a verdict may have lost it
        "last_event": awaiting.event_of(state) or state.last_event,
    }
    if intent.saves is not None:
        changes |= _saved(state, intent, results=results, secrets=secrets)
    if call is not None:
        changes |= seen(state, call)
    over = is_over(call) or state.call_over
    if failed is not None:
        entry = intent.command_entries[failed] if failed < len(intent.command_entries) else intent.start.entry
        if over or (results or ())[failed].error == "hangup":
            return Event.CALL_OVER, {**changes, "call_over": True}
        changes["failure"] = Failure(entry, (results or ())[failed].error or "failed")
        return Event.COMMAND_FAILED, changes
    changes["cursor"] = after or intent.after
    changes["retries"] = {key: used for key, used in state.retries.items() if key not in intent.command_entries}
    if intent.commands and intent.commands[-1] == "hangup":
        return Event.CALL_OVER, {**changes, "call_over": True, "hung_up_by_script": True}
    if over:
        return Event.CALL_OVER, {**changes, "call_over": True}
    if call is not None and call.status and not call.ready:
        return Event.NOT_READY, changes
    return Event.DONE, changes


def _longer_log(state: RunState, results: tuple[CommandResult, ...] | None) -> int | None:
    if state.log_length is None or results is None:
        return None
    return state.log_length + len(results)


def _saved(
    state: RunState, intent: Intended, *, results: tuple[CommandResult, ...] | None, secrets: Mapping[str, Value]
) -> Changes:
    """Give the step's variable its digits: an empty text when there were none, nothing when they are lost."""
    name = cast("str", intent.saves)
    entry = intent.command_entries[-1]
    changes: Changes = {"saved_by": {**state.saved_by, name: (entry, len(state.steps))}}
    if intent.sensitive:
        changes["secret_names"] = state.secret_names | {name}
    collected = len(results or ()) == len(intent.commands) and (results or ())[-1].ok
    last = (results or (None,))[-1]
    if name in secrets:
        value: Value | None = secrets[name]
    elif not collected or last is None:
        value = ""
    else:
        value = last.digits if last.digits is not None or last.digit_count else ""
    if value is None:
        changes["lost"] = state.lost | {name}
        changes["variables"] = {key: known for key, known in state.variables.items() if key != name}
    else:
        changes["lost"] = state.lost - {name}
        changes["variables"] = {**state.variables, name: value}
    return changes


def stops_short(pending: Pending, results: tuple[CommandResult, ...]) -> bool:
    """Whether fewer commands have results than were sent, though none of them failed."""
    return len(results) < len(pending.intent.commands) and all(result.ok for result in results)


def vanished(state: RunState, at: Instant) -> Changes:
    """The API no longer knows the call: it is taken to have ended, though nobody saw that."""
    message = f"the API does not know call {state.call_id} any more; that it has ended was not seen"
    notices = (*state.notices, Noticed(at=at, code="vanished", message=message))
    return {"call_over": True, "vanished": True, "notices": notices}


def seen(state: RunState, call: CallSeen) -> Changes:
    """Take over what a call object of the run's own call shows."""
    changes: Changes = {"call_status": call.status}
    if state.call_id is None:
        changes["call_id"] = call.call_id
        changes["variables"] = {**state.variables, "call_id": call.call_id}
    if call.status not in ("", "scheduled", "dialing", "ringing", "hangup"):
        changes["answered"] = True
    if call.ended:
        changes["call_over"] = True
        changes["hangup_cause"] = call.hangup_cause or state.hangup_cause
    return changes


def takes_commands(state: RunState, call: CallSeen) -> bool:
    """Whether the run's call, as it was seen, can be given its next commands: one that rings here can be answered."""
    return call.ready or (call.rings and state.rings_here)


def pending_of(state: RunState) -> Pending:
    """Return the request that is open. Raises IllegalRecordError where there is none."""
    if state.pending is None:
        raise IllegalRecordError(f"no request is open in a run that is {state.phase}")
    return state.pending


def is_over(call: CallSeen | None) -> bool:
    """Whether a reply shows that the call has ended."""
    return call is not None and call.ended


def over_event(state: RunState) -> Event:
    """Return what the end of the call means: one that waits for a verdict goes on waiting for it."""
    undecided = state.ending is not None and state.ending.status is Status.UNDECIDED
    return Event.NEEDS_VERDICT if undecided else Event.CALL_OVER
