"""`plan`: the steps of a script, without calling anyone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import options
from orchestrator.cli.app import App
from orchestrator.cli.commands.plan_compare import compare, compare_option, dead_air_basis
from orchestrator.cli.exits import counted
from orchestrator.cli.forewarning import cut_off, strange_variables, too_silent, unheard
from orchestrator.cli.lately import lately
from orchestrator.cli.output import line, result, result_document, show, width
from orchestrator.errors import Problem

if TYPE_CHECKING:
    from rich.table import Table

    from orchestrator.core.plan import Plan, PlannedStep

BAD_SCRIPT = 65
_SHORTEST_CUT, _LONGEST_CUT = 40, 60
_WIDE = 100
"""From so many columns on there is room for every column of the table."""


@options.command("plan")
@click.argument("script", type=options.SCRIPT)
@options.script_options
@options.mode_option
@compare_option
@options.json_option
def command(app: App, script: str, **given: Any) -> int:
    """Show the steps of a script without calling anyone.

    For each step: how long it lasts, how much that stays under the network limit, and what would not be known if its
    reply were lost. Variables that are not given are shown as «name». SCRIPT is a file; - is stdin.

    The dead air between steps is estimated from the newest runs of the journal. With --compare the same script is
    shown under several networks, side by side.
    """
    options.one_from_stdin(script, given["var_file"])
    loaded = options.load(script)
    variables = options.all_variables(given["variables"], given["var_file"])
    asked = given["settings"] if given["mode"] is None else {**given["settings"], "mode": given["mode"]}
    with app.orchestrator(settings=asked, read_only=True) as orchestrator:
        if given["compare"] is not None:
            return compare(app, orchestrator, loaded, {**given, "variables": variables})
        recently = lately(orchestrator)
        planned = orchestrator.plan(
            loaded,
            to=given["to"],
            from_=given["from_"],
            variables=variables,
            limit_s=given["limit_s"],
            network=given["network"],
            gap=recently.gap,
        )
        settings = orchestrator.settings_for(loaded)
        learned = orchestrator.learned_note(planned, limit_s=given["limit_s"], network=given["network"])
    warnings = [*strange_variables(loaded, variables), *cut_off(loaded, planned, settings), *too_silent(planned)]
    warnings += [*unheard(settings), *([] if recently.trouble is None else [recently.trouble])]
    options.warn(warnings)
    if app.as_json:
        warned = [*loaded.warnings, *warnings]
        result_document({**planned.to_document(), "limit_learned": learned, "warnings": warned})
    else:
        _show(planned, options.STDIN if script == "-" else script)
        if learned is not None:
            result(f"{learned[0].upper()}{learned[1:]}.")
    return BAD_SCRIPT if planned.problems else 0


def _show(planned: Plan, file: str) -> None:
    is_wide = width() >= _WIDE
    if planned.items:
        show(_table(planned, is_wide=is_wide))
    for text in _totals(planned):
        result(text)
    if not is_wide:
        result(f"What would not be known if a reply were lost is shown from {_WIDE} columns on, and by --json.")
    for problem in planned.problems:
        result(str(Problem(file, problem.place.line, problem.place.column, line(problem.message))))


def _table(planned: Plan, *, is_wide: bool) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from orchestrator.core.plan import PlannedControl
    from orchestrator.core.settings import Mode

    longest = min(max(width() // 2, _SHORTEST_CUT), _LONGEST_CUT)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("step", justify="right")
    table.add_column("line", justify="right")
    table.add_column("commands", overflow="fold", ratio=3)
    table.add_column("seconds (from-to)", justify="right", no_wrap=True)
    if planned.limit_s is not None:
        table.add_column("slack", justify="right", no_wrap=True)
    table.add_column("class", no_wrap=True)
    with_request = planned.mode is not Mode.SYNC
    if with_request:
        table.add_column("request", no_wrap=True)
    if is_wide:
        table.add_column("dead air", justify="right", no_wrap=True)
        table.add_column("not known if its reply is lost", overflow="fold", ratio=2)
    number = 0
    for item in planned.items:
        if isinstance(item, PlannedControl):
            shown = _labelled(item.label, (item.shown,), longest=longest)
            table.add_row("", str(item.place.line), Text(shown, style="dim"))
            continue
        lasts, is_breach = item.step.bounds, number in planned.breaches
        table.add_row(
            f"! {number}" if is_breach and not is_wide else str(number),
            str(item.place.line),
            Text(_labelled(item.label, item.shown, longest=longest)),
            f"{lasts.expected_s:.1f} ({lasts.shortest_s:.1f}-{lasts.longest_s:.1f})",
            *([] if item.slack_s is None else [f"{item.slack_s:.1f}"]),
            item.step.replay_class.value,
            *(["at once" if item.step.asynchronous else "held open"] if with_request else []),
            *((_silence(item, is_breach=is_breach), Text(line(item.if_lost))) if is_wide else ()),
        )
        number += 1
    return table


def _silence(item: PlannedStep, *, is_breach: bool) -> str:
    return "" if item.silence_s is None else f"{item.silence_s:.2f}{' !' if is_breach else ''}"


def _labelled(label: str | None, shown: Sequence[str], *, longest: int) -> str:
    first = "" if label is None else f"{line(label)}: "
    return "\n".join(_shortened(line(each), longest) for each in (first + shown[0], *shown[1:]))


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def _totals(planned: Plan) -> list[str]:
    lasts = planned.bounds
    limit = "no network limit" if planned.limit_s is None else f"network limit {round(planned.limit_s, 1):g} s"
    lasting = f"{lasts.expected_s:.0f} s expected, between {lasts.shortest_s:.0f} and {lasts.longest_s:.0f} s"
    steps = f"{counted(planned.requests, 'step')}, {lasting} if each runs once"
    lines = ["", f"{steps}; {limit}, longest step {planned.longest_step_s:.1f} s"]
    if planned.unknown:
        names = ", ".join(f"«{line(name)}»" for name in planned.unknown)
        lines.append(f"Not known yet, so durations are estimates: {names}")
    if planned.looks:
        lines.append(f"Besides, {counted(planned.looks, 'look')} at the call expected (GET)")
    return [*lines, *_ways(planned), dead_air_basis(planned.gap, worst_s=planned.worst_silence_s)]


def _ways(planned: Plan) -> list[str]:
    """Return why requests are held open or acknowledged at once, a reason a line."""
    numbers: dict[tuple[bool, str], list[str]] = {}
    for number, item in enumerate(planned.steps):
        if item.way:
            numbers.setdefault((item.step.asynchronous, item.way), []).append(str(number))
    return [
        f"{'Acknowledged at once' if at_once else 'Held open'}, since {line(way)}: "
        f"step{'' if len(of) == 1 else 's'} {', '.join(of)}"
        for (at_once, way), of in numbers.items()
    ]
