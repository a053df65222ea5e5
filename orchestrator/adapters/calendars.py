"""Dates on which nobody is called: public holidays of a country, and a blackout file. The only importer of holidays.

Dates in, dates out; it knows no windows and no contacts. `compose` asks it once for each country of a batch.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from orchestrator.errors import ConfigurationError, Problem

_LONGEST_RANGE_DAYS = 3660
_LARGEST_FILE_BYTES = 1_048_576


def closed_dates(
    country: str | None, subdivision: str | None, *, years: Collection[int], file: Path | None
) -> frozenset[date]:
    """Return the public holidays of a country in those years, and all the dates of a blackout file.

    Args:
        country: Two- or three-letter code such as `DE`; None for no holidays.
        subdivision: A part of the country with holidays of its own, such as `BY`.
        years: Of the holidays; a window that ends in January needs both years.
        file: One `2026-12-24` or `2026-12-24..2027-01-01` a line; `#` begins a comment.

    Raises:
        ConfigurationError: No such country or subdivision, with the nearest; the file cannot be read, or every problem
            in it with its line.
    """
    if country is None and subdivision is not None:
        raise ConfigurationError(f"holidays of `{subdivision}` need a country too")
    holidays = _holidays(country, subdivision, years) if country is not None else frozenset()
    return holidays | (_blackout(file) if file is not None else frozenset())


def holidays_of_country(country: str, *, years: Collection[int]) -> frozenset[date] | None:
    """Return the public holidays of a country in those years; None for one whose holidays are not known."""
    import holidays

    if country not in holidays.list_supported_countries():
        return None
    return _holidays(country, None, years)


def _holidays(country: str, subdivision: str | None, years: Collection[int]) -> frozenset[date]:
    import holidays

    code = country.strip().upper()
    supported = holidays.list_supported_countries()
    if code not in supported:
        raise ConfigurationError(f"no holidays are known for the country `{country}`{_nearest_country(country)}")
    try:
        found = holidays.country_holidays(code, subdiv=subdivision, years=years, expand=False)
    except NotImplementedError:
        raise ConfigurationError(
            f"no holidays are known for `{subdivision}` in {code}{_nearest_part(str(subdivision), supported[code])}"
        ) from None
    return frozenset(found)


def _nearest_country(country: str) -> str:
    """Return a hint at the code that was meant, also when the country's name was written."""
    from holidays.registry import COUNTRIES

    codes = {word.replace("_", "").lower(): names[1] for key, names in COUNTRIES.items() for word in (key, *names)}
    match = difflib.get_close_matches(country.replace(" ", "").lower()[:100], codes, n=1)
    return f"; did you mean `{codes[match[0]]}`?" if match else "; write a two-letter code such as `DE`"


def _nearest_part(subdivision: str, known: Collection[str]) -> str:
    by_lower = {part.lower(): part for part in known}
    match = difflib.get_close_matches(subdivision.lower()[:100], by_lower, n=1)
    if match:
        return f"; did you mean `{by_lower[match[0]]}`?"
    return f"; valid are {', '.join(known)}" if known else "; its holidays are the same everywhere"


def _blackout(file: Path) -> frozenset[date]:
    """Return the dates of a blackout file. Raises ConfigurationError with all of its problems."""
    try:
        with file.open("rb") as stream:
            content = stream.read(_LARGEST_FILE_BYTES + 1)
        lines = content.decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: the blackout dates cannot be read: {error}") from None
    if len(content) > _LARGEST_FILE_BYTES:
        raise ConfigurationError(f"{file}: larger than 1 MiB, so these are hardly blackout dates")
    dates: set[date] = set()
    problems: list[Problem] = []
    for number, line in enumerate(lines, start=1):
        written = line.partition("#")[0].strip()
        try:
            dates |= _dates(written)
        except ValueError as error:
            problems.append(Problem(str(file), number, 1, str(error)))
    if problems:
        raise ConfigurationError("\n".join(str(problem) for problem in problems))
    return frozenset(dates)


def _dates(written: str) -> set[date]:
    """Return the dates of one line. Raises ValueError with what is wrong."""
    if not written:
        return set()
    ends = [_date(end.strip()) for end in written.split("..")]
    first, last = ends[0], ends[-1]
    if len(ends) > 2 or last < first:
        raise ValueError(f"`{written}` is not a range; write the first and the last date, as in 2026-12-24..2027-01-01")
    if (last - first).days > _LONGEST_RANGE_DAYS:
        raise ValueError(f"`{written}` is longer than ten years; that is hardly meant")
    return {first + timedelta(days=days) for days in range((last - first).days + 1)}


def _date(written: str) -> date:
    try:
        return datetime.strptime(written, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise ValueError(f"`{written}` is not a date; write one as in 2026-12-24") from None
