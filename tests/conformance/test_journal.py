"""Every implementation of the port `Journal` keeps the port's rules."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.adapters.journal import SqliteJournal
from orchestrator.adapters.journal.owner import owner_of
from orchestrator.core.records import RunMarks
from orchestrator.errors import JournalError
from tests.conformance.journal_bench import LEASE_S, Bench, Hands, a_note, a_start
from tests.conformance.journal_suite import JournalSuite
from tests.conformance.memory_journal import MemoryJournal, MemoryStore


class MemoryBench:
    """Pretended processes on one store."""

    def __init__(self) -> None:
        self.now = Hands()
        self._store = MemoryStore()
        self._deaths: Counter[str] = Counter()

    def open(self, process: str = "this") -> MemoryJournal:
        """Open the journal as that process does."""
        return MemoryJournal(now=self.now, store=self._store, process=f"{process}-{self._deaths[process]}")

    def kill(self, process: str) -> None:
        """End that process without a word."""
        self._store.kill(f"{process}-{self._deaths[process]}")
        self._deaths[process] += 1


class SqliteBench:
    """One file. Every process but this one is stood for by a real child, whose death is real."""

    def __init__(self, folder: Path) -> None:
        self.now = Hands()
        self._path = folder / "journal.db"
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._opened: list[SqliteJournal] = []

    def open(self, process: str = "this") -> SqliteJournal:
        """Open the journal as that process does."""
        owner = None if process == "this" else replace(owner_of(self._child(process).pid), host=process)
        journal = SqliteJournal(self._path, now=self.now, owner=owner)
        self._opened.append(journal)
        return journal

    def kill(self, process: str) -> None:
        """End that process without a word."""
        child = self._children.pop(process)
        child.kill()
        child.communicate()

    def close(self) -> None:
        """Leave nothing behind."""
        for journal in self._opened:
            journal.close()
        for process in list(self._children):
            self.kill(process)

    def _child(self, process: str) -> subprocess.Popen[bytes]:
        if process not in self._children:
            self._children[process] = subprocess.Popen(["cat"], stdin=subprocess.PIPE)  # waits for its end
        return self._children[process]


class TestMemoryJournal(JournalSuite):
    """The journal of the property tests."""

    @pytest.fixture
    def bench(self) -> Bench:
        """Return an empty store."""
        return MemoryBench()

    @pytest.mark.parametrize(("takes_effect", "kept"), [(False, 2), (True, 3)])
    def test_it_fails_when_a_test_wants_it(self, takes_effect: bool, kept: int) -> None:
        """From the chosen append on all fail; the first of them may be on disk all the same, so that both are tried."""
        now = Hands()
        bench = MemoryBench()
        journal = MemoryJournal(now=now)
        lease = journal.start_run(a_start(bench), lease_s=LEASE_S)
        journal.append(lease, [a_note(bench, 1)], RunMarks())
        journal.fail_after(1, takes_effect=takes_effect)
        journal.append(lease, [a_note(bench, 2)], RunMarks())
        for number in (3, 4):
            with pytest.raises(JournalError):
                journal.append(lease, [a_note(bench, number)], RunMarks())
        after = MemoryJournal(now=now, store=journal.store, process="next")
        assert after.read("run-1")[1:] == [a_note(bench, number) for number in range(1, kept + 1)]
        assert journal.appends == 4


class TestSqliteJournal(JournalSuite):
    """The journal of the product."""

    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[Bench]:
        """Return a file in a folder of its own."""
        bench = SqliteBench(tmp_path)
        yield bench
        bench.close()
