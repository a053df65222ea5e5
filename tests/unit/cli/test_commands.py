"""The commands that read and check, called in this process; the API is the real sandbox where there is one."""

from __future__ import annotations

import contextlib
import io
import json
import re
import signal
import sqlite3
import sys
from pathlib import Path
from types import ModuleType

import pytest

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.events.note import ReceiverNote, leave_note
from orchestrator.cli import driving, live, main, signals, story
from orchestrator.cli.app import App
from orchestrator.cli.commands import runs
from orchestrator.cli.output import OutputError
from orchestrator.cli.signals import Stops
from orchestrator.cli.watch import Watch
from orchestrator.compose import Orchestrator
from orchestrator.core.evolve import fold
from orchestrator.errors import JournalError, LeaseLostError
from orchestrator.scriptfile import load_script

TO = "+12125550123"


@pytest.fixture
def ran(call, at_sandbox, script) -> dict:
    """The document of one run that went well."""
    done = call("run", script, "--to", TO, "--json")
    assert done.code == 0, done.err
    assert at_sandbox.rung() == [TO]
    return done.json


def test_without_a_journal_there_is_nothing_to_see(call) -> None:
    """Looking makes no journal: lists are empty, a run or a campaign is not known, there is nothing to look after."""
    assert call("runs").code == 0
    assert call("runs", "--json").json == []
    assert call("reap", "--json").json == []
    assert "No call had to be ended." in call("reap", "-v").err
    assert call("show", "abc").code == 2
    checked = call("journal", "check")
    assert (checked.code, checked.out.split(" at ")[0]) == (0, "There is no journal")
    assert call("journal", "check", "--json").json["exists"] is False
    assert call("journal", "prune", "--older-than", "90d", "--json").json["runs"] == []
    exported = call("journal", "export")
    assert (exported.code, exported.out) == (0, "")
    assert "There is no journal" in exported.err
    assert call("journal", "export", "--run", "abc").code == 2
    assert call("journal", "adopt").code == 73
    assert not Path(".local").exists()


def test_without_a_journal_there_are_no_campaigns(call) -> None:
    """Their list is empty, and none is known by its name."""
    done = call("batch", "status")
    assert (done.code, done.out.split(" at ")[0]) == (0, "There are no campaigns: there is no journal")
    assert call("batch", "status", "--json").json == []
    for words in (("status", "spring"), ("results", "spring"), ("pause", "spring")):
        done = call("batch", *words)
        assert done.code == 2
        assert "no campaign `spring` has had a tick: there is no journal at" in done.err
    done = call("batch", "rerun", "--disposition", "busy")
    assert done.code == 2
    assert "there is none yet" in done.err
    assert call("batch", "status", "--journal", "wrong.db").code == 73
    assert not Path(".local").exists()


@pytest.mark.parametrize("command", [("runs",), ("reap",), ("resume", "--all"), ("journal", "check")])
def test_a_wrong_name_of_a_journal_is_told(call, monkeypatch, command) -> None:
    """Exit 73 where a flag names a journal that is not there, or a setting one that has not even a folder."""
    done = call(*command, "--journal", "wrong.db")
    assert done.code == 73
    assert f"There is no journal at {Path.cwd() / 'wrong.db'}" in done.err
    monkeypatch.setenv("ORCHESTRATOR_JOURNAL", "/nowhere/wrong.db")
    assert call(*command).code == 73
    assert list(Path.cwd().iterdir()) == []


def test_a_journal_that_is_still_to_be_made_is_no_error(call, monkeypatch) -> None:
    """A cron line resumes before the first call was made; whoever looks is told where."""
    monkeypatch.setenv("ORCHESTRATOR_JOURNAL", "later.db")
    at = Path.cwd() / "later.db"
    done = call("resume", "--all")
    assert (done.code, done.out, done.err) == (0, f"Nothing to carry on with: there is no journal at {at} yet.\n", "")
    assert (call("runs").code, call("runs").err) == (0, f"No runs: there is no journal at {at} yet.\n")
    assert call("reap").err == ""
    assert not at.exists()


def test_a_folder_is_no_journal(call) -> None:
    """Exit 73 and what to name instead."""
    done = call("runs", "--journal", Path.cwd())
    assert done.code == 73
    assert f"is a folder: name a file in it, such as {Path.cwd() / 'journal.db'}" in done.err


