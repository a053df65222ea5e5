"""Measures a path: rounds of holds, several at a time, within a bound of time, until the limit is known.

What to try and what it means is `core.probing`'s; one hold is `holds`'. `orchestrator probe` calls this.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from time import monotonic

from orchestrator.adapters.transport.sockets import KEEPALIVE_IDLE_S
from orchestrator.core import probing
from orchestrator.core.probing import Finding, Hold, Measured
from orchestrator.errors import StoppedEarlyError, UnreachableError
from orchestrator.probe.holds import About, Holds, NoConnectionError, StoppedError
from orchestrator.probe.way import Way

_FAILURES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What to measure, and for how long.

    Attributes:
        from_s: The shortest silence to try first.
        to_s: The longest.
        within_s: No longer than this altogether.
        parallel: Holds at a time.
        precision_s: How closely the limit is to be known.
    """

    from_s: float = 5.0
    to_s: float = 400.0
    within_s: float = 1200.0
    parallel: int = 8
    precision_s: float = 1.0

    @property
    def at_most_s(self) -> float:
        """How long it takes at most."""
        needed_s = probing.longest_s(self.from_s, self.to_s, precision_s=self.precision_s, parallel=self.parallel)
        return min(self.within_s, needed_s)


@dataclass(slots=True)
class Progress:
    """What goes on; `told` is called at every change, from the thread that runs the probe.

    Attributes:
        open: The holds that are open.
        findings: What came of the others.
        began: When it began, on the monotonic clock.
    """

    told: Callable[[Progress], None] = lambda _: None
    open: list[Hold] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    began: float = field(default_factory=monotonic)

    @property
    def measured_s(self) -> float:
        """How long it has gone on."""
        return monotonic() - self.began


class Probe:
    """One measuring. `stop` ends it from any thread; what is known then is returned."""

    def __init__(self, way: Way, bounds: Bounds, progress: Progress | None = None) -> None:
        self._way = way
        self._holds = Holds(way)
        self._stop = threading.Event()
        self.bounds = bounds
        self.progress = progress or Progress()
        self.about: About | None = None
        self.complete = False

    def begin(self) -> About:
        """Ask the hold server what it offers, and keep the bounds to it.

        Raises:
            UsageError: There is no hold server at the URL.
            UnreachableError: It cannot be reached.
            StoppedEarlyError: `stop` was called.
        """
        try:
            self.about = self._holds.about()
        except NoConnectionError as error:
            raise UnreachableError(f"{self._way.authority} cannot be reached: {error}") from None
        except StoppedError:
            raise StoppedEarlyError("stopped before anything was measured") from None
        wanted = self.bounds
        self.bounds = Bounds(
            from_s=min(wanted.from_s, self.about.longest_s),
            to_s=min(wanted.to_s, self.about.longest_s),
            within_s=wanted.within_s,
            parallel=min(wanted.parallel, self.about.most),
            precision_s=wanted.precision_s,
        )
        return self.about

    def run(self) -> Measured:
        """Measure, after `begin`. Raises as `begin` does."""
        bounds, findings = self.bounds, self.progress.findings
        self.progress.began = monotonic()
        holds: Sequence[Hold] = probing.ladder(bounds.from_s, bounds.to_s, bounds.parallel)
        for _ in range(probing.MOST_ROUNDS):
            self._round(holds)
            holds = self._next()
            if self._stop.is_set() or not holds:
                break
        self.complete = not self._stop.is_set() and not self._next()
        return probing.measured(findings, precision_s=bounds.precision_s)

    def stop(self) -> None:
        """End it soon, from any thread."""
        self._stop.set()
        self._holds.stop()

    def _next(self) -> tuple[Hold, ...]:
        return probing.next_holds(
            self.progress.findings,
            precision_s=self.bounds.precision_s,
            parallel=self.bounds.parallel,
            keepalive_s=KEEPALIVE_IDLE_S,
        )

    def _round(self, holds: Sequence[Hold]) -> None:
        assert self.about is not None, "`begin` comes first"
        patience_s = probing.patience_s(self.about.round_trip_s)
        failures: list[NoConnectionError] = []
        progress = self.progress
        with ThreadPoolExecutor(max_workers=len(holds), thread_name_prefix="hold") as pool:
            running: dict[Future[Finding], Hold] = {
                pool.submit(self._holds.hold, hold, patience_s=patience_s): hold for hold in holds
            }
            try:
                while running:
                    progress.open = list(running.values())
                    progress.told(progress)
                    left_s = self.bounds.within_s - progress.measured_s
                    done, _ = wait(running, timeout=max(min(left_s, 1.0), 0), return_when=FIRST_COMPLETED)
                    for future in done:
                        del running[future]
                        self._take(future, failures)
                    if left_s <= 0:
                        self.stop()
                    self._holds.drop(lambda hold: probing.is_needless(hold, progress.findings))
            except BaseException:
                self.stop()
                raise
        if failures and not progress.findings:
            raise UnreachableError(f"{self._way.authority} cannot be reached: {failures[0]}")

    def _take(self, future: Future[Finding], failures: list[NoConnectionError]) -> None:
        try:
            self.progress.findings.append(future.result())
        except StoppedError:
            pass
        except NoConnectionError as error:
            failures.append(error)
            if len(failures) > _FAILURES and not self.progress.findings:
                self._holds.stop()
