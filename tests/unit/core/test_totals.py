"""What the results of a batch add up to."""

from __future__ import annotations

import pytest

from orchestrator.core.admission import CALLED_AGAIN, LEFT_OUT
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


def test_refused_contacts_are_told_apart() -> None:
    """Duplicates, those that a person's `stop` leaves out, and all others."""
    totals = Totals()
    reasons = ["a duplicate: of the first", LEFT_OUT, LEFT_OUT, "it is on a list", None]
    rows = [ResultRow(to=NUMBER, disposition=Tally.REFUSED, reason=reason) for reason in reasons]
    assert len(list(totals.of(rows))) == 5
    assert (totals.duplicates, totals.left_out, totals.refused) == (1, 2, 2)
    assert totals.first_refusal == "it is on a list"


def test_contacts_that_wait_for_another_call_are_counted_together() -> None:
    """Whenever each of those calls is due."""
    totals = Totals()
    reasons = [f"busy: {CALLED_AGAIN} from {at} on" for at in ("2026-11-23T10:00:00Z", "2026-11-23T11:00:00Z")]
    rows = [ResultRow(to=NUMBER, disposition=Tally.WAITING, reason=reason) for reason in (*reasons, "later")]
    list(totals.of(rows))
    assert dict(totals.reasons) == {f"busy: {CALLED_AGAIN}": 2, "later": 1}


def test_contacts_are_known_whose_call_was_over_before_the_tick() -> None:
    """Also those of whom a pruned journal has forgotten when that was; without a tick nobody is."""
    before, after = "2026-11-23T09:59:59.999Z", "2026-11-23T10:00:00.001Z"
    rows = [
        ResultRow(to=NUMBER, disposition=disposition, ended_at=ended_at)
        for disposition, ended_at in [
            ("completed", before),
            ("busy", None),
            ("busy", after),
            ("unknown", None),
            (Tally.WAITING, before),
        ]
    ]
    totals = Totals(began_at="2026-11-23T10:00:00.000Z")
    assert len(list(totals.of(rows))) == 5
    assert totals.known == 2
    alone = Totals()
    assert len(list(alone.of(rows))) == 5
    assert alone.known == 0
