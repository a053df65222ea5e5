"""`completion`: the completion script of a shell."""

from __future__ import annotations

import click

from orchestrator.cli.output import note, result

_INSTALL = {
    "bash": 'eval "$(orchestrator completion bash)"  # in ~/.bashrc',
    "zsh": 'eval "$(orchestrator completion zsh)"  # in ~/.zshrc, after compinit',
    "fish": "orchestrator completion fish > ~/.config/fish/completions/orchestrator.fish",
}


_HELP = "\n".join(
    [
        "Print the completion script of a shell. To install it:",
        "",
        "\b",  # click: keep these lines as they are
        *(f"{shell}:  {how}" for shell, how in _INSTALL.items()),
    ]
)


@click.command("completion", help=_HELP, short_help="Print the completion script of a shell.")
@click.argument("shell", type=click.Choice(list(_INSTALL)))
def command(shell: str) -> None:
    """Print the completion script of a shell, and where it goes if it was printed to a terminal."""
    import sys

    from click.shell_completion import get_completion_class

    from orchestrator.cli.program import program

    found = get_completion_class(shell)
    assert found is not None, "click knows the shells that are offered"
    result(found(program, {}, "orchestrator", "_ORCHESTRATOR_COMPLETE").source())
    if sys.stdout.isatty():
        note(f"To install it: {_INSTALL[shell]}")
