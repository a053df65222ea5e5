"""`sandbox`: becomes the stand-in for the call API. Its options are its own."""

from __future__ import annotations

import os
import sys

import click

from orchestrator.cli.sandboxed import command_line, environment


@click.command("sandbox", context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> None:
    """Start a stand-in for the call API that calls nobody. `orchestrator sandbox --help` shows its options."""
    words = command_line(*arguments)
    sys.stdout.flush()
    os.execve(words[0], words, environment())  # noqa: S606 - our own module, without a shell
