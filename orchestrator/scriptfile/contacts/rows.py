"""One row of named values → a Contact, or every reason why it cannot be one.

Both file formats end here. It knows columns by what they mean, and neither CSV nor JSON.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from functools import partial
from typing import TypeVar

from orchestrator.core.contact import BadNumberError, Contact, Moment, is_number_column
from orchestrator.core.marks import Marks
from orchestrator.core.script import Value
from orchestrator.scriptfile import values
from orchestrator.scriptfile.source import usable
from orchestrator.scriptfile.values import BadValueError
from orchestrator.scriptfile.words import quote

Normalise = Callable[[str, str | None], tuple[str, str | None]]
"""A number as written and the default region → E.164 and a warning or None. Raises BadNumberError."""

KNOWN_COLUMNS = frozenset({"id", "from", "tz", "not_before", "not_after", "priority"})

_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?([Zz]|[+-]\d\d:?\d\d)?", re.ASCII)
_LARGEST_PRIORITY = 1_000_000
_LONGEST_ID = 200
_MOST_ZONES = 1000
_WORD, _HALF_WORD = 2**64 - 1, 2**32 - 1

_T = TypeVar("_T")


class BadRowError(ValueError):
    """A row cannot be a contact; the message says why."""


def role_of(column: str) -> str | None:
    """Return what a column means: `to`, a known column, or None for a variable of the script."""
    if is_number_column(column):
        return "to"
    word = column.strip().lower()
    return word if word in KNOWN_COLUMNS else None


def is_variable(column: str) -> bool:
    """Return whether a column's name can be that of a script's variable."""
    try:
        values.parse_variable(column)
    except BadValueError:
        return False
    return True


def check_text(columns: Iterable[tuple[str, str]]) -> None:
    """Raise BadRowError for a value that can be neither spoken nor stored. A NUL byte is one."""
    for name, text in columns:
        if not usable(text):
            foreign = next(character for character in text if not usable(character))
            raise BadRowError(f"{quote(name)} holds the character U+{ord(foreign):04X}; delete it")


class Zones:
    """Time zones by name. It remembers what it has looked up: a look goes to the file system."""

    def __init__(self) -> None:
        self._complaints: dict[str, str | None] = {}
        self._all: frozenset[str] = frozenset()

    def parse(self, value: object) -> str:
        """Return the name of a zone that exists. Raises BadValueError."""
        name = values.parse_text(value).strip()
        if name not in self._complaints:
            if len(self._complaints) >= _MOST_ZONES:  # no file has so many good ones
                self._complaints.clear()
            self._complaints[name] = self._complaint(name)
        complaint = self._complaints[name]
        if complaint is not None:
            raise BadValueError(complaint)
        return name

    def _complaint(self, name: str) -> str | None:
        try:
            zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            self._all = self._all or frozenset(zoneinfo.available_timezones())
            written = name.lower().replace(" ", "_")
            meant = [zone for zone in self._all if f"/{zone.lower()}".endswith(f"/{written}")]
            hint = f"; did you mean `{min(meant)}`?" if meant else ""
            return f"must be a time zone such as Europe/Paris, not {quote(name)}{hint}"
        return None


class Ids:
    """Which number each id of one reading of a file stands for, and since which line: one mark each."""

    def __init__(self) -> None:
        self._found = Marks()

    def line_of_other(self, contact: Contact) -> int | None:
        """Return the line where a contact's id stands for another number; None where it does not, and keep it."""
        if contact.id is None:
            return None
        number = hash(contact.to) & _HALF_WORD
        first = self._found.add(hash(contact.id) & _WORD or 1, contact.line << _HALF_WORD.bit_length() | number)
        return None if first is None or first & _HALF_WORD == number else first >> _HALF_WORD.bit_length()


