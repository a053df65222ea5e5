"""Where the contacts of a batch come from: a file, standard input, or a library user's rows. Read again and again."""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TextIO

from orchestrator.adapters.e164 import to_e164
from orchestrator.core.campaign import Campaign
from orchestrator.core.contact import Contact, Rejected
from orchestrator.core.script import Value
from orchestrator.scriptfile.contacts import ContactRows, digest_of, read_contacts, text_of

Contacts = Iterable[Mapping[str, Value]] | str | os.PathLike[str]
"""Rows with `to`, variables of the script and more, or the path of a contacts file; `-` is standard input."""


class Source:
    """The contacts of one campaign. `close` removes the copy of standard input.

    Attributes:
        name: Of the file, in messages.
        columns: Of a CSV file.
        variables: The variables of the script that a row may have of its own; None where rows may have any.
        warnings: What is odd about the file as a whole.
        has_priorities: Whether contacts may differ in priority.
    """

    def __init__(self, contacts: Contacts, campaign: Campaign) -> None:
        """Open it once. Raises ContactsError; UsageError for rows that are no rows."""
        self._campaign = campaign
        self._spooled: Path | None = None
        self._open = self._opener(contacts)
        self._name = None if self._spooled is None else "<stdin>"
        try:
            self._look_at_header()
        except BaseException:
            self.close()
            raise

    def _look_at_header(self) -> None:
        with self.rows() as rows:
            self.name = rows.name
            self.columns, self.warnings = rows.columns, rows.warnings
            self.variables = None if rows.format == "jsonl" else frozenset({*rows.variables, "to", "from"})
            names = {column.lower() for column in rows.columns}
            self.has_priorities = rows.format == "jsonl" or "priority" in names

    def rows(self) -> ContactRows:
        """Read them from the beginning."""
        delimiter, region = self._campaign.delimiter, self._campaign.region
        return read_contacts(self._open(), normalise=to_e164, delimiter=delimiter, region=region, name=self._name)

    def contacts(self) -> Iterator[Contact]:
        """Read those that can be called."""
        return (row for row in self.rows() if isinstance(row, Contact))

    def rejected(self) -> Iterator[Rejected]:
        """Read the bad rows."""
        return (row for row in self.rows() if isinstance(row, Rejected))

    def count(self, rejected: Callable[[Rejected], object]) -> int:
        """Read them to their end; return how many contacts there are, and hand over the bad rows."""
        contacts = 0
        with self.rows() as rows:
            for row in rows:
                if isinstance(row, Rejected):
                    rejected(row)
                else:
                    contacts += 1
        return contacts

    def digest(self) -> str:
        """Return the digest of their content. Raises ContactsError."""
        return digest_of(self._open(), name=self._name)

    def close(self) -> None:
        """Remove the copy of standard input."""
        if self._spooled is not None:
            self._spooled.unlink(missing_ok=True)

    def _opener(self, contacts: Contacts) -> Callable[[], str | os.PathLike[str] | TextIO]:
        if not isinstance(contacts, str | os.PathLike):
            text = text_of(contacts)
            return lambda: io.StringIO(text)
        if contacts == "-":
            self._spooled = _spooled()
        path = self._spooled or Path(contacts)
        return lambda: path


def _spooled() -> Path:
    """Return a copy of standard input, which can be read only once."""
    handle, name = tempfile.mkstemp(prefix="contacts-")
    with os.fdopen(handle, "wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    return Path(name)
