"""Makes the requests of a run, each with the intent that is journalled before it leaves. Pure; called by `decide`."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from orchestrator.core.actions import Send
from orchestrator.core.commands import names_read
from orchestrator.core.exchange import Operation, Request, WireCommand
from orchestrator.core.instant import Instant
from orchestrator.core.records import Cursor, Intended, ReplayClass
from orchestrator.core.script import Control, Script, Variables
from orchestrator.core.settings import Settings
from orchestrator.core.state import Pending, RunState
from orchestrator.core.step import PlanError, Step, next_step, same_step
from orchestrator.errors import ExpressionError

ACKNOWLEDGED_AFTER_S = 10.0
"""How long the acknowledgement of an asynchronous request is waited for."""
END_TIMEOUT_S = 10.0
"""How long the reply to a DELETE is waited for."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A step made while the request before it was open, and what it was made from."""

    step: Step
    variables: Variables
    settings: Settings
    log_is_known: bool
    events_missed: bool


def foresee(state: RunState, script: Script) -> Foreseen | None:
    """Make the step that follows the open request, if that is done as it should be; None where that is not yet known.

    It spares the callee the time it takes. `decide` uses it only if nothing that it was made from has changed.
    """
    cursor = None if state.pending is None else state.pending.intent.after
    if cursor is None or cursor.entry >= len(script.entries):
        return None
    if isinstance(script.entries[cursor.entry].element, Control):
        return None
    try:
        return Foreseen(
            step_at(state, script, cursor),
            state.variables,
            state.settings,
            state.log_length is not None,
            state.events_missed,
        )
    except (ExpressionError, PlanError):
        return None  # it is raised again if it comes to that step


def step_at(state: RunState, script: Script, cursor: Cursor, foreseen: Foreseen | None = None) -> Step:
    """Return the step at a cursor. Raises ExpressionError, PlanError."""
    if (
        foreseen is not None
        and foreseen.step.start == cursor
        and foreseen.variables == state.variables
        and foreseen.settings is state.settings
        and foreseen.log_is_known == (state.log_length is not None)
        and foreseen.events_missed == state.events_missed
    ):
        return foreseen.step
    begun, settings = state.begun, state.settings
    if settings.shows_results and state.log_length is None:  # which of the results shown are new cannot be told
        settings = replace(settings, shows_results=False)
    if settings.hears_events and state.events_missed:  # whoever received them may be gone: digits come by the reply
        settings = replace(settings, hears_events=False)
    return next_step(script, cursor, state.variables, settings, to=begun.to, from_=begun.from_)


def step_again(state: RunState, script: Script, pending: Pending) -> Step:
    """Return the step that an attempt is to be made of once more. Raises ExpressionError, PlanError.

    One that asks for its kept reply is the same in all: a server that keeps replies by idempotency key refuses the key
    with another body, or does the work again (contract section 8).
    """
    start = pending.intent.start
    if not state.goes_under_its_key:
        return step_at(state, script, _behind_its_answer(state, pending))
    begun, made_with, asynchronous = state.begun, pending.made_with or state.settings, pending.intent.asynchronous
    return same_step(
        script, start, state.variables, made_with, asynchronous=asynchronous, to=begun.to, from_=begun.from_
    )


def lost_of(pending: Pending, state: RunState, script: Script) -> frozenset[str]:
    """Return the variables that the pending step reads and nobody holds any more; its `when` was asked long ago."""
    if not state.lost:
        return frozenset()
    return names_read(replace(script.entries[pending.intent.start.entry], when=None)) & state.lost


def _behind_its_answer(state: RunState, pending: Pending) -> Cursor:
    """Return where a step begins anew: a call that was answered rings no more, and refuses another `answer`."""
    start = pending.intent.start
    more = len(set(pending.intent.command_entries)) > 1
    return Cursor(start.entry + 1) if pending.intent.answers and more and state.answered else start


