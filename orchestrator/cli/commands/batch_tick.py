"""One tick of a batch as the command line runs it: checks, pings, signals, calls, files, and few words."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import driving, options
from orchestrator.cli.app import App, open_journal
from orchestrator.cli.commands import batch_telling as telling
from orchestrator.cli.commands.batch_telling import Ended, LiveCalls
from orchestrator.cli.exits import worst
from orchestrator.cli.forewarning import unheard, untried_by
from orchestrator.cli.output import line, note, result, result_document
from orchestrator.core.ask import Ask
from orchestrator.core.campaign import Overlap
from orchestrator.core.contact import Rejected
from orchestrator.core.instant import Instant
from orchestrator.errors import LeaseHeldError, OrchestratorError, exit_code_of

if TYPE_CHECKING:
    from orchestrator.batches import CampaignRun
    from orchestrator.compose import Orchestrator
    from orchestrator.core.campaign import Campaign
    from orchestrator.core.ledger import Ledger, ResultRow
    from orchestrator.core.totals import Totals
    from orchestrator.runtime.job import TickReport

ORDINARY = (0, 1, 75)
"""Exit codes of a job in order: all reached, some not, something left for the next tick."""


@dataclass(frozen=True, slots=True)
class _Files:
    """Where results go; None for nowhere."""

    results: str | None
    rejects: str | None
    junit: str | None
    metrics: str | None
    append: bool

    @classmethod
    def of(cls, campaign: Campaign, given: Mapping[str, Any]) -> _Files:
        results, rejects = campaign.results, given["rejects"]
        if given["append"] and results is None:
            raise click.UsageError("--append adds to a file: name it by --results FILE.")
        if rejects is None and results is not None:
            rejects = str(Path(results).with_suffix(".rejects.csv"))
        if given["metrics"] is not None and not str(given["metrics"]).endswith(".prom"):
            raise click.UsageError(f"--metrics: {given['metrics']} must end in .prom, or nobody reads it.")
        files = cls(results, rejects, given["junit"], given["metrics"], given["append"])
        files.check_distinct((campaign.contacts, campaign.script, *campaign.do_not_call))
        return files

    @property
    def _written(self) -> list[str]:
        return [path for path in (self.results, self.rejects, self.junit, self.metrics) if path is not None]

    def check_distinct(self, read: Iterable[str | None]) -> None:
        """Find what would be written over something else of this tick. Raises UsageError."""
        places = {os.path.realpath(path) for path in read if path is not None}
        for path in self._written:
            place = os.path.realpath(path)
            if place in places and (Path(place).is_file() or not Path(place).exists()):  # a device is no file
                raise click.UsageError(f"{path} is named twice: what is written there would replace something else.")
            places.add(place)

    def check(self) -> None:
        """Find what cannot be written before anybody is called. Raises ConfigurationError."""
        from orchestrator.adapters.results import check_appendable, check_writable

        for path in self._written:
            check_writable(path)
        if self.append and self.results is not None:
            check_appendable(self.results)


def tick(app: App, campaign: Campaign, given: Mapping[str, Any]) -> int:
    """Run one tick and tell how it went; return the exit code."""
    from orchestrator.adapters.healthcheck import Healthcheck

    check = None if given["healthcheck"] is None else Healthcheck(given["healthcheck"])
    if check is not None:
        check.start()
    code = 70
    try:
        code = _tick(app, campaign, given)
    except OrchestratorError as error:
        code = exit_code_of(error)
        raise
    finally:
        if check is not None and (trouble := check.end(ok=code in ORDINARY)) is not None:
            note(f"orchestrator: the healthcheck was not reached: {line(trouble)}")
    return code


def dry_run(app: App, campaign: Campaign, given: Mapping[str, Any]) -> int:
    """Tell who would be called now, and why the others not; return 1 where rows are bad or somebody is refused."""
    _Files.of(campaign, given).check()
    with _opened(app, campaign, given, LiveCalls()) as (orchestrator, run):
        _forewarn(orchestrator, run, given)
        telling.warn(run)
        shown, foretold = [], telling.Foretold()
        for preview in run.preview():
            what, why = foretold.add(preview)
            if app.as_json:
                shown.append({"line": preview.contact.line, "to": preview.contact.to, "what": what, "reason": why})
            else:
                result(f"{what:8}{preview.contact.to:17}{line(why)}".rstrip())
        rejected = []
        for each in run.source.rejected():
            foretold.bad += 1
            if app.as_json:
                rejected.append({"line": each.line, "reason": each.reason})
            else:
                result(f"{'bad':8}{f'line {each.line}':17}{line(each.reason)}")
        if app.as_json:
            totals = {"contacts": shown, "rejected": rejected, "totals": asdict(foretold)}
            result_document({"campaign": run.campaign.name, "occurrence": run.occurrence.name, **totals})
        else:
            result(foretold.headline(run.occurrence))
    return 1 if foretold.refused or foretold.bad else 0


def _tick(app: App, campaign: Campaign, given: Mapping[str, Any]) -> int:
    from orchestrator.adapters.logs import log_record

    files = _Files.of(campaign, given)
    files.check()
    watch = LiveCalls(log_record if app.verbosity else telling.without_unsent(log_record))
    with _opened(app, campaign, given, watch, otherwise=_carry_on) as (orchestrator, run):
        _forewarn(orchestrator, run, given)
        _ = orchestrator.transport  # credentials, proxy and certificates are checked before a journal is made
        open_journal(orchestrator)
        if app.verbosity or sys.stderr.isatty():
            telling.warn(run)
        began_wall = orchestrator.clock.now().wall
        with driving.stoppable(app, orchestrator, watch, grace_s=run.grace_s, hand_over=False) as stops:
            try:
                driving.reap_first(orchestrator, keep=run.unfinished_runs())
                with telling.progress(app, run, watch):
                    report = run.tick(come_to=watch.come_to)
            except LeaseHeldError as error:
                if campaign.overlap is not Overlap.OK:
                    raise
                if app.verbosity:
                    note(f"orchestrator: {error}")
                return 0
        forced = [] if stops.forced is None else [75]
        ended = _ended(run, report, files, codes=forced, began_wall=began_wall)
        _write_metrics(files, ended, began_wall=began_wall, ended_wall=orchestrator.clock.now().wall)
        telling.tell(app, ended)
        return stops.forced or ended.code


def _forewarn(orchestrator: Orchestrator, run: CampaignRun, given: Mapping[str, Any]) -> None:
    """Warn of what is wrong with the way to the API, once for all calls: cron's mail is the place for it."""
    asked = {"limit_s": given["limit_s"], "network": given["network"], "overrides": run.campaign.overrides}
    options.warn(unheard(orchestrator.settings_for(run.script, Ask(**asked))))
    options.warn(untried_by(orchestrator, run.script, {**asked, "variables": run.campaign.variables}))


