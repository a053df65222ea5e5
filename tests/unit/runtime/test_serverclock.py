"""What the runs of a process know of the server's clock."""

from __future__ import annotations

from orchestrator.core.instant import Instant
from orchestrator.core.state import Phase, RunState
from orchestrator.runtime.serverclock import ServerClock
from tests.fakes import machine as m


def seen(skew_s: float, began_with_s: float | None = None) -> RunState:
    started = m.started(clock_skew_s=began_with_s)
    return m.state(Phase.ENDED, started=started, clock_skew_s=skew_s, skew_known=True)


def test_the_newest_run_that_saw_it_counts() -> None:
    """One that knows only what it began with has not seen it."""
    clock = ServerClock()
    assert clock.skew_s(m.at(1)) is None
    clock.learn(m.state(Phase.ENDED), m.at(1))
    assert clock.skew_s(m.at(1)) is None
    clock.learn(seen(90.0), m.at(2))
    assert clock.skew_s(m.at(3)) == 90.0
    clock.learn(seen(120.0, began_with_s=90.0), m.at(4))
    clock.learn(seen(90.0, began_with_s=90.0), m.at(5))
    assert clock.skew_s(m.at(6)) == 120.0


def test_a_clock_that_was_set_is_taken_into_account() -> None:
    """How far the wall clock is from the boot clock tells."""
    clock = ServerClock()
    clock.learn(seen(90.0), m.at(2))
    later = m.at(12)
    assert clock.skew_s(Instant(later.wall + 90.0, later.boot_s, later.boot_id)) == 0.0
