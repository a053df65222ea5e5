"""`run`: one call, start to end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import driving, options
from orchestrator.cli.app import App, open_journal
from orchestrator.cli.forewarning import strange_variables, unheard, untried_by
from orchestrator.cli.output import note, result_document
from orchestrator.cli.sandboxed import (
    CREDENTIALS,
    NOT_YET_STARTED,
    make_default_folder,
    own_journal,
    running,
    sandbox_arguments,
    sandbox_options,
)
from orchestrator.core.ask import Ask
from orchestrator.core.document import error_document
from orchestrator.errors import OrchestratorError, StoppedEarlyError, exit_code_of

if TYPE_CHECKING:
    from orchestrator.cli.watch import Watch
    from orchestrator.compose import Orchestrator, Result
    from orchestrator.core.script import Script


@options.command("run")
@click.argument("script", type=options.SCRIPT)
@options.script_options
@options.driving_options
@sandbox_options
@options.json_option
def command(app: App, script: str, **given: Any) -> int:
    """Make one call, start to end.

    SCRIPT is a file in YAML or JSON; - is stdin. Everything that can be checked is checked before anything is sent. On
    a terminal the steps are shown while the call runs; how it went is printed at the end.

    With --sandbox nobody is called and no account is needed. The run goes into a journal of its own, apart from those
    of real calls, unless --journal names one; where the configuration or the environment names one, its own is beside
    that.
    """
    stand_in = sandbox_arguments(given)
    options.one_from_stdin(script, given["var_file"])
    loaded = options.load(script)
    variables = options.all_variables(given["variables"], given["var_file"])
    options.warn(strange_variables(loaded, variables))
    asked = {
        "to": given["to"],
        "from_": given["from_"],
        "variables": variables,
        "limit_s": given["limit_s"],
        "network": given["network"],
    }
    watch = driving.observers(app)
    with _orchestrator(app, given, watch, stand_in=stand_in, check=partial(_check, loaded, asked)) as orchestrator:
        settings = orchestrator.settings_for(loaded, Ask(**asked))
        _ = orchestrator.transport  # credentials, proxy and certificates are checked before a journal is made
        open_journal(orchestrator)
        with driving.stoppable(
            app,
            orchestrator,
            watch,
            grace_s=settings.grace_s,
            hand_over=given["hand_over"],
            last_words=lambda why: _last_words(app, orchestrator, watch, why),
        ) as stops:
            if stand_in is None:  # a new sandbox has no calls: those of the journal are not its business
                driving.reap_first(orchestrator)
            watch.forget()
            try:
                came = _call(app, orchestrator, watch, script=loaded, asked=asked)
            except OrchestratorError as error:
                if watch.last_run is None:
                    raise
                came = error
        if isinstance(came, OrchestratorError):
            return stops.forced or _broke_off(app, orchestrator, watch, came)
        driving.tell(app, came.document, watch=watch, sandboxed=stand_in is not None)
        if came.exit_code:
            driving.tell_more(app, came.run_id)
        return stops.forced or came.exit_code


def _check(script: Script, asked: dict[str, Any], orchestrator: Orchestrator) -> None:
    """Check everything that can be, and warn of what is probably not meant. Raises as `Orchestrator.prepare`."""
    options.warn(unheard(orchestrator.settings_for(script, Ask(**asked))))  # may be why a question cannot be sent
    orchestrator.prepare(script, Ask(**asked))
    options.warn(untried_by(orchestrator, script, asked))


def _call(
    app: App, orchestrator: Orchestrator, watch: Watch, *, script: Script, asked: dict[str, Any]
) -> Result | OrchestratorError:
    if orchestrator.control.told.is_set():
        raise StoppedEarlyError("stopped before anything was sent")
    with driving.shown(app, orchestrator, watch):
        return orchestrator.run(script, **asked)


def _broke_off(app: App, orchestrator: Orchestrator, watch: Watch, error: OrchestratorError) -> int:
    """Tell of an error that ended the driving of a run that had begun."""
    assert watch.last_run is not None
    document = driving.broken_off(orchestrator, watch, watch.last_run, error)
    if app.as_json:
        result_document(document)
    note(f"orchestrator: {driving.broke_off(error, call_up=watch.last_run in watch.live_runs)}")
    driving.tell_way_on(app, document)
    return exit_code_of(error)


def _last_words(app: App, orchestrator: Orchestrator, watch: Watch, why: str) -> None:
    if app.as_json:
        run_id = watch.last_run
        result_document(
            error_document("stopped", why) if run_id is None else driving.unfinished(orchestrator, watch, run_id, why)
        )


@contextmanager
def _orchestrator(
    app: App,
    given: dict[str, Any],
    watch: Watch,
    *,
    stand_in: list[str] | None,
    check: Callable[[Orchestrator], None],
) -> Iterator[Orchestrator]:
    """Yield what makes the call, once `check` has found nothing wrong; for a sandbox, that is started only then."""
    settings = dict(given["settings"])
    settings |= {"mode": given["mode"]} if given["mode"] is not None else {}
    settings |= {"grace": given["grace_s"]} if given["grace_s"] is not None else {}
    with ExitStack() as stack:
        if stand_in is None:
            orchestrator = stack.enter_context(app.orchestrator(settings=settings, on_record=watch))
            check(orchestrator)
            yield orchestrator
            return
        real = app.orchestrator()
        has_default = app.journal is None and real.configuration.journal is None
        journal = own_journal(real) if app.journal is None else real.journal_path
        app.journal = str(journal)
        with app.orchestrator(settings=settings, api_url=NOT_YET_STARTED, read_only=True) as checking:
            check(checking)
        if has_default:
            make_default_folder(journal.parent)
        url = stack.enter_context(running(*stand_in))
        orchestrator = app.orchestrator(
            settings=settings,
            api_url=url,
            credentials=CREDENTIALS,
            on_record=watch,
            resume_command=lambda _: None,  # the sandbox and its calls end with this process
            resolve_command=lambda _: None,
        )
        note(f"Calling nobody: the sandbox at {url} stands in for the API. Journal: {orchestrator.journal_path}")
        yield stack.enter_context(orchestrator)
