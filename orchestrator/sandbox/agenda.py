"""The order of things to come: a clock that is told the time, and what is due at which moment.

Pure: it reads no clock. `model.CallServer` moves it; calls and executions put their next moments on it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

Action = Callable[[], None]


class Appointment:
    """Something due at a moment (seconds since the epoch), until it is kept or cancelled."""

    __slots__ = ("_action", "moment", "turn")

    def __init__(self, moment: float, turn: int, action: Action) -> None:
        self.moment = moment
        self.turn = turn
        self._action: Action | None = action

    def __lt__(self, other: Appointment) -> bool:
        return (self.moment, self.turn) < (other.moment, other.turn)

    @property
    def pending(self) -> bool:
        """Whether it is still to be kept."""
        return self._action is not None

    def cancel(self) -> None:
        """Strike it out; harmless when it has been kept already."""
        self._action = None

    def keep(self) -> None:
        """Do what was due, once."""
        action, self._action = self._action, None
        if action is not None:
            action()


class Agenda:
    """Appointments in the order of their moments, then of their making."""

    def __init__(self) -> None:
        self.now = 0.0
        self._appointments: list[Appointment] = []
        self._turns = count()

    def at(self, moment: float, action: Action) -> Appointment:
        """Have `action` called when time reaches `moment` (never at once, even if the moment has come)."""
        appointment = Appointment(moment, next(self._turns), action)
        heapq.heappush(self._appointments, appointment)
        return appointment

    def next_moment(self) -> float | None:
        """The moment of the next appointment, or None when nothing is due."""
        while self._appointments and not self._appointments[0].pending:
            heapq.heappop(self._appointments)
        return self._appointments[0].moment if self._appointments else None

    def advance(self, now: float) -> None:
        """Keep every appointment up to `now`, each at its own moment; time never goes back."""
        while (moment := self.next_moment()) is not None and moment <= now:
            self.now = max(self.now, moment)
            heapq.heappop(self._appointments).keep()
        self.now = max(self.now, now)

    def clear(self) -> None:
        """Forget all appointments; the time stays."""
        self._appointments.clear()
