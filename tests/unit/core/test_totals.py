"""What the results of a batch add up to."""

from __future__ import annotations

import pytest

from orchestrator.core.ledger import LedgerError, ResultRow, Tally
from orchestrator.core.totals import Totals

NUMBER = "+12125550101"


def test_totals_that_do_not_add_up_fail_loudly() -> None:
    """A contact too few or too many is our own bug; duplicates are counted apart."""
    totals = Totals()
    rows = [
        ResultRow(to=NUMBER, disposition="completed", result="told", attempts=2),
        ResultRow(to=NUMBER, disposition=Tally.REFUSED, reason="a duplicate: of the first"),
        ResultRow(to=NUMBER, disposition=Tally.WAITING, reason="later"),
    ]
    assert list(totals.of(rows)) == rows
    assert (totals.duplicates, totals.attempts, dict(totals.results)) == (1, 2, {"told": 1})
    assert totals.ledger(contacts=3).waiting == 1
    with pytest.raises(LedgerError):
        totals.ledger(contacts=4)