def test_a_folder_that_may_not_be_looked_into_is_no_bug(call, monkeypatch) -> None:
    """Exit 73 with the reason."""

    def refused(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", refused)
    done = call("runs", "--journal", "there.db")
    assert done.code == 73
    assert "cannot be looked at: Permission denied" in done.err


def test_a_user_without_a_home_is_told_what_to_name(call, monkeypatch) -> None:
    """Exit 78 and what to set, not a journal somewhere unexpected."""
    import pwd

    def nobody(_: int) -> None:
        raise KeyError

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    done = call("runs")
    assert done.code == 78
    assert "HOME is not set" in done.err
    named = call("--journal", "here.db", "runs")
    assert named.code == 73
    assert "HOME" not in named.err


@pytest.mark.usefixtures("at_sandbox")
def test_run_tells_its_summary(call, script) -> None:
    """One plain summary on stdout: status, disposition, result, steps, run."""
    done = call("run", script, "--to", TO)
    assert done.code == 0, done.err
    assert done.out.splitlines()[:4] == [
        "status:      completed",
        "disposition: completed",
        "result:      1",
        "steps:       3",
    ]


@pytest.mark.usefixtures("at_sandbox")
def test_run_writes_the_log_where_it_is_asked_for(call, script) -> None:
    """`-v` logs on stderr, as JSON where asked, and leaves stdout to the result."""
    done = call("--log-format", "json", "run", script, "--to", TO, "-v", "--json")
    events = [json.loads(each)["event"] for each in done.err.splitlines() if each.startswith("{")]
    assert {"run started", "run ended"} <= set(events)
    assert done.json["status"] == "completed"


def test_checks_come_before_anything_is_sent(call, at_sandbox, script, monkeypatch) -> None:
    """Bad scripts, variables, numbers and missing credentials are told without a journal or a request."""
    bad = Path("bad.yaml")
    bad.write_text("version: 1\ncommands:\n  - dail: {to: x}\n  - say: {txt: hello}\n", encoding="utf-8")
    done = call("run", bad, "--to", TO)
    assert done.code == 65
    assert done.err.startswith("bad.yaml:3:")
    assert "\nbad.yaml:4:" in done.err
    assert "Nothing was sent" in done.err
    assert call("run", bad, "--json").json["error"]["code"] == "bad_script"
    assert call("run", script).code == 2
    assert call("run", script, "--to", "911").code == 2
    assert call("run", script, "--to", TO, "--set", "max_silense=1s").code == 2
    monkeypatch.delenv("ORCHESTRATOR_API_KEY")
    monkeypatch.delenv("ORCHESTRATOR_API_PASSWORD")
    assert call("run", script, "--to", TO).code == 78
    assert not Path(".local").exists()
    assert at_sandbox.transcript() == []


def test_runs_shows_a_table_newest_first(call, script, ran) -> None:
    """A line a run; --limit cuts and says so; --unfinished leaves out what has ended."""
    second = call("run", script, "--to", "+12125550124", "--json").json
    table = call("runs").out.splitlines()
    assert [each.split()[0] for each in table[1:]] == [second["run_id"][:8], ran["run_id"][:8]]
    assert call("runs", "--json").json[1] == {
        "run_id": ran["run_id"],
        "script": "short",
        "to": TO,
        "from": "+15555550199",
        "direction": "outgoing",
        "status": "completed",
        "disposition": "completed",
        "call_id": ran["call_id"],
        "started_at": ran["started_at"],
        "driver": None,
    }
    cut = call("runs", "--limit", 1)
    assert len(cut.out.splitlines()) == 2
    assert "There are more: --limit 10 shows up to 10." in cut.err
    assert [each["run_id"] for each in call("runs", "--limit", 1, "--json").json] == [second["run_id"]]
    assert call("runs", "--unfinished", "--json").json == []
    assert "No unfinished runs" in call("runs", "--unfinished").err


@pytest.mark.usefixtures("ran")
def test_programs_are_shown_every_run(call, script, monkeypatch) -> None:
    """A table is short unless --limit says otherwise; a document leaves nothing out unless --limit does."""
    call("run", script, "--to", "+12125550124", "--json")
    monkeypatch.setattr(runs, "_SHOWN", 1)
    table = call("runs")
    assert len(table.out.splitlines()) == 2
    assert "There are more: --limit 10 shows up to 10." in table.err
    assert len(call("runs", "--json").json) == 2
    assert len(call("runs", "--limit", 2).out.splitlines()) == 3


def test_show_and_why_tell_the_story(call, at_sandbox, script) -> None:
    """Steps with their evidence, what else happened, and one line for `why`."""
    at_sandbox.add_fault(kind="close", place="after", command="say")
    at_sandbox.add_fault(kind="status", place="before", method="PUT", command="get_dtmf", status=429, headers={})
    at_sandbox.set_callee(TO, keys=["", "2"])
    ran = call("run", script, "--to", TO, "--json").json
    shown = call("show", ran["run_id"][:6])
    assert shown.code == 0
    for text in ("Script    short", "Status    failed", "say: reply lost", "get_dtmf: told to wait", "failed: timeout"):
        assert text in shown.out
    told = call("why", ran["run_id"])
    assert told.out.startswith(f"Run {ran['run_id'][:8]} ended ")
    assert call("why", ran["run_id"], "--json").json["status"] == "failed"


def test_plan_shows_every_step_and_refuses_what_does_not_fit(call, script) -> None:
    """A table and totals, or a document; exit 65 with the place of each problem."""
    done = call("plan", script, "--limit", "20s")
    assert done.code == 65
    assert "short.yaml:6:5: the dial may last" in done.out
    assert re.search(r"^ *0 +6 +dial: .* refused$", done.out, re.MULTILINE)
    assert "1 of 3 steps refused, so that nothing can be sent; network limit 20 s\n" in done.out
    assert "expected, between" not in done.out
    kinds = [item["kind"] for item in call("plan", script, "--limit", "20s", "--json").json["items"]]
    assert kinds == ["refused", "step", "step", "end"]
    fits = call("plan", script, "--limit", "60s", "--var", "who=Ada")
    assert fits.code == 0
    assert "say: Hello Ada." in fits.out
    assert "network limit 60 s" in fits.out
    document = call("plan", script, "--json").json
    assert [item["kind"] for item in document["items"]] == ["step", "step", "step", "end"]
    assert "no network limit" in call("plan", script).out


def test_plan_warns_of_a_number_that_run_refuses(call, script) -> None:
    """An emergency number is never dialled; its plan is shown all the same."""
    done = call("plan", script, "--to", "911")
    assert done.code == 0
    assert "Warning: 911 could reach an emergency service; this program never calls one; `run` refuses it" in done.err
    assert "Warning" not in call("plan", script, "--to", TO).err


def test_validate_checks_all_files_in_one_go(call, script) -> None:
    """Problems as file:line:column on stdout, `ok` for the others, 65 if any is bad."""
    bad = Path("bad.json")
    bad.write_text('{"commands": [{"say": {"text": "x"}}]}', encoding="utf-8")
    done = call("validate", script, bad)
    assert done.code == 65
    assert f"{script}: ok" in done.out
    assert "bad.json:1:" in done.out
    document = call("validate", script, bad, "--json").json
    assert [each["ok"] for each in document] == [True, False]
    assert call("validate", script).code == 0


def test_validate_warns_of_a_variable_that_is_nearly_declared(call) -> None:
    """With its place and the name that was meant, once; it is no error, as a list may give the variable."""
    typo = Path("typo.yaml")
    typo.write_text(
        "version: 1\nvariables: {patient: {required: true}}\ncommands:\n"
        '  - dial: {to: "{{ to }}", from: "+15555550199"}\n  - say: {text: "{{ patint }}, {{ zebra }}"}\n'
        '  - say: {text: "{{ patint }}, {{ patient }}"}\n',
        encoding="utf-8",
    )
    done = call("validate", typo)
    assert done.code == 0
    told = "the variable `patint` is used, but not declared; did you mean `patient`? (warning)"
    assert f"typo.yaml:5:5: {told}" in done.out
    assert done.out.count("(warning)") == 1


def from_stdin(monkeypatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_a_script_can_come_from_stdin(call, at_sandbox, script, monkeypatch) -> None:
    """`validate -`, `plan -` and `run -`; the journal keeps what came."""
    at_sandbox.set_callee("default", keys=["4"])
    text = script.read_bytes()
    for command in (("validate",), ("plan",), ("run", "--to", TO)):
        from_stdin(monkeypatch, text)
        done = call(*command, "-", "--json")
        assert done.code == 0, done.err
    shown = call("journal", "export").out.splitlines()[0]
    assert json.loads(shown)["record"]["script_source"] == text.decode()
    assert done.json["result"] == "4"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"commands:\n  - dail: {}\n", "<stdin>:2:"),
        (b"", "<stdin>:1:1: the file is empty"),
        (b"\xff", "<stdin>:1:1: the file is not UTF-8"),
        (b"#" * 1_048_577, "<stdin>: the file is larger than 1 MiB"),
    ],
    ids=["bad", "empty", "encoding", "large"],
)
def test_a_bad_script_from_stdin_is_told_with_its_places(call, monkeypatch, data: bytes, told: str) -> None:
    """As one in a file is."""
    from_stdin(monkeypatch, data)
    done = call("validate", "-")
    assert done.code == 65
    assert done.out.startswith(told)


