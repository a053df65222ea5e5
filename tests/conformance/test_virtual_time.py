"""The clock of the simulations keeps the Clock port's rules, and runs its threads one at a time."""

from __future__ import annotations

import threading

import pytest

from orchestrator.core.instant import Instant
from tests.fakes.virtual_time import EPOCH, KilledError, SimulationError, VirtualTime


def test_a_wait_ends_when_its_moment_comes() -> None:
    """Exactly then, at no cost; without a wakeup it says so."""
    time = VirtualTime()
    with time.running():
        until = time.now().plus(3600)
        assert time.wait(until, threading.Event()) is False
        assert time.now() == until


def test_a_wait_in_the_past_returns_at_once() -> None:
    """A wakeup that was set before still counts; a moment of another boot is told by its date."""
    time = VirtualTime()
    wakeup = threading.Event()
    with time.running():
        time.sleep(10.0)
        assert time.wait(time.now().plus(-1), wakeup) is False
        assert time.wait(Instant(EPOCH + 5, 99.0, "another boot"), wakeup) is False
        wakeup.set()
        assert time.wait(time.now().plus(-1), wakeup) is True
        assert time.seconds == 10.0


def test_a_wakeup_ends_a_wait() -> None:
    """From another thread of the simulation, at that thread's moment."""
    time = VirtualTime()
    wakeup = threading.Event()

    def wake() -> None:
        time.wait(time.now().plus(5), threading.Event())
        wakeup.set()

    with time.running():
        waker = threading.Thread(target=wake)
        waker.start()
        assert time.wait(time.now().plus(3600), wakeup) is True
        assert time.seconds == 5.0
        waker.join()


def test_a_drowsy_machine_wakes_its_other_threads_late() -> None:
    """The first thread is on time."""
    time = VirtualTime(drowsy_s=2.0)
    woken: list[float] = []

    def other() -> None:
        time.wait(time.now().plus(5), threading.Event())
        woken.append(time.seconds)

    with time.running():
        thread = threading.Thread(target=other)
        thread.start()
        time.wait(time.now().plus(6), threading.Event())
        assert (time.seconds, woken) == (6.0, [])
        thread.join()
    assert woken == [7.0]


def test_a_killed_process_ends_at_its_next_wait() -> None:
    """All its threads; a new process goes on."""
    time = VirtualTime()
    ended: list[str] = []

    def other() -> None:
        try:
            time.wait(time.now().plus(1000), threading.Event())
        finally:
            ended.append("other")

    with time.running():
        thread = threading.Thread(target=other)
        thread.start()
        process = time.process
        time.at(3.0, lambda: time.kill(process))
        with pytest.raises(KilledError):
            time.sleep(100.0)
        time.begin_process("next")
        time.sleep(1.0)
        assert ended == ["other"]
        assert time.seconds == 4.0


def test_a_simulation_that_cannot_go_on_says_so() -> None:
    """Nothing will ever happen, or it would go on for ever; threads left behind end with the simulation."""
    time = VirtualTime()
    with time.running():
        threading.Thread(target=lambda: time.block(lambda: False), daemon=True).start()
        with pytest.raises(SimulationError, match="never comes"):
            time.block(lambda: False)
    endless = VirtualTime()
    with endless.running(), pytest.raises(SimulationError, match="for ever"):
        endless.sleep(1e9)
