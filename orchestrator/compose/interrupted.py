"""Which interrupted runs this process may carry on with: those of its own API that wait for nobody else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from orchestrator.core.evolve import fold
from orchestrator.core.instant import Instant
from orchestrator.core.origin import normalised, other_api
from orchestrator.core.records import Status
from orchestrator.ports import Journal, RunSummary


class Interrupted:
    """Finds them. Attributes: `left_alone`: the base URL of the API of each run that belongs to another one."""

    def __init__(self, api_url: str, *, now: Callable[[], Instant]) -> None:
        self.left_alone: dict[str, str] = {}
        self._api_url = normalised(api_url)
        self._now = now

    def runs(self, journal: Journal) -> Iterator[RunSummary]:
        """Yield the runs that have not ended, are not driven, and wait for no person.

        A batch's run that has not dialled is left to the batch, which knows when its contact may be called.
        """
        for summary in journal.runs(unfinished=True):
            marks = summary.marks
            dialled = marks.call_id is not None or marks.claim_until_wall is not None
            if summary.driven or marks.status is Status.UNDECIDED:
                continue
            if (dialled or summary.contact_key is None) and not self._is_elsewhere(summary.run_id, journal):
                yield summary

    def sentences(self, further: Mapping[str, str]) -> list[str]:
        """Return a sentence for each other API whose runs were left alone, here and by others (`further`)."""
        urls = {**self.left_alone, **further}.values()
        return [
            f"{number} unfinished run{' was' if number == 1 else 's were'} left alone: the API is {url} there, and "
            f"{self._api_url} here; set ORCHESTRATOR_API_URL={url} to carry on"
            for url, number in sorted(Counter(urls).items())
        ]

    def _is_elsewhere(self, run_id: str, journal: Journal) -> bool:
        theirs = other_api(fold(journal.read(run_id)), self._api_url, unasked=self._now())
        if theirs is not None:
            self.left_alone[run_id] = theirs
        return theirs is not None
