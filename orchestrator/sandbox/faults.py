"""Faults on demand: which request is hit, at which place, and what its client gets to see.

Pure: it decides; `api.py` and `effects.py` carry out. Read from the faults file and by the control endpoint; the fields
are described in docs/reference/sandbox.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from itertools import count
from typing import Any, Literal, get_args

from orchestrator.sandbox.callees import BadSettingError, read_amount, read_choice, read_count, read_mapping

Place = Literal["before", "received", "running", "after"]
Kind = Literal["close", "reset", "hang", "status", "half", "garbage", "slow", "late", "double"]
Part = Literal["headers", "length", "body"]
Shape = Literal["not_http", "not_json", "empty", "wrong"]
Then = Literal["close", "reset", "hang", "status"]
Which = Literal["first", "last"]

_MATCHERS = ("method", "path", "command", "call", "nth", "times")
_STATUS_OPTIONS = ("status", "headers", "body")
_OPTIONS: dict[str, tuple[str, ...]] = {
    "status": _STATUS_OPTIONS,
    "half": ("part",),
    "garbage": ("shape",),
    "slow": ("interval",),
    "late": ("delay", "then", *_STATUS_OPTIONS),
    "double": ("reply",),
}
_UNPLACED = ("late", "double")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a request when it comes in: enough to choose its fault."""

    method: str
    path: str
    commands: Sequence[str] = ()
    call_id: str | None = None
    number: str | None = None


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault. Times are real seconds, except `at`, which is seconds of the call into the list.

    Attributes:
        method: only requests with this method; None for any.
        path: only requests whose path fits this pattern (`/calls`, `/calls/*`, `/sms`).
        command: only requests whose list has this command.
        call: only requests for the call with this id, or with this number at its other end.
        nth: the first matching request that is hit, counted from 1.
        times: how many are hit from there on; None for all.
        place: before the API receives the request; when it is received and not run; while it runs; after it ran.
        seen: how many requests matched so far.
        hit: how many of them were hit.
    """

    number: int
    kind: Kind
    place: Place | None = None
    method: str | None = None
    path: str | None = None
    command: str | None = None
    call: str | None = None
    nth: int = 1
    times: int | None = 1
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
    seen: int = 0
    hit: int = 0

    def fits(self, facts: Facts) -> bool:
        """Whether the request is one of those meant."""
        return (
            self.method in {None, facts.method}
            and (self.path is None or fnmatchcase(facts.path, self.path))
            and (self.command is None or self.command in facts.commands)
            and (self.call is None or self.call in {facts.call_id, facts.number})
        )

    @property
    def spent(self) -> bool:
        """Whether it will hit nothing any more."""
        return self.times is not None and self.hit >= self.times

    def document(self) -> dict[str, Any]:
        """The fault as JSON-ready data, with what is left of it."""
        document = asdict(self)
        document["remaining"] = None if self.times is None else self.times - self.hit
        return document


class Faults:
    """The faults in force, in the order they were added."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._numbers = count(1)

    @property
    def armed(self) -> bool:
        """Whether any fault can still hit."""
        return bool(self._faults) and not all(fault.spent for fault in self._faults)

    def pick(self, facts: Facts) -> Fault | None:
        """The fault that hits this request: the first one that is due; every fault that fits counts it."""
        chosen: Fault | None = None
        for fault in self._faults:
            if not fault.fits(facts):
                continue
            fault.seen += 1
            if chosen is None and fault.seen >= fault.nth and not fault.spent:
                fault.hit += 1
                chosen = fault
        return chosen

    def add(self, value: object, where: str = "fault") -> list[Fault]:
        """Add one fault, or a list of them; all or none.

        Raises:
            BadSettingError: with `where` in its message.
        """
        values = value if isinstance(value, list) else [value]
        places = [f"{where}[{index}]" for index in range(len(values))] if isinstance(value, list) else [where]
        faults = [_read_fault(one, place, next(self._numbers)) for one, place in zip(values, places, strict=True)]
        self._faults += faults
        return faults

    def clear(self) -> None:
        """Forget all faults."""
        self._faults.clear()

    def document(self) -> list[dict[str, Any]]:
        """All faults as JSON-ready data."""
        return [fault.document() for fault in self._faults]


def _read_fault(value: object, where: str, number: int) -> Fault:
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


def _choice(choices: Sequence[str]) -> Any:
    return lambda value, where: read_choice(value, choices, where)


def _read_text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise BadSettingError(f"{where}: {value!r} is not a text")
    return value


def _read_times(value: object, where: str) -> int | None:
    return None if value is None or value == "always" else read_count(value, where)


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
    "kind": _choice(get_args(Kind)),
    "place": _choice(get_args(Place)),
    "method": _choice(("GET", "POST", "PUT", "DELETE")),
    "path": _read_text,
    "command": _read_text,
    "call": _read_text,
    "nth": read_count,
    "times": _read_times,
    "at": read_amount,
    "status": _read_status,
    "headers": _read_headers,
    "body": lambda value, _: value,
    "part": _choice(get_args(Part)),
    "shape": _choice(get_args(Shape)),
    "interval": read_amount,
    "delay": read_amount,
    "then": _choice(get_args(Then)),
    "reply": _choice(get_args(Which)),
}
