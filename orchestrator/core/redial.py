"""Whether and when a contact is called, or called again: redial rules, and the limits of its number.

Pure: the earlier runs, the times of earlier dials and the present are given as data, the answer is a value. A batch
asks before every dial, journals the moment, and asks again on the next tick: the same past gives the same answer.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from orchestrator.core.records import Disposition
from orchestrator.core.windows import Calendar, Window, next_opening

REDIALLED = frozenset(
    {Disposition.BUSY, Disposition.NO_ANSWER, Disposition.FAILED, Disposition.REJECTED, Disposition.HUNG_UP}
)
"""The dispositions a rule may be written for; after any other the contact was reached, or nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedialRule:
    """What follows a run that ended in one way. Raises ValueError when it makes no sense.

    Attributes:
        disposition: How the last run ended; one of REDIALLED.
        times: How often a contact is called again at most for this rule, in one occurrence.
        after_s: How long after the end of the last run.
        within: Windows for the new call, within those of the campaign; none for any of the campaign's.
        before_label: For `hung_up`, and only there: the label that the call must not have reached.
    """

    disposition: Disposition
    times: int
    after_s: float
    within: tuple[Window, ...] = ()
    before_label: str | None = None

    def __post_init__(self) -> None:
        if self.disposition not in REDIALLED:
            raise ValueError(f"there is no redialling after `{self.disposition}`; valid are {_listing()}")
        if (self.disposition is Disposition.HUNG_UP) != (self.before_label is not None):
            raise ValueError("`hung_up` needs the label that the call did not reach, and only `hung_up` has one")
        if self.times < 1 or self.after_s < 0:
            raise ValueError("a redial rule allows at least one more call, and not before the last has ended")

    def applies_to(self, run: PastRun) -> bool:
        """Return whether the rule is for runs that ended like this one."""
        return run.disposition is self.disposition and self.before_label not in run.labels


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """An ended run for the same contact in the same occurrence.

    Attributes:
        disposition: How it ended.
        ended_wall: When, in seconds since the epoch.
        labels: The labels of its script that it reached.
    """

    disposition: Disposition
    ended_wall: float
    labels: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberLimits:
    """What one number is spared, over all campaigns. Raises ValueError when it makes no sense.

    Attributes:
        min_gap_s: Least time between two dials.
        daily_cap: Most dials on one day of the callee's; None for any number.
    """

    min_gap_s: float = 0.0
    daily_cap: int | None = None

    def __post_init__(self) -> None:
        if self.min_gap_s < 0 or (self.daily_cap is not None and self.daily_cap < 1):
            raise ValueError("a minimum gap is 0 s or more, a daily cap 1 or more")


class Why(StrEnum):
    """Why a contact is not called any more in this occurrence."""

    NO_RULE = "no_rule"
    USED_UP = "used_up"
    UNKNOWN_ZONE = "unknown_zone"
    NEVER_OPEN = "never_open"


@dataclass(frozen=True, slots=True)
class CallAt:
    """Call, but not before that moment, in seconds since the epoch. One that has come may be acted on at once."""

    at_wall: float


@dataclass(frozen=True, slots=True)
class NoMore:
    """Do not call again. `reason` is a sentence for the results."""

    why: Why
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Planning:
    """What stays the same for one contact over one occurrence.

    Attributes:
        rules: The first that applies decides.
        calendar: The campaign's, narrowed by the contact's own bounds and the end of the occurrence.
        zones: All the time zones that the callee may be in.
        room_s: The longest a call may last; it must end before the calendar closes.
        limits: Of the number, over all campaigns.
    """

    rules: tuple[RedialRule, ...] = ()
    calendar: Calendar = field(default_factory=Calendar)
    zones: frozenset[str] = frozenset()
    room_s: float = 0.0
    limits: NumberLimits = field(default_factory=NumberLimits)


