"""The same script, told apart only by how it is learnt that a step is over; as processes, against the sandbox."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import pytest

from orchestrator import EventReceiver, Orchestrator, Script
from tests import canary
from tests.conftest import Cli, SandboxProcess, receiving

CALLEE = "+15555550142"
SCRIPT = """\
version: 1
variables: {to: {required: true}}
commands:
  - dial: {to: "{{ to }}", from: "+15555550199"}
  - say: {text: "Good morning, this is a call about your order."}
  - get_dtmf: {timeout: 8, commands: [{say: {text: "Press one to hear more."}}]}
    save: choice
    on_failure: {then: bye}
  - say: {text: "You have pressed {{ choice }}."}
  - id: bye
    say: {text: "Goodbye."}
  - hangup: {}
"""
SAID = ["Good morning, this is a call about your order.", "You have pressed 1.", "Goodbye."]
LONG = " ".join(["word"] * 29) + " end."
MODES = ["sync", "async", "poll", "auto"]


def told(sandbox: SandboxProcess, document: dict[str, object]) -> list[str]:
    """Return the sentences that the callee heard, without the prompts of questions."""
    return [text for text in sandbox.said(str(document["call_id"])) if not text.startswith("Press")]


def asynchronous(sandbox: SandboxProcess) -> list[list[str]]:
    """Return the commands of each list that was only acknowledged."""
    entries = sandbox.transcript(event="request")
    return [entry["commands"] for entry in entries if "async=1" in entry["path"]]


@pytest.mark.parametrize("mode", MODES)
def test_the_callee_hears_the_same_in_every_mode(cli: Cli, sandbox: SandboxProcess, mode: str) -> None:
    """Each sentence once, in order; without a receiver `async` only looks."""
    script = cli.write("order.yaml", SCRIPT)
    document = cli.json("run", script, "--to", CALLEE, "--mode", mode)
    assert (document["status"], document["variables"]["choice"]) == ("completed", "1")
    assert told(sandbox, document) == SAID
    lists = asynchronous(sandbox)
    assert lists == ([["dial"], ["say"], ["say"], ["say"]] if mode in ("async", "poll") else [])


def test_an_event_tells_the_digits(cli: Cli, sandbox: SandboxProcess) -> None:
    """With a receiver, the question is asynchronous too, and what was pressed comes by its event."""
    script = cli.write("order.yaml", SCRIPT)
    with receiving(cli, sandbox):
        document = cli.json("run", script, "--to", CALLEE, "--mode", "async")
    assert (document["status"], document["variables"]["choice"]) == ("completed", "1")
    assert told(sandbox, document) == SAID
    assert ["get_dtmf", "say"] in asynchronous(sandbox)


def test_a_receiver_that_is_killed_costs_no_call(cli: Cli, sandbox: SandboxProcess) -> None:
    """Its events are lost; looks make up for them, and the question is asked again."""
    script = cli.write("order.yaml", SCRIPT)
    with receiving(cli, sandbox) as receiver:
        process = cli.start("run", script, "--to", CALLEE, "--mode", "async", "--json")
        sandbox.wait(event="running", command="say")
        receiver.send_signal(signal.SIGKILL)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    document = json.loads(output)
    assert (document["status"], document["variables"]["choice"]) == ("completed", "1")
    assert told(sandbox, document) == SAID


def test_an_application_receives_its_own_events(cli: Cli, sandbox: SandboxProcess, tmp_path: Path) -> None:
    """Receiver and runner in one process: an event wakes its run at once."""
    given = {"api_url": sandbox.url, **canary.CREDENTIALS}
    with (
        Orchestrator(**given, journal=tmp_path / "own.db", settings={"mode": "async"}) as orchestrator,
        EventReceiver(orchestrator, port=0) as receiver,
    ):
        sandbox.send_events(receiver.main_url, receiver.fallback_url)
        result = orchestrator.run(Script.load(cli.write("order.yaml", SCRIPT)), to=CALLEE)
    assert (result.status, result.variables["choice"]) == ("completed", "1")
    assert told(sandbox, dict(result.document)) == SAID


@pytest.mark.parametrize(("first", "second"), list(permutations(MODES, 2)))
def test_a_run_begun_in_one_mode_is_carried_on_in_another(
    start_sandbox: Callable[..., SandboxProcess], make_cli: Callable[[str], Cli], first: str, second: str
) -> None:
    """Killed with -9 in mid-sentence: the same live call, and nothing is said twice."""
    sandbox = start_sandbox("--speed", "2", "--keys", "1")  # the first sentence lasts 6 s
    cli = make_cli(sandbox.url)
    script = cli.write("order.yaml", SCRIPT.replace(SAID[0], LONG))
    process = cli.start("run", script, "--to", CALLEE, "--mode", first)
    sandbox.wait(event="running", command="say")
    process.kill()
    process.communicate()
    (document,) = cli.json("resume", "--all", "--mode", second)
    assert document["status"] == "completed", document["error"]
    assert len(sandbox.rung()) == 1
    assert told(sandbox, document) == [LONG, *SAID[1:]]
