"""What people are told who come back to a run: without credentials where none are needed, and with what works next."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

TO = "+12125550123"
KEYING = """
version: 1
name: keying
settings: {settle_dangerous: 200ms, settle_heard: 200ms, dial_expire: 1s}
commands:
  - dial: {to: "{{ to }}", from: "+15555550199", timeout: 20}
  - send_dtmf: {dtmf: "12345"}
  - say: {text: "Done."}
"""


@pytest.fixture
def without_credentials(monkeypatch: pytest.MonkeyPatch):
    """Take the credentials away."""

    def take() -> None:
        for name in ("KEY", "PASSWORD"):
            monkeypatch.delenv(f"ORCHESTRATOR_API_{name}")

    return take


def undecided(call, sandbox, *more: str, command: str = "send_dtmf") -> str:
    """Return a run of which nobody knows whether its keys were pressed, or its phone rang."""
    Path("keying.yaml").write_text(KEYING, encoding="utf-8")
    if command == "dial":
        sandbox.add_fault(kind="status", place="received", command="dial", status=500)
        sandbox.add_fault(kind="status", place="before", method="GET", path="/calls", status=403, times="always")
    else:
        sandbox.add_fault(kind="reset", place="received", command=command)
    done = call("run", "keying.yaml", "--to", TO, "--json", *more)
    assert done.code == 20, done.err
    sandbox.clear_faults()
    return done.json["run_id"]


# --- runs that have ended ---------------------------------------------------------------------------------------------


def test_that_a_run_has_ended_is_told_without_credentials(call, at_sandbox, script, without_credentials) -> None:
    """`resume` and `resolve` say the same as with them, in the same words, and with the same exit code."""
    at_sandbox.set_callee("default", does="busy")
    run_id = call("run", script, "--to", TO, "--json").json["run_id"]
    orders = [("resume", run_id), ("resume", run_id, run_id[:8], "--json"), ("resolve", run_id, "--not-run")]
    before = [call(*words) for words in orders]
    assert [done.code for done in before] == [1, 1, 2]
    assert "does not wait for a verdict" in before[2].err
    without_credentials()
    assert [call(*words) for words in orders] == before


def test_a_run_that_goes_on_needs_credentials(call, at_sandbox, without_credentials) -> None:
    """Also where another one that is named has ended: nothing is done for either."""
    waiting = undecided(call, at_sandbox)
    ended = undecided(call, at_sandbox, "--to", "+12125550124")
    assert call("resolve", ended, "--not-run").code == 0
    without_credentials()
    for words in (("resume", ended, waiting), ("resolve", waiting, "--ran")):
        assert call(*words).code == 78
    assert call("resume", ended).code == 1


def test_the_call_of_a_lost_dial_is_named_by_its_id(call, at_sandbox) -> None:
    """Written in any case, as the API writes it: then the run has that call."""
    run_id = undecided(call, at_sandbox, command="dial")
    call_id = "123e4567-e89b-12d3-a456-426614174000"
    resolved = call("resolve", run_id, "--ran", "--call", f" {call_id.upper()}", "--json")
    assert (resolved.code, resolved.json["call_id"]) == (0, call_id)


# --- cancel -----------------------------------------------------------------------------------------------------------


def test_cancel_of_an_undecided_run_says_whether_its_call_is_over(call, at_sandbox) -> None:
    """The verdict is still asked for; the first time the call was ended, the second time it was over before."""
    run_id = undecided(call, at_sandbox, "--set", "leave_up=true")
    (call_id,) = {entry["call"] for entry in at_sandbox.transcript(event="ringing")}
    done = call("cancel", run_id)
    assert at_sandbox.wait(event="hangup", call=call_id)
    assert (done.code, done.out) == (20, f"Run {run_id[:8]} is undecided. Its call is over.\n")
    assert "needs a person's verdict" in done.err
    assert call("cancel", run_id).out == f"Run {run_id[:8]} is undecided. Its call was over before.\n"
    document = call("cancel", run_id, "--json").json
    assert (document["status"], document["call_id"], document["call_may_be_up"]) == ("undecided", call_id, False)


def test_cancel_of_a_lost_dial_says_that_a_call_may_be_up(call, at_sandbox) -> None:
    """Nobody knows which call that would be, so none was ended; `cancel` is not offered once more."""
    run_id = undecided(call, at_sandbox, command="dial")
    done = call("cancel", run_id)
    assert done.code == 20
    assert done.out.startswith(f"Run {run_id[:8]} is undecided. No call was ended: whether there is one is not known")
    assert "--ran --call CALL_ID" in done.err
    assert " cancel " not in done.err
    document = call("cancel", run_id, "--json").json
    assert (document["call_id"], document["call_may_be_up"]) == (None, True)
    assert call("resolve", run_id, "--not-run").code == 0
    assert call("cancel", run_id).code == 0


def test_cancel_that_cannot_reach_the_api_says_that_the_call_may_be_up(call, at_sandbox) -> None:
    """It is not told as ended; the run can be cancelled once more."""
    run_id = undecided(call, at_sandbox, "--set", "leave_up=true")
    at_sandbox.add_fault(kind="status", place="before", status=401, times="always")
    done = call("cancel", run_id)
    assert done.code != 0
    assert "Its call could not be ended, and may still be up." in done.out
    at_sandbox.clear_faults()
    assert "Its call is over." in call("cancel", run_id).out


# --- run --sandbox ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "code", "told"),
    [
        (("--to", TO), 65, "the variable `who` is required and has no value; give it with --var who=VALUE"),
        (("--var", "who=Ada"), 2, "give it with --to NUMBER"),
        (("--to", "911", "--var", "who=Ada"), 2, "emergency"),
    ],
)
def test_what_is_wrong_is_told_before_a_sandbox_is_started(call, script, monkeypatch, more, code, told) -> None:
    """No process is started for it, and no folder is made."""
    script.write_text(script.read_text("utf-8").replace("default: you", "required: true"), encoding="utf-8")
    monkeypatch.setattr(subprocess, "Popen", None)
    done = call("run", script, "--sandbox", *more)
    assert done.code == code
    assert told in done.err
    assert "Calling nobody" not in done.err
    assert not Path(".local").exists()


@pytest.mark.parametrize("named", [(), ("--journal", "named.db"), ("--journal", "sqlite:///url.db")])
def test_the_command_that_shows_a_run_finds_it(call, script, named) -> None:
    """It names the sandbox's journal, whole; other commands are not offered, since its server is gone."""
    Path("people.yaml").write_text("default: {does: busy}\n", encoding="utf-8")
    done = call(*named, "run", script, "--sandbox", "--speed", "20", "--to", TO, "--callees", "people.yaml")
    assert done.code == 1, done.err
    (shown,) = [each for each in done.err.splitlines() if each.startswith("To see what happened: ")]
    words = shlex.split(shown.removeprefix("To see what happened: "))
    assert Path(words[-3]).is_absolute()
    found = call(*words[words.index("--journal") :])
    assert found.code == 0
    assert "Status    failed (busy)" in found.out
    assert call("show", words[-1]).code == 2  # not among the real ones


