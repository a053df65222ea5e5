"""Calling windows and redialling against a scan of the clock, around the clock changes of many zones.

The scan looks at what a clock on the wall shows every five minutes and knows nothing of intervals; all times in these
tests are multiples of five minutes, and so are the offsets of the zones.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import hypothesis.strategies as st
from hypothesis import event, given, settings

from orchestrator.core.records import Disposition
from orchestrator.core.redial import (
    NoMore,
    NumberLimits,
    PastRun,
    Planning,
    RedialRule,
    earliest_allowed,
    next_call,
)
from orchestrator.core.windows import EVERY_DAY, Calendar, Window, closes_at, is_open, next_opening

STEP_S = 300
SCANNED = 3 * 288
"""Steps of a scan: three days."""

CHANGES = [
    ("Europe/Berlin", "2026-03-29T01:00"),
    ("Europe/Berlin", "2026-10-25T01:00"),
    ("America/New_York", "2026-03-08T07:00"),
    ("America/New_York", "2026-11-01T06:00"),
    ("America/St_Johns", "2026-11-01T04:30"),
    ("Australia/Lord_Howe", "2026-04-04T15:00"),  # half an hour is doubled
    ("Australia/Lord_Howe", "2026-10-03T15:30"),
    ("America/Havana", "2026-03-08T05:00"),  # midnight is skipped
    ("America/Havana", "2026-11-01T05:00"),  # and doubled
    ("Africa/Cairo", "2026-10-29T21:00"),  # the last hour of a day is doubled
    ("Pacific/Apia", "2011-12-30T10:00"),  # a whole day is skipped
    ("Asia/Kathmandu", "2026-06-01T00:00"),  # an odd offset, and no change
    ("UTC", "2026-01-01T00:00"),
]


@dataclass(frozen=True)
class Case:
    """A calendar, zones, and where to look."""

    calendar: Calendar
    zones: frozenset[str]
    after: int
    room_s: int


near_changes = st.one_of(st.integers(0, 42), st.integers(270, 287))
clocks = st.one_of(near_changes, st.integers(0, 287)).map(lambda step: time(step // 12, step % 12 * 5))
weekdays = st.one_of(st.just(EVERY_DAY), st.frozensets(st.integers(0, 6), min_size=1))
windows = st.builds(Window, weekdays, clocks, clocks)


def dates_near(moment: int) -> st.SearchStrategy[date]:
    day = datetime.fromtimestamp(moment, UTC).date()
    return st.integers(-1, 3).map(lambda days: day + timedelta(days=days))


def moments_near(moment: int) -> st.SearchStrategy[datetime]:
    return st.integers(-288, SCANNED).map(lambda step: datetime.fromtimestamp(moment + step * STEP_S, UTC))


@st.composite
def calendars(draw: st.DrawFn, moment: int, *, depth: int = 1) -> Calendar:
    return Calendar(
        windows=tuple(draw(st.lists(windows, max_size=3))),
        closed_dates=draw(st.frozensets(dates_near(moment), max_size=2)),
        not_before=draw(st.one_of(st.none(), st.none(), moments_near(moment))),
        not_after=draw(st.one_of(st.none(), st.none(), moments_near(moment))),
        also=tuple(draw(st.lists(calendars(moment, depth=depth - 1), max_size=1))) if depth else (),
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    zone, change = draw(st.sampled_from(CHANGES))
    moment = int(datetime.fromisoformat(change).replace(tzinfo=UTC).timestamp())
    further = draw(st.frozensets(st.sampled_from([name for name, _ in CHANGES]), max_size=1))
    return Case(
        calendar=draw(calendars(moment)),
        zones=further | {zone},
        after=moment + draw(st.integers(-400, 100)) * STEP_S,
        room_s=draw(st.integers(0, 60)) * STEP_S,
    )


def by_the_clock(calendar: Calendar, zone: str, at: int) -> bool:
    """Return whether a calendar is open, from its words: the window that began today, or yesterday, has not ended."""
    clock = datetime.fromtimestamp(at, ZoneInfo(zone)).replace(tzinfo=None)
    moment = datetime.fromtimestamp(at, UTC)
    if clock.date() in calendar.closed_dates:
        return False
    if (calendar.not_before and moment < calendar.not_before) or (calendar.not_after and moment >= calendar.not_after):
        return False
    if not all(by_the_clock(other, zone, at) for other in calendar.also):
        return False
    for window in calendar.windows:
        for day in (clock.date(), clock.date() - timedelta(days=1)):
            start, end = datetime.combine(day, window.start), datetime.combine(day, window.end)
            end += timedelta(days=end <= start)
            if day.weekday() in window.weekdays and day not in calendar.closed_dates and start <= clock < end:
                return True
    return not calendar.windows


def scan(case: Case) -> list[bool]:
    """Return whether all the zones are open, step by step."""
    moments = range(case.after, case.after + SCANNED * STEP_S, STEP_S)
    return [all(by_the_clock(case.calendar, zone, at) for zone in case.zones) for at in moments]


@settings(max_examples=150, deadline=None)
@given(cases())
def test_the_next_opening_is_the_first_that_a_scan_finds(case: Case) -> None:
    """It is open, stays so for the room asked, nothing earlier does, and asking again from there gives the same."""
    opens = scan(case)
    needed = max(case.room_s // STEP_S, 1)
    found = next_opening(case.calendar, case.zones, after_wall=case.after, room_s=case.room_s)
    expected = next((step for step in range(SCANNED - needed) if all(opens[step : step + needed])), None)
    event("found in the scan" if expected is not None else "later" if found else "never")
    if expected is None:
        assert found is None or found >= case.after + (SCANNED - needed) * STEP_S
    else:
        assert found == case.after + expected * STEP_S
    if found is not None:
        assert next_opening(case.calendar, case.zones, after_wall=found, room_s=case.room_s) == found
        assert all(
            is_open(case.calendar, case.zones, at_wall=found + second) for second in range(0, case.room_s, STEP_S // 2)
        )


@settings(max_examples=150, deadline=None)
@given(cases())
def test_closing_is_the_first_closed_step_of_a_scan(case: Case) -> None:
    """It agrees with the scan, and so does whether it is open now."""
    opens = scan(case)
    found = closes_at(case.calendar, case.zones, at_wall=case.after)
    expected = next((step for step in range(SCANNED) if not opens[step]), None)
    event("closed" if expected == 0 else "closes" if expected else "stays open")
    assert is_open(case.calendar, case.zones, at_wall=case.after) is opens[0]
    if expected is None:
        assert found is None or found >= case.after + SCANNED * STEP_S
    else:
        assert found == case.after + expected * STEP_S


limits = st.builds(
    NumberLimits,
    min_gap_s=st.integers(0, 300).map(lambda steps: float(steps * STEP_S)),
    daily_cap=st.one_of(st.none(), st.integers(1, 3)),
)


def is_allowed(dials: list[float], limit: NumberLimits, zones: frozenset[str], at: float) -> bool:
    """Return whether a dial keeps the gap after every earlier one, and the cap of its day in every zone."""
    if any(at < dial + limit.min_gap_s for dial in dials):
        return False
    for zone in map(ZoneInfo, zones):
        today = datetime.fromtimestamp(at, zone).date()
        if sum(datetime.fromtimestamp(dial, zone).date() == today for dial in dials) >= (limit.daily_cap or 1_000):
            return False
    return True


@settings(max_examples=100, deadline=None)
@given(cases(), limits, st.lists(st.integers(0, 600), max_size=6))
def test_caps_and_gaps_are_kept_and_not_a_step_more(case: Case, limit: NumberLimits, ago: list[int]) -> None:
    """The moment is allowed, and no step before it is."""
    dials = [float(case.after - steps * STEP_S) for steps in ago]
    found = earliest_allowed(dials, limit, zones=case.zones, now_wall=case.after)
    assert is_allowed(dials, limit, case.zones, found)
    for at in range(case.after, int(found), STEP_S):
        assert not is_allowed(dials, limit, case.zones, at)


REDIALS = [Disposition.BUSY, Disposition.NO_ANSWER, Disposition.FAILED]


@st.composite
def plans(draw: st.DrawFn) -> tuple[Planning, float]:
    """Return a campaign's plan with rules for most endings, and when it begins."""
    case = draw(cases())
    rules = [
        RedialRule(
            disposition=disposition,
            times=draw(st.integers(1, 3)),
            after_s=draw(st.integers(0, 300)) * float(STEP_S),
            within=tuple(draw(st.lists(windows, max_size=1))),
        )
        for disposition in draw(st.permutations(REDIALS))[: draw(st.integers(1, 3))]
    ]
    plan = Planning(
        rules=tuple(rules),
        calendar=Calendar(windows=case.calendar.windows[:1], closed_dates=case.calendar.closed_dates),
        zones=case.zones,
        room_s=case.room_s,
        limits=draw(limits),
    )
    return plan, float(case.after)


