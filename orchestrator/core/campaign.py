"""A campaign: what is to be called, by which rules, and how fast. Plain data, and which occurrence a moment is in.

`scriptfile.campaign` reads it from a file and from flags, `compose` resolves its holidays and opens its files, and the
batch and `admission` go by it. It knows neither contacts nor runs nor the present. Durations are seconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from orchestrator.core.budget import ApiLimits
from orchestrator.core.redial import NumberLimits, RedialRule
from orchestrator.core.script import SettingValue, Text, Value
from orchestrator.core.windows import Calendar

CALLEE = "callee"
"""In place of a country: the public holidays of the callee's own, told from the number."""


class Repeat(StrEnum):
    """Whether the same contacts may be called again in a later occurrence, and how long an occurrence is."""

    NONE = "none"  # a contacts file with the content of an earlier occurrence is refused; an occurrence is a day
    DAILY = "daily"
    WEEKLY = "weekly"  # an occurrence is a week from Monday on


_DATED = re.compile(r"\d{4}-(\d\d-\d\d|W\d\d)", re.ASCII)
"""Names of occurrences that this program gives."""


class Overlap(StrEnum):
    """What a tick does while another one of the campaign is running."""

    SKIP = "skip"  # end at once, exit 75
    OK = "ok"  # end at once, exit 0
    WAIT = "wait"  # wait for its end


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackSms:
    """A text message to those who were not reached, once no further call will be made.

    Attributes:
        text: At most 480 characters once its variables are filled in.
        from_: The number it comes from, E.164 once filled in; None for the one the call came from.
    """

    text: Text
    from_: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """Everything a tick goes by that is not in the script or the contacts file.

    Attributes:
        name: Part of every occurrence key: under another name everybody is called anew.
        script: Path of the script; None where it is given otherwise.
        contacts: Path of the contacts file, `-` for standard input; None where it is given otherwise.
        results: Path of the results file; None for none.
        delimiter: Of a CSV contacts file; None to tell it from the header.
        region: The country whose people would dial a number as it is written, two capital letters; None for none.
        timezone: Of the occurrence's date.
        repeat: Whether the same contacts may be called again in a later occurrence.
        overlap: What a tick does while another one of the campaign is running.
        concurrency: Most calls at a time.
        rate_per_s: Most new calls in a second; None for as many as `concurrency` lets through.
        ramp_up_s: How long it takes to get from one call at a time to `concurrency`.
        max_runtime_s: Longest a tick lasts: no call is begun that could outlast it; None for any.
        max_calls: Most contacts called for the first time in one tick; None for any number.
        max_attempts: Most dials in one tick, redials included; None for any number.
        max_call_s: Most seconds that all the calls of one tick may last together; None for any number.
        calendar: When callees may be called. `resolved` adds the closed dates.
        holidays: The country whose public holidays are closed, such as `US`, or CALLEE; None for none.
        subdivision: A part of that country with holidays of its own.
        blackout: Path of a file of further closed dates.
        do_not_call: Paths of files of numbers that are never called.
        do_not_call_command: A command that says whether a number may be called; empty for none.
        allowed_prefixes: What every number must begin with one of, such as `+1`; empty for anything.
        limits: What one number is spared, over all campaigns.
        redial: The first rule that applies decides.
        fallback_sms: For those not reached; None for none.
        settings: Of the runs, by the field names of `core.settings.Settings`.
        variables: For the script, where a contact has no value of its own.
        api_limits: The request limits of the API, shared by all processes of a journal.
    """

    name: str
    script: str | None = None
    contacts: str | None = None
    results: str | None = None
    delimiter: str | None = None
    region: str | None = None
    timezone: str = "UTC"
    repeat: Repeat = Repeat.NONE
    overlap: Overlap = Overlap.SKIP
    concurrency: int = 4
    rate_per_s: float | None = None
    ramp_up_s: float = 0.0
    max_runtime_s: float | None = None
    max_calls: int | None = None
    max_attempts: int | None = None
    max_call_s: float | None = None
    calendar: Calendar = field(default_factory=Calendar)
    holidays: str | None = None
    subdivision: str | None = None
    blackout: str | None = None
    do_not_call: tuple[str, ...] = ()
    do_not_call_command: tuple[str, ...] = ()
    allowed_prefixes: tuple[str, ...] = ()
    limits: NumberLimits = field(default_factory=NumberLimits)
    redial: tuple[RedialRule, ...] = ()
    fallback_sms: FallbackSms | None = None
    settings: Mapping[str, SettingValue] = field(default_factory=dict)
    variables: Mapping[str, Value] = field(default_factory=dict)
    api_limits: ApiLimits = field(default_factory=ApiLimits)

    @property
    def overrides(self) -> Mapping[str, SettingValue]:
        """What it lays over the settings of its runs."""
        return self.settings if self.api_limits == ApiLimits() else {**self.settings, "api_limits": self.api_limits}

    def resolved(self, closed_dates: frozenset[date]) -> Campaign:
        """Return the campaign with the dates of its holidays and its blackout file in its calendar."""
        dates = self.calendar.closed_dates | closed_dates
        return replace(self, calendar=replace(self.calendar, closed_dates=dates))


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time that a campaign takes place; each contact is called in it once, and by its redial rules.

    Attributes:
        name: `2026-11-23`, `2026-W48` for a weekly campaign, or what a person gave.
        ends_wall: When it is over and no call is begun for it any more, seconds since the epoch; None for never.
    """

    name: str
    ends_wall: float | None = None

    def is_over_by(self, wall: float) -> bool:
        """Return whether no call is begun for it any more at that moment."""
        return self.ends_wall is not None and wall >= self.ends_wall


def end_of_occurrence(name: str, timezone: str) -> float | None:
    """Return when an occurrence of that name is over: a day or a week in the campaign's zone, else never.

    Raises:
        ZoneInfoNotFoundError: The zone has no data.
    """
    if not _DATED.fullmatch(name):
        return None
    try:
        first, days = date.fromisoformat(name), 7 if "W" in name else 1
    except ValueError:  # the 31st of February, the week 60
        return None
    following = first + timedelta(days=days)
    return datetime(following.year, following.month, following.day, tzinfo=ZoneInfo(timezone)).timestamp()


def occurrence_of(campaign: Campaign, now_wall: float, given: str | None = None) -> Occurrence:
    """Return the occurrence of a moment: the day in the campaign's zone, or its week; one that was given never ends.

    Raises:
        ZoneInfoNotFoundError: The campaign's zone has no data.
    """
    if given is not None:
        return Occurrence(given)
    today = datetime.fromtimestamp(now_wall, UTC).astimezone(ZoneInfo(campaign.timezone)).date()
    name = today.isoformat()
    if campaign.repeat is Repeat.WEEKLY:
        year, week, _ = today.isocalendar()
        name = f"{year}-W{week:02}"
    return Occurrence(name, end_of_occurrence(name, campaign.timezone))
