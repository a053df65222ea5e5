"""Makes the requests of a run, each with the intent that is journalled before it leaves. Pure; called by `decide`."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from orchestrator.core.actions import Send
from orchestrator.core.exchange import Operation, Request, WireCommand
from orchestrator.core.instant import Instant
from orchestrator.core.records import Cursor, Intended, ReplayClass
from orchestrator.core.script import Script
from orchestrator.core.state import RunState
from orchestrator.core.step import Step, next_step
from orchestrator.errors import ExpressionError

END_TIMEOUT_S = 10.0
"""How long the reply to a DELETE is waited for."""


def step_at(state: RunState, script: Script, cursor: Cursor) -> Step:
    """Return the step at a cursor. Raises ExpressionError, PlanError."""
    begun = state.begun
    return next_step(script, cursor, state.variables, state.settings, to=begun.to, from_=begun.from_)


def send(state: RunState, step: Step, now: Instant, *, attempt: int, fell_into: tuple[str, ...] = ()) -> Send:
    """Return the intent and the request of a step. Raises ExpressionError for a date that is none."""
    settings = state.settings
    commands, expires_wall = step.commands, None
    if step.operation is Operation.CREATE:
        commands, expires_wall = _fenced(step.commands, state, now)
    read_timeout_s = step.bounds.longest_s + settings.read_margin_s
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
    )
    request = Request(
        operation=step.operation,
        call_id=state.call_id,
        commands=commands,
        read_timeout_s=read_timeout_s,
        deadline_s=read_timeout_s + settings.read_margin_s + 5.0,
        reference=f"{state.run_id}.{len(state.steps)}",
    )
    dangerous = step.operation is Operation.COMMAND and step.replay_class is ReplayClass.DANGEROUS
    look_after_s = min(step.bounds.shortest_s / 3, 0.5) if dangerous else None
    return Send(intent, request, look_after_s)


def _fenced(commands: tuple[WireCommand, ...], state: RunState, now: Instant) -> tuple[tuple[WireCommand, ...], float]:
    """Give a dial its `schedule_expire`, the fence against a call that rings after its caller has given up."""
    dial = dict(commands[0]["dial"])
    server_now = now.wall + state.clock_skew_s
    start = _wall_of(dial.get("schedule_start"), server_now)
    expires = _wall_of(dial.get("schedule_expire"), max(start, server_now) + state.settings.dial_expire_s)
    if "schedule_expire" not in dial:
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
    """Calls are always ended by DELETE: a PUT would be refused while a list runs (design section 4.11)."""
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
