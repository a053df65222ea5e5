"""Starts the sandbox as a process of its own. The command line knows it only by its module's name and its first line.

`run --sandbox` has it for the length of one call; the `sandbox` command becomes it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from orchestrator.errors import ConfigurationError, JournalError

if TYPE_CHECKING:
    from orchestrator.compose import Orchestrator

CREDENTIALS = ("sandbox", "sandbox")
"""What a sandbox takes when its environment names no others."""
NOT_YET_STARTED = "http://127.0.0.1"
"""Stands for the URL of a sandbox that is still to be started, for what is checked before."""
_MODULE = "orchestrator.sandbox"
_NEEDS = ("starlette", "uvicorn")
_END_S = 5.0
_PRESSED = "1"
_KEYS = re.compile(r"[0-9*#]*(,[0-9*#]*)*")
Function = TypeVar("Function", bound=Callable[..., Any])


def sandbox_options(function: Function) -> Function:
    """Add `--sandbox` and how its people behave."""
    sandbox = click.option(
        "--sandbox", is_flag=True, help="Call nobody: start a stand-in for the API, for this one call."
    )
    return sandbox(_people(function, when="With --sandbox: ", speed="1"))


def people_options(function: Function) -> Function:
    """Add how the people of a sandbox behave, for a command that always has one."""
    return _people(function, when="", speed="20")


def _people(function: Function, *, when: str, speed: str) -> Function:
    keys = click.option(
        "--keys",
        metavar="DIGITS",
        callback=_keys,
        help=_sentence(when, "what the callee presses when asked, such as 2, or 1,2,12# for successive questions ")
        + f"[default: {_PRESSED}]",
    )
    callees = click.option(
        "--callees",
        metavar="FILE",
        type=click.Path(exists=True, dir_okay=False),
        help=_sentence(when, "who answers how, and presses what (docs/reference/sandbox.md)."),
    )
    faster = click.option(
        "--speed",
        metavar="N",
        type=click.FloatRange(min=0, min_open=True),
        help=_sentence(when, f"seconds of the call that pass in a second [default: {speed}]"),
    )
    return keys(callees(faster(function)))


def _sentence(when: str, text: str) -> str:
    return f"{when}{text}" if when else f"{text[0].upper()}{text[1:]}"


def sandbox_arguments(given: Mapping[str, Any]) -> list[str] | None:
    """Return the arguments of the sandbox that the options ask for; None for none. Raises click.UsageError."""
    keys, callees, speed = given["keys"], given["callees"], given["speed"]
    if not given["sandbox"]:
        for name in ("keys", "callees", "speed"):
            if given[name] is not None:
                raise click.UsageError(f"--{name} is for the sandbox: give --sandbox, too.")
        return None
    if callees is not None and keys is not None:
        raise click.UsageError("Give --callees or --keys, not both.")
    people = ["--keys", _PRESSED if keys is None else keys] if callees is None else ["--callees", callees]
    return [*people, *(["--speed", str(speed)] if speed is not None else [])]


def _keys(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _KEYS.fullmatch(value):
        raise click.BadParameter("must be keys (0-9, * and #), with commas between questions.", ctx, param)
    return value


def command_line(*options: str) -> list[str]:
    """Return the command that starts a sandbox. Raises ConfigurationError where its extra is not installed."""
    if any(importlib.util.find_spec(name) is None for name in _NEEDS):
        raise ConfigurationError("the sandbox is not installed: do `pip install 'call-orchestrator[serve]'`")
    return [sys.executable, "-P", "-m", _MODULE, *options]  # -P: nothing is imported from the working folder


def environment() -> dict[str, str]:
    """Return the environment in which the sandbox's module is found, wherever this program was started from."""
    root = str(Path(__file__).resolve().parents[2])
    inherited = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": root if not inherited else f"{root}{os.pathsep}{inherited}"}


def own_journal(orchestrator: Orchestrator) -> Path:
    """Return the journal of calls to sandboxes, beside that of real ones. Raises ConfigurationError."""
    return orchestrator.journal_path.with_name("sandbox-journal.db")


def make_default_folder(folder: Path) -> None:
    """Make the folder of journals that nobody has named; whoever names another has it. Raises JournalError."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise JournalError(f"The folder {folder} cannot be made: {error.strerror}.") from None


@contextmanager
def running(*arguments: str) -> Iterator[str]:
    """Run a sandbox that ends with this process, and yield its URL. Raises ConfigurationError."""
    given = {name: value for name, value in environment().items() if not name.startswith("ORCHESTRATOR_")}
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(  # noqa: S603 - our own module
            command_line("--port", "0", "--die-with-parent", *arguments),
            env=given,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            start_new_session=True,  # Ctrl-C is for the call: its end still needs a server
        )
        try:
            assert process.stdout is not None, "a pipe was asked for"
            first = process.stdout.readline()
            if not first:
                process.wait()
                complaints.seek(0)
                why = complaints.read(2000).decode(errors="replace").strip()
                raise ConfigurationError(f"the sandbox did not start: {why or f'it ended with {process.returncode}'}")
            yield str(json.loads(first)["url"])
        finally:
            process.terminate()
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
