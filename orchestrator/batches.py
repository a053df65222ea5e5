"""The composition of a batch: a campaign, its script, contacts, lists and calendars → ticks, results and previews.

A thin layer over `compose`: `batch` of the CLI uses it, and so can an application that wants what cron wants.
"""

from __future__ import annotations

import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path

from orchestrator.adapters.calendars import closed_dates
from orchestrator.adapters.donotcall import DoNotCall
from orchestrator.adapters.e164 import to_e164
from orchestrator.adapters.numbers import refusal
from orchestrator.adapters.zones import zones_of
from orchestrator.compose import Orchestrator
from orchestrator.core.admission import Admission, Call, Facts, Spent, Tick, admit
from orchestrator.core.campaign import Campaign, Occurrence, occurrence_of
from orchestrator.core.contact import Contact, Rejected, occurrence_key
from orchestrator.core.evolve import fold
from orchestrator.core.instant import Instant
from orchestrator.core.ledger import Ledger, ResultRow, Tally
from orchestrator.core.records import Disposition
from orchestrator.core.script import Entry, Script, Sms, Value, Variables
from orchestrator.errors import UsageError
from orchestrator.ports import ContactState, Standing
from orchestrator.runtime.batch import CHUNK, Batch, Job, TickReport
from orchestrator.runtime.runner import Prepared
from orchestrator.scriptfile import load_script
from orchestrator.scriptfile.campaign import check_labels
from orchestrator.scriptfile.contacts import ContactRows, digest_of, read_contacts


