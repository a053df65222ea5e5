"""`verify`: what every lost reply and every crash would come to, for one script. Nothing is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import options
from orchestrator.cli.app import App
from orchestrator.cli.output import empty_table, line, note, prose, result, result_document, show_words
from orchestrator.cli.standing import begun_of, stood_in_for

if TYPE_CHECKING:
    from rich.table import Table

    from orchestrator.core.verification import Verification

FOUND = 1
_SHOWN, _SHOWN_OF_WORD = 40, 20
_NO_FINDING = "-"


@options.command("verify")
@click.argument("script", type=options.SCRIPT)
@options.script_options
@options.mode_option
@click.option(
    "--mishaps",
    metavar="N",
    type=click.IntRange(1, 3),
    default=1,
    show_default=True,
    help="How many mishaps befall one call at most; each more takes about ten times as long.",
)
@click.option("--strict", is_flag=True, help="Exit 1 if anything could be heard twice or stay unknown.")
@options.json_option
def command(app: App, script: str, **given: Any) -> int:
    """Explore what every lost reply and every crash would come to. Nothing is sent.

    Each request of SCRIPT meets each mishap there is: it is lost, cut, its reply is lost, the callee hangs up, the
    process is killed before and after each write. The program's own machine then does what it would do in a call. Told
    is what a callee could hear twice, what could stay unknown and need a person, where the call would be ended, and
    which setting changes that; each change named was tried.

    No account and no journal is needed. Numbers and variables that are not given are stood in for. What is found is
    information: the exit code is 0, unless --strict is given.
    """
    from orchestrator.core.verification import verify

    options.one_from_stdin(script, given["var_file"])
    loaded = options.load(script)
    given["variables"] = options.all_variables(given["variables"], given["var_file"])
    settings = given["settings"] if given["mode"] is None else {**given["settings"], "mode": given["mode"]}
    with app.orchestrator(settings=settings, read_only=True) as orchestrator:
        prepared = orchestrator.prepare(loaded, stood_in_for(loaded, given))
        known = {**prepared.variables, **prepared.secrets}
        planned = orchestrator.plan(
            loaded,
            to=prepared.to,
            from_=prepared.from_,
            variables=known,
            limit_s=given["limit_s"],
            network=given["network"],
        )
    verified = verify(loaded, begun_of(loaded, prepared), planned, faults=given["mishaps"])
    if app.as_json:
        result_document(verified.to_document())
    else:
        _tell(verified)
    fails = given["strict"] and (verified.may_run_twice or verified.may_stay_open or verified.bound_reached)
    if fails and not app.as_json:
        note("--strict: something could run twice or stay unknown.")
    return FOUND if fails else 0


def _tell(verified: Verification) -> None:
    from orchestrator.core.verificationwords import conclusion, sentences, shaping

    show_words(_table(verified))
    result()
    for text in sentences(verified):
        for each in text.splitlines():
            prose(each)
    shaped = list(shaping(verified))
    if shaped:
        result("\nSettings that shape this:")
    for text in shaped:
        prose(f"    {text}")
    result()
    for text in conclusion(verified):
        prose(text)


def _table(verified: Verification) -> Table:
    from rich.text import Text

    from orchestrator.core.verificationwords import in_short

    table = empty_table()
    table.add_column("step", justify="right")
    table.add_column("line", justify="right")
    table.add_column("commands", overflow="fold")
    table.add_column("if unknown", no_wrap=True)
    table.add_column("could come to", overflow="fold")
    for step in verified.steps:
        label = "" if step.planned.label is None else f"{line(step.planned.label)}: "
        shown = "\n".join(_in_short(line(each)) for each in step.planned.shown)
        found = dict.fromkeys(in_short(each.finding) for each in step.found)
        table.add_row(
            str(step.number),
            str(step.planned.place.line),
            Text(f"{label}{shown}"),
            step.planned.step.policy.value,
            Text(", ".join(found) or _NO_FINDING),
        )
    return table


def _in_short(text: str) -> str:
    """Return the beginning of a text, and of each of its words, so that the column may be narrow."""
    return _cut(" ".join(_cut(word, _SHOWN_OF_WORD) for word in text.split()), _SHOWN)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
