"""`batch` as cron calls it: a process with next to no environment, against the real sandbox."""

from __future__ import annotations

import csv
import json
import re
import signal
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.conftest import Cli

ANNA, BEN, CLEO, DORA = "+12125550101", "+12125550102", "+12125550103", "+12125550104"
SCRIPT = """
version: 1
name: reminder
variables: {who: {default: you}}
settings: {settle_dangerous: 300ms, settle_heard: 300ms, dial_expire: 2s}
commands:
  - dial: {to: "{{ to }}", from: "+15555550199", timeout: 20}
  - say: {text: "Hello {{ who }}."}
  - get_dtmf: {timeout: 3, commands: [{say: {text: "Press a key."}}]}
    save: choice
    on_failure: continue
  - end: {result: told}
"""
FOUR = f"to,who\n{ANNA},Anna\n{BEN},Ben\n{CLEO},Cleo\n{DORA},Dora\n"
LONG = "This sentence takes a while, so that something can happen in its middle, as things do."


@pytest.fixture
def operator(cli: Cli) -> Cli:
    """The command line of somebody with a script and a list."""
    cli.write("reminder.yaml", SCRIPT)
    cli.write("list.csv", FOUR)
    return cli


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def tick(cli: Cli, *more: object, code: int = 0) -> str:
    """Run a tick, which must end with this code; return what it said on stderr."""
    done = cli("batch", "reminder.yaml", "--contacts", "list.csv", *more)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    return done.stderr


def closed_now() -> str:
    """A calling window that is three days away in every time zone."""
    day = datetime.now(UTC) + timedelta(days=3)
    return f"{('mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun')[day.weekday()]} 09:00-17:00"


def test_a_list_is_called_once_and_silently(operator, sandbox) -> None:
    """A first tick says only that it made a journal; a second one that nothing was left to do, and calls nobody."""
    assert tick(operator) == f"Made a new journal: {operator.journal}\n"
    assert sorted(sandbox.rung()) == [ANNA, BEN, CLEO, DORA]
    told = tick(operator)
    assert told.endswith("nothing left to do, 4 contacts called already\n")
    assert told.count("\n") == 1
    assert len(sandbox.rung()) == 4


def test_results_have_a_row_for_each_contact_and_bad_rows_go_to_a_file_of_their_own(operator, sandbox) -> None:
    """In the order of the file, with its columns and what the run saved; the reject file has line and reason."""
    operator.write("list.csv", FOUR + "nobody,Eve\n")
    sandbox.set_callee(BEN, does="busy", after=0.1)
    told = tick(operator, "--results", "out.csv", code=1)
    assert "3 of 4 contacts reached, 1 not reached, 1 bad row (see out.rejects.csv)" in told
    rows = rows_of(operator.home / "out.csv")
    assert [(row["to"], row["disposition"], row["who"], row["choice"]) for row in rows] == [
        (ANNA, "completed", "Anna", "1"),
        (BEN, "busy", "Ben", ""),
        (CLEO, "completed", "Cleo", "1"),
        (DORA, "completed", "Dora", "1"),
    ]
    (rejected,) = rows_of(operator.home / "out.rejects.csv")
    assert (rejected["line"], rejected["to"]) == ("6", "nobody")
    tick(operator, "--results", "out.jsonl", code=1)
    lines = (operator.home / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["disposition"] for line in lines] == [row["disposition"] for row in rows]


def test_a_running_ledger_has_one_row_for_each_run(operator) -> None:
    """`--append` adds what is new; a row that is given again takes the place of the old one."""
    tick(operator, "--results", "ledger.csv", "--append")
    operator.write("list.csv", FOUR + "+12125550105,Eve\n")
    tick(operator, "--results", "ledger.csv", "--append")
    assert len(rows_of(operator.home / "ledger.csv")) == 5


def test_an_edited_list_calls_only_who_is_new(operator, sandbox) -> None:
    """Reordered, with other words and another row: nobody who was called is called again."""
    tick(operator)
    operator.write("list.csv", f"to,who\n+12125550105,Eve\n{DORA},Doris\n{ANNA},Anna\n{ANNA},Anna\n")
    tick(operator)
    assert sorted(sandbox.rung()) == [ANNA, BEN, CLEO, DORA, "+12125550105"]


