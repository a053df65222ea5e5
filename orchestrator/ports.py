"""The ports the runtime drives the core through. Each adapter passes its port's suite under `tests/conformance/`.

A port's docstring is its specification. Nothing here knows a library.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from orchestrator.core.budget import Demand
from orchestrator.core.exchange import Reply, Request
from orchestrator.core.instant import Instant
from orchestrator.core.limits import Cut, History, Lived
from orchestrator.core.records import EventReceived, InboxRecord, Record, RunMarks, RunStarted

KEPT_OF_A_HOST = 30
"""So many cuts, and as many clean requests, are kept of a host (`PathStore`)."""


class Clock(Protocol):
    """Tells the time and waits. The only place of the product that sleeps."""

    def now(self) -> Instant:
        """Return this moment by both clocks."""

    def wait(self, until: Instant, wakeup: threading.Event) -> bool:
        """Wait until `until` (by the boot clock) or until `wakeup` is set; return whether it was set."""


class Transport(Protocol):
    """Sends one request and says what came of it; never raises for what the network or the server does.

    - `before_first_byte` is called right before the first request byte is written, after connect and TLS. Whatever it
      raises leaves the request unsent: LeaseLostError is re-raised to the caller of `send`.
    - `once_sent` is called once the whole request was written, in the thread of the caller, before the reply is read:
      what it does costs nobody time while the server is at work. It must not raise.
    - A reply is `not_sent` exactly when that moment was not reached.
    - Exactly one request is made; nothing is repeated or followed.
    - Connections are reused only within one `channel`, only while idle for less than a second, and never by a CREATE.
    """

    def open_channel(self) -> Channel:
        """Return a channel for one run. Channels may be used by different threads at the same time."""

    def close(self) -> None:
        """Close every connection."""


class Channel(Protocol):
    """The requests of one run."""

    def send(
        self,
        request: Request,
        *,
        before_first_byte: Callable[[], None] | None = None,
        once_sent: Callable[[], None] | None = None,
    ) -> Reply:
        """Send `request` and return what came of it. Safe to call from several threads at once."""

    def abort(self) -> None:
        """Shut every open socket of this channel down, from any thread; their sends return at once."""

    def close(self) -> None:
        """Close the channel's connections."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to drive a run.

    Attributes:
        run_id: The run.
        token: The fencing token: grows with every acquisition of this run's lease.
    """

    run_id: str
    token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """One line of `runs`: what was fixed at the start, the marks of the last append, and who drives the run now.

    Attributes:
        run_id: The run.
        started: When it started.
        from_: Who calls; empty where that is not known.
        incoming: It takes a call, and dials nobody.
        marks: Of the last append.
        driven: Whether a live lease exists.
        owner: Who holds that lease, for people: `host:pid`.
        contact_key: The contact of a batch that it was made for.
    """

    run_id: str
    script_name: str
    to: str
    started: Instant
    marks: RunMarks
    driven: bool
    owner: str | None = None
    contact_key: str | None = None
    from_: str = ""
    incoming: bool = False


class ContactState(StrEnum):
    """Where a contact of an occurrence stands."""

    OPEN = "open"  # its run is not over
    AGAIN = "again"  # to be called again, from `due_wall` on
    DONE = "done"  # final
    REFUSED = "refused"  # not called, for a reason that is its own; looked at again at the next tick
    WAITING = "waiting"  # not called yet: a window, a cap, a gap


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of one contact of one occurrence of a campaign.

    Attributes:
        key: The occurrence key (`core.contact.occurrence_key`).
        number: The callee, E.164.
        row_digest: Of its number and variables, to tell an edited row from the same one.
        run_id: Its newest run.
        attempts: Runs created for it.
        due_wall: When it may be called (again), seconds since the epoch; None where that is not known.
        disposition: Of its newest run, once that is over.
        result: Of its newest run.
        reason: Why it was refused or waits, in words.
    """

    key: str
    campaign: str
    occurrence: str
    number: str
    row_digest: str
    state: ContactState
    run_id: str | None = None
    attempts: int = 0
    due_wall: float | None = None
    disposition: str | None = None
    result: str | None = None
    reason: str | None = None
    call_id: str | None = None
    started_wall: float | None = None
    ended_wall: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactClaim:
    """Ties a new run to a contact of an occurrence: at most one run of it is open at a time."""

    key: str
    campaign: str
    occurrence: str
    row_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignLease:
    """The right to run the ticks of a campaign."""

    campaign: str
    token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignOrders:
    """What a person told a campaign: `batch pause` and `batch stop`."""

    paused: bool = False
    stopped: bool = False