def test_a_run_that_goes_well_offers_nothing(call, at_sandbox, script) -> None:
    """Nobody has to look at it. One that does not names the command, with real calls as well."""
    assert "To see what happened" not in call("run", script, "--to", TO).err
    at_sandbox.set_callee("default", does="busy")
    assert re.search("To see what happened: .* show [0-9a-f-]{36}\n$", call("run", script, "--to", TO).err)


# --- variables --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "given", "told", "last"),
    [
        ("who: {required: true}", (), "give it with --var who=VALUE", "the value of 1 variable is missing"),
        (
            "who: {required: true}, n: {required: true}",
            (),
            "give it with --var n=VALUE",
            "the values of 2 variables are missing",
        ),
        ("who: {required: true}", ("--var", "who="), "its value is empty", "the value of 1 variable is missing"),
        ("n: {type: integer}", ("--var", "n=x", "--var", "who=x"), "`n`", "the value of 1 variable is missing"),
        ("n: {default: x}", (), "there is no variable `who`; give it with --var who=VALUE", "1 variable is missing"),
    ],
)
def test_a_missing_value_is_no_problem_of_the_script(call, script, declared, given, told, last) -> None:
    """Exit 65, as before anything is sent; what is missing, how to give it, and that the script may be fine."""
    script.write_text(script.read_text("utf-8").replace("who: {default: you}", declared), encoding="utf-8")
    done = call("run", script, "--to", TO, *given)
    assert done.code == 65
    assert told in done.err
    assert last in done.err
    assert "problem" not in done.err
    assert call("run", script, "--to", TO, *given, "--json").json["error"]["code"] == "bad_variables"


