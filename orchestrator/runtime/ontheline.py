"""Nobody is rung while an interrupted run may have them on the line. For the runner, before it makes a run that dials.

A run whose process died may have left its call up: a second one to the same person would ring beside it. Such a run is
carried on with, or ended, first.
"""

from __future__ import annotations

from orchestrator.core.evolve import fold
from orchestrator.core.instant import Instant
from orchestrator.core.origin import other_api
from orchestrator.errors import CallLeftUpError
from orchestrator.ports import Journal


def refuse_second_call(journal: Journal, number: str, *, now: Instant, api_url: str | None) -> None:
    """Refuse to ring a number to which an interrupted run may have left a call up.

    A call lasts no longer than its run's `max_call`. Calls of another API are not looked at: this process could
    neither carry on with them nor end them.

    Raises:
        CallLeftUpError: There is such a run.
        JournalError: It cannot be read.
    """
    for run_id in journal.left_up(number):
        state = fold(journal.read(run_id))
        is_recent = now.since(state.begun.at) < state.settings.max_call_s
        if state.call_up and is_recent and other_api(state, api_url) is None:
            raise CallLeftUpError(
                f"run {run_id} to this number was interrupted, and its call may still be up: carry on with that run, "
                "or cancel it",
                blocking_run_id=run_id,
                being_settled=True,
            )
