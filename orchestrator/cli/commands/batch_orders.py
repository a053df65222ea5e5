"""`batch status`, `pause`, `continue`, `stop`, `results`, `rerun`: what a person asks of campaigns, and tells them."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import options
from orchestrator.cli.app import App, exists
from orchestrator.cli.commands.batch_pages import status_page
from orchestrator.cli.completing import campaigns
from orchestrator.cli.exits import counted
from orchestrator.cli.output import OutputError, line, result, result_document
from orchestrator.core.ledger import Tally
from orchestrator.errors import ConfigurationError, UsageError
from orchestrator.ports import CampaignOrders, CampaignStore, ContactState, Standing

if TYPE_CHECKING:
    from orchestrator.compose import Orchestrator
    from orchestrator.core.ledger import ResultRow

_CAMPAIGN = click.argument("campaign", metavar="NAME|FILE", shell_complete=campaigns)
_OCCURRENCE = click.option("--occurrence", metavar="TEXT", help="Which occurrence [default: the newest]")


@options.command("status")
@click.argument("campaign", metavar="[NAME|FILE]", required=False, shell_complete=campaigns)
@options.json_option
def status(app: App, campaign: str | None) -> int:
    """Show campaigns in their newest occurrence: who runs them, what they were told, where contacts stand.

    Counted are the contacts that ticks have come to, also those that are not in the list any more, in the words of the
    results: reached, not reached, refused, waiting (also for the end of their call, or for the next one), unknown. Rows
    that are the same as another are counted in a tick's summary only.
    """
    with app.orchestrator(read_only=True) as orchestrator:
        is_there = exists(app, orchestrator)
        if campaign is not None:
            names = [_known(app, orchestrator, campaign)]
        else:
            names = _names(orchestrator.journal.campaigns) if is_there else []
        found = [_status_of(orchestrator, name) for name in names]
    if app.as_json:
        result_document(found)
    elif not is_there:
        result(f"There are no campaigns: there is no journal at {orchestrator.journal_path} yet.")
    elif not found:
        result("There are no campaigns in this journal yet.")
    else:
        for text in status_page(found):
            result(text)
        for each in found:
            if each["orders"] is not None:
                known = f"{counted(each['contacts'], 'contact')} {'is' if each['contacts'] == 1 else 'are'} known"
                result(
                    f"\n{line(each['campaign'])} is {each['orders']}: {known}; those of its list that no tick has come "
                    "to are not counted."
                )
    return 0


@options.command("pause")
@_CAMPAIGN
@options.json_option
def pause(app: App, campaign: str) -> int:
    """Call nobody of a campaign until `continue`: a tick that is running ends, once its live calls have.

    Ticks of a paused campaign carry on with calls that were interrupted, and end with 75 as long as somebody is left to
    be called.
    """
    return _order(app, campaign, CampaignOrders(paused=True), "is paused. Live calls go on to their end")


@options.command("continue")
@_CAMPAIGN
@options.json_option
def go_on(app: App, campaign: str) -> int:
    """Let a campaign go on that was paused or stopped."""
    return _order(app, campaign, CampaignOrders(), "goes on with its next tick")


@options.command("stop")
@_CAMPAIGN
@options.json_option
def stop(app: App, campaign: str) -> int:
    """End a campaign: as `pause`, but for good. Who was not called is waited for no more.

    Results then show them as refused, and ticks end as if all had been called. `continue` takes it back.
    """
    return _order(app, campaign, CampaignOrders(stopped=True), "is stopped. Live calls go on to their end")


@options.command("results")
@_CAMPAIGN
@_OCCURRENCE
@click.option(
    "--output", metavar="FILE", type=click.Path(dir_okay=False), help="A CSV or .jsonl file [default: stdout]"
)
@options.json_option
def results(app: App, campaign: str, occurrence: str | None, output: str | None) -> int:
    """Write what became of each contact, from the journal alone: without the columns of the contacts file.

    Contacts that no tick has come to yet are not among them.
    """
    from orchestrator.adapters.results import write_results

    with app.orchestrator(read_only=True) as orchestrator:
        rows = _rows(orchestrator, *_chosen(app, orchestrator, campaign, occurrence))
        if app.as_json:
            from orchestrator.adapters.results.rows import Columns, shown

            columns = Columns()
            result_document([_json_row(row, columns, shown) for row in rows])
        elif output is not None:
            write_results(output, rows)
        else:
            _print(rows)
    return 0


@options.command("rerun")
@click.argument("campaign", metavar="[NAME|FILE]", required=False, shell_complete=campaigns)
@click.option("--campaign", "named", metavar="NAME|FILE", help="The same.")
@click.option(
    "--disposition",
    "dispositions",
    metavar="NAME",
    multiple=True,
    required=True,
    help="Such as busy. May be given again.",
)
@_OCCURRENCE
@options.json_option
def rerun(
    app: App, campaign: str | None, named: str | None, dispositions: tuple[str, ...], occurrence: str | None
) -> int:
    """Let contacts be called once more whose last call ended in some way, whatever the redial rules say.

    The next tick of the occurrence calls them, within windows, caps and lists. Contacts whose runs were removed by
    `journal prune` are among them: of each the journal keeps how its last call ended.
    """
    from orchestrator.core.records import Disposition

    unknown = sorted(set(dispositions) - set(Disposition))
    if unknown:
        raise click.UsageError(f"There is no disposition `{unknown[0]}`; there are {', '.join(Disposition)}.")
    with app.orchestrator() as orchestrator:
        name, occurrence = _chosen(app, orchestrator, campaign or named, occurrence)
        store = orchestrator.journal.campaigns
        number = 0
        for standing in store.all_of(name, occurrence=occurrence, state=ContactState.DONE):
            if standing.disposition in dispositions:
                store.put(
                    [replace(standing, state=ContactState.WAITING, due_wall=None, reason="to be called once more")]
                )
                number += 1
        held = _word_of(store.orders_of(name))
    if app.as_json:
        result_document({"campaign": name, "occurrence": occurrence, "contacts": number, "orders": held})
    else:
        result(_rerun_told(name, occurrence, number, held))
    return 0


COMMANDS = (status, pause, go_on, stop, results, rerun)


def _order(app: App, campaign: str, orders: CampaignOrders, told: str) -> int:
    with app.orchestrator() as orchestrator:
        name = _known(app, orchestrator, campaign)
        store = orchestrator.journal.campaigns
        store.order(name, orders)
        running = store.owner_of(name)
    if app.as_json:
        result_document({"campaign": name, "orders": _word_of(orders), "running": running})
    else:
        result(f"The campaign {line(name)} {told}.")
    return 0


def _word_of(orders: CampaignOrders) -> str | None:
    return "stopped" if orders.stopped else "paused" if orders.paused else None


def _rerun_told(name: str, occurrence: str, number: int, held: str | None) -> str:
    """Return what becomes of contacts that are to be called once more."""
    whom = f"{counted(number, 'contact')} of {line(name)} {line(occurrence)}"
    if not number:
        return f"{whom}: none ended so, so nobody is called once more."
    when = "by the next tick of that occurrence"
    if held is not None:
        when += f" after `batch continue {line(name)}`, as the campaign is {held}"
    return f"{whom} will be called once more, {when}; on another day give it --occurrence {shlex.quote(occurrence)}."


def _names(store: CampaignStore) -> list[str]:
    return list(dict.fromkeys(name for name, _ in store.occurrences_of(None)))


def _known(app: App, orchestrator: Orchestrator, campaign: str) -> str:
    """Return the name of a campaign that is given by its name or its file. Raises UsageError."""
    if not exists(app, orchestrator):
        raise UsageError(
            f"no campaign `{line(campaign)}` has had a tick: there is no journal at {orchestrator.journal_path} yet"
        )
    names = _names(orchestrator.journal.campaigns)
    if campaign in names:
        return campaign
    if Path(campaign).is_file() and (name := _name_in(campaign)) in names:
        return name
    there_are = f"there are {', '.join(map(line, names))}" if names else "there is none yet"
    raise UsageError(f"no campaign `{line(campaign)}` has had a tick in this journal; {there_are}")


def _name_in(file: str) -> str:
    """Return what a campaign is named by its file, or by its script where it has none. Raises ConfigurationError."""
    from orchestrator.scriptfile.campaign import is_campaign, load_campaign

    try:
        return load_campaign(file).name
    except ConfigurationError:
        if is_campaign(file):
            raise
        return Path(file).stem


def _only(app: App, orchestrator: Orchestrator) -> str:
    names = _names(orchestrator.journal.campaigns) if exists(app, orchestrator) else []
    if len(names) != 1:
        raise click.UsageError(f"Say which campaign: {', '.join(map(line, names)) or 'there is none yet'}.")
    return names[0]


def _chosen(app: App, orchestrator: Orchestrator, campaign: str | None, occurrence: str | None) -> tuple[str, str]:
    """Return a campaign, by default the only one, and one of its occurrences. Raises UsageError."""
    name = _only(app, orchestrator) if campaign is None else _known(app, orchestrator, campaign)
    known = [each for _, each in orchestrator.journal.campaigns.occurrences_of(name)]
    if occurrence is not None and occurrence not in known:
        raise UsageError(f"{name} has no occurrence `{line(occurrence)}`; there are {', '.join(map(line, known))}")
    return name, occurrence or _newest(orchestrator.journal.campaigns, name)


def _newest(store: CampaignStore, campaign: str) -> str:
    """Return a campaign's newest occurrence that has contacts; a list that was refused makes one without any."""
    known = [occurrence for _, occurrence in store.occurrences_of(campaign)]
    having = (each for each in known if any(True for _ in store.all_of(campaign, occurrence=each)))
    return next(having, known[0])


