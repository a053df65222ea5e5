"""What the ticks of all campaigns have done: the port `ports.CampaignStore` on the journal's file.

`SqliteJournal.campaigns` is the one of its file: both write by one writer, so that a contact becomes OPEN in the
transaction that creates its run. Knows no rule of a batch.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from orchestrator.adapters.journal import statements
from orchestrator.adapters.journal.connections import Connections, Link
from orchestrator.adapters.journal.failures import translated
from orchestrator.adapters.journal.owner import Owner, is_live
from orchestrator.adapters.journal.rows import (
    NO_LEASE,
    ends_row,
    lease_row,
    standing_from,
    standing_of,
    standing_row,
    tenure_of,
)
from orchestrator.adapters.journal.schema import campaigns, contacts, is_unfinished, occurrences, runs
from orchestrator.adapters.journal.statements import one_standing, put_standings
from orchestrator.adapters.journal.writer import Writer
from orchestrator.core.instant import Instant
from orchestrator.core.records import RunStarted, Status
from orchestrator.errors import AlreadyCalledError, LeaseHeldError
from orchestrator.ports import CampaignLease, CampaignOrders, ContactClaim, ContactState, Standing

_PAGE = 1000  # contacts read at once: long reads would keep the write-ahead log from being emptied
_CLOSED = (ContactState.OPEN, ContactState.DONE)  # no run may begin
_CALLED = (*_CLOSED, ContactState.AGAIN)
_WITHOUT_DIAL = (Status.COMPLETED.value, Status.CANCELLED.value)  # a run that has ended so without a call


class SqliteCampaigns:
    """See `ports.CampaignStore` for what every method promises."""

    def __init__(
        self, path: Path, connections: Connections, writer: Writer, *, now: Callable[[], Instant], owner: Owner
    ) -> None:
        self._path = path
        self._connections = connections
        self._writer = writer
        self._now = now
        self._owner = owner

    # --- the right to run a campaign ----------------------------------------------------------------------------------

    def take_campaign(self, campaign: str, *, lease_s: float) -> CampaignLease:
        """Take the right to run a campaign's ticks."""

        def work(link: Link) -> CampaignLease:
            now = self._now()
            row = link.core.execute(campaigns.select().where(campaigns.c.name == campaign)).one_or_none()
            if row is None:
                link.core.execute(campaigns.insert(), {"name": campaign, "token": 0})
            else:
                tenure = tenure_of(row)
                if tenure is not None and is_live(tenure, now=now, here=self._owner):
                    raise LeaseHeldError(
                        f"The campaign {campaign} is being run by {tenure.owner}. Wait for it, or end that process."
                    )
            token = 1 if row is None else row.token + 1
            lease = lease_row(self._owner, now.plus(lease_s))
            link.core.execute(campaigns.update().where(campaigns.c.name == campaign).values(token=token, **lease))
            return CampaignLease(campaign=campaign, token=token)

        return self._writer.submit(work)

    def keep_campaign(self, lease: CampaignLease, *, lease_s: float) -> bool:
        """Extend it; return False when it was lost."""
        return self._writer.submit(lambda link: _set(link, lease, ends_row(self._now().plus(lease_s))))

    def give_campaign_back(self, lease: CampaignLease) -> None:
        """Give it back."""
        self._writer.submit(lambda link: _set(link, lease, NO_LEASE))

    def owner_of(self, campaign: str) -> str | None:
        """Return who runs a tick of the campaign now, for people: `host:pid`; None for nobody."""
        with self._reading() as link:
            row = link.core.execute(campaigns.select().where(campaigns.c.name == campaign)).one_or_none()
        tenure = None if row is None else tenure_of(row)
        return None if tenure is None or not is_live(tenure, now=self._now(), here=self._owner) else str(tenure.owner)

    # --- what people told a campaign ----------------------------------------------------------------------------------

    def orders_of(self, campaign: str) -> CampaignOrders:
        """Return what a person told the campaign."""
        query = sa.select(campaigns.c.paused, campaigns.c.stopped).where(campaigns.c.name == campaign)
        with self._reading() as link:
            row = link.core.execute(query).one_or_none()
        return CampaignOrders() if row is None else CampaignOrders(paused=row.paused, stopped=row.stopped)

    def order(self, campaign: str, orders: CampaignOrders) -> None:
        """Tell a campaign."""
        told = {"paused": orders.paused, "stopped": orders.stopped}

        def work(link: Link) -> None:
            if link.core.execute(campaigns.update().where(campaigns.c.name == campaign).values(told)).rowcount == 0:
                link.core.execute(campaigns.insert(), {"name": campaign, "token": 0, **told})

        self._writer.submit(work)

    # --- occurrences --------------------------------------------------------------------------------------------------

    def note_file(self, campaign: str, *, occurrence: str, content_digest: str, now_wall: float) -> None:
        """Note that an occurrence has this contacts file."""
        noted = {"campaign": campaign, "content_digest": content_digest, "occurrence": occurrence}
        note = sqlite.insert(occurrences).values(**noted, first_wall=now_wall).on_conflict_do_nothing()

        def work(link: Link) -> None:
            link.core.execute(note)

        self._writer.submit(work)

    def called_before(self, campaign: str, *, occurrence: str, content_digest: str) -> str | None:
        """Return the first earlier occurrence that had the same content, and in which somebody was called."""
        same_content = (occurrences.c.campaign == campaign, occurrences.c.content_digest == content_digest)
        query = sa.select(occurrences.c.occurrence).where(*same_content).order_by(occurrences.c.id)
        was_called: sa.Select[Any] = (
            sa.select(sa.literal_column("1"))
            .where(contacts.c.campaign == campaign, contacts.c.occurrence == sa.bindparam("each"))
            .where(contacts.c.attempts > 0)
            .limit(1)
        )

        with self._reading() as link:
            found = link.core.execute(query).scalars().all()
            earlier = itertools.takewhile(lambda each: each != occurrence, found)
            called = (each for each in earlier if link.core.execute(was_called, {"each": each}).first() is not None)
            return next(called, None)

    def occurrences_of(self, campaign: str | None) -> list[tuple[str, str]]:
        """Return the (campaign, occurrence) pairs that have a contacts file, the newest first."""
        columns = (occurrences.c.campaign, occurrences.c.occurrence)
        query = sa.select(*columns).group_by(*columns).order_by(sa.func.min(occurrences.c.id).desc())
        if campaign is not None:
            query = query.where(occurrences.c.campaign == campaign)
        with self._reading() as link:
            return [(row.campaign, row.occurrence) for row in link.core.execute(query)]

    # --- contacts -----------------------------------------------------------------------------------------------------

    def standings(self, keys: Collection[str]) -> Mapping[str, Standing]:
        """Return where these contacts stand, by key."""
        with self._reading() as link:
            rows = [one_standing.run(link.driver, {"key": key}).fetchone() for key in dict.fromkeys(keys)]
        found = (standing_from(row) for row in rows if row is not None)
        return {standing.key: standing for standing in found}

    def put(self, standings: Collection[Standing]) -> None:
        """Write standings, each whole, in one transaction; one that is OPEN with another run is left as it is."""
        rows = [standing_row(standing) for standing in standings]
        if rows:
            self._writer.submit(lambda link: put_standings.run_all(link.driver, rows))

    def all_of(
        self, campaign: str, *, occurrence: str | None = None, state: ContactState | None = None
    ) -> Iterator[Standing]:
        """Yield the standings of a campaign, page by page: occurrence by occurrence, in the order they were noted."""
        wanted = _wanted(campaign, state)
        for each in self._occurrences_with(wanted) if occurrence is None else (occurrence,):
            yield from self._page_by_page([*wanted, contacts.c.occurrence == each])

    def _occurrences_with(self, wanted: Sequence[sa.ColumnElement[bool]]) -> Iterator[str]:
        first = sa.select(sa.func.min(contacts.c.occurrence)).where(*wanted)
        query = first
        while True:
            with self._reading() as link:
                found = link.core.execute(query).scalar()
            if found is None:
                return
            yield found
            query = first.where(contacts.c.occurrence > found)

    def _page_by_page(self, wanted: Sequence[sa.ColumnElement[bool]]) -> Iterator[Standing]:
        """Go by the ids, which never change: a contact that changes meanwhile is neither left out nor seen twice."""
        query = contacts.select().where(*wanted, contacts.c.id > sa.bindparam("after")).order_by(contacts.c.id)
        query = query.limit(_PAGE)
        after = 0
        while True:
            with self._reading() as link:
                page = link.core.execute(query, {"after": after}).all()
            for row in page:
                yield standing_of(row)
            if len(page) < _PAGE:
                return
            after = page[-1].id

    def twin_of(self, key: str, *, campaign: str, occurrence: str, row_digest: str) -> Standing | None:
        """Return the contact of the same number and variables that goes before this one.

        That is one that was called or is to be called again, else one that waits and was noted earlier: of two that
        wait, one must be called.
        """
        same_row = {"campaign": campaign, "occurrence": occurrence, "row_digest": row_digest}
        with self._reading() as link:
            if statements.has_twin.run(link.driver, {**same_row, "key": key}).fetchone() is None:
                return None  # as good as always
        query = contacts.select().where(*(contacts.c[name] == value for name, value in same_row.items()))
        with self._reading() as link:
            rows = link.core.execute(query.order_by(contacts.c.id)).all()
        own_id = next((row.id for row in rows if row.key == key), math.inf)
        others = [(row.id, standing_of(row)) for row in rows if row.key != key]
        called = [other for _, other in others if other.state in _CALLED]
        waiting = [other for id_, other in others if other.state is ContactState.WAITING and id_ < own_id]
        return next(iter(called + waiting), None)

    def runs_of(self, key: str) -> tuple[str, ...]:
        """Return the ids of the runs made for a contact of an occurrence, the oldest first."""
        query = sa.select(runs.c.run_id).where(runs.c.contact_key == key).order_by(runs.c.started_wall, runs.c.run_id)
        with self._reading() as link:
            return tuple(link.core.execute(query).scalars())

    def contact_of(self, run_id: str) -> str | None:
        """Return the key of the contact that a run was made for."""
        query = sa.select(runs.c.contact_key).where(runs.c.run_id == run_id)
        with self._reading() as link:
            return link.core.execute(query).scalar()

    def dialling_runs(self, number: str, *, since_wall: float, but_for: str | None = None) -> tuple[str, ...]:
        """Return the ids of the runs to a number that have dialled since then, or may yet."""
        counts = sa.or_(runs.c.call_id.is_not(None), runs.c.status.not_in(_WITHOUT_DIAL))
        is_recent = sa.or_(runs.c.ended_wall.is_(None), runs.c.ended_wall >= since_wall)
        query = sa.select(runs.c.run_id).where(runs.c.callee == number, is_recent, counts)
        query = query.order_by(runs.c.started_wall, runs.c.run_id)
        if but_for is not None:
            query = query.where(runs.c.run_id != but_for)
        with self._reading() as link:
            return tuple(link.core.execute(query).scalars())

    @contextmanager
    def _reading(self) -> Iterator[Link]:
        with translated(self._path), self._connections.reader() as link:
            yield link


