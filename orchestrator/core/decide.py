"""`decide`: names the next action of a run from its state. Pure; the runtime carries the action out.

Read it from the top: it is the behaviour. Each function answers for one phase of `phases.TRANSITIONS`. What the action
brings about comes back as records through `evolve`, and `decide` is asked again.
"""

from __future__ import annotations

from orchestrator.core import awaiting
from orchestrator.core.actions import Action, Note, Orders, Reconcile, Rest
from orchestrator.core.commands import DANGEROUS_NAMES, names_read
from orchestrator.core.ending import (
    cancelled,
    close,
    ended_later,
    failed_end,
    fenced_out,
    hang_up,
    left_up,
    stays_up,
    watch,
    watch_to_its_end,
)
from orchestrator.core.exchange import Operation
from orchestrator.core.instant import Instant
from orchestrator.core.intents import Foreseen, end_call, lost_of, send, step_again, step_at
from orchestrator.core.kept import ask_for_kept_reply, reply_is_kept
from orchestrator.core.patience import held_back, patient_look, stale_silence_s
from orchestrator.core.reconcile import LONGEST_LOOK_S, SHORTEST_LOOK_S, LookAgain, OutOfReach, reconcile
from orchestrator.core.records import (
    Branched,
    BranchKind,
    Cursor,
    EndDecided,
    Fault,
    LookKind,
    Noticed,
    ReplayClass,
    Status,
)
from orchestrator.core.script import End, Entry, FailureAction, Goto, Hangup, Script, Sms, Switch
from orchestrator.core.state import Failure, Pending, Phase, RunState
from orchestrator.core.step import PlanError, with_preamble
from orchestrator.core.waits import after, growing_s, until
from orchestrator.errors import ExpressionError

_SHORTEST_RING_S = 1.0  # fences are in whole seconds: with less time left a dial would have expired when it arrives
_OTHER_KEY = (
    "this call was made with another API key than the one in use, and the API does not show it to this one, so that "
    "nobody can say whether it goes on: use the key that it was made with (ORCHESTRATOR_API_KEY), and do this again"
)


def decide(
    state: RunState,
    script: Script,
    now: Instant,
    *,
    orders: Orders,
    jitter: float,
    foreseen: Foreseen | None = None,
) -> Action:
    """Name the next action.

    Args:
        state: The run as its records tell it.
        script: What it executes.
        now: This moment.
        orders: What the driver was told.
        jitter: Drawn by the caller from [0, 1); it reaches the journal inside the wake times it shapes.
        foreseen: The next step, where it was made ahead of its time; the same would be made without it.
    """
    told = _told(state, now, orders)
    if told is not None:
        return told
    match state.phase:
        case Phase.READY:
            return _ready(state, script, now, orders, foreseen)
        case Phase.RETRYING:
            return _retrying(state, script, now, orders, jitter)
        case Phase.SETTLING:
            return ask_for_kept_reply(state, script, now, orders, jitter) or _settling(state, now, orders)
        case Phase.AWAITING | Phase.BUSY:
            return _awaiting(state, now) if state.phase is Phase.AWAITING else _busy(state, now)
        case Phase.FAILED:
            return _failed(state, script, now)
        case Phase.OVER:
            return _over(state, script, now)
        case Phase.UNDECIDED:
            return _undecided(state, now)
        case Phase.ENDED:
            return left_up(state, now)
        case Phase.NEW | Phase.SENDING:
            raise AssertionError(f"a run that is {state.phase} is not asked what to do next")


def _told(state: RunState, now: Instant, orders: Orders) -> Action | None:
    """Obey what came from outside, where the run is in a phase to obey."""
    if state.hidden:
        return Rest(Fault(code="configuration", message=_OTHER_KEY))
    if state.phase in (Phase.ENDED, Phase.UNDECIDED, Phase.OVER) or state.ending is not None:
        return None
    lost_dial = state.phase is Phase.SETTLING and state.call_id is None
    if state.cancel is not None:
        if not lost_dial:
            return Note(cancelled(state.cancel, now))
        if state.cancel.code == "stopped":
            return Rest(Fault(code="stopped", message="stopped while a lost dial was being settled"))
    if orders.hand_over:
        return Rest(Fault(code="stopped", message="handed over; the call is left up"))
    if call_is_too_long(state, now) and not lost_dial:
        return Note(failed_end(now, "max_call", too_long(state)))
    return None


def call_is_too_long(state: RunState, now: Instant) -> bool:
    """Say whether the call is up for longer than `max_call`."""
    return state.call_up and state.call_since is not None and now.since(state.call_since) >= state.settings.max_call_s


def too_long(state: RunState) -> str:
    """Return the sentence that goes with it."""
    return f"the call lasted longer than max_call ({state.settings.max_call_s:g} s)"


def _ready(state: RunState, script: Script, now: Instant, orders: Orders, foreseen: Foreseen | None) -> Action:
    if state.ending is not None:
        return hang_up(state, now) if state.call_up and not stays_up(state) else close(state, now)
    if (kept := _kept_from_dialling(state, now, orders)) is not None:
        return kept
    first = _look_first(state, script, now) or watch(state, now)
    return first or _advance(state, script, now, foreseen, ring_by_wall=orders.ring_by_wall)


