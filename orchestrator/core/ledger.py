"""The ledger of a batch: where every contact stands, and the check that none is missing (rules, section 7). Pure.

The batch counts with it and fails loudly when the totals do not add up; `adapters.results` writes its rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from orchestrator.core.records import Disposition
from orchestrator.core.script import Value
from orchestrator.errors import OrchestratorError


class LedgerError(OrchestratorError):
    """The totals of a batch do not add up: a contact was lost or counted twice. It is our own bug (exit 70)."""

    code = "ledger"


class Tally(StrEnum):
    """Where a contact stands. The first two are ends; a refused contact was never dialled."""

    REACHED = "reached"
    NOT_REACHED = "not_reached"
    REFUSED = "refused"
    WAITING = "waiting"
    UNKNOWN = "unknown"


_TALLIES: Mapping[str, Tally] = {
    Disposition.COMPLETED: Tally.REACHED,
    Disposition.HUNG_UP: Tally.REACHED,
    Disposition.NO_ANSWER: Tally.NOT_REACHED,
    Disposition.BUSY: Tally.NOT_REACHED,
    Disposition.REJECTED: Tally.NOT_REACHED,
    Disposition.FAILED: Tally.NOT_REACHED,
    Disposition.EXPIRED: Tally.NOT_REACHED,
    Disposition.UNKNOWN: Tally.UNKNOWN,
    Tally.REFUSED: Tally.REFUSED,
    Tally.WAITING: Tally.WAITING,
}


def tally_of(disposition: str) -> Tally:
    """Return where a contact stands by its disposition; `refused` and `waiting` stand for themselves.

    Raises:
        LedgerError: For any other text, which no total would count.
    """
    try:
        return _TALLIES[disposition]
    except KeyError:
        raise LedgerError(f"no total of the ledger counts the disposition {disposition!r}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow:
    """One row of a results file: what became of one contact.

    Attributes:
        to: The number, E.164.
        disposition: How the call ended; `refused` or `waiting` for a contact that was not called (yet).
        result: The text of the script's `end`.
        attempts: Dials made.
        run_id: The (last) run; None for a contact without one.
        call_id: The (last) call.
        started_at: RFC 3339, UTC.
        ended_at: RFC 3339, UTC.
        reason: Why it was refused, waits or failed, for people.
        columns: The contact's own columns as written.
        saved: The variables that the run saved.
    """

    to: str
    disposition: str
    result: str | None = None
    attempts: int = 0
    run_id: str | None = None
    call_id: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    reason: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    saved: Mapping[str, Value] = field(default_factory=dict)

    @property
    def tally(self) -> Tally:
        """Where the contact stands. Raises LedgerError."""
        return tally_of(self.disposition)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The totals of a batch. `contacts` is counted apart from the others, where the contacts are read."""

    contacts: int
    reached: int = 0
    not_reached: int = 0
    refused: int = 0
    waiting: int = 0
    unknown: int = 0

    @classmethod
    def of(cls, tallies: Iterable[Tally], *, contacts: int) -> Ledger:
        """Count where contacts stand, against the number of contacts there should be."""
        counts = Counter(tallies)
        return cls(contacts=contacts, **{tally.value: counts[tally] for tally in Tally})

    def check(self) -> None:
        """Raise LedgerError unless every contact is counted exactly once."""
        counts = {tally.value: int(getattr(self, tally.value)) for tally in Tally}
        if min(self.contacts, *counts.values()) < 0 or sum(counts.values()) != self.contacts:
            parts = " + ".join(f"{count} {name}" for name, count in counts.items())
            raise LedgerError(f"the ledger does not add up: {self.contacts} contacts, but {parts}")
