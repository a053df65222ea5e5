"""`drill` with real processes, and `verify` held against what drills find: the two must agree."""

from __future__ import annotations

import json
import signal
import subprocess

import pytest

from tests.conftest import Cli

pytestmark = pytest.mark.timeout(300)  # a drill starts a process or two, and some wait for evidence
SCRIPT = """\
version: 1
name: drilled
commands:
  - dial: {to: "+12125550123", from: "+15555550199", timeout: 20}
  - say: {text: "Good morning, this is a longer message for you, so that there is a middle to be killed in."}
  - get_dtmf: {timeout: 5, commands: [{say: {text: "Press one."}}]}
    save: choice
  - send_dtmf: {dtmf: "12345678901234567890"}
  - hangup: {}
"""


@pytest.fixture(scope="module")
def drilled(tmp_path_factory) -> tuple[dict, dict]:
    """What `drill` and `verify` say of the same script."""
    home = tmp_path_factory.mktemp("home")
    cli = Cli(home, {"HOME": str(home), "PATH": "/usr/bin:/bin"})
    script = cli.write("drilled.yaml", SCRIPT)
    with cli.start("drill", script, "--json") as process:
        output, errors = process.communicate(timeout=280)
    assert process.returncode == 0, errors
    assert [path.name for path in home.iterdir()] == ["drilled.yaml"], "nothing is left behind"
    return json.loads(output), cli.json("verify", script)


def of(document: dict, blow: str, commands: str) -> dict:
    (found,) = [each for each in document["drills"] if (each["blow"], each["commands"]) == (blow, commands)]
    return found


def test_every_request_is_drilled_in_three_ways(drilled) -> None:
    """After a run without a fault; in each, nothing dangerous happens twice."""
    document, _ = drilled
    assert document["safe"]
    assert document["not_drilled"] == 0
    assert [each["blow"] for each in document["drills"]] == ["none", *["lost", "reply_lost", "killed"] * 5]
    assert all(each["safe"] for each in document["drills"])


def test_the_phone_rings_once_whatever_befalls_the_dial(drilled) -> None:
    """Lost before, lost after, and killed in its middle."""
    document, _ = drilled
    for blow in ("lost", "reply_lost", "killed"):
        drill = of(document, blow, "dial")
        assert (drill["status"], drill["twice"], drill["left_out"]) == ("completed", [], []), blow


def test_what_is_heard_is_repeated_after_a_lost_reply_and_keys_are_not(drilled) -> None:
    """By the transcript of the server."""
    document, _ = drilled
    assert [each["command"] for each in of(document, "reply_lost", "say")["twice"]] == ["say"]
    assert of(document, "lost", "say")["twice"] == []
    assert {each["command"] for each in of(document, "reply_lost", "get_dtmf, say")["twice"]} == {"asked"}
    keyed = [of(document, blow, "send_dtmf") for blow in ("lost", "reply_lost", "killed")]
    assert not any(drill["twice"] for drill in keyed)
    assert keyed[0]["status"] == "undecided"


def test_verify_foresees_all_that_drills_find(drilled) -> None:
    """No drill repeats, or asks about, a step of which `verify` did not say that it could."""
    document, verified = drilled
    kinds = {next(iter(step["commands"])): {one["kind"] for one in step["findings"]} for step in verified["steps"]}
    for drill in document["drills"]:
        for each in drill["twice"]:
            command = "get_dtmf" if each["command"] == "asked" else each["command"]
            assert kinds[command] & {"twice", "asked_again"}, drill
        if drill["status"] == "undecided":
            assert "undecided" in kinds[drill["commands"].split(",")[0]], drill


def test_a_drill_that_runs_out_of_time_says_so(bare_cli) -> None:
    """What was not drilled is not said to be safe."""
    script = bare_cli.write("drilled.yaml", SCRIPT)
    done = bare_cli("drill", script, "--within", "1ms", "--keys", "2")
    assert done.returncode == 1
    assert "15 drills left out, since the time was up" in done.stderr
    assert "the callee notices:\n    dial: +12125550123\n    say: Good morning" in done.stdout


SECRETIVE = """\
version: 1
variables:
  door: {required: true, sensitive: true}
commands:
  - dial: {to: "+12125550123", from: "+15555550199", timeout: 20}
  - get_dtmf: {timeout: 3, max_digits: 8}
    save: pin
  - say: {text: "You pressed {{ pin }}; the word is {{ door }}."}
"""


def secretive(cli: Cli) -> tuple[str, ...]:
    """The words of a drill of a script with a secret variable and secret digits."""
    secrets = cli.write("secrets", "door=swordfish")
    secrets.chmod(0o600)
    script = cli.write("secretive.yaml", SECRETIVE)
    return ("drill", str(script), "--var-file", str(secrets), "--keys", "87654321", "--speed", "40")


def test_a_killed_drill_is_carried_on_with_what_no_journal_holds(bare_cli) -> None:
    """Every drill ends as it does without a fault; neither the digits nor the variable are shown."""
    done = bare_cli(*secretive(bare_cli))
    assert done.returncode == 0, done.stderr + done.stdout
    assert "12 drills, 12 of them safe." in done.stdout
    assert "interrupted" not in done.stdout
    assert "say: You pressed ***; the word is ***." in done.stdout
    assert not any(secret in done.stdout + done.stderr for secret in ("87654321", "swordfish"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_drill_that_is_told_to_stop_leaves_nothing_behind(bare_cli, number: signal.Signals) -> None:
    """Its folder holds secrets."""
    folder = bare_cli.home / "tmp"
    folder.mkdir()
    environment = {**bare_cli.environment, "TMPDIR": str(folder)}
    with bare_cli.start(*secretive(bare_cli), env=environment) as process:
        while not list(folder.glob("*/variables")):
            assert process.poll() is None
        process.send_signal(number)
        assert process.wait(timeout=30) == 128 + number
    assert list(folder.iterdir()) == []


def test_a_drill_in_words_has_a_row_for_each(bare_cli) -> None:
    """The table, and how many of them were safe."""
    script = bare_cli.write("short.yaml", SCRIPT.split("  - say", maxsplit=1)[0] + "  - hangup: {}\n")
    done = bare_cli("drill", script)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "6 drills, 6 of them safe." in done.stdout


def test_a_rehearsal_takes_its_answers_from_a_pipe(bare_cli) -> None:
    """As a process, with a line for the question."""
    script = bare_cli.write("drilled.yaml", SCRIPT)
    with bare_cli.start("rehearse", script, "--fast", stdin=subprocess.PIPE) as process:
        output, errors = process.communicate("1\n", timeout=30)
    assert process.returncode == 0, errors
    assert "The run is completed." in output