def test_one_number_under_two_ids_is_called_one_after_the_other(operator, sandbox) -> None:
    """Rows that differ are two calls, the second begun when the first is over; equal ones are one."""
    operator.write("list.csv", f"to,id,who\n{ANNA},a,Anna\n{ANNA},b,Anne\n{ANNA},c,Anna\n")
    tick(operator, "--results", "out.csv")
    assert sandbox.rung() == [ANNA, ANNA]
    first, second = (entry["call"] for entry in sandbox.transcript(event="ringing"))
    order = [entry["call"] for entry in sandbox.transcript() if entry.get("event") in ("ringing", "hangup")]
    assert order == [first, first, second, second]
    reasons = [row["reason"] for row in rows_of(operator.home / "out.csv")]
    assert [reason.startswith("a duplicate") for reason in reasons] == [False, False, True]


def test_two_ticks_at_the_same_moment_call_everybody_once(operator, sandbox) -> None:
    """One of them calls; the other ends with 75, or 0 with `--overlap ok`, or waits and finds nothing to do."""
    line = ("batch", "reminder.yaml", "--contacts", "list.csv", "--overlap")
    ticks = [operator.start(*line, overlap) for overlap in ("wait", "wait", "wait")]
    for process in ticks:
        with process:
            assert process.wait(30) == 0, process.stderr.read()
    assert sorted(sandbox.rung()) == [ANNA, BEN, CLEO, DORA]


def test_an_overlapping_tick_ends_at_once(start_sandbox, make_cli) -> None:
    """While another one is running: exit 75 and a line, or 0 and nothing with `--overlap ok`."""
    sandbox = start_sandbox("--speed", "0.3")
    cli = make_cli(sandbox.url)
    cli.write("reminder.yaml", SCRIPT.replace("Hello {{ who }}.", LONG))
    cli.write("list.csv", f"to\n{ANNA}\n")
    with cli.start("batch", "reminder.yaml", "--contacts", "list.csv", "--grace", "0s") as first:
        sandbox.wait(event="running", text=LONG)
        assert "another tick of the campaign reminder is running" in tick(cli, code=75)
        assert tick(cli, "--overlap", "ok") == ""
        (shown,) = cli.json("batch", "status")
        assert shown["running"].endswith(f":{first.pid}")
        first.send_signal(signal.SIGTERM)
        first.wait(20)
    assert sandbox.rung() == [ANNA]


def test_who_was_busy_is_called_again_by_the_rules(operator, sandbox) -> None:
    """Not before the rule says so: 75 while a call is still due; then once more, and no further."""
    operator.write("c.yaml", "script: reminder.yaml\ncontacts: list.csv\nredial: {busy: {times: 1, after: 300ms}}\n")
    sandbox.set_callee(BEN, does="busy", after=0.1)
    done = operator("batch", "c.yaml")
    assert done.returncode == 75, done.stderr
    (shown,) = operator.json("batch", "status", "c")
    assert (shown["waiting"], shown["to_be_called_again"], shown["reached"]) == (1, 1, 3)
    assert shown["next_due"] is not None
    while (done := operator("batch", "--campaign", "c.yaml")).returncode == 75:
        pass
    assert done.returncode == 1
    assert sandbox.rung().count(BEN) == 2
    assert operator("batch", "c.yaml").returncode == 1
    assert sandbox.rung().count(BEN) == 2


def test_outside_the_window_nobody_is_called(operator, sandbox) -> None:
    """All wait, exit 75, silently; the dry run has the reason; nobody rings."""
    for_days = ("--window", closed_now(), "--occurrence", "these days")
    assert tick(operator, *for_days, code=75) == f"Made a new journal: {operator.journal}\n"
    dry = operator("batch", "reminder.yaml", "--contacts", "list.csv", *for_days, "--dry-run")
    *told, totals = dry.stdout.splitlines()
    assert [line.split()[0] for line in told] == ["later"] * 4
    assert len(re.findall(r"it is outside the calling window \(from 20\d\d-\S+Z on\)", dry.stdout)) == 4
    assert totals == "0 contacts would be called now, 4 later. Occurrence these days, no end."
    assert (dry.returncode, dry.stderr) == (0, "")
    assert sandbox.rung() == []


