"""`evolve`: folds one record into the state of its run. Running, resuming and reporting all use it.

Each record type has one function that returns what the record means (an `Event`) and which fields change; the
transition itself is looked up in `phases.TRANSITIONS`. A record that does not fit raises `IllegalRecordError` and the
state stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from orchestrator.core.awaiting import with_event
from orchestrator.core.conclude import concluded
from orchestrator.core.exchange import CallSeen, Operation
from orchestrator.core.instant import Instant
from orchestrator.core.looks import looked
from orchestrator.core.meanings import Changes, IllegalRecordError, Meaning
from orchestrator.core.phases import TRANSITIONS, Event
from orchestrator.core.records import (
    Branched,
    BranchKind,
    CancelAsked,
    Concluded,
    EndDecided,
    EventReceived,
    Fault,
    Intended,
    Looked,
    Noticed,
    Record,
    Resolved,
    Resumed,
    RunEnded,
    RunMarks,
    RunStarted,
    Settled,
    Status,
    Verdict,
    Waited,
)
from orchestrator.core.settle import settled
from orchestrator.core.state import Pending, Phase, RunState


def evolve(state: RunState, record: Record) -> RunState:
    """Return the state after `record`. Pure. Raises IllegalRecordError for a record that does not fit."""
    event, changes = _MEANINGS[type(record)](state, record)
    phase = TRANSITIONS[state.phase].get(event)
    if phase is None:
        raise IllegalRecordError(f"a record {type(record).__name__} ({event}) does not fit a run that is {state.phase}")
    if phase is Phase.BUSY:
        changes |= _busy(state, record)
    changes["phase"] = phase
    return state.changed(changes)


def fold(records: Iterable[Record]) -> RunState:
    """Return the state that a run's records lead to."""
    state = RunState()
    for record in records:
        state = evolve(state, record)
    return state


def marks(state: RunState) -> RunMarks:
    """Return what a journal indexes of a run in this state."""
    status, disposition = Status.RUNNING, None
    if state.end is not None:
        status, disposition = state.end.status, state.end.disposition
    elif state.phase is Phase.UNDECIDED:
        status = Status.UNDECIDED
    dial = state.open_dial
    until_wall = None if dial is None else (dial.expires_wall or dial.at.wall) + state.settings.max_call_s
    if state.watch_until is not None:  # until then another run's call to this number would pass for a doubled one
        until_wall = state.watch_until.wall
    unsettled = (state.call_id is None and not state.call_over) or state.watch_until is not None
    return RunMarks(
        status=status,
        disposition=disposition,
        ended=state.end is not None,
        call_id=state.call_id,
        claims_dial=state.end is None and unsettled,
        claim_until_wall=until_wall,
        wake_wall=None if state.wake is None else state.wake.wall,
    )


def _started(_state: RunState, record: RunStarted) -> Meaning:
    return Event.STARTED, {
        "started": record,
        "settings": record.settings,
        "variables": {
            **record.variables,
            **record.secrets,
            "to": record.to,
            "from": record.from_,
            "run_id": record.run_id,
            **({} if record.call is None else {"call_id": record.call.call_id}),
        },
        "secret_names": frozenset(record.secret_names),
        "lost": frozenset(record.secret_names) - frozenset(record.secrets),
        "api_url": record.api_url,
        "account": record.account,
        "clock_skew_s": record.clock_skew_s or 0.0,
        "skew_known": record.clock_skew_s is not None,
        "skew_at": record.at,
        **({} if record.call is None else _rings(record, record.call)),
    }


def _rings(record: RunStarted, call: CallSeen) -> Changes:
    """An incoming call is the run's own from the beginning; until it is answered whoever calls hears it ring."""
    return {"call_id": call.call_id, "call_status": call.status, "call_since": record.at}


def _intended(state: RunState, record: Intended) -> Meaning:
    previous = state.pending
    if previous is None:
        pending = Pending(intent=record, first_at=record.at, same_since=record.at, made_with=state.settings)
    else:
        earlier = previous.earlier
        if previous.verdict is not None:
            earlier = f"attempt {previous.attempts} {previous.verdict}: {previous.evidence}"
        pending = replace(
            previous,
            intent=record,
            attempts=previous.attempts + 1,
            concluded=None,
            looks=(),
            resumed_at=None,
            verdict=None,
            evidence=None,
            earlier=earlier,
            ready_since=None,
            over_at=None,
            event=None,
            look_now=False,
            looked_at_event=False,
            told_at=None,
            made_with=previous.made_with if state.goes_under_its_key else state.settings,
            same_since=previous.same_since if state.goes_under_its_key else record.at,
        )
    changes: Changes = {"pending": pending, "wake": None, "held_wake": None, "jumped": False, "check_stale": False}
    if record.fell_into:
        visits = dict(state.visits)
        for label in record.fell_into:
            visits[label] = visits.get(label, 0) + 1
        changes["visits"] = visits
    if record.digests:
        changes["executed"] = {**state.executed, **{int(entry): digest for entry, digest in record.digests.items()}}
    if record.operation is Operation.CREATE:
        changes |= {"call_since": record.at, "fence_wall": record.expires_wall}
    return Event.INTENDED, changes


