"""`doctor`: is everything in place? Each check is in `checks`; here they are ordered and shown."""

from __future__ import annotations

import textwrap

import click

from orchestrator.cli import options
from orchestrator.cli.app import App
from orchestrator.cli.checks import Check, every_check
from orchestrator.cli.exits import worst
from orchestrator.cli.output import line, result, result_document, show, width

_STYLES = {"ok": "green", "warn": "yellow", "fail": "red"}
_NARROWEST = 20


@options.command("doctor")
@click.option("--api", is_flag=True, help="Also ask the API for its list of calls: nobody is called.")
@options.network_options
@options.json_option
def command(app: App, api: bool, limit_s: float | None, network: str | None) -> int:
    """Check the installation, the settings and the way to the API.

    Nothing is changed and nobody is called. Secrets are never shown. The exit code is that of the worst finding.
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
    from rich.text import Text

    names = max(len(check.name) for check in checks)
    for check in checks:
        said = Text()
        said.append(f"{check.level:4}", style=_STYLES[check.level])
        said.append(f"  {check.name:{names}}  {_wrapped(check.found, names + 8)}")
        if check.advice is not None:
            said.append(f"\n{' ' * (names + 8)}{_wrapped(f'→ {check.advice}', names + 8)}", style="bold")
        show(said)


def _wrapped(text: str, margin: int) -> str:
    """Return a text in lines that stand beside the names; what is for copying, such as a path, is never broken."""
    room = max(width() - margin, _NARROWEST)
    lines = textwrap.wrap(line(text), room, break_long_words=False, break_on_hyphens=False)
    return f"\n{' ' * margin}".join(lines)
