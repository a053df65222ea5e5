"""Who is called now, who later, and who not at all. Windows and redial arithmetic have tests of their own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from orchestrator.core.admission import Admission, Call, Facts, Known, Later, Refused, Spent, Tick, admit, exhausted
from orchestrator.core.campaign import Campaign, Occurrence
from orchestrator.core.contact import Contact
from orchestrator.core.records import Disposition
from orchestrator.core.redial import NumberLimits, PastRun, RedialRule
from orchestrator.core.windows import Calendar
from orchestrator.core.windowtext import parse_windows

BERLIN = frozenset({"Europe/Berlin"})
OFFICE = Calendar(windows=parse_windows("mon-fri 09:00-20:00"))
BUSY_RULE = RedialRule(disposition=Disposition.BUSY, times=1, after_s=600, within=parse_windows("10:00-18:00"))
LONGEST_S = 300.0


@dataclass(frozen=True)
class Standing:
    """As `ports.Standing`, which the core does not know."""

    state: str
    due_wall: float | None = None


def local(text: str) -> datetime:
    return datetime.fromisoformat(text)


def at(text: str) -> float:
    return datetime.fromisoformat(f"2026-11-{text}").replace(tzinfo=ZoneInfo("Europe/Berlin")).timestamp()


NOW = at("23 12:00")  # a Monday
BUSY = PastRun(disposition=Disposition.BUSY, ended_wall=at("23 11:00"))


def contact(**given: Any) -> Contact:
    return Contact(**{"line": 2, "to": "+493012345678", **given})


def admission(
    facts: Facts | None = None,
    *,
    row: Contact | None = None,
    occurrence: Occurrence | None = None,
    spent: Spent | None = None,
    now: float = NOW,
    **campaign: Any,
) -> Admission:
    tick = Tick(
        campaign=Campaign(**{"name": "c", "redial": (BUSY_RULE,), **campaign}),
        occurrence=occurrence or Occurrence("2026-11-23", at("24 00:00")),
        longest_s=LONGEST_S,
    )
    return admit(row or contact(), facts or Facts(zones=BERLIN), tick, spent=spent or Spent(), now_wall=now)


# --- where it stands ---


def test_a_new_contact_is_called() -> None:
    """Without any rule everybody is called now, and begins to ring before the occurrence ends."""
    assert admission() == Call(ring_by_wall=at("24 00:00"))


@pytest.mark.parametrize("state", ["open", "done"])
def test_who_was_called_is_known(state: str) -> None:
    """A contact whose run goes on, or is final, is left alone, whatever the lists say now."""
    found = admission(Facts(standing=Standing(state), zones=BERLIN, forbidden="on the list"))
    assert isinstance(found, Known)


@pytest.mark.parametrize("state", ["refused", "waiting"])
def test_who_was_not_called_is_looked_at_again(state: str) -> None:
    """What kept a contact from being called may have changed since."""
    found = admission(Facts(standing=Standing(state, due_wall=NOW + 9999), zones=BERLIN))
    assert isinstance(found, Call)


def test_a_redial_waits_until_it_is_due() -> None:
    """The journalled moment counts, so that earlier runs need not be read before it has come."""
    found = admission(Facts(standing=Standing("again", due_wall=NOW + 60), zones=BERLIN))
    assert found == Later(NOW + 60, "it is to be called again")


@pytest.mark.parametrize("due_wall", [None, NOW])
def test_a_redial_that_is_due_is_called(due_wall: float | None) -> None:
    """A moment that has come may be acted on."""
    found = admission(Facts(standing=Standing("again", due_wall), earlier=(BUSY,), zones=BERLIN))
    assert isinstance(found, Call)


@pytest.mark.parametrize(
    ("earlier", "rules", "reason"),
    [
        ((BUSY, BUSY), (BUSY_RULE,), "it is not called again: ended `busy` 2 times; the rule allows 1 further calls"),
        ((BUSY,), (), "it is not called again: no redial rule applies after `busy`"),
    ],
)
def test_a_redial_without_a_rule_any_more_is_over(
    earlier: tuple[PastRun, ...], rules: tuple[RedialRule, ...], reason: str
) -> None:
    """What its last call came to stands: it is not `refused`, which is for those never called."""
    facts = Facts(standing=Standing("again"), earlier=earlier, zones=BERLIN)
    assert admission(facts, redial=rules) == Known(reason)


def test_a_redial_waits_for_its_own_windows() -> None:
    """The windows of a rule narrow those of the campaign."""
    facts = Facts(standing=Standing("again"), earlier=(BUSY,), zones=BERLIN)
    found = admission(facts, now=at("23 18:30"), occurrence=Occurrence("x"))
    assert found == Later(at("24 10:00"), "it is to be called again")


# --- duplicates, lists, prefixes ---


@pytest.mark.parametrize("state", ["open", "again", "done", "waiting"])
def test_a_duplicate_row_under_another_id_is_refused(state: str) -> None:
    """Of rows equal in number and variables one is called."""
    found = admission(Facts(twin=Standing(state), zones=BERLIN))
    assert isinstance(found, Refused)
    assert found.reason.startswith("a duplicate")


def test_two_equal_rows_do_not_refuse_each_other() -> None:
    """A twin that was itself refused is in nobody's way, or neither would ever be called."""
    assert isinstance(admission(Facts(twin=Standing("refused"), zones=BERLIN)), Call)