@dataclass(frozen=True, slots=True, kw_only=True)
class RowReader:
    """Makes contacts of rows by the settings of one file, in one reading of it."""

    normalise: Normalise
    region: str | None = None
    zones: Zones = field(default_factory=Zones, repr=False)
    ids: Ids = field(default_factory=Ids, repr=False)

    def contact(
        self,
        line: int,
        *,
        roles: Mapping[str, tuple[str, object]],
        variables: Mapping[str, Value],
        columns: Mapping[str, str],
    ) -> Contact:
        """Return the contact of a row.

        Args:
            line: Where the row begins.
            roles: By role (`to`, `id`, …): the column's name as written and its value, if there is one.
            variables: The script's variables.
            columns: Every column as written.

        Raises:
            BadRowError: With every reason, joined by `; `.
        """
        row = _Row(roles, self)
        if "to" not in roles:
            row.faults.append("there is no number to call")
        contact = Contact(
            line=line,
            to=row.number("to") or "",
            id=row.parsed("id", _id),
            from_=row.number("from"),
            tz=row.parsed("tz", self.zones.parse),
            not_before=row.parsed("not_before", _moment),
            not_after=row.parsed("not_after", _moment),
            priority=row.parsed("priority", _priority) or 0,
            variables=variables,
            columns=columns,
            warnings=tuple(row.warnings),
        )
        if _is_empty_window(contact.not_before, contact.not_after):
            row.faults.append("`not_after` must be later than `not_before`")
        if not row.faults and (first := self.ids.line_of_other(contact)) is not None:
            row.faults.append(f"the id {quote(contact.key)} stands in line {first} for another number")
        if row.faults:
            raise BadRowError("; ".join(row.faults))
        return contact


@dataclass(frozen=True, slots=True)
class _Row:
    """The columns of one row that are no variables, and what was found wrong with them so far."""

    roles: Mapping[str, tuple[str, object]]
    reader: RowReader
    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def parsed(self, role: str, parse: Callable[[object], _T]) -> _T | None:
        """Return the value of a role; None where there is none or it is bad."""
        if role not in self.roles:
            return None
        column, value = self.roles[role]
        try:
            return parse(value)
        except (BadNumberError, BadValueError) as error:
            self.faults.append(f"{quote(column)} {error}")
            return None

    def number(self, role: str) -> str | None:
        """Return the number of a role, E.164."""
        found = self.parsed(role, partial(_number, self.reader))
        if found is None:
            return None
        number, warning = found
        if warning is not None:
            self.warnings.append(f"{quote(self.roles[role][0])} {warning}")
        return number


def _number(reader: RowReader, value: object) -> tuple[str, str | None]:
    if not isinstance(value, str):
        raise BadValueError("must be text in quotes: as a number it loses its `+` and leading zeros")
    return reader.normalise(value, reader.region)


def _id(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    text = values.parse_text(value).strip()
    if len(text) > _LONGEST_ID:
        raise BadValueError(f"must not be longer than {_LONGEST_ID} characters")
    return text


def _moment(value: object) -> Moment:
    text = values.parse_text(value).strip()
    try:
        if match := _TIME.fullmatch(text):
            return time(int(match[1]), int(match[2]), int(match[3] or 0))
        if _MOMENT.fullmatch(text):
            return datetime.fromisoformat(text.upper())
    except ValueError:
        pass  # 25:00, or the 31st of February
    raise BadValueError(
        f"must be a time such as 09:00, or a date and time such as 2030-01-31T09:00 or 2030-01-31T09:00+01:00, not "
        f"{quote(text)}"
    )


def _priority(value: object) -> int:
    priority = values.parse_integer(value)
    if abs(priority) > _LARGEST_PRIORITY:
        raise BadValueError(f"must be between -{_LARGEST_PRIORITY} and {_LARGEST_PRIORITY}")
    return priority


def _is_empty_window(begin: Moment | None, end: Moment | None) -> bool:
    """Return whether nothing lies between two moments. Times of day may span midnight, so only equal ones are empty."""
    if isinstance(begin, datetime) and isinstance(end, datetime):
        return (begin.tzinfo is None) == (end.tzinfo is None) and end <= begin
    return begin is not None and begin == end
