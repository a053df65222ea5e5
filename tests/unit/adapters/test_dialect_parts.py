"""The dialect's parts: call objects, results, dates."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.adapters.dialects.call_objects import ShapeError, read_call, read_calls, read_results
from orchestrator.adapters.dialects.http_dates import epoch_of, retry_after_s
from orchestrator.adapters.dialects.wording import masked, printable

CALL = {"resource_id": "0f8fad5b-d9cb-469f-a165-70867728950e"}
NOW = 1_700_000_000.0


def test_a_call_object_is_read_as_it_is() -> None:
    """Known fields are read, unknown ones ignored, unknown statuses and causes kept."""
    call = read_call(
        {**CALL, "status": "on-fire", "hangup_cause": "gremlins", "to": "+1", "from": "+2", "batch_id": 5},
        with_reference=False,
    )
    assert (call.status, call.hangup_cause, call.to, call.from_) == ("on-fire", "gremlins", "+1", "+2")


def test_strange_fields_are_as_if_missing() -> None:
    """A status that is no text is empty; texts are printable and bounded."""
    call = read_call({**CALL, "status": 5, "to": ["+1"], "hangup_cause": "a\x07b" + "c" * 500}, with_reference=True)
    assert (call.status, call.to, call.reference) == ("", None, None)
    assert call.hangup_cause == "ab" + "c" * 96 + "…"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"created_epoch": 1700000000}, NOW),
        ({"created_epoch": "1700000000.5"}, NOW + 0.5),
        ({"created_date": "2023-11-14 22:13:20"}, NOW),
        ({"created_date": "2023-11-14T22:13:20"}, NOW),
        ({"created_date": "2023-11-14T23:13:20+01:00"}, NOW),
        ({"created_epoch": True, "created_date": "2023-11-14T22:13:20"}, NOW),
        ({"created_epoch": 1e999, "created_date": "2023-11-14T22:13:20"}, NOW),
        ({"created_epoch": "soon"}, None),
        ({"created_epoch": 10**400}, None),
        ({"created_date": "yesterday"}, None),
        ({"created_date": "0001-01-01T00:00:00+23:00"}, None),
        ({"created_date": 5}, None),
        ({}, None),
    ],
)
def test_the_time_of_creation(fields: dict[str, Any], expected: float | None) -> None:
    """By epoch, else by date; a date without an offset is UTC; what cannot be read is None."""
    try:
        found = read_call({**CALL, **fields}, with_reference=False).created_epoch
    except ValueError:
        pytest.fail("a time that cannot be read is no error")
    if expected is None and fields.get("created_date", "").__class__ is str and "0001" in str(fields):
        assert found is None or found < 0
    else:
        assert found == expected


def test_a_list_with_a_hole_is_refused() -> None:
    """One element that is no call makes the list useless as proof of absence."""
    assert len(read_calls([CALL, CALL], with_reference=False)) == 2
    with pytest.raises(ShapeError):
        read_calls([CALL, None], with_reference=False)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"command": "get_dtmf", "status": "ok", "dtmf": "1"}, ("get_dtmf", True, None, "1", 1)),
        ({"command": "get_dtmf", "status": "ok", "dtmf": ""}, ("get_dtmf", True, None, "", 0)),
        ({"command": "get_dtmf", "status": "ok", "dtmf": 12}, ("get_dtmf", True, None, None, None)),
        ({"command": "get_dtmf", "status": "ok", "dtmf": "<1>"}, ("get_dtmf", True, None, None, None)),
        ({"command": "get_dtmf", "status": "failed", "error": "timeout"}, ("get_dtmf", False, "timeout", None, None)),
        ({"command": "say", "status": "ok", "error": "ignored"}, ("say", True, None, None, None)),
        ({"command": "say", "status": "exploded"}, ("say", False, "exploded", None, None)),
        ({"command": "say"}, ("say", False, "failed", None, None)),
    ],
)
def test_results(entry: dict[str, Any], expected: tuple[object, ...]) -> None:
    """One entry for each command that ran; digits only as the text they are: a number has lost its zeros."""
    results = read_results([entry])
    assert results is not None
    result = results[0]
    assert (result.command, result.ok, result.error, result.digits, result.digit_count) == expected


@pytest.mark.parametrize("value", [None, {}, "x", [5], [{"status": "ok"}], [{"command": "say"}, {"command": 1}]])
def test_results_that_cannot_be_read_are_unknown(value: Any) -> None:
    """Never a part of them: a list that is not understood as a whole says nothing."""
    assert read_results(value) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Tue, 14 Nov 2023 22:13:20 GMT", NOW),
        ("Tuesday, 14-Nov-23 22:13:20 GMT", NOW),
        ("", None),
        ("soon", None),
        ("Tue, 99 Nov 2023 22:13:20 GMT", None),
        ("Tue, 14 Nov 99999999999999999999 22:13:20 GMT", None),
        ("x" * 100_000, None),
    ],
)
def test_dates(text: str, expected: float | None) -> None:
    """HTTP dates are read; anything else is None, and never an error."""
    assert epoch_of(text) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": " 0 "}, 0.0),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "1.5"}, None),
        ({"Retry-After": "٣"}, None),
        ({"Retry-After": "9" * 5000}, 86_400.0),
        ({"Retry-After": "Tue, 14 Nov 2023 22:13:30 GMT"}, 10.0),
        ({"Retry-After": "Tue, 14 Nov 2023 22:13:30 GMT", "Date": "Tue, 14 Nov 2023 22:13:25 GMT"}, 5.0),
        ({"Retry-After": "Tue, 14 Nov 2023 22:00:00 GMT"}, 0.0),
        ({"Retry-After": "Tue, 14 Nov 2033 22:13:30 GMT"}, 86_400.0),
        ({"Retry-After": "later"}, None),
    ],
)
def test_retry_after(headers: dict[str, str], expected: float | None) -> None:
    """Seconds or a date, counted on the server's own clock where it shows one, at most a day."""
    assert retry_after_s(headers, now_wall=NOW) == expected


def test_wording() -> None:
    """Texts are cut with an ellipsis, cleaned, and their digits masked."""
    assert printable("short") == "short"
    assert printable("a\u202eb\u0000") == "ab"
    assert printable("x" * 10, 5) == "xxxx…"
    assert masked("the keys 0-9*# only, not 10-9") == "the keys 0-9*# only, not #-#"
    assert masked("PIN 1234 and ٣٤ and +1 555") == "PIN # and # and +# #"
