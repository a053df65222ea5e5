"""The real clock that drives the model: what time it is, and an alarm for the model's next moment.

The only module of the sandbox that reads a clock. `server.py` makes it, `api.py` and `control.py` use it.
"""

from __future__ import annotations

import asyncio
from email.utils import formatdate

from orchestrator.sandbox.model import CallServer


class Pulse:
    """Tells the model the time: the event loop's clock, as seconds since the epoch, `skew` seconds off."""

    def __init__(self, model: CallServer, *, epoch: float, skew: float = 0.0) -> None:
        self._model = model
        self._loop = asyncio.get_running_loop()
        self._offset = epoch - self._loop.time() + skew
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_moment = float("inf")
        self._date = (0, b"")

    def now(self) -> float:
        """The server's clock."""
        return self._loop.time() + self._offset

    def date(self) -> bytes:
        """The server's clock as a `Date` header."""
        second = int(self.now())
        if self._date[0] != second:
            self._date = (second, formatdate(second, usegmt=True).encode())
        return self._date[1]

    def arm(self) -> None:
        """Set the alarm for the model's next moment; to be called whenever the model has been used."""
        moment = self._model.next_moment()
        if moment is None or moment >= self._alarm_moment:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_moment = moment
        self._alarm = self._loop.call_at(moment - self._offset, self._ring)

    def _ring(self) -> None:
        moment, self._alarm_moment = self._alarm_moment, float("inf")
        self._alarm = None
        self._model.advance(max(moment, self.now()))
        self.arm()
