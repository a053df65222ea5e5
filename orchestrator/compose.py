"""The composition root: settings → adapters → runner. The CLI and the library are both thin shells over it.

`Orchestrator` is the library's face (rules, section 8): whoever embeds this program builds one and calls `run`.
"""

from __future__ import annotations

import hashlib
import os
import random
import threading
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from orchestrator.core.ahead import lost_ahead
from orchestrator.core.document import document_of, exit_code_of_run
from orchestrator.core.evolve import fold
from orchestrator.core.origin import Origin, normalised, other_api
from orchestrator.core.records import Fault, Record
from orchestrator.core.script import Answer, Dial, Script, SettingValue, Value
from orchestrator.core.settings import Mode, Settings
from orchestrator.core.state import Phase, RunState
from orchestrator.errors import (
    ConfigurationError,
    OrchestratorError,
    Problem,
    ScriptError,
    UnreachableError,
    UsageError,
)
from orchestrator.ports import RunSummary
from orchestrator.runtime.control import Control
from orchestrator.runtime.pathmemory import PathMemory
from orchestrator.runtime.runner import Prepared, Runner, RunResult

if TYPE_CHECKING:
    from orchestrator.adapters.journal import SqliteJournal
    from orchestrator.adapters.transport import HttpTransport
    from orchestrator.batches import CampaignRun
    from orchestrator.batches.sources import Contacts
    from orchestrator.core.campaign import Campaign
    from orchestrator.core.deadair import Gap
    from orchestrator.core.exchange import CallSeen
    from orchestrator.core.limits import History, Learned
    from orchestrator.core.plan import Plan
    from orchestrator.scriptfile.configuration import Configuration

Observer = Callable[[Record, RunState], None]
WAY_OUT = "; say what happened with "
"""Stands in an undecided run's error between what is not known and the commands that settle it."""
API_URL = "https://v1.api.phone.com"
"""The documented host of the call API (contract section 1)."""


@dataclass(frozen=True, slots=True)
class Result:
    """Where a run stands after `run` or `resume`; of `run_many` also of contacts that were not called.

    Attributes:
        document: The run's document, as `show RUN --json` prints it.
        exit_code: What the CLI ends with for this run.
        variables: The run's variables by name, with the secret ones this process still holds.
        contact: The row of `run_many` that it is about, as text.
        earlier: The call was over before `run_many` began.
        notices: What a person should know of the run that is no error, a sentence by its code: `vanished` says that
            nobody saw its call end.
    """

    document: Mapping[str, Any]
    exit_code: int
    variables: Mapping[str, Value]
    contact: Mapping[str, str] = field(default_factory=dict)
    earlier: bool = False
    notices: Mapping[str, str] = field(default_factory=dict)

    @property
    def run_id(self) -> str:
        """The run's id; empty for a contact of `run_many` who has none."""
        return cast("str", self.document["run_id"])

    @property
    def to(self) -> str:
        """The callee's number."""
        return cast("str", self.document["to"])

    @property
    def status(self) -> str:
        """The run's status (rules, section 7)."""
        return cast("str", self.document["status"])

    @property
    def disposition(self) -> str | None:
        """How the call ended; None while it goes on."""
        return cast("str | None", self.document["disposition"])

    @property
    def result(self) -> str | None:
        """The text of the script's `end`."""
        return cast("str | None", self.document["result"])

    @property
    def call_id(self) -> str | None:
        """The call's id."""
        return cast("str | None", self.document["call_id"])

    @property
    def error(self) -> Mapping[str, Any] | None:
        """What went wrong: `code`, `message`, `resume_command`; None when nothing did."""
        return cast("Mapping[str, Any] | None", self.document["error"])


