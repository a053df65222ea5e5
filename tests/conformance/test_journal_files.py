"""The SQLite journal's file: made whole and private, and refused when it is not a journal this release can use."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from orchestrator.adapters.journal import SqliteJournal
from orchestrator.adapters.journal.connections import Connections
from orchestrator.core.records import RunMarks
from orchestrator.errors import ConfigurationError, JournalError, NoSuchRunError
from tests.conformance.journal_bench import LEASE_S, Hands, a_note, a_start, at_once
from tests.conformance.test_journal import SqliteBench

NOBODY = 65534


def opened(path: str | Path, **options: bool) -> SqliteJournal:
    return SqliteJournal(path, now=Hands(), **options)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def as_ordinary_user() -> Iterator[None]:
    """Let file modes count, for root too."""
    uid = os.geteuid()
    if uid == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(uid)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Return a closed journal with one run of 40 records."""
    bench = SqliteBench(tmp_path)
    with closing(bench.open()) as journal:
        lease = journal.start_run(a_start(bench), lease_s=LEASE_S)
        for number in range(1, 40):
            journal.append(lease, [a_note(bench, number)], RunMarks())
    return tmp_path / "journal.db"


# --- making one -------------------------------------------------------------------------------------------------------


def test_a_new_journal_is_announced_once(tmp_path: Path) -> None:
    """`created` tells that this opening made the file; nothing else lies beside it afterwards."""
    path = tmp_path / "journal.db"
    with closing(opened(path)) as journal:
        assert (journal.created, journal.path) == (True, path)
    with closing(opened(path)) as journal:
        assert not journal.created
    assert list(tmp_path.iterdir()) == [path]


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    """The file, its log and its index are 0600 in a folder that is 0700, whatever the umask."""
    with umask(0), closing(opened(tmp_path / "state" / "calls" / "journal.db", make_folder=True)) as journal:
        journal.start_run(a_start(SqliteBench(tmp_path)), lease_s=LEASE_S)
        folder = journal.path.parent
        assert {path.name: mode_of(path) for path in folder.iterdir()} == {
            "journal.db": 0o600,
            "journal.db-wal": 0o600,
            "journal.db-shm": 0o600,
        }
        assert mode_of(folder) == 0o700


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    """A folder the user made is the user's."""
    tmp_path.chmod(0o755)
    opened(tmp_path / "journal.db", make_folder=True).close()
    assert mode_of(tmp_path) == 0o755


def test_a_missing_folder_is_said_to_be_missing(tmp_path: Path) -> None:
    """A mistyped folder is not made by itself."""
    with pytest.raises(JournalError, match=r"missing/journal.db cannot be made: the folder .*missing does not exist"):
        opened(tmp_path / "missing" / "journal.db")


def test_a_folder_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    """Where a file is in the way of the folder, nothing is made."""
    (tmp_path / "state").write_text("")
    with pytest.raises(JournalError, match=r"cannot be made: File exists"):
        opened(tmp_path / "state" / "calls" / "journal.db", make_folder=True)


def test_openers_at_the_same_time_make_one_journal(tmp_path: Path) -> None:
    """Of many that find no file one makes it, the others use it, and nobody sees half of it."""
    created = []

    def work(number: int) -> None:
        with closing(opened(tmp_path / "journal.db")) as journal:
            journal.start_run(a_start(SqliteBench(tmp_path), f"run-{number}", to=f"+{number}"), lease_s=LEASE_S)
            created.append(journal.created)

    assert at_once(8, work) == [None] * 8
    assert sorted(created) == [False] * 7 + [True]
    assert [path.name for path in tmp_path.iterdir()] == ["journal.db"]


@pytest.mark.parametrize("form", ["{path}", "sqlite:///{path}"])
def test_a_path_or_a_url_names_it(tmp_path: Path, form: str) -> None:
    """A plain path and `sqlite:////absolute/path` mean the same file; signs that URLs give a meaning are plain here."""
    path = tmp_path / "my journal #1%41?.db"
    with closing(opened(form.format(path=path))) as journal:
        assert journal.path == path
    assert path.exists()


