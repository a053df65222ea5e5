"""`drill`: runs a script on the sandbox with a fault at each of its requests, and a kill in each of its steps."""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from orchestrator.cli import options
from orchestrator.cli.app import App
from orchestrator.cli.output import result_document, stderr_console
from orchestrator.cli.sandboxed import people_options, running, sandbox_arguments
from orchestrator.cli.signals import handled
from orchestrator.cli.standing import stood_in_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.cli.drilling import Ground
    from orchestrator.core.ask import Ask
    from orchestrator.core.drills import Drilled

UNSAFE = 1
_SPEED = 20.0
_PATIENCE_S = 60.0
_LONGEST_S = 600.0


@options.command("drill")
@click.argument("script", type=options.SCRIPT_FILE)
@options.script_options
@options.mode_option
@people_options
@click.option(
    "--within",
    "within_s",
    metavar="DURATION",
    callback=options.duration,
    help="Begin no further drill after so long [default: 10m]",
)
@options.json_option
def command(app: App, script: str, **given: Any) -> int:
    """Run a script on the sandbox with a fault at each of its requests. Nobody is called.

    First once without a fault; then, for each request, once with it lost before the API accepts it, once with its
    reply lost after it has run, and once with the process killed with -9 in its middle and the run resumed. For each
    it is shown what the callee noticed twice or not at all, by the sandbox's transcript, and how the run ended. All of
    it takes a minute or two, more for a long script, and nothing is shown before, but progress on a terminal.

    The run's settings are the script's, but for the settle times, which are short: the sandbox is near. Numbers and
    variables that are not given are stood in for. Exit 0 if nothing dangerous (a dial, keys, a text message) happened
    twice and every run ended or asked a person; else 1, also where --within left some of the drills out.
    """
    from orchestrator.cli.drilling import Ground, Sandbox

    loaded = options.load(script)
    given["variables"] = options.all_variables(given["variables"], given["var_file"])
    asked = stood_in_for(loaded, given)
    people = sandbox_arguments({**given, "sandbox": True, "speed": given["speed"] or _SPEED})
    assert people is not None, "a sandbox was asked for"
    settings = {**given["settings"], **({} if given["mode"] is None else {"mode": given["mode"]})}
    with app.orchestrator(settings=settings, read_only=True) as orchestrator:
        # Whatever is wrong with it is said once, before anything is started.
        prepared = orchestrator.prepare(loaded, asked)
        offered = [word for name in orchestrator.configuration.capabilities for word in ("--capability", name)]
    ends = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    with handled(ends, _leave), tempfile.TemporaryDirectory(prefix="orchestrator-drill-") as folder:
        words = _words(script, given, asked, Path(folder))
        secrets = _variables_file(Path(folder) / "secrets", prepared.secrets)
        with running(*people, *offered) as url:
            sandbox = Sandbox(url, secrets=map(str, prepared.secrets.values()))
            ground = Ground(
                app=app,
                sandbox=sandbox,
                folder=Path(folder),
                words=words,
                again=["--var-file", str(secrets)] if prepared.secrets else [],
                preamble=prepared.settings.replay_preamble,
                patience_s=_PATIENCE_S,
            )
            drilled, left = _drilled(ground, within_s=given["within_s"] or _LONGEST_S)
    is_safe = all(each.is_safe for each in drilled) and not left
    if app.as_json:
        document = [each.to_document() for each in drilled]
        result_document({"script": loaded.name, "safe": is_safe, "not_drilled": left, "drills": document})
    else:
        from orchestrator.cli.commands.drill_telling import tell

        tell(drilled, left=left)
    return 0 if is_safe else UNSAFE


def _drilled(ground: Ground, *, within_s: float) -> tuple[list[Drilled], int]:
    """Carry every drill out within a time; return what they came to, and how many were left."""
    from orchestrator.cli.drilling import carry_out
    from orchestrator.core.drills import Drill, drills_of

    ends = time.monotonic() + within_s
    with _progress(ground.app) as tell:
        tell("without a fault")
        first = carry_out(ground, Drill(), clean=())
        clean = first.noticed
        drills = list(drills_of(ground.sandbox.transcript()))
        drilled = [_without_comparison(first)]
        for number, drill in enumerate(drills):
            if time.monotonic() >= ends:
                return drilled, len(drills) - number
            tell(f"{number + 1} of {len(drills)}: request {drill.request} ({drill.what}), {drill.blow.value}")
            drilled.append(carry_out(ground, drill, clean=clean))
    return drilled, 0


def _without_comparison(first: Drilled) -> Drilled:
    from dataclasses import replace

    return replace(first, twice=(), left_out=())


def _words(script: str, given: dict[str, Any], asked: Ask, folder: Path) -> list[str]:
    """Return what `run` is given; variables go through a file, since some are secret."""
    from orchestrator.cli.drilling import SETTLING

    variables = _variables_file(folder / "variables", asked.variables)
    words = [script, "--var-file", str(variables)]
    for flag, value in (("--to", asked.to), ("--from", asked.from_), ("--mode", given["mode"])):
        words += [] if value is None else [flag, value]
    words += [] if asked.limit_s is None else ["--limit", f"{asked.limit_s}s"]
    words += [] if asked.network is None else ["--network", asked.network]
    for name, value in {**SETTLING, **given["settings"]}.items():
        words += ["--set", f"{name}={value}"]
    return words


def _variables_file(file: Path, variables: Mapping[str, object]) -> Path:
    file.touch(mode=0o600)
    file.write_text("".join(f"{name}={value}\n" for name, value in variables.items()), encoding="utf-8")
    return file


def _leave(number: int, _: object) -> NoReturn:
    """Unwind at a signal, so that nothing is left behind: the folder holds secrets, the sandbox is a process."""
    sys.exit(128 + number)


@contextmanager
def _progress(app: App) -> Iterator[Callable[[str], None]]:
    """Show on a terminal what is being drilled."""
    if app.as_json or not sys.stderr.isatty():
        yield lambda _: None
        return
    with stderr_console().status("") as status:
        yield lambda text: status.update(f"Drilling {text}")
