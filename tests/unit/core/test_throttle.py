"""What a run does while the account's request limits keep its next request back."""

from __future__ import annotations

import pytest

from orchestrator.core.actions import Note, Wait
from orchestrator.core.budget import ApiLimits, RequestLimit
from orchestrator.core.exchange import Operation
from orchestrator.core.records import EndDecided, Fault, Status, Waited
from orchestrator.core.script import Plain, Say
from orchestrator.core.settings import Settings
from orchestrator.core.state import RunState
from orchestrator.core.throttle import demand_of, held_up
from tests.fakes import machine as m
from tests.property.scenarios import script_of

LIMITS = ApiLimits(endpoint=RequestLimit(30, 30.0))
WHY = "for a place within the account's request limits"


def live(**changes: object) -> RunState:
    """Return a run whose callee has waited in silence since second 10."""
    given = {"started": m.started(), "call_id": m.CALL, "quiet_since": m.at(10)}
    return RunState().changed({**given, **changes})


def test_without_limits_nothing_is_asked_for() -> None:
    """The usual run pays nothing."""
    assert demand_of(live(), script_of(), Operation.COMMAND) is None
    assert demand_of(live(), script_of(), Operation.CREATE) is None


def test_a_dial_says_how_much_its_call_will_ask_for() -> None:
    """By the plan: the steps after the dial, over the time they are expected to take; other requests say nothing."""
    script = script_of(Say(Plain(" ".join(["word"] * 25))))  # 10 s
    state = live(settings=Settings(api_limits=LIMITS))
    dial = demand_of(state, script, Operation.CREATE)
    assert dial is not None
    assert dial.limits == LIMITS
    assert dial.call_per_s == pytest.approx(0.1, rel=0.1)
    step = demand_of(state, script, Operation.COMMAND)
    assert step is not None
    assert step.call_per_s == 0.0
    assert not dial.repeats
    kept = Settings(api_limits=LIMITS, idempotent_for_s=300.0)
    again = demand_of(live(settings=kept, pending=m.pending(unknowns=1)), script, Operation.CREATE)
    assert again is not None
    assert again.repeats, "its call may be up: two such dials must not wait for each other"


def test_a_short_wait_is_not_journalled() -> None:
    """Nobody who looks at the run would see it."""
    assert held_up(live(), Operation.COMMAND, m.at(11), m.at(12)) == Wait(m.at(12), None)


def test_a_longer_wait_is_journalled_once() -> None:
    """Like every other wait: with its absolute wake time."""
    waited = Waited(at=m.at(11), wake=m.at(15), why=WHY)
    assert held_up(live(), Operation.COMMAND, m.at(11), m.at(15)) == Wait(m.at(15), waited)
    assert held_up(live(wake=m.at(15)), Operation.COMMAND, m.at(12), m.at(15)) == Wait(m.at(15), None)


def test_a_step_is_given_up_when_its_callee_would_wait_too_long() -> None:
    """At max_silence, as a throttled call."""
    fault = Fault(
        code="throttled",
        message="the account's request limits (api_limits) leave no place for the next step within max_silence",
    )
    expected = Note(EndDecided(at=m.at(11), status=Status.FAILED, fault=fault))
    assert held_up(live(), Operation.COMMAND, m.at(11), m.at(30.5)) == expected


@pytest.mark.parametrize(
    ("operation", "changes"),
    [
        (Operation.LOOK, {}),
        (Operation.CREATE, {"call_id": None, "quiet_since": None}),
        (Operation.COMMAND, {"quiet_since": None}),
        (Operation.SMS, {"call_over": True}),
        (Operation.COMMAND, {"ending": EndDecided(at=m.at(10), status=Status.COMPLETED)}),
    ],
)
def test_what_no_callee_waits_for_is_waited_for(operation: Operation, changes: dict[str, object]) -> None:
    """Looks decide what was heard, and a dial is heard by nobody."""
    assert isinstance(held_up(live(**changes), operation, m.at(11), m.at(300)), Wait)
