"""`run`, `resume`, `resolve`, `cancel`, `reap` as processes, against the real sandbox."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import resource
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.conftest import Cli

TO = "+12125550123"
SCRIPTS = Path(__file__).parents[2] / "configs" / "scripts"
LONG = "This sentence takes a while, so that something can happen in its middle, as things do."
SHORT = f"""
version: 1
name: short
variables: {{who: {{default: you}}, pin: {{sensitive: true, default: "0"}}}}
settings: {{settle_dangerous: 300ms, settle_heard: 300ms, dial_expire: 2s}}
commands:
  - dial: {{to: "{{{{ to }}}}", from: "+15555550199", timeout: 20}}
  - say: {{text: "Hello {{{{ who }}}}."}}
  - say: {{text: "{LONG}"}}
  - say: {{text: "Goodbye {{{{ who }}}}."}}
  - hangup: {{}}
  - end: {{result: said}}
"""
KEYING = """
version: 1
name: keying
settings: {settle_dangerous: 200ms}
commands:
  - dial: {to: "{{ to }}", from: "+15555550199", timeout: 20}
  - send_dtmf: {dtmf: "12345"}
  - say: {text: "Done."}
"""


@pytest.fixture
def short(cli) -> Path:
    return cli.write("short.yaml", SHORT)


@pytest.fixture
def slowly(start_sandbox):
    """A sandbox in which the long sentence lasts for some real seconds: long enough to start a process."""
    return start_sandbox("--speed", "2")


def only_call(sandbox) -> str:
    """The id of the one call there was."""
    return sandbox.transcript(event="ringing")[0]["call"]


def wait_until_speaking(sandbox) -> str:
    """Wait for the long sentence to be spoken; return the call."""
    return sandbox.wait(event="running", text=LONG)["call"]


def test_run_makes_one_call_and_tells_how_it_went(cli, sandbox, short) -> None:
    """Without a terminal there is one plain summary on stdout, and the new journal is announced on stderr."""
    done = cli("run", short, "--to", TO, "--var", "who=Ada")
    assert done.returncode == 0, done.stderr
    facts = dict(each.split(":", 1) for each in done.stdout.splitlines())
    assert {name: fact.strip() for name, fact in facts.items() if name != "run"} == {
        "status": "completed",
        "disposition": "completed",
        "result": "said",
        "steps": "5",
    }
    assert done.stderr == f"Made a new journal: {cli.journal}\n"
    assert sandbox.said(only_call(sandbox))[0] == "Hello Ada."


def test_run_json_prints_the_document_that_show_prints(cli, short) -> None:
    """Exactly one JSON document, with the fields of the design in their order."""
    document = cli.json("run", short, "--to", TO)
    assert list(document) == [
        *("run_id", "script", "status", "disposition", "result", "call_id", "to", "started_at", "ended_at"),
        *("variables", "requests_sent", "steps", "error"),
    ]
    assert cli.json("show", document["run_id"][:8]) == document


def test_a_killed_run_is_carried_on_with_the_same_call(slowly, make_cli) -> None:
    """After kill -9 in the middle of a sentence `resume` carries the same call to its end; each sentence heard once."""
    cli = make_cli(slowly.url)
    with cli.start("run", cli.write("short.yaml", SHORT), "--to", TO) as process:
        call = wait_until_speaking(slowly)
        process.kill()
    (resumed,) = cli.json("resume", "--all")
    assert resumed["status"] == "completed"
    assert resumed["call_id"] == call
    assert slowly.rung() == [TO]
    assert slowly.said(call) == ["Hello you.", LONG, "Goodbye you."]


def test_resume_all_carries_on_with_every_interrupted_run(cli, sandbox, short) -> None:
    """`resume --all` drives them together, says a line for each, and with nothing left says so."""
    for number in ("+12125550111", "+12125550112"):
        with cli.start("run", short, "--to", number) as process:
            sandbox.wait(event="running", command="say", call=sandbox.wait(event="ringing", to=number)["call"])
            process.kill()
    done = cli("resume", "--all")
    assert done.returncode == 0, done.stderr
    assert [each.split("  ")[1] for each in done.stdout.splitlines()] == [
        "completed with the result said, 5 steps",
        "completed with the result said, 5 steps",
    ]
    assert cli("resume", "--all").stdout == "Nothing to carry on with: no run is interrupted.\n"
    assert cli.json("resume", "--all") == []
    assert sorted(sandbox.rung()) == ["+12125550111", "+12125550112"]


def test_an_undecided_run_says_what_is_uncertain_and_takes_a_verdict(cli, sandbox) -> None:
    """Exit 20; what is not known, the evidence and both commands are told; the verdict ends the run."""
    script = cli.write("keying.yaml", KEYING)
    sandbox.add_fault(kind="reset", place="received", command="send_dtmf")
    done = cli("--journal", "j.db", "run", script, "--to", TO)
    assert done.returncode == 20
    assert "needs a person's verdict: it is not known whether the digits were keyed." in done.stderr
    commands = [each.split(":", 1)[1].strip() for each in done.stderr.splitlines() if each.startswith("It ")]
    run_id = commands[0].split()[-2]
    journal = cli.home / "j.db"
    assert [each.partition(" -m orchestrator ")[2] for each in commands] == [
        f"--journal {journal} resolve {run_id} --ran",
        f"--journal {journal} resolve {run_id} --not-run",
    ]
    assert "whether the digits were keyed" in cli("--journal", "j.db", "why", run_id).stdout
    resolved = cli("--journal", "j.db", "resolve", run_id, "--ran", "--note", "heard \x1b[31mthem")
    assert resolved.returncode == 0, resolved.stderr
    assert "status:      failed" in resolved.stdout
    assert r"heard \x1b[31mthem" in cli("--journal", "j.db", "show", run_id).stdout


def test_the_document_of_an_undecided_run_has_the_commands_that_settle_it(cli, sandbox) -> None:
    """As texts do, for programs; and the line of `why` does not repeat them."""
    script = cli.write("keying.yaml", KEYING)
    sandbox.add_fault(kind="reset", place="received", command="send_dtmf")
    document = cli.json("--journal", "j.db", "run", script, "--to", TO, code=20)
    error, resolve = document["error"], f" --journal {cli.home / 'j.db'} resolve {document['run_id']}"
    assert error["resume_command"].endswith(resolve)
    assert f"{resolve} --ran`, or `" in error["message"]
    assert error["message"].endswith(f"{resolve} --not-run`")
    assert cli.json("--journal", "j.db", "show", document["run_id"])["error"] == error
    assert "resolve" not in cli("--journal", "j.db", "why", document["run_id"]).stdout


def test_a_script_from_stdin_is_resumed_from_the_journal(slowly, make_cli) -> None:
    """There is no file to go back to; the journal keeps the text."""
    cli = make_cli(slowly.url)
    path = cli.write("short.yaml", SHORT.replace(', pin: {sensitive: true, default: "0"}', ""))
    with path.open() as text, cli.start("run", "-", "--to", TO, stdin=text) as process:
        call = wait_until_speaking(slowly)
        process.kill()
    path.unlink()
    (resumed,) = cli.json("resume", "--all")
    assert (resumed["status"], resumed["script"], resumed["call_id"]) == ("completed", "short", call)
    assert slowly.said(call)[-1] == "Goodbye you."


def test_a_changed_past_is_shown_line_by_line(slowly, make_cli) -> None:
    """What was, what is now, and that nothing has happened."""
    cli = make_cli(slowly.url)
    script = cli.write("short.yaml", SHORT)
    with cli.start("run", script, "--to", TO) as process:
        wait_until_speaking(slowly)
        process.kill()
    script.write_text(SHORT.replace("Hello", "Good day"), encoding="utf-8")
    (run,) = cli.json("runs")
    done = cli("resume", run["run_id"])
    assert done.returncode == 65
    first, was, now, last = done.stderr.splitlines()
    assert first.endswith("must stay as it was; put it back, or cancel the run")
    assert was == '    was: say: {text: "Hello {{ who }}."}'
    assert now == '    now: say: {text: "Good day {{ who }}."}'
    assert last.startswith("Nothing was sent, and the run is as it was")


def test_a_run_that_waits_for_no_verdict_takes_none(cli, short) -> None:
    """`resolve` refuses, and says why."""
    run_id = cli.json("run", short, "--to", TO)["run_id"]
    refused = cli("resolve", run_id, "--not-run")
    assert refused.returncode == 2
    assert "does not wait for a verdict" in refused.stderr


def test_cancel_ends_a_call_that_another_process_drives(slowly, make_cli) -> None:
    """The driving process is asked, ends the call and its run."""
    cli = make_cli(slowly.url)
    with cli.start("run", cli.write("short.yaml", SHORT), "--to", TO, "--json") as process:
        call = wait_until_speaking(slowly)
        (run,) = cli.json("runs", "--unfinished")
        asked = cli("cancel", run["run_id"])
        output, _ = process.communicate(timeout=20)
    assert run["status"] == "running"
    assert asked.returncode == 0, asked.stderr
    assert "is cancelled. The process that drove it has ended its call." in asked.stdout
    assert json.loads(output)["status"] == "cancelled"
    assert slowly.wait(event="hangup", call=call)


def test_cancel_says_that_it_asked_a_process_that_does_not_answer(slowly, make_cli) -> None:
    """Its document tells by its error; nothing is known to have ended."""
    cli = make_cli(slowly.url)
    with cli.start("run", cli.write("short.yaml", SHORT), "--to", TO, "--json") as process:
        wait_until_speaking(slowly)
        process.send_signal(signal.SIGSTOP)
        document = cli.json("cancel", cli.json("runs")[0]["run_id"])
        process.send_signal(signal.SIGCONT)
        output, _ = process.communicate(timeout=20)
    assert (document["status"], document["ended_at"], document["error"]["code"]) == ("running", None, "asked")
    assert json.loads(output)["status"] == "cancelled"


def test_cancel_ends_the_call_of_a_dead_process(cli, sandbox, short) -> None:
    """The call of an interrupted run is ended by this process."""
    with cli.start("run", short, "--to", TO) as process:
        call = wait_until_speaking(sandbox)
        process.kill()
    document = cli.json("cancel", cli.json("runs")[0]["run_id"])
    assert document["status"] == "cancelled"
    assert sandbox.wait(event="hangup", call=call)
    again = cli("cancel", document["run_id"])
    assert "It had ended before." in again.stdout


def test_a_call_nobody_looks_after_is_ended_before_the_next_is_made(cli, sandbox, short) -> None:
    """`run` reaps first, and says so on stderr."""
    with cli.start("run", short, "--to", TO, "--set", "max_silence=1s", "--hand-over") as process:
        call = wait_until_speaking(sandbox)
        process.terminate()
        assert process.wait(20) == 75
    silent_for_s = 1.5
    sandbox.wait(event="finished", call=call)
    begun = time.monotonic()
    while time.monotonic() - begun < silent_for_s:
        assert cli("why", cli.json("runs")[0]["run_id"]).stdout.endswith("its call may be up.\n")
    done = cli("run", short, "--to", "+12125550199")
    assert done.returncode == 0, done.stderr
    assert f"Ended call {call} of run" in done.stderr
    assert cli.json("reap") == []


def test_a_call_of_another_api_is_named_by_who_leaves_it_alone(cli, sandbox, short) -> None:
    """`resume --all` and `reap` end with 0, but say on stderr whose call it is and how it is reached."""
    with cli.start("run", short, "--to", TO, "--set", "max_silence=1s", "--hand-over") as process:
        call = wait_until_speaking(sandbox)
        process.terminate()
        assert process.wait(20) == 75
    sandbox.wait(event="finished", call=call)
    elsewhere = Cli(cli.home, cli.environment | {"ORCHESTRATOR_API_URL": "http://127.0.0.1:9"})
    way_on = f"set ORCHESTRATOR_API_URL={sandbox.url} to carry on"
    done = elsewhere("resume", "--all")
    assert (done.returncode, done.stdout) == (0, "Nothing to carry on with at this API.\n")
    assert way_on in done.stderr
    while way_on not in (done := elsewhere("reap")).stderr:  # once the silence has lasted for long enough
        assert (done.returncode, done.stdout) == (0, "")
    assert cli("cancel", cli.json("runs")[0]["run_id"]).returncode == 0


def test_a_callee_who_does_not_answer_is_a_failure_with_its_disposition(cli, sandbox, short) -> None:
    """Exit 1; the disposition tells why."""
    sandbox.set_callee(TO, does="busy", after=0.1)
    assert cli.json("run", short, "--to", TO, code=1)["disposition"] == "busy"


@pytest.mark.parametrize(
    ("number", "options"),
    [(signal.SIGINT, ()), (signal.SIGTERM, ("--hand-over",)), (signal.SIGHUP, ())],
    ids=lambda value: getattr(value, "name", None),
)
def test_the_first_signal_stops_with_grace(cli, sandbox, short, number, options) -> None:
    """It says what happens now; then the call is ended, or handed over and can be carried on with."""
    with cli.start("run", short, "--to", TO, "--grace", "0.1", "--json", *options) as process:
        call = wait_until_speaking(sandbox)
        process.send_signal(number)
        output, errors = process.communicate(timeout=20)
    assert process.returncode == (75 if options else 1), errors  # what was ended cannot be carried on with
    assert f"{number.name}: the call " in errors
    document = json.loads(output)
    if options:
        assert document["status"] == "interrupted"
        assert document["error"]["resume_command"].endswith(f"resume {document['run_id']}")
        assert cli.json("resume", document["run_id"])["call_id"] == call
    else:
        assert document["status"] == "cancelled"
    assert sandbox.wait(event="hangup", call=call)


def test_the_grace_lets_a_call_come_to_its_end(cli, sandbox, short) -> None:
    """A call that ends within its grace is a success."""
    with cli.start("run", short, "--to", TO) as process:
        wait_until_speaking(sandbox)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_a_second_signal_ends_the_call_at_once(cli, sandbox, short) -> None:
    """The call is ended, and the exit code is 128+n."""
    with cli.start("run", short, "--to", TO) as process:
        call = wait_until_speaking(sandbox)
        assert process.stderr is not None
        process.send_signal(signal.SIGINT)
        while "at most" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 128 + signal.SIGTERM
    assert sandbox.wait(event="hangup", call=call)


def test_a_sandbox_of_its_own_calls_nobody(bare_cli) -> None:
    """`run --sandbox` needs no account, keeps a journal of its own, and leaves no process behind."""
    script = bare_cli.write("s.json", json.dumps({"commands": [{"dial": {"to": TO, "from": "+15555550199"}}]}))
    done = bare_cli("run", script, "--sandbox")
    assert done.returncode == 0, done.stderr
    journal = bare_cli.journal.with_name("sandbox-journal.db")
    assert done.stderr.startswith("Calling nobody: the sandbox at http://127.0.0.1:")
    assert str(journal) in done.stderr
    assert journal.exists()
    assert not bare_cli.journal.exists()
    port = int(done.stderr.split("127.0.0.1:")[1].split(" ")[0])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 1)


def test_the_examples_succeed_at_a_sandbox_of_their_own(bare_cli) -> None:
    """The first call of the README, and the API's own form: somebody answers and presses a key."""
    given = ("--to", TO, "--var", "patient=Ada", "--var", "time=nine")
    first = bare_cli.json("run", SCRIPTS / "appointment-reminder.yaml", "--sandbox", "--speed", "40", *given)
    assert (first["status"], first["result"]) == ("completed", "confirmed")
    form = bare_cli.json("run", SCRIPTS / "api-form.json", "--sandbox", "--speed", "40", "--to", TO)
    assert form["status"] == "completed"


