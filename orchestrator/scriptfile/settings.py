"""The settings in the words users write them (rules, section 5) → the fields of `core.settings.Settings`.

Scripts, the configuration file and flags use the same words and the same rules. Standard library only, so that the CLI
can import it without the cost of reading scripts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from orchestrator.core.script import SettingValue
from orchestrator.core.settings import Mode, OnSeveral
from orchestrator.scriptfile import values
from orchestrator.scriptfile.rates import parse_api_limits
from orchestrator.scriptfile.values import BadValueError
from orchestrator.scriptfile.words import listing, quote, suggestion

Number = TypeVar("Number", int, float)
DURATION_SCHEMA: Mapping[str, object] = {
    "description": "A duration such as 250ms, 90s, 5m or 1h; a bare number is seconds.",
    "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?(ms|s|m|h)?$"}],
}


@dataclass(frozen=True, slots=True)
class Setting:
    """How one setting is written.

    Attributes:
        field: Its field in `core.settings.Settings`.
        parse: Types a value; raises BadValueError.
        schema: The JSON Schema of its values.
    """

    field: str
    parse: Callable[[object], SettingValue]
    schema: Mapping[str, object]


def parse_settings(given: Mapping[str, object]) -> tuple[dict[str, SettingValue], dict[str, str]]:
    """Type settings given in users' words.

    Args:
        given: Values as text (YAML, environment, flags) or typed (JSON, library), by word.

    Returns:
        The values by field name of `core.settings.Settings`, durations in seconds; and the problems by the word
        they belong to.
    """
    typed: dict[str, SettingValue] = {}
    problems: dict[str, str] = {}
    for word, value in given.items():
        setting = SETTINGS.get(word)
        if setting is None:
            problems[word] = f"{quote(word)} is not a setting{suggestion(word, SETTINGS)}"
            continue
        try:
            typed[setting.field] = setting.parse(value)
        except BadValueError as error:
            problems[word] = f"`{word}` {error}"
    return typed, problems


def _duration(field: str, *, least_s: float = 0.0, most_s: float = 86_400.0) -> Setting:
    return Setting(field, bounded(values.parse_duration, least_s, most_s, unit="s"), DURATION_SCHEMA)


def _count(field: str, most: int) -> Setting:
    return Setting(field, bounded(values.parse_integer, 1, most), {"type": "integer", "minimum": 1, "maximum": most})


def bounded(
    parse: Callable[[object], Number], least: float, most: float, *, unit: str = ""
) -> Callable[[object], Number]:
    """Return `parse` with limits, both included."""

    def parse_within(value: object) -> Number:
        number = parse(value)
        if not least <= number <= most:
            raise BadValueError(f"must lie between {least:g}{unit} and {most:g}{unit}, not {quote(value)}")
        return number

    return parse_within


def _one_of(field: str, choices: type[Mode | OnSeveral]) -> Setting:
    words = [choice.value for choice in choices]

    def parse(value: object) -> SettingValue:
        if value in words:
            return choices(value)
        allowed = f"`{words[0]}`" if len(words) == 1 else f"one of {listing(words)}"
        raise BadValueError(f"must be {allowed}, not {quote(value)}")

    return Setting(field, parse, {"enum": words})


def _spoken(value: object) -> str:
    text = values.parse_text(value)
    if "{{" in text or "{%" in text:
        raise BadValueError("is spoken as it stands; variables cannot be used in it")
    return text


_TEXT_SCHEMA = {"type": "string", "minLength": 1}
_LIMIT_SCHEMA = {"type": "string", "description": "So many requests in so long, at most 60s: 30/30s or 30 in 30s."}
_LIMITS_SCHEMA = {
    "type": "object",
    "properties": {"endpoint": _LIMIT_SCHEMA, "account": _LIMIT_SCHEMA},
    "additionalProperties": False,
    "minProperties": 1,
}
SETTINGS: Mapping[str, Setting] = {
    "max_silence": _duration("max_silence_s", least_s=1.0),
    "on_stale": Setting("on_stale", values.parse_label, _TEXT_SCHEMA),
    "max_call": _duration("max_call_s", least_s=1.0),
    "max_visits": _count("max_visits", 1000),
    "leave_up": Setting("leave_up", values.parse_boolean, {"type": "boolean"}),
    "replay_preamble": Setting("replay_preamble", _spoken, _TEXT_SCHEMA),
    "max_dead_air": _duration("max_dead_air_s"),
    "dial_expire": _duration("dial_expire_s", least_s=1.0),
    "on_several": _one_of("on_several", OnSeveral),
    "settle_heard": _duration("settle_heard_s"),
    "settle_dangerous": _duration("settle_dangerous_s"),
    "max_attempts": _count("max_attempts", 100),
    "retry_attempts": _count("retry_attempts", 100),
    "retry_total": _duration("retry_total_s"),
    "api_limits": Setting("api_limits", parse_api_limits, _LIMITS_SCHEMA),
    "words_per_minute": Setting(
        "words_per_minute",
        bounded(values.parse_number, 40, 400),
        {"type": "number", "minimum": 40, "maximum": 400},
    ),
    "read_margin": _duration("read_margin_s", least_s=0.1),
    "lease": _duration("lease_s", least_s=1.0),
    "grace": _duration("grace_s"),
    "mode": _one_of("mode", Mode),
}