class Orchestrator:
    """Drives calls. Usable as a context manager, and by several threads at once."""

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
        self._configuration = _configuration(config)
        self._given = _given_settings(settings or {})
        self._api_url = api_url or self._configuration.api_url or API_URL
        self._credentials = (api_key, api_password)
        self._journal_at = journal or self._configuration.journal
        self._adopt = adopt
        self._read_only = read_only
        self._observer = None if on_record is None else _guarded(on_record)
        self._resolve_command: Callable[[str], str | None] = resolve_command or (
            lambda run_id: f"orchestrator resolve {run_id}"
        )
        self._resume_command: Callable[[str], str | None] = resume_command or (
            lambda run_id: f"orchestrator resume {run_id}"
        )
        self._making = threading.RLock()  # parts are made once, whichever of many threads comes first
        self._journal: SqliteJournal | None = None
        self._transport: HttpTransport | None = None
        self._runner: Runner | None = None
        self._history: History | None = None
        self._left_alone: dict[str, str] = {}
        from orchestrator.adapters.clock import SystemClock

        self.clock = SystemClock()
        self.control = Control(self.clock)

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
        if self._transport is not None:
            self._transport.close()
        if self._journal is not None:
            self._journal.close()
        self._runner = self._transport = self._journal = None

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
            NumberBlockedError: A dial to the number is unsettled. Nothing was sent.
            JournalError: The journal cannot be written. Nothing was sent, or the live call was ended.
            ConfigurationError, LeaseLostError: As their names say.
        """
        prepared = self.prepare(script, to=to, from_=from_, variables=variables, limit_s=limit_s, network=network)
        return self._result(self.runner.run(script, prepared, observer=self._observer))

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
        prepared = self.prepare(script, to=call.to, from_=call.from_, incoming=True)
        told = began or (lambda _run_id: None)
        return self._result(self.runner.answer(script, prepared, call, began=told, observer=self._observer))

    def ringing(self, call_id: str) -> CallSeen | None:
        """Look at a call; return it if it rings. Raises UnreachableError where that cannot be seen."""
        from orchestrator.core.exchange import Operation, Outcome, Request

        channel = self.transport.open_channel()
        try:
            reply = channel.send(Request(operation=Operation.LOOK, call_id=call_id, read_timeout_s=5.0, deadline_s=6.0))
        finally:
            channel.close()
        if reply.outcome is Outcome.DONE and reply.call is not None:
            return reply.call if reply.call.status == "ringing" else None
        if reply.outcome is Outcome.REJECTED and reply.status in (404, 410):
            return None
        raise UnreachableError(f"the call could not be looked at: {reply.reason}")

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

        Args:
            run_id: The run, or a prefix of its id that is unique.
            script: The script, where it is not the file it was started with.
            variables: Variables that are secret, which the journal does not hold. Those that had the script's default
                have it again.
            limit_s: Another network limit.
            network: Another network profile.

        Raises:
            UsageError: A secret that the rest of the script reads was not given. The run and its call stay as they are.
            ConfigurationError: The run belongs to another API.
            NoSuchRunError, LeaseHeldError, ChangedPastError, ScriptError, JournalError: As their names say.
        """
        run_id = self.journal.find_run(run_id)
        state = fold(self.journal.read(run_id))
        if state.end is not None:
            return self._result(RunResult(state))
        chosen = script or self._script_of(state)
        secrets = _secrets_again(state, chosen, variables or {})
        mode = cast("Mode", self._given.get("mode", state.settings.mode))
        settings = replace(state.settings, mode=mode, hears_events=self._hears_events(mode))
        settings = self._overlaid(settings, limit_s=limit_s, network=network)
        result = self.runner.resume(
            run_id,
            chosen,
            secrets=secrets,
            settings=settings,
            original=_as_journalled(state),
            dials_late=False,
            observer=self._observer,
        )
        return self._result(result)

    def resumable(self) -> Iterator[RunSummary]:
        """Yield the runs that are interrupted: not ended, not driven, not waiting for a person.

        A batch's run that has not dialled is left to the batch, which knows when its contact may be called. Runs of
        another API are left alone (`left_alone`).
        """
        for summary in self.journal.runs(unfinished=True):
            marks = summary.marks
            dialled = marks.call_id is not None or marks.claim_until_wall is not None
            if summary.driven or marks.status.value == "undecided":
                continue
            if (dialled or summary.contact_key is None) and not self._is_elsewhere(summary.run_id):
                yield summary

    def left_alone(self) -> list[str]:
        """Return a sentence for each other API whose runs `resumable` and `reap` have left alone."""
        runs = self._left_alone | ({} if self._runner is None else self._runner.left_alone)
        urls = list(runs.values())
        return [
            f"{urls.count(url)} unfinished run(s) of the API at {url} were left alone, since this process uses "
            f"{normalised(self._api_url)}: set ORCHESTRATOR_API_URL={url} for them"
            for url in sorted(set(urls))
        ]

    def may_be_up(self, run_id: str) -> bool:
        """Return whether the call of a run may be up, as far as its records tell: `leave_up` outlives the run."""
        return fold(self.journal.read(self.journal.find_run(run_id))).call_up

    def cancel(self, run_id: str, *, why: str = "cancelled on request") -> Result | None:
        """End a run's call, and the run; of a run that has ended the call that it left up.

        Returns None where a live process drives it: it was asked to do so. Raises ConfigurationError for a run of
        another API.
        """
        result = self.runner.cancel(self.journal.find_run(run_id), why=why, observer=self._observer)
        return None if result is None else self._result(result)

    def resolve(self, run_id: str, *, ran: bool, call_id: str | None = None, note: str | None = None) -> Result:
        """Give a person's verdict on the uncertain step of an undecided run (rules, section 4.4)."""
        result = self.runner.resolve(self.journal.find_run(run_id), ran=ran, call_id=call_id, note=note)
        return self._result(replace(result, rest=None))

    def reap(self, *, keep: Collection[str] = ()) -> list[Result]:
        """End live calls whose driver is gone and whose callee has waited too long, except for the runs in `keep`."""
        return [self._result(result) for result in self.runner.reap(keep=keep, observer=self._observer)]

    def show(self, run_id: str) -> dict[str, Any]:
        """Return the document of a run."""
        run_id = self.journal.find_run(run_id)
        state = fold(self.journal.read(run_id))
        driven = any(summary.driven for summary in self.journal.runs(unfinished=True) if summary.run_id == run_id)
        return self.document(state, driven=driven)

    def document(self, state: RunState, *, driven: bool, rest: Fault | None = None) -> dict[str, Any]:
        """Return the document of a run in some state."""
        command = self._resume_command(state.run_id)
        document = document_of(state, self.clock.now(), driven=driven, rest=rest, resume_command=command)
        resolve = self._resolve_command(state.run_id)
        if document["status"] == "undecided" and document["error"] is not None and resolve is not None:
            _tell_way_out(document, resolve)
        return document

    # --- checks -------------------------------------------------------------------------------------------------------

    def plan(
        self,
        script: Script,
        *,
        to: str | None = None,
        from_: str | None = None,
        variables: Mapping[str, Value] | None = None,
        limit_s: float | None = None,
        network: str | None = None,
        overrides: Mapping[str, SettingValue] | None = None,
        gap: Gap | None = None,
    ) -> Plan:
        """Return the plan of a script, with its problems. Nothing is sent; variables may be missing.

        `gap` is what the dead air between steps is estimated from, where it was measured (`core.deadair`); `overrides`
        are a campaign's settings.
        """
        from orchestrator.core.deadair import ASSUMED_GAP
        from orchestrator.core.plan import plan

        settings = self.settings_for(script, limit_s=limit_s, network=network, overrides=overrides)
        known, gap = variables or {}, gap or ASSUMED_GAP
        planned = plan(script, known, settings, to=to, from_=from_, gap=gap)
        if planned.problems and self._limit_is_learned(limit_s, network):  # a guess refuses no script
            without = plan(script, known, replace(settings, limit_s=None), to=to, from_=from_, gap=gap)
            planned = without if len(without.problems) < len(planned.problems) else planned
        return planned

    def learned(self) -> Learned | None:
        """Return the network limit that cuts have taught of the way to this API; None where nothing was learned.

        A limit in the settings counts more. The journal is read once, and again after a cut; none is made.
        """
        from orchestrator.core.limits import learned_limit

        known = self.history()
        return learned_limit(known.cuts, known.lived, host=self._host, now=self.clock.now().wall)

    def history(self) -> History:
        """Return what the journal holds of the way to this API: the newest first, nothing where it cannot be read."""
        from orchestrator.core.limits import History

        with self._making:
            if self._history is None:
                self._history = History()
                with suppress(OrchestratorError):  # whoever needs the journal is told what is wrong with it
                    self._history = self._read_history()
            return self._history

    def learned_note(self, planned: Plan, *, limit_s: float | None = None, network: str | None = None) -> str | None:
        """Return what to say of the limit that a plan has, where it was learned; None where it was set, or is none.

        Args:
            planned: The plan.
            limit_s: As it was given to `plan`.
            network: As it was given to `plan`.
        """
        from orchestrator.core.limits import told

        learned = self.learned() if self._limit_is_learned(limit_s, network) else None
        return None if learned is None else told(learned, kept=planned.limit_s is not None)

    def prepare(
        self,
        script: Script,
        *,
        to: str | None = None,
        from_: str | None = None,
        variables: Mapping[str, Value] | None = None,
        limit_s: float | None = None,
        network: str | None = None,
        overrides: Mapping[str, SettingValue] | None = None,
        incoming: bool = False,
    ) -> Prepared:
        """Check everything that can be known before dialling, or before answering an incoming call.

        Raises as `run` does.
        """
        from orchestrator.scriptfile import bind_variables, unknown_variables

        settings = self.settings_for(script, limit_s=limit_s, network=network, overrides=overrides)
        if settings.on_stale is not None and all(entry.label != settings.on_stale for entry in script.entries):
            raise UsageError(f"`on_stale` names the label `{settings.on_stale}`, which this script does not have")
        given = dict(variables or {})
        given |= {name: number for name, number in (("to", to), ("from", from_)) if number is not None}
        bound = bind_variables(script, given)
        problems = (*_empty_ones(script, bound), *unknown_variables(script, bound))
        if problems:
            raise ScriptError(problems)
        if incoming:
            callee, caller = _ends_of_incoming(script, to, from_)
        else:
            callee, caller = self._numbers(script, bound, to=to, from_=from_)
        planned = self.plan(
            script,
            to=callee,
            from_=caller,
            variables=bound,
            limit_s=limit_s,
            network=network,
            overrides=overrides,
        )
        if planned.problems:
            file = script.path or script.name
            raise ScriptError(
                [Problem(file, found.place.line, found.place.column, found.message) for found in planned.problems]
            )
        secret = {variable.name for variable in script.variables if variable.sensitive}
        return Prepared(
            to=callee,
            from_=caller,
            variables={name: value for name, value in bound.items() if name not in secret},
            secrets={name: value for name, value in bound.items() if name in secret},
            settings=replace(settings, limit_s=planned.limit_s),
            defaulted=tuple(name for name in bound if name in secret and name not in given),
            learned=self.learned_note(planned, limit_s=limit_s, network=network),
        )

    def settings_for(
        self,
        script: Script,
        *,
        limit_s: float | None = None,
        network: str | None = None,
        overrides: Mapping[str, SettingValue] | None = None,
    ) -> Settings:
        """Return the settings of a run: defaults < configuration and environment < script < campaign < given here.

        Args:
            script: Whose settings they are.
            limit_s: The network limit, seconds.
            network: The network profile.
            overrides: A campaign's, by the field names of `Settings`.
        """
        from orchestrator.core.limits import limit_to_use

        values = {**self._configuration.settings, **script.settings, **(overrides or {}), **self._given}
        settings = replace(Settings(), **cast("dict[str, Any]", values))
        settings = replace(
            settings,
            idempotent_for_s=self._configuration.idempotent_for_s,
            shows_results="command_log" in self._configuration.capabilities,
            hears_events=self._hears_events(settings.mode),
            limit_s=self._configured_limit(),
        )
        if self._limit_is_learned(limit_s, network):
            return replace(settings, limit_s=limit_to_use(None, self.learned()))
        return self._overlaid(settings, limit_s=limit_s, network=network)

    # --- parts --------------------------------------------------------------------------------------------------------

    def tell(self, run_id: str) -> None:
        """Tell a run that this process drives that it has mail; an event receiver in the same process does."""
        if self._runner is not None:
            self._runner.tell(run_id)

    @property
    def default_settings(self) -> Settings:
        """The settings of a script that sets none."""
        return self.settings_for(Script(name="", entries=()))

    @property
    def journal(self) -> SqliteJournal:
        """The journal; opened, and made if it is missing, at the first use. Raises JournalError."""
        with self._making:
            if self._journal is None:
                from orchestrator.adapters.journal import SqliteJournal

                self._journal = SqliteJournal(
                    self._journal_at or default_journal(),
                    now=self.clock.now,
                    make_folder=self._journal_at is None,
                    adopt=self._adopt,
                    read_only=self._read_only,
                )
            return self._journal

    @property
    def journal_path(self) -> Path:
        """Where the journal is, or will be; nothing is opened or made. Raises ConfigurationError."""
        from orchestrator.adapters.journal.files import locate

        return locate(self._journal_at or default_journal())

    @property
    def transport(self) -> HttpTransport:
        """The transport; made at the first use. Raises ConfigurationError."""
        with self._making:
            if self._transport is None:
                self._transport = self._new_transport()
            return self._transport

    @property
    def runner(self) -> Runner:
        """The runner over journal and transport."""
        with self._making:
            if self._runner is None:
                self._runner = Runner(
                    journal=self.journal,
                    transport=self.transport,
                    clock=self.clock,
                    control=self.control,
                    new_id=lambda: str(uuid.uuid4()),
                    draw=random.random,
                    lease_s=self.default_settings.lease_s,
                    budget=self.journal.budget_of(self._account()),
                    # with a reference of its own each dial is searched for by itself
                    shares_lists="client_reference" not in self._configuration.capabilities,
                    origin=Origin(api_url=normalised(self._api_url), account=self._account()),
                    memory=PathMemory(self.journal.paths, host=self._host, on_cut=self._read_history_again),
                )
            return self._runner

    @property
    def observer(self) -> Observer | None:
        """What is told of every record; its errors end no call."""
        return self._observer

    @property
    def api_url(self) -> str:
        """The API's base URL."""
        return self._api_url

    @property
    def configuration(self) -> Configuration:
        """What the configuration file and the environment say."""
        return self._configuration

    # --- inside -------------------------------------------------------------------------------------------------------

    @property
    def _host(self) -> str:
        return normalised(self._api_url).partition("://")[2].partition("/")[0]

    def _read_history(self) -> History:
        from orchestrator.adapters.journal import SqliteJournal
        from orchestrator.core.limits import History

        if self._journal is not None:
            return self._journal.paths.read(self._host)
        if not self.journal_path.exists():
            return History()
        with closing(SqliteJournal(self.journal_path, now=self.clock.now, read_only=True)) as looked_into:
            return looked_into.paths.read(self._host)

    def _read_history_again(self) -> None:
        self._history = None

    def _limit_is_learned(self, limit_s: float | None, network: str | None) -> bool:
        """Say whether nobody has set a network limit: then what was learned counts."""
        configured = self._configuration
        return (limit_s, network, configured.limit_s, configured.network) == (None,) * 4

    def _account(self) -> str:
        """Name the account for the journal, without its key: the requests of one account count together."""
        key, _ = self._key_and_password()
        return hashlib.sha256(f"{normalised(self._api_url)}\n{key}".encode()).hexdigest()[:16]

    def _is_elsewhere(self, run_id: str) -> bool:
        theirs = other_api(fold(self.journal.read(run_id)), normalised(self._api_url))
        if theirs is not None:
            self._left_alone[run_id] = theirs
        return theirs is not None

    def _new_transport(self) -> HttpTransport:
        from orchestrator.adapters.dialects.call_api import CallApi, Capabilities
        from orchestrator.adapters.transport import Credentials, HttpTransport

        key, password = self._key_and_password()
        offered = dict.fromkeys(self._configuration.capabilities, True)
        return HttpTransport(
            self._api_url,
            Credentials(key, password),
            clock=self.clock,
            dialect=CallApi(Capabilities(**offered)),
            ca_file=self._configuration.ca_file,
        )

    def _key_and_password(self) -> tuple[str, str]:
        from orchestrator.scriptfile.configuration import read_credentials

        key, password = self._credentials
        if key is None or password is None:
            found = read_credentials(os.environ, self._configuration.credentials_file)
            if found is None:
                raise ConfigurationError(
                    "no API credentials: set ORCHESTRATOR_API_KEY and ORCHESTRATOR_API_PASSWORD, "
                    "or name a `credentials_file` in the configuration"
                )
            return found
        return key, password

    def _ends(self, run: CampaignRun) -> Iterator[Result]:
        from orchestrator.batches import ends
        from orchestrator.runtime.rows import document_of_row, exit_code_of_row

        with run:
            for end in ends(run):
                if isinstance(end.came_to, RunResult):
                    result = self._result(end.came_to)
                else:
                    document = document_of_row(end.came_to, script=run.script.name)
                    result = Result(document, exit_code_of_row(end.came_to), {})
                yield replace(result, contact=end.columns, earlier=end.is_earlier)

    def _result(self, result: RunResult) -> Result:
        document = self.document(result.state, driven=False, rest=result.rest)
        notices = {notice.code: notice.message for notice in result.state.notices}
        code = exit_code_of_run(result.state, result.rest)
        return Result(document, code, result.state.variables, notices=notices)

    def _script_of(self, state: RunState) -> Script:
        """Return the script of a run: its file as it is now, else what the journal keeps of it."""
        from orchestrator.scriptfile import load_script, parse_script

        begun = state.begun
        if begun.script_path is not None and Path(begun.script_path).exists():
            return load_script(begun.script_path)
        if begun.script_masked and state.phase is not Phase.UNDECIDED:
            where = begun.script_path or "given as text"
            raise UsageError(
                f"the script ({where}) is needed to resume: the journal keeps it without its secrets (send_dtmf "
                "digits, defaults of sensitive variables); give it with --script FILE"
            )
        return parse_script(begun.script_source, name=begun.script_name)

    def _numbers(
        self, script: Script, bound: Mapping[str, Value], *, to: str | None, from_: str | None
    ) -> tuple[str, str]:
        from orchestrator.adapters.numbers import caller_refusal, refusal

        dial = script.entries[0].element
        if not isinstance(dial, Dial):
            raise UsageError("the script begins with `answer`: it is for incoming calls, and cannot make one")
        known = {**bound, "run_id": ""}
        numbers = []
        for flag, text, given in (("to", dial.to, to), ("from", dial.from_, from_)):
            if given is None and flag in text.names and flag not in bound:
                raise UsageError(f"the script does not say `{flag}`: give it with --{flag} NUMBER")
            numbers.append((given if given is not None else text.render(known)).strip())
        callee, caller = numbers
        refused = refusal(callee) or caller_refusal(caller)
        if refused is not None:
            raise UsageError(refused)
        return callee, caller

    def _configured_limit(self) -> float | None:
        configured = self._configuration
        return configured.limit_s if configured.network is None else _limit_of(configured.network)

    def _hears_events(self, mode: Mode) -> bool:
        """Say whether an event receiver serves this journal now, where the mode makes use of one."""
        if mode not in (Mode.ASYNC, Mode.AUTO):
            return False
        from orchestrator.adapters.events.note import find_receiver

        return find_receiver(self.journal_path, now=self.clock.now()) is not None

    def _overlaid(self, settings: Settings, *, limit_s: float | None, network: str | None) -> Settings:
        if network is not None:
            return replace(settings, limit_s=_limit_of(network))
        return settings if limit_s is None else replace(settings, limit_s=limit_s)


