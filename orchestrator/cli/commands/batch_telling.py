"""What a tick of a batch says: nothing when all went well, a line on trouble, a page on a terminal or for `-v`."""

from __future__ import annotations

import shlex
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.cli.commands.batch_pages import tick_page
from orchestrator.cli.exits import counted, tell_unwritten
from orchestrator.cli.output import OutputError, line, note, result, result_document, stderr_console
from orchestrator.core.admission import DUPLICATE, Call, Known, Later, Refused
from orchestrator.runtime.rows import rfc3339

if TYPE_CHECKING:
    from orchestrator.batches import CampaignRun
    from orchestrator.cli.app import App
    from orchestrator.compose import Observer
    from orchestrator.core.campaign import Occurrence
    from orchestrator.core.ledger import Ledger
    from orchestrator.core.records import Record
    from orchestrator.core.state import RunState
    from orchestrator.core.totals import Totals
    from orchestrator.runtime.job import TickReport
    from orchestrator.runtime.preview import Preview

_MOST_LINES = 8
"""How many of a kind are listed: a page is a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A tick that is over.

    Attributes:
        rejected: Rows that could not be used.
        code: The exit code.
        results: The results file.
        rejects: The file of the bad rows.
    """

    campaign: str
    occurrence: str
    report: TickReport
    totals: Totals
    ledger: Ledger
    rejected: int
    code: int
    results: str | None
    rejects: str | None


@dataclass(slots=True)
class Foretold:
    """What a dry run has told, counted.

    Attributes:
        call: Contacts that would be called now.
        later: Contacts that would wait.
        refused: Contacts that would not be called, without those below.
        duplicate: Rows that are the same as another.
        known: Contacts for whom nothing is to be done.
        bad: Rows that could not be used.
    """

    call: int = 0
    later: int = 0
    refused: int = 0
    duplicate: int = 0
    known: int = 0
    bad: int = 0

    def add(self, preview: Preview) -> tuple[str, str]:
        """Count a contact; return what would be done with it, in a word, and why."""
        match preview.admission:
            case Call():
                self.call += 1
                return "call", "; ".join(f"warning: {each}" for each in preview.contact.warnings)
            case Later(due_wall=due_wall, reason=reason):
                self.later += 1
                return "later", reason + ("" if due_wall is None else f" (from {rfc3339(due_wall)} on)")
            case Refused(reason=reason):
                is_duplicate = reason.startswith(DUPLICATE)
                self.duplicate += is_duplicate
                self.refused += not is_duplicate
                return "refused", reason
            case Known(reason=reason):
                self.known += 1
                return "known", reason

    def headline(self, occurrence: Occurrence) -> str:
        """Return in one line what a tick of that occurrence would do."""
        others = {
            "later": self.later,
            "refused": self.refused,
            "duplicate": self.duplicate,
            "called already": self.known,
        }
        parts = [f"{counted(self.call, 'contact')} would be called now"]
        parts += [f"{number} {name}" for name, number in others.items() if number]
        parts += [counted(self.bad, "bad row")] if self.bad else []
        until = "no end" if occurrence.ends_wall is None else f"until {rfc3339(occurrence.ends_wall)}"
        return f"{', '.join(parts)}. Occurrence {line(occurrence.name)}, {until}."


class LiveCalls:
    """Follows the runs of a tick as their records come in; keeps only those that are not over."""

    def __init__(self, *also: Observer) -> None:
        self.over = 0
        self._come_to = 0
        self._also = also
        self._states: dict[str, RunState] = {}
        self._guard = threading.Lock()

    def __call__(self, record: Record, state: RunState) -> None:
        """Take what a run has come to."""
        with self._guard:
            if state.end is None:
                self._states[state.run_id] = state
            elif self._states.pop(state.run_id, None) is not None:
                self.over += 1
        for observer in self._also:
            observer(record, state)

    def come_to(self) -> None:
        """Hear that the tick has come to a contact, whatever becomes of it."""
        self._come_to += 1

    def behind(self, contacts: int) -> int:
        """Return how many of so many contacts the tick has behind it: called, refused, waiting or over before.

        It comes once more to those whose number was in use; they are counted once.
        """
        return max(0, min(self._come_to, contacts) - len(self.live_runs))

    @property
    def live_runs(self) -> list[str]:
        """The runs whose call may be up."""
        with self._guard:
            states = list(self._states.values())
        return [state.run_id for state in states if state.call_since is not None and not state.call_over]


