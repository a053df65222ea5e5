"""What the results of a batch add up to: counted as they go by, checked against the contacts. Pure.

`batch` counts with it while it writes results, so that no result is kept for the sake of counting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from orchestrator.core.admission import DUPLICATE
from orchestrator.core.ledger import Ledger, ResultRow, Tally


@dataclass(slots=True)
class Totals:
    """What results add up to.

    Attributes:
        tallies: Contacts by where they stand.
        dispositions: Contacts by how their last call ended, or `refused` or `waiting`.
        results: Contacts by the text of the script's `end`.
        reasons: Contacts that wait, by why.
        duplicates: Refused contacts that are the same as another.
        attempts: Dials of all contacts together, those of earlier ticks among them.
    """

    tallies: Counter[Tally] = field(default_factory=Counter)
    dispositions: Counter[str] = field(default_factory=Counter)
    results: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    duplicates: int = 0
    attempts: int = 0

    def of(self, rows: Iterable[ResultRow]) -> Iterator[ResultRow]:
        """Count rows on their way. Raises LedgerError."""
        for row in rows:
            self.tallies[row.tally] += 1
            self.dispositions[row.disposition] += 1
            self.attempts += row.attempts
            if row.result is not None:
                self.results[row.result] += 1
            if row.tally is Tally.WAITING:
                self.reasons[row.reason or ""] += 1
            self.duplicates += row.tally is Tally.REFUSED and (row.reason or "").startswith(DUPLICATE)
            yield row

    def ledger(self, *, contacts: int) -> Ledger:
        """Return the ledger of so many contacts. Raises LedgerError when it does not add up."""
        ledger = Ledger.of(self.tallies.elements(), contacts=contacts)
        ledger.check()
        return ledger
