"""What came of a request: outcomes, looks and verdicts, as changes of a run's state. Pure; part of `evolve`.

Each public function takes the state and one record, and returns what the record means and which fields change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from orchestrator.core import awaiting
from orchestrator.core.exchange import CallSeen, CommandResult, Operation, Outcome
from orchestrator.core.instant import Instant
from orchestrator.core.records import (
    Concluded,
    Cursor,
    EndDecided,
    Fault,
    Intended,
    Looked,
    LookKind,
    Noticed,
    ReplayClass,
    Settled,
    Status,
    Then,
    Verdict,
)
from orchestrator.core.script import Value
from orchestrator.core.state import TRANSITIONS, Event, Failure, Pending, Phase, RunState
from orchestrator.errors import OrchestratorError

Changes = dict[str, Any]
Meaning = tuple[Event, Changes]


class IllegalRecordError(OrchestratorError):
    """A record does not fit the state of its run: the journal is damaged, or this program has a bug."""


def concluded(state: RunState, record: Concluded) -> Meaning:
    """Take the outcome of the newest attempt."""
    pending = replace(_pending(state), concluded=record)
    changes: Changes = {"pending": pending, "wake": None}
    if record.outcome is not Outcome.NOT_SENT:
        changes["requests_sent"] = state.requests_sent + 1
    if record.clock_skew_s is not None:
        changes |= {"clock_skew_s": record.clock_skew_s, "skew_known": True}
    changes |= _dead_air(state, pending, record)
    if pending.intent.operation is Operation.END:
        return _concluded_end(state, record, pending=pending, changes=changes)
    match record.outcome:
        case Outcome.NOT_SENT | Outcome.THROTTLED:
            changes["pending"] = pending.put_back()
            return Event.HELD_BACK, changes
        case Outcome.UNKNOWN:
            changes["pending"] = replace(pending, held_back=0, unknowns=pending.unknowns + 1)
            return Event.LOST, changes
        case Outcome.REJECTED:
            return _rejected(state, record, pending=pending, changes=changes)
        case Outcome.DONE:
            if awaiting.is_acknowledged(pending, record):
                return Event.ACCEPTED, changes | ({} if record.call is None else _seen(state, record.call))
            if _is_too_short(pending, record):
                changes["pending"] = replace(pending, unknowns=pending.unknowns + 1)
                return Event.LOST, changes
            return _complete(
                state, pending, changes, call=record.call, results=record.results, secrets=record.secrets, at=record.at
            )


def silence_before(state: RunState, record: Concluded) -> float | None:
    """Return the dead air before a step whose outcome comes now, seconds; None where nobody heard or measured any."""
    if state.quiet_since is None or record.first_byte is None:
        return None
    if _pending(state).intent.operation is not Operation.COMMAND:
        return None
    return record.first_byte.since(state.quiet_since)


def _dead_air(state: RunState, pending: Pending, record: Concluded) -> Changes:
    """Notice a silence before a step that is longer than the script's `max_dead_air`."""
    longest_s, silent_s = state.settings.max_dead_air_s, silence_before(state, record)
    if longest_s is None or silent_s is None or silent_s <= longest_s:
        return {}
    commands = "/".join(pending.intent.commands)
    message = f"{silent_s:.1f} s of dead air before {commands}, longer than max_dead_air ({longest_s:g} s)"
    return {"notices": (*state.notices, Noticed(at=record.at, code="dead_air", message=message))}


def _is_too_short(pending: Pending, record: Concluded) -> bool:
    """Whether a whole reply leaves open which commands ran (contract section 4), or with which digits."""
    if pending.intent.operation is not Operation.COMMAND or _is_over(record.call):
        return False
    if record.results is None:
        return pending.intent.saves is not None
    return _stops_short(pending, record.results)


def _stops_short(pending: Pending, results: tuple[CommandResult, ...]) -> bool:
    return len(results) < len(pending.intent.commands) and all(result.ok for result in results)


def _rejected(state: RunState, record: Concluded, *, pending: Pending, changes: Changes) -> Meaning:
    if pending.intent.operation is Operation.COMMAND and record.status in (404, 409, 410):
        # The call is busy, or over; a look tells, since a 404 may be a proxy's own.
        changes["pending"] = pending.put_back()
        return Event.NOT_READY, changes
    changes["steps"] = (*state.steps, pending.report(index=len(state.steps), ended=record.at))
    changes["pending"] = None
    changes["quiet_since"] = state.quiet_since or record.at
    entry = pending.intent.command_entries[0] if pending.intent.command_entries else pending.intent.start.entry
    changes["failure"] = Failure(entry, record.reason, record.unauthenticated)
    return Event.COMMAND_FAILED, changes


