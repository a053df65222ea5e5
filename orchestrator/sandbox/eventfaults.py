"""Faults of events on demand: which event is hit, and what becomes of it on its way to the receiver.

Pure: it decides; `courier.py` carries out. Read by `faults.py`, from the faults file and by the control endpoint; the
fields are described in docs/reference/sandbox.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal, get_args

from orchestrator.sandbox.aiming import Aimed, choice, read_text, read_times
from orchestrator.sandbox.callees import BadSettingError, read_amount, read_count, read_mapping
from orchestrator.sandbox.events import REASONS, Event, Reason

Kind = Literal["lose", "delay", "double", "both", "reorder", "tamper", "missign"]

_MATCHERS = ("reason", "call", "nth", "times", "every")
_OPTIONS: dict[str, tuple[str, ...]] = {"delay": ("delay",), "double": ("copies",), "tamper": ("status", "results")}


@dataclass(slots=True, kw_only=True)
class EventFault(Aimed):
    """One fault of events.

    Attributes:
        reason: only events that arose for this reason; None for any.
        delay: real seconds by which a delayed event is late.
        copies: how often a doubled event is sent.
        status: what a tampered event says of the call's status; None leaves the truth.
        results: what a tampered event says of the results; None leaves the truth.
    """

    kind: Kind
    on: Literal["event"] = "event"
    reason: Reason | None = None
    delay: float = 1.0
    copies: int = 2
    status: str | None = None
    results: list[Any] | None = None

    def fits(self, event: Event, number: str | None) -> bool:
        """Whether the event is one of those meant; `number` is at the other end of its call."""
        return self.reason in {None, event.reason} and self.call in {None, event.call_id, number}

    def tampered(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The event's body, made untrue."""
        response = deepcopy(body["response"])
        if self.status is not None:
            response["call"]["status"] = self.status
        if self.results is not None:
            response["results"] = self.results
        return {"response": response}


def read_event_fault(value: Mapping[str, object], where: str, number: int) -> EventFault:
    """One fault of events, from a file or a control request.

    Raises:
        BadSettingError: with `where` in its message.
    """
    kind = _READERS["kind"](value.get("kind"), f"{where}.kind")
    given = read_mapping(value, where, known=("on", "kind", *_MATCHERS, *_OPTIONS.get(kind, ())))
    if kind == "tamper" and not {"status", "results"} & given.keys():
        raise BadSettingError(f"{where}: tamper needs a status, results or both")
    return EventFault(number=number, **{key: _READERS[key](one, f"{where}.{key}") for key, one in given.items()})


def _read_copies(value: object, where: str) -> int:
    copies = read_count(value, where)
    if copies < 2:
        raise BadSettingError(f"{where}: {copies} is no more than is sent anyway")
    return copies


def _read_results(value: object, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise BadSettingError(f"{where}: expected a list, found {value!r}")
    return value


_READERS: dict[str, Callable[[object, str], Any]] = {
    "on": choice(("event",)),
    "kind": choice(get_args(Kind)),
    "reason": choice(REASONS),
    "call": read_text,
    "nth": read_count,
    "times": read_times,
    "every": read_count,
    "delay": read_amount,
    "copies": _read_copies,
    "status": read_text,
    "results": _read_results,
}
