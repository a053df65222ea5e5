"""The events that the API sends by itself (contract section 6), as values, each with its moment.

Pure. Calls make them; `courier.py` sends them over HTTP; tests in virtual time read `CallServer.events.entries`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

Reason = Literal["incoming", "finished", "ended"]
REASONS: tuple[Reason, ...] = get_args(Reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event. Only its body is sent: the rest is the truth about it, which a receiver cannot see.

    Attributes:
        number: counted from 1 in the order in which the events arose.
        moment: when it arose, in seconds since the epoch on the server's clock.
        reason: an incoming call rings, an asynchronous list has finished, or a call has ended.
        call_id: the call it is about.
        list_number: the list that has finished, as the transcript numbers it; None for the other reasons.
        body: the call in the usual envelope, with `results` when a list has finished.
    """

    number: int
    moment: float
    reason: Reason
    call_id: str
    list_number: int | None
    body: dict[str, Any]

    def document(self) -> dict[str, Any]:
        """The event as JSON-ready data, its fields named as in the transcript."""
        return {
            "number": self.number,
            "at": self.moment,
            "reason": self.reason,
            "call": self.call_id,
            "list": self.list_number,
            "body": self.body,
        }


Listener = Callable[[Event], None]


class Events:
    """Every event since the start, whether or not anybody is told.

    A listener is called at the moment of the event and must not call the server back.
    """

    def __init__(self) -> None:
        self.entries: list[Event] = []
        self.listeners: list[Listener] = []
        self._numbered = 0

    def add(
        self, reason: Reason, moment: float, *, call_id: str, body: dict[str, Any], list_number: int | None = None
    ) -> None:
        """Let an event arise and tell the listeners."""
        self._numbered += 1
        event = Event(
            number=self._numbered, moment=moment, reason=reason, call_id=call_id, list_number=list_number, body=body
        )
        self.entries.append(event)
        for listener in tuple(self.listeners):
            listener(event)

    def of(self, call_id: str) -> list[Event]:
        """The events of one call, in the order in which they arose."""
        return [event for event in self.entries if event.call_id == call_id]

    def clear(self) -> None:
        """Forget the events; `number` goes on counting."""
        self.entries.clear()
