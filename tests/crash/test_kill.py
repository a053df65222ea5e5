"""A real process is killed with SIGKILL at each journal boundary of a ten-step script, and another one carries on.

The oracle is the sandbox's transcript: what the callee really heard.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.compose import Orchestrator, Result
from tests import canary

HERE = Path(__file__).parent
SCRIPT = HERE / "ten_steps.yaml"
BOUNDARIES = 13
PREAMBLE = "Sorry, once more."
SENTENCES = [
    "One, the first sentence.",
    "Two, the second sentence.",
    "Three, press a key.",
    "Four, you pressed 1.",
    "Six, the sixth sentence.",
    "Nine, the ninth sentence.",
]


def child(url: str, journal: Path, boundary: int, when: str, run_id: str = "run") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, HERE / "child.py", url, journal, SCRIPT, str(boundary), when, run_id]
    environment = os.environ | canary.ENVIRONMENT
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)


def resume(url: str, journal: Path) -> Result | None:
    """Carry on with what is left, as `orchestrator resume --all` would; None when there is nothing."""
    with Orchestrator(api_url=url, **canary.CREDENTIALS, journal=journal) as orchestrator:
        results = [orchestrator.resume(run.run_id) for run in list(orchestrator.resumable())]
        assert len(results) <= 1
        return results[0] if results else None


def check_the_callee(sandbox, result: Result | None) -> None:
    """Nobody was rung twice, no tone was keyed twice, and what was heard twice was announced."""
    transcript = sandbox.transcript()
    rings = [entry for entry in transcript if entry["event"] == "ringing"]
    assert len(rings) <= 1
    keyed = [entry for entry in transcript if entry["event"] == "ran" and entry["command"] == "send_dtmf"]
    assert len(keyed) <= 1
    if result is None:
        return
    assert result.status in ("completed", "undecided"), result.document
    if result.status == "completed":
        assert len(rings) == 1
        assert len(keyed) == 1
        spoken = [entry["text"] for entry in transcript if entry["event"] == "ran" and entry["command"] == "say"]
        sentences = [text for text in spoken if text != PREAMBLE]
        assert list(dict.fromkeys(sentences)) == SENTENCES
        assert len(sentences) - len(SENTENCES) <= spoken.count(PREAMBLE)
    else:
        uncertain = result.document["steps"][-1]
        assert uncertain["commands"] == ["send_dtmf"]
        assert uncertain["verdict"] == "undecidable"


def test_the_script_without_a_kill_passes_all_boundaries(sandbox, tmp_path: Path) -> None:
    """The number of boundaries that the kill tests walk is the number there are."""
    done = child(sandbox.url, tmp_path / "journal.db", 0, "never")
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == BOUNDARIES
    check_the_callee(sandbox, None)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("boundary", range(1, BOUNDARIES + 1))
def test_killed_at_a_boundary_and_resumed(sandbox, tmp_path: Path, boundary: int, when: str) -> None:
    """Whatever the boundary, the same live call is carried to its end with nothing done twice."""
    journal = tmp_path / "journal.db"
    killed = child(sandbox.url, journal, boundary, when)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    result = resume(sandbox.url, journal)
    nothing_was_begun = (boundary, when) == (1, "before")
    nothing_is_left = (boundary, when) == (BOUNDARIES, "after")
    assert (result is None) == (nothing_was_begun or nothing_is_left)
    check_the_callee(sandbox, result)


def test_killed_in_the_middle_of_a_sentence(start_sandbox, tmp_path: Path) -> None:
    """A sentence that is being spoken is waited for, and not repeated."""
    sandbox = start_sandbox("--speed", "4")
    sandbox.set_callee("default", keys=["1"])
    journal = tmp_path / "journal.db"
    command = [sys.executable, HERE / "child.py", sandbox.url, journal, SCRIPT, "0", "never", "run"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ | canary.ENVIRONMENT) as process:
        sandbox.wait(event="running", text="Two, the second sentence.")
        process.kill()
    result = resume(sandbox.url, journal)
    assert result is not None
    assert result.status == "completed"
    assert result.document["steps"][2]["verdict"] == "ran"
    check_the_callee(sandbox, result)
    assert PREAMBLE not in [entry.get("text") for entry in sandbox.transcript()]


@pytest.mark.parametrize("boundary", range(1, 8))
def test_killed_again_while_resuming(sandbox, tmp_path: Path, boundary: int) -> None:
    """A resume that is killed is resumed in turn."""
    journal = tmp_path / "journal.db"
    assert child(sandbox.url, journal, 4, "after").returncode == -signal.SIGKILL
    with Orchestrator(api_url=sandbox.url, **canary.CREDENTIALS, journal=journal) as orchestrator:
        (run,) = orchestrator.resumable()
    assert child(sandbox.url, journal, boundary, "after", run.run_id).returncode == -signal.SIGKILL
    result = resume(sandbox.url, journal)
    assert result is not None
    check_the_callee(sandbox, result)