def test_stdin_is_read_once_and_may_be_closed(call, monkeypatch, script) -> None:
    """Two things from stdin are a usage error; a closed one is an empty script."""
    assert "Only one SCRIPT can be read" in call("validate", "-", script, "-").err
    for command in ("run", "plan"):
        done = call(command, "-", "--var-file", "-")
        assert done.code == 2
        assert "Only one of SCRIPT and --var-file" in done.err
    monkeypatch.setattr("sys.stdin", None)
    assert call("validate", "-").code == 65


def test_warnings_are_shown_and_harm_nothing(call) -> None:
    """`validate` lists them with the file, `plan` says them on stderr."""
    unsure = Path("unsure.yaml")
    unsure.write_text(
        "version: 1\nvariables: {unused: {default: x}}\ncommands:\n"
        '  - dial: {to: "{{ to }}", from: "+15555550199"}\n  - goto: end\n  - say: {text: never}\n'
        "  - id: end\n    hangup: {}\n",
        encoding="utf-8",
    )
    done = call("validate", unsure)
    assert done.code == 0
    document = call("validate", unsure, "--json").json[0]
    assert done.out.count("(warning)") == len(document["warnings"])
    assert call("plan", unsure).err.count("Warning: ") == len(document["warnings"])
    assert call("plan", unsure, "--json").json["warnings"] == document["warnings"]


