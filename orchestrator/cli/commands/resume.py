"""`resume`: carry on with interrupted runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import driving, options
from orchestrator.cli.app import App, exists, must_exist
from orchestrator.cli.completing import run_ids
from orchestrator.cli.exits import explain, worst
from orchestrator.cli.output import note, result, result_document
from orchestrator.errors import OrchestratorError, exit_code_of

if TYPE_CHECKING:
    from orchestrator.cli.watch import Watch
    from orchestrator.compose import Orchestrator, Result


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be resumed, and what `Orchestrator.resume` is given for each run."""

    run_ids: Sequence[str]
    given: dict[str, Any]


@options.command("resume")
@click.argument("runs", metavar="[RUN]...", nargs=-1, shell_complete=run_ids(unfinished=True))
@click.option("--all", "all_", is_flag=True, help="Every run that is interrupted.")
@click.option("--script", metavar="FILE", type=options.SCRIPT_FILE, help="The script, where its file has moved.")
@options.variable_option
@options.var_file_option
@options.network_options
@options.driving_options
@options.json_option
def command(app: App, runs: tuple[str, ...], all_: bool, **given: Any) -> int:
    """Carry on with interrupted runs, each with the same live call.

    RUN is a run's id, or as much of its beginning as no other run shares. Each run first looks at its call, settles
    what is uncertain, and goes on after the last step that is known to have run. Nothing is dialled twice. Several
    runs are carried on with at the same time. Secret variables, which the journal does not keep, are given again with
    --var-file; all others are in the journal and cannot be changed.

    A run that had not dialled yet dials now, but only soon after it was begun: within 5 minutes besides its
    `dial_expire` or `retry_total`, by default 6 minutes together. A later one ends as failed, and nobody is called.
    A batch's run that has not dialled, or whose dial made no call, is left to the next tick of its campaign.
    """
    if bool(runs) == all_:
        raise click.UsageError("Give the runs to carry on with, or --all.")
    if given["script"] is not None and len(runs) != 1:
        raise click.UsageError("--script is for one run: give exactly one.")
    asked = {
        "script": None if given["script"] is None else options.load(given["script"]),
        "variables": options.all_variables(given["variables"], given["var_file"]),
        "limit_s": given["limit_s"],
        "network": given["network"],
    }
    settings = {"mode": given["mode"]} if given["mode"] is not None else {}
    watch = driving.observers(app)
    with app.orchestrator(settings=settings, on_record=watch) as orchestrator:
        run_ids = _chosen(app, orchestrator, runs)
        if not run_ids:
            return _nothing(app, orchestrator)
        if all(orchestrator.show(run_id)["ended_at"] is not None for run_id in run_ids):
            return _tell(app, watch, _resume(orchestrator, watch, _Wanted(run_ids, asked)), one=len(runs) == 1)
        _ = orchestrator.transport  # credentials, proxy and certificates are checked first
        grace_s = given["grace_s"] if given["grace_s"] is not None else orchestrator.default_settings.grace_s
        with driving.stoppable(
            app,
            orchestrator,
            watch,
            grace_s=grace_s,
            hand_over=given["hand_over"],
            last_words=lambda why: _last_words(
                app, [driving.unfinished(orchestrator, watch, run_id, why) for run_id in run_ids], len(runs)
            ),
        ) as stops:
            driving.reap_first(orchestrator, keep=run_ids)
            with driving.shown(app, orchestrator, watch):
                ended = _resume(orchestrator, watch, _Wanted(run_ids, asked))
        return stops.forced or _tell(app, watch, ended, one=len(runs) == 1)


def _chosen(app: App, orchestrator: Orchestrator, runs: Sequence[str]) -> list[str]:
    if not runs:
        if not exists(app, orchestrator):
            return []
        return [summary.run_id for summary in driving.interrupted(orchestrator)]
    must_exist(orchestrator, run_id=runs[0])
    return list(dict.fromkeys(orchestrator.journal.find_run(run) for run in runs))


def _nothing(app: App, orchestrator: Orchestrator) -> int:
    driving.tell_left_alone(orchestrator)
    if app.as_json:
        result_document([])
    elif orchestrator.left_alone():
        result("Nothing to carry on with at this API.")
    elif exists(app, orchestrator):
        result("Nothing to carry on with: no run is interrupted.")
    else:
        result(f"Nothing to carry on with: there is no journal at {orchestrator.journal_path} yet.")
    return 0


def _resume(orchestrator: Orchestrator, watch: Watch, wanted: _Wanted) -> list[_Ended]:
    came = driving.resume(orchestrator, wanted.run_ids, **wanted.given)
    return [_Ended.of(orchestrator, watch, run_id, each) for run_id, each in zip(wanted.run_ids, came, strict=True)]


@dataclass(frozen=True, slots=True)
class _Ended:
    """How the driving of a run ended.

    Attributes:
        document: The run's.
        code: The exit code for it.
        error: What broke it off, or kept it from beginning.
        had_begun: This process drove the run.
    """

    document: Mapping[str, Any]
    code: int
    error: OrchestratorError | None = None
    had_begun: bool = True

    @classmethod
    def of(cls, orchestrator: Orchestrator, watch: Watch, run_id: str, came: Result | OrchestratorError) -> _Ended:
        """Return it from what came of `Orchestrator.resume`."""
        if not isinstance(came, OrchestratorError):
            return cls(came.document, came.exit_code)
        document = driving.broken_off(orchestrator, watch, run_id, came)
        return cls(document, exit_code_of(came), came, had_begun=watch.state_of(run_id) is not None)


def _tell(app: App, watch: Watch, ended: Sequence[_Ended], *, one: bool) -> int:
    return _tell_one(app, watch, ended[0]) if one else _tell_all(app, watch, ended)


def _tell_one(app: App, watch: Watch, ended: _Ended) -> int:
    if ended.error is None:
        driving.tell(app, ended.document, watch=watch)
    elif not ended.had_begun:
        raise ended.error
    else:
        if app.as_json:
            result_document(ended.document)
        _tell_error(app, ended, ended.error)
    return ended.code


def _tell_all(app: App, watch: Watch, ended: Sequence[_Ended]) -> int:
    if app.as_json:
        result_document([each.document for each in ended])
    for each in ended:
        if each.error is not None:
            _tell_error(app, each, each.error)
        elif app.as_json:
            driving.tell_trouble(app, each.document, watch=watch)
        else:
            driving.tell_briefly(app, each.document, watch=watch)
    return worst(each.code for each in ended)


def _tell_error(app: App, ended: _Ended, error: OrchestratorError) -> None:
    note(f"Run {ended.document['run_id'][:8]}: {explain(error)}")
    if ended.had_begun:
        driving.tell_way_on(app, ended.document)


def _last_words(app: App, documents: Sequence[Mapping[str, Any]], asked_for: int) -> None:
    if app.as_json:
        result_document(documents[0] if asked_for == 1 else documents)
