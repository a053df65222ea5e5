"""The composition root: settings → adapters → runner. The CLI and the library are both thin shells over it.

`Orchestrator` is the library's face (design section 8): whoever embeds this program builds one and calls `run`.
"""

from __future__ import annotations

import hashlib
import os
import random
import threading
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from orchestrator.core.ahead import lost_ahead
from orchestrator.core.document import document_of, exit_code_of_run
from orchestrator.core.evolve import fold
from orchestrator.core.records import Fault, Record
from orchestrator.core.script import Dial, Script, SettingValue, Value
from orchestrator.core.settings import Settings
from orchestrator.core.state import Phase, RunState
from orchestrator.errors import ConfigurationError, Problem, ScriptError, UsageError
from orchestrator.ports import RunSummary
from orchestrator.runtime.control import Control
from orchestrator.runtime.runner import Prepared, Runner, RunResult

if TYPE_CHECKING:
    from orchestrator.adapters.journal import SqliteJournal
    from orchestrator.adapters.transport import HttpTransport
    from orchestrator.core.plan import Plan
    from orchestrator.scriptfile.configuration import Configuration

Observer = Callable[[Record, RunState], None]
API_URL = "https://v1.api.phone.com"
"""The documented host of the call API (contract section 1)."""


@dataclass(frozen=True, slots=True)
class Result:
    """Where a run stands after `run` or `resume`.

    Attributes:
        document: The run's document, as `show RUN --json` prints it.
        exit_code: What the CLI ends with for this run.
        variables: The run's variables by name, with the secret ones this process still holds.
    """

    document: Mapping[str, Any]
    exit_code: int
    variables: Mapping[str, Value]

    @property
    def run_id(self) -> str:
        """The run's id."""
        return cast("str", self.document["run_id"])

    @property
    def status(self) -> str:
        """The run's status (design section 7)."""
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

    def __init__(
        self,
        *,
        api_url: str | None = None,
        api_key: str | None = None,
        api_password: str | None = None,
        journal: str | os.PathLike[str] | None = None,
        adopt: bool = False,
        config: str | os.PathLike[str] | None = None,
        settings: Mapping[str, object] | None = None,
        on_record: Observer | None = None,
        resume_command: Callable[[str], str | None] | None = None,
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
            config: A configuration file; default `ORCHESTRATOR_CONFIG`.
            settings: Settings in the words of design section 5, which override those of scripts (`max_silence="20s"`).
            on_record: Called with every record and the state after it, from the thread that drives the run. What it
                raises is logged, and changes nothing.
            resume_command: Makes the command that resumes a run, for documents; None where nothing can.

        Raises:
            ConfigurationError: A setting is wrong.
        """
        self._configuration = _configuration(config)
        self._given = _given_settings(settings or {})
        self._api_url = api_url or self._configuration.api_url or API_URL
        self._credentials = (api_key, api_password)
        self._journal_at = journal or self._configuration.journal
        self._adopt = adopt
        self._observer = None if on_record is None else _guarded(on_record)
        self._resume_command: Callable[[str], str | None] = resume_command or (
            lambda run_id: f"orchestrator resume {run_id}"
        )
        self._making = threading.RLock()  # parts are made once, whichever of many threads comes first
        self._journal: SqliteJournal | None = None
        self._transport: HttpTransport | None = None
        self._runner: Runner | None = None
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
        self, script: Script, contacts: Iterable[Mapping[str, Value]], *, concurrency: int = 8, **options: Any
    ) -> Iterator[Result]:
        """Make many calls, `concurrency` at a time, and yield results as they finish.

        Args:
            script: What to do in each call.
            contacts: For each call a mapping with `to`, optionally `from`, and variables of the script. It is read as
                calls are made, never as a whole.
            concurrency: Calls at a time.
            options: `limit_s` or `network`, as for `run`.

        Raises:
            The errors of `run`, at the contact they belong to; calls that have begun are driven to their end first.
        """
        with ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix="run") as pool:
            pending: set[Future[Result]] = set()
            for contact in contacts:
                pending.add(pool.submit(self._run_contact, script, contact, options))
                if len(pending) >= concurrency:
                    done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            while pending:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)

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
            NoSuchRunError, LeaseHeldError, ChangedPastError, ScriptError, JournalError: As their names say.
        """
        run_id = self.journal.find_run(run_id)
        state = fold(self.journal.read(run_id))
        if state.end is not None:
            return self._result(RunResult(state))
        chosen = script or self._script_of(state)
        secrets = _secrets_again(state, chosen, variables or {})
        settings = self._overlaid(state.settings, limit_s=limit_s, network=network)
        result = self.runner.resume(
            run_id,
            chosen,
            secrets=secrets,
            settings=settings,
            original=_as_journalled(state),
            observer=self._observer,
        )
        return self._result(result)

    def resumable(self) -> Iterator[RunSummary]:
        """Yield the runs that are interrupted: not ended, not driven, not waiting for a person.

        A batch's run that has not dialled is left to the batch, which knows when its contact may be called.
        """
        for summary in self.journal.runs(unfinished=True):
            marks = summary.marks
            dialled = marks.call_id is not None or marks.claim_until_wall is not None
            if summary.driven or marks.status.value == "undecided":
                continue
            if dialled or summary.contact_key is None:
                yield summary

    def cancel(self, run_id: str, *, why: str = "cancelled on request") -> Result | None:
        """End a run's call, and the run. Returns None where a live process drives it: it was asked to do so."""
        result = self.runner.cancel(self.journal.find_run(run_id), why=why, observer=self._observer)
        return None if result is None else self._result(result)

    def resolve(self, run_id: str, *, ran: bool, call_id: str | None = None, note: str | None = None) -> Result:
        """Give a person's verdict on the uncertain step of an undecided run (design section 4.4)."""
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
        return document_of(state, self.clock.now(), driven=driven, rest=rest, resume_command=command)

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
    ) -> Plan:
        """Return the plan of a script, with its problems. Nothing is sent; variables may be missing."""
        from orchestrator.core.plan import plan

        settings = self.settings_for(script, limit_s=limit_s, network=network)
        return plan(script, variables or {}, settings, to=to, from_=from_)

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
    ) -> Prepared:
        """Check everything that can be known before dialling. Raises as `run` does."""
        from orchestrator.scriptfile import bind_variables, unknown_variables

        settings = self.settings_for(script, limit_s=limit_s, network=network, overrides=overrides)
        if settings.on_stale is not None and all(entry.label != settings.on_stale for entry in script.entries):
            raise UsageError(f"`on_stale` names the label `{settings.on_stale}`, which this script does not have")
        given = dict(variables or {})
        given |= {name: number for name, number in (("to", to), ("from", from_)) if number is not None}
        bound = bind_variables(script, given)
        problems = unknown_variables(script, bound)
        if problems:
            raise ScriptError(problems)
        callee, caller = self._numbers(script, bound, to=to, from_=from_)
        planned = self.plan(script, to=callee, from_=caller, variables=bound, limit_s=limit_s, network=network)
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
            settings=settings,
            defaulted=tuple(name for name in bound if name in secret and name not in given),
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
        values = {**self._configuration.settings, **script.settings, **(overrides or {}), **self._given}
        settings = replace(Settings(), **cast("dict[str, Any]", values))
        kept_s = self._configuration.idempotent_for_s
        settings = replace(settings, idempotent_for_s=kept_s, limit_s=self._configured_limit())
        return self._overlaid(settings, limit_s=limit_s, network=network)

    # --- parts --------------------------------------------------------------------------------------------------------

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

                target = self._journal_at or default_journal()
                make_folder = self._journal_at is None
                self._journal = SqliteJournal(target, now=self.clock.now, make_folder=make_folder, adopt=self._adopt)
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

    def _account(self) -> str:
        """Name the account for the journal, without its key: the requests of one account count together."""
        key, _ = self._key_and_password()
        return hashlib.sha256(f"{self._api_url}\n{key}".encode()).hexdigest()[:16]

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

    def _run_contact(self, script: Script, contact: Mapping[str, Value], options: Mapping[str, Any]) -> Result:
        variables = {name: value for name, value in contact.items() if name not in ("to", "from")}
        from_ = contact.get("from")
        caller = None if from_ is None else str(from_)
        return self.run(script, to=str(contact["to"]), from_=caller, variables=variables, **options)

    def _result(self, result: RunResult) -> Result:
        document = self.document(result.state, driven=False, rest=result.rest)
        return Result(document, exit_code_of_run(result.state, result.rest), result.state.variables)

    def _script_of(self, state: RunState) -> Script:
        """Return the script of a run: its file as it is now, else what the journal keeps of it."""
        from orchestrator.scriptfile import load_script, parse_script

        begun = state.begun
        if begun.script_path is not None and Path(begun.script_path).exists():
            return load_script(begun.script_path)
        if begun.script_masked and state.phase is not Phase.UNDECIDED:
            where = begun.script_path or "given as text"
            raise UsageError(
                f"the script ({where}) is needed to resume: the journal keeps it without its send_dtmf digits; "
                "give it with --script FILE"
            )
        return parse_script(begun.script_source, name=begun.script_name)

    def _numbers(
        self, script: Script, bound: Mapping[str, Value], *, to: str | None, from_: str | None
    ) -> tuple[str, str]:
        from orchestrator.adapters.numbers import refusal

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
        refused = refusal(callee)
        if refused is not None:
            raise UsageError(refused)
        return callee, caller

    def _configured_limit(self) -> float | None:
        configured = self._configuration
        return configured.limit_s if configured.network is None else _limit_of(configured.network)

    def _overlaid(self, settings: Settings, *, limit_s: float | None, network: str | None) -> Settings:
        if network is not None:
            return replace(settings, limit_s=_limit_of(network))
        return settings if limit_s is None else replace(settings, limit_s=limit_s)


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
    from orchestrator.core.networks import network as profile

    return profile(network).limit_s


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
