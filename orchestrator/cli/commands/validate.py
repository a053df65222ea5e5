"""`validate`: check scripts, without calling anyone."""

from __future__ import annotations

from typing import Any

import click

from orchestrator.cli import options
from orchestrator.cli.app import App
from orchestrator.cli.output import line, result, result_document
from orchestrator.errors import Problem, ScriptError

BAD_SCRIPT = 65


@options.command("validate")
@click.argument("scripts", metavar="SCRIPT...", type=options.SCRIPT_FILE, nargs=-1, required=True)
@options.json_option
def command(app: App, scripts: tuple[str, ...]) -> int:
    """Check scripts without calling anyone.

    Every problem of every file is shown in one go, as FILE:LINE:COLUMN: MESSAGE.
    """
    found = [_checked(script) for script in scripts]
    if app.as_json:
        result_document(found)
    else:
        for each in found:
            _show(each)
    return 0 if all(each["ok"] for each in found) else BAD_SCRIPT


def _checked(path: str) -> dict[str, Any]:
    from orchestrator.scriptfile import load_script

    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()
    try:
        warnings = load_script(path).warnings
    except ScriptError as error:
        problems = error.problems
    return {
        "file": path,
        "ok": not problems,
        "problems": [{"line": each.line, "column": each.column, "message": each.message} for each in problems],
        "warnings": list(warnings),
    }


def _show(found: dict[str, Any]) -> None:
    file = found["file"]
    for problem in found["problems"]:
        result(line(str(Problem(file, problem["line"], problem["column"], problem["message"]))))
    for warning in found["warnings"]:
        result(f"{line(warning)} (warning)")
    if found["ok"]:
        result(f"{line(file)}: ok")
