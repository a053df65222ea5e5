"""`resolve`: a person's verdict."""

from __future__ import annotations

import click

from orchestrator.cli import driving, options
from orchestrator.cli.app import App, must_exist
from orchestrator.cli.output import note, result, result_document


@options.command("resolve")
@click.argument("run", metavar="RUN")
@click.option("--ran/--not-run", default=None, help="It happened, or it did not.")
@click.option("--call", "call_id", metavar="CALL_ID", help="With --ran for a dial: the call that it made.")
@click.option("--note", "text", metavar="TEXT", help="How you know; kept in the journal.")
@options.json_option
def command(app: App, run: str, ran: bool | None, call_id: str | None, text: str | None) -> int:
    """Say what really happened to the uncertain step of an undecided run.

    `why RUN` says what is uncertain. Ask the callee, or look it up where calls are billed; then give your verdict.
    """
    if ran is None:
        raise click.UsageError("Say what happened: give --ran or --not-run.")
    if call_id is not None and not ran:
        raise click.UsageError("--call belongs to --ran: a dial that did not happen made no call.")
    with app.orchestrator() as orchestrator:
        must_exist(orchestrator, run_id=run)
        resolved = orchestrator.resolve(run, ran=ran, call_id=call_id, note=text)
    if app.as_json:
        result_document(resolved.document)
    elif resolved.document["ended_at"] is None:
        result(f"Noted. Run {resolved.run_id[:8]} can go on.")
        note(f"To carry on with it:  {app.resume_command(resolved.run_id)}")
    else:
        result("Noted. There is no call to go on with, so the run has ended:")
        driving.tell(app, resolved.document)
    return 0
