"""One `GET /calls` for all lost dials of a process: whoever needs a look takes the reply of one that began after.

A hundred lost dials would otherwise ask for the same list a hundred times an interval, against request limits that are
the account's. Each driver still judges for itself what the list means for its dial. Used by the drivers of a runner.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from orchestrator.core.exchange import Reply
from orchestrator.core.instant import Instant
from orchestrator.ports import Clock

SPACING_S = 2.0
"""From the beginning of one list to that of the next, where several dials are lost: a good half of the time between
two looks that one lost dial makes by itself in the long run."""
_PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True)
class Listed:
    """A reply to `GET /calls`, and when it was asked for."""

    began: Instant
    reply: Reply


@dataclass(slots=True)
class _Round:
    """A list that is about to be asked for, for everybody who wishes one before it begins."""

    listed: Listed | None = None
    over: threading.Event = field(default_factory=threading.Event)


class Listing:
    """Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._guard = threading.Lock()
        self._coming: _Round | None = None
        self._began: Instant | None = None
        self._asker = ""

    def ask(self, who: str, send: Callable[[], Reply], *, ready: Callable[[], None]) -> Listed:
        """Return a list that was asked for after this call began.

        Args:
            who: The run that asks: it is not held up where nobody else asks.
            send: Asks the API for the list. What it raises goes to its own caller; others ask for themselves.
            ready: Called before `send`, and may wait; whoever comes meanwhile shares the list.
        """
        while True:
            with self._guard:
                coming = self._coming
                leads = coming is None
                if coming is None:
                    coming = self._coming = _Round()
            if leads:
                return self._lead(coming, who, send, ready)
            self._clock.wait(self._clock.now().plus(_PATIENCE_S), coming.over)
            if coming.listed is not None:
                with self._guard:
                    self._asker = ""  # several ask
                return coming.listed

    def _lead(self, coming: _Round, who: str, send: Callable[[], Reply], ready: Callable[[], None]) -> Listed:
        try:
            self._wait_for_the_turn(who)
            ready()
            with self._guard:
                self._coming = None  # whoever comes from here on wishes a later one
                self._began = began = self._clock.now()
                self._asker = who
            coming.listed = Listed(began, send())
            return coming.listed
        finally:
            with self._guard:
                if self._coming is coming:
                    self._coming = None
            coming.over.set()

    def _wait_for_the_turn(self, who: str) -> None:
        with self._guard:
            began, alone = self._began, self._asker == who
        if began is not None and not alone:
            self._clock.wait(began.plus(SPACING_S), threading.Event())
