"""Results: one row per contact, as CSV or JSON lines, without secrets.

Columns are `to` … `reason` (rules, section 7), then the contacts' own columns, then the saved variables, each in the
order of first appearance. CSV needs all names before its first row, so rows are spooled to disk, never held.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TextIO

from orchestrator.adapters.results.files import folder_of, replacing, spool
from orchestrator.core.cells import csv_line, harmless, text_of
from orchestrator.core.contact import is_number_column
from orchestrator.core.document import SECRET
from orchestrator.core.ledger import ResultRow
from orchestrator.core.masking import mask_cards
from orchestrator.core.script import Value

Format = Literal["auto", "csv", "jsonl"]

FIXED = ("to", "disposition", "result", "attempts", "run_id", "call_id", "started_at", "ended_at", "reason")

Shown = dict[str, Value | None]
"""A row as it is written: by column, masked."""


def write_results(
    target: str | os.PathLike[str] | TextIO,
    rows: Iterable[ResultRow],
    *,
    format: Format = "auto",  # noqa: A002 - the word of the flag
    secret: Collection[str] = (),
) -> int:
    """Write a results file in place of the one that is there; return the number of rows.

    Args:
        target: A path, written whole or not at all; or a text stream.
        rows: One per contact, read once.
        format: `auto` goes by the name: `.jsonl` and `.ndjson` are JSON lines, the rest CSV.
        secret: Names of sensitive variables; their values are masked wherever they stand.

    Raises:
        ConfigurationError: When the file cannot be written. The old one is then still there.
    """
    if not isinstance(target, str | os.PathLike):
        return _write(target, rows, is_json=format == "jsonl", secret=secret, folder=None)
    with replacing(target) as stream:
        is_json = is_json_lines(target, format)
        return _write(stream, rows, is_json=is_json, secret=secret, folder=folder_of(target))


def is_json_lines(path: str | os.PathLike[str], format: Format) -> bool:  # noqa: A002 - the word of the flag
    """Return whether a results file is to be JSON lines."""
    return format == "jsonl" or (format == "auto" and Path(path).suffix.lower() in {".jsonl", ".ndjson"})


@dataclass(slots=True)
class Columns:
    """The columns of a results file beyond the fixed ones, in order. A dict stands for an ordered set.

    A name that is taken gets a prefix: an own column `contact_`, a saved variable `saved_`. The number as it was
    written is an own column too, so that the file can be joined with the contacts file and be one itself. Names are
    made harmless as cells are.
    """

    own: dict[str, str] = field(default_factory=dict)
    saved: dict[str, str] = field(default_factory=dict)

    def add(self, row: ResultRow) -> None:
        """Take in the names of a row."""
        for name in row.columns:
            if name not in self.own:
                self.own[name] = self._free(name, "contact_", clashes=is_number_column(name))
        for name in row.saved:
            if name not in self.saved:
                self.saved[name] = self._free(name, "saved_", clashes=False)

    def names(self) -> list[str]:
        """Return every column of the file."""
        return [*FIXED, *self.own.values(), *self.saved.values()]

    def _free(self, name: str, prefix: str, *, clashes: bool) -> str:
        taken = {*FIXED, *self.own.values(), *self.saved.values()}
        free = harmless(prefix + name if clashes else name)
        while free in taken:
            free = prefix + free
        return free


def shown(row: ResultRow, columns: Columns, secret: Collection[str]) -> Shown:
    """Return a row by column, masked: secret variables entirely, what looks like a card number but for its end.

    Ids, times and the number are written as they are: their digits are no card's.
    """
    fixed: Shown = {name: getattr(row, name) for name in FIXED}
    for name in ("result", "reason"):
        fixed[name] = _masked(fixed[name])
    own = {columns.own[name]: _hidden(name, value, secret) for name, value in row.columns.items()}
    saved = {columns.saved[name]: _hidden(name, value, secret) for name, value in row.saved.items()}
    return {**fixed, **own, **saved}


def csv_cells(row: Mapping[str, Value | None], names: Iterable[str]) -> Iterator[str]:
    """Return the cells of a row under the given columns, made harmless."""
    return (harmless(text_of(row.get(name))) for name in names)


def write_rows(stream: TextIO, rows: Iterable[ResultRow], columns: Columns, *, secret: Collection[str]) -> int:
    """Write rows as JSON lines, collecting their columns; return how many they are."""
    count = 0
    for row in rows:
        columns.add(row)
        stream.write(json.dumps(shown(row, columns, secret), ensure_ascii=False) + "\n")
        count += 1
    return count


def _write(
    stream: TextIO, rows: Iterable[ResultRow], *, is_json: bool, secret: Collection[str], folder: Path | None
) -> int:
    columns = Columns()
    if is_json:
        return write_rows(stream, rows, columns, secret=secret)
    with spool(folder) as spooled:
        count = write_rows(spooled, rows, columns, secret=secret)
        names = columns.names()
        stream.write(csv_line(names))
        spooled.seek(0)
        stream.writelines(csv_line(csv_cells(json.loads(line), names)) for line in spooled)
    return count


def _hidden(name: str, value: Value, secret: Collection[str]) -> Value | None:
    if name in secret:
        return SECRET if value != "" else value
    return value if is_number_column(name) else _masked(value)


def _masked(value: Value | None) -> Value | None:
    """Return a value without the digits of a card; a number that holds them, or that JSON lacks, becomes text."""
    if value is None or isinstance(value, bool):
        return value
    text = str(value)
    masked = mask_cards(text)
    is_text = masked != text or (isinstance(value, float) and not math.isfinite(value))
    return masked if is_text else value