def test_the_dry_run_sends_and_writes_nothing(operator, sandbox) -> None:
    """Who would be called, who not and why, bad rows, and that no window is set; no journal is made.

    It ends as a tick does where rows are bad.
    """
    operator.write("list.csv", f"{FOUR}{ANNA},Anna\n911,Eve\nnobody,Eve\n")
    operator.write("dnc.txt", f"{BEN}\n")
    done = operator("batch", "reminder.yaml", "--contacts", "list.csv", "--do-not-call", "dnc.txt", "--dry-run")
    assert done.returncode == 1, done.stderr
    assert "no calling window is set" in done.stderr
    *told, totals = done.stdout.splitlines()
    assert [line.split()[0] for line in told] == ["call", "refused", "call", "call", "refused", "bad", "bad"]
    assert totals.startswith("3 contacts would be called now, 1 refused, 1 duplicate, 2 bad rows. Occurrence 20")
    assert sandbox.rung() == []
    assert not operator.journal.exists()


def test_the_dry_run_tells_of_bad_rows_also_while_the_window_is_closed(operator) -> None:
    """Who lacks a variable, and who is another once more: before the window opens there is time to mend it."""
    operator.write("reminder.yaml", SCRIPT.replace("who: {default: you}", "who: {required: true}"))
    operator.write("list.csv", f"to,id,who\n{ANNA},1,Anna\n{ANNA},2,Anna\n{BEN},3,\n{CLEO},4,Cleo\n{CLEO},4,Cleo\n")
    for_days = ("--window", closed_now(), "--occurrence", "these days")
    done = operator("batch", "reminder.yaml", "--contacts", "list.csv", *for_days, "--dry-run")
    totals = "0 contacts would be called now, 2 later, 1 refused, 2 duplicate. Occurrence these days, no end."
    assert done.stdout.splitlines()[-1] == totals
    assert "the column `who` is empty" in done.stdout
    assert done.returncode == 1


def test_one_number_with_other_variables_and_no_id_is_told_of(operator, sandbox) -> None:
    """It is one contact, and called once; the second row is somebody's call, and is not lost without a word."""
    operator.write("list.csv", f"to,who\n{ANNA},Anna\n{ANNA},Anne\n{BEN},Ben\n")
    told = tick(operator, "--results", "out.csv", code=1)
    reason = (
        "another row of this file is the same contact with other variables; to call both give each an `id` of its own"
    )
    assert f"2 of 3 contacts reached, 1 refused. Refused: {reason}. See out.csv." in told
    assert [row["reason"] for row in rows_of(operator.home / "out.csv")] == ["", reason, ""]
    dry = operator("batch", "reminder.yaml", "--contacts", "list.csv", "--dry-run")
    assert reason in dry.stdout
    assert len(sandbox.rung()) == 2


def test_do_not_call_lists_are_read_again(operator, sandbox) -> None:
    """A number that is put on the list is not called, one that is taken off it is called by the next tick."""
    operator.write("dnc.txt", f"{ANNA}\n")
    tick(operator, "--do-not-call", "dnc.txt", "--results", "out.csv", code=1)
    assert ANNA not in sandbox.rung()
    refused = rows_of(operator.home / "out.csv")[0]
    assert (refused["disposition"], refused["attempts"]) == ("refused", "0")
    assert "dnc.txt" in refused["reason"]
    operator.write("dnc.txt", "")
    tick(operator, "--do-not-call", "dnc.txt")
    assert sandbox.rung().count(ANNA) == 1


def test_the_same_file_is_refused_in_a_later_occurrence(operator, sandbox) -> None:
    """Exit 65 and nobody is called, unless the campaign repeats."""
    tick(operator, "--occurrence", "monday")
    assert "called in the occurrence monday" in tick(operator, "--occurrence", "tuesday", code=65)
    assert len(sandbox.rung()) == 4
    assert operator.json("batch", "status")[0]["occurrence"] == "monday"  # nothing is known of tuesday's contacts
    assert len(operator.json("batch", "results", "reminder")) == 4
    tick(operator, "--occurrence", "tuesday", "--repeat", "daily")
    assert operator.json("batch", "status")[0]["occurrence"] == "tuesday"
    assert len(sandbox.rung()) == 8


