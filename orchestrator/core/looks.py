"""What a look at the call or at the list has shown, as changes of a run's state. Pure; part of `evolve`."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from orchestrator.core import awaiting
from orchestrator.core.exchange import CallSeen, Operation, Outcome
from orchestrator.core.meanings import (
    Changes,
    Meaning,
    complete,
    over_event,
    pending_of,
    seen,
    stops_short,
    takes_commands,
    vanished,
)
from orchestrator.core.phases import TRANSITIONS, Event, Phase
from orchestrator.core.records import Looked, LookKind, ReplayClass, Verdict
from orchestrator.core.state import Pending, RunState, clock_seen


def looked(state: RunState, record: Looked) -> Meaning:
    """Take what a look at the call or the list has shown."""
    changes: Changes = {"wake": None, "requests_sent": state.requests_sent + 1}
    if state.phase is Phase.OVER:
        changes["looked_over"] = True
    if record.gone and state.other_key and state.phase is not Phase.SENDING:
        return Event.STILL, {**changes, "hidden": True}
    if record.clock_skew_s is not None:
        changes |= clock_seen(record.clock_skew_s, record.at)
    if state.phase in (Phase.SENDING, Phase.SETTLING):
        pending = pending_of(state)
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
        return over_event(state), {
            **changes,
            **vanished(state, record.at),
            "pending": None,
            "left_over": state.left_over or state.pending,
        }
    return _seen_by_look(state, record, cast("CallSeen", record.call), changes=changes)


def _seen_by_look(state: RunState, record: Looked, call: CallSeen, *, changes: Changes) -> Meaning:
    if state.phase is Phase.AWAITING:
        return _seen_while_awaiting(state, record, call, changes=changes)
    changes |= seen(state, call)
    if call.ended:
        return over_event(state), {**changes, "pending": None, "left_over": state.left_over or state.pending}
    event = Event.SEEN_READY if takes_commands(state, call) else Event.NOT_READY
    if state.phase is Phase.BUSY and state.pending is not None:
        event, changes = _seen_while_refused(state, record, call, changes=changes)
    if TRANSITIONS[state.phase].get(event) is Phase.RETRYING:  # the wait before the next try goes on
        changes |= {"wake": state.held_wake, "held_wake": None}
    return event, changes


def _seen_while_awaiting(state: RunState, record: Looked, call: CallSeen, *, changes: Changes) -> Meaning:
    """A look at the call while it runs an acknowledged list."""
    pending = awaiting.with_look(pending_of(state), record)
    changes["pending"] = pending
    if not awaiting.seen_over(state, record, call):
        if awaiting.never_began(state, record, call):
            changes["pending"] = replace(pending, unknowns=pending.unknowns + 1)
            return Event.LOST, changes | seen(state, call)
        return Event.STILL, changes | seen(state, call)
    pending = replace(pending, over_at=pending.over_at or awaiting.thought_over(state, record))
    changes["pending"] = pending
    intent, results = pending.intent, awaiting.results_of(state, record)
    if results is None and call.ended and intent.commands[-1] != "hangup":
        verdict = None if intent.operation is Operation.CREATE else Verdict.PARTLY
        cut_short = replace(pending, verdict=verdict, evidence="the call ended before the end of the list was seen")
        steps = (*state.steps, cut_short.report(index=len(state.steps), ended=record.at))
        return Event.CALL_OVER, {**changes, **seen(state, call), "pending": None, "steps": steps}
    asks = "get_dtmf" in intent.commands  # that nobody pressed a key is known from its result alone
    if not call.ended and (asks if results is None else stops_short(pending, results)):
        if awaiting.event_may_come(state, pending, record):
            changes["pending"] = replace(pending, ready_since=pending.ready_since or record.at)
            return Event.STILL, changes | seen(state, call)
        changes["pending"] = replace(pending, unknowns=pending.unknowns + 1)
        changes["events_missed"] = True
        return Event.LOST, changes
    at = awaiting.over_since(state, record)
    return complete(state, pending, changes, call=call, results=results, secrets=record.secrets, at=at)


def _seen_while_refused(state: RunState, record: Looked, call: CallSeen, *, changes: Changes) -> Meaning:
    """The pending step waits for the call, which is not over, to take commands; see whether it was refused in vain."""
    pending = cast("Pending", state.pending)
    if state.asks_for_kept_reply:
        if not takes_commands(state, call):
            return Event.NOT_READY, changes
        # Its earlier attempt, for which it was refused, is over.
        looks = (*pending.looks, record)
        changes["pending"] = replace(pending, concluded=None, resumed_at=record.at, held_back=0, looks=looks)
        return Event.LOST, changes
    if not _may_have_run_though_refused(pending, call):
        return (Event.AGAIN if takes_commands(state, call) else Event.NOT_READY), changes
    changes["pending"] = replace(pending, held_back=0, unknowns=pending.unknowns + 1, looks=(*pending.looks, record))
    return Event.LOST, changes


def _may_have_run_though_refused(pending: Pending, call: CallSeen) -> bool:
    """Whether a refusal may be that of a second delivery, of which the first one ran.

    Nobody but this run gives its call commands, and the call was idle. So what keeps it busy is a copy of this list,
    or an earlier request that came late.
    """
    intent, refusal = pending.intent, pending.concluded
    if refusal is None or refusal.outcome is not Outcome.REJECTED:
        return False  # it was not sent
    if intent.answers:
        return not call.rings  # nothing but an answer ends the ringing
    if intent.replay_class is ReplayClass.DANGEROUS:
        return True
    return refusal.status == 409 and intent.replay_class is not ReplayClass.HARMLESS


def _watched(state: RunState, record: Looked) -> Changes:
    """A look at the list after a lost dial was adopted: further calls may have appeared."""
    if not record.ok:
        return {"list_failures": state.list_failures + 1, "watch_looked": record.at}
    known = {state.call_id, *state.extras, *state.extras_done}
    further = tuple(call.call_id for call in record.matches if call.call_id not in known and not call.ended)
    ended = frozenset(call.call_id for call in record.matches if call.call_id not in known and call.ended)
    over = state.watch_until is not None and record.began.since(state.watch_until) >= 0
    return {
        "list_failures": 0,
        "watch_looked": record.at,
        "watch_until": None if over else state.watch_until,
        "extras_left": frozenset(),
        "extras": (*state.extras, *further),
        "extras_done": state.extras_done | ended,
    }
