"""The options that several commands share, and how their values are read.

The rules of values are those of scripts (`scriptfile.values`), so that a flag never means something else than a file.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click

from orchestrator.cli import completing
from orchestrator.cli.app import App

if TYPE_CHECKING:
    from orchestrator.core.script import Script

Function = TypeVar("Function", bound=Callable[..., Any])
_LARGEST_VAR_FILE = 1_048_576
_OLDEST_S = 50 * 365 * 86_400.0
EPILOG = "--config, --journal, --log-format and -v may also stand after the command: see `orchestrator --help`."


SCRIPT_FILE = click.Path(dir_okay=False)
SCRIPT = click.Path(dir_okay=False, allow_dash=True)
"""A script's file; `-` is stdin."""
STDIN = "<stdin>"
"""What messages call a script that came from there."""


def command(name: str) -> Callable[[Callable[..., int | None]], click.Command]:
    """Make a command whose function is called with the `App`, takes global options too and returns its exit code."""

    def decorate(function: Callable[..., int | None]) -> click.Command:
        with_options = global_options(hidden=True)(click.pass_obj(function))
        return click.command(name, epilog=EPILOG)(with_options)

    return decorate


def global_options(*, hidden: bool) -> Callable[[Function], Function]:
    """Add the global options; they may stand before the command and after it."""

    def keep(attribute: str) -> Callable[[click.Context, click.Parameter, Any], None]:
        def callback(ctx: click.Context, _: click.Parameter, value: Any) -> None:
            if value is not None:
                setattr(ctx.ensure_object(App), attribute, value)

        return callback

    def count(ctx: click.Context, _: click.Parameter, value: int) -> None:
        ctx.ensure_object(App).verbosity += value

    def decorate(function: Function) -> Function:
        for option in reversed(
            (
                click.option(
                    "--config",
                    metavar="FILE",
                    type=click.Path(dir_okay=False),
                    help="Configuration file [default: $ORCHESTRATOR_CONFIG]",
                    hidden=hidden,
                    expose_value=False,
                    callback=keep("config"),
                ),
                click.option(
                    "--journal",
                    metavar="URL",
                    shell_complete=completing.files,
                    help="Journal: a path or sqlite:///PATH [default: $ORCHESTRATOR_JOURNAL, else a file in your "
                    "state folder]",
                    hidden=hidden,
                    expose_value=False,
                    callback=keep("journal"),
                ),
                click.option(
                    "--log-format",
                    type=click.Choice(["auto", "text", "json"]),
                    help="Form of the log on stderr; auto is text, in colours on a terminal",
                    hidden=hidden,
                    expose_value=False,
                    callback=keep("log_format"),
                ),
                click.option(
                    "-v",
                    "--verbose",
                    count=True,
                    help="Log what happens; -vv logs more",
                    hidden=hidden,
                    expose_value=False,
                    callback=count,
                ),
            )
        ):
            function = option(function)
        return function

    return decorate


