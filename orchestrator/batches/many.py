"""`run_many` of the library: a tick of a batch, as an iterator of what becomes of each contact."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from orchestrator.batches.campaignrun import CampaignRun
from orchestrator.core.campaign import Campaign, Overlap
from orchestrator.core.contact import Contact, is_number_column
from orchestrator.core.ledger import ResultRow, Tally
from orchestrator.core.marks import Marks, mark_of
from orchestrator.core.script import Script
from orchestrator.errors import (
    AuthenticationError,
    ConfigurationError,
    LeaseHeldError,
    OrchestratorError,
    StoppedEarlyError,
    UnreachableError,
    UsageError,
)
from orchestrator.ports import ContactState
from orchestrator.runtime.job import Finished, TickReport
from orchestrator.runtime.shared import RunResult
from orchestrator.scriptfile.campaign import load_campaign, make_campaign

_STOPPED_BY: Mapping[int, type[OrchestratorError]] = {
    69: UnreachableError,
    77: AuthenticationError,
    78: ConfigurationError,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactEnd:
    """What became of a contact in a tick.

    Attributes:
        columns: Its row as it was given; empty for one that is no longer in the list.
        came_to: What its last call came to; its row of the results where it has no run, or none any more.
        is_earlier: It was over before the tick began.
    """

    columns: Mapping[str, str]
    came_to: RunResult | ResultRow
    is_earlier: bool = False


def campaign_from(
    given: Campaign | str | os.PathLike[str] | None, words: Mapping[str, object], *, script: Script | None
) -> Campaign:
    """Return the campaign that a library user means.

    Args:
        given: A campaign, the path of a campaign file, or None for one that the words make.
        words: Words of a campaign file, which count more than the file.
        script: Names the campaign where nothing else does.

    Raises:
        UsageError, ConfigurationError: As the readers of campaigns say; words were given beside a finished campaign.
    """
    if isinstance(given, Campaign):
        if words:
            raise UsageError(f"`{next(iter(words))}` cannot be given beside a finished campaign; put it into that")
        return given
    if given is not None:
        return load_campaign(given, words)
    return make_campaign(words, name="" if script is None else _name_of(script))


def ends(run: CampaignRun) -> Iterator[ContactEnd]:
    """Run one tick, and yield what became of each contact: of calls as they end, then of all others.

    One that is called again in the same tick comes once for each call. Whoever leaves the iterator waits for the
    calls that are live; no further one is begun.

    Raises:
        UnreachableError, AuthenticationError, ConfigurationError: The tick ended early, for that reason.
        StoppedEarlyError: It ended early for another one. Before these are raised all contacts have come.
        LeaseHeldError, SameFileError, ContactsError, JournalError: As `tick` says.
    """
    run.orchestrator.reap(keep=run.unfinished_runs())
    unfinished = _unfinished_contacts(run)
    queue: SimpleQueue[Finished | TickReport | Exception] = SimpleQueue()
    enough = threading.Event()

    def work() -> None:
        try:
            queue.put(run.tick(told=queue.put, enough=enough.is_set))
        except Exception as error:  # noqa: BLE001 - raised where the results are taken
            queue.put(error)

    thread = threading.Thread(target=work, name="batch")
    thread.start()
    told = Marks()
    try:
        while isinstance(found := queue.get(), Finished):
            told.add(mark_of(found.key))
            contact = found.contact or unfinished.get(found.key)
            yield ContactEnd(columns={} if contact is None else contact.columns, came_to=found.result)
    finally:
        enough.set()
        thread.join()
    if isinstance(found, LeaseHeldError) and run.campaign.overlap is Overlap.OK:
        return
    if isinstance(found, Exception):
        raise found
    yield from _other_ends(run, told)
    _raise_trouble(found)


def _unfinished_contacts(run: CampaignRun) -> dict[str, Contact]:
    """Return the contacts whose runs an earlier tick left, by key."""
    unfinished = run.orchestrator.journal.campaigns.all_of(run.campaign.name, state=ContactState.OPEN)
    keys = {standing.key for standing in unfinished}
    rows = run.source.contacts() if keys else ()
    return {run.key_of(row): row for row in rows if run.key_of(row) in keys}


def _other_ends(run: CampaignRun, told: Marks) -> Iterator[ContactEnd]:
    """Yield what became of those who have not come to rest in this tick, the bad rows among them."""
    for contact, standing, row in run.placed():
        if standing is not None and mark_of(run.key_of(contact)) in told:
            continue
        is_done = standing is not None and standing.state is ContactState.DONE
        is_open = standing is not None and standing.state is ContactState.OPEN
        found = run.run_of(standing.run_id or "") if standing is not None and (is_done or is_open) else None
        yield ContactEnd(columns=contact.columns, came_to=found or row, is_earlier=is_done)
    for bad in run.source.rejected():
        columns = bad.columns or {}
        to = next((value for name, value in columns.items() if is_number_column(name)), bad.text)
        row = ResultRow(to=to, disposition=Tally.REFUSED, reason=f"row {bad.line}: {bad.reason}")
        yield ContactEnd(columns=columns, came_to=row)


def _name_of(script: Script) -> str:
    """Return the name of a campaign that is made for a script, as `batch` gives it; of a text by what it says."""
    if script.path is not None:
        return Path(script.path).stem
    return f"script {script.digest[:8]}" if script.name.startswith("<") else script.name


def _raise_trouble(report: TickReport) -> None:
    """Raise what ended a tick before its list did; tell the log of what else went wrong."""
    for trouble in report.troubles:
        logging.getLogger("orchestrator").warning("%s", trouble)
    if report.stopped is not None and not report.is_over:
        kinds = [_STOPPED_BY[code] for code in sorted(report.codes) if code in _STOPPED_BY]
        raise next(iter(kinds), StoppedEarlyError)(report.stopped)
