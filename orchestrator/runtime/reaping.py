"""Ends live calls that nobody drives, and on which somebody waits. For the runner."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

from orchestrator.core.actions import Orders
from orchestrator.core.evolve import fold
from orchestrator.core.origin import other_api
from orchestrator.core.records import CancelAsked
from orchestrator.core.state import Phase
from orchestrator.errors import LeaseHeldError, LeaseLostError
from orchestrator.ports import Lease
from orchestrator.runtime.driver import Observer
from orchestrator.runtime.shared import NOTHING_LEFT, RunResult, Shared


class Reaper:
    """Reaps the runs of a journal.

    Attributes:
        left_alone: Runs that were left alone since they belong to another API: its base URL, by the run's id.
    """

    def __init__(self, shared: Shared) -> None:
        self.left_alone: dict[str, str] = {}
        self._shared = shared

    def reap(self, *, keep: Collection[str] = (), observer: Observer | None = None) -> list[RunResult]:
        """See `Runner.reap`."""
        reaped = []
        for summary in list(self._shared.journal.runs(unfinished=True)):
            dialled = summary.marks.call_id is not None or summary.marks.claim_until_wall is not None
            if summary.driven or not dialled or summary.run_id in keep:
                continue
            try:
                lease = self._shared.acquire(summary.run_id)
            except LeaseHeldError:
                continue
            with suppress(LeaseLostError):  # this process was stopped for long, and another one ends that call
                result = self._reap(lease, observer)
                if result is not None:
                    reaped.append(result)
        return reaped

    def _reap(self, lease: Lease, observer: Observer | None) -> RunResult | None:
        state = fold(self._shared.journal.read(lease.run_id))
        now = self._shared.clock.now()
        waits_for_verdict = state.phase is Phase.UNDECIDED  # its own call is over, or to be left up
        is_decided = waits_for_verdict or (state.ending is not None and not state.call_up)
        only_watches = state.watching and is_decided  # for further calls of its dial
        since = state.watch_looked if only_watches else state.quiet_since or state.call_since
        silence_s = 0.0 if since is None else now.since(since)
        busy_s = 0.0 if state.pending is None else state.pending.intent.longest_s  # it may be ringing, or speaking
        needs_person = waits_for_verdict and not only_watches
        left_alone = needs_person or state.end is not None or since is None or state.rings_on
        if not left_alone and (api_url := other_api(state, self._shared.origin.api_url)) is not None:
            self.left_alone[state.run_id] = api_url
            left_alone = True
        if left_alone or silence_s <= state.settings.max_silence_s + busy_s:
            self._shared.journal.release(lease)
            return None
        why = f"its driver was gone and the {state.other_end} had waited {silence_s:.0f} s"
        resumed = self._shared.resumed(state.settings, why="reap")
        asked = CancelAsked(at=now, why=why, code="reaped")
        return self._shared.drive(
            NOTHING_LEFT,
            state,
            lease,
            first=resumed,
            then=None if only_watches else asked,
            orders=Orders(no_new_dial=True, hurry=True),
            observer=observer,
        )
