"""What a batch says of where its contacts stand: the same numbers in the same words, whatever a person did to it."""

from __future__ import annotations

import json

import pytest

from tests.conftest import Cli
from tests.e2e.operators import ANNA, BEN, CLEO, DORA, FOUR, LONG, at_work, rows_of, tick
from tests.e2e.test_batch_pages import on_terminal

SCRIPT = """
version: 1
name: reminder
settings: {settle_dangerous: 300ms, settle_heard: 300ms, dial_expire: 2s, max_call: 10s}
commands:
  - dial: {to: "{{ to }}", from: "+15555550199", timeout: 20}
  - say: {text: "Hello."}
  - end: {result: told}
"""


@pytest.fixture
def operator(cli: Cli) -> Cli:
    """The command line of somebody with a script and a list."""
    return at_work(cli, SCRIPT)


# --- a campaign that a person holds -----------------------------------------------------------------------------------


def test_a_stopped_campaign_is_told_alike_everywhere(operator, sandbox) -> None:
    """Who was not called is refused, for that reason: in a tick's line, its results, the journal's and the status."""
    tick(operator, "--max-calls", "1", code=75)
    assert operator.json("batch", "stop", "reminder") == {"campaign": "reminder", "orders": "stopped", "running": None}
    told = tick(operator, "--results", "out.csv")
    assert "the campaign is stopped, so 3 contacts are not called; `batch continue reminder` takes that back" in told
    assert told.count("\n") == 1
    in_file = [(row["disposition"], row["reason"]) for row in rows_of(operator.home / "out.csv")]
    assert in_file == [("completed", "")] + [("refused", "the campaign is stopped")] * 3
    in_journal = operator.json("batch", "results", "reminder")
    assert sorted(row["disposition"] for row in in_journal) == ["completed", "refused", "refused", "refused"]
    (status,) = operator.json("batch", "status")
    document = operator.json("batch", "reminder.yaml", "--contacts", "list.csv")
    for shown in (status, document):
        counts = [shown[name] for name in ("contacts", "reached", "refused", "left_out", "waiting")]
        assert counts == [4, 1, 3, 3, 0]
    assert document["already_called"] == 1
    assert "not called" in operator("batch", "status").stdout
    assert sandbox.rung() == [ANNA]


def test_a_stop_while_somebody_is_to_be_called_again_leaves_what_the_call_came_to(operator, sandbox) -> None:
    """They were called: they are not reached, and not refused."""
    sandbox.set_callee(BEN, does="busy", after=0.1)
    operator.write("c.yaml", "script: reminder.yaml\ncontacts: list.csv\nredial: {busy: {times: 1, after: 1h}}\n")
    these_days = ("--occurrence", "these days")  # a day's could end within the hour
    assert operator("batch", "c.yaml", *these_days).returncode == 75
    assert operator("batch", "stop", "c.yaml").returncode == 0
    done = operator("batch", "c.yaml", *these_days)
    assert done.returncode == 1
    assert "3 of 4 contacts reached, 1 not reached, 4 called already" in done.stderr
    (status,) = operator.json("batch", "status")
    assert (status["not_reached"], status["waiting"], status["next_due"]) == (1, 0, None)


def test_a_rerun_promises_no_calls_while_the_campaign_is_held(operator, sandbox) -> None:
    """It says what has to be done first; then they are called once more, also when the journal was pruned."""
    sandbox.set_callee(BEN, does="busy", after=0.1)
    tick(operator, code=1)
    assert "none ended so" in operator("batch", "rerun", "--disposition", "expired").stdout
    assert operator("batch", "stop", "reminder").returncode == 0
    assert "Removed 4 runs" in operator("journal", "prune", "--older-than", "0s").stdout
    told = operator("batch", "rerun", "--disposition", "busy").stdout
    assert "1 contact of reminder" in told
    assert "after `batch continue reminder`, as the campaign is stopped" in told
    assert "3 of 4 contacts reached, 1 not reached, 4 called already" in tick(operator, code=1)
    sandbox.set_callee(BEN, does="answer")
    assert operator.json("batch", "continue", "reminder")["orders"] is None
    tick(operator)
    assert sandbox.rung().count(BEN) == 2
    assert len(sandbox.rung()) == 5


