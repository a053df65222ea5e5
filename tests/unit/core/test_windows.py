"""Calling windows by the callee's clock: the rules, one by one. tests/property/test_windows.py compares with a scan."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest

from orchestrator.core.windows import EVERY_DAY, LOOK_AHEAD_S, Calendar, Window, closes_at, is_open, next_opening
from orchestrator.core.windowtext import parse_windows

BERLIN = "Europe/Berlin"
HOUR = 3600.0


def wall(text: str, zone: str = BERLIN, *, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


def local(at: float | None, zone: str = BERLIN) -> str:
    return "never" if at is None else datetime.fromtimestamp(at, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


def calendar(text: str, *closed: str) -> Calendar:
    return Calendar(windows=parse_windows(text), closed_dates=frozenset(date.fromisoformat(one) for one in closed))


OFFICE = calendar("mon-fri 09:00-12:00, 13:00-20:00; sat 10:00-14:00")


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-23 08:59:59", False),  # a Monday
        ("2026-11-23 09:00", True),
        ("2026-11-23 11:59:59.5", True),
        ("2026-11-23 12:00", False),
        ("2026-11-23 13:00", True),
        ("2026-11-28 13:00", True),
        ("2026-11-28 14:00", False),
        ("2026-11-29 13:00", False),
    ],
)
def test_a_window_holds_its_start_and_not_its_end(moment: str, expected: bool) -> None:
    """Several windows a day and other days have their own; the end is already outside."""
    assert is_open(OFFICE, {BERLIN}, at_wall=wall(moment)) is expected


@pytest.mark.parametrize(
    ("after", "room_s", "opening"),
    [
        ("2026-11-23 07:00", 0, "2026-11-23 09:00"),
        ("2026-11-23 10:30", 0, "2026-11-23 10:30"),
        ("2026-11-23 11:00", HOUR, "2026-11-23 11:00"),  # the call may end as the window does
        ("2026-11-23 11:01", HOUR, "2026-11-23 13:00"),
        ("2026-11-23 09:00", 4 * HOUR, "2026-11-23 13:00"),  # the pause at noon is not jumped over
        ("2026-11-27 20:00", 0, "2026-11-28 10:00"),
        ("2026-11-28 13:30", HOUR, "2026-11-30 09:00"),
        ("2026-11-23 09:00", 8 * HOUR, "never"),  # no window is so long
    ],
)
def test_the_next_opening_has_room_for_the_call(after: str, room_s: float, opening: str) -> None:
    """A call is not begun when its longest duration would outlast the window."""
    assert local(next_opening(OFFICE, {BERLIN}, after_wall=wall(after), room_s=room_s)) == opening


def test_an_overnight_window_belongs_to_the_day_it_begins() -> None:
    """Friday 22:00 to 06:00 is open on Saturday morning, and not on Friday morning; midnight does not interrupt it."""
    night = calendar("fri 22:00-06:00")
    assert not is_open(night, {BERLIN}, at_wall=wall("2026-11-27 05:00"))
    assert is_open(night, {BERLIN}, at_wall=wall("2026-11-28 05:59"))
    assert (
        local(next_opening(night, {BERLIN}, after_wall=wall("2026-11-27 23:00"), room_s=7 * HOUR)) == "2026-11-27 23:00"
    )
    assert local(closes_at(night, {BERLIN}, at_wall=wall("2026-11-27 23:00"))) == "2026-11-28 06:00"


def test_a_window_to_midnight_ends_the_day() -> None:
    """An end of 00:00 is the end of the day, and one that ends as it starts lasts a whole day."""
    evening = Calendar(windows=(Window(frozenset({0}), time(18), time(0)),))
    assert local(closes_at(evening, {BERLIN}, at_wall=wall("2026-11-23 19:00"))) == "2026-11-24 00:00"
    around = Calendar(windows=(Window(frozenset({0}), time(18), time(18)),))
    assert local(closes_at(around, {BERLIN}, at_wall=wall("2026-11-23 19:00"))) == "2026-11-24 18:00"


def test_overlapping_windows_are_one() -> None:
    """Where windows touch or overlap there is room across them."""
    overlapping = calendar("09:00-12:00, 10:00-11:00, 11:30-14:00, 14:00-15:00")
    assert local(next_opening(overlapping, {BERLIN}, after_wall=wall("2026-11-23 09:00"), room_s=6 * HOUR)) == (
        "2026-11-23 09:00"
    )


def test_closed_dates_close_the_day_and_the_windows_that_began_on_it() -> None:
    """Nobody is called on a closed date, neither in a night begun the day before; nor in the night that it begins."""
    nights = calendar("22:00-06:00", "2026-12-25")
    for moment, expected in [
        ("2026-12-24 23:59", True),
        ("2026-12-25 01:00", False),
        ("2026-12-25 23:00", False),
        ("2026-12-26 01:00", False),
        ("2026-12-26 22:00", True),
    ]:
        assert is_open(nights, {BERLIN}, at_wall=wall(moment)) is expected, moment
    assert local(closes_at(nights, {BERLIN}, at_wall=wall("2026-12-24 22:30"))) == "2026-12-25 00:00"


def test_closed_dates_alone_leave_every_other_day_open() -> None:
    """A calendar without windows is open all day."""
    blackout = Calendar(closed_dates=frozenset({date(2026, 12, 25)}))
    assert local(next_opening(blackout, {BERLIN}, after_wall=wall("2026-12-25 08:00"))) == "2026-12-26 00:00"


@pytest.mark.parametrize(
    ("text", "opens", "closes", "minutes"),
    [
        ("02:30-03:30", "2026-03-29 03:00", "2026-03-29 03:30", 30),  # begins in the hour that is skipped
        ("01:30-02:30", "2026-03-29 01:30", "2026-03-29 03:00", 30),  # ends in it
        ("01:00-04:00", "2026-03-29 01:00", "2026-03-29 04:00", 120),
        ("02:10-02:50", "2026-03-30 02:10", "2026-03-30 02:50", 40),  # lies in it: next day
    ],
)
def test_a_skipped_hour_never_comes(text: str, opens: str, closes: str, minutes: int) -> None:
    """On the day the clock jumps from 02:00 to 03:00, a window has only the minutes that its clock shows."""
    opening = next_opening(calendar(text), {BERLIN}, after_wall=wall("2026-03-29 00:00"))
    assert opening is not None
    closing = closes_at(calendar(text), {BERLIN}, at_wall=opening)
    assert closing is not None
    assert (local(opening), local(closing)) == (opens, closes)
    assert closing - opening == minutes * 60


def test_a_doubled_hour_counts_twice() -> None:
    """On the day 03:00 becomes 02:00 again, 02:30 to 03:30 is open in both passes and shut between them."""
    window = calendar("02:30-03:30")
    first, again = wall("2026-10-25 02:30"), wall("2026-10-25 02:30", fold=1)
    assert next_opening(window, {BERLIN}, after_wall=wall("2026-10-25 01:00")) == first
    assert closes_at(window, {BERLIN}, at_wall=first) == first + 1800
    assert not is_open(window, {BERLIN}, at_wall=first + 1800)
    assert next_opening(window, {BERLIN}, after_wall=first, room_s=HOUR) == again
    assert closes_at(window, {BERLIN}, at_wall=again) == again + HOUR


def test_room_is_real_time() -> None:
    """01:00 to 04:00 lasts four hours on the day an hour is doubled, and two where one is skipped."""
    window = calendar("sun 01:00-04:00")
    assert local(next_opening(window, {BERLIN}, after_wall=wall("2026-10-20 00:00"), room_s=4 * HOUR)) == (
        "2026-10-25 01:00"
    )
    assert local(next_opening(window, {BERLIN}, after_wall=wall("2026-03-24 00:00"), room_s=3 * HOUR)) == (
        "2026-04-05 01:00"
    )


def test_a_skipped_day_never_comes() -> None:
    """Samoa had no 30 December 2011."""
    friday = calendar("fri 10:00-12:00")
    after = wall("2011-12-29 12:00", "Pacific/Apia")
    assert local(next_opening(friday, {"Pacific/Apia"}, after_wall=after), "Pacific/Apia") == "2012-01-06 10:00"


def test_every_zone_must_be_open() -> None:
    """A callee in one of several zones is called only when it is a good time in all of them."""
    zones = {"America/New_York", "America/Los_Angeles"}
    opening = next_opening(OFFICE, zones, after_wall=wall("2026-11-23 06:00", "America/New_York"))
    assert local(opening, "America/New_York") == "2026-11-23 13:00"  # 10:00 in Los Angeles; at 12:00 New York pauses
    assert opening is not None
    assert local(closes_at(OFFICE, zones, at_wall=opening), "America/New_York") == "2026-11-23 15:00"
    assert not is_open(OFFICE, zones, at_wall=wall("2026-11-23 11:00", "America/New_York"))


def test_zones_that_are_never_open_together() -> None:
    """When no moment suits all the zones there is no opening, not an endless search."""
    apart = {"America/New_York", "Asia/Tokyo"}
    assert next_opening(calendar("09:00-12:00"), apart, after_wall=wall("2026-11-23 06:00")) is None


def test_the_search_ends() -> None:
    """An opening is found within the look-ahead, with all its room, and not beyond it."""
    after = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    edge = datetime.fromtimestamp(after + LOOK_AHEAD_S, UTC)
    last = Calendar(not_before=edge - timedelta(seconds=1))
    assert next_opening(last, {"UTC"}, after_wall=after, room_s=HOUR) == after + LOOK_AHEAD_S - 1
    assert next_opening(Calendar(not_before=edge), {"UTC"}, after_wall=after) is None
    hour_later = datetime.fromtimestamp(after + LOOK_AHEAD_S + HOUR, UTC)
    assert next_opening(Calendar(not_before=hour_later), {"UTC"}, after_wall=after, room_s=8 * HOUR) is None


def test_closing() -> None:
    """What is closed closes at once, what is always open never does."""
    monday = wall("2026-11-23 12:30")
    assert closes_at(OFFICE, {BERLIN}, at_wall=monday) == monday
    assert closes_at(Calendar(), {BERLIN}, at_wall=monday) is None
    assert closes_at(calendar("00:00-24:00"), {BERLIN}, at_wall=monday) is None


def test_without_a_zone_a_window_is_never_open() -> None:
    """Who lives nobody knows where is not called where a window is set."""
    now = wall("2026-11-23 10:00")
    assert OFFICE.needs_zone
    assert not is_open(OFFICE, (), at_wall=now)
    assert next_opening(OFFICE, (), after_wall=now) is None
    assert closes_at(OFFICE, (), at_wall=now) == now


def test_without_a_window_no_zone_is_needed() -> None:
    """No calendar, and dates with an offset, mean the same everywhere; local dates do not."""
    now = wall("2026-11-23 10:00")
    assert next_opening(Calendar(), (), after_wall=now) == now
    later = Calendar(not_before=datetime.fromtimestamp(now + 60, UTC))
    assert next_opening(Calendar().narrowed(later), (), after_wall=now) == now + 60
    assert not later.needs_zone
    assert Calendar(not_after=datetime(2026, 12, 1)).needs_zone  # noqa: DTZ001 - by the callee's clock
    assert Calendar(closed_dates=frozenset({date(2026, 12, 25)})).needs_zone
    assert Calendar().narrowed(OFFICE).needs_zone


def test_bounds_of_a_contact() -> None:
    """Nothing is open before `not_before` or from `not_after` on, and the room must be there before it."""
    bounded = OFFICE.narrowed(
        Calendar(
            not_before=datetime.fromisoformat("2026-11-23T10:30:00.5+01:00"),
            not_after=datetime.fromisoformat("2026-11-23T16:00:00+01:00"),
        )
    )
    assert next_opening(bounded, {BERLIN}, after_wall=wall("2026-11-22 10:00")) == wall("2026-11-23 10:30:00.5")
    assert local(closes_at(bounded, {BERLIN}, at_wall=wall("2026-11-23 15:00"))) == "2026-11-23 16:00"
    assert next_opening(bounded, {BERLIN}, after_wall=wall("2026-11-23 15:30"), room_s=HOUR) is None
    assert not is_open(bounded, {BERLIN}, at_wall=wall("2026-11-23 10:30"))
    assert not is_open(bounded, {BERLIN}, at_wall=wall("2026-11-23 16:00"))


def test_local_bounds_are_read_in_every_zone() -> None:
    """A date and time without an offset is by the callee's clock; in several zones the last of them counts."""
    bounds = Calendar(not_before=datetime(2026, 11, 23, 10))  # noqa: DTZ001 - by the callee's clock
    zones = {"America/New_York", "America/Los_Angeles"}
    opening = next_opening(bounds, zones, after_wall=wall("2026-11-22 10:00"))
    assert local(opening, "America/Los_Angeles") == "2026-11-23 10:00"


@pytest.mark.parametrize("moment", ["2026-10-25 02:30", "2026-03-29 02:30"])
def test_local_bounds_are_strict_where_the_clock_changes(moment: str) -> None:
    """A doubled or skipped time is the later one as `not_before`, the earlier one as `not_after`."""
    bound = datetime.fromisoformat(moment)
    readings = sorted(wall(moment, fold=fold) for fold in (0, 1))
    assert next_opening(Calendar(not_before=bound), {BERLIN}, after_wall=readings[0] - HOUR) == readings[1]
    assert closes_at(Calendar(not_after=bound), {BERLIN}, at_wall=readings[0] - HOUR) == readings[0]


def test_an_unknown_zone_name_is_an_error() -> None:
    """A zone without data is never taken for another."""
    with pytest.raises(ZoneInfoNotFoundError):
        next_opening(OFFICE, {"Europe/Nowhere"}, after_wall=0.0)


def test_every_day_is_seven_days() -> None:
    """The days of a window are counted from Monday, 0."""
    assert sorted(EVERY_DAY) == [0, 1, 2, 3, 4, 5, 6]