def _concluded_end(state: RunState, record: Concluded, *, pending: Pending, changes: Changes) -> Meaning:
    """Believe a DELETE only what its reply shows: without the ended call in it, the call is looked at first."""
    if pending.intent.call_id != state.call_id:
        return _concluded_extra(state, record, pending.intent, changes=changes)
    if record.outcome is Outcome.DONE and _is_over(record.call):
        cause = record.call.hangup_cause if record.call is not None and record.call.hangup_cause else "command"
        changes |= {
            "pending": None,
            "call_over": True,
            "call_status": "hangup",
            "hangup_cause": state.hangup_cause or cause,
        }
        return _over_event(state), changes
    if record.outcome in (Outcome.NOT_SENT, Outcome.THROTTLED):
        changes["pending"] = pending.put_back()
        return Event.HELD_BACK, changes
    changes["pending"] = replace(pending, unknowns=pending.unknowns + 1)
    return Event.LOST, changes


def _concluded_extra(state: RunState, record: Concluded, intent: Intended, *, changes: Changes) -> Meaning:
    """Take what came of ending a further call, which was seen in a list and is seen there again if it is still up."""
    accepted = record.outcome is Outcome.DONE and (record.call is None or record.call.ended)
    gone = accepted or (record.outcome is Outcome.REJECTED and record.status in (404, 410))
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
    return (_over_event(state) if state.call_over or undecided else Event.DONE), changes


def looked(state: RunState, record: Looked) -> Meaning:
    """Take what a look at the call or the list has shown."""
    changes: Changes = {"wake": None, "requests_sent": state.requests_sent + 1}
    if state.phase is Phase.OVER:
        changes["looked_over"] = True
    if record.gone and state.other_key and state.phase is not Phase.SENDING:
        return Event.STILL, {**changes, "hidden": True}
    if record.clock_skew_s is not None:
        changes |= {"clock_skew_s": record.clock_skew_s, "skew_known": True}
    if state.phase in (Phase.SENDING, Phase.SETTLING):
        pending = _pending(state)
        changes["pending"] = replace(pending, looks=(*pending.looks, record))
        return Event.STILL, changes
    if record.kind is LookKind.LIST:
        return Event.STILL, changes | _watched(state, record)
    if not record.ok:
        refused_look = record if record.unauthenticated or record.status in (401, 403) else None
        changes |= {"look_failures": state.look_failures + 1, "refused_look": refused_look}
        return Event.STILL, changes
    changes |= {"look_failures": 0, "refused_look": None, "must_look": False}
    if record.gone:
        return _over_event(state), {
            **changes,
            **_vanished(state, record.at),
            "pending": None,
            "left_over": state.left_over or state.pending,
        }
    return _seen_by_look(state, record, cast("CallSeen", record.call), changes=changes)


def _seen_by_look(state: RunState, record: Looked, call: CallSeen, *, changes: Changes) -> Meaning:
    if state.phase is Phase.AWAITING:
        return _seen_while_awaiting(state, record, call, changes=changes)
    changes |= _seen(state, call)
    if call.ended:
        return _over_event(state), {**changes, "pending": None, "left_over": state.left_over or state.pending}
    event = Event.SEEN_READY if call.ready else Event.NOT_READY
    if state.phase is Phase.BUSY and state.pending is not None:
        event, changes = _seen_while_refused(state, record, call, changes=changes)
    if TRANSITIONS[state.phase].get(event) is Phase.RETRYING:  # the wait before the next try goes on
        changes |= {"wake": state.held_wake, "held_wake": None}
    return event, changes