def test_a_pause_does_not_matter_once_everybody_was_called(operator, sandbox) -> None:
    """The exit code says how the calls went; 75 only while somebody is left to be called."""
    sandbox.set_callee(BEN, does="busy", after=0.1)
    tick(operator, code=1)
    assert operator.json("batch", "pause", "reminder")["orders"] == "paused"
    told = tick(operator, code=1)
    assert "Nothing is left to do, though the campaign is paused." in told
    operator.write("list.csv", FOUR + "+12125550105\n")
    assert "Stopped early: the campaign is paused" in tick(operator, code=75)
    assert len(sandbox.rung()) == 4


# --- what is counted --------------------------------------------------------------------------------------------------


def test_contacts_are_counted_and_not_rows(operator) -> None:
    """Rows of one contact, and contacts that this very tick has called, are not `called already`."""
    operator.write("list.csv", f"to,id\n{ANNA},1\n{ANNA},2\n{ANNA},1\n{BEN},3\n{BEN},3\n")
    first = operator.json("batch", "reminder.yaml", "--contacts", "list.csv")
    assert (first["contacts"], first["called"], first["already_called"]) == (5, 2, 0)
    assert "nothing left to do, 2 contacts called already" in tick(operator)


def test_status_counts_as_a_tick_does(operator, sandbox) -> None:
    """What a tick calls refused, so does the status; rows that are the same as another are told apart."""
    sandbox.set_callee(CLEO, does="busy", after=0.1)
    operator.write("list.csv", f"to,id\n{ANNA},1\n{ANNA},2\n{ANNA},1\n{BEN},3\n{CLEO},4\n{DORA},5\n")
    operator.write("never.csv", f"{BEN}\n")
    told = tick(operator, "--do-not-call", "never.csv", "--max-calls", "2", code=75)
    assert told == ""
    told = tick(operator, "--do-not-call", "never.csv", code=1)
    assert "2 of 6 contacts reached, 1 not reached, 1 refused, 2 duplicate" in told
    head, line = (text.split("  ") for text in operator("batch", "status").stdout.splitlines())
    shown = dict(zip(filter(None, map(str.strip, head)), filter(None, map(str.strip, line)), strict=True))
    assert (shown["reached"], shown["not reached"], shown["refused"], shown["waiting"]) == ("2", "1", "1", "0")
    assert (shown["contacts"], shown["duplicate"]) == ("5", "1")  # of equal rows with one id the journal knows one


def test_a_line_of_trouble_says_why_and_where_more_is_told(operator) -> None:
    """Why the first was refused; the results file, or else the command that shows the results."""
    operator.write("never.csv", f"{BEN}\n{CLEO}\n")
    operator.write("list.csv", f"{FOUR}nobody\n")
    told = tick(operator, "--do-not-call", "never.csv", code=1)
    assert "2 of 4 contacts reached, 2 refused, 1 bad row (--rejects FILE writes them)." in told
    assert (
        "The first refused: it is on the do-not-call list never.csv. See `orchestrator batch results reminder`." in told
    )
    operator.write("list.csv", f"to\n{BEN}\n")
    told = tick(operator, "--do-not-call", "never.csv", "--results", "out.csv", code=1)
    assert told.endswith("Refused: it is on the do-not-call list never.csv. See out.csv.\n")


def test_a_number_that_is_in_use_nowhere_is_called_and_warned_of(operator) -> None:
    """By the dry run: it may be a slip, or newer than the numbering plans that are known."""
    operator.write("list.csv", f"to\n{ANNA}\n+12001230000\n")
    good, odd, _ = operator("batch", "reminder.yaml", "--contacts", "list.csv", "--dry-run").stdout.splitlines()
    assert good.split() == ["call", ANNA]
    assert odd.startswith("call    +12001230000     warning: `to`")


def test_a_list_of_a_header_alone_is_told_of(operator) -> None:
    """Nobody was called already: there is nobody."""
    operator.write("list.csv", "to\n")
    assert tick(operator).endswith(": the list has no contacts\n")


# --- before anything is sent ------------------------------------------------------------------------------------------