@contextmanager
def _opened(
    app: App,
    campaign: Campaign,
    given: Mapping[str, Any],
    watch: LiveCalls,
    *,
    otherwise: Callable[[App, Orchestrator, Campaign, LiveCalls], None] = lambda *_: None,
) -> Iterator[tuple[Orchestrator, CampaignRun]]:
    """Open all that the campaign names; where that fails, do something else first."""
    from orchestrator.batches import CampaignRun

    if campaign.script is None:
        raise click.UsageError("Give a SCRIPT, or name it in the campaign file (`script:`).")
    if campaign.contacts is None:
        raise click.UsageError("Say whom to call: give --contacts FILE, or name it in the campaign file (`contacts:`).")
    settings = dict(given["settings"])
    settings |= {"mode": given["mode"]} if given["mode"] is not None else {}
    settings |= {"grace": given["grace"]} if given["grace"] is not None else {}
    with ExitStack() as stack:
        orchestrator = stack.enter_context(app.orchestrator(settings=settings, on_record=watch))
        try:
            run = CampaignRun(
                orchestrator,
                campaign,
                occurrence=given["occurrence"],
                limit_s=given["limit_s"],
                network=given["network"],
            )
        except OrchestratorError:
            otherwise(app, orchestrator, campaign, watch)
            raise
        yield orchestrator, stack.enter_context(run)


