"""Signals in, orders out."""

from __future__ import annotations

from orchestrator.core.actions import Orders
from orchestrator.runtime.control import Control
from tests.fakes.virtual_time import VirtualTime


def test_nobody_said_anything() -> None:
    """No orders, no deadline."""
    time = VirtualTime()
    control = Control(time)
    assert (control.orders, control.deadline, control.must_end(time.now())) == (Orders(), None, None)
    assert not control.told.is_set()


def test_a_stop_leaves_a_grace() -> None:
    """No new dial at once; live calls must end when the grace is over, and not before."""
    time = VirtualTime()
    control = Control(time)
    control.stop(grace_s=30.0, why="SIGTERM")
    assert control.told.is_set()
    assert control.orders == Orders(no_new_dial=True)
    assert control.deadline == time.now().plus(30)
    assert control.must_end(time.now().plus(29.9)) is None
    assert control.must_end(time.now().plus(30)) == "SIGTERM"


def test_a_hand_over_has_no_deadline() -> None:
    """The call is left up."""
    time = VirtualTime()
    control = Control(time)
    control.stop(grace_s=30.0, why="SIGTERM", hand_over=True)
    assert control.orders == Orders(no_new_dial=True, hand_over=True)
    assert control.must_end(time.now().plus(1000)) is None


def test_a_second_signal_ends_it_at_once() -> None:
    """The newest stop counts."""
    time = VirtualTime()
    control = Control(time)
    control.stop(grace_s=30.0, why="first")
    control.stop(grace_s=0.0, why="second")
    assert control.must_end(time.now()) == "second"
