"""`decide`: names the next action of a run from its state. Pure; the runtime carries the action out.

Read it from the top: it is the behaviour. Each function answers for one phase of `state.TRANSITIONS`. What the action
brings about comes back as records through `evolve`, and `decide` is asked again.
"""

from __future__ import annotations

from orchestrator.core.actions import Action, Finish, Note, Orders, Reconcile, Rest, Wait
from orchestrator.core.commands import names_read
from orchestrator.core.exchange import Operation, Outcome
from orchestrator.core.instant import Instant
from orchestrator.core.intents import end_call, send, step_at
from orchestrator.core.reconcile import LONGEST_LOOK_S, SHORTEST_LOOK_S, LookAgain, OutOfReach, reconcile
from orchestrator.core.records import (
    Branched,
    BranchKind,
    CancelAsked,
    Cursor,
    Disposition,
    EndDecided,
    Fault,
    LookKind,
    Noticed,
    ReplayClass,
    RunEnded,
    Status,
    Waited,
)
from orchestrator.core.script import End, Entry, FailureAction, Goto, Hangup, Script, Sms, Switch
from orchestrator.core.settings import OnSeveral
from orchestrator.core.state import Failure, Pending, Phase, RunState
from orchestrator.core.step import PlanError, with_preamble
from orchestrator.errors import ExpressionError

BACKOFF_S = (0.5, 8.0)
"""The first and the longest wait before a request that was not sent is tried again; it doubles in between."""
MAX_EXTRA_TRIES = 3
"""How often the end of a further call is tried while the run's own callee waits; twice that when nobody waits."""


def decide(state: RunState, script: Script, now: Instant, *, orders: Orders, jitter: float) -> Action:
    """Name the next action.

    Args:
        state: The run as its records tell it.
        script: What it executes.
        now: This moment.
        orders: What the driver was told.
        jitter: Drawn by the caller from [0, 1); it reaches the journal inside the wake times it shapes.
    """
    told = _told(state, now, orders)
    if told is not None:
        return told
    match state.phase:
        case Phase.READY:
            return _ready(state, script, now, orders)
        case Phase.RETRYING:
            return _retrying(state, script, now, orders, jitter)
        case Phase.SETTLING:
            return _settling(state, now, orders)
        case Phase.BUSY:
            return _busy(state, now)
        case Phase.FAILED:
            return _failed(state, script, now)
        case Phase.OVER:
            return _over(state, script, now)
        case Phase.UNDECIDED:
            return _undecided(state, now)
        case Phase.ENDED:
            return Rest()
        case Phase.NEW | Phase.SENDING:
            raise AssertionError(f"a run that is {state.phase} is not asked what to do next")


def _told(state: RunState, now: Instant, orders: Orders) -> Action | None:
    """Obey what came from outside, where the run is in a phase to obey."""
    if state.phase in (Phase.ENDED, Phase.UNDECIDED, Phase.OVER) or state.ending is not None:
        return None
    lost_dial = state.phase is Phase.SETTLING and state.call_id is None
    if state.cancel is not None:
        if not lost_dial:
            return Note(_cancelled(state.cancel, now))
        if state.cancel.code == "stopped":
            return Rest(Fault(code="stopped", message="stopped while a lost dial was being settled"))
    if orders.hand_over:
        return Rest(Fault(code="stopped", message="handed over; the call is left up"))
    if call_is_too_long(state, now) and not lost_dial:
        return Note(_failure(now, "max_call", too_long(state)))
    return None


def call_is_too_long(state: RunState, now: Instant) -> bool:
    """Say whether the call is up for longer than `max_call`."""
    return state.call_up and state.call_since is not None and now.since(state.call_since) >= state.settings.max_call_s


def too_long(state: RunState) -> str:
    """Return the sentence that goes with it."""
    return f"the call lasted longer than max_call ({state.settings.max_call_s:g} s)"


def _cancelled(cancel: CancelAsked, now: Instant) -> EndDecided:
    status = Status.CANCELLED if cancel.code in ("cancelled", "stopped") else Status.FAILED
    return EndDecided(at=now, status=status, fault=Fault(code=cancel.code, message=cancel.why))


