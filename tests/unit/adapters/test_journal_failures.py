"""What is said of an error of SQLite."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from orchestrator.adapters.journal.failures import journal_error, own_error, translated
from orchestrator.errors import JournalError, LeaseLostError

PATH = Path("/var/lib/calls/journal.db")


def an_error(name: str | None) -> sqlite3.Error:
    error = sqlite3.OperationalError("as SQLite puts it")
    if name is not None:
        error.sqlite_errorname = name
    return error


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("SQLITE_NOTADB", "is not a journal"),
        ("SQLITE_CORRUPT", "is damaged"),
        ("SQLITE_CORRUPT_INDEX", "is damaged"),
        ("SQLITE_READONLY_DBMOVED", "is read-only"),
        ("SQLITE_PERM", "may not be accessed"),
        ("SQLITE_BUSY_SNAPSHOT", "is locked by another process"),
        ("SQLITE_LOCKED", "is locked by another part"),
        ("SQLITE_FULL", "the disk is full"),
        ("SQLITE_CANTOPEN_ISDIR", "cannot be opened"),
        ("SQLITE_IOERR_FSYNC", "cannot be read or written"),
        ("SQLITE_NOMEM", "no memory left"),
        ("SQLITE_CONSTRAINT_UNIQUE", "contradicts another"),
        ("SQLITE_MISUSE", "cannot be used"),
        (None, "cannot be used"),
    ],
)
def test_every_error_names_the_file_what_is_wrong_and_what_to_do(name: str | None, said: str) -> None:
    """The sentence is chosen by SQLite's code; SQLite's own words are kept beside it."""
    message = str(journal_error(PATH, an_error(name)))
    assert message.startswith(f"The journal {PATH} ")
    assert said in message
    assert "as SQLite puts it" in message


def test_errors_that_sqlalchemy_wraps_are_the_same() -> None:
    """It does not matter through which layer a statement was run."""
    wrapped = DBAPIError("SELECT 1", None, an_error("SQLITE_FULL"))
    with pytest.raises(JournalError, match="the disk is full"), translated(PATH):
        raise wrapped


def test_text_that_is_none_is_damage() -> None:
    """Bytes that are no text where text must be mean a damaged file."""
    with pytest.raises(JournalError, match="is damaged"), translated(PATH):
        b"\xff".decode()


def test_other_errors_stay_what_they_are() -> None:
    """A refusal, or a mistake of ours, is not made into a broken journal."""
    for error in (LeaseLostError("gone"), KeyError("x")):
        assert own_error(PATH, error) is error
