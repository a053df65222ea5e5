"""When a callee may be called: windows by the callee's own clock, closed dates, and a contact's own bounds.

Pure arithmetic over time-zone data. It knows neither contacts nor runs nor the present: whoever plans a batch, and
`redial`, gives every moment as `wall`, seconds since the epoch, UTC. `windowtext` reads what users write.

A moment is open by what the callee's clock shows then. So in the hour that a clock change doubles both passes count,
an hour that it skips never comes, and every duration is in real seconds.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

LOOK_AHEAD_S = 400 * 86_400.0
"""How far ahead an opening is looked for: a year, with the holidays around it."""
EVERY_DAY = frozenset(range(7))

_DAY_S = 86_400
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Window:
    """A time of day at which calls are allowed, by the callee's clock.

    Attributes:
        weekdays: The days it begins on, Monday is 0.
        start: The first moment.
        end: The first moment after it. Not later than `start` means on the next day, so that 22:00 to 06:00 belongs to
            the day it begins on, midnight ends that day, and a window that ends as it starts lasts the whole day.
    """

    weekdays: frozenset[int]
    start: time
    end: time

    @property
    def seconds(self) -> tuple[float, float]:
        """The start and the end in seconds after the midnight of the day it begins on."""
        start_s, end_s = _seconds_of(self.start), _seconds_of(self.end)
        return start_s, end_s if end_s > start_s else end_s + _DAY_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """When calls are allowed. The one without any field allows every moment.

    Attributes:
        windows: Any of them allows; none means all day, every day.
        closed_dates: Holidays and blackout dates: nothing is open on them, nor in a window that began on them.
        not_before: Nothing is open before. Without an offset it is by the callee's clock, read strictly where a clock
            change doubles or skips it.
        not_after: Nothing is open from then on; as `not_before`.
        also: Further calendars that must be open at the same time.
    """

    windows: tuple[Window, ...] = ()
    closed_dates: frozenset[date] = frozenset()
    not_before: datetime | None = None
    not_after: datetime | None = None
    also: tuple[Calendar, ...] = ()

    @property
    def needs_zone(self) -> bool:
        """Whether it can only be read where the callee's time zone is known."""
        is_local = any(bound is not None and bound.tzinfo is None for bound in (self.not_before, self.not_after))
        return bool(self.windows or self.closed_dates) or is_local or any(one.needs_zone for one in self.also)

    def narrowed(self, other: Calendar) -> Calendar:
        """Return the calendar that is open when both are."""
        return replace(self, also=(*self.also, other))


def is_open(calendar: Calendar, zones: Collection[str], *, at_wall: float) -> bool:
    """Return whether the calendar is open at that moment in all the zones.

    Without a zone it never is, unless the calendar needs none. Raises ZoneInfoNotFoundError for a name without data.
    """
    return _is_readable(calendar, zones) and all(
        _is_open(rule, zone, at_wall) for rule, zone in _cases(calendar, zones)
    )


def next_opening(calendar: Calendar, zones: Collection[str], *, after_wall: float, room_s: float = 0.0) -> float | None:
    """Return the first moment from `after_wall` on that is open in all the zones, and stays so for `room_s` more.

    None when there is none within LOOK_AHEAD_S, or no zone where the calendar needs one. Raises ZoneInfoNotFoundError
    for a name without data.
    """
    if not _is_readable(calendar, zones):
        return None
    limit = after_wall + LOOK_AHEAD_S
    cases = [_Openings(*case, since=after_wall, until=limit + room_s) for case in _cases(calendar, zones)]
    at = after_wall
    while at < limit:
        fitting = max((case.first_fit(at, room_s) for case in cases), default=at)
        if fitting == at:
            return at
        at = fitting
    return None


def closes_at(calendar: Calendar, zones: Collection[str], *, at_wall: float) -> float | None:
    """Return the first moment from `at_wall` on that is not open in all the zones: `at_wall` itself if it is not.

    None when everything stays open through LOOK_AHEAD_S. Raises ZoneInfoNotFoundError for a name without data.
    """
    if not _is_readable(calendar, zones):
        return at_wall
    until = at_wall + LOOK_AHEAD_S
    ends = (_Openings(*case, since=at_wall, until=until).end_of(at_wall) for case in _cases(calendar, zones))
    closing = min(ends, default=math.inf)
    return None if closing >= until else closing


def _is_readable(calendar: Calendar, zones: Collection[str]) -> bool:
    return bool(zones) or not calendar.needs_zone


def _cases(calendar: Calendar, zones: Collection[str]) -> Iterator[tuple[Calendar, ZoneInfo]]:
    """Yield every calendar with every zone: all must be open. Without zones only dates with an offset are left."""
    for rule in _rules(calendar):
        for name in zones or ("UTC",):
            yield rule, ZoneInfo(name)


def _rules(calendar: Calendar) -> Iterator[Calendar]:
    """Yield the calendar and those in it that forbid anything; their `also` is not to be read again."""
    if calendar.windows or calendar.closed_dates or calendar.not_before or calendar.not_after:
        yield calendar
    for other in calendar.also:
        yield from _rules(other)


