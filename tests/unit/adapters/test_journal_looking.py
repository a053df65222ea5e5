"""Looking into a journal without writing: another user's, another machine's, a copy, with a log and without."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.adapters.journal import SqliteJournal, looking, sqlite
from orchestrator.adapters.journal import owner as owners
from orchestrator.core.records import CancelAsked, RunMarks
from orchestrator.errors import JournalError
from orchestrator.ports import Lease
from tests.conformance.journal_bench import LEASE_S, SETTLED, a_note, a_start
from tests.conformance.test_journal import SqliteBench
from tests.conformance.test_journal_files import as_ordinary_user

ANOTHERS = pytest.mark.skipif(os.geteuid() != 0, reason="only root can look as another user")
Seen = Mapping[str, tuple[int, int, bytes]]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder that every user can reach, which those of pytest are not."""
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    yield made
    made.chmod(0o700)
    shutil.rmtree(made)


@pytest.fixture
def path(folder: Path) -> Path:
    """Return a closed journal with one run."""
    bench = SqliteBench(folder)
    with closing(bench.open()) as journal:
        lease = journal.start_run(a_start(bench), lease_s=LEASE_S)
        journal.append(lease, [a_note(bench, 1)], RunMarks())
    return folder / "journal.db"


@pytest.fixture
def crashed(path: Path) -> Path:
    """Return a journal whose process was killed: its newest record is only in the log."""
    bench = SqliteBench(path.parent)
    killed = path.parent / "killed"
    killed.mkdir()
    killed.chmod(0o755)
    with closing(bench.open()) as journal:
        journal.append(Lease(run_id="run-1", token=1), [a_note(bench, 2)], RunMarks())
        for file in path.parent.glob("journal.db*"):  # what lies there at this moment
            shutil.copy2(file, killed)
    assert (killed / "journal.db-wal").stat().st_size > 0
    return killed / "journal.db"


def looked(path: Path) -> SqliteJournal:
    return SqliteJournal(path, now=SqliteBench(path.parent).now, read_only=True)


def records_in(path: Path) -> int:
    with closing(looked(path)) as journal:
        assert [run.run_id for run in journal.runs()] == ["run-1"]
        return len(journal.read("run-1"))


def seen(folder: Path) -> Seen:
    """Return every file with its mode, its owner and what it holds."""
    return {
        file.name: (file.stat().st_mode, file.stat().st_uid, file.read_bytes())
        for file in folder.iterdir()
        if not file.name.endswith("-shm")  # SQLite's own notes on the log: readers note in it that they read
    }


# --- nothing is written -----------------------------------------------------------------------------------------------


def test_a_journal_that_lies_still_is_read_and_left_as_it_was(path: Path) -> None:
    """Looking makes no file beside it and changes none."""
    before = seen(path.parent)
    assert records_in(path) == 2
    assert seen(path.parent) == before
    assert [file.name for file in path.parent.iterdir()] == ["journal.db"]


def test_a_journal_in_use_is_read_with_its_newest_records(path: Path) -> None:
    """What the process that drives has just written is seen, and it goes on undisturbed."""
    bench = SqliteBench(path.parent)
    with closing(bench.open()) as journal, closing(looked(path)) as looker:
        lease = Lease(run_id="run-1", token=1)
        for number in range(2, 5):
            journal.append(lease, [a_note(bench, number)], RunMarks())
            assert len(looker.read("run-1")) == number + 1


def test_what_a_killed_process_left_in_the_log_is_read(crashed: Path) -> None:
    """The log is read along with the file, and neither is changed."""
    before = seen(crashed.parent)
    assert records_in(crashed) == 3
    assert seen(crashed.parent) == before


def test_a_copy_of_file_and_log_is_read(crashed: Path, tmp_path: Path) -> None:
    """In one's own folder the index that was not copied is made anew."""
    for name in ("journal.db", "journal.db-wal"):
        shutil.copy(crashed.with_name(name), tmp_path)
    assert records_in(tmp_path / "journal.db") == 3


