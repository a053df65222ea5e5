"""What the results of a batch add up to: counted as they go by, checked against the contacts. Pure.

`batch` counts with it while it writes results, so that no result is kept for the sake of counting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from orchestrator.core.admission import CALLED_AGAIN, DUPLICATE, LEFT_OUT
from orchestrator.core.ledger import Ledger, ResultRow, Tally


@dataclass(slots=True)
class Totals:
    """What results add up to.

    Attributes:
        began_at: When the tick began that is told of, RFC 3339; None where no tick is.
        tallies: Contacts by where they stand.
        dispositions: Contacts by how their last call ended, or `refused` or `waiting`.
        results: Contacts by the text of the script's `end`.
        reasons: Contacts that wait, by why.
        duplicates: Refused contacts that are the same as another.
        first_refusal: Why the first of the refused contacts was that are neither duplicates nor left out.
        left_out: Refused contacts that would be called if a person had not stopped the campaign.
        known: Contacts whose last call was over before `began_at`, and who are not called again.
        attempts: Dials of all contacts together, those of earlier ticks among them.
    """

    began_at: str | None = None
    tallies: Counter[Tally] = field(default_factory=Counter)
    dispositions: Counter[str] = field(default_factory=Counter)
    results: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    duplicates: int = 0
    first_refusal: str | None = None
    left_out: int = 0
    known: int = 0
    attempts: int = 0

    def of(self, rows: Iterable[ResultRow]) -> Iterator[ResultRow]:
        """Count rows on their way. Raises LedgerError."""
        for row in rows:
            self.add(row)
            yield row

    def add(self, row: ResultRow) -> None:
        """Count a row. Raises LedgerError."""
        self.tallies[row.tally] += 1
        self.dispositions[row.disposition] += 1
        self.attempts += row.attempts
        if row.result is not None:
            self.results[row.result] += 1
        if row.tally is Tally.WAITING:
            self.reasons[_undated(row.reason or "")] += 1
        if row.tally is Tally.REFUSED:
            self._add_refused(row.reason or "")
        self.known += self._is_known(row)

    def ledger(self, *, contacts: int) -> Ledger:
        """Return the ledger of so many contacts. Raises LedgerError when it does not add up."""
        ledger = Ledger.of(self.tallies.elements(), contacts=contacts)
        ledger.check()
        return ledger

    @property
    def refused(self) -> int:
        """Refused contacts that are neither duplicates nor left out by a person."""
        return self.tallies[Tally.REFUSED] - self.duplicates - self.left_out

    def _add_refused(self, reason: str) -> None:
        if reason.startswith(DUPLICATE):
            self.duplicates += 1
        elif reason == LEFT_OUT:
            self.left_out += 1
        elif self.first_refusal is None:
            self.first_refusal = reason

    def _is_known(self, row: ResultRow) -> bool:
        is_over = row.tally in (Tally.REACHED, Tally.NOT_REACHED)  # a pruned journal has forgotten when that was
        return is_over and self.began_at is not None and (row.ended_at is None or row.ended_at < self.began_at)


def _undated(reason: str) -> str:
    """Return a reason without the moment of the next call, which is each contact's own."""
    told, again, _ = reason.partition(CALLED_AGAIN)
    return told + again
