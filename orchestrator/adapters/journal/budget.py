"""The request limits of an account: the port `ports.RequestBudget` on the journal's file.

One short transaction a request, and only where limits are set. Knows no rule: those are `core.budget`'s.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from orchestrator.adapters.journal.connections import Connections, Link
from orchestrator.adapters.journal.failures import translated
from orchestrator.adapters.journal.schema import requests, runs
from orchestrator.adapters.journal.writer import Writer
from orchestrator.core.budget import LONGEST_WINDOW_S, MARGIN_S, Demand, Departure, leaves_at
from orchestrator.core.exchange import Operation
from orchestrator.core.instant import Instant
from orchestrator.ports import Place


class SqliteBudget:
    """See `ports.RequestBudget` for what every method promises. `account` names the account in the file."""

    def __init__(
        self, path: Path, connections: Connections, writer: Writer, *, now: Callable[[], Instant], account: str
    ) -> None:
        self._path = path
        self._connections = connections
        self._writer = writer
        self._now = now
        self._account = account
        self._mine = requests.c.account == account

    def take(self, demand: Demand, *, run_id: str) -> Place:
        """Reserve the next place for a request of a run."""

        def work(link: Link) -> Place:
            now = self._now().wall
            link.core.execute(requests.delete().where(self._mine, requests.c.wall < _forgotten_wall(now)))
            live = self._live_calls(link, now, besides=run_id) if demand.begins_call else 0
            wall = leaves_at(demand, self._departures(link, now), live_calls=live, now_wall=now)
            if demand.begins_call and wall > now:
                return Place(wall, None)
            row = {"account": self._account, "operation": demand.operation.value, "wall": wall, "run_id": run_id}
            made = link.core.execute(requests.insert(), row).inserted_primary_key
            assert made is not None, "an insert of one row makes one key"
            return Place(wall, made[0])

        return self._writer.submit(work)

    def give_back(self, place: Place) -> None:
        """Free a place that will not be used."""
        this = requests.c.id == place.number
        self._writer.submit(lambda link: link.core.execute(requests.delete().where(self._mine, this)).rowcount)

    def room_at(self, demand: Demand) -> float:
        """Return when a new dial may be thought of."""
        with translated(self._path), self._connections.reader() as link:
            now = self._now().wall
            live = link.core.execute(sa.select(sa.func.count()).where(*_driven(now))).scalar_one()
            return leaves_at(demand, self._departures(link, now), live_calls=live, now_wall=now)

    def _departures(self, link: Link, now_wall: float) -> list[Departure]:
        query = sa.select(requests.c.operation, requests.c.wall).where(
            self._mine, requests.c.wall >= _forgotten_wall(now_wall)
        )
        return [Departure(Operation(row.operation), row.wall) for row in link.core.execute(query)]

    def _live_calls(self, link: Link, now_wall: float, *, besides: str) -> int:
        about_to = sa.select(requests.c.run_id).where(self._mine, requests.c.operation == Operation.CREATE.value)
        dialled = sa.or_(runs.c.call_id.is_not(None), runs.c.claim_until_wall.is_not(None), runs.c.run_id.in_(about_to))
        conditions = (*_driven(now_wall), dialled, runs.c.run_id != besides)
        return link.core.execute(sa.select(sa.func.count()).where(*conditions)).scalar_one()


def _driven(now_wall: float) -> tuple[sa.ColumnElement[bool], ...]:
    """Not ended, and under a lease whose time is not over; one whose owner has died counts until then."""
    return runs.c.ended.is_(sa.false()), runs.c.lease_expires_wall > now_wall


def _forgotten_wall(now_wall: float) -> float:
    return now_wall - LONGEST_WINDOW_S - MARGIN_S
