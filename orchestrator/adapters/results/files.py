"""Files that are whole or not there: written beside their place, put on disk, then renamed.

A reader sees the old file or the new one, never half of one; after a crash or a full disk the old one is still there.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO, cast

from orchestrator.errors import ConfigurationError

PRIVATE = 0o600
"""Mode of a new file that holds phone numbers."""


@contextmanager
def replacing(path: str | os.PathLike[str], *, mode: int = PRIVATE) -> Iterator[TextIO]:
    r"""Open a text file that takes the place of `path` when the block ends well, and vanishes when it does not.

    A file that is there keeps its mode, a symbolic link stays one. A pipe or device is written to directly. What cannot
    be encoded is written as `\udc80` and the like.

    Args:
        path: Where the file is to be.
        mode: Of a file that is not there yet.

    Raises:
        ConfigurationError: When the file cannot be written; any OSError of the block counts as that.
    """
    place = Path(os.path.realpath(path))
    try:
        with _special(place) if _is_special(place) else _beside(place, mode) as stream:
            yield stream
    except OSError as error:
        raise ConfigurationError(f"{os.fspath(path)} cannot be written: {error.strerror or error}") from error


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise ConfigurationError unless `replacing` could put a file there now. To be asked before anything is sent."""
    place = Path(os.path.realpath(path))
    if _is_special(place):
        return
    try:
        if place.is_dir():
            raise IsADirectoryError(None, "Is a directory")
        if not place.parent.exists():
            raise FileNotFoundError(None, f"there is no folder {place.parent}")
        with tempfile.TemporaryFile(dir=place.parent):
            pass
    except OSError as error:
        raise ConfigurationError(f"{os.fspath(path)} cannot be written: {error.strerror or error}") from error


@contextmanager
def spool(folder: Path | None) -> Iterator[TextIO]:
    """Return a nameless file to hold more rows than memory should: in a folder, as the usual one may be memory."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="backslashreplace", newline="", dir=folder) as stream:
        yield cast("TextIO", stream)


def folder_of(path: str | os.PathLike[str]) -> Path | None:
    """Return the folder that a file is written in; None for a pipe or device."""
    place = Path(os.path.realpath(path))
    return None if _is_special(place) else place.parent


def _is_special(place: Path) -> bool:
    try:
        kind = place.stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(kind) and not stat.S_ISDIR(kind)


@contextmanager
def _special(place: Path) -> Iterator[TextIO]:
    with place.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
        yield stream


@contextmanager
def _beside(place: Path, mode: int) -> Iterator[TextIO]:
    with suppress(FileNotFoundError):
        mode = stat.S_IMODE(place.stat().st_mode)
    descriptor, name = tempfile.mkstemp(prefix=f".{place.name[:100]}.", suffix=".tmp", dir=place.parent)
    beside = Path(name)
    try:
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="") as stream:  # noqa: PTH123 - a descriptor, no path
            yield stream
            stream.flush()
            beside.chmod(mode)
            os.fsync(stream.fileno())
        beside.replace(place)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _sync_folder(place.parent)


def _sync_folder(folder: Path) -> None:
    """Put the new name on disk too. Not every file system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
