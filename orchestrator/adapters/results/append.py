"""A running ledger: results of many ticks in one file, never two rows of the same run, nor of the same waiting contact.

The file is read, and written anew with the rows added (`files.replacing`): so a torn last line heals, new columns find
room, and a row that changed (a run that waited and has ended) takes the place of the old one. Memory holds the run ids
of the new rows and some words of each, not the rows.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from orchestrator.adapters.results.files import folder_of, replacing, spool
from orchestrator.adapters.results.rows import FIXED, Columns, Format, csv_cells, is_json_lines, write_rows
from orchestrator.core.cells import csv_line
from orchestrator.core.ledger import ResultRow, Tally
from orchestrator.core.marks import Marks, mark_of
from orchestrator.errors import ConfigurationError

_TO, _DISPOSITION, _RUN_ID = (FIXED.index(name) for name in ("to", "disposition", "run_id"))
_ROW = re.compile(r"\+[0-9]{7,15},[a-z_]+,")
"""How every row begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """What was done to a ledger: rows added, of them in place of an old one, and whether a torn line was dropped."""

    added: int
    replaced: int
    repaired: bool


def append_results(
    path: str | os.PathLike[str],
    rows: Iterable[ResultRow],
    *,
    format: Format = "auto",  # noqa: A002 - the word of the flag
    secret: Collection[str] = (),
) -> Appended:
    """Add rows to a ledger, or begin one. Of several rows with one run id the last counts.

    Rows without a run: one that says the same again replaces the old one, and whatever is said of a number replaces
    that it was waiting.

    Args:
        path: The ledger. Other processes that append to a file of its folder wait.
        rows: The new rows, read once.
        format: As for `write_results`.
        secret: Names of sensitive variables, to be masked.

    Raises:
        ConfigurationError: When the file is no ledger of this program, or cannot be written; it is then unchanged.
    """
    is_json = is_json_lines(path, format)
    columns = Columns()
    newest: dict[str, int] = {}
    folder = folder_of(path)
    with _locked(folder), replacing(path) as stream, spool(folder) as spooled:
        write_rows(spooled, _noted(rows, newest), columns, secret=secret)
        with _old_text(path) as text:
            old = _Old(text, os.fspath(path), is_json=is_json)
            names = [*old.names, *(name for name in columns.names() if name not in old.names)]
            if not is_json:
                stream.write(csv_line(names))
            written = _written(spooled, None if is_json else names)
            told = _Told(row for _, row in written())
            replaced = 0
            for row in old.rows(len(names)):
                if row.run_id in newest if row.run_id else told.outdates(row):
                    replaced += 1
                else:
                    stream.write(row.line)
        added = 0
        for index, row in written():
            if newest.get(row.run_id, index) == index:
                stream.write(row.line)
                added += 1
    return Appended(added=added, replaced=replaced, repaired=old.repaired)


