"""The places of one run's requests within the request limits of its account. The driver asks before each request."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.core.budget import MARGIN_S, Demand
from orchestrator.core.exchange import Operation
from orchestrator.core.instant import Instant
from orchestrator.ports import Clock, Place, RequestBudget


@dataclass(frozen=True, slots=True)
class _Reserved:
    operation: Operation
    place: Place
    until: Instant

    def missed(self, now: Instant) -> bool:
        """Whether its moment is over: whoever woke up so late leaves with others that were told of a free place."""
        return now.since(self.until) > MARGIN_S


class Places:
    """Keeps the place that was reserved for the next request until its moment has come. Used by one thread."""

    def __init__(self, budget: RequestBudget, *, clock: Clock, run_id: str) -> None:
        self._budget = budget
        self._clock = clock
        self._run_id = run_id
        self._reserved: _Reserved | None = None
        self._was_late = False

    def beside(self) -> Places:
        """Return the places of what another thread asks of the API for the same run, while a request is open."""
        return Places(self._budget, clock=self._clock, run_id=self._run_id)

    def wait_until(self, demand: Demand) -> Instant | None:
        """Return the moment to ask again at; None when the request may leave now, and is counted."""
        reserved, now = self._reserved, self._clock.now()
        # A machine too busy to wake anybody in time must not keep runs from ever leaving: nobody is sent back twice.
        missed = reserved is not None and reserved.missed(now) and not self._was_late
        self._was_late = self._was_late or missed
        if reserved is None or reserved.operation is not demand.operation or demand.never_waits or missed:
            self.give_back()
            place = self._budget.take(demand, run_id=self._run_id)
            until = now.plus(place.wall - now.wall)
            if until.since(self._clock.now()) <= 0:
                self._was_late = False
                return None
            if place.number is not None:
                self._reserved = _Reserved(demand.operation, place, until)
            return until
        if reserved.until.since(now) > 0:
            return reserved.until
        self._reserved, self._was_late = None, False
        return None

    def give_back(self) -> None:
        """Give up the place that was reserved, if any: the request will not be made."""
        reserved, self._reserved = self._reserved, None
        if reserved is not None:
            self._budget.give_back(reserved.place)
