"""The one connection that writes: batches of submissions, each batch one transaction and one fsync.

A submission that is refused leaves its transaction by itself: the transaction is rolled back and done again without
it, so that those that are not refused pay for no savepoint. When SQLite itself fails, every submission of the
transaction fails, and the connection is dropped: the next batch begins on a new one or fails again.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from sqlalchemy.exc import DBAPIError

from orchestrator.adapters.journal.combine import Combiner, Submission
from orchestrator.adapters.journal.connections import Connections, Link
from orchestrator.adapters.journal.failures import own_error, sqlite_error_of, translated
from orchestrator.errors import JournalError

Result = TypeVar("Result")

# These concern the statement that failed; every other error of SQLite concerns the file.
_OF_ONE_STATEMENT = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.DataError)


class Writer:
    """Runs work in durable transactions. Used by any number of threads at once."""

    def __init__(self, path: Path, connections: Connections) -> None:
        self._path = path
        self._connections = connections
        self._link: Link | None = None
        self._alone = threading.Lock()  # held by the batch that runs, and by what needs no batch to run
        self._combiner: Combiner[Link] = Combiner(self._run_batch, self._abandoned)

    def submit(self, work: Callable[[Link], Result]) -> Result:
        """Run `work` inside a transaction and return its result once it is on disk.

        `work` may run more than once and must touch nothing but the connection. What it raises undoes it alone.

        Raises:
            JournalError: SQLite failed; nothing of the work took effect.
        """
        return self._combiner.submit(work)

    def apart(self, work: Callable[[Link], Result]) -> Result:
        """Run `work` outside of any transaction, while nobody else of this process writes."""
        with self._alone, translated(self._path):
            return work(self._open())

    def close(self) -> None:
        """Close the connection, after the batch that is running."""
        with self._alone:
            self._drop()

    def _run_batch(self, batch: Sequence[Submission[Link, object]]) -> None:
        with self._alone:
            self._commit(batch)

    def _commit(self, batch: Sequence[Submission[Link, object]]) -> None:
        remaining = batch
        try:
            link = self._open()
            while remaining:
                remaining = _attempt(self._path, link, remaining)
        except (sqlite3.Error, DBAPIError, UnicodeDecodeError, JournalError) as error:
            self._drop()
            for submission in batch:
                if not submission.settled:
                    submission.fail(self._failure(error))  # one for each thread, so that tracebacks do not mix
        except BaseException:
            self._drop()
            raise

    def _failure(self, error: Exception) -> Exception:
        return JournalError(str(error)) if isinstance(error, JournalError) else own_error(self._path, error)

    def _abandoned(self) -> JournalError:
        return JournalError(f"The journal {self._path} was interrupted while writing; what it holds is whole.")

    def _open(self) -> Link:
        if self._link is None:
            self._link = self._connections.open()
            self._connections.make_room(self._link)
        return self._link

    def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close()


def _attempt(path: Path, link: Link, batch: Sequence[Submission[Link, object]]) -> Sequence[Submission[Link, object]]:
    """Run one transaction. Return those to try again, without the one that was refused."""
    execute = link.driver.execute
    execute("BEGIN IMMEDIATE")
    results = []
    for submission in batch:
        try:
            results.append(submission.work(link))
        except Exception as error:
            cause = sqlite_error_of(error)
            if cause is not None and not isinstance(cause, _OF_ONE_STATEMENT):
                raise
            execute("ROLLBACK")
            submission.fail(own_error(path, error))
            return [other for other in batch if other is not submission]
    execute("COMMIT")
    for submission, result in zip(batch, results, strict=True):
        submission.succeed(result)
    return ()