def _ready(state: RunState, script: Script, now: Instant, orders: Orders) -> Action:
    if state.ending is not None:
        return _hang_up(state, now) if state.call_up and not _stays_up(state) else _close(state, now)
    if state.call_id is None and orders.no_new_dial:
        return Rest(Fault(code="stopped", message="stopped before dialling"))
    return _look_first(state, script, now) or _watch(state, now) or _advance(state, script, now)


def _look_first(state: RunState, script: Script, now: Instant) -> Action | None:
    """Resume starts with a look; a callee who has waited too long in silence goes to `on_stale`."""
    if state.must_look:
        return _patient_look(state, now)
    if not state.check_stale or not state.call_up or state.quiet_since is None:
        return None
    silence_s = now.since(state.quiet_since)
    if silence_s <= state.settings.max_silence_s:
        return None
    longest_s = state.settings.max_silence_s
    reason = f"the callee has waited {silence_s:.0f} s in silence, longer than max_silence ({longest_s:g} s)"
    if state.settings.on_stale is None:
        return Note(_failure(now, "stale", reason))
    return _jump(state, script, now, kind=BranchKind.STALE, label=state.settings.on_stale, reason=reason)


def _patient_look(state: RunState, now: Instant) -> Action:
    """Look at the call; after failed looks wait, and give up when the API stays out of reach."""
    if not state.look_failures:
        return Reconcile(LookKind.CALL)
    if state.look_failures >= state.settings.retry_attempts and _waits_too_long(state, now):
        message = "the API cannot be reached to look at the call"
        if state.call_up and state.ending is None:  # a callee may be waiting: at least try to end the call
            return Note(_failure(now, "unreachable", message))
        return Rest(Fault(code="unreachable", message=message))
    return _after(state, now, seconds=_growing(state.look_failures), why="to look at the call again") or Reconcile(
        LookKind.CALL
    )


def _waits_too_long(state: RunState, now: Instant) -> bool:
    """Whether the callee has, for all that is known, waited in silence for longer than he may."""
    if state.quiet_since is None:
        return True
    busy_s = state.busy_longest_s if state.phase is Phase.BUSY else 0.0
    return now.since(state.quiet_since) > state.settings.max_silence_s + busy_s


def _watch(state: RunState, now: Instant) -> Action | None:
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
    if due and state.look_failures >= state.settings.retry_attempts:
        return None
    return None if recently and not (due and not state.look_failures) else Reconcile(LookKind.LIST)


def _advance(state: RunState, script: Script, now: Instant) -> Action:
    """Execute the entry at the cursor."""
    place = state.cursor.entry
    if place >= len(script.entries):
        return Note(EndDecided(at=now, status=Status.COMPLETED, leave_up=state.settings.leave_up))
    entry = script.entries[place]
    fell_into = entry.label if not state.jumped and not state.cursor.sentence else None
    if fell_into is not None and _visited_out(state, fell_into):
        return Note(_too_many_visits(state, fell_into, now))
    lost = names_read(entry) & state.lost if state.lost else None
    if lost:
        return _recover_lost(state, min(lost), now)
    try:
        if entry.when is not None and not entry.when.holds(state.variables):
            return Note(
                Branched(
                    at=now,
                    kind=BranchKind.WHEN,
                    entry=place,
                    target=Cursor(place + 1),
                    fell_into=fell_into,
                    digest=entry.digest,
                    reason=f"{entry.when.source} is false",
                )
            )
        match entry.element:
            case Switch() | Goto() | End():
                return _control(state, script, entry, now, fell_into=fell_into)
            case command if state.call_over and not isinstance(command, Sms):
                return Note(_failure(now, "call_over", f"{entry.written}: the call is over"))
            case _:
                return _first_attempt(state, script, now, fell_into=fell_into)
    except (ExpressionError, PlanError) as error:
        return Note(_failure(now, error.code, f"entry at line {entry.place.line}: {error}"))


def _control(state: RunState, script: Script, entry: Entry, now: Instant, *, fell_into: str | None) -> Action:
    match entry.element:
        case Switch(subject=subject, cases=cases, otherwise=otherwise):
            value = subject.render(state.variables)
            label = cases.get(value, otherwise)
            kind, reason = BranchKind.SWITCH, "a case" if value in cases else "otherwise"
        case Goto(label=label):
            kind, reason = BranchKind.GOTO, ""
        case End(result=result):
            text = None if result is None else result.render(state.variables)
            return Note(EndDecided(at=now, status=Status.COMPLETED, result=text, leave_up=state.settings.leave_up))
        case _:
            raise AssertionError("a control entry is a switch, a goto or an end")
    return _jump(state, script, now, kind=kind, label=label, reason=reason, digest=entry.digest, fell_into=fell_into)


