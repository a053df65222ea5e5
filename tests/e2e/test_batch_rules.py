"""The rules of a campaign end to end: limits of a tick, redials, text messages, lists, secrets, and what cron hears."""

from __future__ import annotations

import json
import signal
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests import canary
from tests.conftest import Cli
from tests.e2e.operators import ANNA, BEN, CLEO, DORA, FOUR, LONG, at_work, rows_of, tick

SATELLITE = "+870773111632"
QUICK = "settings: {settle_dangerous: 300ms, settle_heard: 300ms, dial_expire: 2s, max_call: 10s}"
SCRIPT = f"""
version: 1
name: reminder
{QUICK}
commands:
  - dial: {{to: "{{{{ to }}}}", from: "+15555550199", timeout: 20}}
  - say: {{text: "Hello."}}
  - id: ask
    get_dtmf: {{timeout: 3, commands: [{{say: {{text: "Press a key."}}}}]}}
    save: choice
    on_failure: continue
  - end: {{result: told}}
"""
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@pytest.fixture
def operator(cli: Cli) -> Cli:
    """The command line of somebody with a script and a list."""
    return at_work(cli, SCRIPT)


def campaign(cli: Cli, text: str) -> None:
    """Write the campaign file c.yaml."""
    cli.write("c.yaml", f"script: reminder.yaml\ncontacts: list.csv\nresults: out.csv\n{text}\n")


def closed_now() -> str:
    """A calling window that is three days away in every time zone."""
    return f"{WEEK[(datetime.now(UTC) + timedelta(days=3)).weekday()]} 09:00-17:00"


def texts(sandbox) -> list[tuple[str, str]]:
    """The text messages that were sent: to whom, and what."""
    return [(entry["to"], entry["message"]) for entry in sandbox.transcript(event="sms")]


# --- how much a tick does ---------------------------------------------------------------------------------------------


def test_no_call_is_begun_that_could_outlast_the_tick(operator, sandbox) -> None:
    """`--max-runtime`: while a call of the longest duration still fits; the others wait, silently, and go on later."""
    operator.write("list.csv", "to\n" + "".join(f"+121255502{number:02}\n" for number in range(30)))
    told = tick(operator, "--max-runtime", "9s", code=78)
    assert "a call may last 10 s, which is more than `max_runtime`, so nobody is ever called" in told
    assert sandbox.rung() == []
    more = ("--max-runtime", "11s", "--concurrency", "1", "--results", "out.csv")
    assert tick(operator, *more, code=75) == ""
    reasons = Counter(row["reason"] for row in rows_of(operator.home / "out.csv"))
    assert 0 < reasons["a call could outlast `max_runtime`"] < 30
    assert len(sandbox.rung()) + reasons["a call could outlast `max_runtime`"] == 30
    tick(operator, "--concurrency", "10")
    assert len(sandbox.rung()) == len(set(sandbox.rung())) == 30


@pytest.mark.parametrize(("minutes", "calls"), [("0.17", 1), ("0.34", 2)])
def test_minutes_are_counted_by_the_longest_a_call_may_last(operator, sandbox, minutes: str, calls: int) -> None:
    """`--max-minutes`: a live call counts as long as it may be; what it took less is not given to others in vain."""
    assert tick(operator, "--max-minutes", minutes, "--results", "out.csv", code=75) == ""
    assert len(sandbox.rung()) == calls
    reasons = [row["reason"] for row in rows_of(operator.home / "out.csv") if row["disposition"] == "waiting"]
    assert reasons == ["a call could exceed the `max_minutes` of the tick"] * (4 - calls)


def test_a_pause_is_heard_by_a_tick_that_runs(start_sandbox, make_cli) -> None:
    """The live call comes to its end, nobody new is called, 75 and a line; `stop` is no trouble; `continue` goes on."""
    sandbox = start_sandbox("--speed", "4")
    cli = make_cli(sandbox.url)
    cli.write("reminder.yaml", SCRIPT.replace("Hello.", LONG))
    cli.write("list.csv", FOUR)
    with cli.start("batch", "reminder.yaml", "--contacts", "list.csv", "--concurrency", "1") as process:
        call = sandbox.wait(event="running", text=LONG)["call"]
        assert cli("batch", "pause", "reminder").returncode == 0
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 75, errors
    assert "Stopped early: the campaign is paused" in errors
    assert LONG in sandbox.said(call)
    assert len(sandbox.rung()) == 1
    assert cli("batch", "stop", "reminder").returncode == 0
    tick(cli)
    assert cli("batch", "continue", "reminder").returncode == 0
    tick(cli, "--concurrency", "4")
    assert sorted(sandbox.rung()) == [ANNA, BEN, CLEO, DORA]


