"""The composition of a batch: a campaign, its script, contacts, lists and calendars → ticks, results and previews.

A thin layer over `compose`: `batch` of the CLI uses it, and so can an application that wants what cron wants.
"""

from __future__ import annotations

import itertools
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from types import TracebackType
from typing import Self

from orchestrator.adapters.calendars import closed_dates
from orchestrator.adapters.donotcall import DoNotCall
from orchestrator.adapters.e164 import to_e164
from orchestrator.adapters.lockfile import LockFile, lock_beside
from orchestrator.adapters.numbers import refusal
from orchestrator.adapters.zones import zones_of
from orchestrator.compose import Orchestrator
from orchestrator.core.admission import DUPLICATE, Admission, Call, Facts, Refused, Spent, Tick, admit
from orchestrator.core.campaign import Campaign, Occurrence, Overlap, occurrence_of
from orchestrator.core.contact import Contact, Rejected, occurrence_key, row_digest
from orchestrator.core.evolve import fold
from orchestrator.core.instant import Instant
from orchestrator.core.ledger import Ledger, ResultRow, Tally
from orchestrator.core.records import Disposition
from orchestrator.core.script import Entry, Script, Sms, Value, Variables
from orchestrator.core.throttle import dial_of
from orchestrator.errors import LeaseHeldError, StoppedEarlyError, UsageError
from orchestrator.ports import ContactState, Standing
from orchestrator.runtime.batch import CHUNK, Batch
from orchestrator.runtime.facts import FactFinder
from orchestrator.runtime.job import Job, TickReport
from orchestrator.runtime.runner import Prepared
from orchestrator.scriptfile import load_script
from orchestrator.scriptfile.campaign import check_labels
from orchestrator.scriptfile.contacts import ContactRows, digest_of, read_contacts

WAIT_S = 1.0
"""How often a tick that waits for another one looks whether it has ended."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a tick would do with one contact now."""

    contact: Contact
    admission: Admission


@dataclass(slots=True)
class Totals:
    """What results add up to.

    Attributes:
        tallies: Contacts by where they stand.
        dispositions: Contacts by how their last call ended, or `refused` or `waiting`.
        results: Contacts by the text of the script's `end`.
        reasons: Contacts that wait, by why.
        duplicates: Refused contacts that are the same as another.
        attempts: Dials of all contacts together, those of earlier ticks among them.
    """

    tallies: Counter[Tally] = field(default_factory=Counter)
    dispositions: Counter[str] = field(default_factory=Counter)
    results: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    duplicates: int = 0
    attempts: int = 0

    def of(self, rows: Iterable[ResultRow]) -> Iterator[ResultRow]:
        """Count rows on their way. Raises LedgerError."""
        for row in rows:
            self.tallies[row.tally] += 1
            self.dispositions[row.disposition] += 1
            self.attempts += row.attempts
            if row.result is not None:
                self.results[row.result] += 1
            if row.tally is Tally.WAITING:
                self.reasons[row.reason or ""] += 1
            self.duplicates += row.tally is Tally.REFUSED and (row.reason or "").startswith(DUPLICATE)
            yield row

    def ledger(self, *, contacts: int) -> Ledger:
        """Return the ledger of so many contacts. Raises LedgerError when it does not add up."""
        ledger = Ledger.of(self.tallies.elements(), contacts=contacts)
        ledger.check()
        return ledger


@dataclass(frozen=True, slots=True)
class _Variable:
    """Text that is the value of one variable: the number a fallback message goes to."""

    name: str

    @property
    def source(self) -> str:
        """As a script would write it."""
        return f"{{{{ {self.name} }}}}"

    @property
    def names(self) -> frozenset[str]:
        """The variable."""
        return frozenset({self.name})

    def render(self, variables: Variables) -> str:
        """Return its value."""
        return str(variables[self.name])


