"""`Orchestrator`, the library's face (rules, section 8): whoever embeds this program builds one and calls `run`.

It joins what the other modules of this package make, and decides nothing that they could.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from orchestrator.compose.interrupted import Interrupted
from orchestrator.compose.observing import Observer, guarded
from orchestrator.compose.parts import JournalPlace, Parts
from orchestrator.compose.preparing import Planner, as_journalled, check_script, script_of, secrets_again
from orchestrator.compose.result import Documents, Result
from orchestrator.compose.ringing import ringing
from orchestrator.compose.settings import read_configuration
from orchestrator.core.ask import Ask
from orchestrator.core.evolve import fold
from orchestrator.core.records import Fault
from orchestrator.core.script import Script, Value
from orchestrator.core.state import RunState
from orchestrator.ports import RunSummary
from orchestrator.runtime.control import Control
from orchestrator.runtime.runner import NEVER, Runner, waits_for_no_verdict
from orchestrator.runtime.shared import RunResult

if TYPE_CHECKING:
    from orchestrator.adapters.journal import SqliteJournal
    from orchestrator.adapters.transport import HttpTransport
    from orchestrator.batches import CampaignRun
    from orchestrator.batches.sources import Contacts
    from orchestrator.core.campaign import Campaign
    from orchestrator.core.exchange import CallSeen


class Orchestrator(Planner):
    """Drives calls. Usable as a context manager, and by several threads at once.

    Attributes:
        api_url: The API's base URL.
        clock: Tells the time.
        configuration: What the configuration file and the environment say.
        control: Takes orders for all its runs: no new dial, end the calls.
        observer: What is told of every record; its errors end no call.
    """

    def __init__(  # noqa: PLR0913 - the library's face: each a setting of its own, given by name
        self,
        *,
        api_url: str | None = None,
        api_key: str | None = None,
        api_password: str | None = None,
        journal: str | os.PathLike[str] | None = None,
        adopt: bool = False,
        read_only: bool = False,
        config: str | os.PathLike[str] | None = None,
        settings: Mapping[str, object] | None = None,
        on_record: Observer | None = None,
        resume_command: Callable[[str], str | None] | None = None,
        resolve_command: Callable[[str], str | None] | None = None,
    ) -> None:
        """Read the settings. Nothing is opened or sent before it is needed.

        Args:
            api_url: The API's base URL; default `ORCHESTRATOR_API_URL`, then the configuration file, then the
                documented host.
            api_key: The API key; default `ORCHESTRATOR_API_KEY`, then the credentials file.
            api_password: The API password, likewise.
            journal: A path or `sqlite:///` URL; default `ORCHESTRATOR_JOURNAL`, then a file in the platform's state
                folder.
            adopt: Take over a journal that comes from another machine, instead of refusing it.
            read_only: Only look: the journal may be another machine's or another user's, and nothing of it is written.
            config: A configuration file; default `ORCHESTRATOR_CONFIG`.
            settings: Settings in the words of scripts, such as `max_silence="20s"`; they override a script's.
            on_record: Called with every record and the state after it, from the thread that drives the run. What it
                raises is logged, and changes nothing.
            resume_command: Makes the command that resumes a run, for documents; None where nothing can.
            resolve_command: Makes the command that takes the verdict on an undecided run, likewise; the verdict itself
                is added to it.

        Raises:
            ConfigurationError: A setting is wrong.
        """
        from orchestrator.adapters.clock import SystemClock

        clock, configuration = SystemClock(), read_configuration(config)
        place = JournalPlace(at=journal or configuration.journal, adopt=adopt, read_only=read_only)
        parts = Parts(configuration, clock=clock, journal=place, api_url=api_url, credentials=(api_key, api_password))
        super().__init__(parts, settings or {})
        self.clock = clock
        self.configuration = configuration
        self.control = Control(clock)
        self.api_url = parts.api_url
        self._parts = parts
        self._documents = Documents(self.clock, resume_command=resume_command, resolve_command=resolve_command)
        self.observer: Observer | None = None if on_record is None else guarded(on_record)
        self._runner: Runner | None = None
        self._interrupted = Interrupted(self.api_url, now=self.clock.now)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close connections and the journal. Runs that rest can be resumed by another process."""
        if self._runner is not None:
            self._runner.close()
        self._parts.close()
        self._runner = None

    # --- calls --------------------------------------------------------------------------------------------------------

    def run(
        self,
        script: Script,
        *,
        to: str | None = None,
        from_: str | None = None,
        variables: Mapping[str, Value] | None = None,
        limit_s: float | None = None,
        network: str | None = None,
    ) -> Result:
        """Make one call, start to end.

        Args:
            script: What to do.
            to: The callee, E.164; overrides the script's.
            from_: The caller id, E.164; overrides the script's.
            variables: Values for the script's variables.
            limit_s: The network limit in seconds; steps are packed and split to fit.
            network: A network profile's name, instead of `limit_s`.

        Raises:
            ScriptError: The script, its variables or its plan cannot be used. Nothing was sent.
            UsageError: A number is wrong, or must never be dialled. Nothing was sent.
            NumberBlockedError: A dial to the number is unsettled; CallLeftUpError: an interrupted run may have left a
                call to it up. Nothing was sent.
            JournalError: The journal cannot be written. Nothing was sent, or the live call was ended.
            ConfigurationError, LeaseLostError: As their names say.
        """
        ask = Ask(to=to, from_=from_, variables=variables or {}, limit_s=limit_s, network=network)
        prepared = self.prepare(script, ask)
        return self._documents.result(self.runner.run(script, prepared, observer=self.observer))

    def run_many(
        self,
        script: Script | None = None,
        contacts: Contacts | None = None,
        *,
        campaign: Campaign | str | os.PathLike[str] | None = None,
        occurrence: str | None = None,
        limit_s: float | None = None,
        network: str | None = None,
        **words: Any,
    ) -> Iterator[Result]:
        """Run one tick of a campaign, as `batch` does, and yield results as calls end, then those of all others.

        In one occurrence (by default a day) each contact is called once, and by the redial rules, however often and in
        however many processes this is called; what an earlier process left unfinished is carried on with first. So
        everybody's result comes each time, also of those who were called before (`Result.earlier`). Whoever leaves the
        iterator waits for the calls that are live.

        Args:
            script: What to do in each call; default: the one the campaign names.
            contacts: For each contact a mapping with `to` and what else a contacts file may have; or the path of such a
                file, which is never read as a whole. Default: the one the campaign names.
            campaign: The path of a campaign file, or a campaign; None for one that is named for its script.
            occurrence: Its name, where it is not the date.
            limit_s: The network limit in seconds, as for `run`.
            network: A network profile's name, instead of `limit_s`.
            words: Words of a campaign file, which count more than it: `name="…"`, `concurrency=8`, `rate="2/s"`, …

        Raises:
            UsageError, ScriptError, ContactsError, ConfigurationError: What was given cannot be used; nothing was sent.
            LeaseHeldError, SameFileError, JournalError, UnreachableError, AuthenticationError, StoppedEarlyError: As
                `batches.ends` says, where the iterator is used.
        """
        from orchestrator.batches import CampaignRun, campaign_from

        if script is not None:
            check_script(script)
        run = CampaignRun(
            self,
            campaign_from(campaign, words, script=script),
            script=script,
            contacts=contacts,
            occurrence=occurrence,
            limit_s=limit_s,
            network=network,
        )
        _ = self.transport  # credentials, proxy and certificates are checked before a journal is made
        return self._ends(run)

    def answer(self, script: Script, call: CallSeen, *, began: Callable[[str], None] | None = None) -> Result:
        """Take an incoming call that rings, and drive it to its end.

        Args:
            script: What to do; it begins with `answer`. One without entries turns the call down.
            call: The call. Its numbers are the script's `to` and `from`.
            began: Called with the run's id once the journal has it: from then on the call is looked after.

        Raises:
            CallTakenError: Another run has it.
            ScriptError, UsageError: The script cannot answer it. Nothing was sent.
            JournalError: As for `run`.
        """
        prepared = self.prepare(script, Ask(to=call.to, from_=call.from_ or "", incoming=True))
        told = began or (lambda _run_id: None)
        return self._documents.result(self.runner.answer(script, prepared, call, began=told, observer=self.observer))

    def ringing(self, call_id: str) -> CallSeen | None:
        """Look at a call; return it if it rings. Raises UnreachableError where that cannot be seen."""
        return ringing(self.transport, call_id)

    def resume(
        self,
        run_id: str,
        *,
        script: Script | None = None,
        variables: Mapping[str, Value] | None = None,
        limit_s: float | None = None,
        network: str | None = None,
    ) -> Result:
        """Carry on with an interrupted run, with the same live call.

        A batch's run that has not dialled, or whose dial is found to have made no call, rests: the next tick of its
        campaign decides when its contact may be called.

        Args:
            run_id: The run, or a prefix of its id that is unique.
            script: The script, where it is not the file it was started with.
            variables: Variables that are secret, which the journal does not hold. Those that had the script's default
                have it again.
            limit_s: Another network limit.
            network: Another network profile.

        Raises:
            VariablesError: A secret that the rest of the script reads was not given. The run and its call stay as they
                are.
            UsageError: A variable was given that is not secret.
            ConfigurationError: The run belongs to another API.
            NoSuchRunError, LeaseHeldError, ChangedPastError, ScriptError, JournalError: As their names say.
        """
        run_id = self.journal.find_run(run_id)
        state = fold(self.journal.read(run_id))
        if state.end is not None:
            return self._documents.result(RunResult(state))
        chosen = script_of(state) if script is None else script
        check_script(chosen)
        secrets = secrets_again(state, chosen, variables or {})
        result = self.runner.resume(
            run_id,
            chosen,
            secrets=secrets,
            settings=self._settings.again(state.settings, Ask(limit_s=limit_s, network=network)),
            original=as_journalled(state),
            dials_late=False,
            ring_by_wall=None if self.journal.campaigns.contact_of(run_id) is None else NEVER,
            observer=self.observer,
        )
        return self._documents.result(result)

    def resumable(self) -> Iterator[RunSummary]:
        """Return the runs that are interrupted: not ended, not driven, not waiting for a person.

        A batch's run that has not dialled is left to the batch, which knows when its contact may be called. Runs of
        another API are left alone (`left_alone`).
        """
        return self._interrupted.runs(self.journal)

    def left_alone(self) -> list[str]:
        """Return a sentence for each other API whose runs `resumable` and `reap` have left alone."""
        return self._interrupted.sentences({} if self._runner is None else self._runner.left_alone)

    def may_be_up(self, run_id: str) -> bool:
        """Return whether the call of a run may be up, as far as its records tell: `leave_up` outlives the run."""
        return fold(self.journal.read(self.journal.find_run(run_id))).call_up

    def cancel(self, run_id: str, *, why: str = "cancelled on request") -> Result | None:
        """End a run's call, and the run; of a run that has ended the call that it left up.

        Returns None where a live process drives it: it was asked to do so. Raises ConfigurationError for a run of
        another API.
        """
        result = self.runner.cancel(self.journal.find_run(run_id), why=why, observer=self.observer)
        return None if result is None else self._documents.result(result)

    def resolve(self, run_id: str, *, ran: bool, call_id: str | None = None, note: str | None = None) -> Result:
        """Give a person's verdict on the uncertain step of an undecided run (rules, section 4.4)."""
        run_id = self.journal.find_run(run_id)
        if fold(self.journal.read(run_id)).end is not None:
            raise waits_for_no_verdict(run_id)  # which needs no credentials
        result = self.runner.resolve(run_id, ran=ran, call_id=call_id, note=note)
        return self._documents.result(replace(result, rest=None))

    def reap(self, *, keep: Collection[str] = ()) -> list[Result]:
        """End live calls whose driver is gone and on which somebody waits too long, except for the runs in `keep`."""
        return [self._documents.result(result) for result in self.runner.reap(keep=keep, observer=self.observer)]

    def show(self, run_id: str) -> dict[str, Any]:
        """Return the document of a run."""
        run_id = self.journal.find_run(run_id)
        state = fold(self.journal.read(run_id))
        driven = any(summary.driven for summary in self.journal.runs(unfinished=True) if summary.run_id == run_id)
        return self.document(state, driven=driven)

    def document(self, state: RunState, *, driven: bool, rest: Fault | None = None) -> dict[str, Any]:
        """Return the document of a run in some state."""
        return self._documents.of(state, driven=driven, rest=rest)

    # --- parts --------------------------------------------------------------------------------------------------------

    def tell(self, run_id: str) -> None:
        """Tell a run that this process drives that it has mail; an event receiver in the same process does."""
        if self._runner is not None:
            self._runner.tell(run_id)

    @property
    def journal(self) -> SqliteJournal:
        """The journal; opened, and made if it is missing, at the first use. Raises JournalError."""
        return self._parts.journal

    @property
    def journal_path(self) -> Path:
        """Where the journal is, or will be; nothing is opened or made. Raises ConfigurationError."""
        return self._parts.place.path

    @property
    def transport(self) -> HttpTransport:
        """The transport; made at the first use. Raises ConfigurationError."""
        return self._parts.transport

    @property
    def runner(self) -> Runner:
        """The runner over journal and transport."""
        with self._parts.making:
            if self._runner is None:
                lease_s = self.default_settings.lease_s
                self._runner = self._parts.new_runner(self.control, lease_s=lease_s, on_cut=self._way.forget)
            return self._runner

    # --- inside -------------------------------------------------------------------------------------------------------

    def _ends(self, run: CampaignRun) -> Iterator[Result]:
        from orchestrator.batches import ends

        with run:
            for end in ends(run):
                yield self._documents.result_of_contact(end, script=run.script.name)
