"""The request limits of the journal in memory: the port `ports.RequestBudget` for tests. See `memory_journal`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.core.budget import LONGEST_WINDOW_S, MARGIN_S, Demand, Departure, leaves_at
from orchestrator.core.exchange import Operation
from orchestrator.core.instant import Instant
from orchestrator.ports import Place

if TYPE_CHECKING:
    from tests.conformance.memory_journal import MemoryStore


@dataclass(frozen=True, slots=True)
class Requested:
    """What the store keeps of one request."""

    account: str
    departure: Departure
    run_id: str


class MemoryBudget:
    """One process's view of the requests of one account. See `ports.RequestBudget`."""

    def __init__(
        self,
        store: MemoryStore,
        using: Callable[[], AbstractContextManager[None]],
        *,
        now: Callable[[], Instant],
        account: str,
    ) -> None:
        self._store = store
        self._using = using
        self._now = now
        self._account = account

    def take(self, demand: Demand, *, run_id: str) -> Place:
        """Reserve the next place for a request of a run."""
        with self._using():
            now = self._now().wall
            live = [each for each in self._driven() if each != run_id and self._is_dialled(each)]
            wall = leaves_at(demand, self._departures(now), live_calls=len(live), now_wall=now)
            if demand.begins_call and wall > now:
                return Place(wall, None)
            self._store.numbers += 1
            number = self._store.numbers
            self._store.requested[number] = Requested(self._account, Departure(demand.operation, wall), run_id)
            return Place(wall, number)

    def give_back(self, place: Place) -> None:
        """Free a place that will not be used."""
        with self._using():
            self._store.requested.pop(place.number or 0, None)

    def room_at(self, demand: Demand) -> float:
        """Return when a new dial may be thought of."""
        with self._using():
            now = self._now().wall
            return leaves_at(demand, self._departures(now), live_calls=len(self._driven()), now_wall=now)

    def _departures(self, now_wall: float) -> list[Departure]:
        known = self._store.requested
        gone = [
            number
            for number, one in known.items()
            if one.account == self._account and one.departure.wall < now_wall - LONGEST_WINDOW_S - MARGIN_S
        ]
        for number in gone:
            del known[number]
        return [one.departure for one in known.values() if one.account == self._account]

    def _driven(self) -> list[str]:
        wall = self._now().wall
        runs = self._store.runs.items()
        return [
            run_id
            for run_id, run in runs
            if not run.marks.ended and run.tenancy.ends is not None and run.tenancy.ends.wall > wall
        ]

    def _is_dialled(self, run_id: str) -> bool:
        marks = self._store.runs[run_id].marks
        return (
            marks.call_id is not None
            or marks.claim_until_wall is not None
            or any(
                one.run_id == run_id and one.departure.operation is Operation.CREATE and one.account == self._account
                for one in self._store.requested.values()
            )
        )