class CampaignRun:
    """One occurrence of a campaign: its ticks, its results, and what it would do. A context manager."""

    def __init__(
        self,
        orchestrator: Orchestrator,
        campaign: Campaign,
        *,
        occurrence: str | None = None,
        limit_s: float | None = None,
        network: str | None = None,
    ) -> None:
        """Open and check everything the campaign names. Nothing is sent, and no journal is made.

        Args:
            orchestrator: Drives the calls, and has the journal.
            campaign: With paths of a script and of contacts (`-`: standard input, which is copied to a temporary file).
            occurrence: Its name, where it is not the date.
            limit_s: The network limit in seconds, as for `Orchestrator.run`.
            network: A network profile's name, instead of `limit_s`.

        Raises:
            UsageError: The campaign names no script or no contacts.
            ScriptError, ContactsError, ConfigurationError: As their names say.
        """
        if campaign.script is None or campaign.contacts is None:
            missing = "script" if campaign.script is None else "contacts"
            raise UsageError(f"the campaign {campaign.name} names no {missing}")
        self._orchestrator = orchestrator
        now_wall = orchestrator.clock.now().wall
        self.campaign = _resolved(campaign, now_wall)
        self.occurrence: Occurrence = occurrence_of(self.campaign, now_wall, occurrence)
        self.script: Script = load_script(campaign.script)
        check_labels(self.campaign, self.script)
        self._lists = DoNotCall(campaign.do_not_call, campaign.do_not_call_command, campaign.region)
        self._lists.check()
        self._zones_of = lru_cache(maxsize=4096)(zones_of)
        settings = orchestrator.settings_for(
            self.script, limit_s=limit_s, network=network, overrides=campaign.overrides
        )
        planned = orchestrator.plan(self.script, variables=campaign.variables, limit_s=limit_s, network=network)
        self.grace_s = settings.grace_s
        self._lease_s = settings.lease_s
        self._dial = dial_of(self.script, campaign.variables, settings)
        longest_s = min(planned.bounds.longest_s, settings.max_call_s)
        self._rules = Tick(campaign=self.campaign, occurrence=self.occurrence, longest_s=longest_s)
        self._prepare = partial(
            orchestrator.prepare, self.script, limit_s=limit_s, network=network, overrides=campaign.overrides
        )
        self._spooled = _spooled() if campaign.contacts == "-" else None
        self._file = self._spooled or Path(campaign.contacts)
        with self.contacts() as rows:
            self.columns, self.warnings = rows.columns, rows.warnings
            names = {column.lower() for column in rows.columns}
            self._has_priorities = rows.format == "jsonl" or "priority" in names

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the copy of standard input."""
        if self._spooled is not None:
            self._spooled.unlink(missing_ok=True)

    def contacts(self) -> ContactRows:
        """Open the contacts file anew."""
        campaign = self.campaign
        return read_contacts(self._file, normalise=to_e164, delimiter=campaign.delimiter, region=campaign.region)

    @property
    def secret_names(self) -> frozenset[str]:
        """The variables whose values are masked in results."""
        saved = {entry.save for entry in self.script.entries if entry.sensitive and entry.save is not None}
        return self._sensitive | saved

    # --- calling ------------------------------------------------------------------------------------------------------

    def tick(self) -> TickReport:
        """Run one tick, after another one of the campaign where it says so.

        Raises:
            LeaseHeldError: Another process runs a tick of this campaign.
            StoppedEarlyError: A signal came while it was waited for.
            SameFileError, ContactsError, JournalError: As `Batch.tick` says.
        """
        with self._alone():
            while True:
                try:
                    return self._batch().tick()
                except LeaseHeldError:  # on another machine, or where there are no file locks
                    if self.campaign.overlap is not Overlap.WAIT:
                        raise
                    self._wait()

    def unfinished_runs(self) -> list[str]:
        """Return the runs that the next tick carries on with."""
        found = self._orchestrator.journal.campaigns.all_of(self.campaign.name, state=ContactState.OPEN)
        return [standing.run_id for standing in found if standing.run_id is not None]

    def preview(self) -> Iterator[Preview]:
        """Yield what a tick would do with each contact at this moment.

        Nothing is sent or written; the do-not-call command is not asked.
        """
        now_wall = self._orchestrator.clock.now().wall
        find = self._fact_finder(DoNotCall(self.campaign.do_not_call, (), self.campaign.region))
        spent = Spent()
        seen: set[str] = set()
        for contact, standing in self._standings():
            facts = find(contact, standing, now_wall)
            admission = admit(contact, facts, self._rules, spent=spent, now_wall=now_wall)
            if isinstance(admission, Call):
                digest = row_digest(contact)
                if digest in seen or self._key(contact) in seen:
                    admission = Refused(f"{DUPLICATE}: another row of this file is the same")
                else:
                    seen |= {digest, self._key(contact)}
                    first = 0 if standing is not None and standing.state is ContactState.AGAIN else 1
                    spent = replace(spent, calls=spent.calls + first, attempts=spent.attempts + 1)
            yield Preview(contact, admission)

    # --- results ------------------------------------------------------------------------------------------------------

    def rows(self, *, saved: bool = True) -> Iterator[ResultRow]:
        """Yield a result for each contact, in the order of the file; with the variables its run saved, if wanted."""
        seen: set[int] = set()
        for contact, standing in self._standings():
            mark = int(self._key(contact)[:15], 16)  # one machine word for each: a million contacts fit
            if mark in seen:
                reason = f"{DUPLICATE}: another row of this file is the same contact"
                yield ResultRow(to=contact.to, disposition=Tally.REFUSED, reason=reason, columns=contact.columns)
                continue
            seen.add(mark)
            row = result_of(contact.to, standing, orchestrator=self._orchestrator)
            yield replace(row, columns=contact.columns, saved=self._saved(standing) if saved else {})

    def count(self, rejected: Callable[[Rejected], object]) -> int:
        """Read the contacts file to its end; return how many contacts are in it, and hand over the bad rows."""
        contacts = 0
        with self.contacts() as rows:
            for row in rows:
                if isinstance(row, Rejected):
                    rejected(row)
                else:
                    contacts += 1
        return contacts

    # --- inside -------------------------------------------------------------------------------------------------------

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the campaign's lock."""
        lock = LockFile(lock_beside(self._orchestrator.journal.path, self.campaign.name))
        while not lock.take():
            if self.campaign.overlap is not Overlap.WAIT:
                raise LeaseHeldError(f"another tick of the campaign {self.campaign.name} is running")
            self._wait()
        try:
            yield
        finally:
            lock.give_back()

    def _wait(self) -> None:
        control, clock = self._orchestrator.control, self._orchestrator.clock
        if clock.wait(clock.now().plus(WAIT_S), control.told):
            raise StoppedEarlyError("stopped while another tick of the campaign was running")

    def _batch(self) -> Batch:
        orchestrator = self._orchestrator
        return Batch(
            runner=orchestrator.runner,
            journal=orchestrator.journal,
            store=orchestrator.journal.campaigns,
            clock=orchestrator.clock,
            control=orchestrator.control,
            job=self._job(),
            lease_s=self._lease_s,
            observer=orchestrator.observer,
        )

    def _job(self) -> Job:
        return Job(
            campaign=self.campaign,
            occurrence=self.occurrence,
            script=self.script,
            longest_s=self._rules.longest_s,
            contacts=self.contacts,
            content_digest=digest_of(self._file),
            prepare=self._prepared,
            zones_of=self._zones_of,
            forbidden=lambda number: refusal(number) or self._lists.reason(number),
            dial=self._dial,
            fallback=_fallback_of(self.campaign),
            has_secrets=bool(self._sensitive),
            has_priorities=self._has_priorities,
        )

    def _prepared(self, contact: Contact) -> Prepared:
        variables = {**self.campaign.variables, **contact.variables}
        return self._prepare(to=contact.to, from_=contact.from_, variables=variables)

    @property
    def _sensitive(self) -> frozenset[str]:
        return frozenset(variable.name for variable in self.script.variables if variable.sensitive)

    def _fact_finder(self, lists: DoNotCall) -> Callable[[Contact, Standing | None, float], Facts]:
        """Return what finds facts; without a journal there is nothing to know of earlier calls."""

        def forbidden(number: str) -> str | None:
            return refusal(number) or lists.reason(number)

        if not self._orchestrator.journal_path.exists():
            return lambda contact, _, __: Facts(zones=self._zones_of(contact.to), forbidden=forbidden(contact.to))
        journal = self._orchestrator.journal
        finder = FactFinder(
            journal=journal,
            store=journal.campaigns,
            rules=self._rules,
            zones_of=self._zones_of,
            forbidden=forbidden,
        )
        return lambda contact, standing, now_wall: finder.of(contact, self._key(contact), standing, now_wall=now_wall)

    def _standings(self) -> Iterator[tuple[Contact, Standing | None]]:
        store = self._orchestrator.journal.campaigns if self._orchestrator.journal_path.exists() else None
        rows = (row for row in self.contacts() if not isinstance(row, Rejected))
        while chunk := list(itertools.islice(rows, CHUNK)):
            found = {} if store is None else store.standings([self._key(contact) for contact in chunk])
            yield from ((contact, found.get(self._key(contact))) for contact in chunk)

    def _key(self, contact: Contact) -> str:
        return occurrence_key(campaign=self.campaign.name, contact=contact.key, occurrence=self.occurrence.name)

    def _saved(self, standing: Standing | None) -> Mapping[str, Value]:
        names = [entry.save for entry in self.script.entries if entry.save is not None]
        if not names or standing is None or standing.run_id is None or standing.state is not ContactState.DONE:
            return {}
        variables = fold(self._orchestrator.journal.read(standing.run_id)).variables
        return {name: variables.get(name, "") for name in names}


