"""Waits of a run, each journalled once before it begins (rules, section 4.7). Pure; part of `decide`."""

from __future__ import annotations

from orchestrator.core.actions import Wait
from orchestrator.core.instant import Instant
from orchestrator.core.reconcile import LONGEST_LOOK_S, SHORTEST_LOOK_S
from orchestrator.core.records import Waited
from orchestrator.core.state import RunState


def after(state: RunState, now: Instant, *, seconds: float, why: str) -> Wait | None:
    """Wait once for `seconds`; None when that wait, already journalled, is over."""
    if state.wake is None:
        return Wait(now.plus(seconds), Waited(at=now, wake=now.plus(seconds), why=why))
    return Wait(state.wake, None) if state.wake.since(now) > 0 else None


def until(state: RunState, now: Instant, moment: Instant, *, why: str) -> Wait:
    """Wait until then, or for the rest of a wait, already journalled, that lasts longer.

    One that is over is no wait, whatever it says of `moment`: those of another boot are compared by dates, and after a
    clock was set the run would go round and round until `moment` comes.
    """
    if state.wake is not None and state.wake.since(moment) >= 0 and state.wake.since(now) > 0:
        return Wait(state.wake, None)
    return Wait(moment, Waited(at=now, wake=moment, why=why))


def growing_s(count: int) -> float:
    """Return how long to wait after so many failures, seconds."""
    return min(SHORTEST_LOOK_S * 2.0 ** min(count, 10), LONGEST_LOOK_S)
