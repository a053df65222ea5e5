"""A journal that lost its end or has a bit turned is refused, or reads as it was at some earlier moment.

`FAULTS=all` cuts at every byte of the last 4 KiB and turns ten times as many bits.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from orchestrator.adapters.journal import SqliteJournal
from orchestrator.core.evolve import fold, marks
from orchestrator.core.records import Record, RunStarted
from orchestrator.errors import JournalError, LeaseHeldError, NoSuchRunError
from tests.conformance.journal_bench import LEASE_S, Hands
from tests.faults.disk import Disk
from tests.faults.world import DiskWorld

_ALL = os.environ.get("FAULTS") == "all"
_TAIL_BYTES, _CUT_EVERY = 4096, 1 if _ALL else 19
MOST_FLIPS = 5000
_FLIPS = MOST_FLIPS if _ALL else 500
_RUNS = 8
_NOW = Hands()


@dataclass
class _Truth:
    """What a journal was told.

    Attributes:
        records: Of each run, in order.
        moments: After each transaction, how many records each run had.
        files: The journal's files, as they were while it was open and after it was closed.
    """

    records: dict[str, list[Record]] = field(default_factory=dict)
    moments: list[dict[str, int]] = field(default_factory=list)
    open_files: dict[str, bytes] = field(default_factory=dict)
    closed_files: dict[str, bytes] = field(default_factory=dict)


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> _Truth:
    """Return a journal of several runs whose calls went on at the same time, with the records of a real one."""
    folder = tmp_path_factory.mktemp("truth")
    with Disk(folder) as disk:
        _opened(folder / "real.db").close()
        batches = DiskWorld(folder / "real.db", disk).run().batches
    truth, path = _Truth(), folder / "journal.db"
    with closing(_opened(path)) as journal:
        leases = {}
        for batch in batches:
            for number in range(_RUNS):
                run_id = f"run-{number}"
                told = truth.records.setdefault(run_id, [])
                if isinstance(batch[0], RunStarted):
                    started = replace(batch[0], run_id=run_id, to=f"+1555555010{number}")
                    told.append(started)
                    leases[run_id] = journal.start_run(started, lease_s=LEASE_S)
                else:
                    told.extend(batch)
                    journal.append(leases[run_id], batch, marks(fold(told)))
                truth.moments.append({name: len(records) for name, records in truth.records.items()})
        truth.open_files = _files_of(path)
        with closing(sqlite3.connect(path)) as other:
            _, frames, _ = other.execute("PRAGMA wal_checkpoint").fetchone()
        log = truth.open_files["journal.db-wal"]
        truth.open_files["journal.db-wal"] = log[: 32 + frames * (24 + 4096)]  # without the room for more
    truth.closed_files = _files_of(path)
    return truth


def _files_of(path: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in path.parent.glob("journal.db*") if not each.name.endswith("-shm")}


def _opened(path: Path, *, later_s: float = 0.0) -> SqliteJournal:
    return SqliteJournal(path, now=lambda: _NOW().plus(later_s), busy_timeout_s=0.001)


class _Judge:
    """Opens one damaged journal after the other, and counts what came of each run."""

    def __init__(self, truth: _Truth, folder: Path) -> None:
        self._truth = truth
        self._folder = folder
        self.outcomes: Counter[str] = Counter()

    def judge(self, files: dict[str, bytes], *, one_moment: bool, to_resume: bool = False) -> None:
        """Open it. Raises AssertionError when a run reads as it never was.

        Args:
            files: Its files by name.
            one_moment: All runs must read as they were at one and the same moment.
            to_resume: Each run is taken to be driven on, which refuses what reading alone lets pass.
        """
        self._folder.mkdir()
        for name, content in files.items():
            (self._folder / name).write_bytes(content)
        try:
            found = self._read(self._folder / "journal.db", to_resume=to_resume)
        finally:
            shutil.rmtree(self._folder)
        lengths = {}
        for run_id, records in found.items():
            told = self._truth.records[run_id]
            assert records == told[: len(records)], f"{run_id} reads as it never was"
            if records:
                fold(records)
                lengths[run_id] = len(records)
        if one_moment and len(found) == _RUNS:
            assert lengths in [{}, *self._truth.moments], "the runs are of different moments"

    def _read(self, path: Path, *, to_resume: bool) -> dict[str, list[Record]]:
        """Return the records of the runs that are not refused; none of a run that is not there."""
        found: dict[str, list[Record]] = {}
        try:
            with closing(_opened(path, later_s=2 * LEASE_S)) as journal:
                list(journal.runs())
                for run_id, told in self._truth.records.items():
                    found[run_id] = self._read_run(journal, run_id, to_resume=to_resume)
                    self.outcomes["whole" if len(found[run_id]) == len(told) else "earlier"] += 1
        except (JournalError, LeaseHeldError):
            self.outcomes["refused"] += 1
        return found

    def _read_run(self, journal: SqliteJournal, run_id: str, *, to_resume: bool) -> list[Record]:
        try:
            if to_resume:
                journal.acquire(run_id, lease_s=LEASE_S)
            return journal.read(run_id)
        except NoSuchRunError:
            return []


@pytest.fixture
def judge(truth: _Truth, tmp_path: Path) -> _Judge:
    return _Judge(truth, tmp_path / "damaged")


def _cuts(files: dict[str, bytes], name: str) -> Iterator[dict[str, bytes]]:
    whole = files[name]
    for cut in sorted({*range(1, _TAIL_BYTES + 1, _CUT_EVERY), 512, 4096}):
        yield {**files, name: whole[:-cut]}


def _flips(files: dict[str, bytes], name: str) -> Iterator[dict[str, bytes]]:
    chance = random.Random(name)
    whole = files[name]
    for _ in range(_FLIPS):
        turned = bytearray(whole)
        turned[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        yield {**files, name: bytes(turned)}


def test_an_undamaged_one_is_whole(truth: _Truth, judge: _Judge) -> None:
    """Both copies read as they were written, so that what the others find comes of the damage."""
    for files in (truth.open_files, truth.closed_files):
        judge.judge(files, one_moment=True)
    assert judge.outcomes == {"whole": 2 * _RUNS}


def test_the_end_of_the_file_is_missing(truth: _Truth, judge: _Judge) -> None:
    """A file that was cut short is refused; nothing of it is taken for the whole."""
    for files in _cuts(truth.closed_files, "journal.db"):
        judge.judge(files, one_moment=True)
    assert judge.outcomes["refused"] > 0
    assert judge.outcomes["earlier"] == 0


def test_the_end_of_the_log_is_missing(truth: _Truth, judge: _Judge) -> None:
    """A log that was cut short reads as it was one transaction earlier, for all runs alike."""
    for files in _cuts(truth.open_files, "journal.db-wal"):
        judge.judge(files, one_moment=True)
    assert judge.outcomes["earlier"] > 0
    assert judge.outcomes["refused"] == 0


def test_a_bit_of_the_file_is_turned(truth: _Truth, judge: _Judge) -> None:
    """Wherever the bit is: nobody drives a run on from anywhere but where it stood."""
    for files in _flips(truth.closed_files, "journal.db"):
        judge.judge(files, one_moment=False, to_resume=True)
    assert judge.outcomes["earlier"] == 0
    assert judge.outcomes["refused"] > 0
    assert judge.outcomes["whole"] > 0


def test_a_bit_of_the_log_is_turned(truth: _Truth, judge: _Judge) -> None:
    """The log ends where it is damaged: all runs read as they were at one moment before that."""
    for files in _flips(truth.open_files, "journal.db-wal"):
        judge.judge(files, one_moment=True)
    assert judge.outcomes["earlier"] > 0


def test_a_record_of_another_place_is_refused(truth: _Truth, tmp_path: Path) -> None:
    """A record that lies under another run's name or another number is none of that run."""
    for change in (
        "run_id = 'run-1' WHERE run_id = 'run-0' AND seq = 5",
        "seq = 5 WHERE run_id = 'run-1' AND seq = 6",
    ):
        path = tmp_path / "journal.db"
        path.write_bytes(truth.closed_files["journal.db"])
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("DELETE FROM records WHERE run_id = 'run-1' AND seq = 5")
            connection.execute(f"UPDATE records SET {change}")
        with closing(_opened(path)) as journal, pytest.raises(JournalError, match="run-1, record 5 was changed"):
            journal.read("run-1")
