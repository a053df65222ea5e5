"""A click group whose commands load when they are called, so that `--help` costs next to nothing.

It knows names and one line of help for each command, and nothing of what commands do. `program` fills it.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import cast

import click


@dataclass(frozen=True, slots=True)
class Listed:
    """One command: the module that has it as `command`, the heading it stands under, and its line of help."""

    module: str
    heading: str
    help: str


class LazyGroup(click.Group):
    """Looks commands up in a table and imports them at their first use."""

    listed: Mapping[str, Listed] = {}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order of the table."""
        return list(self.listed)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import a command."""
        found = self.listed.get(cmd_name)
        return None if found is None else cast("click.Command", import_module(found.module).command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command, or name the nearest one."""
        name = args[0]
        if not ctx.resilient_parsing and not name.startswith("-") and name not in self.listed:
            near = difflib.get_close_matches(name, self.listed, n=1)
            hint = f"Did you mean `{near[0]}`?" if near else f"`{ctx.command_path} --help` lists the commands."
            raise click.UsageError(f"There is no command `{name}`. {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """Write the table, heading by heading, without importing a command."""
        width = max(map(len, self.listed))
        for heading in dict.fromkeys(found.heading for found in self.listed.values()):
            rows = [(f"{name:{width}}", found.help) for name, found in self.listed.items() if found.heading == heading]
            with formatter.section(heading):
                formatter.write_dl(rows)
