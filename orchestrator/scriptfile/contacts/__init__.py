"""A contacts file → contacts, one at a time: CSV or JSON lines, from a file, standard input or a text stream.

A million rows take no more memory than ten. A file that is no contacts file raises before the first row; a bad row
comes out as `Rejected` with its line and reason and does not stop the good ones. It knows no numbering plan: whoever
reads passes `normalise` (`adapters.e164.to_e164`). The batch calls it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import TracebackType
from typing import Literal, Self, TextIO

from orchestrator.core.contact import Contact, Rejected, content_digest
from orchestrator.errors import Problem
from orchestrator.scriptfile.contacts import jsonlines
from orchestrator.scriptfile.contacts.jsonlines import text_of
from orchestrator.scriptfile.contacts.lines import ContactsError, Lines
from orchestrator.scriptfile.contacts.rows import Normalise, RowReader
from orchestrator.scriptfile.contacts.table import Table

__all__ = ["ContactRows", "ContactsError", "Normalise", "digest_of", "read_contacts", "text_of"]

Format = Literal["auto", "csv", "jsonl"]


class ContactRows(Iterator[Contact | Rejected]):
    """The rows of one contacts file, as they are read. A context manager, which closes the file.

    Attributes:
        name: What the file is called in messages.
        format: `csv` or `jsonl`.
        columns: The columns of a CSV file, as its header has them; empty for JSON lines, whose rows may differ.
        variables: The columns of a CSV file that are variables of the script; empty for JSON lines.
        warnings: What is odd about the file as a whole.
    """

    def __init__(self, lines: Lines, *, rows: RowReader, delimiter: str | None, is_json: bool) -> None:
        self._lines = lines
        self.name = lines.name
        self.format: Literal["csv", "jsonl"] = "jsonl" if is_json else "csv"
        self.columns: tuple[str, ...] = ()
        self.variables: tuple[str, ...] = ()
        self.warnings: tuple[Problem, ...] = ()
        if is_json:
            self._rows = jsonlines.read_rows(lines, rows)
        else:
            table = Table.begin(lines, delimiter)
            self.columns, self.variables, self.warnings = table.names, table.variables, table.warnings
            self._rows = table.read_rows(rows)

    def __next__(self) -> Contact | Rejected:
        try:
            return next(self._rows)
        except (StopIteration, ContactsError):
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, if it was opened here. Reading on gives nothing."""
        self._lines.close()


def read_contacts(
    source: str | os.PathLike[str] | TextIO,
    *,
    normalise: Normalise,
    delimiter: str | None = None,
    region: str | None = None,
    format: Format = "auto",  # noqa: A002 - the word of the flag
    name: str | None = None,
) -> ContactRows:
    """Begin to read contacts; the header is read here, the rows as they are asked for.

    Args:
        source: A path, `-` for standard input, or a text stream (which is not closed).
        normalise: Returns a number as E.164 and a warning or None; raises BadNumberError.
        delimiter: One character, or `tab`; None to tell it from the header line.
        region: Passed to `normalise`.
        format: `auto` takes a file that begins with `{` for JSON lines.
        name: What the file is called in messages [default: as it is given].

    Raises:
        ContactsError: For a file that cannot be read, is of another kind, has no header or an ambiguous one. While
            reading on: for a line that is not UTF-8.
    """
    lines = Lines.open(source, name)
    try:
        is_json = _is_json(lines, format)
        rows = RowReader(normalise=normalise, region=region)
        return ContactRows(lines, rows=rows, delimiter=delimiter, is_json=is_json)
    except BaseException:
        lines.close()
        raise


def digest_of(source: str | os.PathLike[str] | TextIO, *, name: str | None = None) -> str:
    """Return the digest of a file's content: equal where only the byte-order mark, line ends or blank lines differ.

    Raises:
        ContactsError: For a file that is of another kind, or is not UTF-8 to its very end.
    """
    lines = Lines.open(source, name)
    try:
        return content_digest(lines)
    finally:
        lines.close()


def _is_json(lines: Lines, wanted: Format) -> bool:
    first = lines.first_text()
    if first.startswith("["):
        raise lines.error(
            lines.number + 1, "is a JSON array, not JSON lines: write one object a line, as `jq -c '.[]'` does"
        )
    is_json = wanted == "jsonl" or (wanted == "auto" and first.startswith("{"))
    if is_json and first.strip() == "{":
        raise lines.error(
            lines.number + 1, "is a JSON document of several lines: write one object a line, as `jq -c .` does"
        )
    return is_json