def test_the_people_of_a_sandbox_can_be_chosen(bare_cli) -> None:
    """Question by question, or from a file; and nothing pressed is possible, too."""
    run = ("run", SCRIPTS / "appointment-reminder.yaml", "--sandbox", "--speed", "40", "--to", TO)
    given = ("--var", "patient=Ada", "--var", "time=nine")
    assert bare_cli.json(*run, *given, "--keys", "9,2")["result"] == "cancelled"
    assert bare_cli.json(*run, *given, "--keys", "")["result"] == "no_answer_given"
    people = bare_cli.write("people.yaml", f"numbers: {{{TO}: {{does: busy}}}}")
    assert bare_cli.json(*run, *given, "--callees", people, code=1)["disposition"] == "busy"
    bad = bare_cli("run", *run[1:], *given, "--callees", bare_cli.write("bad.yaml", "nobody: {}"))
    assert bad.returncode == 78
    assert "the sandbox did not start" in bad.stderr
    assert "bad.yaml: file: unknown key 'nobody'" in bad.stderr


def test_a_sandbox_s_run_goes_where_it_is_told(bare_cli) -> None:
    """Into a journal that a flag names, else beside the one of real calls: that has none of a sandbox's runs."""
    script = bare_cli.write("s.json", json.dumps({"commands": [{"dial": {"to": TO, "from": "+15555550199"}}]}))
    bare_cli.environment["ORCHESTRATOR_JOURNAL"] = "named.db"
    assert str(bare_cli.home / "sandbox-journal.db") in bare_cli("run", script, "--sandbox").stderr
    assert len(bare_cli.json("runs", "--journal", "sandbox-journal.db")) == 1
    assert not (bare_cli.home / "named.db").exists()
    done = bare_cli("run", script, "--sandbox", "--journal", "flag.db")
    assert str(bare_cli.home / "flag.db") in done.stderr
    assert len(bare_cli.json("runs", "--journal", "flag.db")) == 1
    assert not bare_cli.journal.parent.exists()


