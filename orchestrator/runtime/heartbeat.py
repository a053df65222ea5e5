"""Keeps the leases of this process alive, apart from how long its steps take, and watches for messages and orders."""

from __future__ import annotations

import threading

from orchestrator.errors import JournalError
from orchestrator.ports import Clock, Journal
from orchestrator.runtime.driver import Driver

TICK_S = 0.5


class Heartbeat:
    """One daemon thread for all runs of a process; it runs only while there are any."""

    def __init__(self, *, journal: Journal, clock: Clock, lease_s: float) -> None:
        self._journal = journal
        self._clock = clock
        self._lease_s = lease_s
        self._drivers: dict[str, Driver] = {}
        self._guard = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, driver: Driver) -> None:
        """Keep this driver's lease alive until `forget`."""
        with self._guard:
            self._drivers[driver.lease.run_id] = driver
            if self._thread is None:
                self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
                self._thread.start()

    def forget(self, driver: Driver) -> None:
        """Stop keeping its lease alive."""
        with self._guard:
            self._drivers.pop(driver.lease.run_id, None)

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _beat(self) -> None:
        renewed = self._clock.now()
        while not self._clock.wait(self._clock.now().plus(TICK_S), self._stopped):
            with self._guard:
                drivers = dict(self._drivers)
            if not drivers:
                continue
            now = self._clock.now()
            try:
                if now.since(renewed) >= self._lease_s / 3:
                    self._journal.renew([driver.lease for driver in drivers.values()], lease_s=self._lease_s)
                    renewed = now
                with_mail = self._journal.inbox_waiting(list(drivers))
            except JournalError:
                with_mail = frozenset()  # the drivers meet the same failure at their next append, and act on it
            for run_id, driver in drivers.items():
                if run_id in with_mail:
                    driver.tell(mail=True)
                driver.tick()