def result_of(number: str, standing: Standing | None, *, orchestrator: Orchestrator) -> ResultRow:
    """Return the result of a contact by where it stands, without its own columns."""
    if standing is None:
        return ResultRow(to=number, disposition=Tally.WAITING, reason="its turn has not come yet")
    row = partial(ResultRow, to=number, attempts=standing.attempts, run_id=standing.run_id, call_id=standing.call_id)
    match standing.state:
        case ContactState.WAITING:
            return row(disposition=Tally.WAITING, reason=standing.reason)
        case ContactState.REFUSED:
            return row(disposition=Tally.REFUSED, reason=standing.reason)
        case ContactState.AGAIN:
            when = "" if standing.due_wall is None else f" from {rfc3339(standing.due_wall)} on"
            return row(disposition=Tally.WAITING, reason=f"{standing.disposition}: to be called again{when}")
        case ContactState.OPEN:
            document = orchestrator.show(standing.run_id or "")
            if document["status"] == "undecided":
                return row(disposition=Disposition.UNKNOWN, reason=document["error"]["message"])
            return row(disposition=Tally.WAITING, reason="its call is not over; the next tick carries on with it")
        case ContactState.DONE:
            return row(
                disposition=standing.disposition or Disposition.UNKNOWN,
                result=standing.result,
                started_at=rfc3339(standing.started_wall),
                ended_at=rfc3339(standing.ended_wall),
                reason=standing.reason,
            )


