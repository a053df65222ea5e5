"""`cancel`: end a live call, and its run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import driving, options
from orchestrator.cli.app import App, must_exist
from orchestrator.cli.completing import run_ids
from orchestrator.cli.output import result, result_document
from orchestrator.cli.watch import call_may_be_up
from orchestrator.core.document import error_document
from orchestrator.core.evolve import fold

if TYPE_CHECKING:
    from orchestrator.compose import Orchestrator

_PATIENCE_S = 5.0
"""How long the process that drives a run is given to end it."""
_LOOK_S = 0.1


@options.command("cancel")
@click.argument("run", metavar="RUN", shell_complete=run_ids(unfinished=True))
@options.json_option
def command(app: App, run: str) -> int:
    """End a live call, and its run.

    RUN is the run's id, or as much of its beginning as no other run shares. A run that another process drives is asked
    to end: that process ends its call within a second or so, which is waited for. With --json, the `error` of a run
    that had not ended by then is `asked`, and `call_may_be_up` says whether there may still be a call. An undecided run
    goes on waiting for its verdict: only its call is ended.
    """
    watch = driving.observers(app)
    with app.orchestrator(on_record=watch) as orchestrator:
        must_exist(orchestrator, run_id=run)
        run_id = orchestrator.journal.find_run(run)
        before = orchestrator.show(run_id)
        was_up = _may_be_up(orchestrator, run_id)
        if before["ended_at"] is not None and not was_up:
            return _tell(app, before, "It had ended before.", may_be_up=False)
        cancelled = orchestrator.cancel(run_id)
        if cancelled is None:
            asked = _once_ended(orchestrator, run_id)
            return _tell_asked(app, asked, may_be_up=_may_be_up(orchestrator, run_id))
        is_up = _may_be_up(orchestrator, run_id)
    document = cancelled.document
    if document["ended_at"] is not None and not is_up:
        return _tell(app, document, "Its call is over." if cancelled.call_id else "It had no call.", may_be_up=False)
    _tell(app, document, _of_its_call(document, was_up=was_up, is_up=is_up), may_be_up=is_up)
    driving.tell_trouble(app, document, watch=watch)
    return cancelled.exit_code


def _may_be_up(orchestrator: Orchestrator, run_id: str) -> bool:
    state = fold(orchestrator.journal.read(run_id))
    return state.call_up or call_may_be_up(state)  # `leave_up` outlives the run


def _of_its_call(document: Mapping[str, Any], *, was_up: bool, is_up: bool) -> str:
    """Return what is known of the call of a run that is not over, in words."""
    if document["call_id"] is None:
        nobody_knows = "No call was ended: whether there is one is not known, so it may be ringing, or be up."
        return nobody_knows if is_up else "It had no call."
    if is_up:
        return "Its call could not be ended, and may still be up."
    return "Its call is over." if was_up else "Its call was over before."


def _once_ended(orchestrator: Orchestrator, run_id: str) -> dict[str, Any]:
    """Return the document of a run that another process was asked to end, as soon as it has, or it takes too long."""
    clock = orchestrator.clock
    until = clock.now().plus(_PATIENCE_S)
    while True:
        document = orchestrator.show(run_id)
        is_over = document["ended_at"] is not None or document["status"] == "undecided"
        if is_over or clock.now().since(until) >= 0:
            return document
        if clock.wait(clock.now().plus(_LOOK_S), orchestrator.control.told):
            return document


def _tell_asked(app: App, document: dict[str, Any], *, may_be_up: bool) -> int:
    if document["ended_at"] is not None:
        return _tell(app, document, "The process that drove it has ended its call.", may_be_up=may_be_up)
    text = "The process that drives it was asked to end the call."
    if document["error"] is None:
        document = {**document, **error_document("asked", text)}
    return _tell(app, document, text, may_be_up=may_be_up)


def _tell(app: App, document: Mapping[str, Any], text: str, *, may_be_up: bool) -> int:
    if app.as_json:
        result_document({**document, "call_may_be_up": may_be_up})
    else:
        result(f"Run {str(document['run_id'])[:8]} is {document['status']}. {text}")
    return 0
