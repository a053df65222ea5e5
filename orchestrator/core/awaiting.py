"""An acknowledged list that the server runs: when it is looked at, and what looks and events tell of it. Pure.

An event never ends a step by itself (contract section 6): it is a reason to look now, and its results are taken only
when its commands are those of the list in flight and a look shows that the list is over. Part of `evolve` (what records
mean) and of `decide` (when to look).
"""

from __future__ import annotations

from dataclasses import replace

from orchestrator.core.exchange import CallSeen, CommandResult, Operation
from orchestrator.core.instant import Instant
from orchestrator.core.modes import asks_events
from orchestrator.core.records import Concluded, EventReceived, Looked
from orchestrator.core.settings import Settings
from orchestrator.core.state import Pending, RunState

DENSEST_LOOK_S = 0.3
SPARSEST_LOOK_S = 5.0
BEFORE_SHARE, LONG_BEFORE_SHARE = 1 / 4, 1 / 8
"""So much of the time to the expected end, or since, may pass to the next look; long before it even beyond the 5 s."""
EVENTS_SPARE = 4
"""Where an event is expected, looks are this much farther apart."""
ANSWER_LOOK_S = 1.0
"""A callee may answer at any moment, and then waits to hear something."""
LONG_BEFORE_S = 15.0
"""A call may end while a long list has hardly begun: it is looked at so often even then."""


def is_acknowledged(pending: Pending, record: Concluded) -> bool:
    """Say whether a reply only acknowledges the list: it carries no results, and the call is not over."""
    over = record.call is not None and record.call.ended
    return pending.intent.asynchronous and not record.results and not over


def next_look(state: RunState, now: Instant) -> Instant:
    """Return when the call is to be looked at next: seldom before the list can be over, often around its expected end.

    An event is a reason to look at once, but a flood of them is not one for a flood of looks. Nor are looks closer
    together than the API's request limits let one call look for ever.
    """
    pending = state.pending
    assert pending is not None, "an acknowledged list is pending"
    intent, accepted = pending.intent, accepted_at(pending)
    last = pending.looks[-1].began if pending.looks else accepted
    densest_s = _densest_s(state.settings)
    if pending.look_now:
        return last.plus(densest_s) if pending.looked_at_event else now
    gone_s = last.since(accepted)
    if gone_s < intent.shortest_s:
        return last.plus(min(intent.shortest_s - gone_s, LONG_BEFORE_S))
    expects_event = asks_events(state.settings)
    if intent.operation is Operation.CREATE:
        return last.plus(max(ANSWER_LOOK_S, densest_s) * (2 if expects_event else 1))
    left_s = intent.expected_s - gone_s
    apart_s = max(abs(left_s) * BEFORE_SHARE, densest_s) * (EVENTS_SPARE if expects_event else 1)
    sparsest_s = min(max(left_s * LONG_BEFORE_SHARE, SPARSEST_LOOK_S), LONG_BEFORE_S)
    return last.plus(min(apart_s, sparsest_s))


def with_look(pending: Pending, record: Looked) -> Pending:
    """Return the pending step after a look; an event that came while it was made is a reason for another one."""
    told = pending.told_at
    is_late = told is not None and told.since(record.began) > 0
    return replace(pending, looks=(record,), look_now=is_late, looked_at_event=pending.look_now)


def accepted_at(pending: Pending) -> Instant:
    """Return when the list was acknowledged."""
    return pending.intent.at if pending.concluded is None else pending.concluded.at


def spoken_to_until(state: RunState) -> Instant:
    """Return until when the list may last: so long nobody waits in silence."""
    pending = state.pending
    assert pending is not None, "an acknowledged list is pending"
    return accepted_at(pending).plus(pending.intent.longest_s)


def overdue(state: RunState, now: Instant) -> bool:
    """Say whether the list lasts longer than it can."""
    dials = state.pending is not None and state.pending.intent.operation is Operation.CREATE
    ring_s = state.settings.dial_expire_s if dials else 0.0
    return now.since(spoken_to_until(state)) > ring_s + state.settings.read_margin_s


def with_event(state: RunState, record: EventReceived) -> Pending | None:
    """Return the pending step with an event that may be its own; None where it cannot be.

    Of several such events the one counts that shows the call to have lasted longest, of equals the latest.
    """
    pending = state.pending
    if pending is None or not pending.intent.asynchronous:
        return None
    if state.call_id is not None and record.call.call_id != state.call_id:
        return None
    fits = record.results is not None and _names(record.results) == pending.intent.commands[: len(record.results)]
    better = fits and not _is_of_an_earlier_list(state, record) and not _is_older(record, pending.event)
    return replace(pending, event=record if better else pending.event, look_now=True, told_at=record.at)


