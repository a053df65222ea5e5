"""The Clock port on the machine's clocks (see `ports.Clock`)."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from orchestrator.adapters import clock as clock_module
from orchestrator.adapters.clock import SystemClock
from orchestrator.core.instant import Instant


def test_now_is_this_moment_by_both_clocks() -> None:
    """`wall` is the date, `boot_s` the boot clock, and the boot id is the kernel's."""
    before = (time.time(), time.clock_gettime(time.CLOCK_BOOTTIME))
    now = SystemClock().now()
    after = (time.time(), time.clock_gettime(time.CLOCK_BOOTTIME))
    assert before[0] <= now.wall <= after[0]
    assert before[1] <= now.boot_s <= after[1]
    assert now.boot_id
    assert Path("/proc/sys/kernel/random/boot_id").read_text().startswith(now.boot_id)


def test_wait_ends_when_the_moment_comes() -> None:
    """Without a wakeup the wait ends at its moment, not before, and says that nothing woke it."""
    clock = SystemClock()
    until = clock.now().plus(0.02)
    assert clock.wait(until, threading.Event()) is False
    assert clock.now().since(until) >= 0


def test_wait_in_the_past_returns_at_once() -> None:
    """A moment that is over is not waited for; a wakeup that was set before still counts."""
    clock = SystemClock()
    wakeup = threading.Event()
    past = clock.now().plus(-1)
    assert clock.wait(past, wakeup) is False
    wakeup.set()
    assert clock.wait(past, wakeup) is True


def test_a_wakeup_ends_the_wait() -> None:
    """Setting the event from another thread ends a long wait at once."""
    clock = SystemClock()
    wakeup = threading.Event()
    threading.Timer(0.01, wakeup.set).start()
    began = clock.now()
    assert clock.wait(began.plus(3600), wakeup) is True
    assert clock.now().since(began) < 60


def test_a_long_wait_looks_at_the_boot_clock_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that was suspended in a wait does not oversleep by the time it was suspended."""
    monkeypatch.setattr(clock_module, "_LONGEST_NAP_S", 0.01)
    clock = SystemClock()
    until = clock.now().plus(3600)
    naps: list[float] = []

    class Suspending(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            naps.append(timeout or 0.0)
            clock._boot_s = lambda: until.boot_s  # the suspension: only the boot clock went on
            return False

    assert clock.wait(until, Suspending()) is False
    assert naps == [0.01]


def test_a_moment_of_another_boot_is_waited_for_by_its_date() -> None:
    """Across a reboot the boot clocks cannot be compared; the dates can."""
    clock = SystemClock()
    now = clock.now()
    assert clock.wait(Instant(now.wall - 1, now.boot_s + 3600, "another boot"), threading.Event()) is False


def test_a_platform_without_these_clocks_still_tells_the_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without CLOCK_BOOTTIME the monotonic clock stands in; without a boot id the boot is `unknown`."""
    monkeypatch.delattr(time, "CLOCK_BOOTTIME")
    monkeypatch.setattr(clock_module, "_BOOT_ID_FILE", tmp_path / "missing")
    before = time.monotonic()
    now = SystemClock().now()
    assert before <= now.boot_s <= time.monotonic()
    assert now.boot_id == "unknown"
