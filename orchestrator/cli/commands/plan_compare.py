"""`plan --compare`: one script under several networks, and in the modes there are, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli.exits import counted
from orchestrator.cli.forewarning import strange_variables
from orchestrator.cli.lately import lately
from orchestrator.cli.options import warn
from orchestrator.cli.output import empty_table, line, prose, result, result_document, show_words
from orchestrator.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from orchestrator.cli.app import App
    from orchestrator.compose import Orchestrator
    from orchestrator.core.comparison import Compared, Refused
    from orchestrator.core.deadair import Gap
    from orchestrator.core.networks import Network
    from orchestrator.core.script import Script

_ALL = "all"
_NO_LIMIT = "none"
_BAD_SCRIPT = 65
_ALL_NAMED = 3
"""So many networks of one line are named; of more the first and the last, in the order asked for."""


def _networks(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[Network, ...] | None:
    if value is None:
        return None
    try:
        return networks_named(value)
    except (UsageError, ConfigurationError) as error:
        hint = f"Write --compare behind SCRIPT, or --compare={_ALL}." if "." in value else ""
        raise click.BadParameter(f"{error} {hint}".rstrip(), ctx, param) from None


compare_option = click.option(
    "--compare",
    metavar="NAME,…",
    is_flag=False,
    flag_value=_ALL,
    is_eager=True,  # before a missing SCRIPT, which may have been taken for its value
    callback=_networks,
    help="Show the script under these networks side by side: profiles, limits such as 45s, or none; alone: under all.",
)


def networks_named(text: str) -> tuple[Network, ...]:
    """Return the networks of a list of names, limits and files. Raises UsageError, ConfigurationError."""
    from orchestrator.core.networks import NETWORKS

    if text.strip() == _ALL:
        return NETWORKS
    names = [each.strip() for each in text.split(",") if each.strip()]
    if not names:
        raise UsageError("name at least one network, such as heroku")
    return tuple(map(_network, names))


def compare(app: App, orchestrator: Orchestrator, script: Script, given: Mapping[str, Any]) -> int:
    """Show the comparison; return the exit code: 65 where the script can be sent under none of the networks."""
    from orchestrator.adapters.events.note import find_receiver
    from orchestrator.core.comparison import MODES, compared
    from orchestrator.core.settings import Mode

    if given["limit_s"] is not None or given["network"] is not None:
        raise click.UsageError("--compare names the networks: give neither --limit nor --network with it.")
    hears = find_receiver(orchestrator.journal_path, now=orchestrator.clock.now()) is not None
    recently = lately(orchestrator)
    rows = compared(
        script,
        given["variables"],
        replace(orchestrator.settings_for(script), hears_events=hears),
        networks=given["compare"],
        modes=MODES if given["mode"] is None else (Mode(given["mode"]),),
        to=given["to"],
        from_=given["from_"],
        gap=recently.gap,
    )
    warnings = strange_variables(script, given["variables"])
    warnings += [] if recently.trouble is None else [recently.trouble]
    warn(warnings)
    if app.as_json:
        result_document(_document(script, rows, recently.gap, warnings=[*script.warnings, *warnings]))
    else:
        _show(rows, recently.gap, hears=hears)
    return _BAD_SCRIPT if all(row.plan.problems for row in rows) else 0


def dead_air_basis(gap: Gap, *, worst_s: float) -> str:
    """Return the longest dead air that is expected, and what that is estimated from."""
    gap_ms = f"{gap.seconds * 1000:.0f} ms between steps"
    known = f"{gap_ms} at {counted(gap.measured, 'boundary').replace('boundarys', 'boundaries')} of the newest runs"
    basis = f"measured: {known}" if gap.measured else f"nothing was measured yet: {gap_ms} assumed"
    return f"Dead air: at most {worst_s:.2f} s expected ({basis})"


def _network(name: str) -> Network:
    from orchestrator.core.networks import LimitKind, Network, network
    from orchestrator.scriptfile.configuration import parse_limit
    from orchestrator.scriptfile.networks import find_network
    from orchestrator.scriptfile.values import BadValueError

    if name.lower() == _NO_LIMIT:
        return replace(network("direct"), name=_NO_LIMIT)
    try:
        limit_s = parse_limit(name)
    except BadValueError:
        return find_network(name)
    return Network(
        name=name,
        limit_s=limit_s,
        kind=LimitKind.IDLE,
        client_sees="not known",
        keepalive_helps=False,
        description="a limit as given",
    )


def _document(script: Script, rows: Sequence[Compared], gap: Gap, *, warnings: list[str]) -> dict[str, Any]:
    return {
        "script": script.name,
        "dead_air": {"gap_s": round(gap.seconds, 3), "measured": gap.measured},
        "unknown_variables": list(rows[0].plan.unknown),
        "comparison": [row.to_document() for row in rows],
        "warnings": warnings,
    }


def _show(rows: Sequence[Compared], gap: Gap, *, hears: bool) -> None:
    from orchestrator.core.comparison import groups, refusals
    from orchestrator.core.settings import Mode

    together = groups(rows)
    show_words(_table(together))
    worst_s = max(row.plan.worst_silence_s for row in rows)
    result()
    prose(dead_air_basis(gap, worst_s=worst_s))
    if not hears and any(row.plan.mode is Mode.ASYNC for row in rows):
        prose("async is shown as it is with an event receiver; none runs for this journal.")
    for refused in refusals(rows):
        prose(
            f"Refused in {_places(refused, rows)}: line {refused.problem.place.line}: {line(refused.problem.message)}"
        )


def _table(together: Sequence[Sequence[Compared]]) -> Table:
    from rich.text import Text

    table = empty_table()
    table.add_column("mode", no_wrap=True)
    table.add_column("networks (s)", overflow="fold", ratio=3)
    for name in ("requests", "looks", "longest", "dead air"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("in doubt if its reply is lost", overflow="fold", ratio=3)
    before = None
    for group in together:
        planned = group[0].plan
        mode, before = "" if planned.mode is before else planned.mode.value, planned.mode
        figures = (str(planned.requests), str(planned.looks), f"{planned.longest_request_s:.1f}")
        silence = f"{planned.worst_silence_s:.2f}{' !' if planned.breaches else ''}"
        shown = ("-", "-", "-", "-") if planned.problems else (*figures, silence)
        names = _names([row.network for row in group])
        table.add_row(mode, Text(names), *shown, Text(_in_doubt(group[0])))
    return table


def _names(networks: Sequence[Network], *, are_neighbours: bool = True) -> str:
    names = [
        line(network.name) if network.limit_s is None else f"{line(network.name)} ({network.limit_s:g})"
        for network in networks
    ]
    shown = len(names) <= _ALL_NAMED or not are_neighbours
    return ", ".join(names) if shown else f"{names[0]} … {names[-1]}"


def _in_doubt(row: Compared) -> str:
    from orchestrator.core.advicewords import lost_counts

    if row.plan.problems:
        return f"refused: {counted(len(row.plan.problems), 'problem')}, see below"
    return ", ".join(f"{count} {name}" for name, count in lost_counts(row.plan).items())


def _places(refused: Refused, rows: Sequence[Compared]) -> str:
    """Return the modes and networks that refuse something, in words."""
    asked = list(dict.fromkeys(row.network for row in rows))
    texts = []
    for modes, networks in refused.where:
        *others, last = [mode.value for mode in modes]
        first = asked.index(networks[0])
        are_neighbours = asked[first : first + len(networks)] == list(networks)
        words = f"{', '.join(others)} and {last}" if others else last
        texts.append(f"{words} under {_names(networks, are_neighbours=are_neighbours)}")
    return "; ".join(texts)
