"""Connections to one journal file: each is known to be to a journal of ours, and has its settings set and read back.

The database file is never opened but by SQLite: closing any other descriptor on it would drop SQLite's locks, and
committed records would be lost (rules, section 4.1).
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from orchestrator.adapters.journal.schema import APPLICATION_ID, SCHEMA_VERSION
from orchestrator.errors import JournalError

_KEPT_READERS = 64  # every run reads before each step, and opening one takes as long as a hundred reads
_READER_CACHE_KIB = 128  # in place of 2 MiB for each of them: single rows are read, and the system caches the file
_ROOM_BYTES = 2 * 1024 * 1024  # some 500 steps

# Each setting, what it is set to, and what it must read as afterwards.
_SETTINGS: tuple[tuple[str, str, object], ...] = (
    ("journal_mode", "WAL", "wal"),
    ("synchronous", "FULL", 2),
    ("fullfsync", "ON", 1),  # macOS: fsync alone leaves records in the disk's cache
    ("foreign_keys", "ON", 1),
    ("secure_delete", "ON", 1),  # what is pruned is personal data
)


class Link:
    """One connection, for Core statements and, where every microsecond counts, for the driver itself."""

    __slots__ = ("core", "driver")

    def __init__(self, core: sa.Connection) -> None:
        self.core = core
        driver = core.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        self.driver = driver

    def close(self) -> None:
        """Close the connection; a transaction that is open is rolled back."""
        with contextlib.suppress(sqlite3.Error, sa.exc.DBAPIError):
            self.core.close()


class Connections:
    """Opens connections, and keeps a few for reading.

    Args:
        path: The file, which must exist.
        busy_timeout_s: How long to wait for another process's transaction.
    """

    def __init__(self, path: Path, *, busy_timeout_s: float) -> None:
        self._path = path
        self._busy_timeout_s = busy_timeout_s
        self._engine = sa.create_engine(
            "sqlite://", creator=self._connect, poolclass=NullPool, isolation_level="AUTOCOMMIT"
        )
        self._readers: deque[Link] = deque()
        self._closed = False

    def open(self) -> Link:
        """Open a connection. Transactions are begun and ended by explicit statements.

        Raises:
            JournalError: The file is another application's, of a newer release, or cannot take the settings.
            DBAPIError: SQLite failed.
        """
        if self._closed:
            raise JournalError(f"The journal {self._path} was closed.")
        return Link(self._engine.connect())

    def make_room(self, link: Link) -> None:
        """Let the write-ahead log grow now, not with every step of a call.

        A commit that makes the file longer waits for the file system's own records, too: twice as long. What a
        transaction writes ahead of its time stays as room in the file when it is rolled back; no commit counts it.
        """
        log = self._path.with_name(f"{self._path.name}-wal")
        if log.exists() and log.stat().st_size >= _ROOM_BYTES // 2:
            return
        execute = link.driver.execute
        ((cache,),) = execute("PRAGMA cache_size").fetchall()
        with contextlib.suppress(sqlite3.Error):  # a full disk, or another process that writes: it goes without
            execute("PRAGMA cache_size = 8")  # what does not fit is written at once
            execute("BEGIN IMMEDIATE")
            execute("CREATE TABLE room (bytes)")
            execute("INSERT INTO room VALUES (zeroblob(?))", (_ROOM_BYTES,))
        if link.driver.in_transaction:
            execute("ROLLBACK")
        execute(f"PRAGMA cache_size = {cache}")

    @contextmanager
    def reader(self) -> Iterator[Link]:
        """Lend a connection for reading, outside of any transaction."""
        try:
            link = self._readers.pop()
        except IndexError:
            link = self._open_reader()
        try:
            yield link
        except BaseException:
            link.close()
            raise
        if self._closed or len(self._readers) >= _KEPT_READERS:
            link.close()
        else:
            self._readers.append(link)

    def _open_reader(self) -> Link:
        link = self.open()
        link.driver.execute(f"PRAGMA cache_size = -{_READER_CACHE_KIB}")
        return link

    def close(self) -> None:
        """Close the connections that are kept; lent ones close when they come back."""
        self._closed = True
        while self._readers:
            self._readers.pop().close()

    def _connect(self) -> sqlite3.Connection:
        driver = sqlite3.connect(
            f"{self._path.as_uri()}?mode=rw",  # never creates: an empty file would look like a new journal
            uri=True,
            timeout=self._busy_timeout_s,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=64,
        )
        try:
            self._recognise(driver)
            self._configure(driver)
        except BaseException:
            driver.close()
            raise
        return driver

    def _recognise(self, driver: sqlite3.Connection) -> None:
        """Refuse what is not a journal before anything of it is changed."""
        application_id, version = _value(driver, "application_id"), _value(driver, "user_version")
        if application_id != APPLICATION_ID:
            raise JournalError(
                f"The file {self._path} is not a journal: it is empty, or another program's database. Nothing in it "
                "was changed. Name another file with --journal."
            )
        if not isinstance(version, int) or version > SCHEMA_VERSION:
            raise JournalError(
                f"The journal {self._path} was written by a newer release (schema {version}, this release knows "
                f"{SCHEMA_VERSION}). Use that release."
            )
        if version < 1:
            raise JournalError(f"The journal {self._path} is damaged: it has no schema version.")

    def _configure(self, driver: sqlite3.Connection) -> None:
        for name, wanted, expected in _SETTINGS:
            driver.execute(f"PRAGMA {name} = {wanted}").fetchall()
            if _value(driver, name) != expected:
                raise JournalError(
                    f"The journal {self._path} cannot be used safely: SQLite did not take {name} = {wanted}. Put the "
                    "journal on a local disk."
                )


def _value(driver: sqlite3.Connection, name: str) -> object:
    return driver.execute(f"PRAGMA {name}").fetchone()[0]
