"""Typing of the single values that only campaigns have: rates, windows, holidays, prefixes.

Every function returns a value typed, or raises BadValueError with a predicate that reads on from the name of the value,
as in `values`. `campaignwords` calls them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from orchestrator.core.campaign import CALLEE
from orchestrator.core.script import Plain, Text, Value
from orchestrator.core.windows import Window
from orchestrator.core.windowtext import WindowTextError, parse_windows
from orchestrator.scriptfile import values
from orchestrator.scriptfile.rates import parse_rate
from orchestrator.scriptfile.values import BadValueError
from orchestrator.scriptfile.words import listing, quote

_REGION = re.compile(r"[A-Z]{2}", re.ASCII)
_PREFIX = re.compile(r"\+[1-9][0-9]{0,14}", re.ASCII)

Choice = TypeVar("Choice", bound=StrEnum)


def parse_rate_per_s(value: object) -> float:
    """Return how many a second."""
    count, seconds = parse_rate(value)
    if not 1 / 3600 <= count / seconds <= 1000:
        raise BadValueError(f"must lie between 1/h and 1000/s, not {quote(value)}")
    return count / seconds


def duration_between(least_s: float, most_days: int) -> Callable[[object], float]:
    """Return the parser of a duration with limits, both included; it returns seconds."""

    def parse(value: object) -> float:
        seconds = values.parse_duration(value)
        if not least_s <= seconds <= most_days * 86_400:
            raise BadValueError(f"must lie between {least_s:g}s and {most_days * 24}h, not {quote(value)}")
        return seconds

    return parse


def parse_count(value: object) -> int:
    """Return a whole number from 1 on."""
    count = values.parse_integer(value)
    if count < 1:
        raise BadValueError(f"must be at least 1, not {quote(value)}")
    return count


def parse_minutes(value: object) -> float:
    """Return minutes, whole or with a decimal point, in seconds."""
    minutes = values.parse_number(value)
    if minutes <= 0:
        raise BadValueError(f"must be more than 0, not {quote(value)}")
    return minutes * 60


def parse_choice(choices: type[Choice], value: object) -> Choice:
    """Return the one of the choices that is written."""
    words = [choice.value for choice in choices]
    if value not in words:
        raise BadValueError(f"must be one of {listing(words)}, not {quote(value)}")
    return choices(value)


def parse_calling_windows(value: object) -> tuple[Window, ...]:
    """Return windows (`core.windowtext`)."""
    try:
        return parse_windows(values.parse_text(value))
    except WindowTextError as error:
        raise BadValueError(f"cannot be understood: {error}") from None


def parse_holidays(value: object) -> tuple[str, str | None]:
    """Return a country, and a part of it or None; or `callee` for that of each callee."""
    country, _, subdivision = values.parse_text(value).strip().partition("-")
    if country.lower() == CALLEE and not subdivision:
        return CALLEE, None
    if not _REGION.fullmatch(country.upper()):
        raise BadValueError(
            f"must be a country such as US, a part of one such as US-CA, or `{CALLEE}`, not {quote(value)}"
        )
    return country.upper(), subdivision or None


def parse_region(value: object) -> str:
    """Return a region as phonenumbers has them; whether it exists is asked elsewhere."""
    if not isinstance(value, str) or not _REGION.fullmatch(value):
        raise BadValueError(f"must be a country of two capital letters, such as US, not {quote(value)}")
    return value


def parse_timezone(value: object) -> str:
    """Return the name of a time zone that has data."""
    import difflib
    import zoneinfo

    name = values.parse_text(value).strip()
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        match = difflib.get_close_matches(name[:100], sorted(zoneinfo.available_timezones()), n=1)
        hint = f"; did you mean `{match[0]}`?" if match else ""
        raise BadValueError(f"must be a time zone such as Europe/Paris, not {quote(name)}{hint}") from None
    return name


def parse_delimiter(value: object) -> str:
    """Return the delimiter of a CSV file."""
    if not isinstance(value, str) or (len(value) != 1 and value != "tab"):
        raise BadValueError(f"must be a single character or `tab`, not {quote(value)}")
    return value


def parse_prefix(value: object) -> str:
    """Return what numbers in E.164 begin with."""
    prefix = re.sub(r"[\s().-]", "", values.parse_text(value))
    if not _PREFIX.fullmatch(prefix):
        raise BadValueError(f"must begin numbers in international form, such as +1 or +4930, not {quote(value)}")
    return prefix


def parse_variable(name: object, value: object) -> Value:
    """Return the value of a variable of the script."""
    if values.parse_variable(name) == "to":
        raise BadValueError("must not be set: each contact has its own")
    if not isinstance(value, str | int | float):
        raise BadValueError('must be a single value; write `""` for an empty one')
    return value


def parse_template(value: object, check: Callable[[str], None]) -> Text:
    """Return a text that may name variables; a literal one must pass the check."""
    from orchestrator.scriptfile.templates import compile_text

    text = compile_text(values.parse_text(value))
    if isinstance(text, Plain):
        check(text.source)
    return text