# --- who is called again, and who gets a message ----------------------------------------------------------------------


def test_who_hangs_up_before_a_step_is_called_again(operator, sandbox) -> None:
    """`hung_up` before the label `ask`: who has heard the question is not asked again."""
    sandbox.set_callee(ANNA, hangs_up_during=1)
    sandbox.set_callee(BEN, hangs_up_during=2)
    campaign(operator, "redial: {hung_up: {times: 1, after: 0s, before: ask}}")
    codes = [operator("batch", "c.yaml").returncode for _ in range(3)]
    assert codes == [75, 0, 0]  # hung up is reached
    assert Counter(sandbox.rung()) == {ANNA: 2, BEN: 1, CLEO: 1, DORA: 1}
    rows = {row["to"]: row for row in rows_of(operator.home / "out.csv")}
    assert (rows[ANNA]["disposition"], rows[ANNA]["attempts"]) == ("hung_up", "2")
    campaign(operator, "redial: {hung_up: {times: 1, after: 0s, before: asc}}")
    done = operator("batch", "c.yaml")
    assert done.returncode == 78
    assert "did you mean `ask`" in done.stderr


def test_a_message_goes_to_those_whom_no_call_has_reached_and_once(operator, sandbox) -> None:
    """After the last redial, not before; never to who was reached, and not again by later ticks."""
    operator.write("list.csv", f"to,who\n{ANNA},Anna\n{BEN},Ben\n")
    sandbox.set_callee(BEN, does="busy", after=0.1)
    campaign(operator, 'redial: {busy: {times: 1, after: 0s}}\nfallback_sms: {text: "{{ who }}, please call us."}')
    assert operator("batch", "c.yaml").returncode == 75
    assert texts(sandbox) == []
    for _ in range(2):
        assert operator("batch", "c.yaml").returncode == 1
    assert texts(sandbox) == [(BEN, "Ben, please call us.")]
    assert sandbox.rung().count(BEN) == 2


def test_a_message_that_cannot_be_sent_is_trouble(operator, sandbox) -> None:
    """A line on stderr; what became of the calls stands."""
    operator.write("list.csv", f"to\n{BEN}\n")
    sandbox.set_callee(BEN, does="busy", after=0.1)
    sandbox.add_fault(kind="status", place="before", path="/sms", status=400, times="always")
    campaign(operator, 'fallback_sms: {text: "Please call us."}')
    done = operator("batch", "c.yaml")
    assert done.returncode == 1
    assert f"the text message to {BEN} failed" in done.stderr
    assert rows_of(operator.home / "out.csv")[0]["disposition"] == "busy"


def test_a_script_sends_text_messages(operator, sandbox) -> None:
    """`sms` in the call and after it: each once, whoever runs the tick how often."""
    message = '{to: "{{ to }}", from: "+15555550199", message: "Thank you, %s."}'
    operator.write(
        "reminder.yaml",
        SCRIPT.replace("  - id: ask", f"  - sms: {message % 'friend'}\n  - id: ask").replace(
            "  - end: {result: told}", f"  - hangup: {{}}\n  - sms: {message % 'bye'}"
        ),
    )
    operator.write("list.csv", f"to\n{ANNA}\n{BEN}\n")
    tick(operator)
    tick(operator)
    expected = {(number, f"Thank you, {word}."): 1 for number in (ANNA, BEN) for word in ("friend", "bye")}
    assert Counter(texts(sandbox)) == expected


def test_a_message_that_is_too_long_is_an_error(operator, sandbox) -> None:
    """Not a silent cut: the longest is 480 characters; nobody is called."""
    campaign(operator, f"fallback_sms: {{text: '{'x' * 481}'}}")
    done = operator("batch", "c.yaml")
    assert done.returncode == 78
    assert "must not be longer than 480 characters" in done.stderr
    assert sandbox.rung() == []


