"""Where announced calls wait for processes that take them, as `orchestrator.incoming` does, in virtual time.

An event that a call rings proves nothing: the call is looked at, and a run is begun on it if it still rings. An event
is acknowledged once the run is in the journal; until then it comes again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.compose import ringing
from orchestrator.core.exchange import CallSeen
from orchestrator.core.records import EventReceived
from orchestrator.errors import CallTakenError, UnreachableError
from orchestrator.ports import Transport
from orchestrator.runtime.control import Control
from orchestrator.runtime.shared import RunResult
from tests.fakes.transport import Sent
from tests.fakes.virtual_time import VirtualTime

_COMES_AGAIN_S = 2.0
_MOST_TRIES = 4


@dataclass(frozen=True, slots=True)
class Taker:
    """A process that takes calls: how it begins a run on one, and what it looks with."""

    answer: Callable[[CallSeen, Callable[[str], None]], RunResult]
    transport: Transport
    control: Control
    process: str


class Doorbell:
    """The events that announce calls, for a first process and perhaps a second one.

    Attributes:
        waiting: What the first has not acknowledged yet.
        last_s: When the last event comes.
        looking: The processes that look whether a call rings, with their looks.
        seen: What each of these looks was taken for: whether the call rings.
    """

    def __init__(self, time: VirtualTime) -> None:
        self.waiting: list[EventReceived] = []
        self.last_s = 1.0
        self.looking: dict[str, Sent | None] = {}
        self._second: list[EventReceived] = []
        self._time = time

    def ring(self, event: EventReceived, *, apart_s: float | None) -> None:
        """Announce a call."""
        self.waiting.append(event)
        if apart_s is not None:
            self.last_s = max(self.last_s, self._time.seconds + apart_s)
            self._time.at(self._time.seconds + apart_s, lambda: self._second.append(event))

    def take(self, taker: Taker, *, second: bool = False) -> RunResult | None:
        """Take a call as soon as one is announced and rings, and drive its run; None: there is none to take."""
        events, tries = self._second if second else self.waiting, 0
        while True:
            self._time.block(lambda: bool(events) or taker.control.told.is_set(), until_s=self.last_s + 0.1)
            if taker.control.told.is_set() or not events:
                return None
            try:
                call = self._look(taker, events[0].call.call_id)
                if call is not None:
                    return taker.answer(call, lambda _run_id: events.clear())
            except UnreachableError:
                tries += 1
                if tries < _MOST_TRIES:
                    self._time.sleep(_COMES_AGAIN_S)
                    continue
            except CallTakenError:
                pass  # the other process has it
            tries = 0
            del events[0]

    def _look(self, taker: Taker, call_id: str) -> CallSeen | None:
        """Look whether a call rings, and write down what that was taken for."""
        self.looking[taker.process] = None
        try:
            call = ringing.ringing(taker.transport, call_id)
        finally:
            sent = self.looking.pop(taker.process)
        if sent is not None:
            sent.note = call is not None
        return call


def shows_ringing(look: Sent) -> bool:
    """Say whether the reply to a look shows a call that rings."""
    try:
        shown = json.loads(look.answer.body)["response"]["call"]["status"] if look.answer is not None else None
    except (ValueError, KeyError, TypeError):
        return False
    return shown == "ringing" and not look.broken
