"""Typing of single values: durations, numbers, booleans, phone numbers, names.

Every function takes what stood in the file (text from YAML or a flag; text, numbers and booleans from JSON) and returns
it typed, or raises BadValueError with a predicate (`must be …`) that reads on from the name of the value. Standard
library only: the settings of the configuration file and of flags are typed here too.
"""

from __future__ import annotations

import math
import re
from datetime import datetime

from orchestrator.scriptfile.words import quote

_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h)?", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?", re.ASCII)
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}", re.ASCII)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)

ALWAYS_KNOWN = frozenset({"to", "from", "run_id", "call_id"})
RESERVED_NAMES = frozenset(
    {"and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "True", "False", "None", "self", "super"}
)
RESERVED_LABELS = frozenset({"continue", "stop"})


class BadValueError(ValueError):
    """A value is not what its place asks for; the message reads on from the value's name."""


def parse_duration(value: object) -> float:
    """Return a duration in seconds: `250ms`, `90s`, `5m`, `1h`; a bare number is seconds."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if math.isfinite(value) and 0 <= value < 10**9:
            return float(value)
    elif isinstance(value, str) and (match := _DURATION.fullmatch(value.strip())):
        return float(match[1]) * _SECONDS[match[2]]
    raise BadValueError(f"must be a duration such as 90s, 250ms or 5m (a bare number is seconds){_but(value)}")


def parse_integer(value: object) -> int:
    """Return a whole number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        return int(value)
    raise BadValueError(f"must be a whole number{_but(value)}")


def parse_number(value: object) -> float:
    """Return a number, whole or with a decimal point."""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return float(value)
    raise BadValueError(f"must be a number{_but(value)}")


def parse_boolean(value: object) -> bool:
    """Return a truth value, written `true` or `false`."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip() in {"true", "false"}:
        return value.strip() == "true"
    raise BadValueError(f"must be true or false{_but(value)}")


def parse_text(value: object) -> str:
    """Return text that is not blank."""
    if value is None or (isinstance(value, str) and not value.strip()):
        raise BadValueError("must not be empty")
    if isinstance(value, str):
        return value
    raise BadValueError(_not_text(value))


def parse_label(value: object) -> str:
    """Return a label: the `id` of an entry."""
    if not isinstance(value, str) or not _LABEL.fullmatch(value):
        raise BadValueError(f"must be a label of letters, digits, `_` and `-` that starts with a letter{_but(value)}")
    return value


def parse_name(value: object) -> str:
    """Return the name of a variable that a script may set."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise BadValueError(f"must be a name of letters, digits and `_` that starts with a letter{_but(value)}")
    if value in RESERVED_NAMES:
        raise BadValueError(f"must not be {quote(value)}, which is a word of the template language")
    return value


def parse_variable(value: object) -> str:
    """Return the name of a variable that a declaration or a flag may set; `to` and `from` are among them."""
    name = parse_name(value)
    if name in ALWAYS_KNOWN - {"to", "from"}:
        raise BadValueError(f"must not be {quote(name)}, which the program itself sets")
    return name


def check_phone(text: str) -> None:
    """Check a literal number for E.164 form: `+` and 7 to 15 digits."""
    if _PHONE.fullmatch(text):
        return
    digits = re.sub(r"[\s().\-/]", "", text)
    if _PHONE.fullmatch(digits):
        raise BadValueError(f"must be written without spaces or signs: {digits}")
    raise BadValueError(
        f"must be a number in international form, `+` with country code and 7 to 15 digits in all, such as "
        f"+15555550123, not {quote(text)}"
    )


def check_uuid(text: str) -> None:
    """Check the id of a media file."""
    if not _UUID.fullmatch(text):
        raise BadValueError(
            f"must be the UUID of a media file, such as 123e4567-e89b-12d3-a456-426614174000, not {quote(text)}"
        )


def check_moment(text: str) -> None:
    """Check a date and time that carries its offset (contract section 1)."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadValueError(
            f"must be a date and time with its offset, such as 2030-01-31T09:00:00+01:00, not {quote(text)}"
        )


def check_keys(text: str) -> None:
    """Check telephone keys. The message shows only what does not belong: the rest may be a secret."""
    wrong = next((character for character in text if character not in "0123456789*#"), None)
    if wrong is not None:
        raise BadValueError(f"may hold the keys 0-9, `*` and `#` only, not {quote(wrong)}")


def check_sms(text: str) -> None:
    """Check the length of a text message (contract section 2)."""
    if len(text) > 480:
        raise BadValueError(f"must not be longer than 480 characters; it has {len(text)}, and the rest would be lost")


def _not_text(value: object) -> str:
    if isinstance(value, dict | list):
        kind = "a list" if isinstance(value, list) else "a mapping"
        return f"must be text, not {kind}"
    return f"must be text in double quotes{_but(value)}"


def _but(value: object) -> str:
    if value is None or value == "":
        return ", but is empty"
    return f", not {quote(str(value).lower() if isinstance(value, bool) else value)}"