def _jump(
    state: RunState,
    script: Script,
    now: Instant,
    *,
    kind: BranchKind,
    label: str,
    reason: str,
    digest: str | None = None,
    fell_into: str | None = None,
    entry: int | None = None,
) -> Action:
    if _visited_out(state, label):
        return Note(_too_many_visits(state, label, now))
    return Note(
        Branched(
            at=now,
            kind=kind,
            entry=state.cursor.entry if entry is None else entry,
            target=Cursor(script.index_of(label)),
            label=label,
            fell_into=fell_into,
            digest=digest,
            reason=reason,
        )
    )


def _visited_out(state: RunState, label: str) -> bool:
    return state.visits.get(label, 0) >= state.settings.max_visits


def _too_many_visits(state: RunState, label: str, now: Instant) -> EndDecided:
    return _failure(now, "max_visits", f"label `{label}` was entered {state.settings.max_visits} times (max_visits)")


def _recover_lost(state: RunState, name: str, now: Instant) -> Action:
    """Secret digits died with the process that held them: ask again, unless that would repeat something dangerous."""
    saved = state.saved_by.get(name)
    if saved is None:
        return Note(_failure(now, "lost_secret", f"the value of `{name}` is secret and was not given again"))
    entry, step = saved
    if state.last_dangerous > step:
        return Note(_failure(now, "lost_secret", f"the digits `{name}` are lost, and a dangerous step followed them"))
    reason = f"the digits `{name}` are secret and were lost with the process that held them"
    return Note(
        Branched(at=now, kind=BranchKind.LOST_DIGITS, entry=state.cursor.entry, target=Cursor(entry), reason=reason)
    )


def _first_attempt(state: RunState, script: Script, now: Instant, *, fell_into: str | None) -> Action:
    step = step_at(state, script, state.cursor)
    return send(state, step, now, attempt=1, fell_into=(fell_into,) if fell_into is not None else ())


def _retrying(state: RunState, script: Script, now: Instant, orders: Orders, jitter: float) -> Action:
    """Send the pending step again: it is known not to have run, or its policy says that a repeat is better."""
    pending = _pending(state)
    if state.ending is None:
        if orders.no_new_dial and state.call_id is None:
            return Rest(Fault(code="stopped", message="stopped before dialling"))
        first = _look_first(state, script, now)
        if first is not None:
            return first
    concluded = pending.concluded
    if pending.held_back and concluded is not None:
        if concluded.outcome is Outcome.NOT_SENT and concluded.final:
            return Rest(Fault(code="configuration", message=concluded.reason))
        wait_s = _backoff(pending, jitter)
        if state.wake is None and _retried_out(state, pending, now, wait_s=wait_s):
            return _give_up(state, pending, now)
        waiting = _after(state, now, seconds=wait_s, why=concluded.reason)
        if waiting is not None:
            return waiting
    if pending.intent.operation is Operation.END:
        pause = (
            _after(state, now, seconds=_growing(pending.unknowns), why="to end the call") if pending.unknowns else None
        )
        return pause or end_call(state, now, call_id=pending.intent.call_id, reason=pending.intent.end_reason or "")
    try:
        step = step_at(state, script, pending.intent.start)
        preamble = state.settings.replay_preamble
        if pending.repeated and preamble is not None and step.replay_class in (ReplayClass.HEARD, ReplayClass.ASKS):
            step = with_preamble(step, preamble, state.settings)
        return send(state, step, now, attempt=pending.attempts + 1)
    except (ExpressionError, PlanError) as error:
        return Note(_failure(now, error.code, str(error)))


def _backoff(pending: Pending, jitter: float) -> float:
    """Return the wait before the next try, seconds: what the server asked for, else doubling, with jitter."""
    asked = pending.concluded.retry_after_s if pending.concluded is not None else None
    first_s, longest_s = BACKOFF_S
    grown = min(first_s * 2.0 ** min(pending.held_back - 1, 10), longest_s) * (0.5 + jitter / 2)
    return max(grown, asked or 0.0)