def _tell_way_out(document: dict[str, Any], resolve: str) -> None:
    """Say in the document of an undecided run which commands take a person's verdict; only then can it be resumed."""
    ran = "--ran --call CALL_ID" if document["call_id"] is None else "--ran"
    message = f"{document['error']['message']}{WAY_OUT}`{resolve} {ran}`, or `{resolve} --not-run`"
    document["error"] |= {"message": message, "resume_command": resolve}


def _empty_ones(script: Script, bound: Mapping[str, Value]) -> list[Problem]:
    """Return a problem for each required variable whose value is an empty text."""
    empty = [variable.name for variable in script.variables if variable.required and bound.get(variable.name) == ""]
    file = script.path or script.name
    return [Problem(file, 0, 0, f"the variable `{name}` is required, and its value is empty") for name in empty]


def _ends_of_incoming(script: Script, to: str | None, from_: str | None) -> tuple[str, str]:
    """Return the numbers of an incoming call. Raises UsageError for a script that cannot answer one."""
    if script.entries and not isinstance(script.entries[0].element, Answer):
        raise UsageError("the script begins with `dial`: it makes calls, and cannot answer one; begin it with `answer`")
    return to or "", from_ or ""


def _secrets_again(state: RunState, script: Script, given: Mapping[str, Value]) -> dict[str, Value]:
    """Return the secrets that a resume brings: those given, and the defaults of those that had them before."""
    from orchestrator.scriptfile import bind_variables

    declared = {variable.name: variable for variable in script.variables if variable.sensitive}
    for name in sorted(given):
        if name not in declared and name not in state.lost:
            raise UsageError(f"`{name}` is not secret: a resume takes it from the journal, and cannot change it")
    wanted = tuple(declared[name] for name in declared if name in given or name in state.begun.defaulted)
    secrets = bind_variables(replace(script, variables=wanted), given)
    missing = sorted(lost_ahead(state, script) - secrets.keys())
    if missing:
        raise UsageError(
            f"the variable `{missing[0]}` is secret, so the journal does not hold it, and what is left of the script "
            f"reads it: put {missing[0]}=VALUE into a file and give it with --var-file FILE"
        )
    return secrets