@settings(max_examples=100, deadline=None)
@given(plans(), st.lists(st.sampled_from(REDIALS), min_size=10, max_size=10))
def test_a_contact_is_called_when_everything_allows_it_and_not_for_ever(
    planned: tuple[Planning, float], endings: list[Disposition]
) -> None:
    """Followed to its end, a contact gets no more calls than the rules say, each within delay, windows, gap and cap."""
    plan, now = planned
    delays = {rule.disposition: rule.after_s for rule in plan.rules}
    runs: list[PastRun] = []
    dials: list[float] = []
    for ending in endings:
        found = next_call(plan, runs, dials_wall=dials, now_wall=now)
        if isinstance(found, NoMore):
            break
        at = found.at_wall
        assert at >= (runs[-1].ended_wall + delays[runs[-1].disposition] if runs else now)
        assert is_allowed(dials, plan.limits, plan.zones, at)
        assert next_opening(plan.calendar, plan.zones, after_wall=at, room_s=plan.room_s) == at
        assert next_call(plan, runs, dials_wall=dials, now_wall=at) == found
        dials.append(at)
        now = at + plan.room_s
        runs.append(PastRun(disposition=ending, ended_wall=now))
    event(f"{len(dials)} calls")
    assert len(dials) <= 1 + sum(rule.times for rule in plan.rules)
    for rule in plan.rules:
        followed = sum(run.disposition is rule.disposition for run in runs[:-1])
        assert followed <= rule.times
