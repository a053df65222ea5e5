"""What the receiver counts, as Prometheus reads it. Counted in one event loop; no library and no I/O."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator

_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The figures of one receiver since it was made.

    Attributes:
        in_hand: Events that wait for the journal now.
    """

    def __init__(self) -> None:
        self.in_hand = 0
        self._events: Counter[tuple[str, str]] = Counter()
        self._buckets = [0] * (len(_BOUNDS_S) + 1)
        self._journal_s = 0.0

    def count(self, result: str, *, source: str) -> None:
        """Count an event, or what claimed to be one: how it ended, and the address it came to."""
        self._events[result, source] += 1

    def kept(self, seconds: float) -> None:
        """Note how long an event waited for the journal."""
        self._buckets[bisect_left(_BOUNDS_S, seconds)] += 1
        self._journal_s += seconds

    def text(self) -> str:
        """Return all figures in Prometheus' text format."""
        return "\n".join([*self._counters(), *self._latencies(), *self._queue(), ""])

    def _counters(self) -> Iterator[str]:
        name = "orchestrator_events_total"
        yield f"# HELP {name} Events by what became of them and by the address they came to."
        yield f"# TYPE {name} counter"
        for (result, source), number in sorted(self._events.items()):
            yield f'{name}{{result="{result}",source="{source}"}} {number}'

    def _latencies(self) -> Iterator[str]:
        name = "orchestrator_event_journal_seconds"
        yield f"# HELP {name} How long events waited until the journal had them."
        yield f"# TYPE {name} histogram"
        total = 0
        for bound, number in zip((*map(str, _BOUNDS_S), "+Inf"), self._buckets, strict=True):
            total += number
            yield f'{name}_bucket{{le="{bound}"}} {total}'
        yield f"{name}_sum {self._journal_s:.6f}"
        yield f"{name}_count {total}"

    def _queue(self) -> Iterator[str]:
        name = "orchestrator_events_in_hand"
        yield f"# HELP {name} Events that wait for the journal now."
        yield f"# TYPE {name} gauge"
        yield f"{name} {self.in_hand}"
