"""A callee of a batch: one good row of a contacts file, one bad one, and the digests that tell them apart.

`scriptfile.contacts` builds them from text, the batch dials them, `adapters.results` writes them down. It knows no file
format and no numbering plan.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from functools import lru_cache

from orchestrator.core.marks import Marks, mark_of
from orchestrator.core.script import Value

Moment = time | datetime
"""A time of day, or a date and time. Without an offset it is local to the callee."""


_NUMBER_COLUMNS = frozenset({"to", "number", "phone"})


def is_number_column(name: str) -> bool:
    """Return whether a column of that name holds the number to call."""
    return name.strip().lower() in _NUMBER_COLUMNS


class BadNumberError(ValueError):
    """A phone number cannot be dialled; the message reads on from the name of its column (`has an extension, …`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One callee.

    Attributes:
        line: Where its row begins in the file, from 1.
        to: The number, E.164.
        id: The contact's own name in the file, where it has one.
        from_: The number to call from, E.164; None for the script's.
        tz: The callee's time zone, a name of the IANA database; None for that of the number.
        not_before: Do not call earlier.
        not_after: Do not call later. As times of day the two may span midnight (22:00 to 06:00).
        priority: The higher, the earlier.
        variables: For the script. An empty cell gives none, so that the script's default or its complaint applies.
        columns: Every column by name as it was written, in the order of the file.
        warnings: What is odd about the row but does not stop the call.
    """

    line: int
    to: str
    id: str | None = None
    from_: str | None = None
    tz: str | None = None
    not_before: Moment | None = None
    not_after: Moment | None = None
    priority: int = 0
    variables: Mapping[str, Value] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What makes the contact the same one in another file: its id, else its number.

        An id that looks like another contact's number must not pass for it.
        """
        if not self.id:
            return self.to
        return f"id {self.id}" if self.id.startswith("+") and self.id != self.to else self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A row that cannot be called.

    Attributes:
        line: Where it begins in the file, from 1.
        reason: What is wrong with it, for its owner.
        text: The row as written, without its line end; cut where it is too long.
        columns: Its values by column; None where the row could not be split into the file's columns.
    """

    line: int
    reason: str
    text: str
    columns: Mapping[str, str] | None = None


@lru_cache(maxsize=1024)  # a contact's key is asked for at every turn of it
def occurrence_key(*, campaign: str, contact: str, occurrence: str) -> str:
    """Return the hex SHA-256 that stands for one contact of one occurrence of a campaign.

    Each part goes in with its length, so that no two triples have the same input. `contact` is `Contact.key`.
    """
    return _digest((campaign, contact, occurrence))


def row_digest(contact: Contact) -> str:
    """Return the hex SHA-256 of a contact's number and variables: equal for rows that would be the same call.

    Values that are written alike are equal, whatever their types (`1` and `"1"` are spoken the same).
    """
    pairs = sorted((name, str(value)) for name, value in contact.variables.items())
    return _digest((contact.to, *(text for pair in pairs for text in pair)))


class Repeats:
    """Knows the contacts that have come, to tell of a later row what it is; keeps two machine words of each."""

    def __init__(self) -> None:
        self._calls = Marks()

    def is_same_call(self, contact: Contact) -> bool | None:
        """Return whether a row would be the same call as the first one of its contact; None for the first one."""
        call = mark_of(row_digest(contact))
        first = self._calls.add(mark_of(_digest((contact.key,))), call)
        return None if first is None else first == call


def content_digest(lines: Iterable[str]) -> str:
    """Return the hex SHA-256 of a text, given line by line: equal for files whose lines that are not blank are equal.

    Line ends and blank lines do not count: programs change them when they save a file. A line may come in pieces.
    """
    digest = hashlib.sha256()
    is_begun = False
    for line in lines:
        text = line.rstrip("\r\n")
        if text or is_begun:
            is_begun = len(text) == len(line)
            digest.update(_bytes(text))
            digest.update(b"" if is_begun else b"\n")
    return digest.hexdigest()


def _digest(parts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = _bytes(part)
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()


def _bytes(text: str) -> bytes:
    """Encode any text: an argument of the command line may hold what is not UTF-8."""
    return text.encode("utf-8", "surrogatepass")
