"""Stand-ins for what is known only in the call, so that a script can be planned before it.

Pure. `plan` asks for them; nothing with a stand-in in it is ever sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

from orchestrator.core import commands
from orchestrator.core.script import Command, End, Entry, Goto, Plain, Script, Switch, Value, Variables
from orchestrator.errors import ExpressionError

Element = TypeVar("Element", bound=Command)


def stood_in(
    script: Script, variables: Variables, *, to: str | None, from_: str | None
) -> tuple[frozenset[str], Mapping[str, Value]]:
    """Return the names whose values are not known yet, and a value for every name."""
    declared = {variable.name: variable for variable in script.variables}
    known: dict[str, Value] = {name: found.default for name, found in declared.items() if found.default is not None}
    known |= variables
    known |= {name: number for name, number in (("to", to), ("from", from_)) if number is not None}
    saved = frozenset(entry.save for entry in script.entries if entry.save is not None)
    read = frozenset[str]().union(*map(commands.names_read, script.entries))
    unknown = frozenset(name for name in read if name in saved or name not in known)
    by_type: Mapping[str, Value] = {"integer": 1, "number": 1.0, "boolean": True}
    for name in unknown:
        kind = declared[name].type if name in declared else "text"
        known[name] = by_type.get(kind, f"«{name}»")
    return unknown, known


def readable(entry: Entry, known: Variables, unknown: frozenset[str]) -> Entry:
    """Return an entry that can be rendered: as it is, or with texts as written where a stand-in makes no sense."""
    if isinstance(entry.element, Switch | Goto | End) or not commands.names_read(entry) & unknown:
        return entry
    try:
        commands.wire(entry.element, known)
    except ExpressionError:
        return replace(entry, element=_as_written(entry.element))
    return entry


def _as_written(element: Element) -> Element:
    changes: dict[str, Any] = {}
    for each in fields(element):
        value = getattr(element, each.name)
        if hasattr(value, "source"):
            changes[each.name] = Plain(value.source)
        elif isinstance(value, tuple):
            changes[each.name] = tuple(map(_as_written, value))
    return replace(element, **changes)
