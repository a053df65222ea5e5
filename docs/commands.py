"""Writes docs/reference/cli.md from the commands themselves: `python docs/commands.py`. A test holds it current."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from orchestrator.cli.program import program

PAGE = Path(__file__).parent / "reference" / "cli.md"
_HEAD = """# Commands

Results are written to stdout, everything else to stderr. With `--json` stdout holds exactly one JSON document, also for
errors before a run exists (`{"error": {"code", "message", "resume_command"}}`). What the exit codes mean stands in
[exit codes](exit-codes.md); settings, the configuration file and variables in [configuration](configuration.md); the
options of the sandbox in [sandbox](sandbox.md).

A run is named by its id, or by as much of the id's beginning as no other run shares. Durations are `250ms`, `90s` or
`5m`; a bare number is seconds. `run`, `resume` and `reap` end live calls that no process looks after any more.

Signals while calls are live: after the first SIGINT, SIGTERM or SIGHUP nothing new is begun. The live call goes on for
at most `--grace`, then it is ended; with `--hand-over` it is left up for `resume`. A second signal ends the call at
once, and the exit code is 128 + its number.

Secret variables do not belong on the command line, where others on the machine can read them: put `NAME=VALUE` lines
into a file of mode 0600 and give it with `--var-file`.

This page is made from the program by `python docs/commands.py`.
"""


def page() -> str:
    """Return the whole page."""
    ctx = click.Context(program, info_name="orchestrator")
    parts = [_HEAD, "## Global options\n", "These may stand before the command or after it.\n", _options(program, ctx)]
    for name in program.list_commands(ctx):
        command = program.get_command(ctx, name)
        assert command is not None
        parts += _section(command, click.Context(command, info_name=name, parent=ctx))
    return "\n".join(parts)


def _section(command: click.Command, ctx: click.Context) -> Iterator[str]:
    yield f"\n## {ctx.command_path.removeprefix('orchestrator ')}\n"
    usage = " ".join([ctx.command_path, *command.collect_usage_pieces(ctx)])
    yield f"    {usage}\n"
    yield _text(command) + "\n"
    table = _options(command, ctx)
    if table:
        yield table
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            inner = command.get_command(ctx, name)
            assert inner is not None
            yield from _section(inner, click.Context(inner, info_name=f"{ctx.info_name} {name}", parent=ctx.parent))


def _text(command: click.Command) -> str:
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    return "\n\n".join(
        "\n".join(f"    {line}" for line in paragraph.splitlines()[1:]) if paragraph.startswith("\b") else paragraph
        for paragraph in paragraphs
    )


def _options(command: click.Command, ctx: click.Context) -> str:
    rows = [
        f"| `{_names(option)}` | {_meaning(option, ctx)} |"
        for option in command.params
        if isinstance(option, click.Option) and not option.hidden
    ]
    return "\n".join(["| option | meaning |", "| --- | --- |", *rows, ""]) if rows else ""


def _meaning(option: click.Option, ctx: click.Context) -> str:
    """Return what `--help` says of an option, with its default and its range."""
    record = option.get_help_record(ctx)
    assert record is not None, "an option that is not hidden has help"
    return record[1].rstrip(".").replace(".  [", " [").replace("|", chr(92) + "|")


def _names(option: click.Option) -> str:
    names = ", ".join([*option.opts, *option.secondary_opts])
    if option.is_flag or option.count:
        return names
    if isinstance(option.type, click.Choice):
        return f"{names} " + "\\|".join(map(str, option.type.choices))
    return f"{names} {option.metavar or option.type.name.upper()}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