def seen_over(state: RunState, record: Looked, call: CallSeen) -> bool:
    """Say whether a look shows that the list is over: a `ready` seen too soon is from before its beginning."""
    if call.ended:
        return True
    pending = state.pending
    assert pending is not None, "an acknowledged list is pending"
    return call.ready and record.began.since(accepted_at(pending)) >= pending.intent.shortest_s


def never_began(state: RunState, record: Looked, call: CallSeen) -> bool:
    """Say whether a look shows that a list that answers the call was not begun in all its time: it still rings."""
    pending = state.pending
    assert pending is not None, "an acknowledged list is pending"
    return call.rings and pending.intent.answers and overdue(state, record.began)


def results_of(state: RunState, record: Looked) -> tuple[CommandResult, ...] | None:
    """Return the results of a list that is over: those a log of all commands has gained, else the event's."""
    if record.results is not None and state.log_length is not None:
        return record.results[state.log_length :]
    event = event_of(state)
    return None if event is None else event.results


def event_of(state: RunState) -> EventReceived | None:
    """Return the event that tells the results of the pending list; None where none does.

    It may have come before the acknowledgement. If it then shows the call to have lasted for less time than that did,
    it is a late copy of an earlier list's.
    """
    pending = state.pending
    if pending is None or pending.event is None:
        return None
    acknowledged = None if pending.concluded is None else pending.concluded.call
    return None if _is_before(pending.event.call, acknowledged) else pending.event


def event_may_come(state: RunState, pending: Pending, record: Looked) -> bool:
    """Say whether results that are needed may still come by an event."""
    since = pending.ready_since or record.at
    return asks_events(state.settings) and record.at.since(since) < state.settings.settle_heard_s


def over_since(state: RunState, record: Looked) -> Instant:
    """Return since when the callee has surely heard nothing more, for a list that a late look found over."""
    latest = spoken_to_until(state)
    return latest if record.at.since(latest) > 0 else record.at


def thought_over(state: RunState, record: Looked) -> Instant:
    """Return when a list that a look finds over has probably ended: since then its callee has heard nothing.

    An event is sent at that very moment. Without one the list may have ended at any time since it was last seen to run,
    so that the middle is taken, as the plan does.
    """
    pending = state.pending
    assert pending is not None, "an acknowledged list is pending"
    accepted = accepted_at(pending)
    earliest = accepted.plus(pending.intent.shortest_s)
    if pending.looks and pending.looks[-1].began.since(earliest) > 0:
        earliest = pending.looks[-1].began
    event, latest = event_of(state), over_since(state, record)
    since_s = latest.since(earliest) / 2 if event is None else min(event.at.since(earliest), latest.since(earliest))
    return earliest.plus(max(since_s, 0.0))


def _densest_s(settings: Settings) -> float:
    """Return how close together looks may be."""
    limits = settings.api_limits
    if limits is None:
        return DENSEST_LOOK_S
    kept_up = [1 / limit.per_s for limit in (limits.endpoint, limits.account) if limit is not None]
    return min(max(DENSEST_LOOK_S, *kept_up), SPARSEST_LOOK_S) if kept_up else DENSEST_LOOK_S


def _names(results: tuple[CommandResult, ...]) -> tuple[str, ...]:
    return tuple(result.command for result in results)


def _is_of_an_earlier_list(state: RunState, record: EventReceived) -> bool:
    """Say whether an event shows the call before the event did from which results were taken last, or is a copy of it.

    A copy may come while the next list is in flight, within the same second, and its digits would be believed to be
    that list's. (Should two lists ask for the same within one second, the second event counts as lost: asking again is
    better than to take digits that were pressed for another question.)
    """
    last = state.last_event
    if last is None:
        return False
    same = record.call.duration_s is not None and record.call.duration_s == last.call.duration_s
    return _is_before(record.call, last.call) or (same and record.results == last.results)


def _is_older(record: EventReceived, event: EventReceived | None) -> bool:
    return event is not None and _is_before(record.call, event.call)


def _is_before(call: CallSeen, other: CallSeen | None) -> bool:
    """Say whether a call object is from before another one of the same call, as far as its duration tells."""
    if other is None or call.duration_s is None or other.duration_s is None:
        return False
    return call.duration_s < other.duration_s
