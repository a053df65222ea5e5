"""Whether and when a contact is called again. Windows have tests of their own; here they only move the answer."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from orchestrator.core.records import Disposition
from orchestrator.core.redial import (
    CallAt,
    NoMore,
    NumberLimits,
    PastRun,
    Planning,
    RedialRule,
    Why,
    earliest_allowed,
    next_call,
)
from orchestrator.core.windows import Calendar
from orchestrator.core.windowtext import parse_windows

BERLIN = frozenset({"Europe/Berlin"})
OFFICE = Calendar(windows=parse_windows("mon-fri 09:00-20:00"))
BUSY = RedialRule(disposition=Disposition.BUSY, times=2, after_s=300)
NO_ANSWER = RedialRule(disposition=Disposition.NO_ANSWER, times=1, after_s=3600)


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin")).timestamp()


def ended(disposition: str, when: str = "2026-11-23 10:00", *labels: str) -> PastRun:
    return PastRun(disposition=Disposition(disposition), ended_wall=at(when), labels=frozenset(labels))


def planning(*rules: RedialRule, calendar: Calendar = OFFICE, room_s: float = 0.0) -> Planning:
    return Planning(rules=rules, calendar=calendar, zones=BERLIN, room_s=room_s)


def answer(plan: Planning, *earlier: PastRun, now: str = "2026-11-23 10:00:10") -> str:
    """Return the date of the next call, or why there is none."""
    found = next_call(plan, earlier, dials_wall=(), now_wall=at(now))
    if isinstance(found, NoMore):
        return str(found.why)
    return datetime.fromtimestamp(found.at_wall, ZoneInfo("Europe/Berlin")).strftime("%d %H:%M:%S")


def test_the_first_call_waits_for_a_window_only() -> None:
    """Who was not called yet is called at the first opening with room for the call."""
    assert answer(planning()) == "23 10:00:10"
    assert answer(planning(room_s=3600), now="2026-11-23 19:30") == "24 09:00:00"


@pytest.mark.parametrize(
    ("earlier", "expected"),
    [
        (("busy",), "23 10:05:00"),
        (("busy", "busy"), "23 10:05:00"),
        (("busy", "busy", "busy"), "used_up"),
        (("no_answer",), "23 11:00:00"),
        (("busy", "busy", "no_answer"), "23 11:00:00"),
        (("no_answer", "busy", "no_answer"), "used_up"),
        (("no_answer", "busy", "busy", "busy"), "used_up"),
        (("busy", "failed"), "no_rule"),
        (("completed",), "no_rule"),
        (("unknown",), "no_rule"),
    ],
)
def test_each_disposition_has_its_own_count(earlier: tuple[str, ...], expected: str) -> None:
    """The rule for how the last run ended decides, and counts the runs that ended so, in a row or not."""
    assert answer(planning(BUSY, NO_ANSWER), *(ended(one) for one in earlier)) == expected


def test_a_delay_that_is_over_is_not_waited_for_again() -> None:
    """After a long stop the call is due at once."""
    assert answer(planning(BUSY), ended("busy"), now="2026-11-23 15:00") == "23 15:00:00"


def test_a_delay_past_the_window_goes_to_the_next() -> None:
    """The delay first, then the window."""
    assert answer(planning(NO_ANSWER), ended("no_answer", "2026-11-23 19:30")) == "24 09:00:00"


def test_a_rule_may_have_windows_of_its_own() -> None:
    """They narrow those of the campaign and do not widen them."""
    evening = RedialRule(disposition=Disposition.NO_ANSWER, times=1, after_s=60, within=parse_windows("18:00-22:00"))
    assert answer(planning(evening), ended("no_answer")) == "23 18:00:00"
    assert answer(planning(evening, room_s=3600), ended("no_answer"), now="2026-11-23 19:30") == "24 18:00:00"


def test_hung_up_counts_only_before_the_label() -> None:
    """Who hung up before the step is called again; who reached it is not."""
    rule = RedialRule(disposition=Disposition.HUNG_UP, times=1, after_s=60, before_label="confirmed")
    assert answer(planning(rule), ended("hung_up", "2026-11-23 10:00", "ask")) == "23 10:01:00"
    assert answer(planning(rule), ended("hung_up", "2026-11-23 10:00", "ask", "confirmed")) == "no_rule"


def test_the_first_rule_that_applies_decides() -> None:
    """Two rules for one disposition count apart, each for the runs that it was the first to fit."""
    early = RedialRule(disposition=Disposition.HUNG_UP, times=1, after_s=60, before_label="ask")
    late = RedialRule(disposition=Disposition.HUNG_UP, times=1, after_s=7200, before_label="confirmed")
    rules = planning(early, late)
    assert answer(rules, ended("hung_up")) == "23 10:01:00"
    assert answer(rules, ended("hung_up"), ended("hung_up", "2026-11-23 10:10", "ask")) == "23 12:10:00"
    assert answer(rules, ended("hung_up"), ended("hung_up")) == "used_up"


def test_reasons_are_sentences() -> None:
    """Whoever reads the results learns why a contact was given up."""
    found = next_call(planning(BUSY), [ended("busy")] * 3, dials_wall=(), now_wall=at("2026-11-23 11:00"))
    assert found == NoMore(Why.USED_UP, "ended `busy` 3 times; the rule allows 2 further calls")


def test_an_unknown_zone_is_not_called_where_a_window_is_set() -> None:
    """Without a zone there is no call, and the reason says so; without a window there is."""
    now = at("2026-11-23 10:00")
    found = next_call(Planning(calendar=OFFICE), (), dials_wall=(), now_wall=now)
    assert isinstance(found, NoMore)
    assert found.why is Why.UNKNOWN_ZONE
    assert next_call(Planning(), (), dials_wall=(), now_wall=now) == CallAt(now)


def test_zones_that_are_never_open_together_are_the_reason() -> None:
    """Each alone would do; where none does, or there is one only, the zones are not to blame."""
    both = frozenset({"Europe/Berlin", "America/Los_Angeles"})
    now = at("2026-11-23 10:00")
    apart = next_call(Planning(calendar=OFFICE, zones=both, room_s=12_000), (), dials_wall=(), now_wall=now)
    assert apart == NoMore(
        Why.NEVER_OPEN,
        "its number may be in any of 2 time zones, and the calling windows leave no time that has room for the call in "
        "all of them; say by its `tz` where it is",
    )
    for zones in (both, BERLIN):
        found = next_call(Planning(calendar=OFFICE, zones=zones, room_s=50_000), (), dials_wall=(), now_wall=now)
        assert found == NoMore(Why.NEVER_OPEN, "no calling window has room for the call any more")


def test_no_opening_any_more() -> None:
    """When the occurrence or the contact's own bound is over there is no call."""
    over = OFFICE.narrowed(Calendar(not_after=datetime(2026, 11, 23, 10, tzinfo=UTC)))
    assert answer(planning(BUSY, calendar=over), ended("busy", "2026-11-23 11:01")) == "never_open"
    assert answer(planning(BUSY, calendar=over), now="2026-11-23 10:59") == "23 10:59:00"


