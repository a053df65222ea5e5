"""Keeps the leases of this process alive, apart from how long its steps take, and watches for messages and orders."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

from orchestrator.errors import JournalError
from orchestrator.ports import Clock, Journal
from orchestrator.runtime.driver import Driver

TICK_S = 0.5
MAIL_S = 0.05
"""How soon the event that a run waits for is heard, where another process receives it: the callee waits for it, too."""
_log = logging.getLogger("orchestrator")


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

    def tell(self, run_id: str) -> None:
        """Tell a run that it has mail, if it is driven here."""
        with self._guard:
            driver = self._drivers.get(run_id)
        if driver is not None:
            driver.tell(mail=True)

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
        renewed = ticked = self._clock.now()
        drivers: dict[str, Driver] = {}
        while not self._clock.wait(self._clock.now().plus(_pause_s(drivers)), self._stopped):
            with self._guard:
                drivers = dict(self._drivers)
            if not drivers:
                continue
            now = self._clock.now()
            if now.since(ticked) < TICK_S:
                self._bring_mail(drivers)
                continue
            ticked = now
            is_due = now.since(renewed) >= self._lease_s / 3
            with_mail = self._ask(drivers, renew=is_due)
            if is_due and with_mail is not None:
                renewed = now
            for run_id, driver in drivers.items():
                _tick(driver, has_mail=run_id in (with_mail or ()))

    def _bring_mail(self, drivers: Mapping[str, Driver]) -> None:
        """Between two ticks, tell the runs that wait for an event whether one has come."""
        waiting = {run_id: driver for run_id, driver in drivers.items() if driver.awaits_event}
        for run_id in (self._ask(waiting, renew=False) or ()) if waiting else ():
            waiting[run_id].tell(mail=True)

    def _ask(self, drivers: Mapping[str, Driver], *, renew: bool) -> frozenset[str] | None:
        """Keep the leases, and return who has mail; None where the journal could not be asked."""
        try:
            if renew:
                self._journal.renew([driver.lease for driver in drivers.values()], lease_s=self._lease_s)
            return self._journal.inbox_waiting(list(drivers))
        except JournalError:
            return None  # the drivers meet the same failure at their next append, and act on it
        except Exception:  # noqa: BLE001 - logged; the leases of all runs hang on this thread
            _log.exception("the heartbeat could not ask the journal; it goes on")
            return None


def _pause_s(drivers: Mapping[str, Driver]) -> float:
    return MAIL_S if any(driver.awaits_event for driver in drivers.values()) else TICK_S


def _tick(driver: Driver, *, has_mail: bool) -> None:
    try:
        if has_mail:
            driver.tell(mail=True)
        driver.tick()
    except Exception:  # noqa: BLE001 - logged; one run's trouble must not end the heartbeat of the others
        _log.exception("the heartbeat of run %s met an error; it goes on", driver.lease.run_id)
