"""Numbers that must never be dialled (rules, section 4.5): the only importer of phonenumbers.

Refused are: what is not E.164 (`+` and 7 to 15 digits), the emergency numbers of any region, and premium-rate numbers.
Knows neither scripts nor calls; `compose` asks before a run is created. docs/reference/configuration.md says what these
rules cannot see.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_LONGEST_EMERGENCY = 6
"""Digits of the longest emergency number there is, without a country code."""


@lru_cache(maxsize=4096)  # each contact's number is asked about more than once
def refusal(number: str) -> str | None:
    """Return a sentence saying why a number must never be dialled, or None.

    A number that merely does not exist is not refused: the network says so without harm, and fictional ones must do.
    """
    digits = re.sub(r"[\s().\-/]", "", number)
    parsed = _parsed(digits)
    if _is_emergency(digits, parsed):
        return f"{number} could reach an emergency service; this program never calls one"
    if not _E164.fullmatch(number):
        return (
            f"{number or 'an empty text'} is not a number in international form, `+` and 7 to 15 digits with the "
            "country code first, such as +15555550123"
        )
    if parsed is not None and _is_premium(parsed):
        return f"{number} is a premium-rate number; this program never calls one"
    return None


@lru_cache(maxsize=64)
def caller_refusal(number: str) -> str | None:
    """Return a sentence saying why a number cannot be a caller id, or None: it must be one that could exist."""
    import phonenumbers

    parsed = _parsed(number) if _E164.fullmatch(number) else None
    if parsed is not None and phonenumbers.is_possible_number(parsed):
        return None
    return (
        f"the caller id {number or '(an empty text)'} is no possible number in international form, `+` and 7 to 15 "
        "digits with the country code first, such as +15555550123"
    )


def is_emergency(short: str) -> bool:
    """Return whether some region's emergency number is exactly these digits."""
    from phonenumbers.shortnumberinfo import SUPPORTED_SHORT_REGIONS, is_emergency_number

    if not 0 < len(short) <= _LONGEST_EMERGENCY:
        return False
    return any(is_emergency_number(short, region) for region in SUPPORTED_SHORT_REGIONS)


def _parsed(digits: str) -> PhoneNumber | None:
    """Return what the numbering plans make of `+…`; None when no plan knows its country code."""
    import phonenumbers

    try:
        return phonenumbers.parse(digits, None)
    except phonenumbers.NumberParseException:
        return None


def _is_emergency(digits: str, parsed: PhoneNumber | None) -> bool:
    """Return whether this may reach an emergency service, with or without a country code."""
    from phonenumbers import region_codes_for_country_code

    if is_emergency(digits.removeprefix("+")):
        return True
    if parsed is None:
        return False
    code = str(parsed.country_code)
    return _is_local(digits.removeprefix(f"+{code}"), parsed, region_codes_for_country_code(int(code)))


def _is_local(national: str, parsed: PhoneNumber, regions: Iterable[str]) -> bool:
    """Return whether a number without its country code is an emergency number, or a fragment that begins with one.

    A number of full length that begins with one, such as 112 0001234 in Delhi, is like any other.
    """
    import phonenumbers
    from phonenumbers import ValidationResult
    from phonenumbers.shortnumberinfo import connects_to_emergency_number

    if phonenumbers.is_valid_number(parsed):
        return False
    if is_emergency(national) or is_emergency(str(parsed.national_number)):
        return True
    length = phonenumbers.is_possible_number_with_reason(parsed)
    if length in {ValidationResult.IS_POSSIBLE, ValidationResult.TOO_LONG}:
        return False
    return any(connects_to_emergency_number(national, region) for region in regions)


def _is_premium(parsed: PhoneNumber) -> bool:
    import phonenumbers
    from phonenumbers import shortnumberinfo

    if phonenumbers.number_type(parsed) == phonenumbers.PhoneNumberType.PREMIUM_RATE:
        return True
    is_short_code = shortnumberinfo.is_valid_short_number(parsed) and not phonenumbers.is_valid_number(parsed)
    return is_short_code and shortnumberinfo.expected_cost(parsed) == shortnumberinfo.ShortNumberCost.PREMIUM_RATE