@pytest.mark.parametrize(
    ("dials", "limits", "expected"),
    [
        ((), NumberLimits(min_gap_s=3600, daily_cap=1), "2026-11-23 10:00"),
        (("2026-11-23 09:30",), NumberLimits(), "2026-11-23 10:00"),
        (("2026-11-23 09:30", "2026-11-23 08:00"), NumberLimits(min_gap_s=3600), "2026-11-23 10:30"),
        (("2026-11-23 09:00",), NumberLimits(min_gap_s=3600), "2026-11-23 10:00"),
        (("2026-11-23 09:30",), NumberLimits(daily_cap=2), "2026-11-23 10:00"),
        (("2026-11-23 08:00", "2026-11-23 09:30"), NumberLimits(daily_cap=2), "2026-11-24 00:00"),
        (("2026-11-22 23:59", "2026-11-23 09:30"), NumberLimits(daily_cap=2), "2026-11-23 10:00"),
        (("2026-11-23 09:30",), NumberLimits(min_gap_s=86_400, daily_cap=1), "2026-11-24 09:30"),
        (("2026-11-23 09:30", "2026-11-24 00:10"), NumberLimits(daily_cap=1), "2026-11-25 00:00"),  # clock set back
    ],
)  # fmt: skip
def test_gap_and_cap_of_a_number(dials: tuple[str, ...], limits: NumberLimits, expected: str) -> None:
    """The gap runs from the last dial, the cap counts the dials of a day of the callee's."""
    found = earliest_allowed([at(one) for one in dials], limits, zones=BERLIN, now_wall=at("2026-11-23 10:00"))
    assert found == at(expected)