def test_a_redial_is_no_duplicate_of_what_came_after_it() -> None:
    """A contact that was called is the one that counts."""
    facts = Facts(standing=Standing("again"), twin=Standing("waiting"), earlier=(BUSY,), zones=BERLIN)
    assert isinstance(admission(facts), Call)


def test_a_forbidden_number_is_refused() -> None:
    """The reason of the list is the reason in the results."""
    assert admission(Facts(forbidden="it is on the list", zones=BERLIN)) == Refused("it is on the list")


def test_a_forbidden_redial_stays_where_it_is() -> None:
    """A list that could not be read for a moment does not end a contact's redials."""
    facts = Facts(standing=Standing("again"), earlier=(BUSY,), forbidden="it cannot be read", zones=BERLIN)
    assert admission(facts) == Later(None, "it cannot be read")


@pytest.mark.parametrize(
    ("prefixes", "is_allowed"), [(("+49",), True), (("+1", "+4930"), True), (("+1", "+44"), False)]
)
def test_only_allowed_prefixes_are_called(prefixes: tuple[str, ...], is_allowed: bool) -> None:
    """One of them is enough; the reason names them."""
    found = admission(allowed_prefixes=prefixes)
    assert (
        isinstance(found, Call)
        if is_allowed
        else found == Refused("its number begins with none of the allowed prefixes (+1, +44)")
    )


# --- by the clock ---


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("23 12:00", Call(at("23 20:00") - LONGEST_S)),
        ("23 08:00", Later(at("23 09:00"), "it is outside the calling window")),
        ("23 19:58", Later(at("24 09:00"), "the calling window closes too soon for a call")),
    ],
)
def test_a_call_is_begun_where_its_longest_fits_the_window(now: str, expected: Admission) -> None:
    """It waits for the next opening with room, and must ring early enough to end in time."""
    assert admission(calendar=OFFICE, now=at(now), occurrence=Occurrence("given")) == expected


def test_without_any_bound_it_may_ring_at_any_time() -> None:
    """No window and no end of the occurrence leave `schedule_expire` to the run."""
    assert admission(occurrence=Occurrence("given")) == Call(None)


def test_who_cannot_be_called_within_the_occurrence_is_refused() -> None:
    """Nobody waits for a window that opens after the occurrence has ended; the reason says when it will."""
    found = admission(calendar=OFFICE, now=at("23 19:58"))
    reason = (
        "the occurrence 2026-11-23 ends before it may be called: not before 2026-11-24T08:00:00.000Z; with an "
        "`--occurrence` of your own, which does not end, it would wait until then"
    )
    assert found == Refused(reason)
    capped = Facts(zones=BERLIN, dials_wall=(NOW,))
    assert isinstance(admission(capped, limits=NumberLimits(daily_cap=1)), Refused)  # its own midnight is too late


