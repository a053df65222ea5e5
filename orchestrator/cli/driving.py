"""What `run` and `resume` have in common: watching, stopping by signal, and telling how it went."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from orchestrator.cli import live
from orchestrator.cli.app import App
from orchestrator.cli.exits import counted, tell_unwritten
from orchestrator.cli.output import OutputError, line, note, result, result_document
from orchestrator.cli.signals import Stops
from orchestrator.cli.story import summary, trouble
from orchestrator.cli.watch import Watch

if TYPE_CHECKING:
    from orchestrator.compose import Orchestrator, Result


def observers(app: App) -> Watch:
    """Return what watches the runs of this process. The log hears of them too, unless the live view shows them."""
    from orchestrator.adapters.logs import log_record

    return Watch() if live.wanted(as_json=app.as_json, verbosity=app.verbosity) else Watch(log_record)


@contextmanager
def stoppable(
    app: App, orchestrator: Orchestrator, watch: Watch, *, grace_s: float, hand_over: bool
) -> Iterator[Stops]:
    """Let signals stop the calls that are driven inside."""
    stops = Stops(
        orchestrator.control,
        grace_s=grace_s,
        hand_over=hand_over,
        say=note,
        left_behind=lambda: [app.command("cancel", run_id) for run_id in watch.live_runs],
    )
    with stops:
        yield stops


@contextmanager
def shown(app: App, orchestrator: Orchestrator, watch: Watch) -> Iterator[None]:
    """Show the runs that are driven inside, where there is a terminal for it."""
    if not live.wanted(as_json=app.as_json, verbosity=app.verbosity):
        with nullcontext():
            yield
        return
    view = live.LiveView(
        watch,
        document=lambda state: orchestrator.document(state, driven=True),
        now=lambda: orchestrator.clock.now().wall,
    )
    with view:
        yield


def reap_first(orchestrator: Orchestrator, *, keep: Collection[str] = ()) -> None:
    """End the calls that no process looks after, but those of the runs in `keep`, and say so. Raises JournalError."""
    for reaped in orchestrator.reap(keep=keep):
        note(reaping(reaped))


def reaping(reaped: Result) -> str:
    """Return what came of reaping a run, in a line."""
    run_id, call_id = reaped.run_id[:8], reaped.call_id or "that was being dialled"
    if reaped.document["ended_at"] is not None:
        return f"Ended call {call_id} of run {run_id}, which no process looked after any more."
    error = reaped.error or {}
    return f"Could not end call {call_id} of run {run_id} yet: {error.get('message', 'it goes on')}"


def tell(app: App, document: Mapping[str, Any]) -> None:
    """Print how a run went: its document, or its summary and what to do next."""
    try:
        if app.as_json:
            result_document(document)
        else:
            result(summary(document))
    except OutputError as error:  # how the call went counts, not whether somebody reads of it
        tell_unwritten(error)
    tell_trouble(app, document)


def tell_briefly(app: App, document: Mapping[str, Any]) -> None:
    """Print how one of several runs went, in a line, and what to do next."""
    how = f" with the result {line(document['result'])}" if document["result"] is not None else ""
    result(f"{document['run_id'][:8]}  {document['status']}{how}, {counted(len(document['steps']), 'step')}")
    tell_trouble(app, document)


def tell_trouble(app: App, document: Mapping[str, Any]) -> None:
    """Print what went wrong and what to do next."""
    for text in trouble(document, app.command):
        note(text)