class CampaignStore(Protocol):
    """What the ticks of all campaigns have done. In the journal's file, so that it shares transactions with the runs.

    Every method raises JournalError when it cannot do its work. Leases follow the rules of `Journal`.
    """

    def take_campaign(self, campaign: str, *, lease_s: float) -> CampaignLease:
        """Take the right to run a campaign's ticks. Raises LeaseHeldError while a live process has it."""

    def keep_campaign(self, lease: CampaignLease, *, lease_s: float) -> bool:
        """Extend it; return False when it was lost."""

    def give_campaign_back(self, lease: CampaignLease) -> None:
        """Give it back."""

    def owner_of(self, campaign: str) -> str | None:
        """Return who runs a tick of the campaign now, for people: `host:pid`; None for nobody."""

    def orders_of(self, campaign: str) -> CampaignOrders:
        """Return what a person told the campaign."""

    def order(self, campaign: str, orders: CampaignOrders) -> None:
        """Tell a campaign; it takes effect within moments in a tick that runs, and holds until told otherwise."""

    def note_file(self, campaign: str, *, occurrence: str, content_digest: str, now_wall: float) -> None:
        """Note that an occurrence has this contacts file."""

    def called_before(self, campaign: str, *, occurrence: str, content_digest: str) -> str | None:
        """Return the first earlier occurrence that had the same content, and in which somebody was called.

        Earlier is what was noted before this occurrence, or, while that is not noted with this content, anything.
        """

    def standings(self, keys: Collection[str]) -> Mapping[str, Standing]:
        """Return where these contacts stand, by key; contacts never seen are left out."""

    def put(self, standings: Collection[Standing]) -> None:
        """Write standings, each whole, in one transaction; one that is OPEN with another run is left as it is."""

    def all_of(
        self, campaign: str, *, occurrence: str | None = None, state: ContactState | None = None
    ) -> Iterator[Standing]:
        """Yield the standings of a campaign, without holding all of them."""

    def twin_of(self, key: str, *, campaign: str, occurrence: str, row_digest: str) -> Standing | None:
        """Return the contact of the occurrence with the same number and variables that goes before this one.

        That is one that was called or is to be called again, else one that has waited for longer; never a refused one.
        """

    def runs_of(self, key: str) -> tuple[str, ...]:
        """Return the ids of the runs made for a contact of an occurrence, the oldest first."""

    def contact_of(self, run_id: str) -> str | None:
        """Return the occurrence key of the contact that a run was made for; None for one that is of no batch."""

    def occurrences_of(self, campaign: str | None) -> list[tuple[str, str]]:
        """Return (campaign, occurrence) pairs, the newest first."""

    def dialling_runs(self, number: str, *, since_wall: float, but_for: str | None = None) -> tuple[str, ...]:
        """Return the ids of the runs to a number that may have dialled since then, across campaigns, the oldest first.

        Not among them: those that had ended by then, that ended well or were given up without a call, and the one of
        the id `but_for`. Among them are those that are yet to dial, and those that failed, of which their records
        tell whether they ever dialled.
        """


@dataclass(frozen=True, slots=True)
class Place:
    """A place within the request limits of an account.

    Attributes:
        wall: When the request may leave, seconds since the epoch; not before then.
        number: Names the place; None where nothing was reserved, and the place must be asked for again at `wall`.
    """

    wall: float
    number: int | None


class RequestBudget(Protocol):
    """The request limits of one account of the API, shared by everybody who keeps the same journal.

    What is asked for is `core.budget`'s to decide; here it is decided and reserved in one transaction, so that no two
    processes get the same place. A place is taken before the intent is written, and counts for a minute from its moment
    on, whether or not the request leaves. Every method raises JournalError when it cannot do its work.
    """

    def take(self, demand: Demand, *, run_id: str) -> Place:
        """Reserve the next place for a request of a run.

        Places of live calls are given out in the order in which they are asked for. A new dial gets one only when it
        may leave at once, and when the calls that are live (run not ended, driven, and dialled or about to) leave room
        for it; else nothing is reserved.
        """

    def give_back(self, place: Place) -> None:
        """Free a place that will not be used. One that is forgotten already does no harm."""

    def room_at(self, demand: Demand) -> float:
        """Return when a new dial may be thought of, seconds since the epoch, with every driven run as a live call.

        Nothing is reserved: it keeps a batch from creating runs that would only wait.
        """


class PathStore(Protocol):
    """What requests have told of the way to each API's host, shared by everybody who keeps the same journal.

    It is kept small, and forgets: what is older than `core.limits.FORGET_AFTER_S`, and of each host all but the newest
    `KEPT_OF_A_HOST` cuts and as many clean requests. Every method raises JournalError when it cannot do its work.
    """

    def add_cut(self, cut: Cut) -> None:
        """Keep a cut, and forget what is too old by the time of it."""

    def add_lived(self, lived: Lived) -> None:
        """Keep a clean request, likewise."""

    def read(self, host: str) -> History:
        """Return what is kept of a host, the newest first; nothing of one that was never heard of."""


class Taken(StrEnum):
    """What became of an event, or of any message that nobody waits for."""

    STORED = "stored"  # on disk, in the inbox of its run
    FULL = "full"  # its run has unread messages enough
    ENDED = "ended"  # its run is over
    UNKNOWN = "unknown"  # nobody of this journal owns its call
    RINGING = "ringing"  # an incoming call, which was handed on
    FAILED = "failed"  # it could not be kept: whoever sent it is to send it to another address