def test_an_evening_that_lies_in_the_next_day_of_the_campaign_is_told_of() -> None:
    """In America the day of a campaign in UTC ends in the afternoon: the reason names the setting that mends it."""
    evening = Calendar(windows=parse_windows("19:30-20:30"))
    new_york = Facts(zones=frozenset({"America/New_York"}))
    given = {"calendar": evening, "now": at("23 18:00")}
    found = admission(new_york, occurrence=Occurrence("2026-11-23", at("24 01:00")), **given)
    assert isinstance(found, Refused)
    assert "not before 2026-11-24T00:30:00.000Z; with `timezone: America/New_York` in place of UTC" in found.reason


def test_zones_without_a_common_window_are_told_of_whatever_the_occurrence() -> None:
    """A number of the whole of a continent has no time in a short window; its end is not to blame for that."""
    short = Calendar(windows=parse_windows("09:00-10:00"))
    found = admission(Facts(zones=frozenset({"America/New_York", "America/Los_Angeles"})), calendar=short)
    assert isinstance(found, Refused)
    assert found.reason.startswith("its number may be in any of 2 time zones")


def test_who_can_never_be_called_is_refused_for_that() -> None:
    """The end of the occurrence is not to blame for a bound that is past."""
    past = contact(not_after=local("2026-11-20T09:00"))
    assert admission(row=past) == Refused("no calling window has room for the call any more")
    assert admission(row=past, occurrence=Occurrence("given")) == admission(row=past)


def test_a_weekday_window_is_waited_for_within_a_week() -> None:
    """In a weekly occurrence a window of a later day opens in time; the contact waits and says until when."""
    weekend = Calendar(windows=parse_windows("sat 09:00-12:00"))
    week = Occurrence("2026-W48", at("30 00:00"))
    assert admission(calendar=weekend, occurrence=week) == Later(at("28 09:00"), "it is outside the calling window")
    assert isinstance(admission(calendar=weekend), Refused)


@pytest.mark.parametrize(("day", "kind"), [(23, Refused), (24, Call)])
def test_the_holidays_of_the_callee_are_closed(day: int, kind: type[Admission]) -> None:
    """Those of the country of the number, by its own clock, beside what the campaign has closed."""
    facts = Facts(zones=BERLIN, holidays=frozenset({date(2026, 11, day)}))
    assert isinstance(admission(facts), kind)
    assert isinstance(admission(facts, calendar=Calendar(closed_dates=frozenset({date(2026, 11, 23)}))), Refused)


def test_unknown_holidays_are_kept_by_not_calling() -> None:
    """Where the campaign goes by the callee's holidays and nobody knows them, nobody is called, and told why."""
    found = admission(Facts(zones=BERLIN, holidays=None))
    assert isinstance(found, Refused)
    assert "the country of its number" in found.reason


def test_a_call_may_outlast_its_occurrence() -> None:
    """It must begin before the occurrence ends; only windows must hold all of it."""
    assert isinstance(admission(now=at("23 23:59")), Call)


def test_an_unknown_zone_is_refused_where_a_window_is_set() -> None:
    """Nobody is called at night by mistake; where no window is set, the zone does not matter."""
    found = admission(Facts(), calendar=OFFICE)
    assert isinstance(found, Refused)
    assert "time zone is not known" in found.reason
    assert isinstance(admission(Facts()), Call)