def test_a_sandbox_ends_no_call_of_another_api(slowly, make_cli) -> None:
    """Its API knows none of the journal's calls: looking for them there would make them out to be over."""
    cli = make_cli(slowly.url)
    script = cli.write("short.yaml", SHORT.replace("dial_expire: 2s", "dial_expire: 2s, max_silence: 1s"))
    with cli.start("run", script, "--to", TO, "--journal", "j.db", "--hand-over") as process:
        wait_until_speaking(slowly)
        process.terminate()
        process.communicate(timeout=20)
    assert process.returncode == 75
    (before,) = cli.json("runs", "--journal", "j.db")
    dial = cli.write("s.json", json.dumps({"commands": [{"dial": {"to": "+12125550199", "from": "+15555550199"}}]}))
    assert cli("run", dial, "--sandbox", "--speed", "20", "--journal", "j.db").returncode == 0
    after = [each for each in cli.json("runs", "--journal", "j.db") if each["run_id"] == before["run_id"]]
    assert [each["status"] for each in after] == ["interrupted"]


def test_the_journal_failing_in_mid_call_is_exit_73_with_the_resume_command(cli, sandbox, short) -> None:
    """The call is ended; nothing else is told than what happened and how to carry on."""
    with cli.start("run", short, "--to", TO, "--json") as process:
        call = wait_until_speaking(sandbox)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, 0))  # as if the disk were full
        output, errors = process.communicate(timeout=20)
    assert process.returncode == 73, errors
    assert sandbox.wait(event="hangup", call=call)
    document = json.loads(output)
    assert (document["status"], document["call_id"], document["to"]) == ("interrupted", call, TO)
    assert document["steps"][-1]["commands"] == ["say"]
    assert document["error"]["code"] == "journal"
    assert document["error"]["message"].endswith("it was told to end, and nothing else was sent.")
    assert document["error"]["resume_command"].endswith(f" resume {document['run_id']}")
    resumed = cli("resume", "--all")
    (ended,) = cli.json("runs")
    assert resumed.stdout == f"{document['run_id'][:8]}  failed ({ended['disposition']}), 3 steps\n"