class EventSink(Protocol):
    """Where events go that somebody sent us. It waits for the disk, so it is not to be called in an event loop."""

    def take_all(self, events: Sequence[EventReceived]) -> list[Taken]:
        """Keep events and return what became of each. Raises JournalError: nothing of them is kept."""


class Journal(Protocol):
    """The append-only records of all runs; the truth. Every method raises JournalError when it cannot do its work.

    - `append` returns only after the records are on disk. Several threads may append at once; their transactions may
      share one fsync, but a failing one (LeaseLostError, NumberBlockedError) fails alone.
    - A lease is free when it was released, when its time is over by the boot clock of the same boot, or when its owner
      was on this host and is gone (pid, start time, boot id). A lease of another boot of this host is free.
    - Each acquisition of a run's lease makes a greater token. Every append checks the token in its own transaction.
    - The sequence numbers of a run's records are unique and without gaps.
    - At most one run claims a number's dial (`RunMarks.claims_dial`). A claim blocks others while its run's lease is
      live, or until `claim_until_wall`; one that blocks no more is taken over by the next run that claims.
    """

    def start_run(
        self,
        started: RunStarted,
        *,
        lease_s: float,
        contact: ContactClaim | None = None,
        beside: Collection[str] | None = None,
    ) -> Lease:
        """Create a run with its first record and its lease, and claim its number's dial, in one transaction.

        With `contact`, the contact becomes OPEN in the same transaction, with this run and one attempt more. A run
        that takes an incoming call owns that call from then on, and claims no number.

        With `beside`, the number may have only the calls of these runs up (see `calls_to`): the run is refused where
        another one has come to have one since the caller looked.

        Raises:
            NumberBlockedError: Another run's dial to the same number is unsettled, or it has a call up that is not
                among those of `beside`; nothing was created.
            AlreadyCalledError: The contact is OPEN or DONE; nothing was created.
            CallTakenError: Another run has the incoming call that this one is to take; nothing was created.
        """

    def append(self, lease: Lease, records: Sequence[Record], marks: RunMarks) -> None:
        """Append records and set the marks in one durable transaction.

        Raises:
            LeaseLostError: The token is no longer the newest, or the run is unknown.
            NumberBlockedError: `marks` claim the dial of a number that another run's claim blocks.
        """

    def read(self, run_id: str) -> list[Record]:
        """Return a run's records in order. Raises NoSuchRunError."""

    def runs(self, *, unfinished: bool = False, limit: int | None = None) -> Iterator[RunSummary]:
        """Yield runs, the newest first; only those that have not ended when `unfinished`, at most `limit` of them.

        Runs that begin meanwhile are not among them. Each stands as it was when it was read, and the journal may be
        written to between two of them.
        """

    def find_run(self, prefix: str) -> str:
        """Return the id of the one run whose id starts with `prefix`. Raises NoSuchRunError, naming the candidates."""

    def owners_of(self, call_ids: Collection[str]) -> Mapping[str, str]:
        """Return for each of the calls that a run owns (`RunMarks.call_id`) that run's id."""

    def calls_to(self, number: str) -> Mapping[str, bool]:
        """Return the runs that have called `number` and have not ended, by id, with whether somebody drives them.

        Runs that took an incoming call have called nobody.
        """

    def acquire(self, run_id: str, *, lease_s: float) -> Lease:
        """Take the lease of a run that is free.

        Raises:
            LeaseHeldError: A live driver holds it.
            NoSuchRunError: There is no such run.
        """

    def renew(self, leases: Sequence[Lease], *, lease_s: float) -> frozenset[str]:
        """Extend leases; return the ids of the runs whose lease was lost."""

    def release(self, lease: Lease) -> None:
        """Give a lease back. Releasing a lost one does nothing."""

    def check(self, lease: Lease) -> None:
        """Make sure, right before a first byte, that the fencing token is still the newest. Raises LeaseLostError."""

    def put_inbox(self, run_id: str, record: InboxRecord) -> None:
        """Leave a message for a run's driver, without a token. Raises NoSuchRunError."""

    def put_inbox_many(self, mail: Sequence[tuple[str, InboxRecord]], *, most_unread: int) -> list[Taken]:
        """Leave messages, each for the run it names, in one durable transaction; return what became of each.

        STORED; or left out: ENDED, UNKNOWN where there is no such run, FULL where it has `most_unread` already.
        """

    def take_inbox(self, lease: Lease) -> list[InboxRecord]:
        """Return the messages for a run, the oldest first.

        They leave the inbox with the next `append` of this lease, in its transaction, so that a crash loses none.
        """

    def inbox_waiting(self, run_ids: Collection[str]) -> frozenset[str]:
        """Return those of the runs that have messages."""

    def close(self) -> None:
        """Close the file. Leases stay as they are."""
