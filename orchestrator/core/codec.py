"""Writes the journal's records as text and reads them back. Pure; the journal adapters call it.

One record is one JSON object: `t` names its type, `v` the format version, then its fields by their names. An Instant is
`[wall, boot_s, boot_id]`, an enum its value, a tuple a list. A field that equals its default is left out, so **changing
a default is a change of the format**; settings are written in full, since a release may change their defaults and a
run must keep those it began with. Fields marked `memory_only` are never written (rules, section 4.10).

Reading is strict: a journal that is damaged or not ours must never be misread, so an unknown type, a newer version and
a missing, unknown or ill-typed field are all refused. Messages name places and types, never values, which may be
secret.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Any, NoReturn

from orchestrator.core.instant import Instant
from orchestrator.core.records import FORMAT_VERSION, Record
from orchestrator.core.settings import Settings
from orchestrator.errors import JournalError

_RECORD_TYPES: Mapping[str, type] = {kind.__name__: kind for kind in typing.get_args(Record)}
_WRITTEN_IN_FULL = frozenset({Settings})
_NEVER = object()  # equals nothing that a field can hold

_to_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False).encode

_Writer = Callable[[Any], Any]
_Reader = Callable[[Any], Any]


def encode(record: Record) -> str:
    """Return a record as one line of compact JSON, ASCII only.

    Raises:
        JournalError: The record holds a number that is not finite, or something that no record may hold.
    """
    kind: type = type(record)
    body: dict[str, Any] = {"t": kind.__name__, "v": FORMAT_VERSION}
    try:
        _fields_to(body, record, _layout(kind))
        return _to_json(body)
    except (ValueError, TypeError) as error:
        raise JournalError(f"A record of type {kind.__name__} cannot be written to the journal: {error}.") from error


def decode(text: str) -> Record:
    """Return the record that `encode` wrote.

    Raises:
        JournalError: Not JSON, an unknown type, a newer version, or a field that is missing, unknown or ill-typed.
    """
    body = _parse(text)
    kind = _type_of(body)
    _check_version(body, kind.__name__)
    del body["t"], body["v"]
    try:
        return typing.cast("Record", _object_from(body, kind))
    except _UnreadableError as error:
        place = ".".join([kind.__name__, *error.path])
        raise JournalError(f"A record of the journal is damaged or not ours: {place} {error.complaint}.") from None


# --- the envelope -----------------------------------------------------------------------------------------------------


def _parse(text: str) -> dict[str, Any]:
    try:
        body = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise JournalError("A record of the journal is damaged: it is not JSON.") from error
    if type(body) is not dict:
        raise JournalError("A record of the journal is damaged: it is JSON, but not an object.")
    return body


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _type_of(body: Mapping[str, Any]) -> type:
    name = body.get("t")
    kind = _RECORD_TYPES.get(name) if isinstance(name, str) else None
    if kind is None:
        raise JournalError(
            f"A record of the journal has the unknown type {name!r}: it was damaged, or written by another program."
        )
    return kind


def _check_version(body: Mapping[str, Any], name: str) -> None:
    version = body.get("v")
    if type(version) is not int or version < 1:
        raise JournalError(f"A record of the journal is damaged: a {name} without a format version.")
    if version > FORMAT_VERSION:
        raise JournalError(
            f"A record of the journal was written by a newer release: {name} has format {version}, this release reads "
            f"up to {FORMAT_VERSION}. Use the newer release."
        )


# --- writing ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Layout:
    """What is written of one class: its fields, where to get them, when to leave them out and how to write them."""

    values_of: Callable[[Any], tuple[Any, ...]]
    fields: tuple[tuple[str, Any, _Writer | None], ...]  # name, default, writer; no writer: JSON has the type itself


@cache
def _layout(kind: type) -> _Layout:
    hints = typing.get_type_hints(kind)
    fields = tuple(
        (field.name, _NEVER if kind in _WRITTEN_IN_FULL else _default(field), _writer(hints[field.name]))
        for field in _written_fields(kind)
    )
    names = [name for name, _, _ in fields]
    getter = attrgetter(*names)
    return _Layout(getter if len(names) > 1 else lambda value: (getter(value),), fields)


def _fields_to(body: dict[str, Any], value: Any, layout: _Layout) -> dict[str, Any]:
    for (name, default, writer), item in zip(layout.fields, layout.values_of(value), strict=True):
        if item is default or item == default:
            continue
        body[name] = item if writer is None or item is None else writer(item)
    return body


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return _NEVER if field.default is dataclasses.MISSING else field.default


def _writer(hint: Any) -> _Writer | None:
    """Return what turns a value of that type into something JSON has; None where it is that already."""
    if hint is Instant:
        return _write_instant
    if dataclasses.is_dataclass(hint):
        return lambda value: _fields_to({}, value, _layout(typing.cast("type", hint)))
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Mapping:
        return dict
    if origin is tuple:
        item = _writer(arguments[0])
        return None if item is None else lambda values: [item(value) for value in values]
    if origin in (types.UnionType, typing.Union):
        return next((writer for writer in map(_writer, arguments) if writer is not None), None)
    return None


def _write_instant(instant: Instant) -> list[float | str]:
    return [instant.wall, instant.boot_s, instant.boot_id]


# --- reading ----------------------------------------------------------------------------------------------------------


class _UnreadableError(Exception):
    """A value is not what its field may hold; `path` leads to it from the record."""

    def __init__(self, complaint: str) -> None:
        super().__init__(complaint)
        self.complaint = complaint
        self.path: list[str] = []


@dataclass(frozen=True, slots=True)
class _Plan:
    """How one class is read: a reader for each field, and the fields that must be there."""

    readers: Mapping[str, _Reader]
    required: frozenset[str]


@cache
def _plan(kind: type) -> _Plan:
    hints = typing.get_type_hints(kind)
    fields = _written_fields(kind)
    return _Plan(
        {field.name: _reader(hints[field.name]) for field in fields},
        frozenset(field.name for field in fields if _default(field) is _NEVER),
    )


def _object_from(body: Any, kind: type) -> Any:
    if type(body) is not dict:
        raise _UnreadableError("must be an object")
    plan = _plan(kind)
    values = {}
    for name, item in body.items():
        reader = plan.readers.get(name)
        if reader is None:
            raise _UnreadableError(f"has the unknown field {name!r}")
        try:
            values[name] = reader(item)
        except _UnreadableError as error:
            error.path.insert(0, name)
            raise
    missing = plan.required - values.keys()
    if missing:
        raise _UnreadableError(f"lacks {', '.join(sorted(missing))}")
    return kind(**values)


def _reader(hint: Any) -> _Reader:
    if hint is Instant:
        return _read_instant
    if dataclasses.is_dataclass(hint):
        return lambda value: _object_from(value, typing.cast("type", hint))
    if typing.get_origin(hint) is not None:
        return _container_reader(typing.get_origin(hint), typing.get_args(hint))
    return _enum_reader(hint) if issubclass(hint, Enum) else _SCALARS[hint]


def _container_reader(origin: Any, arguments: tuple[Any, ...]) -> _Reader:
    if origin is Mapping:
        return _mapping_reader(_reader(arguments[1]))
    if origin is tuple:
        return _tuple_reader(_reader(arguments[0]))
    return _union_reader(arguments)


def _read_instant(value: Any) -> Instant:
    if (
        type(value) is list
        and len(value) == 3
        and type(value[0]) in (float, int)
        and type(value[1]) in (float, int)
        and type(value[2]) is str
    ):
        return Instant(*value)
    raise _UnreadableError("must be [seconds, seconds, text]")


def _mapping_reader(item: _Reader) -> _Reader:
    def read(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise _UnreadableError("must be an object")
        return {key: item(entry) for key, entry in value.items()}

    return read


def _tuple_reader(item: _Reader) -> _Reader:
    def read(value: Any) -> tuple[Any, ...]:
        if type(value) is not list:
            raise _UnreadableError("must be a list")
        return tuple([item(entry) for entry in value])

    return read


def _union_reader(arguments: tuple[Any, ...]) -> _Reader:
    """Read `X | None`, or a choice of scalars that JSON tells apart."""
    others = [argument for argument in arguments if argument is not types.NoneType]
    if len(others) == 1:
        item = _reader(others[0])
        return lambda value: None if value is None else item(value)
    allowed = frozenset(arguments)
    names = " or ".join(sorted(_WORDS[argument] for argument in allowed))

    def read(value: Any) -> Any:
        if type(value) not in allowed:
            raise _UnreadableError(f"must be {names}")
        return value

    return read


def _enum_reader(hint: type[Enum]) -> _Reader:
    members = {member.value: member for member in hint}

    def read(value: Any) -> Enum:
        member = members.get(value) if type(value) is str else None
        if member is None:
            raise _UnreadableError(f"must be one of {', '.join(members)}")
        return member

    return read


def _scalar_reader(*allowed: type) -> _Reader:
    def read(value: Any) -> Any:
        if type(value) not in allowed:
            raise _UnreadableError(f"must be {_WORDS[allowed[0]]}")
        return value

    return read


_WORDS = {str: "text", int: "an integer", float: "a number", bool: "true or false", types.NoneType: "null"}
_SCALARS: Mapping[Any, _Reader] = {
    str: _scalar_reader(str),
    int: _scalar_reader(int),
    float: _scalar_reader(float, int),
    bool: _scalar_reader(bool),
}


# --- the classes themselves -------------------------------------------------------------------------------------------


def _written_fields(kind: type) -> list[dataclasses.Field[Any]]:
    return [field for field in dataclasses.fields(kind) if not field.metadata.get("memory_only")]