def test_a_call_that_max_call_would_cut_off_is_warned_of(call, script) -> None:
    """By `plan` and `validate`, on stderr or in the list of warnings; it is no error."""
    script.write_text(script.read_text().replace("settings: {", "settings: {max_call: 20s, "), encoding="utf-8")
    told = "is ended after 20 s (max_call): shorten it, or raise max_call"
    assert told in call("validate", script).out
    assert told in call("validate", script, "--json").json[0]["warnings"][0]
    planned = call("plan", script)
    assert planned.code == 0
    assert told in planned.err
    assert call("plan", script, "--set", "max_call=10m", "--json").json["warnings"] == []


def test_a_variable_that_nothing_knows_is_warned_of(call, at_sandbox, script) -> None:
    """With the nearest name; the call is made all the same. What the script reads needs no declaration."""
    at_sandbox.set_callee("default", keys=["1"])
    told = "Warning: the variable `hwo` is given, but the script neither declares nor reads it; did you mean `who`?"
    assert told in call("plan", script, "--var", "hwo=x").err
    done = call("run", script, "--to", TO, "--var", "hwo=x", "--var", "from=+15555550198")
    assert done.code == 0
    assert [each for each in done.err.splitlines() if "Warning" in each] == [told]


def test_a_missing_secret_belongs_into_a_file(call, at_sandbox, script) -> None:
    """Others on the machine can read the command line: `--var` is not advised for a sensitive variable."""
    script.write_text(
        script.read_text().replace("variables: {", "variables: {pin: {sensitive: true, required: true}, "),
        encoding="utf-8",
    )
    done = call("run", script, "--to", TO)
    assert done.code == 65
    assert "give it with --var-file FILE, a file that only you may read, with the line pin=VALUE" in done.err
    assert at_sandbox.rung() == []


def test_the_journal_is_checked_exported_and_pruned(call, ran) -> None:
    """Each with its result on stdout."""
    checked = call("journal", "check")
    assert checked.code == 0
    assert "is sound: 1 run." in checked.out
    assert call("journal", "check", "--json").json["ok"] is True
    lines = [json.loads(each) for each in call("journal", "export", "--run", ran["run_id"][:8]).out.splitlines()]
    assert [each["seq"] for each in lines] == list(range(1, len(lines) + 1))
    assert call("journal", "export", "--run", "zzz").code == 2
    assert call("journal", "prune", "--older-than", "90d").out.startswith("Removed 0 runs")
    assert call("journal", "prune", "--older-than", "0s", "--dry-run").out.startswith("Would remove 1 run that ended ")
    assert call("journal", "prune", "--older-than", "0s", "--json").json["runs"] == [ran["run_id"]]
    assert call("runs", "--json").json == []


