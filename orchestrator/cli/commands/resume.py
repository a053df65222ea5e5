"""`resume`: carry on with interrupted runs."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import driving, options
from orchestrator.cli.app import App, must_exist
from orchestrator.cli.exits import explain, worst
from orchestrator.cli.output import note, result, result_document
from orchestrator.core.document import error_document
from orchestrator.errors import OrchestratorError, StoppedEarlyError, exit_code_of

if TYPE_CHECKING:
    from orchestrator.compose import Orchestrator, Result

AT_ONCE = 32
"""Runs driven at a time. Those whose call is up come first: somebody waits there."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be resumed, and what `Orchestrator.resume` is given for each run."""

    run_ids: Sequence[str]
    given: dict[str, Any]


@options.command("resume")
@click.argument("runs", metavar="[RUN]...", nargs=-1)
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
    runs are carried on with at the same time. Secret variables, which the journal does not keep, are given again.
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
        run_ids = _chosen(orchestrator, runs)
        if not run_ids:
            return _nothing(app)
        _ = orchestrator.transport  # credentials, proxy and certificates are checked first
        grace_s = given["grace_s"] if given["grace_s"] is not None else orchestrator.default_settings.grace_s
        with driving.stoppable(app, orchestrator, watch, grace_s=grace_s, hand_over=given["hand_over"]) as stops:
            driving.reap_first(orchestrator, keep=run_ids)
            with driving.shown(app, orchestrator, watch):
                came = _resume(orchestrator, _Wanted(run_ids, asked))
            code = _tell_one(app, came[0]) if len(runs) == 1 else _tell_all(app, run_ids, came)
        return stops.forced or code


def _chosen(orchestrator: Orchestrator, runs: Sequence[str]) -> list[str]:
    if not runs:
        if not orchestrator.journal_path.exists():
            return []
        found = sorted(orchestrator.resumable(), key=lambda summary: summary.marks.call_id is None)
        return [summary.run_id for summary in found]
    must_exist(orchestrator, run_id=runs[0])
    return list(dict.fromkeys(orchestrator.journal.find_run(run) for run in runs))


def _nothing(app: App) -> int:
    if app.as_json:
        result_document([])
    else:
        result("Nothing to carry on with: no run is interrupted.")
    return 0


def _resume(orchestrator: Orchestrator, wanted: _Wanted) -> list[Result | OrchestratorError]:
    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="run") as pool:
        return list(pool.map(lambda run_id: _resume_one(orchestrator, run_id, wanted.given), wanted.run_ids))


def _resume_one(orchestrator: Orchestrator, run_id: str, given: dict[str, Any]) -> Result | OrchestratorError:
    if orchestrator.control.told.is_set():
        return StoppedEarlyError("stopped before it was carried on with")
    try:
        return orchestrator.resume(run_id, **given)
    except OrchestratorError as error:
        return error


def _tell_one(app: App, came: Result | OrchestratorError) -> int:
    if isinstance(came, OrchestratorError):
        raise came
    driving.tell(app, came.document)
    return came.exit_code


def _tell_all(app: App, run_ids: Sequence[str], came: Sequence[Result | OrchestratorError]) -> int:
    if app.as_json:
        result_document(
            [
                {"run_id": run_id, **error_document(each.code, str(each))}
                if isinstance(each, OrchestratorError)
                else each.document
                for run_id, each in zip(run_ids, came, strict=True)
            ]
        )
    for run_id, each in zip(run_ids, came, strict=True):
        if isinstance(each, OrchestratorError):
            note(f"Run {run_id[:8]}: {explain(each)}")
        elif app.as_json:
            driving.tell_trouble(app, each.document)
        else:
            driving.tell_briefly(app, each.document)
    return worst(exit_code_of(each) if isinstance(each, OrchestratorError) else each.exit_code for each in came)
