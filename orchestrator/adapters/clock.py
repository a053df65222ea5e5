"""The Clock port on the machine's clocks. The only place of the product that sleeps.

Durations are counted by CLOCK_BOOTTIME, which goes on while the machine is suspended and is the same for every process
of one boot. Where a platform lacks it, the monotonic clock stands in for it and boots are not told apart.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from orchestrator.core.instant import Instant

_LONGEST_NAP_S = 5.0
"""A wait looks at the boot clock this often: an Event counts time that stands still while the machine is suspended."""

_BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")


class SystemClock:
    """The real time (see `ports.Clock`)."""

    def __init__(self) -> None:
        self._boot_id = _read_boot_id(_BOOT_ID_FILE)
        self._boot_s = _boot_clock()

    def now(self) -> Instant:
        """Return this moment by both clocks."""
        return Instant(time.time(), self._boot_s(), self._boot_id)

    def wait(self, until: Instant, wakeup: threading.Event) -> bool:
        """Wait until `until` by the boot clock, or until `wakeup` is set; return whether it was set.

        A moment of another boot is waited for by its date.
        """
        while True:
            left_s = -self.now().since(until)
            if left_s <= 0:
                return wakeup.is_set()
            if wakeup.wait(min(left_s, _LONGEST_NAP_S)):
                return True


def _boot_clock() -> Callable[[], float]:
    """Return the function that reads the boot clock, or the monotonic one where there is none."""
    clock_id: int | None = getattr(time, "CLOCK_BOOTTIME", None)
    if clock_id is None:
        return time.monotonic
    return lambda: time.clock_gettime(clock_id)


def _read_boot_id(file: Path) -> str:
    """Return the kernel's name of this boot, or `unknown` where it gives none."""
    try:
        return file.read_text(encoding="ascii").strip()[:8]  # enough to tell boots apart, in every record
    except OSError:
        return "unknown"