@pytest.mark.parametrize(
    ("age", "told", "seconds"),
    [
        ("90d", "more than 90 days ago", 90 * 86_400),
        ("36h", "more than 36 hours ago", 36 * 3600),
        ("1h", "more than 1 hour ago", 3600),
        ("90s", "more than 90 seconds ago", 90),
        ("1m", "more than 1 minute ago", 60),
    ],
)
@pytest.mark.usefixtures("ran")
def test_prune_says_what_it_was_told_and_what_it_did(call, age: str, told: str, seconds: int) -> None:
    """The age as it was given, since when that is, what went and what stays; a rehearsal says what it would do."""
    removed = call("journal", "prune", "--older-than", age).out
    assert re.fullmatch(
        rf"Removed 0 runs that ended {told}, before \d{{4}}-\d\d-\d\d [\d:]{{8}}, with 0 records; "
        r"1 run kept, \d+ KiB given back.\n",
        removed,
    )
    rehearsed = call("journal", "prune", "--older-than", age, "--dry-run").out
    assert rehearsed.startswith(f"Would remove 0 runs that ended {told}")
    assert rehearsed.endswith("; 1 run would be kept.\n")
    document = call("journal", "prune", "--older-than", age, "--json").json
    assert (document["older_than_s"], document["kept"], document["records"]) == (seconds, 1, 0)
    everything = call("journal", "prune", "--older-than", "0s", "--dry-run", "--json").json
    assert (everything["kept"], len(everything["runs"]), everything["older_than_s"]) == (0, 1, 0)


def test_a_damaged_journal_is_exit_73(call, ran) -> None:
    """`journal check` lists what is wrong; `doctor` says so too."""
    with sqlite3.connect(Path(".local/state/orchestrator/journal.db")) as database:
        database.execute("UPDATE records SET body = '{}' WHERE seq = 2")
    database.close()
    done = call("journal", "check")
    assert done.code == 73
    assert ran["run_id"] in done.out
    assert call("journal", "check", "--json").json["ok"] is False
    assert call("doctor").code == 73


@pytest.mark.usefixtures("ran")
def test_doctor_finds_everything_in_place(call) -> None:
    """Every check is ok, the API answers, and nothing secret is shown."""
    done = call("doctor", "--api", "--network", "heroku")
    assert done.code == 0, done.out
    assert "Everything needed is in place." in done.out
    assert "heroku (Heroku router (H12)): requests are cut after 30 s" in done.out
    checks = call("doctor", "--api", "--json").json["checks"]
    assert {"program", "packages", "journal", "disk", "credentials", "API", "proxy", "network", "answer", "clock"} <= {
        check["name"] for check in checks
    }
    assert {check["level"] for check in checks} == {"ok"}


@pytest.mark.parametrize(
    ("setting", "value", "code", "told"),
    [
        ("ORCHESTRATOR_API_KEY", "", 78, "ORCHESTRATOR_API_PASSWORD is set but ORCHESTRATOR_API_KEY is not"),
        ("ORCHESTRATOR_API_KEY", "wrong", 77, "check the API key and password"),
        ("ORCHESTRATOR_API_URL", "http://127.0.0.1:9", 69, "check the network"),
        ("ORCHESTRATOR_API_URL", "http://example.com", 78, "must begin with https://"),
        ("ORCHESTRATOR_CONFIG", "missing.yaml", 78, "missing.yaml"),
        ("ORCHESTRATOR_JOURNAL", "/proc/journal.db", 73, "cannot write to /proc"),
        ("ORCHESTRATOR_JOURNAL", "/nowhere/journal.db", 73, "/nowhere/journal.db: there is no such folder"),
        ("ORCHESTRATOR_LMIT", "1s", 78, "ORCHESTRATOR_LIMIT"),
    ],
)
@pytest.mark.usefixtures("at_sandbox")
def test_doctor_says_what_is_wrong_and_what_to_do(call, monkeypatch, setting, value, code, told) -> None:
    """Each failure has its exit code; checks that can still be made are made."""
    monkeypatch.setenv(setting, value)
    done = call("doctor", "--api")
    assert done.code == code, done.out
    assert told in done.out
    assert "Something needed is not in place" in done.out


@pytest.mark.usefixtures("ran")
def test_doctor_tries_to_write(call, monkeypatch) -> None:
    """A journal that can be read while another process holds it for writing is not in place."""
    from orchestrator.adapters.journal import SqliteJournal

    first = SqliteJournal.__init__
    monkeypatch.setattr(SqliteJournal, "__init__", lambda *a, **more: first(*a, **{**more, "busy_timeout_s": 0.05}))
    assert "a transaction took" in call("doctor").out
    other = sqlite3.connect(Path(".local/state/orchestrator/journal.db"), isolation_level=None)
    with contextlib.closing(other):
        other.execute("BEGIN IMMEDIATE")
        done = call("doctor")
    assert done.code == 73
    assert "is locked by another process" in " ".join(done.out.split())


