"""Which occurrence of a campaign a moment belongs to, and the closed dates of its calendar."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from orchestrator.core.campaign import Campaign, Occurrence, Repeat, end_of_occurrence, occurrence_of
from orchestrator.core.windows import Calendar
from orchestrator.core.windowtext import parse_windows


def at(text: str, zone: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("repeat", "zone", "now", "name", "ends"),
    [
        (Repeat.NONE, "UTC", "2026-11-23 00:00", "2026-11-23", "2026-11-24"),
        (Repeat.DAILY, "America/New_York", "2026-11-23 23:59:59", "2026-11-23", "2026-11-24"),
        (Repeat.DAILY, "Europe/Berlin", "2026-10-25 01:00", "2026-10-25", "2026-10-26"),
        (Repeat.WEEKLY, "UTC", "2026-11-23 00:00", "2026-W48", "2026-11-30"),
        (Repeat.WEEKLY, "UTC", "2026-11-29 23:59", "2026-W48", "2026-11-30"),
        (Repeat.WEEKLY, "Asia/Tokyo", "2027-01-01 12:00", "2026-W53", "2027-01-04"),
        (Repeat.WEEKLY, "UTC", "2026-03-03 12:00", "2026-W10", "2026-03-09"),
    ],
)
def test_an_occurrence_is_a_day_or_a_week_by_the_clock_of_the_campaign(
    repeat: Repeat, zone: str, now: str, name: str, ends: str
) -> None:
    """It begins and ends at midnight in the campaign's zone, also where a clock change makes the day longer."""
    campaign = Campaign(name="c", timezone=zone, repeat=repeat)
    assert occurrence_of(campaign, at(now, zone)) == Occurrence(name, at(ends, zone))


def test_the_occurrence_differs_with_the_zone() -> None:
    """The same moment is another day elsewhere."""
    now = at("2026-11-23 23:30", "UTC")
    names = [occurrence_of(Campaign(name="c", timezone=zone), now).name for zone in ("UTC", "Asia/Tokyo")]
    assert names == ["2026-11-23", "2026-11-24"]


def test_an_occurrence_that_was_given_never_ends() -> None:
    """A person who names an occurrence may go on with it the next day."""
    assert occurrence_of(Campaign(name="c"), 0.0, "spring-2026") == Occurrence("spring-2026", None)


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("2026-11-23", "2026-11-24"),
        ("2026-W48", "2026-11-30"),
        ("2026-02-31", None),
        ("2026-W60", None),
        ("monday", None),
        ("2026-11-23b", None),
    ],
)
def test_when_an_earlier_occurrence_ended_is_told_from_its_name(name: str, ends: str | None) -> None:
    """A day or a week that this program named; any other name is a person's, and never ends."""
    expected = None if ends is None else at(ends, "Europe/Berlin")
    assert end_of_occurrence(name, "Europe/Berlin") == expected


def test_an_occurrence_is_over_at_its_end_not_before() -> None:
    """The first moment of the next one is not in it."""
    assert Occurrence("a", 10.0).is_over_by(10.0)
    assert not Occurrence("a", 10.0).is_over_by(9.9)
    assert not Occurrence("a").is_over_by(1e12)


def test_holidays_and_blackout_dates_come_into_the_calendar_beside_what_is_there() -> None:
    """Resolving adds closed dates and keeps the windows."""
    calendar = Calendar(windows=parse_windows("9-20"), closed_dates=frozenset({date(2026, 12, 24)}))
    resolved = Campaign(name="c", calendar=calendar).resolved(frozenset({date(2026, 12, 25)}))
    assert resolved.calendar.windows == calendar.windows
    assert resolved.calendar.closed_dates == {date(2026, 12, 24), date(2026, 12, 25)}
