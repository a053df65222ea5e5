"""`doctor`: is everything in place? Each check is in `checks`; here they are ordered and shown."""

from __future__ import annotations

import click

from orchestrator.cli import options
from orchestrator.cli.app import App
from orchestrator.cli.checks import Check, every_check
from orchestrator.cli.exits import worst
from orchestrator.cli.output import line, result, result_document, show

_STYLES = {"ok": "green", "warn": "yellow", "fail": "red"}


@options.command("doctor")
@click.option("--api", is_flag=True, help="Also ask the API for its list of calls: nobody is called.")
@options.network_options
@options.json_option
def command(app: App, api: bool, limit_s: float | None, network: str | None) -> int:
    """Check the installation, the settings and the way to the API.

    Nothing is changed and nobody is called. Secrets are never shown.
    """
    checks = every_check(app, ask_api=api, limit_s=limit_s, network=network)
    failed = [check.exit_code for check in checks if check.level == "fail"]
    if app.as_json:
        result_document({"ok": not failed, "checks": [check.to_document() for check in checks]})
    else:
        _show(checks)
        result("\nEverything needed is in place." if not failed else "\nSomething needed is not in place; see above.")
    return worst(failed)


def _show(checks: list[Check]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column()
    table.add_column(overflow="fold", ratio=1)
    for check in checks:
        said = Text(line(check.found))
        if check.advice is not None:
            said.append(f"\n→ {line(check.advice)}", style="bold")
        table.add_row(Text(check.level, style=_STYLES[check.level]), check.name, said)
    show(table)