def test_a_relative_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later change of the working folder does not change the file."""
    monkeypatch.chdir(tmp_path)
    for target in ("one.db", "sqlite:///one.db"):
        with closing(opened(target)) as journal:
            assert journal.path == tmp_path / "one.db"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("postgresql://host/db", "postgresql: only SQLite is supported yet"),
        ("sqlite://", "names no file"),
        ("sqlite://host", "names no file"),
        ("sqlite:///", "names no file"),
        ("", "must be a file"),
        (":memory:", "must be a file"),
        ("sqlite:///:memory:", "must be a file"),
    ],
)
def test_what_is_no_file_is_a_wrong_setting(target: str, said: str) -> None:
    """Other databases and names of no file are configuration errors."""
    with pytest.raises(ConfigurationError, match=said):
        opened(target)


# --- what is not ours -------------------------------------------------------------------------------------------------


def test_a_file_that_is_not_sqlite_is_left_alone(tmp_path: Path) -> None:
    """A text file is refused by name and not changed."""
    path = tmp_path / "notes.txt"
    path.write_text("my notes\n" * 200)
    with pytest.raises(JournalError, match=r"notes.txt is not a journal: it is not an SQLite file.*--journal"):
        opened(path)
    assert path.read_text() == "my notes\n" * 200
    assert list(tmp_path.iterdir()) == [path]


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    """A database without our mark is refused and not changed, not even its journal mode."""
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE runs (run_id TEXT)")
    before = path.read_bytes()
    with pytest.raises(JournalError, match=r"other.db is not a journal"):
        opened(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_an_empty_file_is_not_taken_for_a_new_journal(tmp_path: Path) -> None:
    """A journal truncated to nothing is damage, not a fresh start."""
    path = tmp_path / "journal.db"
    path.touch()
    with pytest.raises(JournalError, match="is empty"):
        opened(path)
    assert path.stat().st_size == 0


@pytest.mark.parametrize(("version", "said"), [(2, "newer release"), (0, "no schema version"), (-1, "damaged")])
def test_another_schema_is_refused(written: Path, version: int, said: str) -> None:
    """A newer release's journal is never written by an older one; one without a version is damaged."""
    with closing(sqlite3.connect(written)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(JournalError, match=said):
        opened(written)


def test_a_folder_is_no_journal(tmp_path: Path) -> None:
    """A folder's name is refused, with what to name instead."""
    with pytest.raises(JournalError, match=r"is a folder: name a file in it, such as .*/journal.db"):
        opened(tmp_path)


def test_the_log_has_room_before_it_is_needed(tmp_path: Path) -> None:
    """A commit that makes the file longer takes twice as long, so it grows before the call, and holds what it held."""
    path = tmp_path / "journal.db"
    bench = SqliteBench(tmp_path)
    with closing(bench.open()) as journal:
        lease = journal.start_run(a_start(bench), lease_s=LEASE_S)
        log = path.with_name("journal.db-wal")
        size = log.stat().st_size
        assert size > 1_000_000
        for number in range(50):
            journal.append(lease, [a_note(bench, number)], RunMarks())
        assert log.stat().st_size == size
        assert journal.check_integrity() == []
        with closing(bench.open()) as other:  # a second writer finds it there
            other.append(lease, [a_note(bench, 50)], RunMarks())
            assert log.stat().st_size == size
            assert len(other.read("run-1")) == 52


def test_without_room_for_the_log_it_goes_on(tmp_path: Path) -> None:
    """While another process writes, no room is made, and nothing is wrong."""
    bench = SqliteBench(tmp_path)
    with closing(bench.open()):
        pass
    connections = Connections(tmp_path / "journal.db", busy_timeout_s=0.01)
    with closing(sqlite3.connect(tmp_path / "journal.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        link = connections.open()
        connections.make_room(link)
        assert not link.driver.in_transaction
        link.close()
    connections.close()


def test_every_connection_has_its_settings(written: Path) -> None:
    """What makes records durable and deletions thorough holds on the connections that read and write."""
    with closing(opened(written)) as journal:
        journal.put_inbox("run-1", a_note(SqliteBench(written.parent), 1))  # type: ignore[arg-type]
        link = journal._writer._link
        assert link is not None
        with journal._connections.reader() as reader:
            for driver in (link.driver, reader.driver):
                names = ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout")
                values = [driver.execute(f"PRAGMA {name}").fetchone()[0] for name in names]
                assert values == ["wal", 2, 1, 1, 5000]


def test_a_setting_that_is_not_taken_is_an_error(written: Path) -> None:
    """Where SQLite cannot keep a write-ahead log the journal is refused."""
    with (
        closing(sqlite3.connect(":memory:")) as driver,
        pytest.raises(JournalError, match=r"did not take journal_mode = WAL"),
    ):
        Connections(written, busy_timeout_s=1)._configure(driver)


# --- what is damaged or out of reach ----------------------------------------------------------------------------------


def test_a_truncated_journal_is_said_to_be_damaged(written: Path) -> None:
    """A file cut in half is refused, or at least never misread."""
    os.truncate(written, written.stat().st_size // 2)
    with (
        pytest.raises(JournalError, match=r"journal.db is damaged.*journal check"),
        closing(opened(written)) as journal,
    ):
        journal.read("run-1")


def test_a_flipped_byte_is_never_read_as_a_fact(written: Path, tmp_path: Path) -> None:
    """Wherever a byte changed on disk: the records are right, or reading or the check complains."""
    with closing(opened(written)) as journal:
        expected = journal.read("run-1")
    whole = written.read_bytes()
    chance = random.Random(7)
    silent = []
    for place in chance.sample(range(len(whole)), 150):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << chance.randrange(8)
        path = tmp_path / f"damaged-{place}.db"
        path.write_bytes(damaged)
        try:
            with closing(opened(path)) as journal:
                list(journal.runs())
                if journal.read("run-1") != expected and not journal.check_integrity():
                    silent.append(place)
        except (JournalError, NoSuchRunError):
            pass
        path.unlink()
    assert silent == []


def test_a_read_only_file_is_said_to_be_read_only() -> None:
    """A file and folder that this user may not write: reading and writing fail in a sentence, nothing is changed."""
    folder = Path(tempfile.mkdtemp())
    try:
        bench = SqliteBench(folder)
        with closing(bench.open()) as journal:
            journal.start_run(a_start(bench), lease_s=LEASE_S)
        path = folder / "journal.db"
        path.chmod(0o444)
        folder.chmod(0o555)
        with as_ordinary_user(), pytest.raises(JournalError, match=r"journal.db (is read-only|cannot be opened)"):
            opened(path)
        with as_ordinary_user(), pytest.raises(JournalError, match=r"new.db cannot be made: Permission denied"):
            opened(folder / "new.db")
        folder.chmod(0o777)
        with (
            as_ordinary_user(),
            closing(opened(path)) as journal,
            pytest.raises(JournalError, match=r"journal.db is read-only"),
        ):
            journal.start_run(a_start(bench, "run-2", to="+2"), lease_s=LEASE_S)
    finally:
        folder.chmod(0o700)
        shutil.rmtree(folder)


def test_a_file_that_vanished_is_not_made_again(written: Path) -> None:
    """A journal whose file was removed while it was open starts no second, empty one."""
    with closing(opened(written)) as journal:
        journal._connections._readers.pop().close()
        written.unlink()
        with pytest.raises(JournalError, match="cannot be opened"):
            journal.read("run-1")
        assert not written.exists()


def test_a_full_disk_fails_every_append_of_the_transaction(tmp_path: Path) -> None:
    """Out of pages, all that shared the transaction fail; nothing acknowledged is lost; then it goes on."""
    bench = SqliteBench(tmp_path)
    with closing(opened(tmp_path / "journal.db")) as journal:
        leases = [journal.start_run(a_start(bench, f"run-{n}", to=f"+{n}"), lease_s=LEASE_S) for n in range(8)]
        link = journal._writer._link
        assert link is not None
        pages = link.driver.execute("PRAGMA page_count").fetchone()[0]
        link.driver.execute(f"PRAGMA max_page_count = {pages + 20}")  # of this connection, which is dropped on failure
        kept = dict.fromkeys(range(8), 0)

        def work(number: int) -> None:
            while kept[number] < 1000:
                journal.append(leases[number], [a_note(bench, kept[number])] * 8, RunMarks())
                kept[number] += 1

        errors = at_once(8, lambda n: link is journal._writer._link and work(n))
        assert any(errors)
        assert all("journal.db cannot grow: the disk is full" in str(error) for error in errors if error)
        for number, lease in enumerate(leases):
            journal.append(lease, [a_note(bench, -1)], RunMarks())
            assert len(journal.read(lease.run_id)) == 1 + 8 * kept[number] + 1
        assert journal.check_integrity() == []