@pytest.mark.usefixtures("ran")
def test_doctor_warns_of_a_wrong_clock_and_an_open_journal(call, start_sandbox, monkeypatch) -> None:
    """Warnings advise and fail nothing."""
    monkeypatch.setenv("ORCHESTRATOR_API_URL", start_sandbox("--clock-skew", "-90").url)
    Path(".local/state/orchestrator/journal.db").chmod(0o644)
    done = call("doctor", "--api")
    assert done.code == 0
    assert "behind this machine's" in done.out
    assert "chmod 600" in done.out


def test_the_live_view_shows_the_steps_and_their_end(at_sandbox, script, capsys, tmp_path) -> None:
    """What is drawn while a call runs names its steps, their states and what it waits for."""
    states = []
    watch = Watch(lambda _, state: states.append(state))
    with Orchestrator(journal=tmp_path / "j.db", on_record=watch) as orchestrator:
        view = live.LiveView(
            watch,
            document=lambda state: orchestrator.document(state, driven=True),
            now=lambda: orchestrator.clock.now().wall,
        )
        with view:
            at_sandbox.add_fault(kind="status", place="before", command="say", status=429)
            orchestrator.run(load_script(script), to=TO)
    drawn = capsys.readouterr().err
    assert f"short → {TO}" in drawn
    assert "get_dtmf" in drawn
    assert watch.last_run == states[0].run_id
    assert watch.live_runs == []
    waiting = next(state for state in states if state.wake is not None)
    assert view._waits(waiting) == ""
    view._over = False
    assert view._waits(waiting).startswith("waiting ") or waiting.wake.wall < orchestrator.clock.now().wall


@pytest.mark.usefixtures("at_sandbox")
def test_the_live_view_of_several_runs_has_a_line_for_each(script, capsys, tmp_path) -> None:
    """`resume --all` shows where each run stands."""
    watch = Watch()
    with Orchestrator(journal=tmp_path / "j.db", on_record=watch) as orchestrator:
        view = live.LiveView(
            watch,
            document=lambda state: orchestrator.document(state, driven=True),
            now=lambda: orchestrator.clock.now().wall,
        )
        for number in (TO, "+12125550124"):
            orchestrator.run(load_script(script), to=number)
        with view:
            pass
    drawn = capsys.readouterr().err
    assert drawn.count("completed") == 2


@pytest.mark.usefixtures("at_sandbox")
def test_a_step_on_its_way_is_told_from_a_lost_one(script, tmp_path) -> None:
    """An open request is `running`; after a crash the same record is a lost reply."""
    steps = [{"ended_at": None, "outcome": "unknown", "verdict": None, "results": None, "attempts": 1}]
    assert story.state_of(steps[0], is_open=True)[0] == "reply lost, finding out"
    assert story.state_of({**steps[0], "attempts": 2}, is_open=False)[0] == "not known (2 attempts)"
    states = []
    with Orchestrator(journal=tmp_path / "j.db", on_record=lambda _, state: states.append(state)) as orchestrator:
        run = orchestrator.run(load_script(script), to=TO)
        records = orchestrator.journal.read(run.run_id)
    assert any(story.is_sending(state) for state in states)
    assert not story.is_sending(fold(records))


@pytest.mark.parametrize(("seconds", "shown"), [(-1, "0s"), (59, "59s"), (60, "1m"), (7200, "2h"), (200_000, "2d")])
def test_ages_have_one_unit(seconds: float, shown: str) -> None:
    """The greatest unit that fits."""
    assert story.ago(seconds) == shown


def test_ignored_signals_stay_ignored_and_handlers_come_back() -> None:
    """What `nohup` ignores is left alone; afterwards every handler is as before."""
    with Orchestrator() as orchestrator:
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            said: list[str] = []
            with Stops(orchestrator.control, grace_s=1, hand_over=False, say=said.append, left_behind=list) as stops:
                assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
                assert signal.getsignal(signal.SIGINT) == stops._hear
                signal.raise_signal(signal.SIGTERM)
                assert orchestrator.control.told.wait(5)
            assert stops.asked
            assert stops.forced is None
            assert said == ["SIGTERM: nothing more is begun."]
            assert signal.getsignal(signal.SIGINT) is not stops._hear
        finally:
            signal.signal(signal.SIGHUP, before)


def test_the_result_is_written_even_when_the_process_ends_before_its_calls(monkeypatch) -> None:
    """The last words come before the exit, and an error in them does not keep the process from ending."""
    exits: list[int] = []
    monkeypatch.setattr(signals, "PATIENCE_S", 0.0)
    monkeypatch.setattr(signals.os, "_exit", exits.append)
    said: list[str] = []

    def last_words(why: str) -> None:
        said.append(why)
        raise OutputError(None)

    with Orchestrator() as orchestrator:
        stops = Stops(
            orchestrator.control,
            grace_s=1,
            hand_over=False,
            say=lambda _: None,
            left_behind=lambda: ["end it"],
            last_words=last_words,
        )
        with pytest.raises(OutputError):
            stops._second(signal.SIGTERM)
    assert said == ["stopped by SIGTERM; the call could not be ended in time"]
    assert exits == [128 + signal.SIGTERM]


