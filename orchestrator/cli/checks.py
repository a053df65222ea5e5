"""What `doctor` looks at. Each check says what it found; none changes anything or shows a secret."""

from __future__ import annotations

import os
import platform
import re
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator._version import __version__
from orchestrator.cli.app import App
from orchestrator.cli.exits import counted, explain
from orchestrator.errors import JournalError, OrchestratorError, exit_code_of

if TYPE_CHECKING:
    from orchestrator.adapters.journal import SqliteJournal
    from orchestrator.compose import Orchestrator
    from orchestrator.core.exchange import Reply

_DISTRIBUTION = "call-orchestrator"
_CONFIGURATION, _UNREACHABLE, _AUTHENTICATION, _JOURNAL = 78, 69, 77, 73
_BIG_SKEW_S = 5.0
_TRIED_S = 10.0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at.

    Attributes:
        level: `ok`, `warn` or `fail`.
        name: What was looked at.
        found: What was found.
        advice: What to do about it.
        exit_code: Of `doctor`, where the level is `fail`.
    """

    level: str
    name: str
    found: str
    advice: str | None = None
    exit_code: int = _CONFIGURATION

    def to_document(self) -> dict[str, Any]:
        """Return what `doctor --json` shows of it."""
        document = asdict(self)
        del document["exit_code"]
        return document


def every_check(app: App, *, ask_api: bool, limit_s: float | None, network: str | None) -> list[Check]:
    """Look at everything, and return what was found in the order in which it is best read.

    Args:
        app: Where to look.
        ask_api: Send one GET, the list of calls.
        limit_s: As for `run`.
        network: As for `run`.
    """
    checks = [_python(), _packages(), _extra(), _sockets()]
    try:
        orchestrator = app.orchestrator()
    except OrchestratorError as error:
        return [*checks, Check("fail", "configuration", explain(error), exit_code=exit_code_of(error))]
    with orchestrator:
        checks.append(_configuration(app))
        checks += _guarded("journal", lambda: _journal(app, orchestrator))
        checks += _guarded("receiver", lambda: iter([_receiver(orchestrator)]))
        checks += _incoming(orchestrator)
        checks += _guarded("credentials", lambda: _credentials(orchestrator))
        checks += _guarded("API", lambda: _route(orchestrator))
        checks += _guarded("network", lambda: iter([_network(orchestrator, limit_s=limit_s, network=network)]))
        checks.append(_learned(orchestrator, is_set=(limit_s, network) != (None, None)))
        if ask_api:
            checks += _guarded("answer", lambda: _answer(orchestrator))
    return checks


def _guarded(name: str, look: Callable[[], Iterator[Check]]) -> list[Check]:
    found: list[Check] = []
    try:
        found.extend(look())
    except OrchestratorError as error:
        found.append(Check("fail", name, explain(error), exit_code=exit_code_of(error)))
    return found


def _python() -> Check:
    found = f"Python {platform.python_version()} on {platform.system()}, orchestrator {__version__}"
    if platform.system() == "Linux":
        return Check("ok", "program", found)
    return Check("warn", "program", found, "made for Linux first: what this platform lacks is left out")


def _packages() -> Check:
    try:
        needed = metadata.requires(_DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return Check("warn", "packages", "run from its source, without being installed", "pip install it")
    names = [re.split(r"[^A-Za-z0-9_.-]", each, maxsplit=1)[0] for each in needed if "extra ==" not in each]
    versions = {name: _version(name) for name in names}
    missing = [name for name, version in versions.items() if version is None]
    if missing:
        return Check("fail", "packages", f"missing: {', '.join(missing)}", "pip install call-orchestrator again")
    return Check("ok", "packages", ", ".join(f"{name} {version}" for name, version in versions.items()))


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _extra() -> Check:
    from importlib.util import find_spec

    if all(find_spec(name) is not None for name in ("starlette", "uvicorn")):
        return Check("ok", "sandbox", "installed")
    return Check("warn", "sandbox", "not installed", "pip install 'call-orchestrator[serve]', if you want it")


def _sockets() -> Check:
    from orchestrator.adapters.transport.sockets import missing_socket_options

    missing = missing_socket_options()
    if not missing:
        return Check("ok", "sockets", "every option that keeps requests from arriving late")
    return Check("warn", "sockets", f"this platform lacks {', '.join(missing)}", "a dead path is noticed later here")


def _configuration(app: App) -> Check:
    file = app.config or os.environ.get("ORCHESTRATOR_CONFIG")
    if file is None:
        return Check("ok", "configuration", "no file; defaults, environment and flags")
    return Check("ok", "configuration", str(Path(file).absolute()))


def _journal(app: App, orchestrator: Orchestrator) -> Iterator[Check]:
    path = orchestrator.journal_path
    if not path.exists():
        is_named = app.journal is not None or orchestrator.configuration.journal is not None
        if is_named and not path.parent.is_dir():  # only the default place is made with its folder
            yield Check("fail", "journal", f"{path}: there is no such folder", "check the name, or make it", _JOURNAL)
            return
        yield Check("ok", "journal", f"{path}, made at the first run")
        yield _sync(next(each for each in path.parents if each.is_dir()))
        return
    journal = orchestrator.journal
    runs = list(journal.runs())
    waiting = sum(1 for run in runs if run.marks.status.value == "undecided")
    yield Check("ok", "journal", f"{path}, {counted(len(runs), 'run')}")
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name == "posix" and mode & 0o077:
        yield Check("warn", "journal mode", f"{mode:04o}: others may read it", f"chmod 600 {path}")
    yield _sync(path.parent)
    problems = journal.check_integrity()
    if problems:
        advice = "keep the file, and restore it from a backup"
        yield Check("fail", "journal check", f"{counted(len(problems), 'problem')}: {problems[0]}", advice, _JOURNAL)
    else:
        yield Check("ok", "journal check", "every record is whole")
    yield _writable(journal)
    if waiting:
        yield Check("warn", "undecided", f"{counted(waiting, 'run')} to be resolved", "orchestrator runs --unfinished")


def _writable(journal: SqliteJournal) -> Check:
    """Write a transaction that changes nothing: only then is it known that the next call's intent can be written."""
    from time import perf_counter

    from orchestrator.ports import Lease

    begun = perf_counter()
    try:
        journal.release(Lease(run_id="", token=0))  # no run has this id, so nothing is released
    except JournalError as error:
        return Check("fail", "journal write", explain(error), "find the process that holds it", _JOURNAL)
    return Check("ok", "journal write", f"a transaction took {(perf_counter() - begun) * 1000:.1f} ms")


