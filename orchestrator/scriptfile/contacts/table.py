"""CSV → rows: the delimiter, the header, records with quoted line ends, and what to do with a broken one.

A record whose quotation marks do not match is rejected with its first line only, and reading goes on at the next line:
one forgotten mark must not swallow the rows below it.
"""

from __future__ import annotations

import csv
import difflib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from orchestrator.core.contact import Contact, Rejected
from orchestrator.errors import Problem, UsageError
from orchestrator.scriptfile.contacts.lines import LONGEST_ROW, ContactsError, Lines
from orchestrator.scriptfile.contacts.rows import (
    KNOWN_COLUMNS,
    BadRowError,
    RowReader,
    check_text,
    is_variable,
    role_of,
)
from orchestrator.scriptfile.words import listing, quote

DELIMITERS = (",", ";", "\t", "|")
_MOST_LINES = 100
"""Lines of one record; a quotation mark that is still open then was forgotten."""

_DELIMITER_LINE = re.compile(r'"?sep=([,;|\t])"?\s*', re.IGNORECASE)
_LOOKS_LIKE_NUMBER = re.compile(r"\s*(?:tel:)?[+(]?(?:[ ().\-/]*[0-9]){6,20}\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Record:
    """One record as split, or why it could not be."""

    line: int
    text: str
    cells: list[str]
    fault: str | None = None


class Records(Iterator[Record]):
    """The records of a CSV text, each with the line where it begins."""

    def __init__(self, lines: Lines, delimiter: str) -> None:
        self._lines = lines
        self._taken: list[str] = []
        self._size = 0
        self._reader = csv.reader(_Feed(self), delimiter=delimiter, strict=True)

    def __next__(self) -> Record:
        self._taken.clear()
        self._size = 0
        line = self._lines.number + 1
        try:
            cells = next(self._reader)
        except (csv.Error, _TooLongError) as error:
            self._lines.give_back(self._taken[1:])
            return Record(line, _without_end(self._taken[0]), [], self._fault(error))
        return Record(line, _without_end("".join(self._taken)), cells)

    def take_line(self) -> str:
        """Return the next line of the record at hand. Raises _TooLongError, StopIteration at the end."""
        text = next(self._lines)
        self._taken.append(text)
        self._size += len(text)
        if self._size > LONGEST_ROW or len(self._taken) > _MOST_LINES:
            raise _TooLongError
        return text

    def _fault(self, error: Exception) -> str:
        if len(self._taken[0]) > LONGEST_ROW:
            return f"the row is longer than {LONGEST_ROW} characters"
        if isinstance(error, _TooLongError) or "end of data" in str(error):
            return "a quotation mark opens a field that is never closed"
        if "expected after" in str(error):
            return "text follows a closing quotation mark; inside a quoted field a quotation mark is written twice"
        return f"the row is not CSV: {error}"


class _TooLongError(Exception):
    """A record has more lines or characters than any real one."""


class _Feed(Iterator[str]):
    """The lines of the record at hand, for csv.reader. No generator: it is asked on after it raised."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def __next__(self) -> str:
        return self._records.take_line()


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A CSV file whose header has been read.

    Attributes:
        records: What follows the header.
        names: The columns, trimmed.
        roles: Index and role of each column that is no variable.
        indexed: Index and name of each column that is one.
        warnings: What is odd about the header.
    """

    records: Records
    names: tuple[str, ...]
    roles: tuple[tuple[int, str], ...]
    indexed: tuple[tuple[int, str], ...]
    warnings: tuple[Problem, ...]

    @classmethod
    def begin(cls, lines: Lines, delimiter: str | None) -> Self:
        """Read the header. Raises ContactsError with every problem of it, UsageError for a delimiter that is none."""
        if delimiter is not None:
            _check_delimiter(delimiter)
        found = _delimiter(lines)
        records = Records(lines, _NAMED.get(delimiter, delimiter) if delimiter is not None else found)
        header = next(records)
        names = [cell.strip() for cell in header.cells]
        while names and not names[-1]:  # delimiters at the end, as spreadsheets leave them
            del names[-1]
        problems = _problems(names, header.fault)
        if problems:
            raise ContactsError([Problem(lines.name, header.line, 1, problem) for problem in problems])
        plain = [(index, name) for index, name in enumerate(names) if role_of(name) is None]
        return cls(
            records=records,
            names=tuple(names),
            roles=tuple((index, role) for index, name in enumerate(names) if (role := role_of(name)) is not None),
            indexed=tuple((index, name) for index, name in plain if is_variable(name)),
            warnings=tuple(
                Problem(lines.name, header.line, 1, warning) for warning in _warnings(name for _, name in plain)
            ),
        )

    @property
    def variables(self) -> tuple[str, ...]:
        """The columns that are variables of the script."""
        return tuple(name for _, name in self.indexed)

    def read_rows(self, reader: RowReader) -> Iterator[Contact | Rejected]:
        """Return the rows one at a time. Raises ContactsError for a line that is not UTF-8."""
        for record in self.records:
            if record.fault is None and not any(map(str.strip, record.cells)):
                continue
            columns: dict[str, str] | None = None
            try:
                columns = self._columns(record)
                yield self._contact(record, columns, reader)
            except BadRowError as error:
                yield Rejected(line=record.line, reason=str(error), text=record.text, columns=columns)

    def _columns(self, record: Record) -> dict[str, str]:
        if record.fault is not None:
            raise BadRowError(record.fault)
        cells, width = record.cells, len(self.names)
        if len(cells) < width or any(map(str.strip, cells[width:])):
            raise BadRowError(f"the row has {_count(len(cells), 'field')}, the header {width}")
        return dict(zip(self.names, cells, strict=False))

    def _contact(self, record: Record, columns: dict[str, str], reader: RowReader) -> Contact:
        check_text(columns.items())
        cells = [cell.strip() for cell in record.cells]
        return reader.contact(
            record.line,
            roles={role: (self.names[index], cells[index]) for index, role in self.roles if cells[index]},
            variables={name: cells[index] for index, name in self.indexed if cells[index]},
            columns=columns,
        )


_NAMED = {"tab": "\t", "\\t": "\t"}


def _check_delimiter(delimiter: str) -> None:
    sign = _NAMED.get(delimiter, delimiter)
    if len(sign) != 1 or sign.isalnum() or sign in '"\r\n +\0':
        raise UsageError(f"the delimiter must be one sign, such as `;`, or `tab`, not {quote(delimiter)}")


def _delimiter(lines: Lines) -> str:
    """Return the delimiter that the header line has: the one that makes a number's column of it, else the commonest."""
    header = lines.first_text()
    if (declared := _DELIMITER_LINE.fullmatch(header)) is not None:  # what Excel writes, and understands
        next(lines)
        lines.first_text()
        return declared[1]

    def merit(delimiter: str) -> tuple[bool, int]:
        try:
            names = next(csv.reader([header], delimiter=delimiter))
        except csv.Error:  # reading the header will say what is wrong
            return False, 0
        return any(role_of(name) == "to" for name in names), len(names)

    return max(DELIMITERS, key=merit)


def _problems(names: list[str], fault: str | None) -> list[str]:
    if fault is not None:
        return [f"the header cannot be read: {fault}"]
    numbers = [name for name in names if role_of(name) == "to"]
    if not numbers:
        return [_no_number(names)]
    problems = []
    if len(numbers) > 1:
        different = list(dict.fromkeys(numbers))
        which = listing(different) if len(different) > 1 else f"{len(numbers)} columns named {quote(numbers[0])}"
        problems.append(f"{which} could each be the number to call; keep one and rename the others")
    problems += [
        f"column {index} has no name; give it one or delete it" for index, name in enumerate(names, 1) if not name
    ]
    roles = Counter(role_of(name) or name for name in names if name and role_of(name) != "to")
    problems += [f"the column {quote(name)} stands twice in the header" for name, count in roles.items() if count > 1]
    return problems


def _no_number(names: list[str]) -> str:
    for index, name in enumerate(names, 1):
        if _LOOKS_LIKE_NUMBER.fullmatch(name):
            return (
                f"the first row looks like data (its field {index} is a phone number); a contacts file begins with a "
                "header line such as `to,name`"
            )
    choice = "`to`, `number` or `phone`"
    meant = difflib.get_close_matches("phone", [name.lower() for name in names], n=1, cutoff=0.8)
    hint = f"; is {quote(meant[0])} meant?" if meant else ""
    return f"no column is named {choice}{hint} (the header has {listing(name[:40] for name in names[:20])})"


def _warnings(names: Iterable[str]) -> Iterator[str]:
    """Return what is odd about the columns that are not known ones."""
    for name in names:
        close = difflib.get_close_matches(name.lower(), KNOWN_COLUMNS, n=1, cutoff=0.8)
        hint = f"; did you mean `{close[0]}`?" if close else ""
        if not is_variable(name):
            yield f"the column {quote(name)} is kept, but its name cannot be that of a variable{hint}"
        elif hint:
            yield f"the column {quote(name)} is taken for a variable of the script{hint}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _without_end(text: str) -> str:
    return text.rstrip("\r\n")