def test_secret_variables_come_from_a_file_that_only_its_owner_reads(cli, sandbox, short) -> None:
    """`--var-file` gives them; a file open to others is refused; the document hides the value."""
    secrets = cli.write("secrets", "# for this call\nwho = Ada = Eve\npin=4711\n")
    document = cli.json("run", short, "--to", TO, "--var-file", secrets)
    assert document["variables"] == {"who": "Ada = Eve", "pin": "***"}
    assert sandbox.said(only_call(sandbox))[0] == "Hello Ada = Eve."
    secrets.chmod(0o644)
    refused = cli("run", short, "--to", TO, "--var-file", secrets)
    assert refused.returncode == 2
    assert "chmod 600" in refused.stderr


SECRET = """
version: 1
name: secret
variables: {pin: {sensitive: true, required: true}, code: {sensitive: true, default: "77"}}
settings: {max_silence: 60s}
commands:
  - dial: {to: "{{ to }}", from: "+15555550199", timeout: 20}
  - say: {text: "%s"}
  - say: {text: "It is {{ pin }} and {{ code }}."}
"""


def test_a_resume_without_a_secret_it_needs_is_refused_and_leaves_the_call_as_it_is(cli, sandbox) -> None:
    """Exit 65 and what to give; with it the same call goes on, and a secret that had its default has it again."""
    script = cli.write("secret.yaml", SECRET % LONG)
    secrets = cli.write("secrets", "pin=4711\n")
    with cli.start("run", script, "--to", TO, "--hand-over", "--var-file", secrets) as process:
        call = wait_until_speaking(sandbox)
        process.terminate()
        _, told = process.communicate(timeout=20)
    run_id = cli.json("runs")[0]["run_id"]
    assert "Its call may still be up" in told
    assert f" resume {run_id}" in told
    assert f" cancel {run_id}" in told
    refused = cli("resume", run_id)
    assert refused.returncode == 65, refused.stderr
    assert "`pin`" in refused.stderr
    assert "--var-file" in refused.stderr
    (item,) = cli.json("resume", "--all", code=65)
    assert (item["status"], item["call_id"], item["error"]["code"]) == ("interrupted", call, "bad_variables")
    assert sandbox.transcript(event="hangup") == []
    assert cli.json("resume", run_id, "--var-file", secrets)["call_id"] == call
    assert sandbox.said(call)[-1] == "It is 4711 and 77."