def _retried_out(state: RunState, pending: Pending, now: Instant, *, wait_s: float) -> bool:
    settings = state.settings
    tried_s = now.since(pending.held_since or pending.first_at)
    if state.call_up and state.quiet_since is not None and state.ending is None:
        # Somebody is on the line: as long as they may wait in silence, and no longer, however many tries that is.
        silent_s = min(now.since(state.quiet_since), tried_s)
        return silent_s + wait_s > settings.max_silence_s
    return pending.held_back >= settings.retry_attempts or tried_s + wait_s > settings.retry_total_s


def _give_up(state: RunState, pending: Pending, now: Instant) -> Action:
    """A request could not be sent, or was throttled, for as long as it may be tried."""
    assert pending.concluded is not None, "what was held back has an outcome"
    tries = f"after {pending.held_back} tries: {pending.concluded.reason}"
    held_by_server = pending.concluded.outcome is not Outcome.NOT_SENT
    if state.ending is None and (held_by_server or state.call_up):
        return Note(_failure(now, "throttled" if held_by_server else "unreachable", tries))
    return Rest(Fault(code="unreachable", message=tries))


def _undecided(state: RunState, now: Instant) -> Action:
    """Rest until a person resolves it; a call that was left up may still be cancelled."""
    if state.cancel is not None and state.call_up:
        return end_call(state, now, call_id=state.call_id, reason=state.cancel.why)
    if (watching := _watch_to_its_end(state, now)) is not None:
        return watching
    fault = state.ending.fault if state.ending is not None else None
    return Rest(fault or Fault(code="undecided", message="a person must say what happened"))


def _settling(state: RunState, now: Instant, orders: Orders) -> Action:
    found = reconcile(state, now)
    if isinstance(found, OutOfReach):
        fault = Fault(code=found.code, message=found.reason)
        if state.call_up and state.ending is None:  # a callee is waiting: at least try to end the call
            return Note(EndDecided(at=now, status=Status.FAILED, fault=fault))
        return Rest(fault)
    if isinstance(found, LookAgain):
        if found.at.since(now) <= 0:
            return Reconcile(found.kind)
        if orders.hurry:
            return Rest(Fault(code="unsettled", message="a lost dial is still being settled"))
        return _until(state, now, found.at, why="for evidence of what happened to the last request")
    return Note(found)


def _busy(state: RunState, now: Instant) -> Action:
    """The call is up but not ready: wait for it, at most as long as what may be running can last."""
    if state.look_failures:
        return _patient_look(state, now)
    since = state.busy_since or now
    longest_s = max(state.busy_longest_s, state.settings.dial_expire_s) + state.settings.read_margin_s
    if now.since(since) > longest_s:
        return Note(
            _failure(now, "stuck", f"the call has been {state.call_status or 'busy'} for {now.since(since):.0f} s")
        )
    seconds = min(SHORTEST_LOOK_S * 2 ** min(state.busy_looks, 10), LONGEST_LOOK_S)
    if state.busy_looks == 0:
        return Reconcile(LookKind.CALL)
    return _after(state, now, seconds=seconds, why="for the call to be ready") or Reconcile(LookKind.CALL)


def _failed(state: RunState, script: Script, now: Instant) -> Action:
    """A command failed while the call is up: its `on_failure` says what follows."""
    if state.must_look:
        return _patient_look(state, now)
    failure = state.failure
    assert failure is not None, "a failed run has a failure"
    if failure.unauthenticated:
        return Note(_failure(now, "authentication", failure.error))
    entry = script.entries[failure.entry]
    rule = entry.on_failure
    if state.retries.get(failure.entry, 0) < rule.retry:
        target = Cursor(failure.entry)
        return Note(Branched(at=now, kind=BranchKind.RETRY, entry=failure.entry, target=target, reason=failure.error))
    match rule.action:
        case FailureAction.CONTINUE:
            target = Cursor(failure.entry + 1)
            return Note(
                Branched(at=now, kind=BranchKind.ON_FAILURE, entry=failure.entry, target=target, reason=failure.error)
            )
        case FailureAction.GOTO if rule.label is not None:
            return _jump(
                state,
                script,
                now,
                kind=BranchKind.ON_FAILURE,
                label=rule.label,
                reason=failure.error,
                entry=failure.entry,
            )
        case _:
            return Note(_failure(now, "command_failed", _described(entry, failure)))