def _seen_while_awaiting(state: RunState, record: Looked, call: CallSeen, *, changes: Changes) -> Meaning:
    """A look at the call while it runs an acknowledged list."""
    pending = replace(_pending(state), looks=(record,), look_now=False)
    changes["pending"] = pending
    if not awaiting.seen_over(state, record, call):
        return Event.STILL, changes | _seen(state, call)
    intent, results = pending.intent, awaiting.results_of(state, record)
    if results is None and call.ended and intent.commands[-1] != "hangup":
        verdict = None if intent.operation is Operation.CREATE else Verdict.PARTLY
        cut_short = replace(pending, verdict=verdict, evidence="the call ended before the end of the list was seen")
        steps = (*state.steps, cut_short.report(index=len(state.steps), ended=record.at))
        return Event.CALL_OVER, {**changes, **_seen(state, call), "pending": None, "steps": steps}
    asks = "get_dtmf" in intent.commands  # that nobody pressed a key is known from its result alone
    if not call.ended and (asks if results is None else _stops_short(pending, results)):
        if awaiting.event_may_come(state, pending, record):
            changes["pending"] = replace(pending, ready_since=pending.ready_since or record.at)
            return Event.STILL, changes | _seen(state, call)
        changes["pending"] = replace(pending, unknowns=pending.unknowns + 1)
        changes["events_missed"] = True
        return Event.LOST, changes
    at = awaiting.over_since(state, record)
    return _complete(state, pending, changes, call=call, results=results, secrets=record.secrets, at=at)


def _vanished(state: RunState, at: Instant) -> Changes:
    """The API no longer knows the call: it is taken to have ended, though nobody saw that."""
    message = f"the API does not know call {state.call_id} any more; that it has ended was not seen"
    notices = (*state.notices, Noticed(at=at, code="vanished", message=message))
    return {"call_over": True, "vanished": True, "notices": notices}


def _seen_while_refused(state: RunState, record: Looked, call: CallSeen, *, changes: Changes) -> Meaning:
    """A 409 was the answer to the pending step; `call` is not over."""
    pending = cast("Pending", state.pending)
    ran_meanwhile = any(look.call is not None and not look.call.ready for look in pending.looks)
    if pending.intent.replay_class is ReplayClass.DANGEROUS and (ran_meanwhile or not state.doubt):
        # Nothing of ours should have kept the call busy: this list, or the one before it, was delivered twice.
        # Which of them it was cannot be seen, so that to see the call running proves nothing from here on.
        changes["doubt"] = True
        changes["pending"] = replace(pending, unknowns=pending.unknowns + 1, looks=(*pending.looks, record))
        return Event.LOST, changes
    return (Event.AGAIN if call.ready else Event.NOT_READY), changes


def _watched(state: RunState, record: Looked) -> Changes:
    """A look at the list after a lost dial was adopted: further calls may have appeared."""
    if not record.ok:
        return {"look_failures": state.look_failures + 1, "watch_looked": record.at}
    known = {state.call_id, *state.extras, *state.extras_done}
    further = tuple(call.call_id for call in record.matches if call.call_id not in known and not call.ended)
    ended = frozenset(call.call_id for call in record.matches if call.call_id not in known and call.ended)
    over = state.watch_until is not None and record.began.since(state.watch_until) >= 0
    return {
        "look_failures": 0,
        "watch_looked": record.at,
        "watch_until": None if over else state.watch_until,
        "extras_left": frozenset(),
        "extras": (*state.extras, *further),
        "extras_done": state.extras_done | ended,
    }


def settled(state: RunState, record: Settled) -> Meaning:
    """Take a verdict on an unknown attempt."""
    pending = replace(_pending(state), verdict=record.verdict, evidence=record.evidence)
    changes: Changes = {"wake": None, "held_wake": None}
    if record.verdict is not Verdict.RAN:
        changes |= {"doubt": True, "log_length": None}
    if record.doubled:
        changes["log_length"] = None
        changes["notices"] = (*state.notices, Noticed(at=record.at, code="doubled", message=record.evidence))
    if record.call is not None and pending.intent.operation is not Operation.SMS:
        changes |= _seen(state, record.call)
        if record.call.ended and pending.intent.operation is not Operation.END:
            changes["call_over"] = True
    match record.then:
        case Then.AGAIN | Then.REPEAT:
            changes["pending"] = replace(
                pending, concluded=None, repeated=pending.repeated or record.then is Then.REPEAT
            )
            return Event.AGAIN, changes
        case Then.STOP:
            return _stopped(state, pending, record, changes=changes)
        case Then.SKIP:
            return _skipped(state, pending, record, changes=changes)
        case Then.GO_ON:
            return _went_on(state, pending, record, changes=changes)


