"""The reject file: rows of a contacts file that could not be used, each with its line and why.

Columns are `line`, `reason`, those of the contacts file, and `row`: the row as written, where it could not be split
into columns, and with JSON lines. Corrected, the file is a contacts file again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from orchestrator.adapters.results.files import replacing
from orchestrator.core.cells import csv_line, harmless
from orchestrator.core.contact import Rejected, is_number_column
from orchestrator.core.document import SECRET
from orchestrator.core.masking import mask_cards


class RejectsWriter:
    """Writes rejected rows as they are found; `count` is how many so far."""

    def __init__(self, stream: TextIO, *, columns: Sequence[str], secret: Collection[str]) -> None:
        self.count = 0
        self._stream = stream
        self._columns = tuple(columns)
        # of CSV only a column can hold a secret; a row of JSON lines may have any name
        self._secret = frozenset(secret).intersection(self._columns) if self._columns else frozenset(secret)
        names = ("line", "reason", *map(_free, self._columns), "row")
        stream.write(csv_line(map(harmless, names)))

    def add(self, row: Rejected) -> None:
        """Write one row. Secret values are masked, and a row that may hold them unseen; so are card numbers."""
        by_column = row.columns is not None and set(row.columns) == set(self._columns)
        cells = [self._value(name, row) for name in self._columns] if by_column else [""] * len(self._columns)
        written = "" if by_column else self._row(row)
        shown = (str(row.line), mask_cards(row.reason), *cells, mask_cards(written))
        self._stream.write(csv_line(map(harmless, shown)))
        self.count += 1

    def _value(self, name: str, row: Rejected) -> str:
        value = (row.columns or {}).get(name, "")
        if name in self._secret:
            return SECRET if value else value
        return value if is_number_column(name) else mask_cards(value)

    def _row(self, row: Rejected) -> str:
        if not self._secret:
            return row.text
        if row.columns is None:
            return SECRET
        return json.dumps({name: self._value(name, row) for name in row.columns}, ensure_ascii=False)


@contextmanager
def write_rejects(
    path: str | os.PathLike[str], *, columns: Sequence[str] = (), secret: Collection[str] = ()
) -> Iterator[RejectsWriter]:
    """Open a reject file; it takes its place, whole, when the block ends well. Without rows it holds its header only.

    Args:
        path: The file. It may hold numbers: a new one is readable by its owner only.
        columns: The columns of the contacts file (`ContactRows.columns`).
        secret: Names of sensitive variables, to be masked.

    Raises:
        ConfigurationError: When the file cannot be written.
    """
    with replacing(path) as stream:
        yield RejectsWriter(stream, columns=columns, secret=secret)


def _free(name: str) -> str:
    return f"contact_{name}" if name in {"line", "reason", "row"} else name
