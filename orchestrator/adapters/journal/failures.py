"""What SQLite complains of, as a JournalError that names the file, what is wrong and what to do.

Told apart by SQLite's own result codes, never by the text of a message.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from orchestrator.errors import JournalError

_SENTENCES: Mapping[str, str] = {
    "NOTADB": "is not a journal: it is not an SQLite file. Name another file with --journal.",
    "CORRUPT": "is damaged. Run `orchestrator journal check`, and restore the file from a backup.",
    "READONLY": "is read-only. Make the file and its folder writable for this user, or name another with --journal.",
    "PERM": "may not be accessed by this user. Check its owner and mode, or name another file with --journal.",
    "BUSY": "is locked by another process. Wait for it to finish, or end it, and try again.",
    "LOCKED": "is locked by another part of this process. Try again.",
    "FULL": "cannot grow: the disk is full. Free some space and try again.",
    "CANTOPEN": "cannot be opened. Check that the file and its folder exist and that this user may write to them.",
    "IOERR": "cannot be read or written: the disk, its quota or a file-size limit failed. Check them and try again.",
    "NOMEM": "cannot be used: there is no memory left. Free some and try again.",
    "CONSTRAINT": "refuses a record that contradicts another. Nothing was written; please report this.",
}
_OTHERWISE = "cannot be used. Run `orchestrator journal check`."


def journal_error(path: Path, error: sqlite3.Error) -> JournalError:
    """Return what to tell of an error of SQLite."""
    name = getattr(error, "sqlite_errorname", None) or ""
    sentence = _SENTENCES.get(name.removeprefix("SQLITE_").partition("_")[0], _OTHERWISE)
    detail = f"{name}: {error}" if name else str(error)
    return JournalError(f"The journal {path} {sentence} (SQLite says: {detail})")


def sqlite_error_of(error: BaseException) -> sqlite3.Error | None:
    """Return the error of SQLite that `error` is or wraps."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return cause if isinstance(cause, sqlite3.Error) else None


def own_error(path: Path, error: Exception) -> Exception:
    """Return what to raise for `error`: a JournalError where SQLite failed, else the error itself."""
    cause = sqlite_error_of(error)
    if cause is not None:
        failure = journal_error(path, cause)
    elif isinstance(error, UnicodeEncodeError):
        failure = JournalError(f"The journal {path} takes no text that is not Unicode: {error.object!r}.")
    elif isinstance(error, UnicodeDecodeError):  # the driver could not read what it was given, or complain of it
        failure = JournalError(f"The journal {path} {_SENTENCES['CORRUPT']} (It holds text that is none.)")
    else:
        return error
    failure.__cause__ = error
    return failure


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise errors of SQLite as JournalErrors."""
    try:
        yield
    except (sqlite3.Error, DBAPIError, UnicodeError) as error:
        raise own_error(path, error) from error