def test_the_running_ledger_follows_redials(operator, sandbox) -> None:
    """`--append`: a row for each call that was made, none twice, whatever ticks come after."""
    sandbox.set_callee(BEN, does="busy", after=0.1)
    campaign(operator, "redial: {busy: {times: 1, after: 0s}}")
    for code in (75, 1, 1):
        assert operator("batch", "c.yaml", "--append").returncode == code
    rows = rows_of(operator.home / "out.csv")
    assert len({row["run_id"] for row in rows}) == len(rows) == 5
    of_ben = [(row["disposition"], row["attempts"]) for row in rows if row["to"] == BEN]
    assert of_ben == [("busy", "1"), ("busy", "2")]


# --- whom not to call -------------------------------------------------------------------------------------------------


def test_the_dry_run_asks_the_command_too(operator, sandbox) -> None:
    """What it forbids is not shown as a call; nor is a contact for whom no run could be made."""
    hook = operator.write("hook.sh", f'#!/bin/sh\necho "$1" >> asked\n[ "$1" != "{BEN}" ]\n')
    hook.chmod(0o700)
    operator.write("reminder.yaml", SCRIPT.replace("name: reminder", "variables: {who: {required: true}}"))
    operator.write("list.csv", f"to,who\n{ANNA},Anna\n{BEN},Ben\n{CLEO},\n")
    campaign(operator, "do_not_call_command: ./hook.sh")
    document = operator.json("batch", "c.yaml", "--dry-run", code=1)
    assert [(row["to"], row["what"]) for row in document["contacts"]] == [
        (ANNA, "call"),
        (BEN, "refused"),
        (CLEO, "refused"),
    ]
    assert document["totals"] == {"call": 1, "later": 0, "refused": 2, "duplicate": 0, "known": 0, "bad": 0}
    assert "the do-not-call command `hook.sh` forbids it" in document["contacts"][1]["reason"]
    assert "list.csv:4: the column `who` is empty" in document["contacts"][2]["reason"]
    assert (operator.home / "asked").read_text().split() == [ANNA, BEN, CLEO]
    assert sandbox.rung() == []


def test_the_dry_run_goes_by_priority(operator) -> None:
    """Whom `max_calls` leaves out are those who come last."""
    operator.write("list.csv", f"to,priority\n{ANNA},\n{BEN},5\n{CLEO},9\n")
    done = operator("batch", "reminder.yaml", "--contacts", "list.csv", "--max-calls", "2", "--dry-run")
    *told, totals = [line.split()[:2] for line in done.stdout.splitlines()]
    assert told == [["call", CLEO], ["call", BEN], ["later", ANNA]]
    assert totals == ["2", "contacts"]


def test_the_holidays_of_a_callee_without_a_country_are_not_known(operator, sandbox) -> None:
    """`--holidays callee`: then nobody is called, and the results say why; the others are called by their own."""
    operator.write("list.csv", f"to,tz\n{SATELLITE},UTC\n")
    told = tick(operator, "--holidays", "callee", "--results", "out.csv", code=1)
    assert "1 refused" in told
    assert "the country of its number" in rows_of(operator.home / "out.csv")[0]["reason"]
    assert sandbox.rung() == []


# --- secrets ----------------------------------------------------------------------------------------------------------


def test_a_secret_of_all_contacts_comes_from_a_file(operator, sandbox) -> None:
    """`--var-file`: it is spoken, and stands nowhere: not in the journal, not in the results."""
    secret = "the blue heron flies"
    operator.write(
        "reminder.yaml",
        SCRIPT.replace("name: reminder", "variables: {word: {required: true, sensitive: true}}").replace(
            "Hello.", "Say {{ word }}."
        ),
    )
    operator.write("secrets", f"word={secret}\n")
    tick(operator, "--var-file", "secrets", "--results", "out.csv")
    assert len(sandbox.rung()) == 4
    call = sandbox.transcript(event="ringing")[0]["call"]
    assert f"Say {secret}." in sandbox.said(call)
    folder = operator.journal.parent
    kept = b"".join(path.read_bytes() for path in [*folder.glob("journal.db*"), operator.home / "out.csv"])
    assert secret.encode() not in kept
    (operator.home / "secrets").chmod(0o644)
    assert operator("batch", "reminder.yaml", "--contacts", "list.csv", "--var-file", "secrets").returncode == 2
    both = operator("batch", "reminder.yaml", "--contacts", "-", "--var-file", "-")
    assert both.returncode == 2
    assert "cannot be both" in both.stderr


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_pruning_keeps_everybody_from_being_called_again(operator, sandbox) -> None:
    """Keys stay: with the journal pruned to nothing, a tick finds nothing left to do, and results still add up."""
    sandbox.set_callee(BEN, does="busy", after=0.1)
    tick(operator, code=1)
    assert "Removed 4 runs" in operator("journal", "prune", "--older-than", "0s").stdout
    assert operator.json("runs") == []
    told = tick(operator, "--results", "out.csv", code=1)
    assert "4 called already" in told
    assert len(sandbox.rung()) == 4
    assert [row["disposition"] for row in rows_of(operator.home / "out.csv")] == ["completed", "busy"] + [
        "completed"
    ] * 2
    assert ANNA.encode() not in b"".join(path.read_bytes() for path in operator.journal.parent.glob("journal.db*"))