def test_a_campaign_can_be_paused_stopped_and_continued(operator, sandbox) -> None:
    """Paused: 75 and nobody is called; stopped: what is left is waited for no more; continued: they are called."""
    tick(operator, "--max-calls", "1", code=75)
    assert "is paused" in operator("batch", "pause", "reminder").stdout
    assert "Stopped early: the campaign is paused" in tick(operator, code=75)
    left = "reminder is paused: 4 contacts are known; those of its list that no tick has come to are not counted."
    assert left in operator("batch", "status").stdout
    assert operator("batch", "stop", "reminder").returncode == 0
    tick(operator)
    (shown,) = operator.json("batch", "status")
    assert shown["orders"] == "stopped"
    assert sandbox.rung() == [ANNA]
    assert operator("batch", "continue", "reminder").returncode == 0
    tick(operator)
    assert len(sandbox.rung()) == 4
    unknown = operator("batch", "pause", "remainder")
    assert unknown.returncode == 2
    assert "there are reminder" in unknown.stderr


def test_results_come_from_the_journal_alone(operator) -> None:
    """`batch results` needs no contacts file; CSV or JSON."""
    tick(operator)
    (operator.home / "list.csv").unlink()
    done = operator("batch", "results", "reminder")
    assert done.stdout.splitlines()[0].endswith("reason,choice")
    assert sorted(row["to"] for row in operator.json("batch", "results", "reminder")) == [ANNA, BEN, CLEO, DORA]
    assert operator("batch", "results", "reminder", "--output", "again.jsonl").returncode == 0
    assert len((operator.home / "again.jsonl").read_text().splitlines()) == 4


def test_a_person_can_let_contacts_be_called_once_more(operator, sandbox) -> None:
    """`batch rerun --disposition busy`: those alone, by the next tick, once."""
    sandbox.set_callee(BEN, does="busy", after=0.1)
    tick(operator, code=1)
    sandbox.set_callee(BEN, does="answer")
    assert "1 contact of reminder" in operator("batch", "rerun", "--disposition", "busy").stdout
    tick(operator)
    tick(operator)
    assert sandbox.rung().count(BEN) == 2
    assert len(sandbox.rung()) == 5
    assert operator("batch", "rerun", "--disposition", "bussy").returncode == 2


def test_a_signal_lets_live_calls_end_and_the_next_tick_finishes(start_sandbox, make_cli) -> None:
    """SIGTERM: nobody new is called, the live call comes to its end, exit 75; the same line then calls the others."""
    sandbox = start_sandbox("--speed", "10")
    cli = make_cli(sandbox.url)
    cli.write("reminder.yaml", SCRIPT.replace("Hello {{ who }}.", LONG))
    cli.write("list.csv", FOUR)
    with cli.start("batch", "reminder.yaml", "--contacts", "list.csv", "--concurrency", "1") as process:
        call = sandbox.wait(event="running", text=LONG)["call"]
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 75, errors
    assert "Stopped early" in errors
    assert LONG in sandbox.said(call)
    tick(cli, "--concurrency", "1")
    assert sorted(sandbox.rung()) == [ANNA, BEN, CLEO, DORA]


