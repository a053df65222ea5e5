"""Whether a contact is called now, later, or not at all: every rule of a campaign in one pure function.

The batch asks `admit` for each contact, in the order of their priority, and does as it says. It gives what the journal,
the numbering plans and the do-not-call lists know as data; nothing is read here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Protocol

from orchestrator.core.campaign import Campaign, Occurrence, occurrence_of
from orchestrator.core.contact import Contact, Moment
from orchestrator.core.instant import Instant
from orchestrator.core.redial import CallAt, NoMore, PastRun, Planning, Why, earliest_allowed, next_call
from orchestrator.core.windows import EVERY_DAY, Calendar, Window, closes_at, is_open

DUPLICATE = "a duplicate"
"""How the reason begins why a contact is refused that is the same as another."""
SAME_CALL = f"{DUPLICATE}: the number and the variables of another contact are the same"
"""Why a contact is refused under an `id` of its own that would be called for the same."""
SAME_CONTACT = f"{DUPLICATE}: another row of this file is the same contact"
"""Why a later row of a contact is refused that would be the same call."""
OTHER_CALL = (
    "another row of this file is the same contact with other variables; to call both give each an `id` of its own"
)
"""Why a later row of a contact is refused that would be another call: it is no duplicate, and must not be lost."""
CALLED_AGAIN = "to be called again"
"""In the reason why a contact waits that was called; when that will be may follow."""
LEFT_OUT = "the campaign is stopped"
"""Why a contact is refused that was waiting when a person stopped its campaign."""
PAUSED = "the campaign is paused"
"""Why a contact waits whose campaign a person paused."""
_FINISHED = {"open": "its call is not over", "done": "it was called already"}
_TAKEN = frozenset({"open", "again", "done", "waiting"})


class ContactStanding(Protocol):
    """What is asked of the standing of a contact (`ports.Standing`)."""

    @property
    def state(self) -> str:
        """One of `open`, `again`, `done`, `refused`, `waiting`."""

    @property
    def due_wall(self) -> float | None:
        """When it may be called (again), seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Call:
    """Call now.

    Attributes:
        ring_by_wall: The last moment to begin at, for `schedule_expire`: a call of the longest duration then still ends
            within its window. None for any.
    """

    ring_by_wall: float | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """Not now. A contact to be called again stays so; another one waits.

    Attributes:
        due_wall: When to ask again, seconds since the epoch; None for the next tick.
        reason: A clause for the results.
    """

    due_wall: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Not called, and nothing but a change of the rules or the lists will change that. It was never called."""

    reason: str


@dataclass(frozen=True, slots=True)
class Known:
    """Nothing to do: what its last call came to stands. A contact that was to be called again is done."""

    reason: str


Admission = Call | Later | Refused | Known


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """What is the same for every contact of a tick.

    Attributes:
        campaign: With the closed dates in its calendar.
        occurrence: The one this tick is in.
        longest_s: The longest that one call may last, from its dial to its end.
    """

    campaign: Campaign
    occurrence: Occurrence
    longest_s: float

    def lasting(self, longest_s: float | None) -> Tick:
        """Return the same for a call that may last so long; None for any call."""
        return self if longest_s is None else replace(self, longest_s=longest_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a tick has used up so far.

    Attributes:
        running_s: How long it has gone on, by the clock that never jumps.
        calls: Contacts called for the first time.
        attempts: Dials, redials included.
        call_s: How long its ended calls have lasted together, plus the longest that each live one may.
    """

    running_s: float = 0.0
    calls: int = 0
    attempts: int = 0
    call_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of one contact.

    Attributes:
        standing: In this occurrence; None for one never seen.
        twin: The standing of another contact of this occurrence whose number and variables are equal; None for none.
        earlier: Its ended runs in this occurrence, in order; needed once it is due to be called again.
        dials_wall: When its number was dialled, by any campaign (`redial.next_call` says how far back).
        zones: The time zones of its number; they count where the contact names none.
        forbidden: Why its number must not be called: a do-not-call list, an emergency number. None where it may.
        holidays: The public holidays of its own country, where the campaign goes by them; None where that country or
            its holidays are not known.
        longest_s: The longest that its call may last; None for that of any call of the tick.
    """

    standing: ContactStanding | None = None
    twin: ContactStanding | None = None
    earlier: Sequence[PastRun] = ()
    dials_wall: Collection[float] = ()
    zones: frozenset[str] = frozenset()
    forbidden: str | None = None
    holidays: frozenset[date] | None = frozenset()
    longest_s: float | None = None


def admit(contact: Contact, facts: Facts, tick: Tick, *, spent: Spent, now_wall: float) -> Admission:
    """Return whether a contact is called now, later, or not at all.

    What concerns the contact comes before what the tick has left, so that nobody waits who will never be called.

    Args:
        contact: The row.
        facts: What is known of it.
        tick: What is the same for all.
        spent: What the tick has used up.
        now_wall: The present, seconds since the epoch.

    Raises:
        ZoneInfoNotFoundError: A zone has no data.
    """
    tick = tick.lasting(facts.longest_s)
    state = facts.standing.state if facts.standing is not None else "new"
    if state in _FINISHED:
        return Known(_FINISHED[state])
    is_redial = state == "again"
    due_wall = facts.standing.due_wall if facts.standing is not None else None
    if is_redial and due_wall is not None and due_wall > now_wall:
        return Later(due_wall, "it is to be called again")
    if not is_redial and facts.twin is not None and facts.twin.state in _TAKEN:
        return Refused(SAME_CALL)
    if (barred := _barred(contact, facts, tick.campaign)) is not None:
        return Later(None, barred) if is_redial else Refused(barred)
    admission = _by_the_clock(contact, facts, tick, now_wall=now_wall)
    if isinstance(admission, Refused) and is_redial:
        return Known(f"it is not called again: {admission.reason}")
    if isinstance(admission, Call) and (used_up := exhausted(tick, spent, is_redial=is_redial)) is not None:
        return Later(None, used_up)
    return admission


def planning_of(
    contact: Contact, zones: frozenset[str], tick: Tick, *, holidays: frozenset[date] | None = frozenset()
) -> Planning:
    """Return by what it is decided when a contact is called, first or again.

    `zones` count where the contact names none; `holidays` are those of its country.
    """
    return Planning(
        rules=tick.campaign.redial,
        calendar=_calendar(contact, tick, holidays or frozenset(), ends_wall=tick.occurrence.ends_wall),
        zones=frozenset({contact.tz}) if contact.tz is not None else zones,
        room_s=tick.longest_s,
        limits=tick.campaign.limits,
    )


def exhausted(tick: Tick, spent: Spent, *, is_redial: bool) -> str | None:
    """Return which limit of the tick has no room for one more call, or None.

    When there is no room for a redial there is none for anybody.
    """
    campaign, longest_s = tick.campaign, tick.longest_s
    if campaign.max_runtime_s is not None and spent.running_s + longest_s > campaign.max_runtime_s:
        return "a call could outlast `max_runtime`"
    if campaign.max_attempts is not None and spent.attempts >= campaign.max_attempts:
        return "the tick has made its `max_attempts`"
    if campaign.max_call_s is not None and spent.call_s + longest_s > campaign.max_call_s:
        return "a call could exceed the `max_minutes` of the tick"
    if campaign.max_calls is not None and spent.calls >= campaign.max_calls and not is_redial:
        return "the tick has called its `max_calls`"
    return None


def _barred(contact: Contact, facts: Facts, campaign: Campaign) -> str | None:
    """Return why the number may not be called, whatever the time."""
    if facts.forbidden is not None:
        return facts.forbidden
    if campaign.allowed_prefixes and not contact.to.startswith(campaign.allowed_prefixes):
        return f"its number begins with none of the allowed prefixes ({', '.join(campaign.allowed_prefixes)})"
    if facts.holidays is None:
        return "the country of its number, or its holidays, are not known, and the campaign has `holidays: callee`"
    return None


def _by_the_clock(contact: Contact, facts: Facts, tick: Tick, *, now_wall: float) -> Call | Later | Refused:
    """Return what windows, bounds, redial rules and the limits of the number say."""
    planning = planning_of(contact, facts.zones, tick, holidays=facts.holidays)
    found = next_call(planning, facts.earlier, dials_wall=facts.dials_wall, now_wall=now_wall)
    if isinstance(found, CallAt) and tick.occurrence.is_over_by(found.at_wall):
        found = NoMore(Why.NEVER_OPEN, "the occurrence ends before it may be called")
    if isinstance(found, NoMore):
        return Refused(_after_the_occurrence(contact, facts, tick, found, now_wall=now_wall))
    if found.at_wall > now_wall:
        return Later(found.at_wall, _why_not_now(planning, facts, now_wall=now_wall))
    closing = closes_at(planning.calendar, planning.zones, at_wall=now_wall)
    return Call(None if closing is None else closing - tick.longest_s)


def _after_the_occurrence(contact: Contact, facts: Facts, tick: Tick, found: NoMore, *, now_wall: float) -> str:
    """Return why a contact is not called; where the end of the occurrence is in the way, when it could have been."""
    if found.why is not Why.NEVER_OPEN or tick.occurrence.ends_wall is None:
        return found.reason
    calendar = _calendar(contact, tick, facts.holidays or frozenset(), ends_wall=None)
    planning = replace(planning_of(contact, facts.zones, tick), calendar=calendar)
    later = next_call(planning, facts.earlier, dials_wall=facts.dials_wall, now_wall=now_wall)
    if isinstance(later, NoMore):
        return later.reason
    way_out = _way_to_wait(tick.campaign, planning.zones, now_wall=now_wall, at_wall=later.at_wall)
    return (
        f"the occurrence {tick.occurrence.name} ends before it may be called: not before "
        f"{Instant(later.at_wall, 0.0).rfc3339()}; {way_out}"
    )


def _way_to_wait(campaign: Campaign, zones: Collection[str], *, now_wall: float, at_wall: float) -> str:
    """Return what keeps the end of an occurrence from coming before a moment: for a day's end the callee's own zone."""
    for zone in sorted(zones):
        there = replace(campaign, timezone=zone)
        if occurrence_of(there, now_wall).name == occurrence_of(there, at_wall).name:
            return f"with `timezone: {zone}` in place of {campaign.timezone} it would wait until then"
    return "with an `--occurrence` of your own, which does not end, it would wait until then"


def _why_not_now(planning: Planning, facts: Facts, *, now_wall: float) -> str:
    """Return the first rule that keeps a call from being begun now."""
    dials, limits, zones = facts.dials_wall, planning.limits, planning.zones
    if not is_open(planning.calendar, zones, at_wall=now_wall):
        return "it is outside the calling window"
    if dials and max(dials) + limits.min_gap_s > now_wall:
        return "its number was dialled less than `min_gap` ago"
    if earliest_allowed(dials, limits, zones=zones, now_wall=now_wall) > now_wall:
        return "its number was dialled as often today as `daily_cap` allows"
    if facts.earlier:
        return "it is to be called again"
    return "the calling window closes too soon for a call"


def _calendar(contact: Contact, tick: Tick, holidays: frozenset[date], *, ends_wall: float | None) -> Calendar:
    """Return the campaign's calendar within the contact's own bounds, its holidays and the occurrence."""
    calendar = tick.campaign.calendar
    if holidays:
        calendar = replace(calendar, closed_dates=calendar.closed_dates | holidays)
    if contact.not_before is not None or contact.not_after is not None:
        calendar = calendar.narrowed(_bounds(contact.not_before, contact.not_after))
    if ends_wall is not None:  # a call must have begun by then; it need not have ended
        calendar = calendar.narrowed(Calendar(not_after=datetime.fromtimestamp(ends_wall + tick.longest_s, UTC)))
    return calendar


def _bounds(not_before: Moment | None, not_after: Moment | None) -> Calendar:
    windows: tuple[Window, ...] = ()
    if isinstance(not_before, time) or isinstance(not_after, time):
        start = not_before if isinstance(not_before, time) else time()
        end = not_after if isinstance(not_after, time) else time()
        windows = (Window(EVERY_DAY, start, end),)
    return Calendar(
        windows=windows,
        not_before=not_before if isinstance(not_before, datetime) else None,
        not_after=not_after if isinstance(not_after, datetime) else None,
    )