def _is_open(rule: Calendar, zone: ZoneInfo, at_wall: float) -> bool:
    opens, shuts = _bounds(rule, zone)
    local = datetime.fromtimestamp(at_wall, zone)
    seconds = _seconds_of(local.time())
    return opens <= at_wall < shuts and any(start <= seconds < end for start, end in _parts_of(rule, local.date()))


class _Openings:
    """The open spans of one rule in one zone, read forwards.

    Spans are made from parts that may touch or overlap (at midnight, at a clock change), and only as long as is asked
    for: a calendar that never closes costs no more than another.
    """

    __slots__ = ("_end", "_next", "_parts", "_start")

    def __init__(self, rule: Calendar, zone: ZoneInfo, *, since: float, until: float) -> None:
        self._parts = _parts(rule, zone, since=since, until=until)
        self._next = next(self._parts, None)
        self._start = self._end = -math.inf

    def first_fit(self, at: float, room_s: float) -> float:
        """Return the first moment from `at` on with so much room before the close, or infinity. `at` only grows."""
        while True:
            moment = max(at, self._start)
            if moment < self._end and moment + room_s <= self._end:
                return moment
            if self._next is None:
                return math.inf
            self._advance(*self._next)

    def end_of(self, at: float) -> float:
        """Return when the span around `at` closes: `at` itself if none is, at least `until` if it goes on so long."""
        if self.first_fit(at, 0.0) != at:
            return at
        while self._next is not None and self._next[0] <= self._end:
            self._advance(*self._next)
        return self._end

    def _advance(self, start: float, end: float) -> None:
        if start > self._end:
            self._start = start
        self._end = max(self._end, end)
        self._next = next(self._parts, None)


def _parts(rule: Calendar, zone: ZoneInfo, *, since: float, until: float) -> Iterator[tuple[float, float]]:
    """Yield what is open between two moments, in order of time."""
    opens, shuts = _bounds(rule, zone)
    for start, end, offset_s in _stretches(zone, since=max(since, opens), until=min(until, shuts)):
        for day in range((start + offset_s) // _DAY_S, (end - 1 + offset_s) // _DAY_S + 1):
            midnight = day * _DAY_S - offset_s
            for first_s, last_s in _parts_of(rule, date.fromordinal(_EPOCH_ORDINAL + day)):
                part = max(start, midnight + first_s, opens), min(end, midnight + last_s, shuts)
                if part[0] < part[1]:
                    yield part


def _stretches(zone: ZoneInfo, *, since: float, until: float) -> Iterator[tuple[int, int, int]]:
    """Yield stretches of at most a day with one offset from UTC each: start, end, the offset in seconds.

    They cover everything between the two moments, and at both ends a little more.
    """
    start = math.floor(since)
    offset_s = _offset_s(zone, start)
    while start < until:
        end = start + _DAY_S
        following_s = _offset_s(zone, end)
        if following_s != offset_s:
            end = _change(zone, start, end)
            following_s = _offset_s(zone, end)
        yield start, end, offset_s
        start, offset_s = end, following_s


def _change(zone: ZoneInfo, same: int, other: int) -> int:
    """Return the first moment whose offset is not that of `same`; no zone changes twice between two days."""
    offset_s = _offset_s(zone, same)
    while other - same > 1:
        middle = (same + other) // 2
        same, other = (middle, other) if _offset_s(zone, middle) == offset_s else (same, middle)
    return other


def _parts_of(rule: Calendar, day: date) -> list[tuple[float, float]]:
    """Return what is open on a day, by the clock, in seconds after midnight, sorted by the start."""
    if day in rule.closed_dates:
        return []
    if not rule.windows:
        return [(0, _DAY_S)]
    eve = day - timedelta(days=1)
    today = [window.seconds for window in rule.windows if day.weekday() in window.weekdays]
    begun = [window.seconds for window in rule.windows if eve.weekday() in window.weekdays]
    parts = [(start_s, min(end_s, _DAY_S)) for start_s, end_s in today]
    if eve not in rule.closed_dates:
        parts += [(0, end_s - _DAY_S) for _, end_s in begun if end_s > _DAY_S]
    return sorted(parts)


def _bounds(rule: Calendar, zone: ZoneInfo) -> tuple[float, float]:
    """Return the first open moment and the first closed one that `not_before` and `not_after` make in a zone."""
    opens = max(_readings(rule.not_before, zone), default=-math.inf)
    shuts = min(_readings(rule.not_after, zone), default=math.inf)
    return opens, shuts


def _readings(bound: datetime | None, zone: ZoneInfo) -> list[float]:
    """Return what moments a bound may mean: two where a clock change doubles or skips a local one."""
    if bound is None:
        return []
    if bound.tzinfo is not None:
        return [bound.timestamp()]
    return [bound.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1)]


def _offset_s(zone: ZoneInfo, at: int) -> int:
    offset = datetime.fromtimestamp(at, zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


def _seconds_of(clock: time) -> float:
    return clock.hour * 3600 + clock.minute * 60 + clock.second + clock.microsecond / 1_000_000
