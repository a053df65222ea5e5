"""How far the server's clock is ahead of this machine's, as runs saw it last. The runner has one.

A run begins with it, so that on a machine whose clock is wrong only the first dial after a boot can be fenced out.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass

from orchestrator.core.evolve import fold
from orchestrator.core.instant import Instant
from orchestrator.core.records import Concluded, Looked
from orchestrator.core.state import RunState
from orchestrator.errors import JournalError
from orchestrator.ports import Journal

NEWEST = 5
"""So many earlier runs are asked, at most, once in a process."""


@dataclass(frozen=True, slots=True)
class _Seen:
    skew_s: float
    at: Instant


class ServerClock:
    """Thread-safe: what was seen is replaced whole.

    Args:
        journal: Holds what runs of earlier processes saw.
        api_url: The API whose clock it is, as runs note it; None: they do not.
    """

    def __init__(self, journal: Journal, *, api_url: str | None = None) -> None:
        self._journal = journal
        self._api_url = api_url
        self._seen: _Seen | None = None
        self._recalling = threading.Lock()  # taken once, never given back

    def learn(self, state: RunState, now: Instant) -> None:
        """Take what a run has seen; one that has only what it began with knows nothing new."""
        if state.skew_known and state.clock_skew_s != state.begun.clock_skew_s:
            self._seen = _Seen(state.clock_skew_s, now)

    def skew_s(self, now: Instant) -> float | None:
        """Return how far the server is ahead of `now`, seconds; None where no run has seen it.

        If this machine's clock has been set meanwhile, that shows in how far it is from the boot clock. The first run
        of a process asks the journal; others that begin meanwhile do not wait for that.
        """
        if self._seen is None and self._recalling.acquire(blocking=False):
            recalled = self._recalled(now)
            self._seen = self._seen or recalled  # a run of this process may have seen it meanwhile
        seen = self._seen
        if seen is None:
            return None
        set_forward_s = (now.wall - seen.at.wall) - now.since(seen.at)
        return seen.skew_s - set_forward_s

    def _recalled(self, now: Instant) -> _Seen | None:
        """Return what the newest run saw of the same API since this machine was booted.

        What was seen before may be wrong by now: whether the clock has been set since then, nothing tells.
        """
        with suppress(JournalError):  # whatever is wrong with earlier runs, this one can do without
            for summary in self._journal.runs(limit=NEWEST):
                records = self._journal.read(summary.run_id)
                if fold(records).api_url != self._api_url:
                    continue
                for record in reversed(records):
                    if isinstance(record, Concluded | Looked) and record.clock_skew_s is not None:
                        if record.at.boot_id == now.boot_id:
                            return _Seen(record.clock_skew_s, record.at)
                        break
        return None
