"""Time zones and countries of telephone numbers, for calling windows and holidays.

Knows neither contacts nor windows; whoever plans a batch asks. A number tells where it was given out, not where its
owner is: a zone that the contact list states goes before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

_NO_COUNTRY = "001"
"""The region that the plans give numbers of no country, such as those of satellites."""


def zones_of(number: str) -> frozenset[str]:
    """Return every time zone that a number in E.164 may belong to; empty when none is known.

    One that its plan could have but has not given out, such as a fictional one, has the zones of the longest prefix
    that is known: perhaps all those of its country.
    """
    from phonenumbers import is_valid_number
    from phonenumbers.timezone import (
        UNKNOWN_TIMEZONE,
        time_zones_for_geographical_number,
        time_zones_for_number,
    )

    parsed = _parsed(number)
    if parsed is None:
        return frozenset()
    zones = time_zones_for_number(parsed) if is_valid_number(parsed) else time_zones_for_geographical_number(parsed)
    return frozenset(zones) - {UNKNOWN_TIMEZONE}


def country_of(number: str) -> str | None:
    """Return the two-letter code of the country a number in E.164 belongs to; None when several share its prefix."""
    from phonenumbers import region_code_for_number, region_codes_for_country_code

    parsed = _parsed(number)
    if parsed is None:
        return None
    regions = region_codes_for_country_code(int(parsed.country_code or 0))
    country = region_code_for_number(parsed) or (regions[0] if len(regions) == 1 else None)
    return None if country == _NO_COUNTRY else country


def is_zone(name: str) -> bool:
    """Return whether a time zone of that name can be used, such as `Europe/Berlin`."""
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _parsed(number: str) -> PhoneNumber | None:
    """Return what the numbering plans make of a number; None unless it is one that could exist."""
    import phonenumbers

    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return None
    return parsed if phonenumbers.is_possible_number(parsed) else None
