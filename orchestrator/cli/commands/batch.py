"""`batch`: a list of callees, from cron. Its options become the words of a campaign; `batch_tick` does the rest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import options
from orchestrator.cli.app import App
from orchestrator.cli.commands import batch_orders
from orchestrator.cli.completing import commands_and_files

if TYPE_CHECKING:
    from orchestrator.core.campaign import Campaign

_FILE = click.Path(dir_okay=False)
_FILE_OR_STDIN = click.Path(dir_okay=False, allow_dash=True)
_WORDS = (
    *("script", "name", "contacts", "results", "delimiter", "region", "timezone", "repeat", "overlap", "concurrency"),
    *("rate", "ramp_up", "max_runtime", "max_calls", "max_attempts", "max_minutes", "windows", "holidays"),
    *("do_not_call", "variables"),
)
"""The options that are words of a campaign file."""


class WithCommands(click.Group):
    """A command that does something by itself, and has commands besides."""

    allow_extra_args = False
    allow_interspersed_args = True

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Return the context of the command that is named, else that of this one."""
        named = self.commands.get(args[0]) if args else None
        if named is not None:
            return named.make_context(f"{info_name} {args[0]}", args[1:], parent=parent, **extra)
        return super().make_context(info_name, args, parent=parent, **extra)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the arguments as a command without commands does; one word that is no file may be a misspelt command."""
        from orchestrator.scriptfile.words import nearest

        near = nearest(args[0], self.commands) if args and args[0].isalpha() else None
        if near is not None and not ctx.resilient_parsing and not Path(args[0]).exists():
            raise click.UsageError(f"There is no command or file `{args[0]}`. Did you mean `batch {near}`?", ctx)
        return click.Command.parse_args(self, ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Call the function."""
        return click.Command.invoke(self, ctx)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Leave the other commands out of the usage."""
        return click.Command.collect_usage_pieces(self, ctx)


def _campaign_words(function: options.Function) -> options.Function:
    """Add the options that are words of a campaign."""
    for option in reversed(
        (
            click.option(
                "--contacts", metavar="FILE", type=_FILE_OR_STDIN, help="Whom to call: CSV or JSON lines; - is stdin."
            ),
            click.option(
                "--campaign", metavar="FILE", type=_FILE, help="A campaign file; the options count more than it."
            ),
            click.option(
                "--name",
                metavar="TEXT",
                help="The campaign's name; under another one everybody is called anew. [default: `name:` in the "
                "campaign file, else that file's name without its ending, else that of the script's file]",
            ),
            click.option("--occurrence", metavar="TEXT", help="Which occurrence of the campaign [default: the date]"),
            click.option("--timezone", metavar="ZONE", help="Whose date that is [default: UTC]"),
            click.option(
                "--repeat",
                type=click.Choice(["none", "daily", "weekly"]),
                help="Whether the same list may be called again.",
            ),
            click.option(
                "--region", metavar="COUNTRY", help="Whose numbers are written without a country code, such as US."
            ),
            click.option("--delimiter", metavar="CHAR", help="Of a CSV file [default: told from its header]"),
            click.option("--concurrency", metavar="N", help="Most calls at a time [default: 4]"),
            click.option("--rate", metavar="N/s", help="Most new calls in a time, such as 2/s or 30/m."),
            click.option(
                "--ramp-up", metavar="DURATION", help="How long it takes to get from one call to --concurrency."
            ),
            click.option("--max-runtime", metavar="DURATION", help="Begin no call that could outlast this."),
            click.option("--max-calls", metavar="N", help="Most contacts called for the first time in this tick."),
            click.option("--max-attempts", metavar="N", help="Most dials in this tick, redials included."),
            click.option("--max-minutes", metavar="N", help="Most minutes of calls in this tick."),
            click.option("--window", "windows", metavar="TEXT", help='When to call, such as "mon-fri 09:00-20:00".'),
            click.option(
                "--holidays",
                metavar="COUNTRY",
                help="Whose public holidays nobody is called on; `callee`: those of each callee's country.",
            ),
            click.option(
                "--do-not-call",
                metavar="FILE",
                type=_FILE,
                multiple=True,
                help="Numbers never to be called; read again before each dial. May be given again.",
            ),
            click.option(
                "--overlap",
                type=click.Choice(["skip", "ok", "wait"]),
                help="While another tick of the campaign runs: end with 75, end with 0, or wait for it.",
            ),
        )
    ):
        function = option(function)
    return function


@click.group("batch", cls=WithCommands, epilog=options.EPILOG)
@click.argument("script", metavar="[SCRIPT]", required=False, type=_FILE, shell_complete=commands_and_files)
@_campaign_words
@options.variable_option
@options.var_file_option
@options.settings_option
@options.network_options
@options.mode_option
@click.option("--results", metavar="FILE", type=_FILE, help="Write what became of each contact: CSV, or .jsonl.")
@click.option("--append", is_flag=True, help="Add to that file instead of writing it anew.")
@click.option(
    "--rejects", metavar="FILE", type=_FILE, help="Write the bad rows [default: NAME.rejects.csv beside --results]"
)
@click.option("--junit", metavar="FILE", type=_FILE, help="Write a test report of it, JUnit XML.")
@click.option("--metrics", metavar="FILE", type=_FILE, help="Write metrics for Prometheus; the name ends in .prom.")
@click.option("--healthcheck", metavar="URL", help="Ping URL/start, and at the end URL or URL/fail.")
@click.option("--dry-run", is_flag=True, help="Say who would be called now, and why the others not. Nothing is sent.")
@click.option(
    "--grace",
    metavar="DURATION",
    callback=options.duration,
    help="How long live calls go on after Ctrl-C or SIGTERM before they are ended [default: 30s]",
)
@options.json_option
@options.global_options(hidden=True)
@click.pass_obj
def command(app: App, /, script: str | None, **given: Any) -> int:
    """Call a whole list, from cron.

    SCRIPT is what is said in each call, or a campaign file, which names a script and more. Each invocation is one
    tick: it carries on with what the last one left unfinished, calls those who are due, and ends. Call it again as
    often as you like: in one occurrence nobody is called twice but by the redial rules of the campaign.

    It is silent when all goes well, unless -v is given, also while contacts wait for a window or for their next call
    (exit 75). It says one line on trouble, when some were not reached, and when nothing was left to do.
    """
    from orchestrator.cli.commands.batch_tick import dry_run, tick

    campaign = _campaign(script, given)
    return dry_run(app, campaign, given) if given["dry_run"] else tick(app, campaign, given)


def _campaign(script: str | None, given: dict[str, Any]) -> Campaign:
    """Return the campaign of a file and the options over it. Raises UsageError, ConfigurationError."""
    from orchestrator.scriptfile import load_script
    from orchestrator.scriptfile.campaign import is_campaign, load_campaign, make_campaign

    if script is not None and not Path(script).exists():
        load_script(script)  # says so, before what else is missing
    file = given["campaign"]
    if file is None and script is not None and is_campaign(script):
        file, script = script, None
    if given["var_file"] == "-" and given["contacts"] == "-":
        raise click.UsageError("Standard input cannot be both --contacts and --var-file.")
    given["variables"] = options.all_variables(given["variables"], given["var_file"])
    words: dict[str, object] = {word: given[word] for word in _WORDS if given.get(word) not in (None, (), {})}
    if script is not None:
        words["script"] = script
    if file is not None:
        return load_campaign(file, words)
    if script is None:
        raise click.UsageError("Give a SCRIPT and --contacts FILE, or a campaign file.")
    return make_campaign(words, name=Path(script).stem)


for _each in batch_orders.COMMANDS:
    command.add_command(_each)