def _status_of(orchestrator: Orchestrator, name: str) -> dict[str, Any]:
    from orchestrator.core.totals import Totals
    from orchestrator.runtime.rows import NOT_OVER, rfc3339

    store = orchestrator.journal.campaigns
    occurrence = _newest(store, name)
    orders = store.orders_of(name)
    totals, calls, redials, dues = Totals(), 0, 0, []
    for standing, row in _standings(orchestrator, name, occurrence):
        totals.add(row)
        is_waiting = row.tally is Tally.WAITING
        calls += row.reason == NOT_OVER
        redials += is_waiting and standing.state is ContactState.AGAIN
        if is_waiting and standing.due_wall is not None:
            dues.append(standing.due_wall)
    return {
        "campaign": name,
        "occurrence": occurrence,
        "running": store.owner_of(name),
        "orders": _word_of(orders),
        **asdict(totals.ledger(contacts=totals.tallies.total())),
        "duplicates": totals.duplicates,
        "left_out": totals.left_out,
        "in_call": calls,
        "to_be_called_again": redials,
        "next_due": rfc3339(min(dues, default=None)),
    }


def _standings(orchestrator: Orchestrator, campaign: str, occurrence: str) -> Iterator[tuple[Standing, ResultRow]]:
    """Yield where contacts stand, with their results, from the journal alone."""
    from orchestrator.runtime.rows import result_of

    store, read = orchestrator.journal.campaigns, orchestrator.journal.read
    is_stopped = store.orders_of(campaign).stopped
    for standing in store.all_of(campaign, occurrence=occurrence):
        yield standing, result_of(standing.number, standing, read=read, stopped=is_stopped)


