"""Faults on demand: which request is hit, at which place, and what its client gets to see.

Pure: it decides; `api.py` and `effects.py` carry out. Read from the faults file and by the control endpoint; the fields
are described in docs/reference/sandbox.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import count
from typing import Any, Literal, get_args

from orchestrator.sandbox.aiming import Aimed, choice, first_due, read_text, read_times
from orchestrator.sandbox.callees import BadSettingError, read_amount, read_choice, read_count, read_mapping
from orchestrator.sandbox.eventfaults import EventFault, read_event_fault
from orchestrator.sandbox.events import Event

Place = Literal["before", "received", "running", "after"]
Kind = Literal["close", "reset", "hang", "status", "half", "garbage", "slow", "late", "double", "event_first"]
Part = Literal["headers", "length", "body"]
Shape = Literal["not_http", "not_json", "empty", "wrong"]
Then = Literal["close", "reset", "hang", "status"]
Which = Literal["first", "last"]

_MATCHERS = ("method", "path", "command", "call", "nth", "times", "every")
_STATUS_OPTIONS = ("status", "headers", "body")
_OPTIONS: dict[str, tuple[str, ...]] = {
    "status": _STATUS_OPTIONS,
    "half": ("part",),
    "garbage": ("shape",),
    "slow": ("interval",),
    "late": ("delay", "then", *_STATUS_OPTIONS),
    "double": ("reply",),
}
_UNPLACED = ("late", "double", "event_first")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a request when it comes in: enough to choose its fault."""

    method: str
    path: str
    commands: Sequence[str] = ()
    call_id: str | None = None
    number: str | None = None


@dataclass(slots=True, kw_only=True)
class Fault(Aimed):
    """One fault. Times are real seconds, except `at`, which is seconds of the call into the list.

    Attributes:
        method: only requests with this method; None for any.
        path: only requests whose path fits this pattern (`/calls`, `/calls/*`, `/sms`).
        command: only requests whose list has this command.
        place: before the API receives the request; when it is received and not run; while it runs; after it ran.
    """

    kind: Kind
    place: Place | None = None
    method: str | None = None
    path: str | None = None
    command: str | None = None
    at: float = 0.0
    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    part: Part = "length"
    shape: Shape = "wrong"
    interval: float = 0.01
    delay: float = 1.0
    then: Then = "close"
    reply: Which = "last"

    def fits(self, facts: Facts) -> bool:
        """Whether the request is one of those meant."""
        return (
            self.method in {None, facts.method}
            and (self.path is None or fnmatchcase(facts.path, self.path))
            and (self.command is None or self.command in facts.commands)
            and (self.call is None or self.call in {facts.call_id, facts.number})
        )


class Faults:
    """The faults in force, in the order they were added: those of requests and, with `on: event`, those of events."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._event_faults: list[EventFault] = []
        self._numbers = count(1)

    @property
    def armed(self) -> bool:
        """Whether any fault can still hit a request."""
        return bool(self._faults) and not all(fault.spent for fault in self._faults)

    def pick(self, facts: Facts) -> Fault | None:
        """The fault that hits this request: the first one that is due; every fault that fits counts it."""
        return first_due(self._faults, lambda fault: fault.fits(facts))

    def pick_event(self, event: Event, number: str | None) -> EventFault | None:
        """The fault that hits this event of the call with `number` at its other end."""
        return first_due(self._event_faults, lambda fault: fault.fits(event, number))

    def add(self, value: object, where: str = "fault") -> list[Fault | EventFault]:
        """Add one fault, or a list of them; all or none.

        Raises:
            BadSettingError: with `where` in its message.
        """
        values = value if isinstance(value, list) else [value]
        places = [f"{where}[{index}]" for index in range(len(values))] if isinstance(value, list) else [where]
        faults = [_read_fault(one, place, next(self._numbers)) for one, place in zip(values, places, strict=True)]
        self._faults += [fault for fault in faults if isinstance(fault, Fault)]
        self._event_faults += [fault for fault in faults if isinstance(fault, EventFault)]
        return faults

    def clear(self) -> None:
        """Forget all faults."""
        self._faults.clear()
        self._event_faults.clear()

    def document(self) -> list[dict[str, Any]]:
        """All faults as JSON-ready data, in the order they were added."""
        faults = sorted((*self._faults, *self._event_faults), key=lambda fault: fault.number)
        return [fault.document() for fault in faults]


def _read_fault(value: object, where: str, number: int) -> Fault | EventFault:
    if isinstance(value, dict) and "on" in value:
        return read_event_fault(value, where, number)
    kind = value.get("kind") if isinstance(value, dict) else None
    if isinstance(value, dict):
        read_choice(kind, get_args(Kind), f"{where}.kind")
    place = value.get("place") if isinstance(value, dict) else None
    placed = () if kind in _UNPLACED else ("place",)
    timed = ("at",) if place == "running" else ()
    known = ("kind", *placed, *timed, *_MATCHERS, *_OPTIONS.get(str(kind), ()))
    given = read_mapping(value, where, known=known)
    if "kind" not in given:
        raise BadSettingError(f"{where}: kind is missing")
    if placed:
        read_choice(place, get_args(Place), f"{where}.place")
    return Fault(number=number, **{key: _READERS[key](one, f"{where}.{key}") for key, one in given.items()})


def _read_status(value: object, where: str) -> int:
    status = read_count(value, where)
    if not 200 <= status <= 599:
        raise BadSettingError(f"{where}: {status} is not an HTTP status between 200 and 599")
    return status


def _read_headers(value: object, where: str) -> dict[str, str]:
    if not isinstance(value, dict):
        raise BadSettingError(f"{where}: expected a mapping of header names to values, found {value!r}")
    return {str(name): str(one) for name, one in value.items()}


_READERS: dict[str, Any] = {
    "kind": choice(get_args(Kind)),
    "place": choice(get_args(Place)),
    "method": choice(("GET", "POST", "PUT", "DELETE")),
    "path": read_text,
    "command": read_text,
    "call": read_text,
    "nth": read_count,
    "times": read_times,
    "every": read_count,
    "at": read_amount,
    "status": _read_status,
    "headers": _read_headers,
    "body": lambda value, _: value,
    "part": choice(get_args(Part)),
    "shape": choice(get_args(Shape)),
    "interval": read_amount,
    "delay": read_amount,
    "then": choice(get_args(Then)),
    "reply": choice(get_args(Which)),
}