# --- batch ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
@pytest.mark.usefixtures("at_sandbox")
def test_a_tick_warns_once_of_the_way_to_the_api(call, script, more) -> None:
    """Of requests longer than were tried, and of events that nobody receives: on stderr, however many are called."""
    Path("list.csv").write_text("to\n+12125550101\n+12125550102\n", encoding="utf-8")
    Path("office.yaml").write_text("limit: none\nat_least: 10s\n", encoding="utf-8")
    words = ("batch", script, "--contacts", "list.csv", *more)
    done = call(*words, "--network", "./office.yaml")
    assert done.code == 0, done.err
    told = (
        "Warning: a request may last 25 s, and longer than 10 s was not tried on network ./office.yaml: measure again"
    )
    assert done.err.count(told) == 1
    assert "no event receiver runs" not in done.err
    done = call(*words, "--mode", "async", "--name", "again")
    assert done.err.count("Warning: no event receiver runs for this journal") == 1
    assert "Warning: no event" not in call(*words, "--name", "third").err


@pytest.mark.usefixtures("at_sandbox")
def test_a_campaign_without_a_file_is_named_by_its_script_too(call, script) -> None:
    """By the file that its tick was given; another script names none, and is not read as a campaign."""
    Path("list.csv").write_text("to\n+12125550101\n", encoding="utf-8")
    assert call("batch", script, "--contacts", "list.csv").code == 0
    assert [each["campaign"] for each in call("batch", "status", script, "--json").json] == [Path(script).stem]
    other = Path("other.yaml")
    other.write_text(Path(script).read_text("utf-8"), encoding="utf-8")
    done = call("batch", "status", other)
    assert done.code == 2
    assert "no campaign `other.yaml` has had a tick in this journal; there are " in done.err
    other.write_text("script: s.yaml\nnmae: x\n", encoding="utf-8")
    assert "did you mean `name`?" in call("batch", "status", other).err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("nowhere.yaml",), 65, "nowhere.yaml: the file cannot be read: No such file or directory"),
        (("staus", "reminders"), 2, "There is no command or file `staus`. Did you mean `batch status`?"),
        (("staus",), 2, "There is no command or file `staus`. Did you mean `batch status`?"),
    ],
)
def test_a_batch_that_is_not_there_is_named(call, words, code, told) -> None:
    """Before it is told what else is missing; a misspelt command is no script."""
    done = call("batch", *words)
    assert done.code == code
    assert told in done.err


@pytest.mark.parametrize("option", ["--occurrence", "--name", "--timezone", "--window", "--rate"])
def test_an_empty_option_of_a_batch_is_an_error(call, script, option) -> None:
    """As from a variable that is not set in a crontab: without the option other people would be called."""
    Path("list.csv").write_text("to\n+12125550101\n", encoding="utf-8")
    done = call("batch", script, "--contacts", "list.csv", "--dry-run", option, "")
    assert (done.code, done.out) == (2, "")
    assert "empty" in done.err or "not ``" in done.err


def test_a_script_that_cannot_be_read_has_no_problems_of_its_own(call) -> None:
    """That it is not there is all that is told."""
    done = call("run", "nowhere.yaml", "--to", TO)
    assert (done.code, done.err) == (
        65,
        "nowhere.yaml: the file cannot be read: No such file or directory\nNothing was sent.\n",
    )
