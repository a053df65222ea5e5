"""The power is cut at any moment: what was acknowledged is on disk, and no transaction is there by halves.

`FAULTS=all` draws ten times as many disks.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from orchestrator.adapters.journal import SqliteJournal
from orchestrator.core.records import Noticed, RunMarks
from orchestrator.ports import Lease
from tests.conformance.journal_bench import LEASE_S, Hands, a_note, a_start, problems_of
from tests.faults.disk import Disk, Event, Kind
from tests.faults.power import Platter, cuts, lay_out

_TIMES = 10 if os.environ.get("FAULTS") == "all" else 1
_RUNS = ("run-1", "run-2")
_DAY_S = 86_400.0


class _Bench:
    now = Hands()


@dataclass
class _History:
    """What a journal was told, and when it said that it had it.

    Attributes:
        made: After how many events the journal was there.
        kept: For each append the run, its number, and after how many events it had returned.
        pruned: After how many events a third run was surely gone.
    """

    made: int = 0
    kept: list[tuple[str, int, int]] = field(default_factory=list)
    pruned: int = 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "written"
    folder.mkdir()
    return folder


@pytest.fixture
def recorded(folder: Path) -> Iterator[tuple[_History, list[Event]]]:
    """Return a history of a journal, and all that was done to its files."""
    history = _History()
    with Disk(folder) as disk, disk.recording() as events:
        _write(folder / "journal.db", history, events)
        yield history, list(events)


def _write(path: Path, history: _History, events: list[Event]) -> None:
    numbers = iter(range(1000))

    def append(journal: SqliteJournal, leases: dict[str, Lease], count: int, *, size: int = 10) -> None:
        for number, run_id in zip(numbers, _RUNS * (count // 2), strict=False):
            note = replace(a_note(_Bench, number), message=f"{number} {'x' * size}")
            marks = RunMarks(call_id=f"call-{number}", claims_dial=False)
            journal.append(leases[run_id], [note, note, note], marks)
            history.kept.append((run_id, number, len(events)))

    with closing(_opened(path)) as journal:
        history.made = len(events)
        leases = {
            run_id: journal.start_run(a_start(_Bench, run_id, to=f"+1555{run_id[-1]}"), lease_s=LEASE_S)
            for run_id in _RUNS
        }
        append(journal, leases, 12)
        append(journal, leases, 2, size=1_500_000)  # the log is emptied into the file, and begun anew
        append(journal, leases, 6)
    with closing(_opened(path)) as journal:
        append(journal, leases, 6)
        gone = journal.start_run(a_start(_Bench, "run-3", to="+15553"), lease_s=LEASE_S)
        journal.append(gone, [a_note(_Bench, 1)], RunMarks(ended=True, claims_dial=False))
        journal.release(gone)
        journal.prune(_Bench.now().wall + _DAY_S)  # the file shrinks
        history.pruned = len(events)
        append(journal, leases, 6)


def _opened(path: Path) -> SqliteJournal:
    return SqliteJournal(path, now=_Bench.now, busy_timeout_s=0.001)


def _losses(history: _History, folder: Path, scratch: Path, events: list[Event], *, seed: int) -> list[str]:
    """Cut the power again and again; return what was lost that had been acknowledged. Nothing else may be wrong."""
    chance = random.Random(seed)
    platter, taken, lost = Platter(), 0, []
    for number, cut in enumerate(cuts(events, every=60, chance=chance)):
        for event in events[taken:cut]:
            platter.take(event)
        taken = cut
        after = scratch / f"{seed}-{number}"
        lay_out(platter.after_a_cut(chance), of=folder, into=after)
        try:
            lost += [f"cut after {cut} events: {what}" for what in _lost(history, after / "journal.db", cut)]
        except Exception as error:
            error.add_note(f"seed {seed}, cut after {cut} events")
            raise
        shutil.rmtree(after)
    return lost


def _lost(history: _History, path: Path, cut: int) -> list[str]:
    if not path.exists():
        return ["the journal"] if cut >= history.made else []
    with closing(_opened(path)) as journal:
        assert problems_of(journal) == []
        there = {run.run_id: run for run in journal.runs()}
        lost = ["the prune"] if "run-3" in there and cut >= history.pruned else []
        for run_id in _RUNS:
            acknowledged = [number for run, number, at in history.kept if run == run_id and at <= cut]
            found = []
            if run_id in there:
                notes = [record for record in journal.read(run_id) if isinstance(record, Noticed)]
                numbers = [int(note.message.partition(" ")[0]) for note in notes]
                found = numbers[::3]
                assert numbers == [number for number in found for _ in range(3)], "half a transaction"
                assert there[run_id].marks.call_id == (f"call-{found[-1]}" if found else None)
            told = [number for run, number, _ in history.kept if run == run_id]
            assert found == told[: len(found)], "records that were never told in this order"
            lost += [f"{number} of {run_id}" for number in acknowledged[len(found) :]]
    return lost


@pytest.mark.parametrize("seed", range(_TIMES))
def test_what_was_acknowledged_is_there(
    recorded: tuple[_History, list[Event]], folder: Path, tmp_path: Path, seed: int
) -> None:
    """At each cut the journal opens and is whole, every acknowledged append is in it, and none by halves."""
    history, events = recorded
    assert _losses(history, folder, tmp_path, events, seed=seed) == []


def test_a_disk_that_lies_is_found_out(recorded: tuple[_History, list[Event]], folder: Path, tmp_path: Path) -> None:
    """These disks do forget: where the last syncs did nothing, acknowledged records are missed."""
    history, events = recorded
    honest = history.kept[5][2]
    lied_to = [
        event
        for at, event in enumerate(events)
        if at < honest or event.kind is not Kind.SYNC or "wal" not in event.name
    ]
    history.kept = [(run_id, number, len(events)) for run_id, number, _ in history.kept]
    chance = random.Random(0)
    platter = Platter()
    for event in lied_to:
        platter.take(event)
    lost = []
    for number in range(5):
        after = tmp_path / f"lied-{number}"
        lay_out(platter.after_a_cut(chance), of=folder, into=after)
        lost += _lost(history, after / "journal.db", len(events))
    assert lost
