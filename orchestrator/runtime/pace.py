"""How fast calls begin: so many at a time, so many in a second, growing at first. Used by the batch, in one thread.

It has the threads that calls are made in, and knows nothing of calls.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from orchestrator.core.campaign import Campaign
from orchestrator.core.instant import Instant
from orchestrator.ports import Clock

PULSE_S = 0.5
"""How often whoever waits here looks at what else there is to do."""


class Pace:
    """The places for calls. A context manager: leaving it waits for the calls that are live."""

    def __init__(
        self,
        campaign: Campaign,
        clock: Clock,
        *,
        must_stop: Callable[[], bool],
        room: Callable[[], Instant | None] = lambda: None,
        adrift: Callable[[], int] = lambda: 0,
    ) -> None:
        """Take the pace.

        Args:
            campaign: Says it.
            clock: Waits.
            must_stop: Asked again and again while waiting; once true, nothing is waited for but live calls.
            room: When the request limits of the account have room for one more call; None for now.
            adrift: How many calls that nobody steers may be up: they take places, too.
        """
        self._campaign = campaign
        self._clock = clock
        self._must_stop = must_stop
        self._room = room
        self._adrift = adrift
        self._began = self._next_start = clock.now()
        self._live: set[threading.Thread] = set()
        self._over: deque[threading.Thread] = deque()  # calls that are over, and not let go of yet
        self._errors: deque[Exception] = deque()  # what they raised
        self._free = threading.Event()  # set when a call is over

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for thread in self._live:
            thread.join()

    def start(self, work: Callable[..., None], *arguments: object) -> None:
        """Do it in a thread of its own, once there is one."""
        while self._collect() >= self._campaign.concurrency and not self._must_stop():
            self._nap(PULSE_S)
        thread = threading.Thread(target=self._run, args=(work, arguments), name="call")
        self._live.add(thread)
        thread.start()

    def wait_for_a_place(self) -> None:
        """Wait until one more call may begin, or nothing more may. Raises what a call has raised."""
        while self._collect() + self._adrift() >= self._places() and not self._must_stop():
            self._nap(PULSE_S)
        while (left_s := self._next_start.since(self._clock.now())) > 0 and not self._must_stop():
            self._nap(min(left_s, PULSE_S))
        while (until := self._room()) is not None and not self._must_stop():
            self._nap(min(until.since(self._clock.now()), PULSE_S))

    def note_start(self) -> None:
        """Note that a call begins: the rate counts from here."""
        if self._campaign.rate_per_s is not None:
            late_s = max(self._clock.now().since(self._next_start), 0.0)
            self._next_start = self._next_start.plus(late_s + 1 / self._campaign.rate_per_s)

    def drain(self) -> None:
        """Wait for the calls that are live. Raises what a call has raised."""
        while self._collect():
            self._nap(PULSE_S)
            self._must_stop()

    def _places(self) -> int:
        campaign = self._campaign
        running_s = self._clock.now().since(self._began)
        if running_s >= campaign.ramp_up_s:
            return campaign.concurrency
        return max(1, int(campaign.concurrency * running_s / campaign.ramp_up_s))

    def _nap(self, seconds: float) -> None:
        self._clock.wait(self._clock.now().plus(seconds), self._free)
        self._free.clear()

    def _run(self, work: Callable[..., None], arguments: Sequence[object]) -> None:
        """Do what a call's thread does; what it raises is raised where calls are waited for."""
        try:
            work(*arguments)
        except Exception as error:  # noqa: BLE001 - none is lost: `_collect` raises it
            self._errors.append(error)
        self._over.append(threading.current_thread())
        self._free.set()

    def _collect(self) -> int:
        """Let go of the calls that are over, and return how many are live."""
        while self._over:
            thread = self._over.popleft()
            thread.join()
            self._live.discard(thread)
        if self._errors:
            raise self._errors.popleft()
        return len(self._live)
