"""`plan`: the steps of a script, without calling anyone."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import click

from orchestrator.cli import options
from orchestrator.cli.app import App
from orchestrator.cli.commands.plan_compare import compare, compare_option, dead_air_basis
from orchestrator.cli.exits import counted
from orchestrator.cli.forewarning import (
    cut_off,
    strange_variables,
    too_silent,
    undiallable,
    unheard,
    untried,
    untried_network,
)
from orchestrator.cli.lately import lately
from orchestrator.cli.output import empty_table, line, prose, result_document, show, width
from orchestrator.errors import Problem

if TYPE_CHECKING:
    from orchestrator.core.plan import Plan, PlannedControl, PlannedRefusal, PlannedStep

BAD_SCRIPT = 65
_LOST = "not known if its reply is lost"
_TEXTS = ("commands", _LOST)
_FIGURES = ("step", "line", "seconds (from-to)", "slack", "dead air")
_LEAST_NEEDED = (_LOST, "dead air", "request", "class", "line")
"""Left out in this order until the commands have room."""
_SHORTEST_ROOM, _LONGEST_CUT = 28, 60
_GAP = 2


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
        named = untried_network(orchestrator, limit_s=given["limit_s"], network=given["network"])
    warnings = [*strange_variables(loaded, variables), *cut_off(loaded, planned, settings), *too_silent(planned)]
    warnings += [
        *untried(planned, named),
        *unheard(settings),
        *([] if recently.trouble is None else [recently.trouble]),
    ]
    warnings += undiallable(loaded, variables, to=given["to"], from_=given["from_"])
    options.warn(warnings)
    if app.as_json:
        warned = [*loaded.warnings, *warnings]
        result_document({**planned.to_document(), "limit_learned": learned, "warnings": warned})
    else:
        _show(planned, options.STDIN if script == "-" else script)
        if learned is not None:
            prose(f"{learned[0].upper()}{learned[1:]}.")
    return BAD_SCRIPT if planned.problems else 0


def _show(planned: Plan, file: str) -> None:
    left_out = _show_table(planned) if planned.items else []
    for text in _totals(planned):
        prose(text)
    if _LOST in left_out:
        left_out.remove(_LOST)
        for text in _lost(planned):
            prose(text)
    if left_out:
        prose(f"For want of columns not shown, but by --json: {', '.join(left_out)}.")
    for problem in planned.problems:
        prose(str(Problem(file, problem.place.line, problem.place.column, line(problem.message))))


def _show_table(planned: Plan) -> list[str]:
    """Show what there is room for; return the names of what is left out.

    In a pipe there is room for all, but what would not be known is left out: it would make every line very long.
    """
    from rich.text import Text

    rows = _rows(planned)
    names = [name for name in rows[0] if name != "label" and (name != _LOST or sys.stdout.isatty())]
    for name in _LEAST_NEEDED:
        if _room(rows, names) >= _SHORTEST_ROOM:
            break
        names = [each for each in names if each != name]
    room = min(max(_room(rows, names), _SHORTEST_ROOM), _LONGEST_CUT)
    table = empty_table()
    for name in names:
        justify: Literal["left", "right"] = "right" if name in _FIGURES else "left"
        table.add_column(name, justify=justify, no_wrap=name not in _TEXTS, overflow="fold")
    for row in rows:
        shown = {**row, "commands": _commands(row, room)}
        table.add_row(*(Text(shown[name], style="" if row["class"] else "dim") for name in names))
    show(table, narrowest=_needed(rows, names) + _SHORTEST_ROOM)
    return [name for name in rows[0] if name not in {*names, "label"}]


def _room(rows: Sequence[Mapping[str, str]], names: Sequence[str]) -> int:
    """Return how many columns are left for the commands."""
    return width() - _needed(rows, names)


def _needed(rows: Sequence[Mapping[str, str]], names: Sequence[str]) -> int:
    """Return how many columns everything but the commands takes, with the gaps between them."""
    widths = [
        _SHORTEST_ROOM if name in _TEXTS else max(len(name), *(len(row[name]) for row in rows))
        for name in names
        if name != "commands"
    ]
    return sum(widths) + _GAP * len(widths)


def _rows(planned: Plan) -> list[dict[str, str]]:
    """Return what is known of each item, by the names of the columns."""
    from orchestrator.core.plan import PlannedStep

    silent = {id(planned.steps[at]) for at in planned.breaches}
    return [
        _step_row(planned, item, number, is_breach=id(item) in silent)
        if isinstance(item, PlannedStep)
        else _other_row(planned, item, number)
        for number, item in _numbered(planned)
    ]


def _numbered(planned: Plan) -> Iterator[tuple[int, PlannedStep | PlannedControl | PlannedRefusal]]:
    """Yield each item with the number of its step; what is refused has one as well, and a control entry the next."""
    from orchestrator.core.plan import PlannedControl

    number = 0
    for item in planned.items:
        yield number, item
        number += not isinstance(item, PlannedControl)


def _steps(planned: Plan) -> Iterator[tuple[int, PlannedStep]]:
    """Yield each step with its number."""
    from orchestrator.core.plan import PlannedStep

    return ((number, item) for number, item in _numbered(planned) if isinstance(item, PlannedStep))


def _step_row(planned: Plan, item: PlannedStep, number: int, *, is_breach: bool) -> dict[str, str]:
    from orchestrator.core.settings import Mode

    lasts = item.step.bounds
    return {
        "step": f"! {number}" if is_breach else str(number),
        "line": str(item.place.line),
        "label": "" if item.label is None else f"{line(item.label)}:",
        "commands": "\n".join(map(line, item.shown)),
        "seconds (from-to)": f"{lasts.expected_s:.1f} ({lasts.shortest_s:.1f}-{lasts.longest_s:.1f})",
        **({} if item.slack_s is None else {"slack": f"{item.slack_s:.1f}"}),
        "class": item.step.replay_class.value,
        **({} if planned.mode is Mode.SYNC else {"request": "at once" if item.step.asynchronous else "held open"}),
        "dead air": _silence(item, is_breach=is_breach),
        _LOST: line(item.if_lost),
    }


def _other_row(planned: Plan, item: PlannedControl | PlannedRefusal, number: int) -> dict[str, str]:
    """Return the row of an entry that is no step: only steps have a class."""
    from orchestrator.core.plan import PlannedRefusal
    from orchestrator.core.settings import Mode

    is_refused = isinstance(item, PlannedRefusal)
    return {
        "step": str(number) if is_refused else "",
        "line": str(item.place.line),
        "label": "" if item.label is None else f"{line(item.label)}:",
        "commands": line(item.shown),
        "seconds (from-to)": "refused" if is_refused else "",
        **({} if planned.limit_s is None else {"slack": ""}),
        "class": "",
        **({} if planned.mode is Mode.SYNC else {"request": ""}),
        "dead air": "",
        _LOST: "",
    }


def _silence(item: PlannedStep, *, is_breach: bool) -> str:
    return "" if item.silence_s is None else f"{item.silence_s:.2f}{' !' if is_breach else ''}"


def _commands(row: Mapping[str, str], room: int) -> str:
    """Return the commands of a step, a line each; a label that leaves them no room has a line of its own."""
    label, (first, *more) = row["label"], row["commands"].split("\n")
    together = f"{label} {first}".lstrip()
    if label and len(together) > room and room < _LONGEST_CUT:
        return "\n".join([label, *(f"  {_shortened(each, room - 2)}" for each in (first, *more))])
    return "\n".join(_shortened(each, room) for each in (together, *more))


def _shortened(text: str, longest: int) -> str:
    """Return a text in one line of that length, cut behind a word where there is one near the end."""
    if len(text) <= longest:
        return text
    cut = text[: longest - 1]
    words = cut if text[longest - 1] == " " else cut.rpartition(" ")[0]
    return f"{(words if len(words) > longest // 2 else cut).rstrip()}…"


def _lost(planned: Plan) -> list[str]:
    """Return what would not be known of which steps, a line for each text."""
    numbers: dict[str, list[str]] = {}
    for number, item in _steps(planned):
        numbers.setdefault(item.if_lost, []).append(str(number))
    told = [f"  step{'' if len(of) == 1 else 's'} {', '.join(of)}: {line(text)}" for text, of in numbers.items()]
    return [f"{_LOST[0].upper()}{_LOST[1:]}:", *told] if told else []


def _totals(planned: Plan) -> list[str]:
    limit = "no network limit" if planned.limit_s is None else f"network limit {round(planned.limit_s, 1):g} s"
    if planned.problems:
        refused = len({problem.entry for problem in planned.problems})
        whole = planned.requests + len(planned.refusals)
        lines = ["", f"{refused} of {counted(whole, 'step')} refused, so that nothing can be sent; {limit}"]
    else:
        lasts = planned.bounds
        lasting = f"{lasts.expected_s:.0f} s expected, between {lasts.shortest_s:.0f} and {lasts.longest_s:.0f} s"
        steps = f"{counted(planned.requests, 'step')}, {lasting} if each runs once"
        lines = ["", f"{steps}; {limit}, longest step {planned.longest_step_s:.1f} s"]
    if planned.unknown:
        names = ", ".join(f"«{line(name)}»" for name in planned.unknown)
        lines.append(f"Not known yet, so durations are estimates: {names}")
    if planned.looks and not planned.problems:
        lines.append(f"Besides, {counted(planned.looks, 'look')} at the call expected (GET)")
    lines += _ways(planned)
    return lines if planned.problems else [*lines, dead_air_basis(planned.gap, worst_s=planned.worst_silence_s)]


def _ways(planned: Plan) -> list[str]:
    """Return why requests are held open or acknowledged at once, a reason a line."""
    numbers: dict[tuple[bool, str], list[str]] = {}
    for number, item in _steps(planned):
        if item.way:
            numbers.setdefault((item.step.asynchronous, item.way), []).append(str(number))
    return [
        f"{'Acknowledged at once' if at_once else 'Held open'}, since {line(way)}: "
        f"step{'' if len(of) == 1 else 's'} {', '.join(of)}"
        for (at_once, way), of in numbers.items()
    ]