def send(
    state: RunState,
    step: Step,
    now: Instant,
    *,
    attempt: int,
    fell_into: tuple[str, ...] = (),
    ring_by_wall: float | None = None,
) -> Send:
    """Return the intent and the request of a step. Raises ExpressionError for a date that is none.

    Args:
        state: The run.
        step: What to send.
        now: This moment.
        attempt: The how-manieth sending of the step, from 1.
        fell_into: Labels that the step falls into.
        ring_by_wall: A dial rings by then at the latest, by this host's clock; None for as long as the settings say.
    """
    settings = state.settings
    commands, expires_wall = step.commands, None
    if step.operation is Operation.CREATE:
        commands, expires_wall = _fenced(step.commands, state, now, ring_by_wall)
    held_open_s = ACKNOWLEDGED_AFTER_S if step.asynchronous else step.bounds.longest_s
    read_timeout_s = held_open_s + settings.read_margin_s
    intent = Intended(
        at=now,
        operation=step.operation,
        attempt=attempt,
        start=step.start,
        after=step.after,
        commands=step.names,
        command_entries=step.entries,
        digests=step.digests,
        saves=step.saves,
        sensitive=step.sensitive,
        replay_class=step.replay_class,
        policy=step.policy,
        shortest_s=step.bounds.shortest_s,
        longest_s=step.bounds.longest_s,
        read_timeout_s=read_timeout_s,
        fell_into=fell_into,
        expires_wall=expires_wall,
        call_id=state.call_id,
        asynchronous=step.asynchronous,
        expected_s=step.bounds.expected_s if step.asynchronous else 0.0,
        way=step.way,
    )
    request = Request(
        operation=step.operation,
        call_id=state.call_id,
        commands=commands,
        read_timeout_s=read_timeout_s,
        deadline_s=read_timeout_s + settings.read_margin_s + 5.0,
        reference=f"{state.run_id}.{len(state.steps)}",
        asynchronous=step.asynchronous,
    )
    dangerous = step.operation is Operation.COMMAND and step.replay_class is ReplayClass.DANGEROUS
    look_after_s = min(step.bounds.shortest_s / 3, 0.5) if dangerous else None
    return Send(intent, request, look_after_s)


def _fenced(
    commands: tuple[WireCommand, ...], state: RunState, now: Instant, ring_by_wall: float | None
) -> tuple[tuple[WireCommand, ...], float]:
    """Give a dial its `schedule_expire`, the fence against a call that rings after its caller has given up."""
    dial = dict(commands[0]["dial"])
    server_now = state.server_wall(now)
    start = _wall_of(dial.get("schedule_start"), server_now)
    otherwise = max(start, server_now) + state.settings.dial_expire_s
    if state.pending is not None and state.goes_under_its_key:
        otherwise = state.pending.intent.expires_wall or otherwise
    expires = written = _wall_of(dial.get("schedule_expire"), otherwise)
    if ring_by_wall is not None and not state.goes_under_its_key:
        expires = min(expires, math.floor(ring_by_wall + server_now - now.wall))
    if "schedule_expire" not in dial or expires < written:
        expires = float(math.ceil(expires))  # it is sent in whole seconds, and must not come sooner than was said
        dial["schedule_expire"] = datetime.fromtimestamp(expires, UTC).isoformat(timespec="seconds")
    return ({"dial": dial}, *commands[1:]), expires


def _wall_of(text: str | None, otherwise: float) -> float:
    if text is None:
        return otherwise
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        message = "a schedule of the dial is not a date and time in ISO 8601, such as 2026-01-31T09:00:00+01:00"
        raise ExpressionError(message) from None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


def end_call(state: RunState, now: Instant, *, call_id: str | None, reason: str) -> Send:
    """Calls are always ended by DELETE: a PUT would be refused while a list runs (rules, section 4.11)."""
    attempt = 1 if state.pending is None else state.pending.attempts + 1
    intent = Intended(
        at=now,
        operation=Operation.END,
        attempt=attempt,
        start=state.cursor,
        after=state.cursor,
        commands=("hangup",),
        read_timeout_s=END_TIMEOUT_S,
        call_id=call_id,
        end_reason=reason,
    )
    request = Request(
        operation=Operation.END, call_id=call_id, read_timeout_s=END_TIMEOUT_S, deadline_s=END_TIMEOUT_S + 5.0
    )
    return Send(intent, request)
