"""JSON lines → rows: an object a line, with typed values."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn

from orchestrator.core.contact import Contact, Rejected
from orchestrator.core.script import Value
from orchestrator.errors import UsageError
from orchestrator.scriptfile.contacts.lines import LONGEST_ROW, Lines
from orchestrator.scriptfile.contacts.rows import BadRowError, RowReader, check_text, is_variable, role_of
from orchestrator.scriptfile.words import quote


def read_rows(lines: Lines, reader: RowReader) -> Iterator[Contact | Rejected]:
    """Return the rows one at a time. Raises ContactsError for a line that is not UTF-8."""
    for line in lines:
        text = line.strip()
        if not text:
            continue
        columns: dict[str, str] | None = None
        try:
            row = _object(text)
            columns = {name: _written(value) for name, value in row.items()}
            yield _contact(lines.number, row, columns, reader)
        except BadRowError as error:
            yield Rejected(line=lines.number, reason=str(error), text=text, columns=columns)


def text_of(rows: Iterable[Mapping[str, Value]]) -> str:
    """Return rows as the text of a contacts file; without any, of one that has none.

    Raises:
        UsageError: A row is no mapping, or holds what is neither text, a number, a truth value nor None.
    """
    lines = []
    for number, row in enumerate(rows, start=1):
        try:
            lines.append(json.dumps(dict(row)) + "\n")
        except (TypeError, ValueError) as error:
            raise UsageError(f"contact {number} cannot be used: {error}") from None
    return "".join(lines) or "to\n"


def _contact(line: int, row: dict[str, Any], columns: dict[str, str], reader: RowReader) -> Contact:
    check_text((name, name) for name in columns)
    check_text(columns.items())
    roles: dict[str, tuple[str, object]] = {}
    variables: dict[str, Value] = {}
    for name, value in row.items():
        role = role_of(name)
        if role in roles:
            raise BadRowError(f"both {quote(roles[role][0])} and {quote(name)} stand for `{role}`; keep one of them")
        if isinstance(value, list | dict):
            raise BadRowError(f"{quote(name)} must be text, a number, true, false or null, not a list or an object")
        if value is None:
            continue
        if role is not None:
            roles[role] = (name, value)
        elif is_variable(name):
            variables[name] = value
    empty = [role for role, (_, value) in roles.items() if isinstance(value, str) and not value.strip()]
    for role in empty:
        del roles[role]
    return reader.contact(line, roles=roles, variables=variables, columns=columns)


def _object(text: str) -> dict[str, Any]:
    if len(text) > LONGEST_ROW:
        raise BadRowError(f"the line is longer than {LONGEST_ROW} characters")
    try:
        row = json.loads(text, object_pairs_hook=_without_doubles, parse_constant=_no_constant, parse_float=_finite)
    except BadRowError:
        raise
    except json.JSONDecodeError as error:
        raise BadRowError(f"the line is not JSON: {error.msg} at column {error.colno}") from None
    except (ValueError, RecursionError):  # an integer of thousands of digits; thousands of brackets
        raise BadRowError("the line is not JSON that can be read: it is nested too deep or a number too long") from None
    if not isinstance(row, dict):
        raise BadRowError('the line must be a JSON object such as {"to": "+15555550123"}')
    return row


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise BadRowError(f"the key {quote(double)} stands twice in the object")
    return row


def _no_constant(name: str) -> NoReturn:
    raise BadRowError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise BadRowError("a number is too large")
    return number


def _written(value: object) -> str:
    """Return a value as a cell of a table would have it."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)
