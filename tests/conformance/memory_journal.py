"""A journal in memory, for tests that need thousands of crashes a second. It passes the same suite as the real one.

A `MemoryStore` is the disk; each `MemoryJournal` on it is one process. Records pass through the codec, so that what is
never written down is lost here too. Deterministic: no clock, no file, no real process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from orchestrator.core import codec
from orchestrator.core.instant import Instant
from orchestrator.core.records import InboxRecord, Record, RunMarks, RunStarted
from orchestrator.errors import (
    AlreadyCalledError,
    CallTakenError,
    JournalError,
    LeaseHeldError,
    LeaseLostError,
    NoSuchRunError,
    NumberBlockedError,
)
from orchestrator.ports import ContactClaim, Lease, RunSummary, Taken
from tests.conformance.memory_budget import MemoryBudget, Requested
from tests.conformance.memory_campaigns import CampaignsOnDisk, MemoryCampaigns, Tenancy
from tests.conformance.memory_paths import MemoryPaths, StoredPaths


@dataclass(slots=True)
class _Run:
    """What the store holds of one run."""

    started: RunStarted
    texts: list[str]
    marks: RunMarks = field(default_factory=RunMarks)
    claims: bool = False
    ended_wall: float | None = None
    contact_key: str | None = None
    tenancy: Tenancy = field(default_factory=Tenancy)
    inbox: list[tuple[int, str]] = field(default_factory=list)


class MemoryStore:
    """What outlives processes: the runs, the campaigns, and which processes were killed."""

    def __init__(self) -> None:
        self.runs: dict[str, _Run] = {}
        self.campaigns = CampaignsOnDisk()
        self.paths = StoredPaths()
        self.killed: set[str] = set()
        self.lock = threading.RLock()
        self.messages = 0
        self.requested: dict[int, Requested] = {}
        self.numbers = 0

    def kill(self, process: str) -> None:
        """End a process without a word: its leases are free, its journals answer no more."""
        self.killed.add(process)


class MemoryJournal:
    """One process's view of a store. See `ports.Journal`.

    Attributes:
        campaigns: The campaigns of the same store (`ports.CampaignStore`).
        paths: What the store knows of the ways to APIs (`ports.PathStore`).
        appends: How many appends this journal was asked for; with `fail_after` it numbers the crash points of a run.
    """

    def __init__(self, *, now: Callable[[], Instant], store: MemoryStore | None = None, process: str = "this") -> None:
        self.store = store or MemoryStore()
        self.paths = MemoryPaths(self.store.paths, self._using)
        self.campaigns = MemoryCampaigns(self.store, self._using, now=now, process=process)
        self.appends = 0
        self._now = now
        self._process = process
        self._taken: dict[Lease, int] = {}
        self._fails_at: int | None = None
        self._takes_effect = False
        self._closed = False

    def fail_after(self, appends: int, *, takes_effect: bool) -> None:
        """Let the append after that many further ones, and all that follow, raise JournalError.

        Args:
            appends: How many still succeed.
            takes_effect: Whether the first that fails is on disk all the same (the process died before it knew).
        """
        self._fails_at = self.appends + appends
        self._takes_effect = takes_effect

    def start_run(
        self,
        started: RunStarted,
        *,
        lease_s: float,
        contact: ContactClaim | None = None,
        beside: Collection[str] | None = None,
    ) -> Lease:
        """Create a run with its first record and its lease, and claim its number's dial."""
        with self._using():
            text = codec.encode(started)
            if started.run_id in self.store.runs:
                raise JournalError(f"There is a run {started.run_id} already.")
            if contact is not None and self.store.campaigns.closed(contact):
                raise AlreadyCalledError("This contact was called, or is being called.")
            others = [] if beside is None else [each for each in self._called(started.to) if each not in beside]
            if others:
                raise NumberBlockedError("It has a call up.", blocking_run_id=others[0], being_settled=True)
            if started.call is None:
                self._free_number(started.to, started.run_id)
            else:
                self._refuse_taken(started.call.call_id)
            run = _Run(started=started, texts=[text], claims=bool(started.to) and started.call is None)
            if started.call is not None:
                run.marks = RunMarks(call_id=started.call.call_id, claims_dial=False)
            if contact is not None:
                self.store.campaigns.open_contact(contact, started)
                run.contact_key = contact.key
            self.store.runs[started.run_id] = run
            return self._give(run, lease_s)

    def append(self, lease: Lease, records: Sequence[Record], marks: RunMarks) -> None:
        """Append records and set the marks."""
        with self._using():
            texts = [codec.encode(record) for record in records]
            self.appends += 1
            failing = self._fails_at is not None and self.appends > self._fails_at
            if failing and not (self._takes_effect and self.appends - 1 == self._fails_at):
                raise JournalError("The journal failed, as the test wanted.")
            run = self._held(lease)
            if marks.claims_dial and not run.claims:
                self._free_number(run.started.to, lease.run_id)
            run.claims = marks.claims_dial and bool(run.started.to)
            run.texts += texts
            run.marks = marks
            if marks.ended and run.ended_wall is None:
                run.ended_wall = self._now().wall
            upto = self._taken.pop(lease, 0)
            run.inbox = [message for message in run.inbox if message[0] > upto]
            if failing:
                raise JournalError("The journal failed after the records were on disk, as the test wanted.")

    def read(self, run_id: str) -> list[Record]:
        """Return a run's records in order."""
        with self._using():
            return [codec.decode(text) for text in self._run(run_id).texts]

    def runs(self, *, unfinished: bool = False, limit: int | None = None) -> Iterator[RunSummary]:
        """Yield runs, the newest first."""
        with self._using():
            found = sorted(self.store.runs.items(), key=lambda item: (item[1].started.at.wall, item[0]), reverse=True)
            summaries = [self._summary(run) for _, run in found if not (unfinished and run.marks.ended)]
        yield from summaries[:limit]

    def find_run(self, prefix: str) -> str:
        """Return the id of the one run whose id starts with `prefix`."""
        with self._using():
            found = sorted(run_id for run_id in self.store.runs if run_id.startswith(prefix))
            if prefix and (len(found) == 1 or prefix in found):
                return found[0]
            raise NoSuchRunError(f"{len(found)} runs begin with {prefix!r}: {', '.join(found[:5])}.")

    def owners_of(self, call_ids: Collection[str]) -> Mapping[str, str]:
        """Return for each of the calls that a run owns that run's id."""
        with self._using():
            owners = {run.marks.call_id: run_id for run_id, run in self.store.runs.items()}
            return {call_id: owners[call_id] for call_id in call_ids if call_id in owners}

    def calls_to(self, number: str) -> dict[str, bool]:
        """Return the runs that have called a number and have not ended, with whether somebody drives them."""
        with self._using():
            return {run_id: self._is_live(run) for run_id, run in self._called(number).items()}

    def _called(self, number: str) -> dict[str, _Run]:
        called = {run_id: run for run_id, run in self.store.runs.items() if run.started.to == number}
        return {
            run_id: run
            for run_id, run in called.items()
            if run.marks.call_id is not None and run.started.call is None and not run.marks.ended
        }

    def acquire(self, run_id: str, *, lease_s: float) -> Lease:
        """Take the lease of a run that is free."""
        with self._using():
            run = self._run(run_id)
            if self._is_live(run):
                raise LeaseHeldError(f"Run {run_id} is driven by {run.tenancy.holder}.")
            return self._give(run, lease_s)

    def renew(self, leases: Sequence[Lease], *, lease_s: float) -> frozenset[str]:
        """Extend leases; return the ids of the runs whose lease was lost."""
        with self._using():
            lost = set()
            for lease in leases:
                try:
                    self._held(lease).tenancy.ends = self._now().plus(lease_s)
                except LeaseLostError:
                    lost.add(lease.run_id)
            return frozenset(lost)

    def release(self, lease: Lease) -> None:
        """Give a lease back."""
        with self._using():
            self._taken.pop(lease, None)
            run = self.store.runs.get(lease.run_id)
            if run is not None and run.tenancy.token == lease.token:
                run.tenancy.holder = run.tenancy.ends = None

    def check(self, lease: Lease) -> None:
        """Re-read the fencing token."""
        with self._using():
            self._held(lease)

    def put_inbox(self, run_id: str, record: InboxRecord) -> None:
        """Leave a message for a run's driver."""
        with self._using():
            run = self._run(run_id)
            self.store.messages += 1
            run.inbox.append((self.store.messages, codec.encode(record)))

    def put_inbox_many(self, mail: Sequence[tuple[str, InboxRecord]], *, most_unread: int) -> list[Taken]:
        """Leave messages for several runs."""
        with self._using():
            return [self._put(run_id, record, most_unread) for run_id, record in mail]

    def _put(self, run_id: str, record: InboxRecord, most_unread: int) -> Taken:
        run = self.store.runs.get(run_id)
        if run is None or run.marks.ended:
            return Taken.UNKNOWN if run is None else Taken.ENDED
        if len(run.inbox) >= most_unread:
            return Taken.FULL
        self.store.messages += 1
        run.inbox.append((self.store.messages, codec.encode(record)))
        return Taken.STORED

    def take_inbox(self, lease: Lease) -> list[InboxRecord]:
        """Return the messages for a run, the oldest first."""
        with self._using():
            run = self.store.runs.get(lease.run_id)
            messages = [] if run is None else run.inbox
            if messages:
                self._taken[lease] = messages[-1][0]
            found = [codec.decode(text) for _, text in messages]
            return [record for record in found if isinstance(record, InboxRecord)]

    def inbox_waiting(self, run_ids: Collection[str]) -> frozenset[str]:
        """Return those of the runs that have messages."""
        with self._using():
            return frozenset(run_id for run_id in run_ids if run_id in self.store.runs and self._run(run_id).inbox)

    def budget_of(self, account: str) -> MemoryBudget:
        """Return the request limits of an account."""
        return MemoryBudget(self.store, self._using, now=self._now, account=account)

    def close(self) -> None:
        """Answer no more."""
        self._closed = True

    @contextmanager
    def _using(self) -> Iterator[None]:
        if self._closed or self._process in self.store.killed:
            raise JournalError("This journal was closed.")
        with self.store.lock:
            yield

    def _run(self, run_id: str) -> _Run:
        try:
            return self.store.runs[run_id]
        except KeyError:
            raise NoSuchRunError(f"No run has the id {run_id!r}.") from None

    def _held(self, lease: Lease) -> _Run:
        run = self.store.runs.get(lease.run_id)
        if run is None or run.tenancy.token != lease.token or run.tenancy.holder is None:
            raise LeaseLostError(f"The lease of run {lease.run_id} was lost.")
        return run

    def _give(self, run: _Run, lease_s: float) -> Lease:
        token = run.tenancy.give(self._process, self._now().plus(lease_s))
        return Lease(run_id=run.started.run_id, token=token)

    def _is_live(self, run: _Run) -> bool:
        return run.tenancy.is_live(self._now(), self.store.killed)

    def _refuse_taken(self, call_id: str) -> None:
        """Raise CallTakenError where another run has this incoming call."""
        taken = [run.started.call for run in self.store.runs.values() if run.started.call is not None]
        if any(call.call_id == call_id for call in taken):
            raise CallTakenError("Another run has taken this call.")

    def _free_number(self, number: str, for_run: str) -> None:
        """End another run's claim that blocks no more. Raises NumberBlockedError."""
        for run_id, run in self.store.runs.items():
            if run_id == for_run or not run.claims or run.started.to != number:
                continue
            until, live = run.marks.claim_until_wall, self._is_live(run)
            if live or (until is not None and self._now().wall < until):
                raise NumberBlockedError("That number is blocked.", blocking_run_id=run_id, being_settled=live)
            run.claims = False

    def _summary(self, run: _Run) -> RunSummary:
        driven = self._is_live(run)
        return RunSummary(
            run_id=run.started.run_id,
            script_name=run.started.script_name,
            to=run.started.to,
            started=run.started.at,
            marks=run.marks,
            driven=driven,
            owner=f"memory:{run.tenancy.holder}" if driven else None,
            contact_key=run.contact_key,
            from_=run.started.from_,
            incoming=run.started.call is not None,
        )