def test_a_call_that_cannot_be_ended_in_time_is_told_in_the_document(cli, sandbox, short) -> None:
    """After the second signal stdout has the document all the same, and stderr the command that ends the call."""
    sandbox.add_fault(kind="hang", place="before", method="DELETE", times="always")
    with cli.start("run", short, "--to", TO, "--json") as process:
        call = wait_until_speaking(sandbox)
        assert process.stderr is not None
        process.send_signal(signal.SIGTERM)
        while "at most" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGTERM)
        output, told = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM, told
    document = json.loads(output)
    assert (document["status"], document["call_id"], document["error"]["code"]) == ("interrupted", call, "stopped")
    assert document["error"]["resume_command"].endswith(f" resume {document['run_id']}")
    assert "To end it: " in told


def test_a_blocked_number_names_the_run_that_blocks_it(cli, sandbox, short) -> None:
    """Exit 20 while a person must settle that dial, and the way to see it."""
    sandbox.add_fault(kind="status", place="received", command="dial", status=500)
    sandbox.add_fault(kind="status", place="before", method="GET", path="/calls", status=403, times="always")
    first = cli.json("run", short, "--to", TO, code=20)
    done = cli("run", short, "--to", TO)
    assert done.returncode == 20, done.stderr
    assert f"why {first['run_id']}" in done.stderr
    undecided = cli("show", first["run_id"]).stdout
    assert "--ran --call CALL_ID" in undecided


