"""Virtual time: the Clock port for tests, and the order in which threads run in it.

Only one thread of a simulation runs at a time; the others are parked in `block`, each with a condition and a moment.
When the running one parks too, time jumps to the next moment at which something is due. So a simulation with a
heartbeat, open looks and crashes is deterministic, and an hour of it takes milliseconds. Threads that are started or
joined inside `running()` take part by themselves. Knows nothing of calls or journals.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, Protocol
from unittest import mock

from orchestrator.core.instant import Instant

EPOCH = 1_000_000.0
"""The date at which simulations begin; small, so that sums of seconds stay exact enough."""
_LONGEST_S = 50_000.0
_MOST_TURNS = 20_000
_STARTING_DAEMON = threading.Thread.start
_JOINING = threading.Thread.join


class KilledError(BaseException):
    """The process that this thread belongs to was killed: nothing of it runs on. Not to be caught by a product."""


class SimulationError(Exception):
    """Nothing can happen any more, or things go on for ever."""


class Source(Protocol):
    """Something with moments of its own, such as a server."""

    def next_moment(self) -> float | None:
        """Return when something is due next, seconds since the epoch."""

    def let_happen(self) -> None:
        """Let what is due next happen."""


class Process:
    """A process of the simulation: killed, its threads end at once; stopped, none of them runs until it is woken.

    Attributes:
        drowsy_s: Its threads other than the first of all wake up at most this much late; None: as all do.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.killed = False
        self.stopped = False
        self.drowsy_s: float | None = None


class _Thread:
    """A thread of the simulation, and what it waits for."""

    __slots__ = ("gate", "process", "ready", "until")

    def __init__(self, process: Process) -> None:
        self.gate = threading.Lock()
        self.gate.acquire()
        self.process = process
        self.ready: Callable[[], bool] = _always
        self.until = float("inf")


