"""Where the journal's file is, and making a new one: whole or not at all, readable by its owner only."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import sqlite3
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from orchestrator.adapters.journal.failures import translated
from orchestrator.adapters.journal.home import note_home
from orchestrator.adapters.journal.schema import APPLICATION_ID, SCHEMA_VERSION, metadata
from orchestrator.errors import ConfigurationError, JournalError

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")


def locate(target: str | os.PathLike[str]) -> Path:
    """Return the absolute path that a path or a URL `sqlite:///PATH` names.

    Raises:
        ConfigurationError: Another kind of URL, or one that names no file.
        JournalError: It is a folder.
    """
    text = os.fspath(target)
    scheme = _SCHEME.match(text)
    if scheme is not None:
        if scheme[1] != "sqlite":
            raise ConfigurationError(
                f"The journal cannot be kept in {scheme[1]}: only SQLite is supported yet. Give a path or "
                "sqlite:////absolute/path."
            )
        text = text[scheme.end() :]
        if not text.startswith("/") or text.endswith("/"):
            raise ConfigurationError(
                "The journal's URL names no file. Write sqlite:////absolute/path, or sqlite:///path for one in the "
                "working folder."
            )
        text = text[1:]
    if not text or text == ":memory:":
        raise ConfigurationError("The journal must be a file: give a path or sqlite:////absolute/path.")
    path = Path(text).expanduser().absolute()
    if os.path.isdir(path):  # noqa: PTH112 - it is False, and no error, where the folder above may not be looked into
        raise JournalError(f"The journal {path} is a folder: name a file in it, such as {path / 'journal.db'}.")
    return path


def make_if_missing(path: Path, *, make_folder: bool) -> bool:
    """Create the journal when there is none; return whether it was created.

    Args:
        path: The file.
        make_folder: Create its folder too, readable by its owner only.

    Raises:
        JournalError: The folder is missing, or the file cannot be made.
    """
    folder = path.parent
    try:
        if path.exists():
            return False
        if make_folder and not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
        if not folder.is_dir():
            raise JournalError(f"The journal {path} cannot be made: the folder {folder} does not exist. Make it first.")
        return _make(path)
    except OSError as error:
        raise JournalError(
            f"The journal {path} cannot be made: {error.strerror}. Check the folder and the disk, or name another file "
            "with --journal."
        ) from error


def _make(path: Path) -> bool:
    """Build the journal under a name of its own, then give it its real one: nobody ever sees half a journal."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}.new")
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))  # -wal and -shm take its mode
    try:
        with translated(path):
            _fill(draft)
        try:
            os.link(draft, path)
        except FileExistsError:
            return False  # another process was faster: its journal is used
        return True
    finally:
        for leftover in (draft, *(draft.with_name(draft.name + end) for end in ("-wal", "-shm", "-journal"))):
            leftover.unlink(missing_ok=True)
        _sync_folder(path.parent)


def _fill(draft: Path) -> None:
    engine = sa.create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(f"{draft.as_uri()}?mode=rw", uri=True, isolation_level=None),
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
    )
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA synchronous = FULL")
        connection.exec_driver_sql("PRAGMA auto_vacuum = INCREMENTAL")  # only before the first table; for `prune`
        connection.exec_driver_sql("BEGIN")
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        metadata.create_all(connection, checkfirst=False)
        note_home(connection)
        connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.exec_driver_sql("COMMIT")
        # Last: what is in a log when it is closed may stay there unsaid, and only the file gets the journal's name.
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")


def _sync_folder(folder: Path) -> None:
    """Put the new name on disk. Where folders cannot be synced (Windows) the platform does it by itself."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
