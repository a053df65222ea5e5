"""The dates on which nobody is called: those of a campaign, and those of each callee's country."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import lru_cache, partial
from pathlib import Path

from orchestrator.adapters.calendars import closed_dates, holidays_of_country
from orchestrator.adapters.zones import country_of
from orchestrator.core.campaign import CALLEE, Campaign
from orchestrator.runtime.facts import HolidaysOf


def resolved(campaign: Campaign, *, now_wall: float) -> Campaign:
    """Return a campaign with the dates on which it calls nobody, for the years around the present.

    Raises:
        ConfigurationError: No such country; the blackout file cannot be used.
    """
    country = None if campaign.holidays == CALLEE else campaign.holidays
    blackout = None if campaign.blackout is None else Path(campaign.blackout)
    return campaign.resolved(closed_dates(country, campaign.subdivision, years=_years(now_wall), file=blackout))


def holidays_of_callees(campaign: Campaign, *, now_wall: float) -> HolidaysOf | None:
    """Return what gives the holidays of the country of a number; None where the campaign does not go by them."""
    if campaign.holidays != CALLEE:
        return None
    of_country: Callable[[str], frozenset[date] | None]
    of_country = lru_cache(maxsize=None)(partial(holidays_of_country, years=_years(now_wall)))

    def holidays_of(number: str) -> frozenset[date] | None:
        country = country_of(number)
        return None if country is None else of_country(country)

    return lru_cache(maxsize=4096)(holidays_of)


def _years(now_wall: float) -> range:
    year = datetime.fromtimestamp(now_wall, UTC).year
    return range(year - 1, year + 3)
