"""The wall-clock deadline of every request: one thread for a transport, not one a request.

A read timeout counts silence only; a reply of one byte a second would hold a request for ever. Each request is
registered while it is open; the thread looks at the earliest deadline it knows of, and a request that is over by then
costs nothing.
"""

from __future__ import annotations

import threading

from orchestrator.adapters.transport.sending import Sending, Stop
from orchestrator.core.instant import Instant
from orchestrator.ports import Clock

_IDLE_S = 3600.0


class DeadlineWatcher:
    """Stops the requests whose deadline has come."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._wakeup = threading.Event()
        self._open: set[Sending] = set()
        self._looks_at: Instant | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def add(self, sending: Sending) -> None:
        """Watch a request; the first one starts the thread."""
        with self._lock:
            self._open.add(sending)
            if self._thread is None:
                self._start()
            elif self._looks_at is None or sending.deadline.since(self._looks_at) < 0:
                self._looks_at = sending.deadline
                self._wakeup.set()

    def discard(self, sending: Sending) -> None:
        """Watch a request no longer."""
        with self._lock:
            self._open.discard(sending)

    def close(self) -> None:
        """Stop watching and end the thread."""
        with self._lock:
            self._closed = True
            thread = self._thread
            self._wakeup.set()
        if thread is not None:
            thread.join()

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._watch, name="transport-deadlines", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while True:
            now = self._clock.now()
            with self._lock:
                if self._closed:
                    return
                late = [sending for sending in self._open if now.since(sending.deadline) >= 0]
                self._open.difference_update(late)
                self._looks_at = min((sending.deadline for sending in self._open), key=_boot_s, default=None)
                until = self._looks_at or now.plus(_IDLE_S)
                self._wakeup.clear()
            for sending in late:
                sending.stop(Stop.DEADLINE)
            self._clock.wait(until, self._wakeup)


def _boot_s(moment: Instant) -> float:
    return moment.boot_s
