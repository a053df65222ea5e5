"""What the shell is offered: runs of the journal, networks, files. It must be quick, change nothing and never complain.

`options` and the commands hang these on their arguments; click calls them while the user types.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

import click

from orchestrator.cli.app import App

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from orchestrator.adapters.journal import SqliteJournal
    from orchestrator.ports import RunSummary

Found = TypeVar("Found")
_MOST_OFFERED = 50
_NEWEST = 1000  # of a large journal only these are looked through for what was typed

Complete = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]


def network_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001 - click's signature
    """Offer the network profiles."""
    from click.shell_completion import CompletionItem

    from orchestrator.core.networks import NETWORKS

    fitting = (each for each in NETWORKS if each.name.startswith(incomplete))
    return [CompletionItem(each.name, help=each.description) for each in fitting]


def files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001 - click's signature
    """Let the shell offer files."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def commands_and_files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the commands of a group that takes a file as well, and files."""
    from click.shell_completion import CompletionItem

    assert isinstance(ctx.command, click.Group)
    fitting = ((name, each) for name, each in ctx.command.commands.items() if name.startswith(incomplete))
    offered = [CompletionItem(name, help=each.get_short_help_str()) for name, each in fitting]
    return [*offered, *files(ctx, param, incomplete)]


def campaigns(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the campaigns that the journal knows, and files."""
    from click.shell_completion import CompletionItem

    pairs = _found(ctx, lambda journal: journal.campaigns.occurrences_of(None))
    offered = [CompletionItem(name) for name in dict.fromkeys(name for name, _ in pairs) if name.startswith(incomplete)]
    return [*offered, *files(ctx, param, incomplete)]


def run_ids(*, unfinished: bool = False) -> Complete:
    """Return what offers the ids of runs, the newest first, with their status and callee.

    Args:
        unfinished: Only those that have not ended.
    """

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        def fitting(journal: SqliteJournal) -> Iterator[RunSummary]:
            runs = journal.runs(unfinished=unfinished, limit=_NEWEST)
            return islice((each for each in runs if each.run_id.startswith(incomplete)), _MOST_OFFERED)

        found = _found(ctx, fitting)
        given = ctx.params.get(param.name or "") or ()
        return [
            CompletionItem(each.run_id, help=f"{each.marks.status.value} {each.script_name} {each.to}")
            for each in found
            if each.run_id not in given
        ]

    return complete


def _found(ctx: click.Context, look: Callable[[SqliteJournal], Iterable[Found]]) -> list[Found]:
    """Return what is found in the journal; nothing where there is none, or something is wrong."""
    try:
        with ctx.ensure_object(App).orchestrator(read_only=True) as orchestrator:
            return list(look(orchestrator.journal)) if orchestrator.journal_path.exists() else []
    except Exception:  # noqa: BLE001 - whatever is wrong, a line that is being typed is no place to say so
        return []
