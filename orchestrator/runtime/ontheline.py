"""Nobody is rung who is on the line already, as far as the journal knows. For the runner, before it makes a run.

A run whose process died may have left its call up: a second one to the same person would ring beside it. Such a run is
carried on with, or ended, first. A batch waits for the live calls of others, too: its next tick calls again.
"""

from __future__ import annotations

from orchestrator.core.evolve import fold
from orchestrator.core.instant import Instant
from orchestrator.core.origin import other_api
from orchestrator.errors import CallLeftUpError, NumberBlockedError
from orchestrator.ports import Journal


def refuse_second_call(
    journal: Journal, number: str, *, now: Instant, api_url: str | None, beside_live: bool = True
) -> frozenset[str]:
    """Refuse to ring a number to which a run may have a call up.

    A call lasts no longer than its run's `max_call`, from its dial on, which its run may have waited for. Calls of
    another API are not looked at: this process could neither carry on with them nor end them.

    Args:
        journal: Has the runs.
        number: Of the callee, E.164.
        now: This moment.
        api_url: The API in use.
        beside_live: Ring beside a call that a live process steers: whoever asks for one call knows what for.

    Returns:
        The runs that have called the number, and are no reason to refuse: what came later was not looked at.

    Raises:
        CallLeftUpError: There is an interrupted run with such a call.
        NumberBlockedError: There is one that a live process drives.
        JournalError: It cannot be read.
    """
    seen = journal.calls_to(number)
    for run_id, driven in seen.items():
        if driven and beside_live:
            continue
        state = fold(journal.read(run_id))
        is_recent = now.since(state.call_since or state.begun.at) < state.settings.max_call_s
        if not (state.call_up and is_recent and other_api(state, api_url) is None):
            continue
        if driven:
            raise NumberBlockedError(
                f"run {run_id} has a call to this number, which goes on", blocking_run_id=run_id, being_settled=True
            )
        raise CallLeftUpError(
            f"run {run_id} to this number was interrupted, and its call may still be up: carry on with that run, "
            "or cancel it",
            blocking_run_id=run_id,
            being_settled=True,
        )
    return frozenset(seen)