def json_option(function: Function) -> Function:
    """Add `--json`."""

    def keep(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        ctx.ensure_object(App).as_json = value

    return click.option(
        "--json", is_flag=True, expose_value=False, callback=keep, help="Print one JSON document on stdout."
    )(function)


def script_options(function: Function) -> Function:
    """Add what a script is given: numbers, variables, settings."""
    for option in reversed(
        (
            click.option("--to", metavar="NUMBER", help="Whom to call, such as +15555550123."),
            click.option("--from", "from_", metavar="NUMBER", help="The number that is shown to the callee."),
            variable_option,
            var_file_option,
            settings_option,
            network_options,
        )
    ):
        function = option(function)
    return function


def network_options(function: Function) -> Function:
    """Add `--limit` and `--network`, one of which may be given."""
    by_limit = click.option(
        "--limit",
        "limit_s",
        metavar="DURATION",
        callback=limit,
        is_eager=True,  # --network looks at it
        help="The network limit: steps are packed so that no request lasts longer than this, such as 30s.",
    )
    by_name = click.option(
        "--network",
        metavar="NAME|FILE",
        callback=_network,
        shell_complete=completing.network_names,
        help="The same, by a network profile: its name, such as heroku or proxy60, or a file that `probe` wrote.",
    )
    return by_limit(by_name(function))


def driving_options(function: Function) -> Function:
    """Add how live calls are driven and stopped."""
    grace = click.option(
        "--grace",
        "grace_s",
        metavar="DURATION",
        callback=duration,
        help="How long a live call goes on after Ctrl-C or SIGTERM before it is ended [default: 30s]",
    )
    hand_over = click.option(
        "--hand-over", is_flag=True, help="After Ctrl-C or SIGTERM leave the call up, for `resume` to carry on."
    )
    return mode_option(grace(hand_over(function)))


def all_variables(given: Mapping[str, str], var_file: str | None) -> dict[str, str]:
    """Return the variables of `--var-file`, and those of `--var` over them. Raises click.UsageError."""
    return {**({} if var_file is None else read_var_file(var_file)), **given}


def read_var_file(name: str) -> dict[str, str]:
    """Return the variables in a file of `NAME=VALUE` lines that only its owner may read; `-` is stdin.

    Raises:
        click.UsageError: It cannot be read, is open to others, or has a line that is no pair. No value is shown.
    """
    found: dict[str, str] = {}
    for number, text in enumerate(_private_text(name).splitlines(), start=1):
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        word, sign, value = text.partition("=")
        if not sign:
            raise click.UsageError(f"{name}:{number}: this line is not NAME=VALUE.")
        word = _variable_name(word.strip(), where=f"{name}:{number}: ")
        if word in found:
            raise click.UsageError(f"{name}:{number}: `{word}` is given twice.")
        found[word] = value.strip()
    return found


def load(path: str) -> Script:
    """Return the script in a file or, for `-`, on stdin, after its warnings on stderr. Raises ScriptError."""
    script = read(path)
    warn(script.warnings)
    return script


def read(path: str) -> Script:
    """Return the script in a file or, for `-`, on stdin. Raises ScriptError."""
    from orchestrator.scriptfile import load_script, parse_script
    from orchestrator.scriptfile.source import LARGEST_FILE, decoded

    if path != "-":
        return load_script(path)
    stream = getattr(sys.stdin, "buffer", None)  # None: stdin is closed
    return parse_script(decoded(b"" if stream is None else stream.read(LARGEST_FILE + 1), STDIN), name=STDIN)


def one_from_stdin(script: str, var_file: str | None) -> None:
    """Refuse to read two things from stdin. Raises click.UsageError."""
    if script == var_file == "-":
        raise click.UsageError("Only one of SCRIPT and --var-file can be read from stdin.")


def warn(warnings: Iterable[str]) -> None:
    """Say on stderr what is legal but probably not meant."""
    from orchestrator.cli.output import line, note

    for warning in warnings:
        note(f"Warning: {line(warning)}")


def duration(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Read a duration as scripts write it (`30s`, `250ms`, bare seconds); return seconds."""
    from orchestrator.scriptfile.values import parse_duration

    return _read(parse_duration, value, ctx, param)


def limit(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Read a network limit; return seconds."""
    from orchestrator.scriptfile.configuration import parse_limit

    return _read(parse_limit, value, ctx, param)


def age(ctx: click.Context, param: click.Parameter, value: str) -> float:
    """Read an age: a duration, or days as in `90d`; return seconds."""
    from orchestrator.scriptfile.values import BadValueError, parse_duration, parse_number

    text = value.strip()
    if text[-1:].isdigit():  # elsewhere a bare number is seconds; what is removed by mistake does not come back
        raise click.BadParameter(f"needs a unit: {text}d for days, {text}h for hours.", ctx, param)
    try:
        seconds = parse_number(text[:-1]) * 86_400 if text.endswith("d") else parse_duration(text)
    except BadValueError:
        seconds = -1.0
    if not 0 <= seconds <= _OLDEST_S:
        raise click.BadParameter("must be an age such as 90d, 12h or 30m.", ctx, param)
    return seconds


def _read(
    parse: Callable[[object], float], value: str | None, ctx: click.Context, param: click.Parameter
) -> float | None:
    from orchestrator.scriptfile.values import BadValueError

    try:
        return None if value is None else parse(value)
    except BadValueError as error:
        raise click.BadParameter(f"{error}.", ctx, param) from None


def _network(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    from orchestrator.errors import UsageError
    from orchestrator.scriptfile.networks import find_network, is_path

    if value is None:
        return None
    if ctx.params.get("limit_s") is not None:
        raise click.UsageError("Give --limit or --network, not both.", ctx)
    try:
        find_network(value)
    except UsageError as error:
        raise click.BadParameter(str(error), ctx, param) from None
    return value if is_path(value) else value.strip().lower()


def _private_text(name: str) -> str:
    try:
        if name == "-":
            return _limited(sys.stdin, name)
        with Path(name).open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_ISREG(mode) and mode & 0o077 and os.name == "posix":
                raise click.UsageError(f"{name} may be read by others. Do `chmod 600 {name}` first.")
            return _limited(file, name)
    except OSError as error:
        raise click.UsageError(f"{name} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise click.UsageError(f"{name} is not UTF-8 text.") from None


def _limited(file: IO[str], name: str) -> str:
    text = file.read(_LARGEST_VAR_FILE + 1)
    if len(text) > _LARGEST_VAR_FILE:
        raise click.UsageError(f"{name} is larger than 1 MiB: it is hardly a file of variables.")
    return text


def _pairs(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in given:
        word, sign, value = text.partition("=")
        word = word.strip()
        if not sign or not word:
            shown = text if not sign else f"={'…' if value else ''}"
            raise click.BadParameter(f"must be {param.metavar}, not `{shown}`.", ctx, param)
        if word in pairs:
            raise click.BadParameter(f"`{word}` is given twice.", ctx, param)
        pairs[word] = value
    return pairs


def _variables(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    return {_variable_name(word): value for word, value in _pairs(ctx, param, given).items()}


def _variable_name(word: str, *, where: str = "") -> str:
    from orchestrator.scriptfile.values import BadValueError, parse_variable

    try:
        return parse_variable(word)
    except BadValueError as error:
        raise click.UsageError(f"{where}the name of a variable {error}.") from None


variable_option = click.option(
    "--var",
    "variables",
    metavar="NAME=VALUE",
    multiple=True,
    callback=_variables,
    help="A variable of the script. Others on this machine can see it: give secret ones with --var-file.",
)
var_file_option = click.option(
    "--var-file",
    metavar="FILE",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="A file of NAME=VALUE lines that only you may read; - is stdin.",
)
mode_option = click.option(
    "--mode",
    type=click.Choice(["sync", "async", "poll", "auto"]),
    help="How it is learnt that a step is over: by its reply, by an event, by looking at the call, or as fits.",
)
settings_option = click.option(
    "--set",
    "settings",
    metavar="WORD=VALUE",
    multiple=True,
    callback=_pairs,
    help="A setting, such as max_silence=20s. It overrides the script's.",
)