def _carry_on(app: App, orchestrator: Orchestrator, campaign: Campaign, watch: LiveCalls) -> None:
    """Carry on with the calls of earlier ticks though the list is broken, or something else: people are on the line."""
    from orchestrator.ports import ContactState

    if not orchestrator.journal_path.exists():
        return
    open_ = orchestrator.journal.campaigns.all_of(campaign.name, state=ContactState.OPEN)
    own = {standing.run_id for standing in open_}
    run_ids = [summary.run_id for summary in driving.interrupted(orchestrator) if summary.run_id in own]
    with driving.stoppable(app, orchestrator, watch, grace_s=orchestrator.default_settings.grace_s, hand_over=False):
        driving.reap_first(orchestrator, keep=run_ids)
        for run_id, came in zip(run_ids, driving.resume(orchestrator, run_ids), strict=True):
            words = str(came) if isinstance(came, OrchestratorError) else (came.disposition or came.status)
            note(f"orchestrator: run {run_id[:8]} of an earlier tick was carried on with: {line(words)}")


def _ended(run: CampaignRun, report: TickReport, files: _Files, *, codes: list[int], began_wall: float) -> Ended:
    """Write what became of the contacts, count it, and check that it adds up. Raises LedgerError."""
    from orchestrator.adapters.results import append_results, write_junit, write_results
    from orchestrator.core.totals import Totals

    totals = Totals(began_at=Instant(began_wall, 0.0).rfc3339())
    secret = run.secret_names
    if files.results is not None and files.append:
        append_results(files.results, chain(run.earlier_rows(), totals.of(run.rows())), secret=secret)
    elif files.results is not None:
        write_results(files.results, totals.of(run.rows()), secret=secret)
    else:
        for _ in totals.of(run.rows(saved=False)):
            pass
    if files.junit is not None:
        write_junit(files.junit, run.rows(saved=False), campaign=run.campaign.name)
    codes += [_tell_unlisted(row, report) for row in run.unlisted(report.left_over)]
    contacts, rejected = _write_rejects(run, files, secret=secret)
    ledger = totals.ledger(contacts=contacts)
    code = worst([*report.codes, *codes, *_codes(ledger, totals, rejected=rejected)])
    return Ended(
        campaign=run.campaign.name,
        occurrence=run.occurrence.name,
        report=report,
        totals=totals,
        ledger=ledger,
        rejected=rejected,
        code=code,
        results=files.results,
        rejects=files.rejects,
    )


def _tell_unlisted(row: ResultRow, report: TickReport) -> int:
    """Tell of a contact whose call was left by an earlier tick, but which has no row: return the exit code for it."""
    from orchestrator.runtime.rows import exit_code_of_row

    run_id = (row.run_id or "")[:8]
    report.troubles.append(
        f"{row.to} is not in the list of this occurrence, so that it has no row in the results: its call, which an "
        f"earlier tick left, is {row.disposition} (`orchestrator show {run_id}`)"
    )
    return exit_code_of_row(row)


def _write_rejects(run: CampaignRun, files: _Files, *, secret: frozenset[str]) -> tuple[int, int]:
    """Return how many contacts and how many bad rows there are, and write these; no file where there never were any."""
    from orchestrator.adapters.results import write_rejects

    kinds = Counter(isinstance(row, Rejected) for row in run.source.rows())
    if files.rejects is not None and (kinds[True] or Path(files.rejects).exists()):
        with write_rejects(files.rejects, columns=run.source.columns, secret=secret) as rejects:
            run.source.count(rejects.add)
    return kinds[False], kinds[True]


def _codes(ledger: Ledger, totals: Totals, *, rejected: int) -> Iterator[int]:
    if ledger.unknown:
        yield 20
    if ledger.waiting:
        yield 75
    if ledger.not_reached or totals.refused or rejected:
        yield 1


def _write_metrics(files: _Files, ended: Ended, *, began_wall: float, ended_wall: float) -> None:
    from orchestrator.adapters.results import BatchMetrics, write_metrics

    if files.metrics is None:
        return
    metrics = BatchMetrics(
        campaign=ended.campaign,
        ledger=ended.ledger,
        dials=ended.report.called,
        rejected_rows=ended.rejected,
        duplicates=ended.totals.duplicates,
        started_at=began_wall,
        ended_at=ended_wall,
        exit_code=ended.code,
    )
    write_metrics(files.metrics, metrics)
