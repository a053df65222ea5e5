"""What a run does while the request limits of its account keep its next request back. Pure; the driver calls it.

Waiting for a place ends before the intent is written (rules, section 4.1), so it stands between `decide` and the
intent: what `decide` named is named again after the wait, if nothing has happened meanwhile.
"""

from __future__ import annotations

from dataclasses import replace

from orchestrator.core.actions import Note, Wait
from orchestrator.core.budget import Demand
from orchestrator.core.exchange import Operation
from orchestrator.core.instant import Instant
from orchestrator.core.plan import plan
from orchestrator.core.records import EndDecided, Fault, Status, Waited
from orchestrator.core.script import Script, Variables
from orchestrator.core.settings import Settings
from orchestrator.core.state import RunState

WORTH_NOTING_S = 1.0
"""A shorter wait is not journalled: nobody who looks at the run would see it."""
_SHORTEST_CALL_S = 1.0


def demand_of(state: RunState, script: Script, operation: Operation) -> Demand | None:
    """Return what a run asks of the account's limits for its next request; None where it knows of none."""
    if operation is Operation.CREATE:
        dial = dial_of(script, state.variables, state.settings)
        return None if dial is None else replace(dial, repeats=state.asks_for_kept_reply)
    limits = state.settings.api_limits
    return None if limits is None else Demand(operation=operation, limits=limits)


def dial_of(script: Script, variables: Variables, settings: Settings) -> Demand | None:
    """Return what a new call asks for, with the requests a second that it makes once it is answered, by its plan."""
    if settings.api_limits is None:
        return None
    steps = [planned.step for planned in plan(script, variables, settings).steps]
    spoken = [step for step in steps if step.operation is not Operation.CREATE]
    per_s = len(spoken) / max(sum(step.bounds.expected_s for step in spoken), _SHORTEST_CALL_S)
    return Demand(operation=Operation.CREATE, limits=settings.api_limits, call_per_s=per_s)


def held_up(state: RunState, operation: Operation, now: Instant, until: Instant) -> Wait | Note:
    """Return what to do instead of a request that may leave at `until`: wait, or give the call up.

    A step of a live call is given up when the callee would wait longer than `max_silence` for it. Looks are not: they
    decide what was heard. A dial waits as long as it must: nobody hears it.
    """
    live = operation is Operation.COMMAND and state.call_up and state.ending is None
    if live and state.quiet_since is not None and until.since(state.quiet_since) > state.settings.max_silence_s:
        message = "the account's request limits (api_limits) leave no place for the next step within max_silence"
        return Note(EndDecided(at=now, status=Status.FAILED, fault=Fault(code="throttled", message=message)))
    known = state.wake is not None and state.wake.since(until) >= 0
    if known or until.since(now) <= WORTH_NOTING_S:
        return Wait(until, None)
    return Wait(until, Waited(at=now, wake=until, why="for a place within the account's request limits"))
