"""A process is stopped with SIGSTOP beyond its lease, another carries its call to the end, and the first is woken.

The oracle is the sandbox's transcript: the woken one sends nothing more, and every sentence is heard once.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestrator.compose import Orchestrator, Result
from orchestrator.errors import LeaseLostError
from tests import canary
from tests.conftest import SandboxProcess

HERE = Path(__file__).parent
SCRIPT = HERE / "four_sentences.yaml"
LEASE = "1s"
APPENDS = 7
SENTENCES = [
    "One, the first sentence.",
    (
        "Two, the second sentence, which is long enough for another process to start, to wait for the lease to end, "
        "and to see it still being spoken by the server when at last it looks."
    ),
    "Three, press a key.",
    "Four, you pressed 1.",
]


@contextmanager
def child(url: str, journal: Path, boundary: int = 0, when: str = "never") -> Iterator[subprocess.Popen[str]]:
    """Start the process that will be stopped; it is gone afterwards, whatever happened."""
    command = [sys.executable, HERE / "stopping_child.py", url, journal, SCRIPT, LEASE, str(boundary), when]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | canary.ENVIRONMENT) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_until_stopped(process: subprocess.Popen[str]) -> None:
    """Wait until it is stopped; fail where it has exited instead."""
    seen = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    assert seen is not None
    assert seen.si_code == os.CLD_STOPPED, "it was never stopped"


def take_over(url: str, journal: Path) -> Result:
    """Carry on with the run as soon as its lease is over."""
    with Orchestrator(api_url=url, **canary.CREDENTIALS, journal=journal, settings={"lease": LEASE}) as orchestrator:
        journalled = orchestrator._parts.journal
        (run,) = journalled.runs()
        assert run.driven, "its lease was free at once: nothing would be proved"
        while next(iter(journalled.runs())).driven:
            threading.Event().wait(0.02)  # nobody tells when a lease is over
        return orchestrator.resume(run.run_id)


def wake(process: subprocess.Popen[str]) -> None:
    """Wake it up, and see it give up its run."""
    process.send_signal(signal.SIGCONT)
    output, _ = process.communicate(timeout=30)
    assert output.split() == [LeaseLostError.__name__]
    assert process.returncode == LeaseLostError.exit_code


def check_the_callee(sandbox: SandboxProcess, *, lost: int | None = None) -> None:
    """She was rung once, and heard every sentence once; the one whose outcome was lost with the stopped one, twice."""
    assert len(sandbox.rung()) == 1
    expected = [sentence for at, sentence in enumerate(SENTENCES) for _ in range(1 + (at == lost))]
    assert [entry["text"] for entry in sandbox.transcript(event="ran", command="say")] == expected
    assert len(sandbox.transcript(event="hangup")) == 1


def requests(sandbox: SandboxProcess) -> int:
    """How many requests have reached the server."""
    return len(sandbox.transcript(event="request"))


def test_the_script_has_so_many_boundaries(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """The last append is the one before the run ends, and there is none after it: all of them are walked."""
    with child(sandbox.url, tmp_path / "journal.db", APPENDS + 1, "before") as process:
        assert process.wait(30) == 0
    check_the_callee(sandbox)


@pytest.mark.parametrize("boundary", range(1, APPENDS))
@pytest.mark.parametrize("when", ["before", "after"])
def test_stopped_at_a_boundary(sandbox: SandboxProcess, tmp_path: Path, boundary: int, when: str) -> None:
    """Whatever it was about to write or to send, the woken one does neither."""
    journal = tmp_path / "journal.db"
    with child(sandbox.url, journal, boundary, when) as process:
        wait_until_stopped(process)
        assert take_over(sandbox.url, journal).status == "completed"
        sent = requests(sandbox)
        wake(process)
        assert requests(sandbox) == sent
    # The outcome of a sentence is written with the next intent. Lost, it is repeated: that is its policy.
    check_the_callee(sandbox, lost=boundary - 3 if when == "before" and boundary > 2 else None)


def test_woken_while_the_other_drives(start_sandbox, tmp_path: Path) -> None:
    """Stopped while a sentence is spoken and woken during the next, it disturbs nobody."""
    sandbox = start_sandbox("--speed", "4")
    sandbox.set_callee("default", keys=["1"])
    journal = tmp_path / "journal.db"
    with child(sandbox.url, journal) as process, ThreadPoolExecutor(1) as other:
        sandbox.wait(event="running", text=SENTENCES[1])
        process.send_signal(signal.SIGSTOP)
        wait_until_stopped(process)
        taking_over = other.submit(take_over, sandbox.url, journal)
        sandbox.wait(event="running", text=SENTENCES[2])
        wake(process)
        assert taking_over.result(60).status == "completed"
    check_the_callee(sandbox)
