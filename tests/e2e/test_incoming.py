"""Incoming calls as processes: `serve` answers them by the script of their number."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator import Orchestrator, Script
from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.journal import SqliteJournal
from orchestrator.core.evolve import fold, marks
from orchestrator.core.exchange import CallSeen, Operation
from orchestrator.core.instant import Instant
from orchestrator.core.records import EventReceived, Record, RunStarted
from orchestrator.errors import StoppedEarlyError, UnreachableError, UsageError
from orchestrator.incoming import TURNED_DOWN, IncomingCalls, Unknown
from tests import canary
from tests.conftest import Cli, SandboxProcess
from tests.fakes.machine import intent

DESK, OTHER, CALLER = "+15555550100", "+15555550101", "+15555550177"
SCRIPT = """\
version: 1
commands:
  - answer: {}
  - say: {text: "Thank you for calling {{ to }}."}
  - get_dtmf: {timeout: 8, commands: [{say: {text: "Press one for the shop."}}]}
    save: choice
    on_failure: {then: bye}
  - say: {text: "You have pressed {{ choice }}."}
  - id: bye
    hangup: {}
"""
SAID = [f"Thank you for calling {DESK}.", "You have pressed 1."]


@contextlib.contextmanager
def answering(cli: Cli, sandbox: SandboxProcess, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Run `serve` with a script for the desk's number, and have the API send events there."""
    cli.write("desk.yaml", SCRIPT)
    lines = ["incoming:", f'  scripts: {{"{DESK}": desk.yaml}}', *(f"  {word}" for word in words)]
    configuration = cli.write("settings.yaml", "\n".join(lines))
    with cli.start("--config", configuration, "serve", "--port", 0, "--json") as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, process.stderr.read()
            base = json.loads(line)["url"]
            shown = cli.json("--config", configuration, "serve", "--port", 0, "--show-url")
            assert shown["main_url"].startswith(base)
            sandbox.send_events(shown["main_url"], shown["fallback_url"])
            yield process
        finally:
            process.kill()


def stop(process: subprocess.Popen[str]) -> None:
    """Have it finish what is in hand."""
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0


def told(sandbox: SandboxProcess, call_id: str) -> list[str]:
    """Return what the caller heard, without the prompts of questions."""
    return [text for text in sandbox.said(call_id) if not text.startswith("Press")]


def test_a_call_is_answered_by_the_script_of_its_number(cli: Cli, sandbox: SandboxProcess) -> None:
    """With its numbers as variables, and a run like any other."""
    with answering(cli, sandbox):
        call_id = sandbox.call_in(DESK, keys=["1"])
        sandbox.wait(event="hangup", call=call_id)
    assert told(sandbox, call_id) == SAID
    (run,) = cli.json("runs")
    assert run["call_id"] == call_id


def test_who_called_is_told(cli: Cli, sandbox: SandboxProcess) -> None:
    """In the list, in the story and in both documents; a caller who gives up is no completed call."""
    with answering(cli, sandbox) as process:
        call_id = sandbox.call_in(DESK, from_=CALLER, keys=["1"])
        sandbox.wait(event="hangup", call=call_id)
        stop(process)
    (run,) = cli.json("runs")
    document = cli.json("show", run["run_id"])
    for shown in (run, document):
        assert (shown["from"], shown["to"], shown["direction"]) == (CALLER, DESK, "incoming")
    assert CALLER in cli("runs").stdout
    assert f"From      {CALLER}, an incoming call" in cli("show", run["run_id"]).stdout
    assert document["disposition"] == "completed"


def test_an_event_that_comes_twice_starts_one_run(cli: Cli, sandbox: SandboxProcess) -> None:
    """Whichever of main and fallback it comes to."""
    sandbox.add_fault(on="event", reason="incoming", kind="both")
    with answering(cli, sandbox):
        call_id = sandbox.call_in(DESK, keys=["1"])
        sandbox.wait(event="hangup", call=call_id)
    assert told(sandbox, call_id) == SAID
    assert len(cli.json("runs")) == 1


def test_calls_to_other_numbers_are_left_or_turned_down(cli: Cli, sandbox: SandboxProcess) -> None:
    """By default they ring on: somebody else may answer them."""
    with answering(cli, sandbox):
        left = sandbox.call_in(OTHER, gives_up_after=20)
        assert sandbox.wait(event="hangup", call=left)["cause"] == "remote"
    with answering(cli, sandbox, "unknown: reject") as process:
        rejected = sandbox.call_in(OTHER, gives_up_after=200)
        assert sandbox.wait(event="hangup", call=rejected)["cause"] == "rejected"
        stop(process)
    (run,) = cli.json("runs")
    assert (run["script"], run["disposition"]) == ("(turned down)", "rejected")


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_lost_answer_is_settled_by_what_the_call_shows(cli: Cli, sandbox: SandboxProcess, place: str) -> None:
    """It still rings: it is answered once more. It is up: it was answered. Each word is heard once."""
    sandbox.add_fault(command="answer", kind="close", place=place)
    with answering(cli, sandbox) as process:
        call_id = sandbox.call_in(DESK, keys=["1"], gives_up_after=200)
        sandbox.wait(event="hangup", call=call_id)
        stop(process)
    assert told(sandbox, call_id) == SAID
    (run,) = cli.json("runs")
    answer = cli.json("show", run["run_id"])["steps"][0]
    assert (run["disposition"], answer["attempts"]) == ("completed", 2 if place == "before" else 1)


