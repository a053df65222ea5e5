"""The program: its commands in a table, its global options, and the way out of it.

Nothing heavy is imported here: `orchestrator --help` loads this module and click. Commands load when they are called.
"""

from __future__ import annotations

import click

from orchestrator._version import __version__
from orchestrator.cli.app import App
from orchestrator.cli.exits import tell, tell_unwritten, wants_json
from orchestrator.cli.lazy import LazyGroup, Listed
from orchestrator.cli.options import global_options
from orchestrator.cli.output import OutputError, prepare_streams

_HOME = "orchestrator.cli.commands"
_CALLS, _LOOKING, _UNCERTAIN, _HERE = "Make calls", "See what happened", "When something is uncertain", "Around it"

COMMANDS = {
    "run": Listed(f"{_HOME}.run", _CALLS, "Make one call, start to end."),
    "resume": Listed(f"{_HOME}.resume", _CALLS, "Carry on with interrupted runs, each with the same live call."),
    "batch": Listed(f"{_HOME}.batch", _CALLS, "Call a whole list, from cron."),
    "plan": Listed(f"{_HOME}.plan", _CALLS, "Show the steps of a script without calling anyone."),
    "advise": Listed(f"{_HOME}.advise", _CALLS, "Say which mode and network limit suit a script here."),
    "validate": Listed(f"{_HOME}.validate", _CALLS, "Check scripts without calling anyone."),
    "verify": Listed(f"{_HOME}.verify", _CALLS, "Explore what every lost reply and every crash would come to."),
    "rehearse": Listed(f"{_HOME}.rehearse", _CALLS, "Play a script in the terminal: you are the callee."),
    "drill": Listed(f"{_HOME}.drill", _CALLS, "Run a script on the sandbox with a fault at each of its requests."),
    "runs": Listed(f"{_HOME}.runs", _LOOKING, "List the runs, the newest first."),
    "show": Listed(f"{_HOME}.show", _LOOKING, "Tell what happened in one run."),
    "why": Listed(f"{_HOME}.why", _LOOKING, "Say in one line why a run waits or how it ended."),
    "resolve": Listed(f"{_HOME}.resolve", _UNCERTAIN, "Say what really happened to an undecided run's step."),
    "cancel": Listed(f"{_HOME}.cancel", _UNCERTAIN, "End a live call, and its run."),
    "reap": Listed(f"{_HOME}.reap", _UNCERTAIN, "End live calls that no process looks after any more."),
    "doctor": Listed(f"{_HOME}.doctor", _HERE, "Check the installation, the settings and the way to the API."),
    "probe": Listed(f"{_HOME}.probe", _HERE, "Measure how long a silent request lives on this network."),
    "serve": Listed(f"{_HOME}.serve", _HERE, "Receive the events of calls, and answer incoming ones."),
    "sandbox": Listed(f"{_HOME}.sandbox", _HERE, "Start a stand-in for the call API that calls nobody."),
    "journal": Listed(f"{_HOME}.journal", _HERE, "Check, export and prune the journal."),
    "completion": Listed(f"{_HOME}.completion", _HERE, "Print the completion script of a shell."),
}


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "--version", message="orchestrator %(version)s", help="Show the version and exit.")
@global_options(hidden=False)
def program() -> None:
    """Drive a phone call step by step, and survive lost replies and killed processes.

    A script becomes short requests, one for each step. Each is written to the journal before it is sent, so that an
    interrupted call can be carried on: nobody is dialled twice, and digits are not keyed twice.
    """


program.listed = COMMANDS


def run(arguments: list[str]) -> int:
    """Run the command line; return its exit code."""
    prepare_streams()
    app = App(as_json=wants_json(arguments))
    try:
        try:
            code = program.main(arguments, prog_name="orchestrator", standalone_mode=False, obj=app)
        except Exception as error:  # noqa: BLE001 - the last resort: every error becomes a message and an exit code
            code = tell(error, app)
    except OutputError as error:
        code = tell_unwritten(error)
    return code if isinstance(code, int) else 0
