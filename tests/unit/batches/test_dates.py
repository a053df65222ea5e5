"""The dates on which nobody is called, by the campaign and by the callee."""

from __future__ import annotations

from datetime import UTC, date, datetime

from orchestrator.batches.dates import holidays_of_callees, resolved
from orchestrator.core.campaign import CALLEE, Campaign

NOW = datetime(2026, 7, 1, tzinfo=UTC).timestamp()
FRENCH, AMERICAN, SATELLITE, FICTIONAL = "+33639980123", "+12125550101", "+870773111632", "+15555550123"


def test_each_callee_has_the_holidays_of_their_country() -> None:
    """Told from the number; None where that has no country, so that nobody is called by guess."""
    of = holidays_of_callees(Campaign(name="c", holidays=CALLEE), now_wall=NOW)
    assert of is not None
    bastille, independence = date(2026, 7, 14), date(2026, 7, 4)
    assert (bastille in (of(FRENCH) or ()), independence in (of(FRENCH) or ())) == (True, False)
    assert (bastille in (of(AMERICAN) or ()), independence in (of(AMERICAN) or ())) == (False, True)
    assert of(SATELLITE) is None
    assert of(FICTIONAL) is None


def test_a_campaign_closes_what_it_names() -> None:
    """The holidays of its country; none of its own where those of the callees count."""
    assert date(2026, 7, 14) in resolved(Campaign(name="c", holidays="FR"), now_wall=NOW).calendar.closed_dates
    assert resolved(Campaign(name="c", holidays=CALLEE), now_wall=NOW).calendar.closed_dates == frozenset()
    assert holidays_of_callees(Campaign(name="c", holidays="FR"), now_wall=NOW) is None