def test_the_zone_of_the_contact_goes_before_those_of_its_number() -> None:
    """A person with a foreign number is called by the clock where they are."""
    found = admission(row=contact(tz="America/New_York"), calendar=OFFICE)
    assert isinstance(found, Later)


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({"not_before": time(13)}, Later(at("23 13:00"), "it is outside the calling window")),
        ({"not_before": time(10), "not_after": time(14)}, Call(at("23 14:00") - LONGEST_S)),
        ({"not_after": time(12)}, Later(at("24 00:00"), "it is outside the calling window")),
        ({"not_before": local("2026-11-24 09:00")}, Later(at("24 09:00"), "it is outside the calling window")),
        ({"not_after": local("2026-11-23 11:00")}, Refused("no calling window has room for the call any more")),
        ({"not_before": time(11), "not_after": local("2026-11-23 18:00")}, Call(at("23 18:00") - LONGEST_S)),
    ],
)
def test_a_contact_has_bounds_of_its_own(bounds: dict[str, Any], expected: Admission) -> None:
    """Times of day count each day, dates once; both by the callee's clock."""
    assert admission(row=contact(**bounds), occurrence=Occurrence("given")) == expected


@pytest.mark.parametrize(
    ("dials", "limits", "expected"),
    [
        (
            ["23 11:50"],
            NumberLimits(min_gap_s=1800),
            Later(at("23 12:20"), "its number was dialled less than `min_gap` ago"),
        ),
        (["23 11:00"], NumberLimits(min_gap_s=1800), None),
        (["23 09:00", "23 10:00"], NumberLimits(daily_cap=3), None),
        (
            ["23 09:00", "23 10:00"],
            NumberLimits(daily_cap=2),
            Later(at("24 00:00"), "its number was dialled as often today as `daily_cap` allows"),
        ),
    ],
)
def test_a_number_has_its_gap_and_its_daily_cap(
    dials: list[str], limits: NumberLimits, expected: Admission | None
) -> None:
    """They hold over all campaigns: the dials are those of the number, not of the contact."""
    facts = Facts(dials_wall=[at(dial) for dial in dials], zones=BERLIN)
    found = admission(facts, limits=limits, occurrence=Occurrence("given"))
    assert found == expected if expected is not None else isinstance(found, Call)


# --- what the tick has left ---


@pytest.mark.parametrize(
    ("campaign", "spent", "fits"),
    [
        ({"max_runtime_s": 1000}, {"running_s": 700}, True),
        ({"max_runtime_s": 1000}, {"running_s": 701}, False),
        ({"max_calls": 5}, {"calls": 4}, True),
        ({"max_calls": 5}, {"calls": 5}, False),
        ({"max_attempts": 5}, {"attempts": 4}, True),
        ({"max_attempts": 5}, {"attempts": 5}, False),
        ({"max_call_s": 600}, {"call_s": 300}, True),
        ({"max_call_s": 600}, {"call_s": 301}, False),
    ],
)
def test_a_tick_keeps_within_its_limits(campaign: dict[str, Any], spent: dict[str, Any], fits: bool) -> None:
    """A call is begun only where its longest fits; the others wait for the next tick."""
    found = admission(spent=Spent(**spent), **campaign)
    assert isinstance(found, Call) if fits else isinstance(found, Later)
    assert fits or (isinstance(found, Later) and found.due_wall is None and found.reason)


def test_redials_do_not_count_as_calls_but_as_attempts() -> None:
    """`max_calls` is about contacts called for the first time."""
    tick = Tick(campaign=Campaign(name="c", max_calls=1, max_attempts=3), occurrence=Occurrence("x"), longest_s=60)
    assert exhausted(tick, Spent(calls=1, attempts=2), is_redial=True) is None
    assert exhausted(tick, Spent(calls=1, attempts=2), is_redial=False) is not None
    assert exhausted(tick, Spent(calls=1, attempts=3), is_redial=True) is not None


def test_who_would_not_be_called_anyway_does_not_wait_for_the_next_tick() -> None:
    """The rules of the contact are told before those of the tick."""
    found = admission(Facts(forbidden="no", zones=BERLIN), max_calls=1, spent=Spent(calls=1))
    assert found == Refused("no")
