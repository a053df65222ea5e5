"""Window texts and bounds as users write them."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest

from orchestrator.core.windows import EVERY_DAY, Calendar, Window
from orchestrator.core.windowtext import WindowTextError, parse_bounds, parse_windows

WEEK = frozenset({0, 1, 2, 3, 4})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "mon-fri 09:00-12:00, 13:00-20:00; sat 10:00-14:00",
            (
                Window(WEEK, time(9), time(12)),
                Window(WEEK, time(13), time(20)),
                Window(frozenset({5}), time(10), time(14)),
            ),
        ),
        ("9-17", (Window(EVERY_DAY, time(9), time(17)),)),
        ("  Monday - Friday   9:30 - 17:05 ;", (Window(WEEK, time(9, 30), time(17, 5)),)),
        ("mon,wed, fri 9–17", (Window(frozenset({0, 2, 4}), time(9), time(17)),)),  # noqa: RUF001 - users type it
        ("thurs 09:00-12:00 13:00-14:00", (
            Window(frozenset({3}), time(9), time(12)), Window(frozenset({3}), time(13), time(14)))),
        ("fri-mon 22:00-06:00", (Window(frozenset({4, 5, 6, 0}), time(22), time(6)),)),
        ("sun 00:00-24:00", (Window(frozenset({6}), time(0), time(0)),)),
        ("sun 18-24", (Window(frozenset({6}), time(18), time(0)),)),
        ("sun 18:00-00:00", (Window(frozenset({6}), time(18), time(0)),)),
    ],
)  # fmt: skip
def test_windows(text: str, expected: tuple[Window, ...]) -> None:
    """Days, ranges of days and of times, groups; spaces, case and the kind of dash do not matter."""
    assert parse_windows(text) == expected


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("", 0, "no window is written"),
        (" ; ", 0, "no window is written"),
        ("mon-fri", 8, "no time of day follows"),
        ("sat 9-12; sun ; mon 9-12", 15, "no time of day follows"),
        (",", 2, "no time of day follows"),
        ("mon-fir 9-12", 1, "`fir` is not a day of the week"),
        ("mo 9-12", 1, "`mo` is not a day of the week"),
        ("mon- 9-12", 1, "`mon- 9-12` is not a range of days"),
        ("- 9-12", 1, "`- 9-12` is not a range of days"),
        ("mon-, 9-12", 1, "`mon-` is not a day of the week"),
        ("mon-wed-fri 9-12", 1, "`mon-wed-fri` is not a range of days"),
        ("mon 9:00-25:00", 5, "`25:00` is not a time of day"),
        ("mon 9:00-12:60", 5, "`12:60` is not a time of day"),
        ("mon 9:00-24:01", 5, "`24:01` is not a time of day"),
        ("mon 9am-5pm", 5, "`9am` is not a time of day"),
        ("mon 9-", 5, "`9-` is not a time of day"),
        ("mon 9:00", 5, "`9:00` is not a range of times"),
        ("mon 9-10-11", 5, "`9-10-11` is not a range of times"),
        ("mon 24:00-06:00", 5, "`24:00-06:00` begins when the day ends"),
        ("mon 9-12, 09:00-9", 11, "`09:00-9` ends as it begins; write `00:00-24:00` for the whole day"),
        ("mon 9-12, sat 9-12", 11, "`sat` follows a time of day; write `;` before further days"),
    ],
)
def test_what_is_wrong_and_where(text: str, position: int, says: str) -> None:
    """A text that cannot be understood is refused with a sentence and the place."""
    with pytest.raises(WindowTextError) as caught:
        parse_windows(text)
    assert caught.value.position == position
    assert says in str(caught.value)
    assert str(caught.value).endswith(f"(at character {position})") is bool(position)


def daily(start: time, end: time) -> Calendar:
    return Calendar(windows=(Window(EVERY_DAY, start, end),))


@pytest.mark.parametrize(
    ("not_before", "not_after", "expected"),
    [
        (None, "", Calendar()),
        ("10:00", None, daily(time(10), time(0))),
        (None, "16:30", daily(time(0), time(16, 30))),
        ("9", "24:00", daily(time(9), time(0))),
        ("10:00", "00:00", daily(time(10), time(0))),
        (" 22:00 ", "06:00", daily(time(22), time(6))),
        (
            "2026-12-01",
            "2026-12-01",
            Calendar(not_before=datetime(2026, 12, 1), not_after=datetime(2026, 12, 2)),  # noqa: DTZ001 - local
        ),
        ("2026-12-01 10:00", None, Calendar(not_before=datetime(2026, 12, 1, 10))),  # noqa: DTZ001 - local
        (
            "2026-12-01T10:00+01:00",
            "2026-12-01T12:00Z",
            Calendar(
                not_before=datetime(2026, 12, 1, 9, tzinfo=UTC),
                not_after=datetime(2026, 12, 1, 12, tzinfo=UTC),
            ),
        ),
        (
            "10:00",
            "2026-12-01T12:00Z",
            Calendar(
                windows=(Window(EVERY_DAY, time(10), time(0)),),
                not_after=datetime(2026, 12, 1, 12, tzinfo=UTC),
            ),
        ),
        (
            "2026-12-01T12:00Z",
            "2026-12-01 10:00",
            Calendar(
                not_before=datetime(2026, 12, 1, 12, tzinfo=UTC),
                not_after=datetime(2026, 12, 1, 10),  # noqa: DTZ001 - local, so that this may well be later
            ),
        ),
    ],
)
def test_bounds(not_before: str | None, not_after: str | None, expected: Calendar) -> None:
    """Times of day hold each day, dates count whole, an offset makes a moment absolute."""
    assert parse_bounds(not_before, not_after) == expected


@pytest.mark.parametrize(
    ("not_before", "not_after", "says"),
    [
        ("soon", None, "not_before `soon` is neither"),
        (None, "25:00", "not_after `25:00` is neither"),
        (None, "9999-12-31", "not_after `9999-12-31` is neither"),
        ("10:00", "10:00", "not_before `10:00` and not_after `10:00` leave no time"),
        ("24:00", None, "not_before `24:00` leave"),
        (None, "0:00", "not_after `0:00` leave"),
        ("2026-12-01", "0:00", "leave no time"),
        ("2026-12-02", "2026-12-01", "leave no time"),
        ("2026-12-01T10:00Z", "2026-12-01T11:00+01:00", "leave no time"),
    ],
)
def test_bounds_that_cannot_be(not_before: str | None, not_after: str | None, says: str) -> None:
    """A bound that is no time, and two that leave no time, are refused."""
    with pytest.raises(WindowTextError) as caught:
        parse_bounds(not_before, not_after)
    assert says in str(caught.value)
    assert caught.value.position == 0