def test_the_way_on_is_a_verdict_where_one_is_needed(capsys) -> None:
    """What cannot be carried on with is not offered to be."""
    error = {"code": "lease_lost", "message": "it was taken over", "resume_command": "orchestrator resolve r"}
    document = {"run_id": "r", "status": "undecided", "to": TO, "call_id": "c"}
    driving.tell_way_on(App(), {**document, "steps": [], "error": error})
    told = capsys.readouterr().err
    assert "To carry on" not in told
    assert "resolve r --ran" in told
    driving.tell_way_on(App(), {"run_id": "r", "error": {**error, "resume_command": "orchestrator resume r"}})
    assert capsys.readouterr().err == "To carry on with it:  orchestrator resume r\n"
    driving.tell_way_on(App(), {"run_id": "r", "error": {**error, "resume_command": None}})
    assert capsys.readouterr().err == ""


def test_a_run_that_broke_off_has_its_whole_document(script, tmp_path) -> None:
    """From the journal; from memory, without an end that was not written, where the journal cannot be read."""
    watch = Watch()
    with Orchestrator(
        api_url="http://127.0.0.1:9", api_key="k", api_password="p", journal=tmp_path / "j.db", on_record=watch
    ) as orchestrator:
        orchestrator.control.stop(grace_s=0, why="stopped by SIGTERM")
        run_id = orchestrator.run(load_script(script), to=TO).run_id
        error = JournalError("the disk is full")
        document = driving.broken_off(orchestrator, watch, run_id, error)
        assert document["to"] == TO
        assert document["error"]["code"] == "journal"
        lost = driving.broken_off(orchestrator, watch, run_id, LeaseLostError("taken over"))
        assert lost["error"]["code"] == "lease_lost"
        assert driving.unfinished(orchestrator, watch, run_id, "stopped")["run_id"] == run_id
        assert driving.unfinished(orchestrator, Watch(), run_id, "stopped") == {
            "run_id": run_id,
            "error": {"code": "stopped", "message": "stopped", "resume_command": None},
        }
        orchestrator.journal.close()
        unread = driving.broken_off(orchestrator, watch, run_id, error)
        assert (unread["status"], unread["ended_at"]) == ("interrupted", None)
        assert unread["error"]["resume_command"] == f"orchestrator resume {run_id}"
        assert driving.broken_off(orchestrator, Watch(), run_id, error) == {
            "run_id": run_id,
            "error": {"code": "journal", "message": "the disk is full", "resume_command": None},
        }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a=1\nnot a pair\n", "vars:2: this line is not NAME=VALUE."),
        ("a=1\n# comment\n\na=2\n", "vars:4: `a` is given twice."),
        ("call_id=1\n", "vars:1: the name of a variable must not be `call_id`"),
        ("x" * 1_048_577, "larger than 1 MiB"),
        ("a=\udcff", "not UTF-8"),
    ],
    ids=["no pair", "twice", "reserved", "too large", "encoding"],
)
def test_a_bad_file_of_variables_is_told_without_its_values(call, text: str, told: str) -> None:
    """Exit 2 and the line."""
    path = Path("vars")
    path.write_bytes(text.encode(errors="surrogateescape"))
    path.chmod(0o600)
    done = call("resume", "--all", "--var-file", "vars")
    assert done.code == 2
    assert told in done.err


def test_the_sandbox_command_becomes_the_sandbox(call, monkeypatch) -> None:
    """Its options pass through; without its extra it says what to install."""
    became: list[list[str]] = []
    monkeypatch.setattr("os.execve", lambda _, words, __: became.append(words))
    assert call("sandbox", "--port", "8123", "-v", "--help").code == 0
    assert became[0][-6:] == ["-m", "orchestrator.sandbox", "--port", "8123", "-v", "--help"]
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    done = call("sandbox")
    assert done.code == 78
    assert "call-orchestrator[serve]" in done.err


