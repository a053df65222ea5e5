"""Dates and waits in reply headers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from functools import lru_cache

LONGEST_RETRY_AFTER_S = 86_400.0
_LONGEST_DATE = 64


@lru_cache(maxsize=8)
def epoch_of(date: str) -> float | None:
    """Return an HTTP date in seconds since the epoch; None where it is none.

    The last ones are remembered: every reply of the same second carries the same date, and parsing takes as long as
    the rest of a reply together.
    """
    if len(date) > _LONGEST_DATE:
        return None
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def server_date(headers: Mapping[str, str]) -> float | None:
    """Return the server's `Date`, seconds since the epoch."""
    date = headers.get("Date")
    return None if date is None else epoch_of(date)


def retry_after_s(headers: Mapping[str, str], *, now_wall: float) -> float | None:
    """Return the wait that `Retry-After` asks for, from 0 s to a day; None where it cannot be read.

    A date counts from the server's own `Date`, or from `now_wall` (seconds since the epoch) where it gave none.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text[:9]), int(LONGEST_RETRY_AFTER_S)))
    moment = epoch_of(text) if text else None
    if moment is None:
        return None
    now = server_date(headers)
    return min(max(moment - (now_wall if now is None else now), 0.0), LONGEST_RETRY_AFTER_S)
