"""Reads call objects and results out of a parsed reply (contract sections 4 and 5). Pure.

Unknown fields are ignored; unknown statuses and causes stay the strings they are.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Any

from orchestrator.adapters.dialects.wording import LONGEST_MESSAGE, LONGEST_WORD, masked, printable
from orchestrator.core.exchange import CallSeen, CommandResult

_CALL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}")
_LONGEST_NUMBER = 64
_DIGITS = re.compile(r"[0-9*#A-Da-d]{0,100}")


class ShapeError(Exception):
    """A parsed body does not have the shape of the contract; says what is wrong, without any of its content."""


def read_call(value: Any, *, with_reference: bool) -> CallSeen:
    """Return the call that an object shows.

    Args:
        value: What stands at `response.call`.
        with_reference: Read the client reference too (contract section 8).

    Raises:
        ShapeError: It is no object, or has no usable `resource_id`.
    """
    if not isinstance(value, dict):
        raise ShapeError("its body has no call")
    call_id = value.get("resource_id")
    if not isinstance(call_id, str) or not _CALL_ID.fullmatch(call_id):
        raise ShapeError("the call in its body has no usable 'resource_id'")
    return CallSeen(
        call_id=call_id,
        status=_text(value.get("status")) or "",
        hangup_cause=_text(value.get("hangup_cause")),
        to=_text(value.get("to"), _LONGEST_NUMBER),
        from_=_text(value.get("from"), _LONGEST_NUMBER),
        created_epoch=_created(value),
        duration_s=_seconds(value.get("duration")),
        reference=_text(value.get("client_reference"), LONGEST_MESSAGE) if with_reference else None,
    )


def read_calls(value: Any, *, with_reference: bool) -> tuple[CallSeen, ...]:
    """Return the calls of a list (`response.data`), in its order.

    Raises:
        ShapeError: It is no list, or an element is no call: a lost call could hide behind it.
    """
    if not isinstance(value, list):
        raise ShapeError("its body has no list 'data'")
    return tuple(read_call(each, with_reference=with_reference) for each in value)


def read_results(value: Any) -> tuple[CommandResult, ...] | None:
    """Return the results of a reply; None where it has none that can be read."""
    if not isinstance(value, list):
        return None
    results = [_result(each) for each in value]
    known = tuple(result for result in results if result is not None)
    return known if len(known) == len(results) else None


def _result(value: Any) -> CommandResult | None:
    if not isinstance(value, dict) or not isinstance(value.get("command"), str):
        return None
    status = _text(value.get("status")) or ""
    ok = status == "ok"
    digits = value.get("dtmf")
    if not isinstance(digits, str) or not _DIGITS.fullmatch(digits):
        digits = None
    return CommandResult(
        command=printable(value["command"]),
        ok=ok,
        error=None if ok else masked(_text(value.get("error")) or status or "failed", LONGEST_WORD),
        digits=digits,
        digit_count=None if digits is None else len(digits),
    )


def _text(value: Any, longest: int | None = None) -> str | None:
    if not isinstance(value, str):
        return None
    return printable(value) if longest is None else printable(value, longest)


def _seconds(value: Any) -> float | None:
    """Return a number of seconds, however it is written; None where there is none."""
    if not isinstance(value, (int, float, str)) or isinstance(value, bool):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) else None


def _created(call: dict[str, Any]) -> float | None:
    """Return when the call was created, seconds since the epoch: by `created_epoch`, else by `created_date` (UTC)."""
    seconds = _seconds(call.get("created_epoch"))
    if seconds is not None:
        return seconds
    date = call.get("created_date")
    if not isinstance(date, str):
        return None
    try:
        moment = datetime.fromisoformat(date)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
