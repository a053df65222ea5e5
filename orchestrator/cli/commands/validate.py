"""`validate`: check scripts, without calling anyone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import options
from orchestrator.cli.app import App
from orchestrator.cli.forewarning import cut_off
from orchestrator.cli.output import line, result, result_document
from orchestrator.errors import Problem, ScriptError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.compose import Orchestrator
    from orchestrator.core.script import Script

BAD_SCRIPT = 65


@options.command("validate")
@click.argument("scripts", metavar="SCRIPT...", type=options.SCRIPT, nargs=-1, required=True)
@options.json_option
def command(app: App, scripts: tuple[str, ...]) -> int:
    """Check scripts without calling anyone.

    Every problem of every file is shown in one go, as FILE:LINE:COLUMN: MESSAGE. A SCRIPT may be - for stdin. Nothing
    is asked of variables: `plan` shows what comes of them.
    """
    if scripts.count("-") > 1:
        raise click.UsageError("Only one SCRIPT can be read from stdin.")
    with app.orchestrator() as orchestrator:
        found = [_checked(orchestrator, script) for script in scripts]
    if app.as_json:
        result_document(found)
    else:
        for each in found:
            _show(each)
    return 0 if all(each["ok"] for each in found) else BAD_SCRIPT


def _checked(orchestrator: Orchestrator, path: str) -> dict[str, Any]:
    name = options.STDIN if path == "-" else path
    problems: tuple[Problem, ...] = ()
    warnings: list[str] = []
    try:
        script = options.read(path)
        too_long = cut_off(script, orchestrator.plan(script), orchestrator.settings_for(script))
        warnings = [*script.warnings, *_misspelt(script), *(f"{name}: {each}" for each in too_long)]
    except ScriptError as error:
        problems = error.problems
    return {
        "file": name,
        "ok": not problems,
        "problems": [{"line": each.line, "column": each.column, "message": each.message} for each in problems],
        "warnings": warnings,
    }


def _misspelt(script: Script) -> Iterator[str]:
    """Yield a warning for each variable that is read and not declared, but is nearly one that is."""
    from orchestrator.scriptfile.templates import needed_names
    from orchestrator.scriptfile.values import ALWAYS_KNOWN
    from orchestrator.scriptfile.variables import texts_of
    from orchestrator.scriptfile.words import nearest

    declared = {variable.name for variable in script.variables}
    saved = {entry.save for entry in script.entries if entry.save is not None}
    told = declared | saved | ALWAYS_KNOWN
    for entry in script.entries:
        for name in sorted({name for text in texts_of(entry) for name in needed_names(text)} - told):
            told.add(name)
            if (match := nearest(name, declared)) is not None:
                message = f"the variable `{name}` is used, but not declared; did you mean `{match}`?"
                yield str(Problem(script.path or script.name, entry.place.line, entry.place.column, message))


def _show(found: dict[str, Any]) -> None:
    file = found["file"]
    for problem in found["problems"]:
        result(line(str(Problem(file, problem["line"], problem["column"], problem["message"]))))
    for warning in found["warnings"]:
        result(f"{line(warning)} (warning)")
    if found["ok"]:
        result(f"{line(file)}: ok")