def without_unsent(log: Observer) -> Observer:
    """Return a log without the steps that were not sent: with the API away each contact has some."""
    from orchestrator.core.exchange import Outcome
    from orchestrator.core.records import Concluded

    def observe(record: Record, state: RunState) -> None:
        if not (isinstance(record, Concluded) and record.outcome is Outcome.NOT_SENT):
            log(record, state)

    return observe


def warn(run: CampaignRun) -> None:
    """Say what is odd about a campaign as a whole: to somebody who reads it, or asked for it; cron sends no mail."""
    for warning in run.source.warnings:
        note(f"Warning: {line(warning)}")
    if not run.campaign.calendar.windows:
        note("Warning: no calling window is set, so people are called at any hour. Set `windows`, or give --window.")


@contextmanager
def progress(app: App, run: CampaignRun, watch: LiveCalls) -> Iterator[None]:
    """Show how far a tick is, on a terminal."""
    if app.as_json or app.verbosity or not sys.stderr.isatty():
        yield
        return
    from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn
    from rich.text import Text

    class Calls(ProgressColumn):
        """How many calls are up."""

        def render(self, task: Any) -> Text:  # noqa: ARG002 - rich's signature
            return Text(f"{watch.over} over, {len(watch.live_runs)} live")

    total = run.source.count(lambda _: None)
    columns = (TextColumn("{task.description}"), BarColumn(), Calls(), TimeElapsedColumn())
    with Progress(*columns, console=stderr_console(), transient=True) as bar:
        task = bar.add_task(line(run.campaign.name), total=total)
        with _repeating(lambda: bar.update(task, completed=watch.behind(total))):
            yield