def test_a_day_is_one_in_every_zone() -> None:
    """With several zones the cap holds for the days of each; without any, for those of UTC."""
    dialled, now = at("2026-11-23 00:30"), at("2026-11-23 10:00")
    cap = NumberLimits(daily_cap=1)
    assert earliest_allowed([dialled], cap, zones=(), now_wall=now) == now  # in UTC it was the day before
    zones = {"Europe/Berlin", "Europe/London"}
    assert earliest_allowed([dialled], cap, zones=zones, now_wall=now) == at("2026-11-24 00:00")
    evening = (
        at("2026-11-23 00:30") - 3600 * 24 + 3600 * 10
    )  # 22nd 10:30: then New York's 22nd ends at 06:00 on the 23rd
    zones = {"Europe/Berlin", "America/New_York"}
    assert earliest_allowed([evening], cap, zones=zones, now_wall=evening) == at("2026-11-23 06:00")


def test_windows_gap_and_cap_together() -> None:
    """A call waits until all of them allow it."""
    limits = NumberLimits(min_gap_s=7200, daily_cap=2)
    plan = Planning(calendar=OFFICE, zones=BERLIN, limits=limits)
    now = at("2026-11-23 10:00")
    one = [at("2026-11-23 09:30")]
    assert next_call(plan, (), dials_wall=one, now_wall=now) == CallAt(at("2026-11-23 11:30"))
    two = [at("2026-11-23 08:00"), *one]
    assert next_call(plan, (), dials_wall=two, now_wall=now) == CallAt(at("2026-11-24 09:00"))
    ahead = [at("2026-11-24 09:00"), at("2026-11-24 09:01"), *one]
    evening = at("2026-11-24 19:00")
    assert next_call(plan, (), dials_wall=ahead, now_wall=evening) == CallAt(at("2026-11-25 09:00"))


@pytest.mark.parametrize(
    "rule",
    [
        {"disposition": Disposition.COMPLETED},
        {"disposition": Disposition.UNKNOWN},
        {"disposition": Disposition.HUNG_UP},
        {"before_label": "ask"},
        {"times": 0},
        {"after_s": -1.0},
    ],
)
def test_rules_that_make_no_sense(rule: dict[str, object]) -> None:
    """Nobody is called again who was reached, or who may have been; and a rule allows something."""
    given: dict[str, object] = {"disposition": Disposition.BUSY, "times": 1, "after_s": 60.0} | rule
    with pytest.raises(ValueError, match=r"redial|label"):
        RedialRule(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize("limits", [{"min_gap_s": -1.0}, {"daily_cap": 0}])
def test_limits_that_make_no_sense(limits: dict[str, float]) -> None:
    """A cap of none would be no campaign, and a gap is a time."""
    with pytest.raises(ValueError, match="minimum gap"):
        NumberLimits(**limits)  # type: ignore[arg-type]
