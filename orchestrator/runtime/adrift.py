"""The calls of a campaign that may be up though no thread of the tick steers them: each takes a line. For the batch.

A run comes to rest undecided where nobody can say what became of its dial, or unfinished where the API is out of
reach; or another process carries on with it, or ends it. Its call keeps its place among those in flight until it can be
up no longer, or somebody has settled it.
"""

from __future__ import annotations

import threading

from orchestrator.core.evolve import fold, marks
from orchestrator.core.state import RunState
from orchestrator.ports import Clock, Journal

ASK_AGAIN_S = 5.0
"""How often the journal is asked whether another process, or a person, has settled them."""


class Adrift:
    """Counts them. Used by any number of threads."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._guard = threading.Lock()
        self._until: dict[str, float] = {}  # by run, when such a call is over at the latest: seconds since the epoch
        self._elsewhere: set[str] = set()  # the runs that another process drives: those are over sooner
        self._asked = clock.now()

    def note(self, state: RunState, *, elsewhere: bool = False) -> None:
        """Take what a run has come to, or that another process drives it."""
        until_wall = may_be_up_until(state)
        with self._guard:
            if elsewhere:
                self._elsewhere.add(state.run_id)
            if until_wall is None:
                self._until.pop(state.run_id, None)
            else:
                self._until[state.run_id] = until_wall

    def count(self) -> int:
        """Return how many calls may be up now. Raises JournalError."""
        now = self._clock.now()
        with self._guard:
            if not self._until:
                return 0
            self._until = {run_id: wall for run_id, wall in self._until.items() if wall > now.wall}
            known, is_due = list(self._until), now.since(self._asked) >= ASK_AGAIN_S
            if is_due:
                self._asked = now
        for run_id in known if is_due else ():
            self.note(fold(self._journal.read(run_id)))
        return len(self._until)

    def nobodys(self) -> int:
        """Return how many of them no process drives, so that waiting for their end would last. Raises JournalError."""
        self.count()
        with self._guard:
            return len(self._until.keys() - self._elsewhere)


def may_be_up_until(state: RunState) -> float | None:
    """Return when the call of a run at rest is over at the latest, seconds since the epoch; None where none is up."""
    if state.end is not None:
        return None
    if state.open_dial is not None:
        return marks(state).claim_until_wall
    if state.call_up and state.call_since is not None:
        return state.call_since.wall + state.settings.max_call_s
    return None
