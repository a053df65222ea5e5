"""From an exception to an exit code and to what the user is told of it (rules, section 7).

`program` calls it for whatever a command raises. Only our own bugs ever show a traceback, and only when asked.
"""

from __future__ import annotations

import contextlib
import errno
import os
import traceback
from base64 import b64encode
from collections.abc import Iterable

import click

from orchestrator.cli.app import App
from orchestrator.cli.output import OutputError, line, note, result_document
from orchestrator.core.document import error_document
from orchestrator.core.masking import without_secrets
from orchestrator.errors import (
    CallLeftUpError,
    ChangedPastError,
    NumberBlockedError,
    OrchestratorError,
    ScriptError,
    VariablesError,
    exit_code_of,
)

PRECEDENCE = (70, 73, 78, 77, 69, 20, 75, 65, 2, 1, 0)
"""Exit codes, the one that counts before all others first."""
_NOTHING_CHANGED = "Nothing was sent, and the run is as it was: only what has not run yet may be changed."
USAGE, BUG, INTERRUPTED, NO_READER, UNWRITTEN = 2, 70, 130, 141, 1


def worst(codes: Iterable[int]) -> int:
    """Return the exit code of several runs together; 0 for none."""
    return min(codes, key=PRECEDENCE.index, default=0)


def tell(error: BaseException, app: App) -> int:
    """Tell the user of an error, and return the exit code."""
    if isinstance(error, OutputError):
        return tell_unwritten(error)
    if isinstance(error, OrchestratorError) and type(error) is not OrchestratorError:
        return _tell_known(error, app)
    if isinstance(error, click.ClickException):
        return _tell_usage(error, app)
    if isinstance(error, click.Abort | KeyboardInterrupt):
        return _say(app, code="stopped", text="Stopped.", exit_code=INTERRUPTED)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC and error.filename is None:  # click's own, of --help
        return tell_unwritten(OutputError(error.strerror))
    return _tell_bug(error, app)


def tell_unwritten(error: OutputError) -> int:
    """Tell the user that the result could not be written, and return the exit code."""
    if error.reason is None:
        return NO_READER
    note(f"orchestrator: the result cannot be written: {error.reason}")
    return UNWRITTEN


def _tell_known(error: OrchestratorError, app: App) -> int:
    if app.as_json:
        resume = app.resume_command(error.blocking_run_id) if isinstance(error, CallLeftUpError) else None
        result_document(error_document(error.code, str(error), resume_command=resume))
    elif isinstance(error, ScriptError):
        for problem in error.problems:
            first, *more = str(problem).splitlines()
            note("\n".join([line(first), *(f"    {line(text)}" for text in more)]))
        note(_NOTHING_CHANGED if isinstance(error, ChangedPastError) else _nothing_sent(error))
    else:
        note(f"orchestrator: {error}")
    if isinstance(error, CallLeftUpError):
        note(f"To carry on with it:  {app.resume_command(error.blocking_run_id)}")
        note(f"To end the call:      {app.command('cancel', error.blocking_run_id)}")
    elif isinstance(error, NumberBlockedError):
        note(f"To see that run: {app.command('why', error.blocking_run_id)}")
    return exit_code_of(error)


def _nothing_sent(error: ScriptError) -> str:
    if isinstance(error, VariablesError):
        number = len(error.problems)
        lacking = "the value of 1 variable is" if number == 1 else f"the values of {number} variables are"
        return f"Nothing was sent: {lacking} missing, or cannot be used."
    if not any(problem.line for problem in error.problems):  # such as a file that cannot be read
        return "Nothing was sent."
    return f"Nothing was sent: the script has {counted(len(error.problems), 'problem')}."


def _tell_usage(error: click.ClickException, app: App) -> int:
    text = error.format_message()
    if isinstance(error, click.UsageError) and error.ctx is not None and text == error.ctx.get_help():
        return _say_what_there_is(app, error.ctx)  # newer versions of click put the whole help there
    if not app.as_json and isinstance(error, click.UsageError) and error.ctx is not None:
        note(f"{error.ctx.get_usage()}\nTry `{error.ctx.command_path} --help`.\n")
    return _say(app, code="usage", text=text, exit_code=USAGE)


def _say_what_there_is(app: App, ctx: click.Context) -> int:
    if app.as_json:
        return _say(app, code="usage", text="A command is missing.", exit_code=USAGE)
    note(ctx.get_help())
    return USAGE


def _tell_bug(error: BaseException, app: App) -> int:
    if app.verbosity >= 2:
        note(_without_credentials("".join(traceback.format_exception(error)).rstrip(), app))
    where = "" if app.verbosity >= 2 else " Run it again with -vv to see where."
    said = _without_credentials(line(error), app)
    text = f"This is a bug of ours ({type(error).__name__}: {said}). Please report it.{where}"
    return _say(app, code="internal", text=text, exit_code=BUG)


def _without_credentials(text: str, app: App) -> str:
    """Return a text without the credentials that are in use: nobody knows what an unforeseen error quotes."""
    names = ("API_KEY", "API_PASSWORD", "SIGNING_SECRETS")
    secrets = [each for name in names for each in os.environ.get(f"ORCHESTRATOR_{name}", "").split()]
    # Half of a pair, a file that cannot be read, or a library that is missing: that may be the bug.
    with contextlib.suppress(OrchestratorError, ImportError):
        from orchestrator.scriptfile.configuration import read_credentials

        pair = read_credentials(os.environ, app.credentials_file)
        if pair is not None:
            secrets += [*pair, b64encode(":".join(pair).encode()).decode()]
    return without_secrets(text, secrets)


def _say(app: App, *, code: str, text: str, exit_code: int) -> int:
    if app.as_json:
        result_document(error_document(code, text))
    else:
        note(f"orchestrator: {text}")
    return exit_code


def counted(number: int, noun: str) -> str:
    """Return `1 step`, `2 steps`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def wants_json(arguments: Iterable[str]) -> bool:
    """Return whether the arguments ask for JSON: known before they are parsed, for errors of the parsing."""
    for argument in arguments:
        if argument == "--":
            return False
        if argument == "--json":
            return True
    return False


def explain(error: OrchestratorError) -> str:
    """Return an error's text for a sentence that goes on from a name."""
    return "; ".join(line(text) for text in str(error).splitlines())
