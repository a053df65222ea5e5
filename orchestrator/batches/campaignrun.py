"""One occurrence of a campaign, with all that it names opened: its ticks, its results, and what it would do."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from types import TracebackType
from typing import TYPE_CHECKING, Self

from orchestrator.adapters.donotcall import DoNotCall
from orchestrator.adapters.e164 import is_region
from orchestrator.adapters.lockfile import LockFile, lock_beside
from orchestrator.adapters.numbers import refusal
from orchestrator.adapters.zones import zones_of
from orchestrator.batches.dates import holidays_of_callees, resolved
from orchestrator.batches.lasting import Lasting
from orchestrator.batches.sources import Contacts, Source
from orchestrator.core.admission import OTHER_CALL, SAME_CONTACT, Facts, Tick
from orchestrator.core.ask import Ask
from orchestrator.core.campaign import Campaign, Occurrence, Overlap, occurrence_of
from orchestrator.core.commands import names_read
from orchestrator.core.contact import Contact, Repeats, occurrence_key
from orchestrator.core.evolve import fold
from orchestrator.core.ledger import ResultRow, Tally
from orchestrator.core.script import Dial, Script, Value
from orchestrator.core.state import RunState
from orchestrator.core.throttle import dial_of
from orchestrator.errors import (
    ConfigurationError,
    LeaseHeldError,
    NoSuchRunError,
    OrchestratorError,
    Problem,
    ScriptError,
    StoppedEarlyError,
    UsageError,
)
from orchestrator.ports import CampaignOrders, CampaignStore, ContactState, Standing
from orchestrator.runtime.batch import CHUNK, Batch
from orchestrator.runtime.calling import before_its_run
from orchestrator.runtime.facts import FactFinder, is_undialled, was_kept_from_dialling
from orchestrator.runtime.job import Finished, Job, TickReport
from orchestrator.runtime.messages import message_of
from orchestrator.runtime.occurrences import refuse_an_old_file
from orchestrator.runtime.preview import Preview, previews
from orchestrator.runtime.rows import in_one_line, result_of, row_of_call
from orchestrator.runtime.runner import Prepared
from orchestrator.runtime.shared import RunResult
from orchestrator.scriptfile import load_script
from orchestrator.scriptfile.campaign import check_labels
from orchestrator.scriptfile.contacts import ContactsError

if TYPE_CHECKING:
    from orchestrator.compose import Orchestrator
    from orchestrator.core.plan import Plan

WAIT_S = 1.0
"""How often a tick that waits for another one looks whether it has ended."""


class CampaignRun:
    """One occurrence of a campaign: its ticks, its results, and what it would do. A context manager."""

    def __init__(
        self,
        orchestrator: Orchestrator,
        campaign: Campaign,
        *,
        script: Script | None = None,
        contacts: Contacts | None = None,
        occurrence: str | None = None,
        limit_s: float | None = None,
        network: str | None = None,
    ) -> None:
        """Open and check everything the campaign names. Nothing is sent, and no journal is made.

        Args:
            orchestrator: Drives the calls, and has the journal.
            campaign: With paths of a script and of contacts (`-`: standard input, which is copied to a temporary file).
            script: In place of the campaign's.
            contacts: In place of the campaign's; rows are read to their end, and kept.
            occurrence: Its name, where it is not the date.
            limit_s: The network limit in seconds, as for `Orchestrator.run`.
            network: A network profile's name, instead of `limit_s`.

        Raises:
            UsageError: There is no script, or there are no contacts.
            ScriptError: The script cannot be used, or cannot be planned so for any contact.
            ContactsError, ConfigurationError: As their names say.
        """
        if occurrence is not None and not occurrence.strip():
            raise UsageError("the name of the occurrence is empty: give it one, or leave it out for the date")
        self.orchestrator = orchestrator
        now_wall = orchestrator.clock.now().wall
        self.campaign = resolved(campaign, now_wall=now_wall)
        self.occurrence: Occurrence = occurrence_of(self.campaign, now_wall, occurrence)
        self.script: Script = script or load_script(_named(campaign, "script", campaign.script))
        check_labels(self.campaign, self.script)
        if campaign.region is not None and not is_region(campaign.region):
            raise ConfigurationError(f"`region` is no country whose numbers are known: {campaign.region}")
        self._lists = DoNotCall(campaign.do_not_call, campaign.do_not_call_command, campaign.region)
        self._lists.check()
        self._zones_of = lru_cache(maxsize=4096)(zones_of)
        self._holidays_of = holidays_of_callees(campaign, now_wall=now_wall)
        self._ask = Ask(limit_s=limit_s, network=network, overrides=campaign.overrides)
        settings = orchestrator.settings_for(self.script, self._ask)
        planned = orchestrator.plan(
            self.script,
            variables=campaign.variables,
            limit_s=limit_s,
            network=network,
            overrides=campaign.overrides,
        )
        self.grace_s = settings.grace_s
        self._lease_s = settings.lease_s
        self._dial = dial_of(self.script, campaign.variables, settings)
        self.source = Source(
            _named(campaign, "contacts", campaign.contacts) if contacts is None else contacts, campaign
        )
        try:
            self._lasting = Lasting(
                self.campaign,
                self.script,
                settings,
                planned=planned,
                plan_of=lambda contact: orchestrator.plan(
                    self.script,
                    to=contact.to,
                    variables={**campaign.variables, **contact.variables},
                    limit_s=limit_s,
                    network=network,
                    overrides=campaign.overrides,
                ),
                own=self.source.variables,
            )
            self._check_columns()
            if problems := self._problems_of_all(planned):
                raise ScriptError(problems)
        except OrchestratorError:
            self.close()
            raise
        self._rules = Tick(campaign=self.campaign, occurrence=self.occurrence, longest_s=self._lasting.longest_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the copy of standard input."""
        self.source.close()

    @property
    def secret_names(self) -> frozenset[str]:
        """The variables whose values are masked in results."""
        saved = {entry.save for entry in self.script.entries if entry.sensitive and entry.save is not None}
        return self._sensitive | saved

    # --- calling ------------------------------------------------------------------------------------------------------

    def tick(
        self,
        *,
        told: Callable[[Finished], None] | None = None,
        enough: Callable[[], bool] = lambda: False,
        come_to: Callable[[], object] = lambda: None,
    ) -> TickReport:
        """Run one tick, after another one of the campaign where it says so.

        Args:
            told: Hears of every call that has come to rest, in the thread of the call.
            enough: Asked again and again; once true, no call is begun any more.
            come_to: Hears of every contact that the tick comes to, whatever becomes of it; of some more than once.

        Raises:
            LeaseHeldError: Another process runs a tick of this campaign.
            StoppedEarlyError: A signal came while it was waited for.
            SameFileError, ContactsError, JournalError: As `Batch.tick` says.
        """
        with self._alone():
            while True:
                try:
                    return self._batch(told, enough, come_to).tick()
                except LeaseHeldError:  # on another machine, or where there are no file locks
                    if self.campaign.overlap is not Overlap.WAIT:
                        raise
                    self._wait()

    def unfinished_runs(self) -> list[str]:
        """Return the runs that the next tick carries on with."""
        found = self.orchestrator.journal.campaigns.all_of(self.campaign.name, state=ContactState.OPEN)
        return [standing.run_id for standing in found if standing.run_id is not None]

    def preview(self) -> Iterator[Preview]:
        """Yield what a tick would do with each contact at this moment, in the order in which it would.

        Nothing is sent or written; the do-not-call command is asked, as it would be before a call.

        Raises:
            SameFileError: The contacts were called in an earlier occurrence: a tick would call nobody.
        """
        now_wall = self.orchestrator.clock.now().wall
        if (store := self._store) is not None:
            refuse_an_old_file(store, self.campaign, self.occurrence, content_digest=self.source.digest())
        find = self._fact_finder()
        undialled: dict[str, str] = {}  # the runs that never dialled, by the contact's key

        def as_a_tick_sees_them() -> Iterator[tuple[Contact, Standing | None]]:
            for contact, standing in self._in_order():
                run_id = None if standing is None or standing.state is not ContactState.OPEN else standing.run_id
                if standing is not None and run_id is not None and is_undialled(self._state_of(run_id)):
                    undialled[standing.key] = run_id
                    yield contact, before_its_run(standing)
                else:
                    yield contact, standing

        return previews(
            as_a_tick_sees_them(),
            self._rules,
            facts_of=lambda contact, standing: find(
                contact, standing, now_wall, None if standing is None else undialled.get(standing.key)
            ),
            problem_of=self._problem_of,
            orders=self._orders(),
            now_wall=now_wall,
        )

    # --- results ------------------------------------------------------------------------------------------------------

    def rows(self, *, saved: bool = True) -> Iterator[ResultRow]:
        """Yield a result for each contact, in the order of the file; with the variables its run saved, if wanted."""
        for contact, standing, row in self.placed():
            own = {} if row.disposition == Tally.REFUSED or not saved else self._saved(standing)
            yield replace(row, columns=contact.columns, saved=own)

    def earlier_rows(self) -> Iterator[ResultRow]:
        """Yield a result for each call of a contact that another one has followed: what it came to, for a ledger."""
        if not self.campaign.redial:
            return
        for contact, standing, _ in self.placed():
            if standing is None or standing.attempts < 2:
                continue
            runs = self.orchestrator.journal.campaigns.runs_of(standing.key)
            found = [result.state for run_id in runs if (result := self.run_of(run_id)) is not None]
            calls = [state for state in found if state.end is not None and not was_kept_from_dialling(state)]
            for made, state in enumerate(calls, 1):
                if state.run_id != standing.run_id:
                    yield replace(row_of_call(state, attempts=made), columns=contact.columns)

    def unlisted(self, keys: Collection[str]) -> list[ResultRow]:
        """Return the results of those contacts that are not, or no longer, in the list of this occurrence."""
        left = set(keys)
        for contact in self.source.contacts() if left else ():
            left.discard(self.key_of(contact))
        journal = self.orchestrator.journal
        found = journal.campaigns.standings(left).values() if left else ()
        return [result_of(standing.number, standing, read=journal.read) for standing in found]

    # --- inside -------------------------------------------------------------------------------------------------------

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the campaign's lock."""
        lock = LockFile(lock_beside(self.orchestrator.journal.path, self.campaign.name))
        while not lock.take():
            if self.campaign.overlap is not Overlap.WAIT:
                raise LeaseHeldError(f"another tick of the campaign {self.campaign.name} is running")
            self._wait()
        try:
            yield
        finally:
            lock.give_back()

    def _wait(self) -> None:
        control, clock = self.orchestrator.control, self.orchestrator.clock
        if clock.wait(clock.now().plus(WAIT_S), control.told):
            raise StoppedEarlyError("stopped while another tick of the campaign was running")

    def _batch(
        self, told: Callable[[Finished], None] | None, enough: Callable[[], bool], come_to: Callable[[], object]
    ) -> Batch:
        orchestrator = self.orchestrator
        return Batch(
            runner=orchestrator.runner,
            journal=orchestrator.journal,
            store=orchestrator.journal.campaigns,
            clock=orchestrator.clock,
            control=orchestrator.control,
            job=replace(self._job(), come_to=come_to),
            lease_s=self._lease_s,
            observer=orchestrator.observer,
            told=told,
            enough=enough,
        )

    def _job(self) -> Job:
        return Job(
            campaign=self.campaign,
            occurrence=self.occurrence,
            script=self.script,
            longest_s=self._lasting.longest_s,
            longest_of=self._lasting.of,
            contacts=self.source.rows,
            content_digest=self.source.digest(),
            prepare=self._prepared,
            zones_of=self._zones_of,
            forbidden=self._forbidden,
            holidays_of=self._holidays_of,
            dial=self._dial,
            fallback=message_of(self.campaign),
            has_secrets=bool(self._sensitive),
            has_priorities=self.source.has_priorities,
        )

    def _check_columns(self) -> None:
        """Raise ContactsError where no contact has a variable that the script needs: its column is missing."""
        own = self.source.variables
        missing = [] if own is None else [name for name in self._needed if name not in {*own, *self.campaign.variables}]
        if missing:
            words = [f"there is no column `{name}`, but the script needs it{self._nearly(name)}" for name in missing]
            raise ContactsError([Problem(self.source.name, 0, 0, word) for word in words])

    def _nearly(self, name: str) -> str:
        meant = next((column for column in self.source.columns if column.strip().lower() == name.lower()), None)
        return "" if meant is None else f" (there is `{meant}`; names of variables count as written)"

    def _problems_of_all(self, planned: Plan) -> list[Problem]:
        """Return the problems of a plan that are in its commands whatever a contact's own variables are."""
        file, own = self.script.path or self.script.name, self.source.variables
        found = []
        for problem in planned.problems:
            entry = self.script.entries[problem.entry]
            is_dial = isinstance(entry.element, Dial)  # which number it is makes it no longer
            names = frozenset() if is_dial else names_read(entry)
            differs = bool(names) if own is None else bool(names & own.union(planned.unknown))
            if not differs:
                found.append(Problem(file, problem.place.line, problem.place.column, problem.message))
        return found

    def _prepared(self, contact: Contact) -> Prepared:
        variables = {**self.campaign.variables, **contact.variables}
        if empty := self._empty(contact, variables):
            place = f"{self.source.name}:{contact.line}"
            raise UsageError(
                "; ".join(f"{place}: the column `{name}` is empty, but the script needs it" for name in empty)
            )
        ask = replace(self._ask, to=contact.to, from_=contact.from_, variables=variables)
        return self.orchestrator.prepare(self.script, ask)

    def _empty(self, contact: Contact, variables: Mapping[str, Value]) -> list[str]:
        """Return the columns of a contact's row that are empty, but stand for variables that must have a value."""
        return [name for name in self._needed if name in contact.columns and name not in variables]

    def _problem_of(self, contact: Contact) -> str | None:
        try:
            self._prepared(contact)
        except (UsageError, ScriptError) as error:
            return in_one_line(str(error))
        return None

    @property
    def _needed(self) -> list[str]:
        """The variables that must have a value, of the contact or of the campaign."""
        return [each.name for each in self.script.variables if each.required and each.default is None]

    @property
    def _sensitive(self) -> frozenset[str]:
        return frozenset(variable.name for variable in self.script.variables if variable.sensitive)

    @property
    def _store(self) -> CampaignStore | None:
        """Where contacts stand; None without a journal, which a dry run does not make."""
        return self.orchestrator.journal.campaigns if self.orchestrator.journal_path.exists() else None

    def _forbidden(self, number: str) -> str | None:
        return refusal(number) or self._lists.reason(number)

    def _state_of(self, run_id: str) -> RunState:
        return fold(self.orchestrator.journal.read(run_id))

    def _fact_finder(self) -> Callable[[Contact, Standing | None, float, str | None], Facts]:
        """Return what finds facts; without a journal there is nothing to know of earlier calls."""
        holidays_of = self._holidays_of or (lambda _: frozenset())
        store = self._store
        if store is None:
            return lambda contact, *_: Facts(
                zones=self._zones_of(contact.to),
                forbidden=self._forbidden(contact.to),
                holidays=holidays_of(contact.to),
                longest_s=self._lasting.of(contact),
            )
        finder = FactFinder(
            journal=self.orchestrator.journal,
            store=store,
            rules=self._rules,
            zones_of=self._zones_of,
            forbidden=self._forbidden,
            holidays_of=holidays_of,
            longest_of=self._lasting.of,
        )
        return lambda contact, standing, now_wall, undialled: finder.of(
            contact, self.key_of(contact), standing, now_wall=now_wall, undialled=undialled
        )

    def _in_order(self) -> Iterator[tuple[Contact, Standing | None]]:
        """Yield contacts as a tick goes through them: by their priority, then as in the file."""
        priorities = {contact.priority for contact, _ in self._standings()} if self.source.has_priorities else {0}
        for priority in sorted(priorities, reverse=True):
            yield from (found for found in self._standings() if found[0].priority == priority)

    def _standings(self) -> Iterator[tuple[Contact, Standing | None]]:
        store = self._store
        rows = self.source.contacts()
        while chunk := list(itertools.islice(rows, CHUNK)):
            found = {} if store is None else store.standings([self.key_of(contact) for contact in chunk])
            yield from ((contact, found.get(self.key_of(contact))) for contact in chunk)

    def placed(self) -> Iterator[tuple[Contact, Standing | None, ResultRow]]:
        """Yield each contact with where it stands and its result; a further row of one stands nowhere, and says why."""
        repeats = Repeats()
        is_stopped = self._orders().stopped
        for contact, standing in self._standings():
            if (is_same := repeats.is_same_call(contact)) is not None:
                reason = SAME_CONTACT if is_same else OTHER_CALL
                yield contact, None, ResultRow(to=contact.to, disposition=Tally.REFUSED, reason=reason)
                continue
            read = self.orchestrator.journal.read
            yield contact, standing, result_of(contact.to, standing, read=read, stopped=is_stopped)

    def _orders(self) -> CampaignOrders:
        """Return what a person told the campaign; without a journal that is nothing."""
        store = self._store
        return CampaignOrders() if store is None else store.orders_of(self.campaign.name)

    def run_of(self, run_id: str) -> RunResult | None:
        """Return what a run that nobody drives has come to; None where it was pruned."""
        try:
            return RunResult(self._state_of(run_id))
        except NoSuchRunError:
            return None

    def key_of(self, contact: Contact) -> str:
        """Return the key of a contact in this occurrence."""
        return occurrence_key(campaign=self.campaign.name, contact=contact.key, occurrence=self.occurrence.name)

    def _saved(self, standing: Standing | None) -> Mapping[str, Value]:
        names = [entry.save for entry in self.script.entries if entry.save is not None]
        if not names or standing is None or standing.run_id is None or standing.state is not ContactState.DONE:
            return {}
        result = self.run_of(standing.run_id)
        return {} if result is None else {name: result.state.variables.get(name, "") for name in names}


def _named(campaign: Campaign, word: str, path: str | None) -> str:
    if path is None:
        raise UsageError(f"the campaign {campaign.name} names no {word}")
    return path