@dataclass(frozen=True, slots=True)
class Preview:
    """What a tick would do with one contact now."""

    contact: Contact
    admission: Admission


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
    """One occurrence of a campaign: its ticks, its results, and what it would do."""

    def __init__(
        self,
        orchestrator: Orchestrator,
        campaign: Campaign,
        *,
        occurrence: str | None = None,
        now: Instant | None = None,
    ) -> None:
        """Open and check everything the campaign names. Nothing is sent.

        Args:
            orchestrator: Drives the calls, and has the journal.
            campaign: With paths of a script and of contacts (`-`: standard input, which is copied to a temporary file).
            occurrence: Its name, where it is not the date.
            now: The present, where the occurrence is to be that of another moment.

        Raises:
            UsageError: The campaign names no script or no contacts.
            ScriptError, ContactsError, ConfigurationError: As their names say.
        """
        if campaign.script is None or campaign.contacts is None:
            missing = "script" if campaign.script is None else "contacts"
            raise UsageError(f"the campaign {campaign.name} names no {missing}")
        self._orchestrator = orchestrator
        self._now = now or orchestrator.clock.now()
        year = datetime.fromtimestamp(self._now.wall, UTC).year
        closed = closed_dates(
            campaign.holidays,
            campaign.subdivision,
            years=range(year - 1, year + 3),
            file=None if campaign.blackout is None else Path(campaign.blackout),
        )
        self.campaign = campaign.resolved(closed)
        self.occurrence: Occurrence = occurrence_of(self.campaign, self._now.wall, occurrence)
        self.script: Script = load_script(campaign.script)
        check_labels(self.campaign, self.script)
        self._lists = DoNotCall(campaign.do_not_call, campaign.do_not_call_command, campaign.region)
        self._lists.check()
        self._spooled: Path | None = None
        self._file = self._spool() if campaign.contacts == "-" else Path(campaign.contacts)
        self._digest = digest_of(self._file)
        self._zones_of = lru_cache(maxsize=4096)(zones_of)
        self._sensitive = frozenset(variable.name for variable in self.script.variables if variable.sensitive)
        planned = orchestrator.plan(self.script, variables=campaign.variables)
        settings = orchestrator.settings_for(self.script, overrides=campaign.settings)
        self._longest_s = min(planned.bounds.longest_s, settings.max_call_s)
        self._lease_s = settings.lease_s

    def close(self) -> None:
        """Remove the copy of standard input."""
        if self._spooled is not None:
            self._spooled.unlink(missing_ok=True)

    def contacts(self) -> ContactRows:
        """Open the contacts file anew."""
        campaign = self.campaign
        return read_contacts(self._file, normalise=to_e164, delimiter=campaign.delimiter, region=campaign.region)

    def tick(self) -> TickReport:
        """Run one tick. Raises as `Batch.tick` does."""
        return Batch(
            runner=self._orchestrator.runner,
            journal=self._orchestrator.journal,
            store=self._orchestrator.journal.campaigns,
            clock=self._orchestrator.clock,
            control=self._orchestrator.control,
            job=self._job(),
            lease_s=self._lease_s,
            observer=self._orchestrator.observer,
        ).tick()

    def preview(self) -> Iterator[Preview]:
        """Yield what a tick would do with each contact at this moment. Nothing is written; commands are not asked."""
        lists = DoNotCall(self.campaign.do_not_call, (), self.campaign.region)
        tick = Tick(campaign=self.campaign, occurrence=self.occurrence, longest_s=self._longest_s)
        spent = Spent()
        for contact, standing in self._standings():
            facts = Facts(
                standing=standing,
                dials_wall=self._orchestrator.journal.campaigns.dials_of(
                    contact.to, since_wall=self._now.wall - 93_600
                ),
                zones=self._zones_of(contact.to),
                forbidden=refusal(contact.to) or lists.reason(contact.to),
            )
            admission = admit(contact, facts, tick, spent=spent, now_wall=self._now.wall)
            if isinstance(admission, Call):
                spent = replace(spent, calls=spent.calls + 1, attempts=spent.attempts + 1)
            yield Preview(contact, admission)

    def rows(self) -> Iterator[ResultRow]:
        """Yield a result for each contact, in the order of the file."""
        seen: set[int] = set()
        for contact, standing in self._standings():
            mark = int(self._key(contact)[:16], 16)
            if mark in seen:
                reason = "a duplicate: another row of this file is the same contact"
                yield ResultRow(to=contact.to, disposition=Tally.REFUSED, reason=reason, columns=contact.columns)
                continue
            seen.add(mark)
            yield self._row(contact, standing)

    def ledger(self, rows: Iterable[ResultRow]) -> Ledger:
        """Count results, and check that the totals add up. Raises LedgerError."""
        ledger = Ledger.of((row.tally for row in rows), contacts=sum(1 for _ in self._good_rows()))
        ledger.check()
        return ledger

    @property
    def secret_names(self) -> frozenset[str]:
        """The variables whose values are masked in results."""
        saved = {entry.save for entry in self.script.entries if entry.sensitive and entry.save is not None}
        return self._sensitive | saved

    # --- inside -------------------------------------------------------------------------------------------------------

    def _spool(self) -> Path:
        handle, name = tempfile.mkstemp(prefix="contacts-", suffix=".csv")
        with os.fdopen(handle, "wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        self._spooled = Path(name)
        return self._spooled

    def _job(self) -> Job:
        with self.contacts() as rows:
            columns = {column.lower() for column in rows.columns}
            any_column = rows.format == "jsonl"
        return Job(
            campaign=self.campaign,
            occurrence=self.occurrence,
            script=self.script,
            longest_s=self._longest_s,
            contacts=self.contacts,
            content_digest=self._digest,
            prepare=self._prepare,
            zones_of=self._zones_of,
            forbidden=lambda number: refusal(number) or self._lists.reason(number),
            fallback=_fallback_of(self.campaign),
            has_secrets=bool(self._sensitive),
            has_priorities=any_column or "priority" in columns,
        )

    def _prepare(self, contact: Contact) -> Prepared:
        return self._orchestrator.prepare(
            self.script,
            to=contact.to,
            from_=contact.from_,
            variables={**self.campaign.variables, **contact.variables},
            overrides=self.campaign.settings,
        )

    def _good_rows(self) -> Iterator[Contact]:
        return (row for row in self.contacts() if not isinstance(row, Rejected))

    def _standings(self) -> Iterator[tuple[Contact, Standing | None]]:
        rows = self._good_rows()
        while chunk := list(itertools.islice(rows, CHUNK)):
            found = self._orchestrator.journal.campaigns.standings([self._key(contact) for contact in chunk])
            yield from ((contact, found.get(self._key(contact))) for contact in chunk)

    def _key(self, contact: Contact) -> str:
        return occurrence_key(campaign=self.campaign.name, contact=contact.key, occurrence=self.occurrence.name)

    def _row(self, contact: Contact, standing: Standing | None) -> ResultRow:
        row = partial(ResultRow, to=contact.to, columns=contact.columns)
        if standing is None:
            return row(disposition=Tally.WAITING, reason="its turn has not come yet")
        called = partial(row, attempts=standing.attempts, run_id=standing.run_id, call_id=standing.call_id)
        match standing.state:
            case ContactState.WAITING:
                return called(disposition=Tally.WAITING, reason=standing.reason)
            case ContactState.REFUSED:
                return called(disposition=Tally.REFUSED, reason=standing.reason)
            case ContactState.AGAIN:
                when = "" if standing.due_wall is None else f" from {_date(standing.due_wall)} on"
                return called(disposition=Tally.WAITING, reason=f"{standing.disposition}: to be called again{when}")
            case ContactState.OPEN:
                document = self._orchestrator.show(standing.run_id or "")
                if document["status"] == "undecided":
                    return called(disposition=Disposition.UNKNOWN, reason=document["error"]["message"])
                return called(
                    disposition=Tally.WAITING, reason="its call is not over; the next tick carries on with it"
                )
            case ContactState.DONE:
                return called(
                    disposition=standing.disposition or Disposition.UNKNOWN,
                    result=standing.result,
                    started_at=_date(standing.started_wall),
                    ended_at=_date(standing.ended_wall),
                    reason=standing.reason,
                    saved=self._saved(standing.run_id),
                )

    def _saved(self, run_id: str | None) -> Mapping[str, Value]:
        names = [entry.save for entry in self.script.entries if entry.save is not None]
        if run_id is None or not names:
            return {}
        variables = fold(self._orchestrator.journal.read(run_id)).variables
        return {name: variables.get(name, "") for name in names}


def _fallback_of(campaign: Campaign) -> Script | None:
    """Return the script that sends the campaign's text message to one who was not reached."""
    if campaign.fallback_sms is None:
        return None
    message = Sms(
        to=_Variable("to"), from_=campaign.fallback_sms.from_ or _Variable("from"), message=campaign.fallback_sms.text
    )
    entry = Entry(element=message, digest="", written="sms: the fallback_sms of the campaign")
    return Script(name=f"{campaign.name} (fallback_sms)", entries=(entry,))


def _date(wall: float | None) -> str | None:
    return None if wall is None else Instant(wall, 0.0).rfc3339()