def check_appendable(path: str | os.PathLike[str], format: Format = "auto") -> None:  # noqa: A002 - the word of the flag
    """Raise ConfigurationError unless the file is a ledger or not there yet. To be asked before anything is sent."""
    try:
        with _old_text(path) as text:
            for _ in _Old(text, os.fspath(path), is_json=is_json_lines(path, format)).rows(0):
                pass
    except OSError as error:
        raise ConfigurationError(f"{os.fspath(path)} cannot be read: {error.strerror or error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A row, and the line it is written as; no run id where there is no run."""

    to: str
    disposition: str
    run_id: str
    line: str


class _Told:
    """What new rows tell of contacts, in little memory: their numbers, and each row without a run, word for word."""

    def __init__(self, rows: Iterable[_Row]) -> None:
        self._marks = Marks()
        for row in rows:
            self._marks.add(_mark("to", row.to))
            if not row.run_id:
                self._marks.add(_mark("row", row.line))

    def outdates(self, row: _Row) -> bool:
        """Return whether an old row without a run is said again, or waited for what has been told since."""
        waits = row.disposition == Tally.WAITING and _mark("to", row.to) in self._marks
        return waits or _mark("row", row.line) in self._marks


def _mark(kind: str, text: str) -> int:
    return mark_of(hashlib.blake2b(f"{kind} {text}".encode("utf-8", "surrogatepass"), digest_size=8).hexdigest())


class _Old:
    """The rows a ledger already has.

    Attributes:
        names: Its columns; for JSON lines the fixed ones.
        repaired: Whether its last line is torn, and so is left out; known when `rows` is read to its end.
    """

    def __init__(self, text: TextIO, path: str, *, is_json: bool) -> None:
        self.names: list[str] = list(FIXED)
        self.repaired = False
        self._path = path
        self._is_json = is_json
        self._text = text
        self._taken: list[str] = []
        self._reader = csv.reader(self._lines_taken(), strict=True)
        if not is_json:
            self.names = self._header()

    def rows(self, width: int) -> Iterator[_Row]:
        """Return each row; a CSV row with at least `width` cells."""
        return self._json_rows() if self._is_json else self._csv_rows(width)

    def _header(self) -> list[str]:
        with self._complaining():
            names = next(self._reader, list(FIXED))
        if tuple(names[: len(FIXED)]) != FIXED:
            raise self._foreign(f"its first line is not the header of one, {','.join(FIXED)},…")
        return names

    def _csv_rows(self, width: int) -> Iterator[_Row]:
        while True:
            self._taken.clear()
            with self._complaining():
                try:
                    cells = next(self._reader, None)
                except csv.Error as error:
                    if not self._is_torn(error):
                        raise
                    self.repaired = True
                    return
            if cells is None:
                return
            if len(cells) < len(self.names) and not self._taken[-1].endswith("\n"):
                self.repaired = True
            elif cells:
                whole = [*cells, *[""] * (max(width, len(FIXED)) - len(cells))]
                yield _row_of(whole, csv_line(whole))

    def _json_rows(self) -> Iterator[_Row]:
        for number, line in enumerate(self._decoded(), 1):
            try:
                row = json.loads(line)
            except ValueError:
                if line.endswith("\n"):
                    raise self._foreign(f"its line {number} is not JSON") from None
                self.repaired = True
                return
            if not isinstance(row, dict) or not row.keys() >= set(FIXED):
                raise self._foreign(f"its line {number} lacks the columns of one, {', '.join(FIXED)}")
            yield _row_of([row[name] for name in FIXED], line if line.endswith("\n") else f"{line}\n")

    def _is_torn(self, error: csv.Error) -> bool:
        """Return whether the file ends within quotation marks, and not because a mark is missing rows above its end."""
        return "end of data" in str(error) and not any(map(_ROW.match, self._taken[1:]))

    def _lines_taken(self) -> Iterator[str]:
        for line in self._decoded():
            self._taken.append(line)
            yield line

    def _decoded(self) -> Iterator[str]:
        try:
            yield from self._text
        except UnicodeDecodeError as error:
            raise self._foreign("it is not UTF-8 text") from error

    @contextmanager
    def _complaining(self) -> Iterator[None]:
        try:
            yield
        except csv.Error as error:
            raise self._foreign(f"its line {self._reader.line_num} is not CSV: {error}") from error

    def _foreign(self, what: str) -> ConfigurationError:
        return ConfigurationError(
            f"{self._path} is no ledger of this program: {what}; name a new file, or write it without --append"
        )


def _row_of(cells: Sequence[Any], line: str) -> _Row:
    to, disposition, run_id = (str(cells[at] or "") for at in (_TO, _DISPOSITION, _RUN_ID))
    return _Row(to=to, disposition=disposition, run_id=run_id, line=line)


def _written(spooled: TextIO, names: Sequence[str] | None) -> Callable[[], Iterator[tuple[int, _Row]]]:
    """Return what reads the new rows, as often as it is called, each with its number and as it will be written.

    Args:
        spooled: They, in JSON.
        names: The columns of a CSV file; None for JSON lines.
    """

    def read() -> Iterator[tuple[int, _Row]]:
        spooled.seek(0)
        for index, line in enumerate(spooled):
            row = json.loads(line)
            written = line if names is None else csv_line(csv_cells(row, names))
            yield index, _row_of([row[name] for name in FIXED], written)

    return read


def _noted(rows: Iterable[ResultRow], newest: dict[str, int]) -> Iterator[ResultRow]:
    for index, row in enumerate(rows):
        if row.run_id:
            newest[row.run_id] = index
        yield row


@contextmanager
def _old_text(path: str | os.PathLike[str]) -> Iterator[TextIO]:
    """Open the ledger; nothing where there is none, and of a pipe or device."""
    place = Path(path) if Path(path).is_file() else Path(os.devnull)
    with place.open(encoding="utf-8-sig", newline="") as text:
        yield text


@contextmanager
def _locked(folder: Path | None) -> Iterator[None]:
    """Keep other appends in a folder waiting, as far as platform and file system have locks."""
    descriptor: int | None = None
    if folder is not None:
        with suppress(ImportError, OSError):
            import fcntl

            descriptor = os.open(folder, os.O_RDONLY)
    try:
        if descriptor is not None:
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)