def test_a_plan_that_fits_nobody_is_refused_once(operator, sandbox) -> None:
    """Exit 65 with each problem once, before a journal is made; what only some contacts have is theirs alone."""
    done = operator("batch", "reminder.yaml", "--contacts", "list.csv", "--limit", "4s")
    assert done.returncode == 65
    assert "Nothing was sent: the script has 1 problem." in done.stderr
    assert done.stderr.count("reminder.yaml:") == 1
    assert not operator.journal.exists()
    operator.write("reminder.yaml", SCRIPT.replace("Hello.", "{{ text }}"))
    operator.write("list.csv", f"to,text\n{ANNA},Hello.\n{BEN},{'word ' * 200}\n")
    told = tick(operator, "--limit", "30s", "--results", "out.csv", code=1)
    assert "1 of 2 contacts reached, 1 refused" in told
    operator.write("list.jsonl", json.dumps({"to": CLEO, "text": "Hello."}) + "\n")
    options = ("--contacts", "list.jsonl", "--var", f"text={'word ' * 200}", "--limit", "30s")
    assert operator("batch", "reminder.yaml", *options).returncode == 0
    assert sandbox.rung() == [ANNA, CLEO]


def test_a_batch_takes_a_mode(operator, sandbox) -> None:
    """As `run` does: what does not fit into a request is no trouble for `--mode poll`."""
    refused = operator("batch", "reminder.yaml", "--contacts", "list.csv", "--limit", "20s")
    assert refused.returncode == 65
    assert "--mode" in refused.stderr
    tick(operator, "--limit", "20s", "--mode", "poll")
    assert len(sandbox.rung()) == 4


# --- a person steps in ------------------------------------------------------------------------------------------------


def test_whoever_a_person_cancelled_is_left_alone(start_sandbox, make_cli) -> None:
    """No redial and no message, whatever the rules say."""
    sandbox = start_sandbox("--speed", "0.5")
    cli = make_cli(sandbox.url)
    cli.write("reminder.yaml", SCRIPT.replace("Hello.", LONG))
    rules = 'redial: {failed: {times: 3, after: 100ms}}\nfallback_sms: {text: "Call us."}\n'
    cli.write("c.yaml", f"script: reminder.yaml\ncontacts: list.csv\n{rules}")
    cli.write("list.csv", f"to\n{ANNA}\n")
    with cli.start("batch", "c.yaml") as process:
        sandbox.wait(event="running", text=LONG)
        (run,) = cli.json("runs")
        assert cli("cancel", run["run_id"]).returncode == 0
        _, told = process.communicate(timeout=20)
    assert process.returncode == 1, told
    assert cli("batch", "c.yaml").returncode == 1
    assert sandbox.rung() == [ANNA]
    assert sandbox.transcript(event="sms") == []


def test_a_campaign_without_a_window_is_warned_of_where_somebody_reads(operator) -> None:
    """On a terminal; cron gets no mail for it."""
    assert tick(operator, "--occurrence", "1") == ""
    code, shown = on_terminal(
        operator, "batch", "reminder.yaml", "--contacts", "list.csv", "--repeat", "daily", columns=120
    )
    assert code == 0
    assert "no calling window is set" in shown


def test_an_api_that_loses_every_dial_ends_the_tick(operator, sandbox) -> None:
    """After five in a row: nobody can say who was rung, so nobody else is tried, and all others wait."""
    operator.write("list.csv", "to\n" + "".join(f"+121255502{number:02}\n" for number in range(9)))
    sandbox.add_fault(kind="status", place="received", command="dial", status=500, times="always")
    sandbox.add_fault(kind="status", place="before", method="GET", path="/calls", status=403, times="always")
    told = tick(operator, "--concurrency", "5", code=20)
    assert "0 of 9 contacts reached, 4 waiting, 5 unknown. Stopped early: " in told
    assert "take all places" not in told
    assert len(operator.json("runs")) == 5


def test_an_api_that_turns_every_dial_away_ends_the_tick(operator, sandbox) -> None:
    """As without credit: five in a row are not the callees' fault, and the others wait for the next tick."""
    operator.write("list.csv", "to\n" + "".join(f"+121255502{number:02}\n" for number in range(9)))
    sandbox.add_fault(kind="status", place="before", command="dial", status=402, times="always")
    told = tick(operator, "--concurrency", "1", code=75)
    assert "0 of 9 contacts reached, 5 not reached, 4 waiting" in told
    assert "Stopped early: " in told
    assert len(operator.json("runs")) == 5
