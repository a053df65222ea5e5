"""Window texts as users write them, such as `mon-fri 09:00-12:00, 13:00-20:00; sat 10:00-14:00`.

Text to `Window` and `Calendar`, nothing else. The readers of campaign files, contacts and flags call it and turn a
WindowTextError into their own kind of complaint, with the file and the line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from orchestrator.core.windows import EVERY_DAY, Calendar, Window

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHORTEST_DAY = 3
_DASHES = "\N{EN DASH}\N{EM DASH}-"  # the hyphen last, so that it makes no range in a character class
_MIDNIGHT = 24 * 60
_TOKEN = re.compile(rf"\s*(?:(?P<sign>[;,])|(?P<word>(?:[^\s;,{_DASHES}]|\s*[{_DASHES}]\s*)+))")
_CLOCK = re.compile(r"(\d{1,2})(?::(\d\d))?", re.ASCII)


class WindowTextError(ValueError):
    """A window text or a bound cannot be understood.

    Attributes:
        position: Where in the text, from 1; 0 where all of it is meant.
    """

    def __init__(self, message: str, position: int = 0) -> None:
        self.position = position
        super().__init__(f"{message} (at character {position})" if position else message)


@dataclass(frozen=True, slots=True)
class _Token:
    """A `;`, a `,`, or a word: a day, a time of day, or a range of either."""

    text: str
    position: int


def parse_windows(text: str) -> tuple[Window, ...]:
    """Return the windows of a text: groups separated by `;`, each some days, then ranges of times, between commas.

    Days are English names or their beginnings (`mon`, `sat-sun`, `mon,wed,fri`; none: every day), times `9:30`,
    `09:30` or `9`. A range may end on the next day (`22:00-06:00`), `24:00` ends a day.

    Raises:
        WindowTextError: With a sentence, and the position.
    """
    windows: list[Window] = []
    group: list[_Token] = []
    for token in [*_tokens(text), _Token(";", len(text) + 1)]:
        if token.text != ";":
            group.append(token)
        elif group:
            windows += _group(group, end=token.position)
            group = []
    if not windows:
        raise WindowTextError("no window is written; write one such as `mon-fri 09:00-20:00`")
    return tuple(windows)


def parse_bounds(not_before: str | None, not_after: str | None) -> Calendar:
    """Return the calendar of a contact's own bounds, to narrow a campaign's with.

    A bound is a time of day (`10:00`: each day, by the callee's clock), a date (`2026-12-01`, the whole of it counts),
    a date and time by the callee's clock (`2026-12-01 10:00`), or one with an offset (`2026-12-01T10:00+01:00`). None
    and an empty text set no bound. Times of day with the later one first leave the night open.

    Raises:
        WindowTextError: A bound cannot be understood, or the two leave no time between them.
    """
    since, until = _bound(not_before, "not_before"), _bound(not_after, "not_after")
    if _leave_nothing(since, until):
        bounds = {"not_before": not_before, "not_after": not_after}
        raise WindowTextError(
            " and ".join(f"{name} `{text}`" for name, text in bounds.items() if text) + " leave no time"
        )
    windows: tuple[Window, ...] = ()
    if isinstance(since, int) or isinstance(until, int):
        start = since if isinstance(since, int) else 0
        end = until if isinstance(until, int) else _MIDNIGHT
        windows = (Window(EVERY_DAY, _time(start), _time(end)),)
    return Calendar(
        windows=windows,
        not_before=since if isinstance(since, datetime) else None,
        not_after=until if isinstance(until, datetime) else None,
    )


def _tokens(text: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        yield _Token(match[kind], match.start(kind) + 1)


def _group(tokens: list[_Token], *, end: int) -> Iterator[Window]:
    """Yield the windows between two `;`: days first, then ranges of times."""
    words = [token for token in tokens if token.text != ","]
    times = [token for token in words if token.text[0].isdigit()]
    days = [token for token in words if token not in times]
    weekdays = frozenset(day for token in days for day in _weekdays(token)) or EVERY_DAY
    if not times:
        raise WindowTextError("no time of day follows; write one such as `09:00-20:00`", end)
    for token in days:
        if token.position > times[0].position:
            raise WindowTextError(
                f"`{token.text}` follows a time of day; write `;` before further days", token.position
            )
    for token in times:
        start, finish = _range(token)
        yield Window(weekdays, _time(start), _time(finish))


def _weekdays(token: _Token) -> Iterator[int]:
    """Yield the days of `mon` or `fri-mon`."""
    names = _sides(token)
    if len(names) > 2:
        raise WindowTextError(f"`{token.text}` is not a range of days; write one such as `mon-fri`", token.position)
    first, last = _weekday(names[0], token), _weekday(names[-1], token)
    for step in range((last - first) % 7 + 1):
        yield (first + step) % 7


def _weekday(name: str, token: _Token) -> int:
    for index, day in enumerate(_DAYS):
        if len(name) >= _SHORTEST_DAY and day.startswith(name.lower()):
            return index
    raise WindowTextError(
        f"`{name or token.text}` is not a day of the week; write mon, tue, wed, thu, fri, sat or sun", token.position
    )


def _range(token: _Token) -> tuple[int, int]:
    """Return the minutes after midnight of both sides of `09:00-20:00`."""
    sides = _sides(token)
    if len(sides) != 2:
        raise WindowTextError(
            f"`{token.text}` is not a range of times; write one such as `09:00-20:00`", token.position
        )
    start, end = (_minutes(side, token) for side in sides)
    if start == _MIDNIGHT:
        raise WindowTextError(f"`{token.text}` begins when the day ends; write 00:00 of the next day", token.position)
    if start == end:
        raise WindowTextError(
            f"`{token.text}` ends as it begins; write `00:00-24:00` for the whole day", token.position
        )
    return start, end


def _minutes(clock: str, token: _Token) -> int:
    minutes = _read_clock(clock)
    if minutes is None:
        raise WindowTextError(
            f"`{clock or token.text}` is not a time of day; write 00:00 to 24:00, by the 24-hour clock", token.position
        )
    return minutes


def _read_clock(text: str) -> int | None:
    """Return the minutes after midnight of `9`, `9:30`, `09:30` or `24:00`; None for anything else."""
    match = _CLOCK.fullmatch(text)
    if match is None:
        return None
    hours, minutes = int(match[1]), int(match[2] or 0)
    return hours * 60 + minutes if minutes < 60 and hours * 60 + minutes <= _MIDNIGHT else None


def _sides(token: _Token) -> list[str]:
    return [side.strip() for side in re.split(f"[{_DASHES}]", token.text)]


def _bound(text: str | None, name: str) -> int | datetime | None:
    """Return minutes after midnight for a time of day, else the moment; for a date as `not_after` the end of it."""
    written = (text or "").strip()
    if not written:
        return None
    if (minutes := _read_clock(written)) is not None:
        return minutes
    try:
        bound = datetime.fromisoformat(written)
        return bound + timedelta(days=1) if name == "not_after" and _is_date(written) else bound
    except (ValueError, OverflowError):
        raise WindowTextError(
            f"{name} `{written}` is neither a time of day such as 10:00, nor a date such as 2026-12-01, "
            "nor both such as 2026-12-01T10:00+01:00"
        ) from None


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _leave_nothing(since: int | datetime | None, until: int | datetime | None) -> bool:
    """Return whether no moment can be between two bounds: equal times of day, midnight as an end, dates reversed."""
    if isinstance(since, datetime) and isinstance(until, datetime):
        return (since.tzinfo is None) == (until.tzinfo is None) and since >= until
    if isinstance(since, int):
        return since in {until, _MIDNIGHT}
    return until == 0


def _time(minutes: int) -> time:
    return time(minutes // 60 % 24, minutes % 60)
