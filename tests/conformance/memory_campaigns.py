"""The campaigns of the journal in memory: the port `ports.CampaignStore` for tests. See `memory_journal`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from orchestrator.core.instant import Instant
from orchestrator.core.records import RunStarted, Status
from orchestrator.errors import LeaseHeldError
from orchestrator.ports import CampaignLease, CampaignOrders, ContactClaim, ContactState, RunMarks, Standing

if TYPE_CHECKING:
    from tests.conformance.memory_journal import MemoryStore

_CALLED = (ContactState.OPEN, ContactState.AGAIN, ContactState.DONE)


@dataclass(slots=True)
class Tenancy:
    """Who holds a lease."""

    token: int = 0
    holder: str | None = None
    ends: Instant | None = None

    def is_live(self, now: Instant, killed: Collection[str]) -> bool:
        """Whether it keeps others away."""
        return (
            self.ends is not None
            and self.holder not in killed
            and self.ends.boot_id == now.boot_id
            and now.since(self.ends) < 0
        )

    def give(self, holder: str, ends: Instant) -> int:
        """Give it to a process; return its new token."""
        self.token += 1
        self.holder, self.ends = holder, ends
        return self.token


@dataclass(slots=True)
class _Campaign:
    orders: CampaignOrders = field(default_factory=CampaignOrders)
    tenancy: Tenancy = field(default_factory=Tenancy)


class CampaignsOnDisk:
    """What outlives processes."""

    def __init__(self) -> None:
        self.campaigns: dict[str, _Campaign] = {}
        self.noted: list[tuple[str, str, str]] = []
        self.contacts: dict[str, Standing] = {}

    def closed(self, contact: ContactClaim) -> bool:
        """Whether no run of a contact may begin."""
        known = self.contacts.get(contact.key)
        return known is not None and known.state in (ContactState.OPEN, ContactState.DONE)

    def open_contact(self, contact: ContactClaim, started: RunStarted) -> None:
        """Make a contact OPEN with the run that starts."""
        known = self.contacts.get(contact.key)
        self.contacts[contact.key] = Standing(
            key=contact.key,
            campaign=contact.campaign,
            occurrence=contact.occurrence,
            number=started.to,
            row_digest=contact.row_digest,
            state=ContactState.OPEN,
            run_id=started.run_id,
            attempts=(known.attempts if known else 0) + 1,
            started_wall=started.at.wall,
        )


class MemoryCampaigns:
    """One process's view of the campaigns of a store. See `ports.CampaignStore`."""

    def __init__(
        self,
        store: MemoryStore,
        using: Callable[[], AbstractContextManager[None]],
        *,
        now: Callable[[], Instant],
        process: str,
    ) -> None:
        self._store = store
        self._disk = store.campaigns
        self._using = using
        self._now = now
        self._process = process

    def take_campaign(self, campaign: str, *, lease_s: float) -> CampaignLease:
        """Take the right to run a campaign's ticks."""
        with self._using():
            tenancy = self._campaign(campaign).tenancy
            if tenancy.is_live(self._now(), self._store.killed):
                raise LeaseHeldError(f"The campaign {campaign} is being run by {tenancy.holder}.")
            return CampaignLease(campaign=campaign, token=tenancy.give(self._process, self._now().plus(lease_s)))

    def keep_campaign(self, lease: CampaignLease, *, lease_s: float) -> bool:
        """Extend it; return False when it was lost."""
        with self._using():
            tenancy = self._held(lease)
            if tenancy is not None:
                tenancy.ends = self._now().plus(lease_s)
            return tenancy is not None

    def give_campaign_back(self, lease: CampaignLease) -> None:
        """Give it back."""
        with self._using():
            tenancy = self._held(lease)
            if tenancy is not None:
                tenancy.holder = tenancy.ends = None

    def owner_of(self, campaign: str) -> str | None:
        """Return who runs a tick of the campaign now."""
        with self._using():
            tenancy = self._campaign(campaign).tenancy
            return tenancy.holder if tenancy.is_live(self._now(), self._store.killed) else None

    def orders_of(self, campaign: str) -> CampaignOrders:
        """Return what a person told the campaign."""
        with self._using():
            known = self._disk.campaigns.get(campaign)
            return CampaignOrders() if known is None else known.orders

    def order(self, campaign: str, orders: CampaignOrders) -> None:
        """Tell a campaign."""
        with self._using():
            self._campaign(campaign).orders = orders

    def note_file(self, campaign: str, *, occurrence: str, content_digest: str, now_wall: float) -> None:
        """Note that an occurrence has this contacts file."""
        del now_wall  # the order of the notes is enough
        with self._using():
            if (campaign, occurrence, content_digest) not in self._disk.noted:
                self._disk.noted.append((campaign, occurrence, content_digest))

    def called_before(self, campaign: str, *, occurrence: str, content_digest: str) -> str | None:
        """Return the first earlier occurrence that had the same content, and in which somebody was called."""
        with self._using():
            same = [noted[1] for noted in self._disk.noted if (noted[0], noted[2]) == (campaign, content_digest)]
            known = self._disk.contacts.values()
            called = {each.occurrence for each in known if each.campaign == campaign and each.attempts}
            earlier = itertools.takewhile(lambda each: each != occurrence, same)
            return next((each for each in earlier if each in called), None)

    def occurrences_of(self, campaign: str | None) -> list[tuple[str, str]]:
        """Return the (campaign, occurrence) pairs that have a contacts file, the newest first."""
        with self._using():
            pairs = dict.fromkeys(noted[:2] for noted in self._disk.noted if campaign in (None, noted[0]))
            return list(reversed(pairs))

    def standings(self, keys: Collection[str]) -> Mapping[str, Standing]:
        """Return where these contacts stand, by key."""
        with self._using():
            return {key: self._disk.contacts[key] for key in keys if key in self._disk.contacts}

    def put(self, standings: Collection[Standing]) -> None:
        """Write standings, each whole; one that is OPEN with another run is left as it is."""
        with self._using():
            for standing in standings:
                known = self._disk.contacts.get(standing.key)
                if known is None or known.state is not ContactState.OPEN or known.run_id == standing.run_id:
                    written = replace(standing, result=_storable(standing.result), reason=_storable(standing.reason))
                    self._disk.contacts[standing.key] = written

    def all_of(
        self, campaign: str, *, occurrence: str | None = None, state: ContactState | None = None
    ) -> Iterator[Standing]:
        """Yield the standings of a campaign, occurrence by occurrence, in the order they were noted."""
        with self._using():
            found = [
                standing
                for standing in self._disk.contacts.values()
                if standing.campaign == campaign
                and occurrence in (None, standing.occurrence)
                and state in (None, standing.state)
            ]
        yield from sorted(found, key=lambda standing: standing.occurrence)

    def twin_of(self, key: str, *, campaign: str, occurrence: str, row_digest: str) -> Standing | None:
        """Return the contact of the same number and variables that goes before this one."""
        with self._using():
            of_row = (campaign, occurrence, row_digest)
            rows = list(self._disk.contacts.values())
            same = [row for row in rows if (row.campaign, row.occurrence, row.row_digest) == of_row]
        keys = [row.key for row in same]
        earlier = same[: keys.index(key)] if key in keys else same
        called = [row for row in same if row.key != key and row.state in _CALLED]
        waiting = [row for row in earlier if row.state is ContactState.WAITING]
        return next(iter(called + waiting), None)

    def runs_of(self, key: str) -> tuple[str, ...]:
        """Return the ids of the runs made for a contact of an occurrence, the oldest first."""
        with self._using():
            runs = self._store.runs.items()
            found = sorted((run.started.at.wall, run_id) for run_id, run in runs if run.contact_key == key)
            return tuple(run_id for _, run_id in found)

    def contact_of(self, run_id: str) -> str | None:
        """Return the key of the contact that a run was made for."""
        with self._using():
            run = self._store.runs.get(run_id)
            return None if run is None else run.contact_key

    def dialling_runs(self, number: str, *, since_wall: float, but_for: str | None = None) -> tuple[str, ...]:
        """Return the ids of the runs to a number that have dialled since then, or may yet."""
        with self._using():
            found = [
                (run.started.at.wall, run_id)
                for run_id, run in self._store.runs.items()
                if run.started.to == number and run_id != but_for and _may_have_dialled(run.marks)
                if run.ended_wall is None or run.ended_wall >= since_wall
            ]
            return tuple(run_id for _, run_id in sorted(found))

    def _campaign(self, name: str) -> _Campaign:
        return self._disk.campaigns.setdefault(name, _Campaign())

    def _held(self, lease: CampaignLease) -> Tenancy | None:
        tenancy = self._campaign(lease.campaign).tenancy
        return tenancy if tenancy.token == lease.token and tenancy.holder is not None else None


def _may_have_dialled(marks: RunMarks) -> bool:
    return marks.call_id is not None or marks.status not in (Status.COMPLETED, Status.CANCELLED)


def _storable(text: str | None) -> str | None:
    return None if text is None else text.encode("utf-8", "replace").decode("utf-8")
