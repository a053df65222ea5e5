"""Follows the runs of this process as their records come in, for the live view, the log and the last words.

An observer of `Orchestrator`: called from every thread that drives a run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.core.exchange import Outcome

if TYPE_CHECKING:
    from orchestrator.compose import Observer
    from orchestrator.core.records import Record
    from orchestrator.core.state import RunState

_NOT_DIALLED = (Outcome.NOT_SENT, Outcome.THROTTLED)


class Watch:
    """The newest state of each run."""

    def __init__(self, *also: Observer) -> None:
        self._states: dict[str, RunState] = {}
        self._also = also

    def __call__(self, record: Record, state: RunState) -> None:
        """Take what a run has come to."""
        self._states[state.run_id] = state
        for observer in self._also:
            observer(record, state)

    @property
    def states(self) -> list[RunState]:
        """The newest states, in the order in which the runs came up."""
        return list(self._states.values())

    @property
    def last_run(self) -> str | None:
        """The run that came up last."""
        return next(reversed(self._states), None)

    def state_of(self, run_id: str) -> RunState | None:
        """The newest state of a run; None if no record of it came."""
        return self._states.get(run_id)

    def forget(self) -> None:
        """Forget what came so far: it was of other runs."""
        self._states.clear()

    @property
    def live_runs(self) -> list[str]:
        """The runs whose call may be up."""
        return [state.run_id for state in self.states if call_may_be_up(state)]


def call_may_be_up(state: RunState) -> bool:
    """Return whether a run has a call that is up or ringing, as far as its records tell."""
    if state.end is not None or state.call_over or state.call_since is None:
        return False
    dial = state.pending
    if state.call_id is not None or dial is None or dial.concluded is None:
        return True
    return dial.unknowns > 0 or dial.concluded.outcome not in _NOT_DIALLED
