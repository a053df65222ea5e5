"""Cells of a CSV file that people open in a spreadsheet: as text, harmless, quoted. Pure.

`adapters.results` writes results and rejected rows with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from orchestrator.core.script import Value

_FORMULA = re.compile(r"[\s\u200b\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?", re.ASCII)
_NEEDS_QUOTES = re.compile(r'[,;"\r\n\t]|^\s|\s$')


def text_of(value: Value | None) -> str:
    """Return a value as a cell shows it: nothing for None, `true` and `false` for truth values."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def harmless(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula: with an apostrophe before it where one might.

    Plain numbers stay as they are, E.164 phone numbers among them: they compute nothing.
    """
    return f"'{cell}" if _FORMULA.match(cell) and not _PLAIN_NUMBER.fullmatch(cell) else cell


def csv_line(cells: Iterable[str]) -> str:
    """Return one row of a CSV file (RFC 4180, but for its end, a single line feed)."""
    return ",".join(_quoted(cell) for cell in cells) + "\n"


def _quoted(cell: str) -> str:
    if not _NEEDS_QUOTES.search(cell):
        return cell
    return '"' + cell.replace('"', '""') + '"'
