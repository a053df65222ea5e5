"""`resolve`: a person's verdict."""

from __future__ import annotations

import re

import click

from orchestrator.cli import driving, options
from orchestrator.cli.app import App, must_exist
from orchestrator.cli.completing import run_ids
from orchestrator.cli.output import line, note, result, result_document

_CALL_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@options.command("resolve")
@click.argument("run", metavar="RUN", shell_complete=run_ids(unfinished=True))
@click.option("--ran", is_flag=True, help="The step happened.")
@click.option("--not-run", is_flag=True, help="The step did not happen.")
@click.option(
    "--call",
    "call_id",
    metavar="CALL_ID",
    help="With --ran for a dial: the id of the call that it made; the run adopts it.",
)
@click.option("--note", "text", metavar="TEXT", help="How you know; kept in the journal.")
@options.json_option
def command(app: App, run: str, call_id: str | None, text: str | None, **verdict: bool) -> int:
    """Say what really happened to the uncertain step of an undecided run.

    `why RUN` says what is uncertain. Ask the callee, or look it up where calls are billed; then give exactly one of
    --ran and --not-run. RUN is the run's id, or as much of its beginning as no other run shares.
    """
    ran, not_run = verdict["ran"], verdict["not_run"]
    if ran and not_run:
        raise click.UsageError("--ran and --not-run contradict each other: give exactly one of them.")
    if not (ran or not_run):
        raise click.UsageError("Say what happened: give --ran or --not-run.")
    if call_id is not None and not ran:
        raise click.UsageError("--call belongs to --ran: a dial that did not happen made no call.")
    if call_id is not None:
        call_id = _read_call_id(call_id)
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


def _read_call_id(given: str) -> str:
    """Return the id of a call, which is a UUID (contract section 1), as the API writes it. Raises click.UsageError."""
    text = given.strip().lower()
    if _CALL_ID.fullmatch(text) is None:
        example = "such as 123e4567-e89b-12d3-a456-426614174000"
        raise click.UsageError(f"--call: `{line(given)}` is not the id of a call, which is a UUID {example}.")
    return text