def test_a_call_that_is_being_answered_outlives_its_process(cli: Cli, sandbox: SandboxProcess) -> None:
    """Killed with -9 in mid-call: the next `serve` carries on with the same live call."""
    with answering(cli, sandbox) as process:
        call_id = sandbox.call_in(DESK, keys=["1", "1"])
        sandbox.wait(event="running", command="get_dtmf", call=call_id)
        process.send_signal(signal.SIGKILL)
        process.wait()
    with answering(cli, sandbox):
        sandbox.wait(event="hangup", call=call_id)
    assert told(sandbox, call_id) == SAID


def test_a_stop_lets_the_call_come_to_its_end(cli: Cli, sandbox: SandboxProcess) -> None:
    """SIGTERM: no further call is taken, the live one goes on for its grace."""
    with answering(cli, sandbox) as process:
        call_id = sandbox.call_in(DESK, keys=["1"])
        sandbox.wait(event="running", command="say", call=call_id)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert told(sandbox, call_id) == SAID


@pytest.mark.parametrize(
    ("script", "complaint"), [("commands: [{dial: {to: '+15555550142', from: '+15555550199'}}]", "begin it with")]
)
def test_a_script_that_cannot_answer_is_refused_at_the_start(cli: Cli, script: str, complaint: str) -> None:
    """Not when somebody calls."""
    cli.write("desk.yaml", script)
    configuration = cli.write("settings.yaml", f'incoming:\n  scripts: {{"{DESK}": desk.yaml}}\n')
    done = cli("--config", configuration, "serve", "--port", 0)
    assert done.returncode == 2
    assert complaint in done.stderr


def test_variables_that_nobody_can_give_are_told_with_what_works(cli: Cli) -> None:
    """`serve` takes no values of variables: a default in the script is the way. The caller's number may be required."""
    cli.write("desk.yaml", SCRIPT.replace("commands:", "variables: {shop: {required: true}}\ncommands:", 1))
    configuration = cli.write("settings.yaml", f'incoming:\n  scripts: {{"{DESK}": desk.yaml}}\n')
    done = cli("--config", configuration, "serve", "--port", 0)
    assert done.returncode == 65
    assert "desk.yaml:2:13: the variable `shop` is required, but nobody gives values to a call" in done.stderr
    assert "write a `default`" in done.stderr
    assert "--var" not in done.stderr


def test_bad_words_of_incoming_are_told_with_their_places(cli: Cli) -> None:
    """All in one pass."""
    configuration = cli.write(
        "settings.yaml", "incoming:\n  scripts: {12: a.yaml}\n  unknown: drop\n  at_once: 0\n  x: 1\n"
    )
    done = cli("--config", configuration, "serve", "--port", 0)
    assert done.returncode == 78
    for words in (
        ":2:13: `12` is no number",
        "must be `leave` or `reject`, not `drop`",
        ":4:12:",
        "`x` has no meaning",
    ):
        assert words in done.stderr


# --- in one process ---------------------------------------------------------------------------------------------------


def event(call_id: str) -> EventReceived:
    """Return an event that says that a call to the desk rings."""
    return EventReceived(at=Instant(0, 0), call=CallSeen(call_id=call_id, status="ringing", to=DESK))


def maker(sandbox: SandboxProcess, tmp_path: Path) -> Orchestrator:
    given = {"api_url": sandbox.url, **canary.CREDENTIALS}
    return Orchestrator(**given, journal=tmp_path / "own.db")


