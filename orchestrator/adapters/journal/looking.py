"""Connections that only look into a journal: nothing is written, whoever's it is and wherever it lies.

A journal that nobody has open is read as it lies (`immutable`): SQLite would make a log and an index beside it even to
read it. One that has a log is read with it, and in another user's no index is made: it would lock him out.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.adapters.journal.connections import Connections, Link
from orchestrator.errors import JournalError

_WITH_LOG = "mode=ro"
_WITH_LOG_OF_ANOTHER = "mode=ro&readonly_shm=1"
_AS_IT_LIES = "mode=ro&immutable=1"
_NOT_WITHOUT_WRITING = ("SQLITE_CANTOPEN", "SQLITE_READONLY")


class _Driver(sqlite3.Connection):
    """A connection that may read the file as it lies."""

    lies_as: tuple[int, int, int] | None = None
    """What the file was like then; read rightly only while it stays so."""


class LookingConnections(Connections):
    """See `Connections`. Each connection is for one use, so that it reads what the file holds by then."""

    def open(self) -> Link:
        """Refuse a connection that is not lent: whoever asks for one wants to write. Raises JournalError."""
        raise JournalError(f"The journal {self._path} was opened only to be read; nothing was written.")

    @contextmanager
    def reader(self) -> Iterator[Link]:
        """Lend a connection for reading. Raises JournalError at the end, too: what was read may be wrong."""
        link = super().open()
        try:
            yield link
            assert isinstance(link.driver, _Driver)
            if link.driver.lies_as not in (None, _print_of(self._path)):
                raise JournalError(f"The journal {self._path} was changed while it was read. Try again.")
        finally:
            link.close()

    def _connect(self) -> sqlite3.Connection:
        driver = self._connect_somehow()
        try:
            self._recognise(driver)
        except BaseException:
            driver.close()
            raise
        return driver

    def _connect_somehow(self) -> sqlite3.Connection:
        path = self._path
        log = path.with_name(f"{path.name}-wal")
        try:
            lies_as, is_ours = _print_of(path), _is_ours(path)
            log_bytes = log.stat().st_size if log.exists() else None
        except OSError as error:
            raise JournalError(f"The journal {path} cannot be read: {error.strerror}.") from error
        if not os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids):
            raise JournalError(
                f"The journal {path} may not be read by this user. Run this as its owner, or ask for a copy of the "
                "file and of the -wal beside it, and name the copy with --journal."
            )
        if log_bytes is not None:
            try:
                return self._connect_in(_WITH_LOG if is_ours else _WITH_LOG_OF_ANOTHER)
            except sqlite3.OperationalError as error:
                if not error.sqlite_errorname.startswith(_NOT_WITHOUT_WRITING):
                    raise
                if log_bytes > 0:
                    raise JournalError(
                        f"The journal {path} cannot be read where it lies: its newest records are in {log.name}, and "
                        "SQLite cannot read that there without writing. Copy both files into a folder of your own, "
                        "and name the copy with --journal."
                    ) from error
        driver = self._connect_in(_AS_IT_LIES)
        driver.lies_as = lies_as
        return driver

    def _connect_in(self, mode: str) -> _Driver:
        driver = sqlite3.connect(
            f"{self._path.as_uri()}?{mode}",
            uri=True,
            timeout=self._busy_timeout_s,
            isolation_level=None,
            check_same_thread=False,
            factory=_Driver,
        )
        try:
            driver.execute("PRAGMA schema_version").fetchone()  # opening alone reads nothing
        except BaseException:
            driver.close()
            raise
        return driver


def _print_of(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _is_ours(path: Path) -> bool:
    """Whether its owner can use what SQLite makes beside it: that belongs to this user, and root gives it away."""
    return os.name != "posix" or os.geteuid() in (0, path.stat().st_uid)