def test_on_a_terminal_the_steps_are_shown_while_the_call_runs(cli, sandbox, short) -> None:
    """The live view stands on stderr where that is a terminal; stdout has the summary alone."""
    master, slave = pty.openpty()
    with cli.start("run", short, "--to", TO, stderr=slave, env={**cli.environment, "TERM": "xterm"}) as process:
        os.close(slave)
        drawn = bytearray()
        with contextlib.suppress(OSError):  # Linux: the other end of the terminal is closed
            while chunk := os.read(master, 65536):
                drawn += chunk
        output, _ = process.communicate(timeout=20)
    os.close(master)
    text = drawn.decode()
    assert process.returncode == 0
    assert "short" in text
    assert "running" in text
    assert text.count("done") > 5
    assert output.startswith("status:      completed\n")
    assert sandbox.rung() == [TO]


def test_nobody_is_rung_while_an_interrupted_run_may_have_them_on_the_line(start_sandbox, make_cli) -> None:
    """Typing the command again after a kill -9 is refused, with the two ways on."""
    sandbox = start_sandbox("--speed", "2", "--keys", "1")
    cli = make_cli(sandbox.url)
    script = cli.write("long.yaml", LONG_SAY)
    process = cli.start("run", script)
    sandbox.wait(event="running", command="say")
    process.kill()
    process.communicate()
    again = cli("run", script)
    assert again.returncode == 75
    assert "was interrupted, and its call may still be up" in again.stderr
    assert " resume " in again.stderr
    assert " cancel " in again.stderr
    assert cli.json("run", script, code=75)["error"]["code"] == "call_left_up"
    assert len(sandbox.rung()) == 1
    (resumed,) = cli.json("resume", "--all")
    assert resumed["status"] == "completed"
    assert cli("run", script).returncode == 0


LONG_SAY = """\
version: 1
commands:
  - dial: {to: "+15555550142", from: "+15555550199"}
  - say: {text: "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"}
  - hangup: {}
"""
