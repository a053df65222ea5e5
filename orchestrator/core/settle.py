"""What follows from the verdict on an unknown attempt, as changes of a run's state. Pure; part of `evolve`."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from orchestrator.core.exchange import Operation, Outcome
from orchestrator.core.instant import Instant
from orchestrator.core.meanings import Changes, Meaning, complete, is_over, over_event, pending_of, seen, vanished
from orchestrator.core.phases import Event
from orchestrator.core.records import EndDecided, Fault, Noticed, Settled, Status, Then, Verdict
from orchestrator.core.state import Pending, RunState


def settled(state: RunState, record: Settled) -> Meaning:
    """Take a verdict on an unknown attempt."""
    pending = replace(pending_of(state), verdict=record.verdict, evidence=record.evidence)
    changes: Changes = {"wake": None, "held_wake": None}
    if record.verdict is not Verdict.RAN:
        changes |= {"doubt": True, "log_length": None}
    if record.doubled:
        changes["log_length"] = None
        changes["notices"] = (*state.notices, Noticed(at=record.at, code="doubled", message=record.evidence))
    if record.call is not None and pending.intent.operation is not Operation.SMS:
        changes |= seen(state, record.call)
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
            return over_event(state), {**changes, "pending": None, **vanished(state, record.at)}
        cause = changes.get("hangup_cause") or state.hangup_cause or "command"
        changes |= {"pending": None, "call_over": True, "hangup_cause": cause}
        return over_event(state), changes
    if intent.operation is Operation.CREATE:
        changes |= {"watch_until": _watch_end(state, pending), "watch_looked": record.at, **_further(pending, record)}
    if is_over(record.call) or state.call_over:
        if record.verdict is Verdict.RAN:
            event, more = complete(
                state, pending, changes, call=record.call, results=record.results, secrets=record.secrets, at=record.at
            )
            return (event if event is Event.CALL_OVER else Event.CALL_OVER), more
        steps = (*state.steps, pending.report(index=len(state.steps), ended=record.at, results=record.results))
        return Event.CALL_OVER, {**changes, "pending": None, "steps": steps, "call_over": True}
    event, changes = complete(
        state,
        replace(pending, over_at=pending.over_at or _thought_over(pending)),
        changes,
        call=record.call,
        results=record.results,
        secrets=record.secrets,
        at=record.at,
        after=record.next_cursor,
    )
    return (Event.GO_ON if event is Event.DONE else event), changes


def _thought_over(pending: Pending) -> Instant | None:
    """Return when a step has probably ended that looks saw running, and then over: in the middle between them."""
    shown = [(look.began, look.call.ready) for look in pending.looks if look.call is not None]
    for (last, was_ready), (first, is_ready) in pairwise(shown):
        if is_ready and not was_ready:
            return last.plus(first.since(last) / 2)
    return None


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
    return (Event.CALL_OVER if state.call_over or is_over(record.call) else Event.GO_ON), changes


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
