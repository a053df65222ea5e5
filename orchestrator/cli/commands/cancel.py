"""`cancel`: end a live call, and its run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from orchestrator.cli import driving, options
from orchestrator.cli.app import App, must_exist
from orchestrator.cli.completing import run_ids
from orchestrator.cli.output import result, result_document


@options.command("cancel")
@click.argument("run", metavar="RUN", shell_complete=run_ids(unfinished=True))
@options.json_option
def command(app: App, run: str) -> int:
    """End a live call, and its run.

    RUN is the run's id, or as much of its beginning as no other run shares. A run that another process drives is asked
    to end: that process ends its call within a second or so.
    """
    watch = driving.observers(app)
    with app.orchestrator(on_record=watch) as orchestrator:
        must_exist(orchestrator, run_id=run)
        run_id = orchestrator.journal.find_run(run)
        before = orchestrator.show(run_id)
        if before["ended_at"] is not None and not orchestrator.may_be_up(run_id):
            return _tell(app, before, "It had ended before.")
        cancelled = orchestrator.cancel(run_id)
        if cancelled is None:
            return _tell(app, orchestrator.show(run_id), "The process that drives it was asked to end the call.")
        still_up = orchestrator.may_be_up(run_id)
    if cancelled.document["ended_at"] is not None and not still_up:
        return _tell(app, cancelled.document, "Its call is over." if cancelled.call_id else "It had no call.")
    driving.tell(app, cancelled.document, watch=watch)
    return cancelled.exit_code


def _tell(app: App, document: Mapping[str, Any], text: str) -> int:
    if app.as_json:
        result_document(document)
    else:
        result(f"Run {str(document['run_id'])[:8]} is {document['status']}. {text}")
    return 0
