"""What the journal tells of the newest runs: dead air, calls at once, lost replies. For `plan` and `advise`.

It only reads, and makes no journal where there is none; one that cannot be read is no reason not to plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from orchestrator.core.advice import Traffic
from orchestrator.core.deadair import ASSUMED_GAP, Gap, gap_of
from orchestrator.core.exchange import Outcome
from orchestrator.core.records import Concluded, Record, Status
from orchestrator.errors import OrchestratorError

if TYPE_CHECKING:
    from orchestrator.compose import Orchestrator
    from orchestrator.core.state import RunState
    from orchestrator.ports import RunSummary

NEWEST = 100
"""So many runs are looked at."""
_NO_TRAFFIC = Traffic()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lately:
    """What the newest runs tell.

    Attributes:
        gap: From a step's end to the next one's first byte.
        traffic: Calls and requests.
        trouble: Why the journal cannot be read; None where it can, or there is none.
    """

    gap: Gap = ASSUMED_GAP
    traffic: Traffic = _NO_TRAFFIC
    trouble: str | None = None


def lately(orchestrator: Orchestrator) -> Lately:
    """Return what the journal tells. Raises ConfigurationError where its name cannot be one."""
    if not orchestrator.journal_path.exists():
        return Lately()
    try:
        return _read(orchestrator)
    except OrchestratorError as error:
        return Lately(trouble=f"the journal cannot be read, so nothing measured is counted: {error}")


def _read(orchestrator: Orchestrator) -> Lately:
    from orchestrator.core.evolve import fold

    journal = orchestrator.journal
    states: list[RunState] = []
    outcomes: list[Outcome] = []
    for summary in islice(journal.runs(), NEWEST):
        records = journal.read(summary.run_id)
        states.append(fold(records))
        outcomes += _outcomes(records)
    in_flight = sum(map(_is_in_flight, journal.runs(unfinished=True)))
    traffic = Traffic(
        in_flight=in_flight,
        most_in_flight=max(_most_at_once(states), in_flight),
        runs=len(states),
        requests=len(outcomes),
        lost_replies=outcomes.count(Outcome.UNKNOWN),
    )
    return Lately(gap=gap_of(state.steps for state in states), traffic=traffic)


def _outcomes(records: Iterable[Record]) -> Iterator[Outcome]:
    for record in records:
        if isinstance(record, Concluded) and record.outcome is not Outcome.NOT_SENT:
            yield record.outcome


def _is_in_flight(summary: RunSummary) -> bool:
    return summary.marks.status is not Status.UNDECIDED


def _most_at_once(states: Iterable[RunState]) -> int:
    """Return how many calls were live at once: from a run's first record to its end, by their dates."""
    changes: list[tuple[float, int]] = []
    for state in states:
        changes.append((state.begun.at.wall, 1))
        if state.end is not None:
            changes.append((state.end.at.wall, -1))
    live = most = 0
    for _, change in sorted(changes):
        live += change
        most = max(most, live)
    return most
