"""What the shell is offered while a command is typed."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from click.shell_completion import BashComplete, CompletionItem

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.journal import SqliteJournal
from orchestrator.cli import completing, program

TO = "+12125550123"


def offered(*words: str, incomplete: str = "") -> list[CompletionItem]:
    complete = BashComplete(program.program, {}, "orchestrator", "_ORCHESTRATOR_COMPLETE")
    return complete.get_completions(list(words), incomplete)


@pytest.fixture
def two_runs(call, at_sandbox, script) -> list[str]:
    """A run that ended, and one that waits for a verdict; their ids."""
    at_sandbox.set_callee("default", keys=["1", "1"])
    ended = call("run", script, "--to", TO, "--json").json["run_id"]
    script.write_text(script.read_text().replace('say: {text: "Hello {{ who }}."}', "send_dtmf: {dtmf: '1'}"))
    at_sandbox.add_fault(kind="reset", place="received", command="send_dtmf")
    undecided = call("run", script, "--to", "+12125550124", "--json")
    assert undecided.code == 20
    return [undecided.json["run_id"], ended]


@pytest.mark.parametrize("command", [("show",), ("why",), ("journal", "export", "--run")])
def test_every_run_is_offered_to_those_who_look(two_runs, command) -> None:
    """The newest first, with what helps to choose; only those that begin as typed."""
    found = offered(*command)
    assert [each.value for each in found] == two_runs
    assert found[0].help == "undecided short +12125550124"
    assert [each.value for each in offered(*command, incomplete=two_runs[1][:5])] == two_runs[1:]


def test_of_a_large_journal_the_newest_runs_are_offered(two_runs, monkeypatch) -> None:
    """Not all of it is read while somebody types."""
    monkeypatch.setattr(completing, "_NEWEST", 1)
    assert [each.value for each in offered("show")] == two_runs[:1]
    assert offered("show", incomplete=two_runs[1]) == []


@pytest.mark.parametrize("command", ["resume", "resolve", "cancel"])
def test_only_runs_that_have_not_ended_are_offered_to_those_who_act(two_runs, command) -> None:
    """There is nothing to do with the others; and none is offered twice."""
    assert [each.value for each in offered(command)] == two_runs[:1]
    assert offered("resume", two_runs[0]) == []


def test_the_journal_that_was_named_is_looked_into(two_runs) -> None:
    """Global options count, before the command and after it."""
    journal = str(Path(".local/state/orchestrator/journal.db").rename("moved.db"))
    assert offered("show") == []
    assert len(offered("show", "--journal", journal)) == len(offered("--journal", journal, "show")) == len(two_runs)


def test_whatever_is_wrong_nothing_is_offered_said_or_made(monkeypatch, capsys) -> None:
    """A missing journal, one that is none, a broken configuration."""
    assert offered("show") == []
    Path("bad.db").write_text("no journal")
    assert offered("show", "--journal", "bad.db") == []
    monkeypatch.setenv("ORCHESTRATOR_CONFIG", "missing.yaml")
    assert offered("show") == []
    assert capsys.readouterr() == ("", "")
    assert [each.name for each in Path.cwd().iterdir()] == ["bad.db"]


def test_the_commands_beside_a_script_are_offered_with_files() -> None:
    """`batch` takes a file or a command."""
    assert [each.value for each in offered("batch", incomplete="sto")] == ["stop", "sto"]
    assert {"status", "pause", "continue", "results", "rerun"} <= {each.value for each in offered("batch")}


def test_the_campaigns_of_the_journal_are_offered() -> None:
    """To those commands that ask for one, with files: a campaign file names one, too."""
    assert [each.value for each in offered("batch", "stop", incomplete="spr")] == ["spr"]
    path = Path(".local/state/orchestrator/journal.db")
    path.parent.mkdir(parents=True)
    with closing(SqliteJournal(path, now=SystemClock().now)) as journal:
        for name in ("spring", "autumn"):
            journal.campaigns.note_file(name, occurrence="monday", content_digest=name, now_wall=0.0)
    assert [each.value for each in offered("batch", "stop", incomplete="spr")] == ["spring", "spr"]
    assert [each.value for each in offered("batch", "status")] == ["autumn", "spring", ""]


@pytest.mark.parametrize(
    "words", [("run",), ("validate",), ("--journal",), ("run", "--callees"), ("run", "--var-file")]
)
def test_files_are_left_to_the_shell(words) -> None:
    """It knows them better."""
    assert [each.type for each in offered(*words)] == ["file"]