def _went_on(state: RunState, pending: Pending, record: Settled, *, changes: Changes) -> Meaning:
    intent = pending.intent
    if intent.operation is Operation.END:
        accepted = pending.concluded is not None and pending.concluded.outcome is Outcome.DONE
        if record.call is None and not accepted:
            return _over_event(state), {**changes, "pending": None, **_vanished(state, record.at)}
        cause = changes.get("hangup_cause") or state.hangup_cause or "command"
        changes |= {"pending": None, "call_over": True, "hangup_cause": cause}
        return _over_event(state), changes
    if intent.operation is Operation.CREATE:
        changes |= {"watch_until": _watch_end(state, pending), "watch_looked": record.at, **_further(pending, record)}
    if _is_over(record.call) or state.call_over:
        if record.verdict is Verdict.RAN:
            event, more = _complete(
                state, pending, changes, call=record.call, results=record.results, secrets=record.secrets, at=record.at
            )
            return (event if event is Event.CALL_OVER else Event.CALL_OVER), more
        steps = (*state.steps, pending.report(index=len(state.steps), ended=record.at, results=record.results))
        return Event.CALL_OVER, {**changes, "pending": None, "steps": steps, "call_over": True}
    event, changes = _complete(
        state,
        pending,
        changes,
        call=record.call,
        results=record.results,
        secrets=record.secrets,
        at=record.at,
        after=record.next_cursor,
    )
    return (Event.GO_ON if event is Event.DONE else event), changes


def _further(pending: Pending, record: Settled) -> Changes:
    """Return the calls that the same looks showed besides the adopted one."""
    adopted = None if record.call is None else record.call.call_id
    others = {call.call_id: call for look in pending.looks for call in look.matches if call.call_id != adopted}
    ended = frozenset(call_id for call_id, call in others.items() if call.ended)
    return {"extras": tuple(call_id for call_id in others if call_id not in ended), "extras_done": ended}


def _watch_end(state: RunState, pending: Pending) -> Instant | None:
    left = pending.left_host_at
    return None if left is None else left.plus(state.settings.settle_dangerous_s)


def _skipped(state: RunState, pending: Pending, record: Settled, *, changes: Changes) -> Meaning:
    intent = pending.intent
    steps = (*state.steps, pending.report(index=len(state.steps), ended=record.at))
    changes |= {"pending": None, "steps": steps, "cursor": intent.after, "quiet_since": state.quiet_since or record.at}
    if intent.saves is not None:
        changes["variables"] = {**state.variables, intent.saves: ""}
        changes["lost"] = state.lost - {intent.saves}
    return (Event.CALL_OVER if state.call_over or _is_over(record.call) else Event.GO_ON), changes


def _stopped(state: RunState, pending: Pending, record: Settled, *, changes: Changes) -> Meaning:
    over = state.call_over or changes.get("call_over", False)
    up = state.call_id is not None and not over
    misconfigured = pending.concluded is not None and pending.concluded.misconfigured
    message = f"{'/'.join(pending.intent.commands)}: {record.evidence}"
    if misconfigured and pending.concluded is not None:
        message = f"{pending.concluded.reason}; {message}"
    fault = Fault(code="configuration" if misconfigured else "undecided", message=message)
    changes |= {
        "pending": None,
        "left_over": pending,
        "ending": EndDecided(at=record.at, status=Status.UNDECIDED, fault=fault, leave_up=state.settings.leave_up),
    }
    return (Event.STOP if up and not state.settings.leave_up else Event.NEEDS_VERDICT), changes


def _complete(
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
    changes |= {
        "pending": None,
        "quiet_since": at,
        "steps": (*state.steps, pending.report(index=len(state.steps), ended=at, results=results)),
        "log_length": _longer_log(state, results),
    }
    if intent.saves is not None:
        changes |= _saved(state, intent, results=results, secrets=secrets)
    if call is not None:
        changes |= _seen(state, call)
    over = _is_over(call) or state.call_over
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


def _seen(state: RunState, call: CallSeen) -> Changes:
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


def _pending(state: RunState) -> Pending:
    if state.pending is None:
        raise IllegalRecordError(f"no request is open in a run that is {state.phase}")
    return state.pending


def _is_over(call: CallSeen | None) -> bool:
    return call is not None and call.ended


def _over_event(state: RunState) -> Event:
    undecided = state.ending is not None and state.ending.status is Status.UNDECIDED
    return Event.NEEDS_VERDICT if undecided else Event.CALL_OVER