@contextmanager
def _repeating(work: Any) -> Iterator[None]:
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(0.2):
            work()

    thread = threading.Thread(target=repeat, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def tell(app: App, ended: Ended) -> None:
    """Tell how it went."""
    try:
        if app.as_json:
            result_document(_document(ended))
        elif sys.stdout.isatty() or app.verbosity:
            _page(ended)
    except OutputError as error:  # how the calls went counts, not whether somebody reads of it
        tell_unwritten(error)
    for trouble in ended.report.troubles:
        note(f"orchestrator: {line(trouble)}")
    if ended.code and (not _is_waiting(ended) or app.verbosity or sys.stderr.isatty()):
        note(f"orchestrator: {headline(ended)}")
    elif ended.code:
        return
    elif ended.totals.left_out:
        note(f"orchestrator: {_name(ended)}: {_left_out(ended)}")
    elif not ended.report.called and not ended.report.resumed:
        known = f"nothing left to do, {counted(ended.totals.known, 'contact')} called already"
        note(f"orchestrator: {_name(ended)}: {known if ended.ledger.contacts else 'the list has no contacts'}")


def _is_waiting(ended: Ended) -> bool:
    """Return whether all is well, and what is left is for a later tick: nothing that cron should send mail for."""
    from orchestrator.runtime.rows import NOT_BEGUN, NOT_OVER

    is_cut_off = any(reason.startswith((NOT_BEGUN, NOT_OVER)) for reason in ended.totals.reasons)
    is_whole = ended.report.stopped is None and not is_cut_off
    return ended.code == 75 and is_whole and not ended.rejected and not ended.report.troubles


def headline(ended: Ended) -> str:
    """Return in one line where a campaign stands."""
    ledger, report = ended.ledger, ended.report
    parts = [f"{ledger.reached} of {counted(ledger.contacts, 'contact')} reached"]
    parts += [f"{number} {name}" for name, number in _others(ended).items() if number]
    if ended.rejected:
        where = " (--rejects FILE writes them)" if ended.rejects is None else f" (see {ended.rejects})"
        parts.append(f"{counted(ended.rejected, 'bad row')}{where}")
    if not report.called and not report.resumed and ended.totals.known:
        parts.append(f"{ended.totals.known} called already")
    text = f"{_name(ended)}: {', '.join(parts)}"
    if ended.totals.left_out:
        why = _left_out(ended)
        return f"{text}. {why[0].upper()}{why[1:]}."
    if report.stopped is not None and (ledger.waiting or report.codes):
        return f"{text}. Stopped early: {line(report.stopped)}."
    if report.stopped is not None:
        return f"{text}. Nothing is left to do, though {line(report.stopped)}."
    if ledger.unknown:
        return f"{text}. See `orchestrator runs --unfinished`."
    if ledger.waiting:
        why, number = ended.totals.reasons.most_common(1)[0]
        first = "Waiting" if number == ledger.waiting else f"{number} of them"
        return f"{text}. {first}: {line(why)}. Run it again to go on."
    if ended.totals.first_refusal:
        which = "Refused" if ended.totals.refused == 1 else "The first refused"
        text = f"{text}. {which}: {line(ended.totals.first_refusal)}"
    if not (ledger.not_reached or ended.totals.refused):
        return f"{text}."
    return f"{text}. See {ended.results or f'`orchestrator batch results {shlex.quote(ended.campaign)}`'}."


def _name(ended: Ended) -> str:
    return f"{line(ended.campaign)} {line(ended.occurrence)}"


def _left_out(ended: Ended) -> str:
    number = ended.totals.left_out
    return (
        f"the campaign is stopped, so {counted(number, 'contact')} {'is' if number == 1 else 'are'} not called; "
        f"`batch continue {line(ended.campaign)}` takes that back"
    )


def _others(ended: Ended) -> dict[str, int]:
    ledger, totals = ended.ledger, ended.totals
    return {
        "not reached": ledger.not_reached,
        "refused": totals.refused,
        "not called": totals.left_out,
        "duplicate": totals.duplicates,
        "waiting": ledger.waiting,
        "unknown": ledger.unknown,
    }


def _document(ended: Ended) -> dict[str, Any]:
    return {
        "campaign": ended.campaign,
        "occurrence": ended.occurrence,
        **asdict(ended.ledger),
        "duplicates": ended.totals.duplicates,
        "left_out": ended.totals.left_out,
        "rejected_rows": ended.rejected,
        "called": ended.report.called,
        "resumed": ended.report.resumed,
        "already_called": ended.totals.known,
        "dispositions": dict(ended.totals.dispositions),
        "results": dict(ended.totals.results),
        "stopped": ended.report.stopped,
        "troubles": ended.report.troubles,
        "results_file": ended.results,
        "exit_code": ended.code,
    }


def _page(ended: Ended) -> None:
    ledger = [("reached", ended.ledger.reached), *_others(ended).items()]
    dispositions = ended.totals.dispositions.most_common(_MOST_LINES)
    results = [(f"result {line(text)}", number) for text, number in ended.totals.results.most_common(_MOST_LINES)]
    groups = [[(name, number) for name, number in ledger if number or name == "reached"], dispositions, results]
    for text in tick_page(_name(ended), groups):
        result(text)
    report = ended.report
    resumed = f", {report.resumed} carried on with" if report.resumed else ""
    result(f"This tick: {counted(report.called, 'call')}{resumed}, {ended.totals.known} called already.")
    if ended.results is not None:
        result(f"Results: {ended.results}")
