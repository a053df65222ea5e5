"""How results are laid out: whole rows for pipes, and what is for copying unbroken on any terminal."""

from __future__ import annotations

import os
import re
import sys

import pytest

from orchestrator.cli import output, story
from orchestrator.cli.commands.runs import _fitting

TO = "+12125550123"
CALL = "123e4567-e89b-12d3-a456-426614174000"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch):
    """Make stdout a terminal of some width."""

    def of(columns: int) -> None:
        monkeypatch.setattr(type(sys.stdout), "isatty", lambda _: True, raising=False)
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setenv("TERM", "dumb")
        monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((columns, 24)))

    return of


@pytest.fixture
def ran(call, at_sandbox, script) -> dict:
    """One run whose second step has evidence with an id in it."""
    at_sandbox.set_callee("default", keys=["1"])
    at_sandbox.add_fault(kind="close", place="after", command="dial")
    done = call("run", script, "--to", TO, "--json", "--set", "dial_expire=1s")
    assert done.json["steps"][0]["evidence"]
    return done.json


@pytest.mark.parametrize("columns", [30, 40, 60, 80, 120])
def test_ids_numbers_and_times_are_never_broken(call, ran, terminal, columns: int) -> None:
    """A narrow terminal gets fewer columns; the run, the number and the status are always there."""
    terminal(columns)
    row = call("runs").out.splitlines()[2]
    assert row.split()[0] == ran["run_id"][:8]
    for text in (TO, "completed"):
        assert text in row.split()
    assert (ran["started_at"][:4] in row) == (columns >= 120)
    shown = call("show", ran["run_id"]).out
    evidence = " ".join(ran["steps"][0]["evidence"].split())
    assert evidence in (shown if columns < story.WIDE else " ".join(shown.split()))
    assert ("\nEvidence\n" in shown) == (columns < story.WIDE)


def test_columns_are_left_out_by_how_much_they_are_needed() -> None:
    """First the start, then the disposition, the age and the script's name."""
    row = {
        "run": "0123abcd",
        "script": "appointment-reminder",
        "to": TO,
        "status": "completed",
        "disposition": "completed",
        "started": "2026-01-01 08:00:00",
        "age": "12m",
    }
    left_out = [set(row) - set(_fitting([row], columns)[0]) for columns in (120, 80, 60, 54, 40)]
    assert left_out == [
        set(),
        {"started"},
        {"started", "disposition"},
        {"started", "disposition", "age"},
        {"started", "disposition", "age", "script"},
    ]


@pytest.mark.parametrize("command", ["runs", "show", "plan"])
def test_in_a_pipe_every_row_is_one_line(call, ran, script, command) -> None:
    """However long it is; no rules, no blanks at its end."""
    script.rename(script.with_name("a-rather-long-name-of-a-script-for-a-narrow-column.yaml"))
    word = {
        "runs": (),
        "show": (ran["run_id"],),
        "plan": (script.with_name("a-rather-long-name-of-a-script-for-a-narrow-column.yaml"),),
    }
    out = call(command, *word[command]).out
    assert "─" not in out
    assert all(each == each.rstrip() for each in out.splitlines())
    if command == "plan":
        assert "whether the phone rang; the run looks for the call, and stops and asks unless the call is found" in out
    if command == "show":
        assert " ".join(ran["steps"][0]["evidence"].split()) in out


def test_a_narrow_terminal_shows_the_plan_without_its_last_column(call, script, terminal) -> None:
    """And says where it is; no line is wider than the terminal."""
    terminal(80)
    out = call("plan", script).out
    assert "not known if its reply is lost" not in out
    assert "is shown from 100 columns on, and by --json" in out
    table = re.sub("\x1b.*?m", "", out).split("\n\n")[0]
    assert max(map(len, table.splitlines())) <= 80


@pytest.mark.parametrize("columns", [40, 80, 120])
@pytest.mark.usefixtures("ran")
def test_doctor_breaks_no_path(call, terminal, columns: int) -> None:
    """Not even where a line is narrower than the path."""
    terminal(columns)
    out = call("doctor").out
    assert f"{os.environ['HOME']}/.local/state/orchestrator/journal.db" in out


def test_a_text_keeps_its_lines(capsys, terminal) -> None:
    """The terminal wraps what is too long, so that it can be copied whole."""
    from rich.text import Text

    terminal(20)
    output.show(Text(f"call {CALL}"))
    assert capsys.readouterr().out == f"call {CALL}\n"