def _described(entry: Entry, failure: Failure) -> str:
    return f"{entry.written} (line {entry.place.line}) failed: {failure.error}"


def _over(state: RunState, script: Script, now: Instant) -> Action:
    """The call has ended; what is left of the run can only be messages and its end."""
    if state.ending is not None:
        return _close(state, now)
    if state.hangup_cause is None and state.call_id is not None and not state.looked_over:
        return Reconcile(LookKind.CALL)
    if state.cancel is not None:
        return Note(_cancelled(state.cancel, now))
    if state.hung_up_by_script:
        return _watch(state, now) or _advance(state, script, now)
    if state.answered and _only_hangup_is_left(state, script):
        place = state.cursor.entry
        hangup = place < len(script.entries) and isinstance(script.entries[place].element, Hangup)
        target = Cursor(place + 1 if hangup else place)
        reason = "the callee hung up when only the hangup was left"
        return Note(Branched(at=now, kind=BranchKind.CALL_GONE, entry=state.cursor.entry, target=target, reason=reason))
    return Note(EndDecided(at=now, status=Status.FAILED, fault=None))


def _only_hangup_is_left(state: RunState, script: Script) -> bool:
    """Whether nothing is left that the callee could have heard: `hangup`, `end`, or the end of the list."""
    rest = script.entries[state.cursor.entry :]
    return not rest or isinstance(rest[0].element, Hangup | End)


def _close(state: RunState, now: Instant) -> Action:
    """Finish, once no further call of a lost dial can appear."""
    if (watching := _watch_to_its_end(state, now)) is not None:
        return watching
    ending = state.ending
    assert ending is not None, "a run is closed for a reason"
    return Finish(
        RunEnded(
            at=now, status=ending.status, disposition=disposition_of(state), result=ending.result, fault=ending.fault
        )
    )


def _watch_to_its_end(state: RunState, now: Instant) -> Action | None:
    """Look for further calls of a lost dial until none can appear any more."""
    watching = _watch(state, now)
    if watching is not None or state.watch_until is None or state.watch_looked is None:
        return watching
    over = now.since(state.watch_until) >= 0
    if over and state.look_failures >= state.settings.retry_attempts:
        return None
    next_look = state.watch_looked.plus(LONGEST_LOOK_S)
    soonest = next_look if over or next_look.since(state.watch_until) < 0 else state.watch_until
    return _until(state, now, soonest, why="for further calls of the lost dial")


def disposition_of(state: RunState) -> Disposition:
    """Return how the call ended, for the business (design section 7)."""
    ending = state.ending
    if ending is not None and ending.status is Status.COMPLETED:
        return Disposition.COMPLETED
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
    return Disposition.HUNG_UP if state.answered and not by_us and cause != "failed" else Disposition.FAILED


def _hang_up(state: RunState, now: Instant) -> Action:
    ending = state.ending
    reason = ending.fault.message if ending is not None and ending.fault is not None else "the script has ended"
    return end_call(state, now, call_id=state.call_id, reason=reason)


def _stays_up(state: RunState) -> bool:
    return state.ending is not None and state.ending.leave_up


def _pending(state: RunState) -> Pending:
    assert state.pending is not None, f"a run that is {state.phase} has a pending request"
    return state.pending


def _failure(now: Instant, code: str, message: str) -> EndDecided:
    return EndDecided(at=now, status=Status.FAILED, fault=Fault(code=code, message=message))


def _growing(count: int) -> float:
    return min(SHORTEST_LOOK_S * 2.0 ** min(count, 10), LONGEST_LOOK_S)


def _after(state: RunState, now: Instant, *, seconds: float, why: str) -> Wait | None:
    """Wait once for `seconds`; None when that wait, already journalled, is over."""
    if state.wake is None:
        return Wait(now.plus(seconds), Waited(at=now, wake=now.plus(seconds), why=why))
    return Wait(state.wake, None) if state.wake.since(now) > 0 else None


def _until(state: RunState, now: Instant, until: Instant, *, why: str) -> Wait:
    if state.wake is not None and state.wake.since(until) >= 0:
        return Wait(state.wake, None)
    return Wait(until, Waited(at=now, wake=until, why=why))