def test_another_machines_journal_is_read(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only whoever would call must be at its home; it is not adopted by being looked at."""
    other = tmp_path / "machine-id"
    other.write_text("7" * 32)
    monkeypatch.setattr(owners, "_MACHINE_ID", str(other))
    before = seen(path.parent)
    assert records_in(path) == 2
    assert seen(path.parent) == before


def test_whatever_writes_is_refused(path: Path) -> None:
    """Every method that writes raises, and names the file."""
    lease = Lease(run_id="run-1", token=1)
    before = seen(path.parent)
    with closing(looked(path)) as journal:
        bench = SqliteBench(path.parent)
        for write in (
            lambda: journal.start_run(a_start(bench, "run-2", to="+15555550177"), lease_s=LEASE_S),
            lambda: journal.append(lease, [a_note(bench, 2)], RunMarks()),
            lambda: journal.acquire("run-1", lease_s=LEASE_S),
            lambda: journal.put_inbox("run-1", CancelAsked(at=bench.now())),
            lambda: journal.prune(bench.now().wall),
            lambda: journal.campaigns.take_campaign("spring", lease_s=LEASE_S),
        ):
            with pytest.raises(JournalError, match=r"journal.db was opened only to be read; nothing was written"):
                write()
    assert seen(path.parent) == before


def test_all_that_reads_works(path: Path) -> None:
    """Check, export, a dry prune, the campaigns and the ways to APIs."""
    with closing(looked(path)) as journal:
        assert journal.created is False
        assert journal.check_integrity() == []
        assert [line["seq"] for line in journal.export()] == [1, 2]
        assert journal.find_run("run") == "run-1"
        assert journal.prune(0.0, dry_run=True).run_ids == ()
        assert journal.campaigns.occurrences_of(None) == []
        assert journal.paths.read("host").cuts == ()


def test_a_change_meanwhile_is_noticed(path: Path) -> None:
    """What lay still and was changed while it was read may have been misread: that is said, not passed over."""
    with closing(looked(path)) as journal:
        lines = journal.export()
        next(lines)
        bench = SqliteBench(path.parent)
        with closing(bench.open()) as other:
            other.append(Lease(run_id="run-1", token=1), [a_note(bench, 2)], RunMarks())
        with pytest.raises(JournalError, match=r"was changed while it was read. Try again"):
            list(lines)
        assert len(journal.read("run-1")) == 3


# --- what cannot be read ----------------------------------------------------------------------------------------------


def test_what_is_not_there_is_not_made(tmp_path: Path) -> None:
    """A journal is never made only to look into it."""
    with pytest.raises(JournalError, match=r"journal.db cannot be read: No such file"):
        looked(tmp_path / "journal.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"my notes\n" * 200])
def test_what_is_no_journal_is_refused(tmp_path: Path, content: bytes) -> None:
    """An empty or foreign file is refused as it is when it is to be written."""
    path = tmp_path / "journal.db"
    path.write_bytes(content)
    with pytest.raises(JournalError, match="is not a journal"):
        looked(path)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [content]


def test_a_log_that_is_busy_is_no_reason_to_leave_it_out(path: Path) -> None:
    """Where the log cannot be read for the moment, that is said; the file is not read without it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(JournalError, match="is locked by another process"):
            SqliteJournal(path, now=SqliteBench(path.parent).now, read_only=True, busy_timeout_s=0.0)


def test_an_empty_log_without_an_index_is_no_obstacle(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where SQLite cannot read a log that holds nothing, the file alone holds everything."""
    path.with_name("journal.db-wal").touch()
    monkeypatch.setattr(looking, "_is_ours", lambda _: False)
    assert records_in(path) == 2
    assert sorted(file.name for file in path.parent.iterdir()) == ["journal.db", "journal.db-wal"]


# --- another user's ---------------------------------------------------------------------------------------------------


@ANOTHERS
@pytest.mark.parametrize("folder_mode", [0o555, 0o755, 0o777])
@pytest.mark.parametrize("mode", [0o444, 0o644])
def test_another_users_journal_is_read(path: Path, mode: int, folder_mode: int) -> None:
    """Whether or not the folder may be written to, nothing is made there."""
    path.chmod(mode)
    path.parent.chmod(folder_mode)
    before = seen(path.parent)
    with as_ordinary_user():
        assert records_in(path) == 2
    assert seen(path.parent) == before
    assert [file.name for file in path.parent.iterdir()] == ["journal.db"]


@ANOTHERS
def test_another_users_journal_is_read_with_its_log(crashed: Path) -> None:
    """Where the log may be read as well, its records are seen; the owner can use the journal as before."""
    for file in crashed.parent.iterdir():
        file.chmod(0o644)
    crashed.parent.chmod(0o777)
    before = seen(crashed.parent)
    with as_ordinary_user():
        assert records_in(crashed) == 3
    assert seen(crashed.parent) == before
    bench = SqliteBench(crashed.parent)
    with closing(bench.open()) as journal:
        journal.append(Lease(run_id="run-1", token=1), [a_note(bench, 3)], SETTLED)


@ANOTHERS
@pytest.mark.parametrize("folder_mode", [0o755, 0o777])
def test_a_log_that_cannot_be_read_is_not_left_out(crashed: Path, folder_mode: int) -> None:
    """Without its index the log of another user is out of reach: the way out is a copy, not an older story."""
    for file in crashed.parent.iterdir():
        file.chmod(0o644)
    crashed.with_name("journal.db-shm").unlink()
    crashed.parent.chmod(folder_mode)
    said = r"its newest records are in journal.db-wal, .* Copy both files into a folder of your own"
    with as_ordinary_user(), pytest.raises(JournalError, match=said):
        looked(crashed)
    assert not crashed.with_name("journal.db-shm").exists()


@ANOTHERS
def test_a_journal_that_may_not_be_read_says_so(path: Path) -> None:
    """By its mode, or by that of its folder."""
    with as_ordinary_user(), pytest.raises(JournalError, match=r"may not be read by this user. Run this as"):
        looked(path)
    path.chmod(0o644)
    path.parent.chmod(0o700)
    with as_ordinary_user(), pytest.raises(JournalError, match=r"journal.db cannot be read: Permission denied"):
        looked(path)


# --- large ones -------------------------------------------------------------------------------------------------------


def test_runs_are_read_page_by_page(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many pages there are, every run comes once, the newest first, also those of one moment."""
    monkeypatch.setattr(sqlite, "_RUNS_AT_ONCE", 2)
    bench = SqliteBench(folder)
    with closing(bench.open()) as journal:
        for number in range(7):
            bench.now.move(number % 2)
            lease = journal.start_run(a_start(bench, f"run-{number}"), lease_s=LEASE_S)
            journal.append(lease, [], RunMarks(claims_dial=False, ended=number == 3))
        everyone = [f"run-{number}" for number in reversed(range(7))]
        for limit in (*range(9), None):
            assert [run.run_id for run in journal.runs(limit=limit)] == everyone[:limit]
        unfinished = [run_id for run_id in everyone if run_id != "run-3"]
        assert [run.run_id for run in journal.runs(unfinished=True)] == unfinished
