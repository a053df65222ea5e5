"""Single values and settings: what is accepted, in which type, and how the rest is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import pytest

from orchestrator.core.budget import ApiLimits, RequestLimit
from orchestrator.core.settings import Mode, OnSeveral, Settings
from orchestrator.scriptfile import values
from orchestrator.scriptfile.settings import SETTINGS, parse_settings
from orchestrator.scriptfile.values import BadValueError
from orchestrator.scriptfile.words import listing, nearest, quote, suggestion


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("250ms", 0.25), ("90s", 90), ("5m", 300), ("1h", 3600), ("7", 7), ("1.5", 1.5), (3, 3), (0.5, 0.5), ("0", 0)],
)  # fmt: skip
def test_durations(written: object, seconds: float) -> None:
    """Durations carry a unit; bare numbers are seconds."""
    assert values.parse_duration(written) == pytest.approx(seconds)


@pytest.mark.parametrize("written", ["", "s", "5 m", "-1", "1m30s", "5d", "٣", True, None, -1, 1e12, float("inf"), [1]])
def test_bad_durations(written: object) -> None:
    """Anything else is no duration."""
    with pytest.raises(BadValueError, match=r"^must be a duration such as 90s"):
        values.parse_duration(written)


@pytest.mark.parametrize(
    ("parse", "good", "typed", "bad"),
    [
        (values.parse_integer, "-12", -12, ["1.5", "", "1e3", True, None, 1.5, "9" * 30]),
        (values.parse_integer, 5, 5, [[]]),
        (values.parse_number, "1.5", 1.5, ["x", "1e3", "", False, float("nan"), "nan"]),
        (values.parse_number, 2, 2.0, [{}]),
        (values.parse_boolean, "true", True, ["yes", "True", "1", 1, None]),
        (values.parse_boolean, False, False, ["off"]),
        (values.parse_text, " a ", " a ", ["", " ", None, 5, True, ["a"], {"a": "b"}]),
        (values.parse_label, "a-b_2", "a-b_2", ["", "2a", "a b", None, 5, "é", "a" * 101]),
        (values.parse_name, "a_2", "a_2", ["a-b", "2a", "", "not", "self", None]),
        (values.parse_variable, "from", "from", ["run_id", "call_id"]),
    ],
)
def test_scalars(parse: Callable[[object], object], good: object, typed: object, bad: list[object]) -> None:
    """Each type takes its own spelling only."""
    result = parse(good)

    assert result == typed
    assert type(result) is type(typed)
    for value in bad:
        with pytest.raises(BadValueError):
            parse(value)


@pytest.mark.parametrize("number", ["+1234567", "+15555550123", "+123456789012345"])
def test_good_phone_numbers(number: str) -> None:
    """`+` and 7 to 15 digits is a number."""
    values.check_phone(number)


@pytest.mark.parametrize(
    "number",
    ["+123456", "+1234567890123456", "0033612345671", "+0612345671", "112", "", "+15555550x", "+1555\uff1555\uff10123"],
)  # fmt: skip
def test_bad_phone_numbers(number: str) -> None:
    """Anything else is not."""
    with pytest.raises(BadValueError, match=r"^must be a number in international form"):
        values.check_phone(number)


def test_every_setting_is_a_field() -> None:
    """Each word leads to a field of the core's settings; only what belongs to a network or a server has none."""
    known = {each.name for each in fields(Settings)}

    assert known - {setting.field for setting in SETTINGS.values()} == {
        "limit_s",
        "idempotent_for_s",
        "shows_results",
        "hears_events",
    }
    assert {setting.field for setting in SETTINGS.values()} < known