def _kept_from_dialling(state: RunState, now: Instant, orders: Orders) -> Rest | None:
    """Leave a call that must not be begun any more to whoever carries on."""
    if state.call_id is not None:
        return None
    if orders.no_new_dial:
        return Rest(Fault(code="stopped", message="stopped before dialling"))
    if orders.ring_by_wall is not None and now.wall > orders.ring_by_wall - _SHORTEST_RING_S:
        return Rest(Fault(code="stopped", message="not dialled: a later tick of its batch does, when it may ring"))
    return None


def _look_first(state: RunState, script: Script, now: Instant) -> Action | None:
    """Resume starts with a look; a callee who has waited too long in silence goes to `on_stale`."""
    if state.must_look and state.call_id is not None:
        return patient_look(state, now)
    silence_s = stale_silence_s(state, now)
    if silence_s is None:
        return None
    longest_s = state.settings.max_silence_s
    who = state.other_end
    reason = f"the {who} has waited {silence_s:.0f} s in silence, longer than max_silence ({longest_s:g} s)"
    if state.settings.on_stale is None:
        return Note(failed_end(now, "stale", reason))
    return _jump(state, script, now, kind=BranchKind.STALE, label=state.settings.on_stale, reason=reason)


def _advance(
    state: RunState,
    script: Script,
    now: Instant,
    foreseen: Foreseen | None = None,
    *,
    ring_by_wall: float | None = None,
) -> Action:
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
                return Note(failed_end(now, "call_over", f"{entry.written}: the call is over"))
            case _:
                step = step_at(state, script, state.cursor, foreseen)
                if step.operation is Operation.CREATE and _dials_too_late(state, now):
                    return Note(_too_late(state, now))
                entered = () if fell_into is None else (fell_into,)
                return send(state, step, now, attempt=1, fell_into=entered, ring_by_wall=ring_by_wall)
    except (ExpressionError, PlanError) as error:
        return Note(failed_end(now, error.code, f"entry at line {entry.place.line}: {error}"))


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
    return failed_end(now, "max_visits", f"label `{label}` was entered {state.settings.max_visits} times (max_visits)")


def _recover_lost(state: RunState, name: str, now: Instant) -> Action:
    """Secret digits died with the process that held them: ask again, unless that would repeat something dangerous."""
    saved = state.saved_by.get(name)
    if saved is None:
        return Note(failed_end(now, "lost_secret", f"the value of `{name}` is secret and was not given again"))
    entry, step = saved
    since = (name for report in state.steps[step + 1 :] for name in report.commands)
    if not DANGEROUS_NAMES.isdisjoint(since):
        return Note(failed_end(now, "lost_secret", f"the digits `{name}` are lost, and a dangerous step followed them"))
    reason = f"the digits `{name}` are secret and were lost with the process that held them"
    return Note(
        Branched(at=now, kind=BranchKind.LOST_DIGITS, entry=state.cursor.entry, target=Cursor(entry), reason=reason)
    )


def _dials_too_late(state: RunState, now: Instant) -> bool:
    return state.dial_by is not None and now.since(state.dial_by) > 0


def _too_late(state: RunState, now: Instant) -> EndDecided:
    meant = state.begun.at.rfc3339()
    return failed_end(now, "too_late", f"not dialled: it was to be dialled at {meant}, too long ago; start a new run")


def _retrying(state: RunState, script: Script, now: Instant, orders: Orders, jitter: float) -> Action:
    """Send the pending step again: it is known not to have run, or its policy says that a repeat is better."""
    pending = _pending(state)
    if state.ending is None:
        if (kept := _kept_from_dialling(state, now, orders)) is not None:
            return kept
        if pending.intent.operation is Operation.CREATE and _dials_too_late(state, now):
            return Note(_too_late(state, now))
        first = _look_first(state, script, now)
        if first is not None:
            return first
        lost = lost_of(pending, state, script)
        if lost:
            return _recover_lost(state, min(lost), now)
    if (held := held_back(state, pending, now, jitter)) is not None:
        return held
    if pending.intent.operation is Operation.END:
        pause = (
            after(state, now, seconds=growing_s(pending.unknowns), why="to end the call") if pending.unknowns else None
        )
        return pause or end_call(state, now, call_id=pending.intent.call_id, reason=pending.intent.end_reason or "")
    try:
        step = step_again(state, script, pending)
        preamble = state.settings.replay_preamble
        heard = step.replay_class in (ReplayClass.HEARD, ReplayClass.ASKS)
        # What the server still knows by its key must be the same to it, and is heard once.
        if pending.repeated and preamble is not None and heard and not reply_is_kept(state, now):
            step = with_preamble(step, preamble, state.settings)
        return send(state, step, now, attempt=pending.attempts + 1, ring_by_wall=orders.ring_by_wall)
    except (ExpressionError, PlanError) as error:
        return Note(failed_end(now, error.code, str(error)))


