"""How far the server's clock is ahead of this machine's, as the runs of this process saw it last. The runner has one.

A run begins with it, so that on a machine whose clock is wrong only the first dial of a process can be fenced out.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.core.instant import Instant
from orchestrator.core.state import RunState


@dataclass(frozen=True, slots=True)
class _Seen:
    skew_s: float
    at: Instant


class ServerClock:
    """Thread-safe: what was seen is replaced whole."""

    def __init__(self) -> None:
        self._seen: _Seen | None = None

    def learn(self, state: RunState, now: Instant) -> None:
        """Take what a run has seen; one that has only what it began with knows nothing new."""
        if state.skew_known and state.clock_skew_s != state.begun.clock_skew_s:
            self._seen = _Seen(state.clock_skew_s, now)

    def skew_s(self, now: Instant) -> float | None:
        """Return how far the server is ahead of `now`, seconds; None where no run has seen it.

        If this machine's clock has been set meanwhile, that shows in how far it is from the boot clock.
        """
        seen = self._seen
        if seen is None:
            return None
        set_forward_s = (now.wall - seen.at.wall) - now.since(seen.at)
        return seen.skew_s - set_forward_s
