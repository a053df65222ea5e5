"""Typing of rates and of the request limits made of them: `2/s`, `30/30s`, `30 in 30s`.

Like `values`, of which it is a part: each function returns a value typed, or raises BadValueError. Standard library
only: scripts, campaigns, the configuration file and the environment all write these.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from orchestrator.core.budget import LONGEST_WINDOW_S, ApiLimits, RequestLimit
from orchestrator.scriptfile.values import BadValueError
from orchestrator.scriptfile.words import quote, suggestion

_RATE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*(?:/|\sin\s)\s*([0-9]{0,9}(?:\.[0-9]{1,9})?)\s*(s|m|h)", re.ASCII)
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_LIMITS = ("endpoint", "account")


def parse_rate(value: object) -> tuple[float, float]:
    """Return how many, and in how many seconds: `2/s`, `30/m`, `30/30s`, `30 in 30s`. Raises BadValueError."""
    match = _RATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is not None:
        count, seconds = float(match[1]), float(match[2] or 1) * _SECONDS[match[3]]
        if count > 0 and seconds > 0:
            return count, seconds
    raise BadValueError(f"must be a rate such as 2/s, 30/m or 30/30s, not {quote(value)}")


def parse_request_limit(value: object) -> RequestLimit:
    """Return a request limit; the journal keeps the last minute of requests, so no window is longer."""
    count, seconds = parse_rate(value)
    if count != int(count) or seconds > LONGEST_WINDOW_S:
        raise BadValueError(
            f"must be whole requests in at most {LONGEST_WINDOW_S:g}s, such as 30/30s, not {quote(value)}"
        )
    return RequestLimit(int(count), seconds)


def parse_api_limits(value: object) -> ApiLimits:
    """Return the limits of `{endpoint: 30/30s, account: 120/60s}`, a mapping or (in the environment) its text."""
    words = _from_text(value) if isinstance(value, str) else value
    if not isinstance(words, Mapping) or not words:
        raise BadValueError(f"must be limits such as {{endpoint: 30/30s, account: 120/60s}}, not {quote(value)}")
    limits = {}
    for word, limit in words.items():
        if word not in _LIMITS:
            raise BadValueError(f"has no limit {quote(word)}{suggestion(str(word), _LIMITS)}")
        try:
            limits[word] = parse_request_limit(limit)
        except BadValueError as error:
            raise BadValueError(f"is wrong: `{word}` {error}") from None
    return ApiLimits(**limits)


def _from_text(text: str) -> dict[str, str]:
    parts = (part.partition(":") for part in text.strip().removeprefix("{").removesuffix("}").split(","))
    return {word.strip(): limit.strip() for word, colon, limit in parts if colon}
