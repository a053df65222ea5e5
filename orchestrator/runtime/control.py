"""What a process was told to do with all its runs: signals in, orders out. Shared by every driver of the process."""

from __future__ import annotations

import threading

from orchestrator.core.actions import Orders
from orchestrator.core.instant import Instant
from orchestrator.ports import Clock


class Control:
    """Thread-safe. Not to be called from a signal handler: an event's lock may be held by the code it interrupted."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._orders = Orders()
        self._deadline: Instant | None = None
        self._why = ""
        self.told = threading.Event()
        """Set whenever something was ordered; what waits, wakes."""

    @property
    def orders(self) -> Orders:
        """What `decide` is to obey."""
        return self._orders

    def stop(self, *, grace_s: float, why: str, hand_over: bool = False) -> None:
        """Begin no call any more; end live calls after `grace_s`, or leave them up with `hand_over`."""
        self._orders = Orders(no_new_dial=True, hand_over=hand_over)
        self._why = why
        if not hand_over:
            self._deadline = self._clock.now().plus(grace_s)
        self.told.set()

    def must_end(self, now: Instant) -> str | None:
        """Return why live calls must be ended now; None while they may go on."""
        if self._deadline is None or now.since(self._deadline) < 0:
            return None
        return self._why

    @property
    def deadline(self) -> Instant | None:
        """When live calls must be ended; None while nobody said so."""
        return self._deadline
