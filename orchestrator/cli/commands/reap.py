"""`reap`: end live calls that no process looks after any more."""

from __future__ import annotations

from orchestrator.cli import driving, options
from orchestrator.cli.app import App, exists
from orchestrator.cli.exits import worst
from orchestrator.cli.output import note, result, result_document


@options.command("reap")
@options.json_option
def command(app: App) -> int:
    """End live calls that no process looks after any more.

    Those are calls whose run is neither ended nor driven and on which somebody has waited in silence for longer than
    the run's max_silence; an incoming call that still rings is none. `run` and `resume` do the same by themselves.
    """
    with app.orchestrator(on_record=driving.observers(app)) as orchestrator:
        reaped = orchestrator.reap() if exists(app, orchestrator) else []
        driving.tell_left_alone(orchestrator)
    if app.as_json:
        result_document([each.document for each in reaped])
    for each in reaped if not app.as_json else ():
        result(driving.reaping(each))
    if not reaped and app.verbosity:
        note("No call had to be ended.")
    return worst(each.exit_code for each in reaped if each.document["ended_at"] is None)