def _receiver(orchestrator: Orchestrator) -> Check:
    """Say whether an event receiver runs for this journal, and whether the mode needs one."""
    from orchestrator.adapters.events.note import find_receiver
    from orchestrator.core.settings import Mode

    found = find_receiver(orchestrator.journal_path, now=orchestrator.clock.now())
    if found is not None:
        reached = "" if found.public_url is None else f", reached by {found.public_url}"
        return Check("ok", "receiver", f"process {found.pid} receives events on {found.url}{reached}")
    if orchestrator.configuration.incoming:
        return Check(
            "warn", "receiver", "none runs for this journal: nobody answers calls", "start `orchestrator serve`"
        )
    if orchestrator.default_settings.mode is Mode.ASYNC:
        advice = "start `orchestrator serve`, or set the mode to `poll`"
        return Check("warn", "receiver", "none runs for this journal: steps in mode async are only looked at", advice)
    return Check("ok", "receiver", "none runs for this journal; only mode async makes use of one")


def _incoming(orchestrator: Orchestrator) -> list[Check]:
    """Look at the script of each number that is called, as `serve` does before it answers."""
    scripts = orchestrator.configuration.incoming.get("scripts", {})
    return [
        check
        for number, path in scripts.items()
        for check in _guarded("incoming", partial(_answering, orchestrator, number, path))
    ]


def _answering(orchestrator: Orchestrator, number: str, path: str) -> Iterator[Check]:
    from orchestrator.core.ask import Ask
    from orchestrator.scriptfile import load_script

    orchestrator.prepare(load_script(path), Ask(to=number, from_="", incoming=True))
    yield Check("ok", "incoming", f"{number} is answered by {path}")


def _sync(folder: Path) -> Check:
    """Write and sync a file of our own: never the journal, whose locks another descriptor would drop."""
    from time import perf_counter

    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x" * 4096)
            file.flush()
            begun = perf_counter()
            os.fsync(file.fileno())
            took_ms = (perf_counter() - begun) * 1000
    except OSError as error:
        return Check("fail", "disk", f"cannot write to {folder}: {error.strerror}", "free space or rights", _JOURNAL)
    return Check("ok", "disk", f"fsync works in {folder}, {took_ms:.1f} ms")


def _credentials(orchestrator: Orchestrator) -> Iterator[Check]:
    from orchestrator.scriptfile.configuration import read_credentials

    file = orchestrator.configuration.credentials_file
    found = read_credentials(os.environ, file)
    if found is None:
        advice = "set ORCHESTRATOR_API_KEY and ORCHESTRATOR_API_PASSWORD, or credentials_file in the configuration"
        yield Check("fail", "credentials", "none", advice)
    elif os.environ.get("ORCHESTRATOR_API_KEY"):
        yield Check("ok", "credentials", "given by the environment")
    else:
        yield Check("ok", "credentials", f"given by {file}, which only you may read")


