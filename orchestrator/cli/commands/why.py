"""`why`: in one line."""

from __future__ import annotations

import click

from orchestrator.cli import options
from orchestrator.cli.app import App, must_exist
from orchestrator.cli.completing import run_ids
from orchestrator.cli.output import result, result_document
from orchestrator.cli.telling import why


@options.command("why")
@click.argument("run", metavar="RUN", shell_complete=run_ids())
@options.json_option
def command(app: App, run: str) -> int:
    """Say in one line why a run waits or rests, what it does, or how it ended.

    RUN is the run's id, or as much of its beginning as no other run shares.
    """
    from orchestrator.core.evolve import fold

    with app.orchestrator(read_only=True) as orchestrator:
        must_exist(orchestrator, run_id=run)
        document = orchestrator.show(run)
        text = why(document, fold(orchestrator.journal.read(document["run_id"])))
    if app.as_json:
        result_document({"run_id": document["run_id"], "status": document["status"], "why": text})
    else:
        result(text)
    return 0