# --- what cron hears --------------------------------------------------------------------------------------------------


def test_waiting_is_no_news(operator, sandbox) -> None:
    """75 for a window or a redial says nothing, so that cron sends no mail; `-v` and the results have the reasons."""
    for_days = ("--window", closed_now(), "--occurrence", "these days")
    assert tick(operator, *for_days, "--results", "out.csv", code=75) == ""
    assert {row["reason"] for row in rows_of(operator.home / "out.csv")} == {"it is outside the calling window"}
    told = operator("batch", "reminder.yaml", "--contacts", "list.csv", *for_days, "-v")
    assert "4 waiting. Waiting: it is outside the calling window. Run it again to go on." in told.stderr
    sandbox.set_callee(BEN, does="busy", after=0.1)
    campaign(operator, "redial: {busy: {times: 1, after: 1h}}")
    for _ in range(2):
        done = operator("batch", "c.yaml", "--occurrence", "other")
        assert (done.returncode, done.stdout, done.stderr) == (75, "", "")


def test_trouble_while_others_wait_is_news(operator) -> None:
    """A bad row is, at each tick until it is mended."""
    operator.write("list.csv", f"{FOUR}nobody\n")
    told = tick(operator, "--window", closed_now(), "--occurrence", "these days", code=75)
    assert "1 bad row" in told
    assert told.count("\n") == 1


def test_a_day_without_a_window_is_not_waited_for(operator, sandbox) -> None:
    """Whoever cannot be called in the occurrence is refused and told when; the same list is called when it can be."""
    told = tick(operator, "--window", closed_now(), "--results", "out.csv", code=1)
    assert "4 refused" in told
    (reason,) = {row["reason"] for row in rows_of(operator.home / "out.csv")}
    assert reason.startswith("the occurrence 20")
    assert "ends before it may be called: not before 20" in reason
    tick(operator, "--occurrence", "another day")  # the file is not an old one: nobody was called from it
    assert len(sandbox.rung()) == 4


def test_a_tick_works_in_an_empty_environment(operator, sandbox, tmp_path: Path) -> None:
    """As `env -i` starts it: everything is in the configuration."""
    bare = Cli(operator.home, {})
    (tmp_path / "config.yaml").write_text(
        f"api_url: {sandbox.url}\njournal: {tmp_path / 'j.db'}\ncredentials_file: {tmp_path / 'credentials'}\n",
        encoding="utf-8",
    )
    operator.write("credentials", f"api_key: {canary.KEY}\napi_password: {canary.PASSWORD}\n")
    done = bare("batch", "reminder.yaml", "--contacts", "list.csv", "--config", "config.yaml")
    assert done.returncode == 0, done.stderr
    assert len(sandbox.rung()) == 4


def test_a_hang_up_of_the_terminal_stops_gently(start_sandbox, make_cli) -> None:
    """SIGHUP: live calls come to their end, and the next tick goes on."""
    sandbox = start_sandbox("--speed", "8")
    cli = make_cli(sandbox.url)
    cli.write("reminder.yaml", SCRIPT.replace("Hello.", LONG))
    cli.write("list.csv", FOUR)
    with cli.start("batch", "reminder.yaml", "--contacts", "list.csv", "--concurrency", "1", "--json") as process:
        call = sandbox.wait(event="running", text=LONG)["call"]
        process.send_signal(signal.SIGHUP)
        output, errors = process.communicate(timeout=30)
    assert process.returncode == 75, errors
    assert json.loads(output)["stopped"] == "a signal ended it"
    assert LONG in sandbox.said(call)