def _rows(orchestrator: Orchestrator, campaign: str, occurrence: str) -> Iterator[ResultRow]:
    for standing, row in _standings(orchestrator, campaign, occurrence):
        yield replace(row, saved=_saved(orchestrator, standing))


def _print(rows: Iterator[ResultRow]) -> None:
    """Write CSV to stdout. Raises OutputError."""
    from orchestrator.adapters.results import write_results

    try:
        write_results(sys.stdout, rows, format="csv")
        sys.stdout.flush()
    except OSError as error:
        raise OutputError(None if isinstance(error, BrokenPipeError) else error.strerror) from None


def _saved(orchestrator: Orchestrator, standing: Standing) -> dict[str, Any]:
    """Return what a run saved: the variables that it was not started with."""
    if standing.run_id is None or standing.state is not ContactState.DONE:
        return {}
    from orchestrator.core.evolve import fold
    from orchestrator.errors import NoSuchRunError

    try:
        state = fold(orchestrator.journal.read(standing.run_id))
    except NoSuchRunError:  # pruned: what the contact came to is known all the same
        return {}
    given = {*state.begun.variables, *state.secret_names, "to", "from", "run_id", "call_id"}
    return {name: value for name, value in state.variables.items() if name not in given}


def _json_row(row: ResultRow, columns: Any, shown: Any) -> dict[str, Any]:
    columns.add(row)
    return dict(shown(row, columns, ()))
