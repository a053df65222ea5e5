"""The SQLite journal among real processes: contending, killed, locked out, out of space."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestrator.adapters.journal import SqliteJournal
from orchestrator.core.records import Noticed, RunMarks
from orchestrator.errors import JournalError, LeaseHeldError
from orchestrator.ports import ContactState
from tests.conformance import journal_child
from tests.conformance.journal_bench import problems_of
from tests.conformance.journal_child import a_start, real_now

ROOT = Path(journal_child.__file__).parents[2]


@contextmanager
def child_of(path: Path, job: str, run_id: str = "run-1") -> Iterator[subprocess.Popen[str]]:
    """Start a child that is ready to do its job; it is gone afterwards, whatever happened."""
    command = [sys.executable, "-m", "tests.conformance.journal_child", str(path), job, run_id]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    ) as child:
        try:
            assert line_of(child) == "ready"
            yield child
        finally:
            child.kill()


def line_of(child: subprocess.Popen[str]) -> str:
    """Wait for the child's next line."""
    assert child.stdout is not None
    return child.stdout.readline().rstrip("\n")


def tell(child: subprocess.Popen[str]) -> None:
    """Let the child go on."""
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    journal = SqliteJournal(tmp_path / "journal.db", now=real_now, busy_timeout_s=0.05)
    yield journal
    journal.close()


def test_of_two_processes_one_gets_the_lease(journal: SqliteJournal) -> None:
    """Of two processes that ask for a free lease one gets it; the death of the holder frees it at once."""
    journal.release(journal.start_run(a_start("run-1"), lease_s=600))
    with child_of(journal.path, "take") as one, child_of(journal.path, "take") as two:
        tell(one)
        tell(two)
        answers = {child: line_of(child) for child in (one, two)}
        assert sorted(answers.values()) == ["held", "token 2"]
        with pytest.raises(LeaseHeldError):
            journal.acquire("run-1", lease_s=600)
        holder = next(child for child, answer in answers.items() if answer == "token 2")
        os.kill(holder.pid, signal.SIGKILL)
        os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)  # dead, but not reaped: a zombie drives nothing
        assert journal.acquire("run-1", lease_s=600).token == 3


def test_of_two_processes_one_calls_a_contact(journal: SqliteJournal) -> None:
    """Of two processes that start a run of one contact one does; the death of the other changes nothing."""
    with child_of(journal.path, "claim", "run-1") as one, child_of(journal.path, "claim", "run-2") as two:
        tell(one)
        tell(two)
        answers = {"run-1": line_of(one), "run-2": line_of(two)}
        assert sorted(answers.values()) == ["called", "taken"]
    (run,) = journal.runs()
    assert answers[run.run_id] == "called"
    standing = journal.campaigns.standings(["key-1"])["key-1"]
    assert (standing.state, standing.run_id, standing.attempts) == (ContactState.OPEN, run.run_id, 1)


def test_of_two_processes_one_runs_a_campaign(journal: SqliteJournal) -> None:
    """Of two ticks that start at once one runs; when it is killed the campaign is free at once."""
    with child_of(journal.path, "tick") as one, child_of(journal.path, "tick") as two:
        tell(one)
        tell(two)
        answers = {child: line_of(child) for child in (one, two)}
        assert sorted(answers.values()) == ["held", "token 1"]
        holder = next(child for child, answer in answers.items() if answer == "token 1")
        with pytest.raises(LeaseHeldError, match=f":{holder.pid}"):
            journal.campaigns.take_campaign("spring", lease_s=600)
        os.kill(holder.pid, signal.SIGKILL)
        os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)
        assert journal.campaigns.take_campaign("spring", lease_s=600).token == 2


@pytest.mark.parametrize("acknowledged", [1, 23, 160])
def test_what_was_acknowledged_survives_a_kill(journal: SqliteJournal, acknowledged: int) -> None:
    """A writer killed at any moment loses no append that returned, and leaves whole records without gaps."""
    with child_of(journal.path, "write", "run") as child:
        tell(child)
        for _ in range(acknowledged + random.Random(acknowledged).randrange(10)):
            line_of(child)
        child.kill()
        lines = [line for line in child.communicate()[0].splitlines() if line.count(" ") == 1]
    last = Counter({run_id: int(number) for run_id, number in (line.split(" ") for line in lines)})
    assert problems_of(journal) == []
    for run in list(journal.runs()):
        assert not run.driven
        messages = [record.message for record in journal.read(run.run_id) if isinstance(record, Noticed)]
        assert messages == [str(number) for number in range(1, len(messages) // 2 + 1) for _ in range(2)]
        assert len(messages) // 2 >= last[run.run_id]
        lease = journal.acquire(run.run_id, lease_s=600)
        journal.append(lease, [], RunMarks(claims_dial=False))


def test_a_file_that_may_not_grow_fails_the_append_and_no_more(journal: SqliteJournal) -> None:
    """Out of space: each append raises a clear error, nothing acknowledged is lost, and with space it goes on."""
    with child_of(journal.path, "fill") as child:
        tell(child)
        lines = child.communicate()[0].splitlines()
    failed = [line for line in lines if line.startswith("failed")]
    kept = [int(line.split(" ")[1]) for line in lines if line.startswith("kept")]
    assert len(failed) == 3
    assert all(str(journal.path) in line and "disk" in line for line in failed)
    assert kept[-1] == len(lines)
    found = [int(record.message.split(" ")[0]) for record in journal.read("run-1") if isinstance(record, Noticed)]
    assert found == kept
    assert problems_of(journal) == []


def test_a_locked_journal_is_said_to_be_locked(journal: SqliteJournal) -> None:
    """While another process keeps the write lock, writing fails in a sentence, reading works; then all works again."""
    lease = journal.start_run(a_start("run-1"), lease_s=600)
    with child_of(journal.path, "lock") as child:
        with pytest.raises(JournalError, match=r"locked by another process") as caught:
            journal.append(lease, [], RunMarks())
        assert str(journal.path) in str(caught.value)
        assert len(journal.read("run-1")) == 1
        journal.check(lease)
        tell(child)
        assert line_of(child) == "gone"
    journal.append(lease, [], RunMarks())