def _route(orchestrator: Orchestrator) -> Iterator[Check]:
    from orchestrator.adapters.transport.route import resolve_route, tls_context

    route = resolve_route(orchestrator.api_url, ca_file=orchestrator.configuration.ca_file)
    tls_context(route)
    yield Check("ok", "API", route.base_url)
    if route.ca is not None:
        yield Check("ok", "certificates", f"{route.ca} ({route.ca_reason})")
    proxy = "none" if route.proxy is None else route.proxy
    yield Check("ok", "proxy", f"{proxy} ({route.proxy_reason})")


def _network(orchestrator: Orchestrator, *, limit_s: float | None, network: str | None) -> Check:
    from orchestrator.core.step import room_s
    from orchestrator.scriptfile.networks import find_network

    named = network or (orchestrator.configuration.network if limit_s is None else None)
    limit = limit_s if limit_s is not None else orchestrator.configuration.limit_s
    if named is not None:
        found = find_network(named)
        name, limit = f"{found.name} ({found.description})", found.limit_s
        if found.at_least_s is not None:
            lives = f"nothing is cut for {found.at_least_s:g} s at least; longer was not tried"
            return Check("ok", "network", f"{name}: {lives}; one command a step")
    else:
        name = "no profile"
        learned = orchestrator.learned() if limit is None else None
        limit = limit if learned is None else learned.limit_s
    if limit is None:
        return Check("ok", "network", f"{name}: no limit, one command a step")
    return Check(
        "ok",
        "network",
        f"{name}: requests are cut after {round(limit, 1):g} s; steps stay under {round(room_s(limit), 1):g} s",
    )


def _learned(orchestrator: Orchestrator, *, is_set: bool) -> Check:
    """Say what cuts have told of the way to the API, and whether it counts."""
    from orchestrator.core.instant import Instant
    from orchestrator.core.limits import culprit, told

    cuts, learned = orchestrator.history().cuts, orchestrator.learned()
    if not cuts:
        return Check("ok", "learned", "nothing: no request to this API is known to have been cut")
    last = cuts[0]
    newest = f"the newest of {counted(len(cuts), 'known cut')} was at {Instant(last.when, 0.0).rfc3339()}"
    if learned is None:
        who = culprit(lasted_s=last.lasted_s, kind=last.kind, status=last.status)
        return Check("ok", "learned", f"no limit yet, which takes two cuts after the same time; {newest} ({who})")
    configured = orchestrator.configuration
    is_set = is_set or (configured.limit_s, configured.network) != (None, None)
    unused = "not used, since a limit is set: " if is_set else ""
    advice = "to override it set `limit` or `network` in the configuration; `network: direct` stands for no limit"
    return Check("ok", "learned", f"{unused}{told(learned)}; {newest}", None if is_set else advice)


def _answer(orchestrator: Orchestrator) -> Iterator[Check]:
    from orchestrator.core.exchange import Operation, Outcome, Request

    channel = orchestrator.transport.open_channel()
    reply = channel.send(Request(operation=Operation.LIST, read_timeout_s=_TRIED_S, deadline_s=_TRIED_S + 5))
    channel.close()
    if reply.unauthenticated:
        advice = "check the API key and password, and what they are allowed to do"
        yield Check("fail", "answer", reply.reason, advice, _AUTHENTICATION)
    elif reply.misconfigured:
        yield Check("fail", "answer", reply.reason, "check the API URL")
    elif reply.outcome is not Outcome.DONE:
        yield Check("fail", "answer", reply.reason, "check the network, the proxy and the API URL", _UNREACHABLE)
    else:
        yield Check("ok", "answer", f"the API listed {counted(len(reply.calls), 'call')}")
    yield from _skew(reply)


def _skew(reply: Reply) -> Iterator[Check]:
    if reply.server_wall is None:
        return
    skew_s = reply.server_wall + 0.5 - reply.ended.wall  # its date shows whole seconds
    if abs(skew_s) > _BIG_SKEW_S:
        ahead = "ahead of" if skew_s > 0 else "behind"
        advice = "set this machine's clock (NTP); the program corrects for it meanwhile"
        yield Check("warn", "clock", f"the server's is {abs(skew_s):.0f} s {ahead} this machine's", advice)
    else:
        yield Check("ok", "clock", "agrees with the server's")
