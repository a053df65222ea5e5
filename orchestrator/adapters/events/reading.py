"""Reads an event's body, with the strictness of replies (contract section 6). Pure; the application calls it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from orchestrator.adapters.dialects.call_objects import ShapeError, read_call, read_results
from orchestrator.adapters.dialects.strict_json import BodyError, read_json
from orchestrator.core.exchange import CommandResult
from orchestrator.core.instant import Instant
from orchestrator.core.records import EventReceived

_MOST_DIGITS = 2
"""More of them may be a secret (rules, section 4.10), and the inbox is on disk."""
_MOST_RESULTS = 100


class NoEventError(Exception):
    """The body is no event; says why, in words without any of its content."""


def read_event(body: bytes, headers: Mapping[str, str], *, source: str, at: Instant) -> EventReceived:
    """Return the event in a body.

    Args:
        body: As it came.
        headers: Of the request; looked up by the names `Content-Type` and `Content-Encoding`.
        source: `main` or `fallback`.
        at: When it came.

    Raises:
        NoEventError: It is not whole and strict JSON, or shows no call.
    """
    try:
        document = read_json(body, headers)
        response = document.get("response") if isinstance(document, dict) else None
        if not isinstance(response, dict):
            raise NoEventError("its body has no 'response'")
        call = read_call(response.get("call"), with_reference=False)
    except (BodyError, ShapeError) as error:
        raise NoEventError(str(error)) from None
    results = read_results(response.get("results"))
    if results is not None and len(results) > _MOST_RESULTS:
        results = None  # no list is that long: it is not ours
    return EventReceived(
        at=at, call=call, results=None if results is None else tuple(map(_without_secrets, results)), source=source
    )


def _without_secrets(result: CommandResult) -> CommandResult:
    is_secret = result.digits is not None and len(result.digits) > _MOST_DIGITS
    return replace(result, digits=None) if is_secret else result