def test_settings_are_typed() -> None:
    """Words and text become fields and types that Settings takes as they are."""
    typed, problems = parse_settings(
        {
            "max_silence": "20s", "on_stale": "bye", "max_call": "10m", "max_visits": "4", "leave_up": "true",
            "replay_preamble": "Again:", "max_dead_air": "500ms", "dial_expire": 60, "on_several": "leave",
            "settle_heard": "3", "settle_dangerous": "1m", "max_attempts": 2, "retry_attempts": "7",
            "retry_total": "2m", "words_per_minute": "160", "read_margin": "4s", "lease": "30s", "grace": "0",
            "mode": "sync", "api_limits": {"endpoint": "30 in 30s", "account": "120/60s"},
        }
    )  # fmt: skip

    assert problems == {}
    assert Settings(**typed) == Settings(  # type: ignore[arg-type] # the values are typed by their words
        max_silence_s=20.0, on_stale="bye", max_call_s=600.0, max_visits=4, leave_up=True, replay_preamble="Again:",
        max_dead_air_s=0.5, dial_expire_s=60.0, on_several=OnSeveral.LEAVE, settle_heard_s=3.0, settle_dangerous_s=60.0,
        max_attempts=2, retry_attempts=7, retry_total_s=120.0, words_per_minute=160.0, read_margin_s=4.0, lease_s=30.0,
        grace_s=0.0, mode=Mode.SYNC,
        api_limits=ApiLimits(endpoint=RequestLimit(30, 30.0), account=RequestLimit(120, 60.0)),
    )  # fmt: skip
    assert isinstance(typed["on_several"], OnSeveral)


@pytest.mark.parametrize(
    ("written", "limits"),
    [
        (
            "{endpoint: 30 in 30s, account: 120 in 60s}",
            ApiLimits(endpoint=RequestLimit(30, 30.0), account=RequestLimit(120, 60.0)),
        ),
        ("endpoint: 1/s", ApiLimits(endpoint=RequestLimit(1, 1.0))),
        ({"account": "5/m"}, ApiLimits(account=RequestLimit(5, 60.0))),
    ],
)
def test_request_limits_are_a_mapping_or_its_text(written: object, limits: ApiLimits) -> None:
    """The environment has only text for them."""
    assert parse_settings({"api_limits": written}) == ({"api_limits": limits}, {})


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("none", "must be limits such as {endpoint: 30/30s, account: 120/60s}"),
        ({}, "must be limits such as"),
        (30, "must be limits such as"),
        ({"endpoints": "1/s"}, "did you mean `endpoint`?"),
        ({"account": "120/2m"}, "`account` must be whole requests in at most 60s"),
        ({"account": "1.5/s"}, "`account` must be whole requests"),
    ],
)
def test_wrong_request_limits_say_what_is_wrong(written: object, complaint: str) -> None:
    """With the word it is about."""
    typed, problems = parse_settings({"api_limits": written})
    assert typed == {}
    assert complaint in problems["api_limits"]


def test_bad_settings_are_all_reported() -> None:
    """Every bad setting is reported by its word, the good ones are still typed."""
    typed, problems = parse_settings(
        {"max_silense": 1, "grace": "-1", "max_visits": 0, "lease": "5s", "max_silence": "2d"}
    )

    assert typed == {"lease_s": 5.0}
    assert problems == {
        "max_silense": "`max_silense` is not a setting; did you mean `max_silence`?",
        "grace": "`grace` must be a duration such as 90s, 250ms or 5m (a bare number is seconds), not `-1`",
        "max_visits": "`max_visits` must lie between 1 and 1000, not `0`",
        "max_silence": "`max_silence` must be a duration such as 90s, 250ms or 5m (a bare number is seconds), not `2d`",
    }


def test_words() -> None:
    """Nearest words ignore case; lists read like a sentence; quotations are short and on one line."""
    assert nearest("SAYY", ["say", "play"]) == "say"
    assert nearest("xyz", ["say"]) is None
    assert suggestion("xyz", []) == ""
    assert suggestion("xyz", ["say", "play"]) == "; valid are `play` and `say`"
    assert suggestion("label7", [f"Label{number}" for number in range(100)]) == "; did you mean `Label7`?"
    assert suggestion("other", [f"Label{number}" for number in range(100)]) == ""
    assert nearest("label7", [f"label{number}" for number in range(1000)]) is None
    assert listing([]) == ""
    assert quote("a\nb" + "c" * 60) == "`a b" + "c" * 36 + "…`"