def test_an_api_out_of_reach_ends_the_tick_and_loses_nobody(start_sandbox, make_cli) -> None:
    """Exit 69 after some calls in a row, and one line; the next tick calls everybody, once. `-v` tells of steps."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    cli = make_cli(f"http://127.0.0.1:{port}")  # where nobody is yet
    cli.write("reminder.yaml", SCRIPT)
    cli.write("list.csv", "to\n" + "".join(f"+121255502{number:02}\n" for number in range(20)))
    told = tick(cli, "--set", "retry_total=200ms", code=69)
    assert "Stopped early" in told
    assert "step not sent" not in told
    assert len(cli.json("runs")) < 20
    assert cli.json("batch", "status")[0]["in_call"] == 0
    reasons = {row["reason"] for row in cli.json("batch", "results", "reminder") if row["run_id"]}
    assert reasons == {"its call was not begun (not sent: the connection was refused); the next tick tries again"}
    dry = cli.json("batch", "reminder.yaml", "--contacts", "list.csv", "--dry-run")
    assert dry["totals"]["call"] == 20  # those with a run that has not dialled among them
    more = ("--set", "retry_total=200ms", "--journal", "other.db", "-v")
    assert "step not sent" in cli("batch", "reminder.yaml", "--contacts", "list.csv", *more).stderr
    sandbox = start_sandbox("--port", str(port), "--speed", "20")
    tick(cli, "--window", closed_now(), code=75)  # a run that has not dialled keeps to the window too
    assert sandbox.rung() == []
    tick(cli)
    assert len(sandbox.rung()) == len(set(sandbox.rung())) == 20


def test_a_call_of_another_api_is_left_to_it(start_sandbox, make_cli) -> None:
    """Exit 78 and a line that says which; the other contacts are called all the same."""
    theirs, ours = start_sandbox("--speed", "1"), start_sandbox("--speed", "20")
    cli = make_cli(ours.url)
    cli.write("reminder.yaml", SCRIPT.replace("Hello {{ who }}.", LONG))
    cli.write("list.csv", FOUR)
    elsewhere = Cli(cli.home, cli.environment | {"ORCHESTRATOR_API_URL": theirs.url})
    with elsewhere.start("batch", "reminder.yaml", "--contacts", "list.csv", "--concurrency", "1") as process:
        theirs.wait(event="running", text=LONG)
        process.kill()
    told = tick(cli, code=78)
    assert "cannot be carried on with" in told
    assert theirs.url in told
    assert sorted(ours.rung()) == [BEN, CLEO, DORA]
    assert theirs.rung() == [ANNA]


def _killed_in_mid_call(start_sandbox, make_cli):
    """A campaign whose process was killed while Anna hears a sentence, and the sandbox that she is at."""
    sandbox = start_sandbox("--speed", "2")
    cli = make_cli(sandbox.url)
    cli.write("reminder.yaml", SCRIPT.replace("Hello {{ who }}.", LONG))
    cli.write("list.csv", f"to,who\n{ANNA},Anna\n")
    with cli.start("batch", "reminder.yaml", "--contacts", "list.csv") as process:
        sandbox.wait(event="running", text=LONG)
        process.kill()
    return cli, sandbox


def test_a_broken_list_keeps_nobody_waiting_in_silence(start_sandbox, make_cli) -> None:
    """The call that a killed tick left is carried on with all the same; then the list is complained of, and exit 65."""
    cli, sandbox = _killed_in_mid_call(start_sandbox, make_cli)
    cli.write("list.csv", "name\nAnna\n")
    told = tick(cli, code=65)
    assert "of an earlier tick was carried on with: completed" in told
    assert "list.csv" in told
    assert sandbox.rung() == [ANNA]
    assert "carried on" not in tick(cli, code=65)


def test_a_call_whose_contact_left_the_list_is_told_of(start_sandbox, make_cli) -> None:
    """It is carried on with, but no row of the results can say what it came to; later ticks say nothing of it."""
    cli, sandbox = _killed_in_mid_call(start_sandbox, make_cli)
    cli.write("list.csv", f"to,who\n{BEN},Ben\n")
    told = tick(cli, "--results", "out.csv")
    assert f"{ANNA} is not in the list of this occurrence" in told
    assert "is completed (`orchestrator show " in told
    assert [row["to"] for row in rows_of(cli.home / "out.csv")] == [BEN]
    assert sandbox.rung() == [ANNA, BEN]
    assert "is not in the list" not in tick(cli)


def test_request_limits_hold_nobody_up_who_has_room(operator, sandbox) -> None:
    """A campaign file with `api_limits` calls its list."""
    limits = "api_limits: {account: 30/30s}"
    operator.write("c.yaml", f"script: reminder.yaml\ncontacts: list.csv\n{limits}\n")
    operator.write("list.csv", f"to,who\n{ANNA},Anna\n{BEN},Ben\n")
    assert operator("batch", "c.yaml").returncode == 0
    assert sorted(sandbox.rung()) == [ANNA, BEN]


def test_wrong_credentials_end_the_tick_and_lose_nobody(operator, sandbox) -> None:
    """Exit 77; whoever was tried waits, and is called once the key is right."""
    sandbox.add_fault(kind="status", place="before", status=401, times="always")
    tick(operator, "--concurrency", "1", code=77)
    sandbox.clear_faults()
    tick(operator)
    assert sorted(sandbox.rung()) == [ANNA, BEN, CLEO, DORA]


def test_a_wrong_path_in_the_api_url_ends_the_tick_and_loses_nobody(operator, sandbox) -> None:
    """Exit 78, and what to check; whoever was tried waits, and is called once the address is right."""
    wrong = Cli(operator.home, operator.environment | {"ORCHESTRATOR_API_URL": f"{sandbox.url}/v9"})
    told = tick(wrong, "--concurrency", "1", code=78)
    assert "check the path of the API URL" in told
    tick(operator)
    assert sorted(sandbox.rung()) == [ANNA, BEN, CLEO, DORA]


def test_an_undecided_call_needs_a_person(operator, sandbox) -> None:
    """Exit 20: its contact is neither reached nor called again."""
    sandbox.add_fault(kind="status", place="received", command="dial", status=500)
    sandbox.add_fault(kind="status", place="before", method="GET", path="/calls", status=403, times="always")
    told = tick(operator, "--concurrency", "1", code=20)
    assert "1 unknown" in told
    tick(operator, code=20)
    assert len(sandbox.rung()) == len(set(sandbox.rung()))


def test_reports_for_machines(operator) -> None:
    """JUnit XML has a case for each contact; the metrics say what the tick ended with; `--json` is one document."""
    tick(operator, "--junit", "junit.xml", "--metrics", "batch.prom")
    assert ET.parse(operator.home / "junit.xml").getroot().get("tests") == "4"
    assert 'orchestrator_batch_exit_code{campaign="reminder"} 0' in (operator.home / "batch.prom").read_text()
    document = operator.json("batch", "reminder.yaml", "--contacts", "list.csv")
    assert (document["reached"], document["called"], document["already_called"]) == (4, 0, 4)


def test_a_list_may_come_on_standard_input(operator, sandbox) -> None:
    """`--contacts -`."""
    with (operator.home / "list.csv").open() as file:
        done = operator("batch", "reminder.yaml", "--contacts", "-", stdin=file)
    assert done.returncode == 0, done.stderr
    assert len(sandbox.rung()) == 4


@pytest.fixture
def pings() -> Iterator[tuple[str, list[str]]]:
    """A server that notes the paths it is asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/uuid", asked
        server.shutdown()
        thread.join()


