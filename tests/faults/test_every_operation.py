"""Every operation of the disk fails, once and for ever: each fault at each place, on making, using and driving by it.

By default the long row of writes that makes room in the log is walked in strides; `FAULTS=all` walks every place.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Self

import pytest

from orchestrator.adapters.journal import SqliteJournal
from orchestrator.core.records import CancelAsked, Intended, Noticed, RunMarks, Settled, Status, Then
from orchestrator.core.state import Phase
from orchestrator.errors import JournalError, LeaseHeldError, LeaseLostError
from orchestrator.ports import Lease
from tests.conformance.journal_bench import LEASE_S, Hands, a_note, a_start, problems_of
from tests.faults.disk import FAULTS, Disk, Fault, Kind
from tests.faults.world import WHOLE, DiskWorld, fresh_copy

_LONG_ROW = 100
_STRIDE = 1 if os.environ.get("FAULTS") == "all" else 97
_HOW_LONG = pytest.mark.parametrize("for_ever", [False, True], ids=["once", "for ever"])
_EACH_FAULT = pytest.mark.parametrize("fault", FAULTS, ids=str)


class _Bench:
    now = Hands()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with Disk(tmp_path) as disk:
        yield disk


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """Return a new journal that nobody has open."""
    path = tmp_path / "empty.db"
    _opened(path).close()
    return path


def _opened(path: Path, *, make_folder: bool = False) -> SqliteJournal:
    return SqliteJournal(path, now=_Bench.now, make_folder=make_folder, busy_timeout_s=0.001)


def _places(kinds: list[Kind]) -> Iterator[int]:
    """Yield the numbers of the operations to fail; of a long row of equal ones the ends, and some between."""
    number = 0
    for _, row in itertools.groupby(kinds):
        length = sum(1 for _ in row)
        for at in range(length):
            if length < _LONG_ROW or at < 2 or at >= length - 2 or at % _STRIDE == 0:
                yield number + at + 1
        number += length


def _walk(disk: Disk, fault: Fault, *, for_ever: bool, attempt: Callable[[int], None]) -> None:
    """Let `attempt(0)` pass without a fault to learn the places, then fail each of them."""
    disk.fail(fault)
    attempt(0)
    places = list(_places(disk.met))
    assert places
    for number in places:
        disk.fail(fault, at=number, for_ever=for_ever)
        try:
            attempt(number)
        except Exception as error:
            error.add_note(f"{fault} at operation {number} ({disk.met[number - 1 : number]}), for ever: {for_ever}")
            raise
        disk.heal()


@_EACH_FAULT
@_HOW_LONG
def test_making_a_journal(disk: Disk, tmp_path: Path, fault: Fault, *, for_ever: bool) -> None:
    """A journal is made whole, or not at all with a clear error; the next opening makes or uses it."""
    outcomes: Counter[str] = Counter()

    def attempt(number: int) -> None:
        path = tmp_path / f"folder-{number}" / "journal.db"
        with _Refusal(path) as refusal:
            _opened(path, make_folder=True).close()
        outcomes["refused" if refusal.was_met else "made"] += 1
        disk.heal()
        with closing(_opened(path, make_folder=True)) as journal:
            assert journal.check_integrity() == []
            journal.start_run(a_start(_Bench), lease_s=LEASE_S)

    _walk(disk, fault, for_ever=for_ever, attempt=attempt)
    assert outcomes["refused"] > 0


class _Refusal:
    """Takes a JournalError, which must name the file, and remembers it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.was_met = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, JournalError):
            assert error.exit_code == 73
            assert str(self._path) in str(error)
            self.was_met = True
        return self.was_met