def test_an_untrue_event_starts_no_run(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """The call is looked at first."""
    script = Script.parse(SCRIPT, name="desk.yaml")
    with maker(sandbox, tmp_path) as orchestrator, IncomingCalls(orchestrator, {DESK: script}) as incoming:
        incoming.ring(event("00000000-0000-4000-8000-000000000000"))
        assert list(orchestrator.journal.runs()) == []


def test_an_event_is_refused_when_no_further_call_can_be_taken(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """It comes again, or to another address: as many as are taken, and none after the end, or without the API."""
    script = Script.parse(SCRIPT, name="desk.yaml")
    with maker(sandbox, tmp_path) as orchestrator:
        incoming = IncomingCalls(orchestrator, {DESK: script}, at_once=1, unknown=Unknown.LEAVE)
        first, second = (sandbox.call_in(DESK, keys=["1"], gives_up_after=100) for _ in range(2))
        incoming.ring(event(first))
        with pytest.raises(StoppedEarlyError):
            incoming.ring(event(second))
        incoming.close()
        with pytest.raises(StoppedEarlyError):
            incoming.ring(event(second))
        assert told(sandbox, first) == SAID
        sandbox.add_fault(method="GET", kind="status", status=500, place="before")
        again = IncomingCalls(orchestrator, {DESK: script})
        with pytest.raises(UnreachableError):
            again.ring(event(second))
        again.close()
        assert isinstance(orchestrator.journal, SqliteJournal)
        assert len(list(orchestrator.journal.runs())) == 1


LEFT_BEHIND = Script.parse(SCRIPT, name="desk.yaml")


def leave_behind(orchestrator: Orchestrator, call_id: str, script: Script, *later: Record) -> None:
    """Leave the run of a process that took a call a minute ago, and died."""
    begun = RunStarted(
        at=SystemClock().now().plus(-60),
        run_id="left-behind",
        script_name=script.name,
        script_digest=script.digest,
        script_source=script.source,
        script_masked=False,
        script_path=None,
        to=DESK,
        from_=CALLER,
        variables={},
        secret_names=(),
        settings=orchestrator.settings_for(script),
        call=CallSeen(call_id=call_id, status="ringing", to=DESK, from_=CALLER),
    )
    journal = orchestrator.journal
    lease = journal.start_run(begun, lease_s=30)
    if later:
        journal.append(lease, later, marks(fold([begun, *later])))
    journal.release(lease)


def test_a_call_that_rings_on_is_not_ended_by_whoever_dials_next(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """Nobody waits in silence on it: the next `serve` answers it, or its caller gives up."""
    call_id = sandbox.call_in(DESK, keys=["1"], gives_up_after=2000)
    with maker(sandbox, tmp_path) as orchestrator:
        leave_behind(orchestrator, call_id, LEFT_BEHIND)
        assert orchestrator.reap() == []
        assert orchestrator.ringing(call_id) is not None
        with IncomingCalls(orchestrator, {DESK: LEFT_BEHIND}):
            pass
    assert told(sandbox, call_id) == SAID


def test_a_caller_who_may_have_been_answered_is_not_left_in_silence(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """Its process died with the answer on its way; the words say who waits."""
    call_id = sandbox.call_in(DESK, gives_up_after=2000)
    with maker(sandbox, tmp_path) as orchestrator:
        answer = intent(Operation.COMMAND, "answer", at=SystemClock().now().plus(-59), call_id=call_id, longest_s=0.0)
        leave_behind(orchestrator, call_id, LEFT_BEHIND, answer)
        (reaped,) = orchestrator.reap()
    assert sandbox.wait(event="hangup", call=call_id)
    assert reaped.document["error"]["message"].startswith("its driver was gone and the caller had waited ")


@pytest.mark.parametrize(
    ("script", "rings", "disposition", "heard"),
    [
        (LEFT_BEHIND, True, "completed", SAID),
        (LEFT_BEHIND, False, "no_answer", []),
        (TURNED_DOWN, True, "rejected", []),
        (TURNED_DOWN, False, "no_answer", []),
    ],
)
def test_a_run_that_is_resumed_late_answers_if_the_call_still_rings(
    sandbox: SandboxProcess, tmp_path: Path, script: Script, rings: bool, disposition: str, heard: list[str]
) -> None:
    """Its process died a minute ago, before it answered: nobody has waited in silence. Else the caller has given up."""
    call_id = sandbox.call_in(DESK, keys=["1"], gives_up_after=2000 if rings else 1)
    if not rings:
        sandbox.wait(event="hangup", call=call_id)
    with maker(sandbox, tmp_path) as orchestrator:
        leave_behind(orchestrator, call_id, script)
        with IncomingCalls(orchestrator, {DESK: LEFT_BEHIND}):
            pass
        document = orchestrator.show("left-behind")
    assert (document["disposition"], told(sandbox, call_id)) == (disposition, heard)


def test_a_script_that_dials_cannot_answer(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """Nor can one that answers dial."""
    with maker(sandbox, tmp_path) as orchestrator:
        dials = Script.parse(
            '{"commands": [{"dial": {"to": "+15555550142", "from": "+15555550199"}}]}', name="dials.json"
        )
        with pytest.raises(UsageError, match="begin it with `answer`"):
            IncomingCalls(orchestrator, {DESK: dials})
        with pytest.raises(UsageError, match="incoming calls"):
            orchestrator.run(Script.parse(SCRIPT, name="desk.yaml"))