def test_the_healthcheck_hears_of_start_and_end(operator, pings) -> None:
    """Start, then success; failure where the job could not be done; a monitor that is away fails nothing."""
    url, asked = pings
    tick(operator, "--healthcheck", url)
    assert asked == ["/uuid/start", "/uuid"]
    tick(operator, "--healthcheck", url, "--occurrence", "other", code=65)
    assert asked[2:] == ["/uuid/start", "/uuid/fail"]
    assert "the healthcheck was not reached" in tick(operator, "--healthcheck", "http://127.0.0.1:9/uuid")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("batch",), 2, "Call a whole list, from cron."),
        (("batch", "reminder.yaml"), 2, "Say whom to call: give --contacts FILE"),
        (("batch", "--campaign", "no-script.yaml"), 2, "Give a SCRIPT"),
        (("batch", "reminder.yaml", "--contacts", "none.csv"), 65, "none.csv"),
        (("batch", "reminder.yaml", "--contacts", "list.csv", "--rate", "fast"), 2, "`rate` must be a rate"),
        (
            ("batch", "reminder.yaml", "--contacts", "list.csv", "--results", "no/such/folder.csv"),
            78,
            "there is no folder",
        ),
        (("batch", "reminder.yaml", "--contacts", "list.csv", "--append"), 2, "name it by --results FILE"),
        (("batch", "reminder.yaml", "--contacts", "list.csv", "--results", "list.csv"), 2, "list.csv is named twice"),
        (("batch", "reminder.yaml", "--contacts", "list.csv", "--healthcheck", "x"), 2, "must be a URL"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_sent(operator, sandbox, words, code, said) -> None:
    """With its exit code, and without making a journal."""
    operator.write("no-script.yaml", "contacts: list.csv\n")
    done = operator(*words)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert sandbox.rung() == []
    assert not operator.journal.exists()