class _Use:
    """A fixed use of a journal, and what it has acknowledged of it.

    Attributes:
        kept: The numbers of the notes whose append returned.
        doubtful: Those whose append failed: they are on disk wholly, or not at all.
        has_mail: Whether a message was left for the run.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.kept: list[int] = []
        self.doubtful: list[int] = []
        self.has_mail = False
        self.failures: list[str] = []

    def go(self) -> None:
        """Use it to the end, whatever fails on the way."""
        with self._failing("open"), closing(_opened(self.path)) as journal, self._failing("start"):
            lease = journal.start_run(a_start(_Bench), lease_s=LEASE_S)
            for number in range(4):
                self._append(journal, lease, number)
            with self._failing("mail"):
                journal.put_inbox("run-1", CancelAsked(at=_Bench.now()))
                self.has_mail = True
            with self._failing("read"):
                journal.check(lease)
                journal.read("run-1")
                list(journal.runs())
            with self._failing("renew"):
                assert not journal.renew([lease], lease_s=LEASE_S)
            with self._failing("take over"):
                journal.release(lease)
                lease = journal.acquire("run-1", lease_s=LEASE_S)
            for number in range(4, 8):
                self._append(journal, lease, number)

    def _append(self, journal: SqliteJournal, lease: Lease, number: int) -> None:
        """Append a note twice in one transaction, with marks that tell which."""
        note = a_note(_Bench, number)
        self.doubtful.append(number)
        with self._failing("append"):
            journal.append(lease, [note, note], RunMarks(call_id=f"call-{number}"))
            self.doubtful.pop()
            self.kept.append(number)

    def _failing(self, name: str) -> _Noted:
        return _Noted(self, name)

    def check(self) -> None:
        """Look at what is left, on a disk that is well again."""
        with closing(_opened(self.path)) as journal:
            assert problems_of(journal) == []
            runs = list(journal.runs())
            if not runs:
                assert not self.kept
                return
            (run,) = runs
            messages = [record.message for record in journal.read("run-1") if isinstance(record, Noticed)]
            numbers = [int(message.removeprefix("number ")) for message in messages]
            found = numbers[::2]
            assert numbers == [number for number in found for _ in range(2)], "half a transaction"
            assert [number for number in found if number not in self.doubtful] == self.kept
            assert sorted(found) == found
            assert run.marks.call_id == (f"call-{found[-1]}" if found else None)
            assert journal.inbox_waiting(["run-1"]) or not self.has_mail


class _Noted:
    """Notes a failure, which must be one that tells people what to do, and goes on."""

    def __init__(self, use: _Use, name: str) -> None:
        self._use = use
        self._name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, LeaseLostError | LeaseHeldError):
            assert "take over" in (*self._use.failures, self._name), "a lease is lost only by a change of hands"
        elif error is not None and not isinstance(error, JournalError):
            return False
        elif error is not None:
            assert error.exit_code == 73
            assert str(self._use.path) in str(error)
            self._use.failures.append(self._name)
        return True


@_EACH_FAULT
@_HOW_LONG
def test_using_a_journal(disk: Disk, tmp_path: Path, empty: Path, fault: Fault, *, for_ever: bool) -> None:
    """Each use succeeds or fails in a sentence; afterwards all that was acknowledged is there, nothing by halves."""
    failed: Counter[str] = Counter()

    def attempt(number: int) -> None:
        use = _Use(fresh_copy(empty, tmp_path / f"journal-{number}.db"))
        use.go()
        disk.heal()
        use.check()
        failed.update(set(use.failures))

    _walk(disk, fault, for_ever=for_ever, attempt=attempt)
    is_waited_out = fault.name == "locked" and not for_ever
    assert (failed["append"] > 0) is not is_waited_out


@_EACH_FAULT
@_HOW_LONG
def test_a_call_of_ten_steps(disk: Disk, tmp_path: Path, empty: Path, fault: Fault, *, for_ever: bool) -> None:
    """Nothing is sent whose intent is not on disk; on a disk that is well again the run comes to its end, once."""
    ends: Counter[str] = Counter()

    def attempt(number: int) -> None:
        world = DiskWorld(fresh_copy(empty, tmp_path / f"journal-{number}.db"), disk).run()
        with closing(_opened(world.path)) as journal:
            assert journal.check_integrity() == []
        for error in world.errors:
            assert error.exit_code == 73
            assert str(world.path) in str(error)
        ends[_judged(world)] += 1

    _walk(disk, fault, for_ever=for_ever, attempt=attempt)
    assert ends["whole"] > 0
    assert ends["ended"] > 0 or (fault.name == "locked" and not for_ever)


def _judged(world: DiskWorld) -> str:
    """Hold a run that is over against what its callee heard."""
    state, heard = world.state, world.heard
    assert len(world.model.transcript.rung()) == 1
    assert len(world.model.transcript.find(event="hangup")) == 1
    repeated = [record for record in world.records if isinstance(record, Settled) and record.then is Then.REPEAT]
    once = list(dict.fromkeys(heard))
    assert len(heard) - len(once) <= len(repeated)
    assert heard.count("5555") <= 1
    if state.phase is Phase.UNDECIDED:  # the intent of its keys was on disk, and nobody knows that they were not sent
        settled = [record for record in world.records if isinstance(record, Intended | Settled)]
        at = next(at for at, record in enumerate(settled) if isinstance(record, Settled) and record.then is Then.STOP)
        assert settled[at - 1].commands == ("send_dtmf",)
        assert once == WHOLE[: len(once)]
        return "undecided"
    assert state.end is not None
    if None in world.sent:  # the call was ended because nothing could be written
        assert once == WHOLE[: len(once)]
        return "ended"
    assert once == WHOLE
    assert state.end.status is Status.COMPLETED
    return "whole"