def rfc3339(wall: float | None) -> str | None:
    """Return a date as results have it."""
    return None if wall is None else Instant(wall, 0.0).rfc3339()


def _resolved(campaign: Campaign, now_wall: float) -> Campaign:
    """Return the campaign with the dates on which it calls nobody, for the years around the present."""
    year = datetime.fromtimestamp(now_wall, UTC).year
    blackout = None if campaign.blackout is None else Path(campaign.blackout)
    return campaign.resolved(
        closed_dates(campaign.holidays, campaign.subdivision, years=range(year - 1, year + 3), file=blackout)
    )


def _spooled() -> Path:
    """Return a copy of standard input, which can be read only once."""
    handle, name = tempfile.mkstemp(prefix="contacts-")
    with os.fdopen(handle, "wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    return Path(name)


def _fallback_of(campaign: Campaign) -> Script | None:
    """Return the script that sends the campaign's text message to one who was not reached."""
    if campaign.fallback_sms is None:
        return None
    message = Sms(
        to=_Variable("to"), from_=campaign.fallback_sms.from_ or _Variable("from"), message=campaign.fallback_sms.text
    )
    entry = Entry(element=message, digest="", written="sms: the fallback_sms of the campaign")
    return Script(name=f"{campaign.name} (fallback_sms)", entries=(entry,))
