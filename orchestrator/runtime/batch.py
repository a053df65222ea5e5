"""One tick of a campaign: who is unfinished first, then who is due, each contact by the rules, at the campaign's pace.

A batch is many runs; everything true of one run stays true of each. What is decided about a contact is `admission`'s,
where contacts stand is the campaign store's. Called by `batches`; it names no adapter and reads no file.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import islice

from orchestrator.core.admission import LEFT_OUT, PAUSED, Call, Known, Later, Refused, Spent, Tick, admit
from orchestrator.core.contact import Contact, occurrence_key, row_digest
from orchestrator.core.evolve import fold
from orchestrator.core.instant import Instant
from orchestrator.core.script import Value
from orchestrator.core.state import Phase
from orchestrator.errors import (
    AlreadyCalledError,
    JournalError,
    LeaseHeldError,
    LeaseLostError,
    NumberBlockedError,
    ScriptError,
    UsageError,
)
from orchestrator.ports import CampaignLease, CampaignStore, Clock, ContactState, Journal, Standing
from orchestrator.runtime.adrift import Adrift
from orchestrator.runtime.calling import Calling, before_its_run
from orchestrator.runtime.control import Control
from orchestrator.runtime.driver import Observer
from orchestrator.runtime.facts import FactFinder, is_undialled
from orchestrator.runtime.job import Finished, Job, TickReport
from orchestrator.runtime.messages import Messages
from orchestrator.runtime.occurrences import close_what_is_over, refuse_an_old_file
from orchestrator.runtime.pace import PULSE_S, Pace
from orchestrator.runtime.runner import Runner
from orchestrator.runtime.settling import Settling

_TAKEN_UP = (
    "calls of which nobody knows whether they are up take all places (`concurrency`), until they are resolved or their "
    "`max_call` is over"
)
CHUNK = 200
"""Contacts looked up at a time: what is held of a file of any size."""


class Batch:
    """Runs one tick of one campaign."""

    def __init__(
        self,
        *,
        runner: Runner,
        journal: Journal,
        store: CampaignStore,
        clock: Clock,
        control: Control,
        job: Job,
        lease_s: float,
        observer: Observer | None = None,
        told: Callable[[Finished], None] | None = None,
        enough: Callable[[], bool] = lambda: False,
    ) -> None:
        """Take what a tick needs.

        Args:
            runner: Drives the calls.
            journal: Has their records.
            store: Has the standings.
            clock: Tells the time and waits.
            control: What the process was told to do.
            job: What the tick works on.
            lease_s: How long the campaign is held without a sign of life.
            observer: Is told of every record of every run.
            told: Hears of every call that has come to rest.
            enough: Asked again and again; once true, no call is begun any more.
        """
        self._runner = runner
        self._journal = journal
        self._store = store
        self._clock = clock
        self._control = control
        self._job = job
        self._lease_s = lease_s
        self._observer = observer
        self._tick = Tick(campaign=job.campaign, occurrence=job.occurrence, longest_s=job.longest_s)
        self._facts = FactFinder(
            journal=journal,
            store=store,
            rules=self._tick,
            zones_of=job.zones_of,
            forbidden=job.forbidden,
            holidays_of=job.holidays_of,
            longest_of=job.longest_of,
        )
        dial = job.dial
        room = (lambda: None) if dial is None else partial(runner.room_for, dial)
        self._adrift = Adrift(journal, clock)
        self._pace = Pace(job.campaign, clock, must_stop=self._must_stop, room=room, adrift=self._adrift.count)
        self._report = TickReport()
        self._enough = enough
        self._guard = threading.Lock()  # of what the calls' threads change, the report among it
        self._messages = Messages(
            runner=runner, journal=journal, store=store, job=job, trouble=self._trouble, observer=observer
        )
        self._settling = Settling(
            store=store,
            clock=clock,
            job=job,
            facts=self._facts,
            messages=self._messages,
            report=self._report,
            guard=self._guard,
            told=told,
        )
        self._calling = Calling(
            runner=runner,
            journal=journal,
            store=store,
            control=control,
            job=job,
            settling=self._settling,
            adrift=self._adrift,
            report=self._report,
            guard=self._guard,
            not_called=lambda standing: self._spend(standing, -1),
            trouble=self._trouble,
            observer=observer,
        )
        self._lease: CampaignLease | None = None
        self._is_ours = True
        self._began = self._kept = self._listened = clock.now()
        self._spent = Spent()
        self._live: dict[str, str] = {}  # the number that is being called, by the contact's key

    def tick(self) -> TickReport:
        """Run the tick: carry on, call, and wait for the calls to end.

        Raises:
            LeaseHeldError: Another process runs a tick of this campaign.
            SameFileError: The contacts were called in an earlier occurrence. What was unfinished was carried on with.
            JournalError: It could not be written; live calls were ended.
            ContactsError: The contacts cannot be read; live calls came to their end.
        """
        self._lease = self._store.take_campaign(self._job.campaign.name, lease_s=self._lease_s)
        try:
            self._listen(self._clock.now())
            close_what_is_over(self._store, self._job, now_wall=self._clock.now().wall)
            with self._pace:
                try:
                    self._carry_on()
                    self._pace.drain()
                    self._give_up_what_is_over()
                    self._note_the_file()
                    left = self._call_all()
                    while left:
                        self._pace.drain()
                        left = self._call_all(only=left)
                    self._pace.drain()
                except JournalError:
                    self._control.stop(grace_s=0.0, why="the journal failed")
                    raise
        finally:
            self._store.give_campaign_back(self._lease)
        return self._report

    # --- what is unfinished -------------------------------------------------------------------------------------------

    def _carry_on(self) -> None:
        """Settle the contacts whose runs have ended, and resume the others, before anybody new is called."""
        campaign = self._job.campaign.name
        unfinished = list(self._store.all_of(campaign, state=ContactState.OPEN))
        secrets = self._secrets_of({standing.key for standing in unfinished}) if unfinished else {}
        for standing in unfinished:
            if standing.run_id is None:
                continue
            state = fold(self._journal.read(standing.run_id))
            if state.end is None and is_undialled(state):
                self._calling.undialled[standing.key] = standing
            elif state.end is not None:
                self._report.left_over.add(standing.key)
                self._begin(standing, self._settling.settle, standing, state)
            elif state.phase is not Phase.UNDECIDED or state.watching:
                self._report.left_over.add(standing.key)
                self._begin(standing, self._calling.carry_on, standing, secrets.get(standing.key, {}))
            else:
                self._adrift.note(state)
        for standing in self._messages.unfinished():
            self._begin(standing, self._messages.resume, standing)

    def _secrets_of(self, keys: set[str]) -> dict[str, Mapping[str, Value]]:
        if not self._job.has_secrets:
            return {}
        found = {}
        for contact in self._contacts():
            key = self._key(contact)
            if key in keys:
                with suppress(UsageError, ScriptError):  # its own call ends without them; the others go on
                    found[key] = self._job.prepare(contact).secrets
        return found

    def _give_up_what_is_over(self) -> None:
        """End the runs that never dialled and whose occurrence is over: nobody is called for it any more."""
        for standing in list(self._calling.undialled.values()):
            if standing.occurrence != self._job.occurrence.name and standing.run_id is not None:
                result = self._runner.cancel(standing.run_id, why="its occurrence is over", observer=self._observer)
                if result is not None and result.state.end is not None:
                    self._store.put([replace(standing, attempts=standing.attempts - 1)])  # nobody was dialled
                    self._settling.settle(standing, result.state)

    # --- calling ------------------------------------------------------------------------------------------------------

    def _call_all(self, *, only: Collection[str] | None = None) -> set[str]:
        """Offer every contact, or those of these keys.

        Return the keys of those that must be asked about again, since their number was in use. Nobody else is: one that
        was refused a moment ago would be refused again, and keep another one of its number waiting by that.
        """
        left: set[str] = set()
        for priority in self._priorities():
            wanted = (contact for contact in self._contacts() if priority is None or contact.priority == priority)
            for chunk in _chunks(wanted):
                rows: dict[str, Contact] = {}
                for contact in chunk:
                    if rows.setdefault(self._key(contact), contact) is not contact:
                        self._job.come_to()  # and passes it over: it is the same contact in a later row
                keys = [key for key in rows if only is None or key in only]
                left |= self._call_these(keys, rows)
                if self._must_stop():
                    return set()
        return left

    def _call_these(self, keys: list[str], rows: Mapping[str, Contact]) -> set[str]:
        """Offer contacts, each once; return the keys of those whose number was in use."""
        left: set[str] = set()
        noted: list[Standing] = []
        with self._guard:
            moving = set(self._live)  # the same contact in an earlier row: where it stands is about to change
        standings = self._store.standings(keys)
        for key in keys:
            if self._must_stop():
                break
            self._job.come_to()
            if self._number_in_use(rows[key]):
                left.add(key)
                continue
            standing = self._store.standings([key]).get(key) if key in moving else standings.get(key)
            if (found := self._offer(rows[key], standing)) is not None:
                noted.append(found)
        self._must_stop()
        if self._is_ours:  # one that was stopped for long must not write over what another one has done since
            self._store.put(noted)
        return left

    def _note_the_file(self) -> None:
        """Note the contacts file. Raises SameFileError where it was called before, and is not to be called again."""
        job, digest = self._job, self._job.content_digest
        now_wall = self._clock.now().wall
        self._store.note_file(
            job.campaign.name, occurrence=job.occurrence.name, content_digest=digest, now_wall=now_wall
        )
        refuse_an_old_file(self._store, job.campaign, job.occurrence, content_digest=digest)

    def _priorities(self) -> list[int] | list[None]:
        """Return the priorities there are, the highest first; the file is read once for each."""
        if not self._job.has_priorities:
            return [None]
        return sorted({contact.priority for contact in self._contacts()}, reverse=True)

    def _contacts(self) -> Iterator[Contact]:
        return (row for row in self._job.contacts() if isinstance(row, Contact))

    def _number_in_use(self, contact: Contact) -> bool:
        """Return whether this tick has a call to that number for another contact, or for the same in another row."""
        with self._guard:
            return contact.to in self._live.values() or self._key(contact) in self._live

    def _offer(self, contact: Contact, standing: Standing | None) -> Standing | None:
        """Call a contact, or return what to note of one that is not called now."""
        key = self._key(contact)
        undialled = self._calling.undialled.get(key)
        if standing is not None and undialled is None and standing.state in (ContactState.OPEN, ContactState.DONE):
            return None
        self._pace.wait_for_a_place()
        if self._must_stop():
            return None
        now = self._clock.now()
        if undialled is not None and standing is not None:
            standing = before_its_run(standing)
        run_id = None if undialled is None else undialled.run_id
        facts = self._facts.of(contact, key, standing, now_wall=now.wall, undialled=run_id)
        with self._guard:
            spent = replace(self._spent, running_s=now.since(self._began))
        blank = standing or self._blank(contact, key)
        match admit(contact, facts, self._tick, spent=spent, now_wall=now.wall):
            case Call(ring_by_wall=ring_by_wall):
                self._pace.note_start()
                self._spend(blank)
                self._calling.undialled.pop(key, None)
                arguments = (contact, undialled or blank, ring_by_wall)
                self._begin(blank, self._calling.call, *arguments, longest_s=facts.longest_s)
                return None
            case _ if undialled is not None:
                return None  # its run waits as it is
            case Later(due_wall=due_wall, reason=reason):
                state = blank.state if blank.state is ContactState.AGAIN else ContactState.WAITING
                return replace(blank, state=state, due_wall=due_wall or blank.due_wall, reason=reason)
            case Refused(reason=reason):
                return replace(blank, state=ContactState.REFUSED, due_wall=None, reason=reason)
            case Known(reason=reason):
                is_again = blank.state is ContactState.AGAIN
                return replace(blank, state=ContactState.DONE, due_wall=None, reason=reason) if is_again else None

    def _blank(self, contact: Contact, key: str) -> Standing:
        return Standing(
            key=key,
            campaign=self._job.campaign.name,
            occurrence=self._job.occurrence.name,
            number=contact.to,
            row_digest=row_digest(contact),
            state=ContactState.WAITING,
        )

    def _spend(self, standing: Standing, calls: int = 1) -> None:
        """Count a call against the limits of the tick; with -1, take it back."""
        with self._guard:
            self._report.called += calls
            is_redial = standing.state is ContactState.AGAIN or standing.attempts > 1
            first = 0 if is_redial else calls
            spent = self._spent
            self._spent = replace(spent, calls=spent.calls + first, attempts=spent.attempts + calls)

    def _begin(
        self, standing: Standing, work: Callable[..., None], *arguments: object, longest_s: float | None = None
    ) -> None:
        """Start a thread for a contact's call; as long as it lives, nobody else is called at that number."""
        reserved_s = longest_s or self._job.longest_s
        with self._guard:
            self._live[standing.key] = standing.number
            self._spent = replace(self._spent, call_s=self._spent.call_s + reserved_s)
        self._pace.start(self._watched, standing, reserved_s, work, *arguments)

    def _watched(self, standing: Standing, reserved_s: float, work: Callable[..., None], *arguments: object) -> None:
        began = self._clock.now()
        try:
            work(*arguments)
        except (AlreadyCalledError, NumberBlockedError):
            pass  # another process was faster, or has a carried-on run's number; what it does is its own
        except (LeaseHeldError, LeaseLostError):
            self._calling.leave_to_another(standing)
        finally:
            lasted_s = self._clock.now().since(began)
            with self._guard:
                del self._live[standing.key]
                self._spent = replace(self._spent, call_s=self._spent.call_s - reserved_s + lasted_s)

    def _trouble(self, text: str, *codes: int) -> None:
        with self._guard:
            self._report.troubles.append(text)
            self._report.codes.update(codes)

    # --- orders -------------------------------------------------------------------------------------------------------

    def _must_stop(self) -> bool:
        """Keep the campaign's lease, and hear what a person or a signal says."""
        now = self._clock.now()
        if now.since(self._listened) >= PULSE_S:
            self._listened = now
            self._listen(now)
        if self._control.told.is_set():
            self._report.stopped = self._report.stopped or "a signal ended it"
        elif self._enough():
            self._report.stopped = self._report.stopped or "nobody asks for its results any more"
        elif self._report.stopped is None and self._is_taken_up():
            self._report.stopped = _TAKEN_UP
        return self._report.stopped is not None

    def _is_taken_up(self) -> bool:
        """Whether all places are taken by calls that nobody steers: to wait for their end would last for minutes."""
        with self._guard:
            is_idle = not self._live
        return is_idle and self._adrift.nobodys() >= self._job.campaign.concurrency

    def _listen(self, now: Instant) -> None:
        assert self._lease is not None, "a tick has the campaign's lease"
        if now.since(self._kept) >= self._lease_s / 3:
            self._kept = now
            if not self._store.keep_campaign(self._lease, lease_s=self._lease_s):
                self._is_ours = False
                self._report.stopped = "another process has taken the campaign over"
        orders = self._store.orders_of(self._job.campaign.name)
        if orders.stopped:
            self._report.stopped, self._report.is_over = LEFT_OUT, True
        elif orders.paused:
            self._report.stopped = PAUSED

    def _key(self, contact: Contact) -> str:
        campaign, occurrence = self._job.campaign.name, self._job.occurrence.name
        return occurrence_key(campaign=campaign, contact=contact.key, occurrence=occurrence)


def _chunks(contacts: Iterable[Contact]) -> Iterator[list[Contact]]:
    rows = iter(contacts)
    while chunk := list(islice(rows, CHUNK)):
        yield chunk