def _busy(state: RunState, record: Record) -> Changes:
    """Count the looks at a busy call, and remember since when and for how long at most it may be busy."""
    looks = 1 if isinstance(record, Looked) else 0
    if state.phase is Phase.BUSY:
        return {"busy_looks": state.busy_looks + looks}
    longest_s = state.pending.intent.longest_s if state.pending is not None else state.busy_longest_s
    return {"busy_since": record.at, "busy_looks": looks, "busy_longest_s": longest_s}


def _waited(_state: RunState, record: Waited) -> Meaning:
    return Event.STILL, {"wake": record.wake, "wake_why": record.why}


def _branched(state: RunState, record: Branched) -> Meaning:
    changes: Changes = {
        "wake": None,
        "held_wake": None,
        "cursor": record.target,
        "failure": None,
        "jumped": record.label is not None or record.kind is BranchKind.RETRY,
        "check_stale": state.check_stale and record.kind is not BranchKind.STALE,
    }
    if state.pending is not None:  # the step is given up, for instance because the callee has waited too long
        changes["steps"] = (*state.steps, state.pending.report(index=len(state.steps)))
        changes["pending"] = None
    entered = [label for label in (record.fell_into, record.label) if label is not None]
    if entered:
        visits = dict(state.visits)
        for label in entered:
            visits[label] = visits.get(label, 0) + 1
        changes["visits"] = visits
    if record.digest is not None:
        changes["executed"] = {**state.executed, record.entry: record.digest}
    if record.kind is BranchKind.RETRY:
        changes["retries"] = {**state.retries, record.entry: state.retries.get(record.entry, 0) + 1}
    elif record.kind is BranchKind.ON_FAILURE:
        changes["retries"] = {key: used for key, used in state.retries.items() if key != record.entry}
    elif record.kind is BranchKind.CALL_GONE:
        changes["hung_up_by_script"] = True
    return Event.BRANCHED, changes


def _end_decided(state: RunState, record: EndDecided) -> Meaning:
    changes: Changes = {
        "wake": None,
        "held_wake": None,
        "ending": record,
        "failure": None,
        "left_over": state.left_over or state.pending,
        "pending": None,
    }
    return Event.END_DECIDED, changes


def _run_ended(state: RunState, record: RunEnded) -> Meaning:
    changes: Changes = {"end": record, "wake": None}
    left = state.left_over
    if left is not None:
        changes["steps"] = (*state.steps, left.report(index=len(state.steps)))
        changes["left_over"] = None
    return Event.RUN_ENDED, changes


_LOOKED_AT_FIRST = frozenset({Phase.READY, Phase.AWAITING, Phase.RETRYING, Phase.BUSY, Phase.FAILED})


def _resumed(state: RunState, record: Resumed) -> Meaning:
    unseen = state.phase in _LOOKED_AT_FIRST or _is_settled_unseen(state)
    must_look = (state.call_up and unseen) or _is_seen_unsettled(state)
    changes: Changes = {
        "settings": record.settings,
        "look_failures": 0,
        "list_failures": 0,
        "refused_look": None,
        "check_stale": True,
        "cancel": _still_cancelled(state),
        "extra_tries": 0,
        "variables": {**state.variables, **record.secrets},
        "lost": state.lost - frozenset(record.secrets),
        "must_look": must_look,
        "dial_by": record.dial_by,
        "api_url": state.api_url if state.has_called else record.api_url,
        "account": state.account if state.has_called else record.account,
        "other_key": state.has_called and _differ(state.account, record.account),
        "hidden": False,
    }
    if must_look and state.phase is Phase.RETRYING:  # a later wake time is that of a look
        changes |= {"wake": None, "held_wake": state.held_wake if state.must_look else state.wake}
    if state.pending is not None and state.phase in (Phase.SENDING, Phase.SETTLING):
        left = state.pending.resumed_at or record.at
        unknowns = 0 if state.pending.intent.operation is Operation.END else state.pending.unknowns
        unknowns += 1 if state.phase is Phase.SENDING else 0
        # The looks that failed belong to the process that died: the next one finds out for itself who is in reach.
        looks = tuple(look for look in state.pending.looks if look.ok or (look.refused and look.status != 401))
        changes["pending"] = replace(
            state.pending, resumed_at=left, unknowns=unknowns, looks=looks, **_tries_forgotten(state.pending, record.at)
        )
    elif state.pending is not None:
        changes["pending"] = replace(state.pending, **_tries_forgotten(state.pending, record.at))
    return Event.RESUMED, changes