class VirtualTime:
    """A Clock whose time passes only while everybody waits.

    Attributes:
        seconds: How much time has passed.
        process: The process that new threads belong to.
        drowsy_s: Threads other than the first wake up at most this much late, as those of a busy machine do.
        most_turns: A simulation whose threads have had so many turns goes on for ever.
        longest_s: One that takes so long does, too.
    """

    def __init__(
        self,
        *,
        boot_id: str = "virtual",
        drowsy_s: float = 0.0,
        most_turns: int = _MOST_TURNS,
        longest_s: float = _LONGEST_S,
    ) -> None:
        self.seconds = 0.0
        self.process = Process("first")
        self.drowsy_s = drowsy_s
        self.most_turns = most_turns
        self.longest_s = longest_s
        self.sources: list[Source] = []
        self._boot_id = boot_id
        self._set_forward_s = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()
        self._threads: dict[int, _Thread] = {}
        self._running: set[threading.Thread] = set()  # the number of one that is over may be given to another
        self._first = 0
        self._turns = 0
        self._broken: Exception | None = None

    # The port

    def now(self) -> Instant:
        """Return this moment by both clocks."""
        return Instant(EPOCH + self.seconds + self._set_forward_s, self.seconds, self._boot_id)

    def wait(self, until: Instant, wakeup: threading.Event) -> bool:
        """Wait until `until`, or until `wakeup` is set."""
        until_s = until.boot_s if until.boot_id == self._boot_id else until.wall - EPOCH - self._set_forward_s
        if threading.get_ident() != self._first:
            until_s += self._drowsy_s()
        self.block(wakeup.is_set, until_s=until_s)
        return wakeup.is_set()

    def _drowsy_s(self) -> float:
        of_process = self._threads[threading.get_ident()].process.drowsy_s
        return self.drowsy_s if of_process is None else of_process

    # Simulations

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let this thread, and those it starts, take part."""
        self._first = threading.get_ident()
        self._threads[self._first] = _Thread(self.process)
        with (
            mock.patch.object(threading.Thread, "start", self._patched(self._start, _STARTING_DAEMON)),
            mock.patch.object(threading.Thread, "join", self._patched(self._join, _JOINING)),
        ):
            try:
                yield
            finally:
                self._end_others()

    def at(self, seconds: float, action: Callable[[], None]) -> None:
        """Have `action` done when so much time has passed."""
        heapq.heappush(self._due, (max(seconds, self.seconds), next(self._numbers), action))

    def sleep(self, seconds: float) -> None:
        """Let time pass for this thread."""
        self.block(_never, until_s=self.seconds + seconds)

    def block(self, ready: Callable[[], bool], *, until_s: float = float("inf")) -> None:
        """Wait until `ready` says so, or until so much time has passed."""
        me = self._threads[threading.get_ident()]
        me.ready, me.until = ready, until_s
        self._hand_over(me)
        if self._broken is not None:
            raise self._broken
        if me.process.killed:
            raise KilledError(me.process.name)

    def begin_process(self, name: str) -> Process:
        """Let this thread live on as a new process."""
        self.process = Process(name)
        self._threads[threading.get_ident()].process = self.process
        return self.process

    def kill(self, process: Process) -> None:
        """End a process without a word. Its running thread, if it is this one, goes on to the next wait."""
        process.killed = True

    def set_clock(self, forward_s: float) -> None:
        """Set the wall clock of this machine forward, or back; durations do not change by it."""
        self._set_forward_s += forward_s

    def reboot(self, boot_id: str) -> None:
        """Begin another boot: moments of the one before can be told by their dates only."""
        self._boot_id = boot_id

    # Inside

    def _end_others(self) -> None:
        me = self._threads[self._first]
        self._broken = SimulationError("the simulation is over")
        for thread in list(self._threads.values()):
            if thread is not me:
                thread.gate.release()
                me.gate.acquire()
        del self._threads[self._first]

    def _patched(self, ours: Callable[..., None], original: Callable[..., None]) -> Any:
        def method(thread: threading.Thread, timeout: float | None = None) -> None:
            taking_part = threading.get_ident() in self._threads
            if taking_part:
                ours(thread)
            else:
                original(thread, *(() if timeout is None else (timeout,)))

        return method

    def _start(self, thread: threading.Thread) -> None:
        mine = _Thread(self._threads[threading.get_ident()].process)
        run = thread.run

        def body() -> None:
            mine.gate.acquire()
            try:
                if not mine.process.killed:
                    run()
            except (KilledError, SimulationError):
                pass  # it is gone; or the first thread says what is wrong
            finally:
                del self._threads[threading.get_ident()]
                self._running.discard(thread)
                self._hand_over(None)

        vars(thread)["run"] = body
        self._running.add(thread)
        _STARTING_DAEMON(thread)
        assert thread.ident is not None
        self._threads[thread.ident] = mine

    def _join(self, thread: threading.Thread) -> None:
        self.block(lambda: thread not in self._running)
        _JOINING(thread)

    def _hand_over(self, me: _Thread | None) -> None:
        """Let the next thread run, and wait until it is this one's turn again."""
        chosen = self._next()
        if chosen is me:
            return
        if chosen is not None:
            chosen.gate.release()
        if me is not None:
            me.gate.acquire()

    def _next(self) -> _Thread | None:
        self._turns += 1
        if self._turns > self.most_turns:  # also where no time passes: a wait may be over before it begins
            self._broken = SimulationError(f"this goes on for ever: {self.seconds:.0f} s, {self._turns} turns")
        while True:
            for thread in self._threads.values():
                if self._broken is not None or thread.process.killed:
                    return thread
                if not thread.process.stopped and (thread.until <= self.seconds or thread.ready()):
                    return thread
            try:
                self._pass_time()
            except SimulationError as error:
                self._broken = error

    def _pass_time(self) -> None:
        """Go to the next moment at which something happens."""
        moments = [(moment - EPOCH, source) for source in self.sources if (moment := source.next_moment()) is not None]
        wake_s = min((each.until for each in self._threads.values() if not each.process.stopped), default=float("inf"))
        due_s = self._due[0][0] if self._due else float("inf")
        next_s, source = min(moments, key=lambda one: one[0], default=(float("inf"), None))
        moment = min(wake_s, due_s, next_s)
        if moment == float("inf"):
            raise SimulationError("every thread waits for something that never comes")
        if moment > self.longest_s:
            raise SimulationError(f"this goes on for ever: {moment:.0f} s, {self._turns} turns")
        self.seconds = max(self.seconds, moment)
        if source is not None and next_s <= due_s and next_s <= moment:
            source.let_happen()
        elif due_s <= moment:
            heapq.heappop(self._due)[2]()


def _always() -> bool:
    return True


def _never() -> bool:
    return False
