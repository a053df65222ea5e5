"""One contact's call in a tick: its run is made or carried on with, and what comes of it is noted. For the batch.

Everything here happens in the threads of calls. Who is called, and when, is the batch's; what a call has come to is
`settling`'s.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

from orchestrator.core.contact import Contact, row_digest
from orchestrator.core.ending import SUPERSEDED
from orchestrator.core.evolve import fold
from orchestrator.core.script import Value
from orchestrator.core.settings import Settings
from orchestrator.errors import (
    ConfigurationError,
    NumberBlockedError,
    OrchestratorError,
    ScriptError,
    UsageError,
    exit_code_of,
)
from orchestrator.ports import CampaignStore, ContactClaim, ContactState, Journal, Standing
from orchestrator.runtime.adrift import Adrift
from orchestrator.runtime.control import Control
from orchestrator.runtime.driver import Observer
from orchestrator.runtime.facts import is_undialled
from orchestrator.runtime.job import Job, TickReport
from orchestrator.runtime.runner import NEVER, Prepared, Runner
from orchestrator.runtime.settling import Settling
from orchestrator.runtime.shared import RunResult


class Calling:
    """Calls contacts, and carries on with their calls.

    Attributes:
        undialled: Contacts whose run exists, but whose dial is known not to have left: they are called like new ones.
    """

    def __init__(  # noqa: PLR0913 - the parts of a tick, each given by name
        self,
        *,
        runner: Runner,
        journal: Journal,
        store: CampaignStore,
        control: Control,
        job: Job,
        settling: Settling,
        adrift: Adrift,
        report: TickReport,
        guard: threading.Lock,
        not_called: Callable[[Standing], None],
        trouble: Callable[..., None],
        observer: Observer | None = None,
    ) -> None:
        """Take what calls need.

        Args:
            runner: Drives them.
            journal: Has their records.
            store: Has the standings.
            control: What the process was told to do.
            job: Of the tick.
            settling: Takes what they come to.
            adrift: Counts those that nobody steers.
            report: Of the tick; `guard` is held where it changes.
            guard: See there.
            not_called: Hears of a contact who was not called after all.
            trouble: Hears of what a person should know, a sentence, with the exit codes for it.
            observer: Is told of every record of every run.
        """
        self.undialled: dict[str, Standing] = {}
        self._runner = runner
        self._journal = journal
        self._store = store
        self._control = control
        self._job = job
        self._settling = settling
        self._adrift = adrift
        self._report = report
        self._guard = guard
        self._not_called = not_called
        self._trouble = trouble
        self._observer = observer

    def call(self, contact: Contact, standing: Standing, ring_by_wall: float | None) -> None:
        """Call a contact that may be called now, by a new run or by one that never dialled."""
        is_open = standing.state is ContactState.OPEN  # its run exists, but never dialled
        try:
            prepared = self._job.prepare(contact)
        except (UsageError, ScriptError) as error:
            if is_open and standing.run_id is not None:
                self._runner.cancel(standing.run_id, why=str(error), observer=self._observer)
            self._put_aside(standing, ContactState.REFUSED, error)
            return
        if is_open and not self._is_for(standing, prepared):
            anew = self._without_its_run(standing)
            if anew is None:
                return
            standing, is_open = anew, False
        try:
            if is_open:
                self._resume(standing, prepared.secrets, prepared.settings, contact, ring_by_wall=ring_by_wall)
            else:
                self._dial(contact, standing, prepared, ring_by_wall)
        except NumberBlockedError as error:
            # A contact whose run exists stays open: with another one beside it, both could be carried on with.
            self._put_aside(standing, ContactState.OPEN if is_open else ContactState.WAITING, error)

    def carry_on(self, standing: Standing, secrets: Mapping[str, Value]) -> None:
        """Carry on with a contact's call; where it turns out that there is none, nobody is dialled yet."""
        with self._guard:
            self._report.resumed += 1
        settings = fold(self._journal.read(standing.run_id or "")).settings
        self._resume(standing, secrets, settings, ring_by_wall=NEVER)

    def leave_to_another(self, standing: Standing) -> None:
        """Count the call of a run that another process drives, or ends: it takes one of this campaign's places."""
        held = self._store.standings([standing.key]).get(standing.key)
        if held is not None and held.run_id is not None:
            self._adrift.note(fold(self._journal.read(held.run_id)), elsewhere=True)

    def _is_for(self, standing: Standing, prepared: Prepared) -> bool:
        """Return whether a run that never dialled would call whom the contact's row names today, and say that."""
        begun = fold(self._journal.read(standing.run_id or "")).begun
        made_for = (begun.to, begun.from_, begun.variables, frozenset(begun.secret_names))
        return made_for == (prepared.to, prepared.from_, prepared.variables, frozenset(prepared.secrets))

    def _without_its_run(self, standing: Standing) -> Standing | None:
        """Give up a contact's run that never dialled; return where the contact stands then, None where another has it.

        Whoever dies before that is noted leaves the run's fault behind, by which the contact waits as well.
        """
        assert standing.run_id is not None, "an open contact has a run"
        why = "its row has changed since, and is called by a run of its own"
        result = self._runner.cancel(standing.run_id, why=why, code=SUPERSEDED, observer=self._observer)
        if result is None or result.state.end is None:
            return None
        anew = replace(before_its_run(standing), attempts=standing.attempts - 1)
        self._store.put([anew])
        return anew

    def _dial(self, contact: Contact, standing: Standing, prepared: Prepared, ring_by_wall: float | None) -> None:
        claim = ContactClaim(
            key=standing.key,
            campaign=standing.campaign,
            occurrence=standing.occurrence,
            row_digest=row_digest(contact),
        )
        result = self._runner.run(
            self._job.script, prepared, contact=claim, ring_by_wall=ring_by_wall, observer=self._observer
        )
        self._take(standing, result, contact)

    def _resume(
        self,
        standing: Standing,
        secrets: Mapping[str, Value],
        settings: Settings,
        contact: Contact | None = None,
        *,
        ring_by_wall: float | None,
    ) -> None:
        assert standing.run_id is not None, "an open contact has a run"
        try:
            result = self._runner.resume(
                standing.run_id,
                self._job.script,
                secrets=secrets,
                settings=settings,
                ring_by_wall=ring_by_wall,
                beside_live=ring_by_wall == NEVER,
                observer=self._observer,
            )
        except (ScriptError, ConfigurationError) as error:
            self._trouble(f"run {standing.run_id} cannot be carried on with: {error}", exit_code_of(error))
            return
        if ring_by_wall == NEVER and is_undialled(result.state) and not self._control.told.is_set():
            with self._guard:  # its lost dial made no call: whether it is dialled now is asked as for a new one
                self.undialled[standing.key] = standing
                self._report.left_over.discard(standing.key)
            return
        self._take(standing, result, contact)

    def _take(self, standing: Standing, result: RunResult, contact: Contact | None) -> None:
        self._adrift.note(result.state)
        self._settling.take(standing, result, contact)

    def _put_aside(self, standing: Standing, state: ContactState, error: OrchestratorError) -> None:
        """Note of a contact that it was not called after all."""
        self._not_called(standing)
        self._settling.put_aside(standing, state, error)


def before_its_run(standing: Standing) -> Standing:
    """Return where a contact stood before its newest run, which never dialled, was made: it is decided about anew."""
    return replace(standing, state=ContactState.AGAIN if standing.attempts > 1 else ContactState.WAITING, due_wall=None)