def _as_journalled(state: RunState) -> Script | None:
    """Return the script as the journal keeps it; None where masked digits left no script to read."""
    from orchestrator.scriptfile import parse_script

    try:
        return parse_script(state.begun.script_source, name=state.begun.script_name)
    except ScriptError:
        return None


def default_journal() -> Path:
    """Return where the journal is when nobody says so: in the platform's state folder.

    Raises:
        ConfigurationError: This user has no home folder.
    """
    import platformdirs

    try:
        folder = Path(platformdirs.user_state_dir("orchestrator"))
    except RuntimeError:  # newer releases of platformdirs; older ones return a relative path
        folder = Path()
    if not folder.is_absolute():
        raise ConfigurationError(
            "there is no place for the journal: HOME is not set and this user has no home folder; "
            "name a file with --journal or ORCHESTRATOR_JOURNAL"
        )
    return folder / "journal.db"


def _limit_of(network: str) -> float | None:
    from orchestrator.scriptfile.networks import find_network

    return find_network(network).limit_s


def _configuration(path: str | os.PathLike[str] | None) -> Configuration:
    from orchestrator.scriptfile.configuration import environment, load_configuration, merged

    chosen = path or os.environ.get("ORCHESTRATOR_CONFIG")
    from_environment = environment(os.environ)
    return from_environment if chosen is None else merged(load_configuration(chosen), from_environment)


def _given_settings(settings: Mapping[str, object]) -> dict[str, SettingValue]:
    from orchestrator.scriptfile.settings import parse_settings

    typed, problems = parse_settings(settings)
    if problems:
        raise UsageError("; ".join(problems.values()))
    known = {field.name for field in fields(Settings)}
    assert typed.keys() <= known, "parse_settings returns fields of Settings"
    return typed


def _guarded(observer: Observer) -> Observer:
    """Return an observer whose own errors cannot end somebody's call."""

    def observe(record: Record, state: RunState) -> None:
        try:
            observer(record, state)
        except Exception:
            import logging

            logging.getLogger("orchestrator").exception("on_record raised; the call goes on")

    return observe
