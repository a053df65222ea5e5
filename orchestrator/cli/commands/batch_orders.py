"""`batch status`, `pause`, `continue`, `stop`, `results`, `rerun`: what a person asks of campaigns, and tells them."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import options
from orchestrator.cli.app import App, must_exist
from orchestrator.cli.commands.batch_pages import status_page
from orchestrator.cli.exits import counted
from orchestrator.cli.output import OutputError, line, result, result_document
from orchestrator.errors import UsageError
from orchestrator.ports import CampaignOrders, CampaignStore, ContactState, Standing

if TYPE_CHECKING:
    from orchestrator.compose import Orchestrator
    from orchestrator.core.ledger import ResultRow

_OCCURRENCE = click.option("--occurrence", metavar="TEXT", help="Which occurrence [default: the newest]")


@options.command("status")
@click.argument("campaign", metavar="[CAMPAIGN]", required=False)
@options.json_option
def status(app: App, campaign: str | None) -> int:
    """Show campaigns in their newest occurrence: who runs them, what they were told, where contacts stand."""
    with app.orchestrator() as orchestrator:
        must_exist(orchestrator)
        store = orchestrator.journal.campaigns
        names = _names(store) if campaign is None else [_known(store, campaign)]
        found = [_status_of(store, name) for name in names]
    if app.as_json:
        result_document(found)
    elif not found:
        result("There are no campaigns in this journal yet.")
    else:
        for text in status_page(found):
            result(text)
    return 0


@options.command("pause")
@click.argument("campaign")
def pause(app: App, campaign: str) -> int:
    """Call nobody of a campaign until `continue`: a tick that is running ends, once its live calls have.

    Ticks of a paused campaign carry on with calls that were interrupted, and end with 75.
    """
    return _order(app, campaign, CampaignOrders(paused=True), "is paused. Live calls go on to their end")


@options.command("continue")
@click.argument("campaign")
def go_on(app: App, campaign: str) -> int:
    """Let a campaign go on that was paused or stopped."""
    return _order(app, campaign, CampaignOrders(), "goes on with its next tick")


@options.command("stop")
@click.argument("campaign")
def stop(app: App, campaign: str) -> int:
    """End a campaign: as `pause`, but for good. Who was not called is waited for no more: its ticks end as if all were.

    `continue` takes it back.
    """
    return _order(app, campaign, CampaignOrders(stopped=True), "is stopped. Live calls go on to their end")


@options.command("results")
@click.argument("campaign")
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

    with app.orchestrator() as orchestrator:
        must_exist(orchestrator)
        rows = _rows(orchestrator, *_chosen(orchestrator.journal.campaigns, campaign, occurrence))
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
@click.argument("campaign", metavar="[CAMPAIGN]", required=False)
@click.option("--campaign", "named", metavar="NAME", help="The same as CAMPAIGN.")
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

    The next tick of the occurrence calls them, within windows, caps and lists.
    """
    from orchestrator.core.records import Disposition

    unknown = sorted(set(dispositions) - set(Disposition))
    if unknown:
        raise click.UsageError(f"There is no disposition `{unknown[0]}`; there are {', '.join(Disposition)}.")
    with app.orchestrator() as orchestrator:
        must_exist(orchestrator)
        store = orchestrator.journal.campaigns
        chosen = campaign or named or _only(store)
        name, occurrence = _chosen(store, chosen, occurrence)
        number = 0
        for standing in store.all_of(name, occurrence=occurrence, state=ContactState.DONE):
            if standing.disposition in dispositions:
                store.put(
                    [replace(standing, state=ContactState.WAITING, due_wall=None, reason="to be called once more")]
                )
                number += 1
    if app.as_json:
        result_document({"campaign": name, "occurrence": occurrence, "contacts": number})
    else:
        result(f"{counted(number, 'contact')} of {line(name)} {line(occurrence)} will be called by its next tick.")
    return 0


COMMANDS = (status, pause, go_on, stop, results, rerun)


def _order(app: App, campaign: str, orders: CampaignOrders, told: str) -> int:
    with app.orchestrator() as orchestrator:
        must_exist(orchestrator)
        store = orchestrator.journal.campaigns
        name = _known(store, campaign)
        store.order(name, orders)
    result(f"The campaign {line(name)} {told}.")
    return 0


def _names(store: CampaignStore) -> list[str]:
    return list(dict.fromkeys(name for name, _ in store.occurrences_of(None)))


def _known(store: CampaignStore, campaign: str) -> str:
    """Return the name of a campaign that is given by its name or its file. Raises UsageError."""
    names = _names(store)
    if campaign in names:
        return campaign
    if Path(campaign).is_file():
        from orchestrator.scriptfile.campaign import load_campaign

        if (name := load_campaign(campaign).name) in names:
            return name
    there_are = f"there are {', '.join(map(line, names))}" if names else "there is none yet"
    raise UsageError(f"no campaign `{line(campaign)}` has had a tick in this journal; {there_are}")


def _only(store: CampaignStore) -> str:
    names = _names(store)
    if len(names) != 1:
        raise click.UsageError(f"Say which campaign: {', '.join(map(line, names)) or 'there is none yet'}.")
    return names[0]


def _chosen(store: CampaignStore, campaign: str, occurrence: str | None) -> tuple[str, str]:
    """Return a campaign and one of its occurrences. Raises UsageError."""
    name = _known(store, campaign)
    known = [each for _, each in store.occurrences_of(name)]
    if occurrence is not None and occurrence not in known:
        raise UsageError(f"{name} has no occurrence `{line(occurrence)}`; there are {', '.join(map(line, known))}")
    return name, occurrence or known[0]


def _status_of(store: CampaignStore, name: str) -> dict[str, Any]:
    occurrence = store.occurrences_of(name)[0][1]
    states: Counter[str] = Counter()
    due_wall: float | None = None
    for standing in store.all_of(name, occurrence=occurrence):
        states[standing.state.value] += 1
        is_due = standing.state in (ContactState.AGAIN, ContactState.WAITING) and standing.due_wall is not None
        if is_due and (due_wall is None or (standing.due_wall or 0.0) < due_wall):
            due_wall = standing.due_wall
    from orchestrator.runtime.rows import rfc3339

    orders = store.orders_of(name)
    return {
        "campaign": name,
        "occurrence": occurrence,
        "running": store.owner_of(name),
        "orders": "stopped" if orders.stopped else "paused" if orders.paused else None,
        "contacts": {state.value: states[state.value] for state in ContactState},
        "next_due": rfc3339(due_wall),
    }


def _rows(orchestrator: Orchestrator, campaign: str, occurrence: str) -> Iterator[ResultRow]:
    from orchestrator.runtime.rows import result_of

    for standing in orchestrator.journal.campaigns.all_of(campaign, occurrence=occurrence):
        row = result_of(standing.number, standing, read=orchestrator.journal.read)
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
