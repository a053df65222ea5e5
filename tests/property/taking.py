"""What must hold of a run that begins on a call which somebody else made: one run, on a call that rings, to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.core.records import CancelAsked, Intended
from tests.fakes.virtual_time import EPOCH
from tests.property.doorbell import shows_ringing

if TYPE_CHECKING:
    from tests.property.simulation import Simulated

_LOOK_S = 7.0
"""No older is a look by which a call is taken."""


def check_one_run_takes_the_call(simulated: Simulated) -> None:
    """However often it is announced, and to how many processes."""
    assert len(simulated.begun) <= 1, f"taken by {simulated.begun}"


def check_only_what_rings_is_taken(simulated: Simulated) -> None:
    """An event proves nothing: what a look shows decides."""
    for look in simulated.rings:
        if look.note is not None:
            assert look.note is shows_ringing(look), f"taken for {look.note}: {look.answer}"
    if simulated.begun and simulated.scenario.incoming is not None:
        over = simulated.server.transcript.find(event="hangup")
        begun_s = simulated.written_s[0]
        over_s = [entry["at"] - EPOCH - simulated.scenario.skew_s for entry in over]
        assert all(at_s > begun_s - _LOOK_S for at_s in over_s), "a run was begun on a call that was over"


def check_nobody_is_left_on_a_call_that_was_taken(simulated: Simulated, *, stays_up: bool) -> None:
    """A call without a run was never answered; one whose run has ended is over."""
    state, server = simulated.state, simulated.server
    for call in server.list_calls(server.now).reply.body["response"]["data"]:  # type: ignore[union-attr]
        unanswered = call["status"] == "ringing" and state.end is None and (not simulated.records or state.rings_on)
        assert call["status"] == "hangup" or unanswered or stays_up, f"the call is {call['status']}"


def check_what_rings_is_not_reaped(simulated: Simulated) -> None:
    """A call that no `answer` can have reached has nobody on its line: it is left to whoever resumes its run."""
    for at, record in enumerate(simulated.records):
        if isinstance(record, CancelAsked) and record.code == "reaped" and simulated.scenario.incoming is not None:
            before = simulated.records[:at]
            tried = any(isinstance(one, Intended) for one in before)  # to answer it, or to turn it down
            assert tried, "reaped while it rang, and nobody had tried to answer it"


def was_answered(simulated: Simulated) -> bool:
    """Whether anybody was ever on the line."""
    return bool(simulated.server.transcript.find(event="answered"))