def next_call(
    planning: Planning, earlier: Sequence[PastRun], *, dials_wall: Collection[float], now_wall: float
) -> CallAt | NoMore:
    """Return when a contact is to be called, first or again, or why not.

    Args:
        planning: What stays the same.
        earlier: The contact's ended runs in this occurrence, in order; empty before its first call.
        dials_wall: When its number was dialled, by any campaign; those older than 26 h and the gap may be missing.
        now_wall: The present.

    Raises:
        ZoneInfoNotFoundError: A zone has no data.
    """
    calendar, not_before = planning.calendar, now_wall
    if earlier:
        rule = _rule_for(planning.rules, earlier)
        if isinstance(rule, NoMore):
            return rule
        not_before = max(now_wall, earlier[-1].ended_wall + rule.after_s)
        calendar = calendar.narrowed(Calendar(windows=rule.within))
    if calendar.needs_zone and not planning.zones:
        return NoMore(Why.UNKNOWN_ZONE, "the time zone is not known, so a calling window cannot be kept")
    at = _first_allowed(planning, calendar, dials_wall=dials_wall, after_wall=not_before)
    if at is None:
        alone = (replace(planning, zones=frozenset({zone})) for zone in planning.zones)
        fits = (_first_allowed(each, calendar, dials_wall=dials_wall, after_wall=not_before) for each in alone)
        if len(planning.zones) > 1 and any(moment is not None for moment in fits):
            return NoMore(Why.NEVER_OPEN, _no_common_window(planning.zones))
        return NoMore(Why.NEVER_OPEN, "no calling window has room for the call any more")
    return CallAt(at)


def earliest_allowed(
    dials_wall: Collection[float], limits: NumberLimits, *, zones: Collection[str], now_wall: float
) -> float:
    """Return the first moment from `now_wall` on at which a number may be dialled again.

    A day is one by the clock of each zone; without any, of UTC. Raises ZoneInfoNotFoundError for one without data.
    """
    if not dials_wall:
        return now_wall
    at = max(now_wall, max(dials_wall) + limits.min_gap_s)
    if limits.daily_cap is None:
        return at
    clocks = [ZoneInfo(name) for name in zones or ("UTC",)]
    while True:
        later = max(_first_uncapped(dials_wall, limits.daily_cap, zone=zone, at=at) for zone in clocks)
        if later == at:
            return at
        at = later


def _no_common_window(zones: Collection[str]) -> str:
    return (
        f"its number may be in any of {len(zones)} time zones, and the calling windows leave no time that has room for "
        "the call in all of them; say by its `tz` where it is"
    )


def _rule_for(rules: Sequence[RedialRule], earlier: Sequence[PastRun]) -> RedialRule | NoMore:
    """Return the rule for the last run, unless it has had its calls."""
    last = earlier[-1]
    rule = _rule_of(last, rules)
    if rule is None:
        return NoMore(Why.NO_RULE, f"no redial rule applies after `{last.disposition}`")
    ended_so = sum(_rule_of(run, rules) is rule for run in earlier)
    if ended_so > rule.times:
        reason = f"ended `{last.disposition}` {ended_so} times; the rule allows {rule.times} further calls"
        return NoMore(Why.USED_UP, reason)
    return rule


def _rule_of(run: PastRun, rules: Sequence[RedialRule]) -> RedialRule | None:
    return next((rule for rule in rules if rule.applies_to(run)), None)


def _first_allowed(
    planning: Planning, calendar: Calendar, *, dials_wall: Collection[float], after_wall: float
) -> float | None:
    """Return the first moment that both the calendar and the number's limits allow."""
    at: float | None = after_wall
    while at is not None:
        allowed = earliest_allowed(dials_wall, planning.limits, zones=planning.zones, now_wall=at)
        opening = next_opening(calendar, planning.zones, after_wall=allowed, room_s=planning.room_s)
        if opening == at:
            break
        at = opening
    return at


def _first_uncapped(dials_wall: Collection[float], daily_cap: int, *, zone: ZoneInfo, at: float) -> float:
    """Return `at`, or the start of the next day if the day of `at` has had its dials."""
    day = _day(at, zone)
    if sum(_day(dial, zone) == day for dial in dials_wall) < daily_cap:
        return at
    next_day = day + timedelta(days=1)
    return datetime(next_day.year, next_day.month, next_day.day, tzinfo=zone).timestamp()


def _day(wall: float, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(wall, zone).date()


def _listing() -> str:
    return ", ".join(sorted(REDIALLED))
