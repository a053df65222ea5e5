"""The program as a whole: help, wrong use, errors as documents, own bugs, start-up cost, docs."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import click
import pytest

from orchestrator.cli import exits, program
from orchestrator.cli.lazy import Listed
from orchestrator.errors import OrchestratorError

ROOT = Path(__file__).parents[3]


def commands() -> list[tuple[str, click.Command]]:
    ctx = click.Context(program.program)
    return [(name, program.program.get_command(ctx, name)) for name in program.COMMANDS]


def test_help_lists_every_command_under_its_heading(call) -> None:
    """`--help` shows all commands with their line of help."""
    done = call("--help")
    assert done.code == 0
    for name, listed in program.COMMANDS.items():
        assert name in done.out
        assert listed.heading in done.out


@pytest.mark.parametrize(("name", "command"), commands(), ids=lambda value: value if isinstance(value, str) else "")
def test_the_line_of_help_is_the_beginning_of_the_command_s_help(call, name: str, command: click.Command) -> None:
    """The table cannot say something else than the command does."""
    done = call(name, "--help") if name != "sandbox" else None
    assert command.short_help or command.help
    first = (command.short_help or command.help or "").split("\n")[0].split(". ")[0].rstrip(".")
    line = program.COMMANDS[name].help.rstrip(".")
    assert line.split()[0] == first.split()[0]
    assert done is None or (done.code == 0 and "Usage: orchestrator" in done.out)


def test_help_imports_nothing_heavy_and_costs_little() -> None:
    """`orchestrator --help` takes under 0.3 s of CPU and loads no library but click."""
    code = (
        "import sys, time\n"
        "from orchestrator.cli import program\n"
        "program.run(['--help'])\n"
        "heavy = {'requests', 'sqlalchemy', 'pydantic', 'yaml', 'rich', 'jinja2', 'phonenumbers', 'structlog'}\n"
        "print(sorted(heavy & set(sys.modules)), time.process_time(), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded, _, seconds = done.stderr.strip().rpartition(" ")
    assert loaded == "[]"
    assert float(seconds) < 0.3


@pytest.mark.parametrize("arguments", [(), ("journal",)], ids=["nothing", "a group"])
def test_a_missing_command_shows_what_there_is(call, arguments) -> None:
    """Usage error 2, with the help on stderr; with --json a document."""
    done = call(*arguments)
    assert done.code == 2
    assert "Usage: orchestrator" in done.err
    assert done.out == ""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("rnu",), "There is no command `rnu`. Did you mean `run`?"),
        (("xyz",), "There is no command `xyz`."),
        (("run",), "Missing argument 'SCRIPT'."),
        (("run", "s.yaml", "--limt", "3"), "No such option"),
        (("resume",), "Give the runs to carry on with, or --all."),
        (("resume", "a", "--all"), "Give the runs to carry on with, or --all."),
        (("resume", "a", "b", "--script", "s.yaml"), "--script is for one run"),
        (("resume", "--all", "--limit", "30s", "--network", "heroku"), "Give --limit or --network, not both."),
        (("resume", "--all", "--network", "heroku", "--limit", "30s"), "Give --limit or --network, not both."),
        (("resume", "--all", "--network", "herku"), "did you mean `heroku`?"),
        (("resume", "--all", "--grace", "soon"), "must be a duration such as 90s"),
        (("plan", "s.yaml", "--limit", "x"), "must be a duration such as 90s, 250ms or 5m"),
        (("resume", "--all", "--var", "novalue"), "must be NAME=VALUE, not `novalue`"),
        (("resume", "--all", "--var", "=secret"), "must be NAME=VALUE, not `=…`"),
        (("resume", "--all", "--var", "a=1", "--var", "a=2"), "`a` is given twice"),
        (("resume", "--all", "--var", "run_id=1"), "which the program itself sets"),
        (("resume", "--all", "--var-file", "missing"), "missing cannot be read: No such file or directory."),
        (("resolve", "a"), "give --ran or --not-run"),
        (("resolve", "a", "--not-run", "--call", "x"), "--call belongs to --ran"),
        (("resolve", "a", "--ran", "--not-run"), "give exactly one of them"),
        (("resolve", "a", "--not-run", "--ran", "--call", "x"), "give exactly one of them"),
        (("resolve", "a", "--ran", "--call", "CALL_ID"), "--call: `CALL_ID` is not the id of a call, which is a UUID"),
        (("resolve", "a", "--ran", "--call", f"{'0' * 32}"), "is not the id of a call"),
        (("run", "s.yaml", "--keys", "1"), "--keys is for the sandbox: give --sandbox, too."),
        (("run", "s.yaml", "--speed", "2"), "--speed is for the sandbox"),
        (("run", "s.yaml", "--callees", __file__), "--callees is for the sandbox"),
        (("run", "s.yaml", "--sandbox", "--keys", "1", "--callees", __file__), "Give --callees or --keys, not both."),
        (("run", "s.yaml", "--sandbox", "--keys", "one"), "must be keys (0-9, * and #)"),
        (("run", "s.yaml", "--sandbox", "--callees", "missing"), "'missing' does not exist"),
        (("journal", "prune", "--older-than", "long"), "must be an age such as 90d"),
        (("journal", "prune", "--older-than", "90"), "needs a unit: 90d for days"),
        (("journal", "prune", "--older-than", "-1d"), "must be an age such as 90d"),
        (("journal", "prune", "--older-than", "1e9d"), "must be an age such as 90d"),
        (("journal", "prune", "--older-than", "nand"), "must be an age such as 90d"),
        (("show", "a"), "There is no journal at"),
        (("--journal", "postgresql://x", "runs"), "only SQLite is supported"),
    ],
)
def test_wrong_use_is_told_in_a_sentence(call, arguments, told) -> None:
    """Exit 2 (78 for a setting), what is wrong on stderr, nothing on stdout; with --json the same in a document."""
    done = call(*arguments)
    assert done.code in (2, 78)
    assert told in done.err
    assert done.out == ""
    if arguments[0] != "journal":
        as_json = call(*arguments, "--json")
        assert as_json.code == done.code
        assert told in as_json.json["error"]["message"]
        assert as_json.json["error"]["resume_command"] is None


def test_a_bug_of_ours_is_one_line_with_a_traceback_on_demand(call, monkeypatch) -> None:
    """Exit 70; `-vv` shows where."""
    broken = {"runs": Listed("orchestrator.cli.commands.missing", "x", "x")}
    monkeypatch.setattr(program.program, "listed", broken)
    done = call("runs")
    assert done.code == 70
    assert done.err.count("\n") == 1
    assert "This is a bug of ours (ModuleNotFoundError" in done.err
    assert "Traceback" in call("-vv", "runs").err
    assert call("runs", "--json").json["error"]["code"] == "internal"


def test_interrupted_before_a_call_is_exit_130(call, monkeypatch) -> None:
    """Ctrl-C in a command without calls is quiet."""

    def interrupted(*_: object, **_words: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("orchestrator.cli.app.App.orchestrator", interrupted)
    done = call("runs")
    assert done.code == 130
    assert "Stopped." in done.err


def test_the_exit_code_of_several_runs_is_the_first_by_precedence() -> None:
    """The order of the rules, section 7, and 0 for no run at all."""
    assert exits.worst([0, 1, 75, 20]) == 20
    assert exits.worst([1, 69, 73]) == 73
    assert exits.worst([]) == 0


def test_every_exit_code_of_an_error_is_in_the_reference() -> None:
    """docs/reference/exit-codes.md lists the codes in their order, and no error has another."""
    page = (ROOT / "docs" / "reference" / "exit-codes.md").read_text(encoding="utf-8")
    listed = [int(row.split("|")[1]) for row in page.splitlines() if row.startswith("| ") and row[2].isdigit()]
    assert listed == list(exits.PRECEDENCE)

    def codes(error: type[OrchestratorError]) -> set[int]:
        return {error.exit_code}.union(*map(codes, error.__subclasses__()))

    assert codes(OrchestratorError) <= set(listed)


def test_the_reference_of_the_commands_is_current() -> None:
    """docs/reference/cli.md is what the commands say of themselves."""
    spec = importlib.util.spec_from_file_location("commands", ROOT / "docs" / "commands.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    assert made.PAGE.read_text(encoding="utf-8") == made.page(), "run `python docs/commands.py`"


def test_version(call) -> None:
    """`--version` names the program."""
    assert call("--version").out.startswith("orchestrator 0.")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(call, shell: str) -> None:
    """Each shell's script asks this program for completions."""
    done = call("completion", shell)
    assert done.code == 0
    assert "_ORCHESTRATOR_COMPLETE" in done.out


def test_completion_offers_commands_and_networks() -> None:
    """The shell is offered commands with their help, and the names of networks."""
    from click.shell_completion import BashComplete

    complete = BashComplete(program.program, {}, "orchestrator", "_ORCHESTRATOR_COMPLETE")
    assert {"run", "runs", "resume", "resolve", "reap", "rehearse"} == {
        item.value for item in complete.get_completions([], "r")
    }
    found = complete.get_completions(["run", "--network"], "a")
    assert [item.value for item in found] == ["apigw", "azure-app", "azure-lb", "aws-nat"]