def _tries_forgotten(pending: Pending, at: Instant) -> Changes:
    """The retries of a process that died are not held against the one that resumes; the wait it began goes on.

    What no further try of that process could have changed may have been put right meanwhile: it is tried at once.
    """
    final = pending.concluded is not None and pending.concluded.final
    return {"held_back": 0 if final else min(pending.held_back, 1), "held_since": at}


def _is_settled_unseen(state: RunState) -> bool:
    """Whether the open attempt is settled without a look at the call: there is none that would show a message."""
    return state.pending is not None and state.pending.intent.operation is Operation.SMS


def _is_seen_unsettled(state: RunState) -> bool:
    """Whether a process saw what its lost request came to and did not live to settle it: much may have changed."""
    if state.phase is not Phase.SETTLING or state.pending is None:
        return False
    return any(look.ok and (look.matches or look.call is not None) for look in state.pending.looks)


def _differ(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other


def _still_cancelled(state: RunState) -> CancelAsked | None:
    """Return what a resume has to obey: a person always; a signal where it has begun to end a call that is known.

    A signal to a process that was still looking for its lost dial spoke to that process alone.
    """
    cancel = state.cancel
    if cancel is None or cancel.code == "cancelled":
        return cancel
    return cancel if cancel.code == "stopped" and state.call_up else None


def _resolved(state: RunState, record: Resolved) -> Meaning:
    verdict = Verdict.RAN if record.ran else Verdict.DID_NOT_RUN
    words = f"a person said so{'' if record.note is None else f': {record.note}'}"
    left = replace(_left_over(state), verdict=verdict, evidence=words)
    changes: Changes = {"left_over": None, "ending": None, "wake": None}
    intent = left.intent
    if record.ran:
        changes["steps"] = (*state.steps, left.report(index=len(state.steps), ended=record.at))
        changes["cursor"] = intent.after
        if intent.saves is not None:
            changes["variables"] = {**state.variables, intent.saves: ""}
        if intent.operation is Operation.CREATE and record.call_id is not None:
            changes |= {"call_id": record.call_id, "must_look": True, "call_over": False, "quiet_since": record.at}
            changes["variables"] = {**state.variables, "call_id": record.call_id}
            return Event.RESOLVED_ON, changes
    dial_may_ring = intent.operation is Operation.CREATE and not record.ran
    if not state.call_up and not dial_may_ring:
        fault = Fault(code="resolved", message=f"step {'/'.join(intent.commands)}: {words}; the call is gone")
        changes["ending"] = EndDecided(at=record.at, status=Status.FAILED, fault=fault)
        changes["call_over"] = True
        if not record.ran:
            changes["steps"] = (*state.steps, left.report(index=len(state.steps)))
        return Event.CALL_OVER, changes
    changes["must_look"] = state.call_up
    if record.ran:
        return Event.RESOLVED_ON, changes
    changes["pending"] = replace(left, concluded=None, looks=(), unknowns=0, held_back=0)
    return Event.RESOLVED_AGAIN, changes


def _cancel_asked(state: RunState, record: CancelAsked) -> Meaning:
    is_first = state.cancel is None
    open_request = 1 if is_first and state.phase is Phase.SENDING and state.call_up else 0  # its DELETE
    # Whoever stops a process may mean no call that is to be left up; whoever asks for its end later does.
    counts = is_first or (state.cancel is not None and state.cancel.code == "stopped")
    return Event.STILL, {
        "cancel": record if counts else state.cancel,
        "requests_sent": state.requests_sent + open_request,
    }


def _event_received(state: RunState, record: EventReceived) -> Meaning:
    pending = with_event(state, record)
    if pending is None:
        return Event.STILL, {"events_missed": False}
    wake = None if state.phase is Phase.AWAITING else state.wake
    return Event.STILL, {"events_missed": False, "pending": pending, "wake": wake}


def _noticed(state: RunState, record: Noticed) -> Meaning:
    closes = state.phase is Phase.OVER and state.end is not None  # the call that an ended run had left up is over
    return Event.RUN_ENDED if closes else Event.STILL, {"notices": (*state.notices, record)}


def _left_over(state: RunState) -> Pending:
    if state.left_over is None:
        raise IllegalRecordError("no step of this run waits for a verdict")
    return state.left_over


_MEANINGS: Mapping[type, Callable[[RunState, Any], Meaning]] = {
    RunStarted: _started,
    Intended: _intended,
    Concluded: concluded,
    Looked: looked,
    Waited: _waited,
    Settled: settled,
    Branched: _branched,
    EndDecided: _end_decided,
    RunEnded: _run_ended,
    Resumed: _resumed,
    CancelAsked: _cancel_asked,
    Resolved: _resolved,
    EventReceived: _event_received,
    Noticed: _noticed,
}