def _undecided(state: RunState, now: Instant) -> Action:
    """Rest until a person resolves it; a call that was left up may still be cancelled."""
    if state.cancel is not None and state.call_up:
        return end_call(state, now, call_id=state.call_id, reason=state.cancel.why)
    if (watching := watch_to_its_end(state, now)) is not None:
        return watching
    fault = state.ending.fault if state.ending is not None else None
    return Rest(fault or Fault(code="undecided", message="a person must say what happened"))


def _settling(state: RunState, now: Instant, orders: Orders) -> Action:
    found = reconcile(state, now)
    if isinstance(found, OutOfReach):
        fault = Fault(code=found.code, message=found.reason)
        helpless = found.code in ("authentication", "configuration")
        if state.call_up and state.ending is None and not helpless:
            return Note(EndDecided(at=now, status=Status.FAILED, fault=fault))  # a callee waits: at least try to end it
        return Rest(fault)
    if isinstance(found, LookAgain):
        if found.at.since(now) <= 0:
            return Reconcile(found.kind)
        if orders.hurry:
            return Rest(Fault(code="unsettled", message="a lost dial is still being settled"))
        return until(state, now, found.at, why="for evidence of what happened to the last request")
    return Note(found)


def _awaiting(state: RunState, now: Instant) -> Action:
    """The server runs an acknowledged list: look when it can be over, and when an event says so."""
    if state.must_look or state.look_failures:
        return patient_look(state, now)
    pending = _pending(state)
    if pending.looks and awaiting.overdue(state, pending.looks[-1].began):
        commands = "/".join(pending.intent.commands)
        return Note(failed_end(now, "stuck", f"{commands}: the call is still {state.call_status or 'busy'}"))
    due = awaiting.next_look(state, now)
    if due.since(now) > 0:
        return until(state, now, due, why="for the acknowledged step to end")
    return Reconcile(LookKind.CALL)


def _busy(state: RunState, now: Instant) -> Action:
    """The call is up but not ready: wait for it, at most as long as what may be running can last."""
    if state.must_look or state.look_failures:
        return patient_look(state, now)
    since = state.busy_since or now
    longest_s = max(state.busy_longest_s, state.settings.dial_expire_s) + state.settings.read_margin_s
    if now.since(since) > longest_s:
        return Note(
            failed_end(now, "stuck", f"the call has been {state.call_status or 'busy'} for {now.since(since):.0f} s")
        )
    seconds = min(SHORTEST_LOOK_S * 2 ** min(state.busy_looks, 10), LONGEST_LOOK_S)
    if state.busy_looks == 0:
        return Reconcile(LookKind.CALL)
    return after(state, now, seconds=seconds, why="for the call to be ready") or Reconcile(LookKind.CALL)


def _failed(state: RunState, script: Script, now: Instant) -> Action:
    """A command failed while the call is up: its `on_failure` says what follows."""
    if state.must_look:
        return patient_look(state, now)
    failure = state.failure
    assert failure is not None, "a failed run has a failure"
    if failure.unauthenticated:
        return Note(failed_end(now, "authentication", failure.error))
    if failure.misconfigured:
        return Note(failed_end(now, "configuration", failure.error))
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
            return Note(failed_end(now, "command_failed", _described(entry, failure)))


def _described(entry: Entry, failure: Failure) -> str:
    return f"{entry.written} (line {entry.place.line}) failed: {failure.error}"


def _over(state: RunState, script: Script, now: Instant) -> Action:
    """The call has ended; what is left of the run can only be messages and its end."""
    if state.end is not None:
        return Note(Noticed(at=now, code="ended_later", message=ended_later(state)))
    if state.ending is not None:
        return close(state, now)
    if state.hangup_cause is None and state.call_id is not None and not state.looked_over:
        return Reconcile(LookKind.CALL)
    if state.cancel is not None:
        return Note(cancelled(state.cancel, now))
    if state.hung_up_by_script:
        return watch(state, now) or _advance(state, script, now)
    if state.answered and _only_hangup_is_left(state, script):
        place = state.cursor.entry
        hangup = place < len(script.entries) and isinstance(script.entries[place].element, Hangup)
        target = Cursor(place + 1 if hangup else place)
        reason = f"the {state.other_end} hung up when only the hangup was left"
        return Note(Branched(at=now, kind=BranchKind.CALL_GONE, entry=state.cursor.entry, target=target, reason=reason))
    return Note(EndDecided(at=now, status=Status.FAILED, fault=fenced_out(state)))


def _only_hangup_is_left(state: RunState, script: Script) -> bool:
    """Whether nothing is left that the callee could have heard: `hangup`, `end`, or the end of the list."""
    rest = script.entries[state.cursor.entry :]
    return not rest or isinstance(rest[0].element, Hangup | End)


def _pending(state: RunState) -> Pending:
    assert state.pending is not None, f"a run that is {state.phase} has a pending request"
    return state.pending