def open_contact(link: Link, contact: ContactClaim, started: RunStarted) -> None:
    """Make a contact OPEN with the run that starts; in the write transaction that creates the run.

    Raises:
        AlreadyCalledError: It is OPEN or DONE.
    """
    row = one_standing.run(link.driver, {"key": contact.key}).fetchone()
    known = None if row is None else standing_from(row)
    if known is not None and known.state in _CLOSED:
        told = "is being called" if known.state is ContactState.OPEN else "was called"
        raise AlreadyCalledError(
            f"This contact {told} in occurrence {contact.occurrence} of campaign {contact.campaign}, by run "
            f"{known.run_id}. Nothing was sent."
        )
    opened = Standing(
        key=contact.key,
        campaign=contact.campaign,
        occurrence=contact.occurrence,
        number=started.to,
        row_digest=contact.row_digest,
        state=ContactState.OPEN,
        run_id=started.run_id,
        attempts=1 if known is None else known.attempts + 1,
        started_wall=started.at.wall,
    )
    put_standings.run_all(link.driver, [standing_row(opened)])


def _wanted(campaign: str, state: ContactState | None) -> list[sa.ColumnElement[bool]]:
    conditions = [contacts.c.campaign == campaign]
    if state is not None:
        conditions.append(contacts.c.state == state.value)
    if state in (ContactState.OPEN, ContactState.AGAIN):
        conditions.append(is_unfinished(contacts))
    return conditions


def _set(link: Link, lease: CampaignLease, values: Mapping[str, Any]) -> bool:
    held = (campaigns.c.name == lease.campaign, campaigns.c.token == lease.token, campaigns.c.lease_pid.is_not(None))
    return link.core.execute(campaigns.update().where(*held).values(values)).rowcount > 0
