"""How results are laid out: whole rows for pipes, and what is for copying unbroken on any terminal."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

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
    assert evidence in " ".join(shown.split())
    assert ("\nEvidence\n" in shown) == (columns < story.WIDE)
    longest = max(len(each) for each in shown.splitlines() if ran["run_id"] not in each and ran["call_id"] not in each)
    assert longest <= max(columns, len("step  commands  state  seconds") + len("done, its reply was lost"))


@pytest.mark.parametrize("columns", [58, 60, 80, 120])
@pytest.mark.usefixtures("at_sandbox")
def test_each_run_has_one_line_and_only_its_script_is_cut(call, script, terminal, columns: int) -> None:
    """A long name has as many columns as the others leave; a pipe has it whole."""
    name = "a-rather-long-name-of-a-script-for-a-narrow-column-with-even-more-words-in-it"
    script.write_text(script.read_text("utf-8").replace("name: short", f"name: {name}"), encoding="utf-8")
    assert call("run", script, "--to", TO).code == 0
    assert name in call("runs").out
    terminal(columns)
    heading, _, *rows = call("runs").out.splitlines()
    (row,) = rows
    assert max(len(heading.rstrip()), len(row.rstrip())) <= columns
    assert TO in row
    assert re.search("a-rather-long-n[a-z-]*…  ", row)


def test_sentences_of_show_are_wrapped_and_commands_are_not(call, at_sandbox, script, terminal) -> None:
    """What is read has the width of the terminal; what is copied is whole."""
    refused = script.with_name("undecided.yaml")
    refused.write_text(script.read_text("utf-8").replace("  - say", "  - send_dtmf: {dtmf: '1'}\n  - say"), "utf-8")
    at_sandbox.add_fault(kind="reset", place="received", command="send_dtmf")
    done = call("run", refused, "--to", TO, "--json")
    assert done.code == 20, done.err
    terminal(60)
    lines = call("show", done.json["run_id"]).out.splitlines()
    commands = [each for each in lines if each.startswith(story.WAYS_ON)]
    assert len(commands) == 2
    assert all(re.search("resolve [0-9a-f-]{36} --(ran|not-run)$", each) for each in commands)
    assert max(len(each) for each in lines if each not in commands) <= 60


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
    """However long it is; no rules, no blanks at its end, and no table that is far wider than its texts."""
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
        assert max(len(each) for each in out.split("\n\n")[0].splitlines()) <= 120
        assert (
            "\n  step 1: whether all of it was heard; it is repeated\n"
            in out.split("Not known if its reply is lost:")[1]
        )
        assert "whether the phone rang; the run looks for the call, and stops and asks unless the call is found" in out
    if command == "show":
        assert " ".join(ran["steps"][0]["evidence"].split()) in out


LONG = """\
version: 1
commands:
  - dial: {to: "{{ to }}", from: "+15555550199"}
  - id: a-label-of-some-length-here
    say: {text: "Good morning, this sentence says something about an appointment of yours."}
  - play: {resource_id: "123e4567-e89b-12d3-a456-426614174000"}
    duration: 90s
  - hangup: {}
"""


@pytest.mark.parametrize("columns", [60, 80, 100, 120])
@pytest.mark.parametrize("words", [("--mode", "poll", "--limit", "30s"), ("--limit", "30s"), ()])
def test_a_plan_fits_the_terminal_and_breaks_no_word(call, terminal, columns: int, words: tuple[str, ...]) -> None:
    """What there is no room for is left out, and named; each command has a line, cut behind a word."""
    Path("long.yaml").write_text(LONG, encoding="utf-8")
    terminal(columns)
    out = re.sub("\x1b.*?m", "", call("plan", "long.yaml", "--to", TO, *words).out)
    assert max(map(len, out.splitlines())) <= columns
    table, _, below = out.partition("\n\n")
    names = table.splitlines()[0]
    for name in ("line", "class", "dead air", "not known if its reply is lost"):
        left_out = "not shown, but by --json:" in below and name in " ".join(below.split("--json:")[1].split())
        assert (name in " ".join(names.split())) != left_out or name == "not known if its reply is lost"
    assert "a-label-of-some-length-here:" in table
    assert "seconds (from-to)" in names
    assert "commands" in names
    known = {*LONG.replace("{{ to }}", TO).split(), *OURS.split()}
    assert {word for row in table.splitlines()[2:] for word in row.split() if word.isalpha()} <= known


OURS = (
    "Good dial forbidden heard harmless at once held open refused say play hangup timeout whether the phone rang run "
    "looks for call and stops asks unless is found or was surely not made all of it heard repeated nothing that matters"
)


@pytest.mark.parametrize("columns", [60, 80, 100])
@pytest.mark.parametrize("command", [("advise", "long.yaml"), ("plan", "long.yaml", "--compare")])
def test_advice_and_comparison_fit_the_terminal(call, terminal, columns: int, command: tuple[str, ...]) -> None:
    """Columns are as wide as their longest word; only what is for copying may be longer than the line."""
    Path("long.yaml").write_text(LONG, encoding="utf-8")
    terminal(columns)
    out = re.sub("\x1b.*?m", "", call(*command, "--to", TO).out)
    assert max(len(each) for each in out.splitlines() if not each.startswith("    ")) <= columns
    words = out.split()
    for word in ("requests", "longest"):
        assert word in words
    assert ("forbidden" in words) == (command[0] == "plan")


def test_no_word_of_a_table_is_broken_however_narrow_the_terminal_is(capsys, terminal) -> None:
    """Then the table is wider than it."""
    from rich.table import Table

    terminal(8)
    table = Table("a", "some name", padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_row("unbreakable", "two words")
    output.show_words(table)
    shown = capsys.readouterr().out
    assert "unbreakable" in shown
    assert "two words" not in shown  # the second column is as narrow as its longest word
    output.prose("  an indented sentence that is wrapped")
    assert capsys.readouterr().out == "  an indented\n  sentence that is\n  wrapped\n"


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
