"""What `run`, `resume` and `batch` have in common: watching, stopping by signal, and telling how it went."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol

from orchestrator.cli import live
from orchestrator.cli.app import App
from orchestrator.cli.exits import counted, tell_unwritten
from orchestrator.cli.output import OutputError, line, note, result, result_document
from orchestrator.cli.signals import Stops
from orchestrator.cli.story import cause, summary, trouble
from orchestrator.cli.watch import Watch
from orchestrator.core.document import error_document
from orchestrator.core.evolve import fold
from orchestrator.core.records import Fault
from orchestrator.errors import JournalError, LeaseLostError, OrchestratorError, StoppedEarlyError

if TYPE_CHECKING:
    from orchestrator.compose import Orchestrator, Result
    from orchestrator.ports import RunSummary

AT_ONCE = 32
"""Interrupted runs that are carried on with at a time."""


class LiveRuns(Protocol):
    """Knows which runs of this process are live."""

    @property
    def live_runs(self) -> list[str]:
        """The runs whose call may be up."""


def observers(app: App) -> Watch:
    """Return what watches the runs of this process. The log hears of them too, unless the live view shows them."""
    from orchestrator.adapters.logs import log_record

    return Watch() if live.wanted(as_json=app.as_json, verbosity=app.verbosity) else Watch(log_record)


@contextmanager
def stoppable(
    app: App,
    orchestrator: Orchestrator,
    watch: LiveRuns,
    *,
    grace_s: float,
    hand_over: bool,
    last_words: Callable[[str], None] | None = None,
) -> Iterator[Stops]:
    """Let signals stop the calls that are driven inside. The result is written outside, so that it is written once.

    Args:
        app: Makes commands.
        orchestrator: Drives the calls.
        watch: Knows which are live.
        grace_s: How long they may go on after the first signal.
        hand_over: Leave them up instead.
        last_words: Writes the result, given why, where the process must end before its calls do.
    """
    stops = Stops(
        orchestrator.control,
        grace_s=grace_s,
        hand_over=hand_over,
        say=note,
        left_behind=lambda: [app.command("cancel", run_id) for run_id in watch.live_runs],
        last_words=last_words,
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


def interrupted(orchestrator: Orchestrator) -> list[RunSummary]:
    """Return the runs that can be carried on with; those whose call is up first: somebody waits there."""
    return sorted(orchestrator.resumable(), key=lambda summary: summary.marks.call_id is None)


def resume(orchestrator: Orchestrator, run_ids: Sequence[str], **given: Any) -> list[Result | OrchestratorError]:
    """Carry on with runs at the same time, the first ones first; return what came of each, in that order."""

    def one(run_id: str) -> Result | OrchestratorError:
        if orchestrator.control.told.is_set():
            return StoppedEarlyError("stopped before it was carried on with")
        try:
            return orchestrator.resume(run_id, **given)
        except OrchestratorError as error:
            return error

    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="run") as pool:
        return list(pool.map(one, run_ids))


def reap_first(orchestrator: Orchestrator, *, keep: Collection[str] = ()) -> None:
    """End the calls that no process looks after, but those of the runs in `keep`, and say so. Raises JournalError."""
    for reaped in orchestrator.reap(keep=keep):
        note(reaping(reaped))
    tell_left_alone(orchestrator)


def tell_left_alone(orchestrator: Orchestrator) -> None:
    """Say which runs were not looked after, since they are another API's."""
    for left in orchestrator.left_alone():
        note(left)


def reaping(reaped: Result) -> str:
    """Return what came of reaping a run, in a line."""
    run_id, call_id = reaped.run_id[:8], reaped.call_id or "that was being dialled"
    if (vanished := reaped.notices.get("vanished")) is not None:
        return f"Run {run_id} is over: {vanished}."
    if reaped.document["ended_at"] is not None:
        return f"Ended call {call_id} of run {run_id}, which no process looked after any more."
    return f"Could not end call {call_id} of run {run_id} yet: {cause(reaped.document) or 'it goes on'}"


def broken_off(orchestrator: Orchestrator, watch: Watch, run_id: str, error: OrchestratorError) -> dict[str, Any]:
    """Return the document of a run whose driving an error ended, or kept from beginning.

    What is in the journal counts; what this process knows of the run stands in where that cannot be read.
    """
    last = watch.state_of(run_id)
    why = broke_off(error, call_up=run_id in watch.live_runs)
    try:
        if last is None or isinstance(error, LeaseLostError):  # another process may drive it
            document = orchestrator.show(run_id)
        else:
            document = orchestrator.document(fold(orchestrator.journal.read(run_id)), driven=False)
    except OrchestratorError:
        if last is None:
            return {"run_id": run_id, **error_document(error.code, why)}
        document = orchestrator.document(last.changed({"end": None}), driven=False)  # its end was not written
    resume = None if document["error"] is None else document["error"]["resume_command"]
    return {**document, **error_document(error.code, why, resume_command=resume)}


def broke_off(error: OrchestratorError, *, call_up: bool) -> str:
    """Return what to tell of an error that ended the driving of a run, and what it means for the call."""
    if isinstance(error, JournalError) and call_up:
        return f"{error} Without a journal a call cannot be carried on: it was told to end, and nothing else was sent."
    return str(error)


def unfinished(orchestrator: Orchestrator, watch: Watch, run_id: str, why: str) -> dict[str, Any]:
    """Return the document of a run that this process leaves behind, without asking a journal that may be stuck."""
    last = watch.state_of(run_id)
    if last is None:
        return {"run_id": run_id, **error_document("stopped", why)}
    return orchestrator.document(last, driven=False, rest=Fault(code="stopped", message=why))


def tell(app: App, document: Mapping[str, Any], *, watch: Watch | None = None, sandboxed: bool = False) -> None:
    """Print how a run went: its document, or its summary and what to do next.

    Of a call to a sandbox nothing is left to do: its server has ended, or is about to.
    """
    try:
        if app.as_json:
            result_document(document)
        else:
            result(summary(document))
    except OutputError as error:  # how the call went counts, not whether somebody reads of it
        tell_unwritten(error)
    if sandboxed:
        for text in trouble(document, None):
            note(text)
    else:
        tell_trouble(app, document, watch=watch)


def tell_briefly(app: App, document: Mapping[str, Any], *, watch: Watch) -> None:
    """Print how one of several runs went, in a line, and what to do next."""
    status, disposition = document["status"], document["disposition"]
    ended = f" ({disposition})" if disposition not in (None, status) else ""
    how = f" with the result {line(document['result'])}" if document["result"] is not None else ""
    result(f"{document['run_id'][:8]}  {status}{ended}{how}, {counted(len(document['steps']), 'step')}")
    tell_trouble(app, document, watch=watch)


def tell_way_on(app: App, document: Mapping[str, Any]) -> None:
    """Print what to do about a run whose driving an error ended: to carry on with it, or first to say what happened."""
    resume = document["error"]["resume_command"]
    if document.get("status") == "undecided":
        tell_trouble(app, document)
    elif resume is not None:
        note(f"To carry on with it:  {resume}")


def tell_trouble(app: App, document: Mapping[str, Any], *, watch: Watch | None = None) -> None:
    """Print what went wrong and what to do next."""
    call_up = watch is not None and document["run_id"] in watch.live_runs
    for text in trouble(document, app.command, call_up=call_up):
        note(text)


def tell_more(app: App, run_id: str) -> None:
    """Print the command that tells all that happened in a run."""
    note(f"To see what happened: {app.command('show', run_id)}")