def test_doctor_names_what_is_missing(call, monkeypatch) -> None:
    """Missing packages fail; a missing extra or socket option is a warning with advice."""
    from importlib import metadata

    from orchestrator.adapters.transport import sockets

    def lacking(_: str) -> str:
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(metadata, "version", lacking)
    monkeypatch.setattr(sockets, "missing_socket_options", lambda: ("TCP_USER_TIMEOUT",))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    found = {check["name"]: check for check in call("doctor", "--json").json["checks"]}
    assert found["packages"]["level"] == "fail"
    assert "requests" in found["packages"]["found"]
    assert {found[name]["level"] for name in ("program", "sandbox", "sockets")} == {"warn"}
    monkeypatch.setattr(metadata, "requires", lacking)
    found = {check["name"]: check for check in call("doctor", "--json").json["checks"]}
    assert found["packages"]["level"] == "warn"


@pytest.mark.usefixtures("at_sandbox")
def test_doctor_checks_the_scripts_that_answer_calls(call) -> None:
    """As `serve` does: one that is missing or needs variables fails, the others are listed; calls need a receiver."""
    good = "version: 1\ncommands: [{answer: {}}, {say: {text: Hello}}]\n"
    Path("good.yaml").write_text(good, encoding="utf-8")
    Path("needs.yaml").write_text(good.replace("1\n", "1\nvariables: {who: {required: true}}\n"), encoding="utf-8")
    Path("config.yaml").write_text(
        'incoming: {scripts: {"+12125550101": good.yaml, "+12125550102": needs.yaml, "+12125550103": none.yaml}}\n',
        encoding="utf-8",
    )
    done = call("doctor", "--config", "config.yaml", "--json")
    assert done.code == 65
    checks = done.json["checks"]
    levels = [(check["level"], check["found"]) for check in checks if check["name"] == "incoming"]
    assert [level for level, _ in levels] == ["ok", "fail", "fail"]
    assert "+12125550101 is answered by" in levels[0][1]
    assert "`who` is required" in levels[1][1]
    assert "none.yaml" in levels[2][1]
    (receiver,) = (check for check in checks if check["name"] == "receiver")
    assert (receiver["level"], receiver["advice"]) == ("warn", "start `orchestrator serve`")


def test_doctor_reads_credentials_from_a_file(call) -> None:
    """It says which file, and that only its owner may read it, but not what is in it."""
    secret = Path("credentials")
    secret.write_text("api_key: K3Y\napi_password: PA55\n", encoding="utf-8")
    secret.chmod(0o600)
    config = Path("config.yaml")
    config.write_text("credentials_file: credentials\nnetwork: direct\n", encoding="utf-8")
    done = call("--config", config, "doctor")
    assert done.code == 0
    assert "which only you may read" in " ".join(done.out.split())
    assert "direct (nothing in between): no limit" in done.out
    assert "K3Y" not in done.out + done.err
    assert "certificates" in done.out
    secret.chmod(0o644)
    assert call("--config", config, "doctor").code == 78


def test_the_command_that_resumes_works_from_any_folder(monkeypatch) -> None:
    """It has the global options that were given, absolute and quoted for a shell."""
    app = App(config="my config.yaml", journal="sqlite:///j.db", log_format="json")
    monkeypatch.setattr("sys.argv", ["orchestrator"])
    here = Path.cwd()
    assert " --log-format json resume x" in app.resume_command("x")
    assert f"'{here}/my config.yaml'" in app.resume_command("x")
    monkeypatch.setattr("sys.argv", ["/opt/it/orchestrator"])
    assert App().resume_command("x") == "/opt/it/orchestrator resume x"
    monkeypatch.setattr("sys.argv", ["/opt/it/pytest"])
    assert App().resume_command("x") == "orchestrator resume x"


@pytest.mark.usefixtures("ran")
def test_doctor_tells_whether_events_are_received(call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which process does; and that mode async makes little sense without one."""

    def receiver() -> dict[str, str]:
        (check,) = [each for each in call("doctor", "--json").json["checks"] if each["name"] == "receiver"]
        return check

    assert receiver()["level"] == "ok"
    monkeypatch.setenv("ORCHESTRATOR_MODE", "async")
    assert (receiver()["level"], "serve" in receiver()["advice"]) == ("warn", True)
    note = ReceiverNote(url="http://127.0.0.1:8080", public_url="https://e.example", pid=42, at=SystemClock().now())
    with Orchestrator() as orchestrator:
        leave_note(orchestrator.journal_path, note)
    assert "process 42 receives events on http://127.0.0.1:8080, reached by https://e.example" in receiver()["found"]


def test_an_interrupt_while_the_program_loads_is_no_traceback(monkeypatch) -> None:
    """Nothing was begun: exit 130, and not a word."""

    class Loading(ModuleType):
        """A module that Ctrl-C hits in the middle."""

        def __getattr__(self, name: str) -> object:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "orchestrator.cli.program", Loading("program"))
    with pytest.raises(SystemExit) as ended:
        main(["runs"])
    assert ended.value.code == 130
